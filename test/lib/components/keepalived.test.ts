import { GUIDE_CLUSTERS, guideProps, Rendered, valueAt } from '../../support/guide';

const rendered = Rendered.of(guideProps());
const CONTAINER = ['spec', 'template', 'spec', 'containers', 0] as const;

/** A variable of the cloud provider's container. */
function variable(of: Rendered, cluster: string, name: string): unknown {
  const env = valueAt(of.object(cluster, 'Deployment', 'keepalived-cloud-provider'), ...CONTAINER, 'env') as {
    name: string;
    value: string;
  }[];
  return env.find((entry) => entry.name === name)?.value;
}

describe.each(Object.keys(GUIDE_CLUSTERS))('in %s', (cluster) => {
  test('both programs use the one ConfigMap that is made for them', () => {
    const { name, namespace } = rendered.object(cluster, 'ConfigMap', 'vip-configmap').metadata;
    const args = valueAt(rendered.object(cluster, 'DaemonSet', 'kube-keepalived-vip'), ...CONTAINER, 'args');
    expect(args).toEqual([`--services-configmap=${namespace ?? ''}/${name ?? ''}`]);
    expect(variable(rendered, cluster, 'KEEPALIVED_NAMESPACE')).toBe(namespace);
    expect(variable(rendered, cluster, 'KEEPALIVED_CONFIG_MAP')).toBe(name);
  });

  test('both may read it, and only the provider may write it, and no other', () => {
    const role = (name: string): unknown => rendered.object(cluster, 'Role', name).rules;
    expect(rendered.object(cluster, 'Role', 'kube-keepalived-vip').metadata.namespace).toBe('kube-system');
    expect(role('kube-keepalived-vip')).toEqual([
      { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch'] },
    ]);
    expect(role('keepalived-cloud-provider')).toContainEqual({
      apiGroups: [''],
      resources: ['configmaps'],
      resourceNames: ['vip-configmap'],
      verbs: ['get', 'update', 'patch'],
    });
  });

  test('an apply never writes the allocations: the ConfigMap is created once, in a file of its own, without data', () => {
    const path = `${cluster}/35-vip-configmap.yaml`;
    expect(rendered.objectsOf(path)).toHaveLength(1);
    expect(Object.keys(rendered.object(cluster, 'ConfigMap', 'vip-configmap')).sort()).toEqual([
      'apiVersion',
      'kind',
      'metadata',
    ]);
    const steps = rendered.plan.steps.filter((step) => 'file' in step && step.file === path);
    expect(steps.map(({ id, kind }) => [id, kind])).toEqual([[`${cluster}/vip-configmap`, 'create']]);
    expect(rendered.object(cluster, 'ConfigMap', 'vip-configmap').metadata.annotations).toBeUndefined();
  });

  test("addresses come out of the cluster's own range, and no other cluster's", () => {
    const ranges = Object.keys(GUIDE_CLUSTERS).map((other) => variable(rendered, other, 'KEEPALIVED_SERVICE_CIDR'));
    expect(variable(rendered, cluster, 'KEEPALIVED_SERVICE_CIDR')).toBe(
      GUIDE_CLUSTERS[cluster as keyof typeof GUIDE_CLUSTERS].addressRange,
    );
    expect(new Set(ranges).size).toBe(3);
  });
});

test('addresses are announced from every node, with the rights over it that this takes', () => {
  const daemons = rendered.object('usa', 'DaemonSet', 'kube-keepalived-vip');
  expect(valueAt(daemons, 'spec', 'template', 'spec')).toMatchObject({
    hostNetwork: true,
    containers: [{ securityContext: { privileged: true } }],
  });
  expect(valueAt(daemons, 'spec', 'template', 'spec')).not.toHaveProperty('affinity');
});

describe("the cloud provider's probe is true", () => {
  const pod = valueAt(rendered.object('usa', 'Deployment', 'keepalived-cloud-provider'), 'spec', 'template', 'spec');

  test("for it asks the node's loopback address from the node's own network", () => {
    expect(pod).toMatchObject({
      hostNetwork: true,
      containers: [{ livenessProbe: { httpGet: { host: '127.0.0.1', port: 10252, path: '/healthz' } } }],
    });
  });

  test('and no controller manager answers in its place: it is on no master', () => {
    const terms = valueAt(
      pod,
      ...['affinity', 'nodeAffinity', 'requiredDuringSchedulingIgnoredDuringExecution', 'nodeSelectorTerms'],
    );
    expect(terms).toEqual([
      { matchExpressions: [{ key: 'node-role.kubernetes.io/master', operator: 'DoesNotExist' }] },
    ]);
  });

  test('and no second pod takes its port while the first is there', () => {
    expect(valueAt(rendered.object('usa', 'Deployment', 'keepalived-cloud-provider'), 'spec')).toMatchObject({
      replicas: 1,
      strategy: { type: 'Recreate' },
    });
  });
});

test('images and forward method are those of the topology', () => {
  const other = Rendered.of(
    guideProps({ keepalived: { vipImage: 'mirror/vip:1', cloudProviderImage: 'mirror/ccm:1', forwardMethod: 'DR' } }),
  );
  expect(valueAt(other.object('usa', 'DaemonSet', 'kube-keepalived-vip'), ...CONTAINER, 'image')).toBe('mirror/vip:1');
  const provider = other.object('usa', 'Deployment', 'keepalived-cloud-provider');
  expect(valueAt(provider, ...CONTAINER, 'image')).toBe('mirror/ccm:1');
  expect(variable(other, 'usa', 'KEEPALIVED_DEFAULT_FORWARD_METHOD')).toBe('DR');
});

test('the file says to its reader which addresses the cluster has', () => {
  expect(rendered.content('usa/37-keepalived-cloud-provider.yaml')).toMatch(
    /^# .* 10\.210\.3\.65 to 10\.210\.3\.126\n/,
  );
});
