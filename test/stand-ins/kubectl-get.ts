/** kubectl get, describe and api-versions. */
import { type Json, type KubeObject, text } from './json';
import {
  type Item,
  type Session,
  input,
  itemOf,
  jsonpath,
  named,
  need,
  print,
  selects,
  shortName,
  shown,
  unrecognized,
} from './kubectl-common';
import { printTables } from './kubectl-table';
import { ApiError } from './objects';
import { Complaint, type Problem, worded } from './problems';
import { type ResourceType, groupVersions, qualified, typeOfWord } from './resources';
import { answer } from './rest';
import { Watch } from './watch';

export interface Found {
  readonly item: Item;
  readonly object: KubeObject;
}

/** `GET /path`, as the API server answers it. */
async function raw(s: Session, url: string): Promise<number> {
  const { call, world } = s;
  const { api, server, userName } = s.target();
  const as = s.flags.value('as');
  const reply = await answer({ world, call, api, server, user: as ?? userName, as }, { method: 'GET', url });
  if (reply instanceof Watch) {
    const watch = reply;
    await new Promise<void>((resolve) => {
      const stop = watch.open((line) => {
        call.out(line);
        call.flush();
      }, resolve);
      void call.untilGone().then(() => {
        stop();
        resolve();
      });
    });
    return 0;
  }
  const { code, body } = reply;
  if (code < 400) {
    call.out(typeof body === 'string' ? body : `${JSON.stringify(body)}\n`);
    return 0;
  }
  if (code === 401) call.refuse(401);
  if (typeof body !== 'string') return call.fail(`Error from server (${text(body.reason)}): ${text(body.message)}`);
  if (code === 403) return call.fail(`Error from server (Forbidden): ${body}`);
  return call.fail('Error from server (NotFound): the server could not find the requested resource');
}

/** What a get command found, and what it did not. */
interface Findings {
  readonly found: Found[];
  readonly problems: Problem[];
  /** One object was asked for by its name. */
  readonly single: boolean;
}

function byFile(s: Session, one: (item: Item) => void): Pick<Findings, 'problems' | 'single'> {
  const read = input(s);
  const problems: Problem[] = [];
  for (const manifest of read.manifests) {
    try {
      const item = itemOf(s, manifest);
      if (item === undefined) throw unrecognized(s, manifest);
      one(item);
    } catch (error) {
      if (!(error instanceof ApiError || error instanceof Complaint)) throw error;
      problems.push(error);
    }
  }
  return { problems: [...problems, ...read.broken], single: read.single };
}

/** `get all`: the kinds of that category, in the order of the discovery documents. */
function wordsOfAll(s: Session): string[] {
  const { api, cluster } = s.target();
  const words = api.atLeast('1.8.0')
    ? ['pods', 'services', 'daemonsets.apps', 'deployments.apps', 'replicasets.apps', 'statefulsets.apps', 'jobs.batch']
    : ['deployments.extensions', 'replicasets.extensions', 'deployments.apps', 'statefulsets.apps', 'pods'];
  return words.filter((word) => typeOfWord(cluster, word) !== undefined);
}

function find(s: Session): Findings {
  const { flags } = s;
  const { api } = s.target();
  const selector = flags.value('selector');
  const found: Found[] = [];
  const one = (item: Item): void => {
    need(s, 'get', item.type, item.version, item.namespace, item.name);
    const object = api.get(item.type, item.namespace, item.name);
    if (object !== undefined) {
      found.push({ item, object });
      return;
    }
    // kubectl looks for the namespace, too, where a name is not found.
    const { namespace } = item;
    if (
      !flags.has('filename') &&
      namespace !== undefined &&
      api.find('Namespace', undefined, namespace) === undefined
    ) {
      if (flags.bool('ignore-not-found')) return;
      throw new ApiError('NotFound', `namespaces "${namespace}" not found`);
    }
    if (!flags.bool('ignore-not-found')) {
      throw new ApiError('NotFound', `${qualified(item.type, item.version)} "${item.name}" not found`);
    }
  };
  const whole = (type: ResourceType, version: string): void => {
    const everywhere = flags.bool('all-namespaces') || !type.namespaced;
    const space = everywhere ? undefined : s.namespace();
    need(s, 'list', type, version, space, '');
    const fields = flags.items('field-selector').map((part) => part.split(/==?/));
    const listed = api
      .list(type, space)
      .filter((object) => selector === undefined || selects(selector, object.metadata.labels))
      .filter((object) => !fields.some(([key, value]) => key === 'metadata.name' && object.metadata.name !== value))
      .map((object) => ({
        item: { type, version, namespace: object.metadata.namespace, name: object.metadata.name, listed: true },
        object,
      }));
    const place = ({ object }: Found): string => `${text(object.metadata.namespace)}/${object.metadata.name}`;
    found.push(...listed.sort((a, b) => (place(a) < place(b) ? -1 : 1)));
  };
  if (flags.has('filename')) return { found, ...byFile(s, one) };
  if (flags.args.length === 0) {
    s.call.fail(
      'You must specify the type of resource to get. Use "kubectl api-resources" for a complete list of supported resources.\n\nerror: Required resource not specified.',
    );
  }
  const [first = '', ...names] = flags.args;
  const words = first.split(',').flatMap((word) => (word === 'all' ? wordsOfAll(s) : [word]));
  const args = [words.join(','), ...names];
  const { items, types } = named(s, args);
  if (items.length > 0 && flags.bool('all-namespaces'))
    s.call.fail('error: a resource cannot be retrieved by name across all namespaces');
  const problems: Problem[] = [];
  const attempt = (look: () => void): void => {
    try {
      look();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      problems.push(error);
    }
  };
  for (const item of items)
    attempt(() => {
      one(item);
    });
  for (const { type, version } of types)
    attempt(() => {
      whole(type, version);
    });
  return { found, problems, single: items.length === 1 };
}

