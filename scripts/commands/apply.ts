import { Plan } from '../../lib/plan/plan';
import { Step } from '../../lib/plan/step';
import { FederationError } from '../../lib/errors';
import { Engine } from '../apply/engine';
import { Failure } from '../apply/errors';
import { Observation } from '../apply/kinds/handler';
import { Lock } from '../apply/lock';
import { preflight, Preflight, PreflightError, preflightHere, PreflightInput } from '../apply/preflight';
import { Outcome } from '../apply/report/events';
import { select, Selection } from '../apply/select';
import { Kubectl } from '../apply/tools/kubectl';
import { urgently } from '../apply/tools/limit';
import { StepResult } from '../apply/engine';
import { CommonOptions, confirmed, EXIT, interruptible, reporterFor, say, Session, withSession } from './session';

export interface ApplyOptions extends CommonOptions {
  /** Ask nothing. */
  readonly yes?: boolean;
  /** Take over objects that somebody else made. */
  readonly adopt?: boolean;
  /** Remove credentials of members that no member uses. */
  readonly removeCredentials?: boolean;
}

/** How long the looks before the first write may take, and the lock, in milliseconds. */
const PREFLIGHT_MS = 60_000;
const LOCK_MS = 30_000;

/** `npm run apply`: carries the plan out, as often as it is called. */
export function applyCommand(options: ApplyOptions): Promise<number> {
  return withSession(options, (session) => carryOutPlan(session, options));
}

function carryOutPlan(session: Session, options: ApplyOptions): Promise<number> {
  const steps = select(session.plan, options);
  return carryOut('apply', session, steps, options, async (engine, judge) => {
    await checkNeeds(engine, session.plan, steps, options);
    if (options.yes) return true;
    const todo = [...(await engine.observe(steps))].filter(
      ([, seen]) => seen === 'not-yet' || !('state' in seen) || seen.state !== 'done',
    );
    if (todo.length === 0) return true;
    await judge();
    say(`To do in ${session.plan.federation}: ${todo.map(([id]) => id).join(', ')}`);
    say('`npm run plan` shows what each of them does.');
    return confirmed('Apply?');
  });
}

/**
 * What apply and teardown have in common: look at everything that can stop them, ask, walk the steps under the lock,
 * tell the end.
 *
 * @param mayBegin asks the user; `judge` looks at everything that can stop the run, and throws where something does
 */
export async function carryOut(
  command: 'apply' | 'teardown',
  session: Session,
  steps: readonly Step[],
  options: ApplyOptions,
  mayBegin: (engine: Engine, judge: () => Promise<unknown>) => Promise<boolean>,
): Promise<number> {
  const began = performance.now();
  const { plan, folder, run, views } = session;
  const reporter = await reporterFor(options);
  const kubectl = new Kubectl(run, () => undefined);
  const host = plan.clusters.find(({ name }) => name === plan.hostCluster)?.context ?? '';
  const lock = new Lock(new Kubectl(urgently(run), () => undefined), views.of(host), plan, () => {
    reporter.tell({
      type: 'warning',
      cluster: plan.hostCluster,
      text: 'the lock was taken over by another run, so this one stops.',
    });
    engine.requestStop();
  });
  const engine: Engine = new Engine({
    plan,
    folder,
    run,
    views,
    reporter,
    adopt: options.adopt ?? false,
    removeCredentials: options.removeCredentials ?? false,
    beforeWrite: async () => {
      const { warnings } = await judge();
      for (const warning of warnings) reporter.tell({ type: 'warning', ...warning });
      await lock.acquire(AbortSignal.timeout(LOCK_MS));
    },
  });
  const input = (): PreflightInput => ({
    ...{ plan, folder, steps, kubectl, views, kubeconfig: engine.kubeconfig },
    signal: AbortSignal.timeout(PREFLIGHT_MS),
  });
  const here = preflightHere(input());
  let judged: Promise<Preflight> | undefined;
  const judge = (): Promise<Preflight> =>
    (judged ??= preflight(input(), here).then((checked) => {
      if (checked.findings.length > 0) throw new PreflightError(checked.findings);
      return checked;
    }));
  try {
    // All of it only reads, so it may be asked for at once; nothing is written before the findings are known.
    const isWhole = here.files.length === 0;
    const [contexts, isAllThere] = await Promise.all([
      here.contexts,
      isWhole ? engine.prefetch(steps, { [host]: [lock.reference] }) : false,
    ]);
    // Where there may be nothing to write, the clusters are judged only when there is something after all.
    if (contexts.length > 0 || !isAllThere || command === 'teardown') await judge();
    if (!(await mayBegin(engine, judge))) {
      say('Nothing was done.');
      return EXIT.ok;
    }
    reporter.tell({ type: 'run', command, federation: plan.federation, steps: steps.map(({ id }) => id) });
    const results = await interruptible(engine, () =>
      command === 'apply' ? engine.apply(steps) : engine.teardown(steps),
    );
    await lock.clear();
    await lock.release();
    if (engine.refusal) throw engine.refusal;
    const exitCode = exitCodeOf(results, engine.stopping);
    const seconds = Math.round(performance.now() - began) / 1000;
    reporter.tell({ type: 'end', exitCode, seconds, counts: countsOf(results) });
    return exitCode;
  } catch (error) {
    // People read the error; machines read events.
    if (options.json && error instanceof FederationError)
      for (const finding of error.findings) reporter.tell({ type: 'finding', ...finding });
    throw error;
  } finally {
    await lock.release();
    reporter.close();
  }
}

