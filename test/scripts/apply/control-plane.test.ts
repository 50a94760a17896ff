/** A control plane that is whole: what kubefed of either version calls its parts, and what may be amiss with it. */
import { StepOf } from '../../../lib/plan/step';
import { KubeObject } from '../../../scripts/apply/objects';
import { apply, failure, FEDERATION, ours, Workplace, workplace } from './support';

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
        text: expect.stringContaining('With controlPlane.persistentStorage they stay') as unknown,
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

describe('a member that is Offline though it has joined', () => {
  const member = (type: 'Ready' | 'Offline', second = 45): KubeObject => ({
    apiVersion: 'federation/v1beta1',
    kind: 'Cluster',
    metadata: { name: 'usa', creationTimestamp: `2026-11-27T15:27:${second}Z` },
    spec: { serverAddressByClientCIDRs: [{ serverAddress: 'https://usa.example:6443' }] },
    status: { conditions: [{ type, status: 'True' }] },
  });
  const DNS = { federations: `${FEDERATION}=example.com`, stubDomains: '{"example.com":["10.0.0.1:53"]}' };
  /** A member of this condition, with a controller manager that was started at this second of the same minute. */
  function joined(type: 'Ready' | 'Offline', started: number): Workplace {
    const place = whole();
    const metadata = { name: 'kube-dns', namespace: 'kube-system' };
    place.kubectl.put('usa', { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: DNS });
    place.kubectl.put(FEDERATION, member(type));
    place.kubectl.put('fcp', pod('controller-manager', 'manager-1', { 'controller-manager': started }));
    return place;
  }
  const seenOf = async ({ engine }: Workplace): Promise<unknown> => (await engine.observe([JOIN])).get(JOIN.id);

  it('has the controller manager started anew, once, where that is older: it may know other credentials', async () => {
    const place = joined('Offline', 36);
    expect(await seenOf(place)).toMatchObject({
      state: 'todo',
      differs: [expect.stringContaining('usa is Offline, and the federation') as unknown],
    });
    place.kubectl.on(/ delete pod manager-1 /, (answer) => {
      place.kubectl.put('fcp', pod('controller-manager', 'manager-2', { 'controller-manager': 55 }));
      place.kubectl.put(FEDERATION, member('Ready'));
      return answer();
    });
    expect(await place.engine.apply([JOIN])).toMatchObject([{ outcome: 'changed' }]);
    expect(place.kubectl.writes).toEqual([
      'kubectl --context=fcp --namespace=federation-system delete pod manager-1 --ignore-not-found',
    ]);
    expect(place.reporter.of('warning')).toHaveLength(1);
  });

  it.each<['Ready' | 'Offline', number, string]>([
    ['Offline', 50, 'waiting'],
    ['Ready', 36, 'done'],
  ])('and otherwise not: %s, started at %i', async (type, started, state) => {
    expect(await seenOf(joined(type, started))).toMatchObject({ state });
  });
});

describe('a controller manager that ends again and again', () => {
  const CRASHING = pod(
    'controller-manager',
    'manager-1',
    {},
    {
      status: { containerStatuses: [{ restartCount: 6, state: { waiting: { reason: 'CrashLoopBackOff' } } }] },
    },
  );
  const service = (...ports: number[]): KubeObject =>
    ours('Service', 'web', { spec: { ports: ports.map((port) => ({ port })) } });
  const WEB = apply('federation/web', 'federation/51.yaml', { copies: ['fcp', 'usa'] });

  /** As it is where a federated Service has lost a port by hand, while the file still declares both. */
  function crashing(federated: number[], member: number[]): Workplace {
    const place = workplace([INIT, JOIN, WEB], { files: { [INIT.file]: CONFIG, [WEB.file]: [service(80, 81)] } });
    const stopped = deployment(`${FEDERATION}-controller-manager`);
    place.kubectl.put('fcp', ...written(`${FEDERATION}-`), { ...stopped, status: {} }, CRASHING);
    place.kubectl.on(/ config view /, () => ({ stdout: JSON.stringify(ENTRIES), stderr: '' }));
    place.kubectl.put(FEDERATION, service(...federated));
    place.kubectl.put('usa', service(...member));
    return place;
  }

  it('is helped by taking the port out of the members, whatever the plan says of it, and by a new pod', async () => {
    const place = crashing([80], [80, 81]);
    expect(await observed(place)).toMatchObject({
      state: 'todo',
      differs: [
        "the federation's controller manager ends again and again, 6 times so far",
        'usa still has port 81/TCP of Service default/web',
      ],
    });
    place.kubectl.on(/ delete pod manager-1 /, (answer) => {
      place.kubectl.put('fcp', deployment(`${FEDERATION}-controller-manager`));
      return answer();
    });
    expect(await place.engine.apply([INIT])).toMatchObject([{ outcome: 'changed' }]);
    expect(place.kubectl.get('usa', 'Service default/web')?.spec).toEqual({ ports: [{ port: 80 }] });
    expect(place.kubectl.writes.map((line) => line.replace(/ --type.*/, ''))).toEqual([
      'kubectl --context=usa --namespace=default patch service web',
      'kubectl --context=fcp --namespace=federation-system delete pod manager-1 --ignore-not-found',
    ]);
  });

  it('is waited for where nothing is known that would help it', async () => {
    expect(await observed(crashing([80, 81], [80, 81]))).toMatchObject({
      state: 'waiting',
      lookFurther: expect.arrayContaining(['logs', '--previous', 'manager-1']) as unknown,
    });
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
    place.kubectl.on(/ \/apis\/federation\/v1beta1\/clusters/, (answer) => {
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
    ['the user may not see Secrets', /\/secrets$/],
    ['the federation cannot be asked', / \/apis\/federation\/v1beta1\/clusters/],
  ])('are not looked for where %s', async (_, call) => {
    const place = left();
    place.kubectl.on(call, () => Promise.reject(failure('forbidden')));
    expect(await place.engine.apply([INIT])).toMatchObject([{ outcome: 'unchanged' }]);
    expect(place.reporter.of('warning')).toEqual([]);
  });
});
