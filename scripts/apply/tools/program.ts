import { spawn } from 'node:child_process';
import { setMaxListeners } from 'node:events';
import { existsSync } from 'node:fs';
import { delimiter, resolve } from 'node:path';
import { Command } from '../../../lib/plan/step';

/** What a program said when it ended. */
export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** What kind of failure a program's words stand for; decides whether trying again is safe and what to tell the user. */
export type FailureKind =
  /** Nobody answered, or the answer was lost on the way: a write may or may not have happened. */
  | 'unreachable'
  /** The server is there but cannot do it now (5xx, 429). */
  | 'busy'
  /** Somebody else changed the object meanwhile (409). */
  | 'conflict'
  /** Another manager owns a field that a server-side apply would set. */
  | 'owned'
  /** A webhook that judges the object is not up yet. */
  | 'webhook'
  | 'already-exists'
  /** Another Service has the node port. */
  | 'port-taken'
  | 'not-found'
  | 'no-such-kind'
  /** A field differs that can be set only when the object is made. */
  | 'immutable'
  | 'forbidden'
  /** A rule of the cluster refuses the object: an admission webhook, Pod Security, a quota. */
  | 'denied'
  /** The server is not who the kubeconfig says it is. */
  | 'other-server'
  /** Helm 2's server side is not there, or does not answer. */
  | 'no-tiller'
  /** The program by which the kubeconfig gets this user's credentials does not give any. */
  | 'no-credentials'
  /** The program is not installed. */
  | 'no-program'
  /** It could not be started, for another reason. */
  | 'not-started'
  /** Somebody else ended it, such as the kernel where memory is short: a write may or may not have happened. */
  | 'killed'
  /** It took longer than it may, or the run was ended, and was stopped. */
  | 'cut'
  | 'other';

/** A program ended with an error, or was ended. */
export class ProgramError extends Error {
  constructor(
    readonly command: Command,
    readonly kind: FailureKind,
    readonly exitCode: number | null,
    readonly output: Output,
    /** How often it was tried. */
    readonly attempts = 1,
  ) {
    const said = firstLine(redact(output.stderr)) || firstLine(redact(output.stdout));
    super(`${shown(command)}: ${said || `exit code ${String(exitCode)}`}`);
    this.name = 'ProgramError';
  }

  /** The same failure, as the last of several. */
  after(attempts: number): ProgramError {
    return new ProgramError(this.command, this.kind, this.exitCode, this.output, attempts);
  }
}

/** The first line that says something. */
function firstLine(text: string): string {
  return (
    text
      .split('\n')
      .map((line) => line.trim())
      .find((line) => line !== '') ?? ''
  );
}

/**
 * What the programs say, by kind of failure. The words are kubectl's (1.7 to today), kubefed's and Helm's; the first
 * that fits counts.
 */
