import { k8s } from 'cdk8s-plus-25';
import { Topology } from '../topology/resolve';
import { pulled } from './artifacts';
import { Component } from './component';
import { CONFIG, COREFILE_VOLUME, coreDnsObjects, coreDnsService, NAME } from './coredns-objects';
import { etcdCertificate, etcdMembersStep } from './etcd-statefulset';
import { FEDERATION_NAMESPACE as NAMESPACE } from './federation-namespace';
import { confined, httpProbe, podSpec, resources, selector } from './hardened';
import { CERTIFICATES, DNS_PORT, HEALTH_PORT, METRICS_PORT, READY_PORT, zoneCorefile } from './zone-corefile';

/** The step after which CoreDNS answers for the zone at the topology's endpoint. */
export const zoneDnsStep = ({ host }: Topology): string => `${host.name}/${NAME}`;

function pod(topology: Topology): k8s.PodSpec {
  const certificate = etcdCertificate(topology.etcd.tls?.clientSecret, CERTIFICATES);
  return podSpec(NAME, 65532, {
    serviceAccountName: NAME,
    containers: [
      {
        name: NAME,
        image: pulled(topology, topology.images.coreDns),
        args: ['-conf', `${CONFIG}/Corefile`],
        ports: [
          { name: 'dns', containerPort: DNS_PORT, protocol: 'UDP' },
          { name: 'dns-tcp', containerPort: DNS_PORT, protocol: 'TCP' },
          { name: 'health', containerPort: HEALTH_PORT },
          { name: 'ready', containerPort: READY_PORT },
          { name: 'metrics', containerPort: METRICS_PORT },
        ],
        livenessProbe: httpProbe('/health', 'health', { failureThreshold: 5 }),
        readinessProbe: httpProbe('/ready', 'ready', { periodSeconds: 5 }),
        resources: resources('100m', '170Mi'),
        // The image's program carries this capability in its file and does not start where it may not have it.
        securityContext: confined(['NET_BIND_SERVICE']),
        volumeMounts: [{ name: 'config', mountPath: CONFIG, readOnly: true }, ...certificate.mounts],
      },
    ],
    volumes: [COREFILE_VOLUME, ...certificate.volumes],
  });
}

/** CoreDNS, which answers for the zone out of etcd. In the host cluster only. */
export const zoneCoreDns: Component = {
  name: 'coredns',

  cluster(bundle, cluster, topology) {
    if (!cluster.isHost) return;
    const { dns } = topology;
    const file = bundle.chart(NAME, `CoreDNS answers for ${dns.zone} at ${dns.server}, out of etcd`, (chart) => {
      coreDnsObjects(chart, { namespace: NAMESPACE, corefile: zoneCorefile(topology), pod: pod(topology) });
      coreDnsService(chart, NAMESPACE, DNS_PORT, dns.endpoint.port);
      new k8s.KubePodDisruptionBudget(chart, 'disruption-budget', {
        metadata: { name: NAME, namespace: NAMESPACE },
        spec: { maxUnavailable: k8s.IntOrString.fromNumber(1), selector: { matchLabels: selector(NAME) } },
      });
    });
    bundle.step(NAME, 'apply', {
      title: `CoreDNS answers for ${dns.zone} at ${dns.server}`,
      context: cluster.context,
      needs: [etcdMembersStep(topology)],
      timeoutSeconds: 300,
      file,
      wait: [{ resource: `deployment/${NAME}`, namespace: NAMESPACE, until: 'rolled-out' }],
      serverSide: true,
    });
  },
};
