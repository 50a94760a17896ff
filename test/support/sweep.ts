/** Whether this run takes every case of the sweeps: `npm run test:sweeps` does. */
export const ALL_CASES = process.env.SWEEPS === 'all';

/** The cases of a sweep that this run takes: all of them in `npm run test:sweeps`, the first one in `npm test`. */
export function swept<Case>(cases: readonly Case[]): readonly Case[] {
  return ALL_CASES ? cases : cases.slice(0, 1);
}
