/** The federation's CoreDNS: what it answers, and a server on 127.0.0.1 that answers it over UDP and TCP. */
import * as dgram from 'node:dgram';
import * as net from 'node:net';
import * as semver from 'semver';
import { picks, readyPods } from './controllers';
import { blockFor, parseCorefile, within } from './corefile';
import { type EtcdStore, etcdAt } from './etcd';
import { skydnsPath } from './federation';
import { type Dict, type KubeObject, at, list, num, strings, text } from './json';
import { ApiServer } from './objects';
import { nodeAddresses } from './target';
import type { World } from './world';

/** A CoreDNS that runs as an application (not as cluster DNS) and the ready pods behind its Service. */
interface CoreDns {
  readonly api: ApiServer;
  readonly deployment: KubeObject;
}

function behind(api: ApiServer, service: KubeObject): CoreDns | undefined {
  const selector = strings(at(service, 'spec', 'selector'));
  const { namespace } = service.metadata;
  if (Object.keys(selector).length === 0 || readyPods(api, namespace, selector).length === 0) return undefined;
  const deployment = api
    .all('Deployment', namespace)
    .find(
      (found) =>
        picks(selector, strings(at(found, 'spec', 'template', 'metadata', 'labels'))) &&
        /coredns/.test(text(at(found, 'spec', 'template', 'spec', 'containers', 0, 'image'))),
    );
  return deployment === undefined ? undefined : { api, deployment };
}

