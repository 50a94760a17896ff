import { commands } from '../../../lib/plan/commands';
import { Command, Ready } from '../../../lib/plan/step';
import { wanted, Wanted, wantedFor } from '../api';
import { StepError } from '../errors';
import { KubeObject, listAt, named, textAt } from '../objects';
import { ProgramError } from '../tools/program';
import { endOrphans } from '../tools/orphans';
import { waitUntil } from '../waiting';
import { waitedFor } from './apply';
import { ContextOf, DONE, Handler, NOTHING, Observation, REMOVED } from './handler';

/**
 * What `kubefed init` writes into the host cluster, in its order (measured on the real program). The kubeconfig's entry
 * comes after all of it; from there on it only polls.
 */
const WRITTEN: readonly (readonly [kind: string, name: string])[] = [
  ['Service', 'apiserver'],
  ['Secret', 'apiserver-credentials'],
  ['Secret', 'controller-manager-kubeconfig'],
  ['Deployment', 'apiserver'],
  ['Secret', 'federation-dns-provider.conf'],
  ['Deployment', 'controller-manager'],
];

type Context = ContextOf<'kubefed-init'>;

/** How far `kubefed init` came. */
type Progress =
  | { readonly reached: 'nothing' }
  /** Cut off before the kubeconfig's entry was written: it has to be cleared away, since init cannot be repeated. */
  | { readonly reached: 'part'; readonly there: readonly string[] }
  /** All is written, the pods may still be starting. */
  | { readonly reached: 'end' };

/** The control plane of the federation, by a program that cannot be run twice and polls without end. */
export const kubefedInit: Handler<'kubefed-init', Progress> = {
  wanted: (step, _shared, minor) => writtenObjects(step.namespace, minor),

  async observe(context, fresh) {
    const progress = await progressOf(context, fresh);
    switch (progress.reached) {
      case 'nothing':
        return { state: 'todo', seen: progress, differs: [`${context.step.cluster} has no federation control plane`] };
      case 'part':
        return {
          state: 'todo',
          seen: progress,
          differs: [`an earlier kubefed init was cut off after ${progress.there.join(', ')}`],
        };
      case 'end':
        return pods(context, fresh);
    }
  },

  async act(context, progress) {
    const { step, kubectl, signal, view, minor } = context;
    const [run] = commands(step).run;
    if (!run) return undefined;
    const ended = await endOrphans(run, signal);
    // An orphan may have written more before it was ended.
    const now = ended > 0 || !progress ? await progressOf(context, true) : progress;
    if (now.reached === 'end') return undefined;
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
      context.kubeconfig.forget();
      view.forget(writtenObjects(step.namespace, minor));
    }
    // It ends well only when both pods run.
    return DONE;
  },

  async undo(context) {
    const { step, view, minor, signal } = context;
    const namespace = wanted(minor, 'Namespace', step.namespace);
    const found = await view.look([namespace, ...writtenObjects(step.namespace, minor)], signal, { fresh: true });
    const entries = (await context.kubeconfig.get(signal)).entriesOf(step.federation);
    const anything = writtenObjects(step.namespace, minor).some((reference) => found.get(reference));
    if (!anything && entries.length === 0 && !found.get(namespace)) return NOTHING;
    const others = await otherMembers(context);
    if (others.length > 0) {
      return {
        state: 'kept',
        why: `${others.join(', ')} ${others.length === 1 ? 'is a member' : 'are members'} that this plan does not know`,
      };
    }
    await removeRecords(context);
    await clearAway(context);
    return REMOVED;
  },
};

function writtenObjects(namespace: string, minor: number): Wanted[] {
  return WRITTEN.map(([kind, name]) => wanted(minor, kind, name, namespace));
}

