import { TopologyError } from '../../../lib';
import { checkTopology } from '../../../lib/topology/check';
import { ClusterProps, FederationProps, PlacementProps, WorkloadProps } from '../../../lib/topology/types';
import { GUIDE_CLUSTERS, guideProps, manyClusters } from '../../support/guide';

/** The guide's federation with another second cluster. */
const withUsa = (changes: Partial<ClusterProps>): FederationProps =>
  guideProps({ clusters: [GUIDE_CLUSTERS.fcp, { ...GUIDE_CLUSTERS.usa, ...changes }, GUIDE_CLUSTERS.chn] });

/** The guide's federation with another hello-world. */
const withWorkload = (changes: Partial<WorkloadProps>): FederationProps =>
  guideProps({ workloads: [{ name: 'hello-world', image: 'web:1', replicas: 12, port: 8080, ...changes }] });

const withPlacement = (clusters: PlacementProps['clusters']): FederationProps =>
  withWorkload({ placement: { clusters } });

const withDns = (changes: Partial<FederationProps['dns']>): FederationProps =>
  guideProps({ dns: { zone: 'example.com.', endpoint: '10.11.4.82:32609', ...changes } });

/** All that is wrong with a topology, one line each. */
function mistakes(props: FederationProps): string[] {
  try {
    checkTopology(props);
  } catch (error) {
    if (error instanceof TopologyError) return error.findings.map((f) => `${f.where} | ${f.problem} | ${f.hint}`);
    throw error;
  }
  return [];
}

const LABEL_HINT =
  'Use lower-case letters, digits and hyphens, starting and ending with a letter or digit, at most 63.';
const long = 'a'.repeat(64);

test("the guide's own topology has no mistake", () => {
  expect(mistakes(guideProps())).toEqual([]);
});

