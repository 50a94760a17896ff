/**
 * Shows that the kubelet of processes works here: two clusters, with the real etcd, CoreDNS, ExternalDNS and MetalLB controller in their
 * pods; names answered; pods scaled, deleted and crashed; who asked the API servers for what.
 *
 *     node --require tsx/cjs e2e/kubelet/demo.ts [hold] [keep]
 *
 * With `hold` everything stays up until Ctrl-C, with `keep` the run's folder stays after the end. Exit codes: 0 all well; 1 something failed; 3 programs are missing.
 */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { Resolver } from 'node:dns/promises';
import { EXIT_MISSING, findBinaries } from '../binaries';
import { CONTROL_PLANE_PROGRAMS, ControlPlanes } from '../control-plane';
import { waitFor } from '../harness/wait';
import { PINS } from '../tools/pins';
import { deniedRequests, describeRequests, readAudit } from './audit';
import { hostObjects, memberObjects, namesAt, NODE_PORTS, poolObjects, Site, SITES } from './demo-manifests';
import { dig } from './dns';
import { describeChange, ProcessKubelet, withKubelet } from './kubelet';
import { PROBE_AGENT, probeAccount } from './rbac-probe';

const run = promisify(execFile);
const DNS = { port: NODE_PORTS.dns };

/** What the demo works with. */
interface Stage {
  readonly planes: ControlPlanes;
  readonly kubelet: ProcessKubelet;
  readonly kubectl: (site: Site, ...args: string[]) => Promise<string>;
  readonly helm: (site: Site, ...args: string[]) => Promise<string>;
  readonly apply: (site: Site, objects: readonly unknown[]) => Promise<void>;
}

async function timed<T>(what: string, action: () => Promise<T>): Promise<T> {
  const start = Date.now();
  const value = await action();
  console.log(`${what}: ${((Date.now() - start) / 1000).toFixed(1)} s`);
  return value;
}

function say(title: string, lines: readonly string[]): void {
  console.log([`-- ${title}`, ...lines.map((line) => `   ${line}`)].join('\n'));
}

/** The chart that lies in the Go module of the program that is run. */
async function metallbChart(): Promise<string> {
  const { stdout } = await run('go', ['env', 'GOMODCACHE']);
  return path.join(stdout.trim(), `go.universe.tf/metallb@${PINS['metallb-controller'].version}`, 'charts', 'metallb');
}

async function answered(name: string, addresses: readonly string[], timeoutMs = 60_000): Promise<void> {
  await waitFor({
    what: `${name} to be answered with ${addresses.join(', ')}`,
    timeoutMs,
    probe: async () => {
      const answer = await dig(DNS, name);
      return answer.addresses.join() === [...addresses].sort().join()
        ? { done: true, value: undefined }
        : { done: false, saw: `${answer.rcode} ${answer.addresses.join(', ')}` };
    },
  });
}

async function showNames(): Promise<void> {
  const names = [...new Set(SITES.flatMap((site) => Object.values(namesAt(site))))];
  const lines: string[] = [];
  for (const name of names) {
    const { rcode, records } = await dig(DNS, name);
    lines.push(
      `${name}: ${rcode} ${records.map(({ type, value, ttl }) => `${type} ${value} (${ttl} s)`).join(', ') || 'nothing'}`,
    );
  }
  say('dig', lines);
}

async function setUp({ kubectl, helm, apply }: Stage): Promise<void> {
  const [host] = SITES;
  const chart = await metallbChart();
  await timed('MetalLB installed by helm, with its webhook in the first cluster', () =>
    Promise.all(
      SITES.map((site) =>
        helm(
          site,
          ...[
            'install',
            'metallb',
            chart,
            '--namespace=metallb-system',
            '--create-namespace',
            '--wait',
            '--timeout=90s',
          ],
          // One machine has one port 9443: the other clusters' API servers have nobody to ask.
          ...(site === host ? [] : ['--set=crds.validationFailurePolicy=Ignore']),
        ),
      ),
    ),
  );
  await timed('pools, etcd, CoreDNS, ExternalDNS and the service applied and rolled out', async () => {
    await apply(host, hostObjects());
    await Promise.all(SITES.map((site) => apply(site, [...poolObjects(site), ...memberObjects(site)])));
    await Promise.all([
      kubectl(host, '-n', 'federation-dns', 'rollout', 'status', 'statefulset/etcd', '--timeout=60s'),
      kubectl(host, '-n', 'federation-dns', 'rollout', 'status', 'deployment/coredns', '--timeout=60s'),
      ...SITES.map((site) =>
        kubectl(site, '-n', 'federation-dns', 'rollout', 'status', 'deployment/external-dns', '--timeout=60s'),
      ),
    ]);
  });
  for (const site of SITES) {
    const pods = await kubectl(site, 'get', 'pods', '-A', '-o', 'wide');
    say(`pods of ${site.name}`, pods.trimEnd().split('\n'));
    const service = await kubectl(site, 'get', 'service', 'hello-world', '-o', 'jsonpath={.status.loadBalancer}');
    say(`status.loadBalancer of ${site.name}'s hello-world, by MetalLB's controller`, [service]);
  }
  const refused = await apply(host, poolObjects({ ...host, range: 'no-range' })).then(
    () => 'no!',
    (error: unknown) =>
      String(error)
        .split('\n')
        .find((line) => line.includes('denied the request')),
  );
  say("a wrong pool is refused by MetalLB's own webhook", [refused ?? 'no!']);
  if (refused === undefined || refused === 'no!') throw new Error('the webhook did not refuse');
}

