/** The store behind one API server: create, update and delete with the checks that the real one makes. */
import * as semver from 'semver';
import { admit, withDefaults } from './defaults';
import { type KubeObject, type Meta, at, clone, dict, fnv, list, same, text } from './json';
import { track } from './ownership';
import { type ResourceType, qualified, typeNamed, typesOf } from './resources';
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

/** What the store tells the World. */
export interface Ledger {
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

/** What only the API server itself writes. */
const KEPT: readonly string[] = [
  'uid',
  'creationTimestamp',
  'resourceVersion',
  'generation',
  'selfLink',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
];

/** With this finalizer a deletion leaves the dependents alone. */
export const ORPHAN = 'orphan';

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
      creationTimestamp: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
    };
    fresh.metadata = metadata;
    if (options.status !== true && !type.custom && type.kind !== 'Secret') delete fresh.status;
    const ready = withDefaults(type, fresh, undefined, this);
    admit(type, ready, undefined, this);
    if (ready.spec !== undefined && !['Service', 'Node', 'Namespace'].includes(type.kind))
      ready.metadata.generation = 1;
    ready.metadata.resourceVersion = this.nextVersion();
    if (this.atLeast('1.16.0')) track(undefined, ready, options);
    (this.cluster.objects[type.key] ??= {})[place(type, space, name)] = ready;
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
    for (const kept of KEPT) next.metadata[kept] = current.metadata[kept];
    if (options.operation !== 'Apply') next.metadata.managedFields = current.metadata.managedFields;
    if (options.status !== true && !type.custom) next.status = clone(current.status);
    const waited = current.metadata.deletionTimestamp !== undefined && list(current.metadata.finalizers).length > 0;
    if (waited && list(next.metadata.finalizers).length === 0) {
      // What waited only for its finalizers is gone with the last of them.
      this.remove(type, current, true);
      this.ledger.changed(this.cluster, effect('end', this.cluster, type, namespace, name));
      return next;
    }
    const ready = withDefaults(type, next, current, this);
    admit(type, ready, current, this);
    if (same({ ...ready, apiVersion: '' }, { ...current, apiVersion: '' })) return current;
    if (ready.metadata.generation !== undefined && !same(ready.spec, current.spec)) ready.metadata.generation += 1;
    if (this.atLeast('1.16.0')) track(current, ready, options);
    ready.metadata.resourceVersion = this.nextVersion();
    (this.cluster.objects[type.key] ??= {})[place(type, namespace, name)] = ready;
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
    const finalizers = finalizersLeft(current, cascade);
    const waits = type.kind === 'Namespace' && this.ledger.isSlow(this.cluster, 'Namespace', undefined, name);
    if (waits || finalizers.length > 0) {
      if (current.metadata.deletionTimestamp !== undefined) return;
      const { metadata } = current;
      metadata.deletionTimestamp = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
      if (type.kind === 'Namespace') current.status = { phase: 'Terminating' };
      else metadata.deletionGracePeriodSeconds = 0;
      if (finalizers.length > 0) metadata.finalizers = finalizers;
      metadata.resourceVersion = this.nextVersion();
    } else this.remove(type, current, cascade);
    this.ledger.changed(this.cluster, effect('delete', this.cluster, type, namespace, name));
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
    const type: ResourceType = {
      plural: '',
      singular: '',
      kind: '',
      namespaced: true,
      short: [],
      versions: [],
      key,
      custom: true,
    };
    for (const object of Object.values(this.cluster.objects[key] ?? {})) this.remove(type, object, true);
  }

  /** Ends namespaces of a cluster that were deleted and had to wait. */
  finishNamespaces(): void {
    const type = this.type('Namespace');
    if (type === undefined) return;
    for (const space of this.list(type)) {
      const { name, deletionTimestamp } = space.metadata;
      if (deletionTimestamp === undefined || this.ledger.isHeld(this.cluster.name, 'Namespace', undefined, name))
        continue;
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
      `${qualified(type, version)} "${name}" is forbidden: unable to create new content in namespace ${namespace} because it is being terminated`,
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

/** What a deletion leaves of the finalizers: `orphan` stays, or comes, only where the dependents are to be left alone. */
function finalizersLeft(object: KubeObject, cascade: boolean): string[] {
  const finalizers = list(object.metadata.finalizers).map((entry) => text(entry));
  return finalizers.filter((finalizer) => !cascade || finalizer !== ORPHAN);
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
