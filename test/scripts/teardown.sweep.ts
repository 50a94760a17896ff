/** What a teardown leaves standing: what belongs to another federation, what it cannot see, and what others stand on. */
import { account, admin } from '../stand-ins/fixtures';
import { GUIDE_CLUSTERS } from '../support/guide';
import { inSweeps, swept } from '../support/sweep';
import { Ended, limits, StartedFederation, StartOptions } from './support/cli';
import { differing } from './support/kill';
import { memberNames, mustApply, sharedFederation, shortLimit, withFederation } from './support/shared';
import { story } from './support/story';

/** A test with a World of its own that runs beside others. */
function its(what: string, options: StartOptions, test: (federation: StartedFederation) => Promise<void>): void {
  it.concurrent(what, () => withFederation(options, test));
}

/** The same, in the sweeps alone. */
const itsInSweeps = inSweeps(its);

async function kubectl({ world }: StartedFederation, ...args: string[]): Promise<void> {
  const ran = await world.invoke('kubectl', args);
  if (ran.code !== 0) throw new Error(ran.stderr);
}

/** Takes the federation's entries out of the kubeconfig: they are on the machine alone where init has run. */
async function onAnotherMachine(federation: StartedFederation): Promise<void> {
  await kubectl(federation, 'config', 'delete-context', 'federation');
  await kubectl(federation, 'config', 'delete-cluster', 'federation');
  await kubectl(federation, 'config', 'unset', 'users.federation');
}

describe('another federation on the same host cluster', () => {
  its('is not touched by the teardown of one that could not be applied', {}, async (federation) => {
    const { world, cli, resynth } = federation;
    await mustApply(federation);
    const before = world.canonicalState();
    resynth({ name: 'stage', dns: { zone: 'stage.example.', endpoint: world.dnsEndpoint } });
    expect((await cli(['apply', '--yes'])).code).toBe(1);
    expect(world.canonicalState()).toEqual(before);

    const ended = await cli(['teardown', '--yes', '--json']);
    expect(ended.code).toBe(0);
    expect(ended.events).toContainEqual(
      expect.objectContaining({
        step: 'fcp/federation-control-plane',
        outcome: 'kept',
        why: "federation-system belongs to the federation 'federation'",
      }),
    );
    expect(Object.entries(story(ended).outcomes).filter(([, outcome]) => outcome === 'removed')).toEqual([]);
    expect(world.canonicalState()).toEqual(before);
  });

  itsInSweeps('keeps what names its members where hosts have the same context name', {}, async (federation) => {
    const { world, cli } = federation;
    await mustApply(federation);
    // Its host cluster is called fcp, too, on another machine.
    const marks = {
      'federation.alpha.kubernetes.io/federation-name': 'stage',
      'federation.alpha.kubernetes.io/cluster-name': 'usa',
    };
    await cli(['teardown', '--yes']);
    await world.put('usa', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'federation-system', annotations: marks } }); // prettier-ignore
    await world.put('usa', {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'usa-fcp', namespace: 'federation-system', annotations: marks },
    });
    const ended = await cli(['apply', '--yes', '--json']);
    expect(story(ended).failed).toMatchObject([
      {
        step: 'usa/join',
        problem: "ServiceAccount federation-system/usa-fcp in usa belongs to the federation 'stage'",
        hint: expect.stringContaining('another context') as unknown,
      },
    ]);
    expect((await cli(['teardown', '--yes'])).code).toBe(0);
    expect(world.get('usa', 'ServiceAccount', 'federation-system', 'usa-fcp')).toBeDefined();
  });
});

