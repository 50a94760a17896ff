import { Manifest } from '../lib/dialect/dialect';
import { fromYaml } from '../lib/yaml';
import { guideProps, Rendered, valueAt } from './support/guide';

/**
 * Every value that the guide's text and its manifests have, each looked for in what the guide's topology renders, at the
 * place where the guide has it. Where the guide is wrong (FACTS.md), the table has what is right, and says so. What
 * main.ts declares is the user's, and no concern of this file.
 */

const rendered = Rendered.of(guideProps());
const { plan } = rendered;
const read = (path: string): string => rendered.content(path);

/** The object of a file with this kind. */
function object(path: string, kind: string): Manifest {
  const found = rendered.objectsOf(path).filter((candidate) => candidate.kind === kind);
  if (found.length !== 1) throw new Error(`${path} has ${found.length} objects of kind ${kind}`);
  return found[0] as Manifest;
}

/** The pods of a workload, as a path into it. */
const POD = ['spec', 'template', 'spec'] as const;
const CONTAINER = [...POD, 'containers', 0] as const;

/** The commands that a step runs, each as one line. */
function commandLines(id: string): string[] {
  const { steps } = fromYaml(read('plan.yaml')) as { steps: { id: string; run: string[][] }[] };
  return steps.find((step) => step.id === id)?.run.map((words) => words.join(' ')) ?? [];
}

/** The flags of a step's only command. */
const flags = (id: string): string[] => commandLines(id).join(' ').split(' ');

const CLUSTERS = [
  { cluster: 'fcp', server: 'https://10.11.12.1:6443', region: 'europe', zone: 'fr', cidr: '10.210.1.100/26' },
  { cluster: 'usa', server: 'https://10.11.12.2:6443', region: 'america', zone: 'us', cidr: '10.210.3.100/26' },
  { cluster: 'chn', server: 'https://10.11.12.3:6443', region: 'asia', zone: 'cn', cidr: '10.210.2.100/26' },
];

