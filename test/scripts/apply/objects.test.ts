import fc from '../../support/fast-check';
import { differences, named } from '../../../scripts/apply/objects';
import { ours } from './support';

/** A container's `resources`, with one quantity. */
const limits = (memory: unknown): object => ({ resources: { limits: { memory } } });

describe('named', () => {
  it('names an object and a reference to it alike', () => {
    expect(named(ours('Deployment', 'web'))).toBe('Deployment default/web');
    expect(named({ kind: 'Deployment', namespace: 'default', name: 'web' })).toBe('Deployment default/web');
    expect(named({ kind: 'Node', name: 'usa-1' })).toBe('Node usa-1');
  });
});

describe('differences', () => {
  it('names each field that is not as declared, and no other', () => {
    expect(
      differences(
        { spec: { replicas: 2, paused: true, template: { image: 'web:1' } }, data: { a: '1' } },
        { spec: { replicas: 3, paused: true, template: { image: 'web:2' } }, data: { a: '1', b: '2' } },
      ),
    ).toEqual(['spec.replicas', 'spec.template.image']);
  });

  it.each([
    ['a field that is missing', { spec: { type: 'NodePort' } }, { spec: {} }, ['spec.type']],
    ['a whole part that is missing', { spec: { type: 'NodePort' } }, {}, ['spec']],
    ['a map that is a text', { spec: { type: 'NodePort' } }, { spec: 'NodePort' }, ['spec']],
    ['a map that is a list', { spec: { type: 'NodePort' } }, { spec: ['NodePort'] }, ['spec.type']],
    ['a list that is a map', { args: ['a'] }, { args: { 0: 'a' } }, ['args']],
    ['a list that is missing', { args: ['a'] }, {}, ['args']],
    ['a number that is another', { replicas: 1 }, { replicas: 2 }, ['replicas']],
    ['a switch that is another', { paused: true }, { paused: false }, ['paused']],
    ['a switch that is missing', { paused: true }, {}, ['paused']],
    ['something instead of nothing', { replicas: 0 }, { replicas: 3 }, ['replicas']],
    ['something instead of an empty text', { clusterIP: '' }, { clusterIP: 'None' }, ['clusterIP']],
    ['something instead of an empty list', { args: [] }, { args: ['a'] }, ['args']],
  ])('finds %s', (_, declared, live, expected) => {
    expect(differences(declared, live)).toEqual(expected);
  });

  it('takes nothing for a difference that only the live object has', () => {
    expect(
      differences(
        { metadata: { name: 'web', labels: { app: 'web' } }, spec: { ports: [{ name: 'http', port: 80 }] } },
        {
          metadata: { name: 'web', uid: '1', resourceVersion: '7', labels: { app: 'web', theirs: 'x' } },
          spec: { clusterIP: '10.0.0.7', ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 80 }] },
          status: { loadBalancer: {} },
        },
      ),
    ).toEqual([]);
  });

  it.each([
    ['nothing', null],
    ['an empty text', ''],
    ['an empty list', []],
    ['an empty map', {}],
    ['zero', 0],
    ['a switch that is off', false],
    ['a map of empties', { a: {}, b: [], c: '' }],
  ])('takes %s for what the server leaves out', (_, empty) => {
    expect(differences({ field: empty }, {})).toEqual([]);
    expect(differences({ field: empty }, { field: null })).toEqual([]);
    expect(differences({ field: empty }, { field: empty })).toEqual([]);
    expect(differences({ field: empty }, { field: 'something' })).toEqual(
      expect.arrayContaining([expect.stringMatching(/^field/)]),
    );
  });
});

