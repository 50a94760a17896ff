/**
 * The way of a kube-apiserver into its cluster, for webhooks: Service addresses lead nowhere on this machine, so the server is told to take
 * them to a proxy (its own egress selector), which knows the pods that are run here.
 */
import * as http from 'node:http';
import * as net from 'node:net';
import * as path from 'node:path';
import { join } from './relay';

interface Place {
  readonly host: string;
  readonly port: number;
}

/** The socket's file in the cluster's folder. */
export function egressSocket(dir: string): string {
  return path.join(dir, 'egress.sock');
}

/** The configuration for `--egress-selector-config-file`: what goes into the cluster goes through the proxy. */
export function egressConfiguration(dir: string): unknown {
  return {
    apiVersion: 'apiserver.k8s.io/v1beta1',
    kind: 'EgressSelectorConfiguration',
    egressSelections: [
      {
        name: 'cluster',
        connection: { proxyProtocol: 'HTTPConnect', transport: { uds: { udsName: egressSocket(dir) } } },
      },
    ],
  };
}

/** A CONNECT proxy on a socket in the file system. */
export class EgressProxy {
  private readonly sockets = new Set<net.Socket>();
  private readonly server = http.createServer();

  /**
   * @param socket the socket's file
   * @param resolve the place on this machine for an address of the cluster; undefined when there is none
   */
  constructor(
    private readonly socket: string,
    resolve: (host: string, port: number) => Place | undefined,
  ) {
    this.server.on('connect', (request: http.IncomingMessage, stream: net.Socket) => {
      const { hostname, port } = new URL(`http://${request.url ?? ''}`);
      const place = resolve(hostname, Number(port || 80));
      const refuse = (): void => {
        stream.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      };
      stream.once('error', () => undefined);
      if (!place) {
        refuse();
        return;
      }
      const target = net.connect(place);
      target.once('error', refuse);
      target.once('connect', () => {
        target.removeListener('error', refuse);
        stream.write('HTTP/1.1 200 Connection established\r\n\r\n');
        join(stream, target, this.sockets);
      });
    });
  }

  /** Starts to listen. */
  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.socket, resolve);
    });
  }

  /** Closes it and every connection through it. */
  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
