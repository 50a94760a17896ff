/** What kubectl's subcommands share: files, names, selectors, printing. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as semver from 'semver';
import { dump } from 'js-yaml';
import { type Call, Exit } from './call';
import { readDocuments } from './documents';
import type { Flags } from './flags';
import { type Dict, type Json, type KubeObject, at, dict, isDict, list, sorted, text } from './json';
import { schemaNoise } from './faults';
import { ApiError, ServerPanic } from './objects';
import { Complaint, type Problem, from, worded } from './problems';
import { permitted as permittedAs } from './rbac';
import { type ResourceType, groupOf, qualified, typeOfKind, typeOfWord, typesOf } from './resources';
import { type Target, connect } from './target';
import { sent } from './wire';
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

/** What a command reads: the documents, and what was wrong with the rest of the stream. */
export interface Input {
  readonly manifests: readonly Manifest[];
  readonly broken: readonly Complaint[];
  /** Whether it is one file of one document, which is then answered alone. */
  readonly single: boolean;
}

function parse(s: Session, content: string, source: string): Omit<Input, 'single'> {
  const { documents, broken } = readDocuments(content, s.release);
  const manifests: Manifest[] = [];
  const complaints: Complaint[] = [];
  const add = (document: Json): void => {
    if (document === null) return;
    if (isDict(document) && document.kind === 'List') {
      for (const item of list(document.items)) add(item);
      return;
    }
    if (isObject(document)) {
      manifests.push({ object: withMeta(document), source });
      return;
    }
    const missing = !isDict(document) || document.kind === undefined ? 'Kind' : 'apiVersion';
    complaints.push(
      new Complaint(`unable to decode "${source}": Object '${missing}' is missing in '${JSON.stringify(document)}'`),
    );
  };
  for (const document of documents) add(document);
  if (broken !== undefined) {
    complaints.push(new Complaint(s.atLeast('1.12.0') ? `error parsing ${source}: ${broken}` : broken));
  }
  return { manifests, broken: complaints };
}

function withMeta(object: KubeObject): KubeObject {
  const metadata = dict((object as Dict).metadata);
  return { ...object, metadata: { ...metadata, name: text(metadata.name) } };
}

/** What the `-f` arguments name: files, folders, standard input. */
export function input(s: Session): Input {
  const names = s.flags.items('filename');
  const read = names.flatMap((name) => {
    if (name === '-') return [parse(s, s.call.invocation.stdin, 'STDIN')];
    const file = path.resolve(s.call.invocation.cwd, name);
    let stat: fs.Stats;
    try {
      stat = fs.statSync(file);
    } catch {
      s.call.fail(`error: the path "${name}" does not exist`);
    }
    if (!stat.isDirectory()) return [parse(s, fs.readFileSync(file, 'utf8'), name)];
    const found = filesIn(file, s.flags.bool('recursive'));
    if (found.length === 0)
      s.call.fail(`error: error reading [${name}]: recognized file extensions are [.json .yaml .yml]`);
    return found.map((entry) => parse(s, fs.readFileSync(entry, 'utf8'), path.join(name, path.relative(file, entry))));
  });
  const manifests = read.flatMap((part) => part.manifests);
  return {
    manifests,
    broken: read.flatMap((part) => part.broken),
    single: manifests.length === 1 && names.length === 1 && names[0] !== '-',
  };
}

/** All documents of the `-f` arguments, where every one of them has to be sound. */
export function manifests(s: Session): readonly Manifest[] {
  const read = input(s);
  if (read.broken.length > 0) throw new Exit(1, worded(read.broken));
  return read.manifests;
}

/**
 * Runs a command's body for each item. What goes wrong with one does not stop the others, and is said when all are done.
 * `doing` and `source`: what the command does with a file, for its messages.
 */
export async function each<T>(
  s: Session,
  items: readonly T[],
  body: (item: T) => Promise<void>,
  problems: Problem[] = [],
  where?: (item: T) => { readonly doing: string; readonly source: string },
): Promise<number> {
  for (const item of items) {
    try {
      await body(item);
    } catch (error) {
      if (error instanceof ServerPanic) s.call.strike('panic');
      if (!(error instanceof ApiError || error instanceof Complaint)) throw error;
      const place = error instanceof ApiError ? where?.(item) : undefined;
      problems.push(place === undefined ? error : from(error, place.doing, place.source));
    }
  }
  s.call.err(worded(problems));
  return problems.length > 0 ? 1 : 0;
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
  /** It came out of a list. */
  readonly listed?: boolean;
}

