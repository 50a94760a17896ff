import { isDeepStrictEqual } from 'node:util';
import fc from '../../support/fast-check';
import { DialectError, lower, Manifest } from '../../../lib/dialect/dialect';
import { NO_OPS } from '../../../lib/dialect/rules';
import { Change, changes, isPublished } from '../../support/changes';
import { judgeOf, PUBLISHED_MINORS } from '../../support/openapi';
import { randomObject } from '../../support/random-objects';

const minors = fc.constantFrom(...PUBLISHED_MINORS);

/** A random object of one version. */
const written = minors.chain((minor) => randomObject(minor).map((object) => ({ minor, object })));

/**
 * What is filled in where nothing is said, as the API reference has it: the same words go on meaning the same in
 * another API version only where these are written out.
 */
const DEFAULTS: Readonly<Record<string, readonly [apiVersion: RegExp, path: string, value: unknown][]>> = {
  Deployment: [
    [/^apps\/v1(beta2)?$/, 'spec.revisionHistoryLimit', 10],
    [/^apps\/v1beta1$/, 'spec.revisionHistoryLimit', 2],
    [/^extensions/, 'spec.revisionHistoryLimit', 2147483647],
    [/^apps/, 'spec.progressDeadlineSeconds', 600],
    [/^extensions/, 'spec.progressDeadlineSeconds', 2147483647],
    [/^apps/, 'spec.strategy', { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } }],
    [/^apps/, 'spec.strategy.type', 'RollingUpdate'],
    [/^apps/, 'spec.strategy.rollingUpdate', { maxSurge: '25%', maxUnavailable: '25%' }],
    [/^apps/, 'spec.strategy.rollingUpdate.maxSurge', '25%'],
    [/^apps/, 'spec.strategy.rollingUpdate.maxUnavailable', '25%'],
  ],
  DaemonSet: [
    [/^apps/, 'spec.updateStrategy', { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } }],
    [/^apps/, 'spec.updateStrategy.type', 'RollingUpdate'],
    [/^apps/, 'spec.updateStrategy.rollingUpdate', { maxUnavailable: 1 }],
    [/^apps/, 'spec.updateStrategy.rollingUpdate.maxUnavailable', 1],
  ],
  StatefulSet: [
    [/^apps\/v1(beta2)?$/, 'spec.updateStrategy', { type: 'RollingUpdate' }],
    [/^apps\/v1(beta2)?$/, 'spec.updateStrategy.type', 'RollingUpdate'],
  ],
};

function valueIn(object: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], object);
}

/** Whether a change loses nothing and adds nothing. */
function isAllowed(
  { path, owner, field, before, after }: Change,
  from: Manifest,
  to: Manifest,
  minor: number,
): boolean {
  if (path === 'apiVersion') return true;
  if (before !== undefined && after !== undefined) return false;
  if (before !== undefined) {
    const newest = owner.replace(/^(apps|extensions)\.v1beta[12]\./, 'apps.v1.');
    const listed = (NO_OPS[`${newest}.${field}`] ?? []).some((value) => isDeepStrictEqual(value, before));
    return listed && !isPublished(minor, owner, field);
  }
  // A part of a rolling update is nobody's default where another strategy is chosen.
  const strategy = /^spec\.(strategy|updateStrategy)\./.exec(path)?.[1];
  const chosen = strategy === undefined ? undefined : valueIn(from.spec, strategy, 'type');
  if (chosen !== undefined && chosen !== 'RollingUpdate') return false;
  const rules = DEFAULTS[from.kind] ?? [];
  return (
    from.apiVersion !== to.apiVersion &&
    rules.some(
      ([apiVersion, at, value]) => apiVersion.test(from.apiVersion) && at === path && isDeepStrictEqual(value, after),
    )
  );
}

/** The object in another version, or nothing where that cannot keep it. */
function lowered(object: Manifest, minor: number): Manifest | undefined {
  try {
    return lower([object], { name: 'usa', minor })[0];
  } catch (error) {
    if (error instanceof DialectError) return undefined;
    throw error;
  }
}

test('random objects are what their version accepts, so that the properties below say something', () => {
  fc.assert(
    fc.property(written, ({ minor, object }) => {
      expect(judgeOf(minor).findings(object)).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test('what a version serves passes through it unchanged', () => {
  fc.assert(
    fc.property(written, ({ minor, object }) => {
      expect(lowered(object, minor)).toEqual(object);
    }),
    { numRuns: 700 },
  );
});

/** What one version demands and another does not is the writer's to say: lowering adds no values of its own. */
const isDemand = (finding: string): boolean => finding.includes('must have required property');

test('what comes out for another version is accepted by its published document, or is an error', () => {
  let kept = 0;
  let refused = 0;
  fc.assert(
    fc.property(written, minors, ({ object }, minor) => {
      const result = lowered(object, minor);
      if (result === undefined) refused += 1;
      else {
        kept += 1;
        expect(
          judgeOf(minor)
            .findings(result)
            .filter((finding) => !isDemand(finding)),
        ).toEqual([]);
      }
    }),
    { numRuns: 700 },
  );
  // Neither way out may be the only one that was tried.
  expect(kept).toBeGreaterThan(50);
  expect(refused).toBeGreaterThan(5);
});

test('lowering twice is lowering once', () => {
  fc.assert(
    fc.property(written, minors, ({ object }, minor) => {
      const once = lowered(object, minor);
      if (once !== undefined) expect(lowered(once, minor)).toEqual(once);
    }),
    { numRuns: 700 },
  );
});

test('nothing but the API version, defaults that differ and fields that do nothing changes', () => {
  let changed = 0;
  fc.assert(
    fc.property(written, minors, ({ minor: from, object }, to) => {
      const result = lowered(object, to);
      if (result === undefined) return;
      const found = changes(object, result, from);
      changed += found.length;
      expect(found.filter((change) => !isAllowed(change, object, result, to))).toEqual([]);
    }),
    { numRuns: 1500 },
  );
  expect(changed).toBeGreaterThan(0);
});

test('the object itself is never changed', () => {
  fc.assert(
    fc.property(written, minors, ({ object }, minor) => {
      const before = structuredClone(object);
      lowered(object, minor);
      expect(object).toEqual(before);
    }),
    { numRuns: 200 },
  );
});
