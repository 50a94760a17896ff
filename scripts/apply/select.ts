import { FederationError } from '../../lib/errors';
import { bundlesOf, Plan } from '../../lib/plan/plan';
import { Step } from '../../lib/plan/step';

/** Which of the plan's steps a run is about. */
export interface Selection {
  /** Steps of these clusters alone; `federation` for the federation's own. @default all */
  readonly cluster?: readonly string[];
  /** Steps of these components, or with these ids or step names. @default all */
  readonly only?: readonly string[];
  /** This step and all that need it, directly or not. @default all */
  readonly from?: string;
}

/** The selection names what the plan has not. */
export class SelectionError extends FederationError {
  constructor(where: string, problem: string, known: readonly string[]) {
    super('The selection does not fit the plan; nothing was done.', [
      { where, problem, hint: `The plan has: ${[...new Set(known)].join(', ')}.` },
    ]);
  }
}

/** @throws SelectionError when a name is not in the plan */
export function select(plan: Plan, { cluster, only, from }: Selection): Step[] {
  const { steps } = plan;
  const bundles = bundlesOf(plan);
  const unknown = cluster?.find((name) => !bundles.includes(name));
  if (unknown !== undefined) throw new SelectionError('--cluster', `'${unknown}' is no cluster`, bundles);

  const matches = (step: Step, name: string): boolean =>
    step.component === name || step.id === name || step.id.endsWith(`/${name}`);
  const unmatched = only?.find((name) => !steps.some((step) => matches(step, name)));
  if (unmatched !== undefined)
    throw new SelectionError(
      '--only',
      `'${unmatched}' is no component or step`,
      steps.map(({ component }) => component),
    );
  if (from !== undefined && !steps.some((step) => matches(step, from))) {
    throw new SelectionError(
      '--from',
      `'${from}' is no step`,
      steps.map(({ id }) => id),
    );
  }

  const later = new Set(steps.filter((step) => from === undefined || matches(step, from)).map(({ id }) => id));
  // The plan stands in order: a step that needs a later one is later itself.
  for (const step of steps) if (step.needs.some((need) => later.has(need))) later.add(step.id);
  return steps.filter(
    (step) =>
      later.has(step.id) &&
      (cluster === undefined || cluster.includes(step.cluster)) &&
      (only === undefined || only.some((name) => matches(step, name))),
  );
}
