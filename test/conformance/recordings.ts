/** Calls of the real programs, as they were recorded: `test/recordings/`. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';

const FOLDER = path.join(__dirname, '..', 'recordings');
const GUIDE = 'guide-1.7';
const NEWER = 'kubernetes-1.34.4';
const ENDING = '.jsonl.gz';

const schema = z.strictObject({
  /** Number of the call in its file. */
  n: z.int().positive(),
  program: z.enum(['kubectl', 'kubefed', 'helm', 'curl']),
  version: z.string(),
  argv: z.array(z.string()),
  note: z.string().optional(),
  stdin: z.string().optional(),
  /** Negative: ended by that signal. */
  exit: z.int(),
  /** What the caller sent. */
  signal: z.string().optional(),
  stdout: z.string(),
  stderr: z.string(),
  ms: z.number(),
  repeated: z.int().optional(),
});

export interface Recorded extends Readonly<z.infer<typeof schema>> {
  /** `07:3` is call 3 of the file 07. */
  readonly id: string;
  /** The file's name without its endings, such as `07-kubectl-errors`. */
  readonly file: string;
}

/** A line that is no recorded call. */
export class RecordingError extends Error {}

function filesOf(folder: string): string[] {
  const names = fs.readdirSync(path.join(FOLDER, folder)).filter((name) => name.endsWith(ENDING));
  return names.map((name) => name.slice(0, -ENDING.length)).sort();
}

/** The files of the guide's programs. */
export const FILES: readonly string[] = filesOf(GUIDE);

/** Versions of kubectl that were recorded with a server of 1.34.4. */
export const NEWER_KUBECTLS: readonly string[] = filesOf(NEWER).map((name) => name.replace(/^kubectl-/, ''));

const cache = new Map<string, readonly Recorded[]>();

/** All calls of a file, in the order in which they began. */
export function recorded(file: string): readonly Recorded[] {
  return read(path.join(GUIDE, file), file, file.slice(0, 2));
}

/** What a newer kubectl was asked and said. */
export function recordedOf(version: string): readonly Recorded[] {
  const file = `kubectl-${version}`;
  return read(path.join(NEWER, file), file, version);
}

function read(name: string, file: string, prefix: string): readonly Recorded[] {
  const known = cache.get(file);
  if (known !== undefined) return known;
  const lines = gunzipSync(fs.readFileSync(path.join(FOLDER, `${name}${ENDING}`)))
    .toString('utf8')
    .trimEnd()
    .split('\n');
  const calls = lines.map((line, index) => {
    const parsed = schema.safeParse(JSON.parse(line));
    if (!parsed.success) {
      throw new RecordingError(`${file}, line ${index + 1} is no recorded call: ${z.prettifyError(parsed.error)}`);
    }
    return { ...parsed.data, file, id: `${prefix}:${parsed.data.n}` };
  });
  calls.sort((a, b) => a.n - b.n);
  cache.set(file, calls);
  return calls;
}

/** The call with an id such as `07:3`. */
export function recordedCall(id: string): Recorded {
  const file = FILES.find((name) => name.startsWith(`${id.split(':')[0] ?? ''}-`));
  const found = file === undefined ? undefined : recorded(file).find((call) => call.id === id);
  if (found === undefined) throw new RecordingError(`There is no recorded call ${id}.`);
  return found;
}
