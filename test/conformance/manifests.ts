/**
 * The files that recorded calls name. They were not recorded, but what kubectl made of them was: apply notes each object as it
 * was written, and what was created is as the server answers it later.
 */
import { type Json, type KubeObject, at, clone, isDict, list, text } from '../stand-ins/json';
import { documents } from './compare';
import { FILES, type Recorded, recorded } from './recordings';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
/** What servers and controllers add to an object after its creation. */
const SERVERS = ['uid', 'resourceVersion', 'selfLink', 'creationTimestamp', 'generation', 'finalizers'];

/** All objects of an answer: itself, or the items of its list. */
export function objectsOf(json: Json): KubeObject[] {
  if (!isDict(json) || typeof json.kind !== 'string') return [];
  if (Array.isArray(json.items) && json.kind.endsWith('List')) {
    // The items of a list that the server sends do not say what they are.
    const { apiVersion } = json;
    const kind = json.kind.slice(0, -'List'.length);
    return list(json.items).flatMap((item) => objectsOf(isDict(item) ? { apiVersion, kind, ...item } : item));
  }
  return typeof json.apiVersion === 'string' && text(at(json, 'metadata', 'name')) !== '' ? [json as KubeObject] : [];
}

/** The context that a call names. */
export function contextOf(call: Recorded): string {
  const index = call.argv.findIndex((word) => word === '--context' || word.startsWith('--context='));
  const word = call.argv[index];
  if (word === undefined) return '';
  return word.includes('=') ? word.slice(word.indexOf('=') + 1) : (call.argv[index + 1] ?? '');
}

function asWritten(object: KubeObject): KubeObject {
  const applied = object.metadata.annotations?.[LAST_APPLIED];
  if (applied !== undefined) {
    const written = JSON.parse(applied) as KubeObject;
    if (Object.keys(written.metadata.annotations ?? {}).length === 0) delete written.metadata.annotations;
    if (written.metadata.namespace === '') delete written.metadata.namespace;
    return written;
  }
  const copy = clone(object);
  for (const field of SERVERS) Reflect.deleteProperty(copy.metadata, field);
  delete copy.status;
  delete copy.metadata.annotations;
  if (copy.metadata.namespace === '') delete copy.metadata.namespace;
  if (copy.kind === 'Namespace') delete copy.spec;
  if (copy.kind === 'ConfigMap') delete copy.data;
  return copy;
}

/** What each context showed of `kind name`, in the order of the recordings. */
const shown = new Map<string, KubeObject[]>();

function everything(): typeof shown {
  if (shown.size > 0) return shown;
  for (const call of FILES.flatMap(recorded)) {
    if (call.program !== 'kubectl' || !call.argv.includes('get')) continue;
    for (const object of (documents(call.stdout) ?? []).flatMap(objectsOf)) {
      for (const context of [contextOf(call), '']) {
        const key = `${context} ${object.kind.toLowerCase()} ${object.metadata.name}`;
        shown.set(key, [...(shown.get(key) ?? []), object]);
      }
    }
  }
  return shown;
}

/** What a call names: `kind "name" created`, `kinds "name" already exists`. */
function named(call: Recorded): { readonly kind: string; readonly name: string }[] {
  const refused = [...call.stderr.matchAll(/(\w+)s(?:\.\S+)? "([^"]+)" already exists$/gm)];
  const done = [...call.stdout.matchAll(/^(\S+) "([^"]+)" (?:created|configured|deleted)$/gm)];
  return [...refused, ...done].map(([, kind = '', name = '']) => ({ kind, name }));
}

/** The file or folder that a call names with `-f`, but standard input. */
export function fileOf(call: Recorded): string | undefined {
  const index = call.argv.findIndex((word) => word === '-f' || word.startsWith('--filename='));
  const word = call.argv[index] ?? '';
  const file = word.startsWith('--filename=') ? word.slice('--filename='.length) : call.argv[index + 1];
  return index < 0 || file === '-' ? undefined : file;
}

/** What stands in a file at the time of some recordings; undefined where no call says. */
export function manifestsIn(file: string, recordings: string): KubeObject[] | undefined {
  const all = [...recorded(recordings), ...FILES.flatMap(recorded)];
  const named_ = all.filter((call) => call.program === 'kubectl' && fileOf(call) === file);
  const makes = (call: Recorded): boolean => call.argv.includes('apply') || call.argv.includes('create');
  const calls = [...named_.filter(makes), ...named_.filter((call) => !makes(call))];
  for (const call of calls) {
    const objects = named(call).map(({ kind, name }) => {
      const found =
        everything().get(`${contextOf(call)} ${kind} ${name}`) ?? everything().get(` ${kind} ${name}`) ?? [];
      // What a later apply noted is as good as the first.
      return found.find((object) => object.metadata.annotations?.[LAST_APPLIED] !== undefined) ?? found[0];
    });
    const whole = objects.filter((object) => object !== undefined);
    if (whole.length > 0 && whole.length === objects.length) return whole.map(asWritten);
  }
  return undefined;
}
