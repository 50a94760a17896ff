/** What a member that leaves keeps of the federation's namespaces. */
import { labelsOf } from '../../../lib/labels';
import { StepOf } from '../../../lib/plan/step';
import { KubeObject } from '../../../scripts/apply/objects';
import { apply, create, failure, FEDERATION, ours, Workplace, workplace } from './support';

const JOIN: StepOf<'kubefed-join'> = {
  ...{ id: 'usa/join', title: 'usa is a member', component: 'membership', cluster: 'usa', context: 'usa' },
  ...{ needs: [], timeoutSeconds: 300, kind: 'kubefed-join', federation: FEDERATION, hostContext: 'fcp' },
  ...{ secretName: 'fed-member-usa' },
};
const INIT: StepOf<'kubefed-init'> = {
  ...{ id: 'fcp/federation-control-plane', title: 'the control plane', component: 'federation-control-plane' },
  ...{ cluster: 'fcp', context: 'fcp', needs: [], timeoutSeconds: 900, kind: 'kubefed-init' },
  ...{ federation: FEDERATION, namespace: 'federation-system', zone: 'example.com.', file: 'fcp/25.conf' },
  ...{ advertiseAddress: '10.0.0.1', persistentStorage: false },
};
const FILE = 'federation/50-namespaces.yaml';
const OURS = labelsOf(FEDERATION);

const namespace = (name: string, second: number, labels: Record<string, string> = OURS): KubeObject => {
  const creationTimestamp = `2026-11-27T15:22:${second}Z`;
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels, creationTimestamp } };
};
const inStore = (kind: string, name: string, more: Record<string, unknown> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: 'store', ...more },
});
/** What Kubernetes 1.7 itself puts into a namespace. */
const KUBERNETES = [
  inStore('ServiceAccount', 'default'),
  {
    ...inStore('Secret', 'default-token-x', { annotations: { 'kubernetes.io/service-account.name': 'default' } }),
    type: 'kubernetes.io/service-account-token',
  },
];

/** A member that leaves a federation with the namespaces `default` and `store`, made at 20 past. */
function leaving(...inMember: KubeObject[]): Workplace {
  const declared = [ours('Namespace', 'default'), ours('Namespace', 'store')].map((object) => ({
    ...object,
    metadata: { name: object.metadata.name, labels: OURS },
  }));
  const namespaces = create('federation/namespaces', FILE);
  const made = workplace([INIT, JOIN, namespaces], { files: { [FILE]: declared } });
  made.kubectl.on(/ config view /, () => ({
    stdout: JSON.stringify({
      clusters: [{ name: FEDERATION }],
      contexts: [{ name: FEDERATION, context: { cluster: FEDERATION } }],
      users: [{ name: FEDERATION }],
    }),
    stderr: '',
  }));
  made.kubectl.put(FEDERATION, namespace('default', 20), namespace('store', 20));
  made.kubectl.put('usa', ...inMember);
  return made;
}

const undone = async ({ engine }: Workplace): Promise<string | undefined> =>
  (await engine.teardown([JOIN]))[0]?.outcome;
const warnings = ({ reporter }: Workplace): string[] => reporter.of('warning').map(({ text }) => text);

describe('labels that the federation has copied', () => {
  it.each([
    ['default', 30],
    ['store', 10],
  ])('onto the namespace %s, which it has not made, are taken away, and no others', async (name, second) => {
    const place = leaving(namespace(name, second, { ...OURS, team: 'a', 'app.kubernetes.io/part-of': 'other' }));
    expect(await undone(place)).toBe('removed');
    expect(place.kubectl.writes).toEqual([
      `kubectl --context=usa label namespace ${name} app.kubernetes.io/managed-by- onprem-federation.io/federation-`,
    ]);
    expect(place.kubectl.get('usa', `Namespace ${name}`)?.metadata.labels).toEqual({
      team: 'a',
      'app.kubernetes.io/part-of': 'other',
    });
    expect(await undone(place)).toBe('nothing');
  });

  it('are none where the namespace does not carry this federation’s own', async () => {
    const { 'onprem-federation.io/federation': own, ...common } = OURS;
    expect(own).toBe(FEDERATION);
    const place = leaving(namespace('default', 10, common), namespace('store', 30, labelsOf('other')));
    expect(await undone(place)).toBe('nothing');
    expect(place.kubectl.writes).toEqual([]);
  });

  it('are those of the step that applies the namespace in the member itself', async () => {
    const own = apply('usa/spaces', 'usa/90.yaml');
    const declared = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'store', labels: OURS } };
    const other = workplace([INIT, JOIN, create('federation/namespaces', FILE), own], {
      files: { [FILE]: [declared], 'usa/90.yaml': [declared] },
    });
    other.kubectl.put('usa', namespace('store', 30));
    expect(await undone(other)).toBe('nothing');
    expect(other.kubectl.writes).toEqual([]);
  });
});

