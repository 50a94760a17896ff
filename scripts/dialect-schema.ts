/**
 * Makes `lib/dialect/schema.json`: which kinds and fields each minor version of Kubernetes serves.
 *
 * Run by `npm run dialect`. Sources: the published OpenAPI documents of 1.7 to 1.13 (npm `kubernetes-client@6`), the
 * types of 1.25 that cdk8s-plus-25 carries, and for what came between those two the table {@link SINCE}.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { BASE_MINOR, DialectSchema, FieldEntry } from '../lib/dialect/types';

/** `[first, last]` minor version. */
type Span = readonly [number, number];

const FIRST_DOCUMENT = 7;
const LAST_DOCUMENT = 13;
const TYPED_MINOR = 25;

/** The minor version that brought a field or an API version, for what is in 1.25 and not yet in 1.13. */
const SINCE: Readonly<Record<string, number>> = {
  'admissionregistration.v1': 16,
  'apiextensions.v1': 16,
  'apps.v1.RollingUpdateDaemonSet.maxSurge': 21,
  'apps.v1.RollingUpdateStatefulSetStrategy.maxUnavailable': 24,
  'apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy': 23,
  'apps.v1.StatefulSetSpec.minReadySeconds': 22,
  'apps.v1.StatefulSetSpec.persistentVolumeClaimRetentionPolicy': 23,
  'autoscaling.v2': 23,
  'autoscaling.v2beta2.HPAScalingPolicy': 18,
  'autoscaling.v2beta2.HPAScalingRules': 18,
  'autoscaling.v2beta2.HorizontalPodAutoscalerBehavior': 18,
  'autoscaling.v2beta2.HorizontalPodAutoscalerSpec.behavior': 18,
  'batch.v1.CronJob': 21,
  'batch.v1.CronJobList': 21,
  'batch.v1.CronJobSpec': 21,
  'batch.v1.JobTemplateSpec': 21,
  'batch.v1.JobSpec.completionMode': 21,
  'batch.v1.JobSpec.suspend': 21,
  'certificates.v1': 19,
  'coordination.v1': 14,
  'core.v1.CSIPersistentVolumeSource.controllerExpandSecretRef': 14,
  'core.v1.CSIVolumeSource': 15,
  'core.v1.ConfigMap.immutable': 18,
  'core.v1.Container.startupProbe': 16,
  'core.v1.EndpointPort.appProtocol': 18,
  'core.v1.EphemeralContainer': 16,
  'core.v1.EphemeralVolumeSource': 19,
  'core.v1.GRPCAction': 23,
  'core.v1.NodeSpec.podCIDRs': 16,
  'core.v1.PersistentVolumeClaimSpec.dataSourceRef': 22,
  'core.v1.PersistentVolumeClaimTemplate': 19,
  'core.v1.PodAffinityTerm.namespaceSelector': 21,
  'core.v1.PodOS': 23,
  'core.v1.PodSecurityContext.fsGroupChangePolicy': 18,
  'core.v1.PodSecurityContext.seccompProfile': 19,
  'core.v1.PodSecurityContext.windowsOptions': 14,
  'core.v1.PodSpec.ephemeralContainers': 16,
  'core.v1.PodSpec.hostUsers': 25,
  'core.v1.PodSpec.os': 23,
  'core.v1.PodSpec.overhead': 16,
  'core.v1.PodSpec.preemptionPolicy': 15,
  'core.v1.PodSpec.setHostnameAsFQDN': 19,
  'core.v1.PodSpec.topologySpreadConstraints': 16,
  'core.v1.Probe.grpc': 23,
  'core.v1.Probe.terminationGracePeriodSeconds': 20,
  'core.v1.SeccompProfile': 19,
  'core.v1.Secret.immutable': 18,
  'core.v1.SecurityContext.seccompProfile': 19,
  'core.v1.SecurityContext.windowsOptions': 14,
  'core.v1.ServicePort.appProtocol': 18,
  'core.v1.ServiceSpec.allocateLoadBalancerNodePorts': 20,
  'core.v1.ServiceSpec.clusterIPs': 20,
  'core.v1.ServiceSpec.internalTrafficPolicy': 21,
  'core.v1.ServiceSpec.ipFamilies': 20,
  'core.v1.ServiceSpec.ipFamilyPolicy': 20,
  'core.v1.ServiceSpec.loadBalancerClass': 21,
  'core.v1.TopologySpreadConstraint': 16,
  'core.v1.Volume.csi': 15,
  'core.v1.Volume.ephemeral': 19,
  'core.v1.VolumeMount.subPathExpr': 14,
  'core.v1.WindowsSecurityContextOptions': 14,
  'discovery.v1': 21,
  'events.v1': 19,
  'meta.v1.ManagedFieldsEntry': 16,
  'meta.v1.ObjectMeta.managedFields': 16,
  'networking.v1.HTTPIngressPath': 19,
  'networking.v1.HTTPIngressRuleValue': 19,
  'networking.v1.Ingress': 19,
  'networking.v1.IngressBackend': 19,
  'networking.v1.IngressClass': 19,
  'networking.v1.IngressClassParametersReference': 19,
  'networking.v1.IngressClassSpec': 19,
  'networking.v1.IngressRule': 19,
  'networking.v1.IngressServiceBackend': 19,
  'networking.v1.IngressSpec': 19,
  'networking.v1.IngressTLS': 19,
  'networking.v1.NetworkPolicyPort.endPort': 21,
  'networking.v1.ServiceBackendPort': 19,
  'node.v1': 20,
  'policy.v1': 21,
  'scheduling.v1': 14,
  'storage.v1.CSIDriver': 18,
  'storage.v1.CSIDriverSpec': 18,
  'storage.v1.CSINode': 17,
  'storage.v1.CSINodeDriver': 17,
  'storage.v1.CSINodeSpec': 17,
  'storage.v1.CSIStorageCapacity': 24,
};

