/** One World for all tests of a block, brought back to its first state before each of them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Snapshot } from '../../stand-ins/world';
import { StartedFederation, startFederation, StartOptions } from './cli';

// A run has its own limits; this one only ends a test whose run has none where it should.
jest.setTimeout(60_000);

export interface SharedFederation {
  /** The federation; there from the first test on. */
  readonly current: StartedFederation;
}

/**
 * Starts a World before the first test of a block and closes it after the last. Before each test it is as it was at
 * first: no faults, no log, the plan as
 * rendered, nothing of what the test before has done.
 *
 * @param options.applied the first state is that after a whole apply
 */
export function sharedFederation(options: StartOptions & { readonly applied?: boolean } = {}): SharedFederation {
  let current: StartedFederation | undefined;
  let first: { readonly snapshot: Snapshot; readonly plan: string } | undefined;
  const started = (): StartedFederation => {
    if (!current) throw new Error('the World is there from the first test on');
    return current;
  };
  beforeAll(async () => {
    current = await startFederation(options);
    if (options.applied) await mustApply(current);
    first = { snapshot: current.world.snapshot(), plan: readFileSync(join(current.dist, 'plan.yaml'), 'utf8') };
  });
  beforeEach(async () => {
    const { world, dist } = started();
    world.clearFaults();
    if (first) {
      await world.restore(first.snapshot);
      writeFileSync(join(dist, 'plan.yaml'), first.plan);
    }
    world.clearLog();
  });
  afterAll(() => current?.close());
  return {
    get current() {
      return started();
    },
  };
}

/** A whole apply, which has to end well. */
export async function mustApply(federation: StartedFederation): Promise<void> {
  const { code, output } = await federation.cli(['apply', '--yes']);
  if (code !== 0) throw new Error(`apply ended with ${String(code)}:\n${output}`);
}
