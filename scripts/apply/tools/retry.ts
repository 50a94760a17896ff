import { ExponentialBackoff, handleWhen, retry } from 'cockatiel';
import { FailureKind, ProgramError } from './program';

/** Failures after which the same call may be made again, for calls that change nothing when they are made twice. */
const PASSING: readonly FailureKind[] = ['unreachable', 'busy'];

/** Attempts in all; with the pauses between them some 12 s. */
const ATTEMPTS = 6;

/**
 * Calls again, with growing pauses, when nobody answered or the server was busy. Only for calls that may be made twice.
 *
 * @param again called before each pause, with what went wrong
 */
export function withRetry<T>(
  signal: AbortSignal,
  again: (error: ProgramError) => void,
  call: () => Promise<T>,
): Promise<T> {
  const policy = retry(
    handleWhen((error) => error instanceof ProgramError && PASSING.includes(error.kind) && !signal.aborted),
    { maxAttempts: ATTEMPTS - 1, backoff: new ExponentialBackoff({ initialDelay: 200, maxDelay: 5_000 }) },
  );
  policy.onFailure(({ reason, handled }) => {
    if (handled && 'error' in reason && reason.error instanceof ProgramError) again(reason.error);
  });
  return policy.execute(call, signal);
}
