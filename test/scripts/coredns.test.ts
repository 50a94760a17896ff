import { at } from '../stand-ins/json';
import { World } from '../stand-ins/world';
import { BY_MANIFESTS, guideAt } from '../support/guide';
import { change, set } from './support/change';
import { differing } from './support/kill';
import { StartedFederation } from './support/cli';
import { mustApply, sharedFederation, withFederation } from './support/shared';
import { story } from './support/story';

const SERVICE = ['fcp', 'Service', 'default', 'coredns'] as const;

/** What was written to CoreDNS' Service, in order. */
const writesToService = (world: World): string[] =>
  world.calls.flatMap(({ effects }) =>
    effects.flatMap((effect) => (effect.endsWith(' fcp services default/coredns') ? [effect.split(' ')[0] ?? ''] : [])),
  );

const nodePorts = (world: World): unknown[] =>
  [0, 1].map((index) => at(world.get(...SERVICE), 'spec', 'ports', index, 'nodePort'));

describe('CoreDNS by manifests', () => {
  const shared = sharedFederation({ props: BY_MANIFESTS });

  it('needs no Helm, is left alone once it is there, answers, and goes', async () => {
    const { world, cli } = shared.current;
    const before = world.canonicalState();
    const without = { env: world.envWithout('helm') };
    expect((await cli(['apply', '--yes'], without)).code).toBe(0);
    expect(nodePorts(world)).toEqual([world.dnsPort, world.dnsPort]);
    expect(world.resolve('hello-world.default.federation.svc.fr.europe.example.com')).toEqual(['10.210.1.65']);

    expect((await cli(['apply', '--yes'], without)).stdout).toContain('Nothing was written');
    expect((await cli(['status'], without)).code).toBe(0);
    expect((await cli(['verify'], without)).code).toBe(0);
    // Any update of it would end the API server.
    expect(writesToService(world)).toEqual(['create']);

    expect((await cli(['teardown', '--yes'], without)).code).toBe(0);
    expect(world.calls.filter(({ program }) => program === 'helm')).toEqual([]);
    expect(
      differing(before, world.canonicalState()).filter(
        (line) => !/etcdclusters|namespaces\/default\/metadata\/labels/.test(line),
      ),
    ).toEqual([]);
  });

  it('gets its Service anew where that is not as declared: its server cannot change it', async () => {
    const { world, cli } = shared.current;
    await mustApply(shared.current);
    const applied = world.canonicalState();
    await change(world, SERVICE, (object) => {
      set(object, ['spec', 'ports', 1, 'nodePort'], 31_999);
    });
    world.clearLog();
    const plan = await cli(['plan']);
    expect(plan.stdout).toContain('Service default/coredns: spec.ports[dns-tcp].nodePort is not as declared');
    await mustApply(shared.current);
    expect(writesToService(world)).toEqual(['delete', 'create']);
    expect(nodePorts(world)).toEqual([world.dnsPort, world.dnsPort]);
    expect(differing(applied, world.canonicalState()).filter((line) => !/clusterIP/.test(line))).toEqual([]);
  });

  it('gets it back where the run was killed between the two', async () => {
    const { world, cli } = shared.current;
    await mustApply(shared.current);
    await change(world, SERVICE, (object) => {
      set(object, ['spec', 'ports', 1, 'nodePort'], 31_999);
    });
    world.inject({ match: /fcp create --filename=fcp\/20/, times: 'always', action: { type: 'http', status: 403 } });
    const ended = await cli(['apply', '--yes', '--json']);
    expect(story(ended).failed.map(({ step }) => step)).toEqual(['fcp/coredns-service']);
    expect(world.get(...SERVICE)).toBeUndefined();
    world.clearFaults();
    await mustApply(shared.current);
    expect(nodePorts(world)).toEqual([world.dnsPort, world.dnsPort]);
  });

  it('takes the right to delete the Service, too', async () => {
    const { world, cli } = shared.current;
    world.deny({ cluster: 'fcp', verb: 'delete', resource: 'services' });
    const ended = await cli(['apply', '--yes']);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain('the user of context fcp may not delete services in default\n');
    expect(world.writes).toBe(0);
  });

  it('is created once though the answer is lost', async () => {
    const { world } = shared.current;
    world.inject({ match: /fcp create --filename=fcp\/20/, action: { type: 'notAfterWrite' } });
    await mustApply(shared.current);
    expect(writesToService(world)).toEqual(['create']);
  });

  it('does not take the place of a Service of somebody else’s unless that is said', async () => {
    const { world, cli } = shared.current;
    await world.put('fcp', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'coredns', namespace: 'default', labels: { team: 'network' } },
      spec: { selector: { app: 'theirs' }, ports: [{ port: 53, protocol: 'UDP' }] },
    });
    const theirs = world.get(...SERVICE);
    const refused = await cli(['apply', '--yes', '--json']);
    expect(story(refused).failed).toMatchObject([
      {
        step: 'fcp/coredns-service',
        problem: 'Service default/coredns in fcp is there already and was not made by this plan',
      },
    ]);
    expect(world.get(...SERVICE)).toEqual(theirs);
    const torn = await cli(['teardown', '--yes', '--json']);
    expect(story(torn).outcomes['fcp/coredns-service']).toBe('kept');
    expect(world.get(...SERVICE)).toEqual(theirs);

    world.clearLog();
    expect((await cli(['apply', '--yes', '--adopt'])).code).toBe(0);
    expect(writesToService(world)).toEqual(['delete', 'create']);
    expect(nodePorts(world)).toEqual([world.dnsPort, world.dnsPort]);
  });
});

