/** Whether this run takes every case of the sweeps: `npm run test:sweeps` does. */
export const ALL_CASES = process.env.SWEEPS === 'all';

/** The cases of a sweep that this run takes: all of them in `npm run test:sweeps`, the first one in `npm test`. */
export function swept<Case>(cases: readonly Case[]): readonly Case[] {
  return ALL_CASES ? cases : cases.slice(0, 1);
}

/** A way to write a test, for those that run in `npm run test:sweeps` alone: `npm test` has one like them and skips these. */
export function inSweeps<Rest extends unknown[]>(
  write: (what: string, ...rest: Rest) => void,
): (what: string, ...rest: Rest) => void {
  if (ALL_CASES) return write;
  return (...[what]) => {
    it.skip(what, () => undefined);
  };
}
