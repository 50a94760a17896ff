import { Command, Step, StepKind } from '../../../lib/plan/step';
import { Wanted } from '../api';
import { Shared, StepContext } from '../context';
import { KubeObject, named } from '../objects';
import { SeenAs } from '../view';

/** What the clusters say of a step. */
export type Observation<Seen = unknown> =
  /** All is as the step wants it. */
  | { readonly state: 'done' }
  /** Something has to be written: what differs, for the reader of a plan; and what was seen, for {@link Handler.act}. */
  | { readonly state: 'todo'; readonly differs: readonly string[]; readonly seen?: Seen }
  /**
   * Everything is written and has to come about by itself: what is seen, where to look further, and the objects of the step's
   * cluster in which it will show.
   */
  | {
      readonly state: 'waiting';
      readonly seen: string;
      readonly lookFurther?: Command;
      readonly awaits?: readonly SeenAs[];
    };

/** What a teardown did with a step's result. */
export type Undone =
  | { readonly state: 'removed' }
  /** There was nothing of it. */
  | { readonly state: 'nothing' }
  /** It was left as it is, and why. Where it is in use, all that it stands on stays with it. @default not in use */
  | { readonly state: 'kept'; readonly why: string; readonly inUse?: true };

export type ContextOf<K extends StepKind> = StepContext<Extract<Step, { kind: K }>>;

/** How one kind of step is seen, done and undone. Nothing of it remembers: each looks at what the clusters say. */
export interface Handler<K extends StepKind, Seen = unknown> {
  /**
   * What {@link observe} looks at, so that a run can ask for everything of a cluster in one call; in another context
   * than the step's where it names one. @default nothing
   */
  wanted?(
    step: Extract<Step, { kind: K }>,
    shared: Pick<Shared, 'plan' | 'folder'>,
    minor: number,
  ): (Wanted & { readonly context?: string })[];
  /** Whether it shows what the steps before it have brought about: where one has changed something, it looks anew. @default false */
  readonly proves?: boolean;
  /**
   * Looks once before anything is done, at what was asked for in {@link wanted}: where the step can never be done as things
   * are, what it stands on is left as it is, too. @default nothing
   *
   * @throws StepError when that is so
   */
  check?(context: ContextOf<K>): Promise<void>;
  /**
   * Looks, and changes nothing.
   *
   * @param fresh whether to ask the cluster, whatever was seen a moment ago
   * @throws StepError when the step can never be done as things are
   */
  observe(context: ContextOf<K>, fresh: boolean): Promise<Observation<Seen>>;
  /**
   * Writes what is missing. Called only after {@link observe} has said `todo`, with what it saw; may be called again.
   *
   * @returns what is so now, where the program's own word is enough to know; nothing to have it looked at
   */
  act(context: ContextOf<K>, seen: Seen | undefined): Promise<Observation<Seen> | undefined>;
  /** Takes away what the plan made, and nothing else. @default there is nothing to take away */
  undo?(context: ContextOf<K>): Promise<Undone>;
}

/** A step of which nothing is left to do. */
export const DONE: Observation<never> = { state: 'done' };
export const NOTHING: Undone = { state: 'nothing' };
export const REMOVED: Undone = { state: 'removed' };

/**
 * That an object is still being deleted, where one of these is: it looks whole until it is gone, and what is written to it
 * or into such a namespace goes with it. Nothing where none is.
 */
export function leaving(context: string, objects: readonly (KubeObject | undefined)[]): Observation<never> | undefined {
  const object = objects.find((candidate) => candidate?.metadata.deletionTimestamp !== undefined);
  if (!object) return undefined;
  const { kind, metadata } = object;
  const where = metadata.namespace === undefined ? [] : [`--namespace=${metadata.namespace}`];
  return {
    state: 'waiting',
    seen: `${named(object)} is still being deleted`,
    // What holds it up stands under its finalizers and conditions.
    lookFurther: [
      'kubectl',
      `--context=${context}`,
      ...where,
      'get',
      kind.toLowerCase(),
      metadata.name,
      '--output=yaml',
    ],
  };
}
