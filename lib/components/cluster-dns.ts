import { ConfigMap } from 'cdk8s-plus-25';
import { Cluster, Topology } from '../topology/resolve';
import { Component } from './component';
import { joinStep } from './membership';

const NAMESPACE = 'kube-system';

/** The step after which pods of a cluster find the federation's names. */
export const clusterDnsStep = (cluster: Cluster): string => `${cluster.name}/cluster-dns`;

/** CoreDNS' `proxy` became `forward` with CoreDNS 1.5, in 1.16. */
const forwardPlugin = (cluster: Cluster): string => (cluster.minor >= 16 ? 'forward' : 'proxy');

/**
 * Pods ask their cluster's DNS; that has to pass questions for the federation's zone on to the federation's CoreDNS,
 * which no public server knows of.
 *
 * @param after the step that has to be done before in a cluster
 */
export const clusterDnsAfter = (after: (cluster: Cluster, topology: Topology) => string): Component => ({
  name: 'cluster-dns',

  cluster(bundle, cluster, topology) {
    const { dns } = topology;
    const common = {
      title: `pods of ${cluster.name} find ${dns.zone}`,
      context: cluster.context,
      needs: [after(cluster, topology)],
      timeoutSeconds: 120,
      namespace: NAMESPACE,
    };

    if (cluster.dnsProgram === 'coredns') {
      const block = bundle.text(
        'cluster-dns-corefile.conf',
        'The server block that is merged into the Corefile of kube-system/coredns, beside the blocks that are there',
        [
          `${dns.domain}:53 {`,
          '    errors',
          '    cache 30',
          `    ${forwardPlugin(cluster)} . ${dns.server}`,
          '}',
          '',
        ].join('\n'),
      );
      bundle.step('cluster-dns', 'corefile', {
        ...common,
        file: block,
        configMap: 'coredns',
        domain: dns.domain,
        server: dns.server,
      });
    } else if (dns.clusterDns === 'dnsmasq-argument') {
      bundle.step('cluster-dns', 'dnsmasq-argument', {
        ...common,
        deployment: 'kube-dns',
        container: 'dnsmasq',
        // Measured with dnsmasq 2.90: a colon before the port, as the guide has it, is refused at start.
        argument: `--server=/${dns.domain}./${dns.endpoint.address}#${dns.endpoint.port}`,
      });
    } else {
      const file = bundle.chart(
        'kube-dns-stub-domains',
        'The entry that is merged into the ConfigMap of kube-dns, beside the entries that are there; applied as it\nstands only where there is no such ConfigMap yet.',
        (chart) => {
          new ConfigMap(chart, 'config-map', {
            metadata: { name: 'kube-dns', namespace: NAMESPACE },
            // kube-dns itself turns the colon into the # that dnsmasq wants.
            data: { stubDomains: JSON.stringify({ [dns.domain]: [dns.server] }) },
          });
        },
        // Applied as it stands it would take the place of all other entries.
        '.conf',
      );
      bundle.step('cluster-dns', 'stub-domain', {
        ...common,
        file,
        configMap: 'kube-dns',
        domain: dns.domain,
        server: dns.server,
      });
    }
  },
});

/** For the retired federation: after the join, since `kubefed join` replaces an existing `stubDomains` whole. */
export const clusterDns = clusterDnsAfter(joinStep);
