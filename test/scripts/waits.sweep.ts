import { World } from '../stand-ins/world';
import { inSweeps, swept } from '../support/sweep';
import { limits } from './support/cli';
import { mustApply, shortLimit, withFederation } from './support/shared';
import { story } from './support/story';

/** A test that runs beside others, in the sweeps alone. */
const itInSweeps = inSweeps<[test: () => Promise<void>]>((what, test) => {
  it.concurrent(what, test);
});

interface Wait {
  readonly what: string;
  /** Who is held back. */
  readonly held: string;
  readonly step: string;
  /** What the step saw last. */
  readonly seen: string;
  /** The command to look further with. */
  readonly further: string;
}

const waits: Wait[] = [
  {
    what: 'an etcd-operator that does not start',
    held: 'fcp/Deployment/default/etcd-operator',
    step: 'fcp/etcd-operator',
    seen: 'deployment/etcd-operator: 0 of 1 pods available',
    further: 'kubectl --context=fcp --namespace=default describe deployment/etcd-operator',
  },
  {
    what: 'an etcd cluster that never gets ready',
    held: 'fcp/EtcdCluster/default/etcd-cluster',
    step: 'fcp/etcd-cluster',
    seen: 'etcdcluster/etcd-cluster: no phase yet, 0 of 3 members ready',
    further: 'kubectl --context=fcp --namespace=default describe etcdcluster/etcd-cluster',
  },
  {
    what: 'a Tiller that does not start',
    held: 'fcp/Deployment/kube-system/tiller-deploy',
    step: 'fcp/helm-init',
    seen: 'deployment/tiller-deploy: 0 of 1 pods available',
    further: 'kubectl --context=fcp --namespace=kube-system describe deployment/tiller-deploy',
  },
  {
    what: 'a CoreDNS that does not start',
    held: 'fcp/Deployment/default/coredns-coredns',
    step: 'fcp/coredns',
    seen: 'deployment/coredns-coredns: 0 of 1 pods available',
    further: 'kubectl --context=fcp --namespace=default describe deployment/coredns-coredns',
  },
  {
    what: 'a DaemonSet that is never rolled out',
    held: 'usa/DaemonSet/kube-system/kube-keepalived-vip',
    step: 'usa/kube-keepalived-vip',
    seen: 'daemonset/kube-keepalived-vip: 0 of 3 pods available',
    further: 'kubectl --context=usa --namespace=kube-system describe daemonset/kube-keepalived-vip',
  },
  {
    what: 'a member that is never Ready',
    held: 'federation/Cluster//usa',
    step: 'usa/join',
    seen: 'cluster/usa is not Ready yet',
    further: 'kubectl --context=federation describe cluster usa',
  },
  {
    what: 'a Service that is given no address',
    held: 'usa/Service/default/hello-world',
    step: 'usa/hello-world-address',
    seen: 'service/hello-world has no address yet',
    further: 'kubectl --context=usa --namespace=default describe service hello-world',
  },
  {
    what: 'a Service that the federation does not bring',
    held: 'federation/Service/default/hello-world',
    step: 'usa/hello-world-address',
    seen: 'service/hello-world is not there yet',
    further: 'kubectl --context=usa --namespace=default describe service hello-world',
  },
];

it.concurrent.each(swept(waits))('ends at its limit, with what it saw last and where to look: $what', (wait) =>
  withFederation({}, async (federation) => {
    const { world, cli, editPlan } = federation;
    const limit = await shortLimit();
    editPlan(limits(limit, new RegExp(`/${wait.step.split('/')[1] ?? ''}$`)));
    await world.hold(wait.held);
    const ended = await cli(['apply', '--yes', '--json']);
    expect(ended.code).toBe(1);
    expect(story(ended).failed).toContainEqual({
      step: wait.step,
      cluster: wait.step.split('/')[0],
      problem: `it did not come about within ${limit} s; last seen: ${wait.seen}`,
      hint: `Look further with: ${wait.further}. Then run apply again.`,
    });
    expect(ended.events).toContainEqual(expect.objectContaining({ type: 'seen', step: wait.step, seen: wait.seen }));

    await world.release(wait.held);
    editPlan(limits(600));
    await mustApply(federation);
  }),
);

/**
 * Puts another answer beside the right one: a record that somebody has left in etcd below the name, where the federation's
 * controllers do not look and CoreDNS does.
 */
