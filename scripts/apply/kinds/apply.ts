import { Ready, Step, StepOf } from '../../../lib/plan/step';
import { commands } from '../../../lib/plan/commands';
import { Plan } from '../../../lib/plan/plan';
import { updatesSharedNodePorts } from '../../../lib/shared-node-port';
import { wantedFor, Wanted } from '../api';
import { declaredObjects, foreign, isOurs, Shared, StepContext, wantedOf } from '../context';
import { dropped } from '../dropped';
import { differences, KubeObject, named, textAt } from '../objects';
import { StepError } from '../errors';
import { describeCommand, readiness } from '../readiness';
import { ask } from '../resolver';
import { sharesNodePort } from '../shared-node-port';
import { ProgramError } from '../tools/program';
import { awaited, pause, waitUntil } from '../waiting';
import {
  deleteObjects,
  describeSurplus,
  isFederated,
  leavingCopies,
  removeCopies,
  surplusPorts,
  takePortsOut,
} from './federated';
import { ContextOf, DONE, Handler, leaving, NOTHING, Observation, REMOVED, Undone } from './handler';
import { checkInstead } from './instead';
import { othersIn } from './others';

/** Applies a manifest, then waits for what the step names. */
export const apply: Handler<'apply'> = {
  wanted: wantedBy,

  async observe(context, fresh) {
    const { step, plan, adopt } = context;
    const declared = declaredObjects(context, step.file);
    const found = await context.view.look(wantedBy(step, context, context.minor), context.signal, { fresh });
    const differs = declared.flatMap((object) => {
      const [reference] = wantedOf([object]);
      const live = reference && found.get(reference);
      if (!live) return [`${named(object)} is missing`];
      if (!adopt && !isOurs(plan, live)) {
        throw foreign(`${named(object)} in ${step.cluster}`, 'see its labels and annotations');
      }
      return differencesOf(object, live);
    });
    const going = leaving(
      step.context,
      wantedOf(declared).map((reference) => found.get(reference)),
    );
    if (going) return going;
    const surplus = isFederated(context) ? await surplusPorts(context) : [];
    differs.push(...surplus.filter(({ isStuck }) => isStuck).map(describeSurplus));
    if (differs.length > 0) {
      await checkInstead(context, step.insteadOf, fresh);
      return { state: 'todo', differs };
    }
    const waiting = isFederated(context) ? await copiesFollow(context, fresh, surplus) : undefined;
    return waiting ?? waitedFor(context, step.wait, (wanted) => found.get(wanted));
  },

  async act(context) {
    const { step, kubectl, signal, view, folder, minor } = context;
    const [run] = commands(step).run;
    if (!run) return undefined;
    const write = async (): Promise<void> => {
      await untilAccepted(context, () => kubectl.write(run, signal));
      view.forget(wantedBy(step, { folder }, minor));
    };
    if (!isFederated(context)) await checkUpdatable(context);
    const stuck = isFederated(context) ? (await surplusPorts(context)).filter(({ isStuck }) => isStuck) : [];
    if (stuck.length === 0) await write();
    else {
      // A controller manager that saw one of the two without the other would end at it, or put the port back.
      await context.controlPlane.whileStopped(context, async () => {
        await takePortsOut(context, stuck);
        await write();
      });
    }
    return step.wait.length === 0 ? DONE : undefined;
  },

  async undo(context) {
    await untilForgotten(context);
    const undone = await removeObjects(context);
    if (!isFederated(context)) return undone;
    const copies = await removeCopies(context);
    return copies && undone.state !== 'kept' ? REMOVED : undone;
  },
};

/**
 * kubectl updates every object of the file, also where nothing differs.
 *
 * @throws StepError where the API server would end at that
 */
async function checkUpdatable({ step, folder, view, signal, versions }: ContextOf<'apply'>): Promise<void> {
  const services = wantedOf(declaredObjects({ folder }, step.file)).filter(({ kind }) => kind === 'Service');
  const found = await view.look(services, signal);
  const shared = services.flatMap((reference) => found.get(reference) ?? []).find(sharesNodePort);
  if (!shared) return;
  const version = await versions.server(step.context, signal);
  if (updatesSharedNodePorts(version)) return;
  const { name, namespace = 'default' } = shared.metadata;
  throw new StepError(
    `the API server of ${step.cluster} (${version.version}) ends at any update of ${named(shared)}, whose UDP and TCP share a node port`,
    `Delete it (kubectl --context=${step.context} --namespace=${namespace} delete service ${name}), then run apply again: it is created as declared.`,
  );
}

