import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';

/** A command that hangs ends here, in milliseconds. */
const LIMIT = 900_000;

/** What one run of a program took. */
export interface Run {
  /** Wall clock from start to end, in milliseconds. */
  readonly ms: number;
  /** The most memory that one of its processes held, in MiB. */
  readonly rss: number;
  readonly stdout: string;
}

/**
 * Loaded into every node process of a run before its own code: notes at its end how much memory it held at most. Linux
 * keeps that in VmHWM; the portable maxRSS counts the parent's memory of before the start too.
 */
const NOTE_MEMORY = `process.on('exit', () => {
  const fs = require('node:fs');
  const status = fs.existsSync('/proc/self/status') ? fs.readFileSync('/proc/self/status', 'utf8') : '';
  const kib = /^VmHWM:\\s+(\\d+)/m.exec(status)?.[1] ?? process.resourceUsage().maxRSS;
  fs.appendFileSync(process.env.BENCH_MEMORY, kib + '\\n');
});
`;

/** A folder of the bench's own, gone when it ends. */
export const scratch = mkdtempSync(join(tmpdir(), 'bench-synth-'));
process.on('exit', () => {
  rmSync(scratch, { recursive: true, force: true });
});
const noteMemory = join(scratch, 'note-memory.cjs');
writeFileSync(noteMemory, NOTE_MEMORY);

let folders = 0;
/** A path in the scratch folder that nothing has used yet. */
export function freshFolder(): string {
  folders += 1;
  return join(scratch, String(folders));
}

/**
 * Runs a program to its end.
 *
 * @param cwd the folder it runs in
 * @param env what its environment has besides the bench's own
 * @throws Error with what it printed, where it fails or takes more than 15 minutes
 */
export function run(command: readonly string[], cwd: string, env: Record<string, string> = {}): Run {
  const memory = `${freshFolder()}.txt`;
  writeFileSync(memory, '');
  const [program = '', ...args] = command;
  const start = performance.now();
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    timeout: LIMIT,
    maxBuffer: 2 ** 28,
    env: { ...process.env, NODE_OPTIONS: `--require=${JSON.stringify(noteMemory)}`, BENCH_MEMORY: memory, ...env },
  });
  const ms = performance.now() - start;
  if (status !== 0) throw new Error(`${command.join(' ')} failed: ${error?.message ?? ''}\n${stderr}`);
  const kib = readFileSync(memory, 'utf8').trim().split('\n').map(Number);
  return { ms, rss: Math.max(...kib) / 1024, stdout };
}

/** The middle value; of an even number of values the mean of the two middle ones; of none NaN. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = Math.floor(sorted.length / 2);
  const lower = sorted.length % 2 === 1 ? upper : upper - 1;
  return ((sorted[lower] ?? NaN) + (sorted[upper] ?? NaN)) / 2;
}
