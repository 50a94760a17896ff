/** The subcommands of kubectl that wait, and those that run something in a pod. */
import { duration } from './call';
import { logOf, runProgram } from './containers';
import { type KubeObject, at, clone, list, num, text } from './json';
import {
  type Item,
  type Session,
  itemOf,
  jsonpath,
  label,
  manifests,
  named,
  need,
  selects,
  unrecognized,
} from './kubectl-common';
import { ApiError } from './objects';
import { qualified } from './resources';
import type { Ran } from './types';

/** What `rollout status` says of a workload that is not there yet; undefined where it is rolled out. */
function rolloutState(object: KubeObject): string | undefined {
  const name = object.metadata.name;
  const status = (field: string): number => num(at(object, 'status', field));
  const wanted = num(at(object, 'spec', 'replicas'), 1);
  if (num(object.metadata.generation, 1) > status('observedGeneration'))
    return `Waiting for ${object.kind.toLowerCase()} spec update to be observed...`;
  switch (object.kind) {
    case 'Deployment':
      if (status('updatedReplicas') < wanted)
        return `Waiting for rollout to finish: ${status('updatedReplicas')} out of ${wanted} new replicas have been updated...`;
      if (status('replicas') > status('updatedReplicas'))
        return `Waiting for rollout to finish: ${status('replicas') - status('updatedReplicas')} old replicas are pending termination...`;
      if (status('availableReplicas') < status('updatedReplicas')) {
        return `Waiting for rollout to finish: ${status('availableReplicas')} of ${status('updatedReplicas')} updated replicas are available...`;
      }
      return undefined;
    case 'DaemonSet':
      if (status('updatedNumberScheduled') < status('desiredNumberScheduled')) {
        return `Waiting for rollout to finish: ${status('updatedNumberScheduled')} out of ${status('desiredNumberScheduled')} new pods have been updated...`;
      }
      if (status('numberAvailable') < status('desiredNumberScheduled')) {
        return `Waiting for rollout to finish: ${status('numberAvailable')} of ${status('desiredNumberScheduled')} updated pods are available...`;
      }
      return undefined;
    default:
      if (status('readyReplicas') < wanted)
        return `Waiting for ${wanted - status('readyReplicas')} pods to be ready...`;
      return name === '' ? 'Waiting...' : undefined;
  }
}

function only(s: Session, args: readonly string[]): Item {
  if (s.flags.has('filename')) {
    const [manifest] = manifests(s);
    const item = manifest === undefined ? undefined : itemOf(s, manifest);
    if (item === undefined)
      s.call.fail(`error: ${manifest === undefined ? 'required resource not specified' : unrecognized(s, manifest)}`);
    return item;
  }
  const [item] = named(s, args).items;
  if (item === undefined) s.call.fail('error: required resource not specified');
  return item;
}

function present(s: Session, item: Item): KubeObject {
  const object = s.target().api.get(item.type, item.namespace, item.name);
  if (object === undefined)
    throw new ApiError('NotFound', `${qualified(item.type, item.version)} "${item.name}" not found`);
  return object;
}

export async function rolloutCommand(s: Session): Promise<number> {
  const [action = '', ...args] = s.flags.args;
  s.target();
  if (action === 'restart' && s.atLeast('1.15.0')) {
    const item = only(s, args);
    const copy = clone(present(s, item));
    await s.call.write(() => {
      const template = at(copy, 'spec', 'template', 'metadata');
      if (typeof template === 'object' && template !== null && !Array.isArray(template)) {
        template.annotations = {
          ...(template.annotations as Record<string, string> | undefined),
          'kubectl.kubernetes.io/restartedAt': new Date().toISOString(),
        };
      }
      return s.target().api.update(item.type, copy, { manager: 'kubectl-rollout' });
    });
    s.call.out(`${label(s, item)} restarted\n`);
    return 0;
  }
  if (action !== 'status') s.call.fail(`error: unknown command "rollout ${action}"`);
  const item = only(s, args);
  const object = present(s, item);
  if (!['Deployment', 'DaemonSet', 'StatefulSet'].includes(item.type.kind))
    s.call.fail(`error: no status viewer has been implemented for ${item.type.kind}`);
  const strategy =
    item.type.kind === 'Deployment'
      ? 'RollingUpdate'
      : text(at(object, 'spec', 'updateStrategy', 'type'), 'RollingUpdate');
  if (strategy !== 'RollingUpdate') {
    s.call.fail(
      s.atLeast('1.9.0')
        ? `error: rollout status is only available for RollingUpdate strategy type`
        : 'error: Status is available only for RollingUpdate strategy type',
    );
  }
  let said: string | undefined;
  const done = (): boolean => {
    const state = rolloutState(present(s, item));
    if (state !== undefined && state !== said) s.call.out(`${state}\n`);
    said = state;
    return state === undefined;
  };
  if (!s.flags.bool('watch', true)) {
    if (!done()) return 0;
  } else if (!(await s.call.until(done, duration(s.flags.value('timeout')))))
    s.call.fail('error: timed out waiting for the condition');
  const words =
    item.type.kind === 'Deployment'
      ? `deployment "${item.name}" successfully rolled out`
      : item.type.kind === 'DaemonSet'
        ? `daemon set "${item.name}" successfully rolled out`
        : `statefulset rolling update complete ${num(at(object, 'spec', 'replicas'), 1)} pods at revision ${text(at(object, 'status', 'updateRevision'))}...`;
  s.call.out(`${words}\n`);
  return 0;
}

