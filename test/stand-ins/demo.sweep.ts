import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../support/guide';
import { inSweeps } from '../support/sweep';

const itInSweeps = inSweeps<[test: () => void]>((what, test) => {
  it(what, test);
});

describe('npm run demo', () => {
  itInSweeps('shows a whole life, and ends well', () => {
    const demo = ['--require', join(ROOT, 'scripts/register.cjs'), join(ROOT, 'test/stand-ins/demo.ts')];
    const commands = ['plan', 'apply', 'verify', 'apply', 'teardown'];
    const { status, stdout } = spawnSync(process.execPath, [...demo, ...commands], { encoding: 'utf8' });
    expect(stdout).toContain('Every name leads to its own cluster.');
    expect(stdout).toContain('Nothing was written: everything is as the plan says.');
    expect(stdout).toMatch(/^\d+ removed, \d+ nothing there, 4 kept in /m);
    expect(status).toBe(0);
  });
});