describe('quantities', () => {
  it.each([
    ['200m', '0.2'],
    ['0.5', '500m'],
    ['1000m', '1'],
    [1, '1'],
    [1, '1000m'],
    ['1.5Gi', '1536Mi'],
    ['1024Ki', '1Mi'],
    ['1k', '1000'],
    ['2000M', '2G'],
    ['1Ti', '1024Gi'],
    ['0', 0],
    ['1.0', '1'],
  ])('%s is %s', (declared, live) => {
    expect(differences(limits(declared), limits(live))).toEqual([]);
    expect(differences(limits(live), limits(declared))).toEqual([]);
  });

  it.each([
    ['200m', '200'],
    ['200m', '0.3'],
    ['1G', '1Gi'],
    ['1M', '1m'],
    ['1Gi', '1'],
    ['1Xi', '1Yi'],
    ['1', undefined],
    ['1', true],
  ])('%s is not %s', (declared, live) => {
    expect(differences(limits(declared), limits(live))).toEqual(['resources.limits.memory']);
  });

  // Both come to a number by a multiplication that rounds: 350 × 0.001 is not 0.35.
  it.each([
    ['0.35', '350m'],
    ['0.7', '700m'],
    ['1.4', '1400m'],
  ])('%s is %s, as every API server writes it', (declared, live) => {
    expect(differences(limits(declared), limits(live))).toEqual([]);
  });

  // Labels, environment variables and a ConfigMap's data are texts, whatever they look like.
  it.each([
    ['a label', { metadata: { labels: { version: '1.10' } } }, { metadata: { labels: { version: '1.1' } } }],
    ['a variable', { env: [{ name: 'LIMIT', value: '1000' }] }, { env: [{ name: 'LIMIT', value: '1k' }] }],
    ['an entry of a ConfigMap', { data: { ttl: '60' } }, { data: { ttl: '60.0' } }],
  ])('are not looked for in %s', (_, declared, live) => {
    expect(differences(declared, live)).not.toEqual([]);
  });

  // Names of resources have dots and slashes, and LimitRange has quantities below other fields.
  it.each([
    ['a device', { limits: { 'nvidia.com/gpu': 1 } }, { limits: { 'nvidia.com/gpu': '1' } }],
    ['a quota of objects', { hard: { 'count/deployments.apps': 5 } }, { hard: { 'count/deployments.apps': '5' } }],
    ['a default of a LimitRange', { limits: [{ default: { cpu: 1 } }] }, { limits: [{ default: { cpu: '1' } }] }],
  ])('are those of %s as well', (_, declared, live) => {
    expect(differences(declared, live)).toEqual([]);
  });
});

describe('what is true unless it is said to be false', () => {
  it.each(['automountServiceAccountToken', 'allowPrivilegeEscalation'])(
    'differs where nothing is said: %s',
    (field) => {
      expect(differences({ kind: 'x', [field]: false }, { kind: 'x' })).toEqual([field]);
      expect(differences({ [field]: false }, { [field]: false })).toEqual([]);
      expect(differences({ [field]: false }, { [field]: true })).toEqual([field]);
      expect(differences({ hostNetwork: false }, {})).toEqual([]);
    },
  );
});

describe('lists', () => {
  it('are compared by their items’ names, in whatever order and with whatever else', () => {
    expect(
      differences(
        {
          env: [
            { name: 'A', value: 'a' },
            { name: 'B', value: 'b' },
          ],
        },
        {
          env: [
            { name: 'C', value: 'c' },
            { name: 'B', value: 'b' },
            { name: 'A', value: 'a' },
          ],
        },
      ),
    ).toEqual([]);
  });

  it.each([
    [
      'a name',
      {
        env: [
          { name: 'A', value: 'a' },
          { name: 'B', value: 'b' },
        ],
      },
      {
        env: [
          { name: 'B', value: 'x' },
          { name: 'A', value: 'a' },
        ],
      },
      ['env[B].value'],
    ],
    ['a name that is missing', { env: [{ name: 'A', value: 'a' }] }, { env: [{ name: 'B', value: 'a' }] }, ['env[A]']],
    [
      'a port and its protocol',
      {
        ports: [
          { containerPort: 53, protocol: 'UDP', hostPort: 53 },
          { containerPort: 53, protocol: 'TCP' },
        ],
      },
      {
        ports: [
          { containerPort: 53, protocol: 'TCP' },
          { containerPort: 53, protocol: 'UDP', hostPort: 54 },
        ],
      },
      ['ports[53/UDP].hostPort'],
    ],
    [
      'a path',
      { mounts: [{ mountPath: '/a', readOnly: true }] },
      { mounts: [{ mountPath: '/b' }, { mountPath: '/a' }] },
      ['mounts[/a].readOnly'],
    ],
    [
      'an address',
      { hostAliases: [{ ip: '10.0.0.1', hostnames: ['a'] }] },
      { hostAliases: [{ ip: '10.0.0.1', hostnames: ['b'] }] },
      ['hostAliases[10.0.0.1].hostnames[0]'],
    ],
  ])('say of which item a field differs: %s', (_, declared, live, expected) => {
    expect(differences(declared, live)).toEqual(expected);
  });

  it.each([
    ['another order', ['a', 'b'], ['b', 'a'], ['args[0]', 'args[1]']],
    ['one too few', ['a', 'b'], ['a'], ['args']],
    ['one too many', ['a'], ['a', 'b'], ['args']],
  ])('of plain items are compared item by item: %s', (_, declared, live, expected) => {
    expect(differences({ args: declared }, { args: live })).toEqual(expected);
  });

  it('whose items have not all a name are compared item by item', () => {
    const declared = [{ name: 'a' }, { port: 80 }];
    expect(differences({ list: declared }, { list: [...declared].reverse() })).toEqual([
      'list[0].name',
      'list[1].port',
    ]);
  });

  // Each item is compared with the first that has its name.
  it.each([
    [
      'one volume mounted twice',
      'volumeMounts',
      [
        { name: 'data', mountPath: '/a' },
        { name: 'data', mountPath: '/b' },
      ],
    ],
    [
      'ServiceAccounts of one name',
      'subjects',
      [
        { kind: 'ServiceAccount', name: 'default', namespace: 'a' },
        { kind: 'ServiceAccount', name: 'default', namespace: 'b' },
      ],
    ],
  ])('have no difference with themselves though a name is there twice: %s', (_, field, list) => {
    expect(differences({ [field]: list }, { [field]: list })).toEqual([]);
  });

  // `ingress: [{}]` of a NetworkPolicy lets everything in, no `ingress` nothing; no server leaves it out.
  it('of one empty item are not taken for an empty list', () => {
    expect(differences({ ingress: [{}] }, {})).toEqual(['ingress']);
  });
});

