/** One real control plane on loopback: its processes, its files, and when it counts as up. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { Binaries } from '../binaries';
import { ApiClient } from './api-client';
import { KubeconfigEntry, writeKubeconfig } from './kubeconfig';
import { LOOPBACK } from './ports';
import { ManagedProcess, Processes } from './processes';
import { Seen, waitFor } from './wait';

/** What one cluster consists of. */
export interface ClusterOptions {
  /** The cluster's name, a DNS label; its context is called so, cluster and user entry `<name>-cluster` and `<name>-admin`. */
  readonly name: string;
  /**
   * More contexts for the same server, for runs with many names and few servers.
   * @default none
   */
  readonly aliases?: readonly string[];
  /**
   * How many nodes it gets, called `<name>-node-1` and so on. Without kwok they stay NotReady.
   * @default 3
   */
  readonly nodes?: number;
  /**
   * Labels on every node, beside the kubelet's own.
   * @default none
   */
  readonly nodeLabels?: Readonly<Record<string, string>>;
  /**
   * Programs of other versions than the run's.
   * @default none
   */
  readonly binaries?: Partial<ControlPlaneBinaries>;
  /**
   * Whether kube-controller-manager runs. Without it: no ReplicaSets from Deployments, no default ServiceAccounts, no garbage collection.
   * @default true
   */
  readonly controllerManager?: boolean;
  /**
   * Whether kube-scheduler runs. Without it pods stay Pending: kwok does not schedule.
   * @default true
   */
  readonly scheduler?: boolean;
  /**
   * Whether kwok plays the kubelets. Without it nodes stay NotReady and no pod starts.
   * @default true
   */
  readonly kwok?: boolean;
  /**
   * More flags for kube-apiserver, after the harness's own.
   * @default none
   */
  readonly apiServerArgs?: MoreArgs;
  /**
   * More flags for kube-controller-manager.
   * @default none
   */
  readonly controllerManagerArgs?: MoreArgs;
  /**
   * More flags for kwok, after the harness's own.
   * @default none
   */
  readonly kwokArgs?: MoreArgs;
}

/** Flags, or what makes them from the cluster's folder, where it may write the files that they name. Asked at every start. */
export type MoreArgs = readonly string[] | ((dir: string) => readonly string[]);

/** The programs that a control plane is made of. */
export type ControlPlaneBinaries = Binaries<
  'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kwok'
>;

/** What a cluster needs from the run that it belongs to. */
export interface ClusterSurroundings {
  /** The run's processes. */
  readonly processes: Processes;
  /** The programs. */
  readonly binaries: ControlPlaneBinaries;
  /** Where etcd listens. */
  readonly etcdUrl: string;
  /** The port for kube-apiserver; kept when the cluster is stopped and started. */
  readonly port: number;
  /** The longest wait for each single thing, in milliseconds. */
  readonly timeoutMs: number;
}

// Addresses for benchmarks (RFC 2544), which no network routes: they are only ever written down, never contacted.
const SERVICE_CIDR = '198.18.0.0/16';
const POD_CIDR = '198.19.0.1/16';

const ADMINS_GROUP = 'system:masters';

/** One control plane. Made by the control planes' start; started and stopped there too. */
export class Cluster {
  /** The cluster's name. */
  readonly name: string;
  /** The names of its contexts: its own first, then the aliases. */
  readonly contexts: readonly string[];
  /** The address of its kube-apiserver, as in the kubeconfig. */
  readonly server: string;
  /** The port of its kube-apiserver. */
  readonly port: number;
  /** The version that its kube-apiserver says, without a v. Known once the cluster has been started. */
  version = '';
  /** The user of its contexts, a member of system:masters. */
  readonly user: string;
  /** A kubeconfig with this cluster only, which is its current context: for the programs that run "in" it. */
  readonly kubeconfig: string;

  readonly #adminToken = token();
  /** The harness and the parts of the control plane act under another name than the user, so that an audit log tells them apart. */
  readonly #systemToken = token();
  /** The cluster's own folder, readable by this user only: keys, certificates, kubeconfigs. */
  readonly dir: string;
  private readonly systemKubeconfig: string;
  private apiClient: ApiClient | undefined;
  private parts: ManagedProcess[] = [];

