import { Command, Step, StepOf } from './step';

/**
 * Arguments that are only known when the step runs, in braces, as they stand in a plan:
 * `{nodes}` the nodes that lack the labels, `{set}` which labels this plan has set, `{patch}` what has to change in an
 * object that others write into too, computed from the object as it is, `{cascade}` that a delete leaves alone what
 * hangs on an object, as kubectl spells it: `false`, from 1.20 on `orphan`.
 */
export const PLACEHOLDERS = ['{nodes}', '{set}', '{patch}', '{cascade}'] as const;

/** What a step runs and what takes it back, both in order. */
export interface StepCommands {
  readonly run: readonly Command[];
  readonly undo: readonly Command[];
}

/** The name under which this project owns fields that it applies on the server's side. */
export const FIELD_MANAGER = 'onprem-federation';

/**
 * Options of a server-side apply. The server itself refuses fields that it does not know, of custom kinds too (measured with
 * 1.34.4). kubectl's own check finds nothing more, and reads the descriptions of all kinds in every call, which is two
 * thirds of the call's CPU time.
 */
export const SERVER_SIDE = ['--server-side', `--field-manager=${FIELD_MANAGER}`, '--validate=false'];

const kubectl = (context: string, ...args: string[]): Command => ['kubectl', `--context=${context}`, ...args];

/** Deletes what of a file's objects is there. */
export function deleteCommand(context: string, file: string): Command {
  return kubectl(context, 'delete', '--ignore-not-found', `--filename=${file}`);
}
/** A flag with a value, where there is one. */
const optional = (flag: string, value: string | undefined): string[] =>
  value === undefined ? [] : [`${flag}=${value}`];

function helm3(step: StepOf<'helm-release'>): StepCommands {
  const helm = ['helm', `--kube-context=${step.context}`];
  const namespace = `--namespace=${step.namespace}`;
  return {
    run: [
      [
        ...helm,
        'upgrade',
        '--install',
        step.release,
        step.chart,
        namespace,
        '--create-namespace',
        ...optional('--repo', step.repository),
        `--version=${step.version}`,
        `--values=${step.file}`,
      ],
    ],
    undo: [[...helm, 'uninstall', step.release, namespace, '--ignore-not-found']],
  };
}

/**
 * The exact arguments of the programs that a step runs. A plan carries them for its reader; apply derives them again
 * and refuses a plan in which they differ.
 */
export function commands(step: Step): StepCommands {
  switch (step.kind) {
    case 'label-nodes': {
      const keys = Object.keys(step.labels);
      const pairs = Object.entries(step.labels).map(([key, value]) => `${key}=${value}`);
      return {
        run: [kubectl(step.context, 'label', 'nodes', '{nodes}', '--overwrite', ...pairs, `${step.marker}={set}`)],
        undo: [kubectl(step.context, 'label', 'nodes', '{nodes}', ...keys.map((key) => `${key}-`), `${step.marker}-`)],
      };
    }
    case 'apply':
      return {
        run: [kubectl(step.context, 'apply', ...(step.serverSide ? SERVER_SIDE : []), `--filename=${step.file}`)],
        undo: [
          [...deleteCommand(step.context, step.file), ...(step.copies ? ['--cascade={cascade}'] : [])],
          ...(step.copies ?? []).map((member) => deleteCommand(member, step.file)),
        ],
      };
    case 'create': {
      const create = kubectl(step.context, 'create', `--filename=${step.file}`);
      const remove = deleteCommand(step.context, step.file);
      return { run: step.exact ? [remove, create] : [create], undo: [remove] };
    }
    case 'stub-domain':
    case 'corefile': {
      const patch = kubectl(
        step.context,
        `--namespace=${step.namespace}`,
        'patch',
        'configmap',
        step.configMap,
        '--type=merge',
        '--patch={patch}',
      );
      return { run: [patch], undo: [patch] };
    }
    case 'dnsmasq-argument': {
      const patch = kubectl(
        step.context,
        `--namespace=${step.namespace}`,
        'patch',
        'deployment',
        step.deployment,
        '--type=json',
        '--patch={patch}',
      );
      return { run: [patch], undo: [patch] };
    }
    case 'controller-manager-flag':
      return {
        run: [
          kubectl(
            step.context,
            '--namespace=kube-system',
            'get',
            'pods',
            '--selector=component=kube-controller-manager',
            '--output=json',
          ),
        ],
        undo: [],
      };
    case 'helm-init':
      return {
        run: [
          [
            'helm',
            `--kube-context=${step.context}`,
            'init',
            `--service-account=${step.serviceAccount}`,
            ...optional('--tiller-image', step.tillerImage),
            ...optional('--stable-repo-url', step.stableRepository),
            // Nothing is installed out of that repository's index; the release names its chart by address or path.
            '--skip-refresh',
          ],
        ],
        undo: [['helm', `--kube-context=${step.context}`, 'reset']],
      };
    case 'helm-release':
      if (step.helm === 3) return helm3(step);
      return {
        run: [
          [
            'helm',
            `--kube-context=${step.context}`,
            'upgrade',
            step.release,
            step.chart,
            '--install',
            `--namespace=${step.namespace}`,
            ...optional('--repo', step.repository),
            `--version=${step.version}`,
            `--values=${step.file}`,
          ],
        ],
        undo: [['helm', `--kube-context=${step.context}`, 'delete', '--purge', step.release]],
      };
    case 'node-port': {
      const where = `--namespace=${step.namespace}`;
      return {
        run: [
          step.recreate
            ? kubectl(step.context, where, 'replace', '--force', '--filename=-')
            : kubectl(step.context, where, 'patch', 'service', step.service, '--type=json', '--patch={patch}'),
        ],
        undo: [],
      };
    }
    case 'kubefed-init':
      return {
        run: [
          [
            'kubefed',
            'init',
            step.federation,
            `--host-cluster-context=${step.context}`,
            `--federation-system-namespace=${step.namespace}`,
            '--dns-provider=coredns',
            `--dns-provider-config=${step.file}`,
            `--dns-zone-name=${step.zone}`,
            '--api-server-service-type=NodePort',
            `--api-server-advertise-address=${step.advertiseAddress}`,
            `--etcd-persistent-storage=${String(step.persistentStorage)}`,
            ...optional('--image', step.image),
            ...optional('--etcd-image', step.etcdImage),
          ],
        ],
        undo: [
          kubectl(step.context, 'delete', 'namespace', step.namespace, '--ignore-not-found'),
          ['kubectl', 'config', 'delete-context', step.federation],
          ['kubectl', 'config', 'delete-cluster', step.federation],
          ['kubectl', 'config', 'unset', `users.${step.federation}`],
        ],
      };
    case 'kubefed-join': {
      const where = [
        step.cluster,
        `--context=${step.federation}`,
        `--host-cluster-context=${step.hostContext}`,
        `--cluster-context=${step.context}`,
      ];
      return {
        run: [['kubefed', 'join', ...where, `--secret-name=${step.secretName}`]],
        undo: [['kubefed', 'unjoin', ...where]],
      };
    }
    case 'service-address':
      return {
        run: [kubectl(step.context, `--namespace=${step.namespace}`, 'get', 'service', step.service, '--output=json')],
        undo: [],
      };
    case 'announcement':
      return { run: [kubectl(step.context, 'get', 'nodes', '--output=json')], undo: [] };
    case 'dns-check':
      // Asked of the server directly, which no program is needed for: a second apply must not start a pod.
      return { run: [], undo: [] };
  }
}
