/**
 * The words in which a user declares a federation. Every prop says what it means, its unit and its default; `check.ts`
 * judges the values, `resolve.ts` fills the defaults in.
 */

/**
 * Which components make the federation.
 * - `federation-v1`: the guide's (kubefed, etcd-operator, Helm 2, keepalived, kube-dns), for Kubernetes 1.7 to 1.15.
 */
export type StackName = 'federation-v1';

/** One cluster of the federation. */
export interface ClusterProps {
  /** Name in the federation and folder in `dist/`; a DNS-1123 label, as kubefed demands it. */
  readonly name: string;
  /**
   * Address of the API server, such as `https://10.11.12.1:6443`. Apply refuses a context that points elsewhere.
   */
  readonly server: string;
  /** Region of the cluster and third-last part of its DNS names; a DNS-1123 label. */
  readonly region: string;
  /** Zone of the cluster within its region; a DNS-1123 label. Region and zone together are a cluster's own. */
  readonly zone: string;
  /** Version of the API server, such as `1.7.3`. The cluster's bundle is written in what this version serves. */
  readonly kubernetesVersion: string;
  /**
   * The range that addresses of LoadBalancer Services are taken from, as an IPv4 CIDR. Host bits may be set:
   * `10.210.1.100/26` is the network `10.210.1.64/26`, which gives .65 to .126. At most /30; ranges may not overlap.
   */
  readonly addressRange: string;
  /**
   * Name of the context in the user's kubeconfig.
   * @default the cluster's name
   */
  readonly context?: string;
}

/** How pods of a cluster come to ask the federation's CoreDNS for its zone (kube-dns clusters, below 1.11). */
export type ClusterDnsMethod = 'stub-domains' | 'dnsmasq-argument';

/** The zone that finds everything, and who answers for it. */
export interface DnsProps {
  /** The federation's DNS zone with its closing dot, such as `example.com.`. */
  readonly zone: string;
  /**
   * `<IPv4 address of a node of the host cluster>:<node port>` at which CoreDNS answers, such as `10.11.4.82:32609`.
   * CoreDNS's Service is given exactly this node port, and every file that names the server takes it from here.
   */
  readonly endpoint: string;
  /**
   * The node ports that the host cluster's API server hands out (its `--service-node-port-range`).
   * @default '30000-32767', the API server's own default
   */
  readonly nodePortRange?: string;
  /**
   * `stub-domains` merges one entry into the `kube-dns` ConfigMap; `dnsmasq-argument` is the guide's way, an argument of
   * the dnsmasq container, which a kubeadm upgrade removes again. Clusters that run CoreDNS themselves (from 1.11) get a
   * server block in their Corefile either way.
   * @default 'stub-domains'
   */
  readonly clusterDns?: ClusterDnsMethod;
}

/** The retired federation control plane in the host cluster, as `kubefed init` makes it. */
export interface ControlPlaneProps {
  /**
   * IPv4 address of a host cluster's node at which the federation's API server is reached.
   * @default the address of `dns.endpoint`
   */
  readonly advertiseAddress?: string;
  /**
   * Whether the control plane's own etcd keeps its data on a persistent volume. It needs dynamic provisioning in the
   * host cluster; without it a restart of that pod loses the federation's objects.
   * @default false, as the guide
   */
  readonly persistentStorage?: boolean;
  /**
   * Image of the federation's API server and controller manager.
   * @default kubefed's own, of kubefed's version
   */
  readonly image?: string;
}

/** The etcd cluster that holds the zone's records, made by etcd-operator in the host cluster. */
export interface EtcdProps {
  /**
   * Number of members; odd.
   * @default 3
   */
  readonly size?: number;
  /**
   * etcd's version without a leading v. It has to serve the v2 API, through which the federation writes DNS: below 3.4.
   * @default '3.1.8'
   */
  readonly version?: string;
  /** @default 'quay.io/coreos/etcd-operator:v0.5.0' */
  readonly operatorImage?: string;
}

/** CoreDNS, by its Helm chart, in the host cluster. */
export interface CoreDnsProps {
  /**
   * Version of the chart `stable/coredns`, at most 0.9.1: later charts bring a CoreDNS that reads etcd v3 only and would
   * answer nothing here.
   * @default '0.6.0' (CoreDNS 006)
   */
  readonly chartVersion?: string;
}

/** kube-keepalived-vip and keepalived-cloud-provider, which give LoadBalancer Services their addresses. */
export interface KeepalivedProps {
  /** @default 'gcr.io/google_containers/kube-keepalived-vip:0.9' */
  readonly vipImage?: string;
  /** @default 'quay.io/munnerz/keepalived-cloud-provider:0.0.1' */
  readonly cloudProviderImage?: string;
  /**
   * How packets reach the pods, for Services that do not say it themselves (`k8s.co/keepalived-forward-method`).
   * @default 'NAT', the program's own default
   */
  readonly forwardMethod?: 'NAT' | 'DR';
}

/** How many of a workload's replicas one cluster may get. */
export interface ReplicaPreference {
  /** @default 0 */
  readonly minReplicas?: number;
  /** @default no limit */
  readonly maxReplicas?: number;
  /**
   * Share of the replicas beyond the minimum, relative to the other clusters' weights.
   * @default 0, as the federation's controller reads a missing weight: no more than the minimum
   */
  readonly weight?: number;
}

/** Where a workload's replicas go. Without it they are spread evenly over all clusters. */
export interface PlacementProps {
  /**
   * Whether running replicas are moved when the preferences or the clusters change.
   * @default false
   */
  readonly rebalance?: boolean;
  /** Preferences by cluster name; `*` is every cluster that is not named. */
  readonly clusters: Readonly<Record<string, ReplicaPreference>>;
}

/** A workload that runs in all clusters, with one Service of the same name in each. */
export interface WorkloadProps {
  /** Name of Deployment and Service and first part of the DNS names; a DNS-1035 label. */
  readonly name: string;
  /** Container image. */
  readonly image: string;
  /** TCP port of the container and of the Service, 1 to 65535. */
  readonly port: number;
  /**
   * Name of the port; a DNS-1123 label of at most 15 characters.
   * @default 'web'
   */
  readonly portName?: string;
  /** Number of replicas over all clusters; 0 or more. */
  readonly replicas: number;
  /**
   * Namespace in the federation and in every member.
   * @default 'default'
   */
  readonly namespace?: string;
  /** @default replicas are spread evenly */
  readonly placement?: PlacementProps;
}

/** A federation, whole: the one declaration that everything else is derived from. */
export interface FederationProps {
  /**
   * Name of the federation: a part of every DNS name, and the context that `kubefed init` adds to the kubeconfig.
   * @default 'federation'
   */
  readonly name?: string;
  /** @default 'federation-v1' */
  readonly stack?: StackName;
  /** Name of the cluster that carries what exists only once: etcd, CoreDNS, the control plane. */
  readonly hostCluster: string;
  /** The member clusters, the host cluster among them; 1 to 1,000. */
  readonly clusters: readonly ClusterProps[];
  /** The DNS zone and its server. */
  readonly dns: DnsProps;
  /** @default none */
  readonly workloads?: readonly WorkloadProps[];
  /** @default see ControlPlaneProps */
  readonly controlPlane?: ControlPlaneProps;
  /** @default see EtcdProps */
  readonly etcd?: EtcdProps;
  /** @default see CoreDnsProps */
  readonly coreDns?: CoreDnsProps;
  /** @default see KeepalivedProps */
  readonly keepalived?: KeepalivedProps;
}
