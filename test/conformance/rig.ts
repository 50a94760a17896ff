/** A World that stands for the machine and the clusters on which the calls were recorded. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { dump, load } from 'js-yaml';
import { type Json, type KubeObject, at, clone, dict, text } from '../stand-ins/json';
import { kubeconfigOf } from '../stand-ins/initial';
import { Kubeconfig } from '../stand-ins/kubeconfig';
import { place } from '../stand-ins/objects';
import { NAMELESS, type ResourceType, typeOfKind, typesOf } from '../stand-ins/resources';
import type { ClusterState, WorldOptions } from '../stand-ins/types';
import { type Ran, World } from '../stand-ins/world';
import { documents, withoutRandomNames } from './compare';
import { contextOf, fileOf, manifestsIn, objectsOf } from './manifests';
import { Proxies } from './proxies';
import type { Recorded } from './recordings';
import { recorded, recordedCall } from './recordings';

const PORT = 16443;
const node = (name: string, address: string): { name: string; address: string } => ({ name, address });

/** The recorded clusters and versions. */
export const RECORDED_WORLD: WorldOptions = {
  clusters: [
    {
      name: 'fcp',
      server: `127.0.77.1:${PORT}`,
      kubernetesVersion: '1.7.5',
      region: 'europe',
      zone: 'fr',
      nodes: [node('fcp-master', '127.0.77.1'), node('fcp-worker', '127.0.77.9')],
    },
    {
      name: 'usa',
      server: `127.0.77.2:${PORT}`,
      kubernetesVersion: '1.7.5',
      region: 'america',
      zone: 'us',
      nodes: [node('usa-master', '127.0.77.2'), node('usa-worker', '127.0.77.22')],
    },
    {
      name: 'chn',
      server: `127.0.77.3:${PORT}`,
      kubernetesVersion: '1.7.5',
      region: 'asia',
      zone: 'cn',
      nodes: [node('chn-master', '127.0.77.3'), node('chn-worker', '127.0.77.32')],
    },
  ],
  kubectlVersion: '1.8.0',
  kubefedVersion: '1.8.0',
  helmVersion: '2.7.2',
  waits: 'over',
};

/** Annotations that controllers write, and the provider of keepalived's addresses. */
const CONTROLLERS = /^(?:(?:deployment|pv|volume|federation|control-plane\.alpha)\.kubernetes\.io|k8s\.co)\//;

/** The object as a server stores it: without what it adds to each answer, and without what only kubectl adds. */
function stored(object: KubeObject, custom: boolean): KubeObject {
  const copy = clone(object);
  delete copy.metadata.selfLink;
  for (const [key, value] of Object.entries(copy.metadata)) {
    const added = (key === 'namespace' && value === '') || (custom && (value === null || value === '' || value === 0));
    if (added) Reflect.deleteProperty(copy.metadata, key);
  }
  return copy;
}

/** Where the World keeps what no call makes by itself. */
const MADE_BY_CONTROLLERS = ['pods', 'apps/replicasets', 'endpoints', 'events'];

function metadataOf(cells: ReadonlyMap<string, string>): KubeObject['metadata'] {
  const name = (cells.get('NAME') ?? '').replace(/^(?:po|rs)\//, '');
  return { name, namespace: cells.get('NAMESPACE') ?? 'default', creationTimestamp: new Date().toISOString() };
}

function podOf(cells: ReadonlyMap<string, string>): KubeObject {
  const [ready = 0, all = 0] = (cells.get('READY') ?? '').split('/').map(Number);
  const names = Array.from({ length: all }, (_, index) => ({ name: String(index) }));
  const restartCount = Number(cells.get('RESTARTS'));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: metadataOf(cells),
    spec: { containers: names, nodeName: cells.get('NODE') },
    status: {
      phase: cells.get('STATUS'),
      podIP: cells.get('IP'),
      containerStatuses: names.map((entry, index) => ({ ...entry, ready: index < ready, restartCount })),
    },
  };
}

