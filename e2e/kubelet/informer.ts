/** A cache of one kind of object, kept up to date by list and watch. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../harness/api-client';
import { KubeObject, keyOf } from './objects';

/** What an informer follows. */
export interface InformerOptions<T extends KubeObject> {
  /** The client; asked for anew at every connection, as a cluster that was stopped and started gets a new one. */
  readonly client: () => ApiClient;
  /** The path of all objects of the kind, such as `/api/v1/pods`. */
  readonly path: string;
  /**
   * Called after each change: with the object as it is now, or as it was last when it is gone.
   * @default nobody is told
   */
  readonly onChange?: (object: T, gone: boolean) => void;
}

interface ListAnswer<T> {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly T[] | null;
}

interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T;
}

/** Follows one kind of object of one cluster until it is stopped; a server that goes away is asked again when it is back. */
export class Informer<T extends KubeObject> {
  private readonly objects = new Map<string, T>();
  private readonly ended = new AbortController();
  private running: Promise<void> | undefined;

  constructor(private readonly options: InformerOptions<T>) {}

  /** Starts to follow and returns when the cache holds what there is. */
  async start(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.running = this.follow(resolve);
    });
  }

  /** Ends it; nothing is called afterwards. */
  async stop(): Promise<void> {
    this.ended.abort();
    await this.running;
  }

  /** The object of that namespace and name. */
  get(namespace: string, name: string): T | undefined {
    return this.objects.get(`${namespace}/${name}`);
  }

  /** All objects. */
  list(): T[] {
    return [...this.objects.values()];
  }

  private isEnded(): boolean {
    return this.ended.signal.aborted;
  }

  private async follow(onFirstList: () => void): Promise<void> {
    const { signal } = this.ended;
    while (!this.isEnded()) {
      try {
        let version = await this.relist();
        onFirstList();
        // A watch that ends in order goes on where it was; any trouble is a reason to list again.
        while (!this.isEnded()) version = await this.watch(version);
      } catch {
        await sleep(250, undefined, { signal }).catch(() => undefined);
      }
    }
    onFirstList();
  }

  private async relist(): Promise<string> {
    const { status, body } = await this.options.client().request('GET', this.options.path);
    if (status !== 200) throw new Error(`${this.options.path} answers ${status}`);
    const { metadata, items } = body as ListAnswer<T>;
    const now = new Map((items ?? []).map((object) => [keyOf(object), object]));
    for (const [key, object] of [...this.objects]) {
      const same = now.get(key)?.metadata.uid === object.metadata.uid;
      if (!same) this.change(object, true);
    }
    for (const object of now.values()) {
      if (this.objects.get(keyOf(object))?.metadata.resourceVersion !== object.metadata.resourceVersion) {
        this.change(object, false);
      }
    }
    return metadata.resourceVersion;
  }

  private async watch(from: string): Promise<string> {
    let version = from;
    const query = `watch=1&allowWatchBookmarks=true&timeoutSeconds=300&resourceVersion=${from}`;
    const onLine = (line: unknown): void => {
      const { type, object } = line as WatchEvent<T>;
      // Too old a version: thrown out of the watch, so that the list starts again.
      if (type === 'ERROR') throw new Error('the watch has expired');
      version = object.metadata.resourceVersion;
      if (type !== 'BOOKMARK') this.change(object, type === 'DELETED');
    };
    let failed: Error | undefined;
    await this.options.client().watch(
      `${this.options.path}?${query}`,
      (line) => {
        if (failed || this.isEnded()) return;
        try {
          onLine(line);
        } catch (error) {
          failed = error instanceof Error ? error : new Error(String(error));
        }
      },
      this.ended.signal,
    );
    if (failed) throw failed;
    return version;
  }

  private change(object: T, gone: boolean): void {
    if (gone) this.objects.delete(keyOf(object));
    else this.objects.set(keyOf(object), object);
    this.options.onChange?.(object, gone);
  }
}