describe('a control plane whose members cannot be seen', () => {
  its('is not taken away where this kubeconfig has no context of it', {}, async (federation) => {
    const { world, cli, resynth } = federation;
    await mustApply(federation);
    resynth({ clusters: [GUIDE_CLUSTERS.fcp, GUIDE_CLUSTERS.usa] });
    await onAnotherMachine(federation);
    world.clearLog();
    const ended = await cli(['teardown', '--yes', '--json']);
    expect(ended.code).toBe(1);
    for (const step of ['fcp/join', 'usa/join']) {
      expect(story(ended).failed).toContainEqual(
        expect.objectContaining({
          step,
          problem: "fcp has a control plane with members, but this kubeconfig has no whole context 'federation'",
          hint: expect.stringContaining('Copy cluster, user and context of that name') as unknown,
        }),
      );
    }
    expect(story(ended).outcomes['fcp/federation-control-plane']).toBe('skipped');
    expect(world.get('fcp', 'Namespace', undefined, 'federation-system')).toBeDefined();
    for (const cluster of ['fcp', 'usa', 'chn']) {
      expect(world.get(cluster, 'ServiceAccount', 'federation-system', `${cluster}-fcp`)).toBeDefined();
      expect(world.get(cluster, 'Service', 'default', 'hello-world')).toBeDefined();
    }
  });

  itsInSweeps('is not taken away where its API server cannot be asked', {}, async (federation) => {
    const { world, cli } = federation;
    await mustApply(federation);
    world.inject({
      program: 'kubectl',
      match: /--context=federation get --raw .*\/clusters/,
      times: 'always',
      action: { type: 'http', status: 401 },
    });
    const ended = await cli(['teardown', '--yes', '--json']);
    expect(ended.code).toBe(1);
    expect(story(ended).failed).toContainEqual(
      expect.objectContaining({
        step: 'usa/join',
        problem: 'the federation cannot be asked for its members, and fcp has credentials of some',
        said: expect.stringContaining('Unauthorized') as unknown,
        hint: expect.stringContaining(
          'kubectl --context=fcp --namespace=federation-system delete secret federation-member-chn',
        ) as unknown,
      }),
    );
    expect(story(ended).outcomes['fcp/federation-control-plane']).toBe('skipped');
    expect(world.get('usa', 'ServiceAccount', 'federation-system', 'usa-fcp')).toBeDefined();
  });

  itsInSweeps('goes where its pods have never started: it has had no member', {}, async (federation) => {
    const { world, cli, editPlan } = federation;
    editPlan(limits(await shortLimit(), /federation-control-plane$/));
    const before = world.canonicalState();
    await world.hold('fcp/Deployment/federation-system/*');
    expect((await cli(['apply', '--yes'])).code).toBe(1);
    expect(world.get('fcp', 'Namespace', undefined, 'federation-system')).toBeDefined();
    const ended = await cli(['teardown', '--yes', '--json']);
    expect(story(ended).failed).toEqual([]);
    expect(story(ended).outcomes['fcp/federation-control-plane']).toBe('removed');
    expect(differing(before, world.canonicalState()).filter((line) => !/etcdclusters|helmHomes/.test(line))).toEqual(
      [],
    );
  });
});

async function helm({ world }: StartedFederation, ...args: string[]): Promise<void> {
  const ran = await world.invoke('helm', ['--kube-context=fcp', ...args]);
  if (ran.code !== 0) throw new Error(ran.stderr);
}

/** Why steps were kept, by their ids. */
function kept({ events }: Ended): Record<string, string | undefined> {
  return Object.fromEntries(
    events.flatMap((event) => (event.type === 'ended' && event.outcome === 'kept' ? [[event.step, event.why]] : [])),
  );
}

describe('what others use', () => {
  /** Tiller and its account stay, and the other team's release can still be changed. */
  async function expectTillerInUse(federation: StartedFederation, ended: Ended): Promise<void> {
    expect(kept(ended)).toMatchObject({
      'fcp/helm-init': 'Tiller has other releases',
      'fcp/tiller': 'fcp/helm-init stays and needs it',
    });
    expect(federation.world.get('fcp', 'ServiceAccount', 'kube-system', 'tiller')).toBeDefined();
    await helm(federation, 'upgrade', 'theirs', 'stable/coredns', '--version=0.9.0');
  }

  its('keeps all that it stands on: a Tiller with another team’s release', {}, async (federation) => {
    const { world, cli } = federation;
    await mustApply(federation);
    await helm(federation, 'install', '--name=theirs', '--version=0.9.0', 'stable/coredns');
    const ended = await cli(['teardown', '--yes', '--json']);
    expect(ended.code).toBe(0);
    await expectTillerInUse(federation, ended);
    expect(story(ended).outcomes['fcp/etcd-operator']).toBe('removed');

    await helm(federation, 'delete', '--purge', 'theirs');
    expect((await cli(['teardown', '--yes'])).code).toBe(0);
    expect(world.get('fcp', 'ServiceAccount', 'kube-system', 'tiller')).toBeUndefined();
    expect(world.get('fcp', 'Deployment', 'kube-system', 'tiller-deploy')).toBeUndefined();
  });

  const usual = { clusters: { fcp: { objects: [account('tiller', 'kube-system'), admin('tiller', 'kube-system')] } } };
  itsInSweeps('keeps the account under which a Tiller ran before, and was adopted', usual, async (federation) => {
    const { cli } = federation;
    await helm(federation, 'init', '--service-account=tiller', '--skip-refresh');
    await helm(federation, 'install', '--name=theirs', '--version=0.9.0', 'stable/coredns');
    expect((await cli(['apply', '--yes', '--adopt'])).code).toBe(0);
    const ended = await cli(['teardown', '--yes', '--json']);
    expect(ended.code).toBe(0);
    await expectTillerInUse(federation, ended);
  });

  itsInSweeps(
    'keeps all that it stands on: a federation with a member that the plan does not know',
    {},
    async (federation) => {
      const { world, cli, resynth } = federation;
      await mustApply(federation);
      resynth({ clusters: [GUIDE_CLUSTERS.fcp, GUIDE_CLUSTERS.usa] });
      const ended = await cli(['teardown', '--yes', '--json']);
      expect(ended.code).toBe(0);
      const why = 'fcp/federation-control-plane stays and needs it';
      expect(kept(ended)).toMatchObject({
        'fcp/federation-control-plane': 'chn is a member that this plan does not know',
        'fcp/coredns': why,
        'fcp/helm-init': why,
        'fcp/tiller': why,
        'fcp/etcd-cluster': why,
        'fcp/etcd-operator': why,
      });
      expect(story(ended).outcomes).toMatchObject({
        'usa/join': 'removed',
        'usa/keepalived-cloud-provider': 'removed',
      });
      expect(world.get('fcp', 'EtcdCluster', 'default', 'etcd-cluster')).toBeDefined();
      expect(world.get('fcp', 'Deployment', 'default', 'coredns-coredns')).toBeDefined();
    },
  );
});