function plantRecord(world: World, address: string): void {
  const etcd = world.clusterState('fcp').etcd['default/etcd-cluster'];
  if (!etcd) throw new Error('there is no etcd');
  etcd.v2['/skydns/com/example/america/us/svc/federation/default/hello-world/left/behind'] = JSON.stringify({
    host: address,
  });
}

itInSweeps('ends at its limit where a name leads to another address, too', () =>
  withFederation({}, async (federation) => {
    const { world, cli, editPlan } = federation;
    await mustApply(federation);
    plantRecord(world, '10.210.3.99');
    const limit = await shortLimit();
    editPlan(limits(limit, /^usa\/hello-world-dns$/));
    const ended = await cli(['apply', '--yes', '--json']);
    const name = 'hello-world.default.federation.svc.us.america.example.com';
    expect(story(ended).failed).toEqual([
      {
        step: 'usa/hello-world-dns',
        cluster: 'usa',
        problem: `it did not come about within ${limit} s; last seen: ${name} leads to 10.210.3.65, 10.210.3.99, not 10.210.3.65`,
        hint: `Look further with: dig @127.0.0.1 -p ${world.dnsPort} ${name}. Then run apply again.`,
      },
    ]);
    expect(ended.code).toBe(1);
    expect(world.writes).toBeGreaterThan(0);
  }),
);

itInSweeps('ends at its limit where the server for the names does not answer', () =>
  withFederation({}, async (federation) => {
    const { world, cli, editPlan } = federation;
    await mustApply(federation);
    const limit = await shortLimit();
    editPlan(limits(limit, /^usa\/hello-world-dns$/));
    await world.hold('fcp/Deployment/default/coredns-coredns');
    await world.remove('fcp', 'Deployment', 'default', 'coredns-coredns');
    const ended = await cli(['apply', '--yes', '--json', '--only', 'hello-world-dns', '--cluster', 'usa']);
    expect(story(ended).failed[0]?.problem).toContain(`: ${world.dnsEndpoint} does not answer`);
    expect(ended.code).toBe(1);
  }),
);

describe('kubefed init, which polls for ever', () => {
  itInSweeps('is ended at the step’s limit, with where to look, and its work is gone on with', () =>
    withFederation({}, async (federation) => {
      const { world, cli, editPlan } = federation;
      const limit = await shortLimit();
      editPlan(limits(limit, /^fcp\/federation-control-plane$/));
      await world.hold('fcp/Deployment/federation-system/*');
      const ended = await cli(['apply', '--yes', '--json']);
      expect(story(ended).failed).toEqual([
        {
          step: 'fcp/federation-control-plane',
          cluster: 'fcp',
          problem: 'kubefed init did not come to its end in time: it polls without limit until both pods run',
          hint: expect.stringContaining('kubectl --context=fcp --namespace=federation-system describe pods') as unknown,
          command: expect.stringMatching(/^kubefed init federation /) as unknown,
        },
      ]);
      expect(story(ended).skipped.map(({ step }) => step)).toContain('usa/join');
      // It was ended, not left to itself.
      expect(world.calls.filter(({ program, endedAt }) => program === 'kubefed' && endedAt === undefined)).toEqual([]);

      world.clearLog();
      const stillHeld = await cli(['apply', '--yes', '--json']);
      expect(story(stillHeld).failed).toMatchObject([
        {
          problem: expect.stringContaining(
            'last seen: deployment/federation-apiserver: 0 of 1 pods available',
          ) as unknown,
        },
      ]);
      expect(world.calls.filter(({ argv }) => argv[0] === 'init')).toEqual([]);

      await world.release('fcp/Deployment/federation-system/*');
      editPlan(limits(600));
      await mustApply(federation);
      expect(world.calls.filter(({ argv }) => argv[0] === 'init')).toEqual([]);
    }),
  );
});

itInSweeps('does not hold up what does not need it', () =>
  withFederation({}, async (federation) => {
    const { world, cli, editPlan } = federation;
    const limit = await shortLimit();
    editPlan(limits(limit, /^fcp\/etcd-cluster$/));
    await world.hold('fcp/EtcdCluster/default/etcd-cluster');
    const ended = await cli(['apply', '--yes', '--json']);
    expect(story(ended).done).toEqual(
      expect.arrayContaining([
        'fcp/helm-init',
        'usa/keepalived-cloud-provider',
        'chn/node-labels',
        'fcp/kube-keepalived-vip',
      ]),
    );
    expect(story(ended).skipped).toContainEqual({ step: 'fcp/coredns', why: 'fcp/etcd-cluster failed' });
  }),
);
