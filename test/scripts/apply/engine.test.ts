import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from '../../support/fast-check';
import { RELEASE_OWNER } from '../../../lib/labels';
import { Step, StepOf } from '../../../lib/plan/step';
import { Wanted } from '../../../scripts/apply/api';
import { Engine, EngineOptions, StepResult } from '../../../scripts/apply/engine';
import { KubeObject } from '../../../scripts/apply/objects';
import { Outcome } from '../../../scripts/apply/report/events';
import { closure } from '../../support/plans';
import { temporaryFolder } from '../../support/folder';
import {
  apply,
  create,
  failure,
  FakeKubectl,
  FEDERATION,
  finished,
  Gate,
  labelNodes,
  NEVER,
  node,
  ours,
  pass,
  planOf,
  Recorder,
  service,
  serviceAddress,
  settle,
  stopClock,
} from './support';

/** How often something is set that is set back each time. */
const MAX_ACTS = 3;
/** How often a call is made that may be repeated. */
const ATTEMPTS = 6;
/** How often a call is made that may not simply be repeated. */
const MAX_FAILURES = 4;

interface Surroundings {
  readonly engine: Engine;
  readonly kubectl: FakeKubectl;
  readonly reporter: Recorder;
}

/** An engine for a plan of these steps, with these files below `dist/`. */
function surroundings(
  steps: readonly Step[],
  files: Readonly<Record<string, readonly KubeObject[] | string>> = {},
  options: Partial<EngineOptions> = {},
): Surroundings {
  const folder = temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    const text =
      typeof content === 'string' ? content : content.map((object) => JSON.stringify(object)).join('\n---\n');
    writeFileSync(join(folder, name), text);
  }
  const kubectl = new FakeKubectl(folder);
  const reporter = new Recorder();
  const engine = new Engine({
    plan: planOf(steps),
    folder,
    run: kubectl.run,
    views: kubectl.views,
    reporter,
    adopt: false,
    ...options,
  });
  return { engine, kubectl, reporter };
}

const LABELLED = { region: 'europe', owner: 'region' };
/** A manifest of one Deployment, as it is declared. */
const WEB = ours('Deployment', 'web', { spec: { replicas: 2 } });
const WEB_FILE = { 'usa/10-web.yaml': [WEB] };
const WAIT: StepOf<'apply'>['wait'] = [{ resource: 'deployment/web', namespace: 'default', until: 'rolled-out' }];
/** The same, with all of its pods available. */
const WEB_READY: KubeObject = { ...WEB, status: { replicas: 2, updatedReplicas: 2, availableReplicas: 2 } };

const outcomes = (results: readonly StepResult[]): Record<string, Outcome> =>
  Object.fromEntries(results.map(({ step, outcome }) => [step.id, outcome]));

const whys = (results: readonly StepResult[]): Record<string, string | undefined> =>
  Object.fromEntries(results.filter(({ why }) => why !== undefined).map(({ step, why }) => [step.id, why]));

const resultOf = (results: readonly StepResult[], id: string): StepResult | undefined =>
  results.find(({ step }) => step.id === id);

beforeEach(() => {
  stopClock();
});

afterEach(() => {
  jest.useRealTimers();
});

