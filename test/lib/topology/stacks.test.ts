import { TopologyError } from '../../../lib';
import { checkTopology } from '../../../lib/topology/check';
import { ClusterProps, FederationProps, StackName, WorkloadProps } from '../../../lib/topology/types';
import { GUIDE_CLUSTERS } from '../../support/guide';

/** A cluster whose version is the stack's, unless a row says another. */
type Draft = Omit<ClusterProps, 'kubernetesVersion'> & Partial<Pick<ClusterProps, 'kubernetesVersion'>>;
type Changes = Omit<Partial<FederationProps>, 'clusters' | 'stack'> & { readonly clusters?: readonly Draft[] };

const VERSIONS: Readonly<Record<StackName, string>> = { 'federation-v1': '1.7.3', 'external-dns': '1.34.4' };

function draft(name: keyof typeof GUIDE_CLUSTERS, changes: Partial<ClusterProps> = {}): Draft {
  return { ...GUIDE_CLUSTERS[name], kubernetesVersion: undefined, ...changes };
}

function declared(stack: StackName, { clusters, ...changes }: Changes): FederationProps {
  const drafts = clusters ?? [draft('fcp'), draft('usa'), draft('chn')];
  return {
    stack,
    hostCluster: 'fcp',
    clusters: drafts.map((cluster) => ({
      ...cluster,
      kubernetesVersion: cluster.kubernetesVersion ?? VERSIONS[stack],
    })),
    dns: { zone: 'example.com.', endpoint: '10.11.4.82:32609' },
    workloads: [hello()],
    ...changes,
  };
}

const hello = (changes: Partial<WorkloadProps> = {}): WorkloadProps => ({
  name: 'hello-world',
  image: 'artmr/hello-world:latest',
  replicas: 12,
  port: 8080,
  ...changes,
});

/** Where something is wrong. */
function mistakes(props: FederationProps): string[] {
  try {
    checkTopology(props);
    return [];
  } catch (error) {
    if (error instanceof TopologyError) return error.findings.map(({ where }) => where);
    throw error;
  }
}

const host = (changes: Partial<ClusterProps>): Changes => ({
  clusters: [draft('fcp', changes), draft('usa'), draft('chn')],
});
const usa = (changes: Partial<ClusterProps>): Changes => ({
  clusters: [draft('fcp'), draft('usa', changes), draft('chn')],
});
const alone = (changes: Partial<ClusterProps> = {}): Changes => ({ clusters: [draft('fcp', changes)] });
const workload = (changes: Partial<WorkloadProps>): Changes => ({ workloads: [hello(changes)] });
const workloads = (...names: string[]): Changes => ({ workloads: names.map((name) => hello({ name, replicas: 1 })) });
const dns = (changes: Partial<FederationProps['dns']>): Changes => ({
  dns: { zone: 'example.com.', endpoint: '10.11.4.82:32609', ...changes },
});

/** What a check says in each stack: the places of its findings, none where the rule is not the stack's. */
interface Row {
  readonly rule: string;
  readonly props: Changes;
  readonly v1: readonly string[];
  readonly ext: readonly string[];
}

const row = (rule: string, props: Changes, v1: string | string[], ext: string | string[]): Row => ({
  rule,
  props,
  v1: [v1].flat(),
  ext: [ext].flat(),
});
/** A rule of Kubernetes, of DNS or of this project itself. */
const both = (rule: string, props: Changes, where: string | string[]): Row => row(rule, props, where, where);
/** A rule of one stack's programs, about props that both stacks have. */
const v1Only = (rule: string, props: Changes, where: string | string[]): Row => row(rule, props, where, []);
const extOnly = (rule: string, props: Changes, where: string | string[]): Row => row(rule, props, [], where);
/** A rule about a prop that only one stack has: in the other one the prop itself is the mistake. */
const v1Prop = (rule: string, props: Changes, prop: string, where = prop): Row => row(rule, props, where, prop);
const extProp = (rule: string, props: Changes, prop: string | string[], where: string | string[] = prop): Row =>
  row(rule, props, prop, where);

/** Images that kubefed and helm choose unless they are told. */
const CHOSEN = ['controlPlane.image', 'controlPlane.etcdImage', 'coreDns.tillerImage'];
const REPO = 'https://git.example.org/federation.git';