/** With a selection: what the chosen steps need and what is not chosen has to be there already. */
async function checkNeeds(engine: Engine, plan: Plan, steps: readonly Step[], options: Selection): Promise<void> {
  const chosen = new Set(steps.map(({ id }) => id));
  const needed = new Set(steps.flatMap(({ needs }) => needs.filter((id) => !chosen.has(id))));
  if (needed.size === 0) return;
  const seen = [...(await engine.observe(plan.steps.filter(({ id }) => needed.has(id))))];
  const undone = new Map(
    seen.filter(([, value]) => value === 'not-yet' || !('state' in value) || value.state !== 'done'),
  );
  if (undone.size === 0) return;
  const { contexts } = await engine.kubeconfig.get(AbortSignal.timeout(PREFLIGHT_MS));
  const findings = [...undone].map(([id, value]) => {
    const step = plan.steps.find((candidate) => candidate.id === id);
    const by = steps.filter(({ needs }) => needs.includes(id)).map((other) => other.id);
    return {
      where: id,
      problem: step?.context === plan.federation && !contexts.includes(plan.federation) ? noContext(plan) : lack(value),
      hint: `${by.join(', ')} ${by.length === 1 ? 'needs' : 'need'} it: select it too, with what it needs in turn (see \`npm run plan\`), or run apply without a selection.`,
    };
  });
  const rest = withoutThem(plan, steps, undone, options);
  const last = findings.pop();
  if (last) findings.push({ ...last, hint: last.hint + (rest === '' ? '' : ` The others can go ahead: ${rest}`) });
  throw new FederationError('What the selected steps need is not there; nothing was written.', findings);
}

/** Why a step that is needed does not count as done. */
function lack(value: Observation | Failure | 'not-yet'): string {
  if (value === 'not-yet') return 'is not done yet';
  if ('problem' in value) {
    const [said = ''] = (value.said ?? '').split('\n');
    return `cannot be looked at: ${value.problem}${said === '' ? '' : ` (${said})`}`;
  }
  return value.state === 'waiting' ? value.seen : (value.state === 'todo' && value.differs[0]) || 'is not done yet';
}

/** What `kubefed init` has not made yet cannot be asked for anything. */
function noContext(plan: Plan): string {
  const maker = plan.steps.find(({ kind }) => kind === 'kubefed-init')?.id ?? '';
  return `is not done: the kubeconfig has no context ${plan.federation} before ${maker} is done`;
}

/** The command that carries out those of the selected steps that need nothing of what is not done. */
function withoutThem(
  plan: Plan,
  steps: readonly Step[],
  undone: ReadonlyMap<string, unknown>,
  { cluster = [], from }: Selection,
): string {
  // The plan stands in order: what needs one that is held up comes after it.
  const held = new Set<string>();
  for (const { id, needs } of steps) if (needs.some((need) => undone.has(need) || held.has(need))) held.add(id);
  const free = steps.filter(({ id }) => !held.has(id));
  const isFree = (step: Step): boolean => free.includes(step);
  const components = [...new Set(free.map(({ component }) => component))];
  const words = components.flatMap((component) =>
    select(plan, { cluster: cluster.length > 0 ? cluster : undefined, from, only: [component] }).every(isFree)
      ? [component]
      : free.filter((step) => step.component === component).map(({ id }) => id),
  );
  if (words.length === 0) return '';
  return [
    'npm run apply --',
    ...cluster.map((name) => `--cluster ${name}`),
    ...(from === undefined ? [] : [`--from ${from}`]),
    ...words.map((word) => `--only ${word}`),
  ].join(' ');
}

function countsOf(results: readonly StepResult[]): Partial<Record<Outcome, number>> {
  const counts: Partial<Record<Outcome, number>> = {};
  for (const { outcome } of results) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

function exitCodeOf(results: readonly StepResult[], stopped: boolean): number {
  const incomplete = results.some(({ outcome }) => outcome === 'failed' || outcome === 'skipped' || outcome === 'cut');
  if (stopped && incomplete) return EXIT.interrupted;
  return incomplete ? EXIT.failed : EXIT.ok;
}
