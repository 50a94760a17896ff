import { k8s } from 'cdk8s-plus-25';
import { Chart } from 'cdk8s';
import { digest } from '../plan/plan';
import { Topology } from '../topology/resolve';
import { pulled } from './artifacts';
import { Component } from './component';
import { etcdCertificate, etcdMembersStep } from './etcd-statefulset';
import { FEDERATION_NAMESPACE as NAMESPACE } from './federation-namespace';
import { confined, httpProbe, podSpec, resources, selector } from './hardened';
import { CERTIFICATES, DNS_PORT, HEALTH_PORT, METRICS_PORT, READY_PORT, zoneCorefile } from './zone-corefile';

const NAME = 'coredns';
const CONFIG = '/etc/coredns';

/** The step after which CoreDNS answers for the zone at the topology's endpoint. */
export const zoneDnsStep = ({ host }: Topology): string => `${host.name}/${NAME}`;

function pods(chart: Chart, topology: Topology, corefile: string): void {
  const certificate = etcdCertificate(topology.etcd.tls?.clientSecret, CERTIFICATES);
  new k8s.KubeDeployment(chart, 'deployment', {
    metadata: { name: NAME, namespace: NAMESPACE, labels: selector(NAME) },
    spec: {
      replicas: 2,
      selector: { matchLabels: selector(NAME) },
      // Never fewer than were asked for: names are looked up all the time.
      strategy: {
        type: 'RollingUpdate',
        rollingUpdate: { maxSurge: k8s.IntOrString.fromNumber(1), maxUnavailable: k8s.IntOrString.fromNumber(0) },
      },
      template: {
        metadata: {
          labels: selector(NAME),
          // Another Corefile is another template, so that the pods are started anew with it.
          annotations: { 'onprem-federation.io/corefile-sha256': digest(corefile) },
        },
        spec: podSpec(NAME, 65532, {
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
          volumes: [
            { name: 'config', configMap: { name: NAME, items: [{ key: 'Corefile', path: 'Corefile' }] } },
            ...certificate.volumes,
          ],
        }),
      },
    },
  });
}

/** CoreDNS, which answers for the zone out of etcd. In the host cluster only. */
export const zoneCoreDns: Component = {
  name: 'coredns',

  cluster(bundle, cluster, topology) {
    if (!cluster.isHost) return;
    const { dns } = topology;
    const corefile = zoneCorefile(topology);
    const file = bundle.chart(NAME, `CoreDNS answers for ${dns.zone} at ${dns.server}, out of etcd`, (chart) => {
      new k8s.KubeServiceAccount(chart, 'service-account', {
        metadata: { name: NAME, namespace: NAMESPACE },
        automountServiceAccountToken: false,
      });
      new k8s.KubeConfigMap(chart, 'config-map', {
        metadata: { name: NAME, namespace: NAMESPACE },
        data: { Corefile: corefile },
      });
      pods(chart, topology, corefile);
      new k8s.KubeService(chart, 'service', {
        metadata: { name: NAME, namespace: NAMESPACE, labels: selector(NAME) },
        spec: {
          type: 'NodePort',
          selector: selector(NAME),
          // One number for both protocols: whoever gets a truncated answer asks again by TCP at the same port.
          ports: ['UDP', 'TCP'].map((protocol) => ({
            name: protocol === 'UDP' ? 'dns' : 'dns-tcp',
            protocol,
            port: 53,
            targetPort: k8s.IntOrString.fromNumber(DNS_PORT),
            nodePort: dns.endpoint.port,
          })),
        },
      });
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
