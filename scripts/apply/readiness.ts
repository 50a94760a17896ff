import { Command, Ready } from '../../lib/plan/step';
import { at, countAt, KubeObject, listAt, textAt } from './objects';

/** Whether an object is as ready as a step wants it; otherwise what is seen of it. */
export type Readiness = { readonly ready: true } | { readonly ready: false; readonly seen: string };

const READY: Readiness = { ready: true };

/** Judges one object, as it is in the cluster or missing there. */
export function readiness(wanted: Ready, object: KubeObject | undefined): Readiness {
  const not = (seen: string): Readiness => ({ ready: false, seen: `${wanted.resource}: ${seen}` });
  if (!object) return not('is not there yet');
  switch (wanted.until) {
    case 'exists':
      return READY;
    case 'running':
      return running(object, not);
    case 'rolled-out':
      return rolledOut(object, not);
  }
}

/** An EtcdCluster: as many members ready as it wants. */
function running(object: KubeObject, not: (seen: string) => Readiness): Readiness {
  const size = countAt(object, 'spec', 'size');
  const ready = listAt(object, 'status', 'members', 'ready').length;
  const phase = textAt(object, 'status', 'phase') ?? 'no phase yet';
  return phase === 'Running' && ready >= size ? READY : not(`${phase}, ${ready} of ${size} members ready`);
}

/** A Deployment, DaemonSet or StatefulSet, as `kubectl rollout status` judges it. */
function rolledOut(object: KubeObject, not: (seen: string) => Readiness): Readiness {
  const generation = object.metadata.generation ?? 0;
  if (countAt(object, 'status', 'observedGeneration') < generation)
    return not('its controller has not seen the change yet');
  if (object.kind === 'DaemonSet') {
    const wanted = countAt(object, 'status', 'desiredNumberScheduled');
    const updated = countAt(object, 'status', 'updatedNumberScheduled');
    const available = countAt(object, 'status', 'numberAvailable');
    if (at(object, 'status') === undefined) return not('its controller has not seen it yet');
    if (updated < wanted) return not(`${updated} of ${wanted} pods are of the new template`);
    return available < wanted ? not(`${available} of ${wanted} pods available`) : READY;
  }
  const wanted = countAt(object, 'spec', 'replicas');
  const updated = countAt(object, 'status', 'updatedReplicas');
  const ready = countAt(object, 'status', object.kind === 'StatefulSet' ? 'readyReplicas' : 'availableReplicas');
  if (updated < wanted) return not(`${updated} of ${wanted} pods are of the new template`);
  if (countAt(object, 'status', 'replicas') > updated) return not('old pods are still ending');
  return ready < wanted ? not(`${ready} of ${wanted} pods available`) : READY;
}

/** Where a person looks when something does not become ready. */
export function describeCommand(context: string, { resource, namespace }: Ready): Command {
  return [
    'kubectl',
    `--context=${context}`,
    ...(namespace === undefined ? [] : [`--namespace=${namespace}`]),
    'describe',
    resource,
  ];
}
