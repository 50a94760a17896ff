import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as http from 'node:http';
import * as net from 'node:net';
import * as path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { etcdDefinition, guide, must, sh } from './fixtures';
import { type Dict, type Json, type KubeObject, at, isDict } from './json';
import { type Got, type Proxied, VERSIONS, json, proxied, until } from './proxied';
import { run } from './run';
import { World } from './world';

describe('the process of kubectl proxy', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.start({ clusters: VERSIONS, kubectlVersion: '1.8.0' });
  });
  beforeEach(() => {
    world.clearLog();
    world.clearFaults();
  });
  afterAll(async () => {
    expect(world.mishaps).toEqual([]);
    await world.close();
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGKILL'] as const)('stays until %s, and leaves its socket', async (signal) => {
    const proxy = await proxied(world, 'old');
    expect(fs.statSync(proxy.socket).mode & 0o777).toBe(0o700);
    expect(await proxy.ask('/healthz')).toMatchObject({ code: 200, body: 'ok' });
    expect(world.calls[0]).toMatchObject({ exitCode: undefined, endedAt: undefined, cluster: 'old' });
    const gone = new Promise((resolve) =>
      proxy.child.on('close', (code, by) => {
        resolve([code, by]);
      }),
    );
    proxy.child.kill(signal);
    expect(await gone).toEqual([null, signal]);
    await until(() => world.calls[0]?.endedAt !== undefined);
    expect(world.calls[0]).toMatchObject({ exitCode: undefined, stdout: `Starting to serve on ${proxy.socket}\n` });
    expect(fs.statSync(proxy.socket).isSocket()).toBe(true);
    const refused = await new Promise<string>((resolve) => {
      net.connect(proxy.socket).on('error', (error: NodeJS.ErrnoException) => {
        resolve(error.code ?? '');
      });
    });
    expect(refused).toBe('ECONNREFUSED');
    await proxy.end();
  });

  it('cuts what it was handing on when it is killed', async () => {
    const proxy = await proxied(world, 'old');
    const watch = await proxy.watch('/api/v1/namespaces?watch=true');
    proxy.child.kill('SIGKILL');
    expect(await watch.ended).toBe('ECONNRESET');
    await proxy.end();
  });

  it('takes the place of a socket that is there, whose own proxy goes on with its connections', async () => {
    const first = await proxied(world, 'old');
    expect(json(await first.ask('/version'))).toMatchObject({ minor: '7' });
    const child = spawn('kubectl', ['--context=new', 'proxy', `--unix-socket=${first.socket}`], { env: world.env() });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    // The first one still answers on the connection that it has.
    expect(json(await first.ask('/version'))).toMatchObject({ minor: '7' });
    const fresh = await new Promise<string>((resolve, reject) => {
      http
        .get({ socketPath: first.socket, path: '/version', headers: { Host: 'localhost' } }, (response) => {
          response.setEncoding('utf8').once('data', resolve);
        })
        .on('error', reject);
    });
    expect(JSON.parse(fresh)).toMatchObject({ minor: '34' });
    child.kill();
    await first.end();
  });

  it('serves at a path that is relative to its own folder, however long that is', async () => {
    const folder = path.join(world.dir, 'long'.repeat(30), 'name');
    fs.mkdirSync(folder, { recursive: true });
    const args = ['--context=old', 'proxy', '--unix-socket=p.sock'];
    const child = spawn('kubectl', args, { env: world.env(), cwd: folder });
    const said = await new Promise<Buffer>((resolve) => child.stdout.once('data', resolve));
    expect(said.toString()).toBe('Starting to serve on p.sock\n');
    expect(fs.readdirSync(folder)).toEqual(['p.sock']);
    child.kill();
  });

  it.each([
    ['nothing there', '--context=nope', 'a.sock', 'error: context "nope" does not exist\n'],
    [
      'a missing folder',
      '--context=old',
      'no/a.sock',
      'error: listen unix no/a.sock: bind: no such file or directory\n',
    ],
    ['a file', '--context=old', 'file', 'error: listen unix file: bind: address already in use\n'],
    ['a folder', '--context=old', 'bin', 'error: listen unix bin: bind: address already in use\n'],
    ['a file for a folder', '--context=old', 'file/a', 'error: listen unix file/a: bind: not a directory\n'],
    [
      'a long name',
      '--context=old',
      'x'.repeat(108),
      `error: listen unix ${'x'.repeat(108)}: bind: invalid argument\n`,
    ],
  ])('refuses %s', async (_, context, name, stderr) => {
    fs.writeFileSync(path.join(world.dir, 'file'), 'mine');
    const ran = await run(world, 'kubectl', [context, 'proxy', `--unix-socket=${name}`]);
    expect(ran).toEqual({ code: 1, stdout: '', stderr });
    expect(fs.readFileSync(path.join(world.dir, 'file'), 'utf8')).toBe('mine');
  });

  it('starts though the server is down, and serves once it is up', async () => {
    await world.setOnline('old', false);
    const proxy = await proxied(world, 'old');
    expect((await proxy.ask('/version')).code).toBe(502);
    await world.setOnline('old', true);
    expect((await proxy.ask('/version')).code).toBe(200);
    await proxy.end();
  });

  it('keeps the credentials that the kubeconfig had when it started', async () => {
    const proxy = await proxied(world, 'old');
    const before = fs.readFileSync(world.kubeconfigPath, 'utf8');
    await must(world, 'kubectl config set-context old --user=mid-admin');
    expect((await sh(world, 'kubectl --context=old get --raw /version')).stderr).toMatch(/Unauthorized/);
    expect((await proxy.ask('/version')).code).toBe(200);
    fs.writeFileSync(world.kubeconfigPath, before);
    await proxy.end();
  });

  it('asks for a name where the kubeconfig has no such user', async () => {
    const before = fs.readFileSync(world.kubeconfigPath, 'utf8');
    await must(world, 'kubectl config set-context old --user=nobody');
    const ran = await run(world, 'kubectl', ['--context=old', 'proxy', '--unix-socket=u.sock']);
    expect(ran).toEqual({ code: 1, stdout: 'Please enter Username: ', stderr: 'error: EOF\n' });
    fs.writeFileSync(world.kubeconfigPath, before);
  });

  it('serves for a context that leads nowhere, and says so to each request', async () => {
    const before = fs.readFileSync(world.kubeconfigPath, 'utf8');
    fs.writeFileSync(world.kubeconfigPath, before.replace('10.11.12.1:6443', '10.99.0.1:6443'));
    const astray = await proxied(world, 'old');
    expect((await astray.ask('/version')).code).toBe(502);
    world.inject({ match: /get --raw/, action: { type: 'http', status: 503 } });
    expect(json(await astray.ask('/version'))).toMatchObject({ reason: 'ServiceUnavailable' });
    await astray.end();
    expect(astray.stderr()).toMatch(/dial tcp 10\.99\.0\.1:6443: i\/o timeout\n$/);
    await must(world, 'kubectl config set-context old --cluster=none');
    const lonely = await proxied(world, 'old');
    expect((await lonely.ask('/version')).code).toBe(502);
    await lonely.end();
    expect(lonely.stderr()).toMatch(/dial tcp localhost:8080: .*connection refused\n$/);
    fs.writeFileSync(world.kubeconfigPath, before);
  });

  it('lets through only what its filter takes', async () => {
    const proxy = await proxied(world, 'old', '--reject-methods=^POST$');
    expect((await proxy.ask('/version', { headers: { Host: 'evil.example' } })).code).toBe(403);
    expect(await proxy.ask('/api/v1/namespaces/x/pods/y/exec')).toMatchObject({ body: '<h3>Unauthorized</h3>' });
    expect((await proxy.ask('/api/v1/namespaces', { method: 'POST', body: '{}' })).code).toBe(403);
    expect((await proxy.ask('/version', { headers: { Host: '127.0.0.1:1' } })).code).toBe(200);
    await proxy.end();
    const open = await proxied(world, 'old', '--disable-filter');
    expect((await open.ask('/version', { headers: { Host: 'evil.example' } })).code).toBe(200);
    await open.end();
  });

  it('ends with its World, started as a process or not', async () => {
    const other = await World.start({ clusters: VERSIONS });
    const proxy = await proxied(other, 'old');
    const invoked = other.invoke('kubectl', ['--context=old', 'proxy', '--unix-socket=i.sock']);
    await until(() => other.calls.length === 2 && other.calls[1]?.stdout !== '');
    const watch = await proxy.watch('/api/v1/namespaces?watch=true');
    await other.close();
    expect(await watch.ended).toBe('ECONNRESET');
    expect((await invoked).code).toBeNull();
    expect(await proxy.end()).toEqual({ code: 98, signal: null });
    expect(other.mishaps).toEqual([]);
  });
});