describe('a namespace that the federation has made in the member', () => {
  it('goes where nothing is in it but what Kubernetes puts there', async () => {
    const place = leaving(namespace('store', 21), ...KUBERNETES);
    expect(await undone(place)).toBe('removed');
    expect(place.kubectl.writes).toEqual(['kubectl --context=usa delete namespace store --ignore-not-found']);
    expect(warnings(place)).toEqual([]);
  });

  it.each([
    inStore('ConfigMap', 'settings'),
    inStore('ServiceAccount', 'builder'),
    inStore('Secret', 'password'),
    inStore('RoleBinding', 'team'),
    ours('Service', 'shop', { metadata: { ...ours('Service', 'shop').metadata, namespace: 'store' } }),
  ])('stays where something is in it, and is told: $kind $metadata.name', async (object) => {
    const place = leaving(namespace('store', 21), ...KUBERNETES, object);
    expect(await undone(place)).toBe('nothing');
    expect(place.kubectl.writes).toEqual([]);
    expect(warnings(place)).toEqual([
      `namespace store, which the federation has carried there, stays: it holds ${object.kind} store/${object.metadata.name}.`,
    ]);
  });

  it('stays where an object of a kind that somebody has registered is in it', async () => {
    const place = leaving(namespace('store', 21), inStore('Ring', 'one'));
    expect(await undone(place)).toBe('nothing');
    expect(warnings(place)).toEqual([expect.stringContaining('it holds Ring store/one') as unknown]);
  });

  it('is looked into kind by kind where the cluster does not know one of them', async () => {
    const place = leaving(namespace('store', 21), inStore('ConfigMap', 'settings'));
    place.kubectl.on(/ get (pods,.*|ingresses) --namespace=store /, () => Promise.reject(failure('no-such-kind')));
    expect(await undone(place)).toBe('nothing');
    expect(warnings(place)).toEqual([expect.stringContaining('it holds ConfigMap store/settings') as unknown]);
  });

  it('goes once what controllers take away is gone', async () => {
    const controlled = inStore('Pod', 'shop-1', { ownerReferences: [{ kind: 'ReplicaSet', name: 'shop' }] });
    const place = leaving(namespace('store', 21), controlled);
    let looks = 0;
    place.kubectl.on(/\/namespaces\/store\/pods/, (answer) => {
      if (++looks === 2) place.kubectl.remove('usa', controlled);
      return answer();
    });
    expect(await undone(place)).toBe('removed');
    expect(place.kubectl.get('usa', 'Namespace store')).toBeUndefined();
  });

  it.each<[string, (place: Workplace) => void, string]>([
    [
      'the federation cannot be asked any more',
      ({ kubectl }) => {
        kubectl.fail(/--context=fed get --raw .*namespaces/, 'unreachable');
      },
      'the federation cannot be asked any more whether it has made it',
    ],
    [
      'the federation has no such namespace any more',
      ({ kubectl }) => {
        kubectl.remove(FEDERATION, namespace('store', 20));
      },
      'the federation cannot be asked any more whether it has made it',
    ],
    [
      'the user may not see what is in it',
      ({ kubectl }) => {
        kubectl.fail(/\/namespaces\/store\/pods/, 'forbidden');
      },
      'what is in it cannot be seen',
    ],
  ])('stays, with its labels, where %s', async (_, arrange, why) => {
    const place = leaving(namespace('store', 21));
    arrange(place);
    await undone(place);
    expect(place.kubectl.writes).toEqual([]);
    expect(warnings(place)).toEqual([`namespace store, which the federation has carried there, stays: ${why}.`]);
  });
});

it('the federation’s own namespaces are said to go with its control plane', async () => {
  const { engine, kubectl, plan } = leaving();
  kubectl.contexts.push(FEDERATION);
  expect(await engine.teardown(plan.steps.filter(({ kind }) => kind === 'create'))).toMatchObject([
    {
      outcome: 'kept',
      why: "the federation's own goes with its control plane; deleted by itself it would go in every member, with all that is in it",
    },
  ]);
});
