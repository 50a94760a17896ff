/** What kubectl's subcommands share: files, names, selectors, printing. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as semver from 'semver';
import { dump, loadAll } from 'js-yaml';
import type { Call } from './call';
import type { Flags } from './flags';
import {
  type Dict,
  type Json,
  type KubeObject,
  NoJson,
  at,
  clone,
  dict,
  isDict,
  jsonStream,
  list,
  sorted,
  text,
} from './json';
import { ApiError } from './objects';
import { type ResourceType, groupOf, qualified, typeOfKind, typeOfWord } from './resources';
import { type Target, connect } from './target';
import type { World } from './world';

export interface Session {
  readonly world: World;
  readonly call: Call;
  readonly flags: Flags;
  readonly release: string;
  /** Connects to the API server, once. */
  readonly target: () => Target;
  /** Whether kubectl is at least of this version. */
  readonly atLeast: (version: string) => boolean;
  /** The namespace that `-n` or the context says. */
  readonly namespace: () => string;
}

export function session(world: World, call: Call, flags: Flags, release: string): Session {
  let target: Target | undefined;
  const connected = (): Target =>
    (target ??= connect(world, call, {
      context: flags.value('context'),
      kubeconfig: flags.value('kubeconfig'),
      cluster: flags.value('cluster'),
    }));
  return {
    world,
    call,
    flags,
    release,
    target: connected,
    atLeast: (version) => semver.gte(semver.coerce(release)?.version ?? '1.7.3', version),
    namespace: () => flags.value('namespace') ?? connected().namespace,
  };
}

/** A document of a file, with its source for messages. */
export interface Manifest {
  readonly object: KubeObject;
  readonly source: string;
}

function isObject(value: Json): value is KubeObject {
  return isDict(value) && typeof value.apiVersion === 'string' && typeof value.kind === 'string';
}

/**
 * The documents of a file. What begins with `{` is JSON; only from 1.33 on kubectl goes over to YAML where something else
 * follows.
 */
function read({ atLeast }: Pick<Session, 'atLeast'>, content: string): unknown[] {
  if (!content.trimStart().startsWith('{')) return loadAll(content);
  try {
    return jsonStream(content);
  } catch (error) {
    if (error instanceof NoJson && atLeast('1.33.0')) return loadAll(content);
    throw error;
  }
}

function parse(s: Session, content: string, source: string): Manifest[] {
  const call: Call = s.call;
  let documents: unknown[];
  try {
    documents = read(s, content);
  } catch (error) {
    if (error instanceof NoJson) {
      if (!s.atLeast('1.9.0')) call.fail(`error: json: line 1: ${error.message}`);
      call.fail(`error: error parsing ${source}: json: offset ${error.offset}: ${error.message}`);
    }
    call.fail(
      `error: error parsing ${source}: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)}`,
    );
  }
  return documents.flatMap((document) => {
    const plain = JSON.parse(JSON.stringify(document ?? null)) as Json;
    if (plain === null) return [];
    if (!isObject(plain)) {
      if (!isDict(plain) || plain.kind === undefined)
        call.fail(`error: unable to decode "${source}": Object 'Kind' is missing in '${JSON.stringify(plain)}'`);
      call.fail(`error: unable to decode "${source}": Object 'apiVersion' is missing in '${JSON.stringify(plain)}'`);
    }
    if (plain.kind === 'List') {
      return list(plain.items).flatMap((item) => (isObject(item) ? [{ object: withMeta(item), source }] : []));
    }
    return [{ object: withMeta(plain), source }];
  });
}

function withMeta(object: KubeObject): KubeObject {
  const metadata = dict((object as Dict).metadata);
  return { ...object, metadata: { ...metadata, name: text(metadata.name) } };
}

/** All documents of the `-f` arguments: files, folders, standard input. */
export function manifests(s: Session): Manifest[] {
  return s.flags.items('filename').flatMap((name) => {
    if (name === '-') return parse(s, s.call.invocation.stdin, 'STDIN');
    const file = path.resolve(s.call.invocation.cwd, name);
    let stat: fs.Stats;
    try {
      stat = fs.statSync(file);
    } catch {
      s.call.fail(`error: the path "${name}" does not exist`);
    }
    if (!stat.isDirectory()) return parse(s, fs.readFileSync(file, 'utf8'), name);
    const found = filesIn(file, s.flags.bool('recursive'));
    if (found.length === 0)
      s.call.fail(`error: error reading [${name}]: recognized file extensions are [.json .yaml .yml]`);
    return found.flatMap((entry) => parse(s, fs.readFileSync(entry, 'utf8'), entry));
  });
}

