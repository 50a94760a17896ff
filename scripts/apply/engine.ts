import { inOrder, Plan } from '../../lib/plan/plan';
import { Step, StepKind } from '../../lib/plan/step';
import { Wanted } from './api';
import { clusterOf, declaredObjects, minorFor, Shared, StepContext, wantedOf } from './context';
import { ControlPlane } from './control-plane';
import { CutError, Failure, failureOf, StepError } from './errors';
import { memberSecrets } from './kinds/federation-members';
import { ContextOf, Handler, Observation } from './kinds/handler';
import { handlerOf } from './kinds';
import { KubeconfigReader } from './kubeconfig';
import { MemberList } from './members';
import { Outcome, Reporter } from './report/events';
import { Kubectl, orEnd } from './tools/kubectl';
import { Versions } from './versions';
import { ClusterView, Views } from './view';
import { urgently } from './tools/limit';
import { isPassing } from './tools/retry';
import { ProgramError, Run, shown } from './tools/program';
import { advice } from './errors';
import { pause, untilChange, within } from './waiting';

/** How often a step is done again when what it wrote is changed back at once. */
const MAX_ACTS = 3;
/** How often a step looks again after a call that failed and that may not simply be repeated. */
const MAX_FAILURES = 4;
/** How long the first look at all clusters may take, in milliseconds. What it misses is looked at by each step. */
const PREFETCH_MS = 20_000;
/** Pause between two looks, in milliseconds: the first and the longest. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/** What is done with one step, once all that it needs has ended. */
type Work = (step: Step, needs: readonly StepResult[]) => Promise<Ending>;

/** How one step ended. */
export interface StepResult {
  readonly step: Step;
  readonly outcome: Outcome;
  readonly seconds: number;
  readonly why?: string;
  readonly failure?: Failure;
  /** The step that was kept since somebody uses what it made: this one, or one that stands on it. */
  readonly keptFor?: string;
}

type Ending = Omit<StepResult, 'step' | 'seconds'>;

export interface EngineOptions {
  readonly plan: Plan;
  readonly folder: string;
  readonly run: Run;
  readonly views: Views;
  readonly reporter: Reporter;
  readonly adopt: boolean;
  /** Whether credentials of members that no member uses may be removed. @default false */
  readonly removeCredentials?: boolean;
  /** Awaited before the first write of the run, and before it first waits. Throws when nothing may be written. */
  readonly beforeWrite?: () => Promise<void>;
}

/**
 * Walks a plan's steps: each as early as its needs allow, clusters side by side. What is done is decided by what the
 * clusters say; nothing is remembered between runs.
 */
export class Engine {
  private readonly members: MemberList;
  private readonly controlPlane: ControlPlane;
  private readonly versions: Versions;
  /** The kubeconfig, read once for all who ask within a few seconds. */
  readonly kubeconfig: KubeconfigReader;
  private readonly stop = new AbortController();
  private readonly cut = new AbortController();
  private readonly running = new Set<string>();
  /** The steps that have started a program that writes; its answer may have been lost. */
  private readonly written = new Set<string>();
  private readonly warned = new Set<string>();
  private mayWrite: Promise<void> | undefined;
  private federationSeen: Promise<unknown> | undefined;
  private refused: Error | undefined;

  constructor(private readonly options: EngineOptions) {
    const { plan, run, views } = options;
    this.kubeconfig = new KubeconfigReader(new Kubectl(urgently(run), () => undefined), (context) => {
      views.reset(context);
    });
    this.members = new MemberList(views.of(plan.federation));
    // What a cluster says is shared: all steps that work on it wait for the answer.
    views.onRetry = (context, error) => {
      for (const step of plan.steps)
        if (step.context === context && this.running.has(step.id)) this.tellRetry(step, error);
    };
    this.controlPlane = new ControlPlane(plan, (context) => this.viewOf(context));
    this.versions = new Versions(new Kubectl(urgently(run), () => undefined), views);
  }

  /** All clusters wait for what only the host cluster has, and for the federation itself. */
  private runFor(context: string): Run {
    const { plan, run } = this.options;
    const host = plan.clusters.find(({ name }) => name === plan.hostCluster);
    return context === host?.context || context === plan.federation ? urgently(run) : run;
  }

  /** Begins no more steps and ends those that only wait; what is being written is let come to its end. */
  requestStop(): void {
    this.stop.abort();
    this.options.reporter.tell({ type: 'stopping', running: [...this.running] });
  }

