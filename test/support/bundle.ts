import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';

/**
 * Jest's global set-up: bundles the command line into one JavaScript file, which the variable FEDERATION_BUNDLE names. The
 * tests start it hundreds of times, and from TypeScript it takes longer to load than most of them take to run.
 */
export default async function bundle(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'onprem-federation-cli-'));
  process.once('exit', () => {
    rmSync(folder, { recursive: true, force: true });
  });
  const outfile = join(folder, 'federation.js');
  await build({
    entryPoints: [join(__dirname, '../../scripts/federation.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    // Stack traces name the lines of the TypeScript.
    sourcemap: true,
    sourcesContent: false,
  });
  process.env.FEDERATION_BUNDLE = outfile;
}
