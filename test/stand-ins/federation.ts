/** The federation's API server and controller manager: members, propagation, and the DNS records in etcd. */
import { isReady, picks, readyPods } from './controllers';
import { etcdAt, type EtcdStore } from './etcd';
import { REGION_LABEL, ZONE_LABEL } from './initial';
import {
  type Dict,
  type Json,
  type KubeObject,
  at,
  clone,
  dict,
  fnv,
  isDict,
  list,
  num,
  same,
  strings,
  text,
  unbase64,
} from './json';
import { mergePatch } from './merge';
import { ApiError, ApiServer, ORPHAN, ServerPanic } from './objects';
import { hostPort } from './target';
import type { ClusterState, FederationState } from './types';
import { atLeast } from './versions';
import type { World } from './world';

export const FEDERATION_NAME = 'federation.alpha.kubernetes.io/federation-name';
export const CLUSTER_NAME = 'federation.alpha.kubernetes.io/cluster-name';
export const PREFERENCES = 'federation.kubernetes.io/deployment-preferences';
const INGRESSES = 'federation.kubernetes.io/service-ingresses';
/** The finalizer with which a federated object takes its copies along. */
const DELETE_COPIES = 'federation.kubernetes.io/delete-from-underlying-clusters';
/** Kinds that are carried into the members, in this order. */
const PROPAGATED = ['Namespace', 'ConfigMap', 'Secret', 'Deployment', 'Service'] as const;
const TTL = 180;

interface Plane {
  readonly state: FederationState;
  readonly host: ApiServer;
  readonly api: ApiServer;
}

/** The Deployment of one of the two parts of a control plane. */
function part(host: ApiServer, module: 'apiserver' | 'controller-manager'): KubeObject | undefined {
  return host
    .all('Deployment')
    .find((found) => at(found, 'spec', 'template', 'metadata', 'labels', 'module') === `federation-${module}`);
}

function partPod(host: ApiServer, deployment: KubeObject): KubeObject | undefined {
  const labels = strings(at(deployment, 'spec', 'selector', 'matchLabels'));
  return readyPods(host, deployment.metadata.namespace, labels)[0];
}

/** `host:port` under which the API server's Service can be reached from outside. */
function address(host: ApiServer, deployment: KubeObject): string | undefined {
  const { namespace } = deployment.metadata;
  const labels = strings(at(deployment, 'spec', 'template', 'metadata', 'labels'));
  const service = host.all('Service', namespace).find((found) => picks(strings(at(found, 'spec', 'selector')), labels));
  if (service === undefined) return undefined;
  const nodePort = num(at(service, 'spec', 'ports', 0, 'nodePort'));
  if (at(service, 'spec', 'type') === 'LoadBalancer') {
    const ip = text(at(service, 'status', 'loadBalancer', 'ingress', 0, 'ip'));
    return ip === '' ? undefined : `${ip}:443`;
  }
  const words = list(at(deployment, 'spec', 'template', 'spec', 'containers', 0, 'command')).map((word) => text(word));
  const flag = words.find((word) => word.startsWith('--advertise-address='));
  const first = text(at(host.all('Node')[0], 'status', 'addresses', 0, 'address'));
  return `${flag?.slice('--advertise-address='.length) ?? first}:${nodePort}`;
}