function filesIn(folder: string, deep: boolean): string[] {
  return fs
    .readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const full = path.join(folder, entry.name);
      if (entry.isDirectory()) return deep ? filesIn(full, deep) : [];
      return /\.(json|ya?ml)$/.test(entry.name) ? [full] : [];
    });
}

/** A place that a command works on: a type in one of its versions, and a name. */
export interface Item {
  readonly type: ResourceType;
  readonly version: string;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly manifest?: KubeObject;
}

/** kubectl's complaint about a file of a kind that the server does not serve. */
export function unrecognized({ atLeast }: Pick<Session, 'atLeast'>, manifest: Manifest): string {
  const { apiVersion, kind } = manifest.object;
  const what = atLeast('1.10.0')
    ? `kind "${kind}" in version "${apiVersion}"`
    : `${groupOf(apiVersion)}/, Kind=${kind}`;
  return `unable to recognize "${manifest.source}": no matches for ${what}`;
}

/** Where a manifest goes; undefined where the server does not serve its kind in its version. */
export function itemOf(s: Session, manifest: Manifest): Item | undefined {
  const { object } = manifest;
  const { cluster } = s.target();
  const type = typeOfKind(cluster, object.apiVersion, object.kind);
  if (type === undefined) return undefined;
  const given = s.flags.value('namespace');
  const own = object.metadata.namespace;
  if (type.namespaced && given !== undefined && own !== undefined && own !== given) {
    s.call.fail(
      `error: the namespace from the provided object "${own}" does not match the namespace "${given}". You must pass '--namespace=${own}' to perform this operation.`,
    );
  }
  return {
    type,
    version: object.apiVersion,
    namespace: type.namespaced ? (own ?? s.namespace()) : undefined,
    name: object.metadata.name,
    manifest: object,
  };
}

/** The type that a word names, or kubectl's complaint. */
export function typeFor(s: Session, word: string): { type: ResourceType; version: string } {
  const found = typeOfWord(s.target().cluster, word);
  if (found === undefined) s.call.fail(`error: the server doesn't have a resource type "${word}"`);
  return found;
}

/** `pods a b`, `deploy/x svc/y`, `deploy,svc`: what the arguments name; without names, whole types. */
export function named(
  s: Session,
  args: readonly string[],
): { readonly items: Item[]; readonly types: { type: ResourceType; version: string }[] } {
  const [first = ''] = args;
  const space = (type: ResourceType): string | undefined => (type.namespaced ? s.namespace() : undefined);
  if (args.some((arg) => arg.includes('/'))) {
    const items = args.map((arg) => {
      const [word = '', name = '', ...more] = arg.split('/');
      if (name === '' || more.length > 0) {
        s.call.fail(
          `error: there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'`,
        );
      }
      const { type, version } = typeFor(s, word);
      return { type, version, namespace: space(type), name };
    });
    return { items, types: [] };
  }
  const types = first.split(',').map((word) => typeFor(s, word));
  const names = args.slice(1);
  return {
    items: types.flatMap(({ type, version }) => names.map((name) => ({ type, version, namespace: space(type), name }))),
    types: names.length === 0 ? types : [],
  };
}

/** Whether labels fit a `-l` expression: `a=b,c!=d,e,!f,g in (x,y)`. */
export function selects(expression: string, labels: Record<string, string> | undefined): boolean {
  const parts = expression.match(/[^,(]+(\([^)]*\))?/g) ?? [];
  return parts.every((part) => {
    const word = part.trim();
    const set = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(word);
    if (set !== null) {
      const values = (set[3] ?? '').split(',').map((value) => value.trim());
      const inside = values.includes(labels?.[set[1] ?? ''] ?? '\u0000');
      return set[2] === 'in' ? inside : !inside;
    }
    const [, key = '', operator, value] = /^([^=!]+?)\s*(!=|==?)\s*(.*)$/.exec(word) ?? [];
    if (operator !== undefined) return operator === '!=' ? labels?.[key] !== value : labels?.[key] === value;
    return word.startsWith('!') ? labels?.[word.slice(1)] === undefined : labels?.[word] !== undefined;
  });
}

/** An object in the version that was asked for, as the server sends it. */
export function shown(object: KubeObject, version: string, managedFields = false): KubeObject {
  const copy = clone(object);
  copy.apiVersion = version;
  if (!managedFields) delete copy.metadata.managedFields;
  return copy;
}

/** `deployment "x"` up to 1.9, `deployment.extensions "x"` in 1.10, `deployment.extensions/x` since. */
export function label(s: Session, item: Item): string {
  const group = groupOf(item.version);
  if (!s.atLeast('1.10.0')) return `${item.type.singular} "${item.name}"`;
  const full = group === '' ? item.type.singular : `${item.type.singular}.${group}`;
  return s.atLeast('1.11.0') ? `${full}/${item.name}` : `${full} "${item.name}"`;
}

