import { SemVer } from 'semver';
import { at, KubeObject, listAt } from './objects';

/**
 * Whether an API server can update a Service whose ports share a node port over UDP and TCP. Before 1.9 it refuses to
 * share one in an update, and ends at any update of a Service that shares one: a label is enough.
 */
export function updatesSharedNodePorts({ major, minor }: SemVer): boolean {
  return major > 1 || minor >= 9;
}

/** Whether two ports of a Service have the same node port. The API server gives UDP and TCP of one port the same by itself. */
export function sharesNodePort(service: KubeObject): boolean {
  const given = listAt(service, 'spec', 'ports').flatMap((port) => at(port, 'nodePort') ?? []);
  return new Set(given).size < given.length;
}
