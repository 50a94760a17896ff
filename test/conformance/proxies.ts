/** `kubectl proxy` as recordings start it, and the reads through its socket that were recorded of curl. */
import { type ChildProcess, spawn } from 'node:child_process';
import * as http from 'node:http';
import * as path from 'node:path';
import type { Said } from './compare';
import type { Recorded } from './recordings';

interface Running {
  readonly call: Recorded;
  readonly child: ChildProcess;
  readonly ended: Promise<Said>;
}

/** Whether a call is a proxy that its caller ended. */
export function isProxy(call: Recorded): boolean {
  return call.program === 'kubectl' && call.argv.includes('proxy') && call.signal !== undefined;
}

const valueOf = (call: Recorded, flag: string): string | undefined => {
  const index = call.argv.indexOf(flag);
  return index < 0 ? undefined : call.argv[index + 1];
};

/** The name of the socket that a proxy serves, or that curl was given. */
function socketOf(call: Recorded): string {
  const [, named] = call.argv.map((word) => /^--unix-socket=(.*)$/.exec(word)).find((found) => found !== null) ?? [];
  return path.basename(named ?? valueOf(call, '--unix-socket') ?? '');
}

export class Proxies {
  private running: Running[] = [];

  /** Starts one, and resolves once it says that it serves, or has ended. */
  async start(call: Recorded, argv: readonly string[], folder: string, env: NodeJS.ProcessEnv): Promise<void> {
    const child = spawn('kubectl', argv, { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    const texts = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (data: string) => (texts.stdout += data));
    child.stderr.setEncoding('utf8').on('data', (data: string) => (texts.stderr += data));
    const ended = new Promise<Said>((resolve) =>
      child.on('close', (code) => {
        // Only the caller ends one with a signal.
        resolve({ exit: code ?? call.exit, ...texts });
      }),
    );
    await Promise.race([new Promise((resolve) => child.stdout.once('data', resolve)), ended]);
    this.running.push({ call, child, ended });
  }

  /** The proxy that a recorded read went through: the last one that was started on its socket. */
  callBehind(curl: Recorded): Recorded | undefined {
    return this.running.findLast(({ call }) => socketOf(call) === socketOf(curl))?.call;
  }

  /** Ends all proxies that run as their caller did, and gives what each said. */
  async end(): Promise<{ readonly call: Recorded; readonly said: Said }[]> {
    const all = this.running;
    this.running = [];
    for (const { child } of all) child.kill();
    return Promise.all(all.map(async ({ call, ended }) => ({ call, said: await ended })));
  }

  /** Reads as curl -i was told to, and gives what it prints. */
  ask(curl: Recorded, folder: string): Promise<Said> {
    const { pathname, search } = new URL(curl.argv.at(-1) ?? '', 'http://localhost');
    const fields = curl.argv.flatMap((word, index) => (curl.argv[index - 1] === '-H' ? [word] : []));
    const headers = Object.fromEntries(
      fields.map((field) => {
        const [name = '', value = ''] = field.split(/: (.*)/s);
        return [name, value] as const;
      }),
    );
    return new Promise((resolve, reject) => {
      const request = http.request(
        {
          socketPath: path.join(folder, socketOf(curl)),
          path: pathname + search,
          method: valueOf(curl, '-X') ?? 'GET',
          headers: { host: 'localhost', 'user-agent': 'curl/8.0.0', accept: '*/*', ...headers },
          agent: false,
        },
        (response) => {
          const { rawHeaders } = response;
          const lines = rawHeaders.flatMap((name, index) =>
            index % 2 === 0 ? [`${name}: ${rawHeaders[index + 1] ?? ''}`] : [],
          );
          const head = [`HTTP/1.1 ${response.statusCode ?? 0} ${response.statusMessage ?? ''}`, ...lines];
          let body = '';
          response.setEncoding('utf8').on('data', (data: string) => (body += data));
          response.on('end', () => {
            resolve({ exit: 0, stdout: `${head.join('\n')}\n\n${body}`, stderr: '' });
          });
        },
      );
      request.on('error', reject);
      request.end(valueOf(curl, '-d'));
    });
  }
}
