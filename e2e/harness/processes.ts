/** Child processes that do not outlive this one, with a log file each. */
import { ChildProcess, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { begins } from './real-programs';

/** A program to start. */
export interface ProcessSpec {
  /** What the process is called in messages; its log is `<name>.log`, so it must be fit for a file's name. */
  readonly name: string;
  /** The program's file. */
  readonly file: string;
  /** Its arguments. */
  readonly args: readonly string[];
  /**
   * Environment variables beside PATH, HOME and TMPDIR; nothing else of this process's environment is passed on, so
   * that no proxy or setting of the user's takes part.
   * @default none
   */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * The working folder.
   * @default the folder of the logs
   */
  readonly cwd?: string;
}

/** How a process ended. */
export interface ProcessExit {
  /** The exit code, or null after a signal. */
  readonly code: number | null;
  /** The signal that ended it, or null. */
  readonly signal: NodeJS.Signals | null;
}

/** One process that runs or has run. Made by {@link Processes.start}. */
export class ManagedProcess {
  /** The process id. */
  readonly pid: number;
  /** Resolves when the process has ended. */
  readonly exited: Promise<ProcessExit>;
  /** How it ended, or undefined as long as it runs. */
  exit: ProcessExit | undefined;
  /** Whether it was asked to stop; a process that ended without was not meant to. */
  stopping = false;

  /** For {@link Processes} only. */
  constructor(
    private readonly child: ChildProcess,
    pid: number,
    /** What it is called. */
    readonly name: string,
    /** The file that its output goes to. */
    readonly logFile: string,
  ) {
    this.pid = pid;
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.exit = { code, signal };
        resolve(this.exit);
      });
    });
  }

  /** Why it is not running, as a part of a message; undefined as long as it runs. */
  ended(): string | undefined {
    return this.exit && `${this.name} ended with ${this.exit.signal ?? `exit code ${this.exit.code ?? 'unknown'}`}`;
  }

  /**
   * Ends it: SIGTERM, and SIGKILL when it is still there after the grace time. Returns when it is gone.
   * @param graceMs in milliseconds; default: 10 s
   */
  async stop(graceMs = 10_000): Promise<void> {
    this.signal('SIGTERM');
    const timer = new AbortController();
    await Promise.race([this.exited, sleep(graceMs, undefined, { signal: timer.signal }).catch(() => undefined)]);
    timer.abort();
    this.signal('SIGKILL');
    await this.exited;
  }

  /** Sends a signal, if it still runs; the process counts as asked to stop from now on. */
  signal(signal: NodeJS.Signals): void {
    if (this.exit) return;
    this.stopping = true;
    this.child.kill(signal);
  }

  /**
   * The end of its output.
   * @param lines how many lines at most; default: 15
   */
  tail(lines = 15): string {
    const most = 16_384;
    const log = fs.openSync(this.logFile, 'r');
    try {
      const { size } = fs.fstatSync(log);
      const buffer = Buffer.alloc(Math.min(size, most));
      fs.readSync(log, buffer, 0, buffer.length, Math.max(0, size - most));
      return buffer.toString('utf8').trimEnd().split('\n').slice(-lines).join('\n');
    } finally {
      fs.closeSync(log);
    }
  }

  /** The memory that it holds (RSS) in bytes; undefined where there is no /proc, or when it has ended. */
  rssBytes(): number | undefined {
    try {
      const kib = /^VmRSS:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1];
      return kib === undefined ? undefined : Number(kib) * 1024;
    } catch {
      return undefined;
    }
  }
}

/**
 * All processes of one run and their folder. They end with {@link Processes.stopAll}; at the latest with this process: killed
 * when it exits, and by a guardian process of a few lines when it is killed itself. The folder goes with them.
 */
export class Processes {
  /** The folder of the logs, and the processes' HOME and TMPDIR. */
  readonly dir: string;
  private readonly all: ManagedProcess[] = [];
  private readonly guardian: ChildProcess;
  private closed = false;
  private readonly onExit = (): void => {
    this.killAll();
  };

  /**
   * @param dir an existing folder of this run's own
   * @param keepDir whether the folder stays when the run ends; default: it is removed
   */
  constructor(
    dir: string,
    private readonly keepDir = false,
  ) {
    this.dir = dir;
    this.guardian = spawn(process.execPath, [path.join(__dirname, 'guardian.mjs')], {
      // A session of its own: Ctrl-C must not reach it.
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.guardian.on('error', () => undefined);
    // It may be gone already; the run goes on without it.
    this.guardian.stdin?.on('error', () => undefined);
    this.guardian.unref();
    if (!keepDir) this.tell(`+dir ${dir}`);
    process.once('exit', this.onExit);
  }

  /** The ids of all processes ever started here, the guardian's included. */
  get pids(): number[] {
    const pids = this.all.map((process) => process.pid);
    return this.guardian.pid === undefined ? pids : [...pids, this.guardian.pid];
  }

  /** The processes that run now. */
  get running(): ManagedProcess[] {
    return this.all.filter((process) => !process.exit);
  }

  /** Those that ended without having been asked to, each as "<name> ended with …". */
  unexpectedExits(): string[] {
    return this.all.flatMap((process) => (process.stopping ? [] : (process.ended() ?? [])));
  }

  /**
   * Starts a program; its output is appended to `<name>.log` in the folder.
   * @throws Error when the program cannot be started at all, or everything is being stopped
   */
  start(spec: ProcessSpec): ManagedProcess {
    if (this.closed) throw new Error(`${spec.name}: not started, everything is being stopped`);
    const logFile = path.join(this.dir, `${spec.name}.log`);
    const log = fs.openSync(logFile, 'a');
    try {
      const child = spawn(spec.file, spec.args, {
        cwd: spec.cwd ?? this.dir,
        env: { PATH: process.env.PATH, HOME: this.dir, TMPDIR: this.dir, ...spec.env },
        // Away from the terminal: on Ctrl-C this process ends them in order, instead of all falling at once.
        detached: true,
        stdio: ['ignore', log, log],
      });
      const { pid } = child;
      child.on('error', () => undefined);
      if (pid === undefined) throw new Error(`${spec.name}: cannot start ${spec.file}`);
      this.tell(`+ ${pid}`);
      const managed = new ManagedProcess(child, pid, spec.name, logFile);
      this.all.push(managed);
      const ends = begins(spec.file);
      void managed.exited.then(() => {
        ends();
        this.tell(`- ${pid}`);
      });
      return managed;
    } finally {
      fs.closeSync(log);
    }
  }

  /**
   * Ends every process, all side by side, then the guardian, and removes the folder.
   * @param graceMs from SIGTERM to SIGKILL, in milliseconds; default: 10 s
   */
  async stopAll(graceMs?: number): Promise<void> {
    this.closed = true;
    await Promise.all(this.running.map((process) => process.stop(graceMs)));
    process.removeListener('exit', this.onExit);
    if (!this.keepDir) fs.rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
    if (this.guardian.exitCode === null && this.guardian.signalCode === null && this.guardian.pid !== undefined) {
      this.guardian.ref();
      const gone = new Promise((resolve) => this.guardian.once('exit', resolve));
      this.guardian.stdin?.end();
      await gone;
    }
  }

  /** Ends every process at once and without waiting: for the last moments of this process. */
  private killAll(): void {
    for (const process of this.running) process.signal('SIGKILL');
  }

  private tell(line: string): void {
    this.guardian.stdin?.write(`${line}\n`);
  }
}
