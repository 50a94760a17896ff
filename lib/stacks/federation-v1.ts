import { clusterDns } from '../components/cluster-dns';
import { controlPlane } from '../components/control-plane';
import { controllerManager } from '../components/controller-manager';
import { coreDns } from '../components/coredns';
import { dnsCheck } from '../components/dns-check';
import { etcd } from '../components/etcd';
import { keepalived } from '../components/keepalived';
import { membership } from '../components/membership';
import { nodeLabels } from '../components/node-labels';
import { workloads } from '../components/workloads';
import { Component } from '../components/component';

/** The guide's systems, in the order of the guide: files are numbered and steps are listed by it. */
export const federationV1: readonly Component[] = [
  nodeLabels,
  etcd,
  coreDns,
  controlPlane,
  membership,
  keepalived,
  controllerManager,
  clusterDns,
  workloads,
  dnsCheck,
];
