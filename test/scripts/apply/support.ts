import { setMaxListeners } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ownLabels } from '../../../lib/labels';
import { Plan, PLAN_VERSION } from '../../../lib/plan/plan';
import { Command, Step, StepOf } from '../../../lib/plan/step';
import { documents } from '../../../lib/yaml';
import { Engine, EngineOptions } from '../../../scripts/apply/engine';
import { KubeObject, named, objectSchema } from '../../../scripts/apply/objects';
import { Event, Reporter } from '../../../scripts/apply/report/events';
import { FailureKind, Output, ProgramError, Run } from '../../../scripts/apply/tools/program';
import { Views } from '../../../scripts/apply/view';
import { Transport } from '../../../scripts/kube/transport';
import { Json, jsonStream } from '../../stand-ins/json';
import { mergePatch } from '../../stand-ins/merge';
import { temporaryFolder } from '../../support/folder';

export const FEDERATION = 'fed';
/** A signal that never fires, for as many as want to listen. */
export const NEVER = new AbortController().signal;
setMaxListeners(0, NEVER);

/** A program's failure of a kind, whatever it said. */
export function failure(kind: FailureKind, command: Command = ['kubectl', 'get']): ProgramError {
  return new ProgramError(command, kind, kind === 'cut' ? null : 1, { stdout: '', stderr: `failed: ${kind}` });
}

/** A promise that the test settles. */
export class Gate {
  private settle: () => void = () => undefined;
  readonly opened = new Promise<void>((resolve) => {
    this.settle = resolve;
  });

  open(): void {
    this.settle();
  }
}

/** What is done instead of, before or after the answer that the clusters would give. */
type Behaviour = (answer: () => Output) => Output | Promise<Output>;

/** One call of a program. */
export interface Call {
  readonly line: string;
  readonly stdin: string | undefined;
  readonly urgent: boolean;
}

/** The kinds that every cluster serves, by API version. Custom kinds are served where an object of theirs is. */
const SERVED: Readonly<Record<string, readonly string[]>> = {
  v1: ['ConfigMap', 'Namespace', 'Node', 'Pod', 'Secret', 'Service', 'ServiceAccount'],
  'apps/v1': ['DaemonSet', 'Deployment', 'StatefulSet'],
  'extensions/v1beta1': ['DaemonSet', 'Deployment'],
  'federation/v1beta1': ['Cluster'],
  'rbac.authorization.k8s.io/v1': ['ClusterRole', 'ClusterRoleBinding'],
  'rbac.authorization.k8s.io/v1beta1': ['ClusterRole', 'ClusterRoleBinding'],
};
const CLUSTER_SCOPED = ['Cluster', 'ClusterRole', 'ClusterRoleBinding', 'Namespace', 'Node'];
const pluralOf = (kind: string): string => `${kind.toLowerCase()}s`;

/** `kubectl`, in front of clusters that are kept in memory. */
export class FakeKubectl {
  /** Every call in the order in which it was started. */
  readonly calls: Call[] = [];
  /** `start <line>` and `end <line>`, as they came. */
  readonly log: string[] = [];
  /** Names in the kubeconfig. */
  readonly contexts: string[] = [];
  /** Versions of kubectl and of all API servers. */
  client = '1.34.4';
  server = '1.34.4';
  private readonly clusters = new Map<string, Map<string, KubeObject>>();
  private rules: { readonly pattern: RegExp; readonly behaviour: Behaviour; times: number }[] = [];

  /** @param folder what file arguments are relative to */
  constructor(private readonly folder = '') {}

  readonly run: Run = async (command, { stdin, signal, urgent = false }) => {
    const line = command.join(' ');
    const read = typeof stdin === 'function' ? stdin() : stdin;
    if (signal.aborted) throw failure('cut', command);
    this.calls.push({ line, stdin: read, urgent });
    this.log.push(`start ${line}`);
    const { promise: cut, forget } = whenAborted(signal, command);
    try {
      const rule = this.rules.find(({ pattern, times }) => times > 0 && pattern.test(line));
      if (rule) rule.times--;
      const answer = (): Output => this.answer(command, read);
      return await Promise.race([rule ? Promise.resolve(rule.behaviour(answer)) : answer(), cut]);
    } finally {
      forget();
      this.log.push(`end ${line}`);
    }
  };

