import { isDeepStrictEqual } from 'node:util';
import { commands } from '../../../lib/plan/commands';
import { Plan } from '../../../lib/plan/plan';
import { Command } from '../../../lib/plan/step';
import { wanted, Wanted } from '../api';
import { clusterOf, isOurs, minorFor } from '../context';
import { StepError } from '../errors';
import { sameServer } from '../kubeconfig';
import { KubeObject, listAt, named, textAt } from '../objects';
import { endOrphans } from '../tools/orphans';
import { changeConfigMap, dataOf, readConfigMap } from './config-map';
import { CLUSTER_NAME, FEDERATION_NAME, membersLeft, otherFederation, tellLost } from './federation-members';
import { ContextOf, DONE, Handler, leaving, NOTHING, Observation, REMOVED } from './handler';
import { federatedSince, removeNamespace, tidyNamespaces } from './member-namespaces';
import { addressesOf } from './service-address';
import { dotted, StubDomains, stubDomainsOf, withoutDomain } from './stub-domain';

type Context = ContextOf<'kubefed-join'>;

const DNS_NAMESPACE = 'kube-system';
const DNS_CONFIG_MAP = 'kube-dns';
/** Where kubefed puts a member's ServiceAccount. */
const MEMBER_NAMESPACE = 'federation-system';
/**
 * Annotation on the kube-dns ConfigMap: the user's `stubDomains` from before a join or unjoin, which both replace the
 * whole key. It is there only between the two writes, so that a run that dies in between loses nothing.
 */
const SAVED = 'onprem-federation.io/saved-stub-domains';

interface Seen {
  readonly isMember: boolean;
  /** Pods of a controller manager that uses credentials from before the cluster has joined. */
  readonly managers?: readonly string[];
}

/** Membership of one cluster, by a program that cannot be run twice and replaces a user's DNS settings. */
export const kubefedJoin: Handler<'kubefed-join', Seen> = {
  wanted: (step, { plan }, minor) => [
    ...leftoversInMember(step, plan.federation, minor),
    wanted(minor, 'ConfigMap', DNS_CONFIG_MAP, DNS_NAMESPACE),
    wanted(minor, 'Namespace', MEMBER_NAMESPACE),
    { ...secretInHost(step, plan), context: step.hostContext },
  ],

  async observe(context, fresh) {
    const { step } = context;
    const [member, configMap] = await Promise.all([
      memberOf(context, fresh),
      readConfigMap(context, DNS_NAMESPACE, DNS_CONFIG_MAP, fresh),
    ]);
    if (!member) {
      checkStubDomain(context, configMap);
      const going = await namespaceLeaving(context, fresh);
      if (going) return going;
      return {
        state: 'todo',
        seen: { isMember: false },
        differs: [`${step.cluster} is no member of ${step.federation}`],
      };
    }
    if (!isSettled(context, configMap)) {
      const differs = hasDotted(context, configMap)
        ? [`stubDomains of ${DNS_NAMESPACE}/${DNS_CONFIG_MAP} in ${step.cluster} names ${dotted(domainOf(context.plan))} with a closing dot, as kubefed writes it, and kube-dns refuses all of it`] // prettier-ignore
        : [`an earlier kubefed join of ${step.cluster} was cut off before its DNS settings were right`];
      return { state: 'todo', seen: { isMember: true }, differs };
    }
    if (isReady(member)) return DONE;
    // An API server of the federation that was started anew has lost its members; its controller manager has not.
    const managers = isOffline(member) ? await managersOfBefore(context, member, fresh) : [];
    if (managers.length === 0) return notReady(context);
    const differs = [`${step.cluster} is Offline, and the federation's controller manager was started before it has joined: it may use other credentials`]; // prettier-ignore
    return { state: 'todo', seen: { isMember: true, managers }, differs };
  },

  async act(context, seen) {
    const { step, signal, kubectl } = context;
    const [run] = commands(step).run;
    if (!run) return undefined;
    if (seen?.managers) {
      await context.controlPlane.restart(context, seen.managers);
      context.members.forget();
      tellLost(context);
      return undefined;
    }
    let isMember = seen?.isMember ?? false;
    // What an earlier run has left running has written meanwhile, and may have come to its end.
    if (await endAllOrphans(context)) {
      forgetDns(context);
      forgetLeftovers(context);
      context.members.forget();
      isMember = (await memberOf(context, true)) !== undefined;
    }
    if (!isMember) {
      const left = await leftovers(context, false);
      checkNames(context, left.others);
      await Promise.all([clearAway(context, left.own), saveStubDomains(context)]);
      try {
        await kubectl.writeOnce(run, signal);
      } finally {
        // Also where it has failed: it may have come some of the way.
        forgetDns(context);
        forgetLeftovers(context);
        context.members.forget();
      }
    }
    const [member] = await Promise.all([memberOf(context, true), settle(context)]);
    return member && isReady(member) ? DONE : notReady(context);
  },

  async undo(context) {
    const { step, kubectl, signal, plan } = context;
    const [undo] = commands(step).undo;
    if (!undo) return NOTHING;
    if (await endAllOrphans(context)) context.members.forget();
    const all = await membersLeft(context);
    const member = all.find(({ metadata }) => metadata.name === step.cluster);
    if (!member && all.some((other) => isAt(other, context))) {
      const why = `${step.cluster} is a member under another name, which relies on its DNS settings`;
      return { state: 'kept', inUse: true, why };
    }
    const since = await federatedSince(context);
    if (member) {
      await saveStubDomains(context, domainOf(plan));
      await kubectl.writeOnce(undo, signal);
      forgetDns(context);
      await tellCopies(context);
    }
    const left = (await leftovers(context, true)).own;
    await clearAway(context, left);
    const restored = await restore(context);
    const removed = await removeMemberNamespace(context);
    const tidied = await tidyNamespaces(context, since);
    return member || left.length > 0 || restored || removed || tidied ? REMOVED : NOTHING;
  },
};

