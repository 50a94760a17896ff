/** A container's probes, asked at the loopback address of its pod. */
import * as http from 'node:http';
import * as https from 'node:https';
import * as net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Container, Probe } from './objects';

/** Where a container is probed. */
export interface ProbeTarget {
  readonly container: Container;
  /** The pod's loopback address. */
  readonly address: string;
  /** The port of the machine that stands for a port of the container. */
  readonly portOf: (containerPort: number) => number;
}

/** Whether this probe can be asked here: those that run a program in the container cannot. */
export function isAskable(probe: Probe): boolean {
  return probe.httpGet !== undefined || probe.tcpSocket !== undefined || probe.grpc !== undefined;
}

/** Asks once: undefined when it is well, else why not. */
export function askProbe(probe: Probe, target: ProbeTarget): Promise<string | undefined> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  const { httpGet, tcpSocket, grpc } = probe;
  if (httpGet) return askHttp(httpGet, target, timeoutMs);
  const port = portNumber(tcpSocket?.port ?? grpc?.port ?? 0, target);
  return new Promise((resolve) => {
    const socket = net.connect({ host: target.address, port, timeout: timeoutMs });
    const end = (why?: string): void => {
      socket.destroy();
      resolve(why);
    };
    socket.once('connect', () => {
      end();
    });
    socket.once('timeout', () => {
      end('no connection in time');
    });
    socket.once('error', ({ message }) => {
      end(message);
    });
  });
}

/**
 * Asks a probe in its period until the signal comes, and tells when its verdict changes after as many answers as its thresholds say.
 * @param probe the probe
 * @param target where
 * @param mostSeconds the longest first delay and period; default: as the probe says
 * @param onVerdict called with undefined when it is well, else with why not
 * @param signal ends it
 */
export async function followProbe(
  probe: Probe,
  target: ProbeTarget,
  mostSeconds: number | undefined,
  onVerdict: (why: string | undefined) => void,
  signal: AbortSignal,
): Promise<void> {
  const pause = (seconds: number): Promise<unknown> =>
    sleep(Math.min(seconds, mostSeconds ?? seconds) * 1000, undefined, { signal }).catch(() => undefined);
  await pause(probe.initialDelaySeconds ?? 0);
  const isOver = (): boolean => signal.aborted;
  let verdict: boolean | undefined;
  let row = 0;
  let last: boolean | undefined;
  while (!isOver()) {
    const why = await askProbe(probe, target);
    // The program may have ended while it was asked.
    if (isOver()) return;
    const well = why === undefined;
    row = well === last ? row + 1 : 1;
    last = well;
    const needed = well ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
    if (row >= needed && verdict !== well) {
      verdict = well;
      onVerdict(why);
    }
    await pause(probe.periodSeconds ?? 10);
  }
}

function portNumber(port: number | string, { container, portOf }: ProbeTarget): number {
  const named = container.ports?.find(({ name }) => name === port)?.containerPort;
  return portOf(named ?? Number(port));
}

function askHttp(
  probe: NonNullable<Probe['httpGet']>,
  target: ProbeTarget,
  timeoutMs: number,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = {
      host: target.address,
      port: portNumber(probe.port, target),
      path: probe.path ?? '/',
      timeout: timeoutMs,
      headers: { 'user-agent': 'kube-probe/e2e' },
    };
    const onResponse = (response: http.IncomingMessage): void => {
      response.resume();
      const status = response.statusCode ?? 0;
      resolve(status >= 200 && status < 400 ? undefined : `status ${status}`);
    };
    const request =
      probe.scheme === 'HTTPS'
        ? // As kubelets do: a probe asks whether it answers, not who it is.
          https.request({ ...options, rejectUnauthorized: false }, onResponse)
        : http.request(options, onResponse);
    request.once('timeout', () => request.destroy(new Error('no answer in time')));
    request.once('error', ({ message }) => {
      resolve(message);
    });
    request.end();
  });
}
