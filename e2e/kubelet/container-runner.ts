/** One container as a process: started, probed, started again when it ends, stopped in the end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ManagedProcess, Processes, ProcessSpec } from '../harness/processes';
import { ContainerConfigError } from './environment';
import { Container, Probe } from './objects';
import { followProbe, isAskable, ProbeTarget } from './probe';

/** What a container is doing, in the words of its status. */
export type ContainerState =
  | { readonly kind: 'waiting'; readonly reason: string; readonly message: string }
  | {
      readonly kind: 'running';
      readonly startedAt: string;
      readonly ready: boolean;
      readonly started: boolean;
      readonly why?: string;
    }
  | { readonly kind: 'ended' };

/** How a container ended last. */
export interface ContainerEnd {
  readonly exitCode: number;
  readonly finishedAt: string;
  readonly startedAt: string;
}

/** What a container runner needs. */
export interface ContainerRunnerOptions {
  readonly container: Container;
  readonly processes: Processes;
  /**
   * Lays out what the program needs and says how to start it; asked before every start.
   * @throws ContainerConfigError when something is not there yet: asked again soon
   */
  readonly prepare: () => Promise<ProcessSpec>;
  /** Where the probes are asked. */
  readonly target: ProbeTarget;
  /** The pause before the first restart, in milliseconds; it doubles with each, up to the longest. */
  readonly backoffMs: { readonly first: number; readonly longest: number };
  /** The longest first delay and period of the readiness and startup probes, in seconds; liveness is asked as rendered. */
  readonly mostProbeSeconds: number | undefined;
  /** Called after each change. */
  readonly onChange: () => void;
}

/** Runs one container from its construction to {@link ContainerRunner.stop}. */
export class ContainerRunner {
  /** What it is doing now. */
  state: ContainerState = { kind: 'waiting', reason: 'ContainerCreating', message: '' };
  /** How often it was started again. */
  restarts = 0;
  /** How it ended last. */
  lastEnd: ContainerEnd | undefined;
  /** The process, while one runs. */
  process: ManagedProcess | undefined;

  private readonly stopping = new AbortController();
  private readonly done: Promise<void>;

  constructor(private readonly options: ContainerRunnerOptions) {
    this.done = this.run();
  }

  /** The container's name. */
  get name(): string {
    return this.options.container.name;
  }

  private isStopping(): boolean {
    return this.stopping.signal.aborted;
  }

  /** Ends the process (SIGTERM, after the grace time SIGKILL); it is not started again. */
  async stop(graceMs: number): Promise<void> {
    this.stopping.abort();
    await this.process?.stop(graceMs);
    await this.done;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    const { first, longest } = this.options.backoffMs;
    let backoff = first;
    while (!this.isStopping()) {
      const process = await this.start();
      if (!process) {
        await sleep(300, undefined, { signal }).catch(() => undefined);
        continue;
      }
      const startedAt = new Date();
      await this.watchOver(process, startedAt);
      if (this.isStopping()) break;
      // As kubelets do: whoever held out for long enough is trusted again.
      if (Date.now() - startedAt.getTime() > 10 * longest) backoff = first;
      this.restarts += 1;
      this.change({
        kind: 'waiting',
        reason: 'CrashLoopBackOff',
        message: `back-off ${backoff / 1000} s restarting failed container: ${process.ended() ?? 'ended'}`,
      });
      await sleep(backoff, undefined, { signal }).catch(() => undefined);
      backoff = Math.min(backoff * 2, longest);
    }
    this.change({ kind: 'ended' });
  }

  private async start(): Promise<ManagedProcess | undefined> {
    try {
      const spec = await this.options.prepare();
      if (this.isStopping()) return undefined;
      this.process = this.options.processes.start(spec);
      return this.process;
    } catch (error) {
      const reason = error instanceof ContainerConfigError ? 'CreateContainerConfigError' : 'CreateContainerError';
      this.change({ kind: 'waiting', reason, message: error instanceof Error ? error.message : String(error) });
      return undefined;
    }
  }

  /** Follows the probes until the process has ended. */
  private async watchOver(process: ManagedProcess, started: Date): Promise<void> {
    const { container, mostProbeSeconds, target } = this.options;
    const startedAt = started.toISOString();
    const askable = (probe: Probe | undefined): Probe | undefined => (probe && isAskable(probe) ? probe : undefined);
    const readiness = askable(container.readinessProbe);
    const liveness = askable(container.livenessProbe);
    const startup = askable(container.startupProbe);
    const over = new AbortController();
    void process.exited.then(() => {
      over.abort();
    });
    const running = (ready: boolean, isStarted: boolean, why?: string): void => {
      if (!process.exit) this.change({ kind: 'running', startedAt, ready, started: isStarted, why });
    };
    const follow = (
      probe: Probe,
      most: number | undefined,
      onVerdict: (why: string | undefined) => void,
    ): Promise<void> => followProbe(probe, target, most, onVerdict, over.signal);

    const afterStartup = (): void => {
      running(readiness === undefined, true, readiness && 'not probed yet');
      if (readiness) {
        void follow(readiness, mostProbeSeconds, (why) => {
          running(why === undefined, true, why);
        });
      }
      if (liveness) {
        void follow(liveness, undefined, (why) => {
          if (why !== undefined) void process.stop();
        });
      }
    };
    if (startup) {
      running(false, false, 'startup not probed yet');
      const once = new AbortController();
      over.signal.addEventListener('abort', () => {
        once.abort();
      });
      void followProbe(
        startup,
        target,
        mostProbeSeconds,
        (why) => {
          once.abort();
          if (why === undefined) afterStartup();
          else void process.stop();
        },
        once.signal,
      );
    } else {
      afterStartup();
    }
    const { code, signal } = await process.exited;
    this.process = undefined;
    // 128 and the signal's number is what a shell and a kubelet make of a signal; which one it was says the message.
    this.lastEnd = {
      exitCode: code ?? (signal === 'SIGKILL' ? 137 : 143),
      startedAt,
      finishedAt: new Date().toISOString(),
    };
  }

  private change(state: ContainerState): void {
    if (JSON.stringify(state) === JSON.stringify(this.state)) return;
    this.state = state;
    this.options.onChange();
  }
}
