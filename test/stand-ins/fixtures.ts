/** The guide's own manifests and settings, as objects: what tests of the stand-ins bring up a federation with. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { dump } from 'js-yaml';
import { type Dict, type KubeObject, at, isDict, list } from './json';
import type { Ran, World } from './world';

const RBAC = 'rbac.authorization.k8s.io/v1beta1';

export function account(name: string, namespace: string): KubeObject {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } };
}

/** A DaemonSet of the old kind. */
export function daemonSet(name: string, image: string): KubeObject {
  const labels = { app: name };
  return {
    apiVersion: 'extensions/v1beta1',
    kind: 'DaemonSet',
    metadata: { name, namespace: 'default' },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name, image }] } },
    },
  };
}

/** Binds a ServiceAccount to cluster-admin. */
export function admin(name: string, namespace: string): KubeObject {
  return {
    apiVersion: RBAC,
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', name, namespace }],
  };
}

export function deployment(name: string, namespace: string, image: string, extra: Dict = {}): KubeObject {
  const labels = { app: name };
  return {
    apiVersion: 'extensions/v1beta1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: { replicas: 1, template: { metadata: { labels }, spec: { containers: [{ name, image, ...extra }] } } },
  };
}

export const ETCD_OPERATOR: readonly KubeObject[] = [
  account('etcd-operator', 'default'),
  admin('etcd-operator', 'default'),
  {
    apiVersion: 'extensions/v1beta1',
    kind: 'Deployment',
    metadata: { name: 'etcd-operator', namespace: 'default' },
    spec: {
      replicas: 1,
      template: {
        metadata: { labels: { name: 'etcd-operator' } },
        spec: {
          serviceAccountName: 'etcd-operator',
          containers: [
            {
              name: 'etcd-operator',
              image: 'quay.io/coreos/etcd-operator:v0.5.0',
              env: ['MY_POD_NAMESPACE', 'MY_POD_NAME'].map((name) => ({
                name,
                valueFrom: { fieldRef: { fieldPath: name === 'MY_POD_NAME' ? 'metadata.name' : 'metadata.namespace' } },
              })),
            },
          ],
        },
      },
    },
  },
];

export const ETCD_CLUSTER: KubeObject = {
  apiVersion: 'etcd.database.coreos.com/v1beta2',
  kind: 'EtcdCluster',
  metadata: { name: 'etcd-cluster', namespace: 'default' },
  spec: { size: 3, version: '3.1.8' },
};

/** The definition of etcd clusters, in either version of its kind. */
export const etcdDefinition = (version: 'v1' | 'v1beta1'): KubeObject => ({
  apiVersion: `apiextensions.k8s.io/${version}`,
  kind: 'CustomResourceDefinition',
  metadata: { name: 'etcdclusters.etcd.database.coreos.com' },
  spec: {
    group: 'etcd.database.coreos.com',
    scope: 'Namespaced',
    names: {
      kind: 'EtcdCluster',
      listKind: 'EtcdClusterList',
      plural: 'etcdclusters',
      singular: 'etcdcluster',
      shortNames: ['etcd'],
    },
    ...(version === 'v1' ? { versions: [{ name: 'v1beta2', served: true, storage: true }] } : { version: 'v1beta2' }),
  },
});

export const COREDNS_VALUES: Dict = {
  isClusterService: false,
  serviceType: 'NodePort',
  middleware: {
    kubernetes: { enabled: false },
    etcd: { enabled: true, zones: ['example.com.'], endpoint: 'http://etcd-cluster-client.default:2379' },
  },
};

