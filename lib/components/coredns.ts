import { ClusterRole, ClusterRoleBinding, ServiceAccount } from 'cdk8s-plus-25';
import { lt } from 'semver';
import { RELEASE_OWNER } from '../labels';
import { Topology } from '../topology/resolve';
import { Component } from './component';
import { ETCD_ENDPOINT, etcdStep } from './etcd';

const NAMESPACE = 'default';
const RELEASE = 'coredns';
/** The chart names its Service after release and chart. */
const SERVICE = `${RELEASE}-coredns`;
/** The chart's Service has another port, for metrics, that is left as it is. */
const DNS_PORT = 53;
/** The minor version from which on an update may let UDP and TCP share a node port. */
const SHARED_NODE_PORTS = 9;
const TILLER = 'tiller';
const NODE_PORT_STEP = 'coredns-node-port';

/** The step after which CoreDNS answers at the topology's endpoint. */
export const coreDnsStep = ({ host }: Topology): string => `${host.name}/${NODE_PORT_STEP}`;

/**
 * CoreDNS by its Helm chart, answering for the zone out of etcd, with the Tiller that Helm 2 needs. In the host cluster
 * only.
 *
 * The chart is pinned: the key under which it takes its plugins has changed twice, Helm ignores keys that a chart does
 * not know, and from 1.0.0 on its CoreDNS reads etcd v3 while the federation writes v2.
 */
export const coreDns: Component = {
  name: 'coredns',

  cluster(bundle, cluster, topology) {
    if (!cluster.isHost) return;
    const { dns, coreDns: props } = topology;

    const tiller = bundle.chart(
      TILLER,
      "Helm 2's server side and the rights that it takes to install charts",
      (chart) => {
        const metadata = { name: TILLER, namespace: 'kube-system' };
        const account = new ServiceAccount(chart, 'service-account', { metadata, automountToken: true });
        const role = ClusterRole.fromClusterRoleName(chart, 'cluster-admin', 'cluster-admin');
        new ClusterRoleBinding(chart, 'cluster-role-binding', { metadata: { name: TILLER }, role }).addSubjects(
          account,
        );
      },
    );
    bundle.step(TILLER, 'apply', {
      title: `Tiller has its ServiceAccount in ${cluster.name}`,
      context: cluster.context,
      needs: [],
      timeoutSeconds: 60,
      file: tiller,
      wait: [],
    });
    bundle.step('helm-init', 'helm-init', {
      title: `Tiller runs in ${cluster.name}`,
      context: cluster.context,
      needs: [`${cluster.name}/${TILLER}`],
      timeoutSeconds: 300,
      serviceAccount: TILLER,
    });

    const plugins = lt(props.chartVersion, '0.8.0') ? 'middleware' : 'plugins';
    const values = bundle.yaml(
      'coredns-values.conf',
      `Values of the chart stable/coredns, version ${props.chartVersion} (its plugins are under '${plugins}')`,
      {
        // No chart knows this key, and Helm passes over it: apply tells this release from another of the same name by it.
        [RELEASE_OWNER]: topology.name,
        isClusterService: false,
        serviceType: 'NodePort',
        [plugins]: {
          kubernetes: { enabled: false },
          etcd: { enabled: true, zones: [dns.zone], endpoint: ETCD_ENDPOINT },
        },
      },
    );
    bundle.step(RELEASE, 'helm-release', {
      title: `CoreDNS runs in ${cluster.name} and reads ${dns.zone} from etcd`,
      context: cluster.context,
      needs: [`${cluster.name}/helm-init`, etcdStep(topology)],
      timeoutSeconds: 600,
      release: RELEASE,
      chart: 'stable/coredns',
      version: props.chartVersion,
      namespace: NAMESPACE,
      file: values,
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
  },
};
