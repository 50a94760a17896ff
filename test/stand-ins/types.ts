/** Shapes that the files of the stand-ins share: options, the whole state as plain data, and the call log. */
import type { KubeObject } from './json';

export type Program = 'kubectl' | 'kubefed' | 'helm';

export interface NodeOption {
  readonly name: string;
  /** Its InternalIP. @default an address derived from the server's */
  readonly address?: string;
}

export interface ClusterOption {
  readonly name: string;
  /** Its context in the kubeconfig. @default the name */
  readonly context?: string;
  /** Only ever text: nothing connects there. */
  readonly server: string;
  /** Version of the API server. @default '1.7.3' */
  readonly kubernetesVersion?: string;
  readonly region?: string;
  readonly zone?: string;
  readonly addressRange?: string;
  /** @default three nodes */
  readonly nodes?: readonly (string | NodeOption)[];
  /** Start with the region and zone labels on the nodes. @default false */
  readonly labelled?: boolean;
  /** Flags of kube-controller-manager beside the usual ones. @default ['--cloud-provider=external'] */
  readonly controllerManagerFlags?: readonly string[];
  /** @default 'kube-dns' below 1.11, else 'coredns' */
  readonly clusterDns?: 'kube-dns' | 'coredns';
  /** Data of the `kube-dns` or `coredns` ConfigMap in kube-system. @default none for kube-dns, kubeadm's for coredns */
  readonly clusterDnsConfig?: Readonly<Record<string, string>>;
  /** What stands in the cluster from the beginning, applied as its admin would have done. */
  readonly objects?: readonly KubeObject[];
}

export interface WorldOptions {
  readonly clusters?: readonly ClusterOption[];
  /** Name of the cluster that the federation is put on. @default the first */
  readonly hostCluster?: string;
  /** @default '1.7.3' */
  readonly kubectlVersion?: string;
  /** 1.7 and 1.8 are as recorded, 1.10 as measured. The control plane is of the same version. @default '1.8.0' */
  readonly kubefedVersion?: string;
  /** Client, and Tiller where Helm 2 installs one. 2.7.2 is as recorded, 3.17 and 4.1 as measured. @default '2.7.2' */
  readonly helmVersion?: string;
  /** Hosts of chart repositories that do not answer. @default none */
  readonly unreachable?: readonly string[];
  /** Versions of stable/coredns that a chart repository has. @default all */
  readonly chartVersions?: readonly string[];
  /** Each call takes at least so long. @default 0 */
  readonly latencyMs?: number;
  /** Each request through a `kubectl proxy` takes at least so long. @default as `latencyMs` */
  readonly requestLatencyMs?: number;
  /** How long after a write the controllers react. @default 0: before the call answers */
  readonly controllerDelayMs?: number;
  /** How long `kubefed join` waits for a token. @default 30000, as the real one */
  readonly joinTokenTimeoutMs?: number;
  /**
   * How long `kubectl delete` below 1.11 waits for the controllers to take a workload down; the real one waits a minute.
   * @default as the real one where controllers have a delay; else 0, as they have come to rest
   */
  readonly reaperTimeoutMs?: number;
  /**
   * `over`: a wait that does not hold once the controllers have come to rest is over at once: as if its time had passed where it
   * has a limit, else as if the caller had ended the program. @default 'real'
   */
  readonly waits?: 'real' | 'over';
  /** Port of the DNS server, and the node port on which CoreDNS is then found. @default a free one from the node port range */
  readonly dnsPort?: number;
  /** The context that is current at first. @default the host cluster's */
  readonly currentContext?: string;
}

/** What a container said, when by its own clock, and how it ended. */
export interface Ran {
  readonly lines: readonly { readonly at: number; readonly stream: 'out' | 'err'; readonly text: string }[];
  readonly code: number;
  /** In milliseconds. */
  readonly endedAt: number;
}