const WORDS: readonly (readonly [FailureKind, RegExp])[] = [
  // Before all others: what follows is what the server has heard from the webhook, or why it has heard nothing.
  ['webhook', /failed calling (admission )?webhook|no endpoints available for service/i],
  // Better credentials do not help: a rule of the cluster has judged the object.
  ['denied', /denied the request|violates PodSecurity|exceeded quota|violates pod security/i],
  // Before all others: what that program says follows, such as that something of its own is not found.
  ['no-credentials', /getting credentials: /],
  ['no-tiller', /could not find (a ready )?tiller|cannot connect to tiller/i],
  [
    'other-server',
    /x509:|certificate signed by unknown authority|certificate is valid for|You must be logged in|Unauthorized|asked for the client to provide credentials/i,
  ],
  // The server says 500 where a server-side apply has fields that it does not know: asking again does not help.
  ['other', /failed to create typed patch object/i],
  // No right is missing: the namespace is on its way out, which passes.
  ['busy', /because it is being terminated/i],
  ['immutable', /field is immutable|updates to \S+ spec for fields other than/i],
  ['forbidden', /\(Forbidden\)|is forbidden|cannot (get|list|create|patch|update|delete) (resource|\S+ at)/i],
  ['owned', /Apply failed with \d+ conflict/],
  ['conflict', /\(Conflict\)|the object has been modified/i],
  ['already-exists', /\(AlreadyExists\)|already exists/i],
  ['port-taken', /provided port is already allocated/i],
  [
    'no-such-kind',
    // Before 1.10 `no matches for etcd.database.coreos.com/, Kind=EtcdCluster`.
    /no matches for (kind|\S*\/)|the server doesn't have a resource type|could not find the requested resource/i,
  ],
  ['not-found', /\(NotFound\)|not found/i],
  [
    'busy',
    /\(ServiceUnavailable\)|\(InternalError\)|\(TooManyRequests\)|\(ServerTimeout\)|\(Timeout\)|currently unable to handle|in the time allotted|etcdserver: |too many requests|Error from server: |an error on the server/i,
  ],
  [
    'unreachable',
    /Unable to connect to the server|was refused|connection refused|connection reset|\bEOF\b|i\/o timeout|TLS handshake timeout|no route to host|no such host|network is unreachable|context deadline exceeded|transport is closing|Client\.Timeout|broken pipe|client connection lost/i,
  ],
];

/** What kind of failure a program's words stand for. */
export function classify(output: Output): FailureKind {
  const said = `${output.stderr}\n${output.stdout}`;
  return WORDS.find(([, pattern]) => pattern.test(said))?.[0] ?? 'other';
}

/** The line that says why: the last one with the words of its kind of failure, or the last of all. Without secrets. */
export function reasonIn({ kind, output }: ProgramError): string {
  const lines = redact(output.stderr)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const words = WORDS.filter(([of]) => of === kind);
  return lines.findLast((line) => words.some(([, pattern]) => pattern.test(line))) ?? lines.at(-1) ?? '';
}

const REDACTED = '[redacted]';

