/**
 * `npm run e2e`: the end-to-end tier. Where a program is missing it says so in one line and ends with exit code 3, so
 * that nobody takes a run that did not happen for one that passed.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import * as path from 'node:path';
import { EXIT_MISSING, findBinaries, PROGRAMS_FILE } from './binaries';
import { TOOL_NAMES } from './tools/pins';

const needed = TOOL_NAMES.filter((name) => name !== 'etcdctl');
const found = findBinaries(needed);
if (found.ok) {
  process.env.E2E_PROGRAMS ??= PROGRAMS_FILE;
  mkdirSync(path.dirname(process.env.E2E_PROGRAMS), { recursive: true });
  if (process.env.E2E_PROGRAMS === PROGRAMS_FILE) rmSync(PROGRAMS_FILE, { force: true });
  const jest = require.resolve('jest/bin/jest');
  const args = ['--config', 'jest.e2e.config.js', ...process.argv.slice(2)];
  process.exitCode = spawnSync(process.execPath, [jest, ...args], { stdio: 'inherit' }).status ?? 1;
} else {
  process.stderr.write(`${found.error.message}\n`);
  process.exitCode = EXIT_MISSING;
}
