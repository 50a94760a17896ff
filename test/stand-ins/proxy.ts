/**
 * `kubectl proxy --unix-socket=…`: one process that stays, and HTTP on its socket. Each request is a call of its own in the log,
 * as the `kubectl get --raw` that it stands for, so that faults, kills and latencies strike it like any other call.
 */
import * as fs from 'node:fs';
import * as http from 'node:http';
import * as path from 'node:path';
import { Call, Cut, Exit } from './call';
import { type ConnectionFailure, type FaultAction, goError } from './faults';
import type { Session } from './kubectl-common';
import { ApiServer } from './objects';
import { type Request, answer, refused } from './rest';
import { JSON_TYPE, type Reply, failureOf, plain } from './status';
import { type Destination, clusterAt, destination, dial } from './target';
import type { CallRecord, Invocation } from './types';
import { Watch } from './watch';
import type { World } from './world';

/** How long the text of a socket's path can be. */
const LONGEST_PATH = 107;

/** What the proxy lets through. */
interface Filter {
  readonly acceptHosts: readonly RegExp[];
  readonly acceptPaths: readonly RegExp[];
  readonly rejectPaths: readonly RegExp[];
  readonly rejectMethods: readonly RegExp[];
}

/** A request on its way through the proxy. */
class ProxiedCall extends Call {
  /** What goes back; absent where nothing does. */
  reply: Reply | undefined;

  constructor(
    invocation: Invocation,
    record: CallRecord,
    world: World,
    fault: FaultAction | undefined,
    readonly request: Request,
    private readonly proxy: Proxy,
  ) {
    super(invocation, record, world, fault);
  }

  override strike(how: ConnectionFailure, server = this.server): never {
    this.end(this.proxy.broken(how, server));
  }

  override refuse(status: number, message?: string): never {
    this.end(this.proxy.refusal(this.request, status, message));
  }

  /** With exit code 0 its output is the answer's body; else the proxy itself ends so. */
  protected override exit({ code, stdout = '', stderr = '' }: Extract<FaultAction, { type: 'exit' }>): never {
    if (code === 0) this.end({ code: 200, type: JSON_TYPE, body: stdout });
    this.proxy.quit(code, stdout, stderr);
    throw new Cut();
  }

  /** Notes what goes back, and ends the call with it. */
  end(reply: Reply): never {
    this.reply = reply;
    const body = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body);
    this.record.stdout = '';
    if (reply.code >= 400) throw new Exit(1, `${reply.code} ${body}`);
    this.out(body);
    throw new Exit(0);
  }
}

class Proxy {
  private readonly server: http.Server;
  private over: ((end: Exit) => void) | undefined;
  /** Resolves when the proxy ends by itself. */
  readonly ended = new Promise<Exit>((resolve) => (this.over = resolve));

  constructor(
    private readonly session: Session,
    private readonly to: Destination,
    private readonly filter: Filter | undefined,
  ) {
    this.server = http.createServer((request, response) => {
      void this.serve(request, response);
    });
    // Go's servers let a connection rest as long as it likes.
    Object.assign(this.server, { keepAliveTimeout: 0, headersTimeout: 0, requestTimeout: 0 });
  }

  private get world(): World {
    return this.session.world;
  }

