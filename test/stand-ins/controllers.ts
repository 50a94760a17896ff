/** What the controllers of one cluster make of its objects. Each looks and changes only what is not as it should be. */
import {
  type Dict,
  type Json,
  type KubeObject,
  at,
  base64,
  dict,
  fnv,
  isDict,
  list,
  num,
  same,
  strings,
  text,
} from './json';
import { runPods } from './containers';
import { reconcileEtcd } from './etcd';
import { reconcileKeepalived } from './keepalived';
import type { ApiServer } from './objects';
import { may } from './rbac';
import type { World } from './world';

/** Whether the labels are those that a selector wants. An empty selector picks nothing. */
export function picks(selector: Record<string, string>, labels: Record<string, string> | undefined): boolean {
  const wanted = Object.entries(selector);
  return wanted.length > 0 && wanted.every(([key, value]) => labels?.[key] === value);
}

export function isReady(pod: KubeObject): boolean {
  return list(at(pod, 'status', 'conditions')).some(
    (condition) => at(condition, 'type') === 'Ready' && at(condition, 'status') === 'True',
  );
}

/** The ready pods of a workload or Service. */
export function readyPods(
  api: ApiServer,
  namespace: string | undefined,
  selector: Record<string, string>,
): KubeObject[] {
  return api.all('Pod', namespace).filter((pod) => picks(selector, pod.metadata.labels) && isReady(pod));
}

function namespaces(world: World, api: ApiServer): void {
  api.finishNamespaces();
  const type = api.type('ServiceAccount');
  if (type === undefined) return;
  for (const space of api.all('Namespace')) {
    const { name } = space.metadata;
    if (space.metadata.deletionTimestamp !== undefined) continue;
    if (api.get(type, name, 'default') !== undefined || world.isHeld(api.cluster.name, 'Namespace', undefined, name))
      continue;
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: name } };
    api.create(type, account, name);
  }
}

/** Up to 1.23 every ServiceAccount gets a Secret with a token. */
function tokens(world: World, api: ApiServer): void {
  const secrets = api.type('Secret');
  if (secrets === undefined || api.atLeast('1.24.0')) return;
  for (const account of api.all('ServiceAccount')) {
    const { name, namespace, uid = '' } = account.metadata;
    if (list(account.secrets).length > 0 || world.isHeld(api.cluster.name, 'ServiceAccount', namespace, name)) continue;
    const token = world.randomSecret('token');
    world.noteRandom(base64(token), '<token>');
    const secret: KubeObject = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: world.randomName(`${name}-token-`),
        namespace,
        annotations: { 'kubernetes.io/service-account.name': name, 'kubernetes.io/service-account.uid': uid },
      },
      type: 'kubernetes.io/service-account-token',
      data: { 'ca.crt': base64(api.cluster.ca), namespace: base64(namespace ?? ''), token: base64(token) },
    };
    const made = api.create(secrets, secret, namespace);
    api.edit('ServiceAccount', account, (copy) => {
      copy.secrets = [{ name: made.metadata.name }];
    });
  }
}

/** Whether a workload is a controller manager of a federation that panics at each start. */
function managerCrashes(world: World, cluster: string, workload: KubeObject): boolean {
  const { federation } = world.state;
  return (
    federation?.host === cluster &&
    federation.manager.crashes &&
    at(workload, 'spec', 'template', 'metadata', 'labels', 'module') === 'federation-controller-manager'
  );
}

/** Why a workload's new pods do not come up; undefined where they do. */
function obstacle(world: World, api: ApiServer, workload: KubeObject): string | undefined {
  const { name, namespace } = workload.metadata;
  if (world.isHeld(api.cluster.name, workload.kind, namespace, name)) return 'ContainerCreating';
  const pod = dict(at(workload, 'spec', 'template', 'spec'));
  const account = text(pod.serviceAccountName, 'default');
  if (api.find('ServiceAccount', namespace, account) === undefined) return 'FailedCreate';
  for (const volume of list(pod.volumes)) {
    for (const [kind, source, field] of [
      ['ConfigMap', 'configMap', 'name'],
      ['Secret', 'secret', 'secretName'],
      ['PersistentVolumeClaim', 'persistentVolumeClaim', 'claimName'],
    ] as const) {
      const wanted = at(volume, source, field);
      if (typeof wanted !== 'string' || at(volume, source, 'optional') === true) continue;
      if (api.find(kind, namespace, wanted) === undefined) return 'ContainerCreating';
    }
  }
  if (name === 'kube-dns' && namespace === 'kube-system' && dnsmasqFault(workload) !== undefined)
    return 'CrashLoopBackOff';
  if (managerCrashes(world, api.cluster.name, workload)) return 'CrashLoopBackOff';
  for (const container of list(pod.containers)) {
    const servicesConfig = list(at(container, 'args')).find((arg) => text(arg).startsWith('--services-configmap='));
    if (servicesConfig === undefined) continue;
    // kube-keepalived-vip ends at start where its ConfigMap is not there.
    const [space, map] = text(servicesConfig).slice('--services-configmap='.length).split('/');
    if (api.find('ConfigMap', space, map ?? '') === undefined) return 'CrashLoopBackOff';
  }
  return undefined;
}

