import { k8s } from 'cdk8s-plus-25';
import { Chart } from 'cdk8s';
import { Cluster, Topology } from '../topology/resolve';
import { pulled } from './artifacts';
import { Component } from './component';
import { FEDERATION_NAMESPACE as NAMESPACE, namespacesStep } from './federation-namespace';
import { confined, httpProbe, podSpec, resources, selector } from './hardened';

const NAME = 'etcd';
const CLIENT_SERVICE = 'etcd-client';
const CLIENT = 2379;
const PEER = 2380;
/** Health and metrics: no certificate is asked for here, and nobody outside the pod's node gets here. */
const METRICS = 2381;
const DATA = '/var/lib/etcd';
const TLS = '/etc/etcd/tls';
/** Whom etcd lets in, by the name of their pods. */
const CLIENTS = ['coredns', 'external-dns'];

const scheme = ({ etcd }: Topology): string => (etcd.tls === undefined ? 'http' : 'https');

/** Where programs in the host cluster find etcd. */
export const etcdService = (topology: Topology): string =>
  `${scheme(topology)}://${CLIENT_SERVICE}.${NAMESPACE}.svc:${CLIENT}`;

/** Where programs of a cluster find etcd: by its Service in the host cluster, at a node of it from everywhere else. */
export function etcdUrl(topology: Topology, cluster: Cluster): string {
  const { address, port } = topology.etcd.endpoint;
  return cluster.isHost ? etcdService(topology) : `${scheme(topology)}://${address}:${port}`;
}

/** The step after which etcd answers. */
export const etcdMembersStep = ({ host }: Topology): string => `${host.name}/${NAME}`;

/** The volume with a certificate and its mount, for who talks to etcd; nothing where etcd speaks plain HTTP. */
export function etcdCertificate(
  secretName: string | undefined,
  mountPath: string,
): { volumes: k8s.Volume[]; mounts: k8s.VolumeMount[] } {
  if (secretName === undefined) return { volumes: [], mounts: [] };
  return {
    // Read by the group that the pod's programs run as.
    volumes: [{ name: 'etcd-certificate', secret: { secretName, defaultMode: 0o440 } }],
    mounts: [{ name: 'etcd-certificate', mountPath, readOnly: true }],
  };
}

function args(topology: Topology): string[] {
  const { etcd, name } = topology;
  const at = (pod: string, port: number): string => `${scheme(topology)}://${pod}.${NAME}.${NAMESPACE}.svc:${port}`;
  const members = Array.from({ length: etcd.size }, (_, i) => `${NAME}-${i}`);
  const certificates = [
    `--cert-file=${TLS}/tls.crt`,
    `--key-file=${TLS}/tls.key`,
    `--trusted-ca-file=${TLS}/ca.crt`,
    '--client-cert-auth=true',
    `--peer-cert-file=${TLS}/tls.crt`,
    `--peer-key-file=${TLS}/tls.key`,
    `--peer-trusted-ca-file=${TLS}/ca.crt`,
    '--peer-client-cert-auth=true',
  ];
  return [
    '--name=$(POD_NAME)',
    `--data-dir=${DATA}/data`,
    `--listen-client-urls=${scheme(topology)}://0.0.0.0:${CLIENT}`,
    `--advertise-client-urls=${at('$(POD_NAME)', CLIENT)}`,
    `--listen-peer-urls=${scheme(topology)}://0.0.0.0:${PEER}`,
    `--initial-advertise-peer-urls=${at('$(POD_NAME)', PEER)}`,
    `--initial-cluster=${members.map((member) => `${member}=${at(member, PEER)}`).join(',')}`,
    '--initial-cluster-state=new',
    `--initial-cluster-token=${name}`,
    `--listen-metrics-urls=http://0.0.0.0:${METRICS}`,
    // Old revisions of the records are nothing that anybody reads.
    '--auto-compaction-mode=periodic',
    '--auto-compaction-retention=1h',
    '--quota-backend-bytes=536870912',
    ...(etcd.tls === undefined ? [] : certificates),
  ];
}

/**
 * Names the size in what the API server never lets anybody change: with other members than it was made with, etcd would not
 * come up, or would split into two clusters behind one Service, each of which calls itself well.
 */
const ofSize = ({ etcd }: Topology): Record<string, string> => ({
  ...selector(NAME),
  'onprem-federation.io/etcd-size': String(etcd.size),
});

