/** kubectl: its subcommands, flags by version, and the client-only ones. */
import * as semver from 'semver';
import { dump } from 'js-yaml';
import { type Call, Exit, duration } from './call';
import { type FlagSpecs, type Flags, UsageError, parseFlags } from './flags';
import { type Dict, type Json, isDict, text } from './json';
import { serverVersion } from './rest';
import { type Session, session } from './kubectl-common';
import { apiVersions, getCommand, describeCommand } from './kubectl-get';
import { canICommand, configCommand } from './kubectl-config';
import { execCommand, logsCommand, rolloutCommand, runCommand, waitCommand } from './kubectl-run';
import {
  annotateCommand,
  applyCommand,
  createCommand,
  deleteCommand,
  diffCommand,
  labelCommand,
  patchCommand,
  replaceCommand,
  scaleCommand,
} from './kubectl-write';
import { ApiError, ServerPanic } from './objects';
import { Complaint, worded } from './problems';
import { proxyCommand } from './proxy';
import { kubeconfigFor } from './target';
import { clientVersion, versionInfo } from './versions';
import type { World } from './world';

const GLOBAL: FlagSpecs = {
  context: { kind: 'value' },
  cluster: { kind: 'value' },
  user: { kind: 'value' },
  namespace: { kind: 'value', short: 'n' },
  kubeconfig: { kind: 'value' },
  'request-timeout': { kind: 'value' },
  server: { kind: 'value', short: 's' },
  token: { kind: 'value' },
  v: { kind: 'value', short: 'v' },
  logtostderr: { kind: 'bool', until: '1.26.0' },
  'match-server-version': { kind: 'bool' },
  'insecure-skip-tls-verify': { kind: 'bool' },
  'cache-dir': { kind: 'value', since: '1.8.0' },
  'warnings-as-errors': { kind: 'bool', since: '1.19.0' },
  as: { kind: 'value' },
};

const FILES: FlagSpecs = {
  filename: { kind: 'list', short: 'f' },
  recursive: { kind: 'bool', short: 'R' },
  kustomize: { kind: 'value', short: 'k', since: '1.14.0' },
};
const OUTPUT: FlagSpecs = { output: { kind: 'value', short: 'o' } };
const SELECTOR: FlagSpecs = { selector: { kind: 'value', short: 'l' } };
const WRITES: FlagSpecs = {
  'dry-run': { kind: 'optional' },
  validate: { kind: 'optional' },
  record: { kind: 'bool' },
  'save-config': { kind: 'bool' },
  'schema-cache-dir': { kind: 'value', until: '1.17.0' },
  'field-manager': { kind: 'value', since: '1.16.0' },
};

