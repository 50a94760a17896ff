import { commands } from '../../../lib/plan/commands';
import { Command, Ready } from '../../../lib/plan/step';
import { Listed } from '../../kube/reader';
import { wanted, Wanted } from '../api';
import { fileContent } from '../context';
import { managersOfLostMembers, partNames, scaleCommand } from '../control-plane';
import { StepError } from '../errors';
import { at, KubeObject, listAt, named, textAt } from '../objects';
import { ProgramError, shown } from '../tools/program';
import { endOrphans } from '../tools/orphans';
import { waitedFor } from './apply';
import {
  checkUnseenMembers,
  CLUSTER_NAME,
  FEDERATION_NAME,
  membersLeft,
  otherOwner,
  tellLost,
} from './federation-members';
import { describeSurplus, stuckCopies, takePortsOut } from './federated';
import { ContextOf, DONE, Handler, leaving, NOTHING, Observation, REMOVED } from './handler';
import { removeNamespace } from './member-namespaces';

/**
 * What `kubefed init` writes into the namespace that it makes in the host cluster, in its order (measured on the real
 * programs). Names with `~` are those of parts, see {@link partNames}. The kubeconfig's cluster, context and user come
 * after all of it; from there on it only polls.
 */
const WRITTEN: readonly (readonly [kind: string, name: string])[] = [
  ['Service', '~apiserver'],
  ['Secret', '~apiserver-credentials'],
  ['Secret', '~controller-manager-kubeconfig'],
  ['Deployment', '~apiserver'],
  ['Secret', 'federation-dns-provider.conf'],
  ['Deployment', '~controller-manager'],
];

type Context = ContextOf<'kubefed-init'>;

/** How far `kubefed init` came. */
type Progress =
  | { readonly reached: 'nothing' }
  /** Cut off before the kubeconfig's entry was written: it has to be cleared away, since init cannot be repeated. */
  | { readonly reached: 'part'; readonly last: string }
  /** All is written, the pods may still be starting. */
  | { readonly reached: 'end' }
  /** The namespace that it goes into is still being deleted. */
  | { readonly reached: 'leaving'; readonly going: Observation<never> };

/** What is amiss with a control plane that is whole, and the objects that it is about. */
interface Amiss {
  readonly reached: 'amiss';
  readonly what:
    /** Deployments without pods. */
    | 'stopped'
    /** The controller manager, which ends at members' copies that have more ports than what is in the federation. */
    | 'ports'
    /** Pods of a controller manager that knows members which the API server has lost. */
    | 'members-lost'
    /** Secrets with credentials that no member uses. */
    | 'credentials';
  readonly names: readonly string[];
}

/** The control plane of the federation, by a program that cannot be run twice and polls without end. */
export const kubefedInit: Handler<'kubefed-init', Progress | Amiss> = {
  wanted: (step, _shared, minor) => allWritten(step, minor),

  async check(context) {
    const { reached } = await progressOf(context, false);
    if (reached === 'end') await checkMade(context);
  },

  async observe(context, fresh) {
    const progress = await progressOf(context, fresh);
    switch (progress.reached) {
      case 'nothing':
        return { state: 'todo', seen: progress, differs: [`${context.step.cluster} has no federation control plane`] };
      case 'part':
        return {
          state: 'todo',
          seen: progress,
          differs: [`an earlier kubefed init was cut off, after ${progress.last} at the earliest`],
        };
      case 'end':
        await checkMade(context);
        return whole(context, fresh);
      case 'leaving':
        return progress.going;
    }
  },

  async act(context, progress) {
    const { step, kubectl, signal, view, minor } = context;
    const [run] = commands(step).run;
    if (!run) return undefined;
    if (progress?.reached === 'amiss') {
      await mend(context, progress);
      return undefined;
    }
    const ended = await endOrphans(run, signal);
    // An orphan may have written more before it was ended.
    if (ended > 0) context.kubeconfig.forget();
    const now = ended > 0 || !progress ? await progressOf(context, true) : progress;
    if (now.reached === 'end' || now.reached === 'leaving') return undefined;
    if (now.reached === 'part') await clearAway(context);
    try {
      await kubectl.writeOnce(run, signal);
    } catch (error) {
      // Everything may be written although the program has failed: what counts is what the next look shows.
      if (!(error instanceof ProgramError) || error.kind !== 'cut') throw error;
      throw new StepError(
        'kubefed init did not come to its end in time: it polls without limit until both pods run',
        `See why they do not: kubectl --context=${step.context} --namespace=${step.namespace} describe pods. Then run apply again: it goes on from here.`,
        run,
      );
    } finally {
      context.kubeconfig.forget(step.federation);
      view.forget(allWritten(step, minor));
    }
    context.members.setNone();
    // It ends well only when both pods run.
    return DONE;
  },

  async undo(context) {
    const { step, view, minor, signal } = context;
    const [run] = commands(step).run;
    if (run && (await endOrphans(run, signal)) > 0) context.kubeconfig.forget();
    const found = await view.look(allWritten(step, minor), signal, { fresh: true });
    const entries = (await context.kubeconfig.get(signal)).entriesOf(step.federation);
    if (entries.length === 0 && !allWritten(step, minor).some((reference) => found.get(reference))) return NOTHING;
    const owner = otherOwner(
      allWritten(step, minor).map((reference) => found.get(reference)),
      step.federation,
    );
    if (owner !== undefined) return { state: 'kept', why: `${step.namespace} belongs to the federation '${owner}'` };
    const others = await otherMembers(context);
    if (others.length > 0) {
      return {
        state: 'kept',
        inUse: true,
        why: `${others.join(', ')} ${others.length === 1 ? 'is a member' : 'are members'} that this plan does not know`,
      };
    }
    await removeRecords(context);
    await clearAway(context);
    return REMOVED;
  },
};

