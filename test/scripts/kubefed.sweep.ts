/**
 * What an earlier init or join has left behind, and what others have done with kubefed. Here the tests make the leftovers
 * themselves; kill.sweep.ts kills a run at every point and resumes it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { commands } from '../../lib/plan/commands';
import { StepOf } from '../../lib/plan/step';
import { FederationProps } from '../../lib/topology/types';
import { FaultAction } from '../stand-ins/faults';
import { Ran, Snapshot } from '../stand-ins/world';
import { fromYaml, toYaml } from '../../lib/yaml';
import { swept } from '../support/sweep';
import { StartedFederation } from './support/cli';
import { memberNames, mustApply, sharedFederation, withFederation } from './support/shared';
import { story } from './support/story';

const shared = sharedFederation();

/** The step of the plan that inits the federation, or joins a cluster. */
function kubefedStep({ plan }: StartedFederation, id: string): StepOf<'kubefed-init' | 'kubefed-join'> {
  const step = plan.steps.find((candidate) => candidate.id === id);
  if (step?.kind !== 'kubefed-init' && step?.kind !== 'kubefed-join') throw new Error(`there is no step ${id}`);
  return step;
}

/** Runs the command of a step by hand. */
function byHand(federation: StartedFederation, id: string, ...more: string[]): Promise<Ran> {
  const [, ...args] = commands(kubefedStep(federation, id)).run[0] ?? [];
  return federation.world.invoke('kubefed', [...args, ...more], { cwd: federation.dist });
}

/** Applies up to a step that is not let do anything; gives the state before it. */
async function appliedUpTo(match: RegExp): Promise<Snapshot> {
  const { world, cli } = shared.current;
  world.inject({ program: 'kubefed', match, times: 'always', action: { type: 'exit', code: 1, stderr: 'not now\n' } });
  const { code } = await cli(['apply', '--yes']);
  expect(code).toBe(1);
  world.clearFaults();
  return world.snapshot();
}

let undisturbed: unknown;
let beforeInit: Snapshot;
let beforeJoin: Snapshot;
beforeAll(async () => {
  const { world } = shared.current;
  const start = world.snapshot();
  beforeInit = await appliedUpTo(/^init/);
  beforeJoin = await appliedUpTo(/^join/);
  await mustApply(shared.current);
  undisturbed = world.canonicalState();
  await world.restore(start);
});

/** A connection that is lost after so many single writes. */
const lostAfter = (stage: number): FaultAction => ({ type: 'drop', how: 'eof', stage });

