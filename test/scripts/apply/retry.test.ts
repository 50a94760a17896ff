import fc from '../../support/fast-check';
import { FailureKind, ProgramError } from '../../../scripts/apply/tools/program';
import { isPassing, withRetry } from '../../../scripts/apply/tools/retry';
import { errorOf, failure, finished, NEVER, settle, stopClock } from './support';

const REPEATED: FailureKind[] = ['unreachable', 'busy'];
const FINAL: FailureKind[] = [
  'conflict',
  'owned',
  'webhook',
  'already-exists',
  'not-found',
  'no-such-kind',
  'immutable',
  'forbidden',
  'other-server',
  'no-credentials',
  'no-program',
  'not-started',
  'killed',
  'cut',
  'other',
];
/** How often a call is made that fails every time. */
const ATTEMPTS = 6;

/** Calls that fail so often, and then answer. */
class Calls {
  /** The moment of each. */
  readonly at: number[] = [];
  readonly told: ProgramError[] = [];

  constructor(
    private readonly kind: FailureKind,
    private readonly failures = Infinity,
  ) {}

  readonly again = (error: ProgramError): void => {
    this.told.push(error);
  };

  readonly make = (): Promise<string> => {
    this.at.push(Date.now());
    return this.at.length > this.failures ? Promise.resolve('answer') : Promise.reject(failure(this.kind));
  };

  get pauses(): number[] {
    return this.at.slice(1).map((at, i) => at - (this.at[i] ?? 0));
  }
}

beforeEach(() => {
  stopClock();
});

afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

describe('isPassing', () => {
  it.each(REPEATED)('%s may pass by itself', (kind) => {
    expect(isPassing(failure(kind))).toBe(true);
  });

  it.each(FINAL)('%s does not', (kind) => {
    expect(isPassing(failure(kind))).toBe(false);
  });
});

describe('withRetry', () => {
  it('makes a call once that works', async () => {
    const calls = new Calls('busy', 0);
    expect(await withRetry(NEVER, calls.again, calls.make)).toBe('answer');
    expect(calls.at).toHaveLength(1);
    expect(calls.told).toEqual([]);
  });

  it.each(REPEATED)('makes a call again that failed as %s, and tells each time', async (kind) => {
    const calls = new Calls(kind, ATTEMPTS - 1);
    expect(await finished(withRetry(NEVER, calls.again, calls.make))).toBe('answer');
    expect(calls.told.map((error) => error.kind)).toEqual(Array(ATTEMPTS - 1).fill(kind));
  });

  it.each(REPEATED)('gives up on %s after six times, and says how often it tried', async (kind) => {
    const calls = new Calls(kind);
    const error = await finished(errorOf(withRetry(NEVER, calls.again, calls.make)));
    expect(error).toBeInstanceOf(ProgramError);
    expect(error).toMatchObject({ kind, attempts: ATTEMPTS, exitCode: 1, output: { stderr: `failed: ${kind}` } });
    expect(calls.at).toHaveLength(ATTEMPTS);
    expect(calls.told).toHaveLength(ATTEMPTS - 1);
  });

  it.each(FINAL)('makes no call again that failed as %s', async (kind) => {
    const calls = new Calls(kind);
    const error = await errorOf(withRetry(NEVER, calls.again, calls.make));
    expect(error).toMatchObject({ kind, attempts: 1 });
    expect(calls.at).toHaveLength(1);
    expect(calls.told).toEqual([]);
  });

  it('leaves an error as it is that is no program’s', async () => {
    const error = new TypeError('a mistake');
    expect(
      await errorOf(
        withRetry(
          NEVER,
          () => undefined,
          () => Promise.reject(error),
        ),
      ),
    ).toBe(error);
  });

  it('counts the attempts up to another kind of failure', async () => {
    const kinds: FailureKind[] = ['busy', 'unreachable', 'conflict'];
    const error = await finished(
      errorOf(
        withRetry(
          NEVER,
          () => undefined,
          () => Promise.reject(failure(kinds.shift() ?? 'other')),
        ),
      ),
    );
    expect(error).toMatchObject({ kind: 'conflict', attempts: 3 });
  });

  it('pauses longer each time', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(0.5);
    const calls = new Calls('busy');
    await finished(errorOf(withRetry(NEVER, calls.again, calls.make)));
    expect(calls.pauses).toHaveLength(ATTEMPTS - 1);
    expect(calls.pauses).toEqual([...calls.pauses].sort((a, b) => a - b));
    expect(calls.pauses.at(-1)).toBeGreaterThan(4 * (calls.pauses[0] ?? Infinity));
  });

  it('pauses for some seconds in all, however the dice fall', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 20, maxLength: 20 }),
        async (dice) => {
          const random = jest.spyOn(Math, 'random').mockImplementation(() => dice.shift() ?? 0.5);
          const calls = new Calls('busy');
          await finished(errorOf(withRetry(NEVER, calls.again, calls.make)));
          const inAll = calls.pauses.reduce((sum, pause) => sum + pause, 0);
          expect(inAll).toBeGreaterThan(2_000);
          expect(inAll).toBeLessThan(12_500);
          random.mockRestore();
        },
      ),
      { numRuns: 30 },
    );
  });

  it('ends a pause when the signal fires, with the last failure', async () => {
    const stop = new AbortController();
    const calls = new Calls('unreachable');
    const failed = errorOf(withRetry(stop.signal, calls.again, calls.make));
    await settle();
    const began = Date.now();
    stop.abort();
    expect(await failed).toMatchObject({ kind: 'unreachable', attempts: 1 });
    expect(Date.now()).toBe(began);
    expect(calls.at).toHaveLength(1);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('neither pauses nor tells where the signal has fired during the call', async () => {
    const stop = new AbortController();
    const calls = new Calls('busy');
    const error = await errorOf(
      withRetry(stop.signal, calls.again, () => {
        stop.abort();
        return calls.make();
      }),
    );
    expect(error).toMatchObject({ kind: 'busy', attempts: 1 });
    expect(calls.told).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });
});
