import { FederationError } from '../../lib/errors';
import { Plan } from '../../lib/plan/plan';
import { Step } from '../../lib/plan/step';
import { declaredObjects, isOurs, wantedOf } from '../apply/context';
import { Engine } from '../apply/engine';
import { Failure } from '../apply/errors';
import { handlerOf } from '../apply/kinds';
import { at, named, textAt } from '../apply/objects';
import { ProgramError } from '../apply/tools/program';
import { within } from '../apply/waiting';
import { addressesOf } from '../apply/kinds/service-address';
import { select } from '../apply/select';
import { ApplyOptions, carryOut } from './apply';
import { confirmed, say, Session, withSession } from './session';

/** `npm run teardown`: takes away what the plan made, the last first, and leaves everything else as it is. */
export function teardownCommand(options: ApplyOptions): Promise<number> {
  return withSession(options, (session) => takeDown(session, options));
}

function takeDown(session: Session, options: ApplyOptions): Promise<number> {
  const { plan, views } = session;
  const steps = select(plan, options);
  return carryOut('teardown', session, steps, options, async (engine) => {
    await checkStanding(engine, session, steps);
    if (options.yes) return true;
    say(
      `To take away from ${plan.federation}: ${[...steps]
        .reverse()
        .map(({ id }) => id)
        .join(', ')}`,
    );
    if (steps.some(({ component }) => component === 'keepalived' || component === 'metallb')) {
      // Their addresses are given by what is about to go.
      for (const { name, context } of plan.clusters) {
        try {
          const services = await views
            .of(context)
            .list({ apiVersion: 'v1', kind: 'Service' }, AbortSignal.timeout(10_000));
          const others = services.filter(
            (service) =>
              textAt(service, 'spec', 'type') === 'LoadBalancer' &&
              addressesOf(service).length > 0 &&
              !isOurs(plan, service),
          );
          const federated = new Set(plan.workloads.map((workload) => `Service ${workload.namespace}/${workload.name}`));
          for (const service of others.filter((other) => !federated.has(named(other)))) {
            say(`  ${name}: ${named(service)} will lose its address ${addressesOf(service).join(', ')}.`);
          }
        } catch (error) {
          if (!(error instanceof ProgramError)) throw error;
        }
      }
    }
    for (const cluster of plan.workloads.length > 0 ? leaving(plan, steps) : []) {
      say(`  ${cluster}: what the federation runs there stays, and so do the names that lead to its addresses.`);
    }
    return confirmed('Take it all away?');
  });
}

/** The clusters that a selection takes out of a federation which goes on without them. */
function leaving(plan: Plan, steps: readonly Step[]): string[] {
  const chosen = new Set(steps.map(({ id }) => id));
  const joins = plan.steps.filter(({ kind }) => kind === 'kubefed-join');
  if (joins.every(({ id }) => chosen.has(id))) return [];
  return joins.filter(({ id }) => chosen.has(id)).map(({ cluster }) => cluster);
}

/** With a selection: what is not chosen and stands on the chosen steps has to be gone already. */
async function checkStanding(engine: Engine, session: Session, steps: readonly Step[]): Promise<void> {
  const on = standingOn(session.plan, steps);
  const findings = await Promise.all(
    session.plan.steps.map(async (step) => {
      const below = on.get(step.id) ?? [];
      if (below.length === 0) return [];
      const standing = await stands(engine, session, step);
      if (standing === false) return [];
      const needs = below.length === 1 ? `needs ${below[0] ?? ''}` : `needs ${below.join(' and ')}`;
      return [
        {
          where: step.id,
          problem: standing === true ? `is there and ${needs}` : `${needs}, and may be there: ${standing.problem}`,
          hint: 'Select it too, or run teardown without a selection.',
        },
      ];
    }),
  );
  if (findings.flat().length > 0)
    throw new FederationError('Something stands on the selected steps; nothing was taken away.', findings.flat());
}

/** The steps that are not chosen, with the chosen ones that each stands on, directly or not. */
function standingOn(plan: Plan, steps: readonly Step[]): Map<string, string[]> {
  const chosen = new Map(steps.map((step) => [step.id, step]));
  const gone = leaving(plan, steps);
  const on = new Map<string, string[]>();
  // The plan stands in order: what a step needs comes before it.
  for (const step of plan.steps.filter(({ id }) => !chosen.has(id))) {
    const below = [
      ...step.needs.flatMap((need) => (chosen.has(need) ? [need] : (on.get(need) ?? []))),
      ...steps.filter(({ outlives }) => outlives?.includes(step.id)).map(({ id }) => id),
    ].filter((id) => {
      // The federation's workloads go on without a member that leaves.
      const { kind, cluster } = chosen.get(id) ?? step;
      return step.context !== plan.federation || kind === 'kubefed-init' || !gone.includes(cluster);
    });
    on.set(step.id, [...new Set(below)]);
  }
  return on;
}

/** Whether anything of a step is there that a teardown would take away; why that cannot be said where it cannot. */
async function stands(engine: Engine, { plan, folder }: Session, step: Step): Promise<boolean | Failure> {
  if (!handlerOf(step.kind).undo) return false;
  // The federation's namespaces go with its control plane, and not before.
  if (step.kind === 'create' && step.context === plan.federation) return false;
  if (step.kind === 'kubefed-join' || step.context === plan.federation) {
    const kubeconfig = await engine.kubeconfig.get(within(LOOK_MS));
    // Without a context the control plane alone can tell whether it has members.
    if (!kubeconfig.entriesOf(plan.federation).includes('context')) {
      const init = plan.steps.find(({ kind }) => kind === 'kubefed-init');
      const seen = init && (await engine.observe([init])).get(init.id);
      return seen !== undefined && seen !== 'not-yet' && 'problem' in seen ? seen : false;
    }
  }
  // By itself: whether what it needs is done does not matter.
  const seen = (await engine.observe([step])).get(step.id);
  if (seen === undefined || seen === 'not-yet') return false;
  // Without Tiller there are no releases.
  if ('problem' in seen) return /could not find (a ready )?tiller/i.test(seen.said ?? '') ? false : seen;
  if (seen.state !== 'todo') return true;
  switch (step.kind) {
    case 'apply':
    case 'create': {
      const wanted = wantedOf(declaredObjects({ folder }, step.file));
      const found = await engine.viewOf(step.context).look(wanted, within(LOOK_MS));
      return wanted.some((reference) => {
        const object = found.get(reference);
        return object !== undefined && isOurs(plan, object);
      });
    }
    case 'kubefed-init':
      return at(seen.seen, 'reached') !== 'nothing';
    case 'kubefed-join':
      return at(seen.seen, 'isMember') === true;
    case 'helm-init':
      return at(seen.seen, 'isThere') === true;
    case 'helm-release':
      return seen.seen !== undefined;
    default:
      return false;
  }
}

/** How long a look at what stands on a selection may take, in milliseconds. */
const LOOK_MS = 30_000;
