/** What others keep in the clusters and in the kubeconfig is there after an apply, and after a teardown, as it was before. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { account, admin } from '../stand-ins/fixtures';
import { KubeObject } from '../stand-ins/json';
import { World } from '../stand-ins/world';
import { guideAt, guideProps } from '../support/guide';
import { inSweeps, swept } from '../support/sweep';
import { StartedFederation, StartOptions } from './support/cli';
import { change, set } from './support/change';
import { mustApply, withFederation } from './support/shared';
import { story } from './support/story';

/** A test with a World of its own that runs beside others. */
function its(what: string, options: StartOptions, test: (federation: StartedFederation) => Promise<void>): void {
  it.concurrent(what, () => withFederation(options, test));
}

/** The same, in the sweeps alone. */
const itsInSweeps = inSweeps(its);

async function mustTearDown({ cli }: StartedFederation): Promise<void> {
  const { code, output } = await cli(['teardown', '--yes']);
  if (code !== 0) throw new Error(`teardown ended with ${String(code)}:\n${output}`);
}

function dataOf(world: World, cluster: string, name: string): unknown {
  return world.get(cluster, 'ConfigMap', 'kube-system', name)?.data;
}

const loadBalancer = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default' },
  spec: { type: 'LoadBalancer', selector: { app: name }, ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }] },
});

describe('addresses that were given out', () => {
  const allocations = (world: World): unknown => {
    const map = world.get('usa', 'ConfigMap', 'kube-system', 'vip-configmap');
    return { data: map?.data, annotations: map?.metadata.annotations };
  };

  itsInSweeps('stay over a second apply and over changes of the topology', {}, async (federation) => {
    const { world, resynth } = federation;
    await mustApply(federation);
    await world.put('usa', loadBalancer('shop'));
    const before = allocations(world);
    expect(before).toMatchObject({
      data: { '10.210.3.65': 'default/hello-world', '10.210.3.66': 'default/shop' },
      annotations: { 'k8s.co/cloud-provider-config': expect.stringContaining('10.210.3.66') as unknown },
    });

    await mustApply(federation);
    expect(allocations(world)).toEqual(before);

    const [workload] = guideProps().workloads ?? [];
    if (!workload) throw new Error('the guide has a workload');
    resynth({
      workloads: [{ ...workload, replicas: 6 }],
      keepalived: { cloudProviderImage: 'quay.io/munnerz/keepalived-cloud-provider:0.0.2' },
    });
    const ended = await federation.cli(['apply', '--yes', '--json']);
    expect(ended.code).toBe(0);
    expect(story(ended).outcomes['usa/keepalived-cloud-provider']).toBe('changed');
    expect(allocations(world)).toEqual(before);
  });

  const given: KubeObject = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'vip-configmap', namespace: 'kube-system', annotations: { 'example.org/since': '2016' } },
    data: { '10.210.3.70': 'default/older' },
  };
  its(
    'stay where another hand has made their place',
    { clusters: { usa: { objects: [given] } } },
    async (federation) => {
      const { world } = federation;
      await mustApply(federation);
      const map = world.get('usa', 'ConfigMap', 'kube-system', 'vip-configmap');
      expect(map?.data).toMatchObject({ '10.210.3.70': 'default/older' });
      expect(map?.metadata.annotations).toMatchObject({ 'example.org/since': '2016' });
      await mustTearDown(federation);
      expect(dataOf(world, 'usa', 'vip-configmap')).toMatchObject({ '10.210.3.70': 'default/older' });
    },
  );
});

