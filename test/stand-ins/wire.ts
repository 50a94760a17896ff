/** Objects and lists as an API server of some version sends them, and the selectors that it knows. */
import { type Dict, type Json, type KubeObject, at, clone, isDict, list, text } from './json';
import { type ApiServer, place } from './objects';
import { type ResourceType, groupOf } from './resources';

/** `/api/v1/namespaces/default/configmaps/x`, or the list's path where no name is given. */
export function pathOf(type: ResourceType, version: string, namespace: string | undefined, name?: string): string {
  const root = groupOf(version) === '' ? `/api/${version}` : `/apis/${version}`;
  const space = type.namespaced && namespace !== undefined ? `/namespaces/${namespace}` : '';
  return `${root}${space}/${type.plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
}

/** Servers up to 1.19 tell each object's own path. */
function linked(api: ApiServer): boolean {
  return !api.atLeast('1.20.0');
}

/** The object as the server sends it in one of its type's versions, all by itself. */
export function sent(api: ApiServer, type: ResourceType, version: string, object: KubeObject): KubeObject {
  const copy = clone(object);
  copy.apiVersion = version;
  const { metadata } = copy;
  if (linked(api)) metadata.selfLink = pathOf(type, version, metadata.namespace, metadata.name);
  // Old servers send custom resources with every field of their metadata, as recorded on 1.7.
  if (type.custom && !api.atLeast('1.9.0')) {
    const empty: Record<string, Json> = { deletionGracePeriodSeconds: null, deletionTimestamp: null };
    for (const [key, value] of Object.entries(empty)) metadata[key] ??= value;
  }
  if (type.custom && !api.atLeast('1.11.0')) Object.assign(metadata, { clusterName: '', generation: 0 });
  if (version === 'rbac.authorization.k8s.io/v1alpha1') {
    // Subjects of that version name a group and version of their own.
    for (const subject of list(copy.subjects)) {
      if (isDict(subject) && subject.kind === 'ServiceAccount') subject.apiVersion = 'v1';
    }
  }
  return copy;
}

/** How the kind of a type's list is called. */
function listKind(api: ApiServer, type: ResourceType, version: string): string {
  if (!type.custom) return `${type.kind}List`;
  const definition = api.find('CustomResourceDefinition', undefined, `${type.plural}.${groupOf(version)}`);
  return text(at(definition?.spec, 'names', 'listKind'), `${type.kind}List`);
}

/** A list as the server sends it: items of built-in types do not say what they are. */
export function sentList(
  api: ApiServer,
  type: ResourceType,
  version: string,
  namespace: string | undefined,
  objects: readonly KubeObject[],
  more: Dict,
): Dict {
  const items = objects.map((object): Json => {
    const item: Dict = sent(api, type, version, object);
    if (!type.custom) {
      delete item.kind;
      delete item.apiVersion;
    }
    return item;
  });
  const link = linked(api) ? { selfLink: pathOf(type, version, namespace) } : {};
  return {
    kind: listKind(api, type, version),
    apiVersion: version,
    metadata: { ...link, resourceVersion: String(api.cluster.resourceVersion), ...more },
    items,
  };
}

/** Objects in the order in which the server lists them. */
export function inOrder(type: ResourceType, objects: readonly KubeObject[]): KubeObject[] {
  const key = ({ metadata }: KubeObject): string => place(type, metadata.namespace, metadata.name);
  return [...objects].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** Fields beside name and namespace by which objects of a kind can be selected. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  Pod: [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'status.phase',
    'status.podIP',
  ],
  Event: [
    'involvedObject.kind',
    'involvedObject.namespace',
    'involvedObject.name',
    'involvedObject.uid',
    'reason',
    'type',
    'source',
  ],
  Secret: ['type'],
  Namespace: ['status.phase'],
  Node: ['spec.unschedulable'],
  ReplicationController: ['status.replicas'],
  Job: ['status.successful'],
};

/** Kinds outside of the core whose objects could be selected by fields before 1.9, when all could. */
const EARLY: Readonly<Record<string, readonly string[]>> = {
  'extensions/v1beta1': ['DaemonSet', 'Deployment', 'Ingress'],
  'apps/v1beta1': ['Deployment', 'StatefulSet'],
  'batch/v1': ['Job'],
  'federation/v1beta1': ['Cluster'],
};

/** A selector that the server does not take. */
export class SelectorError extends Error {}

type Test = (object: KubeObject) => boolean;

function knownField(api: ApiServer, type: ResourceType, version: string, field: string): void {
  const extra = FIELDS[type.kind] ?? [];
  const early = !api.atLeast('1.9.0');
  if (early && !type.custom && groupOf(version) !== '') {
    const kinds = EARLY[version];
    if (kinds?.includes(type.kind) !== true) {
      throw new SelectorError(
        kinds === undefined
          ? `No field label conversion function found for version: ${version}`
          : `No field label conversion function found for version ${version} and kind ${type.kind}`,
      );
    }
  }
  if (['metadata.name', 'metadata.namespace', ...extra].includes(field)) return;
  if (type.custom || extra.length > 0) throw new SelectorError(`field label not supported: ${field}`);
  throw new SelectorError(
    early
      ? `field label "${field}" not supported for "${type.kind}"`
      : `"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"`,
  );
}

/** `metadata.name=x,status.phase!=Running`: what it selects, and the one name that it asks for, if it does. */
export function fieldSelector(
  api: ApiServer,
  type: ResourceType,
  version: string,
  selector: string,
): { readonly fits: Test; readonly name?: string } {
  const terms = selector.split(',').filter((term) => term !== '');
  let only: string | undefined;
  const tests = terms.map((term): Test => {
    const [, field = '', operator, value = ''] = /^([^=!]*)(==|!=|=)(.*)$/.exec(term) ?? [];
    if (operator === undefined) {
      throw new SelectorError(`invalid selector: '${selector}'; can't understand '${term}'`);
    }
    knownField(api, type, version, field);
    if (field === 'metadata.name' && operator !== '!=') only = value;
    return (object) => {
      const found = at(object, ...field.split('.'));
      // An absent field is like one with its type's empty value.
      const shown =
        typeof found === 'boolean' ? String(found) : text(found, field === 'spec.unschedulable' ? 'false' : '');
      return (shown === value) === (operator !== '!=');
    };
  });
  return { fits: (object) => tests.every((test) => test(object)), name: only };
}

const KEY = String.raw`(?:[A-Za-z0-9][-A-Za-z0-9_./]*)`;
const VALUE = String.raw`[-A-Za-z0-9_.]*`;
const TERM = new RegExp(
  String.raw`^\s*(?:!?\s*${KEY}|${KEY}\s*(?:==?|!=)\s*${VALUE}|${KEY}\s+(?:in|notin)\s+\(\s*${VALUE}(?:\s*,\s*${VALUE})*\s*\))\s*$`,
);

/** Whether an expression is a label selector at all; else the API server's complaint. */
export function checkLabelSelector(selector: string): void {
  for (const term of selector.match(/[^,(]+(\([^)]*\))?/g) ?? []) {
    if (TERM.test(term)) continue;
    const odd = /(?:==?|!=)\s*([^-A-Za-z0-9_.\s]+)/.exec(term)?.[1] ?? term;
    throw new SelectorError(`unable to parse requirement: found '${odd}', expected: identifier`);
  }
}