describe('a control plane', () => {
  const writes: [stage: number, last: string][] = [
    [5, 'the API server'],
    [1, 'the namespace'],
    [2, 'the Service'],
    [3, 'the first Secret'],
    [7, 'the Role'],
    [10, 'the controller manager'],
    [11, 'the cluster of the kubeconfig'],
    [12, 'the context of the kubeconfig'],
  ];

  it.each(swept(writes))('that was cut off after %i writes is cleared away and made anew: after %s', async (stage) => {
    const { world, cli } = shared.current;
    await world.restore(beforeInit);
    world.inject({ program: 'kubefed', match: /^init/, action: lostAfter(stage) });
    expect((await byHand(shared.current, 'fcp/federation-control-plane')).code).toBe(1);
    expect(world.calls.at(-1)?.writes).toBe(stage);

    const ended = await cli(['apply', '--yes', '--json']);
    expect(story(ended).failed).toEqual([]);
    expect(world.canonicalState()).toEqual(undisturbed);
  });

  it('that is whole is used as it is, whoever made it', async () => {
    const { world, cli } = shared.current;
    await world.restore(beforeInit);
    expect((await byHand(shared.current, 'fcp/federation-control-plane')).code).toBe(0);
    world.clearLog();
    const ended = await cli(['apply', '--yes', '--json']);
    expect(story(ended).outcomes['fcp/federation-control-plane']).toBe('unchanged');
    expect(world.calls.filter(({ argv }) => argv[0] === 'init')).toEqual([]);
  });

  it('is not made where the kubeconfig has a context of its name that is somebody else’s', async () => {
    const { world, cli } = shared.current;
    await world.restore(beforeInit);
    const config = fromYaml(readFileSync(world.kubeconfigPath, 'utf8')) as Record<string, { name: string }[]>;
    const others = [
      ['clusters', { name: 'federation', cluster: { server: 'https://10.50.0.1:6443' } }],
      ['contexts', { name: 'federation', context: { cluster: 'federation', user: 'federation' } }],
      ['users', { name: 'federation', user: { token: 'somebody-else' } }],
    ] as const;
    for (const [section, entry] of others) config[section]?.push(entry);
    writeFileSync(world.kubeconfigPath, toYaml(config));
    const before = readFileSync(world.kubeconfigPath, 'utf8');

    const ended = await cli(['apply', '--yes', '--json']);
    expect(ended.code).toBe(1);
    expect(story(ended).failed).toMatchObject([
      {
        step: 'fcp/federation-control-plane',
        problem: "the kubeconfig has a cluster, context, user 'federation', but fcp has no federation control plane",
        hint: expect.stringContaining('give the federation another name') as unknown,
      },
    ]);
    expect(readFileSync(world.kubeconfigPath, 'utf8')).toBe(before);
    expect(world.get('fcp', 'Namespace', undefined, 'federation-system')).toBeUndefined();
  });

  it.each([
    ['joined by this plan', ['--secret-name=federation-member-usa']],
    ['joined by hand, as the guide does it', []],
  ])('with members, but without an entry in this kubeconfig, is left alone: %s', async (_, more) => {
    const { world, cli } = shared.current;
    await world.restore(beforeJoin);
    const joined = await world.invoke('kubefed', [
      'join',
      'usa',
      '--context=federation',
      '--host-cluster-context=fcp',
      ...more,
    ]);
    expect(joined.code).toBe(0);
    for (const args of [
      ['delete-context', 'federation'],
      ['delete-cluster', 'federation'],
      ['unset', 'users.federation'],
    ])
      await world.invoke('kubectl', ['config', ...args]);
    const before = world.canonicalState();
    world.clearLog();

    const ended = await cli(['apply', '--yes', '--json']);
    expect(ended.code).toBe(1);
    expect(story(ended).failed).toMatchObject([
      {
        step: 'fcp/federation-control-plane',
        problem: "fcp has a control plane with members, but this kubeconfig has no whole context 'federation'",
        hint: expect.stringContaining('Copy cluster, user and context of that name') as unknown,
      },
    ]);
    expect(world.canonicalState()).toEqual(before);
  });

  it.each([
    ['whole', []],
    ['cut off before it had any Secret', [lostAfter(2)]],
  ])('of another federation is left alone, by a teardown too: %s', async (_, [lost]) => {
    const { world, cli } = shared.current;
    await world.restore(beforeInit);
    if (lost) world.inject({ program: 'kubefed', match: /^init/, action: lost });
    const [, init, , ...args] = commands(kubefedStep(shared.current, 'fcp/federation-control-plane')).run[0] ?? [];
    const made = await world.invoke('kubefed', [init ?? '', 'stage', ...args], { cwd: shared.current.dist });
    expect(made.code).toBe(lost ? 1 : 0);
    const before = world.canonicalState();
    const ended = await cli(['apply', '--yes', '--json']);
    expect(story(ended).failed).toMatchObject([
      {
        step: 'fcp/federation-control-plane',
        problem: "fcp has the control plane of another federation, 'stage', in federation-system",
        hint: expect.stringContaining('another host cluster') as unknown,
      },
    ]);
    expect(world.canonicalState()).toEqual(before);
    const torn = await cli(['teardown', '--yes', '--json']);
    expect(torn.code).toBe(0);
    expect(story(torn).outcomes['fcp/federation-control-plane']).toBe('kept');
    expect(world.get('fcp', 'Service', 'federation-system', 'stage-apiserver')).toBeDefined();
  });

  const others: [what: string, props: Partial<FederationProps>, differs: string][] = [
    [
      'image',
      { controlPlane: { image: 'example.org/hyperkube:v1.7.4' } },
      'its image of the API server is gcr.io/google_containers/hyperkube-amd64:v1.8.0, not example.org/hyperkube:v1.7.4; its image of the controller manager is gcr.io/google_containers/hyperkube-amd64:v1.8.0, not example.org/hyperkube:v1.7.4',
    ],
    [
      'address',
      { controlPlane: { advertiseAddress: '10.11.4.99' } },
      'its address of the API server is 127.0.0.1, not 10.11.4.99',
    ],
    [
      'zone',
      { dns: { zone: 'example.org.', endpoint: '' } },
      'its zone is example.com, not example.org; its DNS provider’s settings are not fcp/25-coredns-provider.conf',
    ],
  ];

  it.each(swept(others))(
    'is not taken for right where the plan has another %s, and nothing is changed',
    async (_, props, differs) => {
      await withFederation({}, async (federation) => {
        const { world, cli, resynth } = federation;
        await mustApply(federation);
        const before = world.canonicalState();
        resynth(props);
        world.clearLog();
        const ended = await cli(['apply', '--yes', '--json']);
        expect(ended.code).toBe(1);
        expect(story(ended).failed).toMatchObject([
          {
            step: 'fcp/federation-control-plane',
            problem: `the control plane in fcp was made otherwise than the plan says: ${differs}`,
            hint: expect.stringContaining('tear the federation down with the plan that it was made with') as unknown,
          },
        ]);
        expect(story(ended).skipped).toEqual(
          expect.arrayContaining(
            ['fcp/coredns', 'usa/join', 'usa/cluster-dns', 'federation/hello-world'].map((step) => ({
              step,
              why: 'fcp/federation-control-plane failed',
            })),
          ),
        );
        expect(world.canonicalState()).toEqual(before);
      });
    },
  );

  it('that lacks a part of it is not mended, and nothing of it is touched', async () => {
    const { world, cli } = shared.current;
    await world.restore(beforeJoin);
    await world.remove('fcp', 'Secret', 'federation-system', 'federation-apiserver-credentials');
    const before = world.canonicalState();
    const ended = await cli(['apply', '--yes', '--json']);
    expect(story(ended).failed).toMatchObject([
      {
        step: 'fcp/federation-control-plane',
        problem:
          'the control plane in fcp lacks what kubefed init made: Secret federation-system/federation-apiserver-credentials',
      },
    ]);
    expect(world.canonicalState()).toEqual(before);
  });
});

