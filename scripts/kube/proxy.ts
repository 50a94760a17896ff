import { ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { Agent, IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setMaxListeners } from 'node:events';
import { Command } from '../../lib/plan/step';
import { orEnd } from '../apply/tools/kubectl';
import { classify, FailureKind, ProgramError } from '../apply/tools/program';
import { Keeper } from './keeper';
import { Answer, Question, Transport } from './transport';

/** Questions to one API server at the same time. */
const MOST_SOCKETS = 32;
/** How often a starting proxy is looked at, and how long it may take until it listens; in milliseconds. */
const LOOK_MS = 5;
const START_MS = 20_000;
/** How often the reason of a failed question is looked for in what the proxy writes. */
const REASON_LOOKS = 20;

interface Proxy {
  readonly socket: string;
  readonly child: ChildProcess;
  readonly agent: Agent;
  /** The end of what it has written to standard error. */
  readonly said: () => string;
}

/**
 * Asks API servers through `kubectl proxy`: kubectl's own credentials, plugins and proxies do the work, and the answers are
 * the servers' own, whatever version kubectl is of. One proxy a context, started with the first question, on a Unix socket in
 * a folder that only this user can open, ended with the run.
 */
export class ProxyTransport implements Transport {
  private readonly proxies = new Map<string, Promise<Proxy>>();
  private readonly keeper = new Keeper();
  private folder: string | undefined;
  private count = 0;

  /**
   * @param start.cwd the folder that kubectl runs in
   * @param start.env kubectl's environment
   * @param start.programOf the kubectl of a context
   */
  constructor(
    private readonly start: {
      readonly cwd: string;
      readonly env: NodeJS.ProcessEnv;
      readonly programOf?: (context: string) => string;
    },
  ) {}

  async ask(context: string, question: Question, signal: AbortSignal): Promise<Answer> {
    const response = await this.respond(context, question, signal);
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      const answer = { status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() };
      return answer.status === 502 && answer.body === '' ? await this.withReason(context, answer) : answer;
    } catch (error) {
      throw lost(asked(context, question), error, signal);
    }
  }

  async follow(context: string, path: string, signal: AbortSignal, onLine: (line: string) => void): Promise<number> {
    const response = await this.respond(context, { path }, signal, true);
    const status = response.statusCode ?? 0;
    if (status !== 200) {
      response.destroy();
      return status;
    }
    let rest = '';
    try {
      for await (const chunk of response.setEncoding('utf8')) {
        const lines = (rest + (chunk as string)).split('\n');
        rest = lines.pop() ?? '';
        lines.filter((line) => line.trim() !== '').forEach(onLine);
      }
    } catch (error) {
      throw lost(asked(context, { path }), error, signal);
    }
    return status;
  }

  /** kubectl up to 1.8 says only on its standard error why the API server has not answered. */
  private async withReason(context: string, answer: Answer): Promise<Answer> {
    const proxy = await this.proxies.get(context);
    for (let i = 0; i < REASON_LOOKS; i++) {
      const [, reason] = [...(proxy?.said() ?? '').matchAll(/proxy error: (.*)\n/g)].at(-1) ?? [];
      if (reason !== undefined) return { ...answer, body: reason };
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    return answer;
  }

  reset(context: string): void {
    const known = this.proxies.get(context);
    this.proxies.delete(context);
    known?.then(end, () => undefined);
  }

  close(): void {
    for (const context of [...this.proxies.keys()]) this.reset(context);
    this.keeper.close();
    if (this.folder !== undefined) rmSync(this.folder, { recursive: true, force: true });
    this.folder = undefined;
  }

  private async respond(
    context: string,
    question: Question,
    signal: AbortSignal,
    isStream = false,
  ): Promise<IncomingMessage> {
    const command = asked(context, question);
    if (signal.aborted) throw failed(command, 'cut', 'not asked');
    const proxy = await this.proxyOf(context, signal);
    const body = question.body === undefined ? undefined : JSON.stringify(question.body);
    // Any number of questions hang on one signal, which Node would take for a leak.
    setMaxListeners(0, signal);
    return new Promise((resolve, reject) => {
      const sent = request({
        socketPath: proxy.socket,
        path: question.path,
        method: body === undefined ? 'GET' : 'POST',
        // kubectl's proxy answers only to its own names.
        headers: {
          host: 'localhost',
          accept: 'application/json',
          ...(body !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
        },
        // A stream keeps its connection for itself.
        agent: isStream ? false : proxy.agent,
        signal,
      });
      sent.once('response', resolve);
      sent.once('error', (error) => {
        // A proxy that has ended is started again for the next question.
        if (proxy.child.exitCode !== null || proxy.child.signalCode !== null) this.reset(context);
        reject(lost(command, error, signal));
      });
      sent.end(body);
    });
  }

  private proxyOf(context: string, signal: AbortSignal): Promise<Proxy> {
    const known = this.proxies.get(context);
    if (known) return orEnd(signal, ['kubectl', `--context=${context}`, 'proxy'], known);
    const started = this.launch(context);
    this.proxies.set(context, started);
    started.catch(() => {
      if (this.proxies.get(context) === started) this.proxies.delete(context);
    });
    return orEnd(signal, ['kubectl', `--context=${context}`, 'proxy'], started);
  }

  private async launch(context: string): Promise<Proxy> {
    if (this.folder === undefined) {
      // mkdtemp makes the folder for this user alone.
      this.folder = mkdtempSync(join(tmpdir(), 'federation-'));
      this.keeper.keepFolder(this.folder);
    }
    const socket = join(this.folder, `${++this.count}.sock`);
    const program = this.start.programOf?.(context) ?? 'kubectl';
    const args = [`--context=${context}`, 'proxy', `--unix-socket=${socket}`];
    const command = [program, ...args];
    const child = spawn(program, args, {
      cwd: this.start.cwd,
      env: this.start.env,
      // A Ctrl-C at the terminal reaches this program alone: what is asked meanwhile is still answered.
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      // What it goes on saying of single questions stands in their answers too.
      said = (said + text).slice(-4_096);
    });
    child.unref();
    (child.stderr as unknown as { unref?: () => void }).unref?.();
    if (child.pid !== undefined) this.keeper.keep(child.pid);
    return new Promise((resolve, reject) => {
      const since = Date.now();
      const settle = (finish: () => void): void => {
        clearInterval(timer);
        finish();
      };
      const timer = setInterval(() => {
        if (existsSync(socket)) {
          settle(() => {
            resolve({
              socket,
              child,
              agent: new Agent({ keepAlive: true, maxSockets: MOST_SOCKETS }),
              said: () => said,
            });
          });
        } else if (Date.now() - since > START_MS) {
          child.kill();
          settle(() => {
            reject(failed(command, 'cut', `did not listen within ${START_MS / 1000} s\n${said}`));
          });
        }
      }, LOOK_MS);
      child.once('error', (error: NodeJS.ErrnoException) => {
        settle(() => {
          reject(failed(command, error.code === 'ENOENT' ? 'no-program' : 'not-started', error.message));
        });
      });
      child.once('close', (code) => {
        if (child.pid !== undefined) this.keeper.release(child.pid);
        settle(() => {
          reject(new ProgramError(command, classify({ stdout: '', stderr: said }), code, { stdout: '', stderr: said }));
        });
      });
    });
  }
}

function end({ child, agent }: Proxy): void {
  agent.destroy();
  child.kill();
}

/** The question as a command that a user can type. */
export function asked(context: string, { path, body }: Question): Command {
  return ['kubectl', `--context=${context}`, body === undefined ? 'get' : 'create', '--raw', path];
}

function failed(command: Command, kind: FailureKind, stderr: string): ProgramError {
  return new ProgramError(command, kind, null, { stdout: '', stderr });
}

/** The connection to the proxy broke, or the time for the answer was up. */
function lost(command: Command, error: unknown, signal: AbortSignal): ProgramError {
  if (signal.aborted) return failed(command, 'cut', 'not waited for any longer');
  return failed(command, 'unreachable', error instanceof Error ? error.message : String(error));
}
