/**
 * What kubectl says of an object that does not fit the server's schema, before it sends it. Up to 1.13 the published OpenAPI
 * documents judge; for later servers these are the fields that today's generators write and older servers do not know.
 */
import * as semver from 'semver';
import { PUBLISHED_MINORS, type OpenApiSchema, creatable, publishedDocument } from '../support/openapi';
import { type Dict, type Json, type KubeObject, at, dict, isDict, list } from './json';
import { ApiError } from './objects';
import { Complaint, type Problem } from './problems';
import { groupOf, isKnownVersion } from './resources';

interface Unknown {
  readonly key: string;
  readonly model: string;
}

const POD: Readonly<Record<string, string>> = {
  setHostnameAsFQDN: '1.19.0',
  enableServiceLinks: '1.13.0',
  preemptionPolicy: '1.15.0',
  topologySpreadConstraints: '1.16.0',
  shareProcessNamespace: '1.10.0',
  dnsConfig: '1.9.0',
  os: '1.23.0',
  hostUsers: '1.25.0',
};
const CONTAINER: Readonly<Record<string, string>> = {
  startupProbe: '1.16.0',
  volumeDevices: '1.9.0',
  resizePolicy: '1.27.0',
};
const CONTAINER_SECURITY: Readonly<Record<string, string>> = {
  allowPrivilegeEscalation: '1.8.0',
  runAsGroup: '1.10.0',
  procMount: '1.12.0',
  seccompProfile: '1.19.0',
  windowsOptions: '1.14.0',
};
const POD_SECURITY: Readonly<Record<string, string>> = {
  runAsGroup: '1.10.0',
  sysctls: '1.11.0',
  fsGroupChangePolicy: '1.18.0',
  seccompProfile: '1.19.0',
};
const PROBE: Readonly<Record<string, string>> = { terminationGracePeriodSeconds: '1.21.0', grpc: '1.23.0' };
const SERVICE: Readonly<Record<string, string>> = {
  externalTrafficPolicy: '1.7.0',
  publishNotReadyAddresses: '1.8.0',
  sessionAffinityConfig: '1.7.0',
  ipFamilies: '1.20.0',
  ipFamilyPolicy: '1.20.0',
  internalTrafficPolicy: '1.21.0',
  loadBalancerClass: '1.21.0',
  allocateLoadBalancerNodePorts: '1.20.0',
};
const OBJECT: Readonly<Record<string, string>> = { immutable: '1.18.0' };

function first(
  value: Json | undefined,
  table: Readonly<Record<string, string>>,
  release: string,
  model: string,
): Unknown | undefined {
  for (const key of Object.keys(isDict(value) ? value : {})) {
    const since = table[key];
    if (since !== undefined && semver.lt(release, since)) return { key, model };
  }
  return undefined;
}

function podField(spec: Dict, release: string): Unknown | undefined {
  const found =
    first(spec, POD, release, 'v1.PodSpec') ??
    first(spec.securityContext, POD_SECURITY, release, 'v1.PodSecurityContext');
  if (found !== undefined) return found;
  for (const container of [...list(spec.containers), ...list(spec.initContainers)]) {
    const inside =
      first(container, CONTAINER, release, 'v1.Container') ??
      first(at(container, 'securityContext'), CONTAINER_SECURITY, release, 'v1.SecurityContext') ??
      first(at(container, 'livenessProbe'), PROBE, release, 'v1.Probe') ??
      first(at(container, 'readinessProbe'), PROBE, release, 'v1.Probe');
    if (inside !== undefined) return inside;
  }
  return undefined;
}

/** The first field that a server of a later version does not know. */
function unknownField(object: KubeObject, release: string): Unknown | undefined {
  const pod = at(object, 'spec', 'template', 'spec');
  if (isDict(pod)) return podField(pod, release);
  if (object.kind === 'Pod') return podField(dict(object.spec), release);
  if (object.kind === 'Service') return first(object.spec, SERVICE, release, 'v1.ServiceSpec');
  if (object.kind === 'ConfigMap' || object.kind === 'Secret')
    return first(object, OBJECT, release, `v1.${object.kind}`);
  return undefined;
}

const kindsOf = new Map<number, ReadonlyMap<string, string>>();

/** The name of an object's definition in the published document; undefined where the document has none. */
function definitionOf(minor: number, apiVersion: string, kind: string): string | undefined {
  const kinds = kindsOf.get(minor) ?? creatable(minor);
  kindsOf.set(minor, kinds);
  return kinds.get(`${apiVersion}/${kind}`);
}