type InitStep = Pick<Context['step'], 'namespace' | 'federation'>;

/** What init writes beside the namespace: for each object the names that it may have. */
function writtenObjects({ namespace, federation }: InitStep, minor: number): Wanted[][] {
  return WRITTEN.map(([kind, name]) => {
    const names = name.startsWith('~') ? partNames(federation, name.slice(1)) : [name];
    return names.map((either) => wanted(minor, kind, either, namespace));
  });
}

/** Everything that init may have written. */
function allWritten(step: InitStep, minor: number): Wanted[] {
  return [wanted(minor, 'Namespace', step.namespace), ...writtenObjects(step, minor).flat()];
}

async function progressOf(context: Context, fresh: boolean): Promise<Progress> {
  const { step, view, minor, signal } = context;
  const [found, kubeconfig] = await Promise.all([
    view.look(allWritten(step, minor), signal, { fresh }),
    context.kubeconfig.get(signal),
  ]);
  const namespace = found.get(wanted(minor, 'Namespace', step.namespace));
  const objects = writtenObjects(step, minor);
  const there = objects.flatMap((names) => names.find((name) => found.get(name)) ?? []);
  const entries = kubeconfig.entriesOf(step.federation);
  const isBegun = there.length > 0 || namespace?.metadata.annotations?.[FEDERATION_NAME] === step.federation;
  const going = leaving(step.context, [namespace]);
  // A namespace that a join into another federation has made may hold this one's control plane beside.
  const isJoins = namespace?.metadata.annotations?.[CLUSTER_NAME] !== undefined;
  const made = there.map((reference) => found.get(reference));
  const owner = otherOwner(isJoins ? made : [namespace, ...made], step.federation);
  if (owner !== undefined) {
    if (going) return { reached: 'leaving', going };
    throw new StepError(
      `${step.cluster} has the control plane of another federation, '${owner}', in ${step.namespace}`,
      'A host cluster has room for one. Give this federation that name in main.ts if it is the same one, or another host cluster; otherwise tear the other down first.',
    );
  }

  if (!isBegun && entries.length > 0) {
    throw new StepError(
      `the kubeconfig has a ${entries.join(', ')} '${step.federation}', but ${step.cluster} has no federation control plane`,
      `kubefed init would overwrite ${entries.length === 1 ? 'it' : 'them'}. If nobody needs that: ${commands(step)
        .undo.slice(1)
        .map(shown)
        .join('; ')}. Otherwise give the federation another name.`,
    );
  }
  if (!isBegun) return going ? { reached: 'leaving', going } : { reached: 'nothing' };
  // The user's is the last entry that init writes, but the user may take any of them away.
  if (entries.length === 3) {
    if (going) return { reached: 'leaving', going };
    if (there.length === objects.length) return { reached: 'end' };
    // Under the names that this kubefed gives.
    const way = Math.max(...objects.map((names) => names.findIndex((name) => found.get(name))));
    const missing = objects
      .filter((names) => !names.some((name) => found.get(name)))
      .flatMap((names) => names[way] ?? names[0] ?? []);
    throw new StepError(
      `the control plane in ${step.cluster} lacks what kubefed init made: ${missing.map(named).join(', ')}`,
      'kubefed cannot mend it. Bring the objects back from a backup, or tear the federation down and apply again.',
    );
  }
  await checkUnseenMembers(context);
  const last = there.at(-1);
  return { reached: 'part', last: last ? named(last) : `Namespace ${step.namespace}` };
}

