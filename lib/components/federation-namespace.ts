import { k8s } from 'cdk8s-plus-25';
import { Cluster } from '../topology/resolve';
import { FEDERATION_NAMESPACE, METALLB_NAMESPACE } from '../topology/taken';
import { Component } from './component';

export { FEDERATION_NAMESPACE, METALLB_NAMESPACE };

/** The step after which the namespaces of the components are there. */
export const namespacesStep = (cluster: Cluster): string => `${cluster.name}/namespaces`;

const enforce = (level: string): Record<string, string> => ({ 'pod-security.kubernetes.io/enforce': level });

/** The components' namespaces, each with the strictest pod security that its programs can do with. */
export const federationNamespace: Component = {
  name: 'namespaces',

  cluster(bundle, cluster) {
    const file = bundle.chart(
      'namespaces',
      "The components' namespaces, each with the strictest pod security that its programs can do with",
      (chart) => {
        new k8s.KubeNamespace(chart, 'federation', {
          metadata: { name: FEDERATION_NAMESPACE, labels: enforce('restricted') },
        });
        // The speaker answers ARP on the node's own network.
        new k8s.KubeNamespace(chart, 'metallb', {
          metadata: { name: METALLB_NAMESPACE, labels: enforce('privileged') },
        });
      },
    );
    bundle.step('namespaces', 'apply', {
      title: `${cluster.name} has the namespaces of the components`,
      context: cluster.context,
      needs: [],
      timeoutSeconds: 60,
      file,
      wait: [],
      serverSide: true,
    });
  },
};
