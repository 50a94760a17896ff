import { TopologyError } from '../../../lib';
import { checkTopology } from '../../../lib/topology/check';
import { FederationProps } from '../../../lib/topology/types';
import { GUIDE_CLUSTERS, guideProps } from '../../support/guide';

// `npm run synth` runs main.ts without the compiler, so that a declaration may be anything.

/** What is wrong with a declaration that the compiler would not let pass. */
function mistakes(props: unknown): string[] {
  try {
    checkTopology(props as FederationProps);
  } catch (error) {
    if (error instanceof TopologyError) return error.findings.map((f) => `${f.where} | ${f.problem} | ${f.hint}`);
    throw error;
  }
  return [];
}

const { fcp } = GUIDE_CLUSTERS;
const without = (prop: keyof typeof fcp): object =>
  Object.fromEntries(Object.entries(fcp).filter(([name]) => name !== prop));

describe('a declaration of another shape', () => {
  test.each<[string, unknown, string]>([
    ['nothing at all', undefined, 'the declaration | is missing | Give an object.'],
    ['no clusters', { ...guideProps(), clusters: undefined }, 'clusters | is missing | Give a list.'],
    [
      'a forgotten prop',
      { ...guideProps(), clusters: [without('region')] },
      'clusters[0].region | is missing | Give a text.',
    ],
    [
      'a misspelt prop',
      { ...guideProps(), clusters: [{ ...fcp, adressRange: '10.210.1.0/24' }] },
      "clusters[0].adressRange | there is no prop 'adressRange' here | Look for its right name in lib/topology/types.ts, or leave it out.",
    ],
    [
      'a number for a text',
      { ...guideProps(), clusters: [{ ...fcp, kubernetesVersion: 1.7 }] },
      'clusters[0].kubernetesVersion | 1.7 is not a text | Give a text.',
    ],
    [
      'a text for a number',
      guideProps({ workloads: [{ name: 'web', image: 'web:1', port: 80, replicas: '3' as unknown as number }] }),
      "workloads[0].replicas | '3' is not a number | Give a number.",
    ],
    [
      'no number at all',
      guideProps({ workloads: [{ name: 'web', image: 'web:1', port: 80, replicas: NaN }] }),
      'workloads[0].replicas | NaN is not a number | Give a number.',
    ],
    ['a text for a list', { ...guideProps(), workloads: 'web' }, "workloads | 'web' is not a list | Give a list."],
    [
      'a choice that is none',
      { ...guideProps(), dns: { ...guideProps().dns, clusterDns: 'dnsmasq' } },
      "dns.clusterDns | 'dnsmasq' is none of the choices | Use one of: stub-domains, dnsmasq-argument.",
    ],
    [
      'a forward method that is none',
      { ...guideProps(), keepalived: { forwardMethod: 'nat' } },
      "keepalived.forwardMethod | 'nat' is none of the choices | Use one of: NAT, DR.",
    ],
    [
      'a stack that is none',
      { ...guideProps(), stack: 'federation-v2' },
      "stack | 'federation-v2' is none of the choices | Use one of: federation-v1, external-dns.",
    ],
    [
      'a text for a truth',
      { ...guideProps(), controlPlane: { persistentStorage: 'yes' } },
      "controlPlane.persistentStorage | 'yes' is not true or false | Give true or false.",
    ],
    [
      'a misspelt preference',
      guideProps({
        workloads: [
          {
            name: 'web',
            image: 'web:1',
            port: 80,
            replicas: 1,
            placement: { clusters: { '*': { wait: 1 } as object } },
          },
        ],
      }),
      "workloads[0].placement.clusters.*.wait | there is no prop 'wait' here | Look for its right name in lib/topology/types.ts, or leave it out.",
    ],
    ...['\0', 'a\0b', '\ud800', 'a\udc00'].map((sign): [string, unknown, string] => [
      `a text that no file can hold: ${JSON.stringify(sign)}`,
      guideProps({ workloads: [{ name: 'web', image: 'web:1', port: 80, replicas: 1, args: ['x', sign] }] }),
      'workloads[0].args[1] | holds a character that no file or argument can hold | Leave it out.',
    ]),
    [
      "a variable's name that no file can hold",
      guideProps({ workloads: [{ name: 'web', image: 'web:1', port: 80, replicas: 1, env: { 'a\0': 'x' } }] }),
      'workloads[0].env.a\0 | holds a character that no file or argument can hold | Leave it out.',
    ],
  ])('%s', (_, props, mistake) => {
    expect(mistakes(props)).toEqual([mistake]);
  });

  test('has all its mistakes in one message', () => {
    const props = { clusters: [without('zone'), without('server')], dns: {}, hostCluster: 'fcp', x: 1 };
    expect(mistakes(props).map((mistake) => mistake.split(' | ')[0])).toEqual([
      'clusters[0].zone',
      'clusters[1].server',
      'dns.zone',
      'dns.endpoint',
      'x',
    ]);
  });

  test('is told before any value, which only has a meaning in the right shape', () => {
    const props = { ...guideProps({ hostCluster: 'nowhere' }), clusters: [{ ...fcp, zone: 5 }] };
    expect(mistakes(props)).toEqual(['clusters[0].zone | 5 is not a text | Give a text.']);
  });
});

test('texts may hold any sign that a file can: pairs of surrogates, line ends, tabs', () => {
  const args = ['😀', 'two\nlines', 'a\tb', '\u0007'];
  const props = guideProps({ workloads: [{ name: 'web', image: 'web:1', port: 80, replicas: 1, args }] });
  expect(mistakes(props)).toEqual([]);
});

test('props that are there but undefined are as good as left out', () => {
  const props = guideProps({ etcd: undefined, name: undefined, keepalived: { forwardMethod: undefined } });
  expect(mistakes(props)).toEqual([]);
});