describe('the order of the steps', () => {
  it('is that of their needs, and side by side where they have none of each other', async () => {
    const steps = [
      labelNodes('usa/first'),
      labelNodes('chn/left', { needs: ['usa/first'] }),
      labelNodes('fcp/right', { needs: ['usa/first'] }),
      labelNodes('usa/last', { needs: ['chn/left', 'fcp/right'] }),
    ];
    const { engine, kubectl, reporter } = surroundings(steps);
    const [first, left, right] = [/--context=usa/, /--context=chn/, /--context=fcp/].map((call) => kubectl.hold(call));
    const results = engine.apply(steps);
    await settle();
    expect(reporter.steps('started')).toEqual(['usa/first']);
    first?.open();
    await settle();
    expect(reporter.steps('started')).toEqual(['usa/first', 'chn/left', 'fcp/right']);
    right?.open();
    await settle();
    expect(reporter.steps('ended')).toEqual(['usa/first', 'fcp/right']);
    expect(reporter.steps('started')).toHaveLength(3);
    left?.open();
    expect(Object.keys(outcomes(await results))).toEqual(steps.map(({ id }) => id));
    expect(reporter.steps('ended')).toEqual(['usa/first', 'fcp/right', 'chn/left', 'usa/last']);
    expect(kubectl.log.filter((entry) => !entry.includes('usa'))).toEqual([
      expect.stringMatching(/^start .*chn/),
      expect.stringMatching(/^start .*fcp/),
      expect.stringMatching(/^end .*fcp/),
      expect.stringMatching(/^end .*chn/),
    ]);
  });

  it('takes for done what is needed and not chosen', async () => {
    const chosen = labelNodes('usa/region', { needs: ['usa/tiller'] });
    const { engine } = surroundings([labelNodes('usa/tiller'), chosen]);
    expect(outcomes(await engine.apply([chosen]))).toEqual({ 'usa/region': 'unchanged' });
  });

  it('is as early as the needs allow, and what fails stops what needs it and nothing else, in any plan', async () => {
    const drawn = fc.record({
      needs: fc.array(fc.nat(), { maxLength: 3 }),
      takes: fc.integer({ min: 1, max: 1_000 }),
      fails: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(drawn, { minLength: 1, maxLength: 10 }), async (all) => {
        const id = (i: number): string => `c${i}/region`;
        const steps = all.map(({ needs }, i) =>
          labelNodes(id(i), { needs: i === 0 ? [] : [...new Set(needs.map((need) => id(need % i)))] }),
        );
        const { engine, kubectl, reporter } = surroundings(steps);
        all.forEach(({ takes, fails }, i) => {
          kubectl.on(new RegExp(`--context=c${i} `), async (answer) => {
            await new Promise((resolve) => setTimeout(resolve, takes));
            if (fails) throw failure('forbidden');
            return answer();
          });
        });
        const began = Date.now();
        const results = await finished(engine.apply(steps));

        const needed = closure(steps);
        const failing = new Set(steps.flatMap((step, i) => (all[i]?.fails ? [step.id] : [])));
        const isStopped = (step: Step): boolean => [...(needed.get(step.id) ?? [])].some((need) => failing.has(need));
        expect(outcomes(results)).toEqual(
          Object.fromEntries(
            steps.map((step) => [step.id, isStopped(step) ? 'skipped' : failing.has(step.id) ? 'failed' : 'unchanged']),
          ),
        );
        for (const step of steps) {
          const ends = step.needs.map((need) => reporter.when('ended', need) ?? Infinity);
          const begins = isStopped(step) ? undefined : Math.max(began, ...ends);
          expect(reporter.when('started', step.id)).toBe(begins);
          if (!isStopped(step)) continue;
          const root = resultOf(results, step.id)?.why?.replace(/ failed$/, '') ?? '';
          expect(needed.get(step.id)).toContain(root);
          expect(resultOf(results, root)?.outcome).toBe('failed');
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe('a step that fails', () => {
  const steps = [
    labelNodes('usa/root'),
    labelNodes('usa/next', { needs: ['usa/root'] }),
    labelNodes('chn/last', { needs: ['usa/next', 'chn/other'] }),
    labelNodes('chn/other'),
  ];

  it('leaves what needs it untried, with its name, and nothing else', async () => {
    const inOrder = [steps[0], steps[3], steps[1], steps[2]].flatMap((step) => step ?? []);
    const { engine, kubectl, reporter } = surroundings(inOrder);
    kubectl.put('usa', node('usa-1', { region: 'asia' }));
    kubectl.put('chn', node('chn-1'));
    const results = await engine.apply(inOrder);
    expect(outcomes(results)).toEqual({
      'usa/root': 'failed',
      'usa/next': 'skipped',
      'chn/other': 'changed',
      'chn/last': 'skipped',
    });
    expect(whys(results)).toEqual({ 'usa/next': 'usa/root failed', 'chn/last': 'usa/root failed' });
    expect(resultOf(results, 'usa/root')?.failure).toMatchObject({
      step: 'usa/root',
      cluster: 'usa',
      problem: 'nodes have other values for region or zone: usa-1 has region=asia, not europe',
    });
    expect(reporter.steps('started').sort()).toEqual(['chn/other', 'usa/root']);
    expect(reporter.of('ended').find(({ step }) => step === 'usa/root')).toMatchObject({
      outcome: 'failed',
      failure: { cluster: 'usa' },
    });
    expect(kubectl.writes).toHaveLength(1);
  });

  it('is looked at once more before it counts: what an earlier run left running may have ended since', async () => {
    const step = labelNodes('usa/region');
    const { engine, kubectl } = surroundings([step]);
    kubectl.put('usa', node('usa-1', { region: 'asia' }));
    kubectl.on(
      / \/api\/v1\/nodes$/,
      (answer) => {
        const before = answer();
        kubectl.put('usa', node('usa-1', LABELLED));
        return before;
      },
      1,
    );
    expect(outcomes(await engine.apply([step]))).toEqual({ 'usa/region': 'unchanged' });
    expect(kubectl.lines()).toHaveLength(2);
  });

  it('tells what the program said, and its call', async () => {
    const step = labelNodes('usa/region');
    const { engine, kubectl } = surroundings([step]);
    kubectl.fail(/ \/api\/v1\/nodes$/, 'forbidden');
    expect((await engine.apply([step]))[0]?.failure).toEqual({
      step: 'usa/region',
      cluster: 'usa',
      problem: 'the user of this context may not do that',
      hint: 'Use credentials with the right that the program names.',
      command: 'kubectl get',
      said: 'failed: forbidden',
    });
  });
});

describe('what is written', () => {
  it('is what differs, and the next run finds nothing to do', async () => {
    const steps = [labelNodes('usa/region'), labelNodes('chn/region')];
    const { engine, kubectl, reporter } = surroundings(steps);
    kubectl.put('usa', node('usa-1'), node('usa-2', LABELLED));
    kubectl.put('chn', node('chn-1', LABELLED));
    expect(outcomes(await engine.apply(steps))).toEqual({ 'usa/region': 'changed', 'chn/region': 'unchanged' });
    expect(kubectl.get('usa', 'Node usa-1')?.metadata.labels).toEqual({ region: 'europe', owner: 'region_fed' });
    const command = 'kubectl --context=usa label nodes usa-1 --overwrite region=europe owner=region_fed';
    expect(kubectl.writes).toEqual([command]);
    expect(reporter.of('differs')).toEqual([
      { type: 'differs', step: 'usa/region', cluster: 'usa', differs: ['usa-1: region=europe is missing'] },
    ]);
    expect(reporter.of('command')).toEqual([{ type: 'command', step: 'usa/region', cluster: 'usa', command }]);

    expect(outcomes(await engine.apply(steps))).toEqual({ 'usa/region': 'unchanged', 'chn/region': 'unchanged' });
    expect(kubectl.writes).toHaveLength(1);
  });

  it('is waited for until it has come about', async () => {
    const step = apply('usa/web', 'usa/10-web.yaml', { wait: WAIT });
    const { engine, kubectl, reporter } = surroundings([step], WEB_FILE);
    const results = engine.apply([step]);
    await pass(10_000);
    expect(reporter.of('seen').map(({ seen }) => seen)).toEqual([
      'deployment/web: 0 of 2 pods are of the new template',
    ]);
    expect(reporter.steps('ended')).toEqual([]);
    kubectl.put('usa', WEB_READY);
    expect(outcomes(await finished(results))).toEqual({ 'usa/web': 'changed' });
    expect(kubectl.writes).toEqual(['kubectl --context=usa apply --filename=usa/10-web.yaml']);
  });

  it('is unchanged where only time had to pass', async () => {
    const step = serviceAddress('usa/address');
    const { engine, kubectl } = surroundings([step]);
    kubectl.put('usa', service('web'));
    const results = engine.apply([step]);
    await pass(1_000);
    kubectl.put('usa', service('web', '10.1.0.7'));
    expect(outcomes(await finished(results))).toEqual({ 'usa/address': 'unchanged' });
  });

  it('has a step that proves it look anew, though what it looks at has just been seen', async () => {
    const steps = [
      labelNodes('usa/region'),
      serviceAddress('usa/address', { needs: ['usa/region'], timeoutSeconds: 5 }),
    ];
    const { engine, kubectl } = surroundings(steps);
    kubectl.put('usa', node('usa-1'), service('web', '10.1.0.7'));
    kubectl.on(/ label /, (answer) => {
      kubectl.put('usa', service('web'));
      return answer();
    });
    await engine.prefetch(steps);
    const results = await finished(engine.apply(steps));
    expect(outcomes(results)).toEqual({ 'usa/region': 'changed', 'usa/address': 'failed' });
  });

  it('is not waited for where only what was seen a moment ago is not as it should be', async () => {
    const beforeWrite = jest.fn(() => Promise.resolve());
    const step = serviceAddress('usa/address');
    const { engine, kubectl } = surroundings([step], {}, { beforeWrite });
    kubectl.put('usa', service('web'));
    await engine.prefetch([step]);
    kubectl.put('usa', service('web', '10.1.0.7'));
    expect(outcomes(await engine.apply([step]))).toEqual({ 'usa/address': 'unchanged' });
    expect(beforeWrite).not.toHaveBeenCalled();
  });

  it('has nobody look anew where there was nothing to write', async () => {
    const steps = [labelNodes('usa/region'), serviceAddress('usa/address', { needs: ['usa/region'] })];
    const { engine, kubectl } = surroundings(steps);
    kubectl.put('usa', node('usa-1', LABELLED), service('web', '10.1.0.7'));
    await engine.prefetch(steps);
    expect(outcomes(await engine.apply(steps))).toEqual({ 'usa/region': 'unchanged', 'usa/address': 'unchanged' });
    expect(kubectl.lines(/services/)).toHaveLength(1);
  });

  it('is no more than is missing: what is there is left alone', async () => {
    const step = create('usa/maps', 'usa/10-maps.yaml');
    const declared = [ours('ConfigMap', 'a', { data: { x: 'declared' } }), ours('ConfigMap', 'b')];
    const { engine, kubectl } = surroundings([step], { 'usa/10-maps.yaml': declared });
    kubectl.put('usa', ours('ConfigMap', 'a', { data: { x: 'theirs' } }));
    expect(outcomes(await engine.apply([step]))).toEqual({ 'usa/maps': 'changed' });
    expect(kubectl.get('usa', 'ConfigMap default/a')).toMatchObject({ data: { x: 'theirs' } });
    expect(kubectl.get('usa', 'ConfigMap default/b')).toBeDefined();
  });

  // kubectl tells of several failures at once, and one `AlreadyExists` among them counts as success for all.
  it('is not done while an object is missing, though another was there already', async () => {
    const step = create('usa/maps', 'usa/10-maps.yaml');
    const { engine, kubectl } = surroundings([step], {
      'usa/10-maps.yaml': [ours('ConfigMap', 'a'), ours('ConfigMap', 'b')],
    });
    kubectl.put('usa', ours('ConfigMap', 'a'));
    kubectl.on(/ create /, () => Promise.reject(failure('already-exists')));
    const results = await finished(engine.apply([step]));
    expect(kubectl.get('usa', 'ConfigMap default/b')).toBeUndefined();
    expect(outcomes(results)).toEqual({ 'usa/maps': 'failed' });
  });
});

describe('an object that is still being deleted', () => {
  const going = (object: KubeObject): KubeObject => ({
    ...object,
    metadata: { ...object.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
  });

  it.each([
    ['applied', apply('usa/web', 'usa/10-web.yaml')],
    ['created', create('usa/web', 'usa/10-web.yaml')],
  ])('is waited for, since what it holds goes with it, and is then %s anew', async (_, step) => {
    const { engine, kubectl, reporter } = surroundings([step], WEB_FILE);
    kubectl.put('usa', going(WEB_READY));
    const results = engine.apply([step]);
    await pass(10_000);
    expect(kubectl.writes).toEqual([]);
    expect(reporter.of('seen').map(({ seen }) => seen)).toEqual(['Deployment default/web is still being deleted']);
    kubectl.remove('usa', WEB);
    expect(outcomes(await finished(results))).toEqual({ 'usa/web': 'changed' });
    expect(kubectl.get('usa', 'Deployment default/web')).toEqual(WEB);
  });

  it('ends the step at its limit where something holds it', async () => {
    const step = apply('usa/web', 'usa/10-web.yaml', { timeoutSeconds: 30 });
    const { engine, kubectl } = surroundings([step], WEB_FILE);
    kubectl.put('usa', going(WEB_READY));
    const [result] = await finished(engine.apply([step]));
    expect(kubectl.writes).toEqual([]);
    expect(result?.failure).toMatchObject({
      problem: 'it did not come about within 30 s; last seen: Deployment default/web is still being deleted',
      hint: 'Look further with: kubectl --context=usa --namespace=default get deployment web --output=yaml. Then run apply again.',
    });
  });
});

describe('beforeWrite', () => {
  it('is awaited before the first write, once, however many write', async () => {
    const allowed = new Gate();
    const beforeWrite = jest.fn(() => allowed.opened);
    const steps = [
      labelNodes('usa/region'),
      labelNodes('chn/region'),
      labelNodes('fcp/region', { needs: ['usa/region'] }),
    ];
    const { engine, kubectl } = surroundings(steps, {}, { beforeWrite });
    for (const name of ['usa', 'chn', 'fcp']) kubectl.put(name, node(`${name}-1`));
    const results = engine.apply(steps);
    await settle();
    expect(beforeWrite).toHaveBeenCalledTimes(1);
    expect(kubectl.writes).toEqual([]);
    allowed.open();
    await results;
    expect(kubectl.writes).toHaveLength(3);
    expect(beforeWrite).toHaveBeenCalledTimes(1);
    expect(engine.refusal).toBeUndefined();
  });

  it('is awaited before the first wait, though there is nothing to write', async () => {
    const allowed = new Gate();
    const beforeWrite = jest.fn(() => allowed.opened);
    const step = serviceAddress('usa/address');
    const { engine, kubectl } = surroundings([step], {}, { beforeWrite });
    kubectl.put('usa', service('web'));
    const results = engine.apply([step]);
    await pass(10_000);
    expect(beforeWrite).toHaveBeenCalledTimes(1);
    const looks = kubectl.lines().length;
    allowed.open();
    await pass(10_000);
    expect(kubectl.lines().length).toBeGreaterThan(looks);
    kubectl.put('usa', service('web', '10.1.0.7'));
    await finished(results);
    expect(beforeWrite).toHaveBeenCalledTimes(1);
  });

  it('is not called where nothing has to be done', async () => {
    const beforeWrite = jest.fn(() => Promise.resolve());
    const steps = [
      labelNodes('usa/region'),
      apply('usa/web', 'usa/10-web.yaml', { wait: WAIT, needs: ['usa/region'] }),
      serviceAddress('usa/address', { needs: ['usa/web'] }),
    ];
    const { engine, kubectl } = surroundings(steps, WEB_FILE, { beforeWrite });
    kubectl.put('usa', node('usa-1', LABELLED), WEB_READY, service('web', '10.1.0.7'));
    await engine.prefetch(steps);
    await engine.observe(steps);
    expect(new Set(Object.values(outcomes(await engine.apply(steps))))).toEqual(new Set(['unchanged']));
    expect(beforeWrite).not.toHaveBeenCalled();
    expect(kubectl.writes).toEqual([]);
  });

  it('is called before something is taken away', async () => {
    const beforeWrite = jest.fn(() => Promise.reject(new Error('another run is at work')));
    const step = labelNodes('usa/region');
    const { engine, kubectl } = surroundings([step], {}, { beforeWrite });
    kubectl.put('usa', node('usa-1', LABELLED));
    expect(outcomes(await engine.teardown([step]))).toEqual({ 'usa/region': 'skipped' });
    expect(kubectl.writes).toEqual([]);
  });

  it('ends the run with what it throws: nothing is written, and all is untried', async () => {
    const refusal = new Error('another run is at work');
    const beforeWrite = jest.fn(() => Promise.reject(refusal));
    const steps = [
      labelNodes('usa/region'),
      labelNodes('usa/later', { needs: ['usa/region'] }),
      apply('usa/web', 'usa/10-web.yaml', { wait: WAIT }),
      serviceAddress('chn/address'),
    ];
    const { engine, kubectl, reporter } = surroundings(steps, WEB_FILE, { beforeWrite });
    kubectl.put('usa', node('usa-1'));
    const results = await finished(engine.apply(steps));
    expect(new Set(Object.values(outcomes(results)))).toEqual(new Set(['skipped']));
    expect(new Set(Object.values(whys(results)))).toEqual(new Set(['nothing may be written']));
    expect(reporter.of('ended').filter(({ failure }) => failure !== undefined)).toEqual([]);
    expect(engine.refusal).toBe(refusal);
    expect(engine.stopping).toBe(true);
    expect(kubectl.writes).toEqual([]);
    expect(beforeWrite).toHaveBeenCalledTimes(1);
  });

  it('ends a run that already waits for something else', async () => {
    const steps = [serviceAddress('chn/address'), labelNodes('usa/region')];
    const slow = new Gate();
    const { engine, kubectl } = surroundings(
      steps,
      {},
      {
        beforeWrite: async () => {
          await slow.opened;
          throw new Error('another run is at work');
        },
      },
    );
    kubectl.put('usa', node('usa-1'));
    const results = engine.apply(steps);
    await settle();
    slow.open();
    expect(outcomes(await finished(results))).toEqual({ 'chn/address': 'skipped', 'usa/region': 'skipped' });
  });

  // The engine repeats the write, and each time it is refused with the same memorized error.
  it('is not asked again where it failed since nobody answered', async () => {
    const step = labelNodes('usa/region');
    const beforeWrite = (): Promise<void> => Promise.reject(failure('unreachable'));
    const { engine, kubectl, reporter } = surroundings([step], {}, { beforeWrite });
    kubectl.put('usa', node('usa-1'));
    const began = Date.now();
    await finished(engine.apply([step]));
    expect(reporter.of('retry')).toEqual([]);
    expect(Date.now()).toBe(began);
  });
});

describe('what something else sets back', () => {
  const step = apply('usa/web', 'usa/10-web.yaml', { wait: WAIT });
  /** The replicas that something else wants. */
  const theirs = (replicas: number): KubeObject => ({ ...WEB_READY, spec: { replicas } });

  it('is set so often, and then the step fails and says what is set back', async () => {
    const { engine, kubectl } = surroundings([step], WEB_FILE);
    kubectl.on(/ apply /, (answer) => {
      const said = answer();
      kubectl.put('usa', theirs(5));
      return said;
    });
    const results = await finished(engine.apply([step]));
    expect(kubectl.writes).toHaveLength(MAX_ACTS);
    expect(results[0]).toMatchObject({
      outcome: 'failed',
      failure: {
        problem: `Deployment default/web: spec.replicas is not as declared again, after it was set ${MAX_ACTS} times`,
        hint: expect.stringContaining('Something else in the cluster keeps setting it') as string,
      },
    });
  });

  it('is no failure where it stays the last time', async () => {
    const { engine, kubectl } = surroundings([step], WEB_FILE);
    kubectl.on(/ apply /, () => (kubectl.put('usa', theirs(5)), { stdout: '', stderr: '' }), MAX_ACTS - 1);
    kubectl.on(/ apply /, () => (kubectl.put('usa', WEB_READY), { stdout: '', stderr: '' }));
    expect(outcomes(await finished(engine.apply([step])))).toEqual({ 'usa/web': 'changed' });
    expect(kubectl.writes).toHaveLength(MAX_ACTS);
  });
});

describe('a step’s time limit', () => {
  it('ends a wait, with what was seen last and the command to look further', async () => {
    const step = serviceAddress('usa/address', { timeoutSeconds: 30 });
    const { engine, kubectl } = surroundings([step]);
    const results = engine.apply([step]);
    await pass(10_000);
    kubectl.put('usa', service('web'));
    const [result] = await finished(results);
    expect(result).toMatchObject({ outcome: 'failed', seconds: 30 });
    expect(result?.failure).toEqual({
      step: 'usa/address',
      cluster: 'usa',
      problem: 'it did not come about within 30 s; last seen: service/web has no address yet',
      hint: 'Look further with: kubectl --context=usa --namespace=default describe service web. Then run apply again.',
    });
  });

  it('counts from the step’s own beginning', async () => {
    const steps = [
      labelNodes('usa/region'),
      serviceAddress('usa/address', { needs: ['usa/region'], timeoutSeconds: 5 }),
    ];
    const { engine, kubectl } = surroundings(steps);
    kubectl.put('usa', service('web', '10.1.0.7'));
    kubectl.on(/ \/api\/v1\/nodes$/, async (answer) => {
      await new Promise((resolve) => setTimeout(resolve, 60_000));
      return answer();
    });
    expect(outcomes(await finished(engine.apply(steps)))).toEqual({
      'usa/region': 'unchanged',
      'usa/address': 'unchanged',
    });
  });

  it('ends a call that does not come to its end, and names it', async () => {
    const step = labelNodes('usa/region', { timeoutSeconds: 30 });
    const { engine, kubectl } = surroundings([step]);
    kubectl.hold(/ \/api\/v1\/nodes$/);
    const [result] = await finished(engine.apply([step]));
    expect(result).toMatchObject({ outcome: 'failed', seconds: 30 });
    expect(result?.failure).toEqual({
      step: 'usa/region',
      cluster: 'usa',
      problem: 'it did not come about within 30 s; kubectl had not ended by then',
      hint: 'Look further with: kubectl --context=usa get events --all-namespaces. Then run apply again.',
      command: 'kubectl --context=usa get node',
    });
  });

  it('tells of what was waited for rather than of the look that it ended', async () => {
    const step = serviceAddress('usa/address', { timeoutSeconds: 30 });
    const { engine, kubectl } = surroundings([step]);
    kubectl.put('usa', service('web'));
    kubectl.on(/get/, (answer) => answer(), 5);
    kubectl.hold(/get/);
    const [result] = await finished(engine.apply([step]));
    expect(result?.failure).toMatchObject({
      problem: 'it did not come about within 30 s; last seen: service/web has no address yet',
    });
    expect(result?.failure).not.toHaveProperty('command');
  });

  it('stops what needs the step, and nothing else', async () => {
    const steps = [
      serviceAddress('usa/address', { timeoutSeconds: 5 }),
      labelNodes('usa/later', { needs: ['usa/address'] }),
      labelNodes('chn/region'),
    ];
    const { engine } = surroundings(steps);
    const results = await finished(engine.apply(steps));
    expect(outcomes(results)).toEqual({ 'usa/address': 'failed', 'usa/later': 'skipped', 'chn/region': 'unchanged' });
    expect(whys(results)).toEqual({ 'usa/later': 'usa/address failed' });
  });

  // The words are those of a run that the user has cut, and send the reader to apply.
  it('of a teardown is named as what it is', async () => {
    const step = labelNodes('usa/region', { timeoutSeconds: 30 });
    const { engine, kubectl } = surroundings([step]);
    kubectl.hold(/ \/api\/v1\/nodes$/);
    const [result] = await finished(engine.teardown([step]));
    expect(result?.failure?.problem).toContain('within 30 s');
  });

  // The federation is looked at once for all, and for longer than this step may take.
  it('counts also while the federation is looked at for all steps', async () => {
    const step = apply('federation/web', 'usa/10-web.yaml', { timeoutSeconds: 5 });
    const { engine, kubectl } = surroundings([step], WEB_FILE);
    kubectl.hold(/--context=fed/);
    const [result] = await finished(engine.apply([step]));
    expect(result).toMatchObject({ outcome: 'failed', seconds: 5 });
  });

  // The kubeconfig is read once for all, and ends with whoever asked first.
  it('ends no other step that waits for the same answer', async () => {
    const steps = [
      apply('federation/a', 'usa/10-web.yaml'),
      // The last of a plan is taken back first, and asks first.
      apply('federation/b', 'usa/10-web.yaml', { timeoutSeconds: 5 }),
    ];
    const { engine, kubectl } = surroundings(steps, WEB_FILE);
    kubectl.hold(/ config view /);
    expect(outcomes(await finished(engine.teardown(steps)))).toEqual({
      'federation/a': 'nothing',
      'federation/b': 'failed',
    });
  });
});

describe('requestStop', () => {
  it('lets what is being written come to its end, and begins no more', async () => {
    const steps = [
      labelNodes('usa/region'),
      labelNodes('usa/later', { needs: ['usa/region'] }),
      labelNodes('chn/last', { needs: ['usa/later'] }),
    ];
    const { engine, kubectl, reporter } = surroundings(steps);
    kubectl.put('usa', node('usa-1'));
    const write = kubectl.hold(/ label /);
    const results = engine.apply(steps);
    await settle();
    engine.requestStop();
    expect(engine.stopping).toBe(true);
    expect(reporter.of('stopping')).toEqual([{ type: 'stopping', running: ['usa/region'] }]);
    await settle();
    expect(reporter.steps('ended')).toEqual([]);
    write.open();
    const ended = await results;
    expect(outcomes(ended)).toEqual({ 'usa/region': 'changed', 'usa/later': 'skipped', 'chn/last': 'skipped' });
    expect(whys(ended)).toEqual({
      'usa/later': 'the run was ended before',
      'chn/last': 'the run was ended before',
    });
    expect(kubectl.get('usa', 'Node usa-1')?.metadata.labels).toMatchObject({ region: 'europe' });
  });

  it('writes nothing after a look that was under way', async () => {
    const step = labelNodes('usa/region');
    const { engine, kubectl } = surroundings([step]);
    kubectl.put('usa', node('usa-1'));
    const look = kubectl.hold(/ \/api\/v1\/nodes$/);
    const results = engine.apply([step]);
    await settle();
    engine.requestStop();
    look.open();
    expect(outcomes(await results)).toEqual({ 'usa/region': 'cut' });
    expect(kubectl.writes).toEqual([]);
  });

  it('ends what only waits', async () => {
    const steps = [serviceAddress('usa/address'), labelNodes('usa/later', { needs: ['usa/address'] })];
    const { engine } = surroundings(steps);
    const results = engine.apply(steps);
    await pass(10_000);
    const now = Date.now();
    engine.requestStop();
    expect(outcomes(await results)).toEqual({ 'usa/address': 'cut', 'usa/later': 'skipped' });
    expect(Date.now()).toBe(now);
  });

  it('has what was written looked at, and does not wait for it', async () => {
    const step = apply('usa/web', 'usa/10-web.yaml', { wait: WAIT });
    const { engine, kubectl } = surroundings([step], WEB_FILE);
    const write = kubectl.hold(/ apply /);
    const results = engine.apply([step]);
    await settle();
    engine.requestStop();
    write.open();
    expect(outcomes(await results)).toEqual({ 'usa/web': 'cut' });
    expect(kubectl.get('usa', 'Deployment default/web')).toBeDefined();
    expect(kubectl.lines().at(-1)).toContain(' get ');
  });

  it('tells that all was done where nothing was left', async () => {
    const step = labelNodes('usa/region');
    const { engine, kubectl } = surroundings([step]);
    const look = kubectl.hold(/ \/api\/v1\/nodes$/);
    const results = engine.apply([step]);
    await settle();
    engine.requestStop();
    look.open();
    expect(outcomes(await results)).toEqual({ 'usa/region': 'unchanged' });
  });

  it('takes nothing more back in a teardown', async () => {
    const steps = [labelNodes('usa/first'), labelNodes('chn/second', { needs: ['usa/first'] })];
    const { engine, kubectl } = surroundings(steps);
    for (const name of ['usa', 'chn']) kubectl.put(name, node(`${name}-1`, LABELLED));
    const write = kubectl.hold(/ label /);
    const results = engine.teardown(steps);
    await settle();
    engine.requestStop();
    write.open();
    expect(outcomes(await results)).toEqual({ 'chn/second': 'removed', 'usa/first': 'skipped' });
  });

  // What waits for objects to be gone knows of the time limit and of a cut alone.
  it('ends what only waits in a teardown', async () => {
    const step = apply('usa/web', 'usa/10-web.yaml');
    const { engine, kubectl, reporter } = surroundings([step], WEB_FILE);
    kubectl.put('usa', WEB);
    kubectl.on(/ delete /, () => ({ stdout: '', stderr: '' }));
    void engine.teardown([step]);
    await pass(5_000);
    expect(reporter.of('seen').map(({ seen }) => seen)).toEqual(['Deployment default/web is still there']);
    engine.requestStop();
    await pass(5_000);
    expect(reporter.of('ended').map(({ outcome }) => outcome)).toEqual(['cut']);
  });
});

describe('requestCut', () => {
  it('ends the programs that are running, and the steps are cut', async () => {
    const steps = [labelNodes('usa/region'), labelNodes('usa/later', { needs: ['usa/region'] })];
    const { engine, kubectl } = surroundings(steps);
    kubectl.put('usa', node('usa-1'));
    kubectl.hold(/ label /);
    const results = engine.apply(steps);
    await settle();
    engine.requestCut();
    const ended = await results;
    expect(outcomes(ended)).toEqual({ 'usa/region': 'cut', 'usa/later': 'skipped' });
    expect(whys(ended)).toEqual({ 'usa/later': 'the run was ended before' });
    expect(resultOf(ended, 'usa/region')?.failure).toBeUndefined();
    expect(kubectl.log.at(-1)).toMatch(/^end .* label /);
    expect(kubectl.get('usa', 'Node usa-1')?.metadata.labels).toEqual({});
    expect(engine.stopping).toBe(true);
  });

  it('ends a pause between two tries of a call', async () => {
    const step = labelNodes('usa/region');
    const { engine, kubectl, reporter } = surroundings([step]);
    kubectl.fail(/ \/api\/v1\/nodes$/, 'busy');
    const results = engine.apply([step]);
    await settle();
    expect(reporter.of('retry')).toHaveLength(1);
    engine.requestCut();
    expect(outcomes(await results)).toEqual({ 'usa/region': 'cut' });
    expect(kubectl.lines()).toHaveLength(1);
  });

  it('ends a look before the run, and a step that is taken back', async () => {
    const step = labelNodes('usa/region');
    const { engine, kubectl } = surroundings([step]);
    kubectl.put('usa', node('usa-1', LABELLED));
    kubectl.hold(/ label /);
    const results = engine.teardown([step]);
    await settle();
    engine.requestCut();
    expect(outcomes(await results)).toEqual({ 'usa/region': 'cut' });
  });
});

describe('a teardown', () => {
  /** A cluster for each step, all of them with something to take away. */
  function withNodes(steps: readonly Step[]): Surroundings {
    const made = surroundings(steps);
    for (const { cluster } of steps) made.kubectl.put(cluster, node(`${cluster}-1`, LABELLED));
    return made;
  }

  it('takes every step back before those that it needs', async () => {
    const steps = [
      labelNodes('a/region'),
      labelNodes('b/region', { needs: ['a/region'] }),
      labelNodes('c/region', { needs: ['a/region'] }),
      labelNodes('d/region', { needs: ['b/region', 'c/region'] }),
    ];
    const { engine, kubectl, reporter } = withNodes(steps);
    const writes = ['d', 'b'].map((name) => kubectl.hold(new RegExp(`--context=${name} label`)));
    const results = engine.teardown(steps);
    await settle();
    expect(reporter.steps('started')).toEqual(['d/region']);
    writes[0]?.open();
    await settle();
    expect(reporter.steps('started').slice(1).sort()).toEqual(['b/region', 'c/region']);
    expect(reporter.steps('ended')).toEqual(['d/region', 'c/region']);
    expect(reporter.steps('started')).not.toContain('a/region');
    writes[1]?.open();
    expect(new Set(Object.values(outcomes(await results)))).toEqual(new Set(['removed']));
    expect(reporter.steps('ended').at(-1)).toBe('a/region');
    expect(kubectl.get('a', 'Node a-1')?.metadata.labels).toEqual({});
  });

  it('takes a step back after those that it outlives', async () => {
    const steps = [labelNodes('a/operator', { outlives: ['b/cluster'] }), labelNodes('b/cluster')];
    const { engine, kubectl, reporter } = withNodes(steps);
    const write = kubectl.hold(/--context=b label/);
    const results = engine.teardown(steps);
    await settle();
    expect(reporter.steps('started')).toEqual(['b/cluster']);
    write.open();
    await results;
    expect(reporter.steps('ended')).toEqual(['b/cluster', 'a/operator']);
  });

  it('takes for gone what is to be taken back before and is not chosen', async () => {
    const step = labelNodes('a/operator', { outlives: ['b/cluster'] });
    const { engine } = withNodes([step, labelNodes('b/cluster')]);
    expect(outcomes(await engine.teardown([step]))).toEqual({ 'a/operator': 'removed' });
  });

  it('leaves labels that another federation has set', async () => {
    const steps = [labelNodes('usa/region'), labelNodes('chn/region'), labelNodes('fcp/region')];
    const { engine, kubectl } = surroundings(steps);
    kubectl.put('usa', node('usa-1', { region: 'europe', owner: 'region_stage' }));
    kubectl.put('chn', node('chn-1', { region: 'europe', owner: 'region_fed' }));
    kubectl.put('fcp', node('fcp-1', LABELLED));
    expect(outcomes(await engine.teardown(steps))).toEqual({
      'usa/region': 'nothing',
      'chn/region': 'removed',
      'fcp/region': 'removed',
    });
    expect(kubectl.get('usa', 'Node usa-1')?.metadata.labels).toEqual({ region: 'europe', owner: 'region_stage' });
  });

  it('leaves what a failed step stands on, with its name, and nothing else', async () => {
    const steps = [
      labelNodes('a/region'),
      labelNodes('b/region', { needs: ['a/region'] }),
      labelNodes('c/region', { needs: ['b/region'] }),
      labelNodes('d/region'),
    ];
    const { engine, kubectl } = withNodes(steps);
    kubectl.fail(/--context=c label/, 'forbidden');
    const results = await engine.teardown(steps);
    expect(outcomes(results)).toEqual({
      'a/region': 'skipped',
      'b/region': 'skipped',
      'c/region': 'failed',
      'd/region': 'removed',
    });
    expect(whys(results)).toEqual({ 'a/region': 'c/region failed', 'b/region': 'c/region failed' });
  });

  it('tells what there was nothing of, what was left and why', async () => {
    const steps = [
      labelNodes('usa/region'),
      serviceAddress('usa/address'),
      apply('usa/web', 'usa/10-web.yaml'),
      apply('usa/theirs', 'usa/20-theirs.yaml'),
      apply('federation/workload', 'federation/50-web.yaml'),
    ];
    const theirs: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'default' } };
    const { engine, kubectl } = surroundings(steps, {
      ...WEB_FILE,
      'usa/20-theirs.yaml': [theirs],
      'federation/50-web.yaml': [WEB],
    });
    kubectl.put('usa', WEB, theirs);
    const results = await finished(engine.teardown(steps));
    expect(outcomes(results)).toEqual({
      'usa/region': 'nothing',
      'usa/address': 'nothing',
      'usa/web': 'removed',
      'usa/theirs': 'kept',
      'federation/workload': 'nothing',
    });
    expect(whys(results)).toEqual({ 'usa/theirs': 'ConfigMap default/a was not made by this plan' });
    expect(kubectl.lines(/--context=fed/)).toEqual([]);
    expect(kubectl.get('usa', 'ConfigMap default/a')).toBeDefined();
  });

  it('is in the reverse order of needs and outlives, in any plan', async () => {
    const drawn = fc.record({
      needs: fc.array(fc.nat(), { maxLength: 2 }),
      outlives: fc.array(fc.nat(), { maxLength: 2 }),
      takes: fc.integer({ min: 1, max: 1_000 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(drawn, { minLength: 1, maxLength: 8 }), async (all) => {
        const id = (i: number): string => `c${i}/region`;
        // A plan stands in order: a step needs earlier ones, and what it outlives comes later.
        const steps = all.map(({ needs, outlives }, i) =>
          labelNodes(id(i), {
            needs: i === 0 ? [] : needs.map((need) => id(need % i)),
            outlives: i === all.length - 1 ? [] : outlives.map((other) => id(i + 1 + (other % (all.length - 1 - i)))),
          }),
        );
        const { engine, kubectl, reporter } = withNodes(steps);
        all.forEach(({ takes }, i) => {
          kubectl.on(new RegExp(`--context=c${i} label `), async (answer) => {
            await new Promise((resolve) => setTimeout(resolve, takes));
            return answer();
          });
        });
        const results = await finished(engine.teardown(steps));
        expect(new Set(Object.values(outcomes(results)))).toEqual(new Set(['removed']));
        const order = steps.flatMap((step) => [
          ...step.needs.map((need) => [step.id, need] as const),
          ...(step.outlives ?? []).map((other) => [other, step.id] as const),
        ]);
        for (const [first, then] of order) {
          expect(reporter.when('started', then)).toBeGreaterThanOrEqual(reporter.when('ended', first) ?? Infinity);
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe('a call that fails', () => {
  it.each(['busy', 'unreachable'] as const)('as %s is made again, and told', async (kind) => {
    const step = labelNodes('usa/region');
    const { engine, kubectl, reporter } = surroundings([step]);
    kubectl.put('usa', node('usa-1'));
    kubectl.fail(/ \/api\/v1\/nodes$/, kind, 2);
    kubectl.fail(/ label /, kind, 1);
    expect(outcomes(await finished(engine.apply([step])))).toEqual({ 'usa/region': 'changed' });
    expect(kubectl.lines().map((line) => line.split(' ')[2])).toEqual(['get', 'get', 'get', 'label', 'label']);
    const problem = kind === 'busy' ? 'the API server could not do it' : 'the API server did not answer';
    const retry = { type: 'retry', step: 'usa/region', cluster: 'usa', problem };
    expect(reporter.of('retry')).toEqual([retry, retry, retry]);
  });

  it('again and again fails the step, which says so', async () => {
    const step = labelNodes('usa/region');
    const { engine, kubectl } = surroundings([step]);
    kubectl.fail(/ \/api\/v1\/nodes$/, 'unreachable');
    expect((await finished(engine.apply([step])))[0]?.failure).toMatchObject({
      problem: 'the API server did not answer, also after several tries',
    });
    expect(kubectl.lines()).toHaveLength(ATTEMPTS);
  });

  it('in another way is not made again', async () => {
    const step = labelNodes('usa/region');
    const { engine, kubectl } = surroundings([step]);
    kubectl.fail(/ \/api\/v1\/nodes$/, 'forbidden');
    expect(outcomes(await engine.apply([step]))).toEqual({ 'usa/region': 'failed' });
    expect(kubectl.lines()).toHaveLength(1);
  });

  it('since somebody else was faster has the step look again', async () => {
    const step = labelNodes('usa/region');
    const { engine, kubectl } = surroundings([step]);
    kubectl.put('usa', node('usa-1'));
    kubectl.fail(/ label /, 'conflict', 1);
    expect(outcomes(await finished(engine.apply([step])))).toEqual({ 'usa/region': 'changed' });
    expect(kubectl.lines().map((line) => line.split(' ')[2])).toEqual(['get', 'label', 'get', 'label']);
  });
});

describe('a call that may not be made twice without a look', () => {
  const step: StepOf<'helm-release'> = {
    ...{ id: 'usa/coredns', title: 'CoreDNS', component: 'coredns', cluster: 'usa', context: 'usa', needs: [] },
    ...{ timeoutSeconds: 600, kind: 'helm-release', helm: 3, release: 'coredns', chart: 'stable/coredns' },
    ...{ version: '1.0.0', namespace: 'default', file: 'usa/21-values.yaml', wait: [] },
  };
  const VALUES = `${RELEASE_OWNER}: ${FEDERATION}\n`;

  /** Helm, with a release that `upgrade` installs. */
  function withHelm(): Surroundings & { readonly helm: { isInstalled: boolean } } {
    const made = surroundings([step], { 'usa/21-values.yaml': VALUES });
    const helm = { isInstalled: false };
    const release = { name: 'coredns', revision: '1', status: 'deployed', chart: 'coredns-1.0.0' };
    made.kubectl.on(/ list /, () => ({ stdout: JSON.stringify(helm.isInstalled ? [release] : []), stderr: '' }));
    made.kubectl.on(/ get values /, () => ({ stdout: VALUES, stderr: '' }));
    return { ...made, helm };
  }

  const calls = (kubectl: FakeKubectl): (string | undefined)[] =>
    kubectl.lines(/list|upgrade/).map((line) => line.split(' ')[2]);

  it('is looked at first, and made again where nothing came of it', async () => {
    const { engine, kubectl, reporter, helm } = withHelm();
    kubectl.fail(/ upgrade /, 'unreachable', 1);
    kubectl.on(/ upgrade /, () => ((helm.isInstalled = true), { stdout: '', stderr: '' }));
    expect(outcomes(await finished(engine.apply([step])))).toEqual({ 'usa/coredns': 'changed' });
    expect(calls(kubectl)).toEqual(['list', 'upgrade', 'list', 'upgrade']);
    expect(reporter.of('retry')).toHaveLength(1);
  });

  it('is not made again where it came about and only the answer was lost', async () => {
    const { engine, kubectl, helm } = withHelm();
    kubectl.on(/ upgrade /, () => ((helm.isInstalled = true), Promise.reject(failure('unreachable'))));
    const results = await finished(engine.apply([step]));
    expect(results[0]?.failure).toBeUndefined();
    expect(calls(kubectl)).toEqual(['list', 'upgrade', 'list']);
  });

  // It is `unchanged`, so that the run ends with `Nothing was written` and what proves the step does not look anew.
  it('counts as a change where it came about and only the answer was lost', async () => {
    const { engine, kubectl, helm } = withHelm();
    kubectl.on(/ upgrade /, () => ((helm.isInstalled = true), Promise.reject(failure('unreachable'))));
    expect(outcomes(await finished(engine.apply([step])))).toEqual({ 'usa/coredns': 'changed' });
  });

  it('is given up after several looks', async () => {
    const { engine, kubectl } = withHelm();
    kubectl.fail(/ upgrade /, 'unreachable');
    expect((await finished(engine.apply([step])))[0]?.failure).toMatchObject({
      problem: 'the API server did not answer, also after several tries',
    });
    expect(kubectl.lines(/ upgrade /)).toHaveLength(MAX_FAILURES);
  });
});

describe('an apply of objects whose kind the plan registers', () => {
  const widget: KubeObject = {
    apiVersion: 'example.org/v1',
    kind: 'Widget',
    metadata: { name: 'w', namespace: 'default', labels: ours('Widget', 'w').metadata.labels },
  };
  const definition: KubeObject = {
    ...ours('CustomResourceDefinition', 'widgets.example.org', { spec: { group: 'example.org' } }),
    apiVersion: 'apiextensions.k8s.io/v1',
  };

  it.each([
    ['the same file', [apply('usa/both', 'usa/10.yaml')], { 'usa/10.yaml': [definition, widget] }],
    [
      'a step that it needs',
      [apply('usa/kinds', 'usa/05.yaml'), apply('usa/both', 'usa/10.yaml', { needs: ['usa/kinds'] })],
      { 'usa/05.yaml': [definition], 'usa/10.yaml': [widget] },
    ],
  ])('in %s is tried again until the server serves it', async (_, steps, files) => {
    const { engine, kubectl } = surroundings(steps, files);
    if (steps.length > 1) kubectl.put('usa', definition);
    kubectl.put('usa', { ...definition, kind: 'CustomResourceDefinition', metadata: { name: 'any' } });
    kubectl.fail(/ apply --filename=usa\/10/, 'no-such-kind', 2);
    expect(outcomes(await finished(engine.apply(steps)))).toMatchObject({ 'usa/both': 'changed' });
    expect(kubectl.lines(/ apply --filename=usa\/10/)).toHaveLength(3);
  });

  it('elsewhere fails at once: the plan is for another version', async () => {
    const steps = [apply('usa/both', 'usa/10.yaml')];
    const { engine, kubectl } = surroundings(steps, { 'usa/10.yaml': [widget] });
    kubectl.fail(/ apply /, 'no-such-kind');
    expect(outcomes(await finished(engine.apply(steps)))).toEqual({ 'usa/both': 'failed' });
    expect(kubectl.lines(/ apply /)).toHaveLength(1);
  });
});

describe('prefetch', () => {
  const steps = [
    apply('usa/web', 'usa/10-web.yaml', { wait: WAIT }),
    create('usa/maps', 'usa/20-maps.yaml'),
    serviceAddress('usa/address', { needs: ['usa/web'] }),
    apply('chn/web', 'usa/10-web.yaml'),
    labelNodes('fcp/region'),
  ];
  const files = { ...WEB_FILE, 'usa/20-maps.yaml': [ours('ConfigMap', 'a'), ours('ConfigMap', 'b')] };

  function whole(): Surroundings {
    const made = surroundings(steps, files);
    made.kubectl.put('usa', WEB_READY, ours('ConfigMap', 'a'), ours('ConfigMap', 'b'), service('web', '10.1.0.7'));
    made.kubectl.put('chn', WEB_READY);
    return made;
  }

  it('asks each context for all that the steps look at, each object once, and no other', async () => {
    const { engine, kubectl } = whole();
    expect(await engine.prefetch(steps)).toBe(true);
    expect(kubectl.lines(/--context=/).sort()).toEqual([
      'kubectl --context=chn get --raw /apis/apps/v1/namespaces/default/deployments/web',
      'kubectl --context=usa get --raw /api/v1/namespaces/default/configmaps/a',
      'kubectl --context=usa get --raw /api/v1/namespaces/default/configmaps/b',
      'kubectl --context=usa get --raw /api/v1/namespaces/default/services/web',
      'kubectl --context=usa get --raw /apis/apps/v1/namespaces/default/deployments/web',
    ]);
  });

  it('leaves nothing to ask for again where all is as it should be', async () => {
    const { engine, kubectl } = whole();
    await engine.prefetch(steps);
    kubectl.put('fcp', node('fcp-1', LABELLED));
    const asked = kubectl.lines().length;
    expect(new Set(Object.values(outcomes(await engine.apply(steps))))).toEqual(new Set(['unchanged']));
    expect(kubectl.lines().slice(asked)).toEqual(['kubectl --context=fcp get --raw /api/v1/nodes']);
  });

  it.each(['ConfigMap b', 'Deployment web'])('is false where an object is missing: %s', async (missing) => {
    const { engine, kubectl } = whole();
    const [kind = '', name = ''] = missing.split(' ');
    kubectl.remove('usa', ours(kind, name));
    expect(await engine.prefetch(steps)).toBe(false);
  });

  it('is true where only what no manifest declares is missing', async () => {
    const { engine, kubectl } = whole();
    kubectl.remove('usa', service('web'));
    expect(await engine.prefetch(steps)).toBe(true);
  });

  it('is false where a cluster has not answered, and fails for none', async () => {
    const { engine, kubectl } = whole();
    kubectl.fail(/--context=chn/, 'unreachable');
    expect(await finished(engine.prefetch(steps))).toBe(false);
  });

  it('is false where a cluster has not answered of which no manifest declares anything', async () => {
    const { engine, kubectl } = whole();
    const asked = [apply('usa/web', 'usa/10-web.yaml'), serviceAddress('chn/address')];
    kubectl.fail(/--context=chn/, 'forbidden');
    expect(await engine.prefetch(asked)).toBe(false);
  });

  it('is false where a cluster does not answer in time', async () => {
    const { engine, kubectl } = whole();
    kubectl.hold(/--context=chn/);
    expect(await finished(engine.prefetch(steps))).toBe(false);
    expect(outcomes(await finished(engine.apply(steps)))).toMatchObject({ 'chn/web': 'unchanged' });
  });

  it('asks for what else is wanted at the same time, and does not mind its absence', async () => {
    const { engine, kubectl } = whole();
    const lock: Wanted = { apiVersion: 'v1', kind: 'ConfigMap', name: 'lock', namespace: 'kube-system' };
    expect(await engine.prefetch(steps, { usa: [lock], fcp: [lock] })).toBe(true);
    const asked = (): string[] => kubectl.lines(/configmaps\/lock$/).map((line) => line.split(' ')[1] ?? '');
    expect(asked()).toEqual(['--context=usa', '--context=fcp']);
    await engine.viewOf('usa').look([lock], NEVER);
    expect(asked()).toHaveLength(2);
  });

  it('asks the federation where it has a context, and leaves it alone where it has none', async () => {
    const workload = apply('federation/web', 'usa/10-web.yaml');
    const both = [apply('usa/web', 'usa/10-web.yaml'), workload];
    for (const contexts of [[], [FEDERATION]]) {
      const { engine, kubectl } = surroundings(both, files);
      kubectl.contexts.push(...contexts);
      kubectl.put('usa', WEB_READY);
      expect(await engine.prefetch(both)).toBe(true);
      await settle();
      expect(kubectl.lines(/--context=fed/)).toHaveLength(contexts.length);
    }
  });
});

describe('observe', () => {
  it('looks at every step whose needs are done, and writes nothing', async () => {
    const beforeWrite = jest.fn(() => Promise.resolve());
    const steps = [
      labelNodes('usa/done'),
      labelNodes('chn/todo'),
      labelNodes('usa/after-done', { needs: ['usa/done'] }),
      labelNodes('usa/after-todo', { needs: ['usa/done', 'chn/todo'] }),
      labelNodes('usa/later', { needs: ['usa/after-todo'] }),
      serviceAddress('usa/waiting'),
      labelNodes('usa/after-waiting', { needs: ['usa/waiting'] }),
      labelNodes('fcp/failed'),
      labelNodes('usa/after-failed', { needs: ['fcp/failed'] }),
      labelNodes('usa/not-chosen', { needs: ['usa/elsewhere'] }),
    ];
    const { engine, kubectl, reporter } = surroundings(steps, {}, { beforeWrite });
    kubectl.put('usa', node('usa-1', LABELLED));
    kubectl.put('chn', node('chn-1'));
    kubectl.put('fcp', node('fcp-1', { region: 'asia' }));
    expect(Object.fromEntries(await engine.observe(steps))).toEqual({
      'usa/done': { state: 'done' },
      'chn/todo': expect.objectContaining({ state: 'todo', differs: ['chn-1: region=europe is missing'] }) as unknown,
      'usa/after-done': { state: 'done' },
      'usa/after-todo': 'not-yet',
      'usa/later': 'not-yet',
      'usa/waiting': expect.objectContaining({ state: 'waiting', seen: 'service/web is not there yet' }) as unknown,
      'usa/after-waiting': 'not-yet',
      'fcp/failed': expect.objectContaining({ step: 'fcp/failed', cluster: 'fcp' }) as unknown,
      'usa/after-failed': 'not-yet',
      'usa/not-chosen': { state: 'done' },
    });
    expect(kubectl.writes).toEqual([]);
    expect(beforeWrite).not.toHaveBeenCalled();
    expect(reporter.told).toEqual([]);
  });

  it('ends a look that does not come to its end', async () => {
    const step = labelNodes('usa/region', { timeoutSeconds: 30 });
    const { engine, kubectl } = surroundings([step]);
    kubectl.hold(/ \/api\/v1\/nodes$/);
    expect((await finished(engine.observe([step]))).get('usa/region')).toMatchObject({ step: 'usa/region' });
  });
});

describe('the announcement of addresses', () => {
  const EXCLUDED = 'node.kubernetes.io/exclude-from-external-load-balancers';
  const step: StepOf<'announcement'> = {
    ...{ id: 'usa/announcement', title: 'Nodes', component: 'metallb', cluster: 'usa', context: 'usa', needs: [] },
    ...{ timeoutSeconds: 60, kind: 'announcement' },
  };
  const kubeProxy = (config: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'kube-proxy', namespace: 'kube-system' },
    data: { 'config.conf': config },
  });

  async function judged(given: Partial<typeof step>, ...objects: KubeObject[]): Promise<string> {
    const one = { ...step, ...given };
    const { engine, kubectl } = surroundings([one]);
    kubectl.put('usa', ...objects);
    const [result] = await engine.apply([one]);
    expect(kubectl.writes).toEqual([]);
    return result?.failure?.problem ?? result?.outcome ?? '';
  }

  it('fails where every node is excluded from it, unless that is ignored', async () => {
    const nodes = [node('m1', { [EXCLUDED]: '' }), node('m2', { [EXCLUDED]: '' })];
    expect(await judged({}, ...nodes)).toContain(`all nodes of usa bear the label ${EXCLUDED}`);
    expect(await judged({ ignoreExcluded: true }, ...nodes)).toBe('unchanged');
    expect(await judged({}, ...nodes, node('w1'))).toBe('unchanged');
  });

  it.each([
    ['mode: ipvs\nipvs: {strictARP: false}\n', 'kube-proxy of usa runs in IPVS mode without strictARP'],
    ['mode: ipvs\n', 'kube-proxy of usa runs in IPVS mode without strictARP'],
    ['mode: ipvs\nipvs: {strictARP: true}\n', 'unchanged'],
    ['mode: ""\nipvs: {strictARP: false}\n', 'unchanged'],
    ['mode: iptables\n', 'unchanged'],
  ])('is judged by kube-proxy’s settings %j: %s', async (config, expected) => {
    expect(await judged({}, node('w1'), kubeProxy(config))).toContain(expected);
  });

  it('needs no kube-proxy', async () => {
    expect(await judged({}, node('w1'))).toBe('unchanged');
  });
});

describe('the controller manager’s flag', () => {
  const step: StepOf<'controller-manager-flag'> = {
    ...{ id: 'usa/flag', title: 'Flag', component: 'keepalived', cluster: 'usa', context: 'usa', needs: [] },
    ...{ timeoutSeconds: 600, kind: 'controller-manager-flag', flag: '--cloud-provider=external', file: 'usa/40.yaml' },
  };
  const pod = (...command: string[]): KubeObject => ({
    ...ours('Pod', 'controller-manager', { spec: { containers: [{ command }] } }),
    metadata: {
      name: 'kube-controller-manager-usa-1',
      namespace: 'kube-system',
      labels: { component: 'kube-controller-manager' },
    },
  });

  it('is read, and the step fails with what to do where it is missing', async () => {
    const { engine, kubectl } = surroundings([step], { 'usa/40.yaml': '# Set it on the masters:\nflag: x\n' });
    kubectl.put('usa', pod('kube-controller-manager'));
    const [result] = await engine.apply([step]);
    expect(result?.failure?.hint).toBe('Set it on the masters:\nflag: x\nThen run apply again.');
    kubectl.put('usa', pod('kube-controller-manager', '--cloud-provider=external'));
    expect(outcomes(await engine.apply([step]))).toEqual({ 'usa/flag': 'unchanged' });
  });

  it('is no failure where nobody can read it, but told', async () => {
    const { engine, reporter } = surroundings([step]);
    expect(outcomes(await engine.apply([step]))).toEqual({ 'usa/flag': 'unchanged' });
    expect(reporter.of('warning')).toEqual([
      { type: 'warning', cluster: 'usa', text: expect.stringContaining('could not be checked') as string },
    ]);
  });
});