function replicaSetOf(cells: ReadonlyMap<string, string>): KubeObject {
  return {
    apiVersion: 'extensions/v1beta1',
    kind: 'ReplicaSet',
    metadata: metadataOf(cells),
    spec: { replicas: Number(cells.get('DESIRED')) },
    status: { replicas: Number(cells.get('CURRENT')), readyReplicas: Number(cells.get('READY')) },
  };
}

export class Rig {
  /** The KUBECONFIG of the next calls; the World's own where undefined. */
  kubeconfig: string | undefined;
  helmHome: string | undefined;
  /** `cluster plural namespace/name` of what the replayed calls themselves made. */
  private readonly made = new Set<string>();
  readonly proxies = new Proxies();
  /** Files that a stage wrote itself. */
  private readonly own = new Set<string>();
  /** `cluster recorded-version` to the version that stands for it in the World. */
  private readonly versions = new Map<string, string>();

  private constructor(readonly world: World) {}

  /** Lets the calls use the kubeconfig `$DIR/kubeconfig`, as the recorded product did. */
  ownKubeconfig(): void {
    this.kubeconfig = path.join(this.folder, 'kubeconfig');
    fs.copyFileSync(this.world.kubeconfigPath, this.kubeconfig);
  }

  static async start(options: WorldOptions = {}): Promise<Rig> {
    return new Rig(await World.start({ ...RECORDED_WORLD, ...options }));
  }

  get folder(): string {
    return this.world.dir;
  }

  /** Writes a file that calls name. */
  file(name: string, content: string | readonly Json[]): void {
    this.own.add(name);
    this.write(name, content);
  }

  private write(name: string, content: string | readonly Json[]): void {
    const full = path.join(this.folder, name);
    fs.mkdirSync(path.dirname(full), { recursive: true });
    fs.writeFileSync(
      full,
      typeof content === 'string' ? content : content.map((item) => `---\n${dump(item)}`).join(''),
    );
  }

  /** Notes what a replayed call made itself, so that nothing of it is taken from the recordings. */
  note(effects: readonly string[]): void {
    for (const effect of effects) {
      const [, what] = /^create (.*)$/.exec(effect) ?? [];
      if (what !== undefined) this.made.add(what);
    }
  }

  private key(cluster: ClusterState, type: ResourceType, object: KubeObject): string {
    return `${cluster.name} ${type.plural} ${place(type, object.metadata.namespace, object.metadata.name)}`;
  }

  /** The cluster that a recorded call went to. */
  clusterOf(call: Recorded): ClusterState | undefined {
    const through = call.program === 'curl' ? this.proxies.callBehind(call) : call;
    if (through === undefined) return undefined;
    const context = contextOf(through);
    return this.world.state.clusters[context === '' ? this.currentContext : context];
  }

  private get currentContext(): string {
    const variable = this.kubeconfig ?? this.world.kubeconfigPath;
    return Kubeconfig.open({ variable, home: this.folder, cwd: this.folder }).currentContext;
  }

  /** Writes the files that the calls name, as far as the recordings show what stood in them. */
  files(calls: readonly Recorded[]): void {
    for (const name of new Set(calls.map(fileOf))) {
      if (name === undefined || this.own.has(name)) continue;
      const objects = manifestsIn(name, calls[0]?.file ?? '');
      if (objects === undefined) continue;
      if (!name.endsWith('/')) this.write(name, objects);
      else {
        const kinds = objects.map((object) => object.kind.toLowerCase());
        const inOrder = [...kinds].sort().join() === kinds.join();
        objects.forEach((object, index) => {
          this.write(`${name}${inOrder ? '' : `${index}-`}${object.kind.toLowerCase()}.yaml`, [object]);
        });
      }
    }
  }

