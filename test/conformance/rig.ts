/** A World that stands for the machine and the clusters on which the calls were recorded. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { dump } from 'js-yaml';
import { type Json, type KubeObject, at, clone, isDict, list, text } from '../stand-ins/json';
import { place } from '../stand-ins/objects';
import { type ResourceType, typeOfKind } from '../stand-ins/resources';
import type { ClusterState, WorldOptions } from '../stand-ins/types';
import { World } from '../stand-ins/world';
import { documents, withoutRandomNames } from './compare';
import type { Recorded } from './recordings';
import { recordedCall } from './recordings';

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

/** Annotations that controllers write. */
const CONTROLLERS = /^(?:deployment|pv|volume|federation|control-plane\.alpha)\.kubernetes\.io\//;

/** What stands in a recorded answer: an object, or all of a list. */
function objectsOf(json: Json): KubeObject[] {
  if (!isDict(json) || typeof json.kind !== 'string') return [];
  if (Array.isArray(json.items) && json.kind.endsWith('List')) return list(json.items).flatMap(objectsOf);
  return typeof json.apiVersion === 'string' && text(at(json, 'metadata', 'name')) !== '' ? [json as KubeObject] : [];
}

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

export class Rig {
  /** The KUBECONFIG of the next calls; the World's own where undefined. */
  kubeconfig: string | undefined;
  helmHome: string | undefined;
  /** `cluster plural namespace/name` of what the replayed calls themselves made. */
  private readonly made = new Set<string>();

  private constructor(readonly world: World) {}

  static async start(options: WorldOptions = {}): Promise<Rig> {
    return new Rig(await World.start({ ...RECORDED_WORLD, ...options }));
  }

  get folder(): string {
    return this.world.dir;
  }

  /** Writes a file that calls name. */
  file(name: string, content: string | readonly Json[]): void {
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
    const flag = call.argv.findIndex((word) => word === '--context' || word.startsWith('--context='));
    const word = call.argv[flag] ?? '--context=fcp';
    const name = word.includes('=') ? word.slice(word.indexOf('=') + 1) : (call.argv[flag + 1] ?? '');
    return this.world.state.clusters[name];
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