/** The last minor version that serves an API version (or one kind of it), for what has left. */
const UNTIL: Readonly<Record<string, number>> = {
  'admissionregistration.k8s.io/v1beta1': 21,
  'apiextensions.k8s.io/v1beta1': 21,
  'apiregistration.k8s.io/v1beta1': 21,
  'apps/v1beta1': 15,
  'apps/v1beta2': 15,
  'authentication.k8s.io/v1beta1': 21,
  'authorization.k8s.io/v1beta1': 21,
  'autoscaling/v2beta1': 24,
  'autoscaling/v2beta2': 25,
  'batch/v1beta1': 24,
  'certificates.k8s.io/v1beta1': 21,
  'coordination.k8s.io/v1beta1': 21,
  'events.k8s.io/v1beta1': 24,
  'extensions/v1beta1': 15,
  'extensions/v1beta1/Ingress': 21,
  'extensions/v1beta1/ThirdPartyResource': 7,
  'policy/v1beta1': 24,
  'rbac.authorization.k8s.io/v1beta1': 21,
  'scheduling.k8s.io/v1beta1': 21,
  'storage.k8s.io/v1beta1': 21,
  'storage.k8s.io/v1beta1/CSIStorageCapacity': 26,
};

/** Kinds that came after 1.13 as 1.25's types name them, by the group that their API version carries. */
const GROUPS: Readonly<Record<string, string>> = {
  admissionregistration: 'admissionregistration.k8s.io',
  apiextensions: 'apiextensions.k8s.io',
  certificates: 'certificates.k8s.io',
  coordination: 'coordination.k8s.io',
  discovery: 'discovery.k8s.io',
  events: 'events.k8s.io',
  networking: 'networking.k8s.io',
  node: 'node.k8s.io',
  scheduling: 'scheduling.k8s.io',
  storage: 'storage.k8s.io',
};

/** API versions that are served earlier than the documents, which leave out what extension servers serve, show them. */
const SERVED_SINCE: Readonly<Record<string, number>> = {
  'apiextensions.k8s.io/v1beta1/CustomResourceDefinition': 7,
  'apiregistration.k8s.io/v1beta1/APIService': 7,
  'apiregistration.k8s.io/v1/APIService': 10,
};

/** Types that are served before a document has them, all but the field that truly came with that document. */
const UNPUBLISHED = { types: 'apiextensions.v1beta1.', since: 7, published: 8, later: 'validation' } as const;

/**
 * Kinds that came after 1.13 and left before 1.25, so that neither source has them. Where they look like another kind,
 * its type judges their fields; without one their fields are not judged.
 */