  /**
   * What the clusters say of themselves. A question is a call as well: `kubectl --context=usa get --raw /api/v1/nodes`. What
   * kinds there are is asked for without one.
   */
  readonly transport: Transport = {
    ask: async (context, { path }, signal) => {
      if (path === '/version') return { status: 200, body: JSON.stringify({ gitVersion: `v${this.server}` }) };
      const discovered = this.discover(context, path);
      if (discovered !== undefined) return { status: 200, body: JSON.stringify(discovered) };
      const { stdout } = await this.run(['kubectl', `--context=${context}`, 'get', '--raw', path], { signal });
      return stdout === '' ? { status: 404, body: '' } : { status: 200, body: stdout };
    },
    // Who waits looks again after a pause.
    follow: () => Promise.resolve(405),
    reset: () => undefined,
    close: () => undefined,
  };

  /** A view of each context. */
  readonly views = new Views(this.transport);

  /** What the next calls do whose line fits. Earlier rules come first. */
  on(pattern: RegExp, behaviour: Behaviour, times = Infinity): void {
    this.rules.push({ pattern, behaviour, times });
  }

  /** The next call whose line fits does not end, and has no effect, before the gate is opened. */
  hold(pattern: RegExp): Gate {
    const gate = new Gate();
    this.on(pattern, async (answer) => (await gate.opened, answer()), 1);
    return gate;
  }

  /** The next calls whose line fits fail, without any effect. */
  fail(pattern: RegExp, kind: FailureKind, times = Infinity): void {
    this.on(pattern, () => Promise.reject(failure(kind)), times);
  }

  put(context: string, ...objects: KubeObject[]): void {
    for (const object of objects) this.cluster(context).set(named(object), object);
  }

  remove(context: string, object: KubeObject): void {
    this.cluster(context).delete(named(object));
  }

  get(context: string, name: string): KubeObject | undefined {
    return this.cluster(context).get(name);
  }

  /** The lines of all calls that fit. */
  lines(pattern = /./): string[] {
    return this.calls.map(({ line }) => line).filter((line) => pattern.test(line));
  }

  /** The lines of all calls that change something. */
  get writes(): string[] {
    return this.lines(/ (label|apply|create|replace|delete|patch|scale|upgrade|uninstall) /);
  }

  private cluster(context: string): Map<string, KubeObject> {
    const cluster = this.clusters.get(context) ?? new Map<string, KubeObject>();
    this.clusters.set(context, cluster);
    return cluster;
  }

  /** The group version that a path is below, with its kinds. */
  private servedAt(context: string): Map<string, string[]> {
    const served = new Map(Object.entries(SERVED).map(([version, kinds]) => [version, [...kinds]]));
    for (const { apiVersion, kind } of this.cluster(context).values()) {
      const kinds = served.get(apiVersion) ?? [];
      if (!kinds.includes(kind)) served.set(apiVersion, [...kinds, kind]);
    }
    return served;
  }

  private discover(context: string, path: string): object | undefined {
    const served = this.servedAt(context);
    if (path === '/apis') {
      const groups = [...served.keys()].filter((version) => version.includes('/'));
      return { groups: groups.map((groupVersion) => ({ versions: [{ groupVersion }] })) };
    }
    const [, version] = /^\/apis?\/((?:[^/]+\/)?v\w+)$/.exec(path) ?? [];
    if (version === undefined) return undefined;
    return {
      resources: (served.get(version) ?? []).map((kind) => ({
        ...{ name: pluralOf(kind), kind, namespaced: !CLUSTER_SCOPED.includes(kind), verbs: ['get', 'list'] },
      })),
    };
  }