async function progressOf(context: Context, fresh: boolean): Promise<Progress> {
  const { step, view, minor, signal, kubectl } = context;
  const objects = writtenObjects(step.namespace, minor);
  const [found, kubeconfig] = await Promise.all([
    view.look(objects, signal, { fresh }),
    context.kubeconfig.get(signal),
  ]);
  const there = objects.filter((reference) => found.get(reference));
  const hasContext = kubeconfig.entriesOf(step.federation).includes('context');

  if (there.length === 0 && hasContext) {
    throw new StepError(
      `the kubeconfig has a context '${step.federation}', but ${step.cluster} has no federation control plane`,
      `kubefed init would overwrite it. If it is nobody's: kubectl config delete-context ${step.federation}; otherwise give the federation another name.`,
    );
  }
  if (there.length === 0) return { reached: 'nothing' };
  if (hasContext) {
    const missing = objects.filter((reference) => !found.get(reference));
    if (missing.length === 0) return { reached: 'end' };
    throw new StepError(
      `the control plane in ${step.cluster} lacks what kubefed init made: ${missing.map(named).join(', ')}`,
      'kubefed cannot mend it. Bring the objects back from a backup, or tear the federation down and apply again.',
    );
  }
  const secrets = await kubectl.get(step.context, ['secrets', `--namespace=${step.namespace}`], signal);
  const members = secrets.filter((secret) =>
    context.plan.steps.some((other) => other.kind === 'kubefed-join' && other.secretName === secret.metadata.name),
  );
  if (there.length === objects.length && members.length > 0) {
    throw new StepError(
      `${step.cluster} has a control plane with members, but this kubeconfig has no context '${step.federation}'`,
      'kubefed writes the entry only where init has run. Copy cluster, user and context of that name from the kubeconfig there.',
    );
  }
  return { reached: 'part', there: there.map(named) };
}

/** Both pods of the control plane, as far as the Deployments say. */
async function pods(context: Context, fresh: boolean): Promise<Observation<never>> {
  const { step, view, minor, signal } = context;
  const wait = ['apiserver', 'controller-manager'].map((name): Ready => ({
    resource: `deployment/${name}`,
    namespace: step.namespace,
    until: 'rolled-out',
  }));
  const found = await view.look(
    wait.map((ready) => wantedFor(minor, ready)),
    signal,
    { fresh },
  );
  return waitedFor(context, wait, (reference) => found.get(reference));
}

/** Takes away what init wrote: the kubeconfig's entries first, since a control plane without one is known to be cut off. */
async function clearAway(context: Context): Promise<void> {
  const { step, kubectl, signal, view, minor } = context;
  const kubeconfig = await context.kubeconfig.get(signal);
  const entries = kubeconfig.entriesOf(step.federation);
  const [removeNamespace, removeContext, removeCluster, removeUser] = commands(step).undo;
  const run = async (command: Command | undefined): Promise<void> => {
    if (command) await kubectl.write(command, signal);
  };
  if (entries.includes('context')) await run(removeContext);
  if (entries.includes('cluster')) await run(removeCluster);
  if (entries.includes('user')) await run(removeUser);
  context.kubeconfig.forget();
  await run(removeNamespace);
  const namespace = wanted(minor, 'Namespace', step.namespace);
  await waitUntil(context, async () => {
    const found = await view.look([namespace], signal, { fresh: true });
    return found.get(namespace) ? `namespace/${step.namespace} is still being deleted` : undefined;
  });
  view.forget(writtenObjects(step.namespace, minor));
}

/** Members of the federation that are none of the plan's clusters. Nothing where its API server does not answer. */
async function otherMembers(context: Context): Promise<string[]> {
  const { step, kubectl, signal, plan } = context;
  const kubeconfig = await context.kubeconfig.get(signal);
  if (!kubeconfig.entriesOf(step.federation).includes('context')) return [];
  try {
    const clusters = await kubectl.get(step.federation, ['clusters'], signal);
    return clusters
      .map((cluster) => cluster.metadata.name)
      .filter((name) => !plan.clusters.some((known) => known.name === name));
  } catch (error) {
    if (error instanceof ProgramError) return [];
    throw error;
  }
}

/** The etcd pods that etcd-operator has made. */
const ETCD_PODS = ['pods', '--namespace=default', '--selector=app=etcd,etcd_cluster=etcd-cluster'];

/**
 * Removes the records that the control plane leaves in etcd: its own keys, at every level, and nobody else's names in
 * the zone. Where etcd is gone there are none.
 */
async function removeRecords(context: Context): Promise<void> {
  const { step, kubectl, signal, plan } = context;
  const pod = (await kubectl.get(step.context, ETCD_PODS, signal)).find((candidate) => isRunning(candidate));
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
