/** What an API server says that it serves: `/api`, `/apis`, a group, and the types of one group and version. */
import { type Dict, type Json, at, list, text } from './json';
import type { ApiServer } from './objects';
import { type ResourceType, groupOf, typesOf } from './resources';

/** The order in which API servers list their groups; custom groups come after these. */
const GROUPS = [
  'federation',
  'apiregistration.k8s.io',
  'extensions',
  'apps',
  'events.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'autoscaling',
  'batch',
  'certificates.k8s.io',
  'networking.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'settings.k8s.io',
  'storage.k8s.io',
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'scheduling.k8s.io',
  'coordination.k8s.io',
  'node.k8s.io',
  'discovery.k8s.io',
  'resource.k8s.io',
  'flowcontrol.apiserver.k8s.io',
];

const CHANGES = ['get', 'patch', 'update'];
const CALLS = ['create', 'delete', 'get', 'patch', 'update'];

const WITH_STATUS = new Set([
  'namespaces',
  'nodes',
  'persistentvolumeclaims',
  'persistentvolumes',
  'pods',
  'replicationcontrollers',
  'resourcequotas',
  'services',
  'daemonsets',
  'deployments',
  'ingresses',
  'replicasets',
  'statefulsets',
  'jobs',
  'cronjobs',
  'horizontalpodautoscalers',
  'poddisruptionbudgets',
  'certificatesigningrequests',
  'customresourcedefinitions',
  'apiservices',
  'validatingadmissionpolicies',
  'servicecidrs',
  'volumeattachments',
  'resourceclaims',
  'flowschemas',
  'prioritylevelconfigurations',
]);

/** Types whose short names and categories 1.7 does not list yet. */
const LISTED_LATE = new Set(['services', 'networkpolicies', 'customresourcedefinitions', 'storageclasses']);

function served(api: ApiServer, version: string): readonly ResourceType[] {
  return typesOf(api.cluster).filter((type) => type.versions.includes(version));
}

