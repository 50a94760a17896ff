/** Waiting that always ends, and says what it saw last when it gives up. */
import { setTimeout as sleep } from 'node:timers/promises';

/** What one look saw: the thing waited for, or why it is not there yet. */
export type Seen<T> = { readonly done: true; readonly value: T } | { readonly done: false; readonly saw: string };

/** What to wait for, and for how long. */
export interface WaitOptions<T> {
  /** What is waited for, as in "gave up waiting for <what>". */
  readonly what: string;
  /** One look. What it throws counts as seen, and not there yet. */
  readonly probe: () => Promise<Seen<T>>;
  /** The longest wait, in milliseconds. A look that hangs has to end by itself. */
  readonly timeoutMs: number;
  /**
   * The pause between two looks, in milliseconds.
   * @default 100
   */
  readonly intervalMs?: number;
  /**
   * Asked before each look: a reason to give up at once, such as a process that has ended.
   * @default only time ends the wait
   */
  readonly giveUp?: () => string | undefined;
  /**
   * Added to the error's message: the next thing to look at, such as the end of a log.
   * @default nothing
   */
  readonly details?: () => string;
}

/** A wait that ended without what was waited for. */
export class WaitError extends Error {
  /**
   * @param what what was waited for
   * @param waitedMs how long, in milliseconds
   * @param saw what was seen last
   * @param details more to look at; default: nothing
   */
  constructor(
    readonly what: string,
    readonly waitedMs: number,
    readonly saw: string,
    details = '',
  ) {
    super(
      `gave up waiting for ${what} after ${(waitedMs / 1000).toFixed(1)} s; last seen: ${saw}${details && `\n${details}`}`,
    );
    this.name = 'WaitError';
  }
}

/**
 * Looks until the probe is done, and gives its value.
 * @throws WaitError when the time is over or there is a reason to give up
 */
export async function waitFor<T>(options: WaitOptions<T>): Promise<T> {
  const start = Date.now();
  let saw = 'nothing yet';
  for (;;) {
    const reason = options.giveUp?.();
    const waited = Date.now() - start;
    if (reason !== undefined || waited >= options.timeoutMs) {
      throw new WaitError(
        options.what,
        waited,
        reason === undefined ? saw : `${reason}; before: ${saw}`,
        options.details?.(),
      );
    }
    try {
      const seen = await options.probe();
      if (seen.done) return seen.value;
      saw = seen.saw;
    } catch (error) {
      saw = error instanceof Error ? error.message : String(error);
    }
    await sleep(options.intervalMs ?? 100);
  }
}
