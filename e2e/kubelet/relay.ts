/** Ports that pass on to others, chosen anew for each connection. */
import * as dgram from 'node:dgram';
import * as net from 'node:net';

interface Place {
  readonly host: string;
  readonly port: number;
}

/** One open port. */
export interface Relay {
  /** Resolves when it is open; rejects when it cannot be. */
  readonly ready: Promise<void>;
  /** Closes it and every connection through it. */
  close(): Promise<void>;
}

/** Passes connections on, in turn, to those behind it; closes at once those for which there is nobody. */
export class TcpRelay implements Relay {
  readonly ready: Promise<void>;
  private readonly server: net.Server;
  private readonly sockets = new Set<net.Socket>();
  private turn = 0;

  constructor(place: Place, backends: () => readonly Place[]) {
    this.server = net.createServer((client) => {
      const all = backends();
      const backend = all[this.turn++ % Math.max(all.length, 1)];
      if (!backend) {
        client.destroy();
        return;
      }
      join(client, net.connect(backend), this.sockets);
    });
    this.ready = new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ ...place, exclusive: true }, resolve);
    });
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** Joins two sockets, so that the end or failure of one is that of the other. */
export function join(a: net.Socket, b: net.Socket, all: Set<net.Socket>): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    all.add(from);
    from.setNoDelay(true);
    from.pipe(to);
    from.once('error', () => to.destroy());
    from.once('close', () => {
      all.delete(from);
      to.destroy();
    });
  }
}

/** How long a sender is remembered after its last packet. */
const IDLE_MS = 30_000;

/** Passes packets on, each sender's to one of those behind it, and the answers back. */
export class UdpRelay implements Relay {
  readonly ready: Promise<void>;
  private readonly socket = dgram.createSocket('udp4');
  private readonly flows = new Map<string, { readonly to: dgram.Socket; readonly idle: NodeJS.Timeout }>();
  private turn = 0;

  constructor(
    place: Place,
    private readonly backends: () => readonly Place[],
  ) {
    this.socket.on('message', (message, from) => {
      this.pass(message, from);
    });
    this.ready = new Promise((resolve, reject) => {
      this.socket.once('error', reject);
      this.socket.bind({ address: place.host, port: place.port, exclusive: true }, resolve);
    });
  }

  async close(): Promise<void> {
    for (const key of [...this.flows.keys()]) this.forget(key);
    await new Promise<void>((resolve) => {
      try {
        this.socket.close(resolve);
      } catch {
        // It was never open.
        resolve();
      }
    });
  }

  private pass(message: Buffer, from: dgram.RemoteInfo): void {
    const key = `${from.address}:${from.port}`;
    const known = this.flows.get(key);
    if (known) {
      known.idle.refresh();
      known.to.send(message, () => undefined);
      return;
    }
    const all = this.backends();
    const backend = all[this.turn++ % Math.max(all.length, 1)];
    // Dropped, as by a node that nobody is behind.
    if (!backend) return;
    const to = dgram.createSocket('udp4');
    const idle = setTimeout(() => {
      this.forget(key);
    }, IDLE_MS);
    idle.unref();
    this.flows.set(key, { to, idle });
    to.on('error', () => {
      this.forget(key);
    });
    to.on('message', (answer) => {
      this.socket.send(answer, from.port, from.address, () => undefined);
    });
    to.connect(backend.port, backend.host, () => {
      to.send(message, () => undefined);
    });
  }

  private forget(key: string): void {
    const flow = this.flows.get(key);
    if (!flow) return;
    this.flows.delete(key);
    clearTimeout(flow.idle);
    flow.to.close();
  }
}