/** Where a member leaves a federation that goes on, what runs there by the federation stays, and kubefed tells nobody. */
async function tellCopies(context: Context): Promise<void> {
  const { step, plan, minor, signal, view, warn } = context;
  const services = plan.workloads.map(({ name, namespace }) => wanted(minor, 'Service', name, namespace));
  const found = await view.look(services, signal, { fresh: true });
  const copies = services.flatMap((reference) => found.get(reference) ?? []).filter((object) => isOurs(plan, object));
  for (const copy of copies) {
    const addresses = addressesOf(copy);
    const leads = addresses.length === 0 ? '' : `, and names of the federation still lead to ${addresses.join(', ')}`;
    warn(step.cluster, `${named(copy)} stays though ${step.cluster} is no member any more${leads}: docs/apply.md says how to take both away.`); // prettier-ignore
  }
}

/** Ends what an earlier run has left running, of a join or an unjoin. Whether there was anything. */
async function endAllOrphans({ step, signal }: Context): Promise<boolean> {
  const { run, undo } = commands(step);
  const ended = await Promise.all([...run, ...undo].map((command) => endOrphans(command, signal)));
  return ended.some((count) => count > 0);
}

/** The cluster as the federation knows it. @throws StepError when it is known under another name */
async function memberOf(context: Context, fresh: boolean): Promise<KubeObject | undefined> {
  const { step, plan } = context;
  const server = clusterOf(plan, step.cluster)?.server ?? '';
  const all = await context.members.get(context.signal, fresh);
  const alias = all.find((member) => member.metadata.name !== step.cluster && isAt(member, context));
  if (alias) {
    throw new StepError(
      `${step.cluster} (${server}) is a member already, under the name ${alias.metadata.name}`,
      `Name it ${alias.metadata.name} in main.ts. Never unjoin the alias while the cluster is in use: that wipes its DNS settings.`,
    );
  }
  const member = all.find((candidate) => candidate.metadata.name === step.cluster);
  if (member && serversOf(member).length > 0 && !isAt(member, context)) {
    throw new StepError(
      `the federation's member ${step.cluster} is another cluster: ${serversOf(member).join(', ')}, not ${server}`,
      'Give one of the two another name, or unjoin the member first.',
    );
  }
  return member;
}

