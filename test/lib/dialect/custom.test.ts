import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import { fromYaml } from '../../../lib/yaml';
import { guideProps, Rendered, ROOT } from '../../support/guide';

interface Definition {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly {
      readonly name: string;
      readonly schema: { readonly openAPIV3Schema: { readonly properties: Record<string, object> } };
    }[];
  };
}

const definition = fromYaml(
  readFileSync(join(ROOT, 'imports/crds/etcdclusters.etcd.database.coreos.com.yaml'), 'utf8'),
) as Definition;

/** The definition's schema with every field refused that it does not name, on top of what all objects have. */
function validator(): (object: unknown) => boolean {
  const [version] = definition.spec.versions;
  const ajv = new Ajv({ strict: false });
  const closed = (schema: Record<string, unknown>): Record<string, unknown> => ({
    ...schema,
    ...(typeof schema.properties === 'object' &&
      schema.properties !== null && {
        additionalProperties: false,
        properties: Object.fromEntries(
          Object.entries(schema.properties).map(([name, held]) => [name, closed(held as Record<string, unknown>)]),
        ),
      }),
  });
  const schema = closed(version?.schema.openAPIV3Schema ?? {});
  const properties = {
    ...(schema.properties as Record<string, unknown>),
    apiVersion: { const: `${definition.spec.group}/${version?.name ?? ''}` },
    kind: { const: definition.spec.names.kind },
    metadata: { type: 'object', required: ['name', 'namespace'] },
  };
  const validate = ajv.compile({ ...schema, properties, required: ['apiVersion', 'kind', 'spec'] });
  return (object) => validate(object);
}

describe('objects whose definition is in imports/crds', () => {
  const rendered = Rendered.of(guideProps());
  const isCustom = ({ apiVersion }: { apiVersion: string }): boolean => apiVersion.startsWith(definition.spec.group);

  test('are accepted by it, and there is one', () => {
    const accepts = validator();
    const objects = rendered.bundles().flatMap((bundle) => rendered.objects(bundle).map(({ object }) => object));
    const custom = objects.filter(isCustom);
    expect(custom.map(({ kind, metadata }) => `${kind} ${metadata.name ?? ''}`)).toEqual(['EtcdCluster etcd-cluster']);
    for (const object of custom) expect(accepts(object)).toBe(true);
  });

  test('are refused by it with a field that it does not have, or a value that it does not allow', () => {
    const accepts = validator();
    const object = rendered.object('fcp', 'EtcdCluster', 'etcd-cluster');
    expect(accepts({ ...object, spec: { size: 3, sise: 3 } })).toBe(false);
    expect(accepts({ ...object, spec: { size: 9 } })).toBe(false);
    expect(accepts({ ...object, spec: { version: '3.1.8' } })).toBe(false);
  });

  test('pass unlowered whatever version the cluster has', () => {
    const of = (version: string): unknown =>
      Rendered.of(
        guideProps({ clusters: guideProps().clusters.map((c) => ({ ...c, kubernetesVersion: version })) }),
      ).object('fcp', 'EtcdCluster', 'etcd-cluster');
    expect(of('1.15.0')).toEqual(of('1.7.3'));
  });
});
