import { ChildProcess } from 'node:child_process';
import { World } from '../stand-ins/world';
import { Ended, StartedFederation } from './support/cli';
import { sharedFederation } from './support/shared';

/** Reads a command's output up to its first line and no further: `npm run apply | head -1`. */
function headOf({ cli }: StartedFederation, args: readonly string[]): Promise<Ended> {
  return cli(args, { started: ({ stdout }) => stdout?.once('data', () => stdout.destroy()) });
}

/** Reads nothing of it. */
function unread({ stdout, stderr }: ChildProcess, which: 'stdout' | 'both' = 'stdout'): void {
  stdout?.destroy();
  if (which === 'both') stderr?.destroy();
}

const lockOf = (world: World): unknown =>
  world.get('fcp', 'ConfigMap', 'kube-system', 'onprem-federation-federation-lock');

describe('where nobody reads on', () => {
  const shared = sharedFederation();

  test.each([['apply --yes'], ['apply --yes --json']])(
    '%s goes on to its end, and leaves no lock behind',
    async (command) => {
      const { world, cli } = shared.current;
      const ended = await headOf(shared.current, command.split(' '));
      expect(ended.stderr).toBe('');
      expect(ended.code).toBe(0);
      expect(lockOf(world)).toBeUndefined();
      expect((await cli(['apply', '--yes'])).stdout).toContain('Nothing was written');
    },
  );

  test('a run that fails still says so by its exit code', async () => {
    const { world, cli } = shared.current;
    await world.setOnline('usa', false);
    const ended = await cli(['apply', '--yes'], {
      started: (child) => {
        unread(child, 'both');
      },
    });
    expect(ended.code).toBe(2);
    expect(world.writes).toBe(0);
  });

  test.each([['--help'], ['apply --help'], ['plan'], ['plan --json'], ['plan --offline']])(
    '%s ends quietly',
    async (args) => {
      const ended = await shared.current.cli(args.split(' '), { started: unread });
      expect(ended).toMatchObject({ code: 0, stderr: '' });
    },
  );
});

describe('where nobody reads on, and all is applied,', () => {
  const shared = sharedFederation({ applied: true });

  test.each([['status'], ['verify'], ['verify --json']])('%s ends quietly', async (args) => {
    const ended = await shared.current.cli(args.split(' '), { started: unread });
    expect(ended).toMatchObject({ code: 0, stderr: '' });
  });

  test('teardown goes on to its end, and leaves no lock behind', async () => {
    const { world } = shared.current;
    expect(await headOf(shared.current, ['teardown', '--yes'])).toMatchObject({ code: 0, stderr: '' });
    expect(lockOf(world)).toBeUndefined();
    expect(world.get('fcp', 'Deployment', 'default', 'etcd-operator')).toBeUndefined();
    expect(world.get('usa', 'DaemonSet', 'kube-system', 'kube-keepalived-vip')).toBeUndefined();
  });
});