function notReady({ step }: Context): Observation<never> {
  return {
    state: 'waiting',
    seen: `cluster/${step.cluster} is not Ready yet`,
    lookFurther: ['kubectl', `--context=${step.federation}`, 'describe', 'cluster', step.cluster],
  };
}

/** Whether a member is this step's cluster, whatever it is called. */
function isAt(member: KubeObject, { plan, step }: Context): boolean {
  const server = clusterOf(plan, step.cluster)?.server ?? '';
  return serversOf(member).some((address) => sameServer(address, server));
}

function serversOf(member: KubeObject): string[] {
  return listAt(member, 'spec', 'serverAddressByClientCIDRs').flatMap((entry) => textAt(entry, 'serverAddress') ?? []);
}

function isReady(member: KubeObject): boolean {
  return listAt(member, 'status', 'conditions').some(
    (c) => textAt(c, 'type') === 'Ready' && textAt(c, 'status') === 'True',
  );
}

/** Whether the federation has tried to reach a member, and could not. */
function isOffline(member: KubeObject): boolean {
  return listAt(member, 'status', 'conditions').some(
    (c) => textAt(c, 'type') === 'Offline' && textAt(c, 'status') === 'True',
  );
}

/** Pods of the controller manager that were started before a member has joined. */
function managersOfBefore({ controlPlane, signal }: Context, member: KubeObject, fresh: boolean): Promise<string[]> {
  const joined = Date.parse(textAt(member, 'metadata', 'creationTimestamp') ?? '');
  return controlPlane.managers(signal, fresh, joined);
}

/** What a join leaves in the member when it is cut off, in its order. */
function leftoversInMember(
  { cluster, hostContext }: { cluster: string; hostContext: string },
  federation: string,
  minor: number,
): Wanted[] {
  const role = `federation-controller-manager:${federation}-${cluster}-${hostContext}`;
  return [
    wanted(minor, 'ServiceAccount', `${cluster}-${hostContext}`, MEMBER_NAMESPACE),
    wanted(minor, 'ClusterRoleBinding', role),
    wanted(minor, 'ClusterRole', role),
  ];
}

/** The Secret with the member's credentials, which the join puts into the host cluster. */
function secretInHost({ secretName }: { secretName: string }, plan: Plan): Wanted {
  return wanted(minorFor(plan, plan.hostCluster), 'Secret', secretName, MEMBER_NAMESPACE);
}

interface Leftover {
  readonly context: string;
  readonly object: Wanted;
  readonly live: KubeObject;
}

/**
 * What of a join is there. Its names are made of the plan's, the ServiceAccount's of the cluster's and the host's alone:
 * another federation may have the same, and says so by kubefed's marks.
 */
async function leftovers(
  context: Context,
  fresh: boolean,
): Promise<{ readonly own: Leftover[]; readonly others: Leftover[] }> {
  const { step, plan, minor, signal, view } = context;
  const inMember = leftoversInMember(step, plan.federation, minor);
  const host = context.viewOf(step.hostContext);
  const secret = secretInHost(step, plan);
  const [found, inHost] = await Promise.all([
    view.look(inMember, signal, { fresh }),
    host.look([secret], signal, { fresh }),
  ]);
  const all = [
    { context: step.hostContext, object: secret, live: inHost.get(secret) },
    ...inMember.map((object) => ({ context: step.context, object, live: found.get(object) })),
  ].flatMap(({ live, ...rest }) => (live ? [{ ...rest, live }] : []));
  const isOthers = ({ live }: Leftover): boolean => otherFederation(live, step.federation) !== undefined;
  return { own: all.filter((leftover) => !isOthers(leftover)), others: all.filter(isOthers) };
}

