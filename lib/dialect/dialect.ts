import { isDeepStrictEqual } from 'node:util';
import { FederationError, Finding } from '../errors';
import { DEFAULTS, isBuiltIn, NO_OPS, SAME_SHAPE, SELECTOR_FROM_LABELS } from './rules';
import { BASE_MINOR, DialectSchema } from './types';
import schemaJson from './schema.json';

const SCHEMA: DialectSchema = schemaJson;

/** The last minor version whose types the schema was made from; what came later is judged by the server itself. */
const TYPED_MINOR = 25;

/** A Kubernetes object as the constructs give it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name?: string; readonly namespace?: string; readonly [key: string]: unknown };
  readonly [key: string]: unknown;
}

/** An object says something that its cluster's version cannot keep. Nothing has been written. */
export class DialectError extends FederationError {
  constructor(findings: readonly Finding[]) {
    super('Some objects cannot be said in the version of their cluster; nothing was written.', findings);
  }
}

/** What accepts a bundle: a cluster's API server, or the federation's. */
export interface Target {
  /** Name in messages: the cluster's name, or `federation`. */
  readonly name: string;
  /** The minor version that judges kinds and fields. */
  readonly minor: number;
  /**
   * What is served, each as `<apiVersion>/<kind>`, where that is not all that the minor version has.
   * @default everything that the minor version serves
   */
  readonly only?: readonly string[];
}

/** The last version that the federation's API server was released in. */
const LAST_FEDERATION_MINOR = 10;

/**
 * The kinds that the federation's API server serves by default, whatever the members run (measured on 1.10-alpha),
 * besides its own Cluster in `federation/v1beta1`.
 */
const FEDERATED_KINDS: readonly string[] = [
  'v1/ConfigMap',
  'v1/Event',
  'v1/Namespace',
  'v1/Secret',
  'v1/Service',
  'extensions/v1beta1/DaemonSet',
  'extensions/v1beta1/Deployment',
  'extensions/v1beta1/Ingress',
  'extensions/v1beta1/ReplicaSet',
];

/** The federation's API server as a target: its objects must be understood by the oldest member too. */
export function federationTarget(name: string, minors: readonly number[]): Target {
  return { name, minor: Math.min(...minors, LAST_FEDERATION_MINOR), only: FEDERATED_KINDS };
}

