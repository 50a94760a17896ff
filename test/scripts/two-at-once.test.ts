import { spawnSync } from 'node:child_process';
import { hostname } from 'node:os';
import { Plan } from '../../lib/plan/plan';
import { KubeObject } from '../stand-ins/json';
import { World } from '../stand-ins/world';
import { StartedFederation, StartOptions } from './support/cli';
import { mustApply, withFederation } from './support/shared';
import { story } from './support/story';
import { until } from './support/when';

const LOCK = 'onprem-federation-federation-lock';

function its(what: string, options: StartOptions, test: (federation: StartedFederation) => Promise<void>): void {
  it.concurrent(what, () => withFederation(options, test));
}

function lockOf(world: World): KubeObject | undefined {
  return world.get('fcp', 'ConfigMap', 'kube-system', LOCK);
}

interface Holder {
  readonly host?: string;
  readonly pid?: number;
  readonly began?: string;
  /** How long ago it gave a sign of life, in seconds. */
  readonly silentFor?: number;
}

/** The lock as another run has left it, or holds it. */
function heldBy({ host = 'another-host', pid = 4711, began = '1', silentFor = 1 }: Holder): KubeObject {
  const renewed = new Date(Date.now() - silentFor * 1000).toISOString();
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: LOCK,
      namespace: 'kube-system',
      annotations: { 'onprem-federation.io/holder': JSON.stringify({ host, user: 'ann', pid, began, renewed }) },
    },
  };
}

/** The number of a process that has been and is no more. */
function deadProcess(): number {
  return spawnSync(process.execPath, ['--version']).pid;
}

/** The steps that can come about while another does not. */
function independentOf(id: string, { steps }: Plan): string[] {
  const held = new Set([id]);
  // A plan's steps stand after those that they need.
  for (const step of steps) if (step.needs.some((need) => held.has(need))) held.add(step.id);
  return steps.flatMap((step) => (held.has(step.id) ? [] : [step.id]));
}

// The second run finds nothing to write at that moment: what the first can do is done, and it waits for the rest.
its('a second run is refused while the first lives, and told who that is', {}, async (federation) => {
  const { world, cli } = federation;
  await world.hold('fcp/EtcdCluster/default/etcd-cluster');
  let pid: number | undefined;
  let told = '';
  const first = cli(['apply', '--yes', '--json'], {
    started: (child) => (pid = child.pid),
    onOutput: (stdout) => (told = stdout),
  });
  const doable = independentOf('fcp/etcd-cluster', federation.plan);
  await until(() => doable.every((id) => told.includes(`{"type":"ended","step":"${id}"`)));
  // All but the signs of life that the first run gives meanwhile.
  const state = (): unknown =>
    JSON.parse(JSON.stringify(world.canonicalState()).replace(/(\\"renewed\\":\\")[^"\\]+/g, '$1…'));
  const before = state();

  const second = await cli(['apply', '--yes']);
  expect(second.code).toBe(2);
  expect(second.stderr).toContain('Another run works on this federation; nothing was written.\n');
  expect(second.stderr).toContain(`@${hostname()}, process ${String(pid)}: gave its last sign of life `);
  expect(second.stdout).not.toContain('FAILED');
  expect(state()).toEqual(before);

  const third = await cli(['teardown', '--yes', '--json']);
  expect(third.code).toBe(2);
  expect(third.events).toContainEqual(
    expect.objectContaining({ type: 'finding', where: expect.stringContaining(`process ${String(pid)}`) as unknown }),
  );
  expect(story(third).failed).toEqual([]);

  // Who only looks is not kept from it.
  expect((await cli(['plan'])).code).toBe(0);

  await world.release('fcp/EtcdCluster/default/etcd-cluster');
  const ended = await first;
  expect(ended.code).toBe(0);
  expect(lockOf(world)).toBeUndefined();
  await mustApply(federation);
});