  /**
   * A call's input with the World's versions of objects in place of the recorded ones: those that the caller had read, and the
   * present one where it had read the object in no recorded call.
   */
  translated(call: Recorded, input: string): string {
    const cluster = this.clusterOf(call);
    // A version that was refused was meant to be.
    if (cluster === undefined || call.exit !== 0) return input;
    return input.replace(/("resourceVersion"\s*:\s*")(\d+)"/g, (whole, head: string, version: string) => {
      const known = this.versions.get(`${cluster.name} ${version}`);
      if (known !== undefined) return `${head}${known}"`;
      const [, name] = /"name"\s*:\s*"([^"]+)"/.exec(input) ?? call.argv.join(' ').match(/patch \w+ (\S+)/) ?? [];
      const present = Object.values(cluster.objects.configmaps ?? {}).find((object) => object.metadata.name === name);
      return present === undefined ? whole : `${head}${text(present.metadata.resourceVersion)}"`;
    });
  }

  /** Notes which of the World's versions stand for the recorded ones. */
  pair(call: Recorded, said: string): void {
    const cluster = this.clusterOf(call);
    if (cluster === undefined) return;
    const name = (object: KubeObject): string =>
      `${object.kind} ${text(object.metadata.namespace)} ${object.metadata.name}`;
    const ours = new Map((documents(said) ?? []).flatMap(objectsOf).map((object) => [name(object), object]));
    for (const object of (documents(call.stdout) ?? []).flatMap(objectsOf)) {
      const version = ours.get(name(object))?.metadata.resourceVersion;
      if (version !== undefined) this.versions.set(`${cluster.name} ${text(object.metadata.resourceVersion)}`, version);
    }
  }

  /**
   * Brings the cluster into the state that a recorded answer shows, past all controllers. What the replayed calls made themselves
   * stays as the stand-in has it, but for what controllers write. Objects that the stand-in showed and the real program did not
   * go. Gives back whether anything was not so before.
   */
  take(call: Recorded, shownByStandIn = ''): boolean {
    const cluster = this.clusterOf(call);
    const real = documents(call.stdout)?.flatMap(objectsOf) ?? [];
    const ours = documents(shownByStandIn)?.flatMap(objectsOf) ?? [];
    if (cluster === undefined) return false;
    const before = JSON.stringify(cluster.objects);
    const kept = new Set<string>();
    const made = new Set([...this.made].map(withoutRandomNames));
    // Definitions first: they say which custom resources there are.
    real.sort((a, b) => Number(b.kind === 'CustomResourceDefinition') - Number(a.kind === 'CustomResourceDefinition'));
    for (const object of real) {
      const type = typeOfKind(cluster, object.apiVersion, object.kind);
      if (type === undefined) continue;
      const key = this.key(cluster, type, object);
      kept.add(key);
      // A call of the replay made one like it, with another random name.
      if (!this.made.has(key) && withoutRandomNames(key) !== key && made.has(withoutRandomNames(key))) continue;
      const wanted = stored(object, type.custom);
      const { name, namespace } = wanted.metadata;
      const shelf = (cluster.objects[type.key] ??= {});
      const present = shelf[place(type, namespace, name)];
      if (!this.made.has(key)) shelf[place(type, namespace, name)] = wanted;
      else if (present !== undefined) shelf[place(type, namespace, name)] = controlled(present, wanted);
    }
    for (const object of ours) {
      const type = typeOfKind(cluster, object.apiVersion, object.kind);
      if (type === undefined) continue;
      const key = this.key(cluster, type, object);
      if (kept.has(key) || this.made.has(key)) continue;
      Reflect.deleteProperty(cluster.objects[type.key] ?? {}, key.split(' ')[2] ?? '');
    }
    return JSON.stringify(cluster.objects) !== before;
  }

  /** Lets the calls use a kubeconfig of the clusters alone, without any federation. */
  plainKubeconfig(): void {
    const clusters = Object.values(this.world.state.clusters).filter((cluster) => cluster.type === 'kubernetes');
    this.write('plain.kc', dump(kubeconfigOf(clusters, 'fcp')));
    this.kubeconfig = path.join(this.folder, 'plain.kc');
  }

  /** Gives the one pod with this prefix its recorded name, for calls that name it. */
  renamePod(name: string, namespace: string, cluster = 'fcp'): void {
    const shelf = this.world.clusterState(cluster).objects.pods ?? {};
    const start = `${namespace}/${name.replace(/-\d+-\w{5}$/, '')}-`;
    const [key = '', pod] = Object.entries(shelf).find(([place_]) => place_.startsWith(start)) ?? [];
    if (pod === undefined) throw new Error(`${cluster} has no pod ${start}…`);
    Reflect.deleteProperty(shelf, key);
    shelf[`${namespace}/${name}`] = { ...pod, metadata: { ...pod.metadata, name } };
  }

  /** What controllers made, to be put back after a read that was judged with the recorded ones in their place. */
  controllersWork(): () => void {
    const shelves = Object.values(this.world.state.clusters).flatMap((cluster) =>
      MADE_BY_CONTROLLERS.map((key) => ({ cluster, key, shelf: cluster.objects[key] })),
    );
    const before = shelves.map(({ cluster, key, shelf }) => ({ cluster, key, shelf: clone(shelf) }));
    return () => {
      for (const { cluster, key, shelf } of before) {
        if (shelf === undefined) Reflect.deleteProperty(cluster.objects, key);
        else cluster.objects[key] = shelf;
      }
    };
  }

  /** The pods and ReplicaSets that a recorded table shows, as far as it shows them; false where it shows none. */
  takeTable(call: Recorded): boolean {
    const cluster = this.clusterOf(call);
    const tables = call.stdout.split(/^(?=(?:NAMESPACE +)?NAME )/m);
    let taken = false;
    for (const table of cluster === undefined ? [] : tables) {
      const [head = '', ...rows] = table.trimEnd().split('\n');
      const columns = head.split(/ {2,}/);
      const key = columns.includes('RESTARTS')
        ? 'pods'
        : columns.join().includes('CURRENT,READY')
          ? 'apps/replicasets'
          : '';
      if (key === '' || cluster === undefined) continue;
      const everywhere = columns[0] === 'NAMESPACE';
      const kept = Object.entries(cluster.objects[key] ?? {}).filter(
        ([, object]) => !everywhere && object.metadata.namespace !== 'default',
      );
      cluster.objects[key] = Object.fromEntries(kept);
      taken = true;
      for (const row of rows) {
        const cells = new Map(row.split(/ {2,}/).map((cell, index) => [columns[index] ?? '', cell]));
        const object = key === 'pods' ? podOf(cells) : replicaSetOf(cells);
        cluster.objects[key][place(NAMELESS, object.metadata.namespace, object.metadata.name)] = object;
      }
    }
    return taken;
  }

  /** The objects whose names a recorded `-o name` lists; false where the call lists none. */
  takeNames(call: Recorded): boolean {
    const cluster = this.clusterOf(call);
    if (cluster === undefined || !call.argv.includes('name')) return false;
    for (const line of call.stdout.split('\n')) {
      const [plural = '', ...rest] = line.split('/');
      const type = typesOf(cluster).find((each) => each.plural === plural);
      const name = rest.join('/');
      if (type === undefined || type.namespaced || name === '') continue;
      const shelf = (cluster.objects[type.key] ??= {});
      shelf[name] ??= { apiVersion: type.versions[0] ?? 'v1', kind: type.kind, metadata: { name } };
    }
    return true;
  }

  /** The keys of etcd that a recorded listing shows; false where the call lists none. */
  takeKeys(call: Recorded): boolean {
    const cluster = this.clusterOf(call);
    if (cluster === undefined || !/etcdctl ls --recursive/.test(call.argv.join(' '))) return false;
    const lines = call.stdout.split('\n').filter((line) => line.startsWith('/skydns'));
    const leaves = lines.filter((line) => !lines.some((other) => other.startsWith(`${line}/`)));
    for (const store of Object.values(cluster.etcd)) {
      for (const key of Object.keys(store.v2)) Reflect.deleteProperty(store.v2, key);
      for (const leaf of leaves) store.v2[leaf] = '';
    }
    return true;
  }

  /** What a write answered, with the controllers' part of the recorded answer. */
  adopt(call: Recorded, said: string): string {
    const real = documents(call.stdout)?.flatMap(objectsOf) ?? [];
    const ours = documents(said)?.flatMap(objectsOf) ?? [];
    if (real.length !== 1 || ours.length !== 1) return said;
    const [recorded_, object] = [real[0], ours[0]];
    if (recorded_ === undefined || object === undefined || recorded_.kind !== object.kind) return said;
    return `${JSON.stringify(controlled(object, recorded_), null, 4)}\n`;
  }

  /** Adds the context of a federation to the kubeconfig. No call here reaches its API server. */
  federated(): void {
    const file = this.world.kubeconfigPath;
    const config = load(fs.readFileSync(file, 'utf8')) as Record<'clusters' | 'contexts' | 'users', Json[]>;
    const name = 'federation';
    config.clusters.push({
      name,
      cluster: { 'certificate-authority-data': 'Y2E=', server: 'https://127.0.77.9:31506' },
    });
    config.contexts.push({ name, context: { cluster: name, user: name } });
    config.users.push({ name, user: { 'client-certificate-data': 'Y2E=', 'client-key-data': 'a2V5' } });
    fs.writeFileSync(file, dump(config));
  }

  /** Runs the writes of a file without judging them: the state that it leaves. */
  async after(file: string, before: Readonly<Record<number, (rig: Rig) => Promise<void> | void>> = {}): Promise<void> {
    const calls = recorded(file);
    this.files(calls);
    for (const call of calls) {
      await before[call.n]?.(this);
      if (call.program === 'curl' || call.argv.includes('get') || call.argv.includes('proxy')) continue;
      await this.run(call);
      this.note(this.world.calls.at(-1)?.effects ?? []);
    }
  }

  /** Starts a proxy, which lasts until `proxies.end()`. */
  async startProxy(call: Recorded): Promise<void> {
    const env = { ...this.world.env(), ...(this.kubeconfig === undefined ? {} : { KUBECONFIG: this.kubeconfig }) };
    const argv = call.argv.map((word) => word.replaceAll('$DIR', this.folder));
    await this.proxies.start(call, argv, this.folder, env);
  }

  /** Runs a recorded call in the World. */
  async run(call: Recorded): Promise<Ran> {
    if (call.program === 'curl') {
      const { exit, ...said } = await this.proxies.ask(call, this.folder);
      return { code: exit, ...said };
    }
    return this.world.invoke(
      call.program,
      call.argv.map((word) => this.translated(call, word.replaceAll('$DIR', this.folder))),
      {
        stdin: call.stdin === undefined ? undefined : this.translated(call, call.stdin),
        cwd: this.folder,
        kubeconfig: this.kubeconfig,
        helmHome: this.helmHome,
      },
    );
  }

  /** The state that the given recorded answers show, such as `03:12`. */
  takeAll(ids: readonly string[]): void {
    for (const id of ids) this.take(recordedCall(id));
  }
}