export async function waitCommand(s: Session): Promise<number> {
  const { flags, call } = s;
  const target = s.target();
  const wanted = flags.value('for') ?? s.call.fail('error: required flag(s) "for" not set');
  const limit = duration(flags.value('timeout') ?? '30s');
  const selector = flags.value('selector');
  let items: Item[];
  if (flags.has('filename')) {
    items = manifests(s).map((manifest) => itemOf(s, manifest) ?? s.call.fail(`error: ${unrecognized(s, manifest)}`));
  } else {
    const found = named(s, flags.args);
    items = [
      ...found.items,
      ...found.types.flatMap(({ type, version }) =>
        target.api
          .list(type, type.namespaced && !flags.bool('all-namespaces') ? s.namespace() : undefined)
          .filter((object) => selector === undefined || selects(selector, object.metadata.labels))
          .map((object): Item => ({ type, version, namespace: object.metadata.namespace, name: object.metadata.name })),
      ),
    ];
  }
  if (items.length === 0) s.call.fail('error: no matching resources found');
  const end = limit === undefined ? undefined : Date.now() + limit;
  for (const item of items) {
    const get = (): KubeObject | undefined => target.api.get(item.type, item.namespace, item.name);
    const holds = (): boolean => {
      const object = get();
      if (wanted === 'delete') return object === undefined;
      if (object === undefined)
        throw new ApiError('NotFound', `${qualified(item.type, item.version)} "${item.name}" not found`);
      if (wanted.startsWith('jsonpath=') && s.atLeast('1.23.0')) {
        const [, path = '', value = ''] = /^jsonpath='?(\{[^}]*\})'?=(.*)$/.exec(wanted) ?? [];
        return jsonpath(object, path) === value;
      }
      const [, type = '', value = 'true'] = /^condition=([^=]+)(?:=(.*))?$/.exec(wanted) ?? [];
      if (type === '') s.call.fail(`error: unrecognized condition: "${wanted}"`);
      return list(at(object, 'status', 'conditions')).some(
        (condition) =>
          text(at(condition, 'type')).toLowerCase() === type.toLowerCase() &&
          text(at(condition, 'status')).toLowerCase() === value.toLowerCase(),
      );
    };
    if (!(await call.until(holds, end === undefined ? undefined : Math.max(0, end - Date.now())))) {
      s.call.fail(`error: timed out waiting for the condition on ${item.type.plural}/${item.name}`);
    }
    call.out(`${label(s, item)} ${wanted === 'delete' ? 'deleted' : 'condition met'}\n`);
  }
  return 0;
}

/** `kubectl run NAME --image=…`: a pod that runs to its end, or a Deployment. */
export async function runCommand(s: Session): Promise<number> {
  const { flags, call } = s;
  const [name = '', ...words] = [...flags.args, ...flags.rest];
  if (name === '') s.call.fail('error: NAME is required for run');
  if (!flags.has('image')) s.call.fail('error: --image is required');
  const attached = flags.bool('attach', flags.bool('stdin'));
  if (flags.bool('rm') && !attached) s.call.fail('error: --rm should only be used for attached containers');
  const { api } = s.target();
  const namespace = s.namespace();
  const labels: Record<string, string> = {};
  for (const pair of (flags.value('labels') ?? `run=${name}`).split(','))
    labels[pair.split('=')[0] ?? ''] = pair.split('=')[1] ?? '';
  const streams = {
    ...(flags.bool('stdin') ? { stdin: true, stdinOnce: true } : {}),
    ...(flags.bool('tty') ? { tty: true } : {}),
  };
  const program = words.length === 0 ? {} : { [flags.bool('command') ? 'command' : 'args']: [...words] };
  const container = { name, image: flags.value('image') ?? '', resources: {}, ...streams, ...program };
  // Up to 1.17 a run without a word about its restarts is a Deployment.
  const pod = flags.value('restart') === 'Never' || s.atLeast('1.18.0');
  if (flags.value('restart') !== undefined && !pod) s.call.fail('error: the stand-in knows --restart=Never only');
  const object: KubeObject = pod
    ? {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace, labels },
        spec: { restartPolicy: flags.value('restart') ?? 'Always', containers: [container] },
      }
    : {
        apiVersion: 'extensions/v1beta1',
        kind: 'Deployment',
        metadata: { name, namespace, labels },
        spec: {
          replicas: 1,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers: [container] } },
        },
      };
  const type = api.type(object.kind);
  if (type === undefined) s.call.fail('Error from server (NotFound): the server could not find the requested resource');
  const item = { type, version: object.apiVersion, namespace, name };
  need(s, 'create', type, object.apiVersion, namespace, name);
  await call.write(() => api.create(type, object, namespace, { manager: 'kubectl-run' }));
  if (!attached) {
    call.out(`${label(s, item)} created\n`);
    return 0;
  }
  const ran = (): Ran | undefined => api.cluster.ran?.[text(api.get(type, namespace, name)?.metadata.uid)];
  await call.until(() => ran() !== undefined);
  const code = attach(s, item, ran());
  if (flags.bool('rm')) {
    await call.write(() => {
      api.delete(type, namespace, name);
    });
    if (!flags.bool('quiet') && s.atLeast('1.9.0')) call.out(`pod "${name}" deleted\n`);
  }
  if (code !== 0) s.call.fail(`pod ${namespace}/${name} terminated (Error)`, code);
  return 0;
}