  /** Ends the programs that are running, too. */
  requestCut(): void {
    this.stop.abort();
    this.cut.abort();
  }

  /** Whether the user has asked to stop. */
  get stopping(): boolean {
    return this.stop.signal.aborted;
  }

  /** Why nothing may be written: what {@link EngineOptions.beforeWrite} threw. Nothing has been written then. */
  get refusal(): Error | undefined {
    return this.refused;
  }

  /** What a context's cluster says. */
  viewOf(context: string): ClusterView {
    return this.options.views.of(context);
  }

  /**
   * Asks every cluster at once for all that the steps look at. What cannot be asked is asked again by its step.
   *
   * @param also what else to ask for, by context
   * @returns whether every cluster has answered and has every object that a manifest declares: then there may be nothing
   *   to write
   */
  async prefetch(steps: readonly Step[], also: Readonly<Record<string, Wanted[]>> = {}): Promise<boolean> {
    const { plan } = this.options;
    const byContext = new Map<string, Wanted[]>(Object.entries(also));
    for (const step of steps) {
      // The federation has no context before its control plane is there.
      if (step.context === plan.federation) continue;
      const wanted = handlerOf(step.kind).wanted?.(step, this.options, minorFor(plan, step.cluster)) ?? [];
      for (const reference of wanted) {
        const context = reference.context ?? step.context;
        byContext.set(context, [...(byContext.get(context) ?? []), reference]);
      }
    }
    const signal = within(PREFETCH_MS, this.cut.signal);
    // Whether the federation has a context is in the kubeconfig; where it has one, its answer is there when it is needed.
    void this.kubeconfig.get(signal).then(
      (kubeconfig) => {
        if (kubeconfig.contexts.includes(plan.federation)) void this.lookAtFederation(steps);
      },
      () => undefined,
    );
    const looks = await Promise.allSettled(
      [...byContext].map(
        async ([context, wanted]) => [context, await this.viewOf(context).look(wanted, signal)] as const,
      ),
    );
    const found = new Map(looks.flatMap((look) => (look.status === 'fulfilled' ? [look.value] : [])));
    const isThere = (step: Step): boolean =>
      (step.kind !== 'apply' && step.kind !== 'create') ||
      step.context === plan.federation ||
      wantedOf(declaredObjects(this.options, step.file)).every(
        (reference) => found.get(step.context)?.get(reference) !== undefined,
      );
    return found.size === byContext.size && steps.every(isThere);
  }

  /** Asks the federation's API server once for all that the steps look at there. What it misses each step asks for. */
  private lookAtFederation(steps: readonly Step[]): Promise<unknown> {
    return (this.federationSeen ??= this.askFederation(steps));
  }

  private askFederation(steps: readonly Step[]): Promise<unknown> {
    const { plan } = this.options;
    const signal = within(PREFETCH_MS, this.cut.signal);
    const wanted = steps.flatMap((step) =>
      step.context === plan.federation
        ? (handlerOf(step.kind).wanted?.(step, this.options, minorFor(plan, step.cluster)) ?? [])
        : [],
    );
    return Promise.allSettled([
      this.viewOf(plan.federation).look(wanted, signal),
      ...(steps.some(({ kind }) => kind === 'kubefed-join') ? [this.members.get(signal, false)] : []),
      this.controlPlane.pods(signal, false),
    ]);
  }

  /** Looks at every step whose needs are done, and changes nothing. */
  async observe(steps: readonly Step[]): Promise<Map<string, Observation | Failure | 'not-yet'>> {
    const seen = new Map<string, Promise<Observation | Failure | 'not-yet'>>();
    const isDone = (value: Observation | Failure | 'not-yet'): boolean =>
      value !== 'not-yet' && 'state' in value && value.state === 'done';
    for (const step of steps) {
      const needs = step.needs.flatMap((id) => seen.get(id) ?? []);
      seen.set(
        step.id,
        Promise.all(needs).then(async (observed) => {
          if (!observed.every(isDone)) return 'not-yet' as const;
          try {
            const context = this.contextOf(step, within(step.timeoutSeconds * 1000, this.cut.signal));
            return await handlerOf(step.kind).observe(context, false);
          } catch (error) {
            return failureOf(step, error);
          }
        }),
      );
    }
    const entries = await Promise.all([...seen].map(async ([id, value]) => [id, await value] as const));
    return new Map(entries);
  }