describe('a lock whose holder is dead', () => {
  its('on this machine is taken over at once', {}, async ({ world, cli }) => {
    await world.put('fcp', heldBy({ host: hostname(), pid: deadProcess() }));
    expect((await cli(['apply', '--yes', '--only', 'node-labels'])).code).toBe(0);
    expect(lockOf(world)).toBeUndefined();
  });

  its('though its number is another process’ by now is taken over', {}, async ({ world, cli }) => {
    await world.put('fcp', heldBy({ host: hostname(), pid: process.pid, began: '1' }));
    expect((await cli(['apply', '--yes', '--only', 'node-labels'])).code).toBe(0);
    expect(lockOf(world)).toBeUndefined();
  });

  its('on another machine is taken over when it has been silent for a minute', {}, async ({ world, cli }) => {
    await world.put('fcp', heldBy({ silentFor: 61 }));
    expect((await cli(['apply', '--yes', '--only', 'node-labels'])).code).toBe(0);
    expect(lockOf(world)).toBeUndefined();
  });

  its('on another machine is not taken over before', {}, async ({ world, cli }) => {
    const silent = (): Promise<void> => world.put('fcp', heldBy({ silentFor: 30 }));
    await silent();
    // It stays as old as that, however long the run takes to look at it.
    const aging = setInterval(() => void silent(), 500);
    const { code, stderr } = await cli(['apply', '--yes', '--only', 'node-labels']);
    clearInterval(aging);
    expect(code).toBe(2);
    expect(stderr).toMatch(/ann@another-host, process 4711: gave its last sign of life 3\d s ago\n/);
    expect(stderr).toContain('its lock ends by itself 60 s after the last sign');
    expect(lockOf(world)).toBeDefined();
  });

  its('and that says nothing of it is taken over', {}, async ({ world, cli }) => {
    const { metadata, ...rest } = heldBy({});
    await world.put('fcp', { ...rest, metadata: { name: metadata.name, namespace: 'kube-system' } });
    expect((await cli(['apply', '--yes', '--only', 'node-labels'])).code).toBe(0);
    expect(lockOf(world)).toBeUndefined();
  });

  its('is taken over by one of two runs that try at the same moment', {}, async ({ world, cli }) => {
    await world.put('fcp', heldBy({ host: hostname(), pid: deadProcess() }));
    await world.hold('fcp/EtcdCluster/default/etcd-cluster');
    const args = ['apply', '--yes', '--cluster', 'fcp', '--only', 'etcd'];
    let ended = 0;
    const runs = [cli(args), cli(args)].map(async (run) => {
      const result = await run;
      ended++;
      return result;
    });
    await until(() => ended > 0);
    await world.release('fcp/EtcdCluster/default/etcd-cluster');
    const [first, second] = await Promise.all(runs);
    expect([first?.code, second?.code].sort()).toEqual([0, 2]);
  });
});

describe('a run that writes nothing', () => {
  its('takes no lock, and is not kept by another’s', {}, async (federation) => {
    const { world, cli } = federation;
    await mustApply(federation);
    await world.put('fcp', heldBy({}));
    world.clearLog();
    const { code } = await cli(['apply', '--yes']);
    expect(code).toBe(0);
    expect(world.writes).toBe(0);
    expect(world.calls.filter(({ argv }) => argv.join(' ').includes(LOCK) && !argv.includes('--raw'))).toEqual([]);
    expect(lockOf(world)).toBeDefined();
  });
});

its('a lock that cannot be taken stops the run with one error', {}, async ({ world, cli }) => {
  world.inject({ match: /kube-system create --filename=-$/, times: 'always', action: { type: 'http', status: 403 } });
  const { code, stderr, stdout } = await cli(['apply', '--yes']);
  expect(code).toBe(1);
  expect(stderr).toContain('the user of this context may not do that\n    Use credentials with the right');
  expect(stdout).not.toContain('FAILED');
  expect(world.writes).toBe(0);
});
