/** The reader of Corefiles beside CoreDNS' own parser, on files that nobody would write, and beside CoreDNS itself. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from '../test/support/fast-check';
import { CorefileError, parseCorefile, standing, withBlock, withoutBlock } from '../scripts/apply/corefile';
import { findBinaries } from './binaries';
import { freePorts } from './harness/ports';

const found = findBinaries(['corefile-reader', 'coredns']);
if (!found.ok) throw found.error;
const { 'corefile-reader': reader, coredns } = found.paths;
const DOMAIN = 'example.com';
const BLOCK = 'example.com:53 {\n    errors\n    forward . 10.11.4.82:32609\n}\n';
const FILES = 4_000;

/** The keys of each server block as CoreDNS' own parser reads them; null where it refuses the file. */
function asCoreDns(files: readonly string[]): (string[][] | null)[] {
  const { stdout, status, stderr } = spawnSync(reader, [], {
    input: files.map((text) => `${JSON.stringify(text)}\n`).join(''),
    maxBuffer: 1 << 28,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as string[][] | null);
}

/** The same by the program's own reader; snippets are not server blocks. */
function asHere(text: string): string[][] | CorefileError {
  try {
    return parseCorefile(text)
      .flatMap(({ keys }) => (keys && keys.length > 0 ? [[...keys]] : []))
      .filter(([first = '', ...more]) => !(more.length === 0 && first.startsWith('(') && first.endsWith(')')));
  } catch (error) {
    if (error instanceof CorefileError) return error;
    throw error;
  }
}

/** Words and marks of Corefiles in any order, most of it nonsense: what CoreDNS takes of it has to be read as it reads it. */
const nonsense = fc
  .array(
    fc.constantFrom(
      ...[
        '{',
        '}',
        '{\n',
        '}\n',
        ' {\n',
        '\n}\n',
        '\n',
        '\r\n',
        ' ',
        '\t',
        '#',
        '# x',
        '"',
        '\\',
        '\\"',
        ',',
        ', ',
        '\u00a0',
      ],
      ...[
        'a.example',
        'b.example:53',
        'example.com',
        'errors',
        'log . "{x} # y"',
        'match ^a{',
        '"c.example"',
        '(s)',
        '""',
      ],
      ...['a.example {\n errors\n}\n', 'b.example {#x\n log {\n class all\n }\n}#y\n', '.:53 {\n answer "}\n{"\n} '],
    ),
    { maxLength: 14 },
  )
  .map((words) => words.join(''));

const drawn = fc.sample(nonsense, { numRuns: FILES, seed: Number(process.env.FC_SEED ?? 1) });

test(`${FILES} odd files are read as CoreDNS' own parser reads them`, () => {
  const theirs = asCoreDns(drawn);
  const counts = { taken: 0, refused: 0, 'without braces': 0 };
  drawn.forEach((text, i) => {
    const keys = theirs[i];
    const ours = asHere(text);
    if (keys === null || keys === undefined) {
      counts.refused++;
      return;
    }
    counts.taken++;
    if (ours instanceof CorefileError && ours.message.includes('without braces')) {
      counts['without braces']++;
      return;
    }
    expect({ text, keys: ours }).toEqual({ text, keys });
  });
  console.log(`${FILES} files: ${JSON.stringify(counts)}`);
  expect(counts.taken).toBeGreaterThan(FILES / 20);
});

test('with the block added, CoreDNS reads the block first and all others as before; taken away, each byte is back', () => {
  const theirs = asCoreDns(drawn);
  const merged = drawn.flatMap((text, i) => {
    const keys = theirs[i];
    if (!keys || asHere(text) instanceof CorefileError) return [];
    if (standing(text, DOMAIN, BLOCK, 'federation') !== 'absent') return [];
    return [{ text, keys, after: withBlock(text, DOMAIN, BLOCK, 'federation') }];
  });
  const after = asCoreDns(merged.map((one) => one.after));
  expect(merged.length).toBeGreaterThan(FILES / 40);
  merged.forEach(({ text, keys, after: file }, i) => {
    expect({ file, keys: after[i] }).toEqual({ file, keys: [['example.com:53'], ...keys] });
    expect(withoutBlock(file, DOMAIN, 'federation')).toBe(text);
  });
});

/** Whether CoreDNS starts with a Corefile whose port 53 is another here. */
async function starts(corefile: string): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'corefile-'));
  const [port = 0] = await freePorts(1);
  writeFileSync(join(folder, 'Corefile'), corefile.replace(/:53\b/g, `:${port}`));
  const child = spawn(coredns, [`-conf=${join(folder, 'Corefile')}`, `-dns.port=${port}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  try {
    return await new Promise<boolean>((resolve) => {
      child.stdout.on('data', (data: Buffer) => {
        if (data.toString().includes('CoreDNS-')) resolve(true);
      });
      child.once('exit', () => {
        resolve(false);
      });
    });
  } finally {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

const FORWARD = '    bind 127.0.0.1\n    forward . 127.0.0.9';
test.each([
  ['a glued comment', `.:53 {\n    bind 127.0.0.1\n}#end\nexample.com:53 {#corp\n${FORWARD}\n}\n`],
  ['the line that closes another', `.:53 {\n    bind 127.0.0.1\n} example.com:53 {\n${FORWARD}\n}\n`],
  ['a quoted key', `.:53 {\n    bind 127.0.0.1\n}\n"example.com:53" {\n${FORWARD}\n}\n`],
])('a block behind %s is seen; CoreDNS starts before and after it is replaced', async (_, corefile) => {
  const block = `example.com:53 {\n${FORWARD}\n}\n`;
  expect(standing(corefile, DOMAIN, BLOCK, 'federation')).toBe('foreign');
  expect(await starts(corefile)).toBe(true);
  expect(await starts(withBlock(corefile, DOMAIN, block, 'federation'))).toBe(true);
  // What adding a second block would have come to.
  expect(await starts(`${block}${corefile}`)).toBe(false);
});