function members(chart: Chart, topology: Topology): void {
  const { etcd, images } = topology;
  const certificate = etcdCertificate(etcd.tls?.serverSecret, TLS);
  const claim = etcd.storage === 'ephemeral' ? undefined : etcd.storage;
  const volumes = [...(claim === undefined ? [{ name: 'data', emptyDir: {} }] : []), ...certificate.volumes];
  new k8s.KubeStatefulSet(chart, 'stateful-set', {
    metadata: { name: NAME, namespace: NAMESPACE, labels: selector(NAME) },
    spec: {
      serviceName: NAME,
      replicas: etcd.size,
      // A member is ready only when most are there.
      podManagementPolicy: 'Parallel',
      // What etcd holds is derived: its claims go with it, and do not keep the namespace from going.
      ...(claim !== undefined && {
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Retain' },
      }),
      selector: { matchLabels: ofSize(topology) },
      template: {
        metadata: { labels: ofSize(topology) },
        spec: podSpec(NAME, 1000, {
          serviceAccountName: NAME,
          terminationGracePeriodSeconds: 30,
          containers: [
            {
              name: NAME,
              image: pulled(topology, images.etcd),
              command: ['etcd'],
              args: args(topology),
              env: [{ name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
              ports: [
                { name: 'client', containerPort: CLIENT },
                { name: 'peer', containerPort: PEER },
                { name: 'metrics', containerPort: METRICS },
              ],
              startupProbe: httpProbe('/readyz', 'metrics', { periodSeconds: 5, failureThreshold: 60 }),
              readinessProbe: httpProbe('/readyz', 'metrics', { periodSeconds: 5 }),
              livenessProbe: httpProbe('/livez', 'metrics', { failureThreshold: 6 }),
              resources: resources('100m', '512Mi'),
              securityContext: confined(),
              volumeMounts: [{ name: 'data', mountPath: DATA }, ...certificate.mounts],
            },
          ],
          ...(volumes.length > 0 && { volumes }),
        }),
      },
      volumeClaimTemplates:
        claim === undefined
          ? undefined
          : [
              {
                metadata: { name: 'data' },
                spec: {
                  accessModes: ['ReadWriteOnce'],
                  storageClassName: claim.className,
                  resources: { requests: { storage: k8s.Quantity.fromString(claim.size) } },
                },
              },
            ],
    },
  });
}

function services(chart: Chart, { etcd, clusters }: Topology): void {
  new k8s.KubeService(chart, 'members', {
    metadata: { name: NAME, namespace: NAMESPACE, labels: selector(NAME) },
    spec: {
      clusterIp: 'None',
      // Members have to find each other before any of them is ready.
      publishNotReadyAddresses: true,
      selector: selector(NAME),
      ports: [
        { name: 'client', port: CLIENT },
        { name: 'peer', port: PEER },
      ],
    },
  });
  const shared = clusters.length > 1;
  new k8s.KubeService(chart, 'client', {
    metadata: { name: CLIENT_SERVICE, namespace: NAMESPACE, labels: selector(NAME) },
    spec: {
      type: shared ? 'NodePort' : 'ClusterIP',
      selector: selector(NAME),
      ports: [{ name: 'client', port: CLIENT, ...(shared && { nodePort: etcd.endpoint.port }) }],
    },
  });
}

/** What goes to a member: the others, the programs that keep records in it, and the nodes through which clusters come. */
function networkPolicy(chart: Chart, { clusters }: Topology): void {
  const port = (number: number): k8s.NetworkPolicyPort => ({
    port: k8s.IntOrString.fromNumber(number),
    protocol: 'TCP',
  });
  const pods = (name: string): k8s.NetworkPolicyPeer => ({ podSelector: { matchLabels: selector(name) } });
  const networks = [...new Set(clusters.flatMap(({ nodeNetworks }) => nodeNetworks))];
  const outside = networks.length > 0 ? networks : ['0.0.0.0/0'];
  new k8s.KubeNetworkPolicy(chart, 'network-policy', {
    metadata: { name: NAME, namespace: NAMESPACE },
    spec: {
      podSelector: { matchLabels: selector(NAME) },
      policyTypes: ['Ingress'],
      ingress: [
        { from: [pods(NAME)], ports: [port(CLIENT), port(PEER)] },
        { from: CLIENTS.map(pods), ports: [port(CLIENT)] },
        ...(clusters.length > 1
          ? [{ from: outside.map((cidr) => ({ ipBlock: { cidr } })), ports: [port(CLIENT)] }]
          : []),
      ],
    },
  });
}

/** etcd, which holds the zone's records. In the host cluster only. */
export const etcdStatefulSet: Component = {
  name: 'etcd',

  cluster(bundle, cluster, topology) {
    if (!cluster.isHost) return;
    const file = bundle.chart(
      NAME,
      "etcd holds the zone's records: every cluster's ExternalDNS writes its own",
      (chart) => {
        new k8s.KubeServiceAccount(chart, 'service-account', {
          metadata: { name: NAME, namespace: NAMESPACE },
          automountServiceAccountToken: false,
        });
        services(chart, topology);
        members(chart, topology);
        new k8s.KubePodDisruptionBudget(chart, 'disruption-budget', {
          metadata: { name: NAME, namespace: NAMESPACE },
          // One at a time, so that most are always there.
          spec: { maxUnavailable: k8s.IntOrString.fromNumber(1), selector: { matchLabels: selector(NAME) } },
        });
        networkPolicy(chart, topology);
      },
    );
    bundle.step(NAME, 'apply', {
      title: `etcd answers at ${etcdService(topology)} in ${cluster.name}`,
      context: cluster.context,
      needs: [namespacesStep(cluster)],
      timeoutSeconds: 600,
      file,
      wait: [{ resource: `statefulset/${NAME}`, namespace: NAMESPACE, until: 'rolled-out' }],
      serverSide: true,
    });
  },
};
