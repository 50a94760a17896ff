import { bundlesOf } from '../../lib/plan/plan';
import { Step } from '../../lib/plan/step';
import { addressesOf } from '../apply/kinds/service-address';
import { readKubeconfig } from '../apply/kubeconfig';
import { select } from '../apply/select';
import { Kubectl } from '../apply/tools/kubectl';
import { Run } from '../apply/tools/program';
import { inReach, Known, observed, warningLines } from './plan';
import { CommonOptions, EXIT, filesRefused, say, Session, withSession } from './session';
import { table } from './table';

/** `npm run status`: what stands, cluster by cluster. Writes nothing. Exit code 1 where something is not as planned. */
export function statusCommand(options: CommonOptions): Promise<number> {
  return withSession(options, (session) => showStatus(session, options));
}

async function showStatus(session: Session, options: CommonOptions): Promise<number> {
  const { plan, run } = session;
  const steps = select(plan, options);
  const refused = filesRefused(session);
  const reach = await inReach(session);
  const { known, warnings } = await observed(session, steps, reach, refused, options);
  const states = new Map(steps.map((step) => [step.id, wordOf(known.get(step.id) ?? 'out-of-reach')]));
  const allWell = [...states.values()].every((word) => word === 'ok');
  const exitCode = refused.length > 0 ? EXIT.notBegun : allWell ? EXIT.ok : EXIT.failed;
  if (options.json) {
    for (const step of steps)
      say(
        JSON.stringify({
          step: step.id,
          cluster: step.cluster,
          component: step.component,
          state: states.get(step.id),
          details: detailsOf(step, known),
        }),
      );
    for (const warning of warnings) say(JSON.stringify(warning));
    return exitCode;
  }

  const components = [...new Set(steps.map(({ component }) => component))];
  const bundles = bundlesOf(plan).filter((bundle) => steps.some((step) => step.cluster === bundle));
  const rows = components.map((component) => [
    component,
    ...bundles.map((bundle) =>
      worst(
        steps
          .filter((step) => step.component === component && step.cluster === bundle)
          .map((step) => states.get(step.id) ?? '?'),
      ),
    ),
  ]);
  for (const line of table([['', ...bundles], ...rows, await addressRow(session, steps, bundles, reach)])) say(line);

  const details = steps.flatMap((step) => detailsOf(step, known).map((text) => `${step.id}: ${text}`));
  if (details.length > 0) say('');
  for (const line of details) say(line);
  for (const [context, why] of reach) say(`${context}: ${why}`);
  for (const line of warningLines(warnings)) say(line);
  say('');
  // Only a control plane has a context of its own.
  if (plan.steps.some(({ kind }) => kind === 'kubefed-init')) say(await contextLine(plan.federation, run));
  say(exitCode === EXIT.ok ? 'All is as the plan says.' : '`npm run plan` shows what apply would do about it.');
  return exitCode;
}

/** Whether the kubeconfig has the context that `kubefed init` adds. */
async function contextLine(federation: string, run: Run): Promise<string> {
  const kubeconfig = await readKubeconfig(new Kubectl(run, () => undefined), AbortSignal.timeout(10_000)).catch(
    () => undefined,
  );
  const has = kubeconfig?.entriesOf(federation).includes('context') ?? false;
  return `Context ${federation} is ${has ? '' : 'not '}in the kubeconfig.`;
}

/** The addresses that each cluster gave its workloads. */
async function addressRow(
  { plan, views }: Session,
  steps: readonly Step[],
  bundles: readonly string[],
  reach: ReadonlyMap<string, string>,
): Promise<string[]> {
  const cells = await Promise.all(
    bundles.map(async (bundle) => {
      const services = steps.filter((step) => step.kind === 'service-address' && step.cluster === bundle);
      const cluster = plan.clusters.find(({ name }) => name === bundle);
      if (!cluster || services.length === 0 || reach.has(cluster.context)) return '';
      const found = await Promise.all(
        services.map(async (step) => {
          if (step.kind !== 'service-address') return [];
          const wanted = { apiVersion: 'v1', kind: 'Service', name: step.service, namespace: step.namespace };
          const found = await views
            .of(step.context)
            .look([wanted], AbortSignal.timeout(10_000))
            .catch(() => undefined);
          return addressesOf(found?.get(wanted));
        }),
      );
      return found.flat().join(' ') || 'none';
    }),
  );
  return ['addresses', ...cells];
}

type Word = 'ok' | 'drift' | 'waiting' | 'unseen' | 'error' | 'missing' | '?';

function wordOf(known: Known): Word {
  if (known === 'out-of-reach') return '?';
  // It may well be there: nobody looks before what it needs is done.
  if (known === 'not-yet') return 'unseen';
  if ('problem' in known) return 'error';
  if (known.state === 'done') return 'ok';
  if (known.state === 'waiting') return 'waiting';
  return known.differs.every((text) => /is missing$|is not installed$|is no member|has no |does not run/.test(text))
    ? 'missing'
    : 'drift';
}

const ORDER: readonly Word[] = ['error', '?', 'missing', 'drift', 'waiting', 'unseen', 'ok'];

/** The worst of several steps of one component. */
function worst(words: readonly string[]): string {
  return ORDER.find((word) => words.includes(word)) ?? '';
}

/** What is behind a step's word, a line each. */
function detailsOf(step: Step, all: ReadonlyMap<string, Known>): string[] {
  const known = all.get(step.id);
  if (known === 'not-yet') {
    const undone = step.needs.filter((id) => all.has(id) && wordOf(all.get(id) ?? 'out-of-reach') !== 'ok');
    return [`after ${undone.join(', ')}`];
  }
  if (known === undefined || typeof known === 'string') return [];
  if ('problem' in known) {
    const said = (known.said ?? '').split('\n').filter((line) => line !== '');
    return [known.problem, ...said.map((line) => `it said: ${line}`)];
  }
  if (known.state === 'waiting') return [known.seen];
  return known.state === 'todo' ? [...known.differs] : [];
}
