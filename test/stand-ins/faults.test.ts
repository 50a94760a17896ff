import { spawn } from 'node:child_process';
import { documents, must, sh } from './fixtures';
import { run } from './run';
import { type Snapshot, World } from './world';

const MAPS = ['a', 'b', 'c'].map((name) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
}));

describe('faults', () => {
  let world: World;
  let fresh: Snapshot;
  beforeAll(async () => {
    world = await World.start();
    fresh = world.snapshot();
  });
  beforeEach(async () => {
    await world.restore(fresh);
    world.clearFaults();
    world.clearLog();
    world.victim = undefined;
  });
  afterAll(async () => {
    expect(world.mishaps).toEqual([]);
    await world.close();
  });

  const maps = (): string[] => world.list('fcp', 'ConfigMap', 'default').map((map) => map.metadata.name);

  it.each([
    [
      { type: 'http', status: 503 },
      'Error from server (ServiceUnavailable): the server is currently unable to handle the request\n',
    ],
    [
      { type: 'http', status: 429 },
      'Error from server (TooManyRequests): the server has received too many requests and has asked us to try again later\n',
    ],
    [
      { type: 'http', status: 409 },
      'Error from server (Conflict): Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version and try again\n',
    ],
    [
      { type: 'http', status: 500 },
      'Error from server (InternalError): an error on the server ("unknown") has prevented the request from succeeding\n',
    ],
    [
      { type: 'drop' },
      'The connection to the server 10.11.12.1:6443 was refused - did you specify the right host or port?\n',
    ],
    [{ type: 'drop', how: 'tls' }, 'Unable to connect to the server: net/http: TLS handshake timeout\n'],
    [{ type: 'drop', how: 'eof' }, 'Unable to connect to the server: EOF\n'],
    [{ type: 'other-server' }, 'Unable to connect to the server: x509: certificate signed by unknown authority\n'],
  ] as const)('%j', async (action, stderr) => {
    const handle = world.inject({ program: 'kubectl', match: /^apply/, action });
    expect(await sh(world, 'kubectl apply -f -', documents(MAPS))).toEqual({ code: 1, stdout: '', stderr });
    expect(handle.fired).toBe(1);
    expect(world.calls[0]).toMatchObject({ writes: 0, fault: action.type, cluster: 'fcp' });
    expect(maps()).toEqual([]);
    // Once, unless told otherwise.
    await must(world, 'kubectl apply -f -', documents(MAPS));
  });

  it('strike some calls and not others', async () => {
    world.inject({
      match: (call) => call.cluster === 'usa',
      after: 1,
      times: 2,
      action: { type: 'http', status: 503 },
    });
    const codes: (number | null)[] = [];
    for (const context of ['fcp', 'usa', 'usa', 'usa', 'usa'])
      codes.push((await sh(world, `kubectl get nodes --context ${context}`)).code);
    expect(codes).toEqual([0, 0, 1, 1, 0]);
  });

  it('strike in the middle of a call', async () => {
    world.inject({ match: /^apply/, action: { type: 'http', status: 503, stage: 2 } });
    const ran = await sh(world, 'kubectl apply -f -', documents(MAPS));
    expect(ran).toMatchObject({ code: 1, stdout: 'configmap "a" created\nconfigmap "b" created\n' });
    expect(maps()).toEqual(['a', 'b']);
  });

  it('lose the answer of a write that happened', async () => {
    world.inject({ match: /^apply/, action: { type: 'notAfterWrite' } });
    expect(await sh(world, 'kubectl apply -f -', documents(MAPS))).toEqual({
      code: 1,
      stdout: '',
      stderr: 'Unable to connect to the server: EOF\n',
    });
    expect(maps()).toEqual(['a', 'b', 'c']);
    world.inject({ match: /^create/, action: { type: 'notAfterWrite' } });
    await sh(world, 'kubectl create ns x');
    expect((await sh(world, 'kubectl create ns x')).stderr).toMatch(/AlreadyExists/);
  });

  it('take time, and end with the request timeout', async () => {
    world.inject({ action: { type: 'slow', ms: 60 } });
    const start = Date.now();
    await must(world, 'kubectl create ns x');
    expect(Date.now() - start).toBeGreaterThanOrEqual(55);
    world.inject({ times: 2, action: { type: 'hang' } });
    expect(await sh(world, 'kubectl create ns y --request-timeout=50ms')).toMatchObject({
      code: 1,
      stderr:
        'Unable to connect to the server: net/http: request canceled (Client.Timeout exceeded while awaiting headers)\n',
    });
    expect(world.get('fcp', 'Namespace', undefined, 'y')).toBeUndefined();
  });

  it('can be any end of a program', async () => {
    world.inject({ program: 'helm', action: { type: 'exit', code: 139, stderr: 'segmentation fault\n' } });
    expect(await run(world, 'helm', ['version', '--client'])).toEqual({
      code: 139,
      stdout: '',
      stderr: 'segmentation fault\n',
    });
  });

  describe('kill', () => {
    const victim = (): Promise<NodeJS.Signals | null> => {
      const child = spawn('sleep', ['30']);
      world.victim = child.pid;
      return new Promise((resolve) =>
        child.on('exit', (_, signal) => {
          resolve(signal);
        }),
      );
    };

    it.each([
      ['before', undefined, []],
      ['in', 1, ['a']],
      ['in', 2, ['a', 'b']],
      ['after', undefined, ['a', 'b', 'c']],
    ] as const)('%s %p', async (point, stage, left) => {
      const killed = victim();
      world.inject({ action: { type: 'kill', point, stage } });
      const ran = await run(world, 'kubectl', ['apply', '-f', '-'], { stdin: documents(MAPS) });
      expect(ran.code).toBe(98);
      expect(await killed).toBe('SIGKILL');
      expect(maps()).toEqual(left);
      expect(world.calls[0]).toMatchObject({ writes: left.length, exitCode: undefined, fault: 'kill' });
    });

    it.each([true, 10])('lets an orphan go on to its end (%p)', async (orphan) => {
      const killed = victim();
      world.inject({ action: { type: 'kill', point: 'in', stage: 1, orphan } });
      const ran = world.invoke('kubectl', ['apply', '-f', '-'], { stdin: documents(MAPS) });
      expect(await killed).toBe('SIGKILL');
      if (orphan === 10) expect(maps()).toEqual(['a']);
      expect((await ran).code).toBe(0);
      expect(maps()).toEqual(['a', 'b', 'c']);
    });

    it('counts the single writes of a call, so that each can be cut', async () => {
      await must(world, 'kubectl apply -f -', documents(MAPS));
      const writes = world.calls[0]?.writes ?? 0;
      expect(writes).toBe(3);
      for (let stage = 1; stage <= writes; stage += 1) {
        await world.restore(fresh);
        world.inject({ action: { type: 'kill', point: 'in', stage } });
        await sh(world, 'kubectl apply -f -', documents(MAPS));
        expect(maps()).toHaveLength(stage);
      }
    });
  });
});
