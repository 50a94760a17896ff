import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { Command } from '../../../lib/plan/step';
import { StepError } from '../errors';
import { pause } from '../waiting';
import { shown } from './program';

const exec = promisify(execFile);
const TRIES = 20;
const WAIT_MS = 100;

/** A process, as `ps` lists it. */
interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly args: string;
}

/**
 * Ends what an earlier run that was killed has left running. kubefed polls for ever, and goes on writing while this run
 * looks at how far it came.
 *
 * Only processes with the very same arguments and kubeconfig and without a parent of their own are an earlier run's; one
 * that somebody else has just started is an error.
 *
 * @returns how many were there
 */
export async function endOrphans(command: Command, signal: AbortSignal): Promise<number> {
  let ended = 0;
  for (let i = 0; i < TRIES; i++) {
    const alike = (await processes()).filter(({ pid, args }) => pid !== process.pid && isCommand(args, command));
    const ofThis = await Promise.all(alike.map(({ pid }) => isOfThisKubeconfig(pid)));
    const same = alike.filter((_, index) => ofThis[index]);
    if (same.length === 0) return ended;
    ended += same.length;
    const theirs = same.find(({ parent }) => parent > 1 && parent !== process.pid);
    if (theirs && !(await isReaper(theirs.parent))) {
      throw new StepError(
        `\`${shown(command)}\` is running already, as process ${theirs.pid}`,
        'Wait for it to end, or end it, then run the same command again.',
      );
    }
    for (const { pid } of same) {
      try {
        process.kill(pid, i < TRIES / 2 ? 'SIGTERM' : 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
    await pause(WAIT_MS, signal);
  }
  return ended;
}

/** For how long a list of processes counts, in milliseconds: many joins look at the same moment. */
const SHARED_MS = 100;
let listed: { at: number; processes: Promise<Process[]> } | undefined;

function processes(): Promise<Process[]> {
  if (!listed || Date.now() - listed.at >= SHARED_MS) listed = { at: Date.now(), processes: list() };
  return listed.processes;
}

async function list(): Promise<Process[]> {
  try {
    const { stdout } = await exec('ps', ['-eo', 'pid=,ppid=,args='], { maxBuffer: 16 * 1024 * 1024 });
    return stdout.split('\n').flatMap((line) => {
      const [, pid, parent, args] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
      return args === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), args }];
    });
  } catch {
    // Without ps nothing can be said; the step's own look at the cluster has to do.
    return [];
  }
}

/** Whether a process is one that takes in those whose parent has died, such as systemd's of a user session. */
async function isReaper(pid: number): Promise<boolean> {
  const parent = (await processes()).find((candidate) => candidate.pid === pid);
  return parent === undefined || /(^|\/)(systemd|init|tini|dumb-init|docker-init|launchd)(\s|$)/.test(parent.args);
}

/** Whether a process reads the kubeconfig that this one reads: the same names may stand for other clusters elsewhere. */
async function isOfThisKubeconfig(pid: number): Promise<boolean> {
  try {
    const variables = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0');
    return ['KUBECONFIG', 'HOME'].every((name) => {
      const own = process.env[name];
      return own === undefined
        ? !variables.some((entry) => entry.startsWith(`${name}=`))
        : variables.includes(`${name}=${own}`);
    });
  } catch {
    // It has ended meanwhile, or is another user's, whose processes are not ours to end. Without /proc nobody tells.
    return !existsSync('/proc/self/environ');
  }
}

/** `kubefed init …`, or an interpreter in front of it. */
function isCommand(args: string, command: Command): boolean {
  const [program = '', ...rest] = command;
  const tail = ` ${rest.join(' ')}`;
  if (!args.endsWith(tail)) return false;
  return args.slice(0, -tail.length).split(/[\s/]/).includes(program);
}
