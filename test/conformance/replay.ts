/** Replays a file of recordings against the stand-ins, call by call, and says what they said otherwise. */
import { type Circumstances, type Said, unlike } from './compare';
import { isProxy } from './proxies';
import { type Recorded, recorded } from './recordings';
import { Rig } from './rig';
import type { WorldOptions } from '../stand-ins/types';

/** How a file of recordings is replayed. */
export interface Stage {
  readonly file: string;
  /** Its calls. @default those of the guide's file */
  readonly calls?: readonly Recorded[];
  readonly world?: WorldOptions;
  /** Brings the World into the state in which the file begins. */
  readonly begin?: (rig: Rig) => Promise<void> | void;
  /** What happened between calls without being recorded, by the number of the call that comes after it. */
  readonly before?: Readonly<Record<number, (rig: Rig) => Promise<void> | void>>;
  /** Pairs of calls that ran at once: either can win. */
  readonly together?: readonly (readonly [number, number])[];
}

export interface Verdict {
  readonly call: Recorded;
  /** What the stand-in said otherwise; empty: the same. undefined: the call was not run. */
  readonly unlike: readonly string[] | undefined;
  readonly said: Said | undefined;
  /** What it changed itself, such as `create usa configmaps rec/new`. */
  readonly effects: readonly string[];
  /** Objects in the answer were not all made by replayed calls: the state was set from the answer first. */
  readonly stateTaken: boolean;
}

/** Node ports that calls asked for, so that they are not random: no program had said them before. */
function asked(calls: readonly Recorded[]): Set<string> {
  const numbers = (text: string): string[] => text.match(/\b3[0-2]\d{3}\b/g) ?? [];
  const [found, said] = [new Set<string>(), new Set<string>()];
  for (const call of calls) {
    for (const number of numbers([...call.argv, call.stdin ?? ''].join('\n'))) if (!said.has(number)) found.add(number);
    for (const number of numbers(call.stdout)) said.add(number);
  }
  return found;
}

async function run(rig: Rig, call: Recorded): Promise<Said> {
  const ran = await rig.run(call);
  rig.note(rig.world.calls.at(-1)?.effects ?? []);
  rig.pair(call, ran.stdout);
  const ended = call.signal !== undefined || call.exit < 0;
  // A call that waits for ever ends as its caller ended it, if it did.
  return { exit: ran.code ?? (ended ? call.exit : SIGTERM), stdout: ran.stdout, stderr: ran.stderr };
}

const SIGTERM = -15;

/** Runs two calls at once and judges them in the order that fits. */
async function runBoth(rig: Rig, pair: readonly Recorded[], circumstances: Circumstances): Promise<Verdict[]> {
  const all = await Promise.all(pair.map((call) => run(rig, call)));
  const judged = (saids: readonly Said[]): Verdict[] =>
    pair.flatMap((call, index) => {
      const said = saids[index];
      return said === undefined
        ? []
        : [{ call, said, unlike: unlike(call, said, circumstances), effects: [], stateTaken: false }];
    });
  const swapped = judged(all.toReversed());
  return swapped.every((verdict) => verdict.unlike?.length === 0) ? swapped : judged(all);
}

/** Replays a file. `skipped` says which calls cannot be run at all. */
export async function replay(stage: Stage, skipped: (call: Recorded) => boolean): Promise<Verdict[]> {
  const calls = stage.calls ?? recorded(stage.file);
  const rig = await Rig.start(stage.world);
  const circumstances = { folder: rig.folder, asked: asked(calls) };
  const verdicts: Verdict[] = [];
  const endProxies = async (): Promise<void> => {
    for (const { call, said } of await rig.proxies.end()) {
      verdicts.push({ call, said, unlike: unlike(call, said, circumstances), effects: [], stateTaken: false });
    }
  };
  try {
    await stage.begin?.(rig);
    rig.files(calls);
    for (const [index, call] of calls.entries()) {
      await stage.before?.[call.n]?.(rig);
      const pair = stage.together?.find((numbers) => numbers.includes(call.n));
      if (pair !== undefined) {
        const both = calls.filter((other) => pair.includes(other.n));
        if (call.n === Math.min(...pair)) verdicts.push(...(await runBoth(rig, both, circumstances)));
        continue;
      }
      // Proxies run while curl asks through them.
      if (call.program !== 'curl' && (!isProxy(call) || calls[index - 1]?.program === 'curl')) await endProxies();
      if (isProxy(call)) {
        await rig.startProxy(call);
        continue;
      }
      if (skipped(call)) {
        verdicts.push({ call, unlike: undefined, said: undefined, effects: [], stateTaken: false });
        continue;
      }
      let said = await run(rig, call);
      const effects = rig.world.calls.at(-1)?.effects ?? [];
      let differences = unlike(call, said, circumstances);
      let stateTaken = false;
      const takes = (): boolean =>
        isRead(call) ? rig.takeNames(call) || rig.takeTable(call) || rig.take(call, said.stdout) : rig.takeKeys(call);
      const restore = differences.length > 0 ? rig.controllersWork() : undefined;
      if (restore !== undefined && takes()) {
        stateTaken = true;
        said = await run(rig, call);
        restore();
        differences = unlike(call, said, circumstances);
      } else if (differences.length > 0) {
        const adopted = { ...said, stdout: rig.adopt(call, said.stdout) };
        if (unlike(call, adopted, circumstances).length === 0) {
          stateTaken = true;
          differences = [];
        }
      }
      verdicts.push({ call, unlike: differences, said, effects, stateTaken });
    }
    await endProxies();
  } finally {
    await rig.proxies.end();
    await rig.world.close();
  }
  return verdicts;
}

function isRead(call: Recorded): boolean {
  if (call.program === 'curl') return !call.argv.includes('POST');
  return call.program === 'kubectl' && call.argv.includes('get');
}
