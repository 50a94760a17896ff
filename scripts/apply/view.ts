import { setImmediate } from 'node:timers/promises';
import { Command } from '../../lib/plan/step';
import { Cache } from '../kube/cache';
import { Listed, Reader } from '../kube/reader';
import { Transport } from '../kube/transport';
import { Wanted } from './api';
import { KubeObject, named, Reference } from './objects';
import { untilOwnEnd } from './tools/kubectl';
import { ProgramError } from './tools/program';

/** What was found: the objects that are there, by what names them. */
export interface Found {
  get(reference: Reference): KubeObject | undefined;
}

/** An object in the version in which it was seen; without one it was not there. */
export interface SeenAs extends Wanted {
  readonly resourceVersion?: string;
}

/** How something is asked for. */
interface Options {
  /** Ask the cluster, whatever is known. @default false */
  readonly fresh?: boolean;
}

/** What one cluster says. What was asked for a moment ago is not asked for again. */
export class ClusterView {
  private readonly objects = new Cache<KubeObject | undefined>();
  private readonly lists = new Cache<KubeObject[]>();

  constructor(
    /** Asks the cluster itself, past everything that is known. */
    readonly reader: Reader,
  ) {}

  /** Looks for objects by name. */
  async look(wanted: readonly Wanted[], signal: AbortSignal, { fresh }: Options = {}): Promise<Found> {
    // Several steps may look at the same object.
    const each = new Map(wanted.map((reference) => [named(reference), reference]));
    const found = new Map(
      await Promise.all(
        [...each].map(async ([name, reference]) => [name, await this.one(name, reference, signal, fresh)] as const),
      ),
    );
    return { get: (reference) => found.get(named(reference)) };
  }

  /** All objects of a kind. */
  list(listed: Listed, signal: AbortSignal, { fresh }: Options = {}): Promise<KubeObject[]> {
    return untilOwnEnd(signal, this.get(listed), () =>
      this.lists.get(
        keyOf(listed),
        async (sent) => {
          // Steps that wake at the same moment ask one after another: all of them share the question.
          await setImmediate();
          sent();
          return this.reader.list(listed, signal);
        },
        { fresh },
      ),
    );
  }

  /** What was seen of these objects counts no more: something has changed them. */
  forget(references: readonly Reference[]): void {
    for (const reference of references) this.objects.forget(named(reference));
  }

  /** What was seen of a kind counts no more. */
  forgetList(listed: Listed): void {
    this.lists.forget(keyOf(listed));
  }

  /** What a kind's objects are now, known without asking. */
  setList(listed: Listed, objects: KubeObject[]): void {
    this.lists.set(keyOf(listed), objects);
  }

  /**
   * Waits until one of these objects is not any more as it was seen.
   *
   * @returns false where the cluster cannot tell: who waits has to look again after a pause
   */
  async changed(seen: readonly SeenAs[], signal: AbortSignal): Promise<boolean> {
    const end = new AbortController();
    try {
      return await Promise.any(
        seen.map(async (reference) => {
          if (await this.reader.changed(reference, reference.resourceVersion, AbortSignal.any([signal, end.signal])))
            return true;
          throw new Error('not told');
        }),
      );
    } catch {
      return false;
    } finally {
      end.abort();
    }
  }

  /** A question as a user would type it. */
  private get({ kind, name, namespace }: { kind: string; name?: string; namespace?: string }): Command {
    return [
      'kubectl',
      `--context=${this.reader.context}`,
      ...(namespace === undefined ? [] : [`--namespace=${namespace}`]),
      'get',
      kind.toLowerCase(),
      ...(name === undefined ? [] : [name]),
    ];
  }

  private one(
    name: string,
    reference: Wanted,
    signal: AbortSignal,
    fresh: boolean | undefined,
  ): Promise<KubeObject | undefined> {
    return untilOwnEnd(signal, this.get(reference), () =>
      this.objects.get(
        name,
        async (sent) => {
          await setImmediate();
          sent();
          return this.reader.get(reference, signal);
        },
        { fresh },
      ),
    );
  }
}

function keyOf({ apiVersion, kind, namespace, labelSelector }: Listed): string {
  return [apiVersion, kind, namespace, labelSelector].join(' ');
}

/** One view a context, shared by all steps of a run. */
export class Views {
  /** Told of each failure after which a cluster is asked again. */
  onRetry: (context: string, error: ProgramError) => void = () => undefined;
  private readonly views = new Map<string, ClusterView>();

  constructor(private readonly transport: Transport) {}

  of(context: string): ClusterView {
    const known = this.views.get(context);
    if (known) return known;
    const reader = new Reader(this.transport, context, (error) => {
      this.onRetry(context, error);
    });
    const view = new ClusterView(reader);
    this.views.set(context, view);
    return view;
  }

  /** The kubeconfig has changed what a context leads to, or by which credentials. */
  reset(context: string): void {
    this.transport.reset(context);
  }
}