/** What `-o name` prints. */
export function shortName(s: Session, item: Item): string {
  if (!s.atLeast('1.10.0')) return `${item.type.plural}/${item.name}`;
  const group = groupOf(item.version);
  return `${group === '' ? item.type.singular : `${item.type.singular}.${group}`}/${item.name}`;
}

/** Prints an object that a command changed, or the line that says what happened to it. */
export function report(s: Session, item: Item, object: KubeObject | undefined, what: string): void {
  const output = s.flags.value('output');
  if (output === 'name') s.call.out(`${shortName(s, item)}\n`);
  else if ((output === 'json' || output === 'yaml') && object !== undefined)
    print(s, shown(object, item.version), output);
  else s.call.out(`${label(s, item)} ${what}\n`);
}

export function print(s: Session, value: Json, output: string): void {
  s.call.out(output === 'json' ? `${JSON.stringify(sorted(value), null, 4)}\n` : dump(sorted(value)));
}

/** Whether the user may; else the server's refusal. */
export function need(
  s: Session,
  verb: string,
  type: ResourceType,
  version: string,
  namespace: string | undefined,
  name: string,
): void {
  const { cluster } = s.target();
  if (s.world.allowed(cluster.name, verb, type.plural, namespace)) return;
  const group = groupOf(version);
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const user = `User "${cluster.name}-admin"`;
  const old = !s.target().api.atLeast('1.12.0');
  throw new ApiError(
    'Forbidden',
    old
      ? `${user} cannot ${verb} ${qualified(type, version)} ${where}. (${verb} ${qualified(type, version)}${name === '' ? '' : ` ${name}`})`
      : `${qualified(type, version)}${name === '' ? '' : ` "${name}"`} is forbidden: ${user} cannot ${verb} resource "${type.plural}" in API group "${group}" ${where}`,
  );
}

function plain(value: Json | undefined): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}

function evaluate(values: readonly Json[], expression: string): Json[] | undefined {
  let found: Json[] = [...values];
  let index = 0;
  // Dots in keys are written as `\.`.
  const source = expression.replace(/^\$/, '').replaceAll('\\.', '\u0001');
  const restored = (value: string): string => value.replaceAll('\u0001', '.');
  const step = /\.([^.[\]\s]+)|\['([^']+)'\]|\[\?\(@\.([\w.]+)\s*==\s*["']?([^"')]*)["']?\)\]|\[(\d+|\*)\]/y;
  while (index < source.length) {
    step.lastIndex = index;
    const match = step.exec(source);
    if (match === null) return undefined;
    index = step.lastIndex;
    const [, field, quoted, test, wanted, number] = match;
    const key = restored(field ?? quoted ?? '');
    found = found.flatMap((value): Json[] => {
      if (test !== undefined) return list(value).filter((item) => plain(at(item, ...test.split('.'))) === wanted);
      if (number === '*' || key === '*')
        return Array.isArray(value) ? value : Object.values(dict(value)).map((item) => item ?? null);
      const item = number === undefined ? at(value, key) : at(value, Number(number));
      return item === undefined ? [] : [item];
    });
  }
  return found;
}

/** Simple jsonpath: paths, `[*]`, `[0]`, filters by one equality, literal text, `{range}` over one path. */
export function jsonpath(value: Json, template: string): string | undefined {
  const pieces = template.match(/\{[^}]*\}|[^{]+/g) ?? [];
  const render = (from: number, until: number, context: Json): string | undefined => {
    let out = '';
    for (let index = from; index < until; index += 1) {
      const piece = pieces[index] ?? '';
      if (!piece.startsWith('{')) {
        out += piece.replaceAll('\\n', '\n').replaceAll('\\t', '\t');
        continue;
      }
      const inner = piece.slice(1, -1).trim();
      const quoted = /^["'](.*)["']$/.exec(inner);
      if (quoted !== null) {
        out += (quoted[1] ?? '').replaceAll('\\n', '\n').replaceAll('\\t', '\t');
        continue;
      }
      if (inner === 'end') continue;
      if (inner.startsWith('range ')) {
        const end = pieces.findIndex((other, at_) => at_ > index && other === '{end}');
        const items = evaluate([context], inner.slice(6).replace(/^@/, '').trim());
        if (items === undefined || end < 0) return undefined;
        for (const item of items) {
          const part = render(index + 1, end, item);
          if (part === undefined) return undefined;
          out += part;
        }
        index = end;
        continue;
      }
      const found = evaluate([context], inner.replace(/^@/, ''));
      if (found === undefined) return undefined;
      out += found.map(plain).join(' ');
    }
    return out;
  };
  return render(0, pieces.length, value);
}
