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

/** Where a stream of JSON documents stops being one, in the words of Go's decoder. */
export class NoJson extends Error {
  /** The number of the first byte that cannot stand there, counted from 1. */
  readonly offset: number;

  constructor(content: string, start: number) {
    // A minus begins a number.
    const isNumber = content.charAt(start) === '-';
    const index = isNumber ? start + 1 : start;
    super(
      `invalid character '${content.charAt(index)}' ${isNumber ? 'in numeric literal' : 'looking for beginning of value'}`,
    );
    this.offset = Buffer.byteLength(content.slice(0, index + 1));
  }
}

/**
 * The documents of a stream of JSON objects with nothing but blanks between them.
 *
 * @throws NoJson where something else stands there
 */
export function jsonStream(content: string): Json[] {
  const found: Json[] = [];
  let start = 0;
  for (;;) {
    start += /^\s*/.exec(content.slice(start))?.[0].length ?? 0;
    const rest = content.slice(start);
    if (rest === '') return found;
    const length = objectLength(rest);
    if (length === undefined) throw new NoJson(content, start);
    found.push(JSON.parse(rest.slice(0, length)) as Json);
    start += length;
  }
}

/** How long the object is that a text begins with; undefined where it does not begin with a whole one. */
function objectLength(content: string): number | undefined {
  if (!content.startsWith('{')) return undefined;
  let depth = 0;
  for (const { 0: token, index } of content.matchAll(/"(?:\\.|[^"\\])*"|[{}]/g)) {
    if (token === '{') depth += 1;
    if (token === '}') depth -= 1;
    if (depth === 0) return index + token.length;
  }
  return undefined;
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