describe('a mistake is told with its path, its value and what would be right', () => {
  test.each<[string, FederationProps, string]>([
    [
      'a name of the federation that is no label',
      guideProps({ name: 'My_Federation' }),
      `name | 'My_Federation' is no DNS-1123 label | ${LABEL_HINT}`,
    ],
    [
      'a range that holds an API server',
      withUsa({ addressRange: '10.11.12.100/24' }),
      "clusters[1].addressRange | '10.11.12.100/24' (10.11.12.1 to 10.11.12.254) holds 10.11.12.1, the address of clusters[0].server, and 10.11.12.2, the address of clusters[1].server, and 10.11.12.3, the address of clusters[2].server | Give a range of which nobody has an address yet: all of it is handed out to Services.",
    ],
    [
      'a range that holds the node that answers for the zone',
      withUsa({ addressRange: '10.11.4.64/26' }),
      "clusters[1].addressRange | '10.11.4.64/26' (10.11.4.65 to 10.11.4.126) holds 10.11.4.82, the address of dns.endpoint | Give a range of which nobody has an address yet: all of it is handed out to Services.",
    ],
    [
      "a range that holds the control plane's address",
      guideProps({ controlPlane: { advertiseAddress: '10.210.3.70' } }),
      "clusters[1].addressRange | '10.210.3.100/26' (10.210.3.65 to 10.210.3.126) holds 10.210.3.70, the address of controlPlane.advertiseAddress | Give a range of which nobody has an address yet: all of it is handed out to Services.",
    ],
    ...(
      [
        ['cluster.local.', 'cluster.local'],
        ['local.', 'cluster.local'],
        ['svc.cluster.local.', 'cluster.local'],
        ['10.in-addr.arpa.', 'in-addr.arpa'],
        ['arpa.', 'in-addr.arpa'],
      ] as const
    ).map(([zone, domain]): [string, FederationProps, string] => [
      `a zone that takes the cluster's own names away: ${zone}`,
      withDns({ zone }),
      `dns.zone | '${zone}' holds names that each cluster's own DNS answers (${domain}) | Choose a zone that is the federation's alone: every question for it leaves the cluster.`,
    ]),
    ...['kubernetes', 'etcd-operator', 'etcd-cluster-client', 'coredns-coredns'].map(
      (name): [string, FederationProps, string] => [
        `a workload over what is there already: ${name}`,
        withWorkload({ name }),
        `workloads[0].name | '${name}' is the name of something that is in the namespace default already | Name it otherwise, or give it a namespace of its own.`,
      ],
    ),
    [
      'names that are longer than DNS can carry',
      guideProps({
        name: 'f'.repeat(63),
        clusters: [{ ...GUIDE_CLUSTERS.fcp, region: 'r'.repeat(63), zone: 'z'.repeat(63) }],
        workloads: [{ name: 'w'.repeat(40), image: 'web:1', replicas: 1, port: 80 }],
      }),
      'workloads[0].name | its longest name in DNS would have 256 characters, and DNS has at most 253 | Shorten the names of workload, namespace, federation, zone, region or DNS zone.',
    ],
    ...['ghcr.io/MyOrg/App:1', 'Nginx', 'a//b', 'a/-b', 'web:'].map((image): [string, FederationProps, string] => [
      `an image that no runtime takes: ${image}`,
      withWorkload({ image }),
      `workloads[0].image | '${image}' is no image reference | Write [registry/]name[:tag][@digest].`,
    ]),
    [
      'replicas beyond all maximums',
      withPlacement({ '*': { maxReplicas: 1, weight: 1 } }),
      'workloads[0].placement | 9 of 12 replicas find no place | Give a cluster a weight (without one it gets its minimum), or raise maxReplicas.',
    ],
    [
      'an unknown host cluster',
      guideProps({ hostCluster: 'fpc' }),
      "hostCluster | 'fpc' is none of the clusters | Name one of the declared clusters: fcp, usa, chn.",
    ],
    [
      'a cluster name that is no label',
      withUsa({ name: 'usa_1', context: 'usa' }),
      `clusters[1].name | 'usa_1' is no DNS-1123 label | ${LABEL_HINT}`,
    ],
    [
      'a cluster name that is too long',
      withUsa({ name: long }),
      `clusters[1].name | '${long}' is no DNS-1123 label | ${LABEL_HINT}`,
    ],
    [
      'an empty cluster name',
      withUsa({ name: '', context: 'usa' }),
      `clusters[1].name | '' is no DNS-1123 label | ${LABEL_HINT}`,
    ],
    [
      "a cluster that is named as the federation's own folder",
      { ...withUsa({ name: 'federation', context: 'usa' }), name: 'world' },
      "clusters[1].name | 'federation' is the folder of the federation's own objects in dist/ | Name it otherwise.",
    ],
    [
      'a name that two clusters have',
      withUsa({ name: 'fcp', context: 'usa' }),
      "clusters[1].name | the name 'fcp' is clusters[0].name's already | Give each cluster a name of its own.",
    ],
    [
      'a context that two clusters have',
      withUsa({ context: 'fcp' }),
      "clusters[1].context | the context 'fcp' is clusters[0].context's already | Give each cluster a context of its own.",
    ],
    [
      'a context with a blank',
      withUsa({ context: 'usa admin' }),
      "clusters[1].context | 'usa admin' is no context name | Name a context of the kubeconfig, without blanks.",
    ],
    [
      'a context that a program would take for a flag',
      withUsa({ context: '--all' }),
      "clusters[1].context | '--all' is no context name | Name a context of the kubeconfig, without blanks.",
    ],
    [
      'an empty context',
      withUsa({ context: '' }),
      "clusters[1].context | '' is no context name | Name a context of the kubeconfig, without blanks.",
    ],
    [
      'a context that will be the federation’s own',
      withUsa({ context: 'federation' }),
      "clusters[1].context | the context 'federation' is the one that kubefed init writes for the federation | Rename the context, or give the federation another name.",
    ],
    [
      'a cluster whose context, by default its name, will be the federation’s own',
      guideProps({ name: 'usa' }),
      "clusters[1].name | the context 'usa' is the one that kubefed init writes for the federation | Rename the context, or give the federation another name.",
    ],
    [
      "a host cluster whose context cannot be a part of an object's name",
      guideProps({
        clusters: [
          { ...GUIDE_CLUSTERS.fcp, context: 'kubernetes-admin@kubernetes' },
          GUIDE_CLUSTERS.usa,
          GUIDE_CLUSTERS.chn,
        ],
      }),
      "clusters[0].context | 'kubernetes-admin@kubernetes' cannot be a part of a ServiceAccount's name, and kubefed join names one after the host cluster's context | Rename the context to lower-case letters, digits, hyphens and dots (kubectl config rename-context).",
    ],
    [
      'a region that is no label',
      withUsa({ region: 'North America' }),
      `clusters[1].region | 'North America' is no DNS-1123 label | ${LABEL_HINT}`,
    ],
    [
      'a zone that is no label',
      withUsa({ zone: 'us-' }),
      `clusters[1].zone | 'us-' is no DNS-1123 label | ${LABEL_HINT}`,
    ],
    [
      'a region and zone that two clusters have',
      withUsa({ region: 'europe', zone: 'fr' }),
      "clusters[1] | region and zone 'europe/fr' is clusters[0]'s already | Two clusters of one zone would share their DNS name.",
    ],
    [
      'a server without TLS',
      withUsa({ server: 'http://10.11.12.2:6443' }),
      "clusters[1].server | 'http://10.11.12.2:6443' is no https address of an API server | Write https://<host>:<port>.",
    ],
    [
      'a server that is no address',
      withUsa({ server: '10.11.12.2:6443' }),
      "clusters[1].server | '10.11.12.2:6443' is no https address of an API server | Write https://<host>:<port>.",
    ],
    [
      'a server that two clusters have',
      withUsa({ server: 'https://10.11.12.1:6443' }),
      "clusters[1].server | the server 'https://10.11.12.1:6443' is clusters[0].server's already | A cluster can be a member only once.",
    ],
    [
      'a server that two clusters have, written in two ways',
      withUsa({ server: 'HTTPS://10.11.12.1:6443/' }),
      "clusters[1].server | the server 'https://10.11.12.1:6443' is clusters[0].server's already | A cluster can be a member only once.",
    ],
    [
      'a range that is no CIDR',
      withUsa({ addressRange: '10.210.3.100' }),
      "clusters[1].addressRange | '10.210.3.100' is no IPv4 CIDR | Write an IPv4 CIDR of /1 to /30, such as 10.210.1.100/26.",
    ],
    [
      'a range of IPv6',
      withUsa({ addressRange: 'fd00::/64' }),
      "clusters[1].addressRange | 'fd00::/64' is no IPv4 CIDR | Write an IPv4 CIDR of /1 to /30, such as 10.210.1.100/26.",
    ],
    [
      'a range without an address to hand out',
      withUsa({ addressRange: '10.210.3.100/31' }),
      "clusters[1].addressRange | '10.210.3.100/31' has no address to hand out: network and broadcast address are left out, so a /31 is empty | Write an IPv4 CIDR of /1 to /30, such as 10.210.1.100/26.",
    ],
    [
      'a range of one address',
      withUsa({ addressRange: '10.210.3.100/32' }),
      "clusters[1].addressRange | '10.210.3.100/32' has no address to hand out: network and broadcast address are left out, so a /32 is empty | Write an IPv4 CIDR of /1 to /30, such as 10.210.1.100/26.",
    ],
    [
      'ranges that overlap',
      withUsa({ addressRange: '10.210.1.120/29' }),
      "clusters[1].addressRange | '10.210.1.120/29' (10.210.1.121 to 10.210.1.126) overlaps clusters[0]'s '10.210.1.100/26' | Give each cluster a range of its own: an address is handed out once.",
    ],
    [
      'a version that is none',
      withUsa({ kubernetesVersion: '1.7' }),
      "clusters[1].kubernetesVersion | '1.7' is no version | Write all three numbers, such as 1.7.3.",
    ],
    [
      'a version with a leading v',
      withUsa({ kubernetesVersion: 'v1.7.3' }),
      "clusters[1].kubernetesVersion | 'v1.7.3' is no version | Write all three numbers, such as 1.7.3.",
    ],
    [
      'a version that is too old',
      withUsa({ kubernetesVersion: '1.6.9' }),
      'clusters[1].kubernetesVersion | 1.6.9 is not supported by the stack federation-v1 | Use 1.7 to 1.15: federated Deployments are extensions/v1beta1, which ends with 1.15.',
    ],
    [
      'a version that is too new',
      withUsa({ kubernetesVersion: '1.16.0' }),
      'clusters[1].kubernetesVersion | 1.16.0 is not supported by the stack federation-v1 | Use 1.7 to 1.15: federated Deployments are extensions/v1beta1, which ends with 1.15.',
    ],
    [
      'a version that the other stack is for',
      withUsa({ kubernetesVersion: '1.34.4' }),
      "clusters[1].kubernetesVersion | 1.34.4 is not supported by the stack federation-v1 | Use 1.7 to 1.15: federated Deployments are extensions/v1beta1, which ends with 1.15; or set stack: 'external-dns', which is for 1.29 to 1.37.",
    ],
    [
      'a version of another major',
      withUsa({ kubernetesVersion: '2.7.3' }),
      'clusters[1].kubernetesVersion | 2.7.3 is not supported by the stack federation-v1 | Use 1.7 to 1.15: federated Deployments are extensions/v1beta1, which ends with 1.15.',
    ],
    [
      'a zone without its closing dot',
      withDns({ zone: 'example.com' }),
      "dns.zone | 'example.com' lacks its closing dot | Write 'example.com.': the zone is a fully qualified name.",
    ],
    [
      'a zone that is no name',
      withDns({ zone: 'Example..com.' }),
      "dns.zone | 'Example..com.' is no DNS zone | Write DNS-1123 labels with dots, such as example.com.",
    ],
    [
      'the root as a zone',
      withDns({ zone: '.' }),
      "dns.zone | '.' is no DNS zone | Write DNS-1123 labels with dots, such as example.com.",
    ],
    [
      'an endpoint without a port',
      withDns({ endpoint: '10.11.4.82' }),
      "dns.endpoint | '10.11.4.82' is no endpoint | Write <IPv4 address of a node>:<node port>.",
    ],
    [
      'an endpoint with a name',
      withDns({ endpoint: 'dns.example.com:32609' }),
      "dns.endpoint | 'dns.example.com:32609' is no endpoint | Write <IPv4 address of a node>:<node port>.",
    ],
    [
      'a port that the API server does not hand out',
      withDns({ endpoint: '10.11.4.82:53' }),
      "dns.endpoint | port 53 is outside the node ports 30000-32767 | Use a port from 30000 to 32767, or set dns.nodePortRange to what the host cluster's API server hands out.",
    ],
    [
      'node ports that are no range',
      withDns({ nodePortRange: '30000' }),
      "dns.nodePortRange | '30000' is no port range | Write <first>-<last>, such as 30000-32767.",
    ],
    [
      'node ports in the wrong order',
      withDns({ nodePortRange: '32767-30000' }),
      "dns.nodePortRange | '32767-30000' is no port range | Write <first>-<last>, such as 30000-32767.",
    ],
    [
      'node ports with more than two numbers',
      withDns({ nodePortRange: '30000-32767-40000' }),
      "dns.nodePortRange | '30000-32767-40000' is no port range | Write <first>-<last>, such as 30000-32767.",
    ],
    [
      'a workload name that cannot name a Service',
      withWorkload({ name: '1-web' }),
      "workloads[0].name | '1-web' is no DNS-1035 label | Use lower-case letters, digits and hyphens, starting and ending with a letter or digit, at most 63, and begin with a letter: it names a Service.",
    ],
    [
      'a namespace that is no label',
      withWorkload({ namespace: 'my.shop' }),
      `workloads[0].namespace | 'my.shop' is no DNS-1123 label | ${LABEL_HINT}`,
    ],
    [
      'two workloads of one name',
      guideProps({
        workloads: [
          { name: 'web', image: 'web:1', replicas: 1, port: 80 },
          { name: 'web', namespace: 'default', image: 'web:2', replicas: 1, port: 80 },
        ],
      }),
      "workloads[1] | the workload 'default/web' is workloads[0]'s already | Give each workload a name of its own within its namespace.",
    ],
    [
      'an image that is none',
      withWorkload({ image: 'web 1' }),
      "workloads[0].image | 'web 1' is no image reference | Write [registry/]name[:tag][@digest].",
    ],
    [
      'an image that a program would take for a flag',
      withWorkload({ image: '--privileged' }),
      "workloads[0].image | '--privileged' is no image reference | Write [registry/]name[:tag][@digest].",
    ],
    [
      'a port that is none',
      withWorkload({ port: 70000 }),
      'workloads[0].port | 70000 is no whole number from 1 to 65535 | Give a whole number from 1 to 65535.',
    ],
    [
      'a port name that is there twice',
      withWorkload({ morePorts: [{ name: 'web', port: 90 }] }),
      "workloads[0].morePorts[0].name | the port name 'web' is workloads[0].portName's already | Give each port of the workload a name of its own.",
    ],
    [
      'a port that is there twice',
      withWorkload({ morePorts: [{ name: 'more', port: 8080 }] }),
      "workloads[0].morePorts[0].port | the port '8080/TCP' is workloads[0].port's already | Name each port of the workload once.",
    ],
    [
      'a further port that is none',
      withWorkload({ morePorts: [{ name: 'more', port: 70000 }] }),
      'workloads[0].morePorts[0].port | 70000 is no whole number from 1 to 65535 | Give a whole number from 1 to 65535.',
    ],
    [
      'a further port of the other protocol, which this stack has not',
      withWorkload({ morePorts: [{ name: 'more', port: 80, protocol: 'UDP' }] }),
      'workloads[0].morePorts[0].protocol | "UDP" does nothing in the stack federation-v1 | Leave it out, or use the other stack.',
    ],
    [
      'a variable that can have no such name',
      withWorkload({ env: { 'a b': '1' } }),
      "workloads[0].env['a b'] | 'a b' is no name of a variable | Use letters, digits and underscores.",
    ],
    [
      'a port name that is too long',
      withWorkload({ portName: 'much-too-long-port' }),
      "workloads[0].portName | 'much-too-long-port' is no port name | Use at most 15 lower-case letters, digits and single hyphens, a letter among them.",
    ],
    [
      'a port name without a letter',
      withWorkload({ portName: '8080' }),
      "workloads[0].portName | '8080' is no port name | Use at most 15 lower-case letters, digits and single hyphens, a letter among them.",
    ],
    [
      'a negative replica count',
      withWorkload({ replicas: -1 }),
      'workloads[0].replicas | -1 is no whole number from 0 to 1000000 | Give a whole number from 0 to 1000000.',
    ],
    [
      'half a replica',
      withWorkload({ replicas: 1.5 }),
      'workloads[0].replicas | 1.5 is no whole number from 0 to 1000000 | Give a whole number from 0 to 1000000.',
    ],
    [
      'a placement on an unknown cluster',
      withPlacement({ '*': { weight: 1 }, ger: { weight: 1 } }),
      "workloads[0].placement.clusters['ger'] | 'ger' is none of the clusters | Name a cluster, or * for all that are not named.",
    ],
    [
      'a negative minimum',
      withPlacement({ '*': { weight: 1 }, fcp: { minReplicas: -1 } }),
      "workloads[0].placement.clusters['fcp'].minReplicas | -1 is no whole number from 0 to 1000000 | Give a whole number from 0 to 1000000.",
    ],
    [
      'a maximum below the minimum',
      withPlacement({ fcp: { minReplicas: 3, maxReplicas: 2 } }),
      "workloads[0].placement.clusters['fcp'].maxReplicas | 2 is less than minReplicas, 3 | Give at least minReplicas.",
    ],
    [
      'a weight that is no whole number',
      withPlacement({ '*': { weight: 0.5 } }),
      "workloads[0].placement.clusters['*'].weight | 0.5 is no whole number from 0 to 1000000 | Give a whole number from 0 to 1000000.",
    ],
    [
      'minimums that are more than all replicas',
      withPlacement({ fcp: { minReplicas: 8 }, usa: { minReplicas: 5 } }),
      'workloads[0].placement | the minimums add up to 13 of 12 replicas | Raise replicas, or lower minReplicas.',
    ],
    [
      'a minimum for all others that is more than all replicas',
      withPlacement({ fcp: { minReplicas: 2 }, '*': { minReplicas: 6 } }),
      'workloads[0].placement | the minimums add up to 14 of 12 replicas | Raise replicas, or lower minReplicas.',
    ],
    [
      'a placement that places nothing',
      withPlacement({ fcp: { maxReplicas: 3 } }),
      'workloads[0].placement | no cluster has a weight or a minimum, so none of 12 replicas would run | Give a cluster, or *, a weight of 1 or more.',
    ],
    [
      'an even etcd',
      guideProps({ etcd: { size: 4 } }),
      'etcd.size | 4 is no size of an etcd cluster | Use 1, 3, 5 or 7: an even member adds no safety.',
    ],
    [
      'an etcd without the v2 API',
      guideProps({ etcd: { version: '3.4.0' } }),
      "etcd.version | '3.4.0' does not serve the v2 API by default | Use a version from 3.0.0 to 3.3.x, such as 3.1.8.",
    ],
    [
      'an image of etcd-operator that is none',
      guideProps({ etcd: { operatorImage: 'etcd operator' } }),
      "etcd.operatorImage | 'etcd operator' is no image reference | Write [registry/]name[:tag][@digest].",
    ],
    [
      'a chart whose CoreDNS reads etcd v3 only',
      guideProps({ coreDns: { chartVersion: '1.0.0' } }),
      "coreDns.chartVersion | '1.0.0' brings no CoreDNS that reads etcd v2 | Use 0.1.0 to 0.9.1, such as 0.6.0.",
    ],
    [
      'an image of kube-keepalived-vip that is none',
      guideProps({ keepalived: { vipImage: '' } }),
      "keepalived.vipImage | '' is no image reference | Write [registry/]name[:tag][@digest].",
    ],
    [
      'an image of the cloud provider that is none',
      guideProps({ keepalived: { cloudProviderImage: 'x:y:z' } }),
      "keepalived.cloudProviderImage | 'x:y:z' is no image reference | Write [registry/]name[:tag][@digest].",
    ],
    [
      'an image of the control plane that is none',
      guideProps({ controlPlane: { image: 'a b' } }),
      "controlPlane.image | 'a b' is no image reference | Write [registry/]name[:tag][@digest].",
    ],
    [
      'an advertised address that is none',
      guideProps({ controlPlane: { advertiseAddress: '10.11.4' } }),
      "controlPlane.advertiseAddress | '10.11.4' is no IPv4 address | Give the address of a node of the host cluster.",
    ],
  ])('%s', (_, props, mistake) => {
    expect(mistakes(props)).toEqual([mistake]);
  });

  test('a server with credentials is refused, and they are not repeated', () => {
    const props = withUsa({ server: 'https://admin:hunter2@10.11.12.2:6443' });
    expect(mistakes(props)).toEqual([
      "clusters[1].server | 'https://10.11.12.2:6443' is written with credentials | Write https://<host>:<port>; the kubeconfig has the credentials.",
    ]);
  });
});

