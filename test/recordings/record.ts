/**
 * Records what a real kubectl says of the calls in kubernetes-1.34.4/calls.ts:
 * `node --require ./scripts/register.cjs test/recordings/record.ts KUBECTL KUBECONFIG FILE`. The kubeconfig has to have the contexts
 * of kubernetes-1.34.4/README.md; the API server is empty.
 */
import { spawnSync } from 'node:child_process';
import { getServers } from 'node:dns';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { gzipSync } from 'node:zlib';
import { CALLS } from './kubernetes-1.34.4/calls';

const [kubectl = '', kubeconfig = '', file = ''] = process.argv.slice(2);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'record-'));
const config = path.join(folder, 'kubeconfig');
fs.copyFileSync(kubeconfig, config);
const env = { KUBECONFIG: config, HOME: folder };

function run(argv: readonly string[], input = ''): { exit: number; stdout: string; stderr: string; ms: number } {
  const start = Date.now();
  const ran = spawnSync(kubectl, argv, { input, env, cwd: folder, encoding: 'utf8', timeout: 60_000 });
  const scrubbed = (text: string): string =>
    getServers()
      .reduce((rest, server) => rest.replaceAll(server, '192.0.2.53'), text)
      .replaceAll(folder, '$DIR')
      .replaceAll(os.hostname(), '$HOST');
  return {
    exit: ran.status ?? -1,
    stdout: scrubbed(ran.stdout),
    stderr: scrubbed(ran.stderr),
    ms: Date.now() - start,
  };
}

const { stdout } = run(['version', '--client', '-o', 'json']);
const version = (JSON.parse(stdout) as { clientVersion: { gitVersion: string } }).clientVersion.gitVersion;
const lines = CALLS.map(({ note, argv, stdin }, index) => {
  const { exit, stdout: out, stderr, ms } = run(argv, stdin);
  return JSON.stringify({
    n: index + 1,
    program: 'kubectl',
    version,
    argv,
    note,
    ...(stdin === undefined ? {} : { stdin }),
    exit,
    stdout: out,
    stderr,
    ms,
  });
});
fs.writeFileSync(file, gzipSync(`${lines.join('\n')}\n`, { level: 9 }));
fs.rmSync(folder, { recursive: true });