  /**
   * Brings every step about, after those that it needs. A step that fails stops what needs it, and nothing else; one that is
   * known to fail before anything is done, also what it needs.
   */
  async apply(steps: readonly Step[]): Promise<StepResult[]> {
    const hopeless = await this.hopeless(steps);
    const below = new Map<string, Set<string>>();
    for (const step of [...steps].reverse()) {
      const above = hopeless.includes(step) ? [step.id] : (below.get(step.id) ?? []);
      for (const need of step.needs) below.set(need, new Set([...(below.get(need) ?? []), ...above]));
    }
    return this.walk(
      [...hopeless, ...steps.filter((step) => !hopeless.includes(step))],
      (step) => (hopeless.includes(step) ? [] : [...(below.get(step.id) ?? []), ...step.needs]),
      (step, needs) => this.bringAbout(step, steps, needs),
    );
  }

  /** The steps that can never be done as things are. What cannot be seen now shows when the step is its turn. */
  private async hopeless(steps: readonly Step[]): Promise<Step[]> {
    const judged = await Promise.all(
      steps.map(async (step) => {
        const handler = handlerOf(step.kind);
        if (!handler.check) return [];
        try {
          await handler.check(this.contextOf(step, within(PREFETCH_MS, this.cut.signal)));
          return [];
        } catch (error) {
          return error instanceof StepError ? [step] : [];
        }
      }),
    );
    return judged.flat();
  }

  /** Takes every step back, before those that it needs. A step that fails stops what it stands on, and nothing else. */
  teardown(steps: readonly Step[]): Promise<StepResult[]> {
    const before = new Map<string, string[]>();
    for (const step of steps) {
      for (const need of step.needs) before.set(need, [...(before.get(need) ?? []), step.id]);
      before.set(step.id, [...(before.get(step.id) ?? []), ...(step.outlives ?? [])]);
    }
    const { order } = inOrder(steps.map((step) => ({ ...step, needs: before.get(step.id) ?? [] })).reverse());
    const byId = new Map(steps.map((step) => [step.id, step]));
    const ordered = order.flatMap(({ id }) => byId.get(id) ?? []);
    return this.walk(
      ordered,
      ({ id }) => before.get(id) ?? [],
      (step) => this.takeBack(step),
    );
  }

  private async walk(
    steps: readonly Step[],
    needsOf: (step: Step) => readonly string[],
    work: Work,
  ): Promise<StepResult[]> {
    const results = new Map<string, Promise<StepResult>>();
    for (const step of steps) {
      const needs = needsOf(step).flatMap((id) => results.get(id) ?? []);
      results.set(
        step.id,
        Promise.all(needs).then((done) => this.workOn(step, done, work)),
      );
    }
    return Promise.all(results.values());
  }

  private async workOn(step: Step, needs: readonly StepResult[], work: Work): Promise<StepResult> {
    const { reporter } = this.options;
    const began = performance.now();
    const end = ({ keptFor, ...result }: Ending): StepResult => {
      const seconds = Math.round(performance.now() - began) / 1000;
      this.running.delete(step.id);
      reporter.tell({ type: 'ended', step: step.id, cluster: step.cluster, seconds, ...result });
      return { step, seconds, ...result, ...(keptFor !== undefined && { keptFor }) };
    };
    const broken = needs.find(({ outcome }) => outcome === 'failed' || outcome === 'skipped' || outcome === 'cut');
    const notBegun = this.refused ? 'nothing may be written' : 'the run was ended before';
    if (this.stop.signal.aborted) return end({ outcome: 'skipped', why: notBegun });
    if (broken) {
      const root =
        broken.outcome === 'skipped'
          ? (broken.why ?? '')
          : `${broken.step.id} ${broken.outcome === 'cut' ? 'was cut' : 'failed'}`;
      return end({ outcome: 'skipped', why: root });
    }
    // What somebody uses would be broken without what it stands on.
    const keptFor = needs.find((need) => need.keptFor !== undefined)?.keptFor;
    if (keptFor !== undefined) return end({ outcome: 'kept', why: `${keptFor} stays and needs it`, keptFor });
    this.running.add(step.id);
    reporter.tell({ type: 'started', step: step.id, cluster: step.cluster, title: step.title });
    try {
      return end(await work(step, needs));
    } catch (error) {
      if (this.refused) return end({ outcome: 'skipped', why: 'nothing may be written' });
      if (error instanceof CutError) return end({ outcome: 'cut' });
      return end({ outcome: 'failed', failure: failureOf(step, error) });
    }
  }

