/** One running call: its output, its single writes, and the points at which faults strike. */
import * as semver from 'semver';
import { type ConnectionFailure, type FaultAction, connectionError, httpError, noise, notValidated } from './faults';
import type { CallRecord, Invocation, Program } from './types';

/** The program ends here, with this code and these last words. */
export class Exit extends Error {
  constructor(
    readonly code: number,
    readonly stderr = '',
  ) {
    super(stderr);
  }
}

/** The call is cut: its caller is gone or was killed, nobody waits for an answer. */
export class Cut extends Error {}

/** What a call needs of the World. */
export interface Surroundings {
  /** Grows with each real change of an object. */
  readonly changes: number;
  /** What the changes since the given count were. */
  effectsSince(count: number): string[];
  /** Lets the controllers react to what was written. */
  react(): Promise<void> | void;
  readonly helmVersion: string;
  /** Whether waits for what does not come are over at once; see WorldOptions. */
  readonly impatient: boolean;
  /** Calls back on the next change of the state. Gives back how to stop that. */
  onChange(callback: () => void): () => void;
  kill(): void;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** `30`, `30s`, `1m30s`, `500ms` in milliseconds; undefined where it is none. */
export function duration(value: string | undefined): number | undefined {
  if (value === undefined || value === '') return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(value)) return undefined;
  const units: Record<string, number> = { ms: 1, s: 1000, m: 60000, h: 3600000 };
  let total = 0;
  for (const [, amount, unit] of value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g))
    total += Number(amount) * (units[unit ?? ''] ?? 0);
  return total;
}

export class Call {
  /** The `host:port` that it talks to, for messages. */
  server = '10.0.0.1:6443';
  /** Shows what was printed to the caller at once, while the program goes on; absent where no caller waits. */
  show: ((out: string, err: string) => void) | undefined;
  private gone = false;
  private shownOut = 0;
  private shownErr = 0;
  private readonly goneListeners = new Set<() => void>();

  constructor(
    readonly invocation: Invocation,
    readonly record: CallRecord,
    private readonly world: Surroundings,
    private readonly fault: FaultAction | undefined,
    /** Of kubectl. */
    private readonly release = '1.7.3',
  ) {}

  get program(): Program {
    return this.invocation.program;
  }

  out(text: string): void {
    this.record.stdout += text;
  }

  err(text: string): void {
    this.record.stderr += text;
  }

  /** What was printed and the caller has not got yet. */
  unshown(): { readonly out: string; readonly err: string } {
    const { stdout, stderr } = this.record;
    const rest = { out: stdout.slice(this.shownOut), err: stderr.slice(this.shownErr) };
    this.shownOut = stdout.length;
    this.shownErr = stderr.length;
    return rest;
  }

  /** Lets the caller have what was printed so far. */
  flush(): void {
    if (this.show === undefined) return;
    const { out, err } = this.unshown();
    this.show(out, err);
  }

  /** Ends the program with an error of its own wording. */
  fail(message: string, code = 1): never {
    throw new Exit(code, message.endsWith('\n') ? message : `${message}\n`);
  }

  /** The stub's connection closed: it was killed. */
  leave(): void {
    this.gone = true;
    for (const listener of [...this.goneListeners]) listener();
  }

  get left(): boolean {
    return this.gone;
  }

  /** Whether kubectl asks the API server first which types it serves. */
  get discovers(): boolean {
    const { argv } = this.invocation;
    return !argv.some((word) => word === 'version' || word === 'proxy' || /^--raw(=|$)/.test(word));
  }

  /** What `--request-timeout` allows, in milliseconds. */
  private requestTimeout(): number | undefined {
    const { argv } = this.invocation;
    const index = argv.findIndex((word) => word === '--request-timeout' || word.startsWith('--request-timeout='));
    const word = argv[index];
    if (word === undefined) return undefined;
    const limit = duration(word.includes('=') ? word.slice(word.indexOf('=') + 1) : argv[index + 1]);
    return limit === 0 ? undefined : limit;
  }

  /** A TLS handshake that never ends takes ten seconds; a shorter `--request-timeout` ends the request before. */
  private limited(how: ConnectionFailure): ConnectionFailure {
    if (how !== 'tls' || (this.requestTimeout() ?? Infinity) >= 10_000) return how;
    return this.invocation.argv.includes('version') ? 'deadline' : 'waiting';
  }

  /** Ends the call with a failed connection. */
  strike(how: ConnectionFailure, server = this.server): never {
    const command = this.invocation.argv.find((word) => !word.startsWith('-')) ?? '';
    const source = this.validated();
    if (source !== undefined) throw new Exit(1, notValidated(this.release, source, how, server));
    const quiet = this.program !== 'kubectl' || !this.discovers;
    const before = quiet ? '' : noise(this.release, command, how, server);
    throw new Exit(1, before + connectionError(this.program, this.world.helmVersion, how, server));
  }

