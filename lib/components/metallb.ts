import { IpAddressPool, L2Advertisement } from '../../imports/metallb.io';
import { RELEASE_OWNER } from '../labels';
import { Cluster, Topology } from '../topology/resolve';
import { chartInStep, ChartSource, chartSource, pulled } from './artifacts';
import { Component } from './component';
import { placedStep } from './placed-steps';
import { METALLB_CHART } from '../topology/check-stack';
import { METALLB_NAMESPACE as NAMESPACE, namespacesStep } from './federation-namespace';

const RELEASE = 'metallb';
const POOL = 'federation';
/** The kinds of the chart's that people make objects of; the others hold what MetalLB itself notes down. */
const REGISTERED = [
  'ipaddresspools',
  'l2advertisements',
  'bgppeers',
  'bgpadvertisements',
  'communities',
  'bfdprofiles',
];

/** The step after which a LoadBalancer Service of the cluster gets its address. */
export const poolStep = (cluster: Cluster): string => `${cluster.name}/metallb-pool`;

/** The images that the chart starts with these values. */
function images({ metalLb }: Topology): { controller: string; speaker: string; tag: string } {
  return {
    controller: 'quay.io/metallb/controller',
    speaker: 'quay.io/metallb/speaker',
    tag: `v${metalLb.chartVersion}`,
  };
}

/** MetalLB's chart, with where it comes from. */
export function metalLbChart(topology: Topology): ChartSource {
  return chartSource(topology, {
    name: METALLB_CHART,
    version: topology.metalLb.chartVersion,
    repository: 'https://metallb.github.io/metallb',
    reference: `${METALLB_CHART}/${METALLB_CHART}`,
  });
}

/** Values of MetalLB's chart: every image that is started is named here, so that a prefix reaches all of them. */
export function metalLbValues(topology: Topology): Record<string, unknown> {
  const { controller, speaker, tag } = images(topology);
  return {
    // No value of the chart's: a release that carries it is this federation's, and may be changed and taken away.
    [RELEASE_OWNER]: topology.name,
    controller: { image: { repository: pulled(topology, controller), tag } },
    speaker: {
      image: { repository: pulled(topology, speaker), tag },
      // Addresses are announced by ARP alone: no routing daemon is needed.
      frr: { enabled: false },
      ...(topology.metalLb.ignoreExcludeLB && { ignoreExcludeLB: true }),
    },
  };
}

/** LoadBalancer Services without a cloud: MetalLB gives out the cluster's own range and announces it by ARP. */
export const metalLb: Component = {
  name: 'metallb',

  cluster(bundle, cluster, topology) {
    const chart = metalLbChart(topology);
    const { controller, speaker, tag } = images(topology);
    bundle.uses({ charts: [chart], images: [controller, speaker].map((name) => `${pulled(topology, name)}:${tag}`) });

    const values = bundle.yaml(
      'metallb-values.conf',
      `Values of the chart metallb, version ${chart.version}`,
      metalLbValues(topology),
    );
    bundle.step(RELEASE, 'helm-release', {
      title: `MetalLB runs in ${cluster.name}`,
      context: cluster.context,
      needs: [namespacesStep(cluster)],
      timeoutSeconds: 600,
      helm: 3,
      release: RELEASE,
      ...chartInStep(topology, chart),
      version: chart.version,
      namespace: NAMESPACE,
      file: values,
      registers: REGISTERED.map((plural) => `${plural}.metallb.io`),
      wait: [
        { resource: `deployment/${RELEASE}-controller`, namespace: NAMESPACE, until: 'rolled-out' },
        { resource: `daemonset/${RELEASE}-speaker`, namespace: NAMESPACE, until: 'rolled-out' },
        { resource: 'customresourcedefinition/ipaddresspools.metallb.io', until: 'exists' },
      ],
    });

    bundle.step('announcement', 'announcement', {
      title: `nodes of ${cluster.name} can announce addresses`,
      context: cluster.context,
      needs: [],
      timeoutSeconds: 60,
      ...(topology.metalLb.ignoreExcludeLB && { ignoreExcluded: true as const }),
    });

    const { cidr, first, last } = cluster.addressRange;
    const pool = bundle.chart(
      'metallb-pool',
      `The addresses that Services of ${cluster.name} get. Written from first to last: a CIDR would hand out the network's\nown and its broadcast address too`,
      (scope) => {
        new IpAddressPool(scope, 'pool', {
          metadata: { name: POOL, namespace: NAMESPACE },
          spec: { addresses: [`${first}-${last}`] },
        });
        new L2Advertisement(scope, 'advertisement', {
          metadata: { name: POOL, namespace: NAMESPACE },
          spec: { ipAddressPools: [POOL] },
        });
      },
    );
    bundle.step('metallb-pool', 'apply', {
      title: `Services of ${cluster.name} get addresses out of ${cidr}`,
      context: cluster.context,
      needs: [`${cluster.name}/${RELEASE}`],
      // Addresses go back only while somebody takes them.
      outlives: topology.workloads.map((workload) => placedStep(cluster, workload)),
      // MetalLB's webhooks judge both objects, and refuse them until their certificate has come round.
      timeoutSeconds: 180,
      file: pool,
      wait: [],
      serverSide: true,
    });
  },
};
