/** Plain data, and small helpers to walk through it without casts. */

// Under jest a look at a global is slow, and the controllers take thousands of them in every round.
const { isArray } = Array;
const { imul } = Math;

export type Json = null | boolean | number | string | Json[] | Dict;

export interface Dict {
  [key: string]: Json | undefined;
}

export interface Meta extends Dict {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

/** A Kubernetes object as an API server answers it. */
export interface KubeObject extends Dict {
  apiVersion: string;
  kind: string;
  metadata: Meta;
}

export function isDict(value: unknown): value is Dict {
  return typeof value === 'object' && value !== null && !isArray(value);
}

/** The object itself, or an empty one where there is none (not linked to the parent). */
export function dict(value: Json | undefined): Dict {
  return isDict(value) ? value : {};
}

export function list(value: Json | undefined): Json[] {
  return isArray(value) ? value : [];
}

export function text(value: Json | undefined, otherwise = ''): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : otherwise;
}

export function num(value: Json | undefined, otherwise = 0): number {
  return typeof value === 'number' ? value : otherwise;
}

/** The value at a path, undefined where the path ends early. */
export function at(value: Json | undefined, ...path: (string | number)[]): Json | undefined {
  let here: Json | undefined = value;
  for (const step of path) {
    if (typeof step === 'number') here = isArray(here) ? here[step] : undefined;
    else here = isDict(here) ? here[step] : undefined;
  }
  return here;
}

/** A map of strings (labels, annotations, ConfigMap data); anything that is no string is left out. */
export function strings(value: Json | undefined): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [key, item] of Object.entries(dict(value))) if (typeof item === 'string') found[key] = item;
  return found;
}

function copy(value: unknown): unknown {
  if (isArray(value)) return value.map(copy);
  if (typeof value !== 'object' || value === null) return value;
  const result: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) result[key] = copy(item);
  return result;
}

/** A deep copy of plain data. Not structuredClone: under jest that gives objects of another realm, and it is slower. */
export function clone<T>(value: T): T {
  return copy(value) as T;
}

/** Same content; an absent key and an undefined one are the same. */
export function same(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (isArray(a)) {
    return isArray(b) && a.length === b.length && a.every((item, index) => same(item, b[index]));
  }
  if (!isDict(a) || !isDict(b)) return false;
  for (const key of Object.keys(a)) if (!same(a[key], b[key])) return false;
  for (const key of Object.keys(b)) if (b[key] !== undefined && a[key] === undefined) return false;
  return true;
}

/** JSON with sorted keys, so that equal contents give equal texts. */
export function sorted(value: Json | undefined): Json {
  if (isArray(value)) return value.map(sorted);
  if (!isDict(value)) return value ?? null;
  const result: Dict = {};
  for (const key of Object.keys(value).sort()) if (value[key] !== undefined) result[key] = sorted(value[key]);
  return result;
}

/** FNV-1a, 32 bits: names, ports and DNS labels that look random but are the same in every run. */
export function fnv(value: string): number {
  const bytes = Buffer.from(value);
  let hash = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i += 1) hash = imul(hash ^ (bytes[i] ?? 0), 0x01000193);
  return hash >>> 0;
}

export function base64(value: string): string {
  return Buffer.from(value).toString('base64');
}

export function unbase64(value: string): string {
  return Buffer.from(value, 'base64').toString();
}
