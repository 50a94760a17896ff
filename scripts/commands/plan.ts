import { commands } from '../../lib/plan/commands';
import { minorOf } from '../apply/api';
import { Finding } from '../../lib/errors';
import { bundlesOf } from '../../lib/plan/plan';
import { Step } from '../../lib/plan/step';
import { Engine } from '../apply/engine';
import { Failure } from '../apply/errors';
import { Observation } from '../apply/kinds/handler';
import { readKubeconfig, sameServer } from '../apply/kubeconfig';
import { causeLines, differLines } from '../apply/report/words';
import { select } from '../apply/select';
import { Kubectl } from '../apply/tools/kubectl';
import { ProgramError, Run, shown } from '../apply/tools/program';
import { within } from '../apply/waiting';
import { CommonOptions, EXIT, filesRefused, say, Session, withSession } from './session';

/** How long a cluster has to answer before its part of the plan is shown without it, in seconds. */
const REACH_SECONDS = 5;

export interface PlanOptions extends CommonOptions {
  /** Contact no cluster. */
  readonly offline?: boolean;
}

/** What is known of a step: what the clusters say, why they cannot say it, or that it waits for another. */
export type Known = Observation | Failure | 'not-yet' | 'out-of-reach';

/** `npm run plan`: what would be done, and with clusters in reach what is done already. Writes nothing. */
export function planCommand(options: PlanOptions): Promise<number> {
  return withSession(options, (session) => showPlan(session, options));
}

async function showPlan(session: Session, options: PlanOptions): Promise<number> {
  const { plan, run } = session;
  const steps = select(plan, options);
  const refused = filesRefused(session);
  const exitCode = refused.length > 0 ? EXIT.notBegun : EXIT.ok;
  const reach = options.offline ? new Map<string, string>() : await inReach(session);
  const { known, warnings } = await observed(session, steps, reach, refused, options);
  if (options.json) {
    for (const step of steps)
      say(
        JSON.stringify({
          step: step.id,
          cluster: step.cluster,
          title: step.title,
          needs: step.needs,
          ...jsonOf(known.get(step.id)),
          ...commands(step),
        }),
      );
    for (const warning of warnings) say(JSON.stringify(warning));
    return exitCode;
  }
  say(
    `${plan.federation} (${plan.stack}) over ${plan.clusters.map(({ name }) => name).join(', ')}; ${plan.dns.zone} answered at ${plan.dns.server}`,
  );
  say(tally(steps, known));
  for (const bundle of bundlesOf(plan)) {
    const ofBundle = steps.filter((step) => step.cluster === bundle);
    if (ofBundle.length === 0) continue;
    const cluster = plan.clusters.find(({ name }) => name === bundle);
    const why = cluster && reach.get(cluster.context);
    say('');
    say(
      cluster
        ? `${bundle}  ${cluster.server}, Kubernetes ${cluster.kubernetesVersion}, ${cluster.region}/${cluster.zone}, ${cluster.addressRange.first} to ${cluster.addressRange.last}${cluster.kubectl === undefined ? '' : `, by ${cluster.kubectl}`}${why ? `  (${why})` : ''}`
        : bundle,
    );
    for (const step of ofBundle) {
      for (const line of linesOf(step, known.get(step.id) ?? 'out-of-reach')) say(line);
      const diff = cluster && (await diffOf(step, known.get(step.id), minorOf(cluster.kubernetesVersion), run));
      for (const line of diff ?? []) say(`      | ${line}`);
    }
  }
  for (const line of warningLines(warnings)) say(line);
  return exitCode;
}

/** Something to know of a cluster that is no step's failure. */
export interface Warning {
  readonly cluster: string;
  readonly warning: string;
}

/** The warnings, below an empty line where there are any. */
export function warningLines(warnings: readonly Warning[]): string[] {
  return warnings.length === 0 ? [] : ['', ...warnings.map(({ cluster, warning }) => `note on ${cluster}: ${warning}`)];
}

/**
 * What the clusters say of steps, as far as they are in reach.
 *
 * @param reach contexts that cannot be asked, and why
 * @param refused files that failed the digest check; no step is judged by them
 */
export async function observed(
  session: Session,
  steps: readonly Step[],
  reach: ReadonlyMap<string, string>,
  refused: readonly Finding[],
  options: CommonOptions & { offline?: boolean },
): Promise<{ readonly known: Map<string, Known>; readonly warnings: readonly Warning[] }> {
  const { plan } = session;
  const hostContext = plan.clusters.find(({ name }) => name === plan.hostCluster)?.context ?? '';
  const known = new Map<string, Known>(steps.map((step) => [step.id, 'out-of-reach']));
  const blocked = new Set<string>();
  for (const step of steps) {
    const finding = 'file' in step ? refused.find(({ where }) => where === `dist/${step.file}`) : undefined;
    if (!finding) continue;
    const { where, problem, hint } = finding;
    known.set(step.id, { step: step.id, cluster: step.cluster, problem: `${where} ${problem}`, hint });
    blocked.add(step.id);
  }
  const warnings: Warning[] = [];
  if (options.offline) return { known, warnings };
  const asked = steps.filter(
    ({ id, context }) => !blocked.has(id) && !reach.has(context === plan.federation ? hostContext : context),
  );
  const engine = new Engine({
    ...session,
    adopt: false,
    reporter: {
      tell: (event) => {
        if (event.type === 'warning') warnings.push({ cluster: event.cluster, warning: event.text });
      },
      close: () => undefined,
    },
  });
  await engine.prefetch(asked);
  for (const [id, value] of await engine.observe(asked)) known.set(id, value);
  // A step whose need cannot be asked is not known to be possible yet.
  for (const step of asked)
    if (step.needs.some((need) => known.get(need) === 'out-of-reach' || blocked.has(need)))
      known.set(step.id, 'not-yet');
  return { known, warnings };
}