describe('a join', () => {
  const writes: [stage: number, last: string][] = [
    [5, 'the Secret in the host cluster'],
    [1, 'the namespace'],
    [2, 'the ServiceAccount'],
    [3, 'the ClusterRole'],
    [4, 'the binding'],
    [6, 'the Cluster'],
  ];

  it.each(swept(writes))(
    'that was cut off after %i writes is cleared away and done anew, or gone on with: after %s',
    async (stage) => {
      const { world, cli } = shared.current;
      await world.restore(beforeJoin);
      world.inject({ program: 'kubefed', match: /^join usa/, action: lostAfter(stage) });
      expect((await byHand(shared.current, 'usa/join')).code).toBe(1);
      expect(world.calls.at(-1)?.writes).toBe(stage);

      const ended = await cli(['apply', '--yes', '--json']);
      expect(story(ended).failed).toEqual([]);
      expect(world.canonicalState()).toEqual(undisturbed);
    },
  );

  it('that somebody tried without naming the federation leaves nothing in the way', async () => {
    const { world, cli } = shared.current;
    await world.restore(beforeJoin);
    // The current context is the host cluster's: this leaves ServiceAccount, role, binding and a Secret behind.
    const tried = await world.invoke('kubefed', ['join', 'usa', '--host-cluster-context=fcp']);
    expect(tried.stderr).toBe('error: server does not support API version "federation/v1beta1"\n');
    const ended = await cli(['apply', '--yes', '--json']);
    expect(story(ended).failed).toEqual([]);
    expect(ended.code).toBe(0);
    expect(memberNames(world)).toEqual(['chn', 'fcp', 'usa']);
  });

  it('goes to the federation whatever the current context is, and does not change that', async () => {
    const { world, cli } = shared.current;
    await world.restore(beforeJoin);
    await world.invoke('kubectl', ['config', 'use-context', 'chn']);
    const ended = await cli(['apply', '--yes', '--json']);
    expect(story(ended).failed).toEqual([]);
    expect(readFileSync(world.kubeconfigPath, 'utf8')).toMatch(/^current-context: chn$/m);
    expect(world.get('federation', 'Cluster', undefined, 'usa')).toBeDefined();
  });

  it('of a cluster that is a member under another name is an error, and the other name is never unjoined', async () => {
    const { world, cli } = shared.current;
    await world.restore(beforeJoin);
    const joined = await world.invoke('kubefed', [
      ...['join', 'states', '--context=federation', '--host-cluster-context=fcp', '--cluster-context=usa'],
    ]);
    expect(joined.code).toBe(0);
    const dns = world.get('usa', 'ConfigMap', 'kube-system', 'kube-dns');
    world.clearLog();
    const ended = await cli(['apply', '--yes', '--json']);
    expect(story(ended).failed).toMatchObject([
      {
        step: 'usa/join',
        cluster: 'usa',
        problem: 'usa (https://10.11.12.2:6443) is a member already, under the name states',
        hint: expect.stringContaining('Never unjoin the alias while the cluster is in use') as unknown,
      },
    ]);
    expect(story(ended).done).toEqual(expect.arrayContaining(['fcp/join', 'chn/join']));
    expect(world.calls.filter(({ argv }) => argv[0] === 'unjoin' || argv[1] === 'usa')).toEqual([]);
    expect(world.get('usa', 'ConfigMap', 'kube-system', 'kube-dns')).toEqual(dns);

    world.clearLog();
    const torn = await cli(['teardown', '--yes', '--json']);
    expect(story(torn).outcomes['usa/join']).toBe('kept');
    expect(world.calls.filter(({ argv }) => argv[0] === 'unjoin' && argv[1] !== 'fcp' && argv[1] !== 'chn')).toEqual(
      [],
    );
  });

  it('is refused where the name is another cluster’s', async () => {
    const { world, cli } = shared.current;
    await world.restore(beforeJoin);
    await world.invoke('kubefed', [
      'join',
      'usa',
      '--context=federation',
      '--host-cluster-context=fcp',
      '--cluster-context=chn',
    ]);
    const ended = await cli(['apply', '--yes', '--json']);
    expect(story(ended).failed).toContainEqual(
      expect.objectContaining({
        step: 'usa/join',
        problem: "the federation's member usa is another cluster: https://10.11.12.3:6443, not https://10.11.12.2:6443",
      }),
    );
    expect(world.calls.filter(({ argv }) => argv[0] === 'unjoin')).toEqual([]);
  });

  it('without a token for its ServiceAccount is one error, and done anew once there is one', async () => {
    const { world, cli } = shared.current;
    await world.restore(beforeJoin);
    world.inject({
      program: 'kubefed',
      match: /^join usa/,
      action: { type: 'exit', code: 1, stderr: 'error: timed out waiting for the condition\n' },
    });
    const ended = await cli(['apply', '--yes', '--json']);
    expect(story(ended).failed).toMatchObject([
      {
        step: 'usa/join',
        said: 'error: timed out waiting for the condition',
        problem: 'kubefed ended with exit code 1',
      },
    ]);
    await mustApply(shared.current);
    expect(world.canonicalState()).toEqual(undisturbed);
  });
});
