/**
 * The stack `external-dns` for real: three API servers, kubectl and helm, and in their pods the real etcd, CoreDNS,
 * ExternalDNS and MetalLB controller, started with what was rendered and as the ServiceAccounts that were rendered. The
 * seconds that docs/external-dns.md speaks of are printed at the end; none of them decides a test.
 */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { documents } from '../lib/yaml';
import { EVERY_STATE } from '../scripts/apply/releases';
import { ControlPlanes } from './control-plane';
import { deniedRequests, describeRequests, readAudit } from './kubelet/audit';
import { ProcessKubelet, withKubelet } from './kubelet/kubelet';
import { PROBE_AGENT, probeAccount, ProbedAccount } from './kubelet/rbac-probe';
import { cli, CliResult, CliRun, output, startCli, testEnvironment } from './support/cli';
import { discard, furnish, OWN_COREFILE, render, Rendered, Site, SITES } from './support/external-dns';
import { resourceVersions, volumesGone } from './support/resource-versions';
import { ALL_ADDRESSES, allAnswered, answered, ask, records } from './support/external-dns-names';

const [FCP, USA, CHN] = SITES as [Site, Site, Site];
const only = (...components: string[]): string[] => components.flatMap((name) => ['--only', name]);
/** All but the namespaces, which take Kubernetes 6 s to end, and all but MetalLB, which takes most of an apply. */
const LIGHT = only('workloads', 'cluster-dns', 'external-dns', 'coredns', 'etcd', 'node-labels');
const WITH_METALLB = [...LIGHT, ...only('metallb')];

let planes: ControlPlanes;
let kubelet: ProcessKubelet | undefined;
let env: NodeJS.ProcessEnv;
let rendered: Rendered;
/** The names of all objects before the first apply. */
let untouched: string[];
/** How long the first apply took, in milliseconds. */
let firstApply: number;
const report: string[] = [];

beforeAll(async () => {
  const clusters = SITES.map(({ name }) => withKubelet({ name, nodes: 2 }));
  planes = await ControlPlanes.start({ clusters, handleSignals: false });
  env = testEnvironment(planes);
  rendered = render(planes.clusters);
  kubelet = await ProcessKubelet.start({ planes });
  await Promise.all(SITES.map(({ name }) => furnish(env, name)));
  untouched = Object.keys(await versionsNow()).sort();
});

afterAll(async () => {
  process.stdout.write(
    `${['', 'Seconds of the stack external-dns, nothing of which is asserted:', ...report].join('\n  ')}\n\n`,
  );
  await kubelet?.stop();
  await planes.stop();
  discard(rendered);
});

function kubectl(context: string, ...args: string[]): Promise<string> {
  return output(env, 'kubectl', [`--context=${context}`, ...args]);
}

/** `npm run <command> -- <args>`. */
function federation(...args: string[]): Promise<CliResult> {
  return cli(env, rendered.dist, ...args);
}

/** Notes how long something took; returns it, in milliseconds. */
async function timed(what: string, action: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await action();
  const took = performance.now() - began;
  report.push(`${what}: ${(took / 1000).toFixed(1)} s`);
  return took;
}

/** What the clusters hold, with resource versions. */
const versionsNow = (): Promise<Record<string, string>> =>
  resourceVersions(
    env,
    SITES.map(({ name }) => name),
  );

function corefile(context: string): Promise<string> {
  const data = '--output=jsonpath={.data.Corefile}';
  return kubectl(context, '--namespace=kube-system', 'get', 'configmap', 'coredns', data);
}

/** Another writer's Corefile. */
async function writeCorefile(context: string, text: string): Promise<void> {
  const patch = `--patch=${JSON.stringify({ data: { Corefile: text } })}`;
  await kubectl(context, '--namespace=kube-system', 'patch', 'configmap', 'coredns', '--type=merge', patch);
}

/** Something of hello-world, as another writer reads or changes it. */
function helloWorld(context: string, verb: string, resource: string, ...args: string[]): Promise<string> {
  return kubectl(context, '--namespace=default', verb, resource, 'hello-world', ...args);
}

const ADDRESS = 'metallb.io/loadBalancerIPs';
const addressWanted = (context: string): Promise<string> =>
  helloWorld(context, 'get', 'service', '--output=jsonpath={.metadata.annotations.metallb\\.io/loadBalancerIPs}');

/** Returns when a run has said something. */
function said(run: CliRun, words: string): Promise<void> {
  let text = '';
  return new Promise((resolve, reject) => {
    run.child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes(words)) resolve();
    });
    run.child.once('close', () => {
      reject(new Error(`it ended without saying ${words}:\n${text}`));
    });
  });
}

