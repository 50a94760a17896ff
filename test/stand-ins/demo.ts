/**
 * `npm run demo`: the command line on the guide's three clusters without any cluster. Stand-ins take the place of
 * kubectl, kubefed and helm; what they act on lives in this process and ends with it. Names the commands to run one
 * after another: `npm run demo -- plan apply verify teardown`.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { Federation, synth } from '../../lib';
import { guideProps } from '../support/guide';
import { World } from './world';

const DEFAULT = ['plan', 'apply', 'verify', 'apply'];
/** Long enough to see what waits, short enough to stay for. */
const LATENCY_MS = 150;

async function main(): Promise<void> {
  const world = await World.start({ latencyMs: LATENCY_MS, controllerDelayMs: 1_500 });
  const root = join(__dirname, '../..');
  const dist = join(world.dir, 'dist');
  // The one thing that cannot be the guide's: names are really asked, of a server on this machine.
  const guide = guideProps();
  synth(new Federation({ ...guide, dns: { ...guide.dns, endpoint: world.dnsEndpoint } }), dist);
  const run = (command: string): Promise<number | null> =>
    new Promise((resolve) => {
      const args = ['--require', join(root, 'scripts/register.cjs'), join(root, 'scripts/federation.ts')];
      const yes = command === 'apply' || command === 'teardown' ? ['--yes'] : [];
      const child = spawn(process.execPath, [...args, command, ...yes, '--dist', dist], {
        env: world.env(),
        stdio: 'inherit',
      });
      child.once('exit', resolve);
    });
  const commands = process.argv.slice(2);
  try {
    for (const command of commands.length > 0 ? commands : DEFAULT) {
      process.stdout.write(`\n$ npm run ${command}\n`);
      const code = await run(command);
      if (code !== 0) process.exitCode = code ?? 1;
    }
  } finally {
    await world.close();
  }
}

void main();
