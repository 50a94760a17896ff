/** The subcommands of kubectl that wait, and those that run something in a pod. */
import * as semver from 'semver';
import { duration } from './call';
import { etcdInPod } from './etcd';
import { etcdctl } from './etcdctl';
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
import { nslookup } from './resolver';

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

/** What a container that runs the words prints, and how it ends. */
function containerRun(s: Session, words: readonly string[]): { out: string; code: number } {
  const { cluster } = s.target();
  const [first = '', second = '', script = ''] = words;
  if (/^(\/bin\/)?(ba)?sh$/.test(first) && second === '-c') {
    let out = '';
    let code = 0;
    // `;` and `&&` between plain commands; that is all the shell there is here.
    for (const part of script.split(/(;|&&|\n)/)) {
      if (part === ';' || part === '\n') {
        code = 0;
        continue;
      }
      if (part === '&&' || part.trim() === '' || code !== 0) continue;
      const result = containerRun(
        s,
        part
          .trim()
          .split(/\s+/)
          .map((word) => word.replace(/^['"]|['"]$/g, '')),
      );
      out += result.out;
      code = result.code;
    }
    return { out, code };
  }
  if (first === 'nslookup') return nslookup(s.world, cluster, second);
  if (first === 'true' || first === '') return { out: '', code: 0 };
  if (first === 'echo') return { out: `${words.slice(1).join(' ')}\n`, code: 0 };
  return { out: `sh: ${first}: not found\n`, code: 127 };
}

/** `kubectl run NAME --image=… --restart=Never [--rm -i] -- command`: a pod that runs to its end. */
export async function runCommand(s: Session): Promise<number> {
  const { flags, call } = s;
  const [name = '', ...words] = [...flags.args, ...flags.rest];
  if (name === '') s.call.fail('error: NAME is required for run');
  if (!flags.has('image')) s.call.fail('error: --image is required');
  const attached = flags.bool('attach', flags.bool('stdin'));
  if (flags.bool('rm') && !attached) s.call.fail('error: --rm should only be used for attached containers');
  if (flags.value('restart') !== 'Never' && !s.atLeast('1.18.0')) {
    s.call.fail('error: the stand-in runs pods only: --restart=Never');
  }
  const { api, cluster } = s.target();
  const type = api.type('Pod');
  if (type === undefined) s.call.fail('Error from server (NotFound): the server could not find the requested resource');
  const namespace = s.namespace();
  need(s, 'create', type, 'v1', namespace, name);
  const result = containerRun(s, words);
  const labels: Record<string, string> = {};
  for (const pair of (flags.value('labels') ?? `run=${name}`).split(','))
    labels[pair.split('=')[0] ?? ''] = pair.split('=')[1] ?? '';
  const pod: KubeObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels },
    spec: { restartPolicy: 'Never', containers: [{ name, image: flags.value('image') ?? '', args: [...words] }] },
    status: { phase: result.code === 0 ? 'Succeeded' : 'Failed' },
  };
  const made = await call.write(() => api.create(type, pod, namespace, { status: true, manager: 'kubectl-run' }));
  s.world.podLogs.set(text(made.metadata.uid), result.out);
  if (!attached) {
    call.out(`pod${s.atLeast('1.11.0') ? `/${name}` : ` "${name}"`} created\n`);
    return 0;
  }
  if (s.world.isHeld(cluster.name, 'Pod', namespace, name))
    await call.until(() => !s.world.isHeld(cluster.name, 'Pod', namespace, name));
  if (flags.bool('stdin') && !flags.bool('quiet')) call.err("If you don't see a command prompt, try pressing enter.\n");
  call.out(result.out);
  if (flags.bool('rm')) {
    await call.write(() => {
      api.delete(type, namespace, name);
    });
    if (!flags.bool('quiet')) call.out(`pod "${name}" deleted\n`);
  }
  if (result.code !== 0) s.call.fail(`pod ${namespace}/${name} terminated (Error)`, result.code);
  return 0;
}

/** `kubectl exec POD -- etcdctl …` on a pod of an etcd cluster. */
export async function execCommand(s: Session): Promise<number> {
  const { flags, call } = s;
  const [target = flags.value('pod') ?? '', ...words] = [...flags.args, ...flags.rest];
  if (words.length === 0) s.call.fail('error: you must specify at least one command for the container');
  const podName = target.replace(/^pods?\//, '');
  const { api } = s.target();
  const type = api.type('Pod');
  if (type === undefined) s.call.fail('Error from server (NotFound): the server could not find the requested resource');
  const namespace = s.namespace();
  const pod = api.get(type, namespace, podName);
  if (pod === undefined) throw new ApiError('NotFound', `pods "${podName}" not found`);
  need(s, 'create', { ...type, plural: 'pods/exec' }, 'v1', namespace, podName);
  const store = etcdInPod(api, pod);
  if (store === undefined) s.call.fail(`error: the stand-in knows no command in the pod ${podName}`, 126);
  const version = pod.metadata.annotations?.['etcd.version'] ?? '3.1.8';
  const line =
    /^(\/bin\/)?(ba)?sh$/.test(words[0] ?? '') && words[1] === '-c'
      ? (words[2] ?? '')
          .trim()
          .split(/\s+/)
          .map((word) => word.replace(/^['"]|['"]$/g, ''))
      : words;
  const before = JSON.stringify(store);
  const result = await call.write(() => {
    const done = etcdctl(store, line, semver.gte(semver.coerce(version)?.version ?? '3.1.8', '3.4.0') ? 3 : 2);
    if (JSON.stringify(store) !== before) s.world.changed(api.cluster, `etcdctl ${api.cluster.name} ${line.join(' ')}`);
    return done;
  });
  call.out(result.out);
  call.err(result.err);
  if (result.code !== 0) s.call.fail(`command terminated with exit code ${result.code}`, result.code);
  return 0;
}

export function logsCommand(s: Session): number {
  const [name = ''] = s.flags.args;
  const pod = s.target().api.find('Pod', s.namespace(), name);
  const log = s.world.podLogs.get(text(pod?.metadata.uid));
  if (log !== undefined) {
    s.call.out(log);
    return 0;
  }
  s.call.out(`the log of ${name} as the stand-in tells it\n`);
  return 0;
}
