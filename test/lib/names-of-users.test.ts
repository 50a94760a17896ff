import { Chart } from 'cdk8s';
import { ConfigMap } from 'cdk8s-plus-25';
import { Federation } from '../../lib';
import { FederationError } from '../../lib/errors';
import { STACKS } from '../../lib/stacks';
import { FederationProps, StackName } from '../../lib/topology/types';
import { cluster, props as externalDnsProps } from '../support/external-dns';
import { guideProps, Rendered } from '../support/guide';

const PROPS: Readonly<Record<StackName, (changes: Partial<FederationProps>) => FederationProps>> = {
  'federation-v1': guideProps,
  'external-dns': externalDnsProps,
};

/** What comes of a declaration: rendered, or refused with findings. Anything else is a fault of the program. */
function outcome(declare: () => Federation): string[] {
  try {
    declare().render();
    return [];
  } catch (error) {
    if (error instanceof FederationError) return error.findings.map(({ where }) => where);
    throw error;
  }
}

/** What some object of JavaScript has already. */
const JAVASCRIPT = ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf'];

describe.each(Object.keys(STACKS) as StackName[])('%s', (stack) => {
  const props = PROPS[stack];
  const workload = { name: 'web', image: 'web:1', replicas: 3, port: 80 };
  const own = [
    ...STACKS[stack].map(({ name }) => name),
    ...Rendered.of(props({})).plan.steps.map(({ id }) => id.split('/')[1] ?? ''),
  ];
  const names = [...new Set([...own, ...JAVASCRIPT])];

  test.each(names)('a workload called %s is rendered, or a finding at its name', (name) => {
    const found = outcome(() => new Federation(props({ workloads: [{ ...workload, name }] })));
    expect([[], ['workloads[0].name']]).toContainEqual(found);
  });

  test.each(['constructor', 'namespaces', 'cluster', 'web', 'etcd'])('so is a namespace called %s', (namespace) => {
    expect(outcome(() => new Federation(props({ workloads: [{ ...workload, namespace }] })))).toEqual([]);
  });

  test('a cluster called constructor has what the others have', () => {
    const placement = { clusters: { '*': { minReplicas: 1, weight: 1 } } };
    const clusters = props({}).clusters.map((one, i) => ({ ...one, name: i === 0 ? 'constructor' : one.name }));
    const hostCluster = 'constructor';
    const rendered = Rendered.of(props({ hostCluster, clusters, workloads: [{ ...workload, placement }] }));
    expect(rendered.paths().filter((path) => path.startsWith('constructor/'))).not.toEqual([]);
    // Each of the three is said to get one at least: with two replicas that is a mistake.
    const few = [{ ...workload, placement, replicas: 2 }];
    expect(outcome(() => new Federation(props({ hostCluster, clusters, workloads: few })))).toEqual([
      'workloads[0].placement',
    ]);
  });

  test.each(JAVASCRIPT.filter((name) => name !== '__proto__'))('a variable called %s reaches the container', (name) => {
    const rendered = Rendered.of(props({ workloads: [{ ...workload, env: { [name]: 'here' } }] }));
    expect(rendered.files.map(({ content }) => content).join('')).toContain(`- name: ${name}\n`);
  });

  test('a variable called __proto__ is a finding: it would be lost', () => {
    const env = JSON.parse('{"__proto__":"here"}') as Record<string, string>;
    expect(outcome(() => new Federation(props({ workloads: [{ ...workload, env }] })))).toEqual([
      "workloads[0].env['__proto__']",
    ]);
  });
});

test('without a control plane a cluster may be called federation: no folder of dist/ is the federation’s own', () => {
  const federation = new Federation(
    externalDnsProps({
      hostCluster: 'federation',
      clusters: [cluster('federation', ['europe', 'fr'], 1), cluster('usa', ['america', 'us'], 3)],
    }),
  );
  new ConfigMap(new Chart(federation.cluster('federation'), 'one'), 'only-here', { metadata: { name: 'only-here' } });
  new ConfigMap(new Chart(federation.federated(), 'all'), 'everywhere', { metadata: { name: 'everywhere' } });
  const rendered = new Rendered(federation);
  const named = (bundle: string, name: string): boolean =>
    rendered.files.some(({ path, content }) => path.startsWith(`${bundle}/9`) && content.includes(`name: ${name}\n`));
  expect(named('federation', 'only-here')).toBe(true);
  expect(named('usa', 'only-here')).toBe(false);
  expect(named('federation', 'everywhere') && named('usa', 'everywhere')).toBe(true);
});
