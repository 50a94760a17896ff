import { StepContext } from './context';
import { CutError, StepError } from './errors';
import { KubeObject } from './objects';
import { ClusterView, SeenAs } from './view';

const POLL_MS = 500;

/** What a wait still sees, and the objects in which its end will show. */
export interface Left {
  readonly seen: string;
  readonly awaits: readonly SeenAs[];
}

/** Objects as they were seen, to wait for their next change. */
export function awaited(objects: readonly KubeObject[]): SeenAs[] {
  return objects.map(({ apiVersion, kind, metadata: { name, namespace, resourceVersion } }) => ({
    apiVersion,
    kind,
    name,
    ...(namespace !== undefined && { namespace }),
    resourceVersion,
  }));
}

/**
 * Looks again and again until nothing is left to see, within the step's time.
 *
 * @throws CutError where the user has asked to stop
 */
export async function waitUntil(
  { signal, stopped, seen, step, view }: Pick<StepContext, 'signal' | 'stopped' | 'seen' | 'step' | 'view'>,
  look: () => Promise<Left | undefined>,
): Promise<void> {
  for (;;) {
    const left = await look();
    if (left === undefined) return;
    seen(left.seen);
    await untilChange(view, left.awaits, POLL_MS, AbortSignal.any([signal, stopped]));
    if (stopped.aborted) throw new CutError();
    if (signal.aborted)
      throw new StepError(
        `${left.seen}, and its time is up`,
        `Look at it: kubectl --context=${step.context} get events --all-namespaces`,
      );
  }
}

/** How long a change is waited for until the next look anyway, where the cluster tells of changes; in milliseconds. */
const LOOK_ANYWAY_MS = 10_000;
/** Changes that come one after another are looked at together. In milliseconds. */
const GATHER_MS = 50;

/**
 * Waits until one of these objects changes. Where the cluster cannot tell, and where nothing is named, it waits for some
 * time.
 *
 * @param ms how long to wait without being told
 */
export async function untilChange(
  view: ClusterView,
  awaited: readonly SeenAs[],
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  if (awaited.length === 0) return pause(untilTick(ms), signal);
  const end = new AbortController();
  const began = Date.now();
  const told = view.changed(awaited, AbortSignal.any([signal, end.signal]));
  const isTold = await Promise.race([
    told,
    pause(LOOK_ANYWAY_MS, AbortSignal.any([signal, end.signal])).then(() => true),
  ]);
  end.abort();
  if (isTold) await pause(GATHER_MS, signal);
  else await pause(untilTick(Math.max(1, ms - (Date.now() - began))), signal);
}

/** Pauses between two looks end at multiples of the longest of these that fits, in milliseconds. */
const TICKS = [2_000, 1_000, 500, 200, 100];

/**
 * How long to pause so that whoever waits about as long wakes at the same moment, in milliseconds: then one call asks for all of
 * them. At most as long as wanted.
 */
export function untilTick(ms: number, now = Date.now()): number {
  const tick = TICKS.find((length) => length <= ms);
  return tick === undefined ? ms : tick - (now % tick);
}

/** Waits for some time, or until the signal fires. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}

/**
 * A signal that fires after some time, or with the first of others.
 *
 * Node 20 may collect an `AbortSignal.timeout` of which only an `AbortSignal.any` knows, and then neither ever fires: here
 * the timer itself holds on to what it is to fire.
 */
export function within(ms: number, ...others: AbortSignal[]): AbortSignal {
  const end = new AbortController();
  setTimeout(() => {
    end.abort();
  }, ms).unref();
  return AbortSignal.any([end.signal, ...others]);
}
