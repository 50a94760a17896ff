import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';

/**
 * Metadata without what says nothing: some versions write `null` and `""` for what is not there (custom resources on 1.7;
 * the namespace of cluster-scoped objects as kubectl 1.8 prints them).
 */
function withoutNothing(metadata: unknown): unknown {
  if (typeof metadata !== 'object' || metadata === null) return metadata;
  return Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== null && value !== ''));
}

/** A Kubernetes object as far as apply looks at it. */
export const objectSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.preprocess(
    withoutNothing,
    z.looseObject({
      name: z.string(),
      namespace: z.string().optional(),
      resourceVersion: z.string().optional(),
      generation: z.number().optional(),
      labels: z.record(z.string(), z.string()).optional(),
      annotations: z.record(z.string(), z.string()).optional(),
      deletionTimestamp: z.string().optional(),
    }),
  ),
});
export type KubeObject = z.infer<typeof objectSchema>;

/** What names an object: kind, namespace and name; its API version may be another than the one it was written in. */
export interface Reference {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

/** `Deployment kube-system/tiller-deploy` */
export function named(object: Reference | KubeObject): string {
  const { kind } = object;
  const { name, namespace } = 'metadata' in object ? object.metadata : object;
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}

/** A value at a path, or nothing. */
export function at(object: unknown, ...path: (string | number)[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null ? (value as Record<string | number, unknown>)[key] : undefined,
    object,
  );
}

/** A number at a path, or 0: what a status does not say is not there yet. */
export function countAt(object: unknown, ...path: (string | number)[]): number {
  const value = at(object, ...path);
  return typeof value === 'number' ? value : 0;
}

/** A text at a path, or nothing. */
export function textAt(object: unknown, ...path: (string | number)[]): string | undefined {
  const value = at(object, ...path);
  return typeof value === 'string' ? value : undefined;
}

/** A list at a path, or an empty one. */
export function listAt(object: unknown, ...path: (string | number)[]): unknown[] {
  const value = at(object, ...path);
  return Array.isArray(value) ? value : [];
}

/**
 * Where a live object lacks what was declared, as paths. Servers fill defaults in, write quantities their own way and
 * leave out what is empty; none of that is a difference. What the live object has beyond the declared one is its own.
 */
export function differences(declared: unknown, live: unknown, path = ''): string[] {
  if (isNothing(declared) && isNothing(live)) return [];
  if (Array.isArray(declared)) {
    if (!Array.isArray(live)) return [path];
    const others: unknown[] = live;
    const keyed = keyOf(declared);
    if (keyed === undefined) {
      if (declared.length !== others.length) return [path];
      return declared.flatMap((item, i) => differences(item, others[i], `${path}[${i}]`));
    }
    return declared.flatMap((item) => {
      const match = others.find((other) => keyed.every((key) => isDeepStrictEqual(at(other, key), at(item, key))));
      return differences(item, match, `${path}[${keyed.map((key) => String(at(item, key))).join('/')}]`);
    });
  }
  if (typeof declared === 'object' && declared !== null) {
    if (typeof live !== 'object' || live === null) return [path];
    return Object.entries(declared).flatMap(([key, value]) => {
      const inner = fieldOf(path, key);
      if (value === false && TRUE_UNLESS_SAID.includes(key)) return at(live, key) === false ? [] : [inner];
      return differences(value, at(live, key), inner);
    });
  }
  return sameScalar(declared, live, path) ? [] : [path];
}

/** The path of a field of what is at a path. */
export function fieldOf(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

/** Fields that no server leaves out where they are false, since they are true without. */
const TRUE_UNLESS_SAID = ['automountServiceAccountToken', 'allowPrivilegeEscalation'];

/** Whether a value is what a server leaves out: nothing, an empty list or map, a zero. */
function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false || value === 0) return true;
  // A list of one empty item is something: in a NetworkPolicy it lets everybody in.
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && Object.values(value).every(isNothing);
}

/** Lists whose items have names of their own are compared by them: the server may put them in another order. */
function keyOf(list: readonly unknown[]): string[] | undefined {
  const keys = [['name'], ['containerPort', 'protocol'], ['mountPath'], ['ip']];
  const hasNames = (key: readonly string[]): boolean => {
    const names = list.map((item) => key.map((part) => at(item, part)));
    const isUnique = new Set(names.map((name) => JSON.stringify(name))).size === list.length;
    return isUnique && names.flat().every((part) => part !== undefined);
  };
  return list.length > 0 ? keys.find(hasNames) : undefined;
}

/** Where the API has quantities: everywhere else a text is what it is. */
const QUANTITIES =
  /(^|\.)((limits|requests|capacity|hard)\..+|limits\[\d+\]\.(default|defaultRequest|max|min)\..+|sizeLimit|divisor)$/;
/** How far two numbers may be apart that are the same quantity, written in two ways. */
const ROUNDING = 1e-12;

function sameScalar(declared: unknown, live: unknown, path: string): boolean {
  if (declared === live) return true;
  if (!QUANTITIES.test(path)) return false;
  const a = quantity(declared);
  const b = quantity(live);
  return a !== undefined && b !== undefined && Math.abs(a - b) <= ROUNDING * Math.max(a, b);
}

const SUFFIXES: Readonly<Record<string, number>> = {
  '': 1, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18,
  Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60,
}; // prettier-ignore

/** A quantity of the API, such as 200m or 2Gi, as a number. */
function quantity(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  const [, digits, suffix = ''] = (typeof value === 'string' && /^(\d+(?:\.\d+)?)([a-zA-Z]{0,2})$/.exec(value)) || [];
  const factor = SUFFIXES[suffix];
  return digits === undefined || factor === undefined ? undefined : Number(digits) * factor;
}
