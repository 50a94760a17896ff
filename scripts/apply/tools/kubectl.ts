import { setMaxListeners } from 'node:events';
import { Command } from '../../../lib/plan/step';
import { Output, ProgramError, Run, RunOptions } from './program';
import { withRetry } from './retry';

/** Told of every program that is started, for the record of the run. */
export type OnCommand = (command: Command, options: { readonly writes: boolean }) => void;

/**
 * kubectl, always with the context named: the user's current one is never read or changed. Reads and writes that may be
 * made twice are tried again while nobody answers.
 */
export class Kubectl {
  constructor(
    private readonly run: Run,
    private readonly onCommand: OnCommand,
    private readonly onRetry: (error: ProgramError) => void = () => undefined,
    /** Awaited before each write; throws when nothing may be written. */
    private readonly beforeWrite: () => Promise<void> = () => Promise.resolve(),
  ) {}

  /** A call that changes nothing. */
  read(command: Command, signal: AbortSignal, options: Pick<RunOptions, 'stdin'> = {}): Promise<Output> {
    return withRetry(signal, this.onRetry, () => {
      this.onCommand(command, { writes: false });
      return this.run(command, { ...options, signal });
    });
  }

  /** A call that changes something and may be made twice: apply, label, a patch with a resource version, a delete. */
  write(command: Command, signal: AbortSignal, options: Pick<RunOptions, 'stdin'> = {}): Promise<Output> {
    return withRetry(signal, this.onRetry, () => this.writeOnce(command, signal, options));
  }

  /** A call that changes something and may not be made twice without looking. */
  async writeOnce(command: Command, signal: AbortSignal, options: Pick<RunOptions, 'stdin'> = {}): Promise<Output> {
    await this.beforeWrite();
    this.onCommand(command, { writes: true });
    return this.run(command, { ...options, signal });
  }
}

/**
 * Waits for a call that several steps wait for. It is ended with the step that has made it; then the others ask again. A
 * step that is ended itself waits no longer for another's.
 *
 * @param signal the own step's
 * @param command what is asked, as a user would type it
 */
export async function untilOwnEnd<T>(signal: AbortSignal, command: Command, ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await orEnd(signal, command, ask());
    } catch (error) {
      if (!(error instanceof ProgramError) || error.kind !== 'cut' || signal.aborted) throw error;
    }
  }
}

/** What comes of an answer, or the end of who waits for it. */
export function orEnd<T>(signal: AbortSignal, command: Command, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      reject(new ProgramError(command, 'cut', null, { stdout: '', stderr: 'not waited for any longer' }));
    };
    // Any number of answers hang on one signal, which Node would take for a leak.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', end, { once: true });
    answer.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', end);
    });
    if (signal.aborted) end();
  });
}

/**
 * Objects as kubectl reads them from its standard input: one JSON document a line. Before 1.33 kubectl takes a stream that
 * begins with `{` for JSON to its end, and refuses a `---` in it.
 */
export function jsonLines(objects: readonly object[]): string {
  return objects.map((object) => `${JSON.stringify(object)}\n`).join('');
}
