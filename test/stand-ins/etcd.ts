/** etcd-operator and the etcd clusters that it runs. */
import { type Dict, type Json, type KubeObject, at, dict, isDict, list, num, same, text } from './json';
import { isReady } from './controllers';
import type { ApiServer } from './objects';
import type { May } from './rbac';
import type { World } from './world';

const GROUP = 'etcd.database.coreos.com';

function operator(api: ApiServer, allowed: May): KubeObject | undefined {
  return api.all('Deployment').find((deployment) => {
    const { namespace } = deployment.metadata;
    const pod = dict(at(deployment, 'spec', 'template', 'spec'));
    const container = list(pod.containers).find((entry) => /(^|\/)etcd-operator:/.test(text(at(entry, 'image'))));
    if (container === undefined || num(at(deployment, 'status', 'availableReplicas')) === 0) return false;
    const names = list(at(container, 'env')).map((entry) => text(at(entry, 'name')));
    // Without these two it ends at start.
    if (!names.includes('MY_POD_NAMESPACE') || !names.includes('MY_POD_NAME')) return false;
    return allowed(api, namespace, text(pod.serviceAccountName, 'default'), [
      ['create', 'apiextensions.k8s.io', 'customresourcedefinitions'],
      ['get', 'apiextensions.k8s.io', 'customresourcedefinitions'],
      ['list', GROUP, 'etcdclusters'],
      ['update', GROUP, 'etcdclusters'],
      ['create', '', 'pods'],
      ['create', '', 'services'],
    ]);
  });
}

function definition(api: ApiServer): KubeObject {
  const names = {
    plural: 'etcdclusters',
    singular: 'etcdcluster',
    kind: 'EtcdCluster',
    listKind: 'EtcdClusterList',
    shortNames: ['etcd'],
  };
  const metadata = { name: `etcdclusters.${GROUP}` };
  return api.atLeast('1.22.0')
    ? {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata,
        spec: {
          group: GROUP,
          scope: 'Namespaced',
          names,
          versions: [{ name: 'v1beta2', served: true, storage: true }],
        },
      }
    : {
        apiVersion: 'apiextensions.k8s.io/v1beta1',
        kind: 'CustomResourceDefinition',
        metadata,
        spec: { group: GROUP, version: 'v1beta2', scope: 'Namespaced', names },
      };
}

function establish(world: World, api: ApiServer): void {
  for (const found of api.all('CustomResourceDefinition')) {
    const conditions: Json[] = [
      { type: 'NamesAccepted', status: 'True' },
      { type: 'Established', status: 'True' },
    ];
    if (same(at(found, 'status', 'conditions'), conditions)) continue;
    if (world.isHeld(api.cluster.name, 'CustomResourceDefinition', undefined, found.metadata.name)) continue;
    api.edit('CustomResourceDefinition', found, (copy) => {
      copy.status = { ...dict(copy.status), acceptedNames: dict(at(copy, 'spec', 'names')), conditions };
    });
  }
}

function member(cluster: KubeObject, name: string, version: string, node: string): KubeObject {
  const { name: owner, namespace, uid = '' } = cluster.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels: { app: 'etcd', etcd_cluster: owner, etcd_node: name },
      annotations: { 'etcd.version': version },
      ownerReferences: [{ apiVersion: cluster.apiVersion, kind: cluster.kind, name: owner, uid, controller: true }],
    },
    spec: {
      nodeName: node,
      containers: [
        { name: 'etcd', image: `quay.io/coreos/etcd:v${version}`, command: ['/usr/local/bin/etcd', `--name=${name}`] },
      ],
    },
    status: {
      phase: 'Running',
      podIP: '10.244.0.9',
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: [{ name: 'etcd', ready: true, restartCount: 0, state: { running: {} } }],
    },
  };
}

function services(cluster: KubeObject): KubeObject[] {
  const { name, namespace, uid = '' } = cluster.metadata;
  const owner = { apiVersion: cluster.apiVersion, kind: cluster.kind, name, uid, controller: true };
  const labels = { app: 'etcd', etcd_cluster: name };
  const service = (suffix: string, spec: Dict): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: name + suffix, namespace, labels, ownerReferences: [owner] },
    spec: { selector: labels, ...spec },
  });
  const client = { name: 'client', port: 2379, protocol: 'TCP', targetPort: 2379 };
  return [
    service('', {
      clusterIP: 'None',
      ports: [client, { name: 'peer', port: 2380, protocol: 'TCP', targetPort: 2380 }],
    }),
    service('-client', { ports: [client] }),
  ];
}