  private async bringAbout(step: Step, steps: readonly Step[], needs: readonly StepResult[]): Promise<Ending> {
    const { reporter } = this.options;
    const handler = handlerOf(step.kind);
    const isNews = handler.proves === true && needs.some(({ outcome }) => outcome === 'changed');
    const timeout = within(step.timeoutSeconds * 1000);
    const context = this.contextOf(step, AbortSignal.any([this.cut.signal, timeout])) as ContextOf<StepKind>;
    this.written.delete(step.id);
    let acts = 0;
    let failures = 0;
    let last: Extract<Observation, { state: 'waiting' }> | undefined;
    let wait = FIRST_PAUSE_MS;
    let known: Observation | undefined;
    for (;;) {
      try {
        // There is a control plane by now, or the step will say that there is none.
        if (step.context === this.options.plan.federation) {
          await orEnd(context.signal, ['kubectl', 'get'], this.lookAtFederation(steps));
        }
        const fresh = isNews || acts > 0 || failures > 0 || last !== undefined;
        const observation = known ?? (await this.look(handler, context, fresh));
        known = undefined;
        if (observation.state === 'done') {
          return { outcome: acts > 0 || this.written.has(step.id) ? 'changed' : 'unchanged' };
        }
        if (observation.state === 'todo') {
          if (acts === MAX_ACTS) {
            throw new StepError(
              `${observation.differs[0] ?? 'something'} again, after it was set ${MAX_ACTS} times`,
              'Something else in the cluster keeps setting it; find out what, then run apply again.',
            );
          }
          reporter.tell({ type: 'differs', step: step.id, cluster: step.cluster, differs: [...observation.differs] });
          if (this.stop.signal.aborted) throw new CutError();
          known = await handler.act(context, observation.seen);
          acts++;
        } else {
          context.seen(observation.seen);
          last = observation;
          // Who waits for something to act on later works on the federation too, though there is nothing to write yet.
          await this.beforeWrite();
          await untilChange(
            context.view,
            observation.awaits ?? [],
            wait,
            AbortSignal.any([context.signal, this.stop.signal]),
          );
          // What was written has had its look; nothing is waited for any more.
          if (this.stop.signal.aborted) throw new CutError();
          wait = Math.min(wait * 1.5, LONGEST_PAUSE_MS);
        }
      } catch (error) {
        if (this.cut.signal.aborted) throw new CutError();
        // A program that was ended since the time was up is no news; what was waited for is.
        if (timeout.aborted && isCut(error)) throw timedOut(step, 'apply', last, error);
        if (timeout.aborted || this.stop.signal.aborted || !isWorthALook(error)) throw error;
        failures++;
        if (failures === MAX_FAILURES) throw error.after(failures);
        this.tellRetry(step, error);
        await pause(wait, AbortSignal.any([context.signal, this.stop.signal]));
        wait = Math.min(wait * 2, LONGEST_PAUSE_MS);
      }
      if (timeout.aborted) throw timedOut(step, 'apply', last);
    }
  }

  /**
   * Looks at a step. That it has to wait, or can never be done, counts only when it is seen now, and not of a moment ago.
   */
  private async look(handler: Handler<StepKind>, context: ContextOf<StepKind>, fresh: boolean): Promise<Observation> {
    try {
      const seen = await handler.observe(context, fresh);
      return seen.state === 'waiting' && !fresh ? await handler.observe(context, true) : seen;
    } catch (error) {
      if (fresh || !(error instanceof StepError)) throw error;
      // What was seen may be half of something that has come to its end since, left running by an earlier run.
      this.kubeconfig.forget();
      this.members.forget();
      return handler.observe(context, true);
    }
  }

  private async takeBack(step: Step): Promise<Ending> {
    const handler = handlerOf(step.kind);
    const timeout = within(step.timeoutSeconds * 1000);
    const context = this.contextOf(step, AbortSignal.any([this.cut.signal, timeout])) as ContextOf<StepKind>;
    if (!handler.undo) return { outcome: 'nothing' };
    try {
      // What was in the federation went with its control plane.
      const { federation } = this.options.plan;
      if (
        step.context === federation &&
        !(await this.kubeconfig.get(context.signal)).entriesOf(federation).includes('context')
      ) {
        return { outcome: 'nothing' };
      }
      const undone = await handler.undo(context);
      if (undone.state !== 'kept') return { outcome: undone.state };
      return { outcome: 'kept', why: undone.why, ...(undone.inUse && { keptFor: step.id }) };
    } catch (error) {
      if (this.cut.signal.aborted) throw new CutError();
      if (timeout.aborted && isCut(error)) throw timedOut(step, 'teardown', undefined, error);
      if (await this.isNowhere(context, error)) return { outcome: 'nothing' };
      throw error;
    }
  }