/** kubectl's complaint about a file of a kind that the server does not serve. */
export function unrecognized({ atLeast }: Pick<Session, 'atLeast'>, manifest: Manifest): Complaint {
  const { apiVersion, kind, metadata } = manifest.object;
  const what = atLeast('1.10.0')
    ? `no matches for kind "${kind}" in version "${apiVersion}"`
    : `no matches for ${groupOf(apiVersion)}/, Kind=${kind}`;
  if (!atLeast('1.24.0')) return new Complaint(`unable to recognize "${manifest.source}": ${what}`);
  const where = `name: "${metadata.name}" namespace: "${text(metadata.namespace)}" from "${manifest.source}"`;
  return new Complaint(`resource mapping not found for ${where}: ${what}\nensure CRDs are installed first`);
}

/**
 * The type of a manifest, in the version in which it is asked for. Up to 1.9 kubectl looks for the kind in the group, and takes
 * the version that the server has.
 */
function mapped(s: Session, object: KubeObject): { readonly type: ResourceType; readonly version: string } | undefined {
  const { cluster } = s.target();
  const exact = typeOfKind(cluster, object.apiVersion, object.kind);
  if (exact !== undefined) return { type: exact, version: object.apiVersion };
  if (s.atLeast('1.10.0')) return undefined;
  const group = groupOf(object.apiVersion);
  for (const type of typesOf(cluster)) {
    if (type.kind !== object.kind) continue;
    const version = type.versions.find((served_) => groupOf(served_) === group);
    if (version !== undefined) return { type, version };
  }
  return undefined;
}

/** Where a manifest goes; undefined where the server does not serve its kind. */
export function itemOf(s: Session, manifest: Manifest): Item | undefined {
  const { object } = manifest;
  const found = mapped(s, object);
  if (found === undefined) return undefined;
  const { type, version } = found;
  const given = s.flags.value('namespace');
  const own = object.metadata.namespace;
  if (type.namespaced && given !== undefined && own !== undefined && own !== given) {
    throw new Complaint(
      `the namespace from the provided object "${own}" does not match the namespace "${given}". You must pass '--namespace=${own}' to perform this operation.`,
    );
  }
  return {
    type,
    version,
    namespace: type.namespaced ? (own ?? s.namespace()) : undefined,
    name: object.metadata.name,
    manifest: object,
  };
}

/** The server takes no object of a version that it does not know, whatever its address. */
export function needKnown(item: Item): void {
  const { apiVersion = item.version, kind = '' } = item.manifest ?? {};
  if (apiVersion === item.version) return;
  const version = apiVersion.slice(apiVersion.indexOf('/') + 1);
  throw new ApiError(
    'BadRequest',
    `${kind} in version "${version}" cannot be handled as a ${kind}: no kind "${kind}" is registered for version "${apiVersion}"`,
  );
}

/** Fields whose values are texts, one by one. */
const TEXTS: readonly (readonly string[])[] = [
  ['data'],
  ['metadata', 'annotations'],
  ['metadata', 'labels'],
  ['spec', 'selector', 'matchLabels'],
  ['spec', 'template', 'metadata', 'labels'],
  ['spec', 'template', 'spec', 'nodeSelector'],
];

/** The server decodes an object before it looks at it: what is to be a text has to be one. */
export function needDecodable(s: Session, object: KubeObject): void {
  for (const path_ of TEXTS) {
    if (path_[0] === 'data' && !['ConfigMap', 'Secret'].includes(object.kind)) continue;
    for (const [key, value] of Object.entries(dict(at(object, ...path_)))) {
      if (typeof value === 'string' || value === null || value === undefined) continue;
      const { apiVersion, kind } = object;
      const version = apiVersion.slice(apiVersion.indexOf('/') + 1);
      const body = JSON.stringify(sorted(object));
      const start = JSON.stringify(value).slice(0, 1);
      const field = `${JSON.stringify(key)}:`;
      const position = body.indexOf(field + start) + field.length + 1;
      const why = s.target().api.atLeast('1.10.0')
        ? `json: cannot unmarshal ${typeof value} into Go struct field ${kind}.${path_.join('.')} of type string`
        : `[pos ${position}]: json: expect char '"' but got char '${start}'`;
      throw new ApiError('BadRequest', `${kind} in version "${version}" cannot be handled as a ${kind}: ${why}`);
    }
  }
}

