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
import { ApiError, ApiServer } from './objects';
import { hostPort } from './target';
import type { ClusterState, FederationState } from './types';
import type { World } from './world';

export const FEDERATION_NAME = 'federation.alpha.kubernetes.io/federation-name';
export const CLUSTER_NAME = 'federation.alpha.kubernetes.io/cluster-name';
export const PREFERENCES = 'federation.kubernetes.io/deployment-preferences';
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
    state.federation = { name, host: cluster.name, namespace, dataUid, recordsOf: {}, ingresses: {}, propagated: [] };
    // Its image is of kubefed's own version.
    state.clusters[name] = federationCluster(name, where, ca, world.options.kubefedVersion ?? '1.7.3');
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

/** The member cluster that a Cluster object stands for, where the control plane can reach it with its credentials. */
function reachable(
  world: World,
  plane: Plane,
  member: KubeObject,
  byServer: ReadonlyMap<string, ClusterState>,
): ApiServer | undefined {
  const cluster = byServer.get(hostPort(text(at(member, 'spec', 'serverAddressByClientCIDRs', 0, 'serverAddress'))));
  if (!cluster?.online) return undefined;
  const secret = plane.host.find('Secret', plane.state.namespace, text(at(member, 'spec', 'secretRef', 'name')));
  const token = text(at(secret, 'data', 'token'));
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
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), ...(labels === undefined ? {} : { labels }) },
  });
  const kept = Object.entries(annotations ?? {}).filter(
    ([key]) => !key.startsWith('federation.') && !key.startsWith('kubectl.'),
  );
  if (kept.length > 0) copy.metadata.annotations = Object.fromEntries(kept);
  delete copy.status;
  if (object.kind === 'Namespace') delete copy.spec;
  if (object.kind === 'Deployment' && isDict(copy.spec)) copy.spec.replicas = replicas ?? 0;
  if (object.kind === 'Service' && isDict(copy.spec)) {
    delete copy.spec.clusterIP;
    for (const port of list(copy.spec.ports)) if (isDict(port)) delete port.nodePort;
  }
  return copy;
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
    const fits = (['spec', 'data', 'type'] as const).every((field) => covers(present[field], wanted[field]));
    const labels = covers(present.metadata.labels, wanted.metadata.labels);
    const annotations = covers(present.metadata.annotations, wanted.metadata.annotations);
    if (fits && labels && annotations) return;
    const merged = mergePatch(present, wanted) as KubeObject;
    api.update(type, merged, { manager: 'federation-controller-manager' });
  } catch (error) {
    // What the member refuses is tried again with the next change, as the real controllers do.
    if (!(error instanceof ApiError)) throw error;
  }
}

function mark(object: KubeObject): string {
  return `${object.kind}|${text(object.metadata.namespace)}|${object.metadata.name}`;
}

function propagate(world: World, plane: Plane, ready: Map<string, ApiServer>): void {
  const { api, state } = plane;
  const present: string[] = [];
  for (const kind of PROPAGATED) {
    for (const object of api.all(kind)) {
      present.push(mark(object));
      if (world.isHeld(state.name, kind, object.metadata.namespace, object.metadata.name)) continue;
      const replicas =
        kind === 'Deployment'
          ? splitReplicas(
              num(at(object, 'spec', 'replicas'), 1),
              [...ready.keys()],
              object.metadata.annotations?.[PREFERENCES],
            )
          : undefined;
      for (const [name, memberApi] of ready) carry(memberApi, memberCopy(object, replicas?.get(name)));
    }
  }
  for (const gone of state.propagated.filter((entry) => !present.includes(entry))) {
    const [kind = '', namespace = '', name = ''] = gone.split('|');
    for (const memberApi of ready.values()) {
      const type = memberApi.type(kind);
      const space = namespace === '' ? undefined : namespace;
      if (type === undefined || memberApi.get(type, space, name) === undefined) continue;
      try {
        memberApi.delete(type, space, name);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
      }
    }
  }
  if (!same(state.propagated, present)) state.propagated = present;
  for (const deployment of api.all('Deployment')) {
    const { name, namespace } = deployment.metadata;
    const sums: Dict = { observedGeneration: num(deployment.metadata.generation, 1) };
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
  for (const service of api.all('Service')) {
    const ingress = [...ready.keys()]
      .sort()
      .flatMap((name) =>
        list(
          at(
            ready.get(name)?.find('Service', service.metadata.namespace, service.metadata.name),
            'status',
            'loadBalancer',
            'ingress',
          ),
        ),
      );
    const status: Dict = { loadBalancer: ingress.length > 0 ? { ingress: clone(ingress) } : {} };
    if (same(service.status, status)) continue;
    api.edit('Service', service, (copy) => {
      copy.status = status;
    });
  }
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

function records(plane: Plane, ready: Map<string, ApiServer>): void {
  const { api, state, host } = plane;
  const manager = part(host, 'controller-manager');
  const pod = manager === undefined ? undefined : partPod(host, manager);
  const target = provider(plane);
  if (pod === undefined || target === undefined) return;
  const { store, zone: dnsZone } = target;
  const joined = new Map(api.all('Cluster').map((member) => [member.metadata.name, member]));
  const orphans = Object.keys(state.recordsOf).filter(
    (name) => !joined.has(name) && (state.recordsOf[name]?.length ?? 0) > 0,
  );
  if (orphans.length > 0) {
    // An unjoined member's records stop the DNS controller until its process starts anew.
    state.blockedPod ??= pod.metadata.uid;
    if (state.blockedPod === pod.metadata.uid) return;
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
  const services = api.all('Service').filter((service) => at(service, 'spec', 'type') === 'LoadBalancer');
  const keys = new Set(services.map((service) => `${text(service.metadata.namespace)}/${service.metadata.name}`));
  for (const key of [...keys].sort()) {
    const [namespace = '', name = ''] = key.split('/');
    const entries = (state.ingresses[key] ??= {});
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
  const manager = part(host, 'controller-manager');
  if (manager === undefined || !host.all('Pod', federation.namespace).some((pod) => isManagers(pod, manager))) return;
  const plane: Plane = { state: federation, host, api: new ApiServer(cluster, world) };
  const ready = members(world, plane);
  propagate(world, plane, ready);
  records(plane, ready);
}

function isManagers(pod: KubeObject, manager: KubeObject): boolean {
  return isReady(pod) && picks(strings(at(manager, 'spec', 'selector', 'matchLabels')), pod.metadata.labels);
}
