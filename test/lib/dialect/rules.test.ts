import { DialectError, lower, Manifest } from '../../../lib/dialect/dialect';
import { DEFAULTS, NO_OPS, SAME_SHAPE } from '../../../lib/dialect/rules';
import { BASE_MINOR, DialectSchema } from '../../../lib/dialect/types';
import schemaJson from '../../../lib/dialect/schema.json';

const schema: DialectSchema = schemaJson;

interface Place {
  readonly apiVersion: string;
  readonly kind: string;
  /** The fields that lead from the object to what holds the type, none where the object itself has it. */
  readonly path: readonly string[];
}

/** Where a type is first found on the way down from the kinds that a version serves. */
function placeOf(type: string, minor: number): Place | undefined {
  const served = Object.entries(schema.kinds).filter(
    ([, { since, until = Infinity }]) => since <= minor && minor <= until,
  );
  let level = served.map(([name, entry]) => {
    const [kind = '', ...apiVersion] = name.split('/').reverse();
    const place: Place = { apiVersion: apiVersion.reverse().join('/'), kind, path: [] };
    return { type: entry.type, place };
  });
  for (let depth = 0; depth < 8; depth++) {
    const found = level.find((entry) => entry.type === type);
    if (found) return found.place;
    level = level.flatMap(({ type: holder, place }) =>
      Object.entries(schema.types[holder] ?? {})
        .filter(([, field]) => field.type !== undefined && field.map !== true && (field.since ?? BASE_MINOR) <= minor)
        .map(([name, field]) => ({ type: field.type ?? '', place: { ...place, path: [...place.path, name] } })),
    );
  }
  return undefined;
}

/** An object with one value at one place. */
function objectWith({ apiVersion, kind, path }: Place, field: string, value: unknown): Manifest {
  const body = [...path, field].reduceRight<unknown>((held, name) => ({ [name]: held }), value) as object;
  return { apiVersion, kind, metadata: { name: 'x' }, ...body };
}

const cases = Object.entries(NO_OPS).map(([name, values]) => {
  const type = name.slice(0, name.lastIndexOf('.'));
  const field = name.slice(name.lastIndexOf('.') + 1);
  const since = schema.types[type]?.[field]?.since ?? BASE_MINOR;
  return { name, type, field, values, since };
});

describe.each(cases)('the field $name', ({ type, field, values, since }) => {
  const before = since - 1;
  // Where the type came later than the field's absence matters, an older version has it under an older name.
  const older = type.startsWith('apps.v1.') && before < 9 ? type.replace('apps.v1.', 'apps.v1beta1.') : type;
  const place = placeOf(older, before);

  test('is one that came after the oldest version, so that the rule is needed', () => {
    expect(since).toBeGreaterThan(BASE_MINOR);
    expect(place).toBeDefined();
  });

  test.each(values.map((value) => [value]))('is left out before its version where it is %j', (value) => {
    const lowered = lower([objectWith(place as Place, field, value)], { name: 'usa', minor: before })[0];
    expect(JSON.stringify(lowered)).not.toContain(`"${field}"`);
  });

  test('is an error before its version with any other value', () => {
    const object = objectWith(place as Place, field, 'something else');
    expect(() => lower([object], { name: 'usa', minor: before })).toThrow(DialectError);
    expect(() => lower([object], { name: 'usa', minor: before })).toThrow(
      new RegExp(`usa: .*[ .]${field}: .*1\\.${since}`),
    );
  });

  test('stays from its version on', () => {
    const object = objectWith(place as Place, field, values[0]);
    expect(lower([object], { name: 'usa', minor: since })).toEqual([object]);
  });
});

test.each(Object.entries(SAME_SHAPE))(
  'every API version of %s that is said to have the same shape is known',
  (kind, versions) => {
    expect(versions.filter((version) => schema.kinds[`${version}/${kind}`] === undefined)).toEqual([]);
    expect(versions.length).toBeGreaterThan(1);
  },
);

test('every default is told for every API version of its kind', () => {
  for (const { kind, byApiVersion } of DEFAULTS) expect(Object.keys(byApiVersion)).toEqual(SAME_SHAPE[kind]);
});