export function reconcileEtcd(world: World, api: ApiServer, allowed: May): void {
  establish(world, api);
  const key = (cluster: KubeObject): string => `${text(cluster.metadata.namespace)}/${cluster.metadata.name}`;
  const present = new Set(api.all('EtcdCluster').map(key));
  for (const name of Object.keys(api.cluster.etcd)) {
    // The data lives in the pods: it goes with them.
    if (!present.has(name))
      api.cluster.etcd = Object.fromEntries(Object.entries(api.cluster.etcd).filter(([other]) => other !== name));
  }
  const running = operator(api, allowed);
  if (running === undefined) return;
  const crds = api.type('CustomResourceDefinition');
  const pods = api.type('Pod');
  const serviceType = api.type('Service');
  if (crds === undefined || pods === undefined || serviceType === undefined) return;
  const wanted = definition(api);
  if (api.get(crds, undefined, wanted.metadata.name) === undefined) {
    if (world.isHeld(api.cluster.name, 'CustomResourceDefinition', undefined, wanted.metadata.name)) return;
    api.create(crds, wanted, undefined);
    establish(world, api);
  }
  const nodes = api.all('Node').map((node) => node.metadata.name);
  for (const cluster of api.all('EtcdCluster', running.metadata.namespace)) {
    const { name, namespace } = cluster.metadata;
    if (world.isHeld(api.cluster.name, 'EtcdCluster', namespace, name)) continue;
    const size = num(at(cluster, 'spec', 'size'), 1);
    const version = text(at(cluster, 'spec', 'version'), '3.1.8');
    const members = Array.from({ length: size }, (_, index) => `${name}-${String(index).padStart(4, '0')}`);
    for (const [index, pod] of members.entries()) {
      if (api.get(pods, namespace, pod) !== undefined) continue;
      api.create(pods, member(cluster, pod, version, nodes[index % Math.max(1, nodes.length)] ?? ''), namespace, {
        status: true,
      });
    }
    for (const pod of api.list(pods, namespace)) {
      const mine = pod.metadata.labels?.etcd_cluster === name && pod.metadata.labels.app === 'etcd';
      if (mine && !members.includes(pod.metadata.name)) api.delete(pods, namespace, pod.metadata.name);
    }
    for (const service of services(cluster)) {
      if (api.get(serviceType, namespace, service.metadata.name) === undefined)
        api.create(serviceType, service, namespace);
    }
    api.cluster.etcd[key(cluster)] ??= { v2: {}, v3: {} };
    const status: Dict = {
      phase: 'Running',
      size,
      currentVersion: version,
      targetVersion: '',
      members: { ready: members },
      conditions: [{ type: 'Available', status: 'True', reason: 'Cluster available' }],
    };
    if (same(cluster.status, status)) continue;
    api.edit('EtcdCluster', cluster, (copy) => {
      copy.status = status;
    });
  }
}

export interface EtcdStore {
  readonly v2: Record<string, string>;
  readonly v3: Record<string, string>;
}

/** The etcd that a URL such as `http://etcd-cluster-client.default:2379` leads to from inside the cluster, if it answers. */
export function etcdAt(api: ApiServer, url: string): EtcdStore | undefined {
  const [, host = '', port = '2379'] = /^https?:\/\/([^:/]+)(?::(\d+))?\/?$/.exec(url.trim()) ?? [];
  const [service = '', namespace = ''] = host.split('.');
  const found = api.find('Service', namespace, service);
  if (found === undefined || !list(at(found, 'spec', 'ports')).some((entry) => num(at(entry, 'port')) === Number(port)))
    return undefined;
  const cluster = found.metadata.labels?.etcd_cluster ?? '';
  const ready = api.all('Pod', namespace).some((pod) => pod.metadata.labels?.etcd_cluster === cluster && isReady(pod));
  return ready ? api.cluster.etcd[`${namespace}/${cluster}`] : undefined;
}

/** The etcd that runs in a pod. */
export function etcdInPod(api: ApiServer, pod: KubeObject): EtcdStore | undefined {
  const cluster = pod.metadata.labels?.etcd_cluster;
  if (cluster === undefined || !isDict(pod.spec)) return undefined;
  return api.cluster.etcd[`${text(pod.metadata.namespace)}/${cluster}`];
}
