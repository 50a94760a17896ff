import { parse } from 'semver';
import {
  AddressRange,
  canonicalCidr,
  Endpoint,
  ETCD_NODE_PORT,
  LONGEST_PREFIX,
  parseAddressRange,
  parseEndpoint,
} from './addresses';
import { checkTopology, DEFAULT_PORT_NAME } from './check';
import { DEFAULT_INSTALL } from './check-federation-v1';
import { addressOf, replicasOf } from './spread';
import { KUBECTL } from './kubectl';
import {
  ArgoCdProps,
  ChartsProps,
  ClusterDnsMethod,
  ClusterProps,
  ControlPlaneProps,
  CoreDnsProps,
  DnsProgram,
  EtcdProps,
  EtcdStorageProps,
  EtcdTlsProps,
  ExternalDnsProps,
  FederationProps,
  FluxProps,
  GitOpsProps,
  ImagesProps,
  KeepalivedProps,
  MetalLbProps,
  PlacementProps,
  StackName,
  WorkloadProps,
} from './types';

/** A cluster with every default filled in and every text read. */
export interface Cluster extends Required<Omit<ClusterProps, 'addressRange' | 'nodeNetworks'>> {
  readonly addressRange: AddressRange;
  /** In canonical form; none where none are declared. */
  readonly nodeNetworks: readonly string[];
  /** The minor version: 7 for 1.7.3. */
  readonly minor: number;
  readonly isHost: boolean;
}

/** A workload with every default filled in. */
export interface Workload extends Required<Omit<WorkloadProps, 'placement' | 'readinessPath'>> {
  readonly placement?: PlacementProps;
  readonly readinessPath?: string;
  /** Replicas by cluster name, where they are split when rendering; otherwise empty. */
  readonly replicasIn: Readonly<Record<string, number>>;
}

/** What the declaration says of GitOps, complete. */
export interface GitOps extends Required<Omit<GitOpsProps, 'argoCd' | 'flux'>> {
  readonly argoCd?: Required<ArgoCdProps>;
  readonly flux?: Required<Omit<FluxProps, 'secretName'>> & FluxProps;
}

/** etcd, complete. */
export interface Etcd extends Required<Omit<EtcdProps, 'storage' | 'endpoint' | 'tls'>> {
  readonly storage: (Required<Pick<EtcdStorageProps, 'size'>> & EtcdStorageProps) | 'ephemeral';
  /** Where other clusters reach it. */
  readonly endpoint: Endpoint;
  readonly tls?: EtcdTlsProps;
}

/** Props with every default filled in but those that may stay open. */
type Complete<T, Open extends keyof T> = Required<Omit<T, Open>> & Pick<T, Open>;

/** The declaration, checked and complete: what components read. */
export interface Topology {
  readonly name: string;
  readonly stack: StackName;
  readonly clusters: readonly Cluster[];
  readonly host: Cluster;
  readonly dns: {
    /** With its closing dot. */
    readonly zone: string;
    /** Without its closing dot, as kube-dns writes it. */
    readonly domain: string;
    readonly endpoint: Endpoint;
    /** `address:port` */
    readonly server: string;
    readonly clusterDns: ClusterDnsMethod;
  };
  readonly workloads: readonly Workload[];
  readonly controlPlane: Complete<ControlPlaneProps, 'image' | 'etcdImage'>;
  readonly etcd: Etcd;
  readonly coreDns: Complete<CoreDnsProps, 'tillerImage'>;
  readonly keepalived: Required<KeepalivedProps>;
  readonly images: Complete<ImagesProps, 'prefix'>;
  readonly charts: Complete<ChartsProps, 'repository' | 'folder'>;
  readonly metalLb: Required<MetalLbProps>;
  readonly externalDns: Required<ExternalDnsProps>;
  readonly gitops?: GitOps;
}

/** The value, where the check before has shown that it is there. */
function known<T>(value: T | string | undefined): T {
  if (value === undefined || typeof value === 'string') throw new TypeError('a checked topology lacks a value');
  return value;
}

/** kubeadm sets up CoreDNS from 1.11 on. */
function defaultDnsProgram(version: string): DnsProgram {
  return known(parse(version)?.minor) >= 11 ? 'coredns' : 'kube-dns';
}

/**
 * Checks a declaration and fills its defaults in.
 *
 * @throws TopologyError with all mistakes at once
 */
