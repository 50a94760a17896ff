/** The ways in which kubectl changes objects: JSON merge patch, strategic merge patch, JSON patch, and apply's three-way merge. */
import { type Dict, type Json, at, clone, isDict, list, same, text } from './json';

/** JSON merge patch (RFC 7386). */
export function mergePatch(current: Json | undefined, patch: Json): Json {
  if (!isDict(patch)) return clone(patch);
  const result: Dict = isDict(current) ? { ...current } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    if (value === null) Reflect.deleteProperty(result, key);
    else result[key] = mergePatch(result[key], value);
  }
  return result;
}

/**
 * The field by which a strategic merge tells the items of a list apart; undefined: the list is replaced whole.
 * One field only: a Service's ports go by `port`, so that 53/UDP and 53/TCP look the same, as they do to the real one.
 */
export function mergeKey(path: readonly string[], items: readonly Json[]): string | undefined {
  switch (path[path.length - 1]) {
    case 'containers':
    case 'initContainers':
    case 'env':
    case 'volumes':
    case 'imagePullSecrets':
    case 'secrets':
      return 'name';
    case 'volumeMounts':
      return 'mountPath';
    case 'ports':
      if (items.some((item) => at(item, 'containerPort') !== undefined)) return 'containerPort';
      return items.some((item) => at(item, 'port') !== undefined) ? 'port' : undefined;
    case 'hostAliases':
      return 'ip';
    case 'conditions':
    case 'addresses':
      return 'type';
    case 'taints':
      return 'key';
    case 'ownerReferences':
      return 'uid';
    default:
      return undefined;
  }
}

function strategicList(current: readonly Json[], patch: readonly Json[], path: readonly string[]): Json[] {
  const key = mergeKey(path, [...patch, ...current]);
  if (patch.some((item) => at(item, '$patch') === 'replace')) {
    return patch.filter((item) => at(item, '$patch') !== 'replace').map(clone);
  }
  if (key === undefined || !patch.every(isDict)) return patch.map(clone);
  const result = current.map(clone);
  for (const item of patch) {
    const index = result.findIndex((entry) => same(at(entry, key), at(item, key)));
    if (at(item, '$patch') === 'delete') {
      if (index >= 0) result.splice(index, 1);
    } else if (index >= 0) result[index] = strategicPatch(result[index], item, [...path, '*']);
    else result.push(clone(item));
  }
  return result;
}

/** Strategic merge patch with its directives `$patch`, `$retainKeys` (ignored), `$deleteFromPrimitiveList`. */
export function strategicPatch(current: Json | undefined, patch: Json, path: readonly string[] = []): Json {
  if (!isDict(patch)) return clone(patch);
  if (patch.$patch === 'replace') {
    const rest: Dict = { ...patch };
    delete rest.$patch;
    return clone(rest);
  }
  const result: Dict = isDict(current) ? { ...current } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined || key === '$retainKeys' || key === '$patch' || key.startsWith('$setElementOrder/'))
      continue;
    if (key.startsWith('$deleteFromPrimitiveList/')) {
      const name = key.slice('$deleteFromPrimitiveList/'.length);
      result[name] = list(result[name]).filter((item) => !list(value).some((gone) => same(gone, item)));
    } else if (value === null) Reflect.deleteProperty(result, key);
    else if (Array.isArray(value)) result[key] = strategicList(list(result[key]), value, [...path, key]);
    else if (isDict(value) && value.$patch === 'delete') Reflect.deleteProperty(result, key);
    else result[key] = strategicPatch(result[key], value, [...path, key]);
  }
  return result;
}

export class PatchError extends Error {}

function parent(document: Json, steps: readonly string[]): Json {
  let here = document;
  for (const step of steps) {
    const next = Array.isArray(here) ? here[Number(step)] : at(here, step);
    if (next === undefined) throw new PatchError(`Unable to access path "/${steps.join('/')}"`);
    here = next;
  }
  return here;
}

