import { Plan } from '../../../lib/plan/plan';
import { Served } from '../../kube/reader';
import { isOurs, StepContext } from '../context';
import { at, KubeObject, listAt, named, textAt } from '../objects';

type Context = Pick<StepContext, 'plan' | 'view' | 'signal'>;

/**
 * What of a namespace is neither the plan's nor Kubernetes' own: deleting the namespace would delete it too. Asks for every
 * namespaced kind that the server lists, custom kinds included.
 */
export async function othersIn(context: Context, namespace: string): Promise<KubeObject[]> {
  const objects = await contentsOf(context, namespace);
  const { plan } = context;
  const isPlans = judge(plan, objects);
  return objects.filter((object) => !isPlans(object) && !isKubernetesOwn(object) && !isGoing(object));
}

/** Everything in a namespace but its events, of every kind that the server lists. */
export async function contentsOf(
  { view, signal }: Pick<Context, 'view' | 'signal'>,
  namespace: string,
): Promise<KubeObject[]> {
  const kinds = (await view.reader.served(signal)).filter(
    ({ namespaced, verbs, kind, apiVersion }) =>
      namespaced && verbs.includes('list') && kind !== 'Event' && !isComputed(apiVersion),
  );
  const lists = await Promise.all(
    kinds.map(({ apiVersion, kind }) => view.list({ apiVersion, kind, namespace }, signal, { fresh: true })),
  );
  return eachOnce(lists.flat());
}

/** All objects of custom kinds, such as `ipaddresspools.metallb.io`, that are not the plan's; in all namespaces. */
export async function othersOf({ plan, view, signal }: Context, resources: readonly string[]): Promise<KubeObject[]> {
  if (resources.length === 0) return [];
  const kinds = (await view.reader.served(signal)).filter((served) => resources.includes(resourceOf(served)));
  const lists = await Promise.all(
    kinds.map(({ apiVersion, kind }) => view.list({ apiVersion, kind }, signal, { fresh: true })),
  );
  const objects = eachOnce(lists.flat());
  const isPlans = judge(plan, objects);
  return objects.filter((object) => !isPlans(object) && !isGoing(object));
}

/** Two groups may serve the same object, as apps and extensions do with a Deployment. */
function eachOnce(objects: readonly KubeObject[]): KubeObject[] {
  const keyOf = (object: KubeObject): string => textAt(object, 'metadata', 'uid') ?? named(object);
  return [...new Map(objects.map((object) => [keyOf(object), object])).values()];
}

/** `ipaddresspools.metallb.io` */
function resourceOf({ apiVersion, plural }: Served): string {
  return apiVersion.includes('/') ? `${plural}.${apiVersion.split('/')[0] ?? ''}` : plural;
}

/** What is measured when it is asked for is not kept in the namespace, and goes with nothing. */
function isComputed(apiVersion: string): boolean {
  return apiVersion.startsWith('metrics.k8s.io/') || apiVersion.startsWith('custom.metrics.k8s.io/');
}

const isGoing = (object: KubeObject): boolean => object.metadata.deletionTimestamp !== undefined;

/** An object is the plan's by its labels, or where all its owners are the plan's. */
function judge(plan: Plan, objects: readonly KubeObject[]): (object: KubeObject) => boolean {
  const byUid = new Map(objects.map((object) => [textAt(object, 'metadata', 'uid') ?? '', object]));
  const plansNames = new Set(objects.filter((object) => isOurs(plan, object)).map(named));
  const isPlans = (object: KubeObject, depth = 0): boolean => {
    if (isOurs(plan, object)) return true;
    const { kind, metadata } = object;
    const where = metadata.namespace === undefined ? '' : `${metadata.namespace}/`;
    // The endpoints controller makes these for a Service, under its name and without an owner on older servers.
    if (kind === 'Endpoints' && plansNames.has(`Service ${where}${metadata.name}`)) return true;
    const account = tokenAccountOf(object);
    if (account !== undefined && plansNames.has(`ServiceAccount ${where}${account}`)) return true;
    const owners = listAt(object, 'metadata', 'ownerReferences');
    return (
      owners.length > 0 &&
      // A chain of owners that has no end is a mistake of its maker's.
      depth < 10 &&
      owners.every((owner) => {
        const found = byUid.get(textAt(owner, 'uid') ?? '');
        return found !== undefined && isPlans(found, depth + 1);
      })
    );
  };
  return isPlans;
}

/** The ServiceAccount that a Secret is the token of. */
function tokenAccountOf(object: KubeObject): string | undefined {
  if (object.kind !== 'Secret' || at(object, 'type') !== 'kubernetes.io/service-account-token') return undefined;
  return object.metadata.annotations?.['kubernetes.io/service-account.name'];
}

/** What Kubernetes itself puts into every namespace. */
export function isKubernetesOwn(object: KubeObject): boolean {
  const { kind, metadata } = object;
  return (
    (kind === 'ConfigMap' && metadata.name === 'kube-root-ca.crt') ||
    (kind === 'ServiceAccount' && metadata.name === 'default') ||
    tokenAccountOf(object) === 'default'
  );
}
