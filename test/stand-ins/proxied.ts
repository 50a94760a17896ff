/** Starts a World's `kubectl proxy` the way the program under test does, and asks through its socket. */
import { type ChildProcess, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as http from 'node:http';
import * as path from 'node:path';
import type { Dict } from './json';
import type { World } from './world';

export interface Got {
  readonly code: number;
  /** The Content-Type without its parameters; empty where there is none. */
  readonly type: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A running watch. */
export interface Watching {
  /** The next event; undefined where it ended. */
  next(): Promise<Dict | undefined>;
  /** `end`: ended as it should; else the code of the error that cut it. */
  readonly ended: Promise<string>;
  stop(): void;
}

export interface Proxied {
  readonly child: ChildProcess;
  /** The socket's file. */
  readonly socket: string;
  /** What the proxy wrote to standard error so far. */
  readonly stderr: () => string;
  ask(url: string, options?: AskOptions): Promise<Got>;
  watch(url: string): Promise<Watching>;
  /** Ends the proxy and waits for that. */
  end(signal?: NodeJS.Signals): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

let sockets = 0;

/** Resolves once the proxy says that it serves. */
export async function proxied(world: World, context: string, ...flags: readonly string[]): Promise<Proxied> {
  sockets += 1;
  const socket = path.join(world.dir, `${sockets}.sock`);
  const args = [`--context=${context}`, 'proxy', `--unix-socket=${socket}`, ...flags];
  const child = spawn('kubectl', args, { env: world.env(), cwd: world.dir, stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (data: string) => (stderr += data));
  const gone = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
    child.on('close', (code, signal) => {
      resolve({ code, signal });
    }),
  );
  const said = await Promise.race([
    new Promise<string>((resolve) => child.stdout.setEncoding('utf8').once('data', resolve)),
    gone.then(({ code }) => `ended with ${code ?? 'a signal'}: ${stderr}`),
  ]);
  if (said !== `Starting to serve on ${socket}\n`) throw new Error(`kubectl proxy: ${said}`);
  const agent = new http.Agent({ keepAlive: true });
  const open = (url: string, { method = 'GET', headers = {}, body }: AskOptions): Promise<http.IncomingMessage> =>
    new Promise((resolve, reject) => {
      const all = { Host: 'localhost', ...headers };
      const request = http.request({ socketPath: socket, path: url, method, headers: all, agent }, resolve);
      request.on('error', reject);
      request.end(body);
    });
  return {
    child,
    socket,
    stderr: () => stderr,
    async ask(url, options = {}) {
      const response = await open(url, options);
      let body = '';
      for await (const part of response.setEncoding('utf8')) body += String(part);
      const [type = ''] = (response.headers['content-type'] ?? '').split(';');
      return { code: response.statusCode ?? 0, type, headers: response.headers, body };
    },
    async watch(url) {
      const response = await open(url, {});
      const events: Dict[] = [];
      const waiting: ((event: Dict | undefined) => void)[] = [];
      let rest = '';
      let over = false;
      response.setEncoding('utf8').on('data', (data: string) => {
        const lines = (rest + data).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          const event = JSON.parse(line) as Dict;
          const next = waiting.shift();
          if (next === undefined) events.push(event);
          else next(event);
        }
      });
      const ended = new Promise<string>((resolve) => {
        response.on('end', () => {
          resolve('end');
        });
        response.on('error', (error: NodeJS.ErrnoException) => {
          resolve(error.code ?? error.message);
        });
      });
      void ended.then(() => {
        over = true;
        for (const next of waiting.splice(0)) next(undefined);
      });
      return {
        next: () => {
          const event = events.shift();
          if (event !== undefined || over) return Promise.resolve(event);
          return new Promise((resolve) => waiting.push(resolve));
        },
        ended,
        stop: () => {
          response.destroy();
        },
      };
    },
    async end(signal = 'SIGTERM') {
      agent.destroy();
      child.kill(signal);
      const end = await gone;
      fs.rmSync(socket, { force: true });
      return end;
    },
  };
}

/** Clusters of an old, a middle and a recent version. */
export const VERSIONS = [
  { name: 'old', server: '10.11.12.1:6443', kubernetesVersion: '1.7.5' },
  { name: 'mid', server: '10.11.12.2:6443', kubernetesVersion: '1.12.10' },
  { name: 'new', server: '10.11.12.3:6443', kubernetesVersion: '1.34.4' },
];

/** The JSON that came back. */
export function json(got: Pick<Got, 'body'>): Dict {
  return JSON.parse(got.body) as Dict;
}

/** Resolves once something holds. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}