/** What `run -i` shows of a container: what it says once kubectl is attached; its log where that came too late or failed. */
function attach(s: Session, item: Item, ran: Ran | undefined): number {
  const { call, flags, world } = s;
  if (ran === undefined) return 0;
  if (flags.bool('tty')) call.err('Unable to use a TTY - input is not a terminal or the right kind of file\n');
  if (flags.bool('stdin') && !flags.bool('quiet')) call.err("If you don't see a command prompt, try pressing enter.\n");
  const late = world.attachAfterMs >= ran.endedAt;
  const fallBack = (why: string): void => {
    call.err(
      s.atLeast('1.20.0')
        ? `warning: couldn't attach to pod/${item.name}, falling back to streaming logs: ${why}\n`
        : `Error attaching, falling back to logs: ${why}\n`,
    );
    call.out(logOf(ran));
  };
  if (late) {
    fallBack(`unable to upgrade connection: container ${item.name} not found in pod / not running`);
    return ran.code;
  }
  for (const line of ran.lines) {
    if (line.at < world.attachAfterMs) continue;
    if (line.stream === 'out' || flags.bool('tty')) call.out(line.text);
    else call.err(line.text);
  }
  if (ran.code !== 0) {
    const why = `command terminated with exit code ${ran.code}`;
    fallBack(`Internal error occurred: error attaching to container: ${why}`);
  }
  return ran.code;
}

/** The pod that a command names. */
function podNamed(s: Session, word: string): KubeObject {
  const name = word.replace(/^pods?\//, '');
  const { api } = s.target();
  const pod = api.find('Pod', s.namespace(), name);
  if (pod === undefined) throw new ApiError('NotFound', `pods "${name}" not found`);
  return pod;
}

/** `kubectl exec POD -- command`. */
export async function execCommand(s: Session): Promise<number> {
  const { flags, call, world } = s;
  const [target = flags.value('pod') ?? '', ...words] = [...flags.args, ...flags.rest];
  if (words.length === 0) s.call.fail('error: you must specify at least one command for the container');
  const { api } = s.target();
  const pod = podNamed(s, target);
  const type = api.type('Pod');
  if (type !== undefined) need(s, 'create', { ...type, plural: 'pods/exec' }, 'v1', s.namespace(), pod.metadata.name);
  const phase = text(at(pod, 'status', 'phase'));
  if (phase === 'Succeeded' || phase === 'Failed')
    s.call.fail(`error: cannot exec into a container in a completed pod; current phase is ${phase}`);
  const stdin = flags.bool('stdin') ? call.invocation.stdin : '';
  const ran = await call.write(() => runProgram({ world, api, pod, stdin }, words));
  for (const line of ran.lines) {
    if (line.stream === 'out') call.out(line.text);
    else call.err(line.text);
  }
  if (ran.code !== 0) s.call.fail(`command terminated with exit code ${ran.code}`, ran.code);
  return 0;
}

export function logsCommand(s: Session): number {
  const [name = ''] = s.flags.args;
  const pod = podNamed(s, name);
  const { cluster } = s.target();
  const ran = cluster.ran?.[text(pod.metadata.uid)];
  if (ran !== undefined) {
    s.call.out(logOf(ran));
    return 0;
  }
  if (at(pod, 'status', 'phase') === 'Pending') {
    const container = s.flags.value('container') ?? text(at(pod, 'spec', 'containers', 0, 'name'));
    throw new ApiError(
      'BadRequest',
      `container "${container}" in pod "${pod.metadata.name}" is waiting to start: ContainerCreating`,
    );
  }
  s.call.out(`the log of ${name} as the stand-in tells it\n`);
  return 0;
}
