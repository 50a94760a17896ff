/** The store behind one API server: create, update and delete with the checks that the real one makes. */
import * as semver from 'semver';
import { admit, withDefaults } from './defaults';
import { type Json, type KubeObject, type Meta, at, clone, dict, fnv, isDict, list, num, same, text } from './json';
import { track } from './ownership';
import { NAMELESS, type ResourceType, qualified, typeNamed, typesOf } from './resources';
import type { ClusterState } from './types';

/** A refusal of an API server; kubectl words it `Error from server (<reason>): <message>`. */
export class ApiError extends Error {
  constructor(
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

/** One change of one object, for watches. */
export interface Change {
  /** The storage key of its type. */
  readonly key: string;
  /** The cluster's resourceVersion after it. */
  readonly version: number;
  /** Absent where the object was made. */
  readonly before?: KubeObject;
  /** Absent where it went. */
  readonly after?: KubeObject;
}

/** What the store tells the World. */
export interface Ledger {
  /** An object is not what it was; those in the change are never changed in place. */
  noted?(cluster: ClusterState, change: Change): void;
  /** Something really changed. */
  changed(cluster: ClusterState, effect: string): void;
  /** The prefix and five characters that canonicalState() does not show. */
  randomName(prefix: string): string;
  /** Whether what a controller has to do for this object takes time, or never happens. */
  isSlow(cluster: ClusterState, kind: string, namespace: string | undefined, name: string): boolean;
  /** Whether the controllers have been told to leave it alone. */
  isHeld(cluster: string, kind: string, namespace: string | undefined, name: string): boolean;
}

export interface WriteOptions {
  /** Field manager, for servers that keep managedFields. */
  readonly manager?: string;
  readonly operation?: 'Apply' | 'Update';
  /** Writes the status too, as controllers do. */
  readonly status?: boolean;
}

/** What an object says is not valid. */
export class InvalidError extends ApiError {
  constructor(
    readonly object: { readonly kind: string; readonly name: string },
    readonly causes: readonly string[],
    message = `${object.kind} "${object.name}" is invalid: ${causes.length > 1 ? `[${causes.join(', ')}]` : (causes[0] ?? '')}`,
  ) {
    super('Invalid', message);
  }

  saying(message: string): InvalidError {
    return new InvalidError(this.object, this.causes, message);
  }
}

/** The API server ends in the middle of a request, and is started again. */
export class ServerPanic extends Error {}

/** The finalizer of objects that go without their dependents. */
export const ORPHAN = 'orphan';

/** Metadata that no update changes. */
const KEPT = [
  'uid',
  'creationTimestamp',
  'resourceVersion',
  'generation',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
];

const PROTECTED_NAMESPACES = new Set(['default', 'kube-system', 'kube-public']);

export class ApiServer {
  constructor(
    readonly cluster: ClusterState,
    private readonly ledger: Ledger,
  ) {}

  /** Whether its version is at least the given one. */
  atLeast(version: string): boolean {
    return semver.gte(semver.coerce(this.cluster.version)?.version ?? '1.7.3', version);
  }

  /** The type of a kind in whatever version this server prefers; for controllers, which know what they ask for. */
  type(kind: string): ResourceType | undefined {
    return typeNamed(this.cluster, kind);
  }

  get(type: ResourceType, namespace: string | undefined, name: string): KubeObject | undefined {
    return this.cluster.objects[type.key]?.[place(type, namespace, name)];
  }

  list(type: ResourceType, namespace?: string): KubeObject[] {
    const found = Object.values(this.cluster.objects[type.key] ?? {});
    return namespace === undefined ? found : found.filter((object) => object.metadata.namespace === namespace);
  }

  /** By kind, for controllers; undefined too where the server has no such type. */
  find(kind: string, namespace: string | undefined, name: string): KubeObject | undefined {
    const type = this.type(kind);
    return type === undefined ? undefined : this.get(type, namespace, name);
  }

  all(kind: string, namespace?: string): KubeObject[] {
    const type = this.type(kind);
    return type === undefined ? [] : this.list(type, namespace);
  }

  create(
    type: ResourceType,
    object: KubeObject,
    namespace: string | undefined,
    options: WriteOptions = {},
  ): KubeObject {
    const fresh = clone(object);
    const space = type.namespaced ? (namespace ?? fresh.metadata.namespace ?? 'default') : undefined;
    const generate = text(fresh.metadata.generateName);
    const name = text(fresh.metadata.name) || (generate === '' ? '' : this.ledger.randomName(generate));
    if (space !== undefined) this.needNamespace(type, object.apiVersion, space, name);
    const there = this.get(type, space, name);
    if (there?.metadata.deletionTimestamp !== undefined) {
      throw new ApiError(
        'AlreadyExists',
        `object is being deleted: ${qualified(type, object.apiVersion)} "${name}" already exists`,
      );
    }
    if (there !== undefined) {
      throw new ApiError('AlreadyExists', `${qualified(type, object.apiVersion)} "${name}" already exists`);
    }
    const { annotations, labels, finalizers, ownerReferences } = fresh.metadata;
    this.cluster.uids += 1;
    const metadata: Meta = {
      name,
      ...(space === undefined ? {} : { namespace: space }),
      ...(generate === '' ? {} : { generateName: generate }),
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ...(finalizers === undefined ? {} : { finalizers }),
      ...(ownerReferences === undefined ? {} : { ownerReferences }),
      ...(options.operation === 'Apply' ? { managedFields: fresh.metadata.managedFields } : {}),
      uid: this.uid(),
      creationTimestamp: now(),
    };
    fresh.metadata = metadata;
    if (options.status !== true && !type.custom && type.kind !== 'Secret') delete fresh.status;
    const ready = withDefaults(type, fresh, undefined, this);
    admit(type, ready, undefined, this);
    if (ready.spec !== undefined && hasGeneration(type, this)) ready.metadata.generation = 1;
    countTemplates(type, ready, undefined, this);
    ready.metadata.resourceVersion = this.nextVersion();
    if (this.atLeast('1.16.0')) track(undefined, ready, options);
    this.keep(type, undefined, ready);
    this.ledger.changed(this.cluster, effect('create', this.cluster, type, space, name));
    return ready;
  }

  /** Puts a whole object in the place of the present one. Nothing is written where nothing differs. */
  update(type: ResourceType, object: KubeObject, options: WriteOptions = {}): KubeObject {
    const { name, namespace } = object.metadata;
    const current = this.get(type, namespace, name);
    const group = qualified(type, object.apiVersion);
    if (current === undefined) throw new ApiError('NotFound', `${group} "${name}" not found`);
    const asked = object.metadata.resourceVersion;
    if (asked !== undefined && asked !== '' && asked !== current.metadata.resourceVersion) {
      throw new ApiError(
        'Conflict',
        `Operation cannot be fulfilled on ${group} "${name}": the object has been modified; please apply your changes to the latest version and try again`,
      );
    }
    const next = clone(object);
    for (const kept of KEPT) {
      if (current.metadata[kept] === undefined) Reflect.deleteProperty(next.metadata, kept);
      else next.metadata[kept] = current.metadata[kept];
    }
    if (options.operation !== 'Apply') next.metadata.managedFields = current.metadata.managedFields;
    if (options.status !== true && !type.custom) next.status = clone(current.status);
    const ready = withDefaults(type, next, current, this, options.status);
    admit(type, ready, current, this);
    countTemplates(type, ready, current, this);
    if (same({ ...ready, apiVersion: '' }, { ...current, apiVersion: '' })) return current;
    const { generation } = ready.metadata;
    if (generation !== undefined && !same(specOf(ready), specOf(current))) ready.metadata.generation = generation + 1;
    if (this.atLeast('1.16.0')) track(current, ready, options);
    ready.metadata.resourceVersion = this.nextVersion();
    this.keep(type, current, ready);
    // What was deleted before and is not held any more ends now.
    const ends = type.kind !== 'Namespace' || this.cluster.type === 'federation';
    if (ready.metadata.deletionTimestamp !== undefined && ends && !isHeldBack(ready)) this.remove(type, ready, true);
    this.ledger.changed(this.cluster, effect('update', this.cluster, type, namespace, name));
    return ready;
  }

  /** Changes a copy of the object and stores it, the way controllers work. */
  edit(kind: string, object: KubeObject, change: (copy: KubeObject) => void): void {
    const type = this.type(kind);
    if (type === undefined) return;
    const copy = clone(object);
    change(copy);
    this.update(type, copy, { status: true, manager: 'kube-controller-manager' });
  }

  delete(type: ResourceType, namespace: string | undefined, name: string, cascade = true): void {
    const current = this.get(type, namespace, name);
    const version = current?.apiVersion ?? type.versions[0] ?? 'v1';
    if (current === undefined) throw new ApiError('NotFound', `${qualified(type, version)} "${name}" not found`);
    if (type.kind === 'Namespace' && PROTECTED_NAMESPACES.has(name) && this.cluster.type === 'kubernetes') {
      throw new ApiError('Forbidden', `namespaces "${name}" is forbidden: this namespace may not be deleted`);
    }
    const ending = clone(current);
    const { metadata } = ending;
    // The federation's controllers set this mark, and delete takes it away unless the copies in the members are to stay.
    if (isHeldBack(current) && this.cluster.type === 'federation') {
      const others = list(metadata.finalizers).filter((finalizer) => finalizer !== ORPHAN);
      metadata.finalizers = cascade ? others : [...others, ORPHAN];
    }
    const waits = isHeldBack(current) || (type.kind === 'Namespace' && this.cluster.type === 'kubernetes');
    if (waits) {
      if (type.kind === 'Namespace' && current.metadata.deletionTimestamp !== undefined) {
        if (this.cluster.type === 'kubernetes' && !this.atLeast('1.16.0')) {
          throw new ApiError(
            'Conflict',
            `Operation cannot be fulfilled on namespaces "${name}": The system is ensuring all content is removed from this namespace.  Upon completion, this namespace will automatically be purged by the system.`,
          );
        }
      } else if (metadata.deletionTimestamp === undefined) {
        metadata.deletionTimestamp = now();
        if (type.kind === 'Namespace') ending.status = { ...dict(ending.status), phase: 'Terminating' };
        else metadata.deletionGracePeriodSeconds = 0;
      }
      if (same(current.metadata, metadata)) return;
      metadata.resourceVersion = this.nextVersion();
      this.keep(type, current, ending);
    } else this.remove(type, current, cascade);
    this.ledger.changed(this.cluster, effect('delete', this.cluster, type, namespace, name));
  }

  /** Puts an object of the latest version on its shelf. */
  private keep(type: ResourceType, before: KubeObject | undefined, after: KubeObject): void {
    const { name, namespace } = after.metadata;
    (this.cluster.objects[type.key] ??= {})[place(type, namespace, name)] = after;
    this.ledger.noted?.(this.cluster, { key: type.key, version: this.cluster.resourceVersion, before, after });
  }

  private remove(type: ResourceType, object: KubeObject, cascade: boolean): void {
    const { name, namespace, uid } = object.metadata;
    const shelf = this.cluster.objects[type.key] ?? {};
    // A part of the reaction to another removal may have taken it already.
    if (shelf[place(type, namespace, name)] === undefined) return;
    const { [place(type, namespace, name)]: gone, ...rest } = shelf;
    if (gone === undefined) return;
    this.cluster.objects[type.key] = rest;
    this.nextVersion();
    this.ledger.noted?.(this.cluster, { key: type.key, version: this.cluster.resourceVersion, before: gone });
    const every = typesOf(this.cluster);
    const drop = (fits: (object: KubeObject, type: ResourceType) => boolean): void => {
      for (const other of every) {
        for (const found of this.list(other)) if (fits(found, other)) this.remove(other, found, true);
      }
    };
    if (type.kind === 'Namespace') drop((found) => found.metadata.namespace === name);
    if (type.kind === 'Service') {
      drop(
        (found, other) =>
          other.kind === 'Endpoints' && found.metadata.name === name && found.metadata.namespace === namespace,
      );
    }
    if (type.kind === 'ServiceAccount') {
      drop((found) => found.metadata.annotations?.['kubernetes.io/service-account.uid'] === uid);
    }
    if (type.kind === 'CustomResourceDefinition') this.dropCustom(object);
    if (!cascade) return;
    drop((found) => list(found.metadata.ownerReferences).some((owner) => at(owner, 'uid') === uid));
  }

  private dropCustom(definition: KubeObject): void {
    const key = `${text(dict(definition.spec).group)}/${text(at(definition.spec, 'names', 'plural'))}`;
    const type = { ...NAMELESS, key, custom: true };
    for (const object of Object.values(this.cluster.objects[key] ?? {})) this.remove(type, object, true);
  }

  /** Empties namespaces that were deleted, and ends those that are empty. */
  finishNamespaces(): void {
    const type = this.type('Namespace');
    if (type === undefined) return;
    for (const space of this.list(type)) {
      const { name, deletionTimestamp } = space.metadata;
      if (deletionTimestamp === undefined || this.ledger.isHeld(this.cluster.name, 'Namespace', undefined, name))
        continue;
      const inside = (): { readonly other: ResourceType; readonly object: KubeObject }[] =>
        typesOf(this.cluster).flatMap((other) =>
          other.namespaced ? this.list(other, name).map((object) => ({ other, object })) : [],
        );
      for (const { other, object } of inside()) {
        if (this.get(other, name, object.metadata.name) !== undefined) this.delete(other, name, object.metadata.name);
      }
      if (inside().length > 0) continue;
      this.remove(type, space, true);
      this.ledger.changed(this.cluster, effect('end', this.cluster, type, undefined, name));
    }
  }

  private needNamespace(type: ResourceType, version: string, namespace: string, name: string): void {
    const found = this.cluster.objects.namespaces?.[namespace];
    if (found === undefined) throw new ApiError('NotFound', `namespaces "${namespace}" not found`);
    if (found.metadata.deletionTimestamp === undefined) return;
    throw new ApiError(
      'Forbidden',
      `${qualified(type, version)} "${name}" is forbidden: unable to create new content in namespace ${namespace} because it is being terminated${this.atLeast('1.14.0') ? '' : '.'}`,
    );
  }

  private uid(): string {
    const serial = this.cluster.uids.toString(16).padStart(12, '0');
    return `${fnv(this.cluster.name).toString(16).padStart(8, '0')}-0000-4000-8000-${serial}`;
  }

  private nextVersion(): string {
    this.cluster.resourceVersion += 1;
    return String(this.cluster.resourceVersion);
  }
}

/** Kinds whose spec is counted; custom resources are since 1.11. */
function hasGeneration(type: ResourceType, api: ApiServer): boolean {
  if (type.custom) return api.atLeast('1.11.0');
  const kinds = ['Deployment', 'DaemonSet', 'ReplicaSet', 'StatefulSet', 'ReplicationController', 'Ingress'];
  return (
    [...kinds, 'NetworkPolicy', 'PodDisruptionBudget', 'CustomResourceDefinition'].includes(type.kind) &&
    (type.kind !== 'CustomResourceDefinition' || api.atLeast('1.16.0'))
  );
}

/** Up to 1.8 a DaemonSet of the group extensions counts its templates in its spec. */
function countTemplates(type: ResourceType, object: KubeObject, current: KubeObject | undefined, api: ApiServer): void {
  if (type.kind !== 'DaemonSet' || api.atLeast('1.9.0') || !isDict(object.spec)) return;
  const before = num(at(current, 'spec', 'templateGeneration'));
  const changed = !same(at(object, 'spec', 'template'), at(current, 'spec', 'template'));
  object.spec.templateGeneration = changed || before === 0 ? before + 1 : before;
}

function specOf(object: KubeObject): Json {
  const { templateGeneration, ...rest } = dict(object.spec);
  return templateGeneration === undefined ? dict(object.spec) : rest;
}

function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Whether finalizers keep an object that is deleted. */
function isHeldBack(object: KubeObject): boolean {
  return list(object.metadata.finalizers).length > 0;
}

/** Where an object lies on its type's shelf. */
export function place(type: ResourceType, namespace: string | undefined, name: string): string {
  return type.namespaced && namespace !== undefined ? `${namespace}/${name}` : name;
}

function effect(
  verb: string,
  cluster: ClusterState,
  type: ResourceType,
  namespace: string | undefined,
  name: string,
): string {
  return `${verb} ${cluster.name} ${type.plural} ${place(type, namespace, name)}`;
}