/** What another federation has of the names that a join needs is in use there. */
function checkNames({ step }: Context, [other]: readonly Leftover[]): void {
  if (!other) return;
  throw new StepError(
    `${named(other.object)} in ${step.cluster} belongs to the federation '${otherFederation(other.live, step.federation) ?? ''}'`,
    'kubefed names it after the cluster and the context of the host. Give the cluster another name in main.ts, or its host another context.',
  );
}

/** Clears away exactly what a join that was cut off has left: it cannot be repeated, and unjoin does not do it. */
async function clearAway(context: Context, left: readonly Leftover[]): Promise<void> {
  const { kubectl, signal } = context;
  for (const { context: where, object } of left) {
    await kubectl.write(
      [
        'kubectl',
        `--context=${where}`,
        ...(object.namespace === undefined ? [] : [`--namespace=${object.namespace}`]),
        'delete',
        object.kind.toLowerCase(),
        object.name,
        '--ignore-not-found',
      ],
      signal,
    );
    context.seen(`${named(object)}, left by an earlier try, is cleared away`);
  }
  forgetLeftovers(context);
}

function forgetLeftovers({ step, plan, minor, view, viewOf }: Context): void {
  view.forget(leftoversInMember(step, plan.federation, minor));
  viewOf(step.hostContext).forget([secretInHost(step, plan)]);
}

function patchCommand({ step }: Context): Command {
  return [
    'kubectl',
    `--context=${step.context}`,
    `--namespace=${DNS_NAMESPACE}`,
    'patch',
    'configmap',
    DNS_CONFIG_MAP,
    '--type=merge',
    '--patch={patch}',
  ];
}

function forgetDns({ view, minor }: Context): void {
  view.forget([wanted(minor, 'ConfigMap', DNS_CONFIG_MAP, DNS_NAMESPACE)]);
}

/**
 * Keeps the user's `stubDomains` beside them before kubefed replaces or deletes the key. What an earlier try has saved may
 * be older than the key, which the user goes on editing, and may be all that is left where kubefed has written the key
 * already: so the key counts entry by entry. An entry that the user has deleted between two tries comes back; that cannot be
 * told from one that kubefed has deleted, and one too many does less harm than one that is lost.
 */
async function saveStubDomains(context: Context, without?: string): Promise<void> {
  const current = await readConfigMap(context, DNS_NAMESPACE, DNS_CONFIG_MAP, false);
  if (!current) return;
  await changeConfigMap(context, DNS_NAMESPACE, DNS_CONFIG_MAP, patchCommand(context), (configMap) => {
    const saved = savedOf(configMap);
    const both = withoutDotted(context, { ...saved, ...stubDomainsOf(configMap) });
    const rest = without === undefined ? both : withoutDomain(both, without);
    return isDeepStrictEqual(rest, saved) ? undefined : { annotations: { [SAVED]: JSON.stringify(rest) } };
  });
}

/** What was saved before a join or unjoin. */
function savedOf(configMap: KubeObject | undefined): StubDomains {
  return stubDomainsOf(configMap, configMap?.metadata.annotations?.[SAVED] ?? '');
}

/** The zone without its closing dot, as kubefed and kube-dns write it. */
function domainOf({ dns }: Plan): string {
  return dns.zone.replace(/\.$/, '');
}

/** All entries but the one that kubefed 1.7 and 1.8 write for the federation's zone with its closing dot. */
function withoutDotted({ plan }: Context, domains: StubDomains): StubDomains {
  const name = dotted(domainOf(plan));
  return isDeepStrictEqual(domains[name], [plan.dns.server]) ? withoutDomain(domains, name) : domains;
}

