import { PlacementProps, WorkloadProps } from '../../../lib/topology/types';
import { guideAt, guideProps, Rendered, valueAt } from '../../support/guide';

const WEB: WorkloadProps = { name: 'web', image: 'web:1', replicas: 6, port: 8080 };
const withWorkloads = (...workloads: WorkloadProps[]): Rendered => Rendered.of(guideProps({ workloads }));

const ANNOTATION = 'federation.kubernetes.io/deployment-preferences';

/** The annotation that the federation's controller reads, as it would read it. */
function preferences(placement?: PlacementProps): unknown {
  const deployment = withWorkloads({ ...WEB, placement }).object('federation', 'Deployment', 'web');
  const annotations = deployment.metadata.annotations as Record<string, string> | undefined;
  return annotations === undefined ? undefined : JSON.parse(annotations[ANNOTATION] ?? 'null');
}

describe('replica preferences', () => {
  test('are the annotation that the federation reads, with every cluster that is named', () => {
    const clusters = { fcp: { minReplicas: 1, maxReplicas: 4, weight: 2 }, '*': { weight: 1 } };
    expect(preferences({ rebalance: true, clusters })).toEqual({ rebalance: true, clusters });
  });

  test('move no running replica unless that is wanted', () => {
    expect(preferences({ clusters: { '*': { weight: 1 } } })).toEqual({
      rebalance: false,
      clusters: { '*': { weight: 1 } },
    });
  });

  test('are not there where nothing is said: replicas are spread evenly then', () => {
    expect(preferences()).toBeUndefined();
  });

  test('are not on the Service', () => {
    const placement = { clusters: { '*': { weight: 1 } } };
    const service = withWorkloads({ ...WEB, placement }).object('federation', 'Service', 'web');
    expect(service.metadata.annotations).toBeUndefined();
  });
});

test('further ports, arguments and variables are those of container and Service', () => {
  const rendered = withWorkloads({
    ...WEB,
    morePorts: [{ name: 'metrics', port: 9090 }],
    args: ['--log=json'],
    env: { MODE: 'production' },
  });
  expect(
    valueAt(rendered.object('federation', 'Deployment', 'web'), 'spec', 'template', 'spec', 'containers', 0),
  ).toMatchObject({
    args: ['--log=json'],
    env: [{ name: 'MODE', value: 'production' }],
    ports: [
      { name: 'web', containerPort: 8080 },
      { name: 'metrics', containerPort: 9090 },
    ],
  });
  expect(valueAt(rendered.object('federation', 'Service', 'web'), 'spec', 'ports')).toEqual([
    { name: 'web', port: 8080, targetPort: 8080 },
    { name: 'metrics', port: 9090, targetPort: 9090 },
  ]);
  expect(
    valueAt(withWorkloads(WEB).object('federation', 'Deployment', 'web'), 'spec', 'template', 'spec', 'containers', 0),
  ).not.toHaveProperty('args');
});

describe('namespaces', () => {
  test('are all made in the federation first, each once, default among them', () => {
    const rendered = withWorkloads(
      { ...WEB, name: 'a' },
      { ...WEB, name: 'b', namespace: 'shop' },
      { ...WEB, name: 'c', namespace: 'shop' },
    );
    const names = rendered.objectsOf('federation/50-namespaces.yaml').map(({ metadata }) => metadata.name);
    expect(names).toEqual(['default', 'shop']);
    for (const id of ['federation/a', 'federation/shop.b', 'federation/shop.c']) {
      expect(rendered.step(id).needs).toContain('federation/namespaces');
    }
  });

  test('are created where they are missing, never changed where they are there', () => {
    expect(withWorkloads(WEB).step('federation/namespaces').kind).toBe('create');
  });

  test('keep workloads of one name apart, in files, steps and names', () => {
    const rendered = withWorkloads(WEB, { ...WEB, namespace: 'shop' });
    expect(rendered.paths()).toEqual(expect.arrayContaining(['federation/51-web.yaml', 'federation/52-shop.web.yaml']));
    expect(rendered.step('usa/web-dns')).toMatchObject({ name: 'web.default.federation.svc.us.america.example.com' });
    expect(rendered.step('usa/shop.web-dns')).toMatchObject({
      namespace: 'shop',
      name: 'web.shop.federation.svc.us.america.example.com',
    });
  });

  test('are not there where there is no workload, and nothing is for the federation then', () => {
    expect(
      withWorkloads()
        .paths()
        .filter((path) => path.startsWith('federation/')),
    ).toEqual([]);
  });
});

describe('a workload', () => {
  const deployment = withWorkloads({ ...WEB, portName: 'http' }).object('federation', 'Deployment', 'web');
  const service = withWorkloads({ ...WEB, portName: 'http' }).object('federation', 'Service', 'web');

  test("is in the federation's own API version, whatever its members run", () => {
    for (const version of ['1.7.3', '1.9.0', '1.15.0']) {
      const rendered = Rendered.of(guideAt(version));
      expect(rendered.object('federation', 'Deployment', 'hello-world').apiVersion).toBe('extensions/v1beta1');
      expect(rendered.object('federation', 'Service', 'hello-world').apiVersion).toBe('v1');
    }
  });

  test('has a Service whose selector its pods bear, and whose port they have', () => {
    const labels = valueAt(deployment, 'spec', 'template', 'metadata', 'labels');
    expect(labels).toMatchObject(valueAt(service, 'spec', 'selector') as object);
    expect(valueAt(deployment, 'spec', 'selector', 'matchLabels')).toEqual({ app: 'web' });
    expect(valueAt(service, 'spec', 'ports')).toEqual([{ name: 'http', port: 8080, targetPort: 8080 }]);
    expect(valueAt(deployment, 'spec', 'template', 'spec', 'containers', 0, 'ports')).toEqual([
      { containerPort: 8080, name: 'http' },
    ]);
  });

  test('has a LoadBalancer Service: for no other type does the federation write names', () => {
    expect(valueAt(service, 'spec', 'type')).toBe('LoadBalancer');
  });

  test('has an address in a cluster when the cluster hands addresses out', () => {
    expect(Rendered.of(guideProps()).step('usa/hello-world-address')).toMatchObject({
      needs: [
        'federation/hello-world',
        'usa/controller-manager',
        'usa/kube-keepalived-vip',
        'usa/keepalived-cloud-provider',
      ],
      first: '10.210.3.65',
      last: '10.210.3.126',
    });
  });

  test('says nothing that cdk8s-plus would say of its own accord: what is not declared is the image’s own', () => {
    const [container] = valueAt(deployment, 'spec', 'template', 'spec', 'containers') as Record<string, unknown>[];
    expect(Object.keys(container ?? {}).sort()).toEqual([
      'image',
      'imagePullPolicy',
      'name',
      'ports',
      'securityContext',
    ]);
    expect(valueAt(deployment, 'spec', 'template', 'metadata', 'labels')).toEqual({ app: 'web' });
  });
});
