/** Free ports on loopback. */
import * as net from 'node:net';

/** The address that everything of the e2e tier listens on. */
export const LOOPBACK = '127.0.0.1';

// Below the range that the kernel takes outgoing connections' ports from (so that a stopped server's port is still free when it
// starts again), and below the range of NodePorts (which the tests open themselves).
const FIRST = 20_000;
const LAST = 29_999;

const given = new Set<number>();

/**
 * Ports that nobody listens on now and that this process was not given before.
 * @param count how many
 * @throws Error when there are not enough
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let tries = 0; ports.length < count; tries += 1) {
    if (tries > 1000) throw new Error(`no ${count} free ports between ${FIRST} and ${LAST}`);
    // At random, so that two runs at the same time hardly meet.
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST + 1));
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    ports.push(port);
  }
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ host: LOOPBACK, port, exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
