/** The subcommands of kubectl that change objects. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { dump, load } from 'js-yaml';
import { duration } from './call';
import { type Dict, type Json, type KubeObject, at, clone, dict, list, num, same, sorted, strings } from './json';
import { review } from './kubectl-config';
import {
  type Item,
  type Manifest,
  type Session,
  each,
  input,
  itemOf,
  label,
  manifests,
  named,
  need,
  needDecodable,
  needKnown,
  report,
  selects,
  shown,
  unrecognized,
  warnOfSchema,
} from './kubectl-common';
import { PatchError, jsonPatch, mergePatch, strategicPatch, threeWay } from './merge';
import { ApiError, ApiServer, InvalidError, type WriteOptions } from './objects';
import { serverSideApply } from './ownership';
import { Complaint, type Problem, from } from './problems';
import { type ResourceType, groupOf, qualified, typeOfKind } from './resources';
import { refusal } from './validate';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

type DryRun = 'none' | 'client' | 'server';

function dryRun(s: Session): DryRun {
  const value = s.flags.value('dry-run');
  if (value === undefined || value === 'false' || value === 'none') return 'none';
  if (!s.atLeast('1.18.0')) {
    if (value !== 'true')
      s.call.fail(
        `Error: invalid argument "${value}" for --dry-run=${value}: strconv.ParseBool: parsing "${value}": invalid syntax`,
      );
    return 'client';
  }
  if (value !== 'client' && value !== 'server' && value !== 'true')
    s.call.fail(`error: Invalid dry-run value (${value}). Must be "none", "server", or "client".`);
  return value === 'server' ? 'server' : 'client';
}

const suffix: Readonly<Record<DryRun, string>> = { none: '', client: ' (dry run)', server: ' (server dry run)' };

/** A server on a copy of the state: what it makes of a write is seen, and nothing is kept. */
function rehearsal(s: Session): ApiServer {
  return new ApiServer(clone(s.target().cluster), {
    changed: () => undefined,
    randomName: (prefix) => `${prefix}xxxxx`,
    isSlow: () => false,
    isHeld: () => false,
  });
}

/** Where a manifest goes, once kubectl and the server have looked at it. */
function placed(s: Session, manifest: Manifest): Item {
  if (s.flags.bool('validate', true)) {
    const parties = { kubectl: s.release, server: s.target().cluster.version };
    const problem = refusal(manifest.object, manifest.source, parties);
    if (problem !== undefined) throw problem;
  }
  const item = itemOf(s, manifest);
  if (item === undefined) throw unrecognized(s, manifest);
  needDecodable(s, manifest.object);
  return item;
}

/** Runs a command's body for each manifest of its files. */
function eachManifest(s: Session, doing: string, body: (manifest: Manifest) => Promise<void>): Promise<number> {
  const { manifests, broken } = input(s);
  return each(s, manifests, body, [...broken], ({ source }) => ({ doing, source }));
}

/** The object as apply sends it: in its namespace, with itself in the annotation. */
function annotated(s: Session, item: Item, object: KubeObject): KubeObject {
  const bare = clone(object);
  const { [LAST_APPLIED]: dropped, ...annotations } = strings(bare.metadata.annotations);
  bare.metadata.annotations = dropped === undefined ? strings(bare.metadata.annotations) : annotations;
  if (item.namespace !== undefined) bare.metadata.namespace = item.namespace;
  // Up to 1.9 kubectl sets the namespace, be it an empty one.
  else if (!s.atLeast('1.10.0')) bare.metadata.namespace = '';
  const written = `${goJson(bare)}\n`;
  if (item.namespace === undefined) delete bare.metadata.namespace;
  bare.metadata.annotations = { ...bare.metadata.annotations, [LAST_APPLIED]: written };
  return bare;
}

function original(current: KubeObject): Json | undefined {
  const written = current.metadata.annotations?.[LAST_APPLIED];
  if (written === undefined || written === '') return undefined;
  try {
    return JSON.parse(written) as Json;
  } catch {
    return undefined;
  }
}

