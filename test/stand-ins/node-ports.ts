/** How an API server gives a Service its node ports, and when it refuses to. */
import { type Dict, type KubeObject, at, fnv, isDict, list, num, text } from './json';
import { type ApiServer, InvalidError, ServerPanic } from './objects';

const FIRST = 30000;
const COUNT = 2768;

function portsOf(service: KubeObject | undefined): Dict[] {
  return list(at(service, 'spec', 'ports')).filter(isDict);
}

export function isExposed(service: KubeObject): boolean {
  return ['NodePort', 'LoadBalancer'].includes(text(at(service, 'spec', 'type')));
}

/** The allocator of one API server: it knows numbers, not protocols. */
class Allocator {
  private readonly taken = new Set<number>();

  constructor(
    private readonly api: ApiServer,
    private readonly service: KubeObject,
  ) {
    for (const other of api.all('Service')) for (const port of portsOf(other)) this.taken.add(num(port.nodePort));
  }

  take(port: number, index: number): void {
    const why =
      port < FIRST || port >= FIRST + COUNT
        ? `provided port is not in the valid range. The range of valid ports is ${FIRST}-${FIRST + COUNT - 1}`
        : this.taken.has(port)
          ? 'provided port is already allocated'
          : undefined;
    if (why !== undefined) {
      throw new InvalidError({ kind: 'Service', name: this.service.metadata.name }, [
        `spec.ports[${index}].nodePort: Invalid value: ${port}: ${why}`,
      ]);
    }
    this.taken.add(port);
  }

  /** A free one that looks random and is the same in every run. */
  next(port: number): number {
    const { namespace, name } = this.service.metadata;
    let number = fnv(`${this.api.cluster.name}/${text(namespace)}/${name}/${port}`) % COUNT;
    while (this.taken.has(FIRST + number)) number = (number + 1) % COUNT;
    this.taken.add(FIRST + number);
    return FIRST + number;
  }
}

/** A new Service: ports of one number share one node port, whatever their protocols. */
function forNew(service: KubeObject, allocator: Allocator): void {
  const ports = portsOf(service);
  const shared = new Map<number, number>();
  for (const [index, port] of ports.entries()) {
    const number = num(port.port);
    const wanted = num(port.nodePort);
    const given = shared.get(number);
    if (given === undefined) {
      const asked =
        wanted || num(ports.find((other) => num(other.port) === number && num(other.nodePort) !== 0)?.nodePort);
      if (asked === 0) port.nodePort = allocator.next(number);
      else {
        allocator.take(asked, index);
        port.nodePort = asked;
      }
      shared.set(number, num(port.nodePort));
    } else if (wanted === 0) port.nodePort = given;
    else if (wanted !== given) allocator.take(wanted, index);
  }
}

function forOld(
  service: KubeObject,
  current: KubeObject,
  allocator: Allocator,
  api: ApiServer,
  ofStatus: boolean,
): void {
  const before = portsOf(current);
  const old = new Set(before.map((port) => num(port.nodePort)));
  const news = new Set<number>();
  for (const [index, port] of portsOf(service).entries()) {
    // Servers of later times keep what an update leaves out.
    if (num(port.nodePort) === 0 && api.atLeast('1.20.0')) {
      const kept = before.find((other) => other.port === port.port && other.protocol === port.protocol);
      if (kept?.nodePort !== undefined) port.nodePort = kept.nodePort;
    }
    const number = num(port.nodePort);
    const shared = api.atLeast('1.9.0') && news.has(number);
    if (number === 0) port.nodePort = allocator.next(num(port.port));
    else if (!old.has(number) && !shared) allocator.take(number, index);
    // Writes of the status do not come by here on a real server.
    if (news.has(num(port.nodePort)) && !api.atLeast('1.9.0') && !ofStatus)
      throw new ServerPanic('duplicate node port');
    news.add(num(port.nodePort));
  }
}

/** Two ports of one protocol cannot have one node port. */
function refuseTwins(service: KubeObject, api: ApiServer): void {
  const seen = new Set<string>();
  for (const [index, port] of portsOf(service).entries()) {
    const mark = `${text(port.protocol)}/${num(port.nodePort)}`;
    if (num(port.nodePort) !== 0 && seen.has(mark)) {
      const why = api.atLeast('1.20.0')
        ? `Invalid value: ${num(port.nodePort)}: provided port is already allocated`
        : `Duplicate value: ${num(port.nodePort)}`;
      throw new InvalidError({ kind: 'Service', name: service.metadata.name }, [
        `spec.ports[${index}].nodePort: ${why}`,
      ]);
    }
    seen.add(mark);
  }
}

/** Fills in the node ports of a Service. */
export function allocateNodePorts(
  service: KubeObject,
  current: KubeObject | undefined,
  api: ApiServer,
  ofStatus = false,
): void {
  if (api.cluster.type === 'federation') {
    for (const port of portsOf(service)) delete port.nodePort;
    return;
  }
  if (!isExposed(service)) {
    // From 1.20 on the ports go with the type. Old servers refuse them, and every server refuses new ones.
    if (current !== undefined && api.atLeast('1.20.0')) for (const port of portsOf(service)) delete port.nodePort;
    return;
  }
  refuseTwins(service, api);
  const allocator = new Allocator(api, service);
  if (current !== undefined && isExposed(current)) forOld(service, current, allocator, api, ofStatus);
  else forNew(service, allocator);
}
