/**
 * Shows that the harness works here: three clusters with three nodes each, a Deployment by the real kubectl, one
 * cluster stopped and started, and nothing left behind.
 *
 *     node --require tsx/cjs e2e/smoke.ts [hold]
 *
 * With `hold` the clusters stay up, for a look by hand, until Ctrl-C. Exit codes: 0 all well; 1 something failed; 3
 * programs are missing.
 */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import { promisify } from 'node:util';
import { EXIT_MISSING, findBinaries } from './binaries';
import { CONTROL_PLANE_PROGRAMS, ControlPlanes } from './control-plane';
import { waitFor } from './harness/wait';

const run = promisify(execFile);

const DEPLOYMENT = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'hello', namespace: 'default' },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'hello' } },
    template: {
      metadata: { labels: { app: 'hello' } },
      spec: { containers: [{ name: 'hello', image: 'hello:1' }] },
    },
  },
};

async function timed<T>(what: string, action: () => Promise<T>): Promise<T> {
  const start = Date.now();
  const value = await action();
  console.log(`${what}: ${((Date.now() - start) / 1000).toFixed(2)} s`);
  return value;
}

function printMemory(planes: ControlPlanes): void {
  const total = new Map<string, number>();
  for (const { name, bytes } of planes.memory()) {
    const program = CONTROL_PLANE_PROGRAMS.find((known) => name.endsWith(known)) ?? name;
    total.set(program, (total.get(program) ?? 0) + bytes);
  }
  const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
  const each = [...total].map(([program, bytes]) => `${program} ${mib(bytes)}`);
  console.log(`memory: ${mib([...total.values()].reduce((sum, bytes) => sum + bytes, 0))} (${each.join(', ')})`);
}

/** The processes that still run: those started by their ids, and any other that names the run's folder. */
function leftovers(pids: readonly number[], dir: string): string[] {
  const alive = pids.filter((pid) => fs.existsSync(`/proc/${pid}`)).map(String);
  const naming = fs.readdirSync('/proc').filter((entry) => {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) return false;
    try {
      return fs.readFileSync(`/proc/${entry}/cmdline`, 'utf8').includes(dir);
    } catch {
      return false;
    }
  });
  return [...new Set([...alive, ...naming])];
}

async function exercise(planes: ControlPlanes, kubectl: string): Promise<void> {
  const call = async (context: string, ...args: string[]): Promise<string> => {
    const { stdout } = await run(kubectl, ['--kubeconfig', planes.kubeconfig, '--context', context, ...args]);
    return stdout;
  };
  const version = JSON.parse(await call('fcp', 'version', '-o', 'json')) as Record<string, { gitVersion: string }>;
  console.log(`kubectl ${version.clientVersion?.gitVersion}, server ${version.serverVersion?.gitVersion}`);

  const manifest = `${planes.dir}/deployment.json`;
  fs.writeFileSync(manifest, JSON.stringify(DEPLOYMENT));
  await timed('applied and rolled out in all clusters', () =>
    Promise.all(
      planes.clusters.map(async ({ name }) => {
        await call(name, 'apply', '-f', manifest);
        await call(name, 'rollout', 'status', 'deployment/hello', '--timeout=30s');
      }),
    ),
  );
  printMemory(planes);

  await timed('usa stopped', () => planes.stopCluster('usa'));
  await call('fcp', 'get', 'nodes');
  await timed('usa started again', () => planes.startCluster('usa'));
  await call('usa', 'scale', 'deployment/hello', '--replicas=3');
  await call('usa', 'rollout', 'status', 'deployment/hello', '--timeout=30s');
  await waitFor({
    what: 'three running pods in usa',
    timeoutMs: 30_000,
    probe: async () => {
      const pods = (await call('usa', 'get', 'pods', '-o', 'jsonpath={.items[*].status.phase}')).trim();
      return pods === 'Running Running Running' ? { done: true, value: pods } : { done: false, saw: pods };
    },
  });

  const unexpected = planes.processes.unexpectedExits();
  if (unexpected.length > 0) throw new Error(`ended on their own: ${unexpected.join(', ')}`);
}

async function main(words: readonly string[]): Promise<number> {
  const lookup = findBinaries([...CONTROL_PLANE_PROGRAMS, 'kubectl']);
  if (!lookup.ok) {
    console.error(lookup.error.message);
    return EXIT_MISSING;
  }
  const planes = await timed('three clusters up, nodes ready', () =>
    ControlPlanes.start({ clusters: [{ name: 'fcp' }, { name: 'usa' }, { name: 'eur' }], binaries: lookup.paths }),
  );
  try {
    await exercise(planes, lookup.paths.kubectl);
    if (words.includes('hold')) {
      console.log(`up until Ctrl-C: KUBECONFIG=${planes.kubeconfig}, contexts fcp, usa, eur`);
      await new Promise((resolve) => setTimeout(resolve, 2 ** 31 - 1));
    }
  } finally {
    await timed('stopped', () => planes.stop());
  }
  const left = leftovers(planes.processes.pids, planes.dir);
  if (left.length > 0) throw new Error(`still running: ${left.join(', ')}`);
  if (fs.existsSync(planes.dir)) throw new Error(`still there: ${planes.dir}`);
  console.log('nothing left behind');
  return 0;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  },
);
