import { Cluster } from '../topology/resolve';
import { Component } from './component';

/** The step after which a cluster's nodes carry region and zone. */
export const nodeLabelsStep = (cluster: Cluster): string => `${cluster.name}/node-labels`;

/** Where the labels' keys begin: renamed when they left beta, in 1.17. */
const prefix = (minor: number): string =>
  minor >= 17 ? 'topology.kubernetes.io' : 'failure-domain.beta.kubernetes.io';

/**
 * Region and zone on every node: the federation reads a cluster's place from them. A node that joins later has neither
 * until apply runs again.
 */
export const nodeLabels: Component = {
  name: 'node-labels',

  cluster(bundle, cluster) {
    bundle.step('node-labels', 'label-nodes', {
      title: `every node of ${cluster.name} is labelled with region ${cluster.region} and zone ${cluster.zone}`,
      context: cluster.context,
      needs: [],
      timeoutSeconds: 60,
      labels: {
        [`${prefix(cluster.minor)}/region`]: cluster.region,
        [`${prefix(cluster.minor)}/zone`]: cluster.zone,
      },
      marker: 'onprem-federation.io/labelled',
    });
  },
};