  /**
   * Whether nothing of a step is anywhere, though the federation could not be asked: one that has never had a member goes
   * with its control plane, as one whose pods do not start.
   */
  private async isNowhere(context: StepContext, error: unknown): Promise<boolean> {
    return (
      context.step.context === this.options.plan.federation &&
      error instanceof ProgramError &&
      error.kind === 'unreachable' &&
      (await memberSecrets(context)).length === 0
    );
  }

  private tellRetry(step: Step, error: ProgramError): void {
    const { problem } = advice(error);
    this.options.reporter.tell({ type: 'retry', step: step.id, cluster: step.cluster, problem });
  }

  /** Asks once, before the first write or wait. A refusal ends the run: no step can do anything then. */
  private beforeWrite(): Promise<void> {
    this.mayWrite ??= (this.options.beforeWrite?.() ?? Promise.resolve()).catch((error: unknown) => {
      this.refused = error instanceof Error ? error : new Error(String(error));
      this.stop.abort();
      // Not the error itself, which may look like one that passes when a write is tried again.
      throw new CutError();
    });
    return this.mayWrite;
  }

  private contextOf(step: Step, signal: AbortSignal): StepContext {
    const { plan, folder, adopt, removeCredentials = false, reporter, views } = this.options;
    const where = { step: step.id, cluster: step.cluster };
    let seenLast: string | undefined;
    const run = this.runFor(step.context);
    const shared: Shared = {
      plan,
      folder,
      adopt,
      removeCredentials,
      run,
      views,
      warn: (cluster, text) => {
        if (this.warned.has(`${cluster}: ${text}`)) return;
        this.warned.add(`${cluster}: ${text}`);
        reporter.tell({ type: 'warning', cluster, text });
      },
    };
    const kubectl = new Kubectl(
      run,
      (command, { writes }) => {
        if (!writes) return;
        this.written.add(step.id);
        reporter.tell({ type: 'command', ...where, command: shown(command) });
      },
      (error) => {
        this.tellRetry(step, error);
      },
      () => this.beforeWrite(),
    );
    return {
      ...shared,
      step,
      kubectl,
      signal,
      stopped: this.stop.signal,
      kubeconfig: this.kubeconfig,
      members: this.members,
      controlPlane: this.controlPlane,
      versions: this.versions,
      cluster: clusterOf(plan, step.cluster),
      minor: minorFor(plan, step.cluster),
      view: this.viewOf(step.context),
      viewOf: (context) => this.viewOf(context),
      seen: (seen) => {
        if (seen === seenLast) return;
        seenLast = seen;
        reporter.tell({ type: 'seen', ...where, seen });
      },
    };
  }
}

/**
 * Whether a failed call is worth a look at how far it came, and then another try: somebody else was faster, or nobody
 * answered a call that may not be repeated without a look.
 */
function isWorthALook(error: unknown): error is ProgramError {
  if (!(error instanceof ProgramError)) return false;
  return ['conflict', 'already-exists'].includes(error.kind) || (isPassing(error) && error.attempts === 1);
}

/** A program was ended since the time was up, or by the user. */
function isCut(error: unknown): error is ProgramError {
  return error instanceof ProgramError && error.kind === 'cut';
}

/** A step's time is up: what it waited for or which call did not end, what it saw last, and where to look next. */
function timedOut(
  step: Step,
  command: 'apply' | 'teardown',
  last: Extract<Observation, { state: 'waiting' }> | undefined,
  call?: ProgramError,
): StepError {
  const seen = last ? `; last seen: ${last.seen}` : call ? `; ${call.command[0] ?? ''} had not ended by then` : '';
  const further = last?.lookFurther
    ? shown(last.lookFurther)
    : `kubectl --context=${step.context} get events --all-namespaces`;
  return new StepError(
    `it did not come about within ${step.timeoutSeconds} s${seen}`,
    `Look further with: ${further}. Then run ${command} again.`,
    last ? undefined : call?.command,
  );
}
