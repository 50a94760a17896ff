import { PlanCluster } from '../../../lib/plan/plan';
import { deleteCommand } from '../../../lib/plan/commands';
import { Command } from '../../../lib/plan/step';
import { updatesSharedNodePorts } from '../../../lib/shared-node-port';
import { hasVersion, wanted, Wanted } from '../api';
import { declaredObjects, filled, isOurs, minorFor, StepContext, untilUncontested, wantedOf } from '../context';
import { countAt, KubeObject, listAt, named, textAt } from '../objects';
import { sharesNodePort } from '../shared-node-port';
import { jsonLines } from '../tools/kubectl';
import { waitUntil } from '../waiting';
import { ContextOf } from './handler';

type Context = ContextOf<'apply'>;

/** Whether a step's objects are in the federation, whose controllers carry them into every member. */
export function isFederated({ step, plan }: Pick<Context, 'step' | 'plan'>): boolean {
  return step.context === plan.federation;
}

/** What a step's file declares, as it is in a member. The members' namespaces are left out: they stay. */
function copiesIn(context: Pick<Context, 'step' | 'plan' | 'folder'>, cluster: PlanCluster): Wanted[] {
  const minor = minorFor(context.plan, cluster.name);
  return wantedOf(declaredObjects(context, context.step.file))
    .filter(({ kind }) => kind !== 'Namespace')
    .map((declared) =>
      hasVersion(declared.kind) ? wanted(minor, declared.kind, declared.name, declared.namespace) : declared,
    );
}

/** A member's copy of a federated Service, and its ports that are not declared (any more). */
interface Surplus {
  readonly cluster: PlanCluster;
  readonly reference: Wanted;
  readonly copy: KubeObject;
  readonly ports: readonly string[];
  /**
   * Whether the copy has more ports than are declared. The federation's controller manager ends at such a one, again and
   * again; where there are as many, it sets them itself.
   */
  readonly isStuck: boolean;
}

/** `8080/TCP`, by which ports of a Service are told apart. */
function portOf(port: unknown): string {
  return `${countAt(port, 'port')}/${textAt(port, 'protocol') ?? 'TCP'}`;
}

const portsOf = (service: KubeObject): string[] => listAt(service, 'spec', 'ports').map(portOf);

/** Where members are looked at, and what of the plan is in the federation. */
type Looking = Pick<StepContext, 'plan' | 'folder' | 'viewOf' | 'signal'>;

/** The members' copies of Services that have ports beyond the declared ones. */
export function surplusPorts(context: Context): Promise<Surplus[]> {
  return beyond(
    context,
    declaredObjects(context, context.step.file).filter(({ kind }) => kind === 'Service'),
  );
}

/**
 * The members' copies that have more ports than the plan's Services have in the federation now, at which its controller
 * manager ends.
 */
export async function stuckCopies(context: Looking): Promise<Surplus[]> {
  const { plan, viewOf, signal } = context;
  const references = plan.steps
    .flatMap((step) => (step.kind === 'apply' && step.context === plan.federation ? [step.file] : []))
    .flatMap((file) => wantedOf(declaredObjects(context, file)))
    .filter(({ kind }) => kind === 'Service');
  const found = await viewOf(plan.federation).look(references, signal, { fresh: true });
  const surplus = await beyond(
    context,
    references.flatMap((reference) => found.get(reference) ?? []),
  );
  return surplus.filter(({ isStuck }) => isStuck);
}

/** The members' copies of Services that have ports beyond those of the given ones. */
async function beyond(context: Looking, services: readonly KubeObject[]): Promise<Surplus[]> {
  const { plan, viewOf, signal } = context;
  if (services.length === 0) return [];
  const references = wantedOf(services);
  const found = await Promise.all(
    plan.clusters.map(async (cluster) => {
      const live = await viewOf(cluster.context).look(references, signal);
      return references.flatMap((reference): Surplus[] => {
        const copy = live.get(reference);
        const declared = services.find((service) => named(service) === named(reference));
        if (!copy || !declared || !isOurs(plan, copy)) return [];
        const ports = portsOf(copy).filter((port) => !portsOf(declared).includes(port));
        const isStuck = portsOf(copy).length > portsOf(declared).length;
        return ports.length > 0 ? [{ cluster, reference, copy, ports, isStuck }] : [];
      });
    }),
  );
  return found.flat();
}

