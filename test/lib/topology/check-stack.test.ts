import { Federation } from '../../../lib';
import { FederationError } from '../../../lib/errors';
import { FederationProps } from '../../../lib/topology/types';
import { cluster, props } from '../../support/external-dns';

const hello = { name: 'hello-world', image: 'artmr/hello-world:latest', replicas: 12, port: 8080 };

function mistakes(more: Partial<FederationProps>): string[] {
  try {
    new Federation(props(more));
    return [];
  } catch (error) {
    return (error as FederationError).findings.map(({ where }) => where);
  }
}

it('takes the guide with nothing changed but stack and versions', () => {
  expect(mistakes({})).toEqual([]);
});

it('reports props of the other stack, which would silently do nothing', () => {
  expect(
    mistakes({
      keepalived: {},
      coreDns: { chartVersion: '0.6.0' },
      controlPlane: {},
      etcd: { version: '3.1.8', operatorImage: 'etcd-operator:1' },
      dns: { zone: 'example.com.', endpoint: '10.11.4.82:32609', clusterDns: 'stub-domains' },
      workloads: [{ ...hello, placement: { rebalance: true, clusters: { '*': { weight: 1 } } } }],
    }),
  ).toEqual([
    'controlPlane',
    'coreDns',
    'keepalived',
    'dns.clusterDns',
    'etcd.version',
    'etcd.operatorImage',
    'workloads[0].placement.rebalance',
  ]);
  const old = { kubernetesVersion: '1.7.3', nodeNetworks: ['10.11.12.0/24'] };
  expect(
    mistakes({
      stack: 'federation-v1',
      clusters: [cluster('fcp', ['europe', 'fr'], 1, old)],
      images: { etcd: 'etcd:1', coreDns: 'coredns:1', externalDns: 'external-dns:1' },
      gitops: { repoUrl: 'https://git.local/x.git' },
      etcd: { storage: {} },
      workloads: [{ ...hello, names: false, addresses: {}, readinessPath: '/' }],
    }),
  ).toEqual([
    'images.etcd',
    'images.coreDns',
    'images.externalDns',
    'gitops',
    'etcd.storage',
    'clusters[0].nodeNetworks',
    'workloads[0].names',
    'workloads[0].addresses',
    'workloads[0].readinessPath',
  ]);
});

