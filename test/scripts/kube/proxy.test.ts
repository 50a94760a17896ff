/** Reading through `kubectl proxy`: its life, and what its answers mean. */
import { ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Wanted } from '../../../scripts/apply/api';
import { ProgramError } from '../../../scripts/apply/tools/program';
import { ProxyTransport } from '../../../scripts/kube/proxy';
import { Reader } from '../../../scripts/kube/reader';
import { temporaryFolder } from '../../support/folder';
import { ROOT } from '../../support/guide';
import { errorOf, NEVER } from '../apply/support';

// Child processes may be slow where much else runs.
jest.setTimeout(60_000);

/**
 * In the place of kubectl: serves what the file `answers.json` says of a path, and notes its process id, its arguments and
 * each request. `{"stream": [...]}` are lines of a watch, after which the connection stays open.
 */
const KUBECTL = `#!${process.execPath}
const { createServer } = require('node:http');
const { appendFileSync, readFileSync } = require('node:fs');
const folder = process.env.FAKE_KUBECTL;
appendFileSync(folder + '/started', process.pid + ' ' + process.argv.slice(2).join(' ') + '\\n');
if (process.env.FAKE_KUBECTL_FAILS) {
  process.stderr.write(process.env.FAKE_KUBECTL_FAILS + '\\n');
  process.exit(1);
}
createServer((request, response) => {
  let body = '';
  request.on('data', (data) => (body += data));
  request.on('end', () => {
    appendFileSync(folder + '/asked', [request.method, request.url, request.headers.host, body].join(' ').trim() + '\\n');
    const { status = 200, type = 'application/json', text, json, stream } =
      JSON.parse(readFileSync(folder + '/answers.json', 'utf8'))[request.url] ?? { status: 404, text: '404 page not found' };
    if (status === 0) return;
    if (status === 502 && text === '') process.stderr.write('I1127 logs.go:41] http: proxy error: x509: certificate signed by unknown authority\\n');
    response.writeHead(status, { 'content-type': type });
    if (stream) for (const line of stream) response.write(JSON.stringify(line) + '\\n');
    else response.end(text ?? JSON.stringify(json));
  });
}).listen(process.argv.find((word) => word.startsWith('--unix-socket=')).slice('--unix-socket='.length));
`;

interface FakeAnswer {
  /** `0` for no answer at all. @default 200 */
  readonly status?: number;
  readonly text?: string;
  readonly json?: object;
  readonly stream?: readonly object[];
}

const CORE = { json: { resources: [{ name: 'configmaps', kind: 'ConfigMap', namespaced: true, verbs: ['list'] }] } };
const A: Wanted = { apiVersion: 'v1', kind: 'ConfigMap', name: 'a', namespace: 'default' };
const AT_A = '/api/v1/namespaces/default/configmaps/a';
const object = (more: object = {}): { json: object } => ({ json: { metadata: { name: 'a', ...more } } });

let folder: string;
let env: NodeJS.ProcessEnv;
let transport: ProxyTransport;

beforeEach(() => {
  folder = temporaryFolder();
  mkdirSync(join(folder, 'bin'));
  mkdirSync(join(folder, 'tmp'));
  writeFileSync(join(folder, 'bin/kubectl'), KUBECTL, { mode: 0o755 });
  writeFileSync(join(folder, 'asked'), '');
  writeFileSync(join(folder, 'started'), '');
  env = { ...process.env, PATH: `${join(folder, 'bin')}:${process.env.PATH ?? ''}`, FAKE_KUBECTL: folder };
  transport = new ProxyTransport({ cwd: folder, env });
  serve({});
});

afterEach(() => {
  transport.close();
});

function serve(answers: Readonly<Record<string, FakeAnswer>>): void {
  writeFileSync(join(folder, 'answers.json'), JSON.stringify({ '/api/v1': CORE, ...answers }));
}

const linesOf = (file: string): string[] =>
  readFileSync(join(folder, file), 'utf8')
    .split('\n')
    .filter((line) => line !== '');
