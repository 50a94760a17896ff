import { Cluster } from '../topology/resolve';
import { Component } from './component';
import { controlPlaneStep } from './control-plane';
import { nodeLabelsStep } from './node-labels';

/** The step after which a cluster is a Ready member of the federation. */
export const joinStep = (cluster: Cluster): string => `${cluster.name}/join`;

/** Every cluster becomes a member of the federation, by `kubefed join`. */
export const membership: Component = {
  name: 'membership',

  cluster(bundle, cluster, topology) {
    bundle.step('join', 'kubefed-join', {
      title: `${cluster.name} is a member of ${topology.name}`,
      context: cluster.context,
      // The federation reads region and zone when it first looks at the cluster; labels that come later take another poll.
      needs: [controlPlaneStep(topology), nodeLabelsStep(cluster)],
      timeoutSeconds: 300,
      federation: topology.name,
      hostContext: topology.host.context,
      secretName: `${topology.name}-member-${cluster.name}`,
    });
  },
};