test('apply brings everything about, and every name leads where it should', async () => {
  let result: CliResult | undefined;
  firstApply = await timed('first apply, three clusters', async () => {
    result = await federation('apply', '--yes');
  });
  expect(result).toMatchObject({ code: 0, stderr: '' });
  const given = '--output=jsonpath={.status.loadBalancer.ingress[*].ip}';
  for (const { name, address, names } of SITES) {
    expect(await helloWorld(name, 'get', 'service', given)).toBe(address);
    expect(await ask(names.zone)).toMatchObject({ rcode: 'NOERROR', authoritative: true, addresses: [address] });
    expect(await ask(names.region)).toMatchObject({ rcode: 'NOERROR', addresses: [address] });
    expect(await ask(names.all)).toMatchObject({ rcode: 'NOERROR', addresses: ALL_ADDRESSES });
  }
  // Three levels for each cluster, each its owner's.
  const held = [...(await records()).values()].map(({ owner, host }) => `${owner} ${host}`);
  expect(held.sort()).toEqual(SITES.flatMap(({ name, address }) => Array<string>(3).fill(`${name} ${address}`)).sort());
});

test('verify and status find all as planned', async () => {
  // No containers run here, so nothing can be asked in a pod.
  const verified = await federation('verify', '--no-pods');
  expect(verified).toMatchObject({ code: 0, stderr: '' });
  expect(verified.stdout).toContain('Every name leads to its own cluster.');
  expect(verified.stdout).not.toContain('asked in a pod');
  const status = await federation('status');
  expect(status.code).toBe(0);
  expect(status.stdout).toContain('All is as the plan says.');
  // There is no control plane, and so no context of one.
  expect(status.stdout).not.toContain('Context');
});

test('a second apply writes nothing and says so', async () => {
  const versions = await versionsNow();
  let result: CliResult | undefined;
  await timed('second apply, which writes nothing', async () => {
    result = await federation('apply', '--yes');
  });
  expect(result).toMatchObject({ code: 0, stderr: '' });
  expect(result?.stdout).toContain('Nothing was written');
  expect(await versionsNow()).toEqual(versions);
});

test('what is taken out of main.ts goes with the next apply', async () => {
  const more = { env: { DEBUG: '1' }, morePorts: [{ name: 'admin', port: 9000 }] };
  const before = render(planes.clusters, undefined, more);
  try {
    expect(await cli(env, before.dist, 'apply', '--yes')).toMatchObject({ code: 0, stderr: '' });
  } finally {
    discard(before);
  }
  const ports = '--output=jsonpath={.spec.ports[*].port}';
  const variables = '--output=jsonpath={.spec.template.spec.containers[*].env[*].name}';
  expect(await helloWorld(USA.name, 'get', 'service', ports)).toBe('8080 9000');
  expect(await helloWorld(USA.name, 'get', 'deployment', variables)).toBe('DEBUG');

  const { code, stdout } = await federation('apply', '--yes');
  expect(code).toBe(0);
  expect(stdout).toContain('spec.ports[9000/TCP] is not declared any more');
  expect(await helloWorld(USA.name, 'get', 'service', ports)).toBe('8080');
  expect(await helloWorld(USA.name, 'get', 'deployment', variables)).toBe('');
  expect((await federation('apply', '--yes')).stdout).toContain('Nothing was written');
});

test('a cluster without pods leaves the wider names, its own leads on, and all is back with its pods', async () => {
  const others = [FCP.address, CHN.address];
  for (let round = 1; round <= 3; round++) {
    await timed(`pods gone, until the address has left the federation's name (${round})`, async () => {
      await helloWorld(USA.name, 'scale', 'deployment', '--replicas=0');
      await answered(FCP.names.all, others);
    });
    const led = await answered(USA.names.zone, others);
    const steps = led.records.filter(({ type }) => type === 'CNAME').map(({ value }) => value);
    expect(steps).toEqual([USA.names.region, USA.names.all]);
    expect((await ask(USA.names.region)).records[0]).toMatchObject({ type: 'CNAME', value: USA.names.all });
    // The others' own names are as they were.
    expect((await ask(CHN.names.zone)).addresses).toEqual([CHN.address]);
    await timed(`pods back, until the address is in the federation's name again (${round})`, async () => {
      await helloWorld(USA.name, 'scale', 'deployment', '--replicas=4');
      await answered(FCP.names.all, ALL_ADDRESSES);
    });
    const { records: own } = await answered(USA.names.zone, [USA.address]);
    expect(own.map(({ type }) => type)).toEqual(['A']);
  }
});

