/**
 * A kubelet that runs processes: kwok fakes the pods of a cluster, and those whose image is known run here as the real program, with
 * what was rendered.
 *
 * ```ts
 * const planes = await ControlPlanes.start({ clusters: [withKubelet({ name: 'fcp' }), withKubelet({ name: 'usa' })] });
 * const kubelet = await ProcessKubelet.start({ planes });
 * try {
 *   // apply; pods of etcd, CoreDNS, ExternalDNS and MetalLB's controller run
 *   console.log(kubelet.report().changes.map(describeChange).join('\n'));
 * } finally {
 *   await kubelet.stop();
 *   await planes.stop();
 * }
 * ```
 */
import * as net from 'node:net';
import * as path from 'node:path';
import { Binaries, binaryFolders, findBinaries, MissingBinariesError } from '../binaries';
import { ControlPlanes } from '../control-plane';
import { Change, ChangeLog, RULES } from './changes';
import { ClusterKubelet } from './cluster-kubelet';
import { Listener } from './network';
import { PROGRAMS } from './programs';

export { describeChange } from './changes';
export { withKubelet } from './cluster-options';

/** What to serve, and how. */
export interface ProcessKubeletOptions {
  /** The run; its clusters were given to it through withKubelet. */
  readonly planes: ControlPlanes;
  /**
   * The programs; a pod whose program is not there waits with that message.
   * @default found by findBinaries, all of them needed
   */
  readonly binaries?: Partial<Binaries>;
  /**
   * The cluster whose MetalLB runs its webhook: its port is fixed in the program, on every address of the machine.
   * @default the first cluster
   */
  readonly webhookCluster?: string;
  /**
   * The pauses before restarts, in milliseconds: the first, doubled each time up to the longest.
   * @default 0.5 s, 5 s
   */
  readonly backoffMs?: { readonly first: number; readonly longest: number };
  /**
   * The longest first delay and period of readiness and startup probes, in seconds, so that tests need not wait for what was
   * rendered for slower machines; liveness probes are asked as rendered.
   * @default 1
   */
  readonly mostProbeSeconds?: number;
}

/** One container that is run here. */
export interface RunningContainer {
  /** `<cluster>/<namespace>/<pod>/<container>`. */
  readonly container: string;
  /** The pod's loopback address. */
  readonly address: string;
  readonly pid: number;
  /** Its output, of all its starts. */
  readonly logFile: string;
}

/** What a reader of the run's report has to know: what ran, and all that was different from what was rendered. */
export interface KubeletReport {
  /** What each rule says. */
  readonly rules: typeof RULES;
  /** Every change that was made by a rule. */
  readonly changes: readonly Change[];
  /** The addresses given out, by cluster and by what they stand for. */
  readonly addresses: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** The ports of Services, by cluster. */
  readonly listeners: Readonly<Record<string, readonly Listener[]>>;
  /** What runs now. */
  readonly running: readonly RunningContainer[];
}

/** The kubelets of processes of all clusters of a run. */
export class ProcessKubelet {
  /**
   * Starts to follow the clusters and returns when their pods are known.
   * @throws MissingBinariesError when programs are missing
   * @throws Error where 127.0.0.0/8 is not all loopback, as on Linux it is
   */
  static async start(options: ProcessKubeletOptions): Promise<ProcessKubelet> {
    await checkLoopback();
    const kubelet = new ProcessKubelet(options, options.binaries ?? foundBinaries());
    await Promise.all([...kubelet.clusters.values()].map((cluster) => cluster.start()));
    return kubelet;
  }

  /** The log of all changes, a line each; it goes with the run's folder. */
  readonly logFile: string;
  private readonly changes: ChangeLog;
  private readonly clusters: ReadonlyMap<string, ClusterKubelet>;

  private constructor(options: ProcessKubeletOptions, binaries: Partial<Binaries>) {
    const { planes, backoffMs = { first: 500, longest: 5_000 }, mostProbeSeconds = 1 } = options;
    const webhookCluster = options.webhookCluster ?? planes.clusters[0]?.name;
    this.logFile = path.join(planes.dir, 'kubelet-changes.log');
    this.changes = new ChangeLog(this.logFile);
    this.clusters = new Map(
      planes.clusters.map((cluster, index) => [
        cluster.name,
        new ClusterKubelet({
          cluster,
          index,
          processes: planes.processes,
          binaries,
          changes: this.changes,
          dir: path.join(cluster.dir, 'kubelet'),
          hasWebhookPort: cluster.name === webhookCluster,
          backoffMs,
          mostProbeSeconds,
        }),
      ]),
    );
  }

  /** What runs, and what was changed so far. */
  report(): KubeletReport {
    const byCluster = <T>(of: (kubelet: ClusterKubelet) => T): Record<string, T> =>
      Object.fromEntries([...this.clusters].map(([name, kubelet]) => [name, of(kubelet)]));
    const running = [...this.clusters].flatMap(([cluster, kubelet]) =>
      kubelet.pods.flatMap(({ pod: { metadata }, address, processes }) =>
        [...processes].map(([container, { pid, logFile }]) => ({
          container: `${cluster}/${metadata.namespace ?? ''}/${metadata.name}/${container}`,
          address,
          pid,
          logFile,
        })),
      ),
    );
    return {
      rules: RULES,
      changes: this.changes.all,
      addresses: byCluster(({ book }) => book.table),
      listeners: byCluster(({ listeners }) => listeners),
      running,
    };
  }

  /** Ends every process, port and watch; the pods stay in the clusters as they are. */
  async stop(): Promise<void> {
    await Promise.all([...this.clusters.values()].map((cluster) => cluster.stop()));
  }
}

function foundBinaries(): Partial<Binaries> {
  const lookup = findBinaries(PROGRAMS.map(({ tool }) => tool));
  if (!lookup.ok) throw new MissingBinariesError(lookup.error.missing, binaryFolders());
  return lookup.paths;
}

/** Linux takes all of 127.0.0.0/8 as its own; elsewhere only 127.0.0.1 is there until somebody adds more. */
async function checkLoopback(): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const server = net.createServer();
    server.once('error', (error) => {
      reject(new Error(`the addresses 127.64.0.1 and up are not there (${error.message}): pods need one each`));
    });
    server.listen({ host: '127.64.255.254', port: 0, exclusive: true }, () => {
      server.close(() => {
        resolve();
      });
    });
  });
}