/** JSON patch (RFC 6902): add, remove, replace, test, copy, move. */
export function jsonPatch(current: Json, operations: readonly Json[]): Json {
  const document = clone(current);
  const read = (pointer: string): { holder: Json; last: string } => {
    const steps = pointer
      .split('/')
      .slice(1)
      .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
    return { holder: parent(document, steps.slice(0, -1)), last: steps[steps.length - 1] ?? '' };
  };
  const value = (pointer: string): Json | undefined => {
    const { holder, last } = read(pointer);
    return Array.isArray(holder) ? holder[Number(last)] : at(holder, last);
  };
  const remove = (pointer: string): void => {
    const { holder, last } = read(pointer);
    if (value(pointer) === undefined) throw new PatchError(`Unable to remove nonexistent key: ${last}`);
    if (Array.isArray(holder)) holder.splice(Number(last), 1);
    else if (isDict(holder)) Reflect.deleteProperty(holder, last);
  };
  const add = (pointer: string, item: Json): void => {
    const { holder, last } = read(pointer);
    if (Array.isArray(holder)) holder.splice(last === '-' ? holder.length : Number(last), 0, clone(item));
    else if (isDict(holder)) holder[last] = clone(item);
  };
  for (const operation of operations) {
    const path = text(at(operation, 'path'));
    const item = at(operation, 'value') ?? null;
    switch (at(operation, 'op')) {
      case 'add':
        add(path, item);
        break;
      case 'remove':
        remove(path);
        break;
      case 'replace': {
        if (value(path) === undefined) throw new PatchError(`Unable to replace nonexistent key: ${path}`);
        const { holder, last } = read(path);
        if (Array.isArray(holder)) holder[Number(last)] = clone(item);
        else if (isDict(holder)) holder[last] = clone(item);
        break;
      }
      case 'test':
        if (!same(value(path), item)) throw new PatchError(`Testing value ${path} failed`);
        break;
      case 'copy':
        add(path, value(text(at(operation, 'from'))) ?? null);
        break;
      case 'move': {
        const moved = value(text(at(operation, 'from'))) ?? null;
        remove(text(at(operation, 'from')));
        add(path, moved);
        break;
      }
      default:
        throw new PatchError(`Unexpected kind: ${text(at(operation, 'op'))}`);
    }
  }
  return document;
}

/** The items of a list by their key, in order: two items can have the same (53/UDP and 53/TCP go by `port` alone). */
function byKey(items: readonly Json[], key: string): Map<string, Json[]> {
  const found = new Map<string, Json[]>();
  for (const item of items) {
    const value = JSON.stringify(at(item, key) ?? null);
    found.set(value, [...(found.get(value) ?? []), item]);
  }
  return found;
}

function threeWayList(original: Json[], modified: Json[], current: Json[], path: readonly string[]): Json[] {
  const key = mergeKey(path, [...modified, ...original, ...current]);
  if (key === undefined) return clone(modified);
  const [before, wanted] = [byKey(original, key), byKey(modified, key)];
  const seen = new Map<string, number>();
  // Items of one key are paired in order; where such a pair differs, the change lands on the first of them, as in the real one.
  const late: { item: Json; value: string }[] = [];
  const result: Json[] = [];
  for (const item of current) {
    const value = JSON.stringify(at(item, key) ?? null);
    const turn = seen.get(value) ?? 0;
    seen.set(value, turn + 1);
    const mine = wanted.get(value)?.[turn];
    const last = before.get(value)?.[turn];
    if (mine === undefined) {
      if (last === undefined) result.push(clone(item));
      continue;
    }
    const merged = threeWay(last, mine, item, [...path, '*']);
    if (turn === 0 || same(merged, item)) result.push(merged);
    else {
      result.push(clone(item));
      late.push({ item: mine, value });
    }
  }
  for (const { item, value } of late) {
    const index = result.findIndex((other) => JSON.stringify(at(other, key) ?? null) === value);
    if (index >= 0) result[index] = strategicPatch(result[index], item, [...path, '*']);
  }
  for (const [value, items] of wanted) result.push(...items.slice(seen.get(value) ?? 0).map(clone));
  return result;
}

/** What Helm 2 makes of an object: the difference of two charts, put on what is there. */
export function twoWay(
  original: Json | undefined,
  modified: Json,
  current: Json | undefined,
  path: readonly string[] = [],
): Json {
  if (same(original, modified)) return clone(current ?? modified);
  if (!isDict(modified) || !isDict(original)) {
    return Array.isArray(modified) && Array.isArray(original) && Array.isArray(current)
      ? threeWayList(original, modified, current, path)
      : clone(modified);
  }
  const result: Dict = isDict(current) ? { ...current } : {};
  for (const key of Object.keys(original)) if (modified[key] === undefined) Reflect.deleteProperty(result, key);
  for (const [key, value] of Object.entries(modified)) {
    if (value !== undefined) result[key] = twoWay(original[key], value, result[key], [...path, key]);
  }
  return result;
}

/**
 * What `kubectl apply` makes of an object: what the user wrote now, without what he wrote last time and does not any more, and
 * with all that others wrote. `custom`: lists of custom resources are replaced whole.
 */
export function threeWay(
  original: Json | undefined,
  modified: Json,
  current: Json | undefined,
  path: readonly string[] = [],
  custom = false,
): Json {
  if (Array.isArray(modified)) {
    if (custom || !Array.isArray(current)) return clone(modified);
    return threeWayList(list(original), modified, current, path);
  }
  if (!isDict(modified)) return modified;
  const result: Dict = isDict(current) ? { ...current } : {};
  const before: Dict = isDict(original) ? original : {};
  for (const key of Object.keys(before)) {
    if (modified[key] === undefined || modified[key] === null) Reflect.deleteProperty(result, key);
  }
  for (const [key, value] of Object.entries(modified)) {
    if (value === undefined) continue;
    if (value === null) Reflect.deleteProperty(result, key);
    else result[key] = threeWay(before[key], value, result[key], [...path, key], custom);
  }
  return result;
}
