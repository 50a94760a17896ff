import { readFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { z } from 'zod';
import { labelsOf } from '../../lib/labels';
import { Plan } from '../../lib/plan/plan';
import { FederationError } from '../../lib/errors';
import { Wanted } from './api';
import { KubeObject } from './objects';
import { Kubectl } from './tools/kubectl';
import { ProgramError } from './tools/program';
import { ClusterView } from './view';

/** How often a run says that it lives, and after how long without a word it counts as dead; in milliseconds. */
const RENEW_MS = 15_000;
const DEAD_MS = 60_000;
/** How long letting the lock go may take, in milliseconds. */
const RELEASE_MS = 10_000;

const NAMESPACE = 'kube-system';
const HOLDER = 'onprem-federation.io/holder';

const holderSchema = z.object({
  host: z.string(),
  user: z.string(),
  pid: z.number(),
  /** When the process began, as its system counts: tells it from a later one with the same number. */
  began: z.string(),
  /** The last sign of life, ISO 8601. */
  renewed: z.string(),
});
type Holder = z.infer<typeof holderSchema>;

/** Another run works on the same federation. Nothing has been written. */
export class LockedError extends FederationError {
  constructor(holder: Holder) {
    const age = Math.max(0, Math.round((Date.now() - Date.parse(holder.renewed)) / 1000));
    super('Another run works on this federation; nothing was written.', [
      {
        where: `${holder.user}@${holder.host}, process ${holder.pid}`,
        problem: `gave its last sign of life ${age} s ago`,
        hint: `Wait for it to end. If it has died there, its lock ends by itself ${DEAD_MS / 1000} s after the last sign.`,
      },
    ]);
  }
}

/**
 * One run at a time on a federation, from whatever machine: a ConfigMap in the host cluster names who holds it and when
 * it last gave a sign of life. It is taken before the first write, so that a run that writes nothing does not take it.
 * A run that dies on this machine is noticed at once, one on another machine by its silence.
 */
export class Lock {
  private timer: NodeJS.Timeout | undefined;
  private held = false;

  constructor(
    private readonly kubectl: Kubectl,
    private readonly view: ClusterView,
    private readonly plan: Plan,
    /** Called when the lock was lost while it was held: somebody took it for dead. */
    private readonly lost: () => void,
  ) {}

  /** @throws LockedError while another run lives */
  async acquire(signal: AbortSignal): Promise<void> {
    try {
      await this.write('create', undefined, signal);
    } catch (error) {
      if (!(error instanceof ProgramError) || !['already-exists', 'conflict'].includes(error.kind)) throw error;
      await this.takeOver(signal);
    }
    this.held = true;
    this.timer = setInterval(() => void this.renew(), RENEW_MS);
    this.timer.unref();
  }

  /** Lets others begin. Leaves the lock alone where it is somebody else's by now. */
  async release(): Promise<void> {
    clearInterval(this.timer);
    if (!this.held) return;
    this.held = false;
    const signal = AbortSignal.timeout(RELEASE_MS);
    try {
      await this.kubectl.write([...this.base(), 'delete', 'configmap', this.name, '--ignore-not-found'], signal);
    } catch {
      // It ends by itself: this process will be gone.
    }
  }

  /** The ConfigMap, as an object to look for. */
  get reference(): Wanted {
    return { apiVersion: 'v1', kind: 'ConfigMap', name: this.name, namespace: NAMESPACE };
  }

  /**
   * Takes away what a run that died has left, for a run that wrote nothing and so did not take the lock over.
   */
  async clear(): Promise<void> {
    if (this.held) return;
    const signal = AbortSignal.timeout(RELEASE_MS);
    try {
      // Seen with everything else that the run has looked at.
      const left = (await this.view.look([this.reference], signal)).get(this.reference);
      const holder = left && holderOf(left);
      if (!left || (holder && lives(holder))) return;
      // Taken over first: another run may do the same at this moment.
      await this.acquire(signal);
    } catch {
      // It is another run's by now, or nobody answers.
    }
    await this.release();
  }

  private get name(): string {
    return `onprem-federation-${this.plan.federation}-lock`;
  }

  private base(): string[] {
    return ['kubectl', `--context=${this.view.reader.context}`, `--namespace=${NAMESPACE}`];
  }

  private read(signal: AbortSignal): Promise<KubeObject | undefined> {
    return this.view.reader.get(this.reference, signal);
  }

  private async takeOver(signal: AbortSignal): Promise<void> {
    const current = await this.read(signal);
    if (!current) {
      // It was let go between the two looks.
      await this.write('create', undefined, signal);
      return;
    }
    const holder = holderOf(current);
    // The answer to its own call was lost.
    if (holder && isThisProcess(holder)) return;
    if (holder && lives(holder)) throw new LockedError(holder);
    try {
      await this.write('replace', current.metadata.resourceVersion, signal);
    } catch (error) {
      if (!(error instanceof ProgramError) || error.kind !== 'conflict') throw error;
      // Another run has taken it over just now, or the answer to this one's own call was lost.
      const written = await this.read(signal);
      const winner = written && holderOf(written);
      if (!winner) throw error;
      if (!isThisProcess(winner)) throw new LockedError(winner);
    }
  }

  private async renew(): Promise<void> {
    try {
      const signal = AbortSignal.timeout(RENEW_MS);
      const current = await this.read(signal);
      const holder = current && holderOf(current);
      if (!this.held) return;
      if (!holder || !isThisProcess(holder)) {
        this.held = false;
        clearInterval(this.timer);
        this.lost();
        return;
      }
      await this.write('replace', current.metadata.resourceVersion, signal);
    } catch {
      // A sign of life that is not heard; the next may be.
    }
  }

  private async write(
    verb: 'create' | 'replace',
    resourceVersion: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const holder: Holder = {
      host: hostname(),
      user: userInfo().username,
      pid: process.pid,
      began: beginningOf(process.pid),
      renewed: new Date().toISOString(),
    };
    const stdin = JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: this.name,
        namespace: NAMESPACE,
        resourceVersion,
        labels: labelsOf(this.plan.federation),
        annotations: { [HOLDER]: JSON.stringify(holder) },
      },
    });
    await this.kubectl.write([...this.base(), verb, '--filename=-'], signal, { stdin });
  }
}

function holderOf(configMap: KubeObject): Holder | undefined {
  try {
    return holderSchema.parse(JSON.parse(configMap.metadata.annotations?.[HOLDER] ?? ''));
  } catch {
    return undefined;
  }
}

/** Whether a holder may still be at work. */
function lives(holder: Holder): boolean {
  if (holder.host === hostname()) return isRunning(holder.pid) && beginningOf(holder.pid) === holder.began;
  return Date.now() - Date.parse(holder.renewed) < DEAD_MS;
}

function isThisProcess({ host, pid, began }: Holder): boolean {
  return host === hostname() && pid === process.pid && began === beginningOf(process.pid);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** When a process began, where the system tells; a number may be another process' later on. */
function beginningOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Behind the name in brackets, which may hold anything, the 20th field is the time.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
