import { StartedFederation } from './support/cli';
import { change, set } from './support/change';
import { sharedFederation } from './support/shared';

/** The words of one row, cluster by cluster and the federation last. */
function row(stdout: string, component: string): string[] {
  const line = stdout.split('\n').find((text) => text.startsWith(`${component} `));
  if (line === undefined) throw new Error(`there is no row ${component} in\n${stdout}`);
  return line.slice(component.length).trim().split(/\s+/);
}

async function jsonOf({ cli }: StartedFederation): Promise<{ step: string; state: string; details: string[] }[]> {
  const { stdout } = await cli(['status', '--json']);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { step: string; state: string; details: string[] });
}

describe('a federation that is applied', () => {
  const shared = sharedFederation({ applied: true });

  test('is ok all over', async () => {
    const { code, stdout } = await shared.current.cli(['status']);
    expect(stdout).toContain('All is as the plan says.');
    expect(code).toBe(0);
  });

  test('says what only waits for a step that has drifted, and for which', async () => {
    const { world, cli } = shared.current;
    await change(world, ['federation', 'Deployment', 'default', 'hello-world'], (object) => {
      set(object, ['spec', 'replicas'], 9);
    });
    const { code, stdout } = await cli(['status']);
    expect(code).toBe(1);
    expect(stdout).not.toContain('missing');
    expect(row(stdout, 'workloads')).toEqual(['unseen', 'unseen', 'unseen', 'drift']);
    expect(row(stdout, 'dns-check')).toEqual(['unseen', 'unseen', 'unseen']);
    expect(stdout).toContain('\nusa/hello-world-address: after federation/hello-world\n');
    const steps = await jsonOf(shared.current);
    expect(steps.find(({ step }) => step === 'usa/hello-world-address')).toMatchObject({
      state: 'unseen',
      details: ['after federation/hello-world'],
    });
  });
});

describe('a federation of which nothing is there', () => {
  const shared = sharedFederation();

  test('is missing where nothing has to be done before, and unseen elsewhere', async () => {
    const { code, stdout } = await shared.current.cli(['status']);
    expect(code).toBe(1);
    expect(row(stdout, 'etcd')).toEqual(['missing']);
    expect(row(stdout, 'dns-check')).toEqual(['unseen', 'unseen', 'unseen']);
    expect(stdout).toContain('\nfcp/etcd-cluster: after fcp/etcd-operator\n');
  });
});
