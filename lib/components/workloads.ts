import { ApiObject } from 'cdk8s';
import { EnvValue, Namespace, Service, ServiceType } from 'cdk8s-plus-25';
import { Cluster, Topology, Workload } from '../topology/resolve';
import { FEDERATION_BUNDLE } from '../topology/check';
import { PlacementProps, WorkloadPortProps } from '../topology/types';
import { pulled } from './artifacts';
import { Component } from './component';
import { controlPlaneStep } from './control-plane';
import { controllerManagerStep } from './controller-manager';
import { container, deployment } from './defaults';
import { loadBalancerSteps } from './keepalived';
import { joinStep } from './membership';

/** A workload's name in step ids and file names: its own, behind its namespace where that is not `default`. */
export const stepName = (workload: Workload): string =>
  workload.namespace === 'default' ? workload.name : `${workload.namespace}.${workload.name}`;

/** The step after which a workload is in the federation. */
export const workloadStep = (workload: Workload): string => `${FEDERATION_BUNDLE}/${stepName(workload)}`;

/** The step after which a workload's Service has an address in a cluster. */
export const addressStep = (cluster: Cluster, workload: Workload): string =>
  `${cluster.name}/${stepName(workload)}-address`;

/** The name of a workload's Service, at each of its three levels from the cluster's own to the federation's. */
export function dnsNames(topology: Topology, workload: Workload, cluster: Cluster): [string, string, string] {
  const service = `${workload.name}.${workload.namespace}.${topology.name}.svc`;
  const { domain } = topology.dns;
  return [
    `${service}.${cluster.zone}.${cluster.region}.${domain}`,
    `${service}.${cluster.region}.${domain}`,
    `${service}.${domain}`,
  ];
}

/** All ports of a workload, its first one first. */
export function portsOf({ portName, port, morePorts }: Workload): Required<WorkloadPortProps>[] {
  return [{ name: portName, port }, ...morePorts].map((one) => ({ protocol: 'TCP', ...one }));
}

/** The annotation that the federation's Deployment controller reads. */
function preferences(placement: PlacementProps): Record<string, string> {
  const { rebalance = false, clusters } = placement;
  return { 'federation.kubernetes.io/deployment-preferences': JSON.stringify({ rebalance, clusters }) };
}

/** The workloads, as federated objects: the federation's controllers bring them into every member. */
export const workloads: Component = {
  name: 'workloads',

  federation(bundle, topology) {
    const context = topology.name;
    const namespaces = [...new Set(topology.workloads.map((workload) => workload.namespace))];
    if (namespaces.length === 0) return;

    const file = bundle.chart(
      'namespaces',
      'Namespaces have to be there in the federation first, default among them',
      (chart) => {
        for (const name of namespaces) new Namespace(chart, `namespace-${name}`, { metadata: { name } });
      },
    );
    bundle.step('namespaces', 'create', {
      title: `the federation has the namespaces ${namespaces.join(', ')}`,
      context,
      needs: [controlPlaneStep(topology)],
      timeoutSeconds: 60,
      file,
    });

    for (const workload of topology.workloads) {
      const labels = { app: workload.name };
      const metadata = { name: workload.name, namespace: workload.namespace };
      const manifest = bundle.chart(
        stepName(workload),
        `${workload.name}: ${workload.replicas} replicas over all clusters, one Service with an address of its own in each`,
        (chart) => {
          const pods = deployment(chart, labels, {
            metadata: { ...metadata, labels },
            replicas: workload.replicas,
            containers: [
              container({
                name: workload.name,
                image: pulled(topology, workload.image),
                ports: portsOf(workload).map(({ name, port }) => ({ name, number: port })),
                args: workload.args.length > 0 ? [...workload.args] : undefined,
                envVariables: Object.fromEntries(
                  Object.entries(workload.env).map(([name, value]) => [name, EnvValue.fromValue(value)]),
                ),
              }),
            ],
          });
          for (const [key, value] of Object.entries(workload.placement ? preferences(workload.placement) : {})) {
            ApiObject.of(pods).metadata.addAnnotation(key, value);
          }
          const service = new Service(chart, 'service', {
            metadata: { ...metadata, labels },
            type: ServiceType.LOAD_BALANCER,
            ports: portsOf(workload).map(({ name, port }) => ({ name, port, targetPort: port })),
          });
          service.selectLabel('app', workload.name);
        },
      );
      bundle.step(stepName(workload), 'apply', {
        title: `${workload.name} runs in the federation`,
        context,
        needs: [`${bundle.name}/namespaces`, ...topology.clusters.map(joinStep)],
        timeoutSeconds: 300,
        file: manifest,
        copies: topology.clusters.map((cluster) => cluster.context),
        wait: [
          { resource: `deployment/${workload.name}`, namespace: workload.namespace, until: 'exists' },
          { resource: `service/${workload.name}`, namespace: workload.namespace, until: 'exists' },
        ],
      });
    }
  },

  cluster(bundle, cluster, topology) {
    for (const workload of topology.workloads) {
      bundle.step(`${stepName(workload)}-address`, 'service-address', {
        title: `${workload.name} has an address of ${cluster.addressRange.cidr} in ${cluster.name}`,
        context: cluster.context,
        needs: [workloadStep(workload), controllerManagerStep(cluster), ...loadBalancerSteps(cluster)],
        timeoutSeconds: 300,
        namespace: workload.namespace,
        service: workload.name,
        first: cluster.addressRange.first,
        last: cluster.addressRange.last,
      });
    }
  },
};