/** What client-side apply would make of the present object. */
function applied(s: Session, item: Item, current: KubeObject, object: KubeObject): KubeObject {
  return threeWay(original(current), annotated(s, item, object), current, [], item.type.custom) as KubeObject;
}

function applyServerSide(s: Session, api: ApiServer, item: Item, object: KubeObject): KubeObject {
  if (!api.atLeast('1.16.0')) {
    throw new ApiError(
      'UnsupportedMediaType',
      'the server responded with the status code 415 but did not return more information',
    );
  }
  const manager = s.flags.value('field-manager') ?? 'kubectl';
  const current = api.get(item.type, item.namespace, item.name);
  const wanted = {
    ...object,
    metadata: { ...object.metadata, ...(item.namespace === undefined ? {} : { namespace: item.namespace }) },
  };
  const { object: result, conflicts } = serverSideApply(current, wanted, manager, s.flags.bool('force-conflicts'));
  if (conflicts.length > 0) {
    const groups = new Map<string, string[]>();
    for (const conflict of conflicts) {
      const who = `"${conflict.manager}"${conflict.operation === 'Update' ? ` using ${conflict.apiVersion}` : ''}`;
      groups.set(who, [...(groups.get(who) ?? []), conflict.field]);
    }
    const parts = [...groups].map(([who, fields]) =>
      fields.length === 1
        ? `conflict with ${who}: ${fields[0] ?? ''}`
        : `conflicts with ${who}:\n${fields.map((field) => `- ${field}`).join('\n')}`,
    );
    throw new Complaint(
      `Apply failed with ${conflicts.length} conflict${conflicts.length === 1 ? '' : 's'}: ${parts.join('\n')}\n` +
        'Please review the fields above--they currently have other managers. Here\nare the ways you can resolve this warning:\n' +
        '* If you intend to manage all of these fields, please re-run the apply\n  command with the `--force-conflicts` flag.',
    );
  }
  const options: WriteOptions = { manager, operation: 'Apply' };
  if (current === undefined) return api.create(item.type, result, item.namespace, options);
  return api.update(item.type, result, options);
}

export async function applyCommand(s: Session): Promise<number> {
  const { call, flags } = s;
  if (!flags.has('filename')) s.call.fail('error: must specify one of -f and -k');
  const dry = dryRun(s);
  const { manifests, broken } = input(s);
  if (manifests.length === 0 && broken.length === 0) s.call.fail('error: no objects passed to apply');
  const selector = flags.value('selector');
  s.target();
  warnOfSchema(s);
  let doing = 'creating';
  const body = async (manifest: Manifest): Promise<void> => {
    doing = 'creating';
    if (selector !== undefined && !selects(selector, strings(manifest.object.metadata.labels))) return;
    const item = placed(s, manifest);
    const api = dry === 'server' ? rehearsal(s) : s.target().api;
    const write = <T>(change: () => T): Promise<T> =>
      dry === 'server' ? Promise.resolve(change()) : call.write(change);
    const current = s.target().api.get(item.type, item.namespace, item.name);
    needKnown(item);
    if (s.atLeast('1.12.0')) {
      doing = retrieving(item);
      need(s, 'get', item.type, item.version, item.namespace, item.name);
      doing = 'creating';
    }
    need(s, current === undefined ? 'create' : 'patch', item.type, item.version, item.namespace, item.name);
    if (flags.bool('server-side')) {
      const result = await write(() => applyServerSide(s, api, item, manifest.object));
      report(s, item, result, `serverside-applied${suffix[dry]}`);
      return;
    }
    if (current === undefined) {
      const made =
        dry === 'client'
          ? manifest.object
          : await write(() =>
              api.create(item.type, annotated(s, item, manifest.object), item.namespace, {
                manager: 'kubectl-client-side-apply',
              }),
            );
      report(s, item, made, `created${suffix[dry]}`);
      return;
    }
    doing = 'applying';
    if (original(current) === undefined) {
      call.err(
        `Warning: ${s.atLeast('1.18.0') ? `resource ${item.type.plural}/${item.name} is missing the ${LAST_APPLIED} annotation which is required by kubectl apply. kubectl apply` : 'kubectl apply'} should ${s.atLeast('1.18.0') ? 'only ' : ''}be used on ${s.atLeast('1.18.0') ? 'resources' : 'resource'} created ${s.atLeast('1.18.0') ? 'declaratively ' : ''}by either kubectl create --save-config or kubectl apply${s.atLeast('1.18.0') ? '. The missing annotation will be patched automatically.' : ''}\n`,
      );
    }
    const wanted = { ...applied(s, item, current, manifest.object), apiVersion: item.version };
    const result =
      dry === 'client'
        ? wanted
        : await write(() => api.update(item.type, wanted, { manager: 'kubectl-client-side-apply' }));
    const changed =
      dry === 'client'
        ? !same(wanted, { ...current, apiVersion: item.version })
        : result.metadata.resourceVersion !== current.metadata.resourceVersion;
    // kubectl 1.8 knows no "unchanged".
    report(s, item, result, `${changed || !s.atLeast('1.9.0') ? 'configured' : 'unchanged'}${suffix[dry]}`);
  };
  return each(s, manifests, body, [...broken], ({ source }) => ({ doing, source }));
}