async function names(): Promise<void> {
  const all = SITES.map(({ address }) => address);
  await timed('the federation name answered with both addresses', () => answered(namesAt(SITES[0]).all, all));
  await showNames();
  const resolver = new Resolver();
  resolver.setServers([`127.0.0.1:${DNS.port}`]);
  say("node's own resolver", [(await resolver.resolve4(namesAt(SITES[0]).all)).sort().join(', ')]);
}

async function health({ kubectl }: Stage): Promise<void> {
  const [host, other] = SITES;
  const scale = (replicas: number): Promise<string> =>
    kubectl(other, 'scale', 'deployment/hello-world', `--replicas=${replicas}`);
  await scale(0);
  await timed('usa scaled to 0: its zone name leads on to the federation', () =>
    answered(namesAt(other).zone, [host.address]),
  );
  await showNames();
  await scale(2);
  await timed('usa scaled to 2: its names are back', () => answered(namesAt(other).zone, [other.address]));
}

async function disturb({ kubectl, kubelet, planes }: Stage): Promise<void> {
  const [host] = SITES;
  const own = (...args: string[]): Promise<string> => kubectl(host, '-n', 'federation-dns', ...args);
  const pidOf = (container: string): number | undefined =>
    kubelet.report().running.find((running) => running.container === container)?.pid;

  const before = pidOf('fcp/federation-dns/etcd-1/etcd');
  await timed('etcd-1 deleted: ended, and back as a member', async () => {
    await own('delete', 'pod', 'etcd-1');
    await own('rollout', 'status', 'statefulset/etcd', '--timeout=60s');
  });
  const after = pidOf('fcp/federation-dns/etcd-1/etcd');
  say('processes of etcd-1', [
    `${before ?? 'none'} (runs: ${before !== undefined && fs.existsSync(`/proc/${before}`)}) -> ${after ?? 'none'}`,
  ]);
  await answered(
    namesAt(host).all,
    SITES.map(({ address }) => address),
  );

  const [dns] = kubelet.report().running.filter(({ container }) => container.includes('/coredns-'));
  const pod = dns?.container.split('/')[2] ?? '';
  const seen: string[] = [];
  await timed('a CoreDNS process killed: not Ready, started again, Ready', async () => {
    if (dns) process.kill(dns.pid, 'SIGKILL');
    await waitFor({
      what: `${pod} to be seen not Ready and Ready again`,
      timeoutMs: 30_000,
      intervalMs: 50,
      probe: async () => {
        const { body } = await planes
          .cluster(host.name)
          .api.request('GET', `/api/v1/namespaces/federation-dns/pods/${pod}`);
        const { status } = body as {
          status: {
            conditions: { type: string; status: string; message?: string }[];
            containerStatuses: { restartCount: number }[];
          };
        };
        const ready = status.conditions.find(({ type }) => type === 'Ready');
        const line = `Ready ${ready?.status ?? '?'}, restarts ${status.containerStatuses[0]?.restartCount ?? '?'} ${ready?.message ?? ''}`;
        if (seen.at(-1) !== line) seen.push(line);
        return seen.length > 1 && ready?.status === 'True' && (status.containerStatuses[0]?.restartCount ?? 0) > 0
          ? { done: true, value: undefined }
          : { done: false, saw: line };
      },
    });
  });
  say(`status of ${pod}`, seen);

  await timed('ExternalDNS scaled to 0: its process ends, its records stay', async () => {
    await own('scale', 'deployment/external-dns', '--replicas=0');
    await waitFor({
      what: 'its process to end',
      timeoutMs: 20_000,
      probe: () => {
        const left = kubelet
          .report()
          .running.filter(({ container }) => container.startsWith('fcp/') && container.endsWith('/external-dns'));
        return Promise.resolve(
          left.length === 0 ? { done: true, value: undefined } : { done: false, saw: `${left.length} run` },
        );
      },
    });
  });
  await answered(
    namesAt(host).all,
    SITES.map(({ address }) => address),
  );
}