/** The arguments of kube-dns's dnsmasq container. */
export function dnsmasqArgs(deployment: KubeObject): string[] {
  const containers = list(at(deployment, 'spec', 'template', 'spec', 'containers'));
  return list(
    at(
      containers.find((entry) => at(entry, 'name') === 'dnsmasq'),
      'args',
    ),
  ).map((arg) => text(arg));
}

/** What dnsmasq, or its nanny, ends with at start. */
export function dnsmasqFault(deployment: KubeObject): string | undefined {
  const args = dnsmasqArgs(deployment);
  const split = args.indexOf('--');
  const nannys = split < 0 ? args : args.slice(0, split);
  if (nannys.some((arg) => /^--server[= ]/.test(arg) || arg === '--server'))
    return 'flag provided but not defined: -server';
  const dnsmasqs = split < 0 ? [] : args.slice(split + 1);
  const port = /^--server=(\/[^/]*)+\/[^/#]+:\d+$/;
  return dnsmasqs.some((arg) => port.test(arg)) ? 'dnsmasq: bad command line options: server' : undefined;
}

function podOf(workload: KubeObject, name: string, hash: string, nodeName: string): KubeObject {
  const template = dict(at(workload, 'spec', 'template'));
  const { uid = '', namespace } = workload.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels: { ...strings(at(template, 'metadata', 'labels')), 'pod-template-hash': hash },
      annotations: strings(at(template, 'metadata', 'annotations')),
      ownerReferences: [
        { apiVersion: workload.apiVersion, kind: workload.kind, name: workload.metadata.name, uid, controller: true },
      ],
    },
    spec: { ...dict(template.spec), nodeName },
  };
}

function podStatus(pod: KubeObject, ready: boolean, reason: string): Dict {
  const names = list(at(pod, 'spec', 'containers')).map((container) => text(at(container, 'name')));
  const number = fnv(`${text(pod.metadata.namespace)}/${pod.metadata.name}`);
  const waiting =
    reason === 'CrashLoopBackOff' ? { reason, message: 'Back-off restarting failed container' } : { reason };
  return {
    phase: ready || reason === 'CrashLoopBackOff' ? 'Running' : 'Pending',
    podIP: `10.244.${(number >>> 8) % 250}.${2 + ((number >>> 16) % 250)}`,
    conditions: [
      { type: 'Initialized', status: 'True' },
      { type: 'Ready', status: ready ? 'True' : 'False' },
      { type: 'PodScheduled', status: 'True' },
    ],
    containerStatuses: names.map((name) => ({
      name,
      ready,
      restartCount: reason === 'CrashLoopBackOff' && !ready ? 5 : 0,
      state: ready ? { running: {} } : { waiting },
    })),
  };
}

interface Wanted {
  readonly name: string | undefined;
  readonly node: string;
}