export function resolveTopology(props: FederationProps): Topology {
  checkTopology(props);
  const stack = props.stack ?? 'federation-v1';
  const clusters = props.clusters.map((cluster): Cluster => ({
    ...cluster,
    dnsProgram: cluster.dnsProgram ?? defaultDnsProgram(cluster.kubernetesVersion),
    context: cluster.context ?? cluster.name,
    kubectl: cluster.kubectl ?? KUBECTL,
    addressRange: known<AddressRange>(parseAddressRange(cluster.addressRange, LONGEST_PREFIX[stack])),
    minor: known(parse(cluster.kubernetesVersion)?.minor),
    isHost: cluster.name === props.hostCluster,
    nodeNetworks: (cluster.nodeNetworks ?? []).map((cidr) => canonicalCidr(cidr) ?? cidr),
  }));
  const endpoint = known<Endpoint>(parseEndpoint(props.dns.endpoint));
  return {
    name: federationName(props),
    stack,
    clusters,
    host: known(clusters.find((cluster) => cluster.isHost)),
    dns: {
      zone: props.dns.zone,
      domain: props.dns.zone.replace(/\.$/, ''),
      endpoint,
      server: props.dns.endpoint,
      clusterDns: props.dns.clusterDns ?? 'stub-domains',
    },
    workloads: (props.workloads ?? []).map((workload, i) => ({
      portName: DEFAULT_PORT_NAME,
      morePorts: [],
      args: [],
      env: {},
      namespace: 'default',
      names: true,
      ...defined(workload),
      ...(stack === 'external-dns' ? spread(workload, i, clusters) : { addresses: {}, replicasIn: {} }),
    })),
    controlPlane: {
      advertiseAddress: endpoint.address,
      persistentStorage: false,
      ...defined(props.controlPlane ?? {}),
    },
    etcd: {
      size: 3,
      version: '3.1.8',
      operatorImage: 'quay.io/coreos/etcd-operator:v0.5.0',
      ...defined(props.etcd ?? {}),
      storage:
        props.etcd?.storage === 'ephemeral' ? 'ephemeral' : { size: '1Gi', ...defined(props.etcd?.storage ?? {}) },
      endpoint: parseEndpoint(props.etcd?.endpoint ?? '') ?? { address: endpoint.address, port: ETCD_NODE_PORT },
    },
    coreDns: {
      install: DEFAULT_INSTALL,
      image: 'coredns/coredns:006',
      chartVersion: '0.6.0',
      ...defined(props.coreDns ?? {}),
    },
    keepalived: {
      vipImage: 'gcr.io/google_containers/kube-keepalived-vip:0.9',
      cloudProviderImage: 'quay.io/munnerz/keepalived-cloud-provider:0.0.1',
      forwardMethod: 'NAT',
      ...defined(props.keepalived ?? {}),
    },
    images: {
      etcd: 'registry.k8s.io/etcd:3.6.8-0',
      coreDns: 'coredns/coredns:1.14.7',
      externalDns: 'registry.k8s.io/external-dns/external-dns:v0.21.0',
      ...defined(props.images ?? {}),
    },
    charts: { unpacked: false, ...defined(props.charts ?? {}) },
    metalLb: { chartVersion: '0.15.2', ignoreExcludeLB: false, ...defined(props.metalLb ?? {}) },
    externalDns: { intervalSeconds: 60, eventIntervalSeconds: 5, ttlSeconds: 30, ...defined(props.externalDns ?? {}) },
    ...(props.gitops && { gitops: resolveGitOps(props.gitops) }),
  };
}

/** Each cluster's part of a workload: its replicas and its Service's address. */
function spread(
  workload: WorkloadProps,
  position: number,
  clusters: readonly Cluster[],
): Pick<Workload, 'addresses' | 'replicasIn'> {
  const names = clusters.map(({ name }) => name);
  const { replicas } = replicasOf(workload, names);
  return {
    replicasIn: Object.fromEntries(names.map((name, i) => [name, replicas[i] ?? 0])),
    addresses: Object.fromEntries(
      clusters.map(({ name, addressRange }) => [name, addressOf(workload, position, name, addressRange)]),
    ),
  };
}

function resolveGitOps({ argoCd, flux, ...rest }: GitOpsProps): GitOps {
  return {
    revision: 'main',
    path: 'dist',
    ...defined(rest),
    ...(argoCd && { argoCd: { namespace: 'argocd', project: 'default', ...defined(argoCd) } }),
    ...(flux && { flux: { namespace: 'flux-system', intervalMinutes: 5, ...defined(flux) } }),
  };
}

/** The federation's name, its default included: the check needs it before anything is resolved. */
export function federationName(props: Pick<FederationProps, 'name'>): string {
  return props.name ?? 'federation';
}

/** An object without the props that are there but undefined, which would otherwise hide a default. */
function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;
}
