import { Command, Step, StepKind } from '../../../lib/plan/step';
import { Wanted } from '../api';
import { Shared, StepContext } from '../context';

/** What the clusters say of a step. */
export type Observation =
  /** All is as the step wants it. */
  | { readonly state: 'done' }
  /** Something has to be written: what differs, for the reader of a plan. */
  | { readonly state: 'todo'; readonly differs: readonly string[] }
  /** Everything is written and has to come about by itself: what is seen, and where to look further. */
  | { readonly state: 'waiting'; readonly seen: string; readonly lookFurther?: Command };

/** What a teardown did with a step's result. */
export type Undone =
  | { readonly state: 'removed' }
  /** There was nothing of it. */
  | { readonly state: 'nothing' }
  /** It was left as it is, and why. */
  | { readonly state: 'kept'; readonly why: string };

export type ContextOf<K extends StepKind> = StepContext<Extract<Step, { kind: K }>>;

/** How one kind of step is seen, done and undone. Nothing of it remembers: each looks at what the clusters say. */
export interface Handler<K extends StepKind> {
  /** What {@link observe} looks at, so that a run can ask for everything of a cluster in one call. @default nothing */
  wanted?(step: Extract<Step, { kind: K }>, shared: Pick<Shared, 'plan' | 'folder'>, minor: number): Wanted[];
  /**
   * Looks, and changes nothing.
   *
   * @param fresh whether to ask the cluster, whatever was seen a moment ago
   * @throws StepError when the step can never be done as things are
   */
  observe(context: ContextOf<K>, fresh: boolean): Promise<Observation>;
  /** Writes what is missing. Called only after {@link observe} has said `todo`; may be called again. */
  act(context: ContextOf<K>): Promise<void>;
  /** Takes away what the plan made, and nothing else. @default there is nothing to take away */
  undo?(context: ContextOf<K>): Promise<Undone>;
}

/** A step of which nothing is left to do. */
export const DONE: Observation = { state: 'done' };
export const NOTHING: Undone = { state: 'nothing' };
export const REMOVED: Undone = { state: 'removed' };
