import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { guide, initArguments, must, sh, documents, deployment } from './fixtures';
import { World } from './world';

describe('the state', () => {
  it('comes back as it was', async () => {
    const world = await World.start();
    const before = world.snapshot();
    const start = world.canonicalState();
    await guide(world);
    const done = world.snapshot();
    const end = world.canonicalState();
    await world.restore(before);
    expect(world.canonicalState()).toEqual(start);
    await world.restore(done);
    expect(world.canonicalState()).toEqual(end);
    expect((await must(world, 'kubectl get clusters --context federation -o name')).stdout).toBe(
      'clusters/fcp\nclusters/usa\nclusters/chn\n'.split('\n').sort().filter(Boolean).join('\n') + '\n',
    );
    await world.close();
  });

  it('is the same in canonical form, whatever the random names, ports, uids and times', async () => {
    const [one, two] = [await World.start({ dnsPort: undefined }), await World.start()];
    await guide(one);
    for (let count = 0; count < 3; count += 1) {
      await must(two, 'kubectl create ns throwaway');
      await must(two, 'kubectl delete ns throwaway');
    }
    await guide(two);
    const text = (world: World): string =>
      JSON.stringify(world.canonicalState())
        .replaceAll(String(world.dnsPort), 'PORT')
        .replaceAll(Buffer.from(world.dnsEndpoint).toString('base64'), 'ENDPOINT');
    const [left, right] = [text(one), text(two)].map((state) =>
      state.replace(/"federation-dns-provider.conf":\{.*?"type"/s, ''),
    );
    const shape = (state: string | undefined): string =>
      (state ?? '').replaceAll(/"(federation-dns-provider\.conf|release)":"[^"]*"/g, '');
    expect(shape(left)).toBe(shape(right));
    await one.close();
    await two.close();
  });

  it('tells a leftover from none', async () => {
    const world = await World.start();
    const clean = world.canonicalState();
    await must(world, 'kubectl create sa left');
    expect(world.canonicalState()).not.toEqual(clean);
    await must(world, 'kubectl delete sa left');
    expect(world.canonicalState()).toEqual(clean);
    await world.close();
  });

  it('ends the same after a cut init that was cleaned up', async () => {
    const world = await World.start();
    const before = world.snapshot();
    await world.invoke('kubefed', initArguments(world, 'fcp'));
    const wanted = world.canonicalState();
    const writes = world.calls.at(-1)?.writes ?? 0;
    expect(writes).toBe(13);
    for (let stage = 1; stage < writes; stage += 1) {
      await world.restore(before);
      world.inject({ action: { type: 'kill', point: 'in', stage } });
      await world.invoke('kubefed', [...initArguments(world, 'fcp')]);
      await sh(world, 'kubectl delete ns federation-system');
      await must(world, `kubectl config unset users.federation`);
      await sh(world, 'kubectl config delete-context federation');
      await sh(world, 'kubectl config delete-cluster federation');
      expect((await world.invoke('kubefed', initArguments(world, 'fcp'))).code).toBe(0);
      expect(world.canonicalState()).toEqual(wanted);
    }
    await world.close();
  });

  it('moves later where controllers take their time', async () => {
    const world = await World.start({ controllerDelayMs: 40 });
    await must(world, 'kubectl apply -f -', documents([deployment('d', 'default', 'n:1')]));
    expect(world.get('fcp', 'Deployment', 'default', 'd')?.status).toBeUndefined();
    await must(world, 'kubectl rollout status deploy/d');
    expect(world.get('fcp', 'Deployment', 'default', 'd')?.status).toMatchObject({ availableReplicas: 1 });
    await world.close();
  });

  it('lets kubectl before 1.11 wait for controllers that take their time when it deletes a Deployment', async () => {
    const world = await World.start({ controllerDelayMs: 40 });
    await must(world, 'kubectl apply -f -', documents([deployment('d', 'default', 'n:1')]));
    expect((await must(world, 'kubectl delete deploy/d')).stdout).toBe('deployment "d" deleted\n');
    expect(world.get('fcp', 'Deployment', 'default', 'd')).toBeUndefined();
    await world.close();
  });

  it('answers no faster than it is told to', async () => {
    const world = await World.start({ latencyMs: 30 });
    const start = Date.now();
    await Promise.all([must(world, 'kubectl get nodes'), must(world, 'kubectl get nodes --context usa')]);
    expect(Date.now() - start).toBeGreaterThanOrEqual(28);
    await world.close();
  });
});

it('serve.ts is a World of its own process', async () => {
  const script = path.join(__dirname, 'serve.ts');
  const child = spawn(process.execPath, ['--require', 'tsx/cjs', script, '{"kubectlVersion":"1.8.1"}'], {
    cwd: path.join(__dirname, '..', '..'),
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const first = await lines.next();
  const served = JSON.parse(String(first.value)) as { env: NodeJS.ProcessEnv; dnsEndpoint: string };
  expect(served.dnsEndpoint).toMatch(/^127\.0\.0\.1:3\d{4}$/);
  const kubectl = spawn('kubectl', ['version', '--client', '-o', 'json'], { env: { ...process.env, ...served.env } });
  let out = '';
  kubectl.stdout.on('data', (data: Buffer) => (out += data.toString()));
  await once(kubectl, 'close');
  expect(JSON.parse(out)).toMatchObject({ clientVersion: { gitVersion: 'v1.8.1' } });
  child.kill('SIGTERM');
  expect(JSON.parse(String((await lines.next()).value))).toMatchObject({ calls: 1, mishaps: 0 });
  await once(child, 'exit');
});