/** Brings a workload's pods to what is wanted: those of an old template go when the new ones are ready. */
function pods(world: World, api: ApiServer, workload: KubeObject, wanted: readonly Wanted[]): readonly KubeObject[] {
  const type = api.type('Pod');
  if (type === undefined) return [];
  const { uid, namespace, name } = workload.metadata;
  const hash = String(fnv(JSON.stringify(at(workload, 'spec', 'template') ?? null)));
  const owned = (): KubeObject[] =>
    api.list(type, namespace).filter((pod) => at(pod.metadata.ownerReferences, 0, 'uid') === uid);
  const why = obstacle(world, api, workload);
  // A DaemonSet of the old kind leaves its pods alone, whatever becomes of the template, until somebody deletes them.
  const onDelete = at(workload, 'spec', 'updateStrategy', 'type') === 'OnDelete';
  const fresh = owned().filter((pod) => onDelete || pod.metadata.labels?.['pod-template-hash'] === hash);
  for (let index = fresh.length; why !== 'FailedCreate' && index < wanted.length; index += 1) {
    const free = wanted.find(
      (want) =>
        !fresh.some((pod) =>
          want.name === undefined ? at(pod, 'spec', 'nodeName') === want.node : pod.metadata.name === want.name,
        ),
    );
    const want = free ?? wanted[index];
    if (want === undefined) continue;
    const podName = want.name ?? world.randomName(workload.kind === 'DaemonSet' ? `${name}-` : `${name}-${hash}-`);
    const present = api.get(type, namespace, podName);
    if (present !== undefined) api.delete(type, namespace, podName);
    fresh.push(api.create(type, podOf(workload, podName, hash, want.node), namespace));
  }
  for (const extra of fresh.slice(wanted.length)) api.delete(type, namespace, extra.metadata.name);
  const kept = fresh.slice(0, wanted.length);
  for (const pod of kept) {
    const stored = api.get(type, namespace, pod.metadata.name);
    if (stored === undefined) continue;
    const status = podStatus(stored, why === undefined, why ?? '');
    if (!same(stored.status, status)) {
      api.edit('Pod', stored, (copy) => {
        copy.status = status;
      });
    }
  }
  const old = owned().filter((pod) => !onDelete && pod.metadata.labels?.['pod-template-hash'] !== hash);
  const rolling = at(workload, 'spec', 'strategy', 'type') !== 'Recreate';
  if (why === undefined || !rolling || wanted.length === 0)
    for (const pod of old) api.delete(type, namespace, pod.metadata.name);
  return owned();
}

function setStatus(api: ApiServer, object: KubeObject, status: Dict): void {
  if (same(object.status, status)) return;
  api.edit(object.kind, object, (copy) => {
    copy.status = status;
  });
}

function workloads(world: World, api: ApiServer): void {
  const nodes = api.all('Node').map((node) => node.metadata.name);
  const nodeAt = (index: number): string => nodes[index % Math.max(nodes.length, 1)] ?? '';
  for (const deployment of api.all('Deployment')) {
    const replicas = num(at(deployment, 'spec', 'replicas'), 1);
    const wanted = Array.from({ length: replicas }, (_, index) => ({ name: undefined, node: nodeAt(index) }));
    const all = podsFor(world, api, deployment, wanted);
    const ready = all.pods.filter(isReady);
    const updated = all.pods.filter((pod) => pod.metadata.labels?.['pod-template-hash'] === all.hash);
    const missing = Math.max(0, replicas - ready.length);
    const available = missing === 0 ? 'True' : 'False';
    setStatus(api, deployment, {
      observedGeneration: num(deployment.metadata.generation, 1),
      ...(all.pods.length > 0 ? { replicas: all.pods.length } : {}),
      ...(updated.length > 0 ? { updatedReplicas: updated.length } : {}),
      ...(ready.length > 0 ? { readyReplicas: ready.length, availableReplicas: ready.length } : {}),
      ...(missing + all.pods.length - ready.length > 0 && missing > 0 ? { unavailableReplicas: missing } : {}),
      ...(missing === 0 && all.pods.length > ready.length
        ? { unavailableReplicas: all.pods.length - ready.length }
        : {}),
      conditions: [
        {
          type: 'Available',
          status: available,
          reason: `MinimumReplicas${missing === 0 ? 'Available' : 'Unavailable'}`,
        },
        {
          type: 'Progressing',
          status: 'True',
          reason: updated.filter(isReady).length >= replicas ? 'NewReplicaSetAvailable' : 'ReplicaSetUpdated',
        },
      ],
    });
  }
  for (const daemons of api.all('DaemonSet')) {
    const wantedLabels = strings(at(daemons, 'spec', 'template', 'spec', 'nodeSelector'));
    const fitting = api
      .all('Node')
      .filter((node) => Object.entries(wantedLabels).every(([key, value]) => node.metadata.labels?.[key] === value))
      .map((node) => node.metadata.name);
    const all = podsFor(
      world,
      api,
      daemons,
      fitting.map((node) => ({ name: undefined, node })),
    );
    const ready = all.pods.filter(isReady).length;
    setStatus(api, daemons, {
      observedGeneration: num(daemons.metadata.generation, 1),
      desiredNumberScheduled: fitting.length,
      currentNumberScheduled: all.pods.length,
      updatedNumberScheduled: all.pods.filter((pod) => pod.metadata.labels?.['pod-template-hash'] === all.hash).length,
      numberReady: ready,
      ...(ready > 0 ? { numberAvailable: ready } : {}),
      ...(ready < fitting.length ? { numberUnavailable: fitting.length - ready } : {}),
      numberMisscheduled: 0,
    });
  }
  for (const stateful of api.all('StatefulSet')) {
    const replicas = num(at(stateful, 'spec', 'replicas'), 1);
    const wanted = Array.from({ length: replicas }, (_, index) => ({
      name: `${stateful.metadata.name}-${index}`,
      node: nodeAt(index),
    }));
    const all = podsFor(world, api, stateful, wanted);
    const ready = all.pods.filter(isReady).length;
    setStatus(api, stateful, {
      observedGeneration: num(stateful.metadata.generation, 1),
      replicas: all.pods.length,
      readyReplicas: ready,
      currentReplicas: all.pods.length,
      updatedReplicas: all.pods.filter((pod) => pod.metadata.labels?.['pod-template-hash'] === all.hash).length,
      currentRevision: `${stateful.metadata.name}-${all.hash}`,
      updateRevision: `${stateful.metadata.name}-${all.hash}`,
    });
  }
  for (const job of api.all('Job')) {
    if (
      at(job, 'status', 'succeeded') === 1 ||
      world.isHeld(api.cluster.name, 'Job', job.metadata.namespace, job.metadata.name)
    )
      continue;
    setStatus(api, job, { succeeded: 1, conditions: [{ type: 'Complete', status: 'True' }] });
  }
}

