import { StepContext } from './context';
import { CutError, StepError } from './errors';

const POLL_MS = 500;

/**
 * Looks again and again until nothing is left to see, within the step's time.
 *
 * @throws CutError where the user has asked to stop
 */
export async function waitUntil(
  { signal, stopped, seen, step }: Pick<StepContext, 'signal' | 'stopped' | 'seen' | 'step'>,
  look: () => Promise<string | undefined>,
): Promise<void> {
  for (;;) {
    const left = await look();
    if (left === undefined) return;
    seen(left);
    await pause(POLL_MS, AbortSignal.any([signal, stopped]));
    if (stopped.aborted) throw new CutError();
    if (signal.aborted)
      throw new StepError(
        `${left}, and its time is up`,
        `Look at it: kubectl --context=${step.context} get events --all-namespaces`,
      );
  }
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
