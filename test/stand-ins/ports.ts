/** A port that is free and lies where node ports lie. */
import * as net from 'node:net';

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.createServer();
    probe.once('error', () => {
      resolve(false);
    });
    probe.listen(port, '127.0.0.1', () => {
      probe.close(() => {
        resolve(true);
      });
    });
  });
}

/** From 30000 to 32767: an API server gives no other as a node port, and no kernel hands these out by itself. */
export async function freeNodePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const port = 30000 + Math.floor(Math.random() * 2768);
    if (await isFree(port)) return port;
  }
  throw new Error('no port from 30000 to 32767 is free');
}
