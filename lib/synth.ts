import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { z } from 'zod';
import { OutputFile } from './bundle';
import { FederationError, Finding } from './errors';
import { Federation } from './federation';
import { PLAN_FILE } from './plan/file';
import { digest } from './plan/plan';
import { fromYaml } from './yaml';

/** A file of the user's own stands where synth wants to write. Nothing has been written. */
export class ForeignFileError extends FederationError {
  constructor(findings: readonly Finding[]) {
    super('Some files of the output folder are in the way; nothing was written.', findings);
  }
}

/** What a synth did, or would do: paths inside the output folder, sorted. */
export interface SynthResult {
  /** Files that are new or were not what the topology says. */
  readonly written: readonly string[];
  /** Files of an earlier synth that the topology does not say any more. */
  readonly removed: readonly string[];
  /** Files that no synth wrote, or that were changed by hand since and are not said any more; they stay as they are. */
  readonly foreign: readonly string[];
  /** How many files are what the topology says already. */
  readonly unchanged: number;
}

/**
 * Renders a federation into a folder. Everything is rendered before anything is written, so that a topology that cannot
 * be rendered leaves the folder as it was; only files that differ are touched; the plan, which names and judges all
 * others, is written last.
 *
 * @param outdir the folder, such as `dist`
 * @param options.check look only: say what would be written and removed, touch nothing
 * @throws whatever {@link Federation.render} throws, and ForeignFileError; before anything is written
 */
export function synth(federation: Federation, outdir: string, options: { readonly check?: boolean } = {}): SynthResult {
  const files = federation.render();
  const wanted = new Set(files.map(({ path }) => path));
  const present = new Set(listFiles(outdir));

  const differing = files.filter(({ path, content }) => !present.has(path) || read(outdir, path) !== content);
  const leftover = [...present].filter((path) => !wanted.has(path));
  const overwritten = differing.filter((file) => !isPlan(file) && present.has(file.path));
  // The old plan is long to read, and has nothing to say where nothing is left over or written anew.
  const earlier = leftover.length + overwritten.length > 0 ? earlierFiles(outdir) : new Map<string, string>();
  refuseInTheWay(files, present, overwritten, earlier);
  // A file that was changed since it was rendered is somebody's work by now.
  const isOurs = (path: string): boolean =>
    earlier.has(path) && earlier.get(path) === digest(readFileSync(join(outdir, path)));
  const removed = leftover.filter(isOurs);
  const ours = new Set(removed);
  const foreign = leftover.filter((path) => !ours.has(path));

  if (!options.check) {
    for (const folder of new Set(differing.map(({ path }) => dirname(path)))) {
      mkdirSync(join(outdir, folder), { recursive: true });
    }
    const [plan, others] = [differing.filter(isPlan), differing.filter((file) => !isPlan(file))];
    for (const file of others) write(outdir, file);
    for (const path of removed) rmSync(join(outdir, path));
    for (const folder of new Set(removed.map((path) => join(outdir, dirname(path))))) {
      if (readdirSync(folder).length === 0) rmdirSync(folder);
    }
    // Until everything else is done the old plan stays: it alone knows which files are a synth's to take away.
    for (const file of plan) write(outdir, file);
  }
  return {
    written: differing.map(({ path }) => path).sort(),
    removed,
    foreign,
    unchanged: files.length - differing.length,
  };
}

/**
 * A file where synth wants to write one, and that none wrote before, is somebody's work. Without an old plan that can be
 * read nobody knows which those are: then git has them, or there was nothing before.
 *
 * @throws ForeignFileError
 */
function refuseInTheWay(
  files: readonly OutputFile[],
  present: ReadonlySet<string>,
  overwritten: readonly OutputFile[],
  earlier: ReadonlyMap<string, string>,
): void {
  const foreign = earlier.size > 0 ? overwritten.filter(({ path }) => !earlier.has(path)).map(({ path }) => path) : [];
  const folders = new Set(files.map(({ path }) => dirname(path)));
  const inTheWay = [...folders].filter((folder) => present.has(folder));
  const findings = [
    ...foreign.map((path) => ({ where: path, problem: 'is there, and was not written by synth' })),
    ...inTheWay.map((path) => ({ where: path, problem: 'is no folder, or one elsewhere that a link leads to' })),
  ].map((finding) => ({ ...finding, hint: 'Move it elsewhere, or delete it; then synth writes its own.' }));
  if (findings.length > 0) throw new ForeignFileError(findings);
}

const isPlan = ({ path }: OutputFile): boolean => path === PLAN_FILE;

/** A reader never sees half a file, and a synth that dies leaves no half one. */
function write(outdir: string, { path, content }: OutputFile): void {
  const file = join(outdir, path);
  writeFileSync(`${file}.tmp`, content);
  renameSync(`${file}.tmp`, file);
}

function read(outdir: string, path: string): string {
  return readFileSync(join(outdir, path), 'utf8');
}

/** All files below a folder, relative to it with forward slashes, sorted. */
function listFiles(outdir: string): string[] {
  if (!existsSync(outdir)) return [];
  return readdirSync(outdir, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(outdir, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
}

const filesOfPlan = z.object({ files: z.array(z.object({ path: z.string(), sha256: z.string() })) });

/**
 * The files that the last synth wrote, with their digests, out of its plan. Where there is no plan, or none that can be
 * read (a merge conflict, say), no file is known to be a synth's, and none is taken away.
 */
function earlierFiles(outdir: string): ReadonlyMap<string, string> {
  const plan = join(outdir, PLAN_FILE);
  if (!existsSync(plan)) return new Map();
  try {
    return new Map(
      filesOfPlan.parse(fromYaml(readFileSync(plan, 'utf8'))).files.map(({ path, sha256 }) => [path, sha256]),
    );
  } catch {
    return new Map();
  }
}
