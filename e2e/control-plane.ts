/**
 * Real control planes on loopback, without containers: one etcd, and for each cluster kube-apiserver and, as wanted,
 * kube-controller-manager, kube-scheduler and kwok.
 *
 * ```ts
 * const planes = await ControlPlanes.start({ clusters: [{ name: 'fcp' }, { name: 'usa' }] });
 * try {
 *   // kubectl --kubeconfig <planes.kubeconfig> --context fcp ...
 * } finally {
 *   await planes.stop();
 * }
 * ```
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { findBinaries } from './binaries';
import { Cluster, ClusterOptions, ControlPlaneBinaries } from './harness/cluster';
import { writeKubeconfig } from './harness/kubeconfig';
import { freePorts, LOOPBACK } from './harness/ports';
import { ManagedProcess, Processes } from './harness/processes';
import { waitFor } from './harness/wait';

export { Cluster };
export type { ClusterOptions, ControlPlaneBinaries };

/** What to start. */
export interface ControlPlanesOptions {
  /** The clusters; their names and aliases differ from each other. */
  readonly clusters: readonly ClusterOptions[];
  /**
   * The programs.
   * @default found by findBinaries
   */
  readonly binaries?: ControlPlaneBinaries;
  /**
   * Whether the run's folder (logs, kubeconfigs, etcd's data) stays after the end.
   * @default false
   */
  readonly keepDir?: boolean;
  /**
   * The longest wait for each single thing (a server, its nodes), in milliseconds.
   * @default 90 s
   */
  readonly timeoutMs?: number;
  /**
   * How many clusters are started side by side.
   * @default 4
   */
  readonly concurrency?: number;
  /**
   * Whether SIGINT, SIGTERM and SIGHUP stop everything in order and then end this process with 128 plus the signal's
   * number. Otherwise the caller has to see to it; what it forgets ends with this process.
   * @default true
   */
  readonly handleSignals?: boolean;
}

/** The memory that one process holds. */
export interface MemoryReading {
  /** The process's name. */
  readonly name: string;
  /** Its resident set in bytes. */
  readonly bytes: number;
}

/** The programs that are needed to start control planes. */
export const CONTROL_PLANE_PROGRAMS = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kwok',
] as const;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A run of control planes. Their processes end with {@link ControlPlanes.stop}, at the latest with this process. */
export class ControlPlanes {
  /**
   * Starts everything and returns when all clusters are up.
   * @throws MissingBinariesError when programs are missing
   * @throws WaitError when something does not come up; nothing is left running then
   * @throws Error when names are unusable or used twice
   */
  static async start(options: ControlPlanesOptions): Promise<ControlPlanes> {
    checkNames(options.clusters);
    const binaries = options.binaries ?? foundBinaries();
    const [etcdPort, peerPort, ...ports] = await freePorts(2 + options.clusters.length);
    const planes = new ControlPlanes(options, binaries, Number(etcdPort), ports);
    try {
      await planes.startAll(Number(peerPort), options.concurrency ?? 4);
    } catch (error) {
      await planes.stop();
      throw error;
    }
    return planes;
  }

  /** The run's own folder: logs, kubeconfigs, etcd's data. */
  readonly dir: string;
  /** The merged kubeconfig with every cluster's contexts and no current context. */
  readonly kubeconfig: string;
  /** Where the control planes' etcd listens; cluster x keeps its objects under `/x/`. */
  readonly etcdUrl: string;
  /** The clusters, in the order of the options. */
  readonly clusters: readonly Cluster[];
  /** The run's processes; others that belong to the run can be started here, and end with it. */
  readonly processes: Processes;

  private readonly onSignal = (signal: NodeJS.Signals): void => {
    void this.stop().finally(() => process.exit(128 + os.constants.signals[signal]));
  };
  private stopped: Promise<void> | undefined;
  private readonly timeoutMs: number;

