/** What others have put where a teardown would take it along. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { RELEASE_OWNER } from '../../../lib/labels';
import { Step, StepOf } from '../../../lib/plan/step';
import { Engine, StepResult } from '../../../scripts/apply/engine';
import { KubeObject } from '../../../scripts/apply/objects';
import { temporaryFolder } from '../../support/folder';
import { apply, FakeKubectl, FEDERATION, ours, planOf, Recorder } from './support';

function surroundings(
  steps: readonly Step[],
  files: Readonly<Record<string, readonly KubeObject[]>>,
): { readonly teardown: () => Promise<StepResult[]>; readonly kubectl: FakeKubectl } {
  const folder = temporaryFolder();
  for (const [name, objects] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  }
  const kubectl = new FakeKubectl(folder);
  const plan = planOf(steps);
  const options = {
    plan,
    folder,
    run: kubectl.run,
    views: kubectl.views,
    reporter: new Recorder(),
    adopt: false,
  };
  return { teardown: () => new Engine(options).teardown(steps), kubectl };
}

const NAMESPACE: KubeObject = ours('Namespace', 'shop', { metadata: { ...ours('Namespace', 'shop').metadata } });
delete NAMESPACE.metadata.namespace;
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
    // The other kind is not served.
    made.kubectl.put('usa', ...pools);
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
    kubectl.put('usa', NAMESPACE, pool('theirs'));
    kubectl.on(/ list /, () => ({ stdout: '[]', stderr: '' }));
    expect((await teardown()).find(({ step: { id } }) => id === 'usa/spaces')).toMatchObject({
      outcome: 'kept',
      why: 'namespace shop holds IPAddressPool shop/theirs',
    });
    expect(kubectl.get('usa', 'Namespace shop')).toBeDefined();
  });

  const inShop = (kind: string, name: string, more: Record<string, unknown> = {}): KubeObject => {
    const { metadata, ...rest } = more as { metadata?: object };
    return { apiVersion: 'v1', kind, metadata: { name, namespace: 'shop', ...metadata }, ...rest };
  };
  const owned = (uid: string): { metadata: object } => ({ metadata: { ownerReferences: [{ uid }] } });
  const mine = (kind: string, name: string, uid: string): KubeObject =>
    inShop(kind, name, { metadata: { uid, labels: ours(kind, name).metadata.labels } });

  async function torn(...objects: KubeObject[]): Promise<string | undefined> {
    const { teardown, kubectl } = surroundings([step], files);
    kubectl.put('usa', NAMESPACE, ...objects);
    const [result] = await teardown();
    expect(kubectl.get('usa', 'Namespace shop') === undefined).toBe(result?.outcome === 'removed');
    return result?.why;
  }

  it('goes with what Kubernetes itself puts into each, and with what comes of the plan’s own objects', async () => {
    const token = { type: 'kubernetes.io/service-account-token' };
    const of = (name: string): { metadata: object } => ({
      metadata: { annotations: { 'kubernetes.io/service-account.name': name } },
    });
    expect(
      await torn(
        inShop('ConfigMap', 'kube-root-ca.crt'),
        inShop('ServiceAccount', 'default'),
        inShop('Secret', 'default-token-x', { ...token, ...of('default') }),
        mine('ServiceAccount', 'program', 'a'),
        inShop('Secret', 'program-token-x', { ...token, ...of('program') }),
        mine('Service', 'web', 's'),
        inShop('Endpoints', 'web'),
        inShop('EndpointSlice', 'web-abc', owned('s')),
        mine('Deployment', 'web', 'd'),
        inShop('ReplicaSet', 'web-1', { metadata: { uid: 'r', ownerReferences: [{ uid: 'd' }] } }),
        inShop('Pod', 'web-1-x', owned('r')),
        inShop('Event', 'web.17'),
      ),
    ).toBeUndefined();
  });

  it.each([
    ['NetworkPolicy', {}],
    ['Role', {}],
    ['ReplicationController', {}],
    ['ResourceQuota', {}],
    ['PodDisruptionBudget', {}],
    ['Endpoints', {}],
    ['ServiceAccount', {}],
    // Sealed secrets, certificates and the like: their owner is an object of somebody else's.
    ['Secret', owned('elsewhere')],
    ['PersistentVolumeClaim', owned('elsewhere')],
    ['Deployment', owned('elsewhere')],
    ['Widget', {}],
  ])('stays while somebody else has a %s in it', async (kind, more) => {
    expect(await torn(inShop(kind, 'theirs', more))).toBe(`namespace shop holds ${kind} shop/theirs`);
  });

  it('stays where it cannot be seen what is in it', async () => {
    const { teardown, kubectl } = surroundings([step], files);
    kubectl.put('usa', NAMESPACE);
    kubectl.fail(/ \/api\/v1\/namespaces\/shop\/secrets/, 'forbidden');
    expect(await teardown()).toMatchObject([{ outcome: 'failed' }]);
    expect(kubectl.get('usa', 'Namespace shop')).toBeDefined();
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
    expect(kubectl.lines(/--context=fed .*pods/)).toEqual([]);
  });
});
