import { resolveTopology, Topology } from '../../../lib/topology/resolve';
import { FederationProps } from '../../../lib/topology/types';
import { cluster, props } from '../../support/external-dns';
import { GUIDE_CLUSTERS, guideProps } from '../../support/guide';

const resolved = (changes: Partial<FederationProps> = {}): Topology => resolveTopology(guideProps(changes));

describe('what the guide leaves unsaid', () => {
  test('has the documented defaults', () => {
    expect(resolved()).toMatchObject({
      name: 'federation',
      stack: 'federation-v1',
      dns: { clusterDns: 'stub-domains' },
      workloads: [{ portName: 'web', namespace: 'default' }],
      controlPlane: { advertiseAddress: '10.11.4.82', persistentStorage: false },
      etcd: { size: 3, version: '3.1.8', operatorImage: 'quay.io/coreos/etcd-operator:v0.5.0' },
      coreDns: { chartVersion: '0.6.0' },
      keepalived: {
        vipImage: 'gcr.io/google_containers/kube-keepalived-vip:0.9',
        cloudProviderImage: 'quay.io/munnerz/keepalived-cloud-provider:0.0.1',
        forwardMethod: 'NAT',
      },
    });
    expect(resolved().controlPlane.image).toBeUndefined();
    expect(resolved({ workloads: undefined }).workloads).toEqual([]);
    expect(resolved().clusters.map(({ context }) => context)).toEqual(['fcp', 'usa', 'chn']);
  });

  test('has them too where a prop is there but undefined', () => {
    const topology = resolved({
      name: undefined,
      etcd: { size: 5, version: undefined },
      coreDns: { chartVersion: undefined },
      keepalived: { vipImage: undefined },
      controlPlane: { advertiseAddress: undefined },
      clusters: Object.values(GUIDE_CLUSTERS).map((cluster) => ({ ...cluster, context: undefined })),
      workloads: [{ name: 'web', image: 'web:1', replicas: 1, port: 80, namespace: undefined, portName: undefined }],
    });
    expect(topology).toMatchObject({
      name: 'federation',
      etcd: { size: 5, version: '3.1.8' },
      coreDns: { chartVersion: '0.6.0' },
      controlPlane: { advertiseAddress: '10.11.4.82' },
      workloads: [{ namespace: 'default', portName: 'web' }],
    });
    expect(topology.keepalived.vipImage).toBe('gcr.io/google_containers/kube-keepalived-vip:0.9');
    expect(topology.host.context).toBe('fcp');
  });
});

test('what is said wins over every default', () => {
  const topology = resolved({
    name: 'world',
    controlPlane: { advertiseAddress: '10.11.4.83', persistentStorage: true, image: 'fcp:1' },
    etcd: { size: 1, version: '3.3.0', operatorImage: 'operator:1' },
    coreDns: { chartVersion: '0.9.1' },
    keepalived: { vipImage: 'vip:1', cloudProviderImage: 'provider:1', forwardMethod: 'DR' },
    dns: { zone: 'example.com.', endpoint: '10.11.4.82:32609', clusterDns: 'dnsmasq-argument' },
    workloads: [{ name: 'web', image: 'web:1', replicas: 1, port: 80, namespace: 'shop', portName: 'http' }],
  });
  expect(topology).toMatchObject({
    name: 'world',
    controlPlane: { advertiseAddress: '10.11.4.83', persistentStorage: true, image: 'fcp:1' },
    etcd: { size: 1, version: '3.3.0', operatorImage: 'operator:1' },
    coreDns: { chartVersion: '0.9.1' },
    keepalived: { vipImage: 'vip:1', cloudProviderImage: 'provider:1', forwardMethod: 'DR' },
    dns: { clusterDns: 'dnsmasq-argument' },
    workloads: [{ namespace: 'shop', portName: 'http' }],
  });
});

test('the zone, its domain, the endpoint and the server are four forms of two declared values', () => {
  expect(resolved().dns).toMatchObject({
    zone: 'example.com.',
    domain: 'example.com',
    endpoint: { address: '10.11.4.82', port: 32609 },
    server: '10.11.4.82:32609',
  });
});

test('each cluster has its range and its version read, and one of them is the host', () => {
  const { clusters, host } = resolved({ hostCluster: 'usa' });
  expect(clusters.map(({ name, minor, isHost }) => [name, minor, isHost])).toEqual([
    ['fcp', 7, false],
    ['usa', 7, true],
    ['chn', 7, false],
  ]);
  expect(host.addressRange).toMatchObject({ first: '10.210.3.65', last: '10.210.3.126' });
});

// Kubernetes from 1.36 on refuses a NetworkPolicy with host bits in a CIDR.
test('networks of nodes are without host bits', () => {
  const nodeNetworks = ['10.11.12.1/24', '192.168.7.7/32', '0.0.0.0/0'];
  const { clusters } = resolveTopology(props({ clusters: [cluster('fcp', ['europe', 'fr'], 1, { nodeNetworks })] }));
  expect(clusters.map((one) => one.nodeNetworks)).toEqual([['10.11.12.0/24', '192.168.7.7/32', '0.0.0.0/0']]);
});
