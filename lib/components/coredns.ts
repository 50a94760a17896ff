import { Topology } from '../topology/resolve';
import { Component } from './component';
import { coreDnsByHelm, NODE_PORT_STEP } from './coredns-helm';

/** The step after which CoreDNS answers at the topology's endpoint. */
export const coreDnsStep = ({ host }: Topology): string => `${host.name}/${NODE_PORT_STEP}`;

/** CoreDNS, answering for the zone out of etcd. In the host cluster only. */
export const coreDns: Component = {
  name: 'coredns',

  cluster(bundle, cluster, topology) {
    if (cluster.isHost) coreDnsByHelm(bundle, cluster, topology);
  },
};
