/**
 * The words in which a user declares a federation. Every prop says what it means, its unit and its default; `check.ts`
 * judges the values, `resolve.ts` fills the defaults in.
 */

/**
 * Which components make the federation.
 * - `federation-v1`: the guide's (kubefed, etcd-operator, Helm 2, keepalived, kube-dns), for Kubernetes 1.7 to 1.15.
 * - `external-dns`: today's (MetalLB, etcd, CoreDNS, ExternalDNS; no control plane of its own), for 1.29 to 1.37.
 */
export type StackName = 'federation-v1' | 'external-dns';

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
   * `10.210.1.100/26` is the network `10.210.1.64/26`, which gives .65 to .126. At most /30, or /32 with the stack
   * `external-dns`; ranges may not overlap.
   */
  readonly addressRange: string;
  /**
   * Name of the context in the user's kubeconfig.
   * @default the cluster's name
   */
  readonly context?: string;
  /**
   * The kubectl for this cluster: a program's name, found on the PATH, or an absolute path; its name begins with
   * `kubectl`. A kubectl serves clusters within one minor version of its own, so that clusters more than two apart need
   * several. `kubectl` itself has to be on the PATH too.
   * @default 'kubectl'
   */
  readonly kubectl?: string;
  /**
   * Networks of the cluster's nodes as IPv4 CIDRs (host bits may be set), from which its pods' packets reach other clusters. The host
   * cluster's etcd lets in these and no others. Give them for every cluster or for none. Stack `external-dns` only.
   * @default every address may reach etcd's client port
   */
  readonly nodeNetworks?: readonly string[];
  /**
   * Which program answers the cluster's own names: kubeadm below 1.11 can set up CoreDNS by a feature gate, too.
   * Stack `federation-v1` only.
   * @default 'kube-dns' below Kubernetes 1.11, 'coredns' from 1.11 on
   */
  readonly dnsProgram?: DnsProgram;
}

/** What answers a cluster's own names. */
export type DnsProgram = 'kube-dns' | 'coredns';

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

/** The retired federation control plane in the host cluster, as `kubefed init` makes it. Stack `federation-v1` only. */
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
   * Image of the federation's API server and controller manager, v1.7 to v1.11. Where its tag is a version, the federated
   * objects are written for that one too, and not only for the members'. With
   * `images.prefix` it must be given.
   * @default kubefed's own, of kubefed's version
   */
  readonly image?: string;
  /**
   * Image of the control plane's own etcd. With `images.prefix` it must be given.
   * @default kubefed's own
   */
  readonly etcdImage?: string;
}

/** Where etcd's members keep their data: a PersistentVolumeClaim each. */
export interface EtcdStorageProps {
  /**
   * Size of each member's volume, as a Kubernetes quantity; 1G or more.
   * @default '1Gi'
   */
  readonly size?: string;
  /**
   * Name of the StorageClass.
   * @default the cluster's default class
   */
  readonly className?: string;
}

/**
 * Mutual TLS between etcd, CoreDNS and ExternalDNS. Only names are said here: the Secrets are made by the operator of
 * the clusters (or by cert-manager) in the namespace `federation-dns`, each with `tls.crt`, `tls.key` and `ca.crt`.
 */
export interface EtcdTlsProps {
  /**
   * Secret in the host cluster with the members' certificate, for server and client use: members show it to each other
   * too. Its names: `etcd-client.federation-dns.svc`, every member's by itself (`etcd-0.etcd.federation-dns.svc` …: a
   * member looks the names up, which a wildcard does not allow), and how other clusters reach etcd (`serverName`, or the
   * address of `endpoint`).
   */
  readonly serverSecret: string;
  /** Secret in every cluster with the certificate that CoreDNS and ExternalDNS show to etcd. */
  readonly clientSecret: string;
  /**
   * The name that the other clusters' ExternalDNS looks for in the members' certificate.
   * @default the address of `endpoint`
   */
  readonly serverName?: string;
}

/** The etcd cluster in the host cluster that holds the zone's records. */
export interface EtcdProps {
  /**
   * Number of members; odd.
   * @default 3
   */
  readonly size?: number;
  /**
   * etcd's version without a leading v. It has to serve the v2 API, through which the federation writes DNS: below 3.4.
   * Stack `federation-v1` only; the other takes `images.etcd`.
   * @default '3.1.8'
   */
  readonly version?: string;
  /**
   * From v0.5.0, which has EtcdCluster. Stack `federation-v1` only.
   * @default 'quay.io/coreos/etcd-operator:v0.5.0'
   */
  readonly operatorImage?: string;
  /**
   * Where the members keep their data. `ephemeral` is a volume that goes with its pod, for a single member only: the
   * records come back from the clusters within `externalDns.intervalSeconds`, but a member of three that lost its data
   * cannot return to the others. Stack `external-dns` only.
   * @default see EtcdStorageProps
   */
  readonly storage?: EtcdStorageProps | 'ephemeral';
  /**
   * `<IPv4 address of a node of the host cluster>:<node port>` at which the other clusters' ExternalDNS reaches etcd.
   * Stack `external-dns` only.
   * @default the address of `dns.endpoint`, port 32379
   */
  readonly endpoint?: string;
  /**
   * Stack `external-dns` only.
   * @default plain HTTP, kept to those who need it by a NetworkPolicy
   */
  readonly tls?: EtcdTlsProps;
}