const ROWS: readonly Row[] = [
  both('nothing is wrong with the guide', {}, []),

  // The federation.
  both('the name is a label', { name: 'My_Federation' }, 'name'),
  both('the name is not too long', { name: 'a'.repeat(64) }, 'name'),
  both('there are clusters', { clusters: [] }, ['clusters', 'hostCluster']),
  both('the host cluster is declared', { hostCluster: 'fpc' }, 'hostCluster'),

  // Clusters.
  both("a cluster's name is a label", usa({ name: 'usa_1', context: 'usa' }), 'clusters[1].name'),
  both("a cluster's name is its own", usa({ name: 'fcp', context: 'usa' }), 'clusters[1].name'),
  v1Only(
    "a cluster's folder is not that of the federated objects",
    { ...usa({ name: 'federation', context: 'usa' }), name: 'world' },
    'clusters[1].name',
  ),
  extOnly("a cluster's folder is not that of GitOps", usa({ name: 'gitops' }), 'clusters[1].name'),
  extOnly("a cluster's folder is not one that helm takes for the chart", usa({ name: 'metallb' }), 'clusters[1].name'),
  extOnly("a cluster's name is not the beginning of a record's key", usa({ name: '1a' }), 'clusters[1].name'),
  both('a region is a label', usa({ region: 'North America' }), 'clusters[1].region'),
  both('a zone is a label', usa({ zone: 'us-' }), 'clusters[1].zone'),
  both('region and zone are one cluster’s', usa({ region: 'europe', zone: 'fr' }), 'clusters[1]'),
  both('a server is an https address', usa({ server: 'http://10.11.12.2:6443' }), 'clusters[1].server'),
  both('a server carries no credentials', usa({ server: 'https://me:pw@10.11.12.2:6443' }), 'clusters[1].server'),
  both('a server is one cluster’s', usa({ server: 'https://10.11.12.1:6443/' }), 'clusters[1].server'),
  both('a context has no blank', usa({ context: 'usa admin' }), 'clusters[1].context'),
  both('a context is one cluster’s', usa({ context: 'fcp' }), 'clusters[1].context'),
  v1Only('a context is not the one that kubefed init writes', usa({ context: 'federation' }), 'clusters[1].context'),
  v1Only('a name is not the context that kubefed init writes', { name: 'usa' }, 'clusters[1].name'),
  ...[
    'kubernetes-admin@kubernetes',
    'arn:aws:eks:eu-west-1:123456789012:cluster/prod',
    'gke_p_z_n',
    'default/api-host:6443/admin',
    'Admin',
    'a..b',
    'a'.repeat(250),
  ].map((context) =>
    v1Only(
      `the host cluster's context can be a part of a ServiceAccount's name, unlike ${context.slice(0, 50)}`,
      host({ context }),
      'clusters[0].context',
    ),
  ),
  both('a member may have any context', usa({ context: 'kubernetes-admin@kubernetes' }), []),
  both('a range is a CIDR', usa({ addressRange: '10.210.3.100' }), 'clusters[1].addressRange'),
  both('a prefix has no leading zero', usa({ addressRange: '10.0.0.0/08' }), 'clusters[1].addressRange'),
  both('a range is not everything', usa({ addressRange: '10.0.0.0/0' }), 'clusters[1].addressRange'),
  ...['0.0.0.0/9', '127.0.0.0/30', '169.254.0.0/24', '224.0.0.0/24', '240.0.0.0/24', '64.0.0.0/2'].map((range) =>
    both(`a range is reached by other machines, unlike ${range}`, usa({ addressRange: range }), [
      'clusters[1].addressRange',
    ]),
  ),
  v1Only(
    'a range keeps addresses beside network and broadcast address',
    usa({ addressRange: '10.210.3.4/31' }),
    'clusters[1].addressRange',
  ),
  v1Only('a range is more than one address', usa({ addressRange: '10.210.3.4/32' }), 'clusters[1].addressRange'),
  both('ranges do not overlap', usa({ addressRange: '10.210.1.120/29' }), 'clusters[1].addressRange'),
  both('a range holds no API server', usa({ addressRange: '10.11.12.3/29' }), 'clusters[1].addressRange'),
  both(
    'a range does not hold the node of the zone',
    usa({ addressRange: '10.11.4.64/26' }),
    'clusters[1].addressRange',
  ),
  both("a cluster's own kubectl is one", usa({ kubectl: 'bin/kubectl' }), 'clusters[1].kubectl'),
  ...['kubectl-1.9', '/opt/kubectl-1.8/kubectl', 'kubectl'].map((kubectl) =>
    both(`… as ${kubectl}`, usa({ kubectl }), []),
  ),
  ...['helm', '', '../kubectl', '/opt/../kubectl', 'kubectl --x', '/kubectl/x'].map((kubectl) =>
    both(`… unlike ${kubectl}`, usa({ kubectl }), 'clusters[1].kubectl'),
  ),
  both('a version has three numbers', usa({ kubernetesVersion: '1.7' }), 'clusters[1].kubernetesVersion'),
  v1Only('a version of the guide’s time', usa({ kubernetesVersion: '1.34.4' }), 'clusters[1].kubernetesVersion'),
  extOnly('a version of today', usa({ kubernetesVersion: '1.7.3' }), 'clusters[1].kubernetesVersion'),
  both('a version between the two times', usa({ kubernetesVersion: '1.20.0' }), 'clusters[1].kubernetesVersion'),
  extProp(
    'node networks are CIDRs',
    { clusters: [draft('fcp', { nodeNetworks: ['10.0.0.0/33'] })] },
    'clusters[0].nodeNetworks',
    'clusters[0].nodeNetworks[0]',
  ),
  extProp(
    'node networks have no leading zero',
    { clusters: [draft('fcp', { nodeNetworks: ['10.0.0.0/08'] })] },
    'clusters[0].nodeNetworks',
    'clusters[0].nodeNetworks[0]',
  ),
  extProp(
    'node networks are told for every cluster',
    host({ nodeNetworks: ['10.0.0.0/8'] }),
    'clusters[0].nodeNetworks',
    ['clusters[1].nodeNetworks', 'clusters[2].nodeNetworks'],
  ),

  // DNS.
  both('the zone has its closing dot', dns({ zone: 'example.com' }), 'dns.zone'),
  both('the zone is a name', dns({ zone: 'Example..com.' }), 'dns.zone'),
  both("the zone is not the clusters' own", dns({ zone: 'cluster.local.' }), 'dns.zone'),
  both('the endpoint has a port', dns({ endpoint: '10.11.4.82' }), 'dns.endpoint'),
  both('the endpoint is a node’s', dns({ endpoint: '0.0.0.0:32609' }), 'dns.endpoint'),
  both('the endpoint has a node port', dns({ endpoint: '10.11.4.82:53' }), 'dns.endpoint'),
  both('node ports are a range', dns({ nodePortRange: '32767-30000' }), 'dns.nodePortRange'),
  row('clusters below 1.11 choose how they ask', dns({ clusterDns: 'stub-domains' }), [], 'dns.clusterDns'),

  // Workloads.
  both('a workload names a Service', workload({ name: '1-web' }), 'workloads[0].name'),
  both("a workload's namespace is a label", workload({ namespace: 'my.shop' }), 'workloads[0].namespace'),
  both('a workload is one of its name', workloads('web', 'web'), 'workloads[1]'),
  both("a workload is not Kubernetes' own Service", workload({ name: 'kubernetes' }), 'workloads[0].name'),
  v1Only('a workload is not etcd-operator', workload({ name: 'etcd-operator' }), 'workloads[0].name'),
  v1Only('a workload is not CoreDNS of the chart', workload({ name: 'coredns-coredns' }), 'workloads[0].name'),
  both(
    "a workload is not the cluster's own DNS",
    workload({ name: 'kube-dns', namespace: 'kube-system' }),
    'workloads[0].name',
  ),
  v1Only(
    'a workload is not Tiller',
    workload({ name: 'tiller-deploy', namespace: 'kube-system' }),
    'workloads[0].name',
  ),
  v1Only(
    "a workload is not in the control plane's namespace",
    workload({ namespace: 'federation-system' }),
    'workloads[0].namespace',
  ),
  extOnly("a workload is not in etcd's namespace", workload({ namespace: 'federation-dns' }), 'workloads[0].namespace'),
  extOnly(
    "a workload is not in MetalLB's namespace",
    workload({ namespace: 'metallb-system' }),
    'workloads[0].namespace',
  ),
  v1Only("a workload's step is not that of the namespaces", workload({ name: 'namespaces' }), 'workloads[0].name'),
  v1Only("a workload's check is not the step of the cluster's DNS", workload({ name: 'cluster' }), 'workloads[0].name'),
  both('a name of JavaScript is a name like others', workload({ name: 'constructor', namespace: 'constructor' }), []),
  extOnly('there is room for the second Service', workload({ name: 'a'.repeat(58) }), 'workloads[0].name'),
  extOnly('the second Service is no workload', workloads('web-names', 'web'), 'workloads[0].name'),
  both(
    'names are not longer than DNS has them',
    {
      name: 'f'.repeat(63),
      clusters: [draft('fcp', { region: 'r'.repeat(63), zone: 'z'.repeat(63) })],
      workloads: [hello({ name: 'w'.repeat(43) })],
    },
    'workloads[0].name',
  ),
  both('an image is a reference', workload({ image: 'Nginx' }), 'workloads[0].image'),
  both("an image's registry has a port that is one", workload({ image: 'a.b:70000/c' }), 'workloads[0].image'),
  both("an image's name has an end", workload({ image: 'a/'.repeat(130) + 'a' }), 'workloads[0].image'),
  both('a port is a number', workload({ port: 0 }), 'workloads[0].port'),
  both("a port's name has a letter", workload({ portName: '8080' }), 'workloads[0].portName'),
  both(
    "a port's name is its own",
    workload({ morePorts: [{ name: 'web', port: 1 }] }),
    'workloads[0].morePorts[0].name',
  ),
  both("a port's number is its own", workload({ morePorts: [{ name: 'x', port: 8080 }] }), [
    'workloads[0].morePorts[0].port',
  ]),
  row(
    'UDP beside TCP takes a server of 1.26',
    workload({ morePorts: [{ name: 'x', port: 8080, protocol: 'UDP' }] }),
    'workloads[0].morePorts[0].protocol',
    [],
  ),
  both("a variable's name is one", workload({ env: { 'a-b': '' } }), "workloads[0].env['a-b']"),
  both('replicas are a number', workload({ replicas: -1 }), 'workloads[0].replicas'),
  both('a placement names clusters', workload({ placement: { clusters: { x: {}, '*': { weight: 1 } } } }), [
    "workloads[0].placement.clusters['x']",
  ]),
  both('minimums are not more than there is', workload({ placement: { clusters: { '*': { minReplicas: 5 } } } }), [
    'workloads[0].placement',
  ]),
  both('some cluster runs something', workload({ placement: { clusters: { '*': {} } } }), 'workloads[0].placement'),
  both('every replica finds a place', workload({ placement: { clusters: { '*': { maxReplicas: 1, weight: 1 } } } }), [
    'workloads[0].placement',
  ]),
  both(
    'a maximum is not less than the minimum',
    workload({ placement: { clusters: { '*': { minReplicas: 2, maxReplicas: 1 } } } }),
    ["workloads[0].placement.clusters['*'].maxReplicas"],
  ),
  both('a weight is a number', workload({ placement: { clusters: { '*': { weight: 0.5 } } } }), [
    "workloads[0].placement.clusters['*'].weight",
  ]),
  row(
    'moving replicas is the control plane’s',
    workload({ placement: { rebalance: true, clusters: { '*': { weight: 1 } } } }),
    [],
    'workloads[0].placement.rebalance',
  ),
  row('names may be left out', workload({ names: false }), 'workloads[0].names', []),
  extProp('a path begins with a slash', workload({ readinessPath: 'x' }), 'workloads[0].readinessPath'),
  extProp(
    'an address is in the range',
    workload({ addresses: { usa: '10.210.1.70' } }),
    'workloads[0].addresses',
    "workloads[0].addresses['usa']",
  ),
  extProp(
    'an address is a declared cluster’s',
    workload({ addresses: { x: '10.210.1.70' } }),
    'workloads[0].addresses',
    "workloads[0].addresses['x']",
  ),

  row(
    'every Service finds an address',
    { clusters: [draft('fcp', { addressRange: '10.210.1.0/30' })], ...workloads('a', 'b', 'c') },
    'clusters[0].addressRange',
    "workloads[2].addresses['fcp']",
  ),
  both('… up to the last', { clusters: [draft('fcp', { addressRange: '10.210.1.0/30' })], ...workloads('a', 'b') }, []),

  // Systems.
  both('etcd has an odd number of members', { etcd: { size: 2 } }, 'etcd.size'),
  v1Prop('etcd serves its v2 API', { etcd: { version: '3.4.0' } }, 'etcd.version'),
  v1Prop('etcd-operator is an image', { etcd: { operatorImage: 'X' } }, 'etcd.operatorImage'),
  v1Prop('etcd-operator knows EtcdCluster', { etcd: { operatorImage: 'x/y:v0.4.2' } }, 'etcd.operatorImage'),
  v1Prop('CoreDNS reads etcd v2', { coreDns: { chartVersion: '1.0.0' } }, 'coreDns', 'coreDns.chartVersion'),
  v1Prop('a chart is a release', { coreDns: { chartVersion: '0.8.0-rc.1' } }, 'coreDns', 'coreDns.chartVersion'),
  v1Prop('keepalived is an image', { keepalived: { vipImage: 'X' } }, 'keepalived', 'keepalived.vipImage'),
  v1Prop('keepalived takes the arguments', { keepalived: { vipImage: 'x:0.11' } }, 'keepalived', 'keepalived.vipImage'),
  v1Prop(
    'the provider is an image',
    { keepalived: { cloudProviderImage: 'X' } },
    'keepalived',
    'keepalived.cloudProviderImage',
  ),
  v1Prop('the control plane is an image', { controlPlane: { image: 'X' } }, 'controlPlane', 'controlPlane.image'),
  v1Prop(
    'the control plane is a federation',
    { controlPlane: { image: 'x:v1.6.4' } },
    'controlPlane',
    'controlPlane.image',
  ),
  v1Prop(
    'the control plane has an address',
    { controlPlane: { advertiseAddress: '10.11.4' } },
    'controlPlane',
    'controlPlane.advertiseAddress',
  ),
  v1Prop(
    '… that a node has',
    { controlPlane: { advertiseAddress: '224.0.0.1' } },
    'controlPlane',
    'controlPlane.advertiseAddress',
  ),
  v1Prop(
    'the control plane’s etcd is an image',
    { controlPlane: { etcdImage: 'X' } },
    'controlPlane',
    'controlPlane.etcdImage',
  ),
  v1Prop('Tiller is an image', { coreDns: { tillerImage: 'X' } }, 'coreDns', 'coreDns.tillerImage'),
  extProp('etcd has an endpoint', { etcd: { endpoint: 'x' } }, 'etcd.endpoint'),
  extProp('etcd has a node port', { etcd: { endpoint: '10.11.4.82:2379' } }, 'etcd.endpoint'),
  extProp('etcd has a node port of its own', { etcd: { endpoint: '10.11.4.83:32609' } }, 'etcd.endpoint'),
  extOnly('etcd’s own node port is one', dns({ nodePortRange: '32000-32700' }), []),
  extOnly('etcd’s usual node port is handed out', dns({ nodePortRange: '32500-32700' }), 'etcd.endpoint'),
  extOnly('… where another cluster needs it', { ...alone(), ...dns({ nodePortRange: '32500-32700' }) }, []),
  extProp('one member alone may forget', { etcd: { storage: 'ephemeral' } }, 'etcd.storage'),
  extProp('a volume has a size', { etcd: { storage: { size: '10' } } }, 'etcd.storage', 'etcd.storage.size'),
  extProp('a volume has room', { etcd: { storage: { size: '500M' } } }, 'etcd.storage', 'etcd.storage.size'),
  extProp('a class has a name', { etcd: { storage: { className: 'a..b' } } }, 'etcd.storage', 'etcd.storage.className'),
  extProp(
    'a Secret has a name',
    { etcd: { tls: { serverSecret: 'X', clientSecret: 'c' } } },
    'etcd.tls',
    'etcd.tls.serverSecret',
  ),
  row('what programs choose is named with a prefix', { images: { prefix: 'a.b' } }, CHOSEN, []),
  row(
    'a prefix begins with a registry',
    { images: { prefix: 'mirror' } },
    ['images.prefix', ...CHOSEN],
    'images.prefix',
  ),
  row('a prefix ends without a slash', { images: { prefix: 'a.b/' } }, ['images.prefix', ...CHOSEN], 'images.prefix'),
  row(
    'an image can stand behind the prefix',
    { images: { prefix: 'a.b' }, workloads: [hello({ image: 'registry:5000/x' })] },
    ['workloads[0].image', ...CHOSEN],
    'workloads[0].image',
  ),
  extProp('etcd is an image', { images: { etcd: 'X' } }, 'images.etcd'),
  extProp('etcd answers the probes', { images: { etcd: 'registry.k8s.io/etcd:3.5.9-0' } }, 'images.etcd'),
  extProp('CoreDNS has what the zone needs', { images: { coreDns: 'coredns/coredns:1.1.3' } }, 'images.coreDns'),
  extProp('ExternalDNS knows owners', { images: { externalDns: 'a.b/c:v0.20.0' } }, 'images.externalDns'),
  both('charts lie in a folder', { charts: { folder: '-x' } }, 'charts.folder'),
  both('charts lie unpacked in a folder', { charts: { unpacked: true } }, 'charts.unpacked'),
  both('a chart repository has an address', { charts: { repository: 'charts.local' } }, 'charts.repository'),
  both('… that helm can ask', { charts: { repository: 'file:///charts' } }, 'charts.repository'),
  both('… without a password', { charts: { repository: 'https://a:b@c.d' } }, 'charts.repository'),
  both('… and no folder beside it', { charts: { repository: 'https://c.d', folder: '../x' } }, 'charts.repository'),
  ...['0.14.9', '0.15.2', '0.16.0', '1.0.0'].map((chartVersion) =>
    row(`MetalLB ${chartVersion} reads the addresses`, { metalLb: { chartVersion } }, 'metalLb', []),
  ),
  extProp('MetalLB reads the addresses', { metalLb: { chartVersion: '0.14.8' } }, 'metalLb', 'metalLb.chartVersion'),
  extProp('a TTL is a number', { externalDns: { ttlSeconds: 0 } }, 'externalDns', 'externalDns.ttlSeconds'),
  extProp(
    'an interval is a number',
    { externalDns: { intervalSeconds: 0 } },
    'externalDns',
    'externalDns.intervalSeconds',
  ),
  extProp(
    '… the shorter one too',
    { externalDns: { eventIntervalSeconds: 0.5 } },
    'externalDns',
    'externalDns.eventIntervalSeconds',
  ),
  extProp(
    'charts lie in the repository',
    { charts: { folder: '../../charts' }, gitops: { repoUrl: REPO, flux: {} } },
    'gitops',
    'charts.folder',
  ),
  extProp(
    'Argo CD takes unpacked charts',
    { charts: { folder: '../charts' }, gitops: { repoUrl: REPO, argoCd: {} } },
    'gitops',
    'charts.unpacked',
  ),
  extProp('a repository has an address', { gitops: { repoUrl: 'x', argoCd: {} } }, 'gitops', 'gitops.repoUrl'),
  extProp('… without a password', { gitops: { repoUrl: 'https://a:b@c.d/e', argoCd: {} } }, 'gitops', 'gitops.repoUrl'),
  extProp(
    '… and without a template',
    { gitops: { repoUrl: `${REPO}{{.name}}`, argoCd: {} } },
    'gitops',
    'gitops.repoUrl',
  ),
  extProp(
    'Flux takes URLs',
    { gitops: { repoUrl: 'git@c.d:e', flux: { secretName: 'x' } } },
    'gitops',
    'gitops.repoUrl',
  ),
  extProp(
    'Flux has a key for ssh',
    { gitops: { repoUrl: 'ssh://git@c.d/e', flux: {} } },
    'gitops',
    'gitops.flux.secretName',
  ),
  extProp(
    "Flux's Secret has a name",
    { gitops: { repoUrl: REPO, flux: { secretName: 'X' } } },
    'gitops',
    'gitops.flux.secretName',
  ),
  extProp(
    'a path is inside the repository',
    { gitops: { repoUrl: REPO, path: '../x', argoCd: {} } },
    'gitops',
    'gitops.path',
  ),
  ...['a b', 'a..b', 'a/', 'a//b', 'x.lock', '.x'].map((revision) =>
    extProp(
      `a revision is one, unlike ${revision}`,
      { gitops: { repoUrl: REPO, revision, argoCd: {} } },
      'gitops',
      'gitops.revision',
    ),
  ),
  extProp(
    "Argo CD's namespace is a label",
    { gitops: { repoUrl: REPO, argoCd: { namespace: 'X' } } },
    'gitops',
    'gitops.argoCd.namespace',
  ),
  extProp(
    "Argo CD's project is a label",
    { gitops: { repoUrl: REPO, argoCd: { project: 'X' } } },
    'gitops',
    'gitops.argoCd.project',
  ),
  extProp(
    "Flux's namespace is a label",
    { gitops: { repoUrl: REPO, flux: { namespace: 'X' } } },
    'gitops',
    'gitops.flux.namespace',
  ),
  extProp(
    'Flux looks now and then',
    { gitops: { repoUrl: REPO, flux: { intervalMinutes: 0 } } },
    'gitops',
    'gitops.flux.intervalMinutes',
  ),
  extProp(
    'Flux can label objects with the name',
    { name: 'f'.repeat(61), gitops: { repoUrl: REPO, flux: {} } },
    'gitops',
    'name',
  ),
  extProp('GitOps has an engine', { gitops: { repoUrl: REPO } }, 'gitops'),
];

