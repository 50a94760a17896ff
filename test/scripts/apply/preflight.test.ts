/** What the preflight makes of each version of a program that may be on the PATH. */
import { Step, StepOf } from '../../../lib/plan/step';
import { checkHelm } from '../../../scripts/apply/preflight';
import { Kubectl } from '../../../scripts/apply/tools/kubectl';
import { Output, ProgramError } from '../../../scripts/apply/tools/program';
import { apply, NEVER } from './support';

const HELM_2: StepOf<'helm-release'> = {
  ...{ id: 'usa/coredns', title: 'CoreDNS', component: 'coredns', cluster: 'usa', context: 'usa', needs: [] },
  ...{ timeoutSeconds: 600, kind: 'helm-release', release: 'coredns', chart: 'stable/coredns', version: '0.6.0' },
  ...{ namespace: 'default', file: 'usa/21-values.yaml', wait: [] },
};
const HELM_3: StepOf<'helm-release'> = { ...HELM_2, helm: 3 };

/** What each Helm prints with `version --short`, as the real programs do. */
const SAYS: Readonly<Record<string, string>> = {
  '2.7.2': 'Client: v2.7.2+g8478fb4\n',
  '3.17.1': 'v3.17.1+g980d8ac\n',
  '4.1.4': 'v4.1.4+g05fa379\n',
  '5.0.0': 'v5.0.0\n',
};

/** Asks a Helm of a version; gives its findings and what it was asked. */
async function checked(version: string, steps: readonly Step[]): Promise<{ findings: string[]; asked: string[] }> {
  const asked: string[] = [];
  const run = (command: readonly string[]): Promise<Output> => {
    asked.push(command.join(' '));
    if (command.includes('--client') && Number.parseInt(version, 10) >= 4) {
      const stderr = 'Error: unknown flag: --client\n';
      return Promise.reject(new ProgramError([...command], 'other', 1, { stdout: '', stderr }));
    }
    return Promise.resolve({ stdout: SAYS[version] ?? '', stderr: '' });
  };
  const findings = await checkHelm({
    steps,
    kubectl: new Kubectl(run, () => undefined),
    signal: NEVER,
    // Without a step that sets up Tiller no cluster is asked for one.
    plan: { steps, clusters: [] },
    views: {
      of: () => {
        throw new Error('no cluster is to be asked');
      },
    },
  });
  return { findings: findings.map(({ where, problem }) => `${where}: ${problem}`), asked };
}

describe('Helm', () => {
  it.each([
    ['2.7.2', HELM_2, []],
    ['3.17.1', HELM_2, ['helm: is version 3.17.1, and the plan is for Helm 2']],
    ['4.1.4', HELM_2, ['helm: is version 4.1.4, and the plan is for Helm 2']],
    ['2.7.2', HELM_3, ['helm: is version 2.7.2, and the plan is for Helm 3 or 4']],
    ['3.17.1', HELM_3, []],
    ['4.1.4', HELM_3, []],
    ['5.0.0', HELM_3, ['helm: is version 5.0.0, and the plan is for Helm 3 or 4']],
    ['none', HELM_3, ['helm: is version unknown, and the plan is for Helm 3 or 4']],
  ])('%s and a plan', async (version, step, expected) => {
    expect((await checked(version, [step])).findings).toEqual(expected);
  });

  it('2 is never asked without --client: it would ask Tiller', async () => {
    expect((await checked('2.7.2', [HELM_3])).asked).toEqual(['helm version --client --short']);
  });

  it('is not asked where no step needs it', async () => {
    expect((await checked('4.1.4', [apply('usa/web', 'usa/50.yaml')])).asked).toEqual([]);
  });
});
