/**
 * `npm run bench`: how long a synth takes and how much memory it holds, for the guide's topology and 10, 100 and 1,000
 * clusters, beside a stock cdk8s app (bench/stock) that makes the same number of objects, in the same run. Exits with 1
 * where a target is missed. `--quick` leaves the 1,000 clusters' stock app out and runs everything else less often.
 *
 * What is timed is the process that `npm run synth` starts, npm itself left out, writing into an empty folder.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freshFolder, run } from './measure';
import { Measured, row, Row, table } from './table';
import { GUIDE_SIZE } from './topology';

const ROOT = join(__dirname, '..');
const STOCK = join(__dirname, 'stock');
const CDK8S = join(ROOT, 'node_modules/cdk8s-cli/bin/cdk8s');
const QUICK = process.argv.includes('--quick');

/** One size of federation, and how often each side is run at it. */
interface Size {
  readonly title: string;
  readonly clusters: number;
  readonly runs: number;
  /** The stock app's, which grows with the square of its charts. */
  readonly stockRuns: number;
}

const SIZES: readonly Size[] = [
  { title: 'the guide, 3', clusters: GUIDE_SIZE, runs: QUICK ? 3 : 9, stockRuns: QUICK ? 1 : 5 },
  { title: '10', clusters: 10, runs: QUICK ? 1 : 5, stockRuns: QUICK ? 1 : 3 },
  { title: '100', clusters: 100, runs: QUICK ? 3 : 5, stockRuns: QUICK ? 1 : 3 },
  { title: '1,000', clusters: 1000, runs: QUICK ? 3 : 5, stockRuns: QUICK ? 0 : 1 },
];

/** The command line of the script `synth`, with another main where the size is not the guide's. */
function synthCommand({ clusters }: Size, outdir: string): string[] {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: { synth: string } };
  const main = clusters === GUIDE_SIZE ? 'main.ts' : 'bench/app.ts';
  const words = scripts.synth.split(' ').map((word) => (word === 'main.ts' ? main : word));
  return [...words, '--output', outdir];
}

/** How many Kubernetes objects a folder's manifests hold. What has no metadata is some program's configuration. */
function countObjects(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split(/^---$/m))
    .filter((document) => /^kind: /m.test(document) && /^metadata:/m.test(document)).length;
}

/** Milliseconds of the synthesis alone. */
function inProcess(which: 'ours' | 'stock', { clusters }: Size): number {
  const script = ['node', '--require', './scripts/register.cjs', 'bench/in-process.ts'];
  return Number(run([...script, which, String(clusters)], ROOT).stdout);
}

function measure(size: Size): Row {
  const env = { CLUSTERS: String(size.clusters) };
  const ours: Measured = { whole: [], inside: [] };
  const stock: Measured = { whole: [], inside: [] };
  const counts = { ours: 0, stock: 0 };
  // By turns, so that whatever else the machine does meets both.
  for (let i = 0; i < Math.max(size.runs, size.stockRuns); i++) {
    if (i < size.runs) {
      const outdir = freshFolder();
      ours.whole.push(run(synthCommand(size, outdir), ROOT, env));
      ours.inside.push(inProcess('ours', size));
      counts.ours = countObjects(outdir);
    }
    if (i < size.stockRuns) {
      const outdir = freshFolder();
      stock.whole.push(run(['node', CDK8S, 'synth', '--check-upgrade=false', '--output', outdir], STOCK, env));
      stock.inside.push(inProcess('stock', size));
      counts.stock = countObjects(outdir);
    }
    process.stderr.write('.');
  }
  if (size.stockRuns > 0 && counts.ours !== counts.stock) {
    throw new Error(`${size.title}: ${counts.ours} objects here, ${counts.stock} in the stock app: bring them in line`);
  }
  return row(size.title, counts.ours, { ours, stock });
}

/** Prints how a measured value stands to its limit. */
function target(what: string, value: number, limit: number, unit: string): boolean {
  const reached = value < limit;
  const said = `${value.toFixed(2)}${unit}, limit ${limit}${unit}`;
  process.stdout.write(`target ${what}: ${said} … ${reached ? 'reached' : 'missed'}\n`);
  return reached;
}

function main(): number {
  const rows = SIZES.map(measure);
  process.stderr.write('\n');
  process.stdout.write(`${table(rows)}\n\n`);
  const [guide, , hundred, thousand] = rows as [Row, Row, Row, Row];
  const reached = [
    target("the guide's topology in its own process", guide.ours.whole / 1000, 0.8, ' s'),
    target("the guide's topology beside the stock app", guide.ours.whole / guide.stock.whole, 0.25, ''),
    target('1,000 clusters beside 100, whole process', thousand.ours.whole / hundred.ours.whole, 12, ''),
    target('1,000 clusters beside 100, in-process', thousand.ours.inside / hundred.ours.inside, 12, ''),
    target('memory at 1,000 clusters, the most of all runs', thousand.ours.rss.most, 512, ' MiB'),
  ];
  return reached.every(Boolean) ? 0 : 1;
}

process.exitCode = main();
