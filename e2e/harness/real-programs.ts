/**
 * Which real programs take part in which test, and of which version each says it is. A run of tests that names a file in
 * E2E_PROGRAMS adds a line a test to it; `npm run e2e:programs` prints them.
 */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';

/** What a test ran. */
export interface Participation {
  /** The file with the test, as seen from the repository. */
  readonly file: string;
  /** The test's whole name. */
  readonly test: string;
  /** `kubectl v1.29.4`, in order. */
  readonly programs: readonly string[];
}

const ROOT = path.join(__dirname, '../..');

/** How programs are asked for their version, where `--version` is not it. */
const QUESTIONS: Readonly<Record<string, readonly string[]>> = {
  kubectl: ['version', '--client', '--output=json'],
  helm: ['version', '--short'],
  coredns: ['-version'],
};

/** `kube-apiserver` for `e2e/bin/kube-apiserver-1.29` */
export function programName(file: string): string {
  return path.basename(file).replace(/-\d+\.\d+$/, '');
}

const versions = new Map<string, string>();

/** `v1.29.4`, as the program says; where it does not tell its version, as Go has written into it. */
function versionOf(file: string): string {
  const known =
    versions.get(file) ??
    saidBy(file, QUESTIONS[programName(file)] ?? ['--version']) ??
    builtBy(file) ??
    'of no version';
  versions.set(file, known);
  return known;
}

/** `kubectl v1.29.4` */
function programAndVersion(file: string): string {
  return `${programName(file)} ${versionOf(file)}`;
}

function saidBy(file: string, args: readonly string[]): string | undefined {
  const { status, stdout, stderr } = spawnSync(file, args, { encoding: 'utf8', timeout: 20_000 });
  return status === 0 ? firstVersion(`${stdout}${stderr}`) : undefined;
}

function builtBy(file: string): string | undefined {
  const { stdout } = spawnSync('go', ['version', '-m', file], { encoding: 'utf8', timeout: 20_000 });
  return firstVersion(stdout.split('\n').find((line) => line.trimStart().startsWith('mod\t')) ?? '');
}

function firstVersion(text: string): string | undefined {
  return /\bv?\d+\.\d+(\.\d+)?([-+~][\w.+-]*)?/.exec(text)?.[0];
}

/** Programs that run for some time, each once for each of its processes. */
const running: string[] = [];
/** Everything that ran since the test began. */
const seen = new Set<string>();
/** Programs that others start write their names here, a line each. */
const CALLS = path.join(tmpdir(), `e2e-calls-${process.pid}`);

/** A program begins to run; returns what tells that it has ended. */
export function begins(file: string): () => void {
  running.push(file);
  seen.add(file);
  return () => {
    const index = running.indexOf(file);
    if (index >= 0) running.splice(index, 1);
  };
}

/** A test of the other tier runs a program. */
export function noteRealProgram(file: string): void {
  write([file]);
}

/**
 * A file in the place of a program: notes that it is called, then runs the program with what it was given.
 *
 * @param said the version that the program's `version` says in place of its own
 */
export function writeStandIn(file: string, program: string, said?: string): void {
  const lines = ['#!/bin/sh', `echo '${program}' >> '${CALLS}'`];
  if (said !== undefined) {
    const own = versionOf(program).replaceAll('.', '\\.');
    lines.push(
      'case " $* " in *" version "*)',
      `  said=$('${program}' "$@"); code=$?`,
      `  printf '%s\\n' "$said" | sed 's/${own}/${said}/'`,
      '  exit $code',
      'esac',
    );
  }
  fs.writeFileSync(file, [...lines, `exec '${program}' "$@"`, ''].join('\n'), { mode: 0o755 });
}

/** A test begins. */
export function testBegins(): void {
  fs.rmSync(CALLS, { force: true });
  seen.clear();
  for (const file of running) seen.add(file);
}

/** A test has ended: what has taken part in it is noted. */
export function testEnds(): void {
  const called = fs.existsSync(CALLS) ? fs.readFileSync(CALLS, 'utf8').split('\n').filter(Boolean) : [];
  fs.rmSync(CALLS, { force: true });
  write([...seen, ...called]);
}

function write(files: readonly string[]): void {
  const to = process.env.E2E_PROGRAMS;
  const { testPath, currentTestName } = expect.getState();
  if (to === undefined || testPath === undefined || currentTestName === undefined) return;
  const programs = [...new Set(files.map(programAndVersion))].sort();
  const line: Participation = { file: path.relative(ROOT, testPath), test: currentTestName, programs };
  fs.appendFileSync(to, `${JSON.stringify(line)}\n`);
}
