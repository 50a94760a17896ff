/**
 * apply against real API servers with the real kubectl: every step kind that needs no retired program. What kubefed and
 * Helm 2 do is tested against stand-ins; nothing of today's would let them in.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { jsonLines } from '../scripts/apply/tools/kubectl';
import { ControlPlanes } from './control-plane';
import { cli, CliResult, environment, output, startCli } from './support/cli';
import { writePlanWithoutKubefed } from './support/plan-without-kubefed';

const NAMES = ['fcp', 'usa'];
const OWN_COREFILE =
  ".:53 {\n    errors\n    # the user's own\n    kubernetes cluster.local\n}\n\ninternal.corp:53 {\n    forward . 127.0.0.9\n}\n";

let planes: ControlPlanes;
let env: NodeJS.ProcessEnv;
let dist: string;

beforeAll(async () => {
  planes = await ControlPlanes.start({ clusters: NAMES.map((name) => ({ name, nodes: 2 })), handleSignals: false });
  env = environment(planes.kubeconfig);
  dist = mkdtempSync(path.join(tmpdir(), 'e2e-dist-'));
  const version = (
    JSON.parse(await kubectl('fcp', 'version', '--output=json')) as { serverVersion: { gitVersion: string } }
  ).serverVersion.gitVersion;
  writePlanWithoutKubefed(
    dist,
    planes.clusters.map(({ name, server }) => ({ name, server, version: version.replace(/^v/, '') })),
  );
  for (const name of NAMES) await furnish(name);
});

afterAll(async () => {
  await planes.stop();
  rmSync(dist, { recursive: true, force: true });
});

function kubectl(context: string, ...args: string[]): Promise<string> {
  return output(env, 'kubectl', [`--context=${context}`, ...args]);
}

/** What kubeadm and the user have set up: objects that the plan changes a part of, and others that it never touches. */
async function furnish(context: string): Promise<void> {
  const objects = [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'coredns', namespace: 'kube-system' },
      data: { Corefile: OWN_COREFILE, other: 'kept' },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'kube-dns', namespace: 'kube-system', annotations: { mine: 'kept' } },
      spec: {
        selector: { matchLabels: { app: 'kube-dns' } },
        template: {
          metadata: { labels: { app: 'kube-dns' } },
          spec: {
            containers: [
              { name: 'kubedns', image: 'kubedns', args: ['--domain=cluster.local.'] },
              { name: 'dnsmasq', image: 'dnsmasq', args: ['-v=2', '--', '-k', '--server=/internal.corp/127.0.0.9'] },
            ],
          },
        },
      },
    },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'mine', namespace: 'default' }, data: { a: 'b' } },
  ];
  await output(env, 'kubectl', [`--context=${context}`, 'apply', '--filename=-'], jsonLines(objects));
  await kubectl(context, 'label', 'node', `${context}-node-1`, 'mine=kept');
}

/** Gives a Service its address, as the cloud provider would. */
async function giveAddress(context: string, address: string): Promise<void> {
  const patch = JSON.stringify({ status: { loadBalancer: { ingress: [{ ip: address }] } } });
  for (let i = 0; i < 120; i++) {
    try {
      await kubectl(
        context,
        '--namespace=default',
        'patch',
        'service',
        'hello-world',
        '--subresource=status',
        '--type=merge',
        `--patch=${patch}`,
      );
      return;
    } catch {
      await sleep(250);
    }
  }
  throw new Error(`${context} has no Service hello-world`);
}

/** Every object that a run could change, by name, with its resource version; what changes by itself is left out. */
async function resourceVersions(): Promise<Record<string, string>> {
  const kinds =
    'configmaps,serviceaccounts,services,deployments,daemonsets,roles,rolebindings,clusterroles,clusterrolebindings';
  const lists = await Promise.all(
    NAMES.map(async (context) => {
      const text = await kubectl(context, 'get', kinds, '--all-namespaces', '--output=json');
      const { items } = JSON.parse(text) as {
        items: { kind: string; metadata: { namespace?: string; name: string; resourceVersion: string } }[];
      };
      return items.map(
        ({ kind, metadata: { namespace = '', name, resourceVersion } }) =>
          [`${context} ${kind} ${namespace}/${name}`, resourceVersion] as const,
      );
    }),
  );
  return Object.fromEntries(lists.flat());
}

async function applyWithAddresses(...args: string[]): Promise<CliResult> {
  const run = startCli(env, dist, 'apply', '--yes', ...args);
  await Promise.all([giveAddress('fcp', '10.210.1.65'), giveAddress('usa', '10.210.2.65')]);
  return run.result;
}