export function keepalived(range: string): KubeObject[] {
  return [
    account('keepalived', 'kube-system'),
    admin('keepalived', 'kube-system'),
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'vip-configmap', namespace: 'kube-system' } },
    {
      apiVersion: 'extensions/v1beta1',
      kind: 'DaemonSet',
      metadata: { name: 'kube-keepalived-vip', namespace: 'kube-system' },
      spec: {
        template: {
          metadata: { labels: { name: 'kube-keepalived-vip' } },
          spec: {
            hostNetwork: true,
            serviceAccountName: 'keepalived',
            containers: [
              {
                name: 'kube-keepalived-vip',
                image: 'gcr.io/google_containers/kube-keepalived-vip:0.9',
                args: ['--services-configmap=kube-system/vip-configmap'],
              },
            ],
          },
        },
      },
    },
    {
      apiVersion: 'extensions/v1beta1',
      kind: 'Deployment',
      metadata: { name: 'keepalived-cloud-provider', namespace: 'kube-system' },
      spec: {
        replicas: 1,
        template: {
          metadata: { labels: { app: 'keepalived-cloud-provider' } },
          spec: {
            serviceAccountName: 'keepalived',
            containers: [
              {
                name: 'keepalived-cloud-provider',
                image: 'quay.io/munnerz/keepalived-cloud-provider:0.0.1',
                env: [
                  { name: 'KEEPALIVED_NAMESPACE', value: 'kube-system' },
                  { name: 'KEEPALIVED_CONFIG_MAP', value: 'vip-configmap' },
                  { name: 'KEEPALIVED_SERVICE_CIDR', value: range },
                ],
              },
            ],
          },
        },
      },
    },
  ];
}

