/**
 * `npm run bench:apply`: apply beside the guide's own commands, run one after another by a shell script, against
 * stand-ins of kubectl, kubefed and helm that take 100 ms a call, and 20 ms a request through kubectl proxy; 3 and 50 clusters, both sides in the same run. Nothing
 * but loopback is contacted.
 */
import { ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { Federation, synth } from '../lib';
import { guideFiles, guideScript, Member } from './guide-script';
import { freshFolder, median, run } from './measure';

const LATENCY_MS = 100;
/** A read through a running `kubectl proxy` is one round trip; a program has to start, and makes several. */
const REQUEST_LATENCY_MS = 20;
/** A cluster's share of hello-world: one without pods has no name of its own. */
const REPLICAS = 4;
const ROOT = join(__dirname, '..');
const REGISTER = ['--require', join(ROOT, 'scripts/register.cjs')];
/** Ratios to reach: of the guide's time by size, and of the first apply's by one that has nothing to do. */
const TARGETS: Readonly<Record<number, number>> = { 3: 0.5, 50: 0.1 };
const AGAIN_TARGET = 1 / 3;
const RUNS: Readonly<Record<number, number>> = { 3: 3, 50: 1 };

interface Sample {
  readonly guide: number;
  readonly first: number;
  readonly again: number;
}

function members(count: number): Member[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `c${i}`,
    region: `r${i}`,
    zone: `z${i}`,
    addressRange: `10.210.${i}.0/26`,
  }));
}

const servedSchema = z.object({ env: z.record(z.string(), z.string()), dnsEndpoint: z.string(), dir: z.string() });
type Served = z.infer<typeof servedSchema> & { readonly child: ChildProcess };

/** Stand-ins in a process of their own, so that they do not share this one's time. */
async function serve(list: readonly Member[]): Promise<Served> {
  const clusters = list.map((member, i) => ({
    ...member,
    server: `10.11.12.${i + 1}:6443`,
    context: member.name,
    kubernetesVersion: '1.7.3',
    nodes: [`${member.name}-node-1`, `${member.name}-node-2`],
  }));
  const options = JSON.stringify({
    clusters,
    hostCluster: 'c0',
    latencyMs: LATENCY_MS,
    requestLatencyMs: REQUEST_LATENCY_MS,
  });
  const child = spawn(process.execPath, [...REGISTER, join(ROOT, 'test/stand-ins/serve.ts'), options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, 'line')) as [string];
  return { ...servedSchema.parse(JSON.parse(line)), child };
}

async function withServed<T>(list: readonly Member[], work: (served: Served) => T): Promise<T> {
  const served = await serve(list);
  try {
    return work(served);
  } finally {
    const ended = once(served.child, 'exit');
    served.child.kill('SIGTERM');
    await ended;
  }
}

/** One run of both sides, each on clusters that nothing has touched. */
async function sample(count: number): Promise<Sample> {
  const list = members(count);
  const guide = await withServed(list, ({ env, dnsEndpoint }) => {
    const folder = freshFolder();
    mkdirSync(folder);
    for (const [name, content] of Object.entries(guideFiles(list, dnsEndpoint, REPLICAS * count))) {
      writeFileSync(join(folder, name), content);
    }
    writeFileSync(join(folder, 'guide.sh'), guideScript(list, 'c0', dnsEndpoint));
    // The script's programs are no node processes, which alone would note their memory.
    return run(
      [
        'node',
        '-e',
        'require("child_process").execFileSync("bash", ["guide.sh"], { stdio: ["ignore", "ignore", "inherit"] })',
      ],
      folder,
      env,
    ).ms;
  });
  return withServed(list, ({ env, dnsEndpoint }) => {
    const dist = freshFolder();
    const federation = new Federation({
      hostCluster: 'c0',
      clusters: list.map((member, i) => ({
        ...member,
        server: `https://10.11.12.${i + 1}:6443`,
        kubernetesVersion: '1.7.3',
      })),
      dns: { zone: 'example.com.', endpoint: dnsEndpoint },
      workloads: [{ name: 'hello-world', image: 'artmr/hello-world:latest', replicas: REPLICAS * count, port: 8080 }],
    });
    synth(federation, dist);
    const apply = (): number =>
      run(['node', ...REGISTER, join(ROOT, 'scripts/federation.ts'), 'apply', '--yes', '--dist', dist], ROOT, env).ms;
    return { guide, first: apply(), again: apply() };
  });
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

function target(what: string, ratio: number, wanted: number): void {
  process.stdout.write(
    `target ${what}: ${ratio.toFixed(3)} of at most ${wanted.toFixed(3)}: ${ratio <= wanted ? 'reached' : 'missed'}\n`,
  );
}

async function main(): Promise<void> {
  process.stdout.write(
    `Programs take ${LATENCY_MS} ms a call, requests through kubectl proxy ${REQUEST_LATENCY_MS} ms; medians.\n`,
  );
  for (const [size, wanted] of Object.entries(TARGETS)) {
    const count = Number(size);
    const samples: Sample[] = [];
    for (let i = 0; i < (RUNS[count] ?? 1); i++) samples.push(await sample(count));
    const of = (pick: (one: Sample) => number): number => median(samples.map(pick));
    const [guide, first, again] = [of((s) => s.guide), of((s) => s.first), of((s) => s.again)];
    process.stdout.write(
      `${count} clusters (${samples.length} runs): the guide's script ${seconds(guide)}, apply ${seconds(first)}, apply again ${seconds(again)}\n`,
    );
    target(
      `apply / guide at ${count} clusters`,
      of((s) => s.first / s.guide),
      wanted,
    );
    target(
      `apply again / apply at ${count} clusters`,
      of((s) => s.again / s.first),
      AGAIN_TARGET,
    );
  }
}

void main();