/** How newer ones name what they do first. */
function retrieving({ type, version, namespace = '', name }: Item): string {
  const group = groupOf(version);
  const [resource, kind] = [`${group}/${version.slice(version.indexOf('/') + 1)}, Resource=${type.plural}`, type.kind];
  const what = resource.replace(`Resource=${type.plural}`, `Kind=${kind}`);
  return `retrieving current configuration of:\nResource: "${resource}", GroupVersionKind: "${what}"\nName: "${name}", Namespace: "${namespace}"\nfrom server for:`;
}

/** Go's JSON writes three letters as numbers. */
function goJson(value: Json): string {
  const escaped: Readonly<Record<string, string>> = { '<': '\\u003c', '>': '\\u003e', '&': '\\u0026' };
  return JSON.stringify(sorted(value)).replace(/[<>&]/g, (letter) => escaped[letter] ?? letter);
}

async function createNamed(s: Session, kind: string, words: readonly string[]): Promise<number> {
  const { call, flags } = s;
  const name = words[words.length - 1];
  if (name === undefined || name === '') s.call.fail('error: exactly one NAME is required, got 0');
  const { cluster, api } = s.target();
  const objects: Record<string, () => KubeObject> = {
    namespace: () => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }),
    serviceaccount: () => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } }),
    configmap: () => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name },
      data: { ...literals(flags.all('from-literal')), ...files(s) },
    }),
    clusterrolebinding: () => ({
      apiVersion:
        typeOfKind(cluster, 'rbac.authorization.k8s.io/v1', 'ClusterRoleBinding') === undefined
          ? 'rbac.authorization.k8s.io/v1beta1'
          : 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: flags.value('clusterrole') ?? '' },
      subjects: flags.items('serviceaccount').map((account) => {
        const [namespace = '', subject = ''] = account.split(':');
        return { kind: 'ServiceAccount', name: subject, namespace };
      }),
    }),
  };
  const services: Record<string, () => KubeObject> = {
    clusterip: () => {
      const ports = flags.all('tcp').map((pair): Dict => {
        const [port = '', target = port] = pair.split(':');
        return { name: pair.replace(':', '-'), port: Number(port), protocol: 'TCP', targetPort: Number(target) };
      });
      const labels = { app: name };
      return {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name, labels },
        spec: { type: 'ClusterIP', ports, selector: labels },
      };
    },
  };
  const short: Record<string, string> = { ns: 'namespace', sa: 'serviceaccount', cm: 'configmap' };
  const make = kind === 'service' ? services[words[0] ?? ''] : objects[short[kind] ?? kind];
  if (make === undefined) s.call.fail(`error: unknown command "create ${kind}"`);
  const object = make();
  const type = typeOfKind(cluster, object.apiVersion, object.kind);
  if (type === undefined)
    s.call.fail(`error: unable to recognize: no matches for kind "${object.kind}" in version "${object.apiVersion}"`);
  const item: Item = { type, version: object.apiVersion, namespace: type.namespaced ? s.namespace() : undefined, name };
  need(s, 'create', type, item.version, item.namespace, name);
  const dry = dryRun(s);
  const made =
    dry === 'none'
      ? await call.write(() => api.create(type, object, item.namespace, { manager: 'kubectl-create' }))
      : object;
  report(s, item, made, `created${suffix[dry]}`);
  return 0;
}