describe('faults in reads through kubectl proxy', () => {
  let world: World;
  let proxy: Proxied;
  const start = async (kubectlVersion: string): Promise<void> => {
    world = await World.start({ clusters: VERSIONS, kubectlVersion });
    proxy = await proxied(world, 'new');
  };
  afterEach(async () => {
    await proxy.end();
    expect(world.mishaps).toEqual([]);
    await world.close();
  });

  const URL = '/api/v1/namespaces/default/configmaps';
  const SERVER = '10.11.12.3:6443';

  it.each([
    ['refused', `dial tcp ${SERVER}: connect: connection refused`],
    ['eof', 'EOF'],
    ['timeout', `dial tcp ${SERVER}: i/o timeout`],
    ['tls', 'net/http: TLS handshake timeout'],
    ['no-route', `dial tcp ${SERVER}: connect: no route to host`],
  ] as const)('drop (%s) shows as the proxy of its version words it', async (how, words) => {
    await start('1.34.4');
    const fault = world.inject({ match: /--context=new get --raw \/version$/, action: { type: 'drop', how } });
    expect(await proxy.ask('/version')).toMatchObject({ code: 500, type: 'text/plain', body: `${words}\n` });
    expect(fault.fired).toBe(1);
    await until(() => proxy.stderr() !== '');
    expect(proxy.stderr()).toMatch(/^E\d{4} .* proxy_server\.go:147\] Error while proxying request: /);
    expect(proxy.stderr()).toContain(words);
    expect(world.calls[1]).toMatchObject({ fault: 'drop', exitCode: 1, stderr: `500 ${words}\n` });
    expect((await proxy.ask('/version')).code).toBe(200);
  });

  it('up to 1.19 the proxy answers 502 without a word, and tells the reason on standard error only', async () => {
    await start('1.8.0');
    world.inject({ match: /get --raw/, action: { type: 'drop', how: 'refused' } });
    const got = await proxy.ask('/version');
    expect(got).toMatchObject({ code: 502, type: '', body: '' });
    await until(() => proxy.stderr() !== '');
    expect(proxy.stderr()).toMatch(/^I\d{4} .* logs\.go:41\] http: proxy error: dial tcp .*: connection refused\n$/);
  });

  it('a server that is down, another one, and none at all show alike', async () => {
    await start('1.34.4');
    world.inject({ match: /get --raw/, action: { type: 'other-server' } });
    const untrusted = 'tls: failed to verify certificate: x509: certificate signed by unknown authority\n';
    expect(await proxy.ask('/version')).toMatchObject({ code: 500, body: untrusted });
    world.replaceAuthority('new');
    expect(await proxy.ask('/version')).toMatchObject({ code: 500, body: untrusted });
    await world.setOnline('new', false);
    const refused = `dial tcp ${SERVER}: connect: connection refused\n`;
    expect(await proxy.ask('/version')).toMatchObject({ code: 500, body: refused });
  });

  it('http is the API server’s answer', async () => {
    await start('1.34.4');
    const status = async (code: number, message?: string): Promise<Got> => {
      world.inject({ match: /get --raw/, action: { type: 'http', status: code, message } });
      return proxy.ask(`${URL}/x`);
    };
    expect(json(await status(503))).toMatchObject({ kind: 'Status', reason: 'ServiceUnavailable', code: 503 });
    expect(json(await status(500))).toMatchObject({ reason: 'InternalError', code: 500 });
    expect(json(await status(404, 'so it is'))).toMatchObject({ reason: 'NotFound', message: 'so it is' });
    expect(json(await status(401))).toMatchObject({ reason: 'Unauthorized', code: 401 });
    expect(json(await status(403))).toMatchObject({ details: { name: 'x', kind: 'configmaps' }, code: 403 });
    const busy = await status(429);
    expect(busy).toMatchObject({ code: 429, type: 'text/plain', headers: { 'retry-after': '1' } });
    const old = await proxied(world, 'old');
    world.inject({ match: /get --raw/, action: { type: 'http', status: 403 } });
    expect(await old.ask(`${URL}/x`)).toMatchObject({
      code: 403,
      type: 'text/plain',
      body: 'User "old-admin" cannot get configmaps in the namespace "default".',
    });
    await old.end();
  });

  it('exit with 0 is the body of the answer, any other the end of the proxy', async () => {
    await start('1.34.4');
    world.inject({ match: /get --raw \/version/, action: { type: 'exit', code: 0, stdout: 'no JSON' } });
    expect(await proxy.ask('/version')).toMatchObject({ code: 200, type: 'application/json', body: 'no JSON' });
    world.inject({ match: /get --raw/, action: { type: 'exit', code: 2, stderr: 'panic\n' } });
    await expect(proxy.ask('/version')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(await proxy.end()).toEqual({ code: 2, signal: null });
    expect(proxy.stderr()).toBe('panic\n');
    expect(world.calls[0]).toMatchObject({ exitCode: 2, stderr: 'panic\n' });
  });

  it('slow answers late, hang not at all', async () => {
    await start('1.34.4');
    world.inject({ match: /get --raw/, action: { type: 'slow', ms: 60 } });
    const before = Date.now();
    expect((await proxy.ask('/version')).code).toBe(200);
    expect(Date.now() - before).toBeGreaterThanOrEqual(55);
    world.inject({ match: /get --raw/, action: { type: 'hang' } });
    const asked = await new Promise<string>((resolve) => {
      const request = http.get({ socketPath: proxy.socket, path: '/version', headers: { Host: 'localhost' } });
      request.on('error', (error: NodeJS.ErrnoException) => {
        resolve(error.code ?? '');
      });
      void until(() => world.calls[2]?.fault === 'hang').then(() => {
        request.destroy();
      });
    });
    expect(asked).toBe('ECONNRESET');
    await until(() => world.calls[2]?.endedAt !== undefined);
    expect(world.calls[2]).toMatchObject({ exitCode: undefined, fault: 'hang' });
    expect((await proxy.ask('/version')).code).toBe(200);
  });

  it.each(['before', 'after'] as const)('kill %s a read kills the victim, and nothing comes back', async (point) => {
    await start('1.34.4');
    const victim = spawn('sleep', ['30']);
    world.victim = victim.pid;
    const killed = new Promise((resolve) =>
      victim.on('exit', (_, signal) => {
        resolve(signal);
      }),
    );
    world.inject({ match: /get --raw \/version/, action: { type: 'kill', point } });
    await expect(proxy.ask('/version')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(await killed).toBe('SIGKILL');
    expect(world.calls[1]).toMatchObject({ fault: 'kill', exitCode: undefined });
  });

  it('notAfterWrite loses the answer', async () => {
    await start('1.34.4');
    world.inject({ match: /get --raw/, action: { type: 'notAfterWrite' } });
    expect(await proxy.ask('/version')).toMatchObject({ code: 500, body: 'EOF\n' });
  });

  it('match by cluster, count and path, and leave the others alone', async () => {
    await start('1.34.4');
    world.inject({
      match: (call) => call.cluster === 'new',
      after: 1,
      times: 1,
      action: { type: 'http', status: 503 },
    });
    const codes: number[] = [];
    for (const url of ['/version', URL, '/version']) codes.push((await proxy.ask(url)).code);
    expect(codes).toEqual([200, 503, 200]);
  });

  it('that match its start strike the start', async () => {
    await start('1.34.4');
    world.inject({ match: / proxy /, action: { type: 'exit', code: 1, stderr: 'error: no\n' } });
    await expect(proxied(world, 'old')).rejects.toThrow('ended with 1: error: no');
    world.inject({ match: / proxy /, action: { type: 'hang' } });
    const child = spawn('kubectl', ['--context=old', 'proxy', '--unix-socket=h.sock'], {
      env: world.env(),
      cwd: world.dir,
    });
    await until(() => world.calls.at(-1)?.fault === 'hang');
    expect(fs.existsSync(path.join(world.dir, 'h.sock'))).toBe(false);
    child.kill('SIGKILL');
  });

  it('latency is each request’s own', async () => {
    world = await World.start({ clusters: VERSIONS, latencyMs: 40 });
    proxy = await proxied(world, 'new');
    const before = Date.now();
    await Promise.all([proxy.ask('/version'), proxy.ask(URL)]);
    expect(Date.now() - before).toBeGreaterThanOrEqual(38);
    expect(world.calls.map((call) => call.argv.join(' '))).toEqual([
      expect.stringMatching(/^--context=new proxy /),
      '--context=new get --raw /version',
      `--context=new get --raw ${URL}`,
    ]);
  });
});