test('a plan shows what is to do, and writes nothing', async () => {
  const before = await resourceVersions();
  const result = await cli(env, dist, 'plan');
  expect(result).toMatchObject({ code: 0, stderr: '' });
  expect(result.stdout).toContain('+ fcp/hello-world');
  expect(result.stdout).toContain('$ kubectl --context=usa apply --filename=usa/');
  expect(await resourceVersions()).toEqual(before);
});

test('apply brings everything about', async () => {
  const result = await applyWithAddresses();
  expect(result).toMatchObject({ code: 0, stderr: '' });
  expect(
    await kubectl(
      'usa',
      'get',
      'nodes',
      '--output=jsonpath={.items[*].metadata.labels.topology\\.kubernetes\\.io/zone}',
    ),
  ).toBe('us us');
  expect(
    await kubectl(
      'fcp',
      '--namespace=default',
      'get',
      'service',
      'hello-world',
      '--output=jsonpath={.spec.ports[0].nodePort}',
    ),
  ).toBe('31234');
});

test('a second apply writes nothing and says so', async () => {
  const before = await resourceVersions();
  const result = await cli(env, dist, 'apply', '--yes');
  expect(result).toMatchObject({ code: 0, stderr: '' });
  expect(result.stdout).toContain('Nothing was written');
  expect(await resourceVersions()).toEqual(before);
});

test('status finds all as planned', async () => {
  expect(await cli(env, dist, 'status')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('All is as the plan says.') as string,
  });
});

test('what others own stays theirs: Corefile blocks, arguments, annotations, labels', async () => {
  const corefile = await kubectl(
    'fcp',
    '--namespace=kube-system',
    'get',
    'configmap',
    'coredns',
    '--output=jsonpath={.data.Corefile}',
  );
  expect(corefile.endsWith(OWN_COREFILE)).toBe(true);
  expect(corefile.slice(0, -OWN_COREFILE.length)).toContain('example.com:53 {');
  const args = await kubectl(
    'fcp',
    '--namespace=kube-system',
    'get',
    'deployment',
    'kube-dns',
    '--output=jsonpath={.spec.template.spec.containers[1].args}',
  );
  expect(JSON.parse(args)).toEqual([
    '-v=2',
    '--',
    '-k',
    '--server=/internal.corp/127.0.0.9',
    '--server=/example.com./127.0.0.1#32609',
  ]);
  expect(await kubectl('fcp', 'get', 'node', 'fcp-node-1', '--output=jsonpath={.metadata.labels.mine}')).toBe('kept');
});

test('allocations that the provider wrote outlive an apply', async () => {
  const patch = JSON.stringify({
    metadata: { annotations: { 'k8s.co/cloud-provider-config': '{"x":1}' } },
    data: { '10.210.1.65': 'default/hello-world' },
  });
  await kubectl(
    'fcp',
    '--namespace=kube-system',
    'patch',
    'configmap',
    'vip-configmap',
    '--type=merge',
    `--patch=${patch}`,
  );
  expect((await cli(env, dist, 'apply', '--yes')).code).toBe(0);
  const data = await kubectl(
    'fcp',
    '--namespace=kube-system',
    'get',
    'configmap',
    'vip-configmap',
    '--output=jsonpath={.data}{.metadata.annotations.k8s\\.co/cloud-provider-config}',
  );
  expect(data).toBe('{"10.210.1.65":"default/hello-world"}{"x":1}');
});

test('what drifts is shown with its difference and set right; a field of another writer stays', async () => {
  await kubectl(
    'usa',
    '--namespace=kube-system',
    'set',
    'env',
    'deployment/keepalived-cloud-provider',
    'KEEPALIVED_SERVICE_CIDR=10.9.9.0/24',
    'MINE=kept',
  );
  const shown = await cli(env, dist, 'plan');
  expect(shown.stdout).toMatch(/usa\/keepalived-cloud-provider[\s\S]*KEEPALIVED_SERVICE_CIDR/);
  expect(shown.stdout).toMatch(/\| -.*10\.9\.9\.0\/24/);
  expect((await cli(env, dist, 'status')).code).toBe(1);

  const result = await cli(env, dist, 'apply', '--yes');
  expect(result).toMatchObject({ code: 0, stderr: '' });
  const environmentOf = await kubectl(
    'usa',
    '--namespace=kube-system',
    'get',
    'deployment',
    'keepalived-cloud-provider',
    '--output=json',
  );
  expect(environmentOf).toContain('10.210.2.100/26');
  expect(environmentOf).not.toContain('"value": "10.9.9.0/24"');
});

