/** What a cluster holds before anybody did anything: nodes, kubeadm's own objects, cluster DNS. */
import * as semver from 'semver';
import { type Dict, type Json, type KubeObject, base64 } from './json';
import { ApiServer, type Ledger } from './objects';
import type { ClusterOption, ClusterState } from './types';

export const REGION_LABEL = 'failure-domain.beta.kubernetes.io/region';
export const ZONE_LABEL = 'failure-domain.beta.kubernetes.io/zone';
export const NEW_REGION_LABEL = 'topology.kubernetes.io/region';
export const NEW_ZONE_LABEL = 'topology.kubernetes.io/zone';

/** dnsmasq's own arguments in kubeadm 1.7's kube-dns; what stands before `--` is the nanny's. */
const DNSMASQ_ARGS = [
  '-v=2',
  '-logtostderr',
  '-configDir=/etc/k8s/dns/dnsmasq-nanny',
  '-restartDnsmasq=true',
  '--',
  '-k',
  '--cache-size=1000',
  '--log-facility=-',
  '--server=/cluster.local/127.0.0.1#10053',
  '--server=/in-addr.arpa/127.0.0.1#10053',
  '--server=/ip6.arpa/127.0.0.1#10053',
];

export const COREFILE = `.:53 {
    errors
    health
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
    }
    prometheus :9153
    forward . /etc/resolv.conf
    cache 30
    loop
    reload
    loadbalance
}
`;

function release(option: ClusterOption): string {
  return semver.coerce(option.kubernetesVersion ?? '1.7.3')?.version ?? '1.7.3';
}

/** Which cluster DNS kubeadm gives a version. */
export function clusterDnsOf(option: ClusterOption): 'kube-dns' | 'coredns' {
  return option.clusterDns ?? (semver.gte(release(option), '1.11.0') ? 'coredns' : 'kube-dns');
}

export function emptyCluster(option: ClusterOption): ClusterState {
  const version = option.kubernetesVersion ?? '1.7.3';
  return {
    name: option.name,
    type: 'kubernetes',
    context: option.context ?? option.name,
    server: option.server,
    ca: `ca of ${option.name}`,
    version: version.startsWith('v') ? version.slice(1) : version,
    online: true,
    clusterDns: clusterDnsOf(option),
    region: option.region,
    zone: option.zone,
    addressRange: option.addressRange,
    objects: {},
    resourceVersion: 100,
    uids: 0,
    etcd: {},
    dnsmasqArgs: [...DNSMASQ_ARGS],
  };
}

/** Address of a node: the first node is the master, whose address is the server's. */
function nodeAddress(server: string, index: number): string {
  const [, host = ''] = /^(?:https?:\/\/)?([^:/]+)/.exec(server) ?? [];
  const octets = host.split('.').map(Number);
  if (octets.length !== 4 || octets.some((octet) => !Number.isInteger(octet))) return `192.0.2.${10 + index}`;
  if (index === 0) return host;
  return [octets[0], octets[1], ((octets[2] ?? 0) + 100 + index) % 256, octets[3]].join('.');
}

function node(option: ClusterOption, entry: string | { name: string; address?: string }, index: number): KubeObject {
  const given = typeof entry === 'string' ? { name: entry } : entry;
  const modern = semver.gte(release(option), '1.17.0');
  const labels: Record<string, string> = { 'kubernetes.io/hostname': given.name, 'beta.kubernetes.io/os': 'linux' };
  if (index === 0) labels['node-role.kubernetes.io/master'] = '';
  if (option.labelled === true && option.region !== undefined && option.zone !== undefined) {
    labels[modern ? NEW_REGION_LABEL : REGION_LABEL] = option.region;
    labels[modern ? NEW_ZONE_LABEL : ZONE_LABEL] = option.zone;
  }
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: given.name, labels },
    spec: { externalID: given.name },
    status: {
      addresses: [
        { type: 'InternalIP', address: given.address ?? nodeAddress(option.server, index) },
        { type: 'Hostname', address: given.name },
      ],
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }],
      nodeInfo: { kubeletVersion: `v${release(option)}`, osImage: 'Ubuntu 16.04.2 LTS', architecture: 'amd64' },
    },
  };
}

/** The static pod of a kube-controller-manager with the given flags. */
export function controllerManagerPod(nodeName: string, version: string, flags: readonly string[]): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `kube-controller-manager-${nodeName}`,
      namespace: 'kube-system',
      labels: { component: 'kube-controller-manager', tier: 'control-plane' },
      annotations: { 'kubernetes.io/config.source': 'file' },
    },
    spec: {
      hostNetwork: true,
      nodeName,
      containers: [
        {
          name: 'kube-controller-manager',
          image: `gcr.io/google_containers/kube-controller-manager-amd64:v${version}`,
          command: [
            'kube-controller-manager',
            '--address=127.0.0.1',
            '--leader-elect=true',
            '--use-service-account-credentials=true',
            '--kubeconfig=/etc/kubernetes/controller-manager.conf',
            ...flags,
          ],
        },
      ],
    },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