describe('a selection', () => {
  const shared = sharedFederation({ applied: true });

  const selections: [selection: string, standing: string[]][] = [
    ['--only etcd', ['fcp/coredns', 'fcp/federation-control-plane', 'fcp/join', 'federation/hello-world']],
    ['--only coredns', ['fcp/federation-control-plane', 'usa/join', 'federation/hello-world']],
    ['--cluster fcp', ['usa/join', 'chn/join', 'federation/hello-world']],
    ['--only federation-control-plane', ['fcp/join', 'usa/join', 'chn/join', 'federation/hello-world']],
    ['--only membership', ['usa/cluster-dns', 'federation/hello-world']],
    ['--only keepalived', ['federation/hello-world']],
    ['--only usa/node-labels', ['usa/join', 'usa/cluster-dns', 'federation/hello-world']],
  ];

  it.each(swept(selections))(
    'under which something stands is refused, with its name: %s',
    async (selection, standing) => {
      const { world, cli } = shared.current;
      const before = world.canonicalState();
      const ended = await cli(['teardown', '--yes', '--json', ...selection.split(' ')]);
      expect(ended.code).toBe(2);
      expect(ended.stderr).toContain('Something stands on the selected steps; nothing was taken away.');
      const findings = ended.events.flatMap((event) => (event.type === 'finding' ? [event] : []));
      expect(findings.map(({ where }) => where)).toEqual(expect.arrayContaining(standing));
      for (const { problem, hint } of findings) {
        expect(problem).toMatch(/^is there and needs \S+/);
        expect(hint).toBe('Select it too, or run teardown without a selection.');
      }
      expect(world.writes).toBe(0);
      expect(world.canonicalState()).toEqual(before);
    },
  );

  it('is carried out once nothing stands on it any more', async () => {
    const { world, cli } = shared.current;
    const select = (...names: string[]): string[] => ['--yes', ...names.flatMap((name) => ['--only', name])];
    for (const names of [['workloads'], ['cluster-dns', 'membership', 'keepalived'], ['federation-control-plane']]) {
      const { code, output } = await cli(['teardown', ...select(...names)]);
      expect({ names, code, output }).toMatchObject({ code: 0 });
    }
    expect((await cli(['teardown', ...select('etcd')])).code).toBe(2);
    expect((await cli(['teardown', ...select('coredns')])).code).toBe(0);
    expect((await cli(['teardown', ...select('etcd')])).code).toBe(0);
    expect(world.get('fcp', 'EtcdCluster', 'default', 'etcd-cluster')).toBeUndefined();
  });

  it('under which something may stand is refused while the federation cannot be asked', async () => {
    const { world, cli } = shared.current;
    await onAnotherMachine(shared.current);
    const before = world.canonicalState();
    const ended = await cli(['teardown', '--yes', '--json', '--only', 'node-labels']);
    expect(ended.code).toBe(2);
    expect(ended.events).toContainEqual(
      expect.objectContaining({
        type: 'finding',
        where: 'usa/join',
        problem: expect.stringContaining("this kubeconfig has no whole context 'federation'") as unknown,
      }),
    );
    expect(world.canonicalState()).toEqual(before);
  });

  it('of one member takes it out of the federation, and says what stays of it', async () => {
    const { world, cli } = shared.current;
    const ended = await cli(['teardown', '--yes', '--json', '--cluster', 'usa']);
    expect(story(ended).failed).toEqual([]);
    expect(ended.code).toBe(0);
    expect(story(ended).outcomes).toMatchObject({ 'usa/join': 'removed', 'usa/kube-keepalived-vip': 'removed' });
    expect(ended.events.filter(({ type }) => type === 'warning')).toEqual([
      {
        type: 'warning',
        cluster: 'usa',
        text: 'Service default/hello-world stays though usa is no member any more, and names of the federation still lead to 10.210.3.65: docs/apply.md says how to take both away.',
      },
    ]);
    expect(world.get('usa', 'Service', 'default', 'hello-world')).toBeDefined();
    expect(memberNames(world)).toEqual(['chn', 'fcp']);
  });
});
