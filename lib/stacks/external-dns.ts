import { clusterDnsAfter } from '../components/cluster-dns';
import { Component } from '../components/component';
import { etcdStatefulSet } from '../components/etcd-statefulset';
import { externalDns } from '../components/external-dns';
import { federationNamespace } from '../components/federation-namespace';
import { metalLb } from '../components/metallb';
import { namesCheck } from '../components/names-check';
import { nodeLabels } from '../components/node-labels';
import { placedWorkloads } from '../components/placed-workloads';
import { zoneCoreDns, zoneDnsStep } from '../components/zone-coredns';

/** Today's systems. Every cluster's objects are rendered from one topology, so that none has to spread them. */
export const externalDnsStack: readonly Component[] = [
  nodeLabels,
  federationNamespace,
  etcdStatefulSet,
  zoneCoreDns,
  metalLb,
  externalDns,
  clusterDnsAfter((_, topology) => zoneDnsStep(topology)),
  placedWorkloads,
  namesCheck,
];
