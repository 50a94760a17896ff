import { FederationProps } from '../../../lib/topology/types';
import { Loose, LooseTemplate, Rendered } from '../../support/external-dns';

const hello = { name: 'hello-world', image: 'artmr/hello-world:latest', replicas: 12, port: 8080 };
const ALL = ['fcp', 'usa', 'chn'];
const EXTERNAL_DNS = 'external-dns.alpha.kubernetes.io';
const replicas = (dist: Rendered): number[] =>
  ALL.map((bundle) => dist.object(bundle, 'Deployment', 'hello-world').spec.replicas);
const annotations = ({ metadata }: Pick<Loose | LooseTemplate, 'metadata'>): Readonly<Record<string, string>> =>
  metadata.annotations ?? {};

describe('a workload', () => {
  const dist = new Rendered();

  it('has its replicas split over the clusters', () => {
    expect(replicas(dist)).toEqual([4, 4, 4]);
    const placement = { clusters: { usa: { minReplicas: 2, weight: 3 }, '*': { weight: 1, maxReplicas: 3 } } };
    expect(replicas(new Rendered({ workloads: [{ ...hello, placement }] }))).toEqual([2, 8, 2]);
  });

  it('has a Service with an address of its own in each cluster, known when rendering', () => {
    const service = dist.object('usa', 'Service', 'hello-world');
    expect(service.spec.type).toBe('LoadBalancer');
    expect(annotations(service)).toEqual({ 'metallb.io/loadBalancerIPs': '10.210.3.65' });
    const second = new Rendered({
      workloads: [hello, { ...hello, name: 'other', addresses: { chn: '10.210.2.100' } }],
    });
    expect(
      ALL.map((bundle) => annotations(second.object(bundle, 'Service', 'other'))['metallb.io/loadBalancerIPs']),
    ).toEqual(['10.210.1.66', '10.210.3.66', '10.210.2.100']);
  });

  it('has further ports of either protocol, arguments and variables', () => {
    const more = new Rendered({
      workloads: [
        {
          ...hello,
          morePorts: [
            { name: 'metrics', port: 9090 },
            { name: 'dns', port: 8080, protocol: 'UDP' },
          ],
          args: ['--log=json'],
          env: { MODE: 'production' },
        },
      ],
    });
    const { containers } = more.object('usa', 'Deployment', 'hello-world').spec.template.spec;
    expect(containers).toMatchObject([
      {
        args: ['--log=json'],
        env: [{ name: 'MODE', value: 'production' }],
        ports: [
          { name: 'web', containerPort: 8080 },
          { name: 'metrics', containerPort: 9090 },
          { name: 'dns', containerPort: 8080, protocol: 'UDP' },
        ],
      },
    ]);
    for (const name of ['hello-world', 'hello-world-names']) {
      expect(more.object('usa', 'Service', name).spec.ports).toEqual([
        { name: 'web', port: 8080, targetPort: 'web' },
        { name: 'metrics', port: 9090, targetPort: 'metrics' },
        { name: 'dns', port: 8080, protocol: 'UDP', targetPort: 'dns' },
      ]);
    }
  });

  it('has three names in each cluster, on a headless Service whose pods carry the address', () => {
    const names = dist.object('chn', 'Service', 'hello-world-names');
    expect(names.spec).toMatchObject({ clusterIP: 'None', selector: { app: 'hello-world' } });
    expect(names.spec).not.toHaveProperty('publishNotReadyAddresses');
    expect(annotations(names)[`${EXTERNAL_DNS}/hostname`]).toBe(
      [
        'hello-world.default.federation.svc.cn.asia.example.com',
        'hello-world.default.federation.svc.asia.example.com',
        'hello-world.default.federation.svc.example.com',
      ].join(','),
    );
    const template = dist.object('chn', 'Deployment', 'hello-world').spec.template;
    expect(annotations(template)).toEqual({ [`${EXTERNAL_DNS}/target`]: '10.210.2.65' });
    // On this one ExternalDNS would keep the names whether or not there is a pod.
    expect(Object.keys(annotations(dist.object('chn', 'Service', 'hello-world')))).not.toContain(
      `${EXTERNAL_DNS}/hostname`,
    );
  });

  it('goes without names when told to', () => {
    const silent = new Rendered({ workloads: [{ ...hello, names: false }] });
    expect(silent.objects('usa').filter(({ metadata }) => metadata.name === 'hello-world-names')).toEqual([]);
    expect(silent.text('plan.yaml')).not.toContain('dns-check');
    expect([...silent.files].filter(([path]) => /workload/.test(path)).join()).not.toContain(EXTERNAL_DNS);
  });

  it('is asked for its readiness when the topology says how', () => {
    const { template } = new Rendered({ workloads: [{ ...hello, readinessPath: '/healthz' }] }).object(
      'usa',
      'Deployment',
      'hello-world',
    ).spec;
    expect(template.spec.containers[0].readinessProbe).toEqual({ httpGet: { path: '/healthz', port: 'web' } });
  });

  it('has its namespace created, unless every cluster has it', () => {
    const of = (namespace?: string): string[] =>
      new Rendered({ workloads: [{ ...hello, ...(namespace && { namespace }) }] } satisfies Partial<FederationProps>)
        .objects('usa')
        .filter(({ kind }) => kind === 'Namespace')
        .map(({ metadata }) => metadata.name ?? '');
    expect(of()).toEqual(['federation-dns', 'metallb-system']);
    expect(of('web')).toEqual(['federation-dns', 'metallb-system', 'web']);
  });

  it('is looked for under its names only in clusters that run it', () => {
    const placement = { clusters: { usa: { weight: 1 } } };
    const plan = new Rendered({ workloads: [{ ...hello, placement }] }).plan();
    expect(plan.steps.filter(({ kind }) => kind === 'dns-check').map(({ id }) => id)).toEqual([
      'usa/name-hello-world',
      'usa/region-name-hello-world',
      'usa/federation-name-hello-world',
    ]);
  });
});
