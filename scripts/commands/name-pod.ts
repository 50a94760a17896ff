import { randomBytes } from 'node:crypto';
import { PlanCluster } from '../../lib/plan/plan';
import { Command } from '../../lib/plan/step';
import { minorOf } from '../apply/api';
import { at, KubeObject, listAt, textAt } from '../apply/objects';
import { Kubectl } from '../apply/tools/kubectl';
import { ProgramError, reasonIn } from '../apply/tools/program';
import { ClusterView } from '../apply/view';
import { pause, within } from '../apply/waiting';
import { Listed } from '../kube/reader';

/** Named in every call: a context may have a namespace of its own, with its own quota and pod security. */
const NAMESPACE = 'default';
/** Label of the pods, whose value is the federation's name. */
const LABEL = 'onprem-federation.io/dns-check';

/** How long a pod has to be pulled, started and done, in milliseconds. */
const POD_MS = 120_000;
/** How long it has, to the same end, where nobody deletes it, in seconds. */
const DEADLINE_SECONDS = 300;
/** From which age on a pod is one that a killed run has left, in milliseconds. */
const STALE_MS = 600_000;
/** How long the pod may take to be deleted, in milliseconds. */
const DELETE_MS = 30_000;
/** Pause between two looks, in milliseconds. */
const LOOK_MS = 500;

/** A user that may run where pod security is `restricted`: nobody. */
const USER = 65_534;

/** Why a container does not start, where waiting does not help. */
const FINAL = ['ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull', 'CreateContainerConfigError'];

/** What a pod is to ask, and where. */
export interface NamePod {
  readonly kubectl: Kubectl;
  readonly view: ClusterView;
  readonly cluster: PlanCluster;
  readonly federation: string;
  readonly image: string;
  /** Names to look up, in this order. */
  readonly names: readonly string[];
  readonly signal: AbortSignal;
}

/** What the pod has printed, or why there is nothing of it; and what is left of it. */
export interface PodAnswer {
  readonly said: string;
  readonly failure?: string;
  readonly left?: string;
}

/**
 * Asks names in a short-lived pod of a cluster: through that cluster's own DNS, as a workload would. The pod is not
 * attached to, which comes late and loses what was printed before: it is waited for, its log is read, and it is deleted,
 * whatever has become of it. Pods that a killed run has left are deleted, too.
 */
export async function askInPod(question: NamePod): Promise<PodAnswer> {
  const { kubectl, cluster } = question;
  const name = `dns-check-${randomBytes(3).toString('hex')}`;
  const signal = within(POD_MS, question.signal);
  const inNamespace = (...args: string[]): Command => [
    ...['kubectl', `--context=${cluster.context}`, `--namespace=${NAMESPACE}`],
    ...args,
  ];
  const remove = (pod: string): Promise<unknown> =>
    kubectl.write(inNamespace('delete', 'pod', pod, '--ignore-not-found'), within(DELETE_MS));
  const seen: Seen = {};
  let answer: PodAnswer;
  try {
    await kubectl.writeOnce(inNamespace(...runArgs(question, name)), signal);
    const pod = await ended(question, name, seen, signal, remove);
    const why = typeof pod === 'string' ? pod : undefined;
    const { stdout } = why === undefined ? await kubectl.read(inNamespace('logs', name), signal) : { stdout: '' };
    answer = {
      said: stdout,
      ...(stdout.trim() === '' && { failure: why ?? seen.why ?? 'the pod has printed nothing' }),
    };
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    const why = error.kind === 'cut' ? NOT_IN_TIME + (seen.why === undefined ? '' : `: ${seen.why}`) : reasonIn(error);
    answer = { said: '', failure: why };
  }
  try {
    await remove(name);
    return answer;
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    const left = `pod ${NAMESPACE}/${name} could not be deleted (${reasonIn(error)}); a verify in ten minutes or later does that`;
    return { ...answer, left };
  }
}

const NOT_IN_TIME = 'the pod was not done in time';

