/** SIGKILL for the command line at every point of a run, and what a run leaves behind, in a form that can be compared. */
import { readdirSync, readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { shown } from '../../../scripts/apply/tools/program';
import { CallRecord } from '../../stand-ins/types';
import { Snapshot, World } from '../../stand-ins/world';
import { Ended, StartedFederation } from './cli';

/** One call of a program that wrote, in a run that nobody killed. */
export interface WritingCall {
  /** The step that made it; `lock` for the run's own, which it tells of in no step's name. */
  readonly step: string;
  /** The program with its arguments, without what every run has otherwise. */
  readonly name: string;
  /** Single writes: objects, and entries of the kubeconfig. */
  readonly writes: number;
  /** All clusters before it. */
  readonly before: Snapshot;
}

/** A run that nobody killed. */
export interface Recording {
  readonly args: readonly string[];
  readonly calls: readonly WritingCall[];
  /** The steps that changed something, as the run itself tells. */
  readonly changed: ReadonlySet<string>;
  /** What it left behind. */
  readonly end: unknown;
}

/** Where a run is killed. */
export interface KillPoint {
  readonly call: WritingCall;
  readonly at:
    | { readonly point: 'before' | 'after' }
    /** After so many of the call's single writes, and before the next. */
    | { readonly point: 'in'; readonly stage: number };
}

/** What of a call is the same in every run: resource versions are not. */
export function nameOf({ program, argv }: Pick<CallRecord, 'program' | 'argv'>): string {
  return [program, ...argv]
    .join(' ')
    .replace(/("resourceVersion":|"\/metadata\/resourceVersion","value":)"\d+"/g, '$1"*"');
}

/**
 * Runs a command to its end, one program at a time, so that all clusters are at rest between two calls, and takes a copy
 * of them before each.
 */
export async function record({ world, cli }: StartedFederation, args: readonly string[]): Promise<Recording> {
  const before = new Map<CallRecord, Snapshot>();
  world.clearLog();
  // A rule that fits no call and sees each of them before it has any effect.
  const watch = world.inject({
    match: (call) => {
      before.set(call, world.snapshot());
      return false;
    },
    action: { type: 'hang' },
  });
  const ended = await cli([...args, '--json', '--concurrency=1']);
  watch.remove();
  if (ended.code !== 0) throw new Error(`the run that nobody killed failed: ${ended.output}`);
  const steps = new Map<string, string>();
  const changed = new Set<string>();
  for (const event of ended.events) {
    if (event.type === 'command') steps.set(event.command, event.step);
    if (event.type === 'ended' && (event.outcome === 'changed' || event.outcome === 'removed')) changed.add(event.step);
  }
  const calls = world.calls
    .filter(({ writes }) => writes > 0)
    .map((call, index, all): WritingCall => {
      // Where nothing is left to do the lock is not taken, so a run that lets it go has to start one call earlier.
      const step = steps.get(shown([call.program, ...call.argv])) ?? 'lock';
      const snapshot = before.get(step === 'lock' ? (all[index - 1] ?? call) : call);
      if (!snapshot) throw new Error(`no copy was taken before ${nameOf(call)}`);
      return { step, name: nameOf(call), writes: call.writes, before: snapshot };
    });
  return { args, calls, changed, end: world.canonicalState() };
}

/** Every point at which a call can be cut: before its first write, between any two, and after the last. */
export function pointsOf(call: WritingCall): KillPoint[] {
  const between = Array.from({ length: call.writes - 1 }, (_, i) => ({ point: 'in' as const, stage: i + 1 }));
  return [{ point: 'before' as const }, ...between, { point: 'after' as const }].map((at) => ({ call, at }));
}

/** `fcp/join: in kubefed join fcp …, after write 3` */
export function describePoint({ call, at }: KillPoint): string {
  const where = at.point === 'in' ? `in it, after write ${at.stage} of ${call.writes}` : `${at.point} it`;
  return `${call.step}: ${call.name}: ${where}`;
}

/**
 * Starts a run out of the state before a call and kills it there.
 *
 * @param orphan the call goes on, as the child of a killed program does
 */
export async function killedAt(
  { world, cli }: StartedFederation,
  args: readonly string[],
  { call, at }: KillPoint,
  orphan: boolean | number = false,
): Promise<void> {
  await world.restore(call.before);
  world.clearLog();
  const kill = world.inject({
    match: (candidate) => nameOf(candidate) === call.name,
    action: { type: 'kill', ...at, orphan },
  });
  const ended = await cli(args, { started: ({ pid }) => (world.victim = pid) });
  world.victim = undefined;
  kill.remove();
  if (kill.fired !== 1 || ended.signal !== 'SIGKILL') {
    throw new Error(`the run was not killed, but ended with ${String(ended.code)}: ${ended.output}`);
  }
  if (orphan === false) await untilQuiet(world);
}

/** Waits until no program of a World runs any more: those that a killed run has left go on by themselves. */
export async function untilQuiet(world: World): Promise<void> {
  while (programsOf(world).length > 0 || world.calls.some(({ endedAt }) => endedAt === undefined)) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The processes of a World's programs, whoever started them; they may not have called yet. */
function programsOf(world: World): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(world.binDir);
    } catch {
      // It has ended meanwhile.
      return false;
    }
  });
}

/** Runs the command again, to its end, and gives what is otherwise than after a run that nobody killed. */
export async function resumed({ world, cli }: StartedFederation, { args, end }: Recording): Promise<string[]> {
  const ended: Ended = await cli(args);
  if (ended.code !== 0) return [`the next run ended with ${String(ended.code)}:\n${ended.output}`];
  return differing(end, world.canonicalState());
}

/** The places at which two states are not the same, with both values. */
export function differing(expected: unknown, actual: unknown, path = ''): string[] {
  if (isDeepStrictEqual(expected, actual)) return [];
  if (!isRecord(expected) || !isRecord(actual)) {
    return [`${path}: ${brief(actual)}, not ${brief(expected)}`];
  }
  const keys = new Set([...Object.keys(expected), ...Object.keys(actual)]);
  return [...keys].flatMap((key) => differing(expected[key], actual[key], `${path}/${key}`));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function brief(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
