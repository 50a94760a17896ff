import { ChildProcess, spawn } from 'node:child_process';
import * as path from 'node:path';
import { mkdtempSync } from 'node:fs';
import { findBinaries } from '../binaries';
import { ControlPlanes } from '../control-plane';
import { writeStandIn } from '../harness/real-programs';
import { ToolName } from '../tools/pins';

/** How a run of the command line ended. */
export interface CliResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run that is under way. */
export interface CliRun {
  readonly child: ChildProcess;
  readonly result: Promise<CliResult>;
}

const ROOT = path.join(__dirname, '../..');

/** The environment in which the tier's own kubectl and helm come first, and the kubeconfig is the run's. */
export function environment(kubeconfig: string): NodeJS.ProcessEnv {
  const found = findBinaries(['kubectl', 'helm']);
  if (!found.ok) throw found.error;
  const folders = [...new Set(Object.values(found.paths).map((file) => path.dirname(file)))];
  return { ...process.env, PATH: [...folders, process.env.PATH ?? ''].join(path.delimiter), KUBECONFIG: kubeconfig };
}

/** The programs that a test runs, and that apply runs in it. */
export interface Clients {
  /** @default the tier's own */
  readonly kubectl?: ToolName;
  /** @default the tier's own */
  readonly helm?: ToolName;
  /**
   * For a kubectl that is too far from the servers for a run to begin: the version that it says it is. Everything else is
   * the real program's.
   * @default its own
   */
  readonly kubectlSays?: string;
}

/**
 * The environment of a run's tests: its kubeconfig, kubectl and helm first on the PATH, and a home folder of its own, in
 * which helm keeps its files. Which of the two is called is noted.
 *
 * @throws MissingBinariesError where one is not there
 */
export function testEnvironment(
  { kubeconfig, dir }: Pick<ControlPlanes, 'kubeconfig' | 'dir'>,
  { kubectl = 'kubectl', helm = 'helm', kubectlSays }: Clients = {},
): NodeJS.ProcessEnv {
  const found = findBinaries([kubectl, helm]);
  if (!found.ok) throw found.error;
  const folder = mkdtempSync(path.join(dir, 'path-'));
  writeStandIn(path.join(folder, 'kubectl'), found.paths[kubectl], kubectlSays);
  writeStandIn(path.join(folder, 'helm'), found.paths[helm]);
  const PATH = [folder, process.env.PATH ?? ''].join(path.delimiter);
  return { ...process.env, PATH, KUBECONFIG: kubeconfig, HOME: dir };
}

/** Starts `npm run <command> -- <args>` as a person would, without npm in between. */
export function startCli(env: NodeJS.ProcessEnv, dist: string, ...args: string[]): CliRun {
  const script = path.join(ROOT, 'scripts/federation.ts');
  const child = spawn(
    process.execPath,
    ['--require', path.join(ROOT, 'scripts/register.cjs'), script, ...args, '--dist', dist],
    { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const result = new Promise<CliResult>((resolve) => {
    child.once('close', (code, signal) => {
      resolve({ code, signal, stdout, stderr });
    });
  });
  return { child, result };
}

/** Runs it to its end. */
export function cli(env: NodeJS.ProcessEnv, dist: string, ...args: string[]): Promise<CliResult> {
  return startCli(env, dist, ...args).result;
}

/** What a program prints; fails with all that it said where it ends with an error. */
export function output(
  env: NodeJS.ProcessEnv,
  program: string,
  args: readonly string[],
  stdin?: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdin.end(stdin);
    child.once('close', (code) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`${program} ${args.join(' ')}: exit ${String(code)}\n${stderr}${stdout}`));
    });
  });
}