describe.each(CLUSTERS)('in $cluster', ({ cluster, server, region, zone, cidr }) => {
  const vip = `${cluster}/36-kube-keepalived-vip.yaml`;
  const provider = `${cluster}/37-keepalived-cloud-provider.yaml`;

  test('the API server, the region and the zone are those of the guide', () => {
    expect(plan.clusters.find(({ name }) => name === cluster)).toMatchObject({
      context: cluster,
      server,
      region,
      zone,
      kubernetesVersion: '1.7.3',
    });
  });

  test('every node is labelled with both, in the key of 1.7', () => {
    expect(commandLines(`${cluster}/node-labels`)).toEqual([
      expect.stringMatching(
        `^kubectl --context=${cluster} label nodes .* failure-domain.beta.kubernetes.io/region=${region} failure-domain.beta.kubernetes.io/zone=${zone}( |$)`,
      ),
    ]);
  });

  test.each<[string, string, string, readonly (string | number)[], unknown]>([
    [
      'the image of kube-keepalived-vip',
      vip,
      'DaemonSet',
      [...CONTAINER, 'image'],
      'gcr.io/google_containers/kube-keepalived-vip:0.9',
    ],
    ['its pull policy', vip, 'DaemonSet', [...CONTAINER, 'imagePullPolicy'], 'Always'],
    // A published copy of the guide's manifests has cloud-provider/vip-configmap here, and nothing is announced.
    ['its flag', vip, 'DaemonSet', [...CONTAINER, 'args'], ['--services-configmap=kube-system/vip-configmap']],
    ['its network', vip, 'DaemonSet', [...POD, 'hostNetwork'], true],
    ['its privilege', vip, 'DaemonSet', [...CONTAINER, 'securityContext', 'privileged'], true],
    ['its namespace', vip, 'DaemonSet', ['metadata', 'namespace'], 'kube-system'],
    [
      'its first variable',
      vip,
      'DaemonSet',
      [...CONTAINER, 'env', 0],
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    ],
    [
      'its second variable',
      vip,
      'DaemonSet',
      [...CONTAINER, 'env', 1],
      { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
    ],
    [
      'its mounts',
      vip,
      'DaemonSet',
      [...CONTAINER, 'volumeMounts'],
      [
        { mountPath: '/lib/modules', name: 'modules', readOnly: true },
        { mountPath: '/dev', name: 'dev' },
      ],
    ],
    [
      'its volumes',
      vip,
      'DaemonSet',
      [...POD, 'volumes'],
      [
        { hostPath: { path: '/lib/modules' }, name: 'modules' },
        { hostPath: { path: '/dev' }, name: 'dev' },
      ],
    ],
    [
      'the image of keepalived-cloud-provider',
      provider,
      'Deployment',
      [...CONTAINER, 'image'],
      'quay.io/munnerz/keepalived-cloud-provider:0.0.1',
    ],
    ['its replicas', provider, 'Deployment', ['spec', 'replicas'], 1],
    ['its history', provider, 'Deployment', ['spec', 'revisionHistoryLimit'], 2],
    ['its namespace', provider, 'Deployment', ['metadata', 'namespace'], 'kube-system'],
    [
      'its annotation',
      provider,
      'Deployment',
      ['spec', 'template', 'metadata', 'annotations'],
      { 'scheduler.alpha.kubernetes.io/critical-pod': '' },
    ],
    // The guide's annotation scheduler.alpha.kubernetes.io/tolerations is not read any more from 1.6 on.
    [
      'its toleration',
      provider,
      'Deployment',
      [...POD, 'tolerations'],
      [{ key: 'CriticalAddonsOnly', operator: 'Exists' }],
    ],
    ['its CPU request', provider, 'Deployment', [...CONTAINER, 'resources'], { requests: { cpu: '200m' } }],
    [
      'its variables',
      provider,
      'Deployment',
      [...CONTAINER, 'env'],
      [
        { name: 'KEEPALIVED_NAMESPACE', value: 'kube-system' },
        { name: 'KEEPALIVED_CONFIG_MAP', value: 'vip-configmap' },
        { name: 'KEEPALIVED_SERVICE_CIDR', value: cidr },
        { name: 'KEEPALIVED_DEFAULT_FORWARD_METHOD', value: 'NAT' },
      ],
    ],
    [
      'its certificates',
      provider,
      'Deployment',
      [...POD, 'volumes'],
      [{ hostPath: { path: '/etc/ssl/certs' }, name: 'certs' }],
    ],
    ['their mount', provider, 'Deployment', [...CONTAINER, 'volumeMounts', 0, 'mountPath'], '/etc/ssl/certs'],
    [
      'its probe',
      provider,
      'Deployment',
      [...CONTAINER, 'livenessProbe', 'httpGet'],
      { host: '127.0.0.1', path: '/healthz', port: 10252, scheme: 'HTTP' },
    ],
    ['the ConfigMap of both', `${cluster}/35-vip-configmap.yaml`, 'ConfigMap', ['metadata', 'name'], 'vip-configmap'],
    ['and its namespace', `${cluster}/35-vip-configmap.yaml`, 'ConfigMap', ['metadata', 'namespace'], 'kube-system'],
    [
      'the flag of the controller manager',
      `${cluster}/40-controller-manager-kubeadm.conf`,
      'MasterConfiguration',
      ['controllerManagerExtraArgs'],
      { 'cloud-provider': 'external' },
    ],
    // The guide edits the dnsmasq argument, in a form that dnsmasq refuses.
    [
      'the server of the zone',
      `${cluster}/45-kube-dns-stub-domains.conf`,
      'ConfigMap',
      ['data', 'stubDomains'],
      '{"example.com":["10.11.4.82:32609"]}',
    ],
  ])('%s is there', (_, path, kind, place, value) => {
    expect(valueAt(object(path, kind), ...place)).toEqual(value);
  });

  test('the instruction names the flag and the file that the guide names', () => {
    const text = read(`${cluster}/40-controller-manager-kubeadm.conf`);
    expect(text).toContain('--cloud-provider=external');
    expect(text).toContain('/etc/kubernetes/manifests/kube-controller-manager.yaml');
  });

  test('kubefed join has the guide’s arguments', () => {
    expect(flags(`${cluster}/join`).slice(0, 3)).toEqual(['kubefed', 'join', cluster]);
    expect(flags(`${cluster}/join`)).toContain('--host-cluster-context=fcp');
  });
});

describe('in fcp', () => {
  const operator = 'fcp/15-etcd-operator.yaml';

  test.each<[string, string, string, readonly (string | number)[], unknown]>([
    [
      'the image of etcd-operator',
      operator,
      'Deployment',
      [...CONTAINER, 'image'],
      'quay.io/coreos/etcd-operator:v0.5.0',
    ],
    ['its replicas', operator, 'Deployment', ['spec', 'replicas'], 1],
    ['its namespace', operator, 'Deployment', ['metadata', 'namespace'], 'default'],
    [
      'its variables',
      operator,
      'Deployment',
      [...CONTAINER, 'env'],
      [
        { name: 'MY_POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
        { name: 'MY_POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      ],
    ],
    ['its account', operator, 'ServiceAccount', ['metadata', 'name'], 'etcd-operator'],
    ['the name of etcd', 'fcp/16-etcd-cluster.yaml', 'EtcdCluster', ['metadata', 'name'], 'etcd-cluster'],
    ['its namespace', 'fcp/16-etcd-cluster.yaml', 'EtcdCluster', ['metadata', 'namespace'], 'default'],
    ['its API version', 'fcp/16-etcd-cluster.yaml', 'EtcdCluster', ['apiVersion'], 'etcd.database.coreos.com/v1beta2'],
    ['its size and version', 'fcp/16-etcd-cluster.yaml', 'EtcdCluster', ['spec'], { size: 3, version: '3.1.8' }],
    ['the account of Tiller', 'fcp/20-tiller.yaml', 'ServiceAccount', ['metadata', 'name'], 'tiller'],
    ['its namespace', 'fcp/20-tiller.yaml', 'ServiceAccount', ['metadata', 'namespace'], 'kube-system'],
    ['its role', 'fcp/20-tiller.yaml', 'ClusterRoleBinding', ['roleRef', 'name'], 'cluster-admin'],
  ])('%s is there', (_, path, kind, place, value) => {
    expect(valueAt(object(path, kind), ...place)).toEqual(value);
  });

  test("the chart's values are the guide's", () => {
    expect(fromYaml(read('fcp/21-coredns-values.conf'))).toMatchObject({
      isClusterService: false,
      serviceType: 'NodePort',
      middleware: {
        kubernetes: { enabled: false },
        etcd: { enabled: true, zones: ['example.com.'], endpoint: 'http://etcd-cluster-client.default:2379' },
      },
    });
  });

  test('the chart is pinned to a version that takes them, which the guide leaves open', () => {
    const command = flags('fcp/coredns');
    expect(command).toEqual(expect.arrayContaining(['helm', 'coredns', '--version=0.6.0']));
  });

  test("helm init has the guide's account", () => {
    expect(flags('fcp/helm-init')).toEqual(expect.arrayContaining(['init', '--service-account=tiller']));
  });

  test("the provider's configuration is the guide's", () => {
    expect(
      read('fcp/25-coredns-provider.conf')
        .split('\n')
        .filter((line) => !line.startsWith('#')),
    ).toEqual([
      '[Global]',
      'etcd-endpoints = http://etcd-cluster-client.default:2379',
      'zones = example.com.',
      'coredns-endpoints = 10.11.4.82:32609',
      '',
    ]);
  });

  test('CoreDNS has the node port of the endpoint', () => {
    expect(plan.steps.find(({ id }) => id === 'fcp/coredns-node-port')).toMatchObject({
      service: 'coredns-coredns',
      namespace: 'default',
      nodePort: 32609,
    });
  });

  test.each([
    'kubefed',
    'init',
    'federation',
    '--host-cluster-context=fcp',
    '--dns-provider=coredns',
    '--dns-zone-name=example.com.',
    '--api-server-advertise-address=10.11.4.82',
    '--api-server-service-type=NodePort',
    '--dns-provider-config=fcp/25-coredns-provider.conf',
    '--etcd-persistent-storage=false',
  ])('kubefed init has %s', (flag) => {
    expect(flags('fcp/federation-control-plane')).toContain(flag);
  });
});

describe('in the federation', () => {
  const hello = 'federation/51-hello-world.yaml';

  test.each<[string, string, string, readonly (string | number)[], unknown]>([
    [
      'the namespace that the guide creates',
      'federation/50-namespaces.yaml',
      'Namespace',
      ['metadata', 'name'],
      'default',
    ],
    ['the image', hello, 'Deployment', [...CONTAINER, 'image'], 'artmr/hello-world:latest'],
    ['the replicas', hello, 'Deployment', ['spec', 'replicas'], 12],
    ['the label of the pods', hello, 'Deployment', ['spec', 'template', 'metadata', 'labels'], { app: 'hello-world' }],
    ['the port of the container', hello, 'Deployment', [...CONTAINER, 'ports'], [{ containerPort: 8080, name: 'web' }]],
    // Whatever the members run, the federation serves extensions/v1beta1 only.
    ['the API version', hello, 'Deployment', ['apiVersion'], 'extensions/v1beta1'],
    ['the type of the Service', hello, 'Service', ['spec', 'type'], 'LoadBalancer'],
    ['its port', hello, 'Service', ['spec', 'ports'], [{ name: 'web', port: 8080, targetPort: 8080 }]],
    ['its selector', hello, 'Service', ['spec', 'selector'], { app: 'hello-world' }],
    ['its namespace', hello, 'Service', ['metadata', 'namespace'], 'default'],
  ])('%s is there', (_, path, kind, place, value) => {
    expect(valueAt(object(path, kind), ...place)).toEqual(value);
  });
});

describe("the guide's answers", () => {
  test.each([
    ['fcp', 'hello-world.default.federation.svc.fr.europe.example.com', '10.210.1.68'],
    ['usa', 'hello-world.default.federation.svc.us.america.example.com', '10.210.3.65'],
    ['chn', 'hello-world.default.federation.svc.cn.asia.example.com', '10.210.2.65'],
  ])('in %s %s is asked for, and %s is an answer', (cluster, name, answer) => {
    expect(plan.steps.find(({ id }) => id === `${cluster}/hello-world-dns`)).toMatchObject({
      kind: 'dns-check',
      name,
      server: '10.11.4.82:32609',
    });
    const step = plan.steps.find(({ id }) => id === `${cluster}/hello-world-address`);
    if (step?.kind !== 'service-address') throw new Error(`${cluster} has no step for its address`);
    const last = (address: string): number => Number(address.split('.')[3]);
    const network = (address: string): string => address.split('.').slice(0, 3).join('.');
    expect([network(step.first), network(step.last)]).toEqual([network(answer), network(answer)]);
    expect(last(answer)).toBeGreaterThanOrEqual(last(step.first));
    expect(last(answer)).toBeLessThanOrEqual(last(step.last));
  });
});
