/** One World for all tests of a block, brought back to its first state before each of them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Snapshot, World } from '../../stand-ins/world';
import { StartedFederation, startFederation, StartOptions } from './cli';

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

/** A federation for one test that runs beside others, closed after it. */
export async function withFederation(
  options: StartOptions,
  test: (federation: StartedFederation) => Promise<void>,
): Promise<void> {
  const federation = await startFederation(options);
  try {
    await test(federation);
  } finally {
    await federation.close();
  }
}

let measured: Promise<number> | undefined;

/**
 * A limit for steps that are to run into it, in seconds: several times what a whole apply takes here and now, so that each
 * step gets as far as it can before its time is up, on a busy machine too. The plan's own limits are minutes.
 */
export function shortLimit(): Promise<number> {
  measured ??= (async () => {
    const federation = await startFederation();
    try {
      const began = Date.now();
      await mustApply(federation);
      return Math.max(8, Math.ceil((5 * (Date.now() - began)) / 1000));
    } finally {
      await federation.close();
    }
  })();
  return measured;
}

/** The end state in a form that can be compared with another World's: its DNS server is at another port. */
export function comparable({ world, dist }: StartedFederation): unknown {
  const port = String(world.dnsPort);
  const provider = readFileSync(join(dist, 'fcp/25-coredns-provider.conf'));
  const text = JSON.stringify(world.canonicalState())
    .replaceAll(provider.toString('base64'), 'base64 of the provider’s configuration')
    // As a number of its own: another, such as a hash, may hold its digits.
    .replace(new RegExp(`(?<!\\d)${port}(?!\\d)`, 'g'), '30000');
  return JSON.parse(text) as unknown;
}

/** The members that the federation has, sorted. */
export function memberNames(world: World): string[] {
  return world
    .list('federation', 'Cluster')
    .map(({ metadata }) => metadata.name)
    .sort();
}