describe.each<[StackName, 'v1' | 'ext']>([
  ['federation-v1', 'v1'],
  ['external-dns', 'ext'],
])('%s', (stack, key) => {
  test.each(ROWS.map((one) => [one.rule, one] as const))('%s', (_, one) => {
    expect(mistakes(declared(stack, one.props))).toEqual(one[key]);
  });
});

describe.each<[StackName, number]>([
  ['federation-v1', 7],
  ['external-dns', 30],
])('%s: clusters are served by one kubectl', (stack, minor) => {
  /** fcp, usa and chn so many minor versions above the first, each with its kubectl. */
  const at = (above: readonly number[], kubectl: readonly (string | undefined)[] = []): FederationProps => {
    const names = ['fcp', 'usa', 'chn'] as const;
    const clusters = names.map((name, i) =>
      draft(name, { kubernetesVersion: `1.${minor + (above[i] ?? 0)}.3`, kubectl: kubectl[i] }),
    );
    return declared(stack, { clusters });
  };

  test('which reaches over two minor versions, and no further', () => {
    expect(mistakes(at([0, 1, 2]))).toEqual([]);
    expect(mistakes(at([2, 2, 0]))).toEqual([]);
    expect(mistakes(at([0, 3, 6]))).toEqual(['clusters[2].kubernetesVersion']);
  });

  test('or have kubectls of their own, of which each reaches over its clusters', () => {
    expect(mistakes(at([0, 3, 6], [undefined, 'kubectl-new', 'kubectl-newest']))).toEqual([]);
    expect(mistakes(at([0, 3, 5], [undefined, 'kubectl-new', 'kubectl-new']))).toEqual([]);
    expect(mistakes(at([0, 3, 6], [undefined, 'kubectl-new', 'kubectl-new']))).toEqual([
      'clusters[2].kubernetesVersion',
    ]);
  });

  test('in words', () => {
    expect(() => {
      checkTopology(at([3, 0, 1]));
    }).toThrow(
      `clusters[0].kubernetesVersion: no kubectl serves 1.${minor + 3}.3 and clusters[1]'s 1.${minor}.3: it may be one minor version from a server\n    Bring the clusters within two minor versions, or give some a kubectl of their own, such as kubectl: 'kubectl-1.${minor + 3}'.`,
    );
  });
});
