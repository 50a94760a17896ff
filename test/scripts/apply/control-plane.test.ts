/** A control plane that is whole: what kubefed of either version calls its parts, and what may be amiss with it. */
import { StepOf } from '../../../lib/plan/step';
import { KubeObject } from '../../../scripts/apply/objects';
import { failure, FEDERATION, Workplace, workplace } from './support';

const NAMESPACE = 'federation-system';
const INIT: StepOf<'kubefed-init'> = {
  ...{ id: 'fcp/federation-control-plane', title: 'the control plane', component: 'federation-control-plane' },
  ...{ cluster: 'fcp', context: 'fcp', needs: [], timeoutSeconds: 900, kind: 'kubefed-init' },
  ...{ federation: FEDERATION, namespace: NAMESPACE, zone: 'example.com.', file: 'fcp/25.conf' },
  ...{ advertiseAddress: '10.0.0.1', persistentStorage: false },
};
const JOIN: StepOf<'kubefed-join'> = {
  ...{ id: 'usa/join', title: 'usa is a member', component: 'membership', cluster: 'usa', context: 'usa' },
  ...{ needs: [], timeoutSeconds: 300, kind: 'kubefed-join', federation: FEDERATION, hostContext: 'fcp' },
  ...{ secretName: 'fed-member-usa' },
};
const CONFIG = '[Global]\nzones = example.com.\n';

const annotations = { 'federation.alpha.kubernetes.io/federation-name': FEDERATION };
const object = (kind: string, name: string, more: object = {}): KubeObject => ({
  apiVersion: kind === 'Deployment' ? 'extensions/v1beta1' : 'v1',
  kind,
  metadata: { name, namespace: NAMESPACE, annotations },
  ...more,
});
const deployment = (name: string, replicas = 1): KubeObject =>
  object('Deployment', name, {
    spec: { replicas },
    status: { replicas, updatedReplicas: replicas, availableReplicas: replicas },
  });

/** Everything that init writes, with a prefix in front of what it calls after the federation. */
function written(prefix: string): KubeObject[] {
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE, annotations } },
    object('Service', `${prefix}apiserver`),
    object('Secret', `${prefix}apiserver-credentials`),
    object('Secret', `${prefix}controller-manager-kubeconfig`),
    object('Secret', 'federation-dns-provider.conf', { data: { conf: Buffer.from(CONFIG).toString('base64') } }),
    deployment(`${prefix}apiserver`),
    deployment(`${prefix}controller-manager`),
  ];
}

/** A pod of the control plane whose containers were started at these seconds of one minute. */
function pod(
  part: 'apiserver' | 'controller-manager',
  name: string,
  started: Record<string, number>,
  more = {},
): KubeObject {
  const labels = { app: 'federated-cluster', module: `federation-${part}` };
  const containerStatuses = Object.entries(started).map(([container, second]) => ({
    name: container,
    state: { running: { startedAt: `2026-11-27T15:27:${second}Z` } },
  }));
  return object('Pod', name, {
    metadata: { name, namespace: NAMESPACE, labels },
    status: { containerStatuses },
    ...more,
  });
}

const ENTRIES = {
  clusters: [{ name: FEDERATION }],
  contexts: [{ name: FEDERATION, context: { cluster: FEDERATION } }],
  users: [{ name: FEDERATION }],
};

function whole(prefix = `${FEDERATION}-`, options: Parameters<typeof workplace>[1] = {}): Workplace {
  const made = workplace([INIT, JOIN], { files: { [INIT.file]: CONFIG }, ...options });
  made.kubectl.put('fcp', ...written(prefix));
  made.kubectl.on(/ config view /, () => ({ stdout: JSON.stringify(ENTRIES), stderr: '' }));
  return made;
}

const observed = async ({ engine }: Workplace): Promise<unknown> => (await engine.observe([INIT])).get(INIT.id);

describe.each([
  ['1.7 and 1.8', `${FEDERATION}-`],
  ['1.10', ''],
])('a control plane by kubefed %s', (_, prefix) => {
  it('is known by the names of its parts', async () => {
    expect(await observed(whole(prefix))).toEqual({ state: 'done' });
  });

  it.each([[`${prefix}apiserver`], [`${prefix}controller-manager`]])(
    'whose Deployment %s is scaled to nothing is not done, and gets its pod back',
    async (name) => {
      const place = whole(prefix);
      place.kubectl.put('fcp', deployment(name, 0));
      expect(await observed(place)).toMatchObject({
        state: 'todo',
        differs: [`Deployment federation-system/${name} is scaled to nothing`],
      });
      place.kubectl.on(/ scale /, () => {
        place.kubectl.put('fcp', deployment(name));
        return { stdout: '', stderr: '' };
      });
      expect(await place.engine.apply([INIT])).toMatchObject([{ outcome: 'changed' }]);
      expect(place.kubectl.writes).toEqual([
        `kubectl --context=fcp --namespace=federation-system scale deployment ${name} --replicas=1`,
      ]);
    },
  );
});

