import fc from '../../support/fast-check';
import { limited, urgently } from '../../../scripts/apply/tools/limit';
import { Run, RunOptions } from '../../../scripts/apply/tools/program';
import { failure, Gate, NEVER } from './support';

const SAID = { stdout: '', stderr: '' };
const options: RunOptions = { signal: NEVER };

/** Programs that run until their gate is opened, by name. */
class Held {
  readonly started: string[] = [];
  private readonly gates = new Map<string, Gate>();

  readonly run: Run = async ([name = '']) => {
    this.started.push(name);
    await this.gate(name).opened;
    if (name.startsWith('failing')) throw failure('other');
    return SAID;
  };

  /** Ends a program, and lets those begin that have waited for it. */
  async end(name: string): Promise<void> {
    this.gate(name).open();
    await everythingSettled();
  }

  private gate(name: string): Gate {
    const gate = this.gates.get(name) ?? new Gate();
    this.gates.set(name, gate);
    return gate;
  }
}

const everythingSettled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('limited', () => {
  it('starts at most so many, and the next as soon as one has ended, in order', async () => {
    const programs = new Held();
    const run = limited(programs.run, 2);
    const ended = ['a', 'b', 'c', 'd'].map((name) => run([name], options));
    await everythingSettled();
    expect(programs.started).toEqual(['a', 'b']);
    await programs.end('b');
    expect(programs.started).toEqual(['a', 'b', 'c']);
    await programs.end('a');
    expect(programs.started).toEqual(['a', 'b', 'c', 'd']);
    await programs.end('c');
    await programs.end('d');
    expect(await Promise.all(ended)).toEqual([SAID, SAID, SAID, SAID]);
  });

  it('starts the urgent ones first, in their order, and ends nothing for them', async () => {
    const programs = new Held();
    const run = limited(programs.run, 1);
    void run(['a'], options);
    void run(['b'], options);
    void run(['urgent c'], { ...options, urgent: true });
    void urgently(run)(['urgent d'], options);
    await everythingSettled();
    expect(programs.started).toEqual(['a']);
    for (const name of ['a', 'urgent c', 'urgent d', 'b']) await programs.end(name);
    expect(programs.started).toEqual(['a', 'urgent c', 'urgent d', 'b']);
  });

  it('lets the next one begin where one has failed, and tells the failure to its caller alone', async () => {
    const programs = new Held();
    const run = limited(programs.run, 1);
    const failed = expect(run(['failing a'], options)).rejects.toThrow('failed: other');
    const after = run(['b'], options);
    await programs.end('failing a');
    await failed;
    expect(programs.started).toEqual(['failing a', 'b']);
    await programs.end('b');
    expect(await after).toBe(SAID);
  });

  it('takes places that are free again for whoever comes later', async () => {
    const programs = new Held();
    const run = limited(programs.run, 1);
    void run(['a'], options);
    await programs.end('a');
    void run(['b'], options);
    void run(['c'], options);
    await everythingSettled();
    expect(programs.started).toEqual(['a', 'b']);
  });

  // It waits for its turn all the same, so that a step's time limit does not count until then.
  it('ends a call whose signal fires while it waits for its turn', async () => {
    const programs = new Held();
    const run = limited(programs.run, 1);
    const stop = new AbortController();
    void run(['a'], options);
    const ended = jest.fn();
    run(['b'], { signal: stop.signal }).then(ended, ended);
    stop.abort();
    await everythingSettled();
    expect(ended).toHaveBeenCalled();
  });

  it('hands a program what it was given', async () => {
    const seen: unknown[] = [];
    const run = limited((...given) => (seen.push(given), Promise.resolve(SAID)), 1);
    await urgently(run)(['a', 'b'], { signal: NEVER, stdin: 'text' });
    expect(seen).toEqual([[['a', 'b'], { signal: NEVER, stdin: 'text', urgent: true }]]);
  });

  it('uses all places and never one more, whatever ends when and however', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.record({ urgent: fc.boolean(), fails: fc.boolean() }), { minLength: 1, maxLength: 12 }),
        async (scheduler, most, calls) => {
          let running = 0;
          const seen: number[] = [];
          const run = limited(async ([fails]) => {
            seen.push(++running);
            await scheduler.schedule(Promise.resolve());
            running--;
            if (fails === 'fails') throw failure('other');
            return SAID;
          }, most);
          const ended = Promise.allSettled(
            calls.map(({ urgent, fails }) => run([fails ? 'fails' : 'works'], { ...options, urgent })),
          );
          const outcomes = (await scheduler.waitFor(ended)).map(({ status }) => status);
          expect(outcomes).toEqual(calls.map(({ fails }) => (fails ? 'rejected' : 'fulfilled')));
          expect(seen).toHaveLength(calls.length);
          expect(Math.max(...seen)).toBe(Math.min(most, calls.length));
        },
      ),
    );
  });
});