/** Who listens on an address: node ports on every node and, for the tests, on 127.0.0.1; addresses of load balancers. */
function listener(world: World, host: string, port: number): CoreDns | undefined {
  for (const cluster of Object.values(world.state.clusters)) {
    if (cluster.type !== 'kubernetes') continue;
    const api = new ApiServer(cluster, world);
    const here = host === '127.0.0.1' || nodeAddresses(cluster).includes(host);
    for (const service of api.all('Service')) {
      const ingress = list(at(service, 'status', 'loadBalancer', 'ingress')).map((entry) => text(at(entry, 'ip')));
      const fits = list(at(service, 'spec', 'ports')).some((entry) => {
        if (at(entry, 'protocol') !== 'UDP') return false;
        return (
          (here && num(at(entry, 'nodePort')) === port) || (ingress.includes(host) && num(at(entry, 'port')) === port)
        );
      });
      const found = fits ? behind(api, service) : undefined;
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function followed(store: Record<string, string>, name: string, depth: number): string[] {
  const folder = skydnsPath(name);
  const found: string[] = [];
  for (const [key, value] of Object.entries(store)) {
    // The etcd plugin answers everything below a name, too.
    if (key !== folder && !key.startsWith(`${folder}/`)) continue;
    const host = text((JSON.parse(value) as Dict).host);
    if (net.isIPv4(host)) found.push(host);
    else if (depth < 8) found.push(...followed(store, host.replace(/\.$/, ''), depth + 1));
  }
  return [...new Set(found)].sort();
}

/** From 1.2.0 on the etcd plugin reads the v3 API; before, v2. */
function contents(store: EtcdStore, image: string): Record<string, string> {
  const tag = image.slice(image.lastIndexOf(':') + 1);
  const version = /^\d{3}$/.test(tag) ? '0.0.1' : (semver.coerce(tag)?.version ?? '1.11.0');
  return semver.gte(version, '1.2.0') ? store.v3 : store.v2;
}

/** Addresses of a name as the CoreDNS at an endpoint answers them; none: no such name; undefined: nobody answers there. */
export function answer(world: World, host: string, port: number, name: string): string[] | undefined {
  const coreDns = listener(world, host, port);
  if (coreDns === undefined) return undefined;
  const { api, deployment } = coreDns;
  const pod = at(deployment, 'spec', 'template', 'spec');
  const mapName = list(at(pod, 'volumes'))
    .map((volume) => text(at(volume, 'configMap', 'name')))
    .find((found) => found !== '');
  const corefile = text(at(api.find('ConfigMap', deployment.metadata.namespace, mapName ?? ''), 'data', 'Corefile'));
  const blocks = parseCorefile(corefile);
  if (blocks === undefined) return undefined;
  const asked = name.toLowerCase().replace(/\.$/, '');
  const block = blockFor(blocks, asked);
  const plugin = block?.plugins.find(({ name: found, args }) => {
    if (found !== 'etcd') return false;
    const zones = args.length > 0 ? args.map((zone) => zone.replace(/\.$/, '')) : block.zones;
    return zones.some((zone) => within(asked, zone));
  });
  const endpoint = plugin?.body.find(([word]) => word === 'endpoint')?.[1];
  const store = endpoint === undefined ? undefined : etcdAt(api, endpoint);
  if (store === undefined) return [];
  return followed(contents(store, text(at(pod, 'containers', 0, 'image'))), asked, 0);
}

const A = 1;
const ANY = 255;

/** The response to a DNS query; undefined for what is none. */
export function respond(query: Buffer, addresses: (name: string) => string[] | undefined): Buffer | undefined {
  if (query.length < 17 || query.readUInt16BE(4) < 1) return undefined;
  const labels: string[] = [];
  let offset = 12;
  for (;;) {
    const length = query[offset] ?? 0;
    offset += 1;
    if (length === 0) break;
    if (length > 63 || offset + length > query.length) return undefined;
    labels.push(query.toString('latin1', offset, offset + length));
    offset += length;
  }
  if (offset + 4 > query.length) return undefined;
  const type = query.readUInt16BE(offset);
  const found = addresses(labels.join('.'));
  const shown = type === A || type === ANY ? (found ?? []) : [];
  const header = Buffer.alloc(12);
  header.writeUInt16BE(query.readUInt16BE(0), 0);
  const noSuchName = found === undefined || found.length === 0;
  // An answer with authority; recursion as asked.
  header.writeUInt16BE(0x8400 | (query.readUInt16BE(2) & 0x0100) | (noSuchName ? 3 : 0), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(shown.length, 6);
  const records = shown.map((address) => {
    const record = Buffer.alloc(16);
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(A, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(180, 6);
    record.writeUInt16BE(4, 10);
    address.split('.').forEach((octet, index) => record.writeUInt8(Number(octet), 12 + index));
    return record;
  });
  return Buffer.concat([header, query.subarray(12, offset + 4), ...records]);
}

export class DnsServer {
  private readonly tcp: net.Server;
  private readonly sockets = new Set<net.Socket>();
  private udp: dgram.Socket | undefined;
  private served = false;

  constructor(
    private readonly port: number,
    private readonly addresses: (name: string) => string[] | undefined,
  ) {
    this.tcp = net.createServer((socket) => {
      if (!this.served) {
        socket.destroy();
        return;
      }
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      let pending = Buffer.alloc(0);
      socket.on('data', (data) => {
        pending = Buffer.concat([pending, data]);
        while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
          const length = pending.readUInt16BE(0);
          const response = respond(pending.subarray(2, 2 + length), this.addresses);
          pending = pending.subarray(2 + length);
          if (response === undefined) continue;
          const size = Buffer.alloc(2);
          size.writeUInt16BE(response.length, 0);
          socket.write(Buffer.concat([size, response]));
        }
      });
    });
  }

  /** Takes the port, so that no other World does; answers nothing yet. */
  async reserve(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.tcp.once('error', reject);
      this.tcp.listen(this.port, '127.0.0.1', resolve);
    });
    this.tcp.unref();
  }

  /** Whether the port answers: a node port that nobody serves refuses. */
  async open(served: boolean): Promise<void> {
    if (served === this.served) return;
    this.served = served;
    if (!served) {
      const { udp } = this;
      this.udp = undefined;
      await new Promise<void>((resolve) => {
        if (udp === undefined) resolve();
        else udp.close(resolve);
      });
      return;
    }
    const udp = dgram.createSocket('udp4');
    this.udp = udp;
    udp.on('message', (query, remote) => {
      const response = respond(query, this.addresses);
      if (response !== undefined && this.udp === udp) udp.send(response, remote.port, remote.address);
    });
    await new Promise<void>((resolve, reject) => {
      udp.once('error', reject);
      udp.bind(this.port, '127.0.0.1', resolve);
    });
    udp.unref();
  }

  async close(): Promise<void> {
    await this.open(false);
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      this.tcp.close(() => {
        resolve();
      });
    });
  }
}
