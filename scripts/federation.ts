import { setMaxListeners } from 'node:events';
import { Command, InvalidArgumentError, Option } from 'commander';
import { outliveClosedPipes } from './closed-pipe';
import { ApplyOptions, applyCommand } from './commands/apply';
import { planCommand, PlanOptions } from './commands/plan';
import { CommonOptions, guarded } from './commands/session';
import { statusCommand } from './commands/status';
import { teardownCommand } from './commands/teardown';
import { verifyCommand, VerifyOptions } from './commands/verify';

// Every program and every step that waits listens to the signals that end a run: with many clusters those are many.
setMaxListeners(0);
outliveClosedPipes();

/** Programs that run at the same time unless the user says otherwise: most of them wait for an API server. */
const CONCURRENCY = 32;

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 256)
    throw new InvalidArgumentError('Give a whole number from 1 to 256.');
  return value;
}

function collect(text: string, earlier: string[] = []): string[] {
  return [...earlier, ...text.split(',')];
}

/** A subcommand with the options that all have. */
function subcommand(program: Command, name: string, summary: string, description: string): Command {
  return program
    .command(name)
    .summary(summary)
    .description(`${summary[0]?.toUpperCase() ?? ''}${summary.slice(1)}.\n\n${description}`)
    .addOption(new Option('--dist <folder>', 'the folder that `npm run synth` wrote').default('dist'))
    .option('--cluster <name>', 'only steps of this cluster; may be given again', collect)
    .option('--only <name>', 'only steps of this component, or this step; may be given again', collect)
    .option('--from <step>', 'this step and all that need it')
    .addOption(
      new Option('--concurrency <n>', 'programs that run at the same time').argParser(whole).default(CONCURRENCY),
    )
    .option('--json', 'one JSON object a line, for machines');
}

const program = new Command('federation')
  .description('Carries dist/plan.yaml out on the clusters of the topology, safely and as often as you like.')
  .addHelpText(
    'after',
    `
The usual way:
  npm run synth      render main.ts into dist/; review and commit the result
  npm run plan       what would be done, and what is done already; writes nothing
  npm run apply      do it; asks once, can be stopped and repeated at any point
  npm run verify     the outcome: addresses and names, asked as a workload would

Options of a command come after two dashes: npm run apply -- --cluster usa

Contexts are named in every call; your current context is neither read nor changed.
Exit codes: 0 all is well, 1 something failed or is not as planned, 2 the run did not begin, 130 ended by Ctrl-C.`,
  )
  .showHelpAfterError('(--help shows what there is)')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

const run = (command: () => Promise<number>): Promise<void> =>
  guarded(command).then((code) => {
    process.exitCode = code;
  });

subcommand(
  program,
  'plan',
  'show what would be done',
  'Each step with its exact command lines. With clusters in reach: ✔ done already, + to do and what differs, ~ waiting for something, ! blocked, … after others. With none in reach the plan alone.',
)
  .option('--offline', 'contact no cluster')
  .action((options: PlanOptions) => run(() => planCommand(options)));

subcommand(
  program,
  'apply',
  'carry the plan out',
  'First everything that could stop the run is looked at, and all findings are shown at once. Then each step runs as early as what it needs allows. What is done already is left alone: a second run writes nothing.\n\nCtrl-C begins no more steps and lets what is running end; once more cuts it. The next run goes on from there.',
)
  .option('-y, --yes', 'ask nothing')
  .option('--adopt', 'take over objects of the same names that this plan did not make')
  .option('--remove-credentials', 'remove what a failed kubefed join has left of credentials in the host cluster')
  .action((options: ApplyOptions) => run(() => applyCommand(options)));

subcommand(
  program,
  'status',
  'show what stands in each cluster',
  'ok, waiting, drift (not as the plan says), missing, unseen (not looked at: what it needs is not done), error, ? (not in reach). Exit code 1 unless all is ok.',
).action((options: CommonOptions) => run(() => statusCommand(options)));

subcommand(
  program,
  'verify',
  'check the outcome itself',
  "The federation's members Ready, every Service with an address of its own cluster's range and none given twice, every name leading to exactly its cluster, asked of CoreDNS and in a short-lived pod of every cluster.",
)
  .option('--no-pods', 'start no pods: ask CoreDNS alone, as where their image cannot be pulled')
  .action((options: VerifyOptions) => run(() => verifyCommand(options)));

subcommand(
  program,
  'teardown',
  'take away what the plan made',
  'In the reverse order, asking first. Objects, labels, releases and DNS entries that the plan did not make stay.',
)
  .option('-y, --yes', 'ask nothing')
  .action((options: ApplyOptions) => run(() => teardownCommand(options)));

void program.parseAsync();