  /** The file that a newer kubectl checks by the server's schema before anything else. */
  private validated(): string | undefined {
    const { argv } = this.invocation;
    const command = argv.find((word) => !word.startsWith('-')) ?? '';
    if (this.program !== 'kubectl' || !this.discovers || semver.lt(this.release, '1.26.0')) return undefined;
    if (!['apply', 'create', 'replace'].includes(command) || argv.includes('--validate=false')) return undefined;
    const flag = argv.findIndex((word) => /^(?:-f|--filename)(?:=|$)/.test(word));
    const file = argv[flag]?.includes('=') === true ? argv[flag].replace(/^[^=]*=/, '') : argv[flag + 1];
    return flag < 0 ? undefined : file === '-' ? 'STDIN' : file;
  }

  /** Ends the call with what the API server refuses it with. */
  refuse(status: number, message?: string): never {
    throw new Exit(1, httpError(this.program, this.world.helmVersion, status, message));
  }

  /** Ends the call as if the program itself did. */
  protected exit(fault: Extract<FaultAction, { type: 'exit' }>): never {
    this.out(fault.stdout ?? '');
    throw new Exit(fault.code, fault.stderr ?? '');
  }

  /** Resolves when the stub is gone. */
  untilGone(): Promise<void> {
    return new Promise((resolve) => {
      if (this.gone) resolve();
      else this.goneListeners.add(resolve);
    });
  }

  /** The faults that strike before a call has any effect. Called when it first talks to a server, or at its start. */
  async begin(): Promise<void> {
    const { fault } = this;
    if (fault === undefined) return;
    this.record.fault = fault.type;
    switch (fault.type) {
      case 'kill':
        if (fault.point !== 'before') return;
        this.world.kill();
        if (fault.orphan === undefined || fault.orphan === false) throw new Cut();
        if (typeof fault.orphan === 'number') await sleep(fault.orphan);
        return;
      case 'exit':
        this.exit(fault);
        break;
      case 'slow':
      case 'hang': {
        const limit = this.requestTimeout();
        const lasts = fault.type === 'slow' ? fault.ms : Infinity;
        const pause = Math.min(lasts, limit ?? Infinity);
        await Promise.race([this.untilGone(), ...(pause === Infinity ? [] : [sleep(pause)])]);
        if (this.gone) throw new Cut();
        if (limit !== undefined && limit < lasts) this.strike('canceled');
        return;
      }
      case 'other-server':
        this.strike('authority');
        break;
      case 'http':
        if ((fault.stage ?? 0) === 0) this.refuse(fault.status, fault.message);
        return;
      case 'drop':
        if ((fault.stage ?? 0) === 0) this.strike(this.limited(fault.how ?? 'refused'));
        return;
      default:
    }
  }

  /**
   * One single write: one request that changes something. The faults that strike in the middle strike here; the controllers react
   * before it comes back.
   */
  async write<T>(change: () => T): Promise<T> {
    if (this.gone) throw new Cut();
    const { fault } = this;
    if (fault?.type === 'http' && this.record.writes > 0 && fault.stage === this.record.writes) {
      this.refuse(fault.status, fault.message);
    }
    if (fault?.type === 'drop' && this.record.writes > 0 && fault.stage === this.record.writes) {
      this.strike(fault.how ?? 'refused');
    }
    const before = this.world.changes;
    const result = change();
    if (this.world.changes === before) return result;
    this.record.writes += 1;
    this.record.effects.push(...this.world.effectsSince(before).slice(0, 1));
    await this.world.react();
    if (fault?.type === 'kill' && fault.point === 'in' && this.record.writes === (fault.stage ?? 1)) {
      this.world.kill();
      if (fault.orphan === undefined || fault.orphan === false) throw new Cut();
      if (typeof fault.orphan === 'number') await sleep(fault.orphan);
    }
    if (fault?.type === 'notAfterWrite' && fault.stage === this.record.writes) this.strike('eof');
    return result;
  }

  /** Waits until something holds; false when the time is over. Without a limit it waits for ever, as the real programs do. */
  async until(holds: () => boolean, limitMs?: number): Promise<boolean> {
    const end = limitMs === undefined ? Infinity : Date.now() + limitMs;
    for (;;) {
      if (this.gone) throw new Cut();
      if (holds()) return true;
      if (this.world.impatient) {
        if (limitMs === undefined) throw new Cut();
        return false;
      }
      const left = end - Date.now();
      if (left <= 0) return false;
      await new Promise<void>((resolve) => {
        const stop = this.world.onChange(wake);
        const timer = left === Infinity ? undefined : setTimeout(wake, left);
        this.goneListeners.add(wake);
        const listeners = this.goneListeners;
        function wake(): void {
          stop();
          listeners.delete(wake);
          clearTimeout(timer);
          resolve();
        }
      });
    }
  }

  /** The faults that strike when all is done and nothing is answered yet. */
  async finish(succeeded: boolean): Promise<void> {
    const { fault } = this;
    if (this.gone) throw new Cut();
    if (fault?.type === 'notAfterWrite' && succeeded) {
      this.record.stdout = '';
      this.strike('eof');
    }
    if (fault?.type === 'kill' && fault.point === 'after') {
      this.world.kill();
      if (typeof fault.orphan === 'number') await sleep(fault.orphan);
      throw new Cut();
    }
  }
}