const IN_BETWEEN: Readonly<Record<string, { span: Span; type?: string }>> = {
  'discovery.k8s.io/v1beta1/EndpointSlice': { span: [17, 24] },
  'flowcontrol.apiserver.k8s.io/v1beta1/FlowSchema': { span: [20, 25] },
  'flowcontrol.apiserver.k8s.io/v1beta1/PriorityLevelConfiguration': { span: [20, 25] },
  'flowcontrol.apiserver.k8s.io/v1beta2/FlowSchema': { span: [23, 28] },
  'flowcontrol.apiserver.k8s.io/v1beta2/PriorityLevelConfiguration': { span: [23, 28] },
  'networking.k8s.io/v1beta1/Ingress': { span: [14, 21], type: 'extensions.v1beta1.Ingress' },
  'networking.k8s.io/v1beta1/IngressClass': { span: [18, 21] },
  'node.k8s.io/v1beta1/RuntimeClass': { span: [14, 24] },
  'storage.k8s.io/v1beta1/CSIDriver': { span: [14, 21] },
  'storage.k8s.io/v1beta1/CSINode': { span: [14, 21] },
};

/** Fields of such kinds, likewise. */
const FIELDS_IN_BETWEEN: Readonly<Record<string, number>> = {
  'extensions.v1beta1.HTTPIngressPath.pathType': 18,
  'extensions.v1beta1.IngressBackend.resource': 18,
  'extensions.v1beta1.IngressSpec.ingressClassName': 18,
};

/**
 * Fields that a document shows before the server acts on them: until the version named here they belong to an alpha feature
 * that is off unless somebody switches it on, and the server drops them without a word. By the table of feature gates in
 * Kubernetes' reference; what is decided between two supported versions, or ended before 1.29, is left out.
 */
export const SWITCHED_ON: Readonly<Record<string, number>> = {
  'core.v1.SecurityContext.runAsGroup': 14,
  'core.v1.PodSecurityContext.runAsGroup': 14,
  'core.v1.SecurityContext.procMount': 33,
  'core.v1.SecurityContext.windowsOptions': 16,
  'core.v1.PodSecurityContext.windowsOptions': 16,
  'core.v1.PodSpec.dnsConfig': 10,
  'core.v1.PodSpec.hostUsers': 33,
  'core.v1.PodSpec.preemptionPolicy': 19,
  'core.v1.PodSpec.priority': 11,
  'core.v1.PodSpec.priorityClassName': 11,
  'core.v1.PodSpec.readinessGates': 12,
  'core.v1.PodSpec.runtimeClassName': 14,
  'core.v1.PodSpec.shareProcessNamespace': 12,
  'core.v1.Container.volumeDevices': 13,
  'core.v1.EmptyDirVolumeSource.sizeLimit': 10,
  'core.v1.PersistentVolumeClaimSpec.dataSource': 17,
  'core.v1.PersistentVolumeClaimSpec.volumeMode': 13,
  'core.v1.PersistentVolumeSpec.volumeMode': 13,
  'core.v1.Volume.csi': 16,
  'core.v1.VolumeMount.mountPropagation': 10,
  'core.v1.VolumeMount.subPathExpr': 15,
  'core.v1.VolumeProjection.serviceAccountToken': 12,
  'batch.v1.JobSpec.ttlSecondsAfterFinished': 21,
  'storage.v1.StorageClass.allowVolumeExpansion': 11,
  'storage.v1beta1.StorageClass.allowVolumeExpansion': 11,
  'storage.v1.StorageClass.volumeBindingMode': 10,
  'storage.v1beta1.StorageClass.volumeBindingMode': 10,
};

/** Kinds that live in a namespace and came after the last document. */
const NAMESPACED_SINCE = ['CSIStorageCapacity', 'EndpointSlice'];

interface Definition {
  $ref?: string;
  properties?: Record<string, Property>;
  'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[];
}
interface Property {
  $ref?: string;
  items?: Property;
  additionalProperties?: Property;
}