export function helloWorld(replicas = 12, apiVersion = 'extensions/v1beta1'): KubeObject[] {
  const labels = { app: 'hello-world' };
  return [
    {
      apiVersion,
      kind: 'Deployment',
      metadata: { name: 'hello-world', namespace: 'default', labels },
      spec: {
        replicas,
        template: {
          metadata: { labels },
          spec: {
            containers: [
              {
                name: 'hello-world',
                image: 'artmr/hello-world:latest',
                ports: [{ name: 'web', containerPort: 8080, protocol: 'TCP' }],
              },
            ],
          },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'hello-world', namespace: 'default', labels },
      spec: {
        type: 'LoadBalancer',
        selector: labels,
        ports: [{ name: 'web', port: 8080, protocol: 'TCP', targetPort: 8080 }],
      },
    },
  ];
}

/** Several documents as one text. */
export function documents(objects: readonly KubeObject[]): string {
  return objects.map((object) => dump(object)).join('---\n');
}

/** Writes a file into the World's folder and gives its path. */
export function write(world: World, name: string, content: string): string {
  const file = path.join(world.dir, name);
  fs.writeFileSync(file, content);
  return file;
}

async function ok(ran: Promise<Ran>): Promise<Ran> {
  const result = await ran;
  if (result.code !== 0) throw new Error(`exit ${String(result.code)}: ${result.stdout}${result.stderr}`);
  return result;
}

/** `kubectl --context … apply -f -`, which has to work. */
export function apply(world: World, context: string, objects: readonly KubeObject[]): Promise<Ran> {
  return ok(world.invoke('kubectl', ['--context', context, 'apply', '-f', '-'], { stdin: documents(objects) }));
}

/** One program with one line of arguments; single quotes keep blanks together. */
export function sh(world: World, line: string, stdin?: string): Promise<Ran> {
  const words = (line.match(/(?:'[^']*'|\S)+/g) ?? []).map((word) => word.replaceAll("'", ''));
  const [program = '', ...args] = words;
  if (program !== 'kubectl' && program !== 'kubefed' && program !== 'helm') throw new Error(`no program ${program}`);
  return world.invoke(program, args, { stdin });
}

/** The same, and it has to work. */
export function must(world: World, line: string, stdin?: string): Promise<Ran> {
  return ok(sh(world, line, stdin));
}

export async function label(world: World): Promise<void> {
  for (const cluster of Object.values(world.state.clusters)) {
    if (cluster.type !== 'kubernetes') continue;
    await must(
      world,
      `kubectl label --all nodes failure-domain.beta.kubernetes.io/region=${cluster.region ?? ''} failure-domain.beta.kubernetes.io/zone=${cluster.zone ?? ''} --context ${cluster.context}`,
    );
  }
}

export async function etcd(world: World, context: string): Promise<void> {
  await apply(world, context, ETCD_OPERATOR);
  await apply(world, context, [ETCD_CLUSTER]);
}

export async function coreDns(world: World, context: string): Promise<void> {
  await apply(world, context, [account('tiller', 'kube-system'), admin('tiller', 'kube-system')]);
  await must(world, `helm init --service-account tiller --skip-refresh --kube-context ${context}`);
  const file = write(world, 'coredns-values.yaml', dump(COREDNS_VALUES));
  await must(
    world,
    `helm --kube-context ${context} install --name coredns --namespace default --version 0.6.0 -f ${file} stable/coredns`,
  );
  await pinNodePort(world, context);
}

/** Replaces the Service by one with the port that the World's DNS server listens on. Old servers refuse it as an update. */
export async function pinNodePort(world: World, context: string, name_ = 'coredns-coredns'): Promise<void> {
  const got = await must(world, `kubectl --context ${context} get svc ${name_} -o json`);
  const service = JSON.parse(got.stdout) as KubeObject;
  const { name, namespace, labels, annotations } = service.metadata;
  for (const port of list(at(service, 'spec', 'ports'))) {
    if (isDict(port) && port.port === 53) port.nodePort = world.dnsPort;
  }
  const wanted: KubeObject = { ...service, metadata: { name, namespace, labels, annotations } };
  delete wanted.status;
  await must(world, `kubectl --context ${context} replace --force -f -`, JSON.stringify(wanted));
}

export function initArguments(world: World, context: string): string[] {
  const file = write(
    world,
    'coredns-provider.conf',
    `[Global]\netcd-endpoints = http://etcd-cluster-client.default:2379\nzones = example.com.\ncoredns-endpoints = ${world.dnsEndpoint}\n`,
  );
  return [
    'init',
    'federation',
    `--host-cluster-context=${context}`,
    '--dns-provider=coredns',
    '--dns-zone-name=example.com.',
    '--api-server-advertise-address=10.11.4.82',
    '--api-server-service-type=NodePort',
    `--dns-provider-config=${file}`,
    '--etcd-persistent-storage=false',
  ];
}

export async function federate(world: World, context: string): Promise<void> {
  await ok(world.invoke('kubefed', initArguments(world, context)));
  for (const cluster of Object.values(world.state.clusters)) {
    if (cluster.type !== 'kubernetes') continue;
    await must(world, `kubefed join ${cluster.context} --host-cluster-context=${context} --context=federation`);
  }
}

/** Gives kube-dns the stub domain without the closing dot with which kubefed 1.8 writes it, and which kube-dns refuses. */
export async function stubDomain(world: World, context: string): Promise<void> {
  const data = { stubDomains: JSON.stringify({ 'example.com': [world.dnsEndpoint] }) };
  const patch = JSON.stringify({ data });
  await must(
    world,
    `kubectl --context ${context} patch configmap kube-dns --namespace kube-system --type=merge -p '${patch}'`,
  );
}

/** The whole guide, from its first command to its last but the look-ups. */
export async function guide(world: World): Promise<void> {
  const host = world.hostState()?.context ?? 'fcp';
  await label(world);
  await etcd(world, host);
  await coreDns(world, host);
  await federate(world, host);
  for (const cluster of Object.values(world.state.clusters)) {
    if (cluster.type !== 'kubernetes') continue;
    await stubDomain(world, cluster.context);
    await apply(world, cluster.context, keepalived(cluster.addressRange ?? ''));
  }
  await must(world, 'kubectl --context federation create ns default');
  await ok(
    world.invoke('kubectl', ['--context', 'federation', 'create', '-f', '-'], { stdin: documents(helloWorld()) }),
  );
}
