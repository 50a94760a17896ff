/** Who owns which field, on servers from 1.16 on: `metadata.managedFields`, and the conflicts of server-side apply. */
import { type Dict, type Json, type KubeObject, at, clone, dict, isDict, list, same, text } from './json';

/** A field's path: `f:spec`, `f:containers`, `k:{"name":"dns"}`, `f:image`, as fieldsV1 writes it. */
type Path = readonly string[];

interface Owner {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  time: string;
  fields: Map<string, Path>;
}

const SERVER_FIELDS = new Set([
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'selfLink',
  'managedFields',
  'name',
  'namespace',
  'generateName',
  'deletionTimestamp',
]);

/** Keys by which server-side apply tells the items of a list apart; none: the list is one value. */
export function listKeys(path: readonly string[], items: readonly Json[]): readonly string[] | undefined {
  const last = path[path.length - 1]?.replace(/^f:/, '') ?? '';
  switch (last) {
    case 'containers':
    case 'initContainers':
    case 'env':
    case 'volumes':
    case 'imagePullSecrets':
      return ['name'];
    case 'volumeMounts':
      return ['mountPath'];
    case 'ports':
      return items.some((item) => at(item, 'containerPort') !== undefined)
        ? ['containerPort', 'protocol']
        : ['port', 'protocol'];
    case 'conditions':
      return ['type'];
    case 'ownerReferences':
      return ['uid'];
    default:
      return undefined;
  }
}

/** The item's key as fieldsV1 writes it. */
function itemKey(item: Json, keys: readonly string[]): string {
  const key: Dict = {};
  for (const name of keys) key[name] = at(item, name) ?? (name === 'protocol' ? 'TCP' : null);
  return `k:${JSON.stringify(key)}`;
}

function walk(value: Json | undefined, path: Path, visit: (path: Path, value: Json) => void): void {
  if (value === undefined) return;
  if (isDict(value) && Object.keys(value).length > 0) {
    for (const [key, item] of Object.entries(value)) {
      if (path.length === 0 && (key === 'apiVersion' || key === 'kind')) continue;
      if (path.length === 1 && path[0] === 'f:metadata' && SERVER_FIELDS.has(key)) continue;
      walk(item, [...path, `f:${key}`], visit);
    }
    return;
  }
  if (Array.isArray(value)) {
    const keys = listKeys(path, value);
    if (keys !== undefined) {
      for (const item of value) walk(item, [...path, itemKey(item, keys)], visit);
      return;
    }
  }
  visit(path, value);
}

/** All leaf fields of an object with their values. */
function leaves(object: Json | undefined): Map<string, { path: Path; value: Json }> {
  const found = new Map<string, { path: Path; value: Json }>();
  walk(object, [], (path, value) => found.set(path.join('\u0000'), { path, value }));
  return found;
}

function toFields(paths: Iterable<Path>): Dict {
  const root: Dict = {};
  for (const path of paths) {
    let here = root;
    for (const step of path) {
      const next = here[step];
      if (isDict(next)) here = next;
      else {
        const fresh: Dict = {};
        here[step] = fresh;
        here = fresh;
      }
    }
  }
  return root;
}

function fromFields(fields: Dict, path: Path = []): Path[] {
  const steps = Object.keys(fields);
  if (steps.length === 0) return path.length === 0 ? [] : [path];
  return steps.flatMap((step) => fromFields(dict(fields[step]), [...path, step]));
}

function ownersOf(object: KubeObject | undefined): Owner[] {
  return list(object?.metadata.managedFields).map((entry) => ({
    manager: text(at(entry, 'manager')),
    operation: at(entry, 'operation') === 'Apply' ? 'Apply' : 'Update',
    apiVersion: text(at(entry, 'apiVersion')),
    time: text(at(entry, 'time')),
    fields: new Map(fromFields(dict(at(entry, 'fieldsV1'))).map((path) => [path.join('\u0000'), path])),
  }));
}

function store(object: KubeObject, owners: readonly Owner[]): void {
  const writing = owners.filter((owner) => owner.fields.size > 0);
  delete object.metadata.managedFields;
  if (writing.length === 0) return;
  object.metadata.managedFields = writing.map((owner) => ({
    manager: owner.manager,
    operation: owner.operation,
    apiVersion: owner.apiVersion,
    time: owner.time,
    fieldsType: 'FieldsV1',
    fieldsV1: toFields(owner.fields.values()),
  }));
}

