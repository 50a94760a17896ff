import { labelsOf } from '../../../lib/labels';
import { wanted, Wanted } from '../api';
import { declaredObjects, isOurs, StepContext } from '../context';
import { KubeObject, listAt, named, textAt } from '../objects';
import { ProgramError } from '../tools/program';
import { awaited, pause, waitUntil } from '../waiting';
import { ContextOf } from './handler';
import { contentsOf, isKubernetesOwn } from './others';

type Context = ContextOf<'kubefed-join'>;

/** Namespaces that every cluster has. */
const PROTECTED = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

/** How long what a controller takes away by itself has to go, in milliseconds. */
const CONTROLLED_MS = 30_000;

/** The names of the plan's namespaces in the federation, which carries them into every member. */
function federatedNames(context: Pick<StepContext, 'plan' | 'folder'>): string[] {
  return namespacesOf(context, context.plan.federation);
}

function namespacesOf(context: Pick<StepContext, 'plan' | 'folder'>, where: string): string[] {
  const names = context.plan.steps
    .flatMap((step) => ((step.kind === 'apply' || step.kind === 'create') && step.context === where ? [step.file] : []))
    .flatMap((file) => declaredObjects(context, file))
    .filter(({ kind }) => kind === 'Namespace')
    .map(({ metadata }) => metadata.name);
  return [...new Set(names)];
}

/**
 * When the federation's own namespaces were made, by name, in milliseconds: what a member has had before was not made by
 * the federation. Empty where the federation cannot be asked any more.
 */
export async function federatedSince(context: Context): Promise<ReadonlyMap<string, number>> {
  const { plan, viewOf, signal } = context;
  const references = federatedNames(context).map((name): Wanted => ({ apiVersion: 'v1', kind: 'Namespace', name }));
  try {
    const found = await viewOf(plan.federation).look(references, signal, { fresh: true });
    return new Map(
      references.flatMap((reference) => {
        const made = madeAt(found.get(reference));
        return made === undefined ? [] : [[reference.name, made] as const];
      }),
    );
  } catch (error) {
    if (error instanceof ProgramError && error.kind !== 'cut') return new Map();
    throw error;
  }
}

function madeAt(object: KubeObject | undefined): number | undefined {
  const made = textAt(object, 'metadata', 'creationTimestamp');
  return made === undefined ? undefined : Date.parse(made);
}

/**
 * Takes away what the federation has left of its namespaces in a member that has left: its labels on namespaces that the
 * member has had before, and whole namespaces where nothing is in them. What stays is told.
 *
 * @param since see {@link federatedSince}
 * @returns whether anything was taken away
 */
export async function tidyNamespaces(context: Context, since: ReadonlyMap<string, number>): Promise<boolean> {
  const { step, plan, view, minor, signal, warn } = context;
  // Those that the plan applies in the member itself are their own steps' to take away.
  const own = namespacesOf(context, step.context);
  const references = federatedNames(context)
    .filter((name) => !own.includes(name))
    .map((name) => wanted(minor, 'Namespace', name));
  const found = await view.look(references, signal, { fresh: true });
  let changed = false;
  for (const reference of references) {
    const namespace = found.get(reference);
    if (!namespace || !isOurs(plan, namespace) || namespace.metadata.deletionTimestamp) continue;
    const { name } = namespace.metadata;
    const stays = (why: string): void => {
      warn(step.cluster, `namespace ${name}, which the federation has carried there, stays: ${why}.`);
    };
    const federated = since.get(name);
    const isOlder = federated !== undefined && (madeAt(namespace) ?? 0) < federated;
    if (PROTECTED.includes(name) || isOlder) {
      await removeLabels(context, namespace);
      changed = true;
    } else if (federated === undefined) {
      stays('the federation cannot be asked any more whether it has made it');
    } else {
      const contents = await leftIn(context, name);
      if (contents === undefined) stays('what is in it cannot be seen');
      else if (contents.length > 0) stays(`it holds ${contents.map(named).join(', ')}`);
      else {
        await removeNamespace(context, reference);
        changed = true;
      }
    }
  }
  return changed;
}

/** Takes the plan's labels off a namespace, as far as they still have its values. */
async function removeLabels({ step, plan, kubectl, signal, view }: Context, namespace: KubeObject): Promise<void> {
  const { name, labels } = namespace.metadata;
  const keys = Object.entries(labelsOf(plan.federation)).flatMap(([key, value]) =>
    labels?.[key] === value ? [`${key}-`] : [],
  );
  await kubectl.write(['kubectl', `--context=${step.context}`, 'label', 'namespace', name, ...keys], signal);
  view.forget([{ kind: 'Namespace', name }]);
}

/**
 * Deletes a namespace and waits until it is gone. One that is being deleted already is only waited for: servers of 1.7
 * refuse to delete it once more.
 */
export async function removeNamespace(
  context: Pick<StepContext, 'step' | 'kubectl' | 'signal' | 'stopped' | 'seen' | 'view'>,
  reference: Wanted,
): Promise<void> {
  const { step, kubectl, signal, view } = context;
  const look = async (): Promise<KubeObject | undefined> =>
    (await view.look([reference], signal, { fresh: true })).get(reference);
  const present = await look();
  if (present === undefined) return;
  if (present.metadata.deletionTimestamp === undefined) {
    await kubectl.write(
      ['kubectl', `--context=${step.context}`, 'delete', 'namespace', reference.name, '--ignore-not-found'],
      signal,
    );
  }
  await waitUntil(context, async () => {
    const left = await look();
    return left && { seen: `namespace/${reference.name} is still being deleted`, awaits: awaited([left]) };
  });
}

/**
 * What is in a namespace beside what Kubernetes puts into each. What controllers are about to take away has some time to
 * go. Nothing where it cannot be said.
 */
async function leftIn(context: Context, namespace: string): Promise<KubeObject[] | undefined> {
  const { signal, seen } = context;
  try {
    const until = Date.now() + CONTROLLED_MS;
    for (;;) {
      const contents = (await contentsOf(context, namespace)).filter((object) => !isKubernetesOwn(object));
      const others = contents.filter((object) => !isGoing(object));
      const [first] = contents;
      if (!first || others.length > 0) return others;
      if (signal.aborted || Date.now() > until) return contents;
      seen(`${named(first)} is still going`);
      await pause(500, signal);
    }
  } catch (error) {
    if (error instanceof ProgramError && error.kind !== 'cut') return undefined;
    throw error;
  }
}

/** Whether something goes by itself: it is being deleted, or a controller has made it for what is gone already. */
function isGoing(object: KubeObject): boolean {
  const isControlled = listAt(object, 'metadata', 'ownerReferences').length > 0;
  return isControlled || object.kind === 'Endpoints' || Boolean(object.metadata.deletionTimestamp);
}