describe('recorded reads', () => {
  interface Recorded {
    readonly n: number;
    readonly program: string;
    readonly argv: readonly string[];
    readonly exit: number;
    readonly stdout: string;
    readonly stderr: string;
  }
  const recorded = (file: string): Recorded[] =>
    gunzipSync(fs.readFileSync(path.join(__dirname, '..', 'recordings', 'guide-1.7', `${file}.jsonl.gz`)))
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Recorded);
  const errors = recorded('07-kubectl-errors');
  const objects = recorded('10-objects');
  const curls = errors.filter((call) => call.program === 'curl');
  const nodes = (name: string, address: string): { name: string; address: string }[] => [
    { name: `${name}-master`, address },
  ];
  let world: World;
  beforeAll(async () => {
    world = await World.start({
      clusters: [
        { name: 'fcp', server: '127.0.77.1:16443', kubernetesVersion: '1.7.5', nodes: nodes('fcp', '127.0.77.1') },
        { name: 'usa', server: '127.0.77.2:16443', kubernetesVersion: '1.7.5', nodes: nodes('usa', '127.0.77.2') },
        { name: 'chn', server: '127.0.77.3:16443', kubernetesVersion: '1.7.5', nodes: nodes('chn', '127.0.77.3') },
      ],
      kubectlVersion: '1.8.0',
      kubefedVersion: '1.8.0',
    });
  });
  afterAll(async () => {
    expect(world.mishaps).toEqual([]);
    await world.close();
  });

  /** Random values, times and the build made equal. */
  const told = (value: Json | undefined, key = ''): Json => {
    if (Array.isArray(value)) return value.map((item) => told(item, key));
    if (isDict(value)) return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, told(item, name)]));
    const random = ['uid', 'resourceVersion', 'goVersion', 'gitCommit', 'gitTreeState', 'buildDate'].includes(key);
    const time = typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:]+Z$/.test(value);
    return random || time ? `<${key}>` : (value ?? null);
  };
  const body = (value: string): Json | string => {
    try {
      return told(JSON.parse(value) as Json);
    } catch {
      return value;
    }
  };

  /** What was there when the calls were recorded, as its makers wrote it. */
  const objectsThere: readonly KubeObject[] = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'rec' } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one', namespace: 'rec' }, data: { a: '1' } },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'extension-apiserver-authentication', namespace: 'kube-system' },
      data: { 'client-ca-file': 'REDACTED' },
    },
  ];

  /** kube-dns as the recorded machine had it: without a volume, and with its controllers' marks. */
  const kubeDns = (standIn: KubeObject): KubeObject => {
    const copy = JSON.parse(JSON.stringify(standIn)) as KubeObject;
    const time = copy.metadata.creationTimestamp ?? '';
    const spec = copy.spec as Dict;
    delete (at(spec, 'template', 'spec') as Dict).volumes;
    spec.strategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 1 } };
    copy.metadata.annotations = { 'deployment.kubernetes.io/revision': '1' };
    copy.status = {
      observedGeneration: 1,
      replicas: 1,
      updatedReplicas: 1,
      readyReplicas: 1,
      availableReplicas: 1,
      conditions: [
        {
          type: 'Available',
          status: 'True',
          lastUpdateTime: time,
          lastTransitionTime: time,
          reason: 'MinimumReplicasAvailable',
          message: 'Deployment has minimum availability.',
        },
      ],
    };
    return copy;
  };

  it('by curl through the proxy are answered alike', async () => {
    for (const object of objectsThere) await world.put('chn', object);
    const shelf = world.clusterState('chn').objects['apps/deployments'] ?? {};
    const dns = shelf['kube-system/kube-dns'];
    if (dns === undefined) throw new Error('no kube-dns');
    // Past all controllers.
    shelf['kube-system/kube-dns'] = kubeDns(dns);
    const rights = await proxied(world, 'chn');
    const none = await proxied(world, 'chn', '--as=system:serviceaccount:rec:default');
    const judged: number[] = [];
    for (const call of curls) {
      const url = call.argv.at(-1)?.replace('http://localhost', '') ?? '';
      const proxy = call.argv.includes('p2.sock') ? none : rights;
      const word = (flag: string): string | undefined =>
        call.argv.includes(flag) ? call.argv[call.argv.indexOf(flag) + 1] : undefined;
      const header = (word('-H') ?? '').split(': ');
      if (proxy === none) world.deny({ cluster: 'chn' });
      else world.allowAll();
      // The last one found the server down.
      const down = call === curls.at(-1);
      if (down) await world.setOnline('chn', false);
      const got = await proxy.ask(url, {
        method: word('-X'),
        body: word('-d'),
        headers: { 'User-Agent': 'curl/7', ...(header[1] === undefined ? {} : { [header[0] ?? '']: header[1] }) },
      });
      const [head = '', ...rest] = call.stdout.split('\r\n\r\n');
      const code = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]);
      const type = /^Content-Type: ([^;\r\n]*)/m.exec(head)?.[1] ?? '';
      const wanted = { call: call.n, code, type, body: body(rest.join('\r\n\r\n')) };
      expect({ call: call.n, code: got.code, type: got.type, body: body(got.body) }).toEqual(wanted);
      judged.push(call.n);
    }
    expect(judged).toEqual(Array.from({ length: 24 }, (_, index) => index + 190).concat(216));
    world.allowAll();
    await world.setOnline('chn', true);
    await rights.end();
    await none.end();
  });

  it.each(
    [...errors, ...objects]
      .filter(
        (call) =>
          call.argv.includes('--raw') && !/nodes|configmaps|federation|-context=federation/.test(call.argv.join(' ')),
      )
      .map((call) => [call.argv.join(' '), call] as const),
  )('kubectl %s is answered alike', async (_, call) => {
    if (
      world.get('fcp', 'CustomResourceDefinition', undefined, 'etcdclusters.etcd.database.coreos.com') === undefined
    ) {
      await world.put('fcp', etcdDefinition('v1beta1'));
    }
    const ran = await run(world, 'kubectl', call.argv);
    expect({ ...ran, stdout: body(ran.stdout) }).toEqual({
      code: call.exit,
      stdout: body(call.stdout),
      stderr: call.stderr,
    });
  });

  it('of the federation are answered alike, and a watch there ends with its API server', async () => {
    const federated = await World.start({ kubectlVersion: '1.8.0' });
    await guide(federated);
    const proxy = await proxied(federated, 'federation');
    const calls = objects.filter((call) => call.argv.includes('--raw') && call.argv.includes('--context=federation'));
    expect(calls).toHaveLength(4);
    const server = /"serverAddress":"[^"]*"/g;
    for (const call of calls) {
      const got = await proxy.ask(call.argv.at(-1) ?? '');
      expect(body(got.body.replace(server, ''))).toEqual(body(call.stdout.replace(server, '')));
    }
    expect(await proxy.ask('/apis/authorization.k8s.io/v1')).toMatchObject({ code: 404, type: 'text/plain' });
    const watch = await proxy.watch('/api/v1/namespaces?watch=true');
    expect(await watch.next()).toMatchObject({ type: 'ADDED', object: { kind: 'Namespace' } });
    await must(federated, 'kubectl --context=fcp delete ns federation-system');
    // Proxies of that time end such an answer as if it were whole.
    expect(await watch.ended).toBe('end');
    expect((await proxy.ask('/version')).code).toBe(502);
    await proxy.end();
    expect(federated.mishaps).toEqual([]);
    await federated.close();
  });
});