function literals(values: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    values.map((value) => [value.slice(0, value.indexOf('=')), value.slice(value.indexOf('=') + 1)]),
  );
}

function files(s: Session): Record<string, string> {
  return Object.fromEntries(
    s.flags.all('from-file').map((value) => {
      const equals = value.indexOf('=');
      const file = path.resolve(s.call.invocation.cwd, value.slice(equals + 1));
      return [equals < 0 ? path.basename(file) : value.slice(0, equals), fs.readFileSync(file, 'utf8')];
    }),
  );
}

export async function createCommand(s: Session): Promise<number> {
  const { call, flags } = s;
  if (!flags.has('filename')) {
    const [kind, ...words] = flags.args;
    if (kind === undefined) s.call.fail('Error: must specify one of -f and -k');
    return createNamed(s, kind, words);
  }
  const dry = dryRun(s);
  s.target();
  warnOfSchema(s);
  return eachManifest(s, 'creating', async (manifest) => {
    const item = placed(s, manifest);
    if (review(s, item)) return;
    needKnown(item);
    need(s, 'create', item.type, item.version, item.namespace, item.name);
    const object = flags.bool('save-config') ? annotated(s, item, manifest.object) : manifest.object;
    const made =
      dry === 'none'
        ? await call.write(() =>
            s.target().api.create(item.type, object, item.namespace, { manager: 'kubectl-create' }),
          )
        : object;
    report(s, { ...item, name: made.metadata.name }, made, `created${suffix[dry]}`);
  });
}

export async function replaceCommand(s: Session): Promise<number> {
  const { call, flags } = s;
  if (!flags.has('filename')) s.call.fail('Error: must specify one of -f and -k');
  s.target();
  return eachManifest(s, 'replacing', async (manifest) => {
    const item = placed(s, manifest);
    needKnown(item);
    const { api } = s.target();
    const current = api.get(item.type, item.namespace, item.name);
    if (current === undefined && !flags.bool('force')) throw missing(item);
    need(s, 'update', item.type, item.version, item.namespace, item.name);
    const object = clone(manifest.object);
    if (item.namespace !== undefined) object.metadata.namespace = item.namespace;
    if (flags.bool('force')) {
      if (current !== undefined) {
        await call.write(() => {
          api.delete(item.type, item.namespace, item.name);
        });
        call.out(`${deletedLine(s, item)}\n`);
      }
      const made = await call.write(() =>
        api.create(item.type, object, item.namespace, { manager: 'kubectl-replace' }),
      );
      report(s, item, made, 'replaced');
      return;
    }
    if (
      item.type.kind === 'Service' &&
      !api.atLeast('1.20.0') &&
      at(object, 'spec', 'clusterIP') === undefined &&
      at(current, 'spec', 'clusterIP') !== undefined
    ) {
      throw new InvalidError({ kind: 'Service', name: item.name }, [
        'spec.clusterIP: Invalid value: "": field is immutable',
      ]);
    }
    const result = await call.write(() => api.update(item.type, object, { manager: 'kubectl-replace' }));
    report(s, item, result, 'replaced');
  });
}

function missing(item: Item): ApiError {
  return new ApiError('NotFound', `${qualified(item.type, item.version)} "${item.name}" not found`);
}

