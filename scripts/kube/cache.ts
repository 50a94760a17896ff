/** For how long an answer counts as known, in milliseconds. A decision that matters more asks anew. */
export const KNOWN_MS = 5_000;

interface Entry<T> {
  readonly answer: Promise<T>;
  /** When the question was sent; not yet where it waits for its turn. */
  sentAt?: number;
}

/**
 * Answers that several steps share. One rule of freshness: an answer counts for {@link KNOWN_MS} after its question was
 * sent, unless something has changed since. Asking fresh shares only a question that has not been sent yet, since its
 * answer will show everything that is so now.
 */
export class Cache<T> {
  private readonly entries = new Map<string, Entry<T>>();

  /**
   * @param ask sends the question; calls `sent` at the moment when it does
   * @param options.fresh whether to ask anew, whatever is known
   */
  get(key: string, ask: (sent: () => void) => Promise<T>, options: { readonly fresh?: boolean } = {}): Promise<T> {
    const known = this.entries.get(key);
    if (known && (known.sentAt === undefined || (!options.fresh && Date.now() - known.sentAt < KNOWN_MS))) {
      return known.answer;
    }
    const state: { sentAt?: number } = {};
    const answer = ask(() => {
      state.sentAt ??= Date.now();
    });
    const entry: Entry<T> = Object.assign(state, { answer });
    this.entries.set(key, entry);
    // A failure is told to those who wait for it, and not kept.
    answer.catch(() => {
      if (this.entries.get(key) === entry) this.entries.delete(key);
    });
    return answer;
  }

  /** What is known without asking. */
  set(key: string, value: T): void {
    this.entries.set(key, { answer: Promise.resolve(value), sentAt: Date.now() });
  }

  /** Something has changed: an answer whose question was sent before counts only for those who wait for it already. */
  forget(key: string): void {
    if (this.entries.get(key)?.sentAt !== undefined) this.entries.delete(key);
  }
}
