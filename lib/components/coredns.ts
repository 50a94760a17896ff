import { Topology } from '../topology/resolve';
import { Component } from './component';
import { chartService, coreDnsByHelm, NODE_PORT_STEP } from './coredns-helm';
import { coreDnsByManifests, manifestsService } from './coredns-manifests';
import { NAME } from './coredns-objects';

/** The step after which CoreDNS answers at the topology's endpoint. */
export const coreDnsStep = ({ host, coreDns: { install } }: Topology): string =>
  `${host.name}/${install === 'helm' ? NODE_PORT_STEP : NAME}`;

/** CoreDNS, answering for the zone out of etcd. In the host cluster only. */
export const coreDns: Component = {
  name: 'coredns',

  cluster(bundle, cluster, topology) {
    if (!cluster.isHost) return;
    if (topology.coreDns.install === 'helm') coreDnsByHelm(bundle, cluster, topology, manifestsService(topology));
    else coreDnsByManifests(bundle, cluster, topology, chartService(topology));
  },
};
