import { commands } from '../../../lib/plan/commands';
import { FederationProps } from '../../../lib/topology/types';
import { guideProps, Rendered } from '../../support/guide';

const init = (changes: Partial<FederationProps> = {}): readonly string[] =>
  commands(Rendered.of(guideProps(changes)).step('fcp/federation-control-plane')).run[0] ?? [];

test("the API server is advertised at the endpoint's address unless another is declared", () => {
  expect(init()).toContain('--api-server-advertise-address=10.11.4.82');
  expect(init({ controlPlane: { advertiseAddress: '10.11.4.90' } })).toContain(
    '--api-server-advertise-address=10.11.4.90',
  );
});

test('it needs CoreDNS, with its port, which the configuration names', () => {
  expect(Rendered.of(guideProps()).step('fcp/federation-control-plane').needs).toEqual(['fcp/coredns-node-port']);
});

test("the federation's name is its context in every later step", () => {
  const rendered = Rendered.of(guideProps({ name: 'world' }));
  expect(init({ name: 'world' })[2]).toBe('world');
  for (const step of rendered.plan.steps.filter(({ cluster }) => cluster === 'federation')) {
    expect(step.context).toBe('world');
  }
  expect(commands(rendered.step('usa/join')).run[0]).toContain('--context=world');
});

describe('zone, endpoint and port have one source', () => {
  const other = Rendered.of(
    guideProps({
      dns: { zone: 'fed.test.', endpoint: '10.11.9.9:31111' },
      workloads: [{ name: 'web', image: 'web:1', replicas: 1, port: 80 }],
    }),
  );
  const everything = other.files.map(({ content }) => content).join('\n');

  test('so that nothing of the old ones is left anywhere', () => {
    expect(everything).not.toMatch(/example\.com|10\.11\.4\.82|32609/);
  });

  test.each([
    ["the provider's zone", 'fcp', 'coredns-provider.conf', 'zones = fed.test.\n'],
    ["the provider's endpoint", 'fcp', 'coredns-provider.conf', 'coredns-endpoints = 10.11.9.9:31111\n'],
    ["CoreDNS's zone", 'fcp', 'coredns-values.conf', '- fed.test.\n'],
    ["a member's DNS", 'usa', 'kube-dns-stub-domains.conf', '\'{"fed.test":["10.11.9.9:31111"]}\''],
  ])('and %s is the new one', (_, bundle, file, text) => {
    expect(other.content(other.path(bundle, file))).toContain(text);
  });

  test('and so are those of every step', () => {
    expect(other.step('fcp/coredns-node-port')).toMatchObject({ nodePort: 31111 });
    expect(other.step('fcp/federation-control-plane')).toMatchObject({
      zone: 'fed.test.',
      advertiseAddress: '10.11.9.9',
    });
    expect(other.step('usa/cluster-dns')).toMatchObject({ domain: 'fed.test', server: '10.11.9.9:31111' });
    expect(other.step('usa/web-dns')).toMatchObject({
      server: '10.11.9.9:31111',
      name: 'web.default.federation.svc.us.america.fed.test',
    });
  });

  test('and the endpoint of etcd is the same for CoreDNS and the provider', () => {
    const endpoint = 'http://etcd-cluster-client.default:2379';
    expect(other.content('fcp/25-coredns-provider.conf')).toContain(`etcd-endpoints = ${endpoint}\n`);
    expect(other.content('fcp/21-coredns-values.conf')).toContain(`endpoint: ${endpoint}\n`);
  });
});