describe('a user’s settings of kube-dns', () => {
  const settings = {
    stubDomains: '{"corp.example":["10.0.0.53","10.0.0.54"]}',
    upstreamNameservers: '["10.0.0.1"]',
    federations: 'other=other.example',
  };
  const options: StartOptions = { clusters: { usa: { clusterDnsConfig: settings } } };
  const expectJoined = (world: World): void => {
    const data = dataOf(world, 'usa', 'kube-dns') as Record<string, string>;
    expect({ ...data, stubDomains: JSON.parse(data.stubDomains ?? '') as unknown }).toEqual({
      ...settings,
      federations: 'other=other.example,federation=example.com',
      stubDomains: { 'corp.example': ['10.0.0.53', '10.0.0.54'], 'example.com': [world.dnsEndpoint] },
    });
    expect(
      Object.keys(world.get('usa', 'ConfigMap', 'kube-system', 'kube-dns')?.metadata.annotations ?? {}),
    ).not.toContain('onprem-federation.io/saved-stub-domains');
  };
  const expectAsBefore = (world: World): void => {
    expect(dataOf(world, 'usa', 'kube-dns')).toEqual(settings);
    const { annotations } = world.get('usa', 'ConfigMap', 'kube-system', 'kube-dns')?.metadata ?? {};
    expect(Object.keys(annotations ?? {}).filter((key) => key.startsWith('onprem-federation'))).toEqual([]);
  };

  its('stay over apply and teardown', options, async (federation) => {
    await mustApply(federation);
    expectJoined(federation.world);
    await mustTearDown(federation);
    expectAsBefore(federation.world);
  });

  itsInSweeps('stay where the run is killed between the join and the merge', options, async (federation) => {
    const { world, cli } = federation;
    world.inject({ program: 'kubefed', match: /^join usa/, action: { type: 'kill', point: 'after' } });
    const killed = await cli(['apply', '--yes'], { started: ({ pid }) => (world.victim = pid) });
    expect(killed.signal).toBe('SIGKILL');
    // kubefed itself adds no stub domain to a ConfigMap that is there.
    expect(dataOf(world, 'usa', 'kube-dns')).toMatchObject({ stubDomains: settings.stubDomains });
    await mustApply(federation);
    expectJoined(world);
  });

  itsInSweeps('stay where the merge after the join fails', options, async (federation) => {
    const { world, cli } = federation;
    const patch =
      /usa .*patch configmap kube-dns .*"saved-stub-domains":null|usa .*patch configmap kube-dns .*stubDomains/;
    const fault = world.inject({ match: patch, times: 'always', action: { type: 'http', status: 403 } });
    const failed = await cli(['apply', '--yes', '--json']);
    expect(story(failed).failed).toMatchObject([
      { step: 'usa/join', problem: 'the user of this context may not do that' },
    ]);
    fault.remove();
    await mustApply(federation);
    expectJoined(world);
  });

  itsInSweeps('stay where the teardown is killed between the unjoin and the merge', options, async (federation) => {
    const { world, cli } = federation;
    await mustApply(federation);
    world.inject({ program: 'kubefed', match: /^unjoin usa/, action: { type: 'kill', point: 'after' } });
    const killed = await cli(['teardown', '--yes'], { started: ({ pid }) => (world.victim = pid) });
    expect(killed.signal).toBe('SIGKILL');
    expect(dataOf(world, 'usa', 'kube-dns')).not.toHaveProperty('stubDomains');
    await mustTearDown(federation);
    expectAsBefore(world);
  });

  itsInSweeps('stay though the answer to the unjoin is lost', options, async (federation) => {
    const { world, cli } = federation;
    await mustApply(federation);
    world.inject({ program: 'kubefed', match: /^unjoin usa/, action: { type: 'notAfterWrite' } });
    await cli(['teardown', '--yes']);
    await mustTearDown(federation);
    expectAsBefore(world);
  });

  /** Changes the stub domains, as their user. */
  const edit = (world: World, stubDomains: Record<string, string[]>): Promise<void> =>
    change(world, ['usa', 'ConfigMap', 'kube-system', 'kube-dns'], (object) => {
      set(object, ['data', 'stubDomains'], JSON.stringify(stubDomains));
    });
  const domains = (world: World): unknown =>
    JSON.parse((dataOf(world, 'usa', 'kube-dns') as { stubDomains?: string }).stubDomains ?? '{}');

  itsInSweeps('stay as they were changed between a join that failed and the next', options, async (federation) => {
    const { world, cli } = federation;
    const join = { program: 'kubefed', match: /^join usa/ } as const;
    world.inject({ ...join, action: { type: 'exit', code: 1, stderr: 'not now\n' } });
    expect((await cli(['apply', '--yes'])).code).toBe(1);
    const changed = { 'corp.example': ['10.0.0.55'], 'lab.example': ['10.0.0.56'] };
    await edit(world, changed);
    // Killed before its own entry is beside them.
    world.inject({ ...join, action: { type: 'kill', point: 'after' } });
    await cli(['apply', '--yes'], { started: ({ pid }) => (world.victim = pid) });
    expect(domains(world)).toEqual(changed);
    await mustApply(federation);
    expect(domains(world)).toEqual({ ...changed, 'example.com': [world.dnsEndpoint] });
    await mustTearDown(federation);
    expect(domains(world)).toEqual(changed);
  });

  itsInSweeps('stay as they were changed between an unjoin that failed and the next', options, async (federation) => {
    const { world, cli } = federation;
    await mustApply(federation);
    const unjoin = { program: 'kubefed', match: /^unjoin usa/ } as const;
    world.inject({ ...unjoin, action: { type: 'exit', code: 1, stderr: 'not now\n' } });
    expect((await cli(['teardown', '--yes'])).code).toBe(1);
    const changed = { 'corp.example': ['10.0.0.55'], 'lab.example': ['10.0.0.56'] };
    await edit(world, { ...changed, 'example.com': [world.dnsEndpoint] });
    // After the Cluster, the Secret and the ConfigMap, whose key it has deleted.
    world.inject({ ...unjoin, action: { type: 'drop', how: 'eof', stage: 3 } });
    expect((await cli(['teardown', '--yes'])).code).toBe(1);
    expect(domains(world)).toEqual({});
    await mustApply(federation);
    expect(domains(world)).toEqual({ ...changed, 'example.com': [world.dnsEndpoint] });
    await mustTearDown(federation);
    expect(domains(world)).toEqual(changed);
  });

  itsInSweeps(
    'that are no JSON are not touched',
    { clusters: { usa: { clusterDnsConfig: { stubDomains: '{corp' } } } },
    async (federation) => {
      const { world, cli } = federation;
      const ended = await cli(['apply', '--yes', '--json']);
      expect(story(ended).failed).toMatchObject([
        { step: 'usa/join', problem: 'stubDomains in the kube-dns ConfigMap is no JSON object' },
      ]);
      expect(dataOf(world, 'usa', 'kube-dns')).toEqual({ stubDomains: '{corp' });
    },
  );

  const claimed: StartOptions = {
    clusters: { usa: { clusterDnsConfig: { stubDomains: '{"example.com":["10.0.0.99"]}' } } },
  };
  itsInSweeps('for the federation’s own zone are only replaced where that is said', claimed, async (federation) => {
    const { world, cli } = federation;
    const ended = await cli(['apply', '--yes', '--json']);
    expect(story(ended).failed).toMatchObject([
      { step: 'usa/join', problem: expect.stringContaining('leads example.com to 10.0.0.99 already') as unknown },
    ]);
    expect(dataOf(world, 'usa', 'kube-dns')).toEqual({ stubDomains: '{"example.com":["10.0.0.99"]}' });
    expect((await cli(['apply', '--yes', '--adopt'])).code).toBe(0);
    expect(dataOf(world, 'usa', 'kube-dns')).toMatchObject({ stubDomains: `{"example.com":["${world.dnsEndpoint}"]}` });
  });
});

