import { cluster, Rendered } from '../../support/external-dns';

describe('etcd', () => {
  it('is in the host cluster only, three members with a volume each', () => {
    const dist = new Rendered();
    expect(dist.objects('usa').filter(({ kind }) => kind === 'StatefulSet')).toEqual([]);
    const { spec } = dist.object('fcp', 'StatefulSet', 'etcd');
    expect(spec.replicas).toBe(3);
    expect(spec.template.spec.containers[0].args).toContain(
      '--initial-cluster=' + [0, 1, 2].map((i) => `etcd-${i}=http://etcd-${i}.etcd.federation-dns.svc:2380`).join(','),
    );
    expect(spec.volumeClaimTemplates[0].spec.resources.requests).toEqual({ storage: '1Gi' });
    expect(spec.volumeClaimTemplates[0].spec).not.toHaveProperty('storageClassName');
    // They would keep the namespace from being taken away.
    expect(spec.persistentVolumeClaimRetentionPolicy).toEqual({ whenDeleted: 'Delete', whenScaled: 'Retain' });
    expect(dist.object('fcp', 'PodDisruptionBudget', 'etcd').spec.maxUnavailable).toBe(1);
    expect(dist.object('fcp', 'Service', 'etcd').spec).toMatchObject({
      clusterIP: 'None',
      publishNotReadyAddresses: true,
    });
  });

  it('takes size and class of its volumes, or none with a single member', () => {
    const named = new Rendered({ etcd: { storage: { size: '5Gi', className: 'fast' } } });
    expect(named.object('fcp', 'StatefulSet', 'etcd').spec.volumeClaimTemplates[0].spec).toMatchObject({
      storageClassName: 'fast',
      resources: { requests: { storage: '5Gi' } },
    });
    const { spec } = new Rendered({ etcd: { size: 1, storage: 'ephemeral' } }).object('fcp', 'StatefulSet', 'etcd');
    expect(spec).not.toHaveProperty('volumeClaimTemplates');
    expect(spec).not.toHaveProperty('persistentVolumeClaimRetentionPolicy');
    expect(spec.template.spec.volumes).toEqual([{ name: 'data', emptyDir: {} }]);
  });

  it('cannot be given another size where it stands: the API server refuses another selector', () => {
    const selectors = [1, 3].map((size) => {
      const { selector, template } = new Rendered({ etcd: { size } }).object('fcp', 'StatefulSet', 'etcd').spec;
      expect(template.metadata.labels).toEqual(selector?.matchLabels);
      return selector;
    });
    expect(selectors[0]).not.toEqual(selectors[1]);
  });

  it('lets in only who needs it', () => {
    const clusters = [
      cluster('fcp', ['europe', 'fr'], 1, { nodeNetworks: ['10.11.12.0/24'] }),
      cluster('usa', ['america', 'us'], 3, { nodeNetworks: ['10.11.12.0/24', '10.11.13.0/24'] }),
    ];
    const app = (name: string): unknown => ({ podSelector: { matchLabels: { 'app.kubernetes.io/name': name } } });
    const port = (number: number): unknown => ({ port: number, protocol: 'TCP' });
    expect(new Rendered({ clusters }).object('fcp', 'NetworkPolicy', 'etcd').spec).toEqual({
      podSelector: { matchLabels: { 'app.kubernetes.io/name': 'etcd' } },
      policyTypes: ['Ingress'],
      ingress: [
        { from: [app('etcd')], ports: [port(2379), port(2380)] },
        { from: [app('coredns'), app('external-dns')], ports: [port(2379)] },
        {
          from: [{ ipBlock: { cidr: '10.11.12.0/24' } }, { ipBlock: { cidr: '10.11.13.0/24' } }],
          ports: [port(2379)],
        },
      ],
    });
  });

  it('names networks without host bits, which Kubernetes refuses from 1.36 on, and each of them once', () => {
    const clusters = [
      cluster('fcp', ['europe', 'fr'], 1, { nodeNetworks: ['10.11.12.1/24', '10.11.12.2/24', '10.11.13.7/32'] }),
      cluster('usa', ['america', 'us'], 3, { nodeNetworks: ['192.168.255.255/1'] }),
    ];
    const [, , { from }] = new Rendered({ clusters }).object('fcp', 'NetworkPolicy', 'etcd').spec.ingress as [
      unknown,
      unknown,
      { from: unknown },
    ];
    expect(from).toEqual(['10.11.12.0/24', '10.11.13.7/32', '128.0.0.0/1'].map((cidr) => ({ ipBlock: { cidr } })));
  });

  it('is not reached from outside where there is no other cluster', () => {
    const alone = new Rendered({ clusters: [cluster('fcp', ['europe', 'fr'], 1)] });
    expect(alone.object('fcp', 'Service', 'etcd-client').spec.type).toBe('ClusterIP');
    expect(alone.object('fcp', 'NetworkPolicy', 'etcd').spec.ingress).toHaveLength(2);
  });

  it('speaks TLS with everybody when told to, with names of Secrets and none of their content', () => {
    const dist = new Rendered({ etcd: { tls: { serverSecret: 'etcd-server', clientSecret: 'etcd-client' } } });
    const { args } = dist.object('fcp', 'StatefulSet', 'etcd').spec.template.spec.containers[0];
    expect(args).toEqual(expect.arrayContaining(['--client-cert-auth=true', '--peer-client-cert-auth=true']));
    expect(args.filter((arg) => /http:\/\//.test(arg))).toEqual(['--listen-metrics-urls=http://0.0.0.0:2381']);
    expect([...dist.files.values()].join('\n')).not.toMatch(/BEGIN [A-Z ]*(KEY|CERTIFICATE)|^kind: Secret$/m);
  });
});