describe('an API server of the federation that has been started anew', () => {
  const OLD = pod('controller-manager', 'manager-1', { 'controller-manager': 36 });
  /** As the pods are after the API server's pod was deleted. */
  function startedAnew(more = {}): Workplace {
    const place = whole();
    place.kubectl.put('fcp', pod('apiserver', 'apiserver-2', { apiserver: 50, etcd: 50 }, more), OLD);
    return place;
  }

  it('has lost its members: the controller manager is started anew, too, which would keep their old credentials', async () => {
    const place = startedAnew();
    expect(await observed(place)).toMatchObject({
      state: 'todo',
      differs: [expect.stringContaining('was started anew and has lost its members') as unknown],
    });
    place.kubectl.on(/ delete pod manager-1 /, (answer) => {
      place.kubectl.put('fcp', pod('controller-manager', 'manager-2', { 'controller-manager': 55 }));
      return answer();
    });
    expect(await place.engine.apply([INIT])).toMatchObject([{ outcome: 'changed' }]);
    expect(place.kubectl.writes).toEqual([
      'kubectl --context=fcp --namespace=federation-system delete pod manager-1 --ignore-not-found',
    ]);
    expect(place.reporter.of('warning')).toEqual([
      {
        type: 'warning',
        cluster: 'fcp',
        text: expect.stringContaining('With controlPlane.persistentStorage it would keep them') as unknown,
      },
    ]);
    expect(await place.engine.apply([INIT])).toMatchObject([{ outcome: 'unchanged' }]);
  });

  it.each<[string, KubeObject[]]>([
    [
      'with a volume',
      [pod('apiserver', 'apiserver-2', { etcd: 50 }, { spec: { volumes: [{ persistentVolumeClaim: {} }] } }), OLD],
    ],
    ['whose etcd has gone on running', [pod('apiserver', 'apiserver-1', { apiserver: 50, etcd: 35 }), OLD]],
    ['before its controller manager', [pod('apiserver', 'apiserver-1', { etcd: 36 }), OLD]],
    [
      'while the pod of before is still ending',
      [
        pod('apiserver', 'apiserver-1', { etcd: 35 }),
        { ...OLD, metadata: { ...OLD.metadata, deletionTimestamp: '2026-11-27T15:28:00Z' } },
      ],
    ],
  ])('%s leaves nothing to do', async (_, pods) => {
    const place = whole();
    place.kubectl.put('fcp', ...pods);
    expect(await observed(place)).toEqual({ state: 'done' });
  });
});

describe('credentials that a join by hand has left', () => {
  const secret = (name: string, cluster: string, federation = FEDERATION): KubeObject =>
    object('Secret', name, {
      metadata: {
        name,
        namespace: NAMESPACE,
        annotations: {
          'federation.alpha.kubernetes.io/federation-name': federation,
          'federation.alpha.kubernetes.io/cluster-name': cluster,
        },
      },
      data: { token: 'c2VjcmV0' },
    });
  const MEMBER: KubeObject = {
    apiVersion: 'federation/v1beta1',
    kind: 'Cluster',
    metadata: { name: 'usa' },
    spec: { secretRef: { name: 'usa-w8n9t' } },
  };
  const TEXT =
    'Secret federation-system/chn-rnszc holds credentials with every right in chn that no member uses; a kubefed join that failed has left it';

  function left(options: Parameters<typeof workplace>[1] = {}): Workplace {
    const place = whole(undefined, options);
    place.kubectl.put(FEDERATION, MEMBER);
    // Of a failed join, of a member, of the plan's own join, and of another federation.
    const secrets = [secret('chn-rnszc', 'chn'), secret('usa-w8n9t', 'usa'), secret('fed-member-usa', 'usa')];
    place.kubectl.put('fcp', ...secrets, secret('chn-other', 'chn', 'other'));
    return place;
  }

  it('are told, once and without what is in them, and stay', async () => {
    const place = left();
    expect(await place.engine.apply([INIT])).toMatchObject([{ outcome: 'unchanged' }]);
    expect(await observed(place)).toEqual({ state: 'done' });
    expect(place.reporter.of('warning')).toEqual([
      {
        type: 'warning',
        cluster: 'fcp',
        text: `${TEXT}. Remove it with: npm run apply -- --remove-credentials`,
      },
    ]);
    expect(place.kubectl.writes).toEqual([]);
  });

  it('are removed where that is said, and no others', async () => {
    const place = left({ options: { removeCredentials: true } });
    expect(await observed(place)).toMatchObject({ state: 'todo', differs: [TEXT] });
    expect(await place.engine.apply([INIT])).toMatchObject([{ outcome: 'changed' }]);
    expect(place.kubectl.writes).toEqual([
      'kubectl --context=fcp --namespace=federation-system delete secret chn-rnszc --ignore-not-found',
    ]);
  });

  it('are left alone where a member has come to use them meanwhile', async () => {
    const place = left({ options: { removeCredentials: true } });
    let asked = 0;
    place.kubectl.on(/ get clusters /, (answer) => {
      if (++asked === 2) {
        place.kubectl.put(FEDERATION, {
          ...MEMBER,
          metadata: { name: 'chn' },
          spec: { secretRef: { name: 'chn-rnszc' } },
        });
      }
      return answer();
    });
    await place.engine.apply([INIT]);
    expect(asked).toBeGreaterThan(1);
    expect(place.kubectl.writes).toEqual([]);
  });

  it.each([
    ['the user may not see Secrets', / get secrets /],
    ['the federation cannot be asked', / get clusters /],
  ])('are not looked for where %s', async (_, call) => {
    const place = left();
    place.kubectl.on(call, () => Promise.reject(failure('forbidden')));
    expect(await place.engine.apply([INIT])).toMatchObject([{ outcome: 'unchanged' }]);
    expect(place.reporter.of('warning')).toEqual([]);
  });
});
