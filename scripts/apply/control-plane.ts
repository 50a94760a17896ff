import { Listed } from '../kube/reader';
import { Plan } from '../../lib/plan/plan';
import { Command, StepOf } from '../../lib/plan/step';
import { wanted, Wanted } from './api';
import { minorFor, StepContext } from './context';
import { at, countAt, KubeObject, listAt, textAt } from './objects';
import { ProgramError } from './tools/program';
import { ClusterView } from './view';
import { waitUntil } from './waiting';

/** kubefed's labels on the control plane's pods, the same whatever the federation and its objects are called. */
const PODS = 'app=federated-cluster';
const API_SERVER = 'federation-apiserver';
const MANAGER = 'federation-controller-manager';

/** From so many ends on, a controller manager that has not run for long since is one that ends again and again. */
const MANY_ENDS = 3;
/** From when on it has run for long, in milliseconds. */
const LONG_MS = 120_000;

/** The step that makes the control plane; nothing in a plan without one. */
export function initOf(plan: Plan): StepOf<'kubefed-init'> | undefined {
  return plan.steps.find((step): step is StepOf<'kubefed-init'> => step.kind === 'kubefed-init');
}

/** The names that a part may have: kubefed 1.7 and 1.8 put the federation's in front, 1.10 does not. */
export function partNames(federation: string, part: string): [string, string] {
  return [part, `${federation}-${part}`];
}

/** What the control plane's pods show, and how its controller manager is stopped while something is set right. */
export class ControlPlane {
  private readonly init: StepOf<'kubefed-init'> | undefined;
  private readonly listed: Listed;
  private readonly restarted = new Set<string>();
  private stopped: { users: number; done: Promise<unknown> } | undefined;

  constructor(
    private readonly plan: Plan,
    private readonly viewOf: (context: string) => ClusterView,
  ) {
    this.init = initOf(plan);
    this.listed = { apiVersion: 'v1', kind: 'Pod', namespace: this.init?.namespace, labelSelector: PODS };
  }

  private list(signal: AbortSignal, fresh: boolean): Promise<KubeObject[]> {
    return this.viewOf(this.init?.context ?? '').list(this.listed, signal, { fresh });
  }

  /** The control plane's pods. None where there is no control plane, or where the user may not see them. */
  async pods(signal: AbortSignal, fresh: boolean): Promise<KubeObject[]> {
    if (!this.init) return [];
    try {
      const pods = await this.list(signal, fresh);
      return pods.filter(({ metadata }) => !metadata.deletionTimestamp);
    } catch (error) {
      if (error instanceof ProgramError && error.kind === 'forbidden') return [];
      throw error;
    }
  }

  /** Something has changed them. */
  forget(): void {
    if (this.init) this.viewOf(this.init.context).forgetList(this.listed);
  }

  /**
   * That the controller manager ends again and again, and where to look further; nothing where it does not, as far as can
   * be seen.
   */
  async restarts(signal: AbortSignal, fresh: boolean): Promise<{ seen: string; lookFurther: Command } | undefined> {
    const manager = (await this.pods(signal, fresh)).find((pod) => isOf(pod, MANAGER));
    const [container] = listAt(manager, 'status', 'containerStatuses');
    const ends = countAt(container, 'restartCount');
    const isBackingOff = textAt(container, 'state', 'waiting', 'reason') === 'CrashLoopBackOff';
    const started = textAt(container, 'state', 'running', 'startedAt');
    const isNew = started !== undefined && Date.now() - Date.parse(started) < LONG_MS;
    if (!manager || !(isBackingOff || (ends >= MANY_ENDS && isNew))) return undefined;
    const { name, namespace = '' } = manager.metadata;
    return {
      seen: `the federation's controller manager ends again and again, ${ends} times so far`,
      lookFurther: [
        ...['kubectl', `--context=${this.init?.context ?? ''}`, `--namespace=${namespace}`],
        ...['logs', '--previous', '--tail=50', name],
      ],
    };
  }

  /** Names of the controller manager's pods; of those alone that were started before a moment, in milliseconds. */
  async managers(signal: AbortSignal, fresh: boolean, before?: number): Promise<string[]> {
    const pods = (await this.pods(signal, fresh)).filter((pod) => isOf(pod, MANAGER));
    const found = before === undefined ? pods : pods.filter((pod) => (startOf(pod) ?? Infinity) < before);
    return found.map(({ metadata }) => metadata.name);
  }

