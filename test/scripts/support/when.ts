import { CallRecord } from '../../stand-ins/types';
import { World } from '../../stand-ins/world';

/** Resolves when something holds; looks again all the while. The test's own limit ends it. */
export async function until<T>(look: () => T | undefined | false): Promise<T> {
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Resolves when a program is running whose arguments match. */
export function running(world: World, match: RegExp): Promise<CallRecord> {
  return until(() => world.calls.find(({ argv, endedAt }) => endedAt === undefined && match.test(argv.join(' '))));
}
