/** Starts one of a World's programs the way the program under test does. */
import { spawn } from 'node:child_process';
import type { Program } from './types';
import type { Ran, World } from './world';

/** Runs `kubectl get …` and the like with the World's environment. */
export function run(
  world: World,
  program: Program,
  args: readonly string[],
  options: { readonly stdin?: string; readonly cwd?: string } = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: world.env(), cwd: options.cwd ?? world.dir, stdio: 'pipe' });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (data: string) => (stdout += data));
    child.stderr.setEncoding('utf8').on('data', (data: string) => (stderr += data));
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code, stdout, stderr });
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.stdin ?? '');
  });
}
