import { isClusterWide, Manifest } from './dialect/dialect';
import { FederationError, Finding } from './errors';

/** A list of a chart holds what is no object. Nothing has been written. */
export class ListError extends FederationError {
  constructor(findings: readonly Finding[]) {
    super('Some lists hold what cannot be applied by itself; nothing was written.', findings);
  }
}

/** What an item has from the list that it stands in, where it does not say it itself. */
interface Inherited {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, unknown>>;
  readonly annotations?: Readonly<Record<string, unknown>>;
}

/**
 * Objects with every item of a list as an object of its own. A server has no lists: kubectl takes them apart before it
 * applies them, and what looks for the list by its name finds nothing. A list is a `List`, such as `kubectl get` prints,
 * or one of a kind's own, such as a `ConfigMapList`, whose items need not say their kind. Namespace, labels and
 * annotations of the list are those that its chart gives to all of its objects.
 *
 * @param where the bundle, for messages
 * @throws ListError
 */
export function withoutLists(objects: readonly Manifest[], where: string): Manifest[] {
  const findings: Finding[] = [];
  const found = objects.flatMap((object) => (isList(object) ? itemsOf(object, {}, where, findings) : [object]));
  if (findings.length > 0) throw new ListError(findings);
  return found;
}

type List = Pick<Manifest, 'apiVersion' | 'kind'> & {
  readonly items?: readonly unknown[] | null;
  readonly metadata?: unknown;
};

function isList({ kind, items }: Record<string, unknown>): boolean {
  return kind === 'List'
    ? Array.isArray(items) || items === undefined || items === null
    : isKindOfList(kind) && Array.isArray(items);
}

const isKindOfList = (kind: unknown): kind is string => typeof kind === 'string' && /.List$/.test(kind);

function itemsOf(list: List, inherited: Inherited, at: string, findings: Finding[]): Manifest[] {
  const { namespace, labels, annotations } = (list.metadata ?? {}) as Inherited;
  const passedOn: Inherited = {
    ...(isKindOfList(list.kind) && { apiVersion: list.apiVersion, kind: list.kind.replace(/List$/, '') }),
    namespace: namespace ?? inherited.namespace,
    labels: { ...inherited.labels, ...labels },
    annotations: { ...inherited.annotations, ...annotations },
  };
  return (list.items ?? []).flatMap((item, i) => {
    const where = `${at}: ${list.kind}, items[${i}]`;
    if (typeof item !== 'object' || item === null || Array.isArray(item)) {
      findings.push({ where, problem: `${JSON.stringify(item ?? null)} is no object`, hint: 'Leave it out.' });
      return [];
    }
    const { apiVersion = passedOn.apiVersion, kind = passedOn.kind, ...rest } = item as Partial<Manifest>;
    if (typeof apiVersion !== 'string' || typeof kind !== 'string') {
      findings.push({ where, problem: 'has no apiVersion or no kind', hint: 'Write both, or leave the item out.' });
      return [];
    }
    if (isList({ ...rest, kind })) return itemsOf({ ...rest, apiVersion, kind }, passedOn, where, findings);
    const object = withInherited({ metadata: {}, ...rest, apiVersion, kind }, passedOn);
    if (typeof object.metadata.name === 'string') return [object];
    findings.push({ where, problem: `the ${kind} has no name`, hint: 'Write metadata.name, or leave the item out.' });
    return [];
  });
}

function withInherited(object: Manifest, { namespace, labels, annotations }: Inherited): Manifest {
  const { metadata } = object;
  const together = (key: 'labels' | 'annotations', from: Inherited['labels'] = {}): object => {
    const all = { ...from, ...(metadata[key] as object | undefined) };
    return Object.keys(all).length === 0 ? {} : { [key]: all };
  };
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(namespace !== undefined && metadata.namespace === undefined && !isClusterWide(object) && { namespace }),
      ...together('labels', labels),
      ...together('annotations', annotations),
    },
  };
}
