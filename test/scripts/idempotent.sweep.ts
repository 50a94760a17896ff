import { at } from '../../scripts/apply/objects';
import { KNOWN_MS } from '../../scripts/kube/cache';
import { World } from '../stand-ins/world';
import { swept } from '../support/sweep';
import { change, set } from './support/change';
import { mustApply, sharedFederation, withFederation } from './support/shared';
import { story } from './support/story';

/** Asks which kinds there are, and of which version the server is. */
const isDiscovery = (path: string): boolean => /^\/(version|apis?|api\/v1|apis\/[^/]+\/[^/]+)$/.test(path);

const shared = sharedFederation({ applied: true });

describe('a second apply', () => {
  it('writes nothing, says so, and asks no question', async () => {
    const { world, cli } = shared.current;
    const before = world.canonicalState();
    const { code, stdout, stderr } = await cli(['apply']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/\n36 unchanged in .*\.\nNothing was written: everything is as the plan says\.\n$/);
    expect(world.writes).toBe(0);
    expect(world.canonicalState()).toEqual(before);
  });

  it('starts no program that could write', async () => {
    const { world, cli } = shared.current;
    await cli(['apply', '--yes']);
    const writing = world.calls.filter(
      ({ argv }) =>
        /\b(apply|create|patch|label|delete|init|join|upgrade|replace)\b/.test(argv.join(' ')) &&
        !argv.includes('--output=json'),
    );
    expect(writing.map(({ argv }) => argv.join(' '))).toEqual([]);
  });

  it('asks for no object twice', async () => {
    const { world, cli } = shared.current;
    await cli(['apply', '--yes']);
    const asked = world.calls
      .filter(({ argv }) => argv.includes('--raw') && !isDiscovery(argv.at(-1) ?? ''))
      .map(({ argv, startedAt }) => ({ name: argv.join(' '), startedAt }));
    expect(asked.length).toBeGreaterThan(30);
    // On a busy machine a run takes longer than an answer counts.
    const twice = asked.filter(({ name, startedAt }, i) =>
      asked.slice(0, i).some((earlier) => earlier.name === name && startedAt - earlier.startedAt < KNOWN_MS / 2),
    );
    expect(twice).toEqual([]);
  });
});