test('pods that stay but turn unready count as gone', async () => {
  const setReady = async (status: 'True' | 'False'): Promise<void> => {
    const pods = await kubectl(USA.name, 'get', 'pods', '--selector=app=hello-world', '--output=name');
    // Nobody probes a pod of kwok's; a kubelet would write the same.
    const patch = `--patch=${JSON.stringify({ status: { conditions: [{ type: 'Ready', status }] } })}`;
    const names = pods.trim().split('\n');
    expect(names).toHaveLength(4);
    await Promise.all(names.map((pod) => kubectl(USA.name, 'patch', pod, '--subresource=status', patch)));
  };
  await timed("pods unready, until the address has left the federation's name", async () => {
    await setReady('False');
    await answered(FCP.names.all, [FCP.address, CHN.address]);
  });
  await answered(USA.names.zone, [FCP.address, CHN.address]);
  await timed("pods ready again, until the address is in the federation's name", async () => {
    await setReady('True');
    await allAnswered();
  });
});

test('what other writers change is kept, or reported with their name', async () => {
  const before = await corefile(CHN.name);
  const theirs = 'lab.corp:53 {\n    forward . 127.0.0.8\n}\n';
  await writeCorefile(CHN.name, `${before}${theirs}`);
  await helloWorld(FCP.name, 'annotate', 'service', 'mine=kept');
  await helloWorld(USA.name, 'annotate', 'service', `${ADDRESS}=10.210.3.70`, '--overwrite');
  await helloWorld(CHN.name, 'scale', 'deployment', '--replicas=3');

  const { code, stdout } = await federation('apply', '--yes');
  expect(code).toBe(1);
  expect(stdout).toContain('usa/workload-hello-world failed: kubectl-annotate owns fields that this plan sets');
  expect(stdout).toContain('chn/workload-hello-world failed: kubectl owns fields that this plan sets');
  expect(await corefile(CHN.name)).toBe(`${before}${theirs}`);
  expect(await helloWorld(FCP.name, 'get', 'service', '--output=jsonpath={.metadata.annotations.mine}')).toBe('kept');
  expect(await addressWanted(USA.name)).toBe('10.210.3.70');
  expect(await helloWorld(CHN.name, 'get', 'deployment', '--output=jsonpath={.spec.replicas}')).toBe('3');

  // What is as declared is in nobody's way, whoever owns it.
  await helloWorld(USA.name, 'annotate', 'service', `${ADDRESS}=${USA.address}`, '--overwrite');
  await helloWorld(CHN.name, 'scale', 'deployment', '--replicas=4');
  // The block between the plan's own marks is the plan's.
  await writeCorefile(CHN.name, `${before.replace('cache 30', 'cache 3600')}${theirs}`);
  expect(await federation('apply', '--yes')).toMatchObject({ code: 0, stderr: '' });
  expect(await corefile(CHN.name)).toBe(`${before}${theirs}`);
  await allAnswered();
  await writeCorefile(CHN.name, before);
});

test('a cluster that is taken out of the federation leaves no record behind', async () => {
  await timed('teardown of one cluster', async () => {
    expect(await federation('teardown', '--yes', '--cluster', USA.name)).toMatchObject({ code: 0, stderr: '' });
  });
  expect([...(await records()).values()].filter(({ owner }) => owner === USA.name)).toEqual([]);
  expect((await ask(FCP.names.all)).addresses).toEqual([FCP.address, CHN.address].sort());
  expect((await ask(USA.names.zone)).addresses).toEqual([FCP.address, CHN.address].sort());
  await timed('apply that brings it back', async () => {
    expect(await federation('apply', '--yes')).toMatchObject({ code: 0, stderr: '' });
  });
  await allAnswered();
});

test('a cluster that goes away meanwhile stops its own steps alone, and the next run ends well', async () => {
  expect((await federation('teardown', '--yes', ...LIGHT)).code).toBe(0);
  const run = startCli(env, rendered.dist, 'apply', '--yes', '--json');
  // By then it waits for etcd in the host cluster.
  await said(run, '"type":"ended","step":"usa/node-labels"');
  await planes.stopCluster(USA.name);
  const { code, stdout } = await run.result;
  expect(code).toBe(1);
  const ended = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; cluster?: string; step?: string; outcome?: string })
    .filter(({ type }) => type === 'ended');
  const well = ended.filter(({ outcome }) => outcome === 'changed' || outcome === 'unchanged');
  expect(ended.filter((event) => !well.includes(event) && event.cluster !== USA.name)).toEqual([]);
  expect(ended.filter(({ cluster, outcome }) => cluster === USA.name && outcome === 'failed')).not.toEqual([]);

  // While it is away no run begins that would need it, and those of the others do.
  expect(await federation('apply', '--yes')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('cluster usa') as string,
  });
  const others = ['--cluster', FCP.name, '--cluster', CHN.name];
  expect(await federation('apply', '--yes', ...others)).toMatchObject({ code: 0, stderr: '' });
  await answered(CHN.names.zone, [CHN.address]);
  await planes.startCluster(USA.name);
  expect(await federation('apply', '--yes')).toMatchObject({ code: 0, stderr: '' });
  await allAnswered();
});