test('an object of the same name that somebody else made is left alone', async () => {
  await kubectl('usa', '--namespace=default', 'delete', 'deployment', 'hello-world');
  await kubectl('usa', '--namespace=default', 'create', 'deployment', 'hello-world', '--image=theirs');
  const refused = await cli(env, dist, 'apply', '--yes');
  expect(refused.code).toBe(1);
  expect(refused.stdout).toContain(
    'Deployment default/hello-world in usa is there already and was not made by this plan',
  );
  expect(
    await kubectl(
      'usa',
      '--namespace=default',
      'get',
      'deployment',
      'hello-world',
      '--output=jsonpath={.spec.template.spec.containers[0].image}',
    ),
  ).toBe('theirs');
  await kubectl('usa', '--namespace=default', 'delete', 'deployment', 'hello-world');
  expect((await cli(env, dist, 'apply', '--yes')).code).toBe(0);
});

test('two runs at once: the second is refused while the first lives', async () => {
  await kubectl('fcp', '--namespace=default', 'delete', 'service', 'hello-world');
  const first = startCli(env, dist, 'apply', '--yes');
  // It waits for an address, holding the lock.
  for (let i = 0; i < 100; i++) {
    const held = await kubectl('fcp', '--namespace=kube-system', 'get', 'configmap', '--output=name');
    if (held.includes('lock')) break;
    await sleep(100);
  }
  await kubectl('usa', '--namespace=default', 'delete', 'service', 'hello-world');
  const second = await cli(env, dist, 'apply', '--yes', '--cluster', 'usa');
  expect(second.code).not.toBe(0);
  expect(second.stdout + second.stderr).toContain('Another run works on this federation');
  await giveAddress('fcp', '10.210.1.65');
  const rest = await first.result;
  expect(rest.code).not.toBe(2);
  await applyWithAddresses();
});

test('killed at every tenth of its time and resumed, it ends the same', async () => {
  const began = performance.now();
  await cli(env, dist, 'teardown', '--yes');
  await applyWithAddresses();
  const whole = performance.now() - began;
  const expected = Object.keys(await resourceVersions()).sort();
  for (let tenth = 1; tenth <= 9; tenth++) {
    expect((await cli(env, dist, 'teardown', '--yes')).code).toBe(0);
    const run = startCli(env, dist, 'apply', '--yes');
    await sleep((whole / 2) * (tenth / 10));
    run.child.kill('SIGKILL');
    await run.result;
    const resumed = await applyWithAddresses();
    // What it said matters where it did not end well.
    expect(resumed.code === 0 ? resumed.stderr : `${resumed.stdout}${resumed.stderr}`).toBe('');
    expect(Object.keys(await resourceVersions()).sort()).toEqual(expected);
  }
});

test('a cluster that is down stops its own steps alone, and the next run goes on', async () => {
  await kubectl(
    'fcp',
    'label',
    'nodes',
    '--all',
    'topology.kubernetes.io/zone-',
    'topology.kubernetes.io/region-',
    'onprem-federation.io/labelled-',
  );
  await planes.stopCluster('usa');
  const down = await cli(env, dist, 'apply', '--yes');
  expect(down.code).toBe(2);
  expect(down.stderr).toContain('cluster usa');
  expect((await cli(env, dist, 'apply', '--yes', '--cluster', 'fcp')).code).toBe(0);
  await planes.startCluster('usa');
  expect(await cli(env, dist, 'apply', '--yes')).toMatchObject({ code: 0 });
});

test('teardown takes away what the plan made and leaves everything else', async () => {
  const result = await cli(env, dist, 'teardown', '--yes');
  expect(result).toMatchObject({ code: 0, stderr: '' });
  for (const context of NAMES) {
    expect(
      await kubectl(
        context,
        'get',
        'all,configmaps,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings',
        '--all-namespaces',
        '--selector=app.kubernetes.io/managed-by=onprem-federation',
        '--output=name',
      ),
    ).toBe(context === 'fcp' ? 'configmap/vip-configmap\n' : '');
    expect(
      await kubectl(
        context,
        '--namespace=kube-system',
        'get',
        'configmap',
        'coredns',
        '--output=jsonpath={.data.Corefile}',
      ),
    ).toBe(OWN_COREFILE);
    const args = await kubectl(
      context,
      '--namespace=kube-system',
      'get',
      'deployment',
      'kube-dns',
      '--output=jsonpath={.spec.template.spec.containers[1].args}',
    );
    expect(JSON.parse(args)).toEqual(['-v=2', '--', '-k', '--server=/internal.corp/127.0.0.9']);
    expect(
      await kubectl(
        context,
        'get',
        'nodes',
        '--output=jsonpath={.items[*].metadata.labels.topology\\.kubernetes\\.io/zone}',
      ),
    ).toBe('');
    expect(
      await kubectl(context, '--namespace=default', 'get', 'configmap', 'mine', '--output=jsonpath={.data.a}'),
    ).toBe('b');
  }
});