describe('apply after a change by somebody else', () => {
  const changes: [what: string, step: string, drift: (world: World) => Promise<void>][] = [
    [
      'the image of a Deployment',
      'usa/keepalived-cloud-provider',
      (world) =>
        change(world, ['usa', 'Deployment', 'kube-system', 'keepalived-cloud-provider'], (object) => {
          set(object, ['spec', 'template', 'spec', 'containers', 0, 'image'], 'example.org/other:1');
        }),
    ],
    [
      'the address range in its environment',
      'usa/keepalived-cloud-provider',
      (world) =>
        change(world, ['usa', 'Deployment', 'kube-system', 'keepalived-cloud-provider'], (object) => {
          set(object, ['spec', 'template', 'spec', 'containers', 0, 'env', 2, 'value'], '10.99.0.0/24');
        }),
    ],
    [
      'an argument of a DaemonSet',
      'chn/kube-keepalived-vip',
      (world) =>
        change(world, ['chn', 'DaemonSet', 'kube-system', 'kube-keepalived-vip'], (object) => {
          set(
            object,
            ['spec', 'template', 'spec', 'containers', 0, 'args'],
            ['--services-configmap=cloud-provider/vip-configmap'],
          );
        }),
    ],
    [
      'a label of a node',
      'usa/node-labels',
      (world) =>
        change(world, ['usa', 'Node', undefined, 'usa-node-2'], ({ metadata }) => {
          Reflect.deleteProperty(metadata.labels ?? {}, 'failure-domain.beta.kubernetes.io/zone');
        }),
    ],
    [
      'a rule of a ClusterRole',
      'fcp/etcd-operator',
      (world) =>
        change(world, ['fcp', 'ClusterRole', undefined, 'etcd-operator'], (object) => {
          set(object, ['rules', 0, 'verbs'], ['get']);
        }),
    ],
    [
      'an object that is gone',
      'chn/kube-keepalived-vip',
      (world) => world.remove('chn', 'DaemonSet', 'kube-system', 'kube-keepalived-vip'),
    ],
    [
      'the size of the etcd cluster',
      'fcp/etcd-cluster',
      (world) =>
        change(world, ['fcp', 'EtcdCluster', 'default', 'etcd-cluster'], (object) => {
          set(object, ['spec', 'version'], '3.1.7');
        }),
    ],
    [
      'the node port of CoreDNS',
      'fcp/coredns-node-port',
      (world) =>
        change(world, ['fcp', 'Service', 'default', 'coredns-coredns'], (object) => {
          set(object, ['spec', 'ports', 0, 'nodePort'], 31_999);
        }),
    ],
    [
      'the replicas of a federated Deployment',
      'federation/hello-world',
      (world) =>
        change(world, ['federation', 'Deployment', 'default', 'hello-world'], (object) => {
          set(object, ['spec', 'replicas'], 3);
        }),
    ],
  ];

  it.each(swept(changes))('restores exactly that: %s', async (_, step, drift) => {
    const { world, cli } = shared.current;
    const before = world.canonicalState();
    await drift(world);
    expect(world.canonicalState()).not.toEqual(before);

    const ended = await cli(['apply', '--yes', '--json']);
    expect(ended.code).toBe(0);
    const changed = Object.entries(story(ended).outcomes).filter(([, outcome]) => outcome !== 'unchanged');
    expect(changed).toEqual([[step, 'changed']]);
    expect(world.canonicalState()).toEqual(before);
  });

  it('says what differs before it changes it', async () => {
    const { world, cli } = shared.current;
    await change(world, ['usa', 'Deployment', 'kube-system', 'keepalived-cloud-provider'], (object) => {
      set(object, ['spec', 'template', 'spec', 'containers', 0, 'image'], 'example.org/other:1');
    });
    const { stdout } = await cli(['apply', '--yes']);
    expect(stdout).toContain(
      'usa/keepalived-cloud-provider: Deployment kube-system/keepalived-cloud-provider: spec.template.spec.containers[keepalived-cloud-provider].image is not as declared\n',
    );
  });

  it('restores the entry in kube-dns, and marks it as its own', async () => {
    const { world, cli } = shared.current;
    const key = ['chn', 'ConfigMap', 'kube-system', 'kube-dns'] as const;
    const before = world.get(...key)?.data;
    await change(world, key, (object) => {
      Reflect.deleteProperty(object.data as object, 'stubDomains');
    });
    const ended = await cli(['apply', '--yes', '--json']);
    expect(Object.entries(story(ended).outcomes).filter(([, outcome]) => outcome !== 'unchanged')).toEqual([
      ['chn/cluster-dns', 'changed'],
    ]);
    expect(world.get(...key)?.data).toEqual(before);
    expect(world.get(...key)?.metadata.annotations).toMatchObject({
      'onprem-federation.io/dns-server': `example.com=${world.dnsEndpoint}`,
    });
  });

  it('upgrades a release whose values somebody has set', async () => {
    const { world, cli } = shared.current;
    const before = world.get('fcp', 'Deployment', 'default', 'coredns-coredns')?.spec;
    await world.invoke('helm', [
      '--kube-context=fcp',
      'upgrade',
      'coredns',
      'stable/coredns',
      '--version=0.6.0',
      '--reuse-values',
      '--set=replicaCount=2',
    ]);
    expect(world.get('fcp', 'Deployment', 'default', 'coredns-coredns')?.spec).not.toEqual(before);
    const ended = await cli(['apply', '--yes', '--json']);
    expect(ended.code).toBe(0);
    expect(world.get('fcp', 'Deployment', 'default', 'coredns-coredns')?.spec).toEqual(before);
  });

  it('leaves alone what others have added beside it', async () => {
    const { world, cli } = shared.current;
    await change(world, ['usa', 'Deployment', 'kube-system', 'keepalived-cloud-provider'], ({ metadata }) => {
      metadata.annotations = { ...metadata.annotations, 'example.org/seen-by': 'an admin' };
    });
    await change(world, ['usa', 'Node', undefined, 'usa-node-1'], ({ metadata }) => {
      metadata.labels = { ...metadata.labels, 'example.org/rack': '7' };
    });
    await cli(['apply', '--yes']);
    expect(world.writes).toBe(0);
  });

  it('gives up where something else keeps setting it back', async () => {
    const { world, cli } = shared.current;
    const key = ['usa', 'Deployment', 'kube-system', 'keepalived-cloud-provider'] as const;
    const spoil = (): Promise<void> =>
      change(world, key, (object) => {
        set(object, ['spec', 'template', 'spec', 'containers', 0, 'image'], 'example.org/other:1');
      });
    await spoil();
    let busy = false;
    const stop = world.onChange(() => {
      const image = JSON.stringify(world.get(...key)).includes('example.org/other:1');
      if (image || busy) return;
      busy = true;
      void spoil().then(() => (busy = false));
    });
    const ended = await cli(['apply', '--yes', '--json']);
    stop();
    expect(ended.code).toBe(1);
    expect(story(ended).failed).toMatchObject([
      {
        step: 'usa/keepalived-cloud-provider',
        problem: expect.stringMatching(/image is not as declared again, after it was set 3 times$/) as unknown,
        hint: expect.stringContaining('find out what') as unknown,
      },
    ]);
  });
});

describe('apply after something was taken out of main.ts', () => {
  it('takes it out of the clusters, and leaves what others have added', async () => {
    await withFederation({}, async (federation) => {
      const { world, cli, resynth } = federation;
      const hello = { name: 'hello-world', image: 'artmr/hello-world:latest', replicas: 12, port: 8080 };
      resynth({ workloads: [{ ...hello, env: { DEBUG: '1' }, morePorts: [{ name: 'admin', port: 9000 }] }] });
      await mustApply(federation);
      await change(world, ['federation', 'Service', 'default', 'hello-world'], (object) => {
        set(object, ['metadata', 'annotations', 'others.example/note'], 'kept');
      });
      const [ports, env] = [
        (): unknown => at(world.get('federation', 'Service', 'default', 'hello-world'), 'spec', 'ports'),
        (): unknown =>
          at(
            world.get('federation', 'Deployment', 'default', 'hello-world'),
            'spec',
            'template',
            'spec',
            'containers',
            0,
            'env',
          ),
      ];
      expect(ports()).toHaveLength(2);
      expect(env()).toEqual([{ name: 'DEBUG', value: '1' }]);

      resynth({ workloads: [hello] });
      const ended = await cli(['apply', '--yes', '--json']);
      expect(ended.code).toBe(0);
      expect(story(ended).outcomes['federation/hello-world']).toBe('changed');
      expect(ended.output).toContain('spec.ports[admin] is not declared any more');
      expect(ports()).toMatchObject([{ port: 8080 }]);
      expect(env() ?? []).toEqual([]);
      const service = world.get('federation', 'Service', 'default', 'hello-world');
      expect(service?.metadata.annotations?.['others.example/note']).toBe('kept');
      const again = await cli(['apply', '--yes']);
      expect(again.stdout).toContain('Nothing was written: everything is as the plan says.');
    });
  });
});