/** What is wrong with a value, in the words of kubectl from 1.8 on. */
function findings(minor: number, schema: OpenApiSchema, value: Json | undefined, path: string, name: string): string[] {
  if (value === undefined || value === null) return [];
  if (schema.$ref !== undefined) {
    const definition = schema.$ref.replace('#/definitions/', '');
    const target = publishedDocument(minor).definitions[definition];
    return target === undefined ? [] : findings(minor, target, value, path, definition);
  }
  const here = `ValidationError(${path})`;
  if (schema.properties !== undefined) {
    if (!isDict(value)) return [`${here}: invalid type for ${name}: got "${typeName(value)}", expected "map"`];
    const missing = (schema.required ?? []).filter((field) => value[field] === undefined || value[field] === null);
    const known = schema.properties;
    return [
      ...Object.keys(value).flatMap((field) => {
        const inside = known[field];
        return inside === undefined
          ? [`${here}: unknown field "${field}" in ${name}`]
          : findings(minor, inside, value[field], `${path}.${field}`, `${name}.${field}`);
      }),
      ...missing.map((field) => `${here}: missing required field "${field}" in ${name}`),
    ];
  }
  if (schema.items !== undefined) {
    if (!Array.isArray(value)) return [`${here}: invalid type for ${name}: got "${typeName(value)}", expected "array"`];
    const { items } = schema;
    return value.flatMap((item, index) => findings(minor, items, item, `${path}[${index}]`, name));
  }
  if (schema.additionalProperties !== undefined && !isDict(value))
    return [`${here}: invalid type for ${name}: got "${typeName(value)}", expected "map"`];
  const wanted = schema.format === 'int-or-string' ? undefined : schema.type;
  const wrong =
    (wanted === 'integer' && typeof value !== 'number') ||
    (wanted === 'boolean' && typeof value !== 'boolean') ||
    (wanted === 'string' && (isDict(value) || Array.isArray(value)));
  return wrong ? [`${here}: invalid type for ${name}: got "${typeName(value)}", expected "${wanted}"`] : [];
}

function typeName(value: Json): string {
  if (Array.isArray(value)) return 'array';
  return isDict(value) ? 'map' : typeof value === 'number' ? 'integer' : typeof value;
}

export interface Parties {
  /** Version of kubectl. */
  readonly kubectl: string;
  /** Version of the API server. */
  readonly server: string;
}

/** What kubectl or the server says of an object that it does not accept as it is written. */
export function refusal(object: KubeObject, source: string, { kubectl, server }: Parties): Problem | undefined {
  const { minor } = semver.coerce(server) ?? { minor: 7 };
  const why = PUBLISHED_MINORS.some((published) => published === minor)
    ? published(object, minor, kubectl)
    : later(object, semver.coerce(server)?.version ?? server, kubectl);
  if (why === undefined || why instanceof ApiError) return why;
  return new Complaint(
    `error validating "${source}": error validating data: ${why}; if you choose to ignore these errors, turn validation off with --validate=false`,
  );
}

function published(object: KubeObject, minor: number, kubectl: string): string | undefined {
  const { apiVersion, kind } = object;
  const definition = definitionOf(minor, apiVersion, kind);
  if (definition === undefined) {
    // What kubectl does not know itself it leaves to the server.
    if (!isKnownVersion(kubectl, apiVersion)) return undefined;
    const version = apiVersion.slice(apiVersion.indexOf('/') + 1);
    return `unknown object type schema.GroupVersionKind{Group:"${groupOf(apiVersion)}", Version:"${version}", Kind:"${kind}"}`;
  }
  const found = findings(minor, { $ref: definition }, object, kind, '');
  if (found.length === 0) return undefined;
  if (semver.lt(kubectl, '1.8.0')) {
    const [, field = '', model = ''] = /unknown field "([^"]*)" in (?:\S*\.)?(\w+\.\w+)$/.exec(found[0] ?? '') ?? [];
    return field === '' ? found[0] : `found invalid field ${field} for ${model}`;
  }
  return found.length === 1 ? found[0] : `[${found.join(', ')}]`;
}

function later(object: KubeObject, server: string, kubectl: string): string | ApiError | undefined {
  const unknown = unknownField(object, server);
  if (unknown === undefined) return undefined;
  // From 1.25 on both leave it to the server, which decodes strictly.
  if (semver.gte(kubectl, '1.25.0') && semver.gte(server, '1.25.0')) {
    const version = object.apiVersion.slice(object.apiVersion.indexOf('/') + 1);
    return new ApiError(
      'BadRequest',
      `${object.kind} in version "${version}" cannot be handled as a ${object.kind}: strict decoding error: unknown field "${unknown.key}"`,
    );
  }
  return `ValidationError(${object.kind}): unknown field "${unknown.key}" in io.k8s.api.core.${unknown.model}`;
}
