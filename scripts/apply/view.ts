import { setImmediate } from 'node:timers/promises';
import { isBuiltIn } from '../../lib/dialect/rules';
import { Wanted } from './api';
import { KubeObject, named, Reference } from './objects';
import { jsonLines, Kubectl, parseObjects, untilOwnEnd } from './tools/kubectl';
import { ProgramError } from './tools/program';

/** For how long what was seen counts as known, in milliseconds. A decision that matters more looks again. */
const KNOWN_MS = 5_000;

/** What was found: the objects that are there, by what names them. */
export interface Found {
  get(reference: Reference): KubeObject | undefined;
}

/** Objects that are asked for in one call. */
interface Batch {
  readonly wanted: Map<string, Wanted>;
  answer?: Promise<void>;
}

/**
 * What one cluster says. Many objects are asked for in one call, and what has just been seen is not asked for again.
 */
export class ClusterView {
  private readonly seen = new Map<string, { at: number; object: KubeObject | undefined }>();
  /** When an object was last changed by this run. */
  private readonly changed = new Map<string, number>();
  /** Calls that wait for their turn: what is asked for until then is asked for in the same call. */
  private readonly waiting = new Map<'built-in' | 'custom', Batch>();

  constructor(
    private readonly kubectl: Kubectl,
    readonly context: string,
    /** Whether objects are asked for with the fields that each manager has set. kubectl leaves them out from 1.21 on. */
    private readonly withManagers = false,
  ) {}

  /**
   * Looks for objects by name.
   *
   * @param options.fresh ask the cluster, whatever was seen before
   */
  async look(
    wanted: readonly Wanted[],
    signal: AbortSignal,
    options: { readonly fresh?: boolean } = {},
  ): Promise<Found> {
    const since = options.fresh ? Infinity : Date.now() - KNOWN_MS;
    // Several steps may look at the same object.
    const each = [...new Map(wanted.map((reference) => [named(reference), reference])).values()];
    const unknown = each.filter((reference) => (this.seen.get(named(reference))?.at ?? 0) < since);
    const builtIn = unknown.filter(({ apiVersion }) => isBuiltIn(apiVersion));
    const custom = unknown.filter(({ apiVersion }) => !isBuiltIn(apiVersion));
    await untilOwnEnd(signal, () =>
      Promise.all([this.ask('built-in', builtIn, signal), this.ask('custom', custom, signal)]),
    );
    return { get: (reference) => this.seen.get(named(reference))?.object };
  }

  /** What was seen of these objects counts no more: something has changed them. */
  forget(references: readonly Reference[]): void {
    for (const reference of references) {
      this.seen.delete(named(reference));
      this.changed.set(named(reference), Date.now());
    }
  }

  private ask(kind: 'built-in' | 'custom', wanted: readonly Wanted[], signal: AbortSignal): Promise<void> {
    if (wanted.length === 0) return Promise.resolve();
    const batch = this.waiting.get(kind) ?? { wanted: new Map<string, Wanted>() };
    for (const reference of wanted) batch.wanted.set(named(reference), reference);
    this.waiting.set(kind, batch);
    batch.answer ??= this.fetch(batch, signal, () => {
      if (this.waiting.get(kind) === batch) this.waiting.delete(kind);
    });
    return batch.answer;
  }

  private async fetch({ wanted }: Batch, signal: AbortSignal, close: () => void): Promise<void> {
    // Objects that say no more than their names: kubectl looks for what a file names, whatever kinds and namespaces.
    let begun = Infinity;
    const stdin = (): string => {
      close();
      begun = Date.now();
      return jsonLines(
        [...wanted.values()].map(({ apiVersion, kind, name, namespace }) => ({
          apiVersion,
          kind,
          metadata: { name, namespace },
        })),
      );
    };
    let objects: KubeObject[];
    // Steps that wake at the same moment ask one after another: all of them have their say first.
    await setImmediate();
    try {
      const flags = this.withManagers ? ['--show-managed-fields'] : [];
      objects = await this.kubectl.get(this.context, ['--filename=-', ...flags], signal, { stdin });
    } catch (error) {
      // Custom resources may be of a kind that is not registered yet: then there is none of them.
      const areCustom = [...wanted.values()].every(({ apiVersion }) => !isBuiltIn(apiVersion));
      if (!areCustom || !(error instanceof ProgramError) || error.kind !== 'no-such-kind') throw error;
      // Those of the other kinds are printed all the same.
      objects = parseObjects(error.output.stdout);
    } finally {
      close();
    }
    const now = Date.now();
    const found = new Map(objects.map((object) => [named(object), object]));
    for (const name of new Set([...wanted.keys(), ...found.keys()])) {
      // What has changed since the call began may not be in its answer: that is for those alone who have waited for it.
      const at = (this.changed.get(name) ?? -Infinity) >= begun ? 0 : now;
      this.seen.set(name, { at, object: found.get(name) });
    }
  }
}
