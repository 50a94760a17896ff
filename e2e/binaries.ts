/** Where the real programs of the e2e tier are found. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { TOOL_NAMES, ToolName } from './tools/pins';

/** The ignored folder into which `npm run e2e:tools` builds. */
export const BIN_DIR = path.join(__dirname, 'bin');

/** Where `npm run e2e` writes which real programs took part in which test, a JSON object a line. */
export const PROGRAMS_FILE = path.join(__dirname, '.work/programs.jsonl');

/** The exit code of every e2e program that cannot run because something it needs (Go, a binary) is not there. */
export const EXIT_MISSING = 3;

/** The program by name, each with the path of its file. */
export type Binaries<N extends ToolName = ToolName> = Readonly<Record<N, string>>;

/** Says which programs were found nowhere. Its message is one line, fit to be shown as it is. */
export class MissingBinariesError extends Error {
  /**
   * @param missing the programs found nowhere, in the order asked for
   * @param folders the folders that were looked into, in order
   */
  constructor(
    readonly missing: readonly ToolName[],
    readonly folders: readonly string[],
  ) {
    super(
      `missing: ${missing.join(', ')} (looked into ${folders.join(' and ')}); ` +
        `build with: npm run e2e:tools${missing.length === TOOL_NAMES.length ? '' : ` -- ${missing.join(' ')}`}`,
    );
    this.name = 'MissingBinariesError';
  }
}

/** What a look-up gives: all paths, or an error that lists all that is missing. */
export type BinaryLookup<N extends ToolName> =
  { readonly ok: true; readonly paths: Binaries<N> } | { readonly ok: false; readonly error: MissingBinariesError };

/**
 * The folders that are looked into: the one named by `KUBEBUILDER_ASSETS` (controller-runtime's convention), if it is
 * set, then e2e/bin.
 * @param env the environment; default: this process's
 */
export function binaryFolders(env: NodeJS.ProcessEnv = process.env): string[] {
  const assets = env.KUBEBUILDER_ASSETS;
  return assets ? [path.resolve(assets), BIN_DIR] : [BIN_DIR];
}

/**
 * Looks the programs up, each on its own: a folder that holds some of them only is fine.
 * @param names the programs needed
 * @param env the environment; default: this process's
 */
export function findBinaries<N extends ToolName>(
  names: readonly N[],
  env: NodeJS.ProcessEnv = process.env,
): BinaryLookup<N> {
  const folders = binaryFolders(env);
  const paths: Partial<Record<N, string>> = {};
  const missing: N[] = [];
  for (const name of names) {
    const found = folders.map((folder) => path.join(folder, name)).find(isProgram);
    if (found === undefined) {
      missing.push(name);
    } else {
      paths[name] = found;
    }
  }
  return missing.length > 0
    ? { ok: false, error: new MissingBinariesError(missing, folders) }
    : { ok: true, paths: paths as Binaries<N> };
}

function isProgram(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}