interface Command {
  readonly flags: FlagSpecs;
  readonly since?: string;
  /** Tolerates flags of the program that it starts, after the first words. */
  readonly run: (session: Session) => Promise<number> | number;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  version: {
    flags: { ...OUTPUT, client: { kind: 'bool', short: 'c' }, short: { kind: 'bool', until: '1.28.0' } },
    run: version,
  },
  config: {
    flags: {
      ...OUTPUT,
      raw: { kind: 'bool' },
      minify: { kind: 'bool' },
      flatten: { kind: 'bool' },
      'no-headers': { kind: 'bool' },
      current: { kind: 'bool' },
    },
    run: configCommand,
  },
  auth: {
    flags: {
      ...FILES,
      ...OUTPUT,
      'all-namespaces': { kind: 'bool' },
      quiet: { kind: 'bool', short: 'q' },
      list: { kind: 'bool', since: '1.11.0' },
      subresource: { kind: 'value' },
    },
    run: canICommand,
  },
  get: {
    flags: {
      ...FILES,
      ...OUTPUT,
      ...SELECTOR,
      'all-namespaces': { kind: 'bool', short: 'A' },
      'ignore-not-found': { kind: 'bool' },
      raw: { kind: 'value' },
      'show-labels': { kind: 'bool' },
      'show-all': { kind: 'bool', short: 'a', until: '1.16.0' },
      'no-headers': { kind: 'bool' },
      'sort-by': { kind: 'value' },
      export: { kind: 'bool', until: '1.18.0' },
      'field-selector': { kind: 'value', since: '1.9.0' },
      'chunk-size': { kind: 'value', since: '1.9.0' },
      'show-managed-fields': { kind: 'bool', since: '1.21.0' },
    },
    run: getCommand,
  },
  apply: {
    flags: {
      ...FILES,
      ...OUTPUT,
      ...SELECTOR,
      ...WRITES,
      overwrite: { kind: 'bool' },
      force: { kind: 'bool' },
      prune: { kind: 'bool' },
      all: { kind: 'bool' },
      cascade: { kind: 'optional' },
      'grace-period': { kind: 'value' },
      timeout: { kind: 'value' },
      wait: { kind: 'bool', since: '1.11.0' },
      'server-side': { kind: 'bool', since: '1.16.0' },
      'force-conflicts': { kind: 'bool', since: '1.16.0' },
    },
    run: applyCommand,
  },
  create: {
    flags: {
      ...FILES,
      ...OUTPUT,
      ...WRITES,
      edit: { kind: 'bool' },
      clusterrole: { kind: 'value' },
      serviceaccount: { kind: 'list' },
      'from-literal': { kind: 'list' },
      'from-file': { kind: 'list' },
      tcp: { kind: 'list' },
      raw: { kind: 'value' },
    },
    run: createCommand,
  },
  replace: {
    flags: {
      ...FILES,
      ...OUTPUT,
      ...WRITES,
      'dry-run': { kind: 'optional', since: '1.18.0' },
      force: { kind: 'bool' },
      cascade: { kind: 'optional' },
      timeout: { kind: 'value' },
    },
    run: replaceCommand,
  },
  patch: {
    flags: {
      ...FILES,
      ...OUTPUT,
      ...WRITES,
      type: { kind: 'value' },
      patch: { kind: 'value', short: 'p' },
      'patch-file': { kind: 'value', since: '1.19.0' },
      local: { kind: 'bool' },
      subresource: { kind: 'value', since: '1.24.0' },
    },
    run: patchCommand,
  },
  label: {
    flags: {
      ...FILES,
      ...OUTPUT,
      ...SELECTOR,
      ...WRITES,
      all: { kind: 'bool' },
      overwrite: { kind: 'bool' },
      'resource-version': { kind: 'value' },
      list: { kind: 'bool' },
    },
    run: labelCommand,
  },
  annotate: {
    flags: {
      ...FILES,
      ...OUTPUT,
      ...SELECTOR,
      ...WRITES,
      all: { kind: 'bool' },
      overwrite: { kind: 'bool' },
      'resource-version': { kind: 'value' },
    },
    run: annotateCommand,
  },
  scale: { flags: { ...FILES, ...OUTPUT, replicas: { kind: 'value' }, timeout: { kind: 'value' } }, run: scaleCommand },
  delete: {
    flags: {
      ...FILES,
      ...OUTPUT,
      ...SELECTOR,
      all: { kind: 'bool' },
      'all-namespaces': { kind: 'bool', short: 'A', since: '1.14.0' },
      cascade: { kind: 'optional' },
      force: { kind: 'bool' },
      'grace-period': { kind: 'value' },
      now: { kind: 'bool' },
      'ignore-not-found': { kind: 'bool' },
      timeout: { kind: 'value' },
      wait: { kind: 'optional', since: '1.11.0' },
      'dry-run': { kind: 'optional', since: '1.18.0' },
    },
    run: deleteCommand,
  },
  diff: {
    flags: {
      ...FILES,
      ...SELECTOR,
      'server-side': { kind: 'bool', since: '1.18.0' },
      'field-manager': { kind: 'value', since: '1.18.0' },
      'force-conflicts': { kind: 'bool', since: '1.18.0' },
    },
    since: '1.13.0',
    run: diffCommand,
  },
  rollout: {
    flags: {
      ...FILES,
      watch: { kind: 'optional', short: 'w' },
      revision: { kind: 'value' },
      timeout: { kind: 'value', since: '1.14.0' },
    },
    run: rolloutCommand,
  },
  wait: {
    flags: {
      ...FILES,
      ...OUTPUT,
      ...SELECTOR,
      for: { kind: 'value' },
      timeout: { kind: 'value' },
      all: { kind: 'bool' },
      'all-namespaces': { kind: 'bool', short: 'A' },
    },
    since: '1.11.0',
    run: waitCommand,
  },
  run: {
    flags: {
      ...OUTPUT,
      image: { kind: 'value' },
      restart: { kind: 'value' },
      rm: { kind: 'bool' },
      stdin: { kind: 'bool', short: 'i' },
      tty: { kind: 'bool', short: 't' },
      attach: { kind: 'bool' },
      quiet: { kind: 'bool', short: 'q' },
      command: { kind: 'bool' },
      env: { kind: 'list' },
      labels: { kind: 'value', short: 'l' },
      overrides: { kind: 'value' },
      'image-pull-policy': { kind: 'value', since: '1.8.0' },
      generator: { kind: 'value', until: '1.21.0' },
      'pod-running-timeout': { kind: 'value', since: '1.9.0' },
      'dry-run': { kind: 'optional' },
      wait: { kind: 'bool', since: '1.11.0' },
    },
    run: runCommand,
  },
  exec: {
    flags: {
      container: { kind: 'value', short: 'c' },
      stdin: { kind: 'bool', short: 'i' },
      tty: { kind: 'bool', short: 't' },
      pod: { kind: 'value', short: 'p', until: '1.12.0' },
      quiet: { kind: 'bool', short: 'q', since: '1.20.0' },
    },
    run: execCommand,
  },
  logs: {
    flags: {
      container: { kind: 'value', short: 'c' },
      tail: { kind: 'value' },
      previous: { kind: 'bool', short: 'p' },
      since: { kind: 'value' },
      ...SELECTOR,
    },
    run: logsCommand,
  },
  proxy: {
    flags: {
      'unix-socket': { kind: 'value', short: 'u' },
      port: { kind: 'value', short: 'p' },
      address: { kind: 'value' },
      'accept-hosts': { kind: 'value' },
      'accept-paths': { kind: 'value' },
      'reject-paths': { kind: 'value' },
      'reject-methods': { kind: 'value' },
      'api-prefix': { kind: 'value' },
      'append-server-path': { kind: 'bool', since: '1.20.0' },
      'disable-filter': { kind: 'bool' },
      keepalive: { kind: 'value', since: '1.17.0' },
      www: { kind: 'value', short: 'w' },
      'www-prefix': { kind: 'value', short: 'P' },
    },
    run: proxyCommand,
  },
  describe: { flags: { ...FILES, ...SELECTOR, 'show-events': { kind: 'bool' } }, run: describeCommand },
  'api-versions': { flags: {}, run: apiVersions },
};