function kubeDns(api: ApiServer, option: ClusterOption): KubeObject[] {
  const labels = { 'k8s-app': 'kube-dns' };
  const container = (name: string, args: readonly string[]): Json => ({
    name,
    image: `gcr.io/google_containers/k8s-dns-${name === 'dnsmasq' ? 'dnsmasq-nanny' : name}-amd64:1.14.4`,
    args: [...args],
  });
  const objects: KubeObject[] = [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'kube-dns', namespace: 'kube-system' } },
    {
      apiVersion: 'extensions/v1beta1',
      kind: 'Deployment',
      metadata: { name: 'kube-dns', namespace: 'kube-system', labels },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '10%', maxUnavailable: 0 } },
        template: {
          metadata: { labels },
          spec: {
            serviceAccountName: 'kube-dns',
            dnsPolicy: 'Default',
            containers: [
              container('kube-dns', [
                '--domain=cluster.local.',
                '--dns-port=10053',
                '--config-dir=/kube-dns-config',
                '--v=2',
              ]),
              container('dnsmasq', DNSMASQ_ARGS),
              container('sidecar', ['--v=2', '--logtostderr']),
            ].map((entry, index) => (index === 0 ? { ...(entry as Dict), name: 'kubedns' } : entry)),
            volumes: [{ name: 'kube-dns-config', configMap: { name: 'kube-dns', optional: true } }],
          },
        },
      },
    },
  ];
  if (option.clusterDnsConfig !== undefined) {
    objects.push({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'kube-dns', namespace: 'kube-system' },
      data: { ...option.clusterDnsConfig },
    });
  }
  return api.atLeast('1.16.0')
    ? objects.map((object) => (object.kind === 'Deployment' ? { ...object, apiVersion: 'apps/v1' } : object))
    : objects;
}

function coreDns(api: ApiServer, option: ClusterOption): KubeObject[] {
  const labels = { 'k8s-app': 'kube-dns' };
  // What kubeadm of that time ships; `forward` took the place of `proxy` in CoreDNS 1.5.
  const image = api.atLeast('1.16.0') ? '1.6.2' : api.atLeast('1.14.0') ? '1.3.1' : '1.1.3';
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'coredns', namespace: 'kube-system' } },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'coredns', namespace: 'kube-system' },
      data: { Corefile: COREFILE, ...option.clusterDnsConfig },
    },
    {
      apiVersion: api.atLeast('1.9.0') ? 'apps/v1' : 'extensions/v1beta1',
      kind: 'Deployment',
      metadata: { name: 'coredns', namespace: 'kube-system', labels },
      spec: {
        replicas: 2,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            serviceAccountName: 'coredns',
            dnsPolicy: 'Default',
            containers: [
              { name: 'coredns', image: `k8s.gcr.io/coredns:${image}`, args: ['-conf', '/etc/coredns/Corefile'] },
            ],
            volumes: [
              { name: 'config-volume', configMap: { name: 'coredns', items: [{ key: 'Corefile', path: 'Corefile' }] } },
            ],
          },
        },
      },
    },
  ];
}

/** Fills a new cluster. */
export function furnish(state: ClusterState, option: ClusterOption, ledger: Ledger): void {
  const api = new ApiServer(state, ledger);
  const put = (object: KubeObject): void => {
    const type = api.type(object.kind);
    if (type === undefined) throw new Error(`${state.name} (${state.version}) has no ${object.kind}`);
    const space = object.metadata.namespace;
    if (api.get(type, space, object.metadata.name) === undefined) api.create(type, object, space, { status: true });
    else api.update(type, object, { status: true });
  };
  for (const name of ['default', 'kube-system', 'kube-public']) {
    put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }
  const nodes = option.nodes ?? [1, 2, 3].map((number) => `${option.name}-node-${number}`);
  nodes.forEach((entry, index) => {
    put(node(option, entry, index));
  });
  const first = nodes[0];
  const flags = option.controllerManagerFlags ?? ['--cloud-provider=external'];
  if (first !== undefined)
    put(controllerManagerPod(typeof first === 'string' ? first : first.name, release(option), flags));
  for (const name of ['cluster-admin', 'admin', 'edit', 'view']) {
    put({
      apiVersion: 'rbac.authorization.k8s.io/v1beta1',
      kind: 'ClusterRole',
      metadata: { name },
      rules: name === 'cluster-admin' ? [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] : [],
    });
  }
  const service = (name: string, space: string, clusterIP: string, ports: Json[], selector?: Dict): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: space },
    spec: { clusterIP, ports, ...(selector === undefined ? {} : { selector }) },
  });
  put(service('kubernetes', 'default', '10.96.0.1', [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }]));
  put(
    service(
      'kube-dns',
      'kube-system',
      '10.96.0.10',
      [
        { name: 'dns', port: 53, protocol: 'UDP' },
        { name: 'dns-tcp', port: 53, protocol: 'TCP' },
      ],
      { 'k8s-app': 'kube-dns' },
    ),
  );
  for (const object of state.clusterDns === 'kube-dns' ? kubeDns(api, option) : coreDns(api, option)) put(object);
  for (const object of option.objects ?? []) put(object);
}

/** The kubeconfig of an admin of all clusters, as the guide merges it. */
export function kubeconfigOf(clusters: readonly ClusterState[], current: string): Dict {
  return {
    apiVersion: 'v1',
    clusters: clusters.map((cluster) => ({
      name: `${cluster.name}-cluster`,
      cluster: { 'certificate-authority-data': base64(cluster.ca), server: serverUrl(cluster.server) },
    })),
    contexts: clusters.map((cluster) => ({
      name: cluster.context,
      context: { cluster: `${cluster.name}-cluster`, user: `${cluster.name}-admin` },
    })),
    'current-context': current,
    kind: 'Config',
    preferences: {},
    users: clusters.map((cluster) => ({
      name: `${cluster.name}-admin`,
      user: {
        'client-certificate-data': base64(`client certificate by ${cluster.ca}`),
        'client-key-data': base64(`client key of ${cluster.name}-admin, a secret`),
      },
    })),
  };
}

export function serverUrl(server: string): string {
  return server.includes('://') ? server : `https://${server}`;
}