  /** One object, or a list of all of a kind; nothing where it is not there. */
  private read(context: string, path: string): string {
    const [, version = '', rest = ''] = /^\/apis?\/((?:[^/]+\/)?v[^/]+)\/([^?]*)/.exec(path) ?? [];
    const words = rest.split('/').map(decodeURIComponent);
    const [namespace, plural, name] =
      words[0] === 'namespaces' && words.length > 2 ? words.slice(1) : [undefined, ...words];
    const kind = this.servedAt(context)
      .get(version)
      ?.find((one) => pluralOf(one) === plural);
    const all = [...this.cluster(context).values()].filter((object) => object.kind === kind);
    const selector = new URLSearchParams(path.split('?')[1] ?? '').get('labelSelector');
    const [key = '', value] = selector?.split('=') ?? [];
    const found = all.filter(
      ({ metadata }) =>
        (namespace === undefined || metadata.namespace === namespace) &&
        (selector === null || metadata.labels?.[key] === value),
    );
    if (name === undefined) return listOf(found);
    const object = found.find(({ metadata }) => metadata.name === name);
    return object ? JSON.stringify(object) : '';
  }

  private answer(command: Command, stdin = ''): Output {
    const flag = (name: string): string | undefined =>
      command.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
    const [program, verb = '', ...args] = command.filter((word) => !word.startsWith('--'));
    const cluster = this.cluster(flag('context') ?? '');
    const file = flag('filename');
    const space = flag('namespace');
    const objects = (): KubeObject[] =>
      read(file === '-' ? stdin : readFileSync(join(this.folder, file ?? ''), 'utf8')).map(
        ({ metadata, ...object }) => ({
          ...object,
          metadata: space === undefined ? metadata : { namespace: space, ...metadata },
        }),
      );
    if (program !== 'kubectl') throw new Error(`nobody answers ${command.join(' ')}`);
    switch (verb) {
      case 'config':
        return said(JSON.stringify({ contexts: this.contexts.map((name) => ({ name, context: { cluster: name } })) }));
      case 'get':
        return said(this.read(flag('context') ?? '', args[0] ?? ''));
      case 'label':
        return said(label(cluster, args[0] === 'namespace' ? 'Namespace' : 'Node', args.slice(1)));
      case 'scale': {
        const object = cluster.get(nameOf(cluster, args, space));
        if (!object) throw failure('not-found', command);
        const spec = { ...(object.spec as object), replicas: Number(flag('replicas')) };
        cluster.set(named(object), { ...object, spec });
        return said('');
      }
      case 'apply':
        for (const object of objects()) cluster.set(named(object), object);
        return said('');
      case 'create': {
        const declared = objects();
        const missing = declared.filter((object) => !cluster.has(named(object)));
        // What is missing is created all the same, as kubectl does.
        for (const object of missing) cluster.set(named(object), object);
        if (missing.length < declared.length) throw failure('already-exists', command);
        return said('');
      }
      case 'version': {
        const versions = { clientVersion: { gitVersion: `v${this.client}` } };
        const isServer = !command.includes('--client');
        const serverVersion = { gitVersion: `v${this.server}` };
        return said(JSON.stringify({ ...versions, ...(isServer && { serverVersion }) }));
      }
      case 'replace':
        for (const object of objects()) cluster.set(named(object), object);
        return said('');
      case 'patch': {
        const name = nameOf(cluster, args, space);
        const object = cluster.get(name);
        if (!object) throw failure('not-found', command);
        const patch = JSON.parse(flag('patch') ?? '{}') as Json;
        cluster.set(name, objectSchema.parse(mergePatch(object as Json, patch)));
        return said('');
      }
      case 'delete':
        if (file === undefined) cluster.delete(nameOf(cluster, args, space));
        else for (const object of objects()) cluster.delete(named(object));
        return said('');
      default:
        throw new Error(`nobody answers ${command.join(' ')}`);
    }
  }
}

function whenAborted(signal: AbortSignal, command: Command): { promise: Promise<never>; forget: () => void } {
  let forget = (): void => undefined;
  const promise = new Promise<never>((_, reject) => {
    const cut = (): void => {
      reject(failure('cut', command));
    };
    signal.addEventListener('abort', cut, { once: true });
    forget = () => {
      signal.removeEventListener('abort', cut);
    };
  });
  return { promise, forget };
}

/** `Service default/web` of `service web`, in a cluster that has it. */
function nameOf(
  cluster: ReadonlyMap<string, KubeObject>,
  [resource = '', name = '']: readonly string[],
  namespace: string | undefined,
): string {
  const kind = [...cluster.values()].find((object) => object.kind.toLowerCase() === resource)?.kind ?? resource;
  return named({ kind, name, ...(namespace !== undefined && { namespace }) });
}