/**
 * What kubefed has made is as the step says it: nothing changes it once it is there. What an object does not say at all is
 * not judged, since versions of kubefed say it in other ways.
 *
 * @throws StepError where the plan has been changed since
 */
async function checkMade(context: Context): Promise<void> {
  const { step, view, minor, signal } = context;
  const found = await view.look(allWritten(step, minor), signal);
  const live = (kind: string, part: string): KubeObject | undefined =>
    writtenObjects(step, minor)
      .filter(([first]) => first?.kind === kind && first.name === part)
      .flatMap((names) => names.flatMap((name) => found.get(name) ?? []))[0];
  const servers = live('Deployment', 'apiserver');
  const manager = live('Deployment', 'controller-manager');
  const zone = step.zone.replace(/\.$/, '');
  const image = (of: KubeObject | undefined, container: string): string | undefined =>
    containersOf(of).flatMap((one) => (textAt(one, 'name') === container ? (textAt(one, 'image') ?? []) : []))[0];
  const facts: readonly (readonly [what: string, is: string | undefined, wanted: string | undefined])[] = [
    ['image of the API server', image(servers, 'apiserver'), step.image],
    ['image of the controller manager', image(manager, 'controller-manager'), step.image],
    ['image of its etcd', image(servers, 'etcd'), step.etcdImage],
    ['address of the API server', flagOf(servers, 'advertise-address'), step.advertiseAddress],
    ['zone', flagOf(manager, 'zone-name')?.replace(/\.$/, ''), zone],
    ['zone', textAt(manager, 'metadata', 'annotations', 'dns-zone-name')?.replace(/\.$/, ''), zone],
    ['name', flagOf(manager, 'federation-name'), step.federation],
  ];
  const differs = facts.flatMap(([what, is, wantedHere]) =>
    is === undefined || wantedHere === undefined || is === wantedHere ? [] : `its ${what} is ${is}, not ${wantedHere}`,
  );
  const configs = Object.values(at(live('Secret', 'federation-dns-provider.conf'), 'data') ?? {}).map((text) =>
    settingsOf(Buffer.from(String(text), 'base64').toString('utf8')),
  );
  const config = settingsOf(fileContent(context, step.file));
  if (configs.length > 0 && !configs.includes(config)) differs.push(`its DNS provider’s settings are not ${step.file}`);
  if (differs.length === 0) return;
  throw new StepError(
    `the control plane in ${step.cluster} was made otherwise than the plan says: ${[...new Set(differs)].join('; ')}`,
    'kubefed cannot change it. Take the change in main.ts back, or tear the federation down with the plan that it was made with and apply this one then.',
  );
}

function containersOf(deployment: KubeObject | undefined): unknown[] {
  return listAt(deployment, 'spec', 'template', 'spec', 'containers');
}

/** The value of a flag of a Deployment's containers; the last one counts. */
function flagOf(deployment: KubeObject | undefined, name: string): string | undefined {
  const words = containersOf(deployment).flatMap((one) => [...listAt(one, 'command'), ...listAt(one, 'args')]);
  return words
    .filter((word) => typeof word === 'string')
    .findLast((word) => word.startsWith(`--${name}=`))
    ?.slice(`--${name}=`.length);
}