/** Whether a ConfigMap has that entry. */
function hasDotted(context: Context, configMap: KubeObject | undefined): boolean {
  const domains = stubDomainsOf(configMap);
  return Object.keys(withoutDotted(context, domains)).length < Object.keys(domains).length;
}

/** `federation=example.com`, as kubefed writes it. */
function federationEntry({ step, plan }: Context): string {
  return `${step.federation}=${domainOf(plan)}`;
}

/** The entries of `federations`. */
function federationsOf(configMap: KubeObject | undefined): string[] {
  const entries = (dataOf(configMap, 'federations') ?? '').split(',').map((entry) => entry.trim());
  return entries.filter((entry) => entry !== '');
}

/** Whether the ConfigMap is as a whole join and this plan leave it. */
function isSettled(context: Context, configMap: KubeObject | undefined): boolean {
  return (
    federationsOf(configMap).includes(federationEntry(context)) &&
    configMap?.metadata.annotations?.[SAVED] === undefined &&
    !hasDotted(context, configMap)
  );
}

/** kubefed's marks on what it makes in a member: for which federation, and as which of its clusters. */
function kubefedMarks({ step }: Context): Record<string, string> {
  return { [FEDERATION_NAME]: step.federation, [CLUSTER_NAME]: step.cluster };
}

/** Whether kubefed has made an object for this membership. */
function isKubefeds(context: Context, { metadata: { annotations } }: KubeObject): boolean {
  return Object.entries(kubefedMarks(context)).every(([key, value]) => annotations?.[key] === value);
}

/** Brings the ConfigMap to where a whole join leaves it, with the user's own entries back. */
async function settle(context: Context): Promise<void> {
  const { step, plan, kubectl, signal } = context;
  const command = patchCommand(context);
  const configMap = await readConfigMap(context, DNS_NAMESPACE, DNS_CONFIG_MAP, false);
  if (isSettled(context, configMap)) return;
  const ours = { [domainOf(plan)]: [plan.dns.server] };
  if (!configMap) {
    // The join was cut off before it made the ConfigMap, which then is kubefed's own and carries no mark of this plan.
    const stdin = JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: DNS_CONFIG_MAP, namespace: DNS_NAMESPACE, annotations: kubefedMarks(context) },
      data: { federations: federationEntry(context), stubDomains: JSON.stringify(ours) },
    });
    await kubectl.write(['kubectl', `--context=${step.context}`, 'create', '--filename=-'], signal, { stdin });
    forgetDns(context);
    return;
  }
  await changeConfigMap(context, DNS_NAMESPACE, DNS_CONFIG_MAP, command, (current) => {
    if (isSettled(context, current)) return undefined;
    const merged = { ...withoutDotted(context, { ...savedOf(current), ...stubDomainsOf(current) }), ...ours };
    return {
      data: {
        federations: [...new Set([...federationsOf(current), federationEntry(context)])].join(','),
        stubDomains: JSON.stringify(merged),
      },
      annotations: { [SAVED]: null },
    };
  });
}

/**
 * Puts the user's own entries back after an unjoin, and takes away what it leaves of its own, also where it was cut off
 * before it came to the ConfigMap.
 *
 * @returns whether there was anything to do
 */
async function restore(context: Context): Promise<boolean> {
  const { step, kubectl, signal } = context;
  const current = await readConfigMap(context, DNS_NAMESPACE, DNS_CONFIG_MAP, true);
  if (!current) return false;
  const data = restoredData(context, current);
  if (isKubefeds(context, current) && Object.values({ ...dataIn(current), ...data }).every((value) => value === null)) {
    const where = [`--context=${step.context}`, `--namespace=${DNS_NAMESPACE}`];
    await kubectl.write(['kubectl', ...where, 'delete', 'configmap', DNS_CONFIG_MAP, '--ignore-not-found'], signal);
    forgetDns(context);
    return true;
  }
  return changeConfigMap(context, DNS_NAMESPACE, DNS_CONFIG_MAP, patchCommand(context), (configMap) => {
    const change = restoredData(context, configMap);
    const isSaved = configMap?.metadata.annotations?.[SAVED] !== undefined;
    if (Object.keys(change).length === 0 && !isSaved) return undefined;
    return { data: change, annotations: { [SAVED]: null } };
  });
}

