import { bulkhead } from 'cockatiel';
import { Run } from './program';

/** Starts at most so many programs at the same time; the others wait for their turn, in order. */
export function limited(run: Run, most: number): Run {
  const policy = bulkhead(most, Infinity);
  return (command, options) => policy.execute(() => run(command, options));
}
