import { pulled } from './artifacts';
import { clusterDnsStep } from './cluster-dns';
import { Component } from './component';
import { addressStep, dnsNames, stepName } from './workloads';

/** Busybox' nslookup before 1.28 prints one answer as the guide shows it; later ones ask for AAAA records as well. */
export const IMAGE = 'busybox:1.27';

/** The outcome: every cluster's name of every workload is answered with the address that the cluster gave it. */
export const dnsCheck: Component = {
  name: 'dns-check',

  cluster(bundle, cluster, topology) {
    const image = pulled(topology, IMAGE);
    if (topology.workloads.length > 0) bundle.uses({ images: [image] });
    for (const workload of topology.workloads) {
      const [name] = dnsNames(topology, workload, cluster);
      bundle.step(`${stepName(workload)}-dns`, 'dns-check', {
        title: `${name} leads to ${cluster.name}`,
        context: cluster.context,
        // Asked by a pod of the cluster, the guide's way, it also takes the cluster's own DNS.
        needs: [addressStep(cluster, workload), clusterDnsStep(cluster)],
        timeoutSeconds: 180,
        namespace: workload.namespace,
        service: workload.name,
        name,
        server: topology.dns.server,
        image,
      });
    }
  },
};