describe('many mistakes', () => {
  const props = guideProps({
    hostCluster: 'nowhere',
    clusters: [
      GUIDE_CLUSTERS.fcp,
      { ...GUIDE_CLUSTERS.usa, kubernetesVersion: '1.2.3', addressRange: '10.210.1.64/28' },
      { ...GUIDE_CLUSTERS.chn, region: 'europe', zone: 'fr' },
    ],
    dns: { zone: 'example.com', endpoint: 'x', nodePortRange: 'y' },
    workloads: [{ name: 'Web', image: '', replicas: -5, port: 0 }],
  });

  test('are all in one message', () => {
    expect(mistakes(props).map((mistake) => mistake.split(' | ')[0])).toEqual([
      'hostCluster',
      'clusters[1].kubernetesVersion',
      'clusters[2]',
      'clusters[1].addressRange',
      'dns.zone',
      'dns.endpoint',
      'dns.nodePortRange',
      'workloads[0].name',
      'workloads[0].image',
      'workloads[0].port',
      'workloads[0].replicas',
    ]);
    expect(() => {
      checkTopology(props);
    }).toThrow(/^The topology has 11 mistakes; nothing was written\.\n {2}- hostCluster: 'nowhere'/);
  });

  test('are counted as one where there is one', () => {
    expect(() => {
      checkTopology(guideProps({ hostCluster: 'x' }));
    }).toThrow(/^The topology has one mistake; nothing was written\.\n {2}- hostCluster: .*\n {4}Name one of/);
  });
});

