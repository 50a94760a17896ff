import { Rendered, guideProps } from '../../support/guide';
import { closure } from '../../support/plans';

const { plan } = Rendered.of(guideProps());
const needed = closure(plan.steps);
const clusters = ['fcp', 'usa', 'chn'];

/**
 * What the guide's text puts before what, where the second cannot be without the first: `<cluster>` stands for each of
 * the three, one and the same on both sides.
 */
const PAIRS: readonly (readonly [first: string, then: string, said: string])[] = [
  [
    'fcp/etcd-operator',
    'fcp/etcd-cluster',
    'Wait the Pod status of etcd-operator to be running before creating the etcd-cluster',
  ],
  ['fcp/tiller', 'fcp/helm-init', 'kubectl create clusterrolebinding tiller …; helm init --service-account tiller'],
  ['fcp/helm-init', 'fcp/coredns', 'helm install --name coredns'],
  ['fcp/etcd-cluster', 'fcp/coredns', 'Configure the etcd endpoint which was deployed earlier'],
  ['fcp/coredns', 'fcp/coredns-node-port', 'Now you should see the coredns-coredns service running'],
  [
    'fcp/coredns-node-port',
    'fcp/federation-control-plane',
    'coredns-endpoints is the endpoint to access coredns server',
  ],
  ['fcp/etcd-cluster', 'fcp/federation-control-plane', 'etcd-endpoints = http://etcd-cluster-client.default:2379'],
  ['fcp/federation-control-plane', '<cluster>/join', 'After the FCP is running … Now, we can join our clusters'],
  ['<cluster>/node-labels', '<cluster>/join', 'needed to have service discovery based on the region and zone'],
  ['<cluster>/vip-configmap', '<cluster>/kube-keepalived-vip', 'kubectl apply -f keepalived-vip/'],
  ['<cluster>/vip-configmap', '<cluster>/keepalived-cloud-provider', 'kubectl apply -f keepalived-cloud-provider/'],
  ['<cluster>/join', '<cluster>/cluster-dns', 'add the CoreDNS server … in all the federated clusters'],
  [
    'fcp/federation-control-plane',
    'federation/namespaces',
    'The namespace default is not created in federation context',
  ],
  ['federation/namespaces', 'federation/hello-world', 'so create it … kubectl create -f hello-world/'],
  ['<cluster>/join', 'federation/hello-world', 'Create a hello-world as a federated deployment/service'],
  ['federation/hello-world', '<cluster>/hello-world-address', 'Each service has a own IP'],
  [
    '<cluster>/controller-manager',
    '<cluster>/hello-world-address',
    "Now, it's possibe to create services with LoadBalancer type",
  ],
  ['<cluster>/kube-keepalived-vip', '<cluster>/hello-world-address', 'necessary for service discovery in federation'],
  [
    '<cluster>/keepalived-cloud-provider',
    '<cluster>/hello-world-address',
    'The keepalived-cloud-provider has a CIDR param … one IP for each service',
  ],
  [
    '<cluster>/hello-world-address',
    '<cluster>/hello-world-dns',
    'nslookup hello-world.default.federation.svc.fr.europe.example.com',
  ],
  ['<cluster>/cluster-dns', '<cluster>/hello-world-dns', 'kubectl run -i --tty busybox … nslookup'],
];

describe("the guide's order holds", () => {
  test.each(PAIRS)('%s before %s: "%s"', (first, then) => {
    for (const cluster of clusters) {
      const [a, b] = [first, then].map((id) => id.replace('<cluster>', cluster)) as [string, string];
      expect(plan.steps.map(({ id }) => id)).toEqual(expect.arrayContaining([a, b]));
      expect([...(needed.get(b) ?? [])]).toContain(a);
    }
  });

  test('for every step that there is', () => {
    const told = new Set(
      PAIRS.flatMap(([first, then]) => clusters.flatMap((c) => [first, then].map((id) => id.replace('<cluster>', c)))),
    );
    expect(plan.steps.map(({ id }) => id).filter((id) => !told.has(id))).toEqual([]);
  });

  test('also as the order in which the plan is read, system after system', () => {
    const systems = [...new Set(plan.steps.map(({ component }) => component))];
    expect(systems).toEqual([
      'node-labels',
      'etcd',
      'coredns',
      'federation-control-plane',
      'membership',
      'keepalived',
      'controller-manager',
      'cluster-dns',
      'workloads',
      'dns-check',
    ]);
    const places = plan.steps.map(({ component }) => systems.indexOf(component));
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });

  test("without CoreDNS as a LoadBalancer Service, which failed for the guide's authors", () => {
    for (const id of needed.get('fcp/coredns-node-port') ?? []) expect(id).not.toMatch(/keepalived|vip/);
  });
});

describe('steps of different clusters', () => {
  /** The only needs that reach from one bundle into another, by step name. */
  const ALLOWED = [
    ['join', 'fcp/federation-control-plane'],
    ['namespaces', 'fcp/federation-control-plane'],
    ['hello-world', 'fcp/join'],
    ['hello-world', 'usa/join'],
    ['hello-world', 'chn/join'],
    ['hello-world-address', 'federation/hello-world'],
  ];

  test('depend on each other only where there is no other way', () => {
    const across = plan.steps.flatMap(({ id, cluster, needs }) =>
      needs.filter((need) => !need.startsWith(`${cluster}/`)).map((need) => [id.split('/')[1] ?? '', need]),
    );
    const unique = [...new Map(across.map((pair) => [pair.join(' needs '), pair])).values()];
    expect(unique.sort()).toEqual([...ALLOWED].sort());
  });

  test.each(['usa', 'chn'])('%s waits for nothing of another member before its own address', (member) => {
    const other = member === 'usa' ? 'chn' : 'usa';
    const before = ['node-labels', 'join', 'vip-configmap', 'kube-keepalived-vip', 'keepalived-cloud-provider'];
    for (const name of [...before, 'controller-manager', 'cluster-dns']) {
      for (const id of needed.get(`${member}/${name}`) ?? []) expect(id).not.toMatch(new RegExp(`^${other}/`));
    }
  });

  test('begin at once in every cluster: labels, a place for addresses, and the flag', () => {
    const free = plan.steps.filter(({ needs }) => needs.length === 0).map(({ id }) => id);
    expect(free.sort()).toEqual(
      [
        ...clusters.flatMap((c) => [`${c}/node-labels`, `${c}/vip-configmap`, `${c}/controller-manager`]),
        'fcp/etcd-operator',
        'fcp/tiller',
      ].sort(),
    );
  });
});
