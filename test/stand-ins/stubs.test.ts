import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { documents } from './fixtures';
import { run } from './run';
import { World } from './world';

describe('the three programs', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.start();
  });
  afterEach(async () => {
    expect(world.mishaps).toEqual([]);
    await world.close();
  });

  it('are found first on the PATH and answer', async () => {
    const kubectl = await run(world, 'kubectl', ['version', '--client', '-o', 'json']);
    expect(JSON.parse(kubectl.stdout)).toMatchObject({ clientVersion: { gitVersion: 'v1.7.3' } });
    const kubefed = await run(world, 'kubefed', ['version', '--client', '--short']);
    expect(kubefed.stdout).toBe('Client Version: v1.8.0\n');
    const helm = await run(world, 'helm', ['version', '--client', '--short']);
    expect(helm).toEqual({ code: 0, stdout: 'Client: v2.7.2+g8478fb4\n', stderr: '' });
    expect(world.calls.map((call) => [call.program, call.exitCode, call.writes])).toEqual([
      ['kubectl', 0, 0],
      ['kubefed', 0, 0],
      ['helm', 0, 0],
    ]);
  });

  it('carry exit codes, both outputs and every byte of them', async () => {
    const value = `ünï\\code "quotes" 'single' $HOME \`x\` %s ${'long '.repeat(30000)}end`;
    const map = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'odd', namespace: 'default' },
      data: { value },
    };
    const applied = await run(world, 'kubectl', ['--context=usa', 'apply', '-f', '-'], { stdin: JSON.stringify(map) });
    expect(applied).toEqual({ code: 0, stdout: 'configmap "odd" created\n', stderr: '' });
    const got = await run(world, 'kubectl', ['--context', 'usa', 'get', 'cm', 'odd', '-o', 'json']);
    expect(JSON.parse(got.stdout)).toMatchObject({ data: { value } });
    const missing = await run(world, 'kubectl', ['--context', 'usa', 'get', 'cm', 'none']);
    expect(missing).toEqual({
      code: 1,
      stdout: '',
      stderr: 'Error from server (NotFound): configmaps "none" not found\n',
    });
  });

  it('resolve files against their own working directory', async () => {
    const folder = path.join(world.dir, 'somewhere');
    mkdirSync(folder);
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'here' } };
    writeFileSync(path.join(folder, 'map.yaml'), documents([map]));
    const ran = await run(world, 'kubectl', ['apply', '-f', 'map.yaml'], { cwd: folder });
    expect(ran.stdout).toBe('configmap "here" created\n');
  });

  it('say so where no World answers', async () => {
    const gone = await World.start();
    const env = { ...world.env(), STAND_INS_PORT: gone.env().STAND_INS_PORT };
    await gone.close();
    const child = spawn('kubectl', ['version'], { env });
    let stderr = '';
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(code).toBe(97);
    expect(stderr).toMatch(/no World answers/);
  });

  it('are noticed when they are killed: a call that waits has no effect any more', async () => {
    world.inject({ action: { type: 'hang' } });
    const child = spawn('kubectl', ['create', 'namespace', 'x'], { env: world.env() });
    const closed = new Promise((resolve) => child.on('close', resolve));
    while (world.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill('SIGKILL');
    await closed;
    while (world.calls[0]?.endedAt === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(world.calls[0]).toMatchObject({ exitCode: undefined, writes: 0 });
    expect(world.get('fcp', 'Namespace', undefined, 'x')).toBeUndefined();
  });

  it('can be missing, one by one', async () => {
    const env = world.envWithout('kubefed');
    const start = (program: string): Promise<unknown> =>
      new Promise((resolve) => {
        const child = spawn(program, ['version', '--client'], { env });
        child.on('error', (error: NodeJS.ErrnoException) => {
          resolve(error.code);
        });
        child.on('close', resolve);
      });
    expect([await start('kubectl'), await start('helm'), await start('kubefed')]).toEqual([0, 0, 'ENOENT']);
  });

  it('run side by side', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `n${index}`);
    const ran = await Promise.all(names.map((name) => run(world, 'kubectl', ['create', 'ns', name])));
    expect(ran.map((result) => result.code)).toEqual(names.map(() => 0));
    expect(world.writes).toBe(12);
  });

  it('stay within their account of processor time', async () => {
    const before = process.cpuUsage();
    for (let count = 0; count < 20; count += 1) await run(world, 'kubectl', ['config', 'current-context']);
    const { user, system } = process.cpuUsage(before);
    // The World's half and starting the process, on a machine that does other things, too.
    expect((user + system) / 1000 / 20).toBeLessThan(40);
  });
});
