import { parse } from 'semver';
import { AddressRange, Endpoint, parseAddressRange, parseEndpoint } from './addresses';
import { checkTopology } from './check';
import {
  ClusterDnsMethod,
  ClusterProps,
  ControlPlaneProps,
  CoreDnsProps,
  EtcdProps,
  FederationProps,
  KeepalivedProps,
  PlacementProps,
  StackName,
  WorkloadProps,
} from './types';

/** A cluster with every default filled in and every text read. */
export interface Cluster extends Required<Omit<ClusterProps, 'addressRange'>> {
  readonly addressRange: AddressRange;
  /** The minor version: 7 for 1.7.3. */
  readonly minor: number;
  readonly isHost: boolean;
}

/** A workload with every default filled in. */
export interface Workload extends Required<Omit<WorkloadProps, 'placement'>> {
  readonly placement?: PlacementProps;
}

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
  readonly controlPlane: Required<Omit<ControlPlaneProps, 'image'>> & Pick<ControlPlaneProps, 'image'>;
  readonly etcd: Required<EtcdProps>;
  readonly coreDns: Required<CoreDnsProps>;
  readonly keepalived: Required<KeepalivedProps>;
}

/** The value, where the check before has shown that it is there. */
function known<T>(value: T | string | undefined): T {
  if (value === undefined || typeof value === 'string') throw new TypeError('a checked topology lacks a value');
  return value;
}

/**
 * Checks a declaration and fills its defaults in.
 *
 * @throws TopologyError with all mistakes at once
 */
export function resolveTopology(props: FederationProps): Topology {
  checkTopology(props);
  const clusters = props.clusters.map((cluster): Cluster => ({
    ...cluster,
    context: cluster.context ?? cluster.name,
    addressRange: known<AddressRange>(parseAddressRange(cluster.addressRange)),
    minor: known(parse(cluster.kubernetesVersion)?.minor),
    isHost: cluster.name === props.hostCluster,
  }));
  const endpoint = known<Endpoint>(parseEndpoint(props.dns.endpoint));
  return {
    name: federationName(props),
    stack: props.stack ?? 'federation-v1',
    clusters,
    host: known(clusters.find((cluster) => cluster.isHost)),
    dns: {
      zone: props.dns.zone,
      domain: props.dns.zone.replace(/\.$/, ''),
      endpoint,
      server: props.dns.endpoint,
      clusterDns: props.dns.clusterDns ?? 'stub-domains',
    },
    workloads: (props.workloads ?? []).map((workload) => ({
      portName: 'web',
      namespace: 'default',
      ...defined(workload),
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
    },
    coreDns: { chartVersion: '0.6.0', ...defined(props.coreDns ?? {}) },
    keepalived: {
      vipImage: 'gcr.io/google_containers/kube-keepalived-vip:0.9',
      cloudProviderImage: 'quay.io/munnerz/keepalived-cloud-provider:0.0.1',
      forwardMethod: 'NAT',
      ...defined(props.keepalived ?? {}),
    },
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
