import { Rendered } from '../../support/external-dns';

const NAME = 'federation-external-dns';

describe('ExternalDNS', () => {
  const dist = new Rendered();

  it('may look at Services, pods and EndpointSlices, and at nothing else', () => {
    for (const bundle of ['fcp', 'usa', 'chn']) {
      const roles = dist.objects(bundle).filter(({ kind }) => kind === 'Role' || kind === 'ClusterRole');
      expect(roles.map(({ metadata }) => metadata.name)).toEqual([NAME]);
      expect(roles[0]?.rules).toEqual([
        { apiGroups: [''], resources: ['services', 'pods'], verbs: ['list', 'watch'] },
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
      ]);
    }
  });

  it("writes as its cluster's own, into the host cluster's etcd", () => {
    const urls = ['fcp', 'usa', 'chn'].map((bundle) => {
      const { args, env } = dist.object(bundle, 'Deployment', 'external-dns').spec.template.spec.containers[0];
      expect(args).toEqual(
        expect.arrayContaining([
          '--provider=coredns',
          '--coredns-strictly-owned',
          `--txt-owner-id=${bundle}`,
          '--registry=noop',
          '--domain-filter=example.com',
          '--source=service',
          '--events',
          '--listen-endpoint-events',
        ]),
      );
      return env;
    });
    expect(urls).toEqual([
      [{ name: 'ETCD_URLS', value: 'http://etcd-client.federation-dns.svc:2379' }],
      [{ name: 'ETCD_URLS', value: 'http://10.11.4.82:32379' }],
      [{ name: 'ETCD_URLS', value: 'http://10.11.4.82:32379' }],
    ]);
  });

  it('is taken away when no name leads to its cluster any more', () => {
    const { steps } = dist.plan();
    const server = '10.11.4.82:32609';
    expect(steps.find(({ id }) => id === 'usa/external-dns')).toMatchObject({
      outlives: ['usa/workload-hello-world'],
      records: [{ name: 'hello-world.default.federation.svc.us.america.example.com', address: '10.210.3.65', server }],
    });
  });

  it('is told its times by the topology', () => {
    const externalDns = { intervalSeconds: 30, eventIntervalSeconds: 2, ttlSeconds: 10 };
    const other = new Rendered({ externalDns });
    const { args } = other.object('usa', 'Deployment', 'external-dns').spec.template.spec.containers[0];
    expect(args).toEqual(expect.arrayContaining(['--interval=30s', '--min-event-sync-interval=2s']));
    const { annotations = {} } = other.object('usa', 'Service', 'hello-world-names').metadata;
    expect(annotations['external-dns.alpha.kubernetes.io/ttl']).toBe('10');
  });

  it('shows its certificate where etcd wants one', () => {
    const tls = { serverSecret: 'etcd-server', clientSecret: 'etcd-client', serverName: 'etcd.example.com' };
    const other = new Rendered({ etcd: { tls } });
    const { containers, volumes } = other.object('usa', 'Deployment', 'external-dns').spec.template.spec;
    expect(containers[0].env).toEqual([
      { name: 'ETCD_URLS', value: 'https://10.11.4.82:32379' },
      { name: 'ETCD_CA_FILE', value: '/etc/external-dns/etcd/ca.crt' },
      { name: 'ETCD_CERT_FILE', value: '/etc/external-dns/etcd/tls.crt' },
      { name: 'ETCD_KEY_FILE', value: '/etc/external-dns/etcd/tls.key' },
      { name: 'ETCD_TLS_SERVER_NAME', value: 'etcd.example.com' },
    ]);
    expect(volumes).toEqual([{ name: 'etcd-certificate', secret: { secretName: 'etcd-client', defaultMode: 0o440 } }]);
  });
});
