import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from '../../support/fast-check';
import { digest, inOrder, Plan, readPlan, writePlan } from '../../../lib/plan/plan';
import { FederationProps } from '../../../lib/topology/types';
import { guideAt, guideProps, manyClusters, Rendered, ROOT } from '../../support/guide';
import { closure, refusals } from '../../support/plans';

const topologies: [string, FederationProps][] = [
  ['the guide', guideProps()],
  ['the guide at 1.12', guideAt('1.12.0')],
  [
    'the guide with the dnsmasq argument',
    guideProps({ dns: { zone: 'example.com.', endpoint: '10.11.4.82:32609', clusterDns: 'dnsmasq-argument' } }),
  ],
  ['the guide without workloads', guideProps({ workloads: [] })],
  [
    'the guide with several workloads and namespaces',
    guideProps({
      workloads: ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => ({
        name,
        namespace: name < 'c' ? 'default' : 'shop',
        image: 'web:1',
        replicas: 3,
        port: 80,
      })),
    }),
  ],
  ['one cluster', manyClusters(1)],
  ['sixty clusters', manyClusters(60)],
];

describe.each(topologies)('the plan of %s', (_, props) => {
  const rendered = Rendered.of(props);
  const { plan } = rendered;

  test('has steps, each with an id of its own', () => {
    const ids = plan.steps.map(({ id }) => id);
    expect(ids.length).toBeGreaterThan(10);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('has every step that a step needs, and has it before', () => {
    const done = new Set<string>();
    for (const { id, needs } of plan.steps) {
      expect(needs.filter((need) => !done.has(need))).toEqual([]);
      done.add(id);
    }
  });

  test('has no step that waits for itself, however indirectly', () => {
    const needed = closure(plan.steps);
    expect(plan.steps.filter(({ id }) => needed.get(id)?.has(id))).toEqual([]);
  });

  test('names only files that are rendered, each with the digest of its content', () => {
    const files = new Map(rendered.files.map(({ path, content }) => [path, digest(content)]));
    expect(new Map(plan.files.map(({ path, sha256 }) => [path, sha256]))).toEqual(
      new Map([...files].filter(([path]) => path !== 'plan.yaml')),
    );
    for (const step of plan.steps) if ('file' in step) expect(files.has(step.file)).toBe(true);
  });

  test('uses every file that is rendered but the lists of images and charts', () => {
    const used = new Set(plan.steps.flatMap((step) => ('file' in step ? [step.file] : [])));
    const unused = plan.files.map(({ path }) => path).filter((path) => !used.has(path));
    expect(unused.filter((path) => !/(^|\/)artifacts\.(yaml|conf)$/.test(path))).toEqual([]);
  });

  test('gives every step an end', () => {
    expect(plan.steps.filter(({ timeoutSeconds }) => !(timeoutSeconds >= 60 && timeoutSeconds <= 900))).toEqual([]);
  });

  test('names in each step the context that its bundle has', () => {
    const contexts = new Map([
      ...plan.clusters.map((c) => [c.name, c.context] as const),
      ['federation', plan.federation],
    ]);
    for (const step of plan.steps) expect(step.context).toBe(contexts.get(step.cluster));
  });
});

test('the committed plan is read, and names files that are committed', () => {
  const plan = readPlan(readFileSync(join(ROOT, 'dist/plan.yaml'), 'utf8'));
  expect(plan.files).not.toHaveLength(0);
  for (const { path, sha256 } of plan.files) expect(digest(readFileSync(join(ROOT, 'dist', path)))).toBe(sha256);
});

describe('a plan that cannot be carried out is not written', () => {
  const { plan } = Rendered.of(guideProps());
  const changed = (change: (step: Plan['steps'][number]) => Partial<Plan['steps'][number]>): Plan => ({
    ...plan,
    steps: plan.steps.map((step) => ({ ...step, ...change(step) }) as Plan['steps'][number]),
  });

  test('where a need is no step', () => {
    const broken = changed(({ id, needs }) => (id === 'usa/join' ? { needs: [...needs, 'usa/jion'] } : {}));
    expect(refusals(() => writePlan(broken))).toEqual(['plan.yaml: usa/join | needs usa/jion, which is no step']);
  });

  test('where two steps have one id', () => {
    const broken = changed(({ id }) => (id === 'usa/vip-configmap' ? { id: 'usa/node-labels' } : {}));
    expect(refusals(() => writePlan(broken))).toContain('plan.yaml: usa/node-labels | the id is there twice');
  });

  test('where steps wait for each other, and the circle is told', () => {
    const broken = changed(({ id }) => (id === 'usa/node-labels' ? { needs: ['usa/cluster-dns'] } : {}));
    expect(refusals(() => writePlan(broken))).toEqual([
      'plan.yaml: steps | wait for each other: usa/node-labels needs usa/cluster-dns needs usa/join needs usa/node-labels',
    ]);
  });

  test('where a step waits for itself', () => {
    const broken = changed(({ id }) => (id === 'usa/node-labels' ? { needs: ['usa/node-labels'] } : {}));
    expect(refusals(() => writePlan(broken))).toEqual([
      'plan.yaml: steps | wait for each other: usa/node-labels needs usa/node-labels',
    ]);
  });

  test('where a value is none that a step may have', () => {
    const broken = changed(({ id }) => (id === 'usa/node-labels' ? { timeoutSeconds: 0 } : {}));
    const place = plan.steps.findIndex(({ id }) => id === 'usa/node-labels');
    expect(refusals(() => writePlan(broken))[0]).toMatch(`steps[${place}].timeoutSeconds | `);
  });

  test('where a file is none that is rendered', () => {
    const broken = changed((step) => (step.id === 'usa/vip-configmap' ? { file: 'usa/99-other.yaml' } : {}));
    expect(refusals(() => writePlan(broken))).toEqual([
      "plan.yaml: usa/vip-configmap | 'usa/99-other.yaml' is no file that synth wrote",
    ]);
  });
});

describe('steps in order', () => {
  /** Steps that need only steps with smaller numbers, in any order. */
  const acyclic = fc
    .array(fc.array(fc.nat(30), { maxLength: 4 }), { maxLength: 30 })
    .map((needs) => needs.map((of, i) => ({ id: `s${i}`, needs: of.filter((n) => n < i).map((n) => `s${n}`) })))
    .chain((steps) => fc.shuffledSubarray(steps, { minLength: steps.length }));

  test('are all there, each after what it needs', () => {
    fc.assert(
      fc.property(acyclic, (steps) => {
        const { order, cycle } = inOrder(steps);
        expect(cycle).toBeUndefined();
        expect(new Set(order)).toEqual(new Set(steps));
        expect(order).toHaveLength(steps.length);
        const done = new Set<string>();
        for (const { id, needs } of order) {
          expect(needs.every((need) => done.has(need))).toBe(true);
          done.add(id);
        }
      }),
    );
  });

  test('stay as they stand where that is an order already', () => {
    fc.assert(
      fc.property(acyclic, (steps) => {
        const { order } = inOrder(steps);
        expect(inOrder(order).order).toEqual(order);
      }),
    );
  });

  test('lose none where some wait for each other, and the circle is a true one', () => {
    const any = fc
      .array(fc.array(fc.nat(8), { maxLength: 3 }), { minLength: 1, maxLength: 9 })
      .map((needs) => needs.map((of, i) => ({ id: `s${i}`, needs: of.map((n) => `s${n}`) })));
    fc.assert(
      fc.property(any, (steps) => {
        const { order, cycle } = inOrder(steps);
        expect(order).toHaveLength(steps.length);
        if (cycle === undefined) return;
        expect(cycle.length).toBeGreaterThan(1);
        expect(cycle[0]).toBe(cycle[cycle.length - 1]);
        cycle.slice(1).forEach((need, i) => {
          expect(steps.find(({ id }) => id === cycle[i])?.needs).toContain(need);
        });
      }),
    );
  });
});