function findPlane(world: World): void {
  const { state } = world;
  const hosts = Object.values(state.clusters).filter((cluster) => cluster.type === 'kubernetes');
  for (const cluster of hosts) {
    const host = new ApiServer(cluster, world);
    const deployment = part(host, 'apiserver');
    if (deployment === undefined) continue;
    const name = deployment.metadata.annotations?.[FEDERATION_NAME] ?? 'federation';
    const { namespace = '' } = deployment.metadata;
    const claim = list(at(deployment, 'spec', 'template', 'spec', 'volumes'))
      .map((volume) => text(at(volume, 'persistentVolumeClaim', 'claimName')))
      .find((found) => found !== '');
    const pod = partPod(host, deployment);
    const dataUid =
      claim === undefined ? pod?.metadata.uid : host.find('PersistentVolumeClaim', namespace, claim)?.metadata.uid;
    const where = address(host, deployment);
    const known = state.federation;
    const api = known === undefined ? undefined : state.clusters[known.name];
    if (pod === undefined || where === undefined || dataUid === undefined) {
      if (api !== undefined) api.online = false;
      return;
    }
    const volume = list(at(deployment, 'spec', 'template', 'spec', 'volumes')).find((entry) =>
      isDict(at(entry, 'secret')),
    );
    const secret = host.find('Secret', namespace, text(at(volume, 'secret', 'secretName')));
    const ca = unbase64(text(at(secret, 'data', 'ca.crt')));
    if (known?.dataUid === dataUid && api !== undefined) {
      api.online = true;
      api.server = where;
      api.ca = ca;
      return;
    }
    // The controller manager goes on with what it knows, whatever the API server has lost.
    const manager = known?.manager ?? { tokens: {}, crashes: false };
    state.federation = { name, host: cluster.name, namespace, dataUid, recordsOf: {}, ingresses: {}, manager };
    // Its image is of kubefed's own version.
    state.clusters[name] = federationCluster(name, where, ca, world.kubefedVersion);
    return;
  }
  const gone = state.federation;
  if (gone === undefined) return;
  state.federation = undefined;
  state.clusters = Object.fromEntries(Object.entries(state.clusters).filter(([name]) => name !== gone.name));
}

function federationCluster(name: string, server: string, ca: string, version: string): ClusterState {
  return {
    name,
    type: 'federation',
    context: name,
    server,
    ca,
    version,
    online: true,
    clusterDns: 'kube-dns',
    objects: {},
    resourceVersion: 1,
    uids: 0,
    etcd: {},
    dnsmasqArgs: [],
  };
}

/**
 * The token that the controller manager goes to a member with. It reads the Secret when it first sees the Cluster object and
 * forgets it when that is deleted; that an API server has lost all its objects it does not take for deletions.
 */
function tokenFor(plane: Plane, member: KubeObject): string {
  const { tokens } = plane.state.manager;
  const { name } = member.metadata;
  const secret = plane.host.find('Secret', plane.state.namespace, text(at(member, 'spec', 'secretRef', 'name')));
  const known = (tokens[name] ??= { token: text(at(secret, 'data', 'token')), dataUid: plane.state.dataUid });
  return known.token;
}

/** The member cluster that a Cluster object stands for, where the control plane can reach it with its credentials. */
function reachable(
  world: World,
  plane: Plane,
  member: KubeObject,
  byServer: ReadonlyMap<string, ClusterState>,
): ApiServer | undefined {
  const token = tokenFor(plane, member);
  const cluster = byServer.get(hostPort(text(at(member, 'spec', 'serverAddressByClientCIDRs', 0, 'serverAddress'))));
  if (!cluster?.online) return undefined;
  const api = new ApiServer(cluster, world);
  const valid = api
    .all('Secret', plane.state.namespace)
    .some((found) => token !== '' && at(found, 'data', 'token') === token);
  return valid ? api : undefined;
}

/** Members that are Ready, by name. */
function members(world: World, plane: Plane): Map<string, ApiServer> {
  const found = new Map<string, ApiServer>();
  const byServer = new Map(Object.values(world.state.clusters).map((cluster) => [hostPort(cluster.server), cluster]));
  const { manager, dataUid } = plane.state;
  const joined = new Set(plane.api.all('Cluster').map((member) => member.metadata.name));
  for (const [name, known] of Object.entries(manager.tokens)) {
    if (known.dataUid === dataUid && !joined.has(name)) Reflect.deleteProperty(manager.tokens, name);
  }
  for (const member of plane.api.all('Cluster')) {
    const { name } = member.metadata;
    if (world.isHeld(plane.state.name, 'Cluster', undefined, name)) continue;
    const api = reachable(world, plane, member, byServer);
    const labels = api?.all('Node').map((node) => node.metadata.labels ?? {}) ?? [];
    const zones = [...new Set(labels.flatMap((label) => label[ZONE_LABEL] ?? []))].sort();
    const region = labels.map((label) => label[REGION_LABEL]).find((label) => label !== undefined);
    const status: Dict =
      api === undefined
        ? {
            ...dict(member.status),
            conditions: [
              { type: 'Offline', status: 'True', reason: 'ClusterNotReachable', message: 'cluster is not reachable' },
            ],
          }
        : {
            conditions: [
              { type: 'Ready', status: 'True', reason: 'ClusterReady', message: '/healthz responded with ok' },
            ],
            ...(zones.length > 0 ? { zones } : {}),
            ...(region === undefined ? {} : { region }),
          };
    if (!same(member.status, status)) {
      plane.api.edit('Cluster', member, (copy) => {
        copy.status = status;
      });
    }
    if (api !== undefined) found.set(name, api);
  }
  return found;
}