/** `Deployment kube-system/keepalived-cloud-provider` */
export function describe(object: Manifest): string {
  const { name = '(no name)', namespace } = object.metadata;
  return `${object.kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}

/**
 * An object with the namespace that it lives in: `default` where none is said. Without one it would go to whatever namespace
 * the context of whoever applies it has. Objects that live in none, and those of custom kinds, stay as they are.
 */
export function inNamespace(object: Manifest): Manifest {
  const { apiVersion, kind, metadata } = object;
  if (metadata.namespace !== undefined || !SCHEMA.kinds[`${apiVersion}/${kind}`]?.namespaced) return object;
  return { ...object, metadata: { ...metadata, namespace: 'default' } };
}

/** Whether an object is of a built-in kind that lives in no namespace. Of custom kinds only their cluster knows. */
export function isClusterWide({ apiVersion, kind }: Pick<Manifest, 'apiVersion' | 'kind'>): boolean {
  const entry = SCHEMA.kinds[`${apiVersion}/${kind}`];
  return entry !== undefined && !entry.namespaced;
}

/**
 * Writes objects in what a target serves: API versions are exchanged for others of the same shape, defaults that differ
 * between the two are written out, and fields that the version does not know are left out where that loses nothing.
 *
 * Lowering what is lowered already changes nothing.
 *
 * @throws DialectError with every object, field and version where something would be lost
 */
export function lower(objects: readonly Manifest[], target: Target): Manifest[] {
  const findings: Finding[] = [];
  const lowered = objects.map((object) => lowerOne(object, target, findings));
  if (findings.length > 0) throw new DialectError(findings);
  return lowered;
}

function isServed(apiVersion: string, kind: string, target: Target): boolean {
  const entry = SCHEMA.kinds[`${apiVersion}/${kind}`];
  if (entry === undefined || target.minor < entry.since || target.minor > (entry.until ?? Infinity)) return false;
  return target.only === undefined || target.only.includes(`${apiVersion}/${kind}`);
}

function lowerOne(object: Manifest, target: Target, findings: Finding[]): Manifest {
  const { apiVersion, kind } = object;
  const where = `${target.name}: ${describe(object)}`;
  const served = `Kubernetes 1.${target.minor}`;

  if (!isBuiltIn(apiVersion)) {
    if (target.only !== undefined && apiVersion !== 'federation/v1beta1') {
      findings.push({
        where,
        problem: `the federation's API server does not serve ${apiVersion} ${kind}`,
        hint: `It serves ${target.only.join(', ')}. Put the object into the clusters' bundles instead.`,
      });
    }
    return object;
  }

  const sameShape = SAME_SHAPE[kind] ?? [];
  const candidates = sameShape.includes(apiVersion) ? [apiVersion, ...sameShape] : [apiVersion];
  const accepted = candidates.find((candidate) => isServed(candidate, kind, target));
  if (accepted === undefined) {
    const known = Object.keys(SCHEMA.kinds).some((key) => key === `${apiVersion}/${kind}`);
    if (!known && target.only === undefined && target.minor > TYPED_MINOR) return object;
    findings.push({
      where,
      problem:
        target.only === undefined
          ? `${served} does not serve ${apiVersion} ${kind}, nor the same in another API version`
          : `the federation's API server does not serve ${apiVersion} ${kind}`,
      hint:
        target.only === undefined
          ? 'Leave the object out of this cluster, or write it in an API version that this cluster serves.'
          : `It serves ${target.only.join(', ')}. Put the object into the clusters' bundles instead.`,
    });
    return object;
  }

  checkMeaning(object, accepted, where, findings);
  const complete = accepted === apiVersion ? object : withDefaults(object, accepted);
  const type = SCHEMA.kinds[`${accepted}/${kind}`]?.type ?? '';
  const body = prune(complete, type, '', { target, where, findings }) as Manifest;
  return { ...body, apiVersion: accepted };
}

/** What an empty selector of a PodDisruptionBudget takes in, by API version. */
const EMPTY_SELECTOR: Readonly<Record<string, string>> = { 'policy/v1': 'every pod', 'policy/v1beta1': 'no pod' };

/** What the same words mean something else for in another API version. */
function checkMeaning(object: Manifest, accepted: string, where: string, findings: Finding[]): void {
  if (object.kind !== 'PodDisruptionBudget' || object.apiVersion === accepted) return;
  const selector = isRecord(object.spec) ? object.spec.selector : undefined;
  if (isRecord(selector) && isEmptySelector(selector)) {
    const means = (apiVersion: string): string => `${EMPTY_SELECTOR[apiVersion] ?? 'other pods'} in ${apiVersion}`;
    findings.push({
      where: `${where}, spec.selector`,
      problem: `an empty selector means ${means(object.apiVersion)} and ${means(accepted)}`,
      hint: 'Name the pods by their labels.',
    });
  }
}

function isEmptySelector({ matchLabels = {}, matchExpressions = [] }: Record<string, unknown>): boolean {
  return isDeepStrictEqual(matchLabels, {}) && isDeepStrictEqual(matchExpressions, []);
}

