import { Federation } from '../../../lib';
import { digest } from '../../../lib/plan/plan';
import { FederationError } from '../../../lib/errors';
import { CoreDnsProps, FederationProps } from '../../../lib/topology/types';
import { closure } from '../../support/plans';
import { BY_MANIFESTS, guideAt, guideProps, Rendered, valueAt } from '../../support/guide';

/** The guide's federation with CoreDNS by manifests. */
const props = (coreDns: CoreDnsProps = {}, more: Partial<FederationProps> = {}): FederationProps =>
  guideProps({ coreDns: { ...BY_MANIFESTS.coreDns, ...coreDns }, ...more });
const guide = Rendered.of(props());
const corefile = (of: Rendered): string =>
  valueAt(of.object('fcp', 'ConfigMap', 'coredns'), 'data', 'Corefile') as string;
const template = (of: Rendered): unknown => valueAt(of.object('fcp', 'Deployment', 'coredns'), 'spec', 'template');

function mistakes(props: FederationProps): string[] {
  try {
    new Federation(props);
    return [];
  } catch (error) {
    return (error as FederationError).findings.map(({ where, problem, hint }) => `${where} | ${problem} | ${hint}`);
  }
}

describe('the Corefile', () => {
  test('answers for the zone out of etcd, in words that CoreDNS 006 takes', () => {
    expect(corefile(guide)).toBe(
      [
        'example.com.:1053 {',
        '    errors',
        '    health',
        '    prometheus 0.0.0.0:9153',
        '    loadbalance round_robin',
        '    etcd example.com. {',
        '        path /skydns',
        '        endpoint http://etcd-cluster-client.default:2379',
        '    }',
        '}',
        '',
      ].join('\n'),
    );
  });

  test('another one starts the pods anew', () => {
    const other = Rendered.of(props({}, { dns: { zone: 'fed.test.', endpoint: '10.11.4.82:32609' } }));
    const annotation = (of: Rendered): unknown =>
      valueAt(template(of), 'metadata', 'annotations', 'onprem-federation.io/corefile-sha256');
    expect(annotation(guide)).toBe(digest(corefile(guide)));
    expect(annotation(other)).not.toBe(annotation(guide));
  });
});

describe('the Service', () => {
  test("has the endpoint's node port on port 53 by UDP and TCP, and no other", () => {
    expect(valueAt(guide.object('fcp', 'Service', 'coredns'), 'spec')).toMatchObject({
      type: 'NodePort',
      ports: [
        { name: 'dns', protocol: 'UDP', port: 53, targetPort: 1053, nodePort: 32609 },
        { name: 'dns-tcp', protocol: 'TCP', port: 53, targetPort: 1053, nodePort: 32609 },
      ],
    });
  });

  test.each(['1.7.3', '1.8.15'])(
    'of %s is created and never updated, which its API server would not survive',
    (version) => {
      const rendered = Rendered.of(guideAt(version, BY_MANIFESTS));
      expect(rendered.step('fcp/coredns-service')).toMatchObject({ kind: 'create', exact: true });
      for (const step of rendered.plan.steps.filter(({ kind }) => kind === 'apply')) {
        const kinds =
          'file' in step ? rendered.objectsOf(step.file).map(({ kind, metadata }) => `${kind} ${metadata.name}`) : [];
        expect(kinds).not.toContain('Service coredns');
      }
    },
  );

  test.each(['1.9.11', '1.15.0'])('of %s is applied with the others', (version) => {
    const rendered = Rendered.of(guideAt(version, BY_MANIFESTS));
    expect(rendered.plan.steps.map(({ id }) => id)).not.toContain('fcp/coredns-service');
    const { file } = rendered.step('fcp/coredns') as { file: string };
    expect(rendered.objectsOf(file).map(({ kind }) => kind)).toEqual([
      'ServiceAccount',
      'ConfigMap',
      'Deployment',
      'Service',
    ]);
  });
});

describe('the pods', () => {
  const pod = valueAt(template(guide), 'spec');

  test('run as nobody, without a token, rights of the kernel or a place to write', () => {
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 65534 },
      containers: [{ securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } } }],
    });
    // The port is above those that only root may take.
    expect(corefile(guide)).toMatch(/^\S+:1053 \{/);
  });

  test('are asked at the health middleware whether they live and are ready', () => {
    const health = { httpGet: { path: '/health', port: 'health' } };
    expect(pod).toMatchObject({ containers: [{ livenessProbe: health, readinessProbe: health }] });
    expect(valueAt(pod, 'containers', 0, 'ports')).toContainEqual({ name: 'health', containerPort: 8080 });
  });

  test('have the image of the topology, and memory that they cannot exceed', () => {
    const image = 'registry.local/coredns:1.1.4';
    const other = Rendered.of(props({ image }));
    expect(valueAt(template(other), 'spec', 'containers', 0, 'image')).toBe(image);
    expect(valueAt(pod, 'containers', 0)).toMatchObject({
      image: 'coredns/coredns:006',
      resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '128Mi' } },
    });
  });

  test('are never fewer than were asked for while they are replaced', () => {
    expect(valueAt(guide.object('fcp', 'Deployment', 'coredns'), 'spec')).toMatchObject({
      replicas: 2,
      strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    });
  });
});