const said = (stdout: string): Output => ({ stdout, stderr: '' });
const listOf = (items: readonly KubeObject[]): string => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
/** Documents as synth writes them, or a stream of JSON as the program hands it on. */
const read = (text: string): KubeObject[] =>
  (text.startsWith('{') && !text.includes('\n---\n') ? jsonStream(text) : documents(text)).map((document) =>
    objectSchema.parse(document),
  );

/** `kubectl label nodes`: names, then `key=value` to set and `key-` to take away. */
function label(cluster: Map<string, KubeObject>, kind: string, args: readonly string[]): string {
  const isChange = (word: string): boolean => word.includes('=') || word.endsWith('-');
  for (const name of args.filter((word) => !isChange(word))) {
    const node = cluster.get(`${kind} ${name}`);
    if (!node) throw failure('not-found');
    const labels = { ...node.metadata.labels };
    for (const change of args.filter(isChange)) {
      const [key = '', value] = change.split('=');
      if (value === undefined) Reflect.deleteProperty(labels, key.slice(0, -1));
      else labels[key] = value;
    }
    cluster.set(`${kind} ${name}`, { ...node, metadata: { ...node.metadata, labels } });
  }
  return '';
}

/** Keeps what a run tells, with the moment. */
export class Recorder implements Reporter {
  readonly told: { readonly event: Event; readonly at: number }[] = [];

  tell(event: Event): void {
    this.told.push({ event, at: Date.now() });
  }

  close(): void {
    // Nothing is drawn.
  }

  /** The events of a type, in order. */
  of<T extends Event['type']>(type: T): Extract<Event, { type: T }>[] {
    return this.told.flatMap(({ event }) => (isOfType(event, type) ? [event] : []));
  }

  /** The ids of the steps that have begun or ended, in order. */
  steps(type: 'started' | 'ended'): string[] {
    return this.of(type).map(({ step }) => step);
  }

  /** When a step began or ended; nothing where it has not. */
  when(type: 'started' | 'ended', id: string): number | undefined {
    return this.told.find(({ event }) => event.type === type && event.step === id)?.at;
  }
}

function isOfType<T extends Event['type']>(event: Event, type: T): event is Extract<Event, { type: T }> {
  return event.type === type;
}

/** The clock stands still unless a test moves it. What needs no time goes on by itself. */
export function stopClock(): void {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
}

/** Turns of the event loop in which everything comes about that no time has to pass for. */
const TURNS = 5;

/** Lets everything come about that no time has to pass for. */
export async function settle(): Promise<void> {
  for (let i = 0; i < TURNS; i++) {
    await jest.advanceTimersByTimeAsync(0);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Lets so much time pass, in milliseconds, and what it brings with it come about. */
export async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= STEP_MS) {
    await jest.advanceTimersByTimeAsync(Math.min(left, STEP_MS));
    await settle();
  }
}

const STEP_MS = 500;

/** How many timers may fire until something that is waited for counts as never ending. */
const MANY_TIMERS = 5_000;

/** What a promise comes to, with the fake clock going from one timer to the next until it does. */
export async function finished<T>(promise: Promise<T>): Promise<T> {
  const state = { hasSettled: false };
  const note = (): void => {
    state.hasSettled = true;
  };
  promise.then(note, note);
  for (let i = 0; i < MANY_TIMERS; i++) {
    await settle();
    if (state.hasSettled) return promise;
    await jest.advanceTimersToNextTimerAsync();
  }
  throw new Error('it never ends');
}

/** What a promise fails with. */
export async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}