  /** Has pods of the controller manager made anew, each once in a run. */
  async restart({ kubectl, signal }: StepContext, pods: readonly string[]): Promise<void> {
    const { context = '', namespace = '' } = this.init ?? {};
    for (const name of pods.filter((pod) => !this.restarted.has(pod))) {
      this.restarted.add(name);
      const where = [`--context=${context}`, `--namespace=${namespace}`];
      await kubectl.write(['kubectl', ...where, 'delete', 'pod', name, '--ignore-not-found'], signal);
    }
    this.forget();
  }

  /**
   * Does something while the controller manager is stopped, and starts it again whatever comes of it. A run that is killed
   * meanwhile leaves it stopped: the control plane's own step starts it then.
   */
  async whileStopped<T>(context: StepContext, work: () => Promise<T>): Promise<T> {
    const { stopped = { users: 0, done: this.stop(context) } } = this;
    this.stopped = stopped;
    stopped.users++;
    try {
      await stopped.done;
      return await work();
    } finally {
      stopped.users--;
      if (stopped.users === 0) {
        this.stopped = undefined;
        await this.scale(context, 1);
      }
    }
  }

  private async stop(context: StepContext): Promise<void> {
    await this.scale(context, 0);
    await waitUntil(context, async () => {
      const pods = (await this.list(context.signal, true)).filter((pod) => isOf(pod, MANAGER));
      return pods.length === 0 ? undefined : { seen: 'the controller manager has not stopped yet', awaits: [] };
    });
  }

  private async scale(context: StepContext, replicas: number): Promise<void> {
    const { kubectl, signal, viewOf } = context;
    if (!this.init) return;
    const view = viewOf(this.init.context);
    const managers = this.deployments();
    const found = await view.look(managers, signal);
    for (const { name } of managers.filter((reference) => found.get(reference))) {
      await kubectl.write(scaleCommand(this.init, name, replicas), signal);
    }
    view.forget(managers);
    this.forget();
  }

  private deployments(): Wanted[] {
    const { federation, hostCluster } = this.plan;
    const minor = minorFor(this.plan, hostCluster);
    return partNames(federation, 'controller-manager').map((name) =>
      wanted(minor, 'Deployment', name, this.init?.namespace),
    );
  }
}

/** Sets how many pods a part of the control plane has. */
export function scaleCommand(
  { context, namespace }: Pick<StepOf<'kubefed-init'>, 'context' | 'namespace'>,
  deployment: string,
  replicas: number,
): Command {
  const where = [`--context=${context}`, `--namespace=${namespace}`];
  return ['kubectl', ...where, 'scale', 'deployment', deployment, `--replicas=${replicas}`];
}

/** Pods of the controller manager that have known a federation whose members the API server has lost since. */
export function managersOfLostMembers(pods: readonly KubeObject[]): KubeObject[] {
  // A control plane with a volume keeps its members.
  const etcds = pods
    .filter((pod) => isOf(pod, API_SERVER))
    .filter((pod) => !listAt(pod, 'spec', 'volumes').some((volume) => at(volume, 'persistentVolumeClaim')))
    .flatMap((pod) => startOf(pod, 'etcd') ?? []);
  const lost = Math.max(...etcds);
  // It cannot start before the API server does, except for the first time.
  return pods.filter((pod) => isOf(pod, MANAGER) && (startOf(pod) ?? Infinity) < lost);
}

function isOf(pod: KubeObject, module: string): boolean {
  return pod.metadata.labels?.module === module;
}

/**
 * When a container of a pod, or its first one, was started, in milliseconds; nothing while it does not run. Where it does not
 * say when, the pod's own age counts.
 */
function startOf(pod: KubeObject, container?: string): number | undefined {
  const statuses = listAt(pod, 'status', 'containerStatuses');
  const status = container === undefined ? statuses[0] : statuses.find((one) => textAt(one, 'name') === container);
  if (at(status, 'state', 'running') === undefined) return undefined;
  const started = textAt(status, 'state', 'running', 'startedAt') ?? textAt(pod, 'metadata', 'creationTimestamp');
  return started === undefined ? undefined : Date.parse(started);
}
