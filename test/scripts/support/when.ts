import { CallRecord } from '../../stand-ins/types';
import { World } from '../../stand-ins/world';

/** Less than a test may take, so that a failure says what did not come about. */
const LIMIT_MS = 600_000;

/** Resolves when something holds; looks again all the while. */
export async function until<T>(look: () => T | undefined | false): Promise<T> {
  for (const end = Date.now() + LIMIT_MS; Date.now() < end;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`it did not come about: ${look.toString()}`);
}

/** Resolves when a program is running whose arguments match. */
export function running(world: World, match: RegExp): Promise<CallRecord> {
  return until(() => world.calls.find(({ argv, endedAt }) => endedAt === undefined && match.test(argv.join(' '))));
}
