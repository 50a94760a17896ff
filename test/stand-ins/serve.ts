/**
 * A World of its own process, for benches: `tsx serve.ts '{"latencyMs":100}'` prints its environment as one line of JSON and
 * lives until SIGTERM, or until whoever started it is gone.
 */
import { World } from './world';
import type { WorldOptions } from './types';

async function main(): Promise<void> {
  const options = JSON.parse(process.argv[2] ?? '{}') as WorldOptions;
  const world = await World.start(options);
  const { PATH, KUBECONFIG, HOME, STAND_INS_PORT } = world.env();
  process.stdout.write(
    `${JSON.stringify({ env: { PATH, KUBECONFIG, HOME, STAND_INS_PORT }, dnsEndpoint: world.dnsEndpoint, dir: world.dir })}\n`,
  );
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid !== parent) end();
  }, 500);
  let ending = false;
  function end(): void {
    if (ending) return;
    ending = true;
    clearInterval(watch);
    // What was asked of it, for whoever measures.
    process.stdout.write(
      `${JSON.stringify({ calls: world.calls.length, writes: world.writes, mishaps: world.mishaps.length })}\n`,
    );
    void world.close().then(() => process.exit(0));
  }
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
}

void main();