/** One name for a definition over all versions: `core.v1.PodSpec`. */
export function shortName(name: string): string {
  return name
    .replace(/^#\/definitions\//, '')
    .replace(/^io\.k8s\.(kubernetes\.pkg\.api\.v1|api\.core\.v1)\./, 'core.v1.')
    .replace(/^io\.k8s\.(kubernetes\.pkg\.apis|api|apimachinery\.pkg\.apis|[a-z-]+\.pkg\.apis)\./, '');
}

/** `core.v1.PodSpec.os` is the field `os` of `core.v1.PodSpec`. */
export function ownerAndField(path: string): [owner: string, field: string] {
  const end = path.lastIndexOf('.');
  return [path.slice(0, end), path.slice(end + 1)];
}

/** What a property holds, where that has fields of its own; lists and maps by what is in them. */
function held(property: Property): { type?: string; map?: true } {
  if (property.$ref !== undefined) return { type: shortName(property.$ref) };
  if (property.additionalProperties) return { ...held(property.additionalProperties), map: true };
  return property.items ? held(property.items) : {};
}

interface Document {
  definitions: Record<string, Definition>;
  paths: Record<string, { post?: { 'x-kubernetes-group-version-kind'?: { kind: string } } }>;
}

function readDocument(minor: number): Document {
  const file = join(require.resolve('kubernetes-client/package.json'), '..', `lib/specs/swagger-1.${minor}.json.gz`);
  return JSON.parse(gunzipSync(readFileSync(file)).toString()) as Document;
}

interface Field {
  since: number;
  until?: number;
  type?: string;
  map?: true;
  earlier?: { until: number; type: string }[];
}
type Fields = Map<string, Field>;

/** The schema, out of its sources: the same sources give the same schema. */
export function dialectSchema(): DialectSchema {
  const types = new Map<string, Fields>();
  const kinds = new Map<string, { type: string; since: number }>();

  // No kind has ever moved into a namespace or out of one: its name tells, whatever the API version.
  const namespaced = new Set(NAMESPACED_SINCE);

  for (let minor = FIRST_DOCUMENT; minor <= LAST_DOCUMENT; minor++) {
    const { definitions, paths } = readDocument(minor);
    for (const [path, { post }] of Object.entries(paths)) {
      const kind = post?.['x-kubernetes-group-version-kind']?.kind;
      if (kind !== undefined && /\/namespaces\/\{namespace\}\/[a-z]+$/.test(path)) namespaced.add(kind);
    }
    for (const [name, definition] of Object.entries(definitions)) {
      if (definition.$ref !== undefined || /alpha/.test(name)) continue;
      const short = shortName(name);
      const fields: Fields = types.get(short) ?? (new Map() as Fields);
      types.set(short, fields);
      for (const [field, property] of Object.entries(definition.properties ?? {})) {
        const entry = fields.get(field);
        const { type } = held(property);
        if (entry === undefined) fields.set(field, { since: minor, ...held(property) });
        else if (entry.type !== undefined && type !== undefined && type !== entry.type) {
          (entry.earlier ??= []).push({ until: minor - 1, type: entry.type });
          entry.type = type;
        }
      }
      for (const [field, entry] of fields) {
        if (!(field in (definition.properties ?? {}))) entry.until ??= minor - 1;
      }
      for (const { group, version, kind } of definition['x-kubernetes-group-version-kind'] ?? []) {
        const key = `${group === '' ? '' : `${group}/`}${version}/${kind}`;
        const isObject = ['metadata', 'apiVersion', 'kind'].every((f) => f in (definition.properties ?? {}));
        if (isObject && !kind.endsWith('List') && !kinds.has(key)) kinds.set(key, { type: short, since: minor });
      }
    }
  }

  // What the newest document describes without fields is a value of its own, such as a piece of JSON or of a schema: the
  // older documents' fields are those of the server's code, never of what is sent.
  for (const [name, { properties, $ref }] of Object.entries(readDocument(LAST_DOCUMENT).definitions)) {
    if (properties === undefined && $ref === undefined) types.delete(shortName(name));
  }

  for (const [short, fields] of types) {
    if (!short.startsWith(UNPUBLISHED.types)) continue;
    for (const [field, entry] of fields) {
      if (entry.since === UNPUBLISHED.published && field !== UNPUBLISHED.later) entry.since = UNPUBLISHED.since;
    }
  }

  for (const { owner, field, ...rest } of typedFields()) {
    if (/alpha/.test(owner)) continue;
    const fields: Fields = types.get(owner) ?? (new Map() as Fields);
    types.set(owner, fields);
    if (fields.has(field)) continue;
    const since = SINCE[`${owner}.${field}`] ?? SINCE[owner] ?? SINCE[owner.split('.').slice(0, 2).join('.')];
    fields.set(field, { since: since ?? TYPED_MINOR, ...rest });
  }
  for (const [type, since] of Object.entries(SINCE)) {
    const [group = '', version = '', kind = ''] = type.split('.');
    if (kind === '' || /(List|Template|TemplateSpec)$/.test(kind) || !types.get(type)?.has('metadata')) continue;
    register(group, version, kind, since);
  }
  for (const type of types.keys()) {
    const [group = '', version = '', kind = ''] = type.split('.');
    const since = SINCE[`${group}.${version}`];
    if (since !== undefined && types.get(type)?.has('metadata') && !/(List|Template|TemplateSpec)$/.test(kind)) {
      register(group, version, kind, since);
    }
  }
  function register(group: string, version: string, kind: string, since: number): void {
    const key = `${GROUPS[group] ?? group}/${version}/${kind}`;
    if (!kinds.has(key)) kinds.set(key, { type: `${group}.${version}.${kind}`, since });
    // The typed props leave out what every object has.
    const fields = types.get(`${group}.${version}.${kind}`);
    for (const field of ['apiVersion', 'kind', 'status']) if (!fields?.has(field)) fields?.set(field, { since });
  }

  for (const [path, since] of Object.entries(FIELDS_IN_BETWEEN)) {
    const [owner, field] = ownerAndField(path);
    types.get(owner)?.set(field, { since });
  }

  for (const [path, since] of Object.entries(SWITCHED_ON)) {
    const [owner, field] = ownerAndField(path);
    const entry = types.get(owner)?.get(field);
    if (entry === undefined || entry.since >= since)
      throw new Error(`${path} is no field that is older than 1.${since}`);
    entry.since = since;
  }

  const schema: DialectSchema = { kinds: {}, types: {} };
  const served = [...kinds].map(([key, { type, since }]) => {
    const until = UNTIL[key] ?? UNTIL[key.replace(/\/[^/]+$/, '')];
    return [key, { type, since: SERVED_SINCE[key] ?? since, ...(until === undefined ? {} : { until }) }] as const;
  });
  const inBetween = Object.entries(IN_BETWEEN).map(
    ([key, { span, type = '' }]) => [key, { type, since: span[0], until: span[1] }] as const,
  );
  for (const [key, entry] of [...served, ...inBetween].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const isNamespaced = namespaced.has(key.split('/').at(-1) ?? '');
    schema.kinds[key] = { ...entry, ...(isNamespaced && { namespaced: true }) };
  }
  const wanted = Object.values(schema.kinds).map((kind) => kind.type);
  const reached = new Set<string>();
  for (let type = wanted.pop(); type !== undefined; type = wanted.pop()) {
    if (reached.has(type)) continue;
    reached.add(type);
    for (const { type: held, earlier = [] } of types.get(type)?.values() ?? []) {
      wanted.push(...earlier.map((entry) => entry.type), ...(held === undefined ? [] : [held]));
    }
  }
  for (const type of [...reached].sort()) {
    const fields = [...(types.get(type) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    // A definition without fields is a value of its own: a quantity, a time, a piece of JSON.
    if (fields.length === 0) continue;
    schema.types[type] = Object.fromEntries(
      fields.map(([field, entry]): [string, FieldEntry] => [
        field,
        {
          ...(entry.since === BASE_MINOR ? {} : { since: entry.since }),
          ...(entry.until === undefined ? {} : { until: entry.until }),
          ...(entry.type !== undefined && (types.get(entry.type)?.size ?? 0) > 0
            ? {
                type: entry.type,
                ...(entry.map && { map: entry.map }),
                ...(entry.earlier && { earlier: entry.earlier }),
              }
            : {}),
        },
      ]),
    );
  }
  return schema;
}

/** The fields of 1.25's types, each with the type that it holds. */
function typedFields(): { owner: string; field: string; type?: string; map?: true }[] {
  const source = readFileSync(join(require.resolve('cdk8s-plus-25'), '..', 'imports/k8s.d.ts'), 'utf8');
  const schemaOf = new Map<string, string>();
  for (const [, schema = '', name = ''] of source.matchAll(
    /@schema (io\.k8s\.[\w.-]+)\n \*\/\nexport (?:interface|declare class) (\w+)/g,
  )) {
    schemaOf.set(name, shortName(schema));
  }
  const field = /@schema (io\.k8s\.[\w.-]+)#(\w+)\n\s+\*\/\n\s+readonly \w+\??: ([^;]+);/g;
  return [...source.matchAll(field)].map(([, type = '', name = '', text = '']) => {
    const holds = schemaOf.get(/(\w+)(?:\[\])?;?\s*\}?$/.exec(text.trim())?.[1] ?? '');
    const map = text.trim().startsWith('{') ? (true as const) : undefined;
    return {
      owner: shortName(type),
      field: name,
      ...(holds === undefined ? {} : { type: holds, ...(map && { map }) }),
    };
  });
}

async function main(): Promise<void> {
  const { format } = await import('prettier');
  const text = await format(JSON.stringify(dialectSchema()), { parser: 'json', printWidth: 200 });
  writeFileSync(join(__dirname, '../lib/dialect/schema.json'), text);
}

if (require.main === module) void main();
