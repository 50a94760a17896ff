/** Each recorded call of the guide's programs gets from the stand-in what the real program said. */
import { NOT_MODELLED } from './not-modelled';
import { Entries } from './ranges';
import { type Recorded, recorded, recordedCall } from './recordings';
import { type Verdict, replay } from './replay';
import { stages } from './stages';
import { SURPRISES, answersOf } from './surprises';
import { SURPRISES_OF_THE_FEDERATION } from './surprises-federation';

const entries = new Entries(NOT_MODELLED);
const verdicts: Verdict[] = [];

/** The calls of one program: recorded, modelled, equal, unlike, and equal with the state set from the answer first. */
function count(program: string): string[] {
  const of = verdicts.filter((verdict) => program === 'all' || verdict.call.program === program);
  const modelled = of.filter((verdict) => entries.of(verdict.call) === undefined);
  const equal = modelled.filter((verdict) => verdict.unlike?.length === 0);
  const taken = equal.filter((verdict) => verdict.stateTaken);
  return [program, of.length, modelled.length, equal.length, modelled.length - equal.length, taken.length].map(String);
}

function words(call: Recorded): string {
  return [call.program, ...call.argv].join(' ').slice(0, 120);
}

afterAll(() => {
  const rows = [
    ['program', 'recorded', 'modelled', 'equal', 'unlike', 'state from the answer'],
    ...[...new Set(verdicts.map((verdict) => verdict.call.program)), 'all'].map(count),
  ];
  const lines = rows.map((row) =>
    row
      .map((cell, index) => (index === 0 ? cell.padEnd(9) : cell.padStart(index === row.length - 1 ? 24 : 10)))
      .join(''),
  );
  process.stdout.write(`\n${lines.join('\n')}\n`);
});

describe.each(stages().map((stage) => [stage.file, stage] as const))('%s', (file, stage) => {
  const calls = recorded(file);
  const found = new Map<string, Verdict>();

  beforeAll(async () => {
    for (const verdict of await replay(stage, (call) => entries.of(call)?.skipped === true)) {
      found.set(verdict.call.id, verdict);
      verdicts.push(verdict);
    }
  });

  const modelled = calls.filter((call) => entries.of(call) === undefined);
  for (const call of modelled) {
    it(`${call.id} ${call.note ?? ''}: ${words(call)}`, () => {
      expect(found.get(call.id)?.unlike).toEqual([]);
    });
  }

  it('lists rightly what is not modelled', () => {
    for (const call of calls) {
      const [entry, verdict] = [entries.of(call), found.get(call.id)];
      if (entry === undefined) continue;
      // A stand-in is never kinder than the real program, not even where it says it in other words.
      const kinder = call.exit !== 0 && verdict?.said?.exit === 0;
      expect({ id: call.id, kinder, alike: verdict?.unlike?.length === 0 }).toEqual({
        id: call.id,
        kinder: false,
        alike: false,
      });
    }
  });
});

describe('what surprises', () => {
  for (const { what, calls, usage = [], shows } of [...SURPRISES, ...SURPRISES_OF_THE_FEDERATION]) {
    it(what, () => {
      const said = answersOf(verdicts);
      for (const id of calls) expect([id, verdicts.find(({ call }) => call.id === id)?.unlike]).toEqual([id, []]);
      for (const id of usage) {
        const real = recordedCall(id);
        expect({ exit: said(id).exit, first: said(id).stderr.split('\n')[0] }).toEqual({
          exit: real.exit,
          first: real.stderr.split('\n')[0],
        });
      }
      shows(said);
    });
  }
});

it('lists only calls that were recorded', () => {
  const known = new Set(stages().flatMap((stage) => recorded(stage.file).map((call) => call.id)));
  expect(entries.ids.filter((id) => !known.has(id))).toEqual([]);
});
