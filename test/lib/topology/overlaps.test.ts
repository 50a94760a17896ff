import fc from '../../support/fast-check';
import { TopologyError } from '../../../lib';
import { checkTopology } from '../../../lib/topology/check';
import { FederationProps } from '../../../lib/topology/types';
import { manyClusters } from '../../support/guide';

/** A federation with these ranges, one a cluster. */
function withRanges(ranges: readonly string[]): FederationProps {
  const props = manyClusters(ranges.length);
  return { ...props, clusters: props.clusters.map((cluster, i) => ({ ...cluster, addressRange: ranges[i] ?? '' })) };
}

/** The places of the clusters that the message names for an overlap. */
function named(ranges: readonly string[]): number[] {
  try {
    checkTopology(withRanges(ranges));
  } catch (error) {
    if (!(error instanceof TopologyError)) throw error;
    const places = error.findings.flatMap(({ where, problem }) => [
      ...`${where} ${problem}`.matchAll(/clusters\[(\d+)\]/g),
    ]);
    return [...new Set(places.map(([, place]) => Number(place)))].sort((a, b) => a - b);
  }
  return [];
}

/** The model: every pair is compared, address by address. */
function overlapping(ranges: readonly { start: number; prefix: number }[]): number[] {
  const addresses = ranges.map(({ start, prefix }) => {
    const size = 2 ** (32 - prefix);
    const first = Math.floor(start / size) * size;
    return new Set(Array.from({ length: size }, (_, i) => first + i));
  });
  const places = addresses.map((mine, i) =>
    addresses.some((other, j) => i !== j && [...mine].some((value) => other.has(value))) ? i : -1,
  );
  return places.filter((place) => place >= 0);
}

test('every range that overlaps another is named, and no other', () => {
  const range = fc.record({ start: fc.integer({ min: 0, max: 255 }), prefix: fc.integer({ min: 25, max: 30 }) });
  fc.assert(
    fc.property(fc.array(range, { minLength: 1, maxLength: 6 }), (ranges) => {
      const written = ranges.map(({ start, prefix }) => `10.210.1.${start}/${prefix}`);
      expect(named(written)).toEqual(overlapping(ranges));
    }),
    { numRuns: 500 },
  );
});

test('a wide range that begins where a narrow one does is still seen to hold a third', () => {
  expect(named(['10.210.1.0/26', '10.210.1.0/24', '10.210.1.128/26'])).toEqual([0, 1, 2]);
});

test('the later cluster is the one that is wrong', () => {
  const props = withRanges(['10.210.1.128/26', '10.210.2.0/24', '10.210.1.0/24']);
  expect(() => {
    checkTopology(props);
  }).toThrow(
    "clusters[2].addressRange: '10.210.1.0/24' (10.210.1.1 to 10.210.1.254) overlaps clusters[0]'s '10.210.1.128/26'",
  );
});