/** An object as kubectl prints it out of a list or for a file: up to 1.9 its namespace is set, be it an empty one. */
function withNamespace(s: Session, object: KubeObject, item: Item): KubeObject {
  if (s.atLeast('1.10.0') || item.type.namespaced) return object;
  if (item.manifest === undefined && item.listed !== true) return object;
  object.metadata.namespace = '';
  return object;
}

export function getCommand(s: Session): number | Promise<number> {
  const { flags, call } = s;
  const path = flags.value('raw');
  if (path !== undefined) return raw(s, path);
  const output = flags.value('output') ?? '';
  const { found, problems, single } = find(s);
  const human = output === '' || output === 'wide';
  const fields = flags.bool('show-managed-fields') || (!s.atLeast('1.21.0') && s.target().api.atLeast('1.16.0'));
  const objects = found.map(({ object, item }) => withNamespace(s, shown(s, item, object, fields), item));
  const listed: Json = {
    apiVersion: 'v1',
    items: objects,
    kind: 'List',
    metadata: { resourceVersion: '', ...(s.atLeast('1.25.0') ? {} : { selfLink: '' }) },
  };
  const fail = (): number => {
    call.err(worded(problems, human));
    return problems.length > 0 ? 1 : 0;
  };
  // An empty list is no answer where nothing was to be found, or nothing could be.
  const silent = flags.bool('ignore-not-found') || problems.length > 0;
  const nothing = objects.length === 0 && (silent || (flags.has('filename') && !s.atLeast('1.20.0')));
  if (output === 'json' || output === 'yaml') {
    if (single && objects[0] !== undefined) print(s, objects[0], output);
    else if (!single && !nothing) print(s, listed, output);
    return fail();
  }
  if (output === 'name') {
    for (const { item } of found) call.out(`${shortName(s, item)}\n`);
    return fail();
  }
  if (output.startsWith('jsonpath=') || output.startsWith('jsonpath')) {
    const template = output.slice('jsonpath='.length);
    const value = single ? objects[0] : listed;
    if (value === undefined) return fail();
    const result = jsonpath(value, template.includes('{') ? template : `{${template}}`);
    if (result === undefined)
      s.call.fail(`error: error parsing jsonpath ${template}, this is more than the stand-in knows`);
    call.out(result);
    return fail();
  }
  if (!human) s.call.fail(`error: output format "${output}" not recognized`);
  if (found.length === 0) {
    if (problems.length === 0 && !flags.bool('ignore-not-found')) call.err(noResources(s));
    return fail();
  }
  printTables(s, found, output === 'wide');
  return fail();
}

function noResources(s: Session): string {
  if (!s.atLeast('1.17.0')) return 'No resources found.\n';
  const namespaced = named(s, s.flags.args).types.some(({ type }) => type.namespaced);
  return namespaced && !s.flags.bool('all-namespaces')
    ? `No resources found in ${s.namespace()} namespace.\n`
    : 'No resources found\n';
}

export function describeCommand(s: Session): number {
  const { items, types } = named(s, s.flags.args);
  const { api } = s.target();
  const objects = [
    ...items.map((item) => {
      const object = api.get(item.type, item.namespace, item.name);
      if (object === undefined)
        s.call.fail(`Error from server (NotFound): ${qualified(item.type, item.version)} "${item.name}" not found`);
      return object;
    }),
    ...types.flatMap(({ type }) => api.list(type, type.namespaced ? s.namespace() : undefined)),
  ];
  for (const object of objects) {
    s.call.out(
      `Name:\t\t${object.metadata.name}\nNamespace:\t${text(object.metadata.namespace)}\nStatus:\t\t${JSON.stringify(object.status ?? {})}\nEvents:\t\t<none>\n`,
    );
  }
  return 0;
}

export function apiVersions(s: Session): number {
  for (const version of groupVersions(s.target().cluster)) s.call.out(`${version}\n`);
  return 0;
}
