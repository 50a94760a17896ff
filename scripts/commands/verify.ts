import { isDeepStrictEqual } from 'node:util';
import { contains } from '../../lib/topology/addresses';
import { FederationError } from '../../lib/errors';
import { Plan } from '../../lib/plan/plan';
import { StepOf } from '../../lib/plan/step';
import { advice } from '../apply/errors';
import { KubeObject, listAt, textAt } from '../apply/objects';
import { ask } from '../apply/resolver';
import { addressesOf } from '../apply/kinds/service-address';
import { KubeconfigReader } from '../apply/kubeconfig';
import { preflight, PreflightError, preflightHere } from '../apply/preflight';
import { MemberList } from '../apply/members';
import { select } from '../apply/select';
import { Kubectl } from '../apply/tools/kubectl';
import { ProgramError } from '../apply/tools/program';
import { Views } from '../apply/view';
import { within } from '../apply/waiting';
import { askInPod, NamePod } from './name-pod';
import { inReach } from './plan';
import { CommonOptions, EXIT, say, Session, withSession } from './session';
import { table } from './table';

export interface VerifyOptions extends CommonOptions {
  /** Whether the names are asked in a pod of every cluster too. */
  readonly pods: boolean;
}

/** How long all of it may take, in milliseconds; a pod has to be pulled and started in each cluster. */
const LIMIT_MS = 180_000;

/** One thing that was looked at. */
interface Link {
  readonly cluster: string;
  readonly what: string;
  readonly ok: boolean;
  readonly seen: string;
  /** What to do about it. @default what is seen says it */
  readonly hint?: string;
}

/**
 * `npm run verify`: the outcome itself, from the federation's members to a name asked in a pod. A short-lived pod is
 * started in each cluster, unless it is asked not to; nothing else is written.
 */
export function verifyCommand(options: VerifyOptions): Promise<number> {
  return withSession(options, (session) => checkOutcome(session, options));
}

async function checkOutcome(session: Session, options: VerifyOptions): Promise<number> {
  const { plan, folder, run, views } = session;
  const cut = new AbortController();
  const signal = within(LIMIT_MS, cut.signal);
  const kubectl = new Kubectl(run, () => undefined);
  const all = plan.steps.filter((step): step is StepOf<'dns-check'> => step.kind === 'dns-check');
  const checks = chosen(plan, all, options);
  const kubeconfig = new KubeconfigReader(kubectl, (context) => {
    views.reset(context);
  });
  const input = { plan, folder, steps: checks, kubectl, views, kubeconfig, signal };
  const { findings } = await preflight(input, preflightHere(input));
  if (findings.length > 0) throw new PreflightError(findings);

  // The chain in its order: what comes later hangs on what comes before.
  const isFederated = plan.steps.some(({ kind }) => kind === 'kubefed-join');
  const members = !isFederated
    ? []
    : await checkMembers(
        views,
        plan.federation,
        plan.clusters.map(({ name }) => name),
        signal,
      );
  const services = new Map(
    await Promise.all(checks.map(async (step) => [step.id, await serviceOf(views, step, signal)] as const)),
  );
  // A name at a wider level leads to clusters that are not selected, too; what they have is expected with the rest.
  const sharers = all.filter((step) => !checks.includes(step) && checks.some(({ name }) => name === step.name));
  const unasked = await askSharers(session, sharers, services, signal);
  // One Service a cluster, however many names lead to it.
  const own = checks.filter(
    (step, i) =>
      checks.findIndex(
        (other) =>
          other.cluster === step.cluster && other.service === step.service && other.namespace === step.namespace,
      ) === i,
  );
  const addresses = own.map((step) => checkAddress(step, services.get(step.id), plan.clusters));
  const twice = checkUnique(own, services);
  const expected = new Map<string, string[]>();
  for (const step of [...checks, ...sharers]) {
    expected.set(
      step.name,
      [...new Set([...(expected.get(step.name) ?? []), ...(services.get(step.id) ?? [])])].sort(),
    );
  }
  // Each name is asked once.
  const names = checks.filter(
    (step, i) => checks.findIndex(({ name }) => name === step.name) === i && !unasked.has(step.name),
  );
  const direct = await Promise.all(names.map((step) => checkName(step, expected.get(step.name))));
  // Ctrl-C ends what the pods wait for, and not the program before they are deleted.
  const fromPods = await untilInterrupted(cut, () =>
    Promise.all(
      plan.clusters
        .filter(({ name }) => options.pods && (options.cluster?.includes(name) ?? true))
        .map((cluster) =>
          checkFromPod(
            { kubectl, view: views.of(cluster.context), cluster, federation: plan.federation, signal },
            names,
            expected,
          ),
        ),
    ),
  );
  if (cut.signal.aborted) return EXIT.interrupted;
  const links = [...members, ...addresses, ...twice, ...direct, ...fromPods.flat()];
  const broken = links.find(({ ok }) => !ok);
  if (options.json) {
    for (const link of links) say(JSON.stringify(link));
  } else {
    for (const line of table([
      ['', 'cluster', 'what', 'seen'],
      ...links.map(({ ok, cluster, what, seen }) => [ok ? '✔' : '✘', cluster, what, seen]),
    ]))
      say(line);
    say('');
    for (const [name, why] of unasked) say(`Left out: ${name}, since ${why}.`);
    for (const hint of new Set(links.flatMap((link) => (link.ok ? [] : (link.hint ?? []))))) say(hint);
    say(
      broken
        ? `The first broken link: ${broken.cluster}, ${broken.what}: ${broken.seen}`
        : unasked.size > 0
          ? 'Every name that was asked leads to its own cluster.'
          : 'Every name leads to its own cluster.',
    );
  }
  return broken ? EXIT.failed : EXIT.ok;
}