  /** For the control planes only: lays out the cluster's files, starts nothing. */
  constructor(
    private readonly options: ClusterOptions,
    private readonly run: ClusterSurroundings,
  ) {
    this.name = options.name;
    this.contexts = [options.name, ...(options.aliases ?? [])];
    this.port = run.port;
    this.server = `https://${LOOPBACK}:${run.port}`;
    this.user = `${options.name}-admin`;
    this.dir = path.join(run.processes.dir, options.name);
    this.kubeconfig = path.join(this.dir, 'kubeconfig');
    this.systemKubeconfig = path.join(this.dir, 'system.kubeconfig');
    fs.mkdirSync(this.dir, { mode: 0o700 });
    const users = [
      [this.#adminToken, this.user, `${options.name}-1`, ADMINS_GROUP],
      [this.#systemToken, 'e2e-harness', `${options.name}-2`, ADMINS_GROUP],
    ];
    this.writeSecret('tokens.csv', `${users.map((fields) => fields.join(',')).join('\n')}\n`);
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.writeSecret('service-accounts.key', privateKey.export({ type: 'sec1', format: 'pem' }).toString());
  }

  /** A client for its server, as the harness. Usable once the cluster has been started. */
  get api(): ApiClient {
    if (!this.apiClient) throw new Error(`cluster ${this.name} was not started yet`);
    return this.apiClient;
  }

  /** Whether any of its processes runs now. */
  get isRunning(): boolean {
    return this.parts.some((part) => !part.exit);
  }

  /** Its entries for a merged kubeconfig, one a context. Usable once the cluster has been started. */
  get kubeconfigEntries(): KubeconfigEntry[] {
    const ca = this.readCertificates();
    return this.contexts.map((context) => ({ context, server: this.server, ca, token: this.#adminToken }));
  }

  /**
   * Starts its processes and returns when the server is ready, and its nodes too where kwok runs. What it held before a stop is there again.
   * @throws WaitError when something is not up in time or has ended: says what was seen last, with the end of its log
   */
  async start(): Promise<void> {
    if (this.isRunning) throw new Error(`cluster ${this.name} runs already`);
    this.parts = [];
    const { controllerManager = true, scheduler = true, kwok = true, nodes = 3 } = this.options;
    const apiServer = this.startPart('kube-apiserver', this.apiServerArgs());
    await this.apiServerReady(apiServer);

    const manager = controllerManager && this.startPart('kube-controller-manager', this.controllerManagerArgs());
    if (scheduler) {
      this.startPart('kube-scheduler', [
        `--kubeconfig=${this.systemKubeconfig}`,
        '--leader-elect=false',
        '--secure-port=0',
      ]);
    }
    const kubelets = kwok && this.startPart('kwok', this.kwokArgs());

    await this.createNodes(nodes, apiServer);
    await this.exists('/api/v1/namespaces/kube-system', apiServer);
    // Until it is there, every pod of the namespace is refused.
    if (manager) await this.exists('/api/v1/namespaces/default/serviceaccounts/default', manager);
    if (kubelets && nodes > 0) await this.nodesReady(nodes, kubelets, manager || undefined);
  }

  /** Ends its processes; etcd keeps what it holds. Does nothing when it does not run. */
  async stop(): Promise<void> {
    // The server last, so that the others do not spend their last second on failing requests.
    const [apiServer, ...others] = this.parts;
    await Promise.all(others.map((part) => part.stop()));
    await apiServer?.stop();
    this.parts = [];
    this.apiClient?.close();
  }

  private startPart(program: keyof ControlPlaneBinaries, args: readonly string[]): ManagedProcess {
    const file = this.options.binaries?.[program] ?? this.run.binaries[program];
    const part = this.run.processes.start({ name: `${this.name}-${program}`, file, args });
    this.parts.push(part);
    return part;
  }

  private apiServerArgs(): string[] {
    const key = path.join(this.dir, 'service-accounts.key');
    return [
      `--etcd-servers=${this.run.etcdUrl}`,
      `--etcd-prefix=/${this.name}`,
      `--bind-address=${LOOPBACK}`,
      `--advertise-address=${LOOPBACK}`,
      `--secure-port=${this.port}`,
      `--cert-dir=${this.dir}`,
      '--endpoint-reconciler-type=none',
      '--authorization-mode=RBAC',
      `--token-auth-file=${path.join(this.dir, 'tokens.csv')}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-signing-key-file=${key}`,
      `--service-account-key-file=${key}`,
      `--service-cluster-ip-range=${SERVICE_CIDR}`,
      '--allow-privileged=true',
      ...this.moreArgs(this.options.apiServerArgs),
    ];
  }

  private controllerManagerArgs(): string[] {
    return [
      `--kubeconfig=${this.systemKubeconfig}`,
      '--leader-elect=false',
      '--secure-port=0',
      `--service-account-private-key-file=${path.join(this.dir, 'service-accounts.key')}`,
      `--root-ca-file=${this.certificatesFile()}`,
      ...this.moreArgs(this.options.controllerManagerArgs),
    ];
  }

  private kwokArgs(): string[] {
    return [
      `--kubeconfig=${this.systemKubeconfig}`,
      '--manage-all-nodes=true',
      `--cidr=${POD_CIDR}`,
      `--node-ip=${LOOPBACK}`,
      '--node-lease-duration-seconds=40',
      ...this.moreArgs(this.options.kwokArgs),
    ];
  }

  private moreArgs(more: MoreArgs = []): readonly string[] {
    return typeof more === 'function' ? more(this.dir) : more;
  }

  private async apiServerReady(apiServer: ManagedProcess): Promise<void> {
    await this.see(`the API server of ${this.name}`, [apiServer], async () => {
      // The server writes its certificates at its first start; only then can anybody trust it.
      if (!fs.existsSync(this.certificatesFile())) return { done: false, saw: 'no certificate yet' };
      const client = new ApiClient(this.port, this.readCertificates(), this.#systemToken);
      try {
        const { status, body } = await client.request('GET', '/readyz');
        if (status !== 200) {
          client.close();
          return { done: false, saw: `/readyz answers ${status}: ${failedChecks(body)}` };
        }
      } catch (error) {
        client.close();
        throw error;
      }
      this.apiClient = client;
      const { body } = await client.request('GET', '/version');
      this.version = (body as { gitVersion: string }).gitVersion.replace(/^v/, '');
      return { done: true, value: undefined };
    });
    const ca = this.readCertificates();
    const entry = { context: this.name, server: this.server, ca };
    writeKubeconfig(this.systemKubeconfig, [{ ...entry, token: this.#systemToken }], this.name);
    writeKubeconfig(this.kubeconfig, [{ ...entry, token: this.#adminToken }], this.name);
  }

  private async createNodes(count: number, apiServer: ManagedProcess): Promise<void> {
    const names = Array.from({ length: count }, (_, index) => `${this.name}-node-${index + 1}`);
    await Promise.all(
      names.map((name) =>
        this.see(`the creation of node ${name}`, [apiServer], async () => {
          const { status } = await this.api.request('POST', '/api/v1/nodes', this.node(name));
          // 409: it is there from before a stop.
          return status === 201 || status === 409
            ? { done: true, value: undefined }
            : { done: false, saw: `status ${status}` };
        }),
      ),
    );
  }

  private node(name: string): unknown {
    const labels = {
      'kubernetes.io/hostname': name,
      'kubernetes.io/os': 'linux',
      'kubernetes.io/arch': 'amd64',
      ...this.options.nodeLabels,
    };
    return {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels, annotations: { 'kwok.x-k8s.io/node': 'fake' } },
    };
  }

  private async exists(object: string, writer: ManagedProcess): Promise<void> {
    await this.see(`${object} in ${this.name}`, [writer], async () => {
      const { status } = await this.api.request('GET', object);
      return status === 200 ? { done: true, value: undefined } : { done: false, saw: `status ${status}` };
    });
  }

  private async nodesReady(
    count: number,
    kubelets: ManagedProcess,
    manager: ManagedProcess | undefined,
  ): Promise<void> {
    const watched = manager ? [kubelets, manager] : [kubelets];
    await this.see(`the ${count} nodes of ${this.name}`, watched, async () => {
      const { body } = await this.api.request('GET', '/api/v1/nodes');
      // The taint goes only with the controller manager; until then nothing is scheduled.
      const ready = readyNodes(body, manager !== undefined);
      return ready >= count ? { done: true, value: undefined } : { done: false, saw: `${ready} of ${count} ready` };
    });
  }

  /** Waits as long as the processes concerned run, and shows the ends of their logs when it fails. */
  private see(what: string, concerned: readonly ManagedProcess[], probe: () => Promise<Seen<void>>): Promise<void> {
    return waitFor({
      what,
      timeoutMs: this.run.timeoutMs,
      probe,
      giveUp: () => concerned.map((part) => part.ended()).find((reason) => reason !== undefined),
      details: () => concerned.map((part) => `end of ${part.name}'s log:\n${part.tail()}`).join('\n'),
    });
  }

  private certificatesFile(): string {
    return path.join(this.dir, 'apiserver.crt');
  }

  /** Self-signed: the file holds the server's certificate and the authority that signed it. */
  private readCertificates(): string {
    return fs.readFileSync(this.certificatesFile(), 'utf8');
  }

  private writeSecret(file: string, content: string): void {
    fs.writeFileSync(path.join(this.dir, file), content, { mode: 0o600 });
  }
}

function token(): string {
  return randomBytes(24).toString('hex');
}

/** The checks of a /readyz answer that failed. */
function failedChecks(body: unknown): string {
  const lines = typeof body === 'string' ? body.split('\n').filter((line) => line.startsWith('[-]')) : [];
  return lines.join(' ') || 'no details';
}

interface NodeList {
  readonly items?: readonly {
    readonly spec?: { readonly taints?: readonly unknown[] };
    readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  }[];
}

function readyNodes(body: unknown, untainted: boolean): number {
  const { items = [] } = body as NodeList;
  return items.filter(
    ({ spec, status }) =>
      status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true &&
      (!untainted || (spec?.taints ?? []).length === 0),
  ).length;
}
