/** The changes of a cluster's objects as its API server remembers them, and watches that tell of them. */
import type { Dict, KubeObject } from './json';
import type { ApiServer, Change } from './objects';
import type { ResourceType } from './resources';
import { statusObject } from './status';
import { inOrder, sent } from './wire';

/** How many changes are remembered; who asks for older ones is told to start anew. */
const REMEMBERED = 2000;

/** What a cluster's API server remembers. */
export class History {
  private changes: Change[] = [];
  private readonly followers = new Set<(change: Change) => void>();

  /** `oldest`: the version before the first change that it can tell of. */
  constructor(private oldest: number) {}

  add(change: Change): void {
    this.changes.push(change);
    if (this.changes.length > REMEMBERED) this.forget(this.changes[0]?.version ?? this.oldest);
    for (const follower of [...this.followers]) follower(change);
  }

  /** Forgets everything up to a version, as an API server does that starts anew. */
  forget(version: number): void {
    this.changes = this.changes.filter((change) => change.version > version);
    this.oldest = Math.max(this.oldest, version);
  }

  /** The first version that a watch can start from. */
  get start(): number {
    return this.oldest;
  }

  since(version: number): readonly Change[] {
    return this.changes.filter((change) => change.version > version);
  }

  /** Calls back on each change to come. Gives back how to stop that. */
  follow(follower: (change: Change) => void): () => void {
    this.followers.add(follower);
    return () => {
      this.followers.delete(follower);
    };
  }
}

/** What a watch is asked for. */
export interface Watched {
  readonly type: ResourceType;
  readonly version: string;
  readonly namespace: string | undefined;
  /** Whether an object is one of those that were selected. */
  readonly fits: (object: KubeObject) => boolean;
  /** The version to start from; 0: all that is there is told first. */
  readonly from: number;
  /** After so many milliseconds it is over. */
  readonly lastsMs?: number;
}

/** One running watch: lines of JSON until its time is over, it is stopped or its server is gone. */
export class Watch {
  constructor(
    readonly api: ApiServer,
    private readonly history: History,
    private readonly watched: Watched,
  ) {}

  /** Sends its lines from now on. `over` is called where it ends by itself. Gives back how to stop it. */
  open(send: (line: string) => void, over: () => void): () => void {
    const { from, lastsMs, type } = this.watched;
    const event = (kind: string, object: Dict): void => {
      send(`${JSON.stringify({ type: kind, object })}\n`);
    };
    if (from > 0 && from < this.history.start) {
      const reason = this.api.atLeast('1.18.0') ? 'Expired' : 'Gone';
      const message = `too old resource version: ${from} (${this.history.start})`;
      event('ERROR', statusObject(410, reason, message));
      over();
      return () => undefined;
    }
    if (from === 0) {
      for (const object of inOrder(type, this.api.list(type))) {
        if (this.selects(object)) event('ADDED', this.shown(object));
      }
    } else for (const change of this.history.since(from)) this.tell(change, event);
    const unfollow = this.history.follow((change) => {
      if (change.version > from) this.tell(change, event);
    });
    const timer = lastsMs === undefined ? undefined : setTimeout(end, lastsMs);
    function end(): void {
      stop();
      over();
    }
    function stop(): void {
      clearTimeout(timer);
      unfollow();
    }
    return stop;
  }

  private selects(object: KubeObject | undefined): object is KubeObject {
    const { namespace, fits } = this.watched;
    if (object === undefined) return false;
    return (namespace === undefined || object.metadata.namespace === namespace) && fits(object);
  }

  private shown(object: KubeObject): Dict {
    return sent(this.api, this.watched.type, this.watched.version, object);
  }

  private tell({ key, version, before, after }: Change, event: (kind: string, object: Dict) => void): void {
    if (key !== this.watched.type.key) return;
    const was = this.selects(before);
    if (this.selects(after)) {
      event(was ? 'MODIFIED' : 'ADDED', this.shown(after));
    } else if (was) {
      // What was there last, with the version of its end; up to 1.9 with its own last version.
      const metadata = this.api.atLeast('1.10.0')
        ? { ...before.metadata, resourceVersion: String(version) }
        : before.metadata;
      event('DELETED', this.shown({ ...before, metadata }));
    }
  }
}