interface Preference {
  readonly min: number;
  readonly max: number;
  readonly weight: number;
}

/** How many replicas each member gets: minima first, then by weight, evenly where nothing else is asked. */
export function splitReplicas(
  total: number,
  names: readonly string[],
  annotation: string | undefined,
): Map<string, number> {
  let asked: Dict | undefined;
  try {
    asked = annotation === undefined ? undefined : dict((JSON.parse(annotation) as Dict).clusters);
  } catch {
    asked = undefined;
  }
  const preference = (name: string): Preference => {
    if (asked === undefined) return { min: 0, max: Infinity, weight: 1 };
    const found = asked[name] ?? asked['*'];
    return {
      min: num(at(found, 'minReplicas')),
      max: num(at(found, 'maxReplicas'), Infinity),
      weight: num(at(found, 'weight')),
    };
  };
  const result = new Map<string, number>();
  let left = total;
  const ordered = [...names].sort();
  for (const name of ordered) {
    const { min, max } = preference(name);
    const given = Math.min(min, max, left);
    result.set(name, given);
    left -= given;
  }
  for (;;) {
    const open = ordered.filter((name) => {
      const { max, weight } = preference(name);
      return weight > 0 && (result.get(name) ?? 0) < max;
    });
    const weights = open.reduce((sum, name) => sum + preference(name).weight, 0);
    if (left <= 0 || weights === 0) return result;
    const round = left;
    for (const name of open) {
      const { max, weight } = preference(name);
      const present = result.get(name) ?? 0;
      const given = Math.min(Math.ceil((round * weight) / weights), max - present, left);
      result.set(name, present + given);
      left -= given;
    }
  }
}

/** Whether all of the wanted is in the present; lists have to be as long. */
function covers(present: Json | undefined, wanted: Json | undefined): boolean {
  if (wanted === undefined) return true;
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(present) &&
      present.length === wanted.length &&
      wanted.every((item, index) => covers(present[index], item))
    );
  }
  if (isDict(wanted))
    return isDict(present) && Object.entries(wanted).every(([key, value]) => covers(present[key], value));
  return present === wanted;
}

function memberCopy(object: KubeObject, replicas: number | undefined): KubeObject {
  const { name, namespace, labels, annotations } = object.metadata;
  const copy: KubeObject = clone({
    ...object,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
    },
  });
  delete copy.status;
  if (object.kind === 'Namespace') delete copy.spec;
  if (object.kind === 'Deployment' && isDict(copy.spec)) copy.spec.replicas = replicas ?? 0;
  if (object.kind === 'Service' && isDict(copy.spec)) {
    delete copy.spec.clusterIP;
    for (const port of list(copy.spec.ports)) if (isDict(port)) delete port.nodePort;
  }
  return copy;
}

/** Annotations that a member's own controllers write beside what the federation says. */
function ownAnnotations(object: KubeObject): Record<string, string> {
  const entries = Object.entries(object.metadata.annotations ?? {});
  return Object.fromEntries(entries.filter(([key]) => key.startsWith('deployment.kubernetes.io/')));
}