/** A plan of these steps, in clusters that the steps name; the first is the host. */
export function planOf(steps: readonly Step[]): Plan {
  const names = [...new Set(steps.map(({ cluster }) => cluster))].filter((name) => name !== 'federation');
  return {
    version: PLAN_VERSION,
    stack: 'federation-v1',
    federation: FEDERATION,
    hostCluster: names[0] ?? '',
    dns: { zone: 'example.com', server: '10.0.0.1:53' },
    clusters: names.map((name) => ({
      name,
      context: name,
      server: `https://${name}.example:6443`,
      kubernetesVersion: '1.12.0',
      region: 'europe',
      zone: 'fr',
      addressRange: { declared: '10.1.0.0/24', cidr: '10.1.0.0/24', first: '10.1.0.1', last: '10.1.0.254' },
    })),
    workloads: [],
    files: [],
    steps,
  };
}

type Common = 'id' | 'title' | 'component' | 'cluster' | 'context' | 'needs' | 'timeoutSeconds';
/** What of a step a test says; the rest is filled in. */
type Given<K extends Step['kind']> = Partial<StepOf<K>>;

/** `usa/region` is a step in the cluster and context `usa`. */
function common(id: string): Pick<StepOf<'label-nodes'>, Common> {
  const [cluster = '', component = ''] = id.split('/');
  const context = cluster === 'federation' ? FEDERATION : cluster;
  return { id, title: id, component, cluster, context, needs: [], timeoutSeconds: 600 };
}

export function labelNodes(id: string, given: Given<'label-nodes'> = {}): StepOf<'label-nodes'> {
  return { ...common(id), kind: 'label-nodes', labels: { region: 'europe' }, marker: 'owner', ...given };
}

export function serviceAddress(id: string, given: Given<'service-address'> = {}): StepOf<'service-address'> {
  const where = { namespace: 'default', service: 'web', first: '10.1.0.1', last: '10.1.0.254' };
  return { ...common(id), kind: 'service-address', ...where, ...given };
}

export function apply(id: string, file: string, given: Given<'apply'> = {}): StepOf<'apply'> {
  return { ...common(id), kind: 'apply', file, wait: [], ...given };
}

export function create(id: string, file: string, given: Given<'create'> = {}): StepOf<'create'> {
  return { ...common(id), kind: 'create', file, ...given };
}

/** An object that this project made. */
export function ours(kind: string, name: string, more: Record<string, unknown> = {}): KubeObject {
  const apiVersion = kind === 'Deployment' ? 'apps/v1' : 'v1';
  return { apiVersion, kind, metadata: { name, namespace: 'default', labels: ownLabels(FEDERATION) }, ...more };
}

export function node(name: string, labels: Record<string, string> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } };
}

/** A Service, with the addresses that it was given. */
export function service(name: string, ...addresses: string[]): KubeObject {
  return ours('Service', name, { status: { loadBalancer: { ingress: addresses.map((ip) => ({ ip })) } } });
}

/** What a test of one kind of step works with: an engine, the clusters in front of it, and what it tells. */
export interface Workplace {
  readonly engine: Engine;
  readonly kubectl: FakeKubectl;
  readonly reporter: Recorder;
  readonly plan: Plan;
}

/** An engine for a plan of these steps, with these files below `dist/`, on clusters of one version. */
export function workplace(
  steps: readonly Step[],
  {
    files = {},
    kubernetesVersion = '1.7.3',
    options = {},
    plan: change = (plan) => plan,
  }: {
    readonly files?: Readonly<Record<string, readonly KubeObject[] | string>>;
    readonly kubernetesVersion?: string;
    readonly options?: Partial<EngineOptions>;
    readonly plan?: (plan: Plan) => Plan;
  } = {},
): Workplace {
  const folder = temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    const text =
      typeof content === 'string' ? content : content.map((object) => JSON.stringify(object)).join('\n---\n');
    writeFileSync(join(folder, name), text);
  }
  const kubectl = new FakeKubectl(folder);
  kubectl.client = kubernetesVersion;
  kubectl.server = kubernetesVersion;
  const reporter = new Recorder();
  const made = planOf(steps);
  const plan = change({ ...made, clusters: made.clusters.map((cluster) => ({ ...cluster, kubernetesVersion })) });
  const engine = new Engine({
    plan,
    folder,
    run: kubectl.run,
    views: kubectl.views,
    reporter,
    adopt: false,
    ...options,
  });
  return { engine, kubectl, reporter, plan };
}

/** What a program prints. */
export function printed(...items: KubeObject[]): Output {
  return said(listOf(items));
}