/** `usa still has port 8081/TCP of Service default/hello-world` */
export function describeSurplus({ cluster, copy, ports }: Surplus): string {
  return `${cluster.name} still has port ${ports.join(', ')} of ${named(copy)}`;
}

/**
 * Takes ports out of the members' copies. A copy that would crash the member's API server is deleted: the federation
 * creates it again.
 */
export async function takePortsOut(
  context: Pick<StepContext, 'kubectl' | 'signal' | 'viewOf' | 'versions'>,
  surplus: readonly Surplus[],
): Promise<void> {
  const { kubectl, signal, viewOf, versions } = context;
  await Promise.all(
    surplus.map(async ({ cluster, reference, ports }) => {
      const view = viewOf(cluster.context);
      await untilUncontested(async () => {
        const service = (await view.look([reference], signal, { fresh: true })).get(reference);
        if (!service) return;
        const rest = listAt(service, 'spec', 'ports').filter((port) => !ports.includes(portOf(port)));
        const { name, namespace = '', resourceVersion } = service.metadata;
        const patch = { metadata: { resourceVersion }, spec: { ports: rest } };
        const isPatched =
          !sharesNodePort(service) || updatesSharedNodePorts(await versions.server(cluster.context, signal));
        const change = isPatched
          ? ['patch', 'service', name, '--type=merge', `--patch=${JSON.stringify(patch)}`]
          : ['delete', 'service', name, '--ignore-not-found'];
        view.forget([reference]);
        const where = [`--context=${cluster.context}`, `--namespace=${namespace}`];
        await kubectl.write(['kubectl', ...where, ...change], signal);
      });
    }),
  );
}

/** The version from which on `--cascade` takes a word. Before, `false` says the same. */
const CASCADE_WORDS = 20;

/**
 * A command of the plan by which objects are deleted in the federation and their copies are left alone. By itself kubectl
 * before 1.11 would scale a federated Deployment down and wait in vain for the federation to say that it has seen it.
 */
export async function leavingCopies(
  { versions, signal }: Pick<StepContext, 'versions' | 'signal'>,
  command: Command,
): Promise<Command> {
  if (!command.some((word) => word.includes('{cascade}'))) return command;
  const { major, minor } = await versions.kubectl(signal);
  return filled(command, { '{cascade}': major > 1 || minor >= CASCADE_WORDS ? 'orphan' : 'false' });
}

/**
 * Deletes the members' copies of what has been deleted in the federation, as far as they are this plan's, and waits until
 * they are gone. The copies carry the labels of what they were copied from.
 *
 * @returns whether there were any
 */
export async function removeCopies(context: Context): Promise<boolean> {
  const { step, plan, signal, viewOf } = context;
  const declared = declaredObjects(context, step.file);
  const removed = await Promise.all(
    plan.clusters.map(async (cluster) => {
      const wantedThere = copiesIn(context, cluster);
      const view = viewOf(cluster.context);
      const present = async (): Promise<Wanted[]> => {
        const found = await view.look(wantedThere, signal, { fresh: true });
        return wantedThere.filter((reference) => {
          const copy = found.get(reference);
          return copy !== undefined && isOurs(plan, copy);
        });
      };
      const copies = await present();
      if (copies.length === 0) return false;
      await deleteObjects(context, deleteCommand(cluster.context, step.file), declared.length, copies);
      await waitUntil({ ...context, view }, async () => {
        const [left] = await present();
        return left && { seen: `${cluster.name} still has ${named(left)}`, awaits: [] };
      });
      return true;
    }),
  );
  return removed.includes(true);
}

/**
 * Deletes objects of a manifest by a command that names its file, or by their names alone where others of the file stay.
 *
 * @param all how many the file has
 */
export async function deleteObjects(
  { kubectl, signal }: Pick<Context, 'kubectl' | 'signal'>,
  command: Command,
  all: number,
  objects: readonly Wanted[],
): Promise<void> {
  if (objects.length === all) {
    await kubectl.write(command, signal);
    return;
  }
  const stdin = jsonLines(
    objects.map(({ apiVersion, kind, name, namespace }) => ({ apiVersion, kind, metadata: { name, namespace } })),
  );
  const byName = command.map((word) => (word.startsWith('--filename=') ? '--filename=-' : word));
  await kubectl.write(byName, signal, { stdin });
}