/** Values that never belong into anything that is shown: tokens, passwords, keys and certificates in base64 or PEM. */
export function redact(text: string): string {
  return (
    text
      .replace(/-----BEGIN [A-Z ]+-----[\s\S]*?(-----END [A-Z ]+-----|$)/g, REDACTED)
      // How every PEM begins in base64, as kubeconfigs have it.
      .replace(/\bLS0tLS1[\w+/=-]*/g, REDACTED)
      .replace(/\beyJ[\w-]{10,}\.[\w-]+\.[\w-]*/g, REDACTED)
      .replace(/(authorization["']?\s*[:=]\s*["']?(?:bearer|basic)\s+)[^\s"',}]+/gi, `$1${REDACTED}`)
      .replace(/\b(bearer\s+)(?=\S*[\d=+/._~-])[^\s"',}]{8,}/gi, `$1${REDACTED}`)
      .replace(/(:\/\/[^\s/:@]+:)[^\s/@]+@/g, `$1${REDACTED}@`)
      .replace(/((?:token|password)["']?\s*[:=]\s*["']?)(?=[^\s"'{[])[^\s"',}]+/gi, `$1${REDACTED}`)
      .replace(/((?:secret|[a-z]+-data)["']?\s*[:=]\s*["']?)(?=[^\s"'{[]{8,})[^\s"',}]+/gi, `$1${REDACTED}`)
  );
}

/** A command as a person would type it: quoted where a shell would read it otherwise. Only ever shown, never run. */
export function shown(command: Command): string {
  return redact(
    command.map((word) => (/^[\w@%+=:,./{}-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' '),
  );
}

/** How a program is started. */
export interface RunOptions {
  /** What the program reads; asked for when it starts, which may be after others have had their turn. @default nothing */
  readonly stdin?: string | (() => string | undefined);
  /** Whether many steps wait for it, so that it is started before others that wait for their turn. @default false */
  readonly urgent?: boolean;
  /** Ends the program when it fires. */
  readonly signal: AbortSignal;
}

/** Runs one program to its end. */
export type Run = (command: Command, options: RunOptions) => Promise<Output>;

/** How long a program has between being asked to end and being ended, in milliseconds. */
const GRACE_MS = 2_000;

/** Where and with which environment programs are started. */
export interface Start {
  /** The folder that file arguments are relative to: `dist/`. */
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * The environment of the programs: the caller's. Programs run in `dist/`, so relative entries of KUBECONFIG and PATH, which
 * mean the folder that the caller stands in, are made absolute.
 */
export function environment(variables: NodeJS.ProcessEnv = process.env, folder = process.cwd()): NodeJS.ProcessEnv {
  // `npm run` changes to the project's folder and keeps the caller's in INIT_CWD.
  const caller = variables.npm_lifecycle_event === undefined ? folder : (variables.INIT_CWD ?? folder);
  const absolute = (list: string): string =>
    list
      .split(delimiter)
      .map((entry) => (entry === '' ? entry : resolve(caller, entry)))
      .join(delimiter);
  const { KUBECONFIG, PATH } = variables;
  return {
    ...variables,
    ...(KUBECONFIG !== undefined && { KUBECONFIG: absolute(KUBECONFIG) }),
    ...(PATH !== undefined && { PATH: absolute(PATH) }),
  };
}

/**
 * Starts programs with their arguments as a list, in one folder, without a shell.
 *
 * They run in process groups of their own: a Ctrl-C at the terminal reaches this program alone, which then decides
 * whether what is running may end by itself.
 */
export function programs({ cwd, env }: Start): Run {
  return (command, { stdin: given, signal }) =>
    new Promise((settled, reject) => {
      const [program = '', ...args] = command;
      const stdin = typeof given === 'function' ? given() : given;
      if (signal.aborted) {
        reject(new ProgramError(command, 'cut', null, { stdout: '', stderr: 'not started' }));
        return;
      }
      const child = spawn(program, args, {
        cwd,
        env,
        detached: true,
        stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      });
      const chunks: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
      child.stdout?.on('data', (chunk: Buffer) => chunks.stdout.push(chunk));
      child.stderr?.on('data', (chunk: Buffer) => chunks.stderr.push(chunk));
      // A program that ends before it has read everything is judged by its exit code.
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(stdin);

      let cut = false;
      let killer: NodeJS.Timeout | undefined;
      const stop = (): void => {
        cut = true;
        killGroup(child.pid, 'SIGTERM');
        killer = setTimeout(() => {
          killGroup(child.pid, 'SIGKILL');
        }, GRACE_MS);
      };
      // Any number of programs hang on one signal, which node would take for a leak.
      setMaxListeners(0, signal);
      signal.addEventListener('abort', stop, { once: true });
      const settle = (): Output => {
        signal.removeEventListener('abort', stop);
        clearTimeout(killer);
        return { stdout: Buffer.concat(chunks.stdout).toString(), stderr: Buffer.concat(chunks.stderr).toString() };
      };
      child.once('error', (error: NodeJS.ErrnoException) => {
        const { stdout } = settle();
        // The system says the same of a program and of a folder that is not there.
        const isMissing = error.code === 'ENOENT';
        const isFolderGone = isMissing && !existsSync(cwd);
        const kind = isMissing && !isFolderGone ? 'no-program' : 'not-started';
        const stderr = isFolderGone ? `${cwd} is not there` : error.message;
        reject(new ProgramError(command, kind, null, { stdout, stderr }));
      });
      child.once('close', (code, endedBy) => {
        const output = settle();
        if (code === 0 && !cut) settled(output);
        else if (cut) reject(new ProgramError(command, 'cut', code, output));
        else if (endedBy === null) reject(new ProgramError(command, classify(output), code, output));
        else {
          const stderr = `${output.stderr.trimEnd()}\nended by ${endedBy}`.trimStart();
          reject(new ProgramError(command, 'killed', null, { ...output, stderr }));
        }
      });
    });
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended by itself.
  }
}
