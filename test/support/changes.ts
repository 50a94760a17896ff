import { isDeepStrictEqual } from 'node:util';
import { OpenApiSchema, publishedDocument, creatable } from './openapi';

/** One place at which two objects differ, with the definition that the field belongs to. */
export interface Change {
  readonly path: string;
  /** The definition, as the newer documents shorten it: `core.v1.PodSpec`; nothing for a map's own keys. */
  readonly owner: string;
  readonly field: string;
  /** Nothing where the field is new. */
  readonly before?: unknown;
  /** Nothing where the field has gone. */
  readonly after?: unknown;
}

/** The part of a definition's name that is the same in all documents. */
export function shortName(definition: string): string {
  const [kind = '', version = '', group = ''] = definition.split('.').reverse();
  return group === 'api' ? `core.${version}.${kind}` : `${group}.${version}.${kind}`;
}

/** Where two versions of one object differ, told by the definitions of the version that the first one was written in. */
export function changes<T extends { apiVersion: string; kind: string }>(before: T, after: T, minor: number): Change[] {
  const { definitions } = publishedDocument(minor);
  const found: Change[] = [];
  const compare = (a: unknown, b: unknown, schema: OpenApiSchema, owner: string, path: string): void => {
    if (schema.$ref !== undefined) {
      const held = schema.$ref.replace('#/definitions/', '');
      compare(a, b, definitions[held] ?? {}, shortName(held), path);
    } else if (Array.isArray(a) && Array.isArray(b) && a.length === b.length) {
      a.forEach((item, i) => {
        compare(item, b[i], schema.items ?? {}, owner, `${path}[${i}]`);
      });
    } else if (isObject(a) && isObject(b)) {
      for (const field of new Set([...Object.keys(a), ...Object.keys(b)])) {
        const at = path === '' ? field : `${path}.${field}`;
        if (!(field in a)) found.push({ path: at, owner, field, after: b[field] });
        else if (!(field in b)) found.push({ path: at, owner, field, before: a[field] });
        else compare(a[field], b[field], schema.properties?.[field] ?? schema.additionalProperties ?? {}, owner, at);
      }
    } else if (!isDeepStrictEqual(a, b)) {
      found.push({ path, owner, field: path.split('.').pop() ?? '', before: a, after: b });
    }
  };
  const definition = creatable(minor).get(`${before.apiVersion}/${before.kind}`) ?? '';
  compare(before, after, { $ref: `#/definitions/${definition}` }, '', '');
  return found;
}

/** Whether a version's document has a field in any definition of this short name. */
export function isPublished(minor: number, owner: string, field: string): boolean {
  return Object.entries(publishedDocument(minor).definitions).some(
    ([name, { properties }]) => shortName(name) === owner && properties !== undefined && field in properties,
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