function carry(api: ApiServer, wanted: KubeObject): void {
  const type = api.type(wanted.kind);
  // A member that does not serve the federation's version of a kind (Deployments from 1.16 on) gets nothing.
  if (!type?.versions.includes(wanted.apiVersion)) return;
  const { name, namespace } = wanted.metadata;
  const present = api.get(type, namespace, name);
  try {
    if (present === undefined) {
      api.create(type, wanted, namespace);
      return;
    }
    const labels = wanted.metadata.labels ?? {};
    const annotations = { ...ownAnnotations(present), ...wanted.metadata.annotations };
    const fits =
      (['spec', 'data', 'type'] as const).every((field) => covers(present[field], wanted[field])) &&
      same(present.metadata.labels ?? {}, labels) &&
      // A Service is not compared by its annotations; they come along with the next change of something else.
      (wanted.kind === 'Service' || same(present.metadata.annotations ?? {}, annotations));
    if (fits) return;
    const merged = mergePatch(present, wanted) as KubeObject;
    const some = (found: Record<string, string>): Record<string, string> | undefined =>
      Object.keys(found).length > 0 ? found : undefined;
    // Labels and annotations are set whole: what only the member had goes.
    merged.metadata = { ...merged.metadata, labels: some(labels), annotations: some(annotations) };
    api.update(type, merged, { manager: 'federation-controller-manager' });
  } catch (error) {
    // What the member refuses is tried again with the next change, as the real controllers do.
    if (!(error instanceof ApiError || error instanceof ServerPanic)) throw error;
  }
}

function finalizersOf(object: KubeObject): string[] {
  return list(object.metadata.finalizers).map((entry) => text(entry));
}

function setFinalizers(api: ApiServer, object: KubeObject, finalizers: readonly string[]): void {
  api.edit(object.kind, object, (copy) => {
    copy.metadata.finalizers = [...finalizers];
  });
}

/** Deletes what a federated Namespace holds; true once nothing is left. */
function emptied(api: ApiServer, space: string): boolean {
  const held = (): KubeObject[] => PROPAGATED.flatMap((kind) => (kind === 'Namespace' ? [] : api.all(kind, space)));
  for (const object of held()) {
    const type = api.type(object.kind);
    if (type !== undefined && object.metadata.deletionTimestamp === undefined)
      api.delete(type, space, object.metadata.name);
  }
  return held().length === 0;
}

/**
 * One look at a federated object that is being deleted: its copies go first, then its finalizer and with that the object. It
 * waits for every member, also for those that cannot be reached.
 */
function endDeleted(world: World, plane: Plane, ready: ReadonlyMap<string, ApiServer>, object: KubeObject): void {
  const { api, state } = plane;
  const { name, namespace } = object.metadata;
  const finalizers = finalizersOf(object);
  if (object.kind === 'Namespace') {
    if (!emptied(api, name)) return;
    if (isDict(object.spec) && object.spec.finalizers !== undefined) {
      api.edit('Namespace', object, (copy) => {
        copy.spec = {};
      });
      return;
    }
  }
  if (!finalizers.includes(DELETE_COPIES)) return;
  const rest = finalizers.filter((finalizer) => finalizer !== DELETE_COPIES && finalizer !== ORPHAN);
  if (!finalizers.includes(ORPHAN)) {
    const copies = [...ready.values()].filter((member) => member.find(object.kind, namespace, name) !== undefined);
    for (const member of copies) {
      const type = member.type(object.kind);
      if (type === undefined || member.find(object.kind, namespace, name)?.metadata.deletionTimestamp !== undefined)
        continue;
      try {
        member.delete(type, namespace, name);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
      }
    }
    if (copies.length > 0 || api.all('Cluster').some((member) => !ready.has(member.metadata.name))) return;
  }
  if (world.isHeld(state.name, object.kind, namespace, name)) return;
  setFinalizers(api, object, rest);
}

/** The ingresses of a federated Service by member, as its annotation has them. */
interface ServiceIngress {
  readonly cluster: string;
  readonly items: Json;
}

