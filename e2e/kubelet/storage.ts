/** Storage for claims: each pending one gets a volume of its own, a folder of the run, bound to it by the real controller. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster } from '../harness/cluster';
import { PersistentVolumeClaim } from './objects';

/** Serves the claims of one cluster, of whatever class: with claims deleted, their volumes and folders go. */
export class Storage {
  private readonly ended = new AbortController();
  private readonly served = new Set<string>();

  /**
   * @param cluster the cluster
   * @param dir the folder for the volumes
   */
  constructor(
    private readonly cluster: Cluster,
    private readonly dir: string,
  ) {}

  /** To be called with each claim that has changed or gone. */
  changed(claim: PersistentVolumeClaim, gone: boolean): void {
    const { uid } = claim.metadata;
    if (gone) {
      if (!this.served.delete(uid)) return;
      void this.send('DELETE', `/api/v1/persistentvolumes/${volumeName(uid)}`, undefined, [200, 202, 404]);
      fs.rmSync(this.folder(claim), { recursive: true, force: true, maxRetries: 5 });
    } else if (claim.spec.volumeName === undefined && !this.served.has(uid)) {
      this.served.add(uid);
      fs.mkdirSync(this.folder(claim), { recursive: true, mode: 0o700 });
      void this.send('POST', '/api/v1/persistentvolumes', this.volume(claim), [201, 409]);
    }
  }

  /** The folder of a claim's storage. */
  folder({ metadata }: PersistentVolumeClaim): string {
    return path.join(this.dir, volumeName(metadata.uid));
  }

  /** Ends the requests that are still tried. */
  stop(): void {
    this.ended.abort();
  }

  private volume(claim: PersistentVolumeClaim): unknown {
    const { metadata, spec } = claim;
    return {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: volumeName(metadata.uid) },
      spec: {
        accessModes: spec.accessModes,
        capacity: { storage: spec.resources?.requests?.storage ?? '1Gi' },
        storageClassName: spec.storageClassName ?? '',
        persistentVolumeReclaimPolicy: 'Retain',
        claimRef: {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          namespace: metadata.namespace,
          name: metadata.name,
          uid: metadata.uid,
        },
        hostPath: { path: this.folder(claim) },
      },
    };
  }

  private async send(method: string, url: string, body: unknown, fine: readonly number[]): Promise<void> {
    const { signal } = this.ended;
    while (!signal.aborted) {
      const status = await this.cluster.api.request(method, url, body).then(
        (answer) => answer.status,
        () => 0,
      );
      if (fine.includes(status)) return;
      await sleep(500, undefined, { signal }).catch(() => undefined);
    }
  }
}

function volumeName(uid: string): string {
  return `e2e-${uid}`;
}