/** The settings of a provider's configuration, without comments and spaces that mean nothing. */
function settingsOf(config: string): string {
  return config
    .split('\n')
    .map((line) => line.replace(/\s/g, ''))
    .filter((line) => line !== '' && !/^[#;]/.test(line))
    .sort()
    .join('\n');
}

/** A control plane that has all that init writes: whether it works. */
async function whole(context: Context, fresh: boolean): Promise<Observation<Amiss>> {
  const { step, plan, controlPlane, signal, warn } = context;
  const amiss = (what: Amiss['what'], names: readonly string[], differs: string[]): Observation<Amiss> => ({
    state: 'todo',
    seen: { reached: 'amiss', what, names },
    differs,
  });
  const deployments = await deploymentsOf(context, fresh);
  const stopped = deployments.filter((deployment) => at(deployment, 'spec', 'replicas') === 0);
  if (stopped.length > 0) {
    const differs = stopped.map((deployment) => `${named(deployment)} is scaled to nothing`);
    return amiss('stopped', stopped.map(({ metadata }) => metadata.name), differs); // prettier-ignore
  }
  const restarts = await controlPlane.restarts(signal, fresh);
  if (restarts) {
    const stuck = await stuckCopies(context);
    if (stuck.length > 0) return amiss('ports', [], [restarts.seen, ...stuck.map(describeSurplus)]);
    return { state: 'waiting', ...restarts };
  }
  const running = pods(context, deployments);
  if (running.state !== 'done') return running;
  const managers = managersOfLostMembers(await controlPlane.pods(signal, fresh));
  if (managers.length > 0) {
    const differs = `the API server of ${plan.federation} was started anew and has lost its members, and its controller manager still uses their old credentials`;
    return amiss('members-lost', managers.map(({ metadata }) => metadata.name), [differs]); // prettier-ignore
  }
  // They are told once.
  const unused = fresh ? [] : await unusedCredentials(context, false);
  const texts = unused.map(
    ({ metadata: { name, annotations } }) =>
      `Secret ${step.namespace}/${name} holds credentials with every right in ${annotations?.[CLUSTER_NAME] ?? ''} that no member uses; a kubefed join that failed has left it`,
  );
  if (unused.length > 0 && context.removeCredentials) {
    return amiss('credentials', unused.map(({ metadata }) => metadata.name), texts); // prettier-ignore
  }
  for (const text of texts) warn(step.cluster, `${text}. Remove it with: npm run apply -- --remove-credentials`);
  return DONE;
}

/** Sets right what is amiss. */
async function mend(context: Context, { what, names }: Amiss): Promise<void> {
  const { step, kubectl, signal, view, minor, controlPlane } = context;
  switch (what) {
    case 'stopped':
      for (const name of names) await kubectl.write(scaleCommand(step, name, 1), signal);
      break;
    case 'ports':
      await takePortsOut(context, await stuckCopies(context));
      // Its kubelet would let it wait for minutes.
      await controlPlane.restart(context, await controlPlane.managers(signal, true));
      break;
    case 'members-lost':
      await controlPlane.restart(context, names);
      tellLost(context);
      break;
    case 'credentials': {
      // A join that somebody makes by hand may have come to its end meanwhile.
      context.members.forget();
      const still = (await unusedCredentials(context, true)).map(({ metadata }) => metadata.name);
      for (const name of names.filter((name) => still.includes(name))) {
        const where = [`--context=${step.context}`, `--namespace=${step.namespace}`];
        await kubectl.write(['kubectl', ...where, 'delete', 'secret', name, '--ignore-not-found'], signal);
      }
    }
  }
  controlPlane.forget();
  view.forget(allWritten(step, minor));
}

/**
 * Secrets of the host cluster that kubefed has marked as a member's credentials and that no member uses. Those that the
 * plan's own joins make are left out: a join that is done anew clears them away. Where the federation or the user's rights
 * do not let them be seen, there are none.
 */
async function unusedCredentials(context: Context, fresh: boolean): Promise<KubeObject[]> {
  const { step, plan, view, members, signal } = context;
  try {
    const [secrets, joined] = await Promise.all([
      view.list({ apiVersion: 'v1', kind: 'Secret', namespace: step.namespace }, signal, { fresh }),
      members.get(signal, fresh),
    ]);
    const used = new Set([
      ...joined.flatMap((member) => textAt(member, 'spec', 'secretRef', 'name') ?? []),
      ...plan.steps.flatMap((other) => (other.kind === 'kubefed-join' ? other.secretName : [])),
    ]);
    return secrets.filter(
      ({ metadata: { name, annotations } }) =>
        annotations?.[FEDERATION_NAME] === step.federation &&
        annotations[CLUSTER_NAME] !== undefined &&
        !used.has(name),
    );
  } catch (error) {
    if (error instanceof ProgramError && error.kind !== 'cut') return [];
    throw error;
  }
}

/** The Deployments of the control plane's two parts, under whichever names they have. */
async function deploymentsOf({ step, view, minor, signal }: Context, fresh: boolean): Promise<KubeObject[]> {
  const references = allWritten(step, minor).filter(({ kind }) => kind === 'Deployment');
  const found = await view.look(references, signal, { fresh });
  return references.flatMap((reference) => found.get(reference) ?? []);
}

/** Whether both pods of the control plane run, as far as the Deployments say. */
function pods(context: Context, deployments: readonly KubeObject[]): Observation<never> {
  const { step } = context;
  const wait = deployments.map(({ metadata: { name } }): Ready => ({
    resource: `deployment/${name}`,
    namespace: step.namespace,
    until: 'rolled-out',
  }));
  return waitedFor(context, wait, ({ name }) => deployments.find(({ metadata }) => metadata.name === name));
}

/** Takes away what init wrote: the kubeconfig's entries first, since a control plane without one is known to be cut off. */
async function clearAway(context: Context): Promise<void> {
  const { step, kubectl, signal, view, minor } = context;
  const kubeconfig = await context.kubeconfig.get(signal);
  const entries = kubeconfig.entriesOf(step.federation);
  const [, removeContext, removeCluster, removeUser] = commands(step).undo;
  const run = async (command: Command | undefined): Promise<void> => {
    if (command) await kubectl.write(command, signal);
  };
  if (entries.includes('context')) await run(removeContext);
  if (entries.includes('cluster')) await run(removeCluster);
  if (entries.includes('user')) await run(removeUser);
  context.kubeconfig.forget(step.federation);
  await removeNamespace(context, wanted(minor, 'Namespace', step.namespace));
  view.forget(allWritten(step, minor));
}

/** Members of the federation that are none of the plan's clusters. */
async function otherMembers(context: Context): Promise<string[]> {
  const clusters = await membersLeft(context);
  return clusters
    .map((cluster) => cluster.metadata.name)
    .filter((name) => !context.plan.clusters.some((known) => known.name === name));
}

/** The etcd pods that etcd-operator has made. */
const ETCD_PODS: Listed = {
  apiVersion: 'v1',
  kind: 'Pod',
  namespace: 'default',
  labelSelector: 'app=etcd,etcd_cluster=etcd-cluster',
};

/**
 * Removes the records that the control plane leaves in etcd: its own keys, at every level, and nobody else's names in
 * the zone. Where etcd is gone there are none.
 */
async function removeRecords(context: Context): Promise<void> {
  const { step, kubectl, signal, plan, view } = context;
  const pod = (await view.list(ETCD_PODS, signal, { fresh: true })).find((candidate) => isRunning(candidate));
  if (!pod) return;
  const etcdctl = (...args: string[]): Command => [
    'kubectl', `--context=${step.context}`, '--namespace=default', 'exec', pod.metadata.name, '--', 'etcdctl', ...args,
  ]; // prettier-ignore
  const zone = `/skydns/${plan.dns.zone.replace(/\.$/, '').split('.').reverse().join('/')}`;
  let listed: string;
  try {
    listed = (await kubectl.read(etcdctl('ls', '--recursive', zone), signal)).stdout;
  } catch (error) {
    // etcd's own words for a key that is not there.
    if (error instanceof ProgramError && /Key not found/i.test(error.output.stderr)) return;
    throw error;
  }
  const levels = [
    '',
    ...new Set(plan.clusters.flatMap(({ region, zone: inRegion }) => [`/${region}`, `/${region}/${inRegion}`])),
  ];
  const keys = levels.map((level) => `${zone}${level}/svc/${step.federation}`);
  for (const key of keys.filter((candidate) => listed.split('\n').some((line) => line.trim() === candidate))) {
    await kubectl.write(etcdctl('rm', '--recursive', key), signal);
  }
}

function isRunning(pod: KubeObject): boolean {
  return (
    textAt(pod, 'status', 'phase') === 'Running' ||
    listAt(pod, 'status', 'conditions').some((c) => textAt(c, 'type') === 'Ready')
  );
}
