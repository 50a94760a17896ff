/** What an API server, and kubectl after it, add to an object when they show it. */
import { type Json, type KubeObject, clone, isDict, list } from './json';
import type { ApiServer } from './objects';
import { type ResourceType, groupOf } from './resources';

/** Where the API serves an object, or all of a type. */
export function pathOf(type: ResourceType, version: string, namespace?: string, name?: string): string {
  const root = groupOf(version) === '' ? `/api/${version}` : `/apis/${version}`;
  const space = type.namespaced && namespace !== undefined ? `/namespaces/${namespace}` : '';
  return `${root}${space}/${type.plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
}

/** An object in the version that was asked for, as the server sends it. */
export function served(api: ApiServer, type: ResourceType, object: KubeObject, version: string): KubeObject {
  const copy = clone(object);
  copy.apiVersion = version;
  const { metadata } = copy;
  if (!api.atLeast('1.20.0')) metadata.selfLink = pathOf(type, version, metadata.namespace, metadata.name);
  if (type.custom && !api.atLeast('1.9.0')) {
    // Servers of those days kept custom resources as they wrote them themselves, empty fields and all.
    const empty: Record<string, Json> = {
      clusterName: '',
      deletionGracePeriodSeconds: null,
      deletionTimestamp: null,
      generation: 0,
    };
    for (const [key, value] of Object.entries(empty)) if (metadata[key] === undefined) metadata[key] = value;
  }
  if (version === 'rbac.authorization.k8s.io/v1alpha1') {
    // Subjects of that version name a group and version of their own.
    for (const subject of list(copy.subjects)) {
      if (isDict(subject) && subject.kind === 'ServiceAccount') subject.apiVersion = 'v1';
    }
  }
  return copy;
}