describe('an entry of stubDomains for the federation’s zone that somebody has pointed elsewhere', () => {
  const theirs = '{"example.com":["10.0.0.99"]}';
  itsInSweeps('is refused, and kept by a teardown, which takes its own note away', {}, async (federation) => {
    const { world, cli } = federation;
    await mustApply(federation);
    await change(world, ['usa', 'ConfigMap', 'kube-system', 'kube-dns'], (object) => {
      set(object, ['data', 'stubDomains'], theirs);
      // As it is where the plan's own step has set the entry, and not the join.
      object.metadata.annotations = { 'onprem-federation.io/dns-server': `example.com=${world.dnsEndpoint}` };
    });
    const ended = await cli(['apply', '--yes', '--json']);
    expect(story(ended).failed).toMatchObject([
      { problem: expect.stringContaining('example.com → 10.0.0.99') as unknown },
    ]);
    const torn = await cli(['teardown', '--yes', '--json', '--only', 'cluster-dns']);
    expect(story(torn).outcomes['usa/cluster-dns']).toBe('kept');
    expect(dataOf(world, 'usa', 'kube-dns')).toMatchObject({ stubDomains: theirs });
    const { annotations } = world.get('usa', 'ConfigMap', 'kube-system', 'kube-dns')?.metadata ?? {};
    expect(Object.keys(annotations ?? {})).not.toContain('onprem-federation.io/dns-server');
  });
});

