/** kubectl: its subcommands, flags by version, and the client-only ones. */
import * as semver from 'semver';
import { dump } from 'js-yaml';
import { type Call, Exit, duration } from './call';
import { type FlagSpecs, type Flags, UsageError, parseFlags } from './flags';
import { type Dict, dict, text } from './json';
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
import { ApiError } from './objects';
import { proxyCommand } from './proxy';
import { clientVersion } from './versions';
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
      raw: { kind: 'value' },
    },
    run: createCommand,
  },
  replace: {
    flags: {
      ...FILES,
      ...OUTPUT,
      ...WRITES,
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

export function version({ call, flags, target, release }: Session): number {
  const client = clientVersion(release);
  const output = flags.value('output');
  const shown: Dict = { clientVersion: client };
  let server: Dict | undefined;
  const ask = !flags.bool('client');
  if (ask) {
    try {
      server = clientVersion(target().cluster.version);
      shown.serverVersion = server;
    } catch (error) {
      // The client's half is printed all the same; the failure comes after it.
      if (!(error instanceof Exit)) throw error;
      printVersion(call, shown, output, flags);
      throw error;
    }
  }
  printVersion(call, shown, output, flags);
  return 0;
}

function printVersion(call: Call, shown: Dict, output: string | undefined, flags: Flags): void {
  if (output === 'json') call.out(`${JSON.stringify(shown, null, 2)}\n`);
  else if (output === 'yaml') call.out(dump(shown));
  else {
    for (const [name, key] of [
      ['Client', 'clientVersion'],
      ['Server', 'serverVersion'],
    ] as const) {
      if (shown[key] === undefined) continue;
      const git = text(dict(shown[key]).gitVersion);
      call.out(
        flags.bool('short')
          ? `${name} Version: ${git}\n`
          : `${name} Version: version.Info{Major:"${text(dict(shown[key]).major)}", Minor:"${text(dict(shown[key]).minor)}", GitVersion:"${git}"}\n`,
      );
    }
  }
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
  const modern = semver.gte(semver.coerce(release)?.version ?? '1.7.3', '1.12.0');
  if (
    command === undefined ||
    (command.since !== undefined && semver.lt(semver.coerce(release)?.version ?? '1.7.3', command.since))
  ) {
    if (name === '') return 0;
    call.fail(
      modern
        ? `Error: unknown command "${name}" for "kubectl"`
        : `Error: unknown command "${name}" for "kubectl"\nRun 'kubectl --help' for usage.\nerror: unknown command "${name}" for "kubectl"`,
    );
  }
  let flags: Flags;
  try {
    flags = parseFlags([...argv.slice(0, index), ...argv.slice(index + 1)], { ...GLOBAL, ...command.flags }, release);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    call.fail(
      modern
        ? `Error: ${error.message}\nSee 'kubectl ${name} --help' for usage.`
        : `Error: ${error.message}\n\nUsage:\n  kubectl ${name} [options]`,
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
    if (error instanceof ApiError) call.fail(`Error from server (${error.reason}): ${error.message}`);
    throw error;
  }
}
