import { ClusterDnsMethod, ClusterProps } from '../../../lib/topology/types';
import { GUIDE_CLUSTERS, guideAt, guideProps, Rendered } from '../../support/guide';

const dns = (clusterDns?: ClusterDnsMethod): { zone: string; endpoint: string; clusterDns?: ClusterDnsMethod } => ({
  zone: 'example.com.',
  endpoint: '10.11.4.82:32609',
  clusterDns,
});
const at = (version: string, clusterDns?: ClusterDnsMethod): Rendered =>
  Rendered.of(guideAt(version, { dns: dns(clusterDns) }));

describe('clusters that run kube-dns, below 1.11', () => {
  test.each(['1.7.3', '1.10.13'])('at %s get one entry of stubDomains, with the port behind a colon', (version) => {
    const rendered = at(version);
    expect(rendered.step('usa/cluster-dns')).toMatchObject({
      kind: 'stub-domain',
      namespace: 'kube-system',
      configMap: 'kube-dns',
      domain: 'example.com',
      server: '10.11.4.82:32609',
    });
    expect(rendered.object('usa', 'ConfigMap', 'kube-dns')).toMatchObject({
      metadata: { namespace: 'kube-system' },
      data: { stubDomains: '{"example.com":["10.11.4.82:32609"]}' },
    });
  });

  test("get it by a merge: no step applies the file whole, over the user's own entries", () => {
    const { plan } = at('1.7.3');
    const steps = plan.steps.filter((step) => 'file' in step && step.file.endsWith('-kube-dns-stub-domains.conf'));
    expect(new Set(steps.map(({ kind }) => kind))).toEqual(new Set(['stub-domain']));
  });

  test("get the dnsmasq argument where the guide's way is wanted, and no file that nothing uses", () => {
    const rendered = at('1.7.3', 'dnsmasq-argument');
    expect(rendered.step('usa/cluster-dns')).toMatchObject({
      kind: 'dnsmasq-argument',
      namespace: 'kube-system',
      deployment: 'kube-dns',
      container: 'dnsmasq',
      argument: '--server=/example.com./10.11.4.82#32609',
    });
    expect(rendered.paths().filter((path) => path.includes('stub-domains'))).toEqual([]);
  });
});

describe('clusters that run CoreDNS, from 1.11 on', () => {
  test.each([
    ['1.11.0', undefined],
    ['1.15.12', undefined],
    ['1.12.0', 'dnsmasq-argument' as const],
  ])('at %s get a server block of the Corefile, whatever the method', (version, method) => {
    const rendered = at(version, method);
    expect(rendered.step('usa/cluster-dns')).toMatchObject({
      kind: 'corefile',
      namespace: 'kube-system',
      configMap: 'coredns',
      domain: 'example.com',
      server: '10.11.4.82:32609',
    });
    // CoreDNS before 1.5, and so every Kubernetes before 1.16, has proxy.
    expect(rendered.content('usa/45-cluster-dns-corefile.conf').replace(/^#.*\n/gm, '')).toBe(
      'example.com:53 {\n    errors\n    cache 30\n    proxy . 10.11.4.82:32609\n}\n',
    );
  });
});

test('it is done after the join, which replaces stubDomains whole', () => {
  for (const rendered of [at('1.7.3'), at('1.7.3', 'dnsmasq-argument'), at('1.12.0')]) {
    for (const cluster of ['fcp', 'usa', 'chn']) {
      expect(rendered.step(`${cluster}/cluster-dns`).needs).toEqual([`${cluster}/join`]);
    }
  }
});

test('a cluster whose DNS is said to be CoreDNS gets a server block, whatever its version', () => {
  const clusters = Object.values(GUIDE_CLUSTERS).map((cluster): ClusterProps => ({
    ...cluster,
    kubernetesVersion: '1.10.13',
    ...(cluster.name === 'usa' && { dnsProgram: 'coredns' }),
  }));
  const rendered = Rendered.of(guideProps({ clusters }));
  expect(['fcp', 'usa', 'chn'].map((name) => rendered.step(`${name}/cluster-dns`).kind)).toEqual([
    'stub-domain',
    'corefile',
    'stub-domain',
  ]);
});
