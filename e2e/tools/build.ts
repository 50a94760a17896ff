/**
 * `npm run e2e:tools [-- name ...]`: builds the pinned programs that are missing in e2e/bin.
 *
 * Prints one line a program. Exit codes: 0 all there; 1 a build failed; 2 a name is unknown; 3 Go is missing.
 */
import { ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { BIN_DIR, EXIT_MISSING } from '../binaries';
import { isToolName, Pin, PINS, TOOL_NAMES, ToolName } from './pins';

/** Go was started and ended badly, or could not be started. */
class GoError extends Error {
  constructor(
    readonly reason: 'not found' | 'failed',
    message: string,
  ) {
    super(message);
    this.name = 'GoError';
  }
}

let running: ChildProcess | undefined;

function go(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('go', args, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
    running = child;
    let said = '';
    // Go names every module that it downloads; only the end of what it says can matter.
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-8192);
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      reject(new GoError(error.code === 'ENOENT' ? 'not found' : 'failed', error.message));
    });
    child.once('close', (code, signal) => {
      running = undefined;
      if (code === 0) {
        resolve();
      } else {
        const lines = said
          .trim()
          .split('\n')
          .filter((line) => !line.startsWith('go: downloading '));
        reject(new GoError('failed', `go ended with ${signal ?? `exit code ${code}`}\n${lines.slice(-15).join('\n')}`));
      }
    });
  });
}

function goEnvironment(output: string): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    // Static programs, as their authors release them; no C compiler needed.
    CGO_ENABLED: '0',
    GOBIN: output,
    // A go.work of a folder above must not join in.
    GOWORK: 'off',
  };
  // The programs are for this machine; with GOOS or GOARCH set, go install refuses GOBIN.
  delete env.GOOS;
  delete env.GOARCH;
  return env;
}

function linkFlags(pin: Pin): string {
  const variables = Object.entries(pin.variables ?? {}).map(([name, value]) => `-X ${name}=${value}`);
  // Without symbol tables: half the size, a faster link.
  return ['-s', '-w', ...variables].join(' ');
}

/** Everything that the program's content depends on, but Go's own version: a newer Go is no reason to build again. */
function stampOf(name: ToolName): string {
  const pin: Pin = PINS[name];
  const hash = createHash('sha256').update(JSON.stringify(pin));
  if (pin.build.kind === 'module') {
    // The module's own sources, too, where it has any.
    const folder = path.join(__dirname, pin.build.folder);
    for (const file of fs.readdirSync(folder).sort()) hash.update(fs.readFileSync(path.join(folder, file)));
  }
  return `${name} ${pin.version} ${process.platform}/${process.arch} ${hash.digest('hex').slice(0, 16)}\n`;
}

function isBuilt(name: ToolName, stamp: string): boolean {
  try {
    return fs.existsSync(path.join(BIN_DIR, name)) && fs.readFileSync(stampFile(name), 'utf8') === stamp;
  } catch {
    return false;
  }
}

function stampFile(name: ToolName): string {
  return path.join(BIN_DIR, `.${name}.stamp`);
}

function checkModulePin(pin: Pin): void {
  if (pin.build.kind !== 'module') return;
  const text = fs.readFileSync(path.join(__dirname, pin.build.folder, 'go.mod'), 'utf8');
  const { module, folder } = pin.build;
  const required = text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .map((words) => (words[0] === 'require' ? words.slice(1) : words))
    .find(([word, version, arrow]) => word === module && version?.startsWith('v') && arrow !== '=>')?.[1];
  if (required !== pin.version) {
    throw new Error(`pins.ts says ${pin.version}, ${folder}/go.mod requires ${module} ${required ?? 'not at all'}`);
  }
}

async function build(name: ToolName, stamp: string, scratch: string): Promise<void> {
  const pin: Pin = PINS[name];
  checkModulePin(pin);
  const output = path.join(scratch, name);
  fs.mkdirSync(output, { recursive: true });
  const env = goEnvironment(output);
  const flags = ['-ldflags', linkFlags(pin)];
  if (pin.build.kind === 'module') {
    await go(
      ['build', ...flags, '-o', path.join(output, name), pin.build.package],
      path.join(__dirname, pin.build.folder),
      env,
    );
  } else {
    // Away from this repository, so that no go.mod of a folder above counts.
    await go(['install', ...flags, `${pin.build.package}@${pin.version}`], output, env);
  }
  // go install names the file after the package's folder.
  const [made, ...more] = fs.readdirSync(output);
  if (made === undefined || more.length > 0)
    throw new Error(`go left ${made === undefined ? 'no file' : 'more than one file'}`);
  // In this order, a stop at any point leaves either nothing, or an unstamped program that is built again.
  fs.rmSync(stampFile(name), { force: true });
  fs.renameSync(path.join(output, made), path.join(BIN_DIR, name));
  fs.writeFileSync(path.join(output, 'stamp'), stamp);
  fs.renameSync(path.join(output, 'stamp'), stampFile(name));
}

/** Scratch folders carry the process id of their build, so that those of killed builds can be told from live ones. */
const SCRATCH = /^\.building-(\d+)$/;

function removeDeadScratch(): void {
  for (const entry of fs.readdirSync(BIN_DIR)) {
    const pid = SCRATCH.exec(entry)?.[1];
    if (pid !== undefined && !isAlive(Number(pid)))
      fs.rmSync(path.join(BIN_DIR, entry), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function seconds(since: number): string {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}

async function main(words: readonly string[]): Promise<number> {
  const unknown = words.filter((word) => !isToolName(word));
  if (unknown.length > 0) {
    console.error(`unknown: ${unknown.join(', ')} (known: ${TOOL_NAMES.join(', ')})`);
    return 2;
  }
  const wanted = TOOL_NAMES.filter((name) => words.length === 0 || words.includes(name));
  fs.mkdirSync(BIN_DIR, { recursive: true });
  removeDeadScratch();
  const scratch = path.join(BIN_DIR, `.building-${process.pid}`);
  const cleanUp = (): void => {
    fs.rmSync(scratch, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      // Go ends its compilers on SIGINT. What it still writes meanwhile, the next build removes.
      running?.kill('SIGINT');
      process.exitCode = 1;
      try {
        cleanUp();
      } finally {
        process.exit();
      }
    });
  }
  let failed = false;
  try {
    for (const name of wanted) {
      const label = `${name} ${PINS[name].version}`;
      const stamp = stampOf(name);
      if (isBuilt(name, stamp)) {
        console.log(`${label}: there already`);
        continue;
      }
      const start = Date.now();
      try {
        await build(name, stamp, scratch);
        console.log(`${label}: built in ${seconds(start)}`);
      } catch (error) {
        if (error instanceof GoError && error.reason === 'not found') {
          console.error(
            `missing: Go (no "go" on the PATH), needed to build ${wanted.filter((tool) => !isBuilt(tool, stampOf(tool))).join(', ')}`,
          );
          return EXIT_MISSING;
        }
        // The others are built all the same: one run shows everything that is wrong.
        console.error(
          `${label}: failed after ${seconds(start)}: ${error instanceof Error ? error.message : String(error)}`,
        );
        failed = true;
      }
    }
  } finally {
    cleanUp();
  }
  return failed ? 1 : 0;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  },
);
