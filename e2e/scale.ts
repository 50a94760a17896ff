/**
 * `npm run bench:scale`: how long apply takes for the bundles of 20 clusters, beside `kubectl apply` in a plain loop and
 * beside kustomize (`kubectl apply -k`), on one real API server under 20 contexts. Nothing is asserted but that each of
 * them ends well. Exit codes: 0 all well, 1 something failed, 3 programs are missing.
 *
 *     npm run bench:scale -- [clusters]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { EXIT_MISSING, findBinaries } from './binaries';
import { CONTROL_PLANE_PROGRAMS, ControlPlanes } from './control-plane';
import { cli, environment, output } from './support/cli';
import { clusterNames, namespaceOf, writeBundles } from './support/external-dns-scale';

const SERVER_SIDE = ['--server-side', '--field-manager=onprem-federation'];

/** One way to bring all bundles about. */
interface Contender {
  /** Names its namespaces. */
  readonly who: string;
  readonly title: string;
  readonly apply: () => Promise<void>;
  /** Whether that waits until everything has been rolled out. */
  readonly waits: boolean;
}

async function seconds(action: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await action();
  return (performance.now() - began) / 1000;
}

async function measure(count: number): Promise<void> {
  const names = clusterNames(count);
  const root = mkdtempSync(path.join(tmpdir(), 'e2e-scale-'));
  const [first = '', ...aliases] = names;
  // One controller manager stands for one a cluster: held to the 20 requests a second of a single one, it would be all that is
  // measured.
  const controllerManagerArgs = [`--kube-api-qps=${20 * count}`, `--kube-api-burst=${30 * count}`];
  const planes = await ControlPlanes.start({ clusters: [{ name: first, aliases, nodes: 10, controllerManagerArgs }] });
  try {
    const env = environment(planes.kubeconfig);
    const { server } = planes.cluster(first);
    const kubectl = (...args: string[]): Promise<string> => output(env, 'kubectl', args);
    const { serverVersion } = JSON.parse(await kubectl(`--context=${first}`, 'version', '--output=json')) as {
      serverVersion: { gitVersion: string };
    };
    const folderOf = (who: string): string => path.join(root, who);
    const rolledOut = async (who: string): Promise<void> => {
      for (const name of names) {
        const where = [`--context=${name}`, `--namespace=${namespaceOf(who, name)}`];
        const deployments = (await kubectl(...where, 'get', 'deployments', '--output=name')).trim().split('\n');
        for (const deployment of deployments) await kubectl(...where, 'rollout', 'status', deployment, '--timeout=60s');
      }
    };
    const loop = (who: string, option: string) => async (): Promise<void> => {
      for (const name of names) {
        await kubectl(`--context=${name}`, 'apply', ...SERVER_SIDE, `${option}=${path.join(folderOf(who), name)}`);
      }
    };
    const contenders: readonly Contender[] = [
      {
        who: 'federation',
        title: 'npm run apply',
        waits: true,
        apply: async () => {
          const { code, stdout, stderr } = await cli(env, folderOf('federation'), 'apply', '--yes');
          if (code !== 0) throw new Error(`apply ended with ${String(code)}\n${stdout}${stderr}`);
        },
      },
      { who: 'loop', title: 'kubectl apply -f, in a loop', waits: false, apply: loop('loop', '--filename') },
      { who: 'kustomize', title: 'kubectl apply -k, in a loop', waits: false, apply: loop('kustomize', '--kustomize') },
    ];
    const lines: string[] = [];
    const rolled: { first: number; again: number }[] = [];
    let objects = 0;
    // The server's first writes of a kind are its slowest; they are nobody's.
    const warm = 'warm';
    const { gitVersion } = serverVersion;
    writeBundles(folderOf(warm), warm, names, server, gitVersion.replace(/^v/, ''));
    await kubectl(`--context=${first}`, 'create', 'namespace', namespaceOf(warm, first));
    await kubectl(`--context=${first}`, 'apply', ...SERVER_SIDE, `--filename=${path.join(folderOf(warm), first)}`);
    for (const { who, title, waits, apply } of contenders) {
      objects = writeBundles(folderOf(who), who, names, server, gitVersion.replace(/^v/, ''));
      for (const name of names) await kubectl(`--context=${name}`, 'create', 'namespace', namespaceOf(who, name));
      const applied = await seconds(apply);
      const waited = waits ? 0 : await seconds(() => rolledOut(who));
      const again = await seconds(apply);
      const waitedAgain = waits ? 0 : await seconds(() => rolledOut(who));
      rolled.push({ first: applied + waited, again: again + waitedAgain });
      const per = (value: number): string => `${value.toFixed(1)} s (${(value / count).toFixed(2)} s)`;
      lines.push(
        `| ${[title, per(applied), per(applied + waited), per(again), per(again + waitedAgain)]
          .map((cell, i) => cell.padEnd(i === 0 ? 27 : 16))
          .join(' | ')} |`,
      );
    }
    const [ours, plain] = rolled;
    const ratios =
      ours && plain
        ? [
            `npm run apply to the loop of kubectl apply -f with rollout status: ${(ours.first / plain.first).toFixed(2)}, once more ${(ours.again / plain.again).toFixed(2)}`,
          ]
        : [];
    console.log(
      [
        `${count} clusters' bundles of ${objects} objects each, on one API server under ${count} contexts; in brackets by cluster`,
        '',
        '| how                         | applied          | and rolled out   | once more        | and rolled out   |',
        '| --------------------------- | ---------------- | ---------------- | ---------------- | ---------------- |',
        ...lines,
        '',
        ...ratios,
      ].join('\n'),
    );
  } finally {
    await planes.stop();
    rmSync(root, { recursive: true, force: true });
  }
}

async function main(words: readonly string[]): Promise<number> {
  const lookup = findBinaries([...CONTROL_PLANE_PROGRAMS, 'kubectl']);
  if (!lookup.ok) {
    console.error(lookup.error.message);
    return EXIT_MISSING;
  }
  const count = Number(words[0] ?? 20);
  if (!Number.isInteger(count) || count < 1 || count > 99) throw new Error('Give a number of clusters from 1 to 99.');
  await measure(count);
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
