/**
 * The bench's yardstick: the objects of a federation as a plain cdk8s app writes them, without topology, dialect and
 * plan. As many objects as the federation of the same size has; the bench compares the counts.
 */
import { ApiObject, App, Chart } from 'cdk8s';
import * as kplus from 'cdk8s-plus-25';
import { Construct } from 'constructs';

const NAMESPACE = 'kube-system';

/** What every cluster gets: 14 objects. */
class ClusterChart extends Chart {
  constructor(scope: Construct, id: string, range: string) {
    super(scope, id, { disableResourceNameHashes: true });
    configMap(this, 'vip-configmap', {});
    configMap(this, 'kube-dns', { stubDomains: '{"example.com":["10.11.4.82:32609"]}' });

    const vip = account(this, 'kube-keepalived-vip', NAMESPACE);
    new kplus.DaemonSet(this, 'vip', {
      metadata: { name: 'kube-keepalived-vip', namespace: NAMESPACE },
      hostNetwork: true,
      serviceAccount: vip,
      containers: [
        {
          image: 'gcr.io/google_containers/kube-keepalived-vip:0.9',
          args: [`--services-configmap=${NAMESPACE}/vip-configmap`],
          securityContext: { privileged: true, allowPrivilegeEscalation: true },
          volumeMounts: [
            { path: '/lib/modules', volume: kplus.Volume.fromHostPath(this, 'm', 'm', { path: '/lib/modules' }) },
            { path: '/dev', volume: kplus.Volume.fromHostPath(this, 'd', 'd', { path: '/dev' }) },
          ],
        },
      ],
    });

    const provider = account(this, 'keepalived-cloud-provider', NAMESPACE);
    new kplus.Deployment(this, 'provider', {
      metadata: { name: 'keepalived-cloud-provider', namespace: NAMESPACE },
      replicas: 1,
      serviceAccount: provider,
      containers: [
        {
          image: 'quay.io/munnerz/keepalived-cloud-provider:0.0.1',
          envVariables: {
            KEEPALIVED_NAMESPACE: kplus.EnvValue.fromValue(NAMESPACE),
            KEEPALIVED_CONFIG_MAP: kplus.EnvValue.fromValue('vip-configmap'),
            KEEPALIVED_SERVICE_CIDR: kplus.EnvValue.fromValue(range),
          },
          liveness: kplus.Probe.fromHttpGet('/healthz', { port: 10252 }),
        },
      ],
    });
  }
}

/** What the host cluster gets besides: 9 objects. */
function hostObjects(chart: Chart): void {
  new kplus.Deployment(chart, 'etcd-operator', {
    metadata: { name: 'etcd-operator', namespace: 'default' },
    replicas: 1,
    serviceAccount: account(chart, 'etcd-operator-account', 'default'),
    containers: [{ image: 'quay.io/coreos/etcd-operator:v0.5.0' }],
  });
  new ApiObject(chart, 'etcd-cluster', {
    apiVersion: 'etcd.database.coreos.com/v1beta2',
    kind: 'EtcdCluster',
    metadata: { name: 'etcd-cluster', namespace: 'default' },
    spec: { size: 3, version: '3.1.8' },
  });
  const tiller = new kplus.ServiceAccount(chart, 'tiller', { metadata: { name: 'tiller', namespace: NAMESPACE } });
  const admin = kplus.ClusterRole.fromClusterRoleName(chart, 'admin', 'cluster-admin');
  new kplus.ClusterRoleBinding(chart, 'tiller-admin', { role: admin }).addSubjects(tiller);
}

/** The federation's own: 3 objects. */
function federatedObjects(chart: Chart): void {
  new kplus.Namespace(chart, 'default', { metadata: { name: 'default' } });
  const pods = new kplus.Deployment(chart, 'hello-world', {
    metadata: { name: 'hello-world', namespace: 'default' },
    replicas: 12,
    containers: [{ image: 'artmr/hello-world:latest', ports: [{ number: 8080 }] }],
  });
  pods.exposeViaService({ name: 'hello-world', serviceType: kplus.ServiceType.LOAD_BALANCER });
}

/** A ServiceAccount with a role in its namespace and one everywhere: 5 objects. */
function account(chart: Chart, name: string, namespace: string): kplus.ServiceAccount {
  const metadata = { name, namespace };
  const serviceAccount = new kplus.ServiceAccount(chart, name, { metadata });
  const role = new kplus.Role(chart, `${name}-role`, { metadata });
  role.allowReadWrite(kplus.ApiResource.CONFIG_MAPS, kplus.ApiResource.ENDPOINTS);
  role.bind(serviceAccount);
  const clusterRole = new kplus.ClusterRole(chart, `${name}-cluster-role`, { metadata: { name } });
  clusterRole.allowRead(kplus.ApiResource.SERVICES, kplus.ApiResource.NODES, kplus.ApiResource.PODS);
  clusterRole.bind(serviceAccount);
  return serviceAccount;
}

function configMap(chart: Chart, name: string, data: Record<string, string>): void {
  new kplus.ConfigMap(chart, name, { metadata: { name, namespace: NAMESPACE }, data });
}

/** All charts of a federation of that many clusters, in one App. */
export function addCharts(app: App, clusters: number): void {
  for (let i = 0; i < clusters; i++) {
    const chart = new ClusterChart(app, `c${i}`, `10.210.${Math.floor(i / 4)}.${(i % 4) * 64}/26`);
    if (i === 0) hostObjects(chart);
  }
  federatedObjects(new Chart(app, 'federation', { disableResourceNameHashes: true }));
}
