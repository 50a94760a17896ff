import { dialectSchema, ownerAndField, SWITCHED_ON } from '../../../scripts/dialect-schema';
import { BASE_MINOR, DialectSchema } from '../../../lib/dialect/types';
import schemaJson from '../../../lib/dialect/schema.json';
import { creatable, publishedDocument, PUBLISHED_MINORS } from '../../support/openapi';

const schema: DialectSchema = schemaJson;

const isServed = (kind: string, minor: number): boolean => {
  const entry = schema.kinds[kind];
  return entry !== undefined && entry.since <= minor && minor <= (entry.until ?? Infinity);
};

/** The kinds of a version's document that are objects of their own: no alpha, and none that is an action on another. */
function publishedKinds(minor: number): Map<string, string> {
  const actions = ['Binding', 'DeploymentRollback', 'Eviction'];
  return new Map(
    [...creatable(minor)].filter(
      ([kind, definition]) => !/alpha/.test(definition) && !actions.some((action) => kind.endsWith(`/${action}`)),
    ),
  );
}

/**
 * Whether the newest document describes a definition without fields: what older ones say of such a one is how the server
 * keeps it, never what is sent.
 */
function isValue(definition: string): boolean {
  const newest = publishedDocument(Math.max(...PUBLISHED_MINORS)).definitions[definition];
  return newest !== undefined && newest.properties === undefined && newest.$ref === undefined;
}

test('a field of an alpha feature is known from where the server acts on it', () => {
  for (const [path, on] of Object.entries(SWITCHED_ON)) {
    const [type, field] = ownerAndField(path);
    expect([path, schema.types[type]?.[field]?.since]).toEqual([path, on]);
  }
});

test('schema.json is what `npm run dialect` makes', () => {
  expect(dialectSchema()).toEqual(schemaJson);
});

describe.each(PUBLISHED_MINORS)('the schema and the published document of 1.%d', (minor) => {
  test('have the same kinds', () => {
    const missing = [...publishedKinds(minor).keys()].filter((kind) => !isServed(kind, minor));
    expect(missing).toEqual([]);
    // What extension servers serve is not in every document, and some kinds are answers or actions, never created.
    const elsewhere =
      /^(apiextensions|apiregistration)\.k8s\.io\/|Review$|\/(Eviction|Scale)$|^v1\/(Binding|ComponentStatus|Status)$/;
    const invented = Object.keys(schema.kinds).filter(
      (kind) => isServed(kind, minor) && !publishedKinds(minor).has(kind) && !elsewhere.test(kind),
    );
    expect(invented).toEqual([]);
  });

  test('have the same kinds in namespaces', () => {
    const inNamespaces = new Set<string>();
    for (const [path, { post }] of Object.entries(publishedDocument(minor).paths)) {
      const gvk = post?.['x-kubernetes-group-version-kind'];
      if (gvk === undefined || !/\/namespaces\/\{namespace\}\/[a-z]+$/.test(path)) continue;
      inNamespaces.add([gvk.group, gvk.version, gvk.kind].filter((part) => part !== '').join('/'));
    }
    for (const kind of publishedKinds(minor).keys()) {
      expect([kind, schema.kinds[kind]?.namespaced ?? false]).toEqual([kind, inNamespaces.has(kind)]);
    }
  });

  test('have the same fields of everything that those kinds hold', () => {
    const { definitions } = publishedDocument(minor);
    const differences: string[] = [];
    const seen = new Set<string>();
    const compare = (definition: string, type: string): void => {
      if (seen.has(`${definition} ${type}`)) return;
      seen.add(`${definition} ${type}`);
      const properties = definitions[definition]?.properties ?? {};
      const fields = schema.types[type] ?? {};
      for (const [field, { since = BASE_MINOR, until = Infinity }] of Object.entries(fields)) {
        const known = since <= minor && minor <= until;
        if (known && !(field in properties)) differences.push(`${type}.${field} is not published`);
        // Published, but off: the server drops it.
        const isOff = minor < (SWITCHED_ON[`${type}.${field}`] ?? 0);
        if (!known && field in properties && !isOff) differences.push(`${type}.${field} is published, but not known`);
      }
      for (const [field, property] of Object.entries(properties)) {
        if (!(field in fields)) differences.push(`${type}.${field} is missing`);
        const inner = property.items ?? property.additionalProperties ?? property;
        const reference = inner.$ref?.replace('#/definitions/', '');
        const entry = fields[field];
        const held = entry?.earlier?.find((earlier) => minor <= earlier.until)?.type ?? entry?.type;
        if (reference === undefined) continue;
        if (definitions[reference]?.properties === undefined || isValue(reference)) continue;
        if (held === undefined) differences.push(`${type}.${field} is not looked into`);
        else compare(reference, held);
      }
    };
    for (const [kind, definition] of publishedKinds(minor)) compare(definition, schema.kinds[kind]?.type ?? '');
    expect(seen.size).toBeGreaterThan(100);
    expect(differences).toEqual([]);
  });
});