  /** Listens at a path, in the place of any socket that is there. */
  async listen(name: string): Promise<void> {
    const { call } = this.session;
    const fail = (why: string): never => call.fail(`error: listen unix ${name}: bind: ${why}`);
    const socket = path.resolve(call.invocation.cwd, name);
    const folder = fs.statSync(path.dirname(socket), { throwIfNoEntry: false });
    if (Buffer.byteLength(name) > LONGEST_PATH) fail('invalid argument');
    if (folder === undefined) fail('no such file or directory');
    if (folder?.isDirectory() === false) fail('not a directory');
    const there = fs.statSync(socket, { throwIfNoEntry: false });
    if (there !== undefined && !there.isSocket()) fail('address already in use');
    // By a short way to the same folder: the World's own name for it may be longer than a socket's can be. Node takes the name
    // that it listened at away when it ends; the real program leaves its socket, so it gets its own name only then.
    const link = fs.mkdtempSync(path.join(this.world.dir, 'p'));
    const short = path.join(link, 'f');
    fs.symlinkSync(path.dirname(socket), short);
    const bound = path.join(short, `.${path.basename(link)}`);
    try {
      await new Promise<void>((resolve, reject) => {
        this.server.once('error', reject);
        this.server.listen(bound, resolve);
      });
      fs.chmodSync(bound, 0o700);
      fs.renameSync(bound, socket);
    } finally {
      fs.rmSync(link, { recursive: true });
    }
    // A World that a failed test did not close does not keep the run alive.
    this.server.unref();
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  /** Ends the whole proxy, as a program that fails. */
  quit(code: number, stdout: string, stderr: string): void {
    this.session.call.out(stdout);
    this.over?.(new Exit(code, stderr));
  }

  /** What the proxy says of a request that came to nothing, here and on its standard error. */
  broken(how: ConnectionFailure, server: string): Reply {
    const { call, release, atLeast } = this.session;
    const words = goError(release, how, server);
    const modern = atLeast('1.20.0');
    call.err(
      modern
        ? `E0101 00:00:00.000000       1 proxy_server.go:147] Error while proxying request: ${words}\n`
        : `I0101 00:00:00.000000       1 logs.go:41] http: proxy error: ${words}\n`,
    );
    call.flush();
    return modern ? plain(500, `${words}\n`) : { code: 502, type: '', body: '' };
  }

  /** What the API server refuses a request with that it does not look at. */
  refusal(request: Request, status: number, message?: string): Reply {
    const cluster = clusterAt(this.world, this.to.server);
    if (cluster === undefined) return failureOf(status, message);
    return refused(new ApiServer(cluster, this.world), this.user, request, status, message);
  }

  private get as(): string | undefined {
    return this.session.flags.value('as');
  }

  private get user(): string {
    return this.as ?? this.to.userName;
  }

  private async serve(incoming: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { method = 'GET', url = '/', headers } = incoming;
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of incoming) chunks.push(Buffer.from(chunk as Uint8Array));
    } catch {
      // It went away before it had asked.
      return;
    }
    const body = Buffer.concat(chunks).toString();
    const { call: start, flags } = this.session;
    const context = flags.value('context');
    const argv = [...(context === undefined ? [] : [`--context=${context}`]), VERBS[method] ?? 'get', '--raw', url];
    const single = (value: string | string[] | undefined): string | undefined =>
      Array.isArray(value) ? value[0] : value;
    const request: Request = {
      method,
      url,
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, single(value)])),
      body,
    };
    const invocation: Invocation = { ...start.invocation, argv, stdin: body };
    const aimed = { server: this.to.server, cluster: clusterAt(this.world, this.to.server)?.name };
    const call = this.world.admitAs(
      invocation,
      aimed,
      (record, fault) => new ProxiedCall(invocation, record, this.world, fault, request, this),
    );
    response.on('close', () => {
      if (!response.writableFinished) call.leave();
    });
    const { latencyMs, requestLatencyMs = latencyMs } = this.world.options;
    const answered = await this.world.handle(call, () => this.run(call, response), requestLatencyMs);
    if (answered && call.reply !== undefined && !response.headersSent) write(response, request, call.reply);
    else if (!response.writableEnded) response.destroy();
  }

  private async run(call: ProxiedCall, response: http.ServerResponse): Promise<number> {
    const { request } = call;
    if (!this.lets(request)) {
      call.end(
        this.session.atLeast('1.9.0')
          ? plain(403, 'Forbidden\n')
          : { code: 403, type: 'text/plain; charset=utf-8', body: '<h3>Unauthorized</h3>' },
      );
    }
    const { api, server } = dial(this.world, call, this.to);
    const result = await answer({ world: this.world, call, api, server, user: this.user, as: this.as }, request);
    if (result instanceof Watch) return this.stream(call, result, response);
    return call.end(result);
  }

  private lets({ method, url, headers }: Request): boolean {
    if (this.filter === undefined) return true;
    const [bare = ''] = url.split('?');
    const any = (patterns: readonly RegExp[], value: string): boolean =>
      patterns.some((pattern) => pattern.test(value));
    const { acceptHosts, acceptPaths, rejectPaths, rejectMethods } = this.filter;
    const host = (headers?.host ?? '').replace(/:\d+$/, '');
    if (any(rejectPaths, bare) || any(rejectMethods, method)) return false;
    return any(acceptPaths, bare) && any(acceptHosts, host);
  }

  /** Sends what a watch tells until it is over, the client leaves or the API server is gone. */
  private async stream(call: ProxiedCall, watch: Watch, response: http.ServerResponse): Promise<number> {
    response.writeHead(200, { 'Content-Type': JSON_TYPE });
    response.flushHeaders();
    const { cluster } = watch.api;
    const stops: (() => void)[] = [];
    const how = await new Promise<'over' | 'cut'>((resolve) => {
      stops.push(
        watch.open(
          (line) => {
            call.out(line);
            response.write(line);
          },
          () => {
            resolve('over');
          },
        ),
        this.world.onChange(() => {
          if (this.world.state.clusters[cluster.name] !== cluster || !cluster.online) resolve('cut');
        }),
      );
      void call.untilGone().then(() => {
        resolve('cut');
      });
    });
    for (const stop of stops) stop();
    // Proxies of Go 1.11 and later cut the connection where the answer they hand on breaks off; older ones just end it.
    if (how === 'over' || !this.session.atLeast('1.13.0')) response.end();
    return how === 'over' ? 0 : 1;
  }
}

