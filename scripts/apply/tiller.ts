import { coerce, SemVer } from 'semver';
import { Finding } from '../../lib/errors';
import { Plan } from '../../lib/plan/plan';
import { Ready, StepOf } from '../../lib/plan/step';
import { wantedFor } from './api';
import { minorFor } from './context';
import { ClusterView } from './view';
import { KubeObject, textAt } from './objects';
import { ProgramError } from './tools/program';

/** From this version on Helm 2 writes Tiller's Deployment as apps/v1, which servers before {@link SERVES_APPS} refuse. */
const WRITES_APPS = '2.15.0';
const SERVES_APPS = 9;

/** Tiller, Helm 2's server side. */
export const TILLER: Ready = { resource: 'deployment/tiller-deploy', namespace: 'kube-system', until: 'rolled-out' };

/** The steps and clusters of a plan, and what the clusters say. */
export interface TillerInput {
  readonly plan: Pick<Plan, 'steps' | 'clusters'>;
  readonly views: { readonly of: (context: string) => Pick<ClusterView, 'look'> };
  readonly signal: AbortSignal;
}

/** Why a Helm does not fit, and what to do. */
type Fault = Pick<Finding, 'problem' | 'hint'>;

/** The image that Tiller runs; its tag is Tiller's version. */
export function tillerImageOf(tiller: KubeObject): string | undefined {
  return textAt(tiller, 'spec', 'template', 'spec', 'containers', 0, 'image');
}

/** The account that Tiller runs as. */
export function tillerAccountOf(tiller: KubeObject): string | undefined {
  return textAt(tiller, 'spec', 'template', 'spec', 'serviceAccountName');
}

/**
 * Whether a Helm 2 can install a Tiller on the cluster's version, and whether the Tiller that is there will talk to it.
 * What the cluster does not say is left to the checks that say so.
 */
export async function tillerFault({ plan, views, signal }: TillerInput, helm: SemVer): Promise<Fault | undefined> {
  const init = plan.steps.find((step): step is StepOf<'helm-init'> => step.kind === 'helm-init');
  if (!init) return undefined;
  const reference = wantedFor(minorFor(plan, init.cluster), TILLER);
  try {
    const found = await views.of(init.context).look([reference], signal);
    return judge(plan, init, helm, found.get(reference));
  } catch (error) {
    if (error instanceof ProgramError) return undefined;
    throw error;
  }
}

function judge(
  plan: TillerInput['plan'],
  init: StepOf<'helm-init'>,
  helm: SemVer,
  tiller: KubeObject | undefined,
): Fault | undefined {
  // Of another minor version than this the cluster is refused anyway.
  const isOld = minorFor(plan, init.cluster) < SERVES_APPS;
  if (!tiller && isOld && helm.compare(WRITES_APPS) >= 0) {
    return {
      problem: `is version ${helm.version}, whose Tiller the API server of ${init.cluster} refuses: from 2.15 on it is apps/v1, which Kubernetes serves from 1.${SERVES_APPS} on`,
      hint: "Put a Helm of 2.14 or older first on the PATH, or set coreDns.install to 'manifests' in main.ts, which needs neither Helm nor Tiller.",
    };
  }
  // This plan's own Tiller is brought to the plan's image; another one stays as it is.
  const isOwn = !tiller || tillerAccountOf(tiller) === init.serviceAccount;
  const image = (isOwn ? init.tillerImage : undefined) ?? (tiller && tillerImageOf(tiller));
  const version = coerce(/:v?(\d+\.\d+\.\d+)/.exec(image ?? '')?.[1]);
  if (!image || !version || (version.major === helm.major && version.minor >= helm.minor)) return undefined;
  return {
    problem: `is version ${helm.version}, and Tiller in ${init.cluster} is ${image}: Tiller refuses a Helm of a newer minor version`,
    hint: `Put a Helm of ${version.major}.${version.minor} or older first on the PATH, or have Tiller run a newer image.`,
  };
}
