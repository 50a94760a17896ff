import fc from '../support/fast-check';
import { documents, fromYaml, toYaml } from '../../lib/yaml';
import { needsQuotes, readAsYaml11 } from '../support/yaml-1.1';

/** Texts that one version of YAML or another takes for something else. */
const TRAPS = [
  ...['on', 'On', 'ON', 'off', 'yes', 'Yes', 'no', 'NO', 'y', 'n', 'true', 'True', 'false', 'null', 'Null', '~', ''],
  ...[
    '010',
    '0o17',
    '0x1F',
    '0b11',
    '1e3',
    '1E3',
    '1e+3',
    '1.5',
    '.5',
    '1.',
    '.',
    '-.',
    '+1',
    '-1',
    '0X1F',
    '-0B1',
    '+0o17',
    '0x_',
    '0_x1F',
    '1_000',
    '1e3_0',
    '08',
    '00',
  ],
  ...[
    '1:30',
    '190:20:30',
    '1:30.5',
    '.inf',
    '-.Inf',
    '.NaN',
    '-inf',
    '+NaN',
    '2017-08-01',
    '2017-08-01T00:00:00Z',
    '<<',
    '=',
  ],
];

/** The value of `k: <value>` as it is written. */
const written = (value: unknown): string => /^k: ?([^]*)\n$/.exec(toYaml({ k: value }))?.[1] ?? '';

describe('a text that a reader could take for something else', () => {
  test.each(TRAPS)('is quoted, and is read as a text again: %j', (trap) => {
    expect(written(trap)).toBe(`'${trap}'`);
    expect(fromYaml(toYaml({ k: trap }))).toEqual({ k: trap });
    expect(readAsYaml11(toYaml({ k: trap }))).toEqual({ k: trap });
  });

  test.each(TRAPS)('is quoted as a key too: %j', (trap) => {
    const text = toYaml({ [trap]: 1 });
    expect(text).toBe(`'${trap}': 1\n`);
    expect(readAsYaml11(text)).toEqual({ [trap]: 1 });
  });

  test('is known to the judge that the property below asks', () => {
    expect(TRAPS.filter((trap) => !needsQuotes(trap))).toEqual([]);
    const plain = ['web', '10.210.1.100/26', '3.1.8', 'v1', 'example.com.', '-', '10.11.4.82:32609'];
    expect(plain.filter(needsQuotes)).toEqual([]);
  });

  test.each([
    { of: '-+.:019_ebox', length: 5 },
    { of: '-+0189_.:eExXobBafyYnN ~<=TZ', length: 4 },
  ])('is never left unquoted: all texts of "$of" up to $length characters', ({ of, length }) => {
    const unquoted: string[] = [];
    let asked = 0;
    const ask = (text: string): void => {
      if (needsQuotes(text)) {
        asked += 1;
        if (!/^(['"]).*\1$/.test(written(text))) unquoted.push(text);
      }
      if (text.length < length) for (const character of of) ask(text + character);
    };
    ask('');
    expect(unquoted).toEqual([]);
    expect(asked).toBeGreaterThan(1000);
  });

  test('is never left unquoted, however long it is', () => {
    const numberlike = fc.stringMatching(/^[-+0-9_.:eExXobBOafyYnN ~<=TZ]{1,8}$/);
    let quoted = 0;
    fc.assert(
      fc.property(fc.oneof(numberlike, fc.constantFrom(...TRAPS)), (text) => {
        const value = written(text);
        expect(fromYaml(toYaml({ k: text }))).toEqual({ k: text });
        if (!needsQuotes(text)) return;
        quoted += 1;
        expect(value).toMatch(/^(['"]).*\1$/);
      }),
      { numRuns: 3000 },
    );
    expect(quoted).toBeGreaterThan(100);
  });
});

describe('any value', () => {
  test('is read again as it was, by two readers', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false, maxDepth: 4 }), (value) => {
        // A minus zero is a zero in both.
        const plain = JSON.parse(JSON.stringify(value)) as unknown;
        expect(fromYaml(toYaml(plain))).toEqual(plain);
        expect(readAsYaml11(toYaml(plain))).toEqual(plain);
      }),
      { numRuns: 500 },
    );
  });

  test('is read again as it was where lists stand on one line', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom(...TRAPS))), (words) => {
        const text = toYaml({ run: [words] }, { flowLevel: 2 });
        expect(text.split('\n')).toHaveLength(3);
        expect(fromYaml(text)).toEqual({ run: [words] });
        expect(readAsYaml11(text)).toEqual({ run: [words] });
      }),
      { numRuns: 500 },
    );
  });

  test('has no folded lines and no references, so that a diff shows what changed', () => {
    const long = 'word '.repeat(100).trim();
    const shared = { a: 1 };
    const text = toYaml({ long, first: shared, second: shared });
    expect(text).toBe(`long: ${long}\nfirst:\n  a: 1\nsecond:\n  a: 1\n`);
  });
});

test('a file of several documents is read without its empty ones', () => {
  expect(documents('a: 1\n---\n---\n# nothing\n---\nb: 2\n')).toEqual([{ a: 1 }, { b: 2 }]);
  expect(documents('# nothing\n')).toEqual([]);
});