/** What the federation has still to carry into the members, or cannot, since its controller manager ends at something. */
async function copiesFollow(
  { controlPlane, signal, step }: ContextOf<'apply'>,
  fresh: boolean,
  surplus: Awaited<ReturnType<typeof surplusPorts>>,
): Promise<Observation<never> | undefined> {
  const restarts = await controlPlane.restarts(signal, fresh);
  if (restarts) return { state: 'waiting', ...restarts };
  const [late] = surplus;
  if (!late) return undefined;
  const lookFurther = describeCommand(late.cluster.context, {
    resource: `service/${late.copy.metadata.name}`,
    namespace: late.copy.metadata.namespace ?? step.context,
    until: 'exists',
  });
  return { state: 'waiting', seen: describeSurplus(late), lookFurther };
}

/** How long what keeps records has to take them back, in milliseconds, and how often nobody answers until nobody is there. */
const FORGET_MS = 30_000;
const UNANSWERED = 2;

/**
 * Waits until the names that the step's objects keep do not lead to the cluster any more: once the objects are gone,
 * nobody takes the records back. What stays is told, and stops nothing.
 */
async function untilForgotten(context: ContextOf<'apply'>): Promise<void> {
  const { step, plan, view, signal, seen, warn } = context;
  const { records = [] } = step;
  if (records.length === 0) return;
  const declared = wantedOf(declaredObjects(context, step.file));
  const found = await view.look(declared, signal, { fresh: true });
  const isThere = (reference: Wanted): boolean => {
    const live = found.get(reference);
    return live !== undefined && isOurs(plan, live);
  };
  if (!declared.every(isThere)) return;

  const until = Date.now() + FORGET_MS;
  const leadsHere = async ({ name, address, server }: (typeof records)[number]): Promise<boolean> => {
    let unanswered = 0;
    while (unanswered < UNANSWERED) {
      const answer = await ask(server, name);
      if ('failure' in answer) unanswered++;
      else if (answer.addresses.includes(address)) unanswered = 0;
      else return false;
      if (signal.aborted || Date.now() > until) return true;
      if ('addresses' in answer) seen(`${name} still leads to ${address}`);
      await pause(500, signal);
    }
    return false;
  };
  for (const record of records) {
    if (!(await leadsHere(record))) continue;
    warn(step.cluster, `${record.name} still leads to ${record.address}: its record stays in the zone.`);
  }
}

/**
 * Tries again, within the step's time, while a webhook that judges the objects is still coming up, and while the server does
 * not serve a kind yet that this plan has just registered.
 */
async function untilAccepted(context: ContextOf<'apply'>, attempt: () => Promise<unknown>): Promise<void> {
  const { signal, seen } = context;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (!(error instanceof ProgramError) || signal.aborted) throw error;
      if (error.kind === 'webhook') seen('the webhook that judges the objects does not answer yet');
      else if (error.kind === 'no-such-kind' && registersKind(context))
        seen('the server does not serve the new kind yet');
      else throw error;
      await pause(ACCEPT_PAUSE_MS, signal);
    }
  }
}

const ACCEPT_PAUSE_MS = 1_000;

/** Whether the step, or one that it needs, registers the group of one of its objects. */
function registersKind(context: ContextOf<'apply'>): boolean {
  const { step, plan } = context;
  const groups = new Set(declaredObjects(context, step.file).map(({ apiVersion }) => apiVersion.split('/')[0] ?? ''));
  const before = withNeeds(plan, step.id);
  const registered = before.flatMap((other) =>
    other.kind === 'apply' || other.kind === 'create'
      ? declaredObjects(context, other.file)
          .filter(({ kind }) => kind === 'CustomResourceDefinition')
          .flatMap((definition) => textAt(definition, 'spec', 'group') ?? [])
      : other.kind === 'helm-release'
        ? (other.registers ?? []).map((resource) => resource.slice(resource.indexOf('.') + 1))
        : [],
  );
  return registered.some((group) => groups.has(group));
}

/** A step and all that it needs, directly or not. */
function withNeeds({ steps }: Plan, id: string): Step[] {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const found = new Map<string, Step>();
  const add = (next: string): void => {
    const step = byId.get(next);
    if (!step || found.has(next)) return;
    found.set(next, step);
    step.needs.forEach(add);
  };
  add(id);
  return [...found.values()];
}

