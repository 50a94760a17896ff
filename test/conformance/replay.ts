/** Replays a file of recordings against the stand-ins, call by call, and says what they said otherwise. */
import { type Said, unlike } from './compare';
import { type Recorded, recorded } from './recordings';
import { Rig } from './rig';
import type { WorldOptions } from '../stand-ins/types';

/** How a file of recordings is replayed. */
export interface Stage {
  readonly file: string;
  readonly world?: WorldOptions;
  /** Brings the World into the state in which the file begins. */
  readonly begin?: (rig: Rig) => Promise<void> | void;
  /** What happened between calls without being recorded, by the number of the call that comes after it. */
  readonly before?: Readonly<Record<number, (rig: Rig) => Promise<void> | void>>;
}

export interface Verdict {
  readonly call: Recorded;
  /** What the stand-in said otherwise; empty: the same. undefined: the call was not run. */
  readonly unlike: readonly string[] | undefined;
  readonly said: Said | undefined;
  /** Objects in the answer were not all made by replayed calls: the state was set from the answer first. */
  readonly stateTaken: boolean;
}

/** Numbers that somebody chose. */
function asked(calls: readonly Recorded[]): Set<string> {
  const written = calls.flatMap((call) => [...call.argv, call.stdin ?? '']).join('\n');
  return new Set(written.match(/\b3[0-2]\d{3}\b/g) ?? []);
}

async function run(rig: Rig, call: Recorded): Promise<Said> {
  if (call.program === 'curl') throw new Error('no program of the World');
  const ran = await rig.world.invoke(
    call.program,
    call.argv.map((word) => word.replaceAll('$DIR', rig.folder)),
    { stdin: call.stdin, cwd: rig.folder, kubeconfig: rig.kubeconfig, helmHome: rig.helmHome },
  );
  rig.note(rig.world.calls.at(-1)?.effects ?? []);
  // A call that is cut ends as its caller ended it.
  return { exit: ran.code ?? call.exit, stdout: ran.stdout, stderr: ran.stderr };
}

/** Replays a file. `skipped` says which calls cannot be run at all. */
export async function replay(stage: Stage, skipped: (call: Recorded) => boolean): Promise<Verdict[]> {
  const calls = recorded(stage.file);
  const rig = await Rig.start(stage.world);
  const circumstances = { folder: rig.folder, asked: asked(calls) };
  const verdicts: Verdict[] = [];
  try {
    await stage.begin?.(rig);
    for (const call of calls) {
      await stage.before?.[call.n]?.(rig);
      if (skipped(call)) {
        verdicts.push({ call, unlike: undefined, said: undefined, stateTaken: false });
        continue;
      }
      let said = await run(rig, call);
      let differences = unlike(call, said, circumstances);
      let stateTaken = false;
      if (differences.length > 0 && isRead(call) && rig.take(call, said.stdout)) {
        stateTaken = true;
        said = await run(rig, call);
        differences = unlike(call, said, circumstances);
      }
      verdicts.push({ call, unlike: differences, said, stateTaken });
    }
  } finally {
    await rig.world.close();
  }
  return verdicts;
}

function isRead(call: Recorded): boolean {
  return call.program === 'kubectl' && call.argv.includes('get');
}