describe('arguments of kube-dns', () => {
  const options: StartOptions = { clusterDns: 'dnsmasq-argument' };
  const deployment = (world: World): KubeObject => {
    const found = world.get('usa', 'Deployment', 'kube-system', 'kube-dns');
    if (!found) throw new Error('there is no kube-dns');
    return found;
  };
  const argsOf = (object: KubeObject): Record<string, string[]> => {
    const { containers } = (object.spec as { template: { spec: { containers: { name: string; args: string[] }[] } } })
      .template.spec;
    return Object.fromEntries(containers.map(({ name, args }) => [name, args]));
  };

  itsInSweeps('stay, each in its place, beside the federation’s own', options, async (federation) => {
    const { world } = federation;
    const before = deployment(world);
    await mustApply(federation);
    const [address, port] = world.dnsEndpoint.split(':');
    const own = `--server=/example.com./${address ?? ''}#${port ?? ''}`;
    const { dnsmasq = [], ...others } = argsOf(before);
    expect(dnsmasq.length).toBeGreaterThan(3);
    expect(argsOf(deployment(world))).toEqual({ ...others, dnsmasq: [...dnsmasq, own] });

    world.clearLog();
    await mustApply(federation);
    expect(world.writes).toBe(0);

    await mustTearDown(federation);
    expect(deployment(world).spec).toEqual(before.spec);
    expect(Object.keys(deployment(world).metadata.annotations ?? {})).not.toContain('onprem-federation.io/dns-server');
  });

  itsInSweeps('for the federation’s zone that are somebody else’s are refused', options, async (federation) => {
    const { world, cli } = federation;
    const guides = '--server=/example.com./10.11.4.82:32609';
    await change(world, ['usa', 'Deployment', 'kube-system', 'kube-dns'], (object) => {
      const { containers } = (object.spec as { template: { spec: { containers: { name: string; args: string[] }[] } } })
        .template.spec;
      containers.find(({ name }) => name === 'dnsmasq')?.args.push(guides);
    });
    const ended = await cli(['apply', '--yes', '--json']);
    expect(story(ended).failed).toMatchObject([
      {
        step: 'usa/cluster-dns',
        problem: expect.stringContaining(`the argument ${guides} of dnsmasq in usa`) as unknown,
      },
    ]);
    expect(argsOf(deployment(world)).dnsmasq).toContain(guides);
    expect((await cli(['apply', '--yes', '--adopt'])).code).toBe(0);
    expect(argsOf(deployment(world)).dnsmasq).not.toContain(guides);
  });
});