/** The manifest's objects and what the step waits for. */
function wantedBy(step: StepOf<'apply'>, shared: Pick<Shared, 'folder'>, minor: number): Wanted[] {
  return [...wantedOf(declaredObjects(shared, step.file)), ...step.wait.map((ready) => wantedFor(minor, ready))];
}

/** What of an object is not as declared, or not declared any more, with the field's path. */
export function differencesOf(declared: KubeObject, live: KubeObject): string[] {
  // The API version is the one that was asked in; what the server does not say of itself is no difference.
  const { apiVersion: ignored, ...rest } = declared;
  return [
    ...differences(rest, { ...live, apiVersion: ignored }).map((path) => `${path} is not as declared`),
    ...dropped(declared, live).map((path) => `${path} is not declared any more`),
  ].map((difference) => `${named(declared)}: ${difference}`);
}

/** Whether all that a step waits for is ready, and what the first that is not looks like. */
export function waitedFor(
  { minor, step }: Pick<StepContext, 'minor' | 'step'>,
  wait: readonly Ready[],
  get: (wanted: Wanted) => KubeObject | undefined,
): Observation<never> {
  for (const ready of wait) {
    const wanted = wantedFor(minor, ready);
    const object = get(wanted);
    const judged = readiness(ready, object);
    if (!judged.ready) {
      return {
        state: 'waiting',
        seen: judged.seen,
        lookFurther: describeCommand(step.context, ready),
        awaits: [{ ...wanted, resourceVersion: object?.metadata.resourceVersion }],
      };
    }
  }
  return DONE;
}

/** Why a namespace of the federation is not deleted. What becomes of the members' is each member's step to say. */
export const KEPT_NAMESPACE =
  "the federation's own goes with its control plane; deleted by itself it would go in every member, with all that is in it";

/** Deletes a manifest's objects as far as they are this plan's, the last first, and waits until they are gone. */
export async function removeObjects(
  context: StepContext<Extract<StepContext['step'], { kind: 'apply' | 'create' }>>,
): Promise<Undone> {
  const { step, plan, signal, view } = context;
  const declared = declaredObjects(context, step.file);
  const live = async (): Promise<KubeObject[]> => {
    const found = await view.look(wantedOf(declared), signal, { fresh: true });
    return declared.flatMap((object) => {
      const [reference] = wantedOf([object]);
      const there = reference && found.get(reference);
      return there ? [there] : [];
    });
  };
  const present = await live();
  const made = present.filter((object) => isOurs(plan, object));
  // Deleted in the federation, a namespace and all in it would be deleted in every member.
  const isSpared = ({ kind }: KubeObject): boolean => kind === 'Namespace' && step.context === plan.federation;
  const spared = made.find(isSpared);
  const ours = made.filter((object) => !isSpared(object));
  const kept: Undone | undefined = spared && {
    state: 'kept',
    why: `${named(spared)}: ${KEPT_NAMESPACE}`,
  };
  if (kept && ours.length === 0) return kept;
  if (ours.length === 0)
    return present.length === 0
      ? NOTHING
      : {
          state: 'kept',
          why: `${named(present[0] ?? declared[0] ?? { kind: '', name: '' })} was not made by this plan`,
        };

  for (const namespace of ours.filter(({ kind }) => kind === 'Namespace')) {
    const others = await othersIn(context, namespace.metadata.name);
    if (others.length > 0)
      return { state: 'kept', why: `namespace ${namespace.metadata.name} holds ${others.map(named).join(', ')}` };
  }
  const [undo] = commands(step).undo;
  if (!undo) return NOTHING;
  // Servers of 1.7 refuse to delete a namespace once more that is being deleted.
  const staying = ours.filter(({ kind, metadata }) => kind !== 'Namespace' || metadata.deletionTimestamp === undefined);
  const names = wantedOf(declared).filter((reference) => staying.some((object) => named(object) === named(reference)));
  if (names.length > 0) await deleteObjects(context, await leavingCopies(context, undo), declared.length, names);
  await waitUntil(context, async () => {
    const [left] = (await live()).filter((object) => isOurs(plan, object) && !isSpared(object));
    return left && { seen: `${named(left)} is still there`, awaits: awaited([left]) };
  });
  return kept ?? REMOVED;
}
