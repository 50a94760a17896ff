import { StepContext } from '../context';
import { initOf } from '../control-plane';
import { StepError } from '../errors';
import { KubeObject } from '../objects';
import { ProgramError } from '../tools/program';

/** kubefed's mark on what it makes, the namespace among it: the federation that it is for. */
export const FEDERATION_NAME = 'federation.alpha.kubernetes.io/federation-name';
/** Its mark on what a join makes: the member that it is for. */
export const CLUSTER_NAME = 'federation.alpha.kubernetes.io/cluster-name';

type Context = Pick<StepContext, 'plan' | 'viewOf' | 'kubeconfig' | 'members' | 'signal'>;

/** The federation that kubefed has made an object for, where that is another than this one. */
export function otherFederation(object: KubeObject | undefined, federation: string): string | undefined {
  const name = object?.metadata.annotations?.[FEDERATION_NAME];
  return name === federation ? undefined : name;
}

/** The first such federation that one of several objects is for. */
export function otherOwner(objects: readonly (KubeObject | undefined)[], federation: string): string | undefined {
  return objects.flatMap((object) => otherFederation(object, federation) ?? [])[0];
}

/**
 * Where the host cluster keeps the credentials of members: joined by this plan, or by hand with Secrets of any name. What
 * has none has no members either.
 */
export async function memberSecrets({ plan, viewOf, signal }: Context): Promise<string[]> {
  const init = initOf(plan);
  if (!init) return [];
  const planned = plan.steps.flatMap((step) => (step.kind === 'kubefed-join' ? step.secretName : []));
  const listed = { apiVersion: 'v1', kind: 'Secret', namespace: init.namespace };
  const secrets = await viewOf(init.context).list(listed, signal, { fresh: true });
  return secrets
    .filter((secret) => otherFederation(secret, plan.federation) === undefined)
    .filter(
      ({ metadata: { name, annotations } }) => annotations?.[CLUSTER_NAME] !== undefined || planned.includes(name),
    )
    .map(({ metadata: { name } }) => name);
}

/** A control plane that this kubeconfig does not lead to is nobody's to take away while it has members. */
export async function checkUnseenMembers(context: Context): Promise<void> {
  const secrets = await memberSecrets(context);
  if (secrets.length === 0) return;
  const { plan } = context;
  throw new StepError(
    `${plan.hostCluster} has a control plane with members, but this kubeconfig has no whole context '${plan.federation}'`,
    `kubefed writes the entries only where init has run. Copy cluster, user and context of that name from the kubeconfig there. ${forGood(context, secrets)}`,
  );
}

/**
 * All members, for a teardown. None where there is nobody to ask and no credentials of a member either: the control plane
 * is gone, or has never come to have any.
 *
 * @throws StepError when there may be members that cannot be seen
 */
export async function membersLeft(context: Context): Promise<KubeObject[]> {
  const { plan, kubeconfig, members, signal } = context;
  if ((await kubeconfig.get(signal)).entriesOf(plan.federation).length < 3) {
    await checkUnseenMembers(context);
    return [];
  }
  try {
    return await members.get(signal, true);
  } catch (error) {
    if (!(error instanceof ProgramError) || error.kind === 'cut') throw error;
    const secrets = await memberSecrets(context);
    if (secrets.length === 0) return [];
    throw new StepError(
      `the federation cannot be asked for its members, and ${plan.hostCluster} has credentials of some`,
      `See why, then run teardown again. ${forGood(context, secrets)}`,
      error.command,
      error.output.stderr,
    );
  }
}

/** The way out where a federation will never answer again. */
function forGood({ plan }: Context, secrets: readonly string[]): string {
  const init = initOf(plan);
  const where = init ? `--context=${init.context} --namespace=${init.namespace} ` : '';
  return `Where the federation is lost for good, delete the credentials first: kubectl ${where}delete secret ${secrets.join(' ')}`;
}

/** Says why the controller manager was started anew, and what keeps that from being needed. */
export function tellLost({ plan, warn }: Pick<StepContext, 'plan' | 'warn'>): void {
  warn(
    plan.hostCluster,
    `the controller manager of ${plan.federation} was started anew: it had credentials of members that the API server has lost, as it does with its pod where that keeps the data. With controlPlane.persistentStorage they stay; that takes a teardown and an apply.`,
  );
}