/** A patch as it is sent: kubectl makes JSON of YAML, and hands on what begins like JSON as it is. */
function parsePatch(s: Session): Json | undefined {
  const { call, flags } = s;
  const file = flags.value('patch-file');
  const written =
    file === undefined
      ? flags.value('patch')
      : file === '-'
        ? call.invocation.stdin
        : fs.readFileSync(path.resolve(call.invocation.cwd, file), 'utf8');
  if (written === undefined || written === '') s.call.fail('error: must specify -p to patch');
  try {
    return JSON.parse(JSON.stringify(load(written) ?? null)) as Json;
  } catch {
    if (/^\s*\{/.test(written)) return undefined;
    s.call.fail(`error: unable to parse "${written}": yaml: could not find expected ':'`);
  }
}

/** What the server says of a patch that it cannot do. */
function impossible(s: Session, why: string | undefined): ApiError {
  if (!s.target().api.atLeast('1.16.0')) return new ApiError('', why ?? 'Invalid JSON Patch');
  if (why === undefined) return new ApiError('BadRequest', 'error decoding patch: unexpected end of JSON input');
  const words = 'the server rejected our request due to an error in our request';
  return new InvalidError({ kind: '', name: '' }, s.atLeast('1.27.0') ? [words] : [], words);
}

export async function patchCommand(s: Session): Promise<number> {
  const { call, flags } = s;
  const patch = parsePatch(s);
  const kind = flags.value('type') ?? 'strategic';
  if (!['json', 'merge', 'strategic'].includes(kind)) {
    s.call.fail(`error: --type must be one of [json merge strategic], not "${kind}"`);
  }
  s.target();
  const items: Item[] = flags.has('filename')
    ? manifests(s).map((manifest) => placed(s, manifest))
    : named(s, flags.args).items;
  if (items.length === 0)
    s.call.fail('error: one or more resources must be specified as <resource> <name> or <resource>/<name>');
  const dry = dryRun(s);
  return each(s, items, async (item) => {
    const { api } = s.target();
    const current = api.get(item.type, item.namespace, item.name);
    if (current === undefined) throw missing(item);
    need(s, 'patch', item.type, item.version, item.namespace, item.name);
    if (patch === undefined) throw impossible(s, undefined);
    if (kind === 'strategic' && item.type.custom) {
      throw new ApiError(
        'UnsupportedMediaType',
        'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json',
      );
    }
    const result = await (dry === 'none'
      ? call.write(() => patched(s, api, item, current, kind, patch))
      : Promise.resolve(current));
    const changed = result.metadata.resourceVersion !== current.metadata.resourceVersion;
    const unchanged = s.atLeast('1.11.0') ? 'patched (no change)' : s.atLeast('1.8.0') ? 'not patched' : 'patched';
    report(s, item, result, `${changed ? 'patched' : unchanged}${suffix[dry]}`);
  });
}

function patched(s: Session, api: ApiServer, item: Item, current: KubeObject, kind: string, patch: Json): KubeObject {
  let next: Json;
  try {
    next =
      kind === 'json'
        ? jsonPatch(current, list(patch))
        : kind === 'merge'
          ? mergePatch(current, patch)
          : strategicPatch(current, patch);
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    throw impossible(s, error.message);
  }
  const status = s.flags.value('subresource') === 'status';
  // The status endpoint takes the status and nothing else.
  const object = status ? { ...clone(current), status: dict(at(next, 'status')) } : (next as KubeObject);
  return api.update(item.type, object, { manager: 'kubectl-patch', status });
}

/** `key=value` and `key-` words. */
function pairs(s: Session, words: readonly string[]): { set: Record<string, string>; remove: string[] } {
  const set: Record<string, string> = {};
  const remove: string[] = [];
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals > 0) set[word.slice(0, equals)] = word.slice(equals + 1);
    else if (word.endsWith('-')) remove.push(word.slice(0, -1));
    else s.call.fail(`error: unknown label spec: ${word}`);
  }
  return { set, remove };
}

