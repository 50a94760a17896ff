import { median, Run } from './measure';

/** What one side took at one size; times in milliseconds, NaN where it was not run. */
export interface Side {
  readonly whole: number;
  readonly inside: number;
  /** How often the whole process was run. */
  readonly runs: number;
  /** MiB. */
  readonly rss: { readonly least: number; readonly most: number };
}

/** One line of the table. */
export interface Row {
  readonly title: string;
  readonly objects: number;
  readonly ours: Side;
  readonly stock: Side;
}

/** All runs of one side at one size. */
export interface Measured {
  readonly whole: Run[];
  /** Milliseconds. */
  readonly inside: number[];
}

function side({ whole, inside }: Measured): Side {
  const rss = whole.map((run) => run.rss);
  return {
    whole: median(whole.map(({ ms }) => ms)),
    inside: median(inside),
    runs: whole.length,
    rss: { least: Math.min(...rss), most: Math.max(...rss) },
  };
}

export function row(title: string, objects: number, measured: { ours: Measured; stock: Measured }): Row {
  return { title, objects, ours: side(measured.ours), stock: side(measured.stock) };
}

const HEAD = [
  'clusters',
  'objects',
  'whole process',
  'stock app',
  'ratio',
  'in-process',
  'stock app',
  'ratio',
  'max RSS',
  'stock app',
];

/** The rows as a Markdown table that is a picture in a terminal too. */
export function table(rows: readonly Row[]): string {
  const cells = rows.map(({ title, objects, ours, stock }) => [
    title,
    objects.toLocaleString('en-US'),
    seconds(ours.whole, ours.runs),
    seconds(stock.whole, stock.runs),
    ratio(ours.whole, stock.whole),
    seconds(ours.inside, ours.runs),
    seconds(stock.inside, stock.runs),
    ratio(ours.inside, stock.inside),
    memory(ours),
    memory(stock),
  ]);
  const widths = HEAD.map((head, i) => Math.max(head.length, ...cells.map((line) => line[i]?.length ?? 0)));
  const line = (values: readonly string[]): string =>
    `| ${values.map((value, i) => value.padStart(widths[i] ?? 0)).join(' | ')} |`;
  return [line(HEAD), `|${widths.map((width) => `${'-'.repeat(width + 1)}:`).join('|')}|`, ...cells.map(line)].join(
    '\n',
  );
}

function seconds(ms: number, runs: number): string {
  return Number.isNaN(ms) ? 'not run' : `${(ms / 1000).toFixed(2)} s (${runs === 1 ? 'once' : `of ${runs}`})`;
}

function ratio(ours: number, stock: number): string {
  return Number.isNaN(stock) ? '-' : (ours / stock).toFixed(2);
}

/** The least and the most of all runs. */
function memory({ rss, runs }: Side): string {
  return runs === 0 ? '-' : `${rss.least.toFixed(0)} to ${rss.most.toFixed(0)} MiB`;
}