describe('a Corefile', () => {
  const COREFILE = `# kept by the network team\n.:53 {\n    errors\n    health # not moved\n    kubernetes cluster.local in-addr.arpa {\n       pods insecure\n    }\n    proxy . /etc/resolv.conf\n    cache 30\n}\n\ncorp.example:53 {\n\tproxy . 10.0.0.53\n}\n`;
  const at = (corefile: string): StartOptions => ({
    props: guideAt('1.12.3'),
    world: { kubectlVersion: '1.12.3', kubefedVersion: '1.10.0' },
    clusters: { usa: { clusterDnsConfig: { Corefile: corefile } } },
  });
  const corefileOf = (world: World): string => (dataOf(world, 'usa', 'coredns') as { Corefile: string }).Corefile;

  its('keeps its blocks to the byte, and is as before after a teardown', at(COREFILE), async (federation) => {
    const { world } = federation;
    await mustApply(federation);
    expect(corefileOf(world).endsWith(COREFILE)).toBe(true);
    expect(corefileOf(world).slice(0, -COREFILE.length)).toContain(`proxy . ${world.dnsEndpoint}`);
    world.clearLog();
    await mustApply(federation);
    expect(world.writes).toBe(0);
    await mustTearDown(federation);
    expect(corefileOf(world)).toBe(COREFILE);
  });

  const claimed = `${COREFILE}example.com:53 {\n    proxy . 10.0.0.99\n}\n`;
  itsInSweeps(
    'with a block for the federation’s zone is only changed where that is said',
    at(claimed),
    async (federation) => {
      const { world, cli } = federation;
      const ended = await cli(['apply', '--yes', '--json']);
      expect(story(ended).failed).toMatchObject([
        {
          step: 'usa/cluster-dns',
          problem: expect.stringContaining('a block for example.com in the Corefile of usa') as unknown,
        },
      ]);
      expect(corefileOf(world)).toBe(claimed);
      const adopted = await cli(['apply', '--yes', '--adopt', '--json']);
      expect(story(adopted).failed).toEqual([]);
      expect(corefileOf(world).endsWith(COREFILE)).toBe(true);
      expect(corefileOf(world)).not.toContain('10.0.0.99');
      expect(corefileOf(world).match(/^example\.com:53 \{$/gm)).toHaveLength(1);
    },
  );

  const own = COREFILE.replace('cluster.local', 'svc.example.com');
  itsInSweeps('that has the cluster’s own names below the zone is not changed', at(own), async (federation) => {
    const { world, cli } = federation;
    const ended = await cli(['apply', '--yes', '--adopt', '--json']);
    expect(story(ended).failed).toMatchObject([
      {
        step: 'usa/cluster-dns',
        problem: expect.stringContaining(
          'the DNS of usa answers for svc.example.com out of its own Services',
        ) as unknown,
      },
    ]);
    expect(corefileOf(world)).toBe(own);
  });
});

describe('the kubeconfig', () => {
  itsInSweeps(
    'has what init adds and nothing else changed, and is as before after a teardown',
    {},
    async (federation) => {
      const { world, cli } = federation;
      const read = (): { entries: Record<string, unknown>; file: string } => {
        const file = readFileSync(world.kubeconfigPath, 'utf8');
        return { entries: world.canonicalState().kubeconfig as Record<string, unknown>, file };
      };
      await world.invoke('kubectl', ['config', 'use-context', 'chn']);
      const before = read();
      await mustApply(federation);
      const without = Object.fromEntries(
        Object.entries(read().entries).map(([section, entries]) => [
          section,
          Array.isArray(entries)
            ? entries.filter((entry: unknown) => (entry as { name: string }).name !== 'federation')
            : entries,
        ]),
      );
      expect(without).toEqual(before.entries);
      expect(without['current-context']).toBe('chn');
      expect(statSync(world.kubeconfigPath).mode & 0o777).toBe(0o600);

      const applied = read();
      for (const args of [['apply', '--yes'], ['plan'], ['status'], ['verify']]) {
        await cli(args);
        expect(read().file).toBe(applied.file);
      }
      await mustTearDown(federation);
      expect(read().entries).toEqual(before.entries);
    },
  );

  its('may be several files', {}, async (federation) => {
    const { world, cli } = federation;
    const second = `${world.dir}/second`;
    writeFileSync(second, 'apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\n');
    const env = { KUBECONFIG: `${world.kubeconfigPath}:${second}` };
    const ended = await cli(['apply', '--yes'], { env });
    expect(ended.code).toBe(0);
    expect(readFileSync(second, 'utf8')).not.toContain('federation');
    expect((await cli(['teardown', '--yes'], { env })).code).toBe(0);
    expect(readFileSync(world.kubeconfigPath, 'utf8')).not.toContain('federation');
  });
});

describe('an object of the same name that somebody else made', () => {
  const theirs: KubeObject = {
    apiVersion: 'extensions/v1beta1',
    kind: 'Deployment',
    metadata: { name: 'etcd-operator', namespace: 'default', labels: { team: 'storage' } },
    spec: {
      replicas: 1,
      template: {
        metadata: { labels: { name: 'etcd-operator' } },
        spec: { containers: [{ name: 'etcd-operator', image: 'example.org/etcd-operator:v0.2' }] },
      },
    },
  };

  its(
    'is refused, and taken over only where that is said',
    { clusters: { fcp: { objects: [theirs] } } },
    async (federation) => {
      const { world, cli } = federation;
      const before = world.get('fcp', 'Deployment', 'default', 'etcd-operator');
      const ended = await cli(['apply', '--yes', '--json']);
      expect(ended.code).toBe(1);
      expect(story(ended).failed).toEqual([
        {
          step: 'fcp/etcd-operator',
          cluster: 'fcp',
          problem: 'Deployment default/etcd-operator in fcp is there already and was not made by this plan',
          hint: expect.stringContaining('run apply with --adopt; otherwise rename or remove it') as unknown,
        },
      ]);
      expect(world.get('fcp', 'Deployment', 'default', 'etcd-operator')).toEqual(before);

      expect((await cli(['apply', '--yes', '--adopt'])).code).toBe(0);
      expect(world.get('fcp', 'Deployment', 'default', 'etcd-operator')?.metadata.labels).toMatchObject({
        team: 'storage',
        'app.kubernetes.io/managed-by': 'onprem-federation',
      });
    },
  );

  itsInSweeps('is not taken away by a teardown', { clusters: { fcp: { objects: [theirs] } } }, async (federation) => {
    const { world, cli } = federation;
    await cli(['apply', '--yes']);
    const before = world.get('fcp', 'Deployment', 'default', 'etcd-operator');
    const ended = await cli(['teardown', '--yes', '--json']);
    expect(ended.code).toBe(0);
    expect(story(ended).outcomes['fcp/etcd-operator']).toBe('kept');
    expect(world.get('fcp', 'Deployment', 'default', 'etcd-operator')).toEqual(before);
  });
});

describe('labels of nodes that somebody else set', () => {
  its('are not changed', {}, async (federation) => {
    const { world, cli } = federation;
    await change(world, ['usa', 'Node', undefined, 'usa-node-2'], (object) => {
      set(object, ['metadata', 'labels', 'failure-domain.beta.kubernetes.io/zone'], 'rack-7');
    });
    const ended = await cli(['apply', '--yes', '--json']);
    expect(story(ended).failed).toMatchObject([
      {
        step: 'usa/node-labels',
        problem: expect.stringContaining(
          'usa-node-2 has failure-domain.beta.kubernetes.io/zone=rack-7, not us',
        ) as unknown,
      },
    ]);
    expect(world.get('usa', 'Node', undefined, 'usa-node-2')?.metadata.labels).toMatchObject({
      'failure-domain.beta.kubernetes.io/zone': 'rack-7',
    });
  });
});

describe('a Helm release coredns that somebody else made', () => {
  /** Ends an install or upgrade in its midst. */
  const CUT = { type: 'http', status: 500, stage: 2 } as const;
  const helm = async ({ world }: StartedFederation, ...args: string[]): Promise<void> => {
    const ran = await world.invoke('helm', ['--kube-context=fcp', ...args]);
    if (ran.code !== 0) throw new Error(ran.stderr);
  };

  const admins: StartOptions = {
    clusters: { fcp: { objects: [account('helm', 'kube-system'), admin('helm', 'kube-system')] } },
  };
  its('is refused, and kept by a teardown with the Tiller that holds it', admins, async (federation) => {
    const { world, cli } = federation;
    await helm(federation, 'init', '--service-account=helm', '--skip-refresh');
    await helm(federation, 'install', '--name=coredns', '--version=0.9.0', 'stable/coredns');
    const before = world.get('fcp', 'Deployment', 'default', 'coredns-coredns');
    const ended = await cli(['apply', '--yes', '--json']);
    expect(story(ended).failed).toMatchObject([
      {
        step: 'fcp/coredns',
        problem: 'a Helm release coredns in fcp is there already and was not made by this plan',
        hint: expect.stringContaining('helm --kube-context=fcp status coredns') as unknown,
      },
    ]);
    expect(world.get('fcp', 'Deployment', 'default', 'coredns-coredns')).toEqual(before);

    const torn = await cli(['teardown', '--yes', '--json']);
    expect(story(torn).outcomes['fcp/coredns']).toBe('kept');
    expect(world.get('fcp', 'Deployment', 'default', 'coredns-coredns')).toEqual(before);
    expect(story(torn).outcomes['fcp/helm-init']).toBe('kept');
    expect(world.get('fcp', 'Deployment', 'kube-system', 'tiller-deploy')).toBeDefined();
  });

  itsInSweeps('is refused too where its last upgrade has failed', admins, async (federation) => {
    const { world, cli } = federation;
    await helm(federation, 'init', '--service-account=helm', '--skip-refresh');
    await helm(federation, 'install', '--name=coredns', '--version=0.9.0', 'stable/coredns');
    world.inject({ program: 'helm', match: / upgrade /, action: CUT });
    await expect(helm(federation, 'upgrade', 'coredns', 'stable/coredns', '--version=0.9.1')).rejects.toThrow();
    const before = world.get('fcp', 'Deployment', 'default', 'coredns-coredns');
    const ended = await cli(['apply', '--yes', '--json']);
    expect(story(ended).failed).toMatchObject([
      {
        step: 'fcp/coredns',
        problem: 'a Helm release coredns in fcp is there already and was not made by this plan',
      },
    ]);
    expect(world.get('fcp', 'Deployment', 'default', 'coredns-coredns')).toEqual(before);
  });

  itsInSweeps('is never uninstalled to be installed anew, though it may be taken over', admins, async (federation) => {
    const { world, cli } = federation;
    await helm(federation, 'init', '--service-account=helm', '--skip-refresh');
    world.inject({ program: 'helm', match: / install /, action: CUT });
    await expect(helm(federation, 'install', '--name=coredns', '--version=0.9.0', 'stable/coredns')).rejects.toThrow();
    const before = world.get('fcp', 'ConfigMap', 'default', 'coredns-coredns');
    expect(before).toBeDefined();
    const ended = await cli(['apply', '--yes', '--adopt', '--json']);
    expect(story(ended).failed).toMatchObject([
      {
        step: 'fcp/coredns',
        problem: expect.stringMatching(
          /^the Helm release coredns in fcp is (failed|pending-install) and was not made/,
        ) as unknown,
        hint: expect.stringContaining('helm --kube-context=fcp status coredns') as unknown,
      },
    ]);
    expect(world.get('fcp', 'ConfigMap', 'default', 'coredns-coredns')).toEqual(before);
  });
});

describe('an object with a name of the chart’s that somebody else made', () => {
  const metadata = { name: 'coredns-coredns', namespace: 'default', labels: { team: 'network' } };
  const service: KubeObject = {
    ...{ apiVersion: 'v1', kind: 'Service', metadata },
    spec: { selector: { app: 'theirs' }, ports: [{ port: 53, protocol: 'UDP' }] },
  };
  const settings: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { Corefile: '. {\n}\n' } };

  // The step waits for the Service; of the ConfigMap only the install says that it is in the way.
  const objects: [kind: string, object: KubeObject][] = [
    ['ConfigMap', settings],
    ['Service', service],
  ];

  describe.each(swept(objects))('%s', (kind, object) => {
    const options: StartOptions = { clusters: { fcp: { objects: [object] } } };
    its('is refused, and not taken away by what takes a failed install back', options, async (federation) => {
      const { world, cli } = federation;
      const before = world.get('fcp', kind, 'default', 'coredns-coredns');
      for (const again of [false, true]) {
        const ended = await cli(['apply', '--yes', '--json']);
        expect({ again, code: ended.code }).toEqual({ again, code: 1 });
        expect(story(ended).failed).toMatchObject([
          {
            step: 'fcp/coredns',
            problem: `${kind} default/coredns-coredns in fcp is there already and was not made by this plan`,
          },
        ]);
        expect(world.get('fcp', kind, 'default', 'coredns-coredns')).toEqual(before);
      }
      await world.remove('fcp', kind, 'default', 'coredns-coredns');
      await mustApply(federation);
    });
  });
});