function withDefaults(object: Manifest, accepted: string): Manifest {
  if (!isRecord(object.spec)) return object;
  const spec = { ...object.spec };
  for (const { kind, field, byApiVersion } of DEFAULTS) {
    const ours = byApiVersion[object.apiVersion];
    if (kind !== object.kind || ours === undefined || isDeepStrictEqual(ours, byApiVersion[accepted])) continue;
    spec[field] = filled(spec[field], ours);
  }
  const { kinds, apiVersions } = SELECTOR_FROM_LABELS;
  const takesLabels = (apiVersion: string): boolean => apiVersions.some((candidate) => candidate === apiVersion);
  if (kinds.some((kind) => kind === object.kind) && takesLabels(object.apiVersion) && !takesLabels(accepted)) {
    const labels = at(spec, 'template', 'metadata', 'labels');
    const empty = spec.selector === undefined || (isRecord(spec.selector) && isEmptySelector(spec.selector));
    if (empty && labels !== undefined) spec.selector = { matchLabels: labels };
  }
  return { ...object, spec };
}

/** A value with what a default adds to it: nothing where it is said, or where another `type` is chosen. */
function filled(value: unknown, byDefault: unknown): unknown {
  if (value === undefined) return byDefault;
  if (!isRecord(value) || !isRecord(byDefault)) return value;
  if (value.type !== undefined && byDefault.type !== undefined && value.type !== byDefault.type) return value;
  const missing = Object.entries(byDefault).map(([key, held]) => [key, filled(value[key], held)] as const);
  return { ...value, ...Object.fromEntries(missing) };
}

function at(object: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((value, key) => (isRecord(value) ? value[key] : undefined), object);
}

interface Pruning {
  readonly target: Target;
  readonly where: string;
  readonly findings: Finding[];
}

function prune(value: unknown, type: string, path: string, pruning: Pruning): unknown {
  const fields = SCHEMA.types[type];
  if (fields === undefined) return value;
  if (Array.isArray(value)) return value.map((item, i) => prune(item, type, `${path}[${i}]`, pruning));
  if (!isRecord(value)) return value;

  const { target, where, findings } = pruning;
  const kept: Record<string, unknown> = {};
  for (const [name, content] of Object.entries(value)) {
    const at = path === '' ? name : `${path}.${name}`;
    const field = fields[name];
    const { since = BASE_MINOR, until = Infinity } = field ?? {};
    if (field !== undefined && since <= target.minor && target.minor <= until) {
      const held = field.earlier?.find((earlier) => target.minor <= earlier.until)?.type ?? field.type;
      kept[name] =
        held === undefined
          ? content
          : field.map
            ? pruneMap(content, held, at, pruning)
            : prune(content, held, at, pruning);
    } else if (field === undefined && target.minor > TYPED_MINOR) {
      kept[name] = content;
    } else if (!isNoOp(type, name, content)) {
      findings.push({
        where: `${where}, ${at}`,
        problem:
          field === undefined
            ? `Kubernetes 1.${target.minor} knows no field '${name}' of ${type}`
            : since > target.minor
              ? `Kubernetes 1.${target.minor} does not know the field, which came with 1.${since}, and its value ${JSON.stringify(content)} would be lost`
              : `Kubernetes 1.${target.minor} does not know the field any more, which left after 1.${until}, and its value ${JSON.stringify(content)} would be lost`,
        hint: 'Leave the field out, or give it the value that this version acts on anyway.',
      });
    }
  }
  return kept;
}

/** A map of typed values: none of its keys is a field of what it holds. */
function pruneMap(content: unknown, type: string, path: string, pruning: Pruning): unknown {
  if (!isRecord(content)) return content;
  return Object.fromEntries(
    Object.entries(content).map(([key, item]) => [key, prune(item, type, `${path}.${key}`, pruning)]),
  );
}

/** Kinds and fields are the same whichever group serves them; the rules are written for the newest. */
function isNoOp(type: string, field: string, value: unknown): boolean {
  const newest = type.replace(
    /^(apps|extensions)\.v1beta[12]\.(?=Deployment|DaemonSet|StatefulSet|ReplicaSet)/,
    'apps.v1.',
  );
  return (NO_OPS[`${newest}.${field}`] ?? []).some((value0) => isDeepStrictEqual(value0, value));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