/** What a member's ConfigMap has to say otherwise once the member has left; `null` for a key that goes. */
function restoredData(context: Context, configMap: KubeObject | undefined): Record<string, string | null> {
  const { plan } = context;
  const entries = federationsOf(configMap);
  const others = entries.filter((entry) => entry !== federationEntry(context));
  const isJoined = others.length < entries.length || dataOf(configMap, 'federations') === '';
  const saved = savedOf(configMap);
  const domains = { ...saved, ...stubDomainsOf(configMap) };
  // Another federation may have its names in the same zone.
  const isShared = others.some((entry) => entry.endsWith(`=${domainOf(plan)}`));
  const isOurs = !isShared && isDeepStrictEqual(domains[domainOf(plan)], [plan.dns.server]);
  const rest = withoutDotted(context, isOurs ? withoutDomain(domains, domainOf(plan)) : domains);
  const isLess = Object.keys(rest).length < Object.keys(domains).length;
  return {
    ...(isJoined && { federations: others.length === 0 ? null : others.join(',') }),
    ...((isLess || Object.keys(saved).length > 0) && {
      stubDomains: Object.keys(rest).length === 0 ? null : JSON.stringify(rest),
    }),
  };
}

/** All of a ConfigMap's data. */
function dataIn(configMap: KubeObject): Record<string, unknown> {
  return (configMap as { data?: Record<string, unknown> }).data ?? {};
}

/**
 * A member keeps kubefed's namespace after it has left; it goes where kubefed has made it and nobody else's
 * ServiceAccount is in it. Whether it went.
 */
async function removeMemberNamespace(context: Context): Promise<boolean> {
  const { step, plan, signal, view, minor } = context;
  // The host's holds the control plane; that step takes it away.
  if (step.cluster === plan.hostCluster) return false;
  const reference = wanted(minor, 'Namespace', MEMBER_NAMESPACE);
  const namespace = (await view.look([reference], signal)).get(reference);
  if (!namespace || !isKubefeds(context, namespace)) return false;
  const inside = { apiVersion: 'v1', kind: 'ServiceAccount', namespace: MEMBER_NAMESPACE };
  const accounts = await view.list(inside, signal, { fresh: true });
  if (accounts.some((account) => account.metadata.name !== 'default')) return false;
  await removeNamespace(context, reference);
  return true;
}

/**
 * That kubefed's namespace in the member is still being deleted, which a teardown a moment ago may have begun: a join could
 * put nothing into it. In the host cluster it is the control plane's, whose step has seen to it.
 */
async function namespaceLeaving(
  { step, plan, view, minor, signal }: Context,
  fresh: boolean,
): Promise<Observation<never> | undefined> {
  if (step.cluster === plan.hostCluster) return undefined;
  const reference = wanted(minor, 'Namespace', MEMBER_NAMESPACE);
  const found = await view.look([reference], signal, { fresh });
  return leaving(step.context, [found.get(reference)]);
}

/** An entry of the user's for the federation's own zone would be lost by the join, and cannot be put back beside it. */
function checkStubDomain({ step, plan, adopt }: Context, configMap: KubeObject | undefined): void {
  const domains = stubDomainsOf(configMap);
  for (const domain of [domainOf(plan), dotted(domainOf(plan))]) {
    const entry = domains[domain];
    if (entry === undefined || adopt || isDeepStrictEqual(entry, [plan.dns.server])) continue;
    throw new StepError(
      `the kube-dns ConfigMap of ${step.cluster} leads ${domain} to ${entry.join(', ')} already, and kubefed join would replace that`,
      'Find out whose it is. If it may be replaced, run apply with --adopt; otherwise give the federation another zone.',
    );
  }
}