/** Which kustomize a kubectl has; it says so since 1.24. */
function kustomizeOf(release: string): string | undefined {
  const versions = [
    ['1.24.0', 'v4.5.7'],
    ['1.27.0', 'v5.0.4-0.20230601165947-6ce0bf390ce3'],
    ['1.30.0', 'v5.5.0'],
    ['1.34.0', 'v5.7.1'],
  ] as const;
  return versions.findLast(([since]) => semver.gte(release, since))?.[1];
}

export function version(s: Session): number {
  const { call, flags, release, world } = s;
  const ofKubectl = call.program === 'kubectl';
  const kustomizeVersion = ofKubectl ? kustomizeOf(release) : undefined;
  const shown: Dict = {
    clientVersion: clientVersion(release),
    ...(kustomizeVersion === undefined ? {} : { kustomizeVersion }),
  };
  if (!flags.bool('client')) {
    const context = flags.value('context');
    const known =
      context === undefined || kubeconfigFor(call, flags.value('kubeconfig')).entry('contexts', context) !== undefined;
    // Newer ones look for the context before anything else.
    if (!known && s.atLeast('1.12.0')) call.fail(`error: context "${context}" does not exist`);
    try {
      const { api, cluster } = s.target();
      shown.serverVersion = s.atLeast('1.34.0') ? serverVersion(api) : clientVersion(cluster.version);
    } catch (error) {
      // The client's half is printed all the same; the failure comes after it.
      if (!(error instanceof Exit)) throw error;
      printVersion(s, shown);
      throw error;
    }
  }
  printVersion(s, shown);
  if (ofKubectl && shown.serverVersion !== undefined)
    call.err(skewWarning(release, world.clusterState(s.target().cluster.name).version));
  return 0;
}

/** From 1.21 on kubectl warns of a server that is more than one minor version away. */
function skewWarning(client: string, server: string): string {
  const [mine, its] = [client, server].map((version_) => semver.coerce(version_) ?? new semver.SemVer('1.7.0'));
  if (mine === undefined || its === undefined || semver.lt(client, '1.21.0')) return '';
  if (Math.abs(mine.minor - its.minor) <= 1) return '';
  const [one, other] = [mine, its].map((version_) => `(${version_.major}.${version_.minor})`);
  return `WARNING: version difference between client ${one ?? ''} and server ${other ?? ''} exceeds the supported minor version skew of +/-1\n`;
}