  private constructor(
    options: ControlPlanesOptions,
    private readonly binaries: ControlPlaneBinaries,
    etcdPort: number,
    ports: readonly number[],
  ) {
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'e2e-'));
    this.processes = new Processes(this.dir, options.keepDir);
    this.kubeconfig = path.join(this.dir, 'kubeconfig');
    this.etcdUrl = `http://${LOOPBACK}:${etcdPort}`;
    this.timeoutMs = options.timeoutMs ?? 90_000;
    if (options.handleSignals ?? true) {
      for (const signal of SIGNALS) process.once(signal, this.onSignal);
    }
    const { processes, etcdUrl, timeoutMs } = this;
    this.clusters = options.clusters.map(
      (cluster, index) => new Cluster(cluster, { processes, binaries, etcdUrl, timeoutMs, port: Number(ports[index]) }),
    );
  }

  /**
   * The cluster of that name.
   * @throws Error when there is none
   */
  cluster(name: string): Cluster {
    const found = this.clusters.find((cluster) => cluster.name === name);
    if (!found)
      throw new Error(`no cluster ${name} (there are ${this.clusters.map((cluster) => cluster.name).join(', ')})`);
    return found;
  }

  /** Stops one cluster while the others go on; its objects stay in etcd. */
  async stopCluster(name: string): Promise<void> {
    await this.cluster(name).stop();
  }

  /**
   * Starts a stopped cluster again: same port, certificates, users and objects. Returns when it is up.
   * @throws WaitError when it does not come up
   */
  async startCluster(name: string): Promise<void> {
    await this.cluster(name).start();
  }

  /** Ends every process (SIGTERM, after 10 s SIGKILL), waits for it, and removes the folder. May be called more than once. */
  stop(): Promise<void> {
    this.stopped ??= this.stopAll();
    return this.stopped;
  }

  /** The memory of every process that runs; empty where the system does not tell. */
  memory(): MemoryReading[] {
    return this.processes.running.flatMap((process) => {
      const bytes = process.rssBytes();
      return bytes === undefined ? [] : [{ name: process.name, bytes }];
    });
  }

  private async startAll(peerPort: number, concurrency: number): Promise<void> {
    await this.startEtcd(peerPort);
    const waiting = [...this.clusters];
    let failed = false;
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next && !failed; next = waiting.shift()) {
        await next.start().catch((error: unknown) => {
          failed = true;
          throw error;
        });
      }
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
    writeKubeconfig(
      this.kubeconfig,
      this.clusters.flatMap((cluster) => cluster.kubeconfigEntries),
    );
  }

  private async startEtcd(peerPort: number): Promise<ManagedProcess> {
    const peerUrl = `http://${LOOPBACK}:${peerPort}`;
    const etcd = this.processes.start({
      name: 'etcd',
      file: this.binaries.etcd,
      args: [
        `--data-dir=${path.join(this.dir, 'etcd')}`,
        `--listen-client-urls=${this.etcdUrl}`,
        `--advertise-client-urls=${this.etcdUrl}`,
        `--listen-peer-urls=${peerUrl}`,
        `--initial-advertise-peer-urls=${peerUrl}`,
        `--initial-cluster=default=${peerUrl}`,
        // Nothing here is worth a disk's wait: the data goes with the run.
        '--unsafe-no-fsync',
        '--log-level=warn',
      ],
    });
    await waitFor({
      what: 'etcd',
      timeoutMs: this.timeoutMs,
      probe: async () => {
        const answer = await fetch(`${this.etcdUrl}/readyz`, { signal: AbortSignal.timeout(5_000) });
        return answer.ok ? { done: true, value: undefined } : { done: false, saw: `/readyz answers ${answer.status}` };
      },
      giveUp: () => etcd.ended(),
      details: () => `end of etcd's log:\n${etcd.tail()}`,
    });
    return etcd;
  }

  private async stopAll(): Promise<void> {
    // etcd after its users; whatever else runs (theirs, the caller's) goes with it.
    await Promise.all(this.clusters.map((cluster) => cluster.stop()));
    await this.processes.stopAll();
    for (const signal of SIGNALS) process.removeListener(signal, this.onSignal);
  }
}

function foundBinaries(): ControlPlaneBinaries {
  const lookup = findBinaries(CONTROL_PLANE_PROGRAMS);
  if (!lookup.ok) throw lookup.error;
  return lookup.paths;
}

function checkNames(clusters: readonly ClusterOptions[]): void {
  const seen = new Set<string>();
  for (const name of clusters.flatMap((cluster) => [cluster.name, ...(cluster.aliases ?? [])])) {
    // They become folders, etcd prefixes and file names.
    if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)) throw new Error(`"${name}" is no DNS label`);
    if (seen.has(name)) throw new Error(`"${name}" is used twice`);
    seen.add(name);
  }
}