test('killed at every tenth of its time and resumed, it ends the same', async () => {
  const names = async (): Promise<string[]> => Object.keys(await versionsNow()).sort();
  const expected = await names();
  let killed = 0;
  // A whole teardown and apply each time would take minutes more: MetalLB is part of every other, the namespaces stay.
  for (let tenth = 1; tenth <= 9; tenth++) {
    const withMetalLb = tenth % 2 === 1;
    expect((await federation('teardown', '--yes', ...(withMetalLb ? WITH_METALLB : LIGHT))).code).toBe(0);
    const run = startCli(env, rendered.dist, 'apply', '--yes');
    const timer = sleep(firstApply * (withMetalLb ? 0.8 : 0.5) * (tenth / 10));
    await Promise.race([timer, run.result]);
    run.child.kill('SIGKILL');
    const { signal } = await run.result;
    if (signal === 'SIGKILL') killed++;
    await timed(`resumed after a kill at ${tenth} tenths${withMetalLb ? ', MetalLB too' : ''}`, async () => {
      expect(await federation('apply', '--yes')).toMatchObject({ code: 0, stderr: '' });
    });
    expect(await names()).toEqual(expected);
    await allAnswered();
  }
  // The machine may be faster than at the first apply, but not by that much.
  expect(killed).toBeGreaterThanOrEqual(6);
}, 600_000);

/** The ServiceAccounts in the manifests of a cluster's bundle. */
function renderedAccounts(cluster: string): ProbedAccount[] {
  return rendered.plan.files
    .filter((file) => file.path.startsWith(`${cluster}/`) && file.path.endsWith('.yaml'))
    .flatMap((file) => documents(readFileSync(path.join(rendered.dist, file.path), 'utf8')))
    .map((document) => document as { kind?: string; metadata?: { name: string; namespace?: string } })
    .flatMap(({ kind, metadata: { name, namespace = 'default' } = { name: '' } }) =>
      kind === 'ServiceAccount' ? [{ namespace, serviceAccount: name }] : [],
    );
}

test('every request of all these runs was allowed, and what nobody needs is refused', async () => {
  // ExternalDNS reads the pods of every namespace; MetalLB's controller, with its chart's rights, the Secrets of its own.
  const allowed: Readonly<Record<string, string[]>> = {
    'federation-external-dns': ['list the pods of kube-system'],
    'metallb-controller': ['list the secrets of its namespace'],
  };
  for (const { name } of SITES) {
    const cluster = planes.cluster(name);
    // A teardown takes MetalLB's rights while its pod still ends.
    const requests = readAudit(cluster.dir, { exceptAgent: new RegExp(PROBE_AGENT), exceptWithoutRights: true });
    expect(deniedRequests(requests).map(describeRequests)).toEqual([]);
    for (const account of ['federation-dns:federation-external-dns', 'metallb-system:metallb-controller']) {
      // It was not nothing that was allowed.
      expect(requests.some(({ user }) => user === `system:serviceaccount:${account}`)).toBe(true);
    }
    const accounts = renderedAccounts(name);
    expect(accounts.map(({ serviceAccount }) => serviceAccount).sort()).toEqual(
      name === FCP.name ? ['coredns', 'etcd', 'federation-external-dns'] : ['federation-external-dns'],
    );
    accounts.push({ namespace: 'metallb-system', serviceAccount: 'metallb-controller' });
    for (const account of accounts) {
      const results = await probeAccount(cluster, account);
      expect([account.serviceAccount, results.filter(({ refused }) => !refused).map(({ what }) => what)]).toEqual([
        account.serviceAccount,
        allowed[account.serviceAccount] ?? [],
      ]);
    }
  }
});

test('teardown takes away what the plan made and leaves everything else', async () => {
  await timed('teardown, three clusters', async () => {
    expect(await federation('teardown', '--yes')).toMatchObject({ code: 0, stderr: '' });
  });
  await volumesGone(env, FCP.name);
  expect(Object.keys(await versionsNow()).sort()).toEqual(untouched);
  for (const { name } of SITES) {
    expect(await corefile(name)).toBe(OWN_COREFILE);
    const { metadata } = JSON.parse(await kubectl(name, 'get', 'node', `${name}-node-1`, '--output=json')) as {
      metadata: { labels: Record<string, string> };
    };
    expect(metadata.labels).toMatchObject({ mine: 'kept' });
    const ours = /^(topology\.kubernetes\.io|onprem-federation)/;
    expect(Object.keys(metadata.labels).filter((label) => ours.test(label))).toEqual([]);
    const list = [`--kube-context=${name}`, 'list', '--all-namespaces', ...EVERY_STATE, '--short'];
    expect(await output(env, 'helm', list)).toBe('');
  }
});
