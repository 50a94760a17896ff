import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { FederationError, Finding } from '../../lib/errors';
import { PLAN_FILE } from '../../lib/plan/file';
import { Plan, readPlan } from '../../lib/plan/plan';
import { Engine } from '../apply/engine';
import { checkFiles } from '../apply/preflight';
import { JsonReporter } from '../apply/report/json';
import { LiveReporter, Screen } from '../apply/report/live';
import { PlainReporter } from '../apply/report/plain';
import { Reporter } from '../apply/report/events';
import { ProxyTransport } from '../kube/proxy';
import { limited } from '../apply/tools/limit';
import { environment, programs, Run } from '../apply/tools/program';
import { Views } from '../apply/view';
import { ProgramError } from '../apply/tools/program';
import { advice } from '../apply/errors';

/** What the command ends with. */
export const EXIT = {
  /** All is well. */
  ok: 0,
  /** Something failed, or is not as it should be. */
  failed: 1,
  /** The run did not begin: a finding of the preflight, another run, a wrong option. */
  notBegun: 2,
  /** Ended by Ctrl-C. */
  interrupted: 130,
} as const;

/** Options that every command has. */
export interface CommonOptions {
  /** The folder that synth wrote. */
  readonly dist: string;
  readonly cluster?: string[];
  readonly only?: string[];
  readonly from?: string;
  readonly concurrency: number;
  readonly json?: boolean;
}

/** A plan that was read, and what it is carried out with. */
export interface Session {
  readonly plan: Plan;
  readonly folder: string;
  readonly run: Run;
  /** What each context's cluster says. */
  readonly views: Views;
}

/**
 * Reads the plan, and ends in the end what was started to carry it out.
 *
 * @throws FederationError when there is no plan, or none that can be trusted
 */
export async function withSession(
  options: CommonOptions,
  work: (session: Session) => Promise<number>,
): Promise<number> {
  const { dist: folder, concurrency } = options;
  const file = join(folder, PLAN_FILE);
  if (!existsSync(file)) {
    throw new FederationError('There is no plan.', [
      { where: file, problem: 'is missing', hint: 'Run `npm run synth` first.' },
    ]);
  }
  const start = { cwd: folder, env: environment() };
  const transport = new ProxyTransport(start);
  try {
    const plan = readPlan(readFileSync(file, 'utf8'));
    return await work({ plan, folder, run: limited(programs(start), concurrency), views: new Views(transport) });
  } finally {
    transport.close();
  }
}

/**
 * The files of `dist/` that are not as synth wrote them, said on standard error: commands that only show what would be
 * done are not stopped by them, but apply will be.
 */
export function filesRefused(session: Session): readonly Finding[] {
  const findings = checkFiles(session);
  if (findings.length > 0) {
    const headline = 'The files of dist/ are not those that synth wrote; apply will not begin.';
    process.stderr.write(`${new FederationError(headline, findings).message}\n`);
  }
  return findings;
}

/** Writes a line to standard output. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** JSON lines, a live list where a person watches, plain lines otherwise. */
export async function reporterFor({ json }: Pick<CommonOptions, 'json'>): Promise<Reporter> {
  if (json) return new JsonReporter(say);
  if (!process.stdout.isTTY || process.env.TERM === 'dumb') return new PlainReporter(say);
  // Loaded only where somebody watches.
  const { createLogUpdate } = await import('log-update');
  const update = createLogUpdate(process.stdout);
  const screen: Screen = Object.assign((text: string) => { update(text); }, { done: () => { update.done(); } }); // prettier-ignore
  return new LiveReporter(screen, () => ({ columns: process.stdout.columns, rows: process.stdout.rows }), say);
}

/**
 * Asks before the first write. Without a terminal there is nobody to ask.
 *
 * @throws FederationError where nobody can answer
 */
export async function confirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new FederationError('Nobody can be asked here.', [
      { where: 'standard input', problem: 'is no terminal', hint: 'Add --yes to go ahead without a question.' },
    ]);
  }
  const prompt = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await prompt.question(`${question} [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    prompt.close();
  }
}

/**
 * While `work` runs, the first Ctrl-C begins no more steps and lets what is running end, the second cuts that too.
 */
export async function interruptible<T>(engine: Engine, work: () => Promise<T>): Promise<T> {
  let asked = 0;
  const onSignal = (): void => {
    asked++;
    if (asked === 1) engine.requestStop();
    else engine.requestCut();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    return await work();
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

/** Runs a command and turns its errors into words and an exit code. */
export async function guarded(command: () => Promise<number>): Promise<number> {
  try {
    return await command();
  } catch (error) {
    if (error instanceof FederationError) {
      process.stderr.write(`${error.message}\n`);
      return EXIT.notBegun;
    }
    if (error instanceof ProgramError) {
      const { problem, hint } = advice(error);
      process.stderr.write(`${error.message}\n  - ${problem}\n    ${hint}\n`);
      return EXIT.failed;
    }
    throw error;
  }
}
