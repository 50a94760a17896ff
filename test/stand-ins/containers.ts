/** What runs in a container: a small shell with a clock of its own, so that tests wait for nothing. */
import * as semver from 'semver';
import { etcdInPod } from './etcd';
import { etcdctl } from './etcdctl';
import { type KubeObject, at, isDict, list, text } from './json';
import type { ApiServer } from './objects';
import { nslookup } from './resolver';
import type { Ran } from './types';
import type { World } from './world';

interface Place {
  readonly world: World;
  readonly api: ApiServer;
  /** Where the program runs, for `etcdctl`. */
  readonly pod: KubeObject | undefined;
  readonly stdin: string;
}

/** How long a program of its own takes to begin and end, in milliseconds. */
const PROGRAM_MS = 50;

/** A line of a script as words: quotes hold words together. */
function wordsOf(line: string): string[] {
  const found = line.match(/(?:[^\s'"]+|'[^']*'|"[^"]*")+/g) ?? [];
  return found.map((word) => word.replace(/'([^']*)'|"([^"]*)"/g, '$1$2'));
}

class Shell {
  readonly lines: { at: number; stream: 'out' | 'err'; text: string }[] = [];
  now = 0;
  code = 0;
  private ended = false;

  constructor(private readonly place: Place) {}

  private say(stream: 'out' | 'err', words: string): void {
    if (words !== '') this.lines.push({ at: this.now, stream, text: words });
  }

  script(source: string): void {
    // `;`, `&&` and lines between plain commands; that is all the shell there is here.
    let skip = false;
    for (const part of source.split(/(;|&&|\n)/)) {
      if (this.ended) return;
      if (part === ';' || part === '\n') skip = false;
      else if (part === '&&') skip = this.code !== 0;
      else if (part.trim() !== '' && !skip) this.command(wordsOf(part), true);
    }
  }

  /** Runs one command. `inShell`: a shell looks for it and complains itself. */
  command(all: readonly string[], inShell: boolean): void {
    const words = all.filter((word) => !/^\d?>&\d$/.test(word));
    const out = all.includes('>&2') || all.includes('1>&2') ? 'err' : 'out';
    const err = all.includes('2>&1') ? 'out' : 'err';
    const [first = '', ...rest] = words;
    if (/^(\/bin\/)?(ba)?sh$/.test(first)) {
      this.script(rest[0] === '-c' ? (rest[1] ?? '') : this.place.stdin);
      return;
    }
    this.code = 0;
    switch (first) {
      case 'echo':
        this.say(out, `${rest.join(' ')}\n`);
        return;
      case 'cat':
        this.say(out, this.place.stdin);
        return;
      case 'sleep':
        this.now += Number(rest[0] ?? 0) * 1000;
        return;
      case 'exit':
        this.code = Number(rest[0] ?? 0);
        this.ended = true;
        return;
      case 'true':
        return;
      case 'false':
        this.code = 1;
        return;
      case 'nslookup': {
        this.now += PROGRAM_MS;
        const found = nslookup(this.place.world, this.place.api.cluster, rest[0] ?? '');
        this.say(out, found.out);
        this.code = found.code;
        return;
      }
      default:
    }
    if (words.some((word) => /(^|\/)etcdctl$/.test(word)) && this.etcd(words, out, err)) return;
    this.code = inShell ? 127 : 126;
    this.say(err, inShell ? `sh: ${first}: not found\n` : `exec: "${first}": executable file not found in $PATH\n`);
  }

  private etcd(words: readonly string[], out: 'out' | 'err', err: 'out' | 'err'): boolean {
    const { pod, api, world } = this.place;
    const store = pod === undefined ? undefined : etcdInPod(api, pod);
    if (store === undefined) return false;
    const version = semver.coerce(pod?.metadata.annotations?.['etcd.version'] ?? '3.1.8')?.version ?? '3.1.8';
    const before = JSON.stringify(store);
    const done = etcdctl(store, words, semver.gte(version, '3.4.0') ? 3 : 2);
    if (JSON.stringify(store) !== before) world.changed(api.cluster, `etcdctl ${api.cluster.name} ${words.join(' ')}`);
    this.say(out, done.out);
    this.say(err, done.err);
    this.code = done.code;
    return true;
  }
}

/** Runs a container's command to its end. */
export function runProgram(place: Place, words: readonly string[]): Ran {
  const shell = new Shell(place);
  if (words.length > 0) shell.command(words, false);
  const { lines, code, now } = shell;
  return { lines, code, endedAt: now + PROGRAM_MS };
}

/** All that a program said, as logs keep it. */
export function logOf(ran: Ran): string {
  return ran.lines.map((line) => line.text).join('');
}

/** Runs the pods that run once and have not run yet. */
export function runPods(world: World, api: ApiServer): void {
  for (const pod of api.all('Pod')) {
    const { name, namespace, uid = '' } = pod.metadata;
    if (at(pod, 'spec', 'restartPolicy') !== 'Never' || at(pod, 'status', 'phase') !== 'Pending') continue;
    if (world.isHeld(api.cluster.name, 'Pod', namespace, name)) continue;
    const container = at(pod, 'spec', 'containers', 0);
    const words = [...list(at(container, 'command')), ...list(at(container, 'args'))].map((word) => text(word));
    const ran = runProgram({ world, api, pod, stdin: '' }, words);
    (api.cluster.ran ??= {})[uid] = ran;
    api.edit('Pod', pod, (copy) => {
      const reason = ran.code === 0 ? 'Completed' : 'Error';
      copy.status = {
        ...(isDict(copy.status) ? copy.status : {}),
        phase: ran.code === 0 ? 'Succeeded' : 'Failed',
        containerStatuses: [
          {
            name: text(at(container, 'name')),
            ready: false,
            restartCount: 0,
            state: { terminated: { exitCode: ran.code, reason } },
          },
        ],
      };
    });
  }
}