/** What the log calls a request. */
const VERBS: Readonly<Record<string, string>> = { POST: 'create', PUT: 'replace', PATCH: 'patch', DELETE: 'delete' };

function write(
  response: http.ServerResponse,
  { url, headers }: Request,
  { code, type, body, headers: more }: Reply,
): void {
  const asked = new URL(url, 'http://localhost').searchParams.get('pretty');
  const agent = headers?.['user-agent'] ?? '';
  const pretty = asked === null ? /^(curl|Wget|Mozilla\/5\.0)/.test(agent) : /^(1|t|true)$/i.test(asked);
  const bytes = Buffer.from(
    typeof body === 'string' ? body : pretty ? JSON.stringify(body, null, 2) : `${JSON.stringify(body)}\n`,
  );
  response.writeHead(code, {
    ...(type === '' ? {} : { 'Content-Type': type }),
    'Content-Length': bytes.length,
    ...more,
  });
  response.end(bytes);
}

function patterns(session: Session, flag: string, otherwise: string): RegExp[] {
  return (session.flags.value(flag) ?? otherwise)
    .split(',')
    .filter((pattern) => pattern !== '')
    .map((pattern) => new RegExp(pattern));
}

export async function proxyCommand(session: Session): Promise<number> {
  const { world, call, flags } = session;
  const name = flags.value('unix-socket') ?? '';
  if (name === '') call.fail('error: the stand-in knows proxy only with --unix-socket');
  if (flags.has('port')) call.fail('error: cannot set --unix-socket and --port at the same time');
  const to = destination(world, call, {
    context: flags.value('context'),
    kubeconfig: flags.value('kubeconfig'),
    cluster: flags.value('cluster'),
  });
  if (to.entry !== undefined && to.user === undefined) {
    call.out('Please enter Username: ');
    call.fail('error: EOF');
  }
  const filter = flags.bool('disable-filter')
    ? undefined
    : {
        acceptHosts: patterns(session, 'accept-hosts', String.raw`^localhost$,^127\.0\.0\.1$,^\[::1\]$`),
        acceptPaths: patterns(session, 'accept-paths', '^.*'),
        rejectPaths: patterns(session, 'reject-paths', '^/api/.*/pods/.*/exec,^/api/.*/pods/.*/attach'),
        rejectMethods: patterns(session, 'reject-methods', '^$'),
      };
  const proxy = new Proxy(session, to, filter);
  await proxy.listen(name);
  call.out(`Starting to serve on ${name}\n`);
  call.flush();
  const end = await Promise.race([proxy.ended, call.untilGone()]);
  proxy.close();
  if (end === undefined) throw new Cut();
  throw end;
}
