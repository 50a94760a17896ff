/**
 * apply against real API servers with the real kubectl: every step kind that needs no retired program. What kubefed and
 * Helm 2 do is tested against stand-ins; nothing of today's would let them in.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { GuideClusters } from './support/guide-clusters';
import { testApply, testTeardown } from './support/guide-life';

let clusters: GuideClusters;

beforeAll(async () => {
  clusters = await GuideClusters.start();
});

afterAll(() => clusters.stop());

testApply(() => clusters);

test('two runs at once: the second is refused while the first lives', async () => {
  await clusters.kubectl('fcp', '--namespace=default', 'delete', 'service', 'hello-world');
  const first = clusters.begin('apply', '--yes');
  // It waits for an address, holding the lock.
  for (let i = 0; i < 100; i++) {
    const held = await clusters.kubectl('fcp', '--namespace=kube-system', 'get', 'configmap', '--output=name');
    if (held.includes('lock')) break;
    await sleep(100);
  }
  await clusters.kubectl('usa', '--namespace=default', 'delete', 'service', 'hello-world');
  const second = await clusters.run('apply', '--yes', '--cluster', 'usa');
  expect(second.code).not.toBe(0);
  expect(second.stdout + second.stderr).toContain('Another run works on this federation');
  await clusters.giveAddress('fcp');
  const rest = await first.result;
  expect(rest.code).not.toBe(2);
  await clusters.applyWithAddresses();
});

test('killed at every tenth of its time and resumed, it ends the same', async () => {
  const began = performance.now();
  await clusters.run('teardown', '--yes');
  await clusters.applyWithAddresses();
  const whole = performance.now() - began;
  const expected = Object.keys(await clusters.resourceVersions()).sort();
  for (let tenth = 1; tenth <= 9; tenth++) {
    expect((await clusters.run('teardown', '--yes')).code).toBe(0);
    const run = clusters.begin('apply', '--yes');
    await sleep((whole / 2) * (tenth / 10));
    run.child.kill('SIGKILL');
    await run.result;
    const resumed = await clusters.applyWithAddresses();
    // What it said matters where it did not end well.
    expect(resumed.code === 0 ? resumed.stderr : `${resumed.stdout}${resumed.stderr}`).toBe('');
    expect(Object.keys(await clusters.resourceVersions()).sort()).toEqual(expected);
  }
});

test('a cluster that is down stops its own steps alone, and the next run goes on', async () => {
  await clusters.kubectl(
    'fcp',
    'label',
    'nodes',
    '--all',
    'topology.kubernetes.io/zone-',
    'topology.kubernetes.io/region-',
    'onprem-federation.io/labelled-',
  );
  await clusters.planes.stopCluster('usa');
  const down = await clusters.run('apply', '--yes');
  expect(down.code).toBe(2);
  expect(down.stderr).toContain('cluster usa');
  expect((await clusters.run('apply', '--yes', '--cluster', 'fcp')).code).toBe(0);
  await clusters.planes.startCluster('usa');
  expect(await clusters.run('apply', '--yes')).toMatchObject({ code: 0 });
});

testTeardown(() => clusters);
