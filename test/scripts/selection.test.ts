import { Ended } from './support/cli';
import { memberNames, sharedFederation } from './support/shared';

/** What is in the way, one text a finding. */
const findings = ({ stderr }: Ended): string[] => stderr.split(/^ {2}- /m).slice(1);

describe('apply of some clusters, on a new federation with another out of reach', () => {
  const shared = sharedFederation();
  const selection = ['--cluster', 'fcp', '--cluster', 'usa'];

  test('is refused in words, with what can go ahead; that goes ahead, and then the rest when the cluster is back', async () => {
    const { world, cli } = shared.current;
    await world.setOnline('chn', false);
    const refused = await cli(['apply', '--yes', ...selection]);
    expect(refused.code).toBe(2);
    expect(world.writes).toBe(0);
    expect(refused.stderr).not.toContain('exit code');
    expect(findings(refused)).toEqual([
      expect.stringMatching(
        /^federation\/hello-world: is not done: the kubeconfig has no context federation before fcp\/federation-control-plane is done\n {4}fcp\/hello-world-address, .* need it: select it too, with what it needs in turn \(see `npm run plan`\), or run apply without a selection\. The others/,
      ),
    ]);
    const [, command = ''] = /The others can go ahead: npm run apply -- (.+)\n/.exec(refused.stderr) ?? [];
    expect(command).toMatch(/^--cluster fcp --cluster usa --only node-labels --only etcd /);

    const ahead = await cli(['apply', '--yes', ...command.split(' ')]);
    expect(ahead.stderr).toBe('');
    expect(ahead.code).toBe(0);
    expect(memberNames(world)).toEqual(['fcp', 'usa']);

    const again = await cli(['apply', '--yes', ...selection]);
    expect(again.code).toBe(2);
    await world.setOnline('chn', true);
    expect((await cli(['apply', '--yes'])).code).toBe(0);
  });

  test('says what the program said, where a step that is needed cannot be looked at', async () => {
    const { world, cli } = shared.current;
    world.inject({
      program: 'helm',
      match: /--kube-context=fcp/,
      times: 'always',
      action: { type: 'exit', code: 1, stderr: 'Error: something of its own\n' },
    });
    const refused = await cli(['apply', '--yes', '--only', 'coredns-node-port']);
    expect(refused.code).toBe(2);
    expect(findings(refused)).toEqual([
      'fcp/coredns: cannot be looked at: helm ended with exit code 1 (Error: something of its own)\n    fcp/coredns-node-port needs it: select it too, with what it needs in turn (see `npm run plan`), or run apply without a selection.\n',
    ]);
  });

  test('names single steps where a component is held up in part', async () => {
    const { world, cli } = shared.current;
    await world.setOnline('chn', false);
    const refused = await cli(['apply', '--yes', ...selection, '--cluster', 'federation']);
    expect(refused.code).toBe(2);
    const [, command = ''] = /The others can go ahead: npm run apply -- (.+)\n/.exec(refused.stderr) ?? [];
    expect(command).toMatch(/ --only federation\/namespaces( |$)/);
    expect(command).not.toContain('workloads');
    expect((await cli(['apply', '--yes', ...command.split(' ')])).code).toBe(0);
  });

  test('names what of one cluster needs nothing of the others', async () => {
    const refused = await shared.current.cli(['apply', '--yes', '--cluster', 'usa']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(
      /The others can go ahead: npm run apply -- --cluster usa --only node-labels --only keepalived --only controller-manager\n$/,
    );
  });
});
