import { parse } from 'semver';
import { Ready } from '../../lib/plan/step';
import { Reference } from './objects';

/** An object to look for, with the API version in which the cluster is asked for it. */
export interface Wanted extends Reference {
  readonly apiVersion: string;
}

/** The API version in which a server of a minor version is asked for a kind; the objects are the same in all of them. */
const API_VERSIONS: Readonly<Record<string, (minor: number) => string>> = {
  ClusterRole: (minor) => (minor >= 8 ? 'rbac.authorization.k8s.io/v1' : 'rbac.authorization.k8s.io/v1beta1'),
  ClusterRoleBinding: (minor) => (minor >= 8 ? 'rbac.authorization.k8s.io/v1' : 'rbac.authorization.k8s.io/v1beta1'),
  ConfigMap: () => 'v1',
  CustomResourceDefinition: (minor) => (minor >= 16 ? 'apiextensions.k8s.io/v1' : 'apiextensions.k8s.io/v1beta1'),
  DaemonSet: (minor) => (minor >= 9 ? 'apps/v1' : 'extensions/v1beta1'),
  Deployment: (minor) => (minor >= 9 ? 'apps/v1' : 'extensions/v1beta1'),
  EtcdCluster: () => 'etcd.database.coreos.com/v1beta2',
  Namespace: () => 'v1',
  Node: () => 'v1',
  Secret: () => 'v1',
  Service: () => 'v1',
  ServiceAccount: () => 'v1',
  StatefulSet: (minor) => (minor >= 9 ? 'apps/v1' : 'apps/v1beta1'),
};

/** Whether {@link wanted} knows a kind. */
export function hasVersion(kind: string): boolean {
  return kind in API_VERSIONS;
}

/** The minor version of `1.7.3`. */
export function minorOf(version: string): number {
  return parse(version)?.minor ?? 0;
}

/**
 * What to look for, for an object that no file declares.
 *
 * @throws TypeError for a kind that this program does not know
 */
export function wanted(minor: number, kind: string, name: string, namespace?: string): Wanted {
  const apiVersion = API_VERSIONS[kind];
  if (!apiVersion) throw new TypeError(`no API version is known for ${kind}`);
  return { apiVersion: apiVersion(minor), kind, name, ...(namespace !== undefined && { namespace }) };
}

/** What a step waits for, as an object to look for. */
export function wantedFor(minor: number, { resource, namespace }: Ready): Wanted {
  const [lower = '', name = ''] = resource.split('/');
  const kind = Object.keys(API_VERSIONS).find((known) => known.toLowerCase() === lower);
  return wanted(minor, kind ?? lower, name, namespace);
}
