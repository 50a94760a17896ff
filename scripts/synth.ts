import { Command } from 'commander';
import { Federation, FederationError, synth } from '../lib';
import { outliveClosedPipes } from './closed-pipe';

/** Where `dist/` is by default, seen from the folder that the command runs in. */
const DIST = 'dist';
/** The folder that cdk8s.yaml gives the cdk8s command line to empty before it runs the app. */
const SCRATCH = '.cdk8s/out';

/**
 * The end of every `main.ts`: renders the federation into `dist/` and says what changed. With `--check` nothing is
 * touched, and the exit code is 1 where `dist/` is not what the topology says.
 *
 * Under `cdk8s synth` the files go to the tool's output folder too, so that its list and its validations see them; with
 * `cdk8s synth --output <folder>` they go there alone.
 *
 * @param declare makes the federation; its mistakes are printed, without a stack trace
 * @param args the command line after the script's name
 * @returns the exit code
 */
export function synthMain(declare: () => Federation, args: readonly string[]): number {
  outliveClosedPipes();
  const program = new Command('npm run synth --')
    .description('Renders the topology of main.ts into dist/.')
    .option('--check', 'change nothing; exit 1 and list the files where dist/ is not what the topology says')
    .option('--output <folder>', 'another folder than dist/')
    .helpOption('-h, --help', 'show this help')
    .showHelpAfterError('Run `npm run synth -- --help` for the options.');
  const options = program.parse(args, { from: 'user' }).opts<{ check?: boolean; output?: string }>();
  try {
    const federation = declared(declare);
    const cdk8s = process.env.CDK8S_OUTDIR;
    const folder = options.output ?? (cdk8s === undefined || cdk8s === SCRATCH ? DIST : cdk8s);
    const code = report(federation, folder, options.check ?? false);
    if (cdk8s === SCRATCH && options.output === undefined) synth(federation, SCRATCH);
    return code;
  } catch (error) {
    if (error instanceof FederationError) say(error.message);
    else if (isSystemError(error)) say(`The files cannot be read or written: ${error.message}`);
    else throw error;
    return 1;
  }
}

/** What main.ts declares. Nothing looks at its types on the way here, so a slip in it can show as any error at all. */
function declared(declare: () => Federation): Federation {
  try {
    return declare();
  } catch (error) {
    if (!(error instanceof FederationError)) say('main.ts fails; `npm run typecheck` may say more plainly why:\n');
    throw error;
  }
}

function report(federation: Federation, folder: string, check: boolean): number {
  const { written, removed, foreign, unchanged } = synth(federation, folder, { check });
  const stale = written.length + removed.length > 0;
  const list = (verb: string, paths: readonly string[], remark = ''): void => {
    for (const path of paths) say(`${verb.padEnd(9)} ${folder}/${path}${remark}`);
  };
  list(check ? 'stale' : 'wrote', written);
  list(check ? 'left over' : 'removed', removed);
  list('not ours', foreign, ' (left as it is)');
  if (!check) say(`${folder}/: ${written.length} written, ${removed.length} removed, ${unchanged} unchanged.`);
  else if (stale) say(`${folder}/ is not what the topology says. Run \`npm run synth\` and commit the result.`);
  else say(`${folder}/ is what the topology says (${unchanged} files).`);
  return check && stale ? 1 : 0;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** What Node throws where a file cannot be read or written. */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error;
}
