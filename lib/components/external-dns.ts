import { k8s } from 'cdk8s-plus-25';
import { Chart } from 'cdk8s';
import { Cluster, Topology } from '../topology/resolve';
import { pulled } from './artifacts';
import { Component } from './component';
import { serviceAccount } from './defaults';
import { etcdCertificate, etcdMembersStep, etcdUrl } from './etcd-statefulset';
import { FEDERATION_NAMESPACE as NAMESPACE, namespacesStep } from './federation-namespace';
import { addressIn, placedStep, replicasIn } from './placed-steps';
import { confined, httpProbe, podSpec, resources, selector } from './hardened';
import { dnsNames } from './workloads';

const NAME = 'external-dns';
/** The account's and its roles' name: cluster-wide ones must not be those of another ExternalDNS of the user's own. */
const ACCOUNT = 'federation-external-dns';
const METRICS = 7979;
const CERTIFICATES = '/etc/external-dns/etcd';

/** The step after which a cluster's records are written. */
export const externalDnsStep = (cluster: Cluster): string => `${cluster.name}/${NAME}`;

/** What its Service source watches when it is kept to Services of one type that has endpoints: no nodes, no Ingresses. */
const READ = ['list', 'watch'];
const RIGHTS = [
  { resources: ['services', 'pods'], verbs: READ },
  { group: 'discovery.k8s.io', resources: ['endpointslices'], verbs: READ },
];

function args(cluster: Cluster, { dns, externalDns }: Topology): string[] {
  return [
    '--source=service',
    // Headless Services: their targets are what ready pods say, so that a cluster without one leaves the names.
    '--service-type-filter=ClusterIP',
    '--listen-endpoint-events',
    '--provider=coredns',
    // Each record names its owner: several clusters hold one name side by side, and each changes only its own.
    '--coredns-strictly-owned',
    `--txt-owner-id=${cluster.name}`,
    '--registry=noop',
    '--policy=sync',
    '--managed-record-types=A',
    `--domain-filter=${dns.domain}`,
    `--interval=${externalDns.intervalSeconds}s`,
    '--events',
    `--min-event-sync-interval=${externalDns.eventIntervalSeconds}s`,
    `--metrics-address=:${METRICS}`,
  ];
}

function environment(cluster: Cluster, topology: Topology): k8s.EnvVar[] {
  const { tls } = topology.etcd;
  const variables: Record<string, string> = {
    ETCD_URLS: etcdUrl(topology, cluster),
    ...(tls && {
      ETCD_CA_FILE: `${CERTIFICATES}/ca.crt`,
      ETCD_CERT_FILE: `${CERTIFICATES}/tls.crt`,
      ETCD_KEY_FILE: `${CERTIFICATES}/tls.key`,
    }),
    ...(tls?.serverName !== undefined && !cluster.isHost && { ETCD_TLS_SERVER_NAME: tls.serverName }),
  };
  return Object.entries(variables).map(([name, value]) => ({ name, value }));
}

function pods(chart: Chart, cluster: Cluster, topology: Topology): void {
  const certificate = etcdCertificate(topology.etcd.tls?.clientSecret, CERTIFICATES);
  new k8s.KubeDeployment(chart, 'deployment', {
    metadata: { name: NAME, namespace: NAMESPACE, labels: selector(NAME) },
    spec: {
      replicas: 1,
      selector: { matchLabels: selector(NAME) },
      // Two at once would each make a record of their own for the same address.
      strategy: { type: 'Recreate' },
      template: {
        metadata: { labels: selector(NAME) },
        spec: podSpec(NAME, 65532, {
          serviceAccountName: ACCOUNT,
          automountServiceAccountToken: true,
          containers: [
            {
              name: NAME,
              image: pulled(topology, topology.images.externalDns),
              args: args(cluster, topology),
              env: environment(cluster, topology),
              ports: [{ name: 'metrics', containerPort: METRICS }],
              livenessProbe: httpProbe('/healthz', 'metrics', { initialDelaySeconds: 10, failureThreshold: 3 }),
              readinessProbe: httpProbe('/healthz', 'metrics', { periodSeconds: 5 }),
              resources: resources('50m', '256Mi'),
              securityContext: confined(),
              ...(certificate.mounts.length > 0 && { volumeMounts: certificate.mounts }),
            },
          ],
          ...(certificate.volumes.length > 0 && { volumes: certificate.volumes }),
        }),
      },
    },
  });
}

/** ExternalDNS in every cluster: it writes the cluster's own records into the host cluster's etcd, and no others. */
export const externalDns: Component = {
  name: NAME,

  cluster(bundle, cluster, topology) {
    const file = bundle.chart(
      NAME,
      `ExternalDNS writes the records of ${cluster.name} into etcd, as their owner`,
      (chart) => {
        serviceAccount(chart, { name: ACCOUNT, namespace: NAMESPACE }, { clusterWide: RIGHTS });
        pods(chart, cluster, topology);
      },
    );
    const named = topology.workloads.filter((workload) => workload.names && replicasIn(workload, cluster) > 0);
    bundle.step(NAME, 'apply', {
      title: `ExternalDNS writes the records of ${cluster.name}`,
      context: cluster.context,
      // It ends where it cannot reach etcd, and is started again ever more slowly.
      needs: [namespacesStep(cluster), etcdMembersStep(topology)],
      // Whoever is gone before the Services leaves their records behind.
      outlives: topology.workloads.map((workload) => placedStep(cluster, workload)),
      timeoutSeconds: 300,
      file,
      wait: [{ resource: `deployment/${NAME}`, namespace: NAMESPACE, until: 'rolled-out' }],
      serverSide: true,
      ...(named.length > 0 && {
        records: named.map((workload) => ({
          // It leads on to the wider names: as long as any of the three has the address, so has this one.
          name: dnsNames(topology, workload, cluster)[0],
          address: addressIn(workload, cluster),
          server: topology.dns.server,
        })),
      }),
    });
  },
};
