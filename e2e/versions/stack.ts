/** The whole life of the stack `external-dns`, with a kubectl, a Helm and API servers of chosen versions. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SERVER_SIDE } from '../../lib/plan/commands';
import { ControlPlanes } from '../control-plane';
import { waitFor } from '../harness/wait';
import { ProcessKubelet, withKubelet } from '../kubelet/kubelet';
import { EVERY_STATE } from '../../scripts/apply/releases';
import { ApiServer, withApiServer } from '../support/api-servers';
import { cli, CliResult, Clients, output, testEnvironment } from '../support/cli';
import { discard, furnish, OWN_COREFILE, render, Rendered, Site, SITES } from '../support/external-dns';
import { answered, records } from '../support/external-dns-names';
import { PINS } from '../tools/pins';
import { resourceVersions, volumesGone } from '../support/resource-versions';

/** Which programs meet. */
export interface Versions extends Required<Pick<Clients, 'kubectl' | 'helm'>> {
  /** @default the tier's own */
  readonly apiServer?: ApiServer;
}

const [FCP, USA] = SITES as [Site, Site];
const NAMES = [FCP.name, USA.name];
const BOTH = [FCP.address, USA.address];

/** Declares the tests of one file. */
export function testStack({ kubectl: kubectlName, helm: helmName, apiServer = 'kube-apiserver' }: Versions): void {
  let planes: ControlPlanes;
  let kubelet: ProcessKubelet | undefined;
  let env: NodeJS.ProcessEnv;
  let rendered: Rendered;
  let untouched: string[];

  const kubectl = (context: string, ...args: string[]): Promise<string> =>
    output(env, 'kubectl', [`--context=${context}`, ...args]);
  const federation = (...args: string[]): Promise<CliResult> => cli(env, rendered.dist, ...args);
  const names = async (): Promise<string[]> => Object.keys(await resourceVersions(env, NAMES)).sort();
  const allAnswered = async (): Promise<void> => {
    for (const site of [FCP, USA]) await answered(site.names.zone, [site.address]);
    await answered(FCP.names.all, BOTH);
  };

  beforeAll(async () => {
    planes = await ControlPlanes.start({
      clusters: NAMES.map((name) => withApiServer(withKubelet({ name, nodes: 2 }), apiServer)),
      handleSignals: false,
    });
    env = testEnvironment(planes, { kubectl: kubectlName, helm: helmName });
    rendered = render(planes.clusters);
    kubelet = await ProcessKubelet.start({ planes });
    await Promise.all(NAMES.map((name) => furnish(env, name)));
    untouched = await names();
  });

  afterAll(async () => {
    await kubelet?.stop();
    await planes.stop();
    discard(rendered);
  });

  test('apply brings everything about, and every name leads where it should', async () => {
    expect(await federation('apply', '--yes')).toMatchObject({ code: 0, stderr: '' });
    await allAnswered();
  });

  test('status and verify find all as planned', async () => {
    const status = await federation('status');
    expect(status).toMatchObject({ code: 0, stderr: '' });
    expect(status.stdout).toContain('All is as the plan says.');
    // No containers run here, so nothing can be asked in a pod.
    const verified = await federation('verify', '--no-pods');
    expect(verified).toMatchObject({ code: 0, stderr: '' });
    expect(verified.stdout).toContain('Every name leads to its own cluster.');
  });

  test('a second apply writes nothing and says so', async () => {
    const before = await resourceVersions(env, NAMES);
    const result = await federation('apply', '--yes');
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout).toContain('Nothing was written');
    expect(await resourceVersions(env, NAMES)).toEqual(before);
  });

  // The plan's commands leave kubectl's own check out.
  test('the API server refuses a field that it does not know, by itself', async () => {
    const manifest = readFileSync(join(rendered.dist, USA.name, '45-workload-hello-world.yaml'), 'utf8');
    const mistyped = join(rendered.root, 'mistyped.yaml');
    writeFileSync(mistyped, manifest.replace(/^( +)replicas: /m, '$1replicaz: 1\n$&'));
    const refused = kubectl(USA.name, 'apply', ...SERVER_SIDE, `--filename=${mistyped}`);
    await expect(refused).rejects.toThrow('.spec.replicaz: field not declared in schema');
  });

  test('a release with other values is shown and set right, with what another writer has changed in it', async () => {
    const release = ['metallb', `${rendered.root}/charts/metallb`, '--namespace=metallb-system'];
    const change = ['upgrade', ...release, '--reuse-values', '--set=controller.logLevel=debug'];
    await output(env, 'helm', [`--kube-context=${USA.name}`, ...change]);
    const controller = ['--namespace=metallb-system', 'deployment', 'metallb-controller'];
    const label = 'app.kubernetes.io/component';
    const relabel = (value: string): Promise<string> =>
      kubectl(USA.name, 'label', ...controller, `${label}=${value}`, '--overwrite');
    await relabel('theirs');

    const drifted = await federation('plan');
    expect(drifted.code).toBe(0);
    expect(drifted.stdout).toContain('the values of metallb are not those of usa/30-metallb-values.conf');
    if (PINS[helmName].version.startsWith('v4.')) {
      const refused = await federation('apply', '--yes');
      expect(refused.code).toBe(1);
      expect(refused.stdout).toContain('usa/metallb failed: kubectl-label owns fields that this plan sets');
      await relabel('controller');
    }
    expect(await federation('apply', '--yes')).toMatchObject({ code: 0, stderr: '' });
    const labelled = ['--output=jsonpath={.metadata.labels.app\\.kubernetes\\.io/component}'];
    expect(await kubectl(USA.name, 'get', ...controller, ...labelled)).toBe('controller');
    expect((await federation('status')).code).toBe(0);
  });

  test('a workload that is taken away leaves no object and no record behind, and comes back', async () => {
    const before = await names();
    expect(await federation('teardown', '--yes', '--only', 'workloads')).toMatchObject({ code: 0, stderr: '' });
    for (const name of NAMES) {
      const left = [
        '--namespace=default',
        'get',
        'deployments,services',
        '--selector=app=hello-world',
        '--output=name',
      ];
      expect(await kubectl(name, ...left)).toBe('');
    }
    // ExternalDNS stays, and takes its records back at its next run.
    await waitFor({
      what: 'the records to go',
      timeoutMs: 60_000,
      probe: async () => {
        const { size } = await records();
        return size === 0 ? { done: true, value: undefined } : { done: false, saw: `${size} records` };
      },
    });
    expect(await federation('apply', '--yes')).toMatchObject({ code: 0, stderr: '' });
    expect(await names()).toEqual(before);
    await allAnswered();
  });

  test('teardown takes away what the plan made and leaves everything else', async () => {
    expect(await federation('teardown', '--yes')).toMatchObject({ code: 0, stderr: '' });
    await volumesGone(env, FCP.name);
    expect(await names()).toEqual(untouched);
    for (const name of NAMES) {
      const data = '--output=jsonpath={.data.Corefile}';
      expect(await kubectl(name, '--namespace=kube-system', 'get', 'configmap', 'coredns', data)).toBe(OWN_COREFILE);
      const list = [`--kube-context=${name}`, 'list', '--all-namespaces', ...EVERY_STATE, '--short'];
      expect(await output(env, 'helm', list)).toBe('');
    }
  });
}