describe('what is right is accepted', () => {
  test.each<[string, FederationProps]>([
    ['a workload of no replicas', withWorkload({ replicas: 0 })],
    [
      'workloads of one name in two namespaces',
      guideProps({
        workloads: [
          { name: 'web', image: 'web:1', replicas: 1, port: 80 },
          { name: 'web', namespace: 'shop', image: 'web:1', replicas: 1, port: 80 },
        ],
      }),
    ],
    ['clusters of one region', withUsa({ region: 'europe' })],
    ['clusters with zones of one name', withUsa({ zone: 'fr' })],
    ['a server with a name and a path', withUsa({ server: 'https://api.usa.example.com/k8s' })],
    [
      'an image with registry, port, tag and digest',
      withWorkload({ image: `registry:5000/a/b:1@sha256:${'0'.repeat(64)}` }),
    ],
    ...[
      'Registry.example.com/team/app:V1',
      'localhost:5000/a__b/c-d.e',
      'nginx',
      'k8s.gcr.io/a/b@sha256:' + '0'.repeat(64),
    ].map((image): [string, FederationProps] => [`an image: ${image}`, withWorkload({ image })]),
    [
      'a minimum of a workload that is switched off',
      withWorkload({ replicas: 0, placement: { clusters: { '*': { minReplicas: 1 } } } }),
    ],
    [
      "a workload in a namespace of its own, called as one of the guide's parts",
      withWorkload({ name: 'etcd-operator', namespace: 'shop' }),
    ],
    ['a range beside an API server', withUsa({ addressRange: '10.11.12.4/30' })],
    ['a zone that only ends like one', withDns({ zone: 'my-local.' })],
    ['a range of two addresses', withUsa({ addressRange: '10.210.3.100/30' })],
    ['ranges side by side', withUsa({ addressRange: '10.210.1.128/26' })],
    ['a version that is a release candidate', withUsa({ kubernetesVersion: '1.8.0-rc.1' })],
    ["a member's context with any sign but blanks", withUsa({ context: 'kubernetes-admin@usa' })],
    ['other node ports', withDns({ endpoint: '10.11.4.82:8053', nodePortRange: '8000-9000' })],
    ['placements whose minimums just fit', withPlacement({ fcp: { minReplicas: 4 }, '*': { minReplicas: 4 } })],
    ['a maximum of nothing', withPlacement({ '*': { weight: 1 }, chn: { maxReplicas: 0 } })],
    ['the last chart that reads etcd v2', guideProps({ coreDns: { chartVersion: '0.9.1' } })],
    ['the last etcd that serves v2 by default', guideProps({ etcd: { version: '3.3.27', size: 5 } })],
  ])('%s', (_, props) => {
    expect(mistakes(props)).toEqual([]);
  });
});

describe('the number of clusters', () => {
  test.each([1, 2, 1000])('%d is accepted', (count) => {
    expect(mistakes(manyClusters(count))).toEqual([]);
  });

  test('0 is refused', () => {
    expect(mistakes(guideProps({ clusters: [] }))).toContain(
      'clusters | 0 clusters are declared | Declare 1 to 1,000 clusters.',
    );
  });

  test('1,001 is refused', () => {
    expect(mistakes(manyClusters(1001))).toEqual([
      'clusters | 1001 clusters are declared | Declare 1 to 1,000 clusters.',
    ]);
  });

  test('does not make the message unreadable', () => {
    const [mistake] = mistakes({ ...manyClusters(1000), hostCluster: 'x' });
    expect(mistake).toMatch(/declared clusters: c0, c1, .*, c9 and 990 more\.$/);
  });
});
