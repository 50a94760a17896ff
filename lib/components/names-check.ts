import { pulled } from './artifacts';
import { Component } from './component';
import { IMAGE } from './dns-check';
import { externalDnsStep } from './external-dns';
import { placedAddressStep, replicasIn } from './placed-steps';
import { dnsNames, stepName } from './workloads';
import { zoneDnsStep } from './zone-coredns';

/** Beginnings of the steps' ids, from the cluster's own name to the federation's. */
const LEVELS = ['name', 'region-name', 'federation-name'];

/** The outcome: a workload's names, at all three levels, are answered with the address of each cluster that runs it. */
export const namesCheck: Component = {
  name: 'dns-check',

  cluster(bundle, cluster, topology) {
    // Where a workload has no replicas its names lead elsewhere, or nowhere.
    const checked = topology.workloads.filter((workload) => workload.names && replicasIn(workload, cluster) > 0);
    const image = pulled(topology, IMAGE);
    if (checked.length > 0) bundle.uses({ images: [image] });
    for (const workload of checked) {
      dnsNames(topology, workload, cluster).forEach((name, level) => {
        bundle.step(`${LEVELS[level] ?? ''}-${stepName(workload)}`, 'dns-check', {
          title: `${name} leads to ${cluster.name}`,
          context: cluster.context,
          needs: [placedAddressStep(cluster, workload), externalDnsStep(cluster), zoneDnsStep(topology)],
          timeoutSeconds: 180,
          namespace: workload.namespace,
          service: workload.name,
          name,
          server: topology.dns.server,
          ...(level > 0 && { among: true }),
          image,
        });
      });
    }
  },
};
