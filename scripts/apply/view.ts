import { isBuiltIn } from '../../lib/dialect/rules';
import { Wanted } from './api';
import { KubeObject, named, Reference } from './objects';
import { Kubectl } from './tools/kubectl';
import { ProgramError } from './tools/program';

/** For how long what was seen counts as known, in milliseconds. A decision that matters more looks again. */
const KNOWN_MS = 5_000;

/** What was found: the objects that are there, by what names them. */
export interface Found {
  get(reference: Reference): KubeObject | undefined;
}

/**
 * What one cluster says. Many objects are asked for in one call, and what has just been seen is not asked for again.
 */
export class ClusterView {
  private readonly seen = new Map<string, { at: number; object: KubeObject | undefined }>();

  constructor(
    private readonly kubectl: Kubectl,
    readonly context: string,
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
    await Promise.all([this.fetch(builtIn, signal), this.fetchCustom(custom, signal)]);
    return { get: (reference) => this.seen.get(named(reference))?.object };
  }

  /** What was seen of these objects counts no more: something has changed them. */
  forget(references: readonly Reference[]): void {
    for (const reference of references) this.seen.delete(named(reference));
  }

  private async fetch(wanted: readonly Wanted[], signal: AbortSignal): Promise<void> {
    if (wanted.length === 0) return;
    // Objects that say no more than their names: kubectl looks for what a file names, whatever kinds and namespaces.
    const stdin = wanted
      .map(({ apiVersion, kind, name, namespace }) =>
        JSON.stringify({ apiVersion, kind, metadata: { name, namespace } }),
      )
      .join('\n---\n');
    const objects = await this.kubectl.get(this.context, ['--filename=-'], signal, { stdin });
    const at = Date.now();
    for (const reference of wanted) this.seen.set(named(reference), { at, object: undefined });
    for (const object of objects) this.seen.set(named(object), { at, object });
  }

  /** Custom resources may be of a kind that is not registered yet: then there is none of them. */
  private async fetchCustom(wanted: readonly Wanted[], signal: AbortSignal): Promise<void> {
    try {
      await this.fetch(wanted, signal);
    } catch (error) {
      if (!(error instanceof ProgramError) || error.kind !== 'no-such-kind') throw error;
      const at = Date.now();
      for (const reference of wanted) this.seen.set(named(reference), { at, object: undefined });
    }
  }
}
