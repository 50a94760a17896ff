import { ChildProcess, spawn } from 'node:child_process';

/**
 * What the keeper runs. It reads `+<pid>` and `-<pid>` lines, and folders to remove. When its standard input ends, which
 * the system does for it when this program dies, it ends the processes that are left and removes the folders.
 */
const SCRIPT = `
const pids = new Set();
const folders = new Set();
let rest = '';
process.stdin.setEncoding('utf8');
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);
process.stdin.on('data', (text) => {
  const lines = (rest + text).split('\\n');
  rest = lines.pop();
  for (const line of lines) {
    if (line[0] === '+') pids.add(Number(line.slice(1)));
    else if (line[0] === '-') pids.delete(Number(line.slice(1)));
    else folders.add(line);
  }
});
process.stdin.on('end', () => {
  for (const pid of pids) try { process.kill(pid, 'SIGTERM'); } catch {}
  for (const folder of folders) require('node:fs').rmSync(folder, { recursive: true, force: true });
});
`;

/**
 * Ends processes that must not outlive this program, also where it is killed. Nothing in Node or in kubectl does that: a
 * child goes on when its parent dies.
 */
export class Keeper {
  private child: ChildProcess | undefined;

  /** Removes a folder in the end. */
  keepFolder(folder: string): void {
    this.tell(folder);
  }

  /** Ends a process in the end. */
  keep(pid: number): void {
    this.tell(`+${pid}`);
  }

  /** The process has ended: its number may be another's soon. */
  release(pid: number): void {
    this.tell(`-${pid}`);
  }

  /** Ends all that is kept, now. */
  close(): void {
    this.child?.stdin?.end();
    this.child = undefined;
  }

  private tell(line: string): void {
    this.child ??= this.start();
    this.child.stdin?.write(`${line}\n`);
  }

  private start(): ChildProcess {
    // In a process group of its own: a Ctrl-C at the terminal does not reach it.
    const child = spawn(process.execPath, ['--eval', SCRIPT], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: {},
    });
    child.on('error', () => undefined);
    child.stdin.on('error', () => undefined);
    child.unref();
    // The pipe alone would keep this program from ending.
    (child.stdin as unknown as { unref?: () => void }).unref?.();
    return child;
  }
}