async function mark(s: Session, field: 'labels' | 'annotations', done: string): Promise<number> {
  const { flags, call } = s;
  const words = flags.args.filter((arg) => arg.includes('=') || arg.endsWith('-'));
  const rest = flags.args.filter((arg) => !words.includes(arg));
  const { set, remove } = pairs(s, words);
  if (words.length === 0)
    s.call.fail(`error: at least one ${field === 'labels' ? 'label' : 'annotation'} update is required`);
  s.target();
  let items: Item[];
  if (flags.has('filename')) items = manifests(s).map((manifest) => placed(s, manifest));
  else {
    const found = named(s, rest);
    const selector = flags.value('selector');
    if (found.types.length > 0 && !flags.bool('all') && selector === undefined) {
      s.call.fail('error: resource(s) were provided, but no name, label selector, or --all flag specified');
    }
    items = [...found.items, ...selected(s, found.types, selector)];
  }
  const overwrite = flags.bool('overwrite');
  return each(s, items, async (item) => {
    const { api } = s.target();
    need(s, 'get', item.type, item.version, item.namespace, item.name);
    const current = api.get(item.type, item.namespace, item.name);
    if (current === undefined) throw missing(item);
    need(s, 'patch', item.type, item.version, item.namespace, item.name);
    const known = current.metadata[field];
    const before = strings(known);
    for (const [key, value] of Object.entries(set)) {
      const present = before[key];
      // The same value counts as overwriting, too, in older ones.
      const equal = present === value && s.atLeast(field === 'labels' ? '1.24.0' : '1.26.0');
      if (overwrite || present === undefined || equal) continue;
      const why = `'${key}' already has a value (${present})`;
      throw new Complaint(
        field === 'labels'
          ? `${why}, and --overwrite is false`
          : `--overwrite is false but found the following declared annotation(s): ${why}`,
      );
    }
    const after = { ...before, ...set };
    for (const key of remove) {
      if (after[key] === undefined && field === 'labels') call.out(`label "${key}" not found.\n`);
      Reflect.deleteProperty(after, key);
    }
    const result = await call.write(() => {
      const copy = clone(current);
      copy.metadata[field] = after;
      return api.update(item.type, copy, { manager: 'kubectl-label' });
    });
    // Newer ones take an empty set in the place of none for a change.
    const changed =
      result.metadata.resourceVersion !== current.metadata.resourceVersion ||
      (s.atLeast('1.20.0') && known === undefined && remove.length > 0);
    const fewer = Object.keys(after).length < Object.keys(before).length;
    const did = field === 'labels' && fewer && s.atLeast('1.24.0') ? `un${done}` : done;
    report(s, item, result, changed || field === 'annotations' ? did : `not ${done}`);
  });
}

