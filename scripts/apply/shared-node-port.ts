import { at, KubeObject, listAt } from './objects';

/** Whether two ports of a Service have the same node port. The API server gives UDP and TCP of one port the same by itself. */
export function sharesNodePort(service: KubeObject): boolean {
  const given = listAt(service, 'spec', 'ports').flatMap((port) => at(port, 'nodePort') ?? []);
  return new Set(given).size < given.length;
}