/** The parts of a type that have paths of their own, such as `pods/log`. */
function subresources(api: ApiServer, { plural, namespaced, kind }: ResourceType, version: string): Dict[] {
  const federation = api.cluster.type === 'federation';
  const modern = api.atLeast('1.10.0');
  const part = (name: string, verbs: readonly string[], more: Dict = {}): Dict => ({
    name: `${plural}/${name}`,
    singularName: '',
    namespaced,
    ...more,
    kind: text(more.kind, kind),
    verbs: [...verbs],
  });
  // Since 1.10 the parts that carry options have kinds and verbs of their own.
  const options = (name: string, optionsKind: string, verbs: readonly string[]): Dict =>
    modern ? part(name, verbs, { kind: optionsKind }) : part(name, []);
  const parts: Dict[] = [];
  if (WITH_STATUS.has(plural)) parts.push(part('status', CHANGES));
  if (plural === 'clusters') parts.push(part('status', ['update']));
  const scaled =
    plural === 'statefulsets' ? api.atLeast('1.8.0') : /^(deployments|replica(sets|tioncontrollers))$/.test(plural);
  if (scaled) {
    const [group = '', release = ''] = modern ? ['autoscaling', 'v1'] : version.split('/');
    const told = (modern || federation) && group !== 'v1';
    parts.push(part('scale', CHANGES, { ...(told ? { group, version: release } : {}), kind: 'Scale' }));
  }
  if (plural === 'deployments' && /beta1$/.test(version)) {
    parts.push(part('rollback', ['create'], { kind: 'DeploymentRollback' }));
  }
  if (plural === 'certificatesigningrequests')
    parts.push(part('approval', api.atLeast('1.19.0') ? CHANGES : ['update']));
  if (plural === 'namespaces') parts.push(part('finalize', ['update']));
  if (plural === 'nodes') parts.push(options('proxy', 'NodeProxyOptions', CALLS));
  if (plural === 'services' && !federation) parts.push(options('proxy', 'ServiceProxyOptions', CALLS));
  if (plural === 'serviceaccounts' && api.atLeast('1.20.0')) {
    const token = { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' };
    parts.push(part('token', ['create'], token));
  }
  if (plural === 'pods') {
    const eviction = api.atLeast('1.22.0') ? { group: 'policy', version: 'v1' } : {};
    parts.push(
      options('attach', 'PodAttachOptions', ['create', 'get']),
      part('binding', ['create'], { kind: 'Binding' }),
      part('eviction', ['create'], { ...eviction, kind: 'Eviction' }),
      options('exec', 'PodExecOptions', ['create', 'get']),
      part('log', ['get']),
      options('portforward', 'PodPortForwardOptions', ['create', 'get']),
      options('proxy', 'PodProxyOptions', CALLS),
    );
    if (api.atLeast('1.25.0')) parts.push(part('ephemeralcontainers', CHANGES));
    if (api.atLeast('1.33.0')) parts.push(part('resize', CHANGES));
  }
  return parts;
}

/** The parts that a definition of custom resources asks for. */
function customParts(api: ApiServer, type: ResourceType, version: string): Dict[] {
  const definition = api.find('CustomResourceDefinition', undefined, `${type.plural}.${groupOf(version)}`);
  const own = list(at(definition?.spec, 'versions')).find(
    (item) => `${groupOf(version)}/${text(at(item, 'name'))}` === version,
  );
  const asked = at(own, 'subresources') ?? at(definition?.spec, 'subresources');
  const part = (name: string, more: Dict): Dict => ({
    name: `${type.plural}/${name}`,
    singularName: '',
    namespaced: type.namespaced,
    ...more,
    verbs: CHANGES,
  });
  return [
    ...(at(asked, 'status') === undefined ? [] : [part('status', { kind: type.kind })]),
    ...(at(asked, 'scale') === undefined
      ? []
      : [part('scale', { group: 'autoscaling', version: 'v1', kind: 'Scale' })]),
  ];
}

/** The verbs as this server lists them. */
function verbs(api: ApiServer, type: ResourceType): Json[] {
  const federation = api.cluster.type === 'federation';
  if (type.plural === 'services' && !federation && !api.atLeast('1.23.0')) {
    return servesProxy(
      type,
      api,
      type.verbs.filter((verb) => verb !== 'deletecollection'),
    );
  }
  return servesProxy(type, api, type.verbs);
}

/** Up to 1.9 `proxy` is a verb of what has a proxy. */
function servesProxy(type: ResourceType, api: ApiServer, listed: readonly string[]): Json[] {
  const proxied = ['nodes', 'pods', 'services'].includes(type.plural) && api.cluster.type !== 'federation';
  return proxied && !api.atLeast('1.10.0') ? [...listed, 'proxy'].sort() : [...listed];
}

function listed(api: ApiServer, type: ResourceType): Dict {
  const early = api.cluster.type !== 'federation' && !api.atLeast('1.8.0');
  const late = early && LISTED_LATE.has(type.plural);
  const short = type.plural === 'customresourcedefinitions' && !early ? [...type.short, 'crds'] : type.short;
  const categories = early && type.plural === 'daemonsets' ? [] : type.categories;
  return {
    name: type.plural,
    // Built-in types tell their singular since 1.27.
    singularName: type.custom || api.atLeast('1.27.0') ? type.singular : '',
    namespaced: type.namespaced,
    kind: type.kind,
    verbs: verbs(api, type),
    ...(short.length === 0 || late ? {} : { shortNames: [...short] }),
    ...(categories.length === 0 || late ? {} : { categories: [...categories] }),
  };
}

/** `/api/v1`, `/apis/apps/v1`; undefined where the server does not serve that group and version. */
export function resourceList(api: ApiServer, version: string): Dict | undefined {
  const types = served(api, version);
  if (types.length === 0) return undefined;
  const resources = types.flatMap((type) => [
    listed(api, type),
    ...(type.custom ? customParts(api, type, version) : subresources(api, type, version)),
  ]);
  if (version === 'extensions/v1beta1' && api.cluster.type === 'kubernetes') {
    const odd = { singularName: '', namespaced: true };
    resources.push(
      { name: 'replicationcontrollers', ...odd, kind: 'ReplicationControllerDummy', verbs: [] },
      { name: 'replicationcontrollers/scale', ...odd, kind: 'Scale', verbs: CHANGES },
    );
  }
  if (types.every((type) => !type.custom)) resources.sort((a, b) => (text(a.name) < text(b.name) ? -1 : 1));
  // The oldest two do not tell their own version.
  const told = version === 'v1' || version === 'extensions/v1beta1' ? {} : { apiVersion: 'v1' };
  return { kind: 'APIResourceList', ...told, groupVersion: version, resources };
}

/** The versions of a group, the preferred one first; none where the server does not serve the group. */
function versionsOf(api: ApiServer, group: string): Dict[] {
  const names = new Set<string>();
  for (const type of typesOf(api.cluster)) {
    for (const version of type.versions) if (groupOf(version) === group) names.add(version);
  }
  return [...names].map((groupVersion) => ({ groupVersion, version: groupVersion.slice(group.length + 1) }));
}

function addresses(server: string): Json {
  return [{ clientCIDR: '0.0.0.0/0', serverAddress: server }];
}

function group(api: ApiServer, name: string, server: string): Dict | undefined {
  const versions = versionsOf(api, name);
  if (versions.length === 0) return undefined;
  const federation = api.cluster.type === 'federation';
  const where: Dict = federation
    ? { serverAddressByClientCIDRs: addresses(server) }
    : api.atLeast('1.10.0')
      ? {}
      : { serverAddressByClientCIDRs: null };
  return { name, versions, preferredVersion: versions[0], ...where };
}

/** `/apis` */
export function groupList(api: ApiServer, server: string): Dict {
  const names = new Set(typesOf(api.cluster).flatMap((type) => type.versions.map(groupOf)));
  names.delete('');
  const order = (name: string): number => (GROUPS.includes(name) ? GROUPS.indexOf(name) : GROUPS.length);
  const groups = [...names].sort((a, b) => order(a) - order(b)).map((name) => group(api, name, server) ?? null);
  const told = api.cluster.type === 'federation' ? {} : { apiVersion: 'v1' };
  return { kind: 'APIGroupList', ...told, groups };
}

/** `/apis/<group>` */
export function groupNamed(api: ApiServer, name: string, server: string): Dict | undefined {
  const found = group(api, name, server);
  return found === undefined ? undefined : { kind: 'APIGroup', apiVersion: 'v1', ...found };
}

/** `/api` */
export function coreVersions(server: string): Dict {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: addresses(server) };
}

/** Whether a group is one of the server's own, in whatever version. */
export function isBuiltIn(api: ApiServer, name: string): boolean {
  return typesOf(api.cluster).some(
    (type) => !type.custom && type.versions.some((version) => groupOf(version) === name),
  );
}