interface Pair {
  readonly declared: unknown;
  readonly live: unknown;
}

/** What is declared, and what a server may have made of it without a difference. */
const pairs = ((): fc.Arbitrary<Pair> => {
  const key = fc.stringMatching(/^[a-z]{2,5}$/).filter((text) => !['name', 'ip'].includes(text));
  const same = fc
    .oneof(fc.stringMatching(/^[a-z/:.]{0,8}$/), fc.integer(), fc.boolean())
    .map((value) => ({ declared: value, live: value }));
  const quantity = fc.constantFrom(['200m', '0.2'], ['1Gi', '1024Mi'], [2, '2'], ['2000', '2k']);
  const written = quantity.map(([declared, live]) => ({
    declared: { limits: { cpu: declared } },
    live: { limits: { cpu: live } },
  }));
  const empty = fc
    .constantFrom('', 0, false, null, [], {})
    .chain((declared) => fc.constantFrom(declared, undefined, null).map((live) => ({ declared, live })));
  const { any } = fc.letrec<{ any: Pair; map: { declared: object; live: object } }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      fc.oneof(same, written, empty),
      tie('map'),
      lists(tie('any')),
      namedLists(tie('map')),
    ),
    map: fc
      .tuple(
        fc.dictionary(key, tie('any'), { maxKeys: 4 }),
        fc.dictionary(fc.stringMatching(/^x-[a-z]{1,3}$/), same, { maxKeys: 2 }),
      )
      .map(([fields, extra]) => ({
        declared: Object.fromEntries(Object.entries(fields).map(([name, { declared }]) => [name, declared])),
        live: {
          ...Object.fromEntries(Object.entries(extra).map(([name, { live }]) => [name, live])),
          ...Object.fromEntries(Object.entries(fields).map(([name, { live }]) => [name, live])),
        },
      })),
  }));
  return any;

  /** Lists without names: as long as they are declared, in the same order. */
  function lists(item: fc.Arbitrary<Pair>): fc.Arbitrary<Pair> {
    return fc
      .array(item, { maxLength: 3 })
      .map((items) => ({ declared: items.map(({ declared }) => declared), live: items.map(({ live }) => live) }));
  }

  /** Lists with names: in another order, and with items of the server's own. */
  function namedLists(item: fc.Arbitrary<{ declared: object; live: object }>): fc.Arbitrary<Pair> {
    const items = fc.array(fc.tuple(item, fc.boolean()), { minLength: 1, maxLength: 3 });
    return items.chain((all) => {
      const list = all.map(([{ declared, live }, isTheirs], i) => ({
        declared: isTheirs ? [] : [{ ...declared, name: `n${i}` }],
        live: { ...live, name: `n${i}` },
      }));
      return fc.shuffledSubarray(list, { minLength: list.length }).map((shuffled) => ({
        declared: list.flatMap(({ declared }) => declared),
        live: list.some(({ declared }) => declared.length > 0) ? shuffled.map(({ live }) => live) : [],
      }));
    });
  }
})();

/** Every place in a value that holds no further ones. */
function leaves(value: unknown, path: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, inner]) =>
    leaves(inner, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}

/** A copy with another value in one place. */
function replaced(value: unknown, [key, ...rest]: readonly (string | number)[], by: unknown): unknown {
  if (key === undefined) return by;
  if (Array.isArray(value))
    return value.map((item: unknown, i): unknown => (i === key ? replaced(item, rest, by) : item));
  return { ...Object(value), [key]: replaced((value as Record<string, unknown>)[key], rest, by) };
}

describe('whatever is declared', () => {
  it('has no difference with itself, with what servers write in their way and with what they add', () => {
    fc.assert(
      fc.property(pairs, ({ declared, live }) => {
        expect(differences(declared, declared)).toEqual([]);
        expect(differences(declared, live)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('has a difference with itself where anything is something else', () => {
    fc.assert(
      fc.property(pairs, fc.nat(), ({ declared }, number) => {
        const places = leaves(declared);
        fc.pre(places.length > 0);
        const live = replaced(declared, places[number % places.length] ?? [], 'something else');
        expect(differences(declared, live)).not.toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});