function ingressesOf(service: KubeObject): ServiceIngress[] {
  const written = service.metadata.annotations?.[INGRESSES] ?? '{}';
  return list(at(JSON.parse(written) as Json, 'items')).map((entry) => ({
    cluster: text(at(entry, 'cluster')),
    items: at(entry, 'items') ?? [],
  }));
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function noteIngresses(plane: Plane, ready: ReadonlyMap<string, ApiServer>, service: KubeObject): void {
  const { api } = plane;
  const { name, namespace } = service.metadata;
  const all: Json[] = [];
  const found: ServiceIngress[] = [];
  for (const [member, memberApi] of ready) {
    const items = list(at(memberApi.find('Service', namespace, name), 'status', 'loadBalancer', 'ingress'));
    all.push(...items);
    const healthy = list(memberApi.find('Endpoints', namespace, name)?.subsets).length > 0;
    if (items.length > 0 && healthy) found.push({ cluster: member, items: [...items] });
  }
  const away = api.all('Cluster').filter((member) => !ready.has(member.metadata.name));
  const before = ingressesOf(service);
  found.push(...before.filter(({ cluster }) => away.some((member) => member.metadata.name === cluster)));
  found.sort((a, b) => byText(a.cluster, b.cluster));
  all.sort((a, b) => byText(text(at(a, 'ip')), text(at(b, 'ip'))));
  const status: Dict = { loadBalancer: all.length > 0 ? { ingress: clone(all) } : {} };
  const changed = !same(before as unknown as Json, found as unknown as Json);
  if (same(service.status, status) && !changed) return;
  api.edit('Service', service, (copy) => {
    copy.status = status;
    if (!changed) return;
    const written = found.length > 0 ? JSON.stringify({ items: found }) : '{}';
    copy.metadata.annotations = { ...copy.metadata.annotations, [INGRESSES]: written };
  });
}

function propagate(world: World, plane: Plane, ready: ReadonlyMap<string, ApiServer>): void {
  const { api, state } = plane;
  for (const kind of PROPAGATED) {
    for (const object of api.all(kind)) {
      const { name, namespace, deletionTimestamp } = object.metadata;
      if (deletionTimestamp !== undefined) {
        endDeleted(world, plane, ready, object);
        continue;
      }
      if (world.isHeld(state.name, kind, namespace, name)) continue;
      const finalizers = finalizersOf(object);
      const missing = [DELETE_COPIES, ORPHAN].filter((finalizer) => !finalizers.includes(finalizer));
      if (missing.length > 0) setFinalizers(api, object, [...finalizers, ...missing]);
      const replicas =
        kind === 'Deployment'
          ? splitReplicas(
              num(at(object, 'spec', 'replicas'), 1),
              [...ready.keys()],
              object.metadata.annotations?.[PREFERENCES],
            )
          : undefined;
      for (const [member, memberApi] of ready) carry(memberApi, memberCopy(object, replicas?.get(member)));
    }
  }
  for (const deployment of api.all('Deployment')) {
    const { name, namespace } = deployment.metadata;
    // The federation sets no observedGeneration: a wait for it never ends.
    const sums: Dict = {};
    for (const field of ['replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas']) {
      const sum = [...ready.values()].reduce(
        (total, memberApi) => total + num(at(memberApi.find('Deployment', namespace, name), 'status', field)),
        0,
      );
      if (sum > 0) sums[field] = sum;
    }
    if (same(deployment.status, sums)) continue;
    api.edit('Deployment', deployment, (copy) => {
      copy.status = sums;
    });
  }
  for (const service of api.all('Service')) noteIngresses(plane, ready, service);
}

/**
 * The controller manager takes each port of a member's Service for one of the federated Service, by its place: where the
 * member has more, it ends in a panic, whenever it starts.
 */
function panics(plane: Plane, ready: ReadonlyMap<string, ApiServer>): boolean {
  return plane.api.all('Service').some((service) => {
    const { name, namespace, deletionTimestamp } = service.metadata;
    if (deletionTimestamp !== undefined) return false;
    const ports = list(at(service, 'spec', 'ports')).length;
    return [...ready.values()].some(
      (member) => list(at(member.find('Service', namespace, name), 'spec', 'ports')).length > ports,
    );
  });
}

/** `/skydns/com/example/…` of a name. */
export function skydnsPath(name: string): string {
  return `/skydns/${name.replace(/\.$/, '').split('.').reverse().join('/')}`;
}

function setRecords(store: EtcdStore, name: string, hosts: readonly string[]): void {
  const folder = `${skydnsPath(name)}/`;
  const wanted = new Map(
    hosts.map((host) => [
      folder + fnv(host).toString(16),
      JSON.stringify({ host, ttl: TTL, group: name.endsWith('.') ? name : `${name}.` }),
    ]),
  );
  for (const key of Object.keys(store.v2)) {
    if (key.startsWith(folder) && !key.slice(folder.length).includes('/') && !wanted.has(key))
      Reflect.deleteProperty(store.v2, key);
  }
  for (const [key, value] of wanted) store.v2[key] = value;
}

/** Where the DNS provider's configuration says that records go. */
function provider(plane: Plane): { readonly store: EtcdStore; readonly zone: string } | undefined {
  const { host, state } = plane;
  const manager = part(host, 'controller-manager');
  const zone = manager?.metadata.annotations?.['dns-zone-name'] ?? '';
  const secret = host.find('Secret', state.namespace, 'federation-dns-provider.conf');
  const file = unbase64(text(Object.values(dict(secret?.data))[0]));
  const setting = (name: string): string =>
    new RegExp(`^\\s*${name}\\s*=\\s*"?([^"\\n]*?)"?\\s*$`, 'm').exec(file)?.[1] ?? '';
  const bare = zone.replace(/\.$/, '');
  if (bare === '' || setting('zones').replace(/\.$/, '') !== bare) return undefined;
  const store = etcdAt(host, setting('etcd-endpoints').split(',')[0] ?? '');
  return store === undefined ? undefined : { store, zone: bare };
}

interface Place {
  readonly zone: string | undefined;
  readonly region: string | undefined;
}

/** The names of a Service at its three levels. */
function levels(
  plane: Plane,
  key: string,
  dnsZone: string,
  where: Place,
): { zone?: string; region?: string; world: string } {
  const [namespace = '', name = ''] = key.split('/');
  const stem = `${name}.${namespace}.${plane.state.name}.svc`;
  const { zone, region } = where;
  return {
    ...(zone !== undefined && region !== undefined ? { zone: `${stem}.${zone}.${region}.${dnsZone}` } : {}),
    ...(region !== undefined ? { region: `${stem}.${region}.${dnsZone}` } : {}),
    world: `${stem}.${dnsZone}`,
  };
}

function records(plane: Plane, ready: ReadonlyMap<string, ApiServer>, old: boolean): void {
  const { api, state } = plane;
  const { pod } = state.manager;
  const target = provider(plane);
  if (target === undefined) return;
  const { store, zone: dnsZone } = target;
  const joined = new Map(api.all('Cluster').map((member) => [member.metadata.name, member]));
  const orphans = Object.keys(state.recordsOf).filter(
    (name) => !joined.has(name) && (state.recordsOf[name]?.length ?? 0) > 0,
  );
  if (orphans.length > 0) {
    // An unjoined member's records stop the DNS controller until its process starts anew.
    state.blockedPod ??= pod;
    if (state.blockedPod === pod) return;
    state.blockedPod = undefined;
    for (const name of orphans) Reflect.deleteProperty(state.recordsOf, name);
    for (const entries of Object.values(state.ingresses))
      for (const name of orphans) Reflect.deleteProperty(entries, name);
  }
  const place = (name: string): Place => {
    const status = joined.get(name)?.status;
    const zone = text(at(status, 'zones', 0));
    const region = text(at(status, 'region'));
    return { zone: zone === '' ? undefined : zone, region: region === '' ? undefined : region };
  };
  const services = api
    .all('Service')
    .filter((service) => at(service, 'spec', 'type') === 'LoadBalancer')
    .filter((service) => old || service.metadata.deletionTimestamp === undefined);
  const keys = new Set(services.map((service) => `${text(service.metadata.namespace)}/${service.metadata.name}`));
  for (const key of [...keys].sort()) {
    const [namespace = '', name = ''] = key.split('/');
    const entries = (state.ingresses[key] ??= {});
    const deleted = api.find('Service', namespace, name)?.metadata.deletionTimestamp !== undefined;
    for (const [member, memberApi] of ready) {
      const service = memberApi.find('Service', namespace, name);
      const ips = list(at(service, 'status', 'loadBalancer', 'ingress')).map((entry) => text(at(entry, 'ip')));
      const healthy = list(memberApi.find('Endpoints', namespace, name)?.subsets).length > 0;
      entries[member] = { ips, healthy };
      if (ips.length === 0) continue;
      const mine = (state.recordsOf[member] ??= []);
      if (!mine.includes(key)) mine.push(key);
    }
    const alive = Object.entries(entries).filter(([member]) => joined.has(member));
    const healthyIps = (fits: (where: Place) => boolean): string[] =>
      alive.flatMap(([member, entry]) => (entry.healthy && fits(place(member)) ? entry.ips : []));
    const everywhere = healthyIps(() => true);
    // Recorded: where no member is healthy any more, nothing is touched; nor is anything for a Service that is gone.
    if (old && everywhere.length === 0) continue;
    if (old && deleted) {
      for (const [member] of alive.filter(([, entry]) => entry.healthy)) {
        const names = levels(plane, key, dnsZone, place(member));
        if (names.zone !== undefined && names.region !== undefined) setRecords(store, names.zone, [names.region]);
        if (names.region !== undefined) setRecords(store, names.region, [names.world]);
        setRecords(store, names.world, []);
      }
      continue;
    }
    const any = alive.some(([, entry]) => entry.ips.length > 0);
    for (const [member, entry] of alive) {
      const names = levels(plane, key, dnsZone, place(member));
      // Where the address is gone altogether, nobody touches the zone's and the region's records any more.
      if (entry.ips.length === 0) continue;
      if (names.zone !== undefined && names.region !== undefined) {
        setRecords(store, names.zone, entry.healthy ? entry.ips : [names.region]);
      }
      if (names.region !== undefined) {
        const regional = healthyIps((where) => where.region === place(member).region);
        setRecords(store, names.region, regional.length > 0 ? regional : [names.world]);
      }
    }
    if (any || everywhere.length > 0 || Object.keys(entries).length > 0) {
      setRecords(store, levels(plane, key, dnsZone, { zone: undefined, region: undefined }).world, everywhere);
    }
  }
  for (const key of Object.keys(state.ingresses).filter((found) => !keys.has(found))) {
    if (!old) {
      const [namespace = '', name = ''] = key.split('/');
      const ips = Object.entries(state.ingresses[key] ?? {}).flatMap(([member, entry]) =>
        joined.has(member) ? entry.ips : [],
      );
      const group = `${name}.${namespace}.${state.name}.svc.`;
      for (const [path, value] of Object.entries(store.v2)) {
        const record = JSON.parse(value) as Dict;
        if (!text(record.group).startsWith(group)) continue;
        if (ips.includes(text(record.host))) Reflect.deleteProperty(store.v2, path);
      }
    }
    Reflect.deleteProperty(state.ingresses, key);
    for (const member of Object.keys(state.recordsOf)) {
      if (joined.has(member))
        state.recordsOf[member] = (state.recordsOf[member] ?? []).filter((found) => found !== key);
    }
  }
}

/** One round of the federation's own controllers. */
export function reconcileFederation(world: World): void {
  findPlane(world);
  const { federation } = world.state;
  const cluster = federation === undefined ? undefined : world.state.clusters[federation.name];
  const hostState = federation === undefined ? undefined : world.state.clusters[federation.host];
  if (federation === undefined || cluster === undefined || hostState === undefined || !cluster.online) return;
  const host = new ApiServer(hostState, world);
  const deployment = part(host, 'controller-manager');
  const labels = strings(at(deployment, 'spec', 'selector', 'matchLabels'));
  const pod = host.all('Pod', federation.namespace).find((found) => picks(labels, found.metadata.labels));
  const { manager } = federation;
  if (pod === undefined || !(isReady(pod) || manager.crashes)) return;
  if (manager.pod !== pod.metadata.uid) {
    manager.pod = pod.metadata.uid;
    manager.tokens = {};
  }
  const plane: Plane = { state: federation, host, api: new ApiServer(cluster, world) };
  const ready = members(world, plane);
  const crashes = panics(plane, ready);
  if (manager.crashes !== crashes) {
    manager.crashes = crashes;
    world.changed(hostState, `${crashes ? 'panic of' : 'start of'} ${hostState.name} pods ${pod.metadata.name}`);
  }
  if (crashes) return;
  records(plane, ready, !atLeast(world.kubefedVersion, '1.10.0'));
  propagate(world, plane, ready);
}
