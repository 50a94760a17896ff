import fc from './fast-check';
import { Manifest } from '../../lib/dialect/dialect';
import { shortName, SWITCHED_ON } from '../../scripts/dialect-schema';
import { creatable, OpenApiSchema, publishedDocument } from './openapi';

/** How deep fields are chosen at random; below, only what is required is there. */
const DEPTH = 8;

/** Texts among which are those that some fields give a meaning to. */
const TEXT = fc.constantFrom('a', 'web', 'Always', 'None', 'Default', 'NonIndexed', 'RollingUpdate', 'OnDelete', '');
const KEY = fc.constantFrom('app', 'setHostnameAsFQDN', 'example.com/x', 'type');

/** Random objects of the kinds that Kubernetes 1.`minor` lets a client create, by its published document. */
export function randomObject(minor: number): fc.Arbitrary<Manifest> {
  const { definitions } = publishedDocument(minor);

  const value = (name: string, schema: OpenApiSchema, depth: number): fc.Arbitrary<unknown> => {
    if (schema.$ref !== undefined) {
      const held = schema.$ref.replace('#/definitions/', '');
      return value(held, definitions[held] ?? {}, depth);
    }
    if (name.endsWith('.api.resource.Quantity')) return fc.constantFrom('1', '200m', '1.5Gi');
    if (schema.format === 'int-or-string') return fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constant('25%'));
    if (schema.format === 'date-time') return fc.constant('2017-08-01T00:00:00Z');
    if (schema.format === 'byte') return fc.constant('YQ==');
    if (schema.properties !== undefined) return fields(name, schema, depth);
    if (schema.type === 'array')
      return fc.array(value('', schema.items ?? {}, depth), { maxLength: depth > 0 ? 2 : 1 });
    if (schema.additionalProperties) {
      return fc.dictionary(KEY, value('', schema.additionalProperties, depth), { maxKeys: 2 });
    }
    if (schema.type === 'boolean') return fc.boolean();
    if (schema.type === 'integer' || schema.type === 'number') return fc.integer({ min: 0, max: 9 });
    return TEXT;
  };

  /** Whether the server acts on a field: one of an alpha feature is dropped, and nobody may rely on it. */
  const isOn = (owner: string, field: string): boolean => (SWITCHED_ON[`${shortName(owner)}.${field}`] ?? 0) <= minor;

  const fields = (
    owner: string,
    { properties = {}, required = [] }: OpenApiSchema,
    depth: number,
  ): fc.Arbitrary<object> => {
    const optional = Object.keys(properties).filter(
      (field) => !required.includes(field) && field !== 'status' && isOn(owner, field),
    );
    const choice = depth > 0 ? optional : [];
    return fc
      .subarray(choice, { maxLength: Math.min(4, choice.length) })
      .chain((chosen) =>
        fc.record(
          Object.fromEntries(
            [...required, ...chosen].map((field) => [field, value('', properties[field] ?? {}, depth - 1)]),
          ),
        ),
      );
  };

  const kinds = [...creatable(minor)].filter(
    // A definition of definitions has no end, and an alpha API is no promise of any version.
    ([kind, definition]) =>
      !/alpha|\.apiextensions\./.test(definition) && !/\/(Binding|Eviction|DeploymentRollback)$/.test(kind),
  );
  // The kinds in whose API versions defaults differ are the most telling ones.
  const workloads = kinds.filter(([kind]) => /\/(Deployment|DaemonSet|StatefulSet)$/.test(kind));
  return fc.oneof(fc.constantFrom(...kinds), fc.constantFrom(...workloads)).chain(([name, definition]) => {
    const [kind = '', ...apiVersion] = name.split('/').reverse();
    const { properties = {}, required = [] } = definitions[definition] ?? {};
    const parts = Object.keys(properties).filter(
      (part) => !['apiVersion', 'kind', 'metadata', 'status'].includes(part) && isOn(definition, part),
    );
    return fc
      .record(
        Object.fromEntries(parts.map((part) => [part, value('', properties[part] ?? {}, DEPTH)])),
        // Nearly all that can differ is in the spec: where there is one, it is always there.
        { requiredKeys: parts.filter((part) => part === 'spec' || required.includes(part)) },
      )
      .map((body) => ({ apiVersion: apiVersion.reverse().join('/'), kind, metadata: { name: 'x' }, ...body }));
  });
}
