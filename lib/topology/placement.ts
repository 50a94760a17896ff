/** What one cluster may get of a workload's replicas. */
export interface Share {
  /** Replicas that it gets before anything is shared out; a whole number. */
  readonly minimum: number;
  /** The most that it gets; a whole number, or Infinity. */
  readonly maximum: number;
  /** Its part of what is shared out beyond the minimums, relative to the other weights; a whole number. */
  readonly weight: number;
}

/** How replicas were shared out. */
export interface Split {
  /** Replicas of each share, in the order of the shares. */
  readonly replicas: readonly number[];
  /** What found no place: every share with a weight is at its maximum. Below 0: what the minimums exceed. */
  readonly left: number;
}

/**
 * Shares replicas out; of none, nobody gets any. First every minimum, then the rest by weight and by largest remainder, up
 * to each maximum. Of equal remainders the earlier share has the better right, so that the same shares give the same split.
 */
export function split(replicas: number, shares: readonly Share[]): Split {
  if (replicas === 0) return { replicas: shares.map(() => 0), left: 0 };
  const given = shares.map(({ minimum, maximum }) => Math.min(minimum, maximum));
  let left = replicas - given.reduce((sum, n) => sum + n, 0);
  let open = shares.map((_, i) => i).filter((i) => weightOf(shares, i) > 0);
  while (left > 0 && open.length > 0) {
    const total = open.reduce((sum, i) => sum + weightOf(shares, i), 0);
    // Whoever would get its maximum or more gets just that; the others share what this leaves, and are asked again.
    const full = open.filter((i) => left * weightOf(shares, i) >= room(shares, given, i) * total);
    if (full.length === 0) {
      shareOut(left, open, shares, given, total);
      return { replicas: given, left: 0 };
    }
    for (const i of full) {
      left -= room(shares, given, i);
      given[i] = shares[i]?.maximum ?? 0;
    }
    open = open.filter((i) => !full.includes(i));
  }
  return { replicas: given, left };
}

function weightOf(shares: readonly Share[], i: number): number {
  return shares[i]?.weight ?? 0;
}

/** How many more a share may get. */
function room(shares: readonly Share[], given: readonly number[], i: number): number {
  return (shares[i]?.maximum ?? 0) - (given[i] ?? 0);
}

/** Largest remainder among shares that all stay below their maximum. In whole numbers, so that nothing is rounded. */
function shareOut(
  left: number,
  open: readonly number[],
  shares: readonly Share[],
  given: number[],
  total: number,
): void {
  const parts = open.map((i) => {
    const product = left * weightOf(shares, i);
    return { i, whole: Math.floor(product / total), remainder: product % total };
  });
  let rest = left - parts.reduce((sum, { whole }) => sum + whole, 0);
  for (const { i, whole } of [...parts].sort((a, b) => b.remainder - a.remainder || a.i - b.i)) {
    given[i] = (given[i] ?? 0) + whole + (rest > 0 ? 1 : 0);
    rest -= 1;
  }
}
