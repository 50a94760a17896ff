/** kubectl get, describe and api-versions. */
import { type Json, type KubeObject, text } from './json';
import {
  type Item,
  type Session,
  itemOf,
  jsonpath,
  manifests,
  named,
  need,
  print,
  selects,
  shortName,
  shown,
  unrecognized,
} from './kubectl-common';
import { type ResourceType, groupVersions, qualified } from './resources';
import { answer } from './rest';
import { Watch } from './watch';

interface Found {
  readonly item: Item;
  readonly object: KubeObject;
}

/** `GET /path`, as the API server answers it. */
async function raw(s: Session, url: string): Promise<number> {
  const { call, world } = s;
  const { api, server, userName } = s.target();
  const user = s.flags.value('as') ?? userName;
  const reply = await answer({ world, call, api, server, user }, { method: 'GET', url });
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

export async function getCommand(s: Session): Promise<number> {
  const { flags, call } = s;
  const path = flags.value('raw');
  if (path !== undefined) return raw(s, path);
  const output = flags.value('output') ?? '';
  const selector = flags.value('selector');
  const found: Found[] = [];
  const failures: string[] = [];
  let single: boolean;
  const files = flags.has('filename');
  const one = (item: Item): void => {
    need(s, 'get', item.type, item.version, item.namespace, item.name);
    const object = s.target().api.get(item.type, item.namespace, item.name);
    if (object !== undefined) found.push({ item, object });
    else if (!flags.bool('ignore-not-found')) {
      failures.push(`Error from server (NotFound): ${qualified(item.type, item.version)} "${item.name}" not found`);
    }
  };
  const whole = (type: ResourceType, version: string): void => {
    const everywhere = flags.bool('all-namespaces') || !type.namespaced;
    const space = everywhere ? undefined : s.namespace();
    need(s, 'list', type, version, space, '');
    const fields = flags.items('field-selector').map((part) => part.split(/==?/));
    for (const object of s.target().api.list(type, space)) {
      if (selector !== undefined && !selects(selector, object.metadata.labels)) continue;
      if (fields.some(([key, value]) => key === 'metadata.name' && object.metadata.name !== value)) continue;
      found.push({ item: { type, version, namespace: object.metadata.namespace, name: object.metadata.name }, object });
    }
    found.sort((a, b) => {
      const [left, right] = [a, b].map(({ object }) => `${text(object.metadata.namespace)}/${object.metadata.name}`);
      return a.item.type === b.item.type ? ((left ?? '') < (right ?? '') ? -1 : 1) : 0;
    });
  };
  if (files) {
    const documents = manifests(s);
    single = documents.length === 1;
    for (const manifest of documents) {
      const item = itemOf(s, manifest);
      if (item === undefined) failures.push(`error: ${unrecognized(s, manifest)}`);
      else one(item);
    }
  } else {
    if (flags.args.length === 0) {
      s.call.fail(
        'You must specify the type of resource to get. Use "kubectl api-resources" for a complete list of supported resources.\n\nerror: Required resource not specified.',
      );
    }
    const { items, types } = named(s, flags.args);
    if (items.length > 0 && flags.bool('all-namespaces'))
      s.call.fail('error: a resource cannot be retrieved by name across all namespaces');
    single = items.length === 1;
    for (const item of items) one(item);
    for (const { type, version } of types) whole(type, version);
  }
  const fields = flags.bool('show-managed-fields') || (!s.atLeast('1.21.0') && s.target().api.atLeast('1.16.0'));
  const objects = found.map(({ object, item }) => shown(object, item.version, fields));
  const listed: Json = {
    apiVersion: 'v1',
    items: objects,
    kind: 'List',
    metadata: { resourceVersion: '', selfLink: '' },
  };
  const fail = (): number => {
    for (const failure of failures) call.err(`${failure}\n`);
    return failures.length > 0 ? 1 : 0;
  };
  if (output === 'json' || output === 'yaml') {
    if (single && objects[0] !== undefined) print(s, objects[0], output);
    else if (!single) print(s, listed, output);
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
  if (output !== '' && output !== 'wide') s.call.fail(`error: output format "${output}" not recognized`);
  if (found.length === 0) {
    if (failures.length === 0 && !flags.bool('ignore-not-found')) call.err('No resources found.\n');
    return fail();
  }
  if (!flags.bool('no-headers')) call.out(`${flags.bool('all-namespaces') ? 'NAMESPACE   ' : ''}NAME   AGE\n`);
  for (const { object } of found) {
    call.out(
      `${flags.bool('all-namespaces') ? `${text(object.metadata.namespace)}   ` : ''}${object.metadata.name}   1m\n`,
    );
  }
  return fail();
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