/** Does something; Ctrl-C meanwhile fires the signal, and once more ends the program. */
async function untilInterrupted<T>(cut: AbortController, work: () => Promise<T>): Promise<T> {
  const onSignal = (): void => {
    cut.abort();
  };
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  try {
    return await work();
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

/** The checks that are selected. @throws FederationError where there are some, and none of them is */
function chosen(
  plan: Plan,
  all: readonly StepOf<'dns-check'>[],
  { cluster, only, from }: VerifyOptions,
): StepOf<'dns-check'>[] {
  const selected = new Set(select(plan, { cluster, only, from }).map(({ id }) => id));
  const checks = all.filter(({ id }) => selected.has(id));
  // Of the federation itself the members are looked at.
  if (all.length > 0 && checks.length === 0 && !cluster?.includes('federation')) {
    throw new FederationError('Nothing was verified.', [
      {
        where: 'the selection',
        problem: 'has no names to ask for',
        hint: `Select one of: ${[...new Set(all.map(({ component }) => component))].join(', ')}; or a cluster.`,
      },
    ]);
  }
  return checks;
}

/**
 * Asks clusters that are not selected for what names lead to there, as far as they are in reach and what the topology
 * says they are.
 *
 * @param services gets what they say
 * @returns the names that cannot be judged without them, and why
 */
async function askSharers(
  session: Session,
  sharers: readonly StepOf<'dns-check'>[],
  services: Map<string, string[]>,
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const unasked = new Map<string, string>();
  if (sharers.length === 0) return unasked;
  const reach = await inReach(session);
  await Promise.all(
    sharers.map(async (step) => {
      const leaveOut = (why: string): void => {
        unasked.set(step.name, `${step.cluster} cannot be asked (${why})`);
      };
      const why = reach.get(step.context);
      if (why !== undefined) {
        leaveOut(why);
        return;
      }
      try {
        services.set(step.id, await serviceOf(session.views, step, signal));
      } catch (error) {
        if (!(error instanceof ProgramError)) throw error;
        leaveOut(advice(error).problem);
      }
    }),
  );
  return unasked;
}

async function checkMembers(
  views: Views,
  federation: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<Link[]> {
  let members: KubeObject[] = [];
  let problem: string | undefined;
  try {
    members = await new MemberList(views.of(federation)).get(signal, true);
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    problem = error.output.stderr.trim().split('\n')[0] ?? 'the federation does not answer';
  }
  return names.map((name) => {
    const member = members.find((candidate) => candidate.metadata.name === name);
    const ready = listAt(member, 'status', 'conditions').some(
      (c) => textAt(c, 'type') === 'Ready' && textAt(c, 'status') === 'True',
    );
    return {
      cluster: name,
      what: 'member of the federation',
      ok: ready,
      seen: problem ?? (member ? (ready ? 'Ready' : 'not Ready') : 'is no member'),
    };
  });
}

async function serviceOf(
  views: Views,
  { context, namespace, service }: StepOf<'dns-check'>,
  signal: AbortSignal,
): Promise<string[]> {
  const wanted = { apiVersion: 'v1', kind: 'Service', name: service, namespace };
  return addressesOf(await views.of(context).reader.get(wanted, signal)).sort();
}

function checkAddress(
  step: StepOf<'dns-check'>,
  addresses: readonly string[] = [],
  clusters: readonly { name: string; addressRange: { first: string; last: string } }[],
): Link {
  const range = clusters.find(({ name }) => name === step.cluster)?.addressRange;
  const ok = addresses.length > 0 && range !== undefined && addresses.every((address) => contains(range, address));
  const seen = addresses.length === 0 ? 'none' : addresses.join(' ');
  return {
    cluster: step.cluster,
    what: `address of ${step.service}`,
    ok,
    seen: ok ? seen : `${seen}, not within ${range?.first ?? '?'} to ${range?.last ?? '?'}`,
  };
}

/** An address that two Services have leads to only one of them. */
function checkUnique(checks: readonly StepOf<'dns-check'>[], services: ReadonlyMap<string, readonly string[]>): Link[] {
  const owners = new Map<string, string[]>();
  for (const step of checks)
    for (const address of services.get(step.id) ?? [])
      owners.set(address, [...(owners.get(address) ?? []), `${step.cluster}/${step.service}`]);
  return [...owners]
    .filter(([, list]) => list.length > 1)
    .map(([address, list]) => ({
      cluster: 'federation',
      what: `address ${address}`,
      ok: false,
      seen: `given twice: ${list.join(', ')}`,
    }));
}

async function checkName(step: StepOf<'dns-check'>, expected: readonly string[] = []): Promise<Link> {
  const answer = await ask(step.server, step.name);
  const seen = 'failure' in answer ? answer.failure : answer.addresses.join(' ');
  return {
    cluster: step.cluster,
    what: `${step.name}, asked of CoreDNS`,
    ok: 'addresses' in answer && expected.length > 0 && isDeepStrictEqual([...answer.addresses], [...expected]),
    seen,
  };
}

/** What to do where a pod could not ask. */
const NO_PODS = 'See why, or leave the pods out: with --no-pods CoreDNS alone is asked.';

/** All names, asked in one short-lived pod of a cluster. */
async function checkFromPod(
  question: Omit<NamePod, 'names' | 'image'>,
  checks: readonly StepOf<'dns-check'>[],
  expectedByName: ReadonlyMap<string, readonly string[]>,
): Promise<Link[]> {
  const [first] = checks;
  if (!first) return [];
  const cluster = question.cluster.name;
  const { said, failure, left } = await askInPod({
    ...question,
    image: first.image,
    names: checks.map(({ name }) => name),
  });
  const links = checks.map((step): Link => {
    const answers = answersIn(said, step.name);
    const expected = expectedByName.get(step.name) ?? [];
    const line = said.split('\n').find((text) => text.includes(step.name));
    return {
      cluster,
      what: `${step.name}, asked in a pod`,
      ok: expected.length > 0 && isDeepStrictEqual(answers, [...expected]),
      seen: answers.length > 0 ? answers.join(' ') : (failure ?? line ?? 'no answer').trim(),
      ...(failure !== undefined && { hint: NO_PODS }),
    };
  });
  return left === undefined ? links : [...links, { cluster, what: 'the pod that asked', ok: false, seen: left }];
}

/** The addresses that nslookup prints below a name. */
function answersIn(output: string, name: string): string[] {
  const addresses: string[] = [];
  let within = false;
  for (const line of output.split('\n')) {
    if (/^Name:/.test(line)) within = line.replace(/^Name:\s*/, '').trim() === name;
    else if (/^Server:/.test(line)) within = false;
    const [, address] = /^Address(?: \d+)?:\s*(\d+(?:\.\d+){3})/.exec(line) ?? [];
    if (within && address !== undefined) addresses.push(address);
  }
  return addresses.sort();
}
