import { ClusterRole, ClusterRoleBinding, ServiceAccount } from 'cdk8s-plus-25';
import { lt, satisfies } from 'semver';
import { Bundle } from '../bundle';
import { RELEASE_OWNER } from '../labels';
import { COREDNS_CHART } from '../topology/check-federation-v1';
import { InsteadOf } from '../plan/step';
import { Cluster, Topology } from '../topology/resolve';
import { chartInStep, ChartSource, chartSource, pulled } from './artifacts';
import { ETCD_ENDPOINT, etcdStep } from './etcd';

const NAMESPACE = 'default';
const RELEASE = 'coredns';
/** The chart names its Service after release and chart. */
const SERVICE = `${RELEASE}-${COREDNS_CHART}`;
/** The chart's Service has another port, for metrics, that is left as it is. */
const DNS_PORT = 53;
/** The minor version from which on an update may let UDP and TCP share a node port. */
const SHARED_NODE_PORTS = 9;
const TILLER = 'tiller';
/** The step after which CoreDNS answers at the topology's endpoint. */
export const NODE_PORT_STEP = 'coredns-node-port';

const IMAGE = 'coredns/coredns';
/** The tag of the image that a chart brings, by the chart's version. */
const TAGS: readonly (readonly [charts: string, tag: string])[] = [
  ['<0.7.0', '006'],
  ['<0.8.0', '011'],
  ['<0.9.0', '1.0.1'],
  ['<1.0.0', '1.0.6'],
];

/** `stable/coredns`, with where it comes from. */
function coreDnsChart(topology: Topology): ChartSource {
  return chartSource(topology, {
    name: COREDNS_CHART,
    version: topology.coreDns.chartVersion,
    repository: 'https://charts.helm.sh/stable',
    reference: `stable/${COREDNS_CHART}`,
  });
}

/** What stands in the plan of the other way, so that it does not come up beside this one. */
export function chartService({ dns, host }: Topology): InsteadOf {
  return {
    service: SERVICE,
    namespace: NAMESPACE,
    nodePort: dns.endpoint.port,
    installed: "CoreDNS by its chart (coreDns.install: 'helm')",
    removedBy: `helm --kube-context=${host.context} delete --purge ${RELEASE}`,
  };
}

/** Values for the chart's version, in the key that it reads its plugins from. */
function values(topology: Topology, plugins: string): Record<string, unknown> {
  return {
    // No chart knows this key, and Helm passes over it: apply tells this release from another of the same name by it.
    [RELEASE_OWNER]: topology.name,
    isClusterService: false,
    serviceType: 'NodePort',
    ...(topology.images.prefix !== undefined && { image: { repository: pulled(topology, IMAGE) } }),
    [plugins]: {
      kubernetes: { enabled: false },
      etcd: { enabled: true, zones: [topology.dns.zone], endpoint: ETCD_ENDPOINT },
    },
  };
}

/**
 * CoreDNS by its Helm chart, with the Tiller that Helm 2 needs.
 *
 * The chart is pinned: the key under which it takes its plugins has changed twice, Helm ignores keys that a chart does
 * not know, and from 1.0.0 on its CoreDNS reads etcd v3 while the federation writes v2.
 */
export function coreDnsByHelm(bundle: Bundle, cluster: Cluster, topology: Topology, insteadOf: InsteadOf): void {
  const { dns } = topology;
  const chart = coreDnsChart(topology);
  const tillerImage =
    topology.coreDns.tillerImage === undefined ? undefined : pulled(topology, topology.coreDns.tillerImage);
  const tag = TAGS.find(([charts]) => satisfies(chart.version, charts))?.[1] ?? chart.version;
  bundle.uses({ charts: [chart], images: [`${pulled(topology, IMAGE)}:${tag}`] });
  bundle.usesIfNamed(tillerImage, 'the image of Tiller', 'helm', 'coreDns.tillerImage');

  const tiller = bundle.chart(
    TILLER,
    "Helm 2's server side and the rights that it takes to install charts",
    (scope) => {
      const metadata = { name: TILLER, namespace: 'kube-system' };
      const account = new ServiceAccount(scope, 'service-account', { metadata, automountToken: true });
      const role = ClusterRole.fromClusterRoleName(scope, 'cluster-admin', 'cluster-admin');
      new ClusterRoleBinding(scope, 'cluster-role-binding', { metadata: { name: TILLER }, role }).addSubjects(account);
    },
  );
  bundle.step(TILLER, 'apply', {
    title: `Tiller has its ServiceAccount in ${cluster.name}`,
    context: cluster.context,
    needs: [],
    timeoutSeconds: 60,
    file: tiller,
    wait: [],
    insteadOf,
  });
  bundle.step('helm-init', 'helm-init', {
    title: `Tiller runs in ${cluster.name}`,
    context: cluster.context,
    needs: [`${cluster.name}/${TILLER}`],
    timeoutSeconds: 300,
    serviceAccount: TILLER,
    tillerImage,
    ...(topology.charts.folder === undefined && { stableRepository: chart.repository }),
  });

  const plugins = lt(chart.version, '0.8.0') ? 'middleware' : 'plugins';
  const file = bundle.yaml(
    'coredns-values.conf',
    `Values of the chart stable/coredns, version ${chart.version} (its plugins are under '${plugins}')`,
    values(topology, plugins),
  );
  bundle.step(RELEASE, 'helm-release', {
    title: `CoreDNS runs in ${cluster.name} and reads ${dns.zone} from etcd`,
    context: cluster.context,
    needs: [`${cluster.name}/helm-init`, etcdStep(topology)],
    timeoutSeconds: 600,
    release: RELEASE,
    ...chartInStep(topology, chart),
    version: chart.version,
    namespace: NAMESPACE,
    file,
    insteadOf,
    wait: [
      { resource: `deployment/${SERVICE}`, namespace: NAMESPACE, until: 'rolled-out' },
      { resource: `service/${SERVICE}`, namespace: NAMESPACE, until: 'exists' },
    ],
  });
  bundle.step(NODE_PORT_STEP, 'node-port', {
    title: `CoreDNS is reached at ${dns.server}`,
    context: cluster.context,
    needs: [`${cluster.name}/${RELEASE}`],
    timeoutSeconds: 60,
    namespace: NAMESPACE,
    service: SERVICE,
    port: DNS_PORT,
    nodePort: dns.endpoint.port,
    ...(cluster.minor < SHARED_NODE_PORTS && { recreate: true }),
  });
}