/** All objects of some types, or those that a selector picks. */
function selected(
  s: Session,
  types: readonly { readonly type: ResourceType; readonly version: string }[],
  selector: string | undefined,
): Item[] {
  const everywhere = s.flags.bool('all-namespaces');
  return types.flatMap(({ type, version }) =>
    s
      .target()
      .api.list(type, type.namespaced && !everywhere ? s.namespace() : undefined)
      .filter((object) => selector === undefined || selects(selector, object.metadata.labels))
      .map((object): Item => ({ type, version, namespace: object.metadata.namespace, name: object.metadata.name }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  );
}

export function labelCommand(s: Session): Promise<number> {
  return mark(s, 'labels', 'labeled');
}

export function annotateCommand(s: Session): Promise<number> {
  return mark(s, 'annotations', 'annotated');
}

export async function scaleCommand(s: Session): Promise<number> {
  const replicas = Number(s.flags.value('replicas'));
  s.target();
  return each(s, named(s, s.flags.args).items, async (item) => {
    const { api } = s.target();
    const current = api.get(item.type, item.namespace, item.name);
    if (current === undefined) throw missing(item);
    await s.call.write(() => {
      const copy = clone(current);
      copy.spec = { ...dict(copy.spec), replicas };
      return api.update(item.type, copy, { manager: 'kubectl-scale' });
    });
    report(s, item, undefined, 'scaled');
  });
}

/** `configmap "a" deleted`; from 1.34 on with the namespace. */
function deletedLine(s: Session, item: Item): string {
  const line = `${label(s, item).replace(/^([^ "/]+)\/(.+)$/, '$1 "$2"')} deleted`;
  return s.atLeast('1.34.0') && item.namespace !== undefined ? `${line} from ${item.namespace} namespace` : line;
}

/** How long the real one waits for the controllers. */
const REAPER_MS = 60_000;

/**
 * Up to 1.10 kubectl takes workloads down by itself before it deletes them: a Deployment is paused and scaled down, and kubectl
 * waits until the controllers have seen it. In a federation they never say so.
 */
async function reap(s: Session, item: Item): Promise<void> {
  const { api } = s.target();
  const { controllerDelayMs = 0, reaperTimeoutMs = controllerDelayMs > 0 ? REAPER_MS : 0 } = s.world.options;
  const update = (change: (spec: Dict) => void): Promise<unknown> =>
    s.call.write(() => {
      const current = api.get(item.type, item.namespace, item.name);
      if (current === undefined) throw missing(item);
      const copy = clone(current);
      const spec = dict(copy.spec);
      change(spec);
      copy.spec = spec;
      return api.update(item.type, copy, { manager: 'kubectl' });
    });
  const holds = (what: (object: KubeObject) => boolean): Promise<boolean> =>
    s.call.until(() => {
      const current = api.get(item.type, item.namespace, item.name);
      return current === undefined || what(current);
    }, reaperTimeoutMs);
  const seen = (object: KubeObject): boolean =>
    num(at(object, 'status', 'observedGeneration')) >= num(object.metadata.generation);
  let done = true;
  switch (item.type.kind) {
    case 'Deployment':
      await update((spec) => {
        spec.revisionHistoryLimit = 0;
        spec.replicas = 0;
        spec.paused = true;
      });
      done = await holds(seen);
      break;
    case 'ReplicaSet':
    case 'StatefulSet':
      await update((spec) => {
        spec.replicas = 0;
      });
      done = await holds((object) => num(at(object, 'status', 'replicas')) === 0);
      break;
    case 'DaemonSet': {
      // No node has such a label: the pods go.
      const mark = s.world.randomName('');
      await update((spec) => {
        const pod = dict(at(spec, 'template', 'spec'));
        pod.nodeSelector = { [mark]: mark };
      });
      const left = (object: KubeObject): number =>
        num(at(object, 'status', 'currentNumberScheduled')) + num(at(object, 'status', 'numberMisscheduled'));
      done = await holds((object) => left(object) === 0);
      break;
    }
    default:
  }
  if (!done) throw new Complaint('timed out waiting for the condition');
}

const REAPED = ['Deployment', 'ReplicaSet', 'StatefulSet', 'DaemonSet'];

export async function deleteCommand(s: Session): Promise<number> {
  const { call, flags } = s;
  s.target();
  const dry = dryRun(s);
  const ignore = flags.bool('ignore-not-found');
  const cascade = !['false', 'orphan'].includes(flags.value('cascade') ?? 'true');
  const reaping = cascade && !s.atLeast('1.11.0');
  const doomed: Item[] = [];
  const take = async (item: Item): Promise<void> => {
    const { api } = s.target();
    if (api.get(item.type, item.namespace, item.name) === undefined) {
      if (ignore) return;
      throw missing(item);
    }
    need(s, 'delete', item.type, item.version, item.namespace, item.name);
    if (dry === 'none') {
      if (reaping && REAPED.includes(item.type.kind)) await reap(s, item);
      await call.write(() => {
        api.delete(item.type, item.namespace, item.name, cascade);
      });
      doomed.push(item);
    }
    if (flags.value('output') === 'name') report(s, item, undefined, 'deleted');
    else call.out(`${deletedLine(s, item)}${suffix[dry]}\n`);
  };
  const problems: Problem[] = [];
  if (flags.has('filename')) {
    const { manifests, broken } = input(s);
    problems.push(...broken);
    const body = async (manifest: Manifest): Promise<void> => {
      const item = itemOf(s, manifest);
      if (item === undefined) throw unrecognized(s, manifest);
      try {
        await take(item);
      } catch (error) {
        if (!(error instanceof ApiError || error instanceof Complaint)) throw error;
        const stopping = reaping && REAPED.includes(item.type.kind);
        throw from(error, stopping ? 'stopping' : 'deleting', manifest.source);
      }
    };
    await each(s, manifests, body, problems);
  } else {
    if (flags.args.length === 0) s.call.fail('error: You must provide one or more resources by argument or filename.');
    const found = named(s, flags.args);
    const selector = flags.value('selector');
    if (found.types.length > 0 && selector === undefined && !flags.bool('all')) {
      s.call.fail('error: resource(s) were provided, but no name, label selector, or --all flag specified');
    }
    await each(s, [...found.items, ...selected(s, found.types, selector)], take, problems);
  }
  if (problems.length > 0) return 1;
  // From 1.11 on delete waits until the objects are gone: namespaces take their time.
  if (!s.atLeast('1.11.0') || !flags.bool('wait', true)) return 0;
  for (const item of doomed) {
    const gone = (): boolean => s.target().api.get(item.type, item.namespace, item.name) === undefined;
    const limit = duration(flags.value('timeout'));
    if (!(await call.until(gone, limit === 0 ? undefined : limit)))
      call.fail(`error: timed out waiting for the condition on ${item.type.plural}/${item.name}`);
  }
  return 0;
}

/** Lines with `-`, `+` or a blank before them. */
function lineDiff(before: readonly string[], after: readonly string[]): string[] {
  const table = Array.from({ length: before.length + 1 }, () => new Array<number>(after.length + 1).fill(0));
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = after.length - 1; j >= 0; j -= 1) {
      const row = table[i];
      if (row === undefined) continue;
      row[j] =
        before[i] === after[j] ? (table[i + 1]?.[j + 1] ?? 0) + 1 : Math.max(table[i + 1]?.[j] ?? 0, row[j + 1] ?? 0);
    }
  }
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (i < before.length && before[i] === after[j]) {
      lines.push(` ${before[i] ?? ''}`);
      i += 1;
      j += 1;
    } else if (j >= after.length || (i < before.length && (table[i + 1]?.[j] ?? 0) >= (table[i]?.[j + 1] ?? 0))) {
      lines.push(`-${before[i] ?? ''}`);
      i += 1;
    } else {
      lines.push(`+${after[j] ?? ''}`);
      j += 1;
    }
  }
  return lines;
}

