import { Chart } from 'cdk8s';
import { k8s } from 'cdk8s-plus-25';
import { Cluster, Topology, Workload } from '../topology/resolve';
import { NAMES_SUFFIX } from '../topology/check-stack';
import { pulled } from './artifacts';
import { Component } from './component';
import { poolStep } from './metallb';
import { addressIn, addressStep, placedStep, replicasIn, workloadStep } from './placed-steps';
import { dnsNames, portsOf } from './workloads';

const EXTERNAL_DNS = 'external-dns.alpha.kubernetes.io';

/** Namespaces that every cluster has from the start: nobody's to create, and nobody's to take away. */
const BUILT_IN = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

function pods(chart: Chart, cluster: Cluster, workload: Workload, topology: Topology): void {
  const { name, namespace, portName, image, readinessPath, args, env } = workload;
  const labels = { app: name };
  const variables = Object.entries(env).map(([variable, value]) => ({ name: variable, value }));
  new k8s.KubeDeployment(chart, 'deployment', {
    metadata: { name, namespace, labels },
    spec: {
      replicas: replicasIn(workload, cluster),
      selector: { matchLabels: labels },
      template: {
        metadata: {
          labels,
          // What ExternalDNS writes for a ready pod in place of its own address, which only this cluster routes.
          ...(workload.names && { annotations: { [`${EXTERNAL_DNS}/target`]: addressIn(workload, cluster) } }),
        },
        spec: {
          automountServiceAccountToken: false,
          containers: [
            {
              name,
              image: pulled(topology, image),
              ...(args.length > 0 && { args: [...args] }),
              ...(variables.length > 0 && { env: variables }),
              ports: portsOf(workload).map(({ name: portsName, port, protocol }) => ({
                name: portsName,
                containerPort: port,
                ...other(protocol),
              })),
              ...(readinessPath !== undefined && {
                readinessProbe: { httpGet: { path: readinessPath, port: k8s.IntOrString.fromString(portName) } },
              }),
            },
          ],
        },
      },
    },
  });
}

/** A protocol that is not the one that Kubernetes takes where none is said. */
const other = (protocol: string): { protocol?: string } => (protocol === 'TCP' ? {} : { protocol });

function services(chart: Chart, cluster: Cluster, workload: Workload, topology: Topology): void {
  const { name, namespace } = workload;
  const labels = { app: name };
  const ports = portsOf(workload).map(({ name: portName, port, protocol }) => ({
    name: portName,
    port,
    targetPort: k8s.IntOrString.fromString(portName),
    ...other(protocol),
  }));
  new k8s.KubeService(chart, 'service', {
    metadata: { name, namespace, labels, annotations: { 'metallb.io/loadBalancerIPs': addressIn(workload, cluster) } },
    spec: { type: 'LoadBalancer', selector: labels, ports },
  });
  if (!workload.names) return;
  // ExternalDNS never looks whether a LoadBalancer Service has pods; of a headless one it takes the ready pods' word.
  new k8s.KubeService(chart, 'names', {
    metadata: {
      name: `${name}${NAMES_SUFFIX}`,
      namespace,
      labels,
      annotations: {
        [`${EXTERNAL_DNS}/hostname`]: dnsNames(topology, workload, cluster).join(','),
        [`${EXTERNAL_DNS}/ttl`]: String(topology.externalDns.ttlSeconds),
      },
    },
    spec: { clusterIp: 'None', selector: labels, ports },
  });
}

/** The workloads, in each cluster with its share of the replicas, its own address, and its place in the names. */
export const placedWorkloads: Component = {
  name: 'workloads',

  cluster(bundle, cluster, topology) {
    const where = { context: cluster.context, timeoutSeconds: 300 };
    const namespaces = [...new Set(topology.workloads.map(({ namespace }) => namespace))].filter(
      (namespace) => !BUILT_IN.includes(namespace),
    );
    if (namespaces.length > 0) {
      const file = bundle.chart('namespaces-of-workloads', 'Namespaces of the workloads', (chart) => {
        for (const name of namespaces) new k8s.KubeNamespace(chart, `namespace-${name}`, { metadata: { name } });
      });
      bundle.step('namespaces-of-workloads', 'create', {
        ...where,
        title: `${cluster.name} has the namespaces ${namespaces.join(', ')}`,
        needs: [],
        timeoutSeconds: 60,
        file,
      });
    }

    for (const workload of topology.workloads) {
      const { name, namespace } = workload;
      const replicas = replicasIn(workload, cluster);
      const address = addressIn(workload, cluster);
      const file = bundle.chart(
        workloadStep(workload),
        `${name}: ${replicas} of ${workload.replicas} replicas, and a Service at ${address}`,
        (chart) => {
          pods(chart, cluster, workload, topology);
          services(chart, cluster, workload, topology);
        },
      );
      bundle.step(workloadStep(workload), 'apply', {
        ...where,
        title: `${name} runs in ${cluster.name} with ${replicas} of ${workload.replicas} replicas`,
        needs: namespaces.includes(namespace) ? [`${cluster.name}/namespaces-of-workloads`] : [],
        file,
        wait: [{ resource: `deployment/${name}`, namespace, until: 'rolled-out' }],
        serverSide: true,
      });
      bundle.step(addressStep(workload), 'service-address', {
        ...where,
        title: `${name} has the address ${address} in ${cluster.name}`,
        needs: [placedStep(cluster, workload), poolStep(cluster)],
        namespace,
        service: name,
        first: address,
        last: address,
      });
    }
  },
};
