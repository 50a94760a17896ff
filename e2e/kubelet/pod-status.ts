/** A pod's status, from what its containers are doing. */
import { ContainerEnd, ContainerState } from './container-runner';
import { Pod } from './objects';

/** One container's part of the status; containers that are not run here are taken as running well. */
export interface ContainerReport {
  readonly state: ContainerState;
  readonly restarts: number;
  readonly lastEnd: ContainerEnd | undefined;
}

/** A condition of a pod. */
interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly lastTransitionTime: string;
  readonly reason: string | null;
  readonly message: string | null;
}

/** Makes the patches of one pod's status; keeps the time of each condition's last change. */
export class PodStatus {
  private readonly transitions = new Map<string, { readonly status: string; readonly time: string }>();
  private readonly assumedStart = new Date().toISOString();

  /**
   * A strategic merge patch for the pod's status.
   * @param pod the pod
   * @param reports the containers that are run here, by name
   */
  patch(pod: Pod, reports: ReadonlyMap<string, ContainerReport>): unknown {
    const containers = pod.spec.containers.map((container) => {
      const report = reports.get(container.name) ?? {
        state: { kind: 'running', startedAt: this.assumedStart, ready: true, started: true } as const,
        restarts: 0,
        lastEnd: undefined,
      };
      return { container, report };
    });
    const unready = containers.filter(({ report: { state } }) => !(state.kind === 'running' && state.ready));
    const why = unready
      .map(({ container, report: { state } }) => {
        if (state.kind === 'waiting') return `${container.name}: ${state.reason} ${state.message}`.trim();
        return state.kind === 'running' ? `${container.name}: ${state.why ?? 'not ready'}` : `${container.name}: ended`;
      })
      .join('; ');
    const ready = unready.length === 0;
    const anyStarted = containers.some(
      ({ report }) => report.state.kind !== 'waiting' || report.restarts > 0 || report.lastEnd !== undefined,
    );
    return {
      status: {
        phase: anyStarted ? 'Running' : 'Pending',
        conditions: [
          this.condition('Initialized', true),
          this.condition('ContainersReady', ready, why),
          this.condition('Ready', ready, why),
        ],
        containerStatuses: containers.map(({ container, report }) => ({
          name: container.name,
          image: container.image,
          imageID: '',
          ready: report.state.kind === 'running' && report.state.ready,
          started: report.state.kind === 'running' && report.state.started,
          restartCount: report.restarts,
          state: stateOf(report),
          lastState: report.lastEnd ? { terminated: { ...report.lastEnd, reason: 'Error' } } : {},
        })),
      },
    };
  }

  private condition(type: string, well: boolean, message = ''): Condition {
    const status = well ? 'True' : 'False';
    let transition = this.transitions.get(type);
    if (transition?.status !== status) {
      transition = { status, time: new Date().toISOString() };
      this.transitions.set(type, transition);
    }
    // null takes away what an earlier patch has set.
    return {
      type,
      status,
      lastTransitionTime: transition.time,
      reason: well ? null : 'ContainersNotReady',
      message: well ? null : message,
    };
  }
}

function stateOf({ state, lastEnd }: ContainerReport): unknown {
  switch (state.kind) {
    case 'waiting':
      return { waiting: { reason: state.reason, message: state.message } };
    case 'running':
      return { running: { startedAt: state.startedAt } };
    case 'ended':
      return { terminated: { ...(lastEnd ?? { exitCode: 0 }), reason: 'Completed' } };
  }
}