export async function diffCommand(s: Session): Promise<number> {
  const { call, flags } = s;
  if (!flags.has('filename')) s.call.fail('error: must specify one of -f and -k');
  const target = s.target();
  if (!target.api.atLeast('1.13.0')) throw new ApiError('BadRequest', 'the dryRun alpha feature is disabled');
  const different: string[] = [];
  const failed = await eachManifest(s, 'diffing', (manifest) => {
    const item = placed(s, manifest);
    const current = target.api.get(item.type, item.namespace, item.name);
    const api = rehearsal(s);
    const present = api.get(item.type, item.namespace, item.name);
    const merged = flags.bool('server-side')
      ? applyServerSide(s, api, item, manifest.object)
      : present === undefined
        ? api.create(item.type, manifest.object, item.namespace)
        : api.update(item.type, { ...applied(s, item, present, manifest.object), apiVersion: item.version });
    const lines = (object: KubeObject | undefined): string[] => {
      if (object === undefined) return [];
      const copy = shown(s, item, object);
      Reflect.deleteProperty(copy.metadata.annotations ?? {}, LAST_APPLIED);
      for (const key of ['resourceVersion', 'uid', 'creationTimestamp', 'generation', 'selfLink'])
        Reflect.deleteProperty(copy.metadata, key);
      return dump(sorted(copy)).trimEnd().split('\n');
    };
    const [before, after] = [lines(current), lines(merged)];
    if (before.join('\n') === after.join('\n')) return Promise.resolve();
    const file = [item.version.replace('/', '.'), item.type.kind, item.namespace ?? '', item.name].join('.');
    different.push(file);
    call.out(
      `diff -u -N LIVE/${file} MERGED/${file}\n--- LIVE/${file}\n+++ MERGED/${file}\n@@ -1,${before.length} +1,${after.length} @@\n`,
    );
    for (const line of lineDiff(before, after)) call.out(`${line}\n`);
    return Promise.resolve();
  });
  // More than 1 would be a failure of its own.
  if (failed > 0) return 2;
  if (different.length > 0) {
    call.err('exit status 1\n');
    return 1;
  }
  return 0;
}
