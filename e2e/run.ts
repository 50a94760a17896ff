/**
 * `npm run e2e`: the end-to-end tier. Where a program is missing it says so in one line and ends with exit code 3, so
 * that nobody takes a run that did not happen for one that passed.
 */
import { spawnSync } from 'node:child_process';
import { EXIT_MISSING, findBinaries } from './binaries';
import { TOOL_NAMES } from './tools/pins';

const needed = TOOL_NAMES.filter((name) => name !== 'etcdctl');
const found = findBinaries(needed);
if (found.ok) {
  const jest = require.resolve('jest/bin/jest');
  const args = ['--config', 'jest.e2e.config.js', ...process.argv.slice(2)];
  process.exitCode = spawnSync(process.execPath, [jest, ...args], { stdio: 'inherit' }).status ?? 1;
} else {
  process.stderr.write(`${found.error.message}\n`);
  process.exitCode = EXIT_MISSING;
}
