/**
 * `npm run e2e:programs [-- file]`: prints which real program of which version took part in which test of the last run.
 *
 * @param file what E2E_PROGRAMS named in that run; default: what `npm run e2e` writes
 */
import * as fs from 'node:fs';
import { Participation } from './harness/real-programs';
import { PROGRAMS_FILE } from './binaries';

/** The lines for each file: what takes part in all of its tests, and for each set of others the tests that they take part in. */
export function report(all: readonly Participation[]): string[] {
  const files = [...new Set(all.map(({ file }) => file))];
  return files.flatMap((file) => {
    const tests = merged(all.filter((one) => one.file === file));
    const everywhere = [...(tests[0]?.programs ?? [])].filter((program) =>
      tests.every(({ programs }) => programs.has(program)),
    );
    const bySet = new Map<string, string[]>();
    for (const { test, programs } of tests) {
      const others = [...programs].filter((program) => !everywhere.includes(program)).join(', ');
      bySet.set(others, [...(bySet.get(others) ?? []), test]);
    }
    return [
      '',
      `${file}: ${everywhere.join(', ')}`,
      ...[...bySet].flatMap(([others, names]) => [
        ...(others === '' ? [] : [`  and ${others}`]),
        ...names.map((name) => `  ${others === '' ? '' : '  '}${name}`),
      ]),
    ];
  });
}

function merged(lines: readonly Participation[]): { test: string; programs: Set<string> }[] {
  const tests = new Map<string, Set<string>>();
  for (const { test, programs } of lines) tests.set(test, new Set([...(tests.get(test) ?? []), ...programs].sort()));
  return [...tests].map(([test, programs]) => ({ test, programs }));
}

if (require.main === module) {
  const file = process.argv[2] ?? PROGRAMS_FILE;
  const lines = fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trim().split('\n').filter(Boolean) : [];
  console.log(`Real programs, by test:`);
  for (const line of report(lines.map((text) => JSON.parse(text) as Participation))) console.log(line);
}
