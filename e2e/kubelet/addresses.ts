/**
 * Which loopback address stands for which pod, Service and node. All of 127.0.0.0/8 is this machine, so that every pod can have an
 * address of its own and keep the ports that it was rendered with.
 *
 * | what | address |
 * | --- | --- |
 * | the nodes of every cluster (NodePorts) | 127.0.0.1 |
 * | pods of cluster n | 127.(64 + n).x.y |
 * | Services of cluster n, by name | 127.(128 + n).x.y |
 */
import { LOOPBACK } from '../harness/ports';

/** Ports of the nodes, as kube-apiserver gives them out by default. */
const NODE_PORTS = { first: 30_000, last: 32_767 };

/** Whether a port is one of the nodes'. */
export function isNodePort(port: number): boolean {
  return port >= NODE_PORTS.first && port <= NODE_PORTS.last;
}

/** The addresses of one cluster. Each is given out at its first mention and never taken back. */
export class AddressBook {
  /** The address of the cluster's nodes. */
  readonly nodes = LOOPBACK;
  private readonly pods = new Map<string, string>();
  private readonly services = new Map<string, string>();

  /** @param index the number of the cluster, from 0 to 63 */
  constructor(private readonly index: number) {
    if (index < 0 || index > 63) throw new Error(`addresses are for 64 clusters, not for ${index + 1}`);
  }

  /**
   * The address of a pod, by its name: one that comes again under the same name (a StatefulSet's) has it again, so that the
   * programs that were started with it still find it.
   */
  ofPod(namespace: string, name: string): string {
    return given(this.pods, `${namespace}/${name}`, 64 + this.index);
  }

  /** The address of a Service, by its name. */
  ofService(namespace: string, name: string): string {
    return given(this.services, `${namespace}/${name}`, 128 + this.index);
  }

  /** All addresses given out, by what they stand for. */
  get table(): Readonly<Record<string, string>> {
    return Object.fromEntries([
      ...[...this.pods].map(([key, address]) => [`pod ${key}`, address]),
      ...[...this.services].map(([key, address]) => [`service ${key}`, address]),
    ]) as Record<string, string>;
  }
}

function given(addresses: Map<string, string>, key: string, second: number): string {
  let address = addresses.get(key);
  if (address === undefined) {
    const number = addresses.size;
    address = `127.${second}.${Math.floor(number / 200)}.${(number % 200) + 1}`;
    addresses.set(key, address);
  }
  return address;
}
