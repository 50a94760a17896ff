import { ExponentialBackoff } from 'cockatiel';
import { pause } from '../waiting';
import { FailureKind, ProgramError } from './program';

/** Failures after which the same call may be made again, for calls that change nothing when they are made twice. */
const PASSING: readonly FailureKind[] = ['unreachable', 'busy'];

/** Attempts in all; with the pauses between them some seconds. */
const ATTEMPTS = 6;

/** Whether a failure may pass by itself. */
export function isPassing({ kind }: ProgramError): boolean {
  return PASSING.includes(kind);
}

/**
 * Calls again, with growing pauses, when nobody answered or the server was busy. Only for calls that may be made twice.
 * When the signal fires in a pause, the last failure is what counts.
 *
 * @param again called before each pause, with what went wrong
 */
export async function withRetry<T>(
  signal: AbortSignal,
  again: (error: ProgramError) => void,
  call: () => Promise<T>,
): Promise<T> {
  const delays = new ExponentialBackoff({ initialDelay: 200, maxDelay: 5_000 });
  let delay = delays.next();
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ProgramError)) throw error;
      if (!isPassing(error) || attempt === ATTEMPTS) throw error.after(attempt);
      if (!signal.aborted) {
        again(error);
        await pause(delay.duration, signal);
      }
      if (signal.aborted) throw error.after(attempt);
      delay = delay.next(undefined);
    }
  }
}
