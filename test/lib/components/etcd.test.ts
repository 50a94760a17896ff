import { ETCD_ENDPOINT } from '../../../lib/components/etcd';
import { guideProps, Rendered } from '../../support/guide';

const rendered = Rendered.of(guideProps());

test('etcd is in the host cluster only', () => {
  expect(rendered.paths().filter((path) => path.includes('etcd'))).toEqual([
    'fcp/15-etcd-operator.yaml',
    'fcp/16-etcd-cluster.yaml',
  ]);
  const elsewhere = Rendered.of(guideProps({ hostCluster: 'chn' }));
  expect(elsewhere.paths().filter((path) => path.includes('etcd'))).toEqual([
    'chn/15-etcd-operator.yaml',
    'chn/16-etcd-cluster.yaml',
  ]);
});

test("everything of it is in the namespace default: elsewhere the setup failed for the guide's authors", () => {
  for (const file of ['fcp/15-etcd-operator.yaml', 'fcp/16-etcd-cluster.yaml']) {
    const namespaces = rendered.objectsOf(file).flatMap(({ metadata }) => metadata.namespace ?? []);
    expect(new Set(namespaces)).toEqual(new Set(['default']));
  }
});

test('the operator may do what it does, and registers its own definition', () => {
  expect(rendered.object('fcp', 'Role', 'etcd-operator').rules).toEqual([
    { apiGroups: ['etcd.database.coreos.com'], resources: ['etcdclusters'], verbs: ['*'] },
    {
      apiGroups: [''],
      resources: ['pods', 'services', 'endpoints', 'persistentvolumeclaims', 'events'],
      verbs: ['*'],
    },
    { apiGroups: ['apps'], resources: ['deployments'], verbs: ['*'] },
  ]);
  const verbs = ['get', 'list', 'watch', 'create'];
  expect(rendered.object('fcp', 'ClusterRole', 'etcd-operator').rules).toEqual([
    { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs },
    { apiGroups: ['storage.k8s.io'], resources: ['storageclasses'], verbs },
  ]);
});

test('the cluster is made when the operator runs and has registered its definition', () => {
  expect(rendered.step('fcp/etcd-operator')).toMatchObject({
    wait: [
      { resource: 'deployment/etcd-operator', namespace: 'default', until: 'rolled-out' },
      { resource: 'customresourcedefinition/etcdclusters.etcd.database.coreos.com', until: 'exists' },
    ],
  });
  expect(rendered.step('fcp/etcd-cluster')).toMatchObject({ needs: ['fcp/etcd-operator'] });
});

test('it is done when all members run and the Service is there that the endpoint names', () => {
  expect(rendered.step('fcp/etcd-cluster')).toMatchObject({
    wait: [
      { resource: 'etcdcluster/etcd-cluster', namespace: 'default', until: 'running' },
      { resource: 'service/etcd-cluster-client', namespace: 'default', until: 'exists' },
    ],
  });
  expect(ETCD_ENDPOINT).toBe('http://etcd-cluster-client.default:2379');
});

test('size, version and image are those of the topology', () => {
  const other = Rendered.of(guideProps({ etcd: { size: 5, version: '3.3.27', operatorImage: 'mirror/operator:1' } }));
  expect(other.object('fcp', 'EtcdCluster', 'etcd-cluster').spec).toEqual({ size: 5, version: '3.3.27' });
  expect(other.content('fcp/15-etcd-operator.yaml')).toContain('image: mirror/operator:1\n');
});