it('is applied with its Service where the server can change that', async () => {
  await withFederation(
    { props: guideAt('1.9.11', { ...BY_MANIFESTS, workloads: [] }), world: { kubectlVersion: '1.9.11' } },
    async (federation) => {
      const { world, cli } = federation;
      await mustApply(federation);
      expect(nodePorts(world)).toEqual([world.dnsPort, world.dnsPort]);
      await change(world, SERVICE, (object) => {
        set(object, ['spec', 'selector'], { app: 'other' });
      });
      world.clearLog();
      await mustApply(federation);
      expect(writesToService(world)).toEqual(['update']);
      expect((await cli(['teardown', '--yes'])).code).toBe(0);
      expect(world.get(...SERVICE)).toBeUndefined();
    },
  );
});

describe('a change from one way to the other', () => {
  /** Takes away what the hint of the step says, with the programs that it names. */
  const takeAway = async ({ world }: StartedFederation, hint: string): Promise<void> => {
    const [, program, words = ''] = /take the other one away \((kubectl|helm) ([^)]*)\)/.exec(hint) ?? [];
    expect((await world.invoke(program === 'helm' ? 'helm' : 'kubectl', words.split(' '))).code).toBe(0);
  };

  it('to manifests stops until the chart is gone, and plan says so', async () => {
    await withFederation({}, async (federation) => {
      const { world, cli, resynth } = federation;
      await mustApply(federation);
      const before = world.canonicalState();
      resynth(BY_MANIFESTS);
      const problem = `Service default/coredns-coredns in fcp has the node port ${world.dnsPort}: there is CoreDNS by its chart (coreDns.install: 'helm') already`;
      expect((await cli(['plan'])).stdout).toContain(`  ! fcp/coredns-service: `);
      expect((await cli(['plan'])).stdout).toContain(problem);
      const refused = await cli(['apply', '--yes', '--json']);
      expect(refused.code).toBe(1);
      expect(story(refused).failed).toMatchObject([{ step: 'fcp/coredns-service', problem }]);
      expect(differing(before, world.canonicalState())).toEqual([]);

      await takeAway(federation, story(refused).failed[0]?.hint ?? '');
      await mustApply(federation);
      expect((await cli(['verify'])).code).toBe(0);
      expect(world.get('fcp', 'Deployment', 'default', 'coredns-coredns')).toBeUndefined();

      // Tiller still runs, so that nothing but the release stands between the two.
      resynth({ coreDns: {} });
      const back = await cli(['apply', '--yes', '--json']);
      expect(story(back).failed.map(({ step }) => step)).toEqual(['fcp/coredns']);
      expect(world.get('fcp', 'Deployment', 'default', 'coredns-coredns')).toBeUndefined();
    });
  });

  it('to the chart stops until the manifests’ objects are gone, before Tiller is set up', async () => {
    await withFederation({ props: BY_MANIFESTS }, async (federation) => {
      const { world, cli, resynth } = federation;
      await mustApply(federation);
      const before = world.canonicalState();
      resynth({ coreDns: {} });
      const refused = await cli(['apply', '--yes', '--json']);
      const problem = `Service default/coredns in fcp has the node port ${world.dnsPort}: there is CoreDNS by manifests (coreDns.install: 'manifests') already`;
      expect(story(refused).failed).toMatchObject([{ step: 'fcp/tiller', problem }]);
      expect(differing(before, world.canonicalState())).toEqual([]);

      await takeAway(federation, story(refused).failed[0]?.hint ?? '');
      await mustApply(federation);
      expect((await cli(['verify'])).code).toBe(0);
    });
  });
});