/** Notes who wrote what in a write that is not a server-side apply. */
export function track(
  before: KubeObject | undefined,
  after: KubeObject,
  options: { readonly manager?: string; readonly operation?: 'Apply' | 'Update' },
): void {
  if (options.operation === 'Apply') return;
  const manager = options.manager ?? 'kubectl-create';
  const was = leaves(before);
  const is = leaves(after);
  const owners = ownersOf(before);
  const mine = owners.find((owner) => owner.manager === manager && owner.operation === 'Update') ?? {
    manager,
    operation: 'Update' as const,
    apiVersion: after.apiVersion,
    time: '',
    fields: new Map<string, Path>(),
  };
  if (!owners.includes(mine)) owners.push(mine);
  mine.time = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  for (const [key, { path, value }] of is) {
    const old = was.get(key);
    if (old !== undefined && same(old.value, value)) continue;
    for (const owner of owners) owner.fields.delete(key);
    mine.fields.set(key, path);
  }
  for (const owner of owners) for (const key of owner.fields.keys()) if (!is.has(key)) owner.fields.delete(key);
  store(after, owners);
}

/** `.spec.template.spec.containers[name="dns"].image` */
function words(path: Path): string {
  return path
    .map((step) => {
      if (step.startsWith('f:')) return `.${step.slice(2)}`;
      const key: unknown = JSON.parse(step.slice(2));
      const pairs = typeof key === 'object' && key !== null ? Object.entries(key) : [];
      return `[${pairs.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`;
    })
    .join('');
}

export interface FieldConflict {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly field: string;
}

function put(target: Dict, path: Path, value: Json, source: Json): void {
  const [step, ...rest] = path;
  if (step === undefined) return;
  const name = step.slice(2);
  const from = at(source, name);
  if (rest.length === 0) {
    target[name] = clone(value);
    return;
  }
  const next = rest[0] ?? '';
  if (next.startsWith('k:')) {
    const items = list(target[name]);
    target[name] = items;
    const keys = listKeys([step], list(from)) ?? [];
    const given = list(from).find((item) => itemKey(item, keys) === next);
    let item = items.find((entry) => itemKey(entry, keys) === next);
    if (item === undefined) {
      const fresh: Dict = {};
      for (const key of keys) if (at(given, key) !== undefined) fresh[key] = at(given, key);
      items.push(fresh);
      item = fresh;
    }
    if (isDict(item) && given !== undefined) put(item, rest.slice(1), value, given);
    return;
  }
  const present = target[name];
  const inner: Dict = isDict(present) ? present : {};
  target[name] = inner;
  put(inner, rest, value, from ?? null);
}

function cut(target: Dict, path: Path): void {
  const [step, ...rest] = path;
  if (step === undefined) return;
  const name = step.slice(2);
  const present = target[name];
  if (rest.length === 0) {
    Reflect.deleteProperty(target, name);
    return;
  }
  const next = rest[0] ?? '';
  if (next.startsWith('k:') && Array.isArray(present)) {
    const keys = listKeys([step], present) ?? [];
    const item = present.find((entry) => itemKey(entry, keys) === next);
    if (!isDict(item)) return;
    cut(item, rest.slice(1));
    // An item of which nothing but its key is left goes with its last field.
    if (Object.keys(item).every((key) => keys.includes(key))) target[name] = present.filter((entry) => entry !== item);
    return;
  }
  if (!isDict(present)) return;
  cut(present, rest);
  if (Object.keys(present).length === 0) Reflect.deleteProperty(target, name);
}

/**
 * Server-side apply: the object as it comes out, and the fields that others own with another value.
 * With `force`, those are taken over instead.
 */
export function serverSideApply(
  current: KubeObject | undefined,
  applied: KubeObject,
  manager: string,
  force: boolean,
): { readonly object: KubeObject; readonly conflicts: readonly FieldConflict[] } {
  const object = clone(
    current ?? { ...applied, metadata: { name: applied.metadata.name, namespace: applied.metadata.namespace } },
  );
  object.apiVersion = applied.apiVersion;
  const owners = ownersOf(current);
  const mine = owners.find((owner) => owner.manager === manager && owner.operation === 'Apply') ?? {
    manager,
    operation: 'Apply' as const,
    apiVersion: applied.apiVersion,
    time: '',
    fields: new Map<string, Path>(),
  };
  if (!owners.includes(mine)) owners.push(mine);
  const before = leaves(current);
  const wanted = leaves(applied);
  const conflicts: FieldConflict[] = [];
  for (const [key, { path, value }] of wanted) {
    const old = before.get(key);
    if (old !== undefined && same(old.value, value)) continue;
    for (const owner of owners) {
      if (owner === mine || !owner.fields.has(key)) continue;
      conflicts.push({
        manager: owner.manager,
        operation: owner.operation,
        apiVersion: owner.apiVersion,
        field: words(path),
      });
      if (force) owner.fields.delete(key);
    }
    put(object, path, value, applied);
  }
  for (const [key, path] of mine.fields) {
    const others = owners.some((owner) => owner !== mine && owner.fields.has(key));
    if (!wanted.has(key) && !others) cut(object, path);
  }
  const fields = new Map([...wanted].map(([key, { path }]) => [key, path]));
  const unchanged = [...fields.keys()].every((key) => mine.fields.has(key)) && fields.size === mine.fields.size;
  mine.fields = fields;
  if (!unchanged || mine.time === '') mine.time = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  store(object, owners);
  return { object, conflicts: force ? [] : conflicts };
}
