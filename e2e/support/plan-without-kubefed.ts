import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { Service, ServiceType } from 'cdk8s-plus-25';
import { Bundle, OutputFile } from '../../lib/bundle';
import { controllerManager } from '../../lib/components/controller-manager';
import { container, deployment } from '../../lib/components/defaults';
import { keepalived } from '../../lib/components/keepalived';
import { nodeLabels } from '../../lib/components/node-labels';
import { digest, inOrder, Plan, PLAN_VERSION, writePlan } from '../../lib/plan/plan';
import { PLAN_FILE } from '../../lib/plan/file';
import { Step } from '../../lib/plan/step';
import { Cluster, resolveTopology } from '../../lib/topology/resolve';

/** A cluster that runs, with the version that it runs. */
export interface RunningCluster {
  readonly name: string;
  readonly server: string;
  readonly version: string;
}

const REGIONS = ['europe', 'america', 'asia'];
const ZONES = ['fr', 'us', 'cn'];
const DOMAIN = 'example.com';
const DNS_SERVER = '127.0.0.1:32609';

/**
 * Writes a plan of all step kinds that need neither kubefed nor Helm 2, which today's API servers know nothing of, for
 * clusters that run. The components and the step kinds are those of the real stack; only their choice is the test's.
 */
export function writePlanWithoutKubefed(dist: string, running: readonly RunningCluster[]): Plan {
  const [host] = running;
  if (!host) throw new Error('no cluster');
  // Today's versions are none of this stack's: the topology is made for an old one, then told the real one.
  const old = resolveTopology({
    hostCluster: host.name,
    clusters: running.map(({ name, server }, i) => ({
      name,
      server,
      region: REGIONS[i] ?? 'nowhere',
      zone: ZONES[i] ?? 'none',
      kubernetesVersion: '1.15.0',
      addressRange: `10.210.${i + 1}.100/26`,
    })),
    dns: { zone: `${DOMAIN}.`, endpoint: DNS_SERVER },
  });
  const clusters = old.clusters.map((cluster, i): Cluster => ({
    ...cluster,
    kubernetesVersion: running[i]?.version ?? '',
    minor: Number(running[i]?.version.split('.')[1]),
  }));
  const files: OutputFile[] = [];
  const steps: Step[] = [];
  for (const cluster of clusters) {
    const bundle = new Bundle(cluster.name, { name: cluster.name, minor: cluster.minor }, old.name);
    [nodeLabels, keepalived, controllerManager].forEach((component, i) => {
      bundle.begin(component.name, 10 + 5 * i);
      component.cluster?.(bundle, cluster, old);
    });
    bundle.begin('test', 50);
    addTestSteps(bundle, cluster);
    files.push(...bundle.files());
    steps.push(...bundle.steps);
  }
  const plan: Plan = {
    version: PLAN_VERSION,
    stack: 'federation-v1',
    federation: old.name,
    hostCluster: host.name,
    dns: { zone: old.dns.zone, server: DNS_SERVER },
    clusters: clusters.map(({ name, context, server, kubernetesVersion, region, zone, addressRange }) => ({
      name,
      context,
      server,
      kubernetesVersion,
      region,
      zone,
      addressRange,
    })),
    workloads: [],
    files: files.map(({ path: file, content }) => ({ path: file, sha256: digest(content) })),
    steps: inOrder(steps).order,
  };
  for (const { path: file, content } of [...files, { path: PLAN_FILE, content: writePlan(plan) }]) {
    mkdirSync(path.dirname(path.join(dist, file)), { recursive: true });
    writeFileSync(path.join(dist, file), content);
  }
  return plan;
}

/** A workload with a LoadBalancer Service, and one step of each kind that changes an object of somebody else's. */
function addTestSteps(bundle: Bundle, cluster: Cluster): void {
  const common = { context: cluster.context, needs: [], timeoutSeconds: 60 };
  const labels = { app: 'hello-world' };
  const metadata = { name: 'hello-world', namespace: 'default' };
  const manifest = bundle.chart('hello-world', 'A workload', (chart) => {
    deployment(chart, labels, {
      metadata,
      replicas: 2,
      containers: [
        container({ name: 'web', image: 'artmr/hello-world:latest', ports: [{ name: 'web', number: 8080 }] }),
      ],
    });
    const service = new Service(chart, 'service', {
      metadata,
      type: ServiceType.LOAD_BALANCER,
      ports: [{ name: 'web', port: 8080 }],
    });
    service.selectLabel('app', 'hello-world');
  });
  const id = (name: string): string => `${cluster.name}/${name}`;
  bundle.step('hello-world', 'apply', {
    ...common,
    title: 'hello-world runs',
    file: manifest,
    wait: [{ resource: 'deployment/hello-world', namespace: 'default', until: 'rolled-out' }],
  });
  bundle.step('node-port', 'node-port', {
    ...common,
    title: 'the Service has its node port',
    // As with the Service that the real plan has this step for, nobody else writes into it meanwhile: where two do, the
    // API server (1.34) may keep the port that was refused to the one for minutes.
    needs: [id('address')],
    namespace: 'default',
    service: 'hello-world',
    port: 8080,
    nodePort: 31234,
  });
  bundle.step('address', 'service-address', {
    ...common,
    title: 'the Service has an address',
    needs: [id('hello-world')],
    namespace: 'default',
    service: 'hello-world',
    first: cluster.addressRange.first,
    last: cluster.addressRange.last,
  });
  const block = bundle.text('corefile.conf', 'A block', `${DOMAIN}:53 {\n    errors\n    forward . ${DNS_SERVER}\n}\n`);
  const dns = { namespace: 'kube-system', domain: DOMAIN, server: DNS_SERVER };
  bundle.step('corefile', 'corefile', {
    ...common,
    ...dns,
    title: 'the Corefile has the block',
    file: block,
    configMap: 'coredns',
  });
  bundle.step('dnsmasq', 'dnsmasq-argument', {
    ...common,
    title: 'dnsmasq has the argument',
    namespace: 'kube-system',
    deployment: 'kube-dns',
    container: 'dnsmasq',
    argument: `--server=/${DOMAIN}./127.0.0.1#32609`,
  });
}