const pids = (): number[] => linesOf('started').map((line) => Number(line.split(' ')[0]));
const reader = (context = 'usa'): Reader => new Reader(transport, context);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('a proxy', () => {
  it('is started once a context, with the context named, and asked under its own name', async () => {
    serve({ [AT_A]: object(), '/version': { json: { gitVersion: 'v1.7.5' } } });
    await Promise.all([reader().get(A, NEVER), reader().version(NEVER), reader('chn').version(NEVER)]);
    const started = linesOf('started').map((line) => line.split(' ').slice(1, 3).join(' '));
    expect(started.sort()).toEqual(['--context=chn proxy', '--context=usa proxy']);
    expect(linesOf('asked')).toContain(`GET ${AT_A} localhost`);
  });

  it('listens where no other user can reach it', async () => {
    serve({ '/version': { json: { gitVersion: 'v1.7.5' } } });
    await reader().version(NEVER);
    const [socket = ''] = /--unix-socket=(\S+)/.exec(linesOf('started')[0] ?? '')?.slice(1) ?? [];
    expect(statSync(join(socket, '..')).mode & 0o777).toBe(0o700);
    transport.close();
    expect(existsSync(join(socket, '..'))).toBe(false);
  });

  it('ends with the run', async () => {
    serve({ '/version': { json: { gitVersion: 'v1.7.5' } } });
    await reader().version(NEVER);
    transport.close();
    const [pid = 0] = pids();
    await until(() => !isAlive(pid));
  });

  it('ends with a run that is killed, and its folder goes', async () => {
    serve({ '/version': { json: { gitVersion: 'v1.7.5' } } });
    const script = `
      const { ProxyTransport } = require('./scripts/kube/proxy');
      const transport = new ProxyTransport({ cwd: process.env.FAKE_KUBECTL, env: process.env });
      transport.ask('usa', { path: '/version' }, new AbortController().signal).then(() => console.log('asked'));
      setInterval(() => undefined, 1000);`;
    const child: ChildProcess = spawn(process.execPath, ['--require', './scripts/register.cjs', '--eval', script], {
      cwd: ROOT,
      env: { ...env, TMPDIR: join(folder, 'tmp') },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    const [pid = 0] = pids();
    const left = (): string[] => readdirSync(join(folder, 'tmp')).filter((name) => name.startsWith('federation-'));
    expect([isAlive(pid), left().length]).toEqual([true, 1]);
    child.kill('SIGKILL');
    await until(() => !isAlive(pid) && left().length === 0);
  });

  it('is started anew where it has ended, and after a reset', async () => {
    serve({ '/version': { json: { gitVersion: 'v1.7.5' } } });
    await reader().version(NEVER);
    const [pid = 0] = pids();
    process.kill(pid, 'SIGKILL');
    await until(() => !isAlive(pid));
    expect(await reader().version(NEVER)).toBe('v1.7.5');
    transport.reset('usa');
    expect(await reader().version(NEVER)).toBe('v1.7.5');
    expect(pids()).toHaveLength(3);
  });

  it('that does not start fails the question with what kubectl said', async () => {
    env.FAKE_KUBECTL_FAILS = 'error: context "usa" does not exist';
    const error = await errorOf(reader().version(NEVER));
    expect(error).toBeInstanceOf(ProgramError);
    expect((error as ProgramError).output.stderr).toContain('context "usa" does not exist');
  });

  it('is not there without kubectl', async () => {
    const bare = new ProxyTransport({ cwd: folder, env: { PATH: join(folder, 'tmp') } });
    expect(await errorOf(new Reader(bare, 'usa').version(NEVER))).toMatchObject({ kind: 'no-program' });
    bare.close();
  });

  it('is waited for no longer than the signal allows', async () => {
    serve({ '/version': { status: 0 } });
    expect(await errorOf(reader().version(AbortSignal.timeout(500)))).toMatchObject({ kind: 'cut' });
  });
});

describe('an answer', () => {
  it('is the object, with the kind that items of lists do not name', async () => {
    serve({
      [AT_A]: object(),
      '/api/v1/namespaces/default/configmaps': { json: { kind: 'ConfigMapList', items: [object().json] } },
    });
    const expected = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } };
    expect(await reader().get(A, NEVER)).toEqual(expected);
    expect(await reader().list({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default' }, NEVER)).toEqual([
      expected,
    ]);
  });

  // Custom resources on 1.7 (F4), and cluster-scoped objects as kubectl 1.8 prints them (F2).
  it('has no metadata where it says null or nothing', async () => {
    const nothing = { deletionTimestamp: null, deletionGracePeriodSeconds: null, clusterName: '', namespace: '' };
    serve({ [AT_A]: object({ ...nothing, labels: null }) });
    expect((await reader().get(A, NEVER))?.metadata).toEqual({ name: 'a' });
  });

  it('is nothing where there is no such object, namespace, or custom kind', async () => {
    const custom: Wanted = { apiVersion: 'etcd.database.coreos.com/v1beta2', kind: 'EtcdCluster', name: 'etcd' };
    expect(await reader().get(A, NEVER)).toBeUndefined();
    expect(await reader().get(custom, NEVER)).toBeUndefined();
    expect(await reader().list(custom, NEVER)).toEqual([]);
  });

  const status = (code: number, reason: string): FakeAnswer => ({
    status: code,
    json: { kind: 'Status', status: 'Failure', reason, code, message: `message of ${reason}` },
  });

  it.each([
    ['forbidden', status(403, 'Forbidden'), 'message of Forbidden'],
    // 1.7 says it in plain text.
    ['forbidden', { status: 403, text: 'User "a" cannot get configmaps' }, 'User "a" cannot get configmaps'],
    ['other-server', status(401, 'Unauthorized'), 'message of Unauthorized'],
    ['conflict', status(409, 'Conflict'), 'message of Conflict'],
    ['other', { status: 406, text: 'not acceptable' }, 'not acceptable'],
  ] as [string, FakeAnswer, string][])('that fails is %s by its reason: %j', async (kind, answer, said) => {
    serve({ [AT_A]: answer });
    expect(await errorOf(reader().get(A, NEVER))).toMatchObject({
      kind,
      command: ['kubectl', '--context=usa', 'get', '--raw', AT_A],
      output: { stderr: said },
    });
  });

  it.each([
    [
      'unreachable',
      "Error: 'dial tcp 127.0.0.1:1: connect: connection refused'\nTrying to reach: 'https://127.0.0.1:1/'",
    ],
    ['other-server', "Error: 'x509: certificate signed by unknown authority'\nTrying to reach: 'https://127.0.0.1:1/'"],
    ['no-credentials', "Error: 'getting credentials: exec: executable aws not found'\nTrying to reach: 'https://x/'"],
    ['unreachable', 'whatever else the proxy says'],
    // kubectl 1.8 answers with nothing, and writes the reason to its standard error.
    ['other-server', ''],
  ])('of the proxy itself says %s: %s', async (kind, text) => {
    serve({ [AT_A]: { status: 502, text } });
    const signal = AbortSignal.timeout(1_500);
    expect(await errorOf(reader().get(A, signal))).toMatchObject({ kind });
  });

  it('is asked for again while the server is busy', async () => {
    serve({ [AT_A]: status(503, 'ServiceUnavailable') });
    const found = reader().get(A, NEVER);
    await until(() => linesOf('asked').filter((line) => line.includes(AT_A)).length > 1);
    serve({ [AT_A]: object() });
    expect((await found)?.metadata.name).toBe('a');
  });
});

describe('a review', () => {
  it.each([true, false])('says whether the user may: %s', async (allowed) => {
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    serve({ [path]: { status: 201, json: { status: { allowed } } } });
    const right = { verb: 'create', group: 'apps', resource: 'deployments', namespace: 'kube-system' };
    expect(await reader().may(right, NEVER)).toBe(allowed);
    const [, body = ''] = /localhost (.+)/.exec(linesOf('asked').find((line) => line.startsWith('POST ')) ?? '') ?? [];
    expect(JSON.parse(body)).toMatchObject({ spec: { resourceAttributes: right } });
  });
});

describe('a watch', () => {
  const path = (query: string): string => `/api/v1/namespaces/default/configmaps?${query}`;
  const WATCH = 'watch=true&fieldSelector=metadata.name%3Da';
  const event = (type: string, name: string): object => ({ type, object: { metadata: { name } } });

  it('begins at the version that was seen, and ends with the first change of the object', async () => {
    serve({ [path(`${WATCH}&resourceVersion=7`)]: { stream: [event('MODIFIED', 'other'), event('DELETED', 'a')] } });
    expect(await reader().changed(A, '7', NEVER)).toBe(true);
  });

  it('of an object that was not there ends when it comes', async () => {
    serve({ [path(WATCH)]: { stream: [event('ADDED', 'a')] } });
    expect(await reader().changed(A, undefined, NEVER)).toBe(true);
  });

  it('ends without news where the version is too old, the server cannot watch, or the time is up', async () => {
    serve({ [path(WATCH)]: { stream: [{ type: 'ERROR', object: { kind: 'Status', code: 410 } }] } });
    expect(await reader().changed(A, undefined, NEVER)).toBe(false);
    serve({ [path(WATCH)]: { status: 405, text: 'the server does not allow this method' } });
    expect(await reader().changed(A, undefined, NEVER)).toBe(false);
    serve({ [path(WATCH)]: { stream: [event('MODIFIED', 'other')] } });
    expect(await reader().changed(A, undefined, AbortSignal.timeout(300))).toBe(false);
  });
});