function podsFor(
  world: World,
  api: ApiServer,
  workload: KubeObject,
  wanted: readonly Wanted[],
): { pods: readonly KubeObject[]; hash: string } {
  const hash = String(fnv(JSON.stringify(at(workload, 'spec', 'template') ?? null)));
  pods(world, api, workload, wanted);
  const owned = api
    .all('Pod', workload.metadata.namespace)
    .filter((pod) => at(pod.metadata.ownerReferences, 0, 'uid') === workload.metadata.uid);
  return { pods: owned, hash };
}

function endpoints(api: ApiServer): void {
  const type = api.type('Endpoints');
  if (type === undefined) return;
  for (const service of api.all('Service')) {
    const { name, namespace } = service.metadata;
    const selector = strings(at(service, 'spec', 'selector'));
    if (Object.keys(selector).length === 0) continue;
    const addresses: Json[] = readyPods(api, namespace, selector).map((pod) => ({
      ip: text(at(pod, 'status', 'podIP')),
      targetRef: { kind: 'Pod', name: pod.metadata.name, namespace: namespace ?? '' },
    }));
    const ports: Json[] = list(at(service, 'spec', 'ports')).map((port) => ({
      ...(at(port, 'name') === undefined ? {} : { name: text(at(port, 'name')) }),
      port: num(at(port, 'targetPort'), num(at(port, 'port'))),
      protocol: text(at(port, 'protocol'), 'TCP'),
    }));
    const subsets: Json[] = addresses.length === 0 ? [] : [{ addresses, ports }];
    const present = api.get(type, namespace, name);
    if (present === undefined) {
      api.create(type, { apiVersion: 'v1', kind: 'Endpoints', metadata: { name, namespace }, subsets }, namespace);
    } else if (!same(present.subsets, subsets)) {
      api.edit('Endpoints', present, (copy) => {
        copy.subsets = subsets;
      });
    }
  }
}

function claims(world: World, api: ApiServer): void {
  for (const claim of api.all('PersistentVolumeClaim')) {
    const { name, namespace } = claim.metadata;
    if (isDict(claim.status) && claim.status.phase === 'Bound') continue;
    if (world.isHeld(api.cluster.name, 'PersistentVolumeClaim', namespace, name)) continue;
    setStatus(api, claim, { phase: 'Bound' });
  }
}

/** dnsmasq takes what a sound set of arguments says; a broken one leaves the pod before it in service. */
function clusterDns(api: ApiServer): void {
  const deployment = api.find('Deployment', 'kube-system', 'kube-dns');
  if (deployment === undefined || dnsmasqFault(deployment) !== undefined) return;
  const args = dnsmasqArgs(deployment);
  if (!same(api.cluster.dnsmasqArgs, args)) api.cluster.dnsmasqArgs = args;
}

/** One round of all controllers of a cluster; the World calls it until nothing changes any more. */
export function reconcileCluster(world: World, api: ApiServer): void {
  namespaces(world, api);
  tokens(world, api);
  claims(world, api);
  workloads(world, api);
  runPods(world, api);
  reconcileEtcd(world, api, may);
  endpoints(api);
  clusterDns(api);
  reconcileKeepalived(world, api, may);
}