/** The contexts that cannot be asked, each with why: they do not lead where the topology says, or nobody answers there. */
export async function inReach({ plan, run, views }: Session): Promise<Map<string, string>> {
  const signal = AbortSignal.timeout(REACH_SECONDS * 4000);
  const kubectl = new Kubectl(run, () => undefined);
  const out = new Map<string, string>();
  let serverOf: (context: string) => string | undefined;
  try {
    serverOf = (await readKubeconfig(kubectl, signal)).serverOf;
  } catch (error) {
    const why =
      error instanceof ProgramError && error.kind === 'no-program'
        ? 'kubectl is not installed'
        : 'the kubeconfig cannot be read';
    return new Map(plan.clusters.map(({ context }) => [context, why]));
  }
  await Promise.all(
    plan.clusters.map(async ({ context, server }) => {
      const actual = serverOf(context);
      if (actual === undefined) {
        out.set(context, `no context ${context}`);
        return;
      }
      if (!sameServer(actual, server)) {
        out.set(context, `context ${context} leads to ${actual}`);
        return;
      }
      try {
        await views.of(context).reader.version(within(REACH_SECONDS * 1000, signal));
      } catch {
        out.set(context, 'out of reach');
      }
    }),
  );
  return out;
}

function tally(steps: readonly Step[], known: ReadonlyMap<string, Known>): string {
  const count = (is: (value: Known) => boolean): number =>
    steps.filter((step) => is(known.get(step.id) ?? 'out-of-reach')).length;
  const parts = [
    [count((value) => typeof value === 'object' && 'state' in value && value.state === 'done'), 'done already'],
    [count((value) => typeof value === 'object' && 'state' in value && value.state !== 'done'), 'to do'],
    [count((value) => value === 'not-yet'), 'after those'],
    [count((value) => typeof value === 'object' && 'problem' in value), 'blocked'],
    [count((value) => value === 'out-of-reach'), 'not looked at'],
  ] as const;
  return `${steps.length} steps: ${parts
    .filter(([n]) => n > 0)
    .map(([n, word]) => `${n} ${word}`)
    .join(', ')}`;
}

/** What the plan shows of a step. */
export function linesOf(step: Step, known: Known): string[] {
  const what = commands(step).run.map((command) => `      $ ${shown(command)}`);
  const needs = step.needs.length > 0 ? [`      after ${step.needs.join(', ')}`] : [];
  const head = (mark: string): string => `  ${mark} ${step.id}: ${step.title}`;
  if (known === 'out-of-reach' || known === 'not-yet')
    return [head(known === 'not-yet' ? '…' : ' '), ...needs, ...what];
  if ('problem' in known) return [head('!'), ...[known.problem, ...causeLines(known)].map((line) => `      ${line}`)];
  switch (known.state) {
    case 'done':
      return [head('✔')];
    case 'waiting':
      return [head('~'), `      waiting: ${known.seen}`];
    case 'todo':
      return [head('+'), ...differLines(known.differs).map((text) => `      ${text}`), ...what];
  }
}

export function jsonOf(known: Known = 'out-of-reach'): object {
  return typeof known === 'string'
    ? { state: known }
    : 'problem' in known
      ? { state: 'blocked', problem: known.problem, hint: known.hint, command: known.command, said: known.said }
      : known;
}

/** What `kubectl diff` says of a manifest that differs, where client and server have it (from 1.13). */
async function diffOf(step: Step, known: Known | undefined, minor: number, run: Run): Promise<string[] | undefined> {
  if (step.kind !== 'apply' || minor < 13 || typeof known !== 'object' || !('state' in known) || known.state !== 'todo')
    return undefined;
  try {
    await run(['kubectl', `--context=${step.context}`, 'diff', `--filename=${step.file}`], {
      signal: AbortSignal.timeout(30_000),
    });
    return undefined;
  } catch (error) {
    // Exit code 1 is how diff says that there is a difference.
    if (!(error instanceof ProgramError) || error.exitCode !== 1 || error.output.stdout === '') return undefined;
    return error.output.stdout
      .trimEnd()
      .split('\n')
      .filter((line) => /^[-+ @]/.test(line) && !/^(---|\+\+\+) /.test(line));
  }
}