/** How CoreDNS gets into the host cluster. */
export type CoreDnsInstall = 'manifests' | 'helm';

/** CoreDNS in the host cluster, which answers for the zone. Stack `federation-v1` only. */
export interface CoreDnsProps {
  /**
   * `helm` is the guide's way: the chart `stable/coredns` by Helm 2, whose Tiller is bound to cluster-admin and takes
   * orders from every pod. `manifests` renders CoreDNS' objects, and needs neither Helm nor Tiller.
   * @default 'helm', so that a federation that was installed so stays as it is
   */
  readonly install?: CoreDnsInstall;
  /**
   * Image of CoreDNS: 006 to 1.1.x, which read etcd v2. With `manifests` only, since the chart brings its own.
   * @default 'coredns/coredns:006'
   */
  readonly image?: string;
  /**
   * Version of the chart `stable/coredns`, at most 0.9.1: later charts bring a CoreDNS that reads etcd v3 only and would
   * answer nothing here. With `helm` only.
   * @default '0.6.0' (CoreDNS 006)
   */
  readonly chartVersion?: string;
  /**
   * Image of Tiller. With `images.prefix` it must be given. Its tag is Tiller's version: Tiller refuses a newer Helm. With
   * `helm` only.
   * @default helm's own, of helm's version
   */
  readonly tillerImage?: string;
}

/**
 * kube-keepalived-vip and keepalived-cloud-provider, which give LoadBalancer Services their addresses. Stack
 * `federation-v1` only.
 */
export interface KeepalivedProps {
  /** Version 0.9: later ones take other arguments. @default 'gcr.io/google_containers/kube-keepalived-vip:0.9' */
  readonly vipImage?: string;
  /** @default 'quay.io/munnerz/keepalived-cloud-provider:0.0.1' */
  readonly cloudProviderImage?: string;
  /**
   * How packets reach the pods, for Services that do not say it themselves (`k8s.co/keepalived-forward-method`).
   * @default 'NAT', the program's own default
   */
  readonly forwardMethod?: 'NAT' | 'DR';
}

/** Where images come from, and which. */
export interface ImagesProps {
  /**
   * Registry and path that are put before every image, for sites without internet: with `registry.local/mirror` the
   * image `quay.io/metallb/controller:v0.15.2` is pulled as `registry.local/mirror/quay.io/metallb/controller:v0.15.2`.
   * Images of the user's own charts stay as they are.
   * @default none
   */
  readonly prefix?: string;
  /**
   * It has to answer at `/livez` and `/readyz`: from 3.5.11. Stack `external-dns` only.
   * @default 'registry.k8s.io/etcd:3.6.8-0'
   */
  readonly etcd?: string;
  /** From 1.5.2. Stack `external-dns` only. @default 'coredns/coredns:1.14.7' */
  readonly coreDns?: string;
  /**
   * It has to know `--coredns-strictly-owned`: from v0.21.0. Stack `external-dns` only.
   * @default 'registry.k8s.io/external-dns/external-dns:v0.21.0'
   */
  readonly externalDns?: string;
}

/** Where the stack's Helm chart comes from: MetalLB's, or, with `coreDns.install: 'helm'`, `stable/coredns`. */
export interface ChartsProps {
  /**
   * Address of a repository that has the chart, such as a mirror of the site's own.
   * @default 'https://metallb.github.io/metallb', or 'https://charts.helm.sh/stable', the archive of the stable charts
   */
  readonly repository?: string;
  /**
   * Folder with the charts' archives as `helm pull` names them (`metallb-0.15.2.tgz`), seen from `dist/`: `../charts`.
   * @default charts come from their repositories
   */
  readonly folder?: string;
  /**
   * Whether the charts lie unpacked in `folder`, each in a folder of its own name (`metallb/`).
   * @default false
   */
  readonly unpacked?: boolean;
}

/** MetalLB, which gives LoadBalancer Services their addresses. Stack `external-dns` only. */
export interface MetalLbProps {
  /**
   * Version of the chart `metallb`, which is that of its images too; from 0.14.9, which reads the addresses.
   * @default '0.15.2'
   */
  readonly chartVersion?: string;
  /**
   * Announce addresses also from nodes with the label `node.kubernetes.io/exclude-from-external-load-balancers`. kubeadm
   * labels every control-plane node so: a cluster of such nodes alone announces nothing without this.
   * @default false
   */
  readonly ignoreExcludeLB?: boolean;
}

