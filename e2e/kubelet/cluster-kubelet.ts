/** The kubelet of processes of one cluster. */
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Binaries } from '../binaries';
import { Cluster } from '../harness/cluster';
import { Processes } from '../harness/processes';
import { AddressBook } from './addresses';
import { Caches } from './caches';
import { ChangeLog } from './changes';
import { EgressProxy, egressSocket } from './egress';
import { Listener, Network } from './network';
import { Pod } from './objects';
import { PodRunner } from './pod-runner';
import { programFor } from './programs';
import { Storage } from './storage';

/** What the clusters share. */
export interface ClusterKubeletOptions {
  readonly cluster: Cluster;
  /** The number of the cluster, from which its addresses follow. */
  readonly index: number;
  readonly processes: Processes;
  readonly binaries: Partial<Binaries>;
  readonly changes: ChangeLog;
  /** The folder for the cluster's pods and volumes. */
  readonly dir: string;
  readonly hasWebhookPort: boolean;
  readonly backoffMs: { readonly first: number; readonly longest: number };
  readonly mostProbeSeconds: number | undefined;
}

/** Runs the pods with known images of one cluster. */
export class ClusterKubelet {
  /** The cluster's addresses. */
  readonly book: AddressBook;
  private readonly caches: Caches;
  private readonly network: Network;
  private readonly egress: EgressProxy;
  private readonly storage: Storage;
  private readonly runners = new Map<string, PodRunner>();
  /** The end of the last pod of each name: the next one has its address, and must wait. */
  private readonly endings = new Map<string, Promise<void>>();
  private readonly ended = new Set<string>();
  private refreshing: NodeJS.Timeout | undefined;
  private stopping = false;

  constructor(private readonly options: ClusterKubeletOptions) {
    const { cluster, dir, index } = options;
    this.book = new AddressBook(index);
    this.storage = new Storage(cluster, path.join(dir, 'volumes'));
    this.caches = new Caches(cluster, {
      pod: (pod, gone) => {
        this.podChanged(pod, gone);
      },
      content: () => {
        this.contentChanged();
      },
      network: () => {
        this.network.changed();
      },
      claim: (claim, gone) => {
        this.storage.changed(claim, gone);
      },
    });
    this.network = new Network(this.caches, this.book, (namespace, name) => this.runner(namespace, name));
    this.egress = new EgressProxy(egressSocket(cluster.dir), (host, port) => this.network.resolve(host, port));
  }

  /** Starts to follow the cluster; returns when what it holds is known. */
  async start(): Promise<void> {
    await this.egress.start();
    await this.caches.start();
  }

  /** The pod of that name that is run here. */
  runner(namespace: string, name: string): PodRunner | undefined {
    const uid = this.caches.pods.get(namespace, name)?.metadata.uid;
    return uid === undefined ? undefined : this.runners.get(uid);
  }

  /** All pods that are run here. */
  get pods(): PodRunner[] {
    return [...this.runners.values()];
  }

  /** The Services' ports. */
  get listeners(): Listener[] {
    return this.network.listeners;
  }

  /** Ends everything; pods are left as they are in the cluster. */
  async stop(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.refreshing);
    await this.caches.stop();
    this.storage.stop();
    await Promise.all([...this.runners.values()].map((runner) => runner.stop(5_000)));
    await Promise.all(this.endings.values());
    await Promise.all([this.network.stop(), this.egress.stop()]);
  }

  private podChanged(pod: Pod, gone: boolean): void {
    const { uid, deletionTimestamp } = pod.metadata;
    const runner = this.runners.get(uid);
    if (gone) {
      if (runner) this.end(runner, 0, false);
    } else if (deletionTimestamp !== undefined) {
      const grace = pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30;
      if (runner) this.end(runner, grace * 1000, true);
      // One that was never started here has nobody else to take it away.
      else if (isOurs(pod) && !this.stopping) void this.remove(pod);
    } else if (!runner && isOurs(pod) && pod.status?.podIP !== undefined && !this.stopping) {
      void this.begin(pod);
    }
    this.network.changed();
  }

  private async begin(pod: Pod): Promise<void> {
    const { cluster, processes, binaries, changes, dir, hasWebhookPort, backoffMs, mostProbeSeconds } = this.options;
    const { namespace = '', name, uid } = pod.metadata;
    const runner = new PodRunner(pod, {
      cluster,
      caches: this.caches,
      book: this.book,
      processes,
      binaries,
      changes,
      dir: path.join(dir, 'pods'),
      claimFolder: (ns, claimName) => {
        const claim = this.caches.claims.get(ns, claimName);
        return claim?.status?.phase === 'Bound' ? this.storage.folder(claim) : undefined;
      },
      hasWebhookPort,
      backoffMs,
      mostProbeSeconds,
    });
    this.runners.set(uid, runner);
    await this.endings.get(`${namespace}/${name}`);
    await runner.start();
    this.network.changed();
  }

  private end(runner: PodRunner, graceMs: number, remove: boolean): void {
    const { namespace = '', name, uid } = runner.pod.metadata;
    // Told once for each change of a pod that is on its way out; once is enough.
    if (this.ended.has(uid)) return;
    this.ended.add(uid);
    const ending = runner.stop(graceMs).then(async () => {
      this.runners.delete(uid);
      if (remove) await this.remove(runner.pod);
    });
    this.endings.set(`${namespace}/${name}`, ending);
  }

  /** Takes the object away, as a kubelet does when nothing of the pod runs any more; a server that is away is asked again. */
  private async remove({ metadata: { namespace = '', name, uid } }: Pod): Promise<void> {
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    const options = { gracePeriodSeconds: 0, preconditions: { uid } };
    while (!this.stopping) {
      const status = await this.options.cluster.api.request('DELETE', path, options).then(
        (answer) => answer.status,
        () => 0,
      );
      // 409: another one of that name is there already.
      if ([200, 202, 404, 409].includes(status)) return;
      await sleep(500);
    }
  }

  private contentChanged(): void {
    this.refreshing ??= setTimeout(() => {
      this.refreshing = undefined;
      for (const runner of this.runners.values()) void runner.refresh();
    }, 100);
  }
}

function isOurs(pod: Pod): boolean {
  return pod.spec.containers.some(({ image }) => programFor(image) !== undefined);
}