it.each<[string, Partial<FederationProps>, string]>([
  [
    'a version before it',
    { clusters: [cluster('fcp', ['europe', 'fr'], 1, { kubernetesVersion: '1.28.9' })] },
    'clusters[0].kubernetesVersion',
  ],
  [
    'a version after it',
    { clusters: [cluster('fcp', ['europe', 'fr'], 1, { kubernetesVersion: '1.38.0' })] },
    'clusters[0].kubernetesVersion',
  ],
  [
    'a folder of dist/ as a name',
    { hostCluster: 'gitops', clusters: [cluster('gitops', ['europe', 'fr'], 1)] },
    'clusters[0].name',
  ],
  [
    'a name that a record’s key may begin with',
    { hostCluster: '1', clusters: [cluster('1', ['europe', 'fr'], 1)] },
    'clusters[0].name',
  ],
  [
    'networks of some clusters only',
    {
      clusters: [
        cluster('fcp', ['europe', 'fr'], 1, { nodeNetworks: ['10.0.0.0/8'] }),
        cluster('usa', ['america', 'us'], 3),
      ],
    },
    'clusters[1].nodeNetworks',
  ],
  [
    'a network that is none',
    { clusters: [cluster('fcp', ['europe', 'fr'], 1, { nodeNetworks: ['10.0.0.0/33'] })] },
    'clusters[0].nodeNetworks[0]',
  ],
  [
    'networks with two prefixes',
    { clusters: [cluster('fcp', ['europe', 'fr'], 1, { nodeNetworks: ['10.0.0.0/24/9'] })] },
    'clusters[0].nodeNetworks[0]',
  ],
  ["a range that holds etcd's node", { etcd: { endpoint: '10.210.3.70:32379' } }, 'clusters[1].addressRange'],
  ["a workload over Kubernetes' own Service", { workloads: [{ ...hello, name: 'kubernetes' }] }, 'workloads[0].name'],
  ["etcd at CoreDNS' port", { etcd: { endpoint: '10.11.4.82:32609' } }, 'etcd.endpoint'],
  ['etcd at no node port', { etcd: { endpoint: '10.11.4.82:2379' } }, 'etcd.endpoint'],
  ['three members that forget', { etcd: { storage: 'ephemeral' } }, 'etcd.storage'],
  ['a volume without a unit', { etcd: { storage: { size: '10' } } }, 'etcd.storage.size'],
  ['a Secret that is none', { etcd: { tls: { serverSecret: 'Etcd', clientSecret: 'c' } } }, 'etcd.tls.serverSecret'],
  ['a prefix with a slash', { images: { prefix: 'registry.local/' } }, 'images.prefix'],
  ['a chart folder that is an option', { charts: { folder: '--x' } }, 'charts.folder'],
  ['a chart repository that is none', { charts: { repository: 'charts.local' } }, 'charts.repository'],
  ['a chart repository by file', { charts: { repository: 'file:///charts' } }, 'charts.repository'],
  ['a chart repository with a password', { charts: { repository: 'https://a:b@c.local' } }, 'charts.repository'],
  [
    'a repository and a folder',
    { charts: { repository: 'https://charts.local', folder: '../charts' } },
    'charts.repository',
  ],
  ['a TTL of nothing', { externalDns: { ttlSeconds: 0 } }, 'externalDns.ttlSeconds'],
  [
    'a password in an address',
    { gitops: { repoUrl: 'https://me:secret@git.local/x.git', flux: {} } },
    'gitops.repoUrl',
  ],
  [
    'an address that Flux refuses',
    { gitops: { repoUrl: 'git@git.local:x.git', flux: { secretName: 'key' } } },
    'gitops.repoUrl',
  ],
  ['ssh without a key', { gitops: { repoUrl: 'ssh://git@git.local/x.git', flux: {} } }, 'gitops.flux.secretName'],
  [
    'a Secret for Flux that is none',
    { gitops: { repoUrl: 'https://git.local/x.git', flux: { secretName: 'Key' } } },
    'gitops.flux.secretName',
  ],
  [
    'a cluster whose folder helm would take for a chart',
    { hostCluster: 'metallb', clusters: [cluster('metallb', ['europe', 'fr'], 1)] },
    'clusters[0].name',
  ],
  ['GitOps for nobody', { gitops: { repoUrl: 'https://git.local/x.git' } }, 'gitops'],
  [
    'charts outside of the repository',
    { charts: { folder: '../../charts' }, gitops: { repoUrl: 'https://git.local/x.git', flux: {} } },
    'charts.folder',
  ],
  [
    'an archive for Argo CD',
    { charts: { folder: '../charts' }, gitops: { repoUrl: 'https://git.local/x.git', argoCd: {} } },
    'charts.unpacked',
  ],
  [
    'replicas without a place',
    { workloads: [{ ...hello, placement: { clusters: { usa: { maxReplicas: 5, weight: 1 } } } }] },
    'workloads[0].placement',
  ],
  [
    'minimums of all clusters',
    { workloads: [{ ...hello, placement: { clusters: { '*': { minReplicas: 5 } } } }] },
    'workloads[0].placement',
  ],
  [
    'an address out of the range',
    { workloads: [{ ...hello, addresses: { usa: '10.210.1.66' } }] },
    "workloads[0].addresses['usa']",
  ],
  [
    'an address twice',
    { workloads: [hello, { ...hello, name: 'other', addresses: { usa: '10.210.3.65' } }] },
    "workloads[1].addresses['usa']",
  ],
  ['a name that leaves no room', { workloads: [{ ...hello, name: 'a'.repeat(60) }] }, 'workloads[0].name'],
])('refuses %s', (_, more, where) => {
  expect(mistakes(more)).toEqual([where]);
});

it.each(['dca', '8a', '0123456789', '1-a', 'fcp1'])('takes %s, which no record’s key begins with', (name) => {
  expect(mistakes({ hostCluster: name, clusters: [cluster(name, ['europe', 'fr'], 1)] })).toEqual([]);
});

it('refuses more workloads than a range has addresses', () => {
  const clusters = [cluster('fcp', ['europe', 'fr'], 1, { addressRange: '10.210.1.0/30' })];
  const workloads = ['a', 'b', 'c'].map((name) => ({ ...hello, name }));
  expect(mistakes({ clusters, workloads })).toEqual(["workloads[2].addresses['fcp']"]);
});
