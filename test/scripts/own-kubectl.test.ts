import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withOwnKubectl } from '../../scripts/apply/tools/kubectls';
import { GUIDE_CLUSTERS, Rendered, guideProps } from '../support/guide';
import { StartedFederation, startFederation } from './support/cli';

jest.setTimeout(60_000);

const { fcp, usa, chn } = GUIDE_CLUSTERS;
const clusters = [fcp, usa, { ...chn, kubernetesVersion: '1.10.13', kubectl: 'kubectl-1.10' }];

describe('a cluster with a kubectl of its own', () => {
  const { plan } = Rendered.of(guideProps({ clusters }));

  test('has it in the plan', () => {
    expect(plan.clusters.map(({ kubectl }) => kubectl)).toEqual([undefined, undefined, 'kubectl-1.10']);
  });

  test.each([
    [['kubectl', '--context=chn', 'get', 'nodes'], 'kubectl-1.10'],
    [['kubectl', '--context=usa', 'get', 'nodes'], 'kubectl'],
    [['kubectl', 'config', 'view'], 'kubectl'],
    [['helm', '--context=chn'], 'helm'],
  ])('is asked by it alone: %j', (command, program) => {
    expect(withOwnKubectl(command, plan)).toEqual([program, ...command.slice(1)]);
  });
});

describe('a run over clusters that no one kubectl serves', () => {
  let federation: StartedFederation;
  let tools: string;
  beforeAll(async () => {
    federation = await startFederation({ props: { clusters } });
    tools = join(federation.world.dir, 'tools');
    mkdirSync(tools);
  });
  afterAll(() => federation.close());

  /** A kubectl of this version by another name: it notes what it is asked, and lets the other one answer. */
  function install(version: string): () => string[] {
    const noted = join(tools, 'noted');
    writeFileSync(
      join(tools, 'kubectl-1.10'),
      `#!/bin/bash\nprintf '%s\\n' "$*" >> '${noted}'\nkubectl "$@" | sed '0,/v1\\.7\\.3/s//v${version}/'\nexit "\${PIPESTATUS[0]}"\n`,
    );
    chmodSync(join(tools, 'kubectl-1.10'), 0o755);
    return () => (existsSync(noted) ? readFileSync(noted, 'utf8').trim().split('\n') : []);
  }
  const env = (): NodeJS.ProcessEnv => ({ PATH: `${tools}:${federation.world.env().PATH ?? ''}` });

  test('says which one is missing', async () => {
    const ended = await federation.cli(['apply', '--yes', '--only', 'node-labels']);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain('kubectl-1.10 is not installed');
  });

  test('says which one is to be another version', async () => {
    install('1.8.1');
    const ended = await federation.cli(['apply', '--yes', '--only', 'node-labels'], { env: env() });
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain(
      "  - kubectl-1.10: is version 1.8.1, more than one minor from chn's 1.10.13\n    Name a kubectl of 1.9 to 1.11 as the cluster's kubectl in main.ts, or put one of that name first on the PATH.\n",
    );
  });

  test('shows it in the plan', async () => {
    install('1.10.1');
    const { stdout } = await federation.cli(['plan', '--only', 'node-labels'], { env: env() });
    expect(stdout).toMatch(/^chn {2}.*, by kubectl-1\.10$/m);
  });

  test('asks that cluster by its own, and the others by the common one', async () => {
    const noted = install('1.10.1');
    const ended = await federation.cli(['apply', '--yes', '--only', 'node-labels'], { env: env() });
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(noted()).toContainEqual(expect.stringMatching(/^--context=chn label nodes /));
    expect(noted().filter((call) => !call.startsWith('--context=chn '))).toEqual([]);
  });
});