function printVersion(s: Session, shown: Dict): void {
  const { call, flags } = s;
  const output = flags.value('output');
  if (output === 'json') call.out(`${JSON.stringify(shown, null, 2)}\n`);
  else if (output === 'yaml') call.out(dump(shown));
  else {
    const short = flags.bool('short') || (call.program === 'kubectl' && s.atLeast('1.28.0'));
    const line = (name: string, value: Json | undefined): void => {
      if (value === undefined) return;
      call.out(
        `${name} Version: ${isDict(value) ? (short ? text(value.gitVersion) : versionInfo(value)) : text(value)}\n`,
      );
    };
    line('Client', shown.clientVersion);
    line('Kustomize', shown.kustomizeVersion);
    line('Server', shown.serverVersion);
    if (call.program !== 'kubectl' || !s.atLeast('1.25.0') || s.atLeast('1.28.0')) return;
    call.err(
      flags.bool('short')
        ? 'Flag --short has been deprecated, and will be removed in the future. The --short output will become the default.\n'
        : 'WARNING: This version information is deprecated and will be replaced with the output from kubectl version --short.  Use --output=yaml|json to get the full version.\n',
    );
  }
}

/** What `kubectl version` prints where no server answers: the client's half. */
export function clientHalf(world: World, call: Call): void {
  const { argv } = call.invocation;
  if (call.program !== 'kubectl' || !argv.includes('version') || argv.includes('--client')) return;
  const release = world.options.kubectlVersion ?? '1.7.3';
  const flags = parseFlags(
    argv.filter((word) => word !== 'version'),
    { ...GLOBAL, ...COMMANDS.version?.flags },
    release,
  );
  printVersion(session(world, call, flags, release), { clientVersion: clientVersion(release) });
}

/** What kubectl 1.8 can do, for the words that it takes for mistyped ones. */
const WORDS_OF_1_8 =
  'annotate api-versions apply attach auth autoscale certificate cluster-info completion config convert cordon cp create delete describe drain edit exec explain expose get help label logs options patch plugin port-forward proxy replace rolling-update rollout run scale set taint top uncordon version';

/** How many letters have to change. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function unknownCommand(name: string, release: string): string {
  const close = WORDS_OF_1_8.split(' ').filter((word) => word.startsWith(name) || distance(name, word) <= 2);
  const meant = close.length > 0 ? `\nDid you mean this?\n${close.map((word) => `\t${word}\n`).join('')}\n` : '';
  const what = `unknown command "${name}" for "kubectl"\n${meant}`;
  return semver.gte(release, '1.23.0') ? `error: ${what.trimEnd()}` : `Error: ${what}Run 'kubectl --help' for usage.`;
}

export async function runKubectl(world: World, call: Call): Promise<number> {
  const release = world.options.kubectlVersion ?? '1.7.3';
  const { argv } = call.invocation;
  const globals = new Set(
    Object.entries(GLOBAL).flatMap(([name, spec]) =>
      spec.kind === 'value' ? [`--${name}`, ...(spec.short === undefined ? [] : [`-${spec.short}`])] : [],
    ),
  );
  let index = 0;
  // Global flags may stand before the subcommand.
  while (index < argv.length && argv[index]?.startsWith('-') === true) index += globals.has(argv[index] ?? '') ? 2 : 1;
  const name = argv[index] ?? '';
  const command = COMMANDS[name];
  const version_ = semver.coerce(release)?.version ?? '1.7.3';
  const modern = semver.gte(version_, '1.12.0');
  if (command === undefined || (command.since !== undefined && semver.lt(version_, command.since))) {
    if (name === '') return 0;
    call.fail(unknownCommand(name, version_));
  }
  let flags: Flags;
  try {
    flags = parseFlags([...argv.slice(0, index), ...argv.slice(index + 1)], { ...GLOBAL, ...command.flags }, release);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    call.fail(
      modern
        ? `${semver.gte(version_, '1.23.0') ? 'error' : 'Error'}: ${error.message}\nSee 'kubectl ${name} --help' for usage.`
        : `Error: ${error.message}\n\n\nUsage:\n  kubectl ${name} [options]`,
    );
  }
  const timeout = flags.value('request-timeout');
  if (timeout !== undefined && duration(timeout) === undefined) {
    call.fail(
      `error: Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding time unit (e.g. 1s | 2m | 3h)`,
    );
  }
  try {
    return await command.run(session(world, call, flags, release));
  } catch (error) {
    if (error instanceof ApiError || error instanceof Complaint) call.fail(worded([error]));
    if (error instanceof ServerPanic) call.strike('panic');
    throw error;
  }
}
