/** etcdctl inside an etcd pod: the v2 commands and the v3 ones, on two stores that do not see each other. */
import type { EtcdStore } from './etcd';

interface Result {
  readonly out: string;
  readonly err: string;
  readonly code: number;
}

const done = (out: string): Result => ({ out, err: '', code: 0 });

function v2(
  keys: Record<string, string>,
  command: string,
  args: readonly string[],
  flags: ReadonlySet<string>,
): Result {
  const path = `/${(args[0] ?? '').replace(/^\/+|\/+$/g, '')}`;
  const folder = path === '/' ? '/' : `${path}/`;
  const below = Object.keys(keys).filter((key) => key.startsWith(folder));
  const missing: Result = {
    out: '',
    err: `Error:  100: Key not found (${path}) [${Object.keys(keys).length + 4}]\n`,
    code: 4,
  };
  const recursive = flags.has('recursive') || flags.has('r');
  switch (command) {
    case 'ls': {
      if (keys[path] !== undefined) return done(`${path}\n`);
      if (below.length === 0 && path !== '/') return missing;
      const found = new Set<string>();
      for (const key of below) {
        const parts = key.slice(folder.length).split('/');
        const depth = recursive ? parts.length : 1;
        for (let count = 1; count <= depth; count += 1) {
          const name = folder + parts.slice(0, count).join('/');
          found.add(flags.has('p') && keys[name] === undefined ? `${name}/` : name);
        }
      }
      return done(
        [...found]
          .sort()
          .map((name) => `${name}\n`)
          .join(''),
      );
    }
    case 'get':
      if (keys[path] !== undefined) return done(`${keys[path]}\n`);
      return below.length > 0 ? { out: '', err: `${path}: is a directory\n`, code: 1 } : missing;
    case 'set':
    case 'mk':
      keys[path] = args[1] ?? '';
      return done(`${args[1] ?? ''}\n`);
    case 'rm':
    case 'rmdir': {
      if (keys[path] !== undefined) {
        const value = keys[path];
        Reflect.deleteProperty(keys, path);
        return done(`PrevNode.Value: ${value}\n`);
      }
      if (below.length === 0) return missing;
      if (!recursive) return { out: '', err: `Error:  102: Not a file (${path}) [8]\n`, code: 4 };
      for (const key of below) Reflect.deleteProperty(keys, key);
      return done('');
    }
    case 'cluster-health':
      return done('cluster is healthy\n');
    default:
      return { out: `No help topic for '${command}'\n`, err: '', code: 3 };
  }
}

function v3(
  keys: Record<string, string>,
  command: string,
  args: readonly string[],
  flags: ReadonlySet<string>,
): Result {
  const [key = '', value = ''] = args;
  const found = Object.keys(keys)
    .filter((name) => (flags.has('prefix') ? name.startsWith(key) : name === key))
    .sort();
  switch (command) {
    case 'get':
      return done(
        found.map((name) => (flags.has('keys-only') ? `${name}\n\n` : `${name}\n${keys[name] ?? ''}\n`)).join(''),
      );
    case 'put':
      keys[key] = value;
      return done('OK\n');
    case 'del':
      for (const name of found) Reflect.deleteProperty(keys, name);
      return done(`${found.length}\n`);
    case 'endpoint':
      return done('127.0.0.1:2379 is healthy: successfully committed proposal\n');
    default:
      return { out: '', err: `Error: unknown command "${command}" for "etcdctl"\n`, code: 1 };
  }
}

/** Flags that take a value in the next word. */
const VALUED = new Set([
  'endpoints',
  'endpoint',
  'C',
  'peers',
  'timeout',
  'total-timeout',
  'cacert',
  'cert',
  'key',
  'ca-file',
]);

export function etcdctl(store: EtcdStore, words: readonly string[], defaultApi: 2 | 3): Result {
  let api: number = defaultApi;
  const rest: string[] = [];
  const flags = new Set<string>();
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    const [, version] = /^ETCDCTL_API=(\d)$/.exec(word) ?? [];
    if (version !== undefined) api = Number(version);
    else if (word.startsWith('-')) {
      const [name = '', value] = word.replace(/^--?/, '').split('=');
      flags.add(name);
      if (value === undefined && VALUED.has(name)) index += 1;
    } else if (word !== 'env' && !/(^|\/)etcdctl$/.test(word)) rest.push(word);
  }
  const known = words.some((word) => /(^|\/)etcdctl$/.test(word));
  if (!known) return { out: '', err: `sh: ${words[0] ?? ''}: not found\n`, code: 127 };
  const [command = '', ...args] = rest;
  return api === 3 ? v3(store.v3, command, args, flags) : v2(store.v2, command, args, flags);
}