/** The stand-in's object with what controllers write taken from the recorded one. */
function controlled(present: KubeObject, recorded: KubeObject): KubeObject {
  const copy = clone(present);
  const take = (field: string): void => {
    if (recorded[field] === undefined) Reflect.deleteProperty(copy, field);
    else copy[field] = clone(recorded[field]);
  };
  take('status');
  if (copy.kind === 'ServiceAccount') take('secrets');
  // Its data is the provider's.
  if (copy.kind === 'ConfigMap' && copy.metadata.name === 'vip-configmap') take('data');
  // The scheduler's choice.
  if (copy.kind === 'Pod') copy.spec = { ...dict(copy.spec), nodeName: at(recorded, 'spec', 'nodeName') };
  if (recorded.metadata.generation === undefined) delete copy.metadata.generation;
  else copy.metadata.generation = recorded.metadata.generation;
  const annotations = Object.fromEntries([
    ...Object.entries(copy.metadata.annotations ?? {}).filter(([key]) => !CONTROLLERS.test(key)),
    ...Object.entries(recorded.metadata.annotations ?? {}).filter(([key]) => CONTROLLERS.test(key)),
  ]);
  if (Object.keys(annotations).length > 0) copy.metadata.annotations = annotations;
  else delete copy.metadata.annotations;
  return copy;
}