/** A cluster's API server goes away and comes back: its pods run on, and are served again afterwards. */
async function outage({ kubectl, kubelet, planes }: Stage): Promise<void> {
  const [host, other] = SITES;
  const own = (): string[] =>
    kubelet
      .report()
      .running.filter(({ container }) => container.startsWith(`${other.name}/`))
      .map(({ container, pid }) => `${container} ${pid}`)
      .sort();
  const before = own();
  await timed(`${other.name} stopped and started`, async () => {
    await planes.stopCluster(other.name);
    await answered(
      namesAt(host).all,
      SITES.map(({ address }) => address),
    );
    await planes.startCluster(other.name);
  });
  const kept = before.join() === own().join() ? 'the same processes' : `other processes: ${own().join(', ')}`;
  await timed(`a pod of ${other.name} deleted afterwards (${kept})`, async () => {
    await kubectl(other, '-n', 'federation-dns', 'delete', 'pods', '--all', '--timeout=60s');
    await kubectl(other, '-n', 'federation-dns', 'rollout', 'status', 'deployment/external-dns', '--timeout=60s');
  });
}

async function rbac({ planes }: Stage): Promise<void> {
  for (const { name } of SITES) {
    const cluster = planes.cluster(name);
    const requests = readAudit(cluster.dir, { exceptAgent: new RegExp(PROBE_AGENT) });
    const accounts = requests.filter(({ user }) => /:(federation-dns|metallb-system):/.test(user));
    say(`requests of the ServiceAccounts of ${name}`, accounts.map(describeRequests));
    say(`denied in ${name}`, deniedRequests(requests).map(describeRequests));
    for (const account of [
      { namespace: 'federation-dns', serviceAccount: 'external-dns' },
      { namespace: 'metallb-system', serviceAccount: 'metallb-controller' },
    ]) {
      const results = await probeAccount(cluster, account);
      const open = results.filter(({ refused }) => !refused);
      say(`${account.serviceAccount} of ${name} is refused ${results.length - open.length} of ${results.length}`, [
        ...open.map(({ what, status }) => `may ${what} (${status})`),
      ]);
    }
  }
}

function report(kubelet: ProcessKubelet): void {
  const { changes, listeners, addresses } = kubelet.report();
  say('all that was changed from what was rendered', changes.map(describeChange));
  say(
    'Services',
    Object.entries(listeners).flatMap(([cluster, all]) =>
      all.map(
        ({ what, where, problem }) => `${cluster}: ${what} at ${where}${problem === undefined ? '' : `: ${problem}`}`,
      ),
    ),
  );
  say('addresses', [JSON.stringify(addresses)]);
}

async function main(words: readonly string[]): Promise<number> {
  const lookup = findBinaries([
    ...CONTROL_PLANE_PROGRAMS,
    'kubectl',
    'helm',
    'coredns',
    'external-dns',
    'metallb-controller',
  ]);
  if (!lookup.ok) {
    console.error(lookup.error.message);
    return EXIT_MISSING;
  }
  const { kubectl, helm } = lookup.paths;
  const planes = await timed('two clusters up', () =>
    ControlPlanes.start({
      clusters: SITES.map(({ name }) => withKubelet({ name })),
      binaries: lookup.paths,
      keepDir: words.includes('keep'),
    }),
  );
  let stopKubelet = (): Promise<void> => Promise.resolve();
  try {
    const kubelet = await ProcessKubelet.start({ planes, binaries: lookup.paths });
    stopKubelet = () => kubelet.stop();
    const call = async (file: string, args: readonly string[]): Promise<string> => {
      const { stdout } = await run(file, args, { env: { PATH: process.env.PATH, HOME: planes.dir } });
      return stdout;
    };
    const stage: Stage = {
      planes,
      kubelet,
      kubectl: (site, ...args) => call(kubectl, ['--kubeconfig', planes.kubeconfig, '--context', site.name, ...args]),
      helm: (site, ...args) => call(helm, ['--kubeconfig', planes.kubeconfig, '--kube-context', site.name, ...args]),
      apply: async (site, objects) => {
        const file = path.join(planes.dir, `${site.name}-objects.json`);
        fs.writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
        await stage.kubectl(site, 'apply', '-f', file);
      },
    };
    await setUp(stage);
    await names();
    await health(stage);
    await disturb(stage);
    await outage(stage);
    await rbac(stage);
    report(kubelet);
    if (words.includes('hold')) {
      console.log(`up until Ctrl-C: KUBECONFIG=${planes.kubeconfig}`);
      await new Promise((resolve) => setTimeout(resolve, 2 ** 31 - 1));
    }
  } finally {
    await timed('stopped', async () => {
      await stopKubelet();
      await planes.stop();
    });
  }
  const left = planes.processes.pids.filter((pid) => fs.existsSync(`/proc/${pid}`));
  if (left.length > 0) throw new Error(`still running: ${left.join(', ')}`);
  console.log('nothing left behind');
  return 0;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  },
);