export interface ClusterState {
  readonly name: string;
  readonly type: 'kubernetes' | 'federation';
  readonly context: string;
  server: string;
  /** Stands for the CA's certificate; a client that trusts another is refused. */
  ca: string;
  version: string;
  online: boolean;
  clusterDns: 'kube-dns' | 'coredns';
  readonly region?: string;
  readonly zone?: string;
  readonly addressRange?: string;
  /** Storage key of the type (`apps/deployments`), then `namespace/name` or `name`. */
  objects: Record<string, Record<string, KubeObject>>;
  resourceVersion: number;
  uids: number;
  /** Contents of the etcd clusters that the operator runs, by `namespace/name`. */
  etcd: Record<string, { v2: Record<string, string>; v3: Record<string, string> }>;
  /** What pods said that ran once, by their uid. */
  ran?: Record<string, Ran>;
  /** dnsmasq's arguments that took effect last: a broken new set crash-loops beside the old pod. */
  dnsmasqArgs: string[];
}

export interface FederationState {
  readonly name: string;
  readonly host: string;
  readonly namespace: string;
  /** Where its data lives: uid of the claim, or of the pod where it has none. A new one starts empty. */
  dataUid: string;
  /** Uid of the controller manager's pod whose DNS controller an unjoined member with records has stopped. */
  blockedPod?: string;
  /** Names that had records of a member that is gone, by member. */
  recordsOf: Record<string, string[]>;
  /** What the DNS controller saw last of each federated Service (`namespace/name`) in each member. */
  ingresses: Record<string, Record<string, { ips: string[]; healthy: boolean }>>;
  manager: ManagerState;
}

/** What the process of the federation's controller manager knows. */
export interface ManagerState {
  /** Uid of the pod that it runs in: a new one knows nothing. */
  pod?: string;
  /** The token of each member as it read it first, and the `dataUid` of the API server that it had the member from. */
  tokens: Record<string, { token: string; dataUid: string }>;
  /** It ends in a panic, time and again. */
  crashes: boolean;
}

/** What helm keeps in a folder of its own. */
export interface HelmHome {
  /** Addresses by name; undefined where there is no such list yet. */
  repositories?: Record<string, string>;
}

/** Everything a World knows, as plain data: what snapshot() copies. */
export interface WorldState {
  clusters: Record<string, ClusterState>;
  federation?: FederationState;
  helmHomes: Record<string, HelmHome>;
  /** The kubeconfig file's text. */
  kubeconfig: string;
  /** Objects that the controllers leave alone: `cluster/Kind/namespace/name`, `*` for any part. */
  held: string[];
  /** Rights that the user lacks. */
  denied: Denial[];
  /** How many random names were given out. */
  randoms: number;
  /** Random texts, and what canonicalState() writes for them. */
  randomTexts: Record<string, string>;
}

export interface Denial {
  readonly cluster?: string;
  readonly verb?: string;
  readonly resource?: string;
  readonly namespace?: string;
}

/** What a stub sent: one start of one of the three programs. */
export interface Invocation {
  readonly program: Program;
  readonly argv: readonly string[];
  readonly pid: number;
  readonly cwd: string;
  /** The KUBECONFIG variable, empty where unset. */
  readonly kubeconfig: string;
  readonly home: string;
  readonly helmHome: string;
  readonly stdin: string;
}

/** One line of the call log. */
export interface CallRecord {
  readonly program: Program;
  readonly argv: readonly string[];
  /** Name of the cluster (`federation` for the federation's own API) that the call talked to; the host for kubefed. */
  cluster: string | undefined;
  /** Single writes that really changed something: objects, and kubeconfig entries. */
  writes: number;
  /** What each of them was, such as `create fcp services federation-system/apiserver`. */
  readonly effects: string[];
  /** undefined while it runs, and where it was cut off. */
  exitCode: number | undefined;
  /** Which action of an injected fault hit it. */
  fault: string | undefined;
  stdout: string;
  stderr: string;
  readonly startedAt: number;
  endedAt: number | undefined;
}
