/** What others have put where a teardown would take it along. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { RELEASE_OWNER } from '../../../lib/labels';
import { Step, StepOf } from '../../../lib/plan/step';
import { Engine, StepResult } from '../../../scripts/apply/engine';
import { KubeObject } from '../../../scripts/apply/objects';
import { temporaryFolder } from '../../support/folder';
import { apply, failure, FakeKubectl, FEDERATION, ours, planOf, Recorder } from './support';

function surroundings(
  steps: readonly Step[],
  files: Readonly<Record<string, readonly KubeObject[]>>,
  kubernetesVersion = '1.34.4',
): { readonly teardown: () => Promise<StepResult[]>; readonly kubectl: FakeKubectl } {
  const folder = temporaryFolder();
  for (const [name, objects] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  }
  const kubectl = new FakeKubectl(folder);
  const plan = planOf(steps);
  const clusters = plan.clusters.map((cluster) => ({ ...cluster, kubernetesVersion }));
  const options = { plan: { ...plan, clusters }, folder, run: kubectl.run, reporter: new Recorder(), adopt: false };
  return { teardown: () => new Engine(options).teardown(steps), kubectl };
}

const printed = (...items: KubeObject[]): { stdout: string; stderr: string } => ({
  stdout: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
  stderr: '',
});

const NAMESPACE: KubeObject = ours('Namespace', 'shop', { metadata: { ...ours('Namespace', 'shop').metadata } });
delete NAMESPACE.metadata.namespace;
const CRD: KubeObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'ipaddresspools.metallb.io' },
};
const pool = (name: string, labels = {}): KubeObject => ({
  apiVersion: 'metallb.io/v1beta1',
  kind: 'IPAddressPool',
  metadata: { name, namespace: 'shop', labels },
});

const RELEASE: StepOf<'helm-release'> = {
  ...{ id: 'usa/metallb', title: 'MetalLB', component: 'metallb', cluster: 'usa', context: 'usa', needs: [] },
  ...{ timeoutSeconds: 600, kind: 'helm-release', helm: 3, release: 'metallb', chart: 'metallb/metallb' },
  ...{ version: '0.15.2', namespace: 'metallb-system', file: 'usa/21-values.yaml', wait: [] },
  registers: ['ipaddresspools.metallb.io', 'bgppeers.metallb.io'],
};

describe('a release whose chart registers kinds', () => {
  function installed(...pools: KubeObject[]): ReturnType<typeof surroundings> {
    const made = surroundings([RELEASE], {});
    const release = { name: 'metallb', revision: '1', status: 'deployed', chart: 'metallb-0.15.2' };
    made.kubectl.on(/ list /, () => ({ stdout: JSON.stringify([release]), stderr: '' }));
    made.kubectl.on(/ get values /, () => ({ stdout: `${RELEASE_OWNER}: ${FEDERATION}\n`, stderr: '' }));
    made.kubectl.on(/ get customresourcedefinitions /, () => printed(CRD));
    // The other kind is not served, and kubectl would list nothing at all.
    made.kubectl.on(/ get ipaddresspools\.metallb\.io --all-namespaces /, () => printed(...pools));
    made.kubectl.on(/ uninstall /, () => ({ stdout: '', stderr: '' }));
    return made;
  }

  it('stays while others have objects of these kinds, which would go with them', async () => {
    const { teardown, kubectl } = installed(pool('theirs'));
    expect(await teardown()).toMatchObject([
      {
        outcome: 'kept',
        why: 'the kinds that it registers would go with it, and so would IPAddressPool shop/theirs',
      },
    ]);
    expect(kubectl.lines(/ uninstall /)).toEqual([]);
  });

  it('goes where only the plan has any', async () => {
    const { teardown, kubectl } = installed(pool('federation', ours('Pod', 'any').metadata.labels ?? {}));
    expect(await teardown()).toMatchObject([{ outcome: 'removed' }]);
    expect(kubectl.lines(/ uninstall /)).toHaveLength(1);
  });
});

describe('a namespace', () => {
  const step = apply('usa/spaces', 'usa/50.yaml');
  const files = { 'usa/50.yaml': [NAMESPACE] };

  it('stays while others have objects in it whose kinds a chart has registered', async () => {
    const { teardown, kubectl } = surroundings([{ ...RELEASE, needs: ['usa/spaces'] }, step], files);
    kubectl.put('usa', NAMESPACE);
    kubectl.on(/ list /, () => ({ stdout: '[]', stderr: '' }));
    kubectl.on(/ get customresourcedefinitions /, () => printed(CRD));
    kubectl.on(/ get pods,.*,ipaddresspools\.metallb\.io --namespace=shop /, () => printed(pool('theirs')));
    expect((await teardown()).find(({ step: { id } }) => id === 'usa/spaces')).toMatchObject({
      outcome: 'kept',
      why: 'namespace shop holds IPAddressPool shop/theirs',
    });
    expect(kubectl.get('usa', 'Namespace shop')).toBeDefined();
  });

  it.each([
    ['1.7.3', false],
    ['1.8.0', true],
  ])('goes in Kubernetes %s, which is asked for the kinds that it knows', async (version, knows) => {
    const { teardown, kubectl } = surroundings([step], files, version);
    kubectl.put('usa', NAMESPACE);
    if (!knows) kubectl.on(/cronjobs/, () => Promise.reject(failure('no-such-kind')));
    expect(await teardown()).toMatchObject([{ outcome: 'removed' }]);
    expect(kubectl.lines(/ get pods,/).map((line) => line.includes('cronjobs'))).toEqual([knows]);
  });

  it('of the federation stays in it and in the members; what else was declared with it goes', async () => {
    const settings = ours('ConfigMap', 'settings');
    const federated = apply('federation/spaces', 'federation/90.yaml');
    const member = apply('usa/none', 'usa/90.yaml');
    const { teardown, kubectl } = surroundings([federated, member], {
      'federation/90.yaml': [NAMESPACE, settings],
      'usa/90.yaml': [],
    });
    kubectl.contexts.push(FEDERATION);
    kubectl.put(FEDERATION, NAMESPACE, settings);
    kubectl.put('usa', NAMESPACE);
    expect((await teardown()).find(({ step: { id } }) => id === 'federation/spaces')).toMatchObject({
      outcome: 'kept',
      why: "Namespace shop: the federation's own goes with its control plane; deleted by itself it would go in every member, with all that is in it",
    });
    expect(kubectl.get(FEDERATION, 'Namespace shop')).toBeDefined();
    expect(kubectl.get(FEDERATION, 'ConfigMap default/settings')).toBeUndefined();
    expect(kubectl.get('usa', 'Namespace shop')).toBeDefined();
    expect(kubectl.lines(/--context=federation .*pods/)).toEqual([]);
  });
});