test('nothing of Helm is rendered, and nothing is bound to cluster-admin', () => {
  expect(guide.plan.steps.filter(({ kind }) => /helm|node-port/.test(kind))).toEqual([]);
  // What the plan says of the other way is no file of it.
  const bundles = guide.files.filter(({ path }) => path !== 'plan.yaml');
  expect(bundles.filter(({ content }) => /tiller|helm|cluster-admin/i.test(content)).map(({ path }) => path)).toEqual(
    [],
  );
});

test('the account has no right', () => {
  const bound = guide
    .objects('fcp')
    .filter(({ object }) => JSON.stringify(object).includes('"kind":"ServiceAccount","name":"coredns"'));
  expect(bound).toEqual([]);
  expect(guide.object('fcp', 'ServiceAccount', 'coredns')).toMatchObject({ automountServiceAccountToken: false });
});

test('comes after etcd and its Service, and before the control plane', () => {
  const needed = closure(guide.plan.steps);
  expect([...(needed.get('fcp/coredns') ?? [])]).toEqual(
    expect.arrayContaining(['fcp/etcd-cluster', 'fcp/coredns-service']),
  );
  expect([...(needed.get('fcp/federation-control-plane') ?? [])]).toContain('fcp/coredns');
});

test('a workload may not have its name in the namespace default', () => {
  const workloads = [{ name: 'coredns', image: 'nginx:1.13', port: 80, replicas: 1 }];
  expect(mistakes(props({}, { workloads }))).toEqual([
    "workloads[0].name | 'coredns' is the name of something that is in the namespace default already | Name it otherwise, or give it a namespace of its own.",
  ]);
  expect(mistakes(guideProps({ workloads }))).toEqual([]);
});

test('all of it is in the host cluster only', () => {
  const found = guide.plan.steps.filter(({ component }) => component === 'coredns');
  expect(found.map(({ id }) => id)).toEqual(['fcp/coredns-service', 'fcp/coredns']);
});

describe('of the image', () => {
  test.each(['006', '011', '0.9.9', 'v1.0.6', '1.1.4', 'latest', `006@sha256:${'0'.repeat(64)}`])(
    '%s is taken',
    (tag) => {
      expect(mistakes(props({ image: `registry.local:5000/coredns:${tag}` }))).toEqual([]);
    },
  );

  test.each(['005', '1.2.0', '1.14.7'])('%s is refused: it does not read what the federation writes', (tag) => {
    const image = `registry.local:5000/coredns:${tag}`;
    expect(mistakes(props({ image }))).toEqual([
      `coreDns.image | '${image}' is no CoreDNS that reads etcd v2 | Use 006 to 1.1.x, such as 006.`,
    ]);
  });

  test('a digest alone is taken', () => {
    expect(mistakes(props({ image: `coredns/coredns@sha256:${'0'.repeat(64)}` }))).toEqual([]);
  });
});

describe('props of the other way are mistakes, since they would silently do nothing', () => {
  test.each<[CoreDnsProps, Partial<FederationProps>, string]>([
    [{ install: 'manifests', chartVersion: '0.6.0' }, {}, 'coreDns.chartVersion'],
    [{ install: 'manifests', tillerImage: 'tiller:v2.7.2' }, {}, 'coreDns.tillerImage'],
    [{ install: 'manifests' }, { charts: { folder: '../charts' } }, 'charts'],
    [{ image: 'coredns/coredns:006' }, {}, 'coreDns.image'],
    [{ install: 'helm', image: 'coredns/coredns:006' }, {}, 'coreDns.image'],
  ])('%j and %j: %s', (coreDns, more, where) => {
    const found = mistakes(guideProps({ coreDns, ...more }));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(
      new RegExp(`^${where.replace('.', '\\.')} \\| .* does nothing where CoreDNS is installed by `),
    );
  });

  test('a way that there is not', () => {
    expect(mistakes(guideProps({ coreDns: { install: 'kustomize' as 'helm' } }))).toEqual([
      "coreDns.install | 'kustomize' is none of the choices | Use one of: manifests, helm.",
    ]);
  });
});