/** What was seen last that keeps a pod from running. */
interface Seen {
  why?: string;
}

/** The arguments that start the pod. */
function runArgs({ cluster, federation, image, names }: NamePod, name: string): string[] {
  // Names are DNS labels of the plan: there is nothing in them that a shell reads.
  const args = ['sh', '-c', names.map((asked) => `nslookup ${asked}`).join('; ')];
  const minor = minorOf(cluster.kubernetesVersion);
  const overrides = {
    apiVersion: 'v1',
    spec: {
      activeDeadlineSeconds: DEADLINE_SECONDS,
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: USER,
        ...(minor >= 19 && { seccompProfile: { type: 'RuntimeDefault' } }),
      },
      // An override replaces the whole list.
      containers: [
        {
          name,
          image,
          args,
          securityContext: {
            capabilities: { drop: ['ALL'] },
            ...(minor >= 8 && { allowPrivilegeEscalation: false }),
          },
        },
      ],
    },
  };
  return [
    ...['run', name, `--image=${image}`, '--restart=Never', `--labels=${LABEL}=${federation}`],
    ...[`--overrides=${JSON.stringify(overrides)}`, '--', ...args],
  ];
}

/** Waits for the pod's end. The pod, or why it will not come to print anything. */
async function ended(
  { view, federation }: NamePod,
  name: string,
  seen: Seen,
  signal: AbortSignal,
  remove: (pod: string) => Promise<unknown>,
): Promise<KubeObject | string> {
  const all: Listed = { apiVersion: 'v1', kind: 'Pod', namespace: NAMESPACE, labelSelector: `${LABEL}=${federation}` };
  let isTidied = false;
  for (;;) {
    const pods = await view.list(all, signal, { fresh: true });
    const pod = pods.find(({ metadata }) => metadata.name === name);
    if (pod && !isTidied) {
      isTidied = true;
      for (const stale of pods.filter((other) => isStale(other, pod))) await remove(stale.metadata.name);
    }
    const obstacle = obstacleOf(pod);
    seen.why = obstacle?.text;
    const phase = textAt(pod, 'status', 'phase');
    // Where its container has come to an end there is a log, whatever the end was.
    if (pod && (phase === 'Succeeded' || phase === 'Failed') && !obstacle?.isFinal) return pod;
    if (obstacle?.isFinal) return obstacle.text;
    await pause(LOOK_MS, signal);
  }
}

/** What keeps a pod from printing anything, in Kubernetes' words, and whether waiting is of no help. */
function obstacleOf(pod: KubeObject | undefined): { readonly text: string; readonly isFinal: boolean } | undefined {
  const words = (object: unknown): string =>
    [textAt(object, 'reason'), textAt(object, 'message')]
      .filter((word) => word !== undefined && word !== '')
      .join(': ');
  // Of the pod itself: it was evicted, or has not begun before its time was up.
  const own = words(at(pod, 'status'));
  if (own !== '') return { text: own, isFinal: textAt(pod, 'status', 'phase') === 'Failed' };
  const [container] = listAt(pod, 'status', 'containerStatuses');
  const reason = textAt(container, 'state', 'waiting', 'reason') ?? '';
  if (reason !== '') return { text: words(at(container, 'state', 'waiting')), isFinal: FINAL.includes(reason) };
  const end = textAt(container, 'state', 'terminated', 'message');
  if (end !== undefined) return { text: end, isFinal: false };
  const scheduled = listAt(pod, 'status', 'conditions').find((one) => textAt(one, 'type') === 'PodScheduled');
  return textAt(scheduled, 'status') === 'False' ? { text: words(scheduled), isFinal: false } : undefined;
}

/** Whether a pod is much older than another, by the clock of their own cluster. */
function isStale(pod: KubeObject, than: KubeObject): boolean {
  const made = (object: KubeObject): number => Date.parse(textAt(object, 'metadata', 'creationTimestamp') ?? '');
  return made(than) - made(pod) > STALE_MS;
}