/** The type that a word names, or kubectl's complaint. */
export function typeFor(s: Session, word: string): { type: ResourceType; version: string } {
  const found = typeOfWord(s.target().cluster, word);
  if (found === undefined) {
    const [name = '', ...group] = word.split('.');
    // Up to 1.9 the words stand alone.
    const where = group.length > 0 && !s.atLeast('1.10.0') ? ` in group "${group.join('.')}"` : '';
    s.call.fail(`${s.atLeast('1.10.0') ? 'error: ' : ''}the server doesn't have a resource type "${name}"${where}`);
  }
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

/** An object in the version that was asked for, as kubectl prints it. */
export function shown(
  s: Session,
  item: Pick<Item, 'type' | 'version'>,
  object: KubeObject,
  managed = false,
): KubeObject {
  const copy = sent(s.target().api, item.type, item.version, object);
  if (!managed) delete copy.metadata.managedFields;
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
  else if ((output === 'json' || output === 'yaml') && object !== undefined) print(s, shown(s, item, object), output);
  else s.call.out(`${label(s, item)} ${what}\n`);
}

export function print(s: Session, value: Json, output: string): void {
  s.call.out(output === 'json' ? `${JSON.stringify(sorted(value), null, 4)}\n` : dump(sorted(value)));
}

/** Whether the caller, or the one that `--as` names, has a right. */
export function permitted(
  s: Session,
  verb: string,
  type: Pick<ResourceType, 'plural'>,
  group: string,
  namespace: string | undefined,
): boolean {
  const wanted = { verb, group, plural: type.plural, namespace };
  return permittedAs(s.world, s.target().api, s.flags.value('as'), wanted);
}

const METHODS: Readonly<Record<string, string>> = { list: 'get', create: 'post', update: 'put' };

/** Whether the user may; else the server's refusal. */
export function need(
  s: Session,
  verb: string,
  type: ResourceType,
  version: string,
  namespace: string | undefined,
  name: string,
): void {
  const { cluster, api } = s.target();
  const group = groupOf(version);
  if (type.custom && s.world.isHeld(cluster.name, 'CustomResourceDefinition', undefined, qualified(type, version))) {
    // The definition is known, and not served yet.
    const request = `${METHODS[verb] ?? verb} ${qualified(type, version)}`;
    throw new ApiError('NotFound', `the server could not find the requested resource (${request})`);
  }
  if (permitted(s, verb, type, group, namespace)) return;
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const user = `User "${s.flags.value('as') ?? `${cluster.name}-admin`}"`;
  const what = qualified(type, version);
  // The address of a create ends with the type.
  const named_ = name === '' || verb === 'create' ? undefined : name;
  if (!api.atLeast('1.8.0')) {
    const request = [METHODS[verb] ?? verb, what, ...(named_ === undefined ? [] : [named_])].join(' ');
    throw new ApiError('Forbidden', `${user} cannot ${verb} ${what} ${where}. (${request})`);
  }
  const rights = api.atLeast('1.12.0') ? `resource "${type.plural}" in API group "${group}"` : what;
  const subject = named_ === undefined ? what : `${what} "${named_}"`;
  throw new ApiError('Forbidden', `${subject} is forbidden: ${user} cannot ${verb} ${rights} ${where}`);
}

/** kubectl 1.8 and 1.9 ask for the schema, which needs a right of its own. */
export function warnOfSchema(s: Session): void {
  const as = s.flags.value('as');
  if (as === undefined || !s.atLeast('1.8.0') || s.atLeast('1.10.0')) return;
  if (permitted(s, 'get', { plural: '*' }, '*', undefined)) return;
  s.call.err(schemaNoise(`User "${as}" cannot get path "/swagger-2.0.0.pb-v1".`));
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
