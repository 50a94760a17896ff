import fc from '../../support/fast-check';
import { Share, split } from '../../../lib/topology/placement';
import { sharesOf } from '../../../lib/topology/spread';

const even = (n: number): Share[] => Array.from({ length: n }, () => ({ minimum: 0, maximum: Infinity, weight: 1 }));

const share: fc.Arbitrary<Share> = fc
  .record({
    minimum: fc.nat(20),
    more: fc.oneof(fc.nat(40), fc.constant(Infinity)),
    weight: fc.oneof(fc.constant(0), fc.nat(10), fc.nat(1_000_000)),
  })
  .map(({ minimum, more, weight }) => ({ minimum, maximum: minimum + more, weight }));
const shares = fc.array(share, { minLength: 1, maxLength: 12 });
const some = fc.integer({ min: 1, max: 2000 });
const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

describe('replicas are split', () => {
  it.each([
    [12, even(3), [4, 4, 4]],
    [13, even(3), [5, 4, 4]],
    [2, even(3), [1, 1, 0]],
    [0, even(2), [0, 0]],
    [
      10,
      [
        { minimum: 0, maximum: Infinity, weight: 3 },
        { minimum: 0, maximum: Infinity, weight: 1 },
      ],
      [8, 2],
    ],
    [
      12,
      [
        { minimum: 0, maximum: 2, weight: 1 },
        { minimum: 3, maximum: Infinity, weight: 1 },
        { minimum: 0, maximum: Infinity, weight: 0 },
      ],
      [2, 10, 0],
    ],
  ])('%i over %j', (replicas, over, expected) => {
    expect(split(replicas, over)).toEqual({ replicas: expected, left: 0 });
  });

  it('of none nobody gets any, whatever its minimum: the workload is switched off', () => {
    fc.assert(
      fc.property(shares, (all) => {
        expect(split(0, all)).toEqual({ replicas: all.map(() => 0), left: 0 });
      }),
    );
  });

  it('nothing is lost, made up or beyond a bound', () => {
    fc.assert(
      fc.property(some, shares, (replicas, all) => {
        const { replicas: given, left } = split(replicas, all);
        expect(sum(given) + left).toBe(replicas);
        all.forEach(({ minimum, maximum }, i) => {
          expect(given[i]).toBeGreaterThanOrEqual(minimum);
          expect(given[i]).toBeLessThanOrEqual(maximum);
        });
      }),
    );
  });

  it('something is left only where every share with a weight is full', () => {
    fc.assert(
      fc.property(fc.nat(2000), shares, (replicas, all) => {
        const { replicas: given, left } = split(replicas, all);
        const open = all.filter(({ maximum, weight }, i) => weight > 0 && (given[i] ?? 0) < maximum);
        if (left > 0) expect(open).toEqual([]);
      }),
    );
  });

  it('who is not full has its part to less than one replica', () => {
    fc.assert(
      fc.property(some, shares, (replicas, all) => {
        const { replicas: given, left } = split(replicas, all);
        fc.pre(left >= 0);
        const open = all.flatMap(({ maximum, minimum, weight }, i) =>
          weight > 0 && (given[i] ?? 0) < maximum ? [{ weight, got: (given[i] ?? 0) - minimum }] : [],
        );
        const total = sum(open.map(({ weight }) => weight));
        const shared = sum(open.map(({ got }) => got));
        for (const { weight, got } of open) expect(Math.abs(got - (shared * weight) / total)).toBeLessThan(1.000001);
      }),
    );
  });

  it('the same shares give the same split, and equal shares differ by one at most', () => {
    fc.assert(
      fc.property(fc.nat(5000), fc.integer({ min: 1, max: 50 }), (replicas, n) => {
        const { replicas: given } = split(replicas, even(n));
        expect(split(replicas, even(n)).replicas).toEqual(given);
        expect(Math.max(...given) - Math.min(...given)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

it('a placement names clusters, * the others, and who is not named gets nothing', () => {
  const clusters = { fcp: { weight: 2 }, constructor: { minReplicas: 1 } };
  expect(sharesOf({ clusters }, ['fcp', 'constructor', 'usa'])).toEqual([
    { minimum: 0, maximum: Infinity, weight: 2 },
    { minimum: 1, maximum: Infinity, weight: 0 },
    { minimum: 0, maximum: 0, weight: 0 },
  ]);
  expect(sharesOf({ clusters: { '*': { weight: 1, maxReplicas: 3 } } }, ['usa'])).toEqual([
    { minimum: 0, maximum: 3, weight: 1 },
  ]);
});