/** ExternalDNS, which writes each cluster's records, and how fast. Stack `external-dns` only. */
export interface ExternalDnsProps {
  /**
   * Seconds between two comparisons of the cluster with the records when nothing has changed.
   * @default 60
   */
  readonly intervalSeconds?: number;
  /**
   * Least seconds between two comparisons when something changes: how long the loss of a cluster's last pod takes, at
   * most, to reach the records.
   * @default 5
   */
  readonly eventIntervalSeconds?: number;
  /**
   * Seconds for which an answer may be kept by who asked.
   * @default 30
   */
  readonly ttlSeconds?: number;
}

/** An Argo CD that applies the bundles. */
export interface ArgoCdProps {
  /**
   * Namespace in which Argo CD runs.
   * @default 'argocd'
   */
  readonly namespace?: string;
  /** @default 'default' */
  readonly project?: string;
}

/** A Flux in each cluster that applies the cluster's bundle. */
export interface FluxProps {
  /**
   * Namespace in which Flux runs.
   * @default 'flux-system'
   */
  readonly namespace?: string;
  /**
   * Minutes between two looks at the repository.
   * @default 5
   */
  readonly intervalMinutes?: number;
  /**
   * Secret in Flux's namespace with the repository's credentials, made by you; an ssh:// address needs one.
   * @default none: the repository can be read by everybody
   */
  readonly secretName?: string;
}

/**
 * Objects with which a GitOps engine brings the bundles to their clusters, in the plan's order. What no manifest can
 * say stays with apply: node labels, the block in the cluster DNS's Corefile, the checks. Stack `external-dns` only.
 */
export interface GitOpsProps {
  /** Address of the git repository that holds `dist/`. */
  readonly repoUrl: string;
  /**
   * Branch, tag or commit. For Flux, which has to be told which of them it is: a branch, a full name such as
   * `refs/tags/v1`, or a commit's whole hash.
   * @default 'main'
   */
  readonly revision?: string;
  /**
   * Path of `dist/` in the repository.
   * @default 'dist'
   */
  readonly path?: string;
  /** @default no objects for Argo CD */
  readonly argoCd?: ArgoCdProps;
  /** @default no objects for Flux */
  readonly flux?: FluxProps;
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
   * Whether running replicas are moved when the preferences or the clusters change. Stack `federation-v1` only: the
   * other splits replicas when it renders, so that a change moves them always.
   * @default false
   */
  readonly rebalance?: boolean;
  /** Preferences by cluster name; `*` is every cluster that is not named. */
  readonly clusters: Readonly<Record<string, ReplicaPreference>>;
}

/** One of a workload's ports beside its first. */
export interface WorkloadPortProps {
  /** A DNS-1123 label of at most 15 characters; its own within the workload. */
  readonly name: string;
  /** Port of the container and of the Service, 1 to 65535; its own within the workload and protocol. */
  readonly port: number;
  /**
   * `UDP` needs the stack `external-dns`: no server before 1.26 takes a LoadBalancer Service with both.
   * @default 'TCP'
   */
  readonly protocol?: 'TCP' | 'UDP';
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
  /**
   * Further ports of the container and of the Service.
   * @default none
   */
  readonly morePorts?: readonly WorkloadPortProps[];
  /**
   * Arguments of the container.
   * @default the image's own
   */
  readonly args?: readonly string[];
  /**
   * Environment variables of the container, by name. They stand in `dist/` and so in git: nothing secret belongs here.
   * @default none
   */
  readonly env?: Readonly<Record<string, string>>;
  /** Number of replicas over all clusters; 0 or more. */
  readonly replicas: number;
  /**
   * Namespace in the federation and in every member.
   * @default 'default'
   */
  readonly namespace?: string;
  /** @default replicas are spread evenly */
  readonly placement?: PlacementProps;
  /**
   * Whether the Service gets names in the federation's zone. Stack `external-dns` only.
   * @default true
   */
  readonly names?: boolean;
  /**
   * The Service's address by cluster name, out of the cluster's range. Stack `external-dns` only, which chooses every
   * address when it renders.
   * @default the n-th workload has the n-th address of each range
   */
  readonly addresses?: Readonly<Record<string, string>>;
  /**
   * Path that a pod answers with success over HTTP, at `port`, as long as it can serve. Only ready pods keep their
   * cluster in the names. Stack `external-dns` only.
   * @default a pod counts as ready when its container runs
   */
  readonly readinessPath?: string;
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
  /** @default see ImagesProps */
  readonly images?: ImagesProps;
  /** @default see ChartsProps */
  readonly charts?: ChartsProps;
  /** @default see MetalLbProps */
  readonly metalLb?: MetalLbProps;
  /** @default see ExternalDnsProps */
  readonly externalDns?: ExternalDnsProps;
  /** @default none */
  readonly gitops?: GitOpsProps;
}
