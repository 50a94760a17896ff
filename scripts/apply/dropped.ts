import { isDeepStrictEqual } from 'node:util';
import { FIELD_MANAGER } from '../../lib/plan/commands';
import { at, fieldOf, KubeObject, listAt, textAt } from './objects';

/** Where `kubectl apply` notes what it has applied. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
/** What names the items of a list, the first that an item has. */
const ITEM_KEYS = ['name', 'containerPort', 'port', 'mountPath', 'ip'];

/**
 * What an object has only since it was declared once and is not any more, as paths: the next apply takes it away. What
 * others have added is none of it. Known by what the last apply has left on the object: kubectl's annotation, or the
 * fields that the server notes for a server-side apply.
 */
export function dropped(declared: KubeObject, live: KubeObject): string[] {
  const entries = listAt(live, 'metadata', 'managedFields');
  const own = entries.find(
    (entry) => textAt(entry, 'manager') === FIELD_MANAGER && textAt(entry, 'operation') === 'Apply',
  );
  if (own !== undefined) return ownedBeyond(at(own, 'fieldsV1'), declared, '');
  const noted = live.metadata.annotations?.[LAST_APPLIED];
  return noted === undefined ? [] : notedBeyond(readJson(noted), declared, '');
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Somebody has written it by hand: kubectl will say so when it next applies.
    return undefined;
  }
}

/** `fieldsV1` beside the declaration: `f:` is a field, `k:` an item by its key, `v:` an item by its value. */
function ownedBeyond(fields: unknown, declared: unknown, path: string): string[] {
  if (typeof fields !== 'object' || fields === null) return [];
  return Object.entries(fields).flatMap(([step, below]) => {
    const [kind, rest] = [step.slice(0, 2), step.slice(2)];
    if (kind === 'f:') {
      const value = at(declared, rest);
      return value === undefined ? [fieldOf(path, rest)] : ownedBeyond(below, value, fieldOf(path, rest));
    }
    if (kind !== 'k:' && kind !== 'v:') return [];
    const key = readJson(rest);
    const items = Array.isArray(declared) ? (declared as unknown[]) : [];
    if (kind === 'v:') return items.some((item) => isDeepStrictEqual(item, key)) ? [] : [`${path}[${String(key)}]`];
    const keys = Object.entries(key as Record<string, unknown>);
    // The server writes a part that has a default, such as a port's protocol, into the key though nobody has said it.
    const item = items.find((candidate) =>
      keys.every(([part, value]) => isDeepStrictEqual(at(candidate, part) ?? value, value)),
    );
    const where = `${path}[${keys.map(([, value]) => String(value)).join('/')}]`;
    return item === undefined ? [where] : ownedBeyond(below, item, where);
  });
}

/** What was applied last beside the declaration. */
function notedBeyond(last: unknown, declared: unknown, path: string): string[] {
  if (isEmpty(last)) return [];
  if (declared === undefined || declared === null) return [path];
  if (Array.isArray(last)) {
    if (!Array.isArray(declared)) return [path];
    return (last as unknown[]).flatMap((item) => {
      const key = ITEM_KEYS.find((candidate) => at(item, candidate) !== undefined);
      // Lists of other things are one value, which is compared as a whole.
      if (key === undefined) return [];
      const match = (declared as unknown[]).find((other) => isDeepStrictEqual(at(other, key), at(item, key)));
      return notedBeyond(item, match, `${path}[${String(at(item, key))}]`);
    });
  }
  if (typeof last !== 'object' || last === null) return [];
  return Object.entries(last).flatMap(([key, value]) => notedBeyond(value, at(declared, key), fieldOf(path, key)));
}

/**
 * Nothing, or maps and lists of nothing: some versions of kubectl note such for fields that were not declared, and kubectl
 * 1.8 notes `"namespace": ""` of cluster-scoped objects.
 */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  return typeof value === 'object' && Object.values(value).every(isEmpty);
}
