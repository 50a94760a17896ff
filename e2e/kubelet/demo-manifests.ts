/** A small federation by hand, for the demo only: what the project renders is proven by the e2e run itself. */

/** The node ports of the host cluster, as a topology would name them. */
export const NODE_PORTS = { dns: 30_053, etcd: 32_379 };

/** The federation's zone. */
export const ZONE = 'example.com';

/** Where a cluster is, and which address its service gets. */
export interface Site {
  readonly name: string;
  readonly region: string;
  readonly zone: string;
  /** The range of MetalLB's pool. */
  readonly range: string;
  /** The first of it, asked for by the Service. */
  readonly address: string;
}

/** The demo's clusters; the first is the host. */
export const SITES: readonly [Site, Site] = [
  { name: 'fcp', region: 'europe', zone: 'a', range: '10.210.1.65-10.210.1.126', address: '10.210.1.65' },
  { name: 'usa', region: 'america', zone: 'b', range: '10.210.2.65-10.210.2.126', address: '10.210.2.65' },
];

const SERVICE = 'hello-world.default.federation.svc';

/** The names of the demo's service: a cluster's own, its region's, the federation's. */
export function namesAt({ zone, region }: Site): {
  readonly zone: string;
  readonly region: string;
  readonly all: string;
} {
  return {
    zone: `${SERVICE}.${zone}.${region}.${ZONE}`,
    region: `${SERVICE}.${region}.${ZONE}`,
    all: `${SERVICE}.${ZONE}`,
  };
}

const NAMESPACE = 'federation-dns';
const MEMBERS = ['etcd-0', 'etcd-1', 'etcd-2'];
const ETCD_LABELS = { app: 'etcd' };
const DNS_LABELS = { app: 'coredns' };

const etcdBlock = (more: string): string => `  etcd {
    path /skydns
    endpoint ${MEMBERS.map((member) => `http://${member}.etcd.${NAMESPACE}.svc:2379`).join(' ')}
${more}  }
`;
const onward = (port: number): string => `  forward . 127.0.0.1:${port} {
    max_fails 0
  }
`;
const cname = (labels: string, target: string): string => `  template IN ANY {
    match ^(?P<service>[^.]+[.][^.]+[.][^.]+[.]svc[.])${labels}example[.]com[.]$
    answer "{{ .Name }} 5 IN CNAME {{ .Group.service }}${target}${ZONE}."
    fallthrough
  }
`;

const COREFILE = `${ZONE}:53 {
  errors
  health
  ready
${etcdBlock('    fallthrough\n')}${onward(5301)}}
${ZONE}:5301 {
  bind 127.0.0.1
  errors
${cname('(?P<zone>[^.]+[.])(?P<region>[^.]+[.])', '{{ .Group.region }}')}${etcdBlock('    fallthrough\n')}${onward(5302)}}
${ZONE}:5302 {
  bind 127.0.0.1
  errors
${cname('(?P<region>[^.]+[.])', '')}${etcdBlock('')}}
`;

/** The host cluster's etcd and CoreDNS. */
export function hostObjects(): unknown[] {
  const own = { namespace: NAMESPACE };
  const url = (port: number): string => `http://$(POD_NAME).etcd.${NAMESPACE}.svc:${port}`;
  return [
    namespace(),
    {
      ...kind('v1', 'Service'),
      metadata: { name: 'etcd', ...own },
      spec: {
        clusterIP: 'None',
        publishNotReadyAddresses: true,
        selector: ETCD_LABELS,
        ports: [
          { name: 'client', port: 2379 },
          { name: 'peer', port: 2380 },
        ],
      },
    },
    {
      ...kind('v1', 'Service'),
      metadata: { name: 'etcd-client', ...own },
      spec: {
        type: 'NodePort',
        selector: ETCD_LABELS,
        ports: [{ name: 'client', port: 2379, nodePort: NODE_PORTS.etcd }],
      },
    },
    {
      ...kind('apps/v1', 'StatefulSet'),
      metadata: { name: 'etcd', ...own },
      spec: {
        replicas: MEMBERS.length,
        serviceName: 'etcd',
        podManagementPolicy: 'Parallel',
        selector: { matchLabels: ETCD_LABELS },
        template: {
          metadata: { labels: ETCD_LABELS },
          spec: {
            automountServiceAccountToken: false,
            containers: [
              {
                name: 'etcd',
                image: 'registry.k8s.io/etcd:3.6.8-0',
                command: ['etcd'],
                args: [
                  '--name=$(POD_NAME)',
                  '--data-dir=/var/lib/etcd/data',
                  '--listen-client-urls=http://0.0.0.0:2379',
                  '--listen-peer-urls=http://0.0.0.0:2380',
                  '--listen-metrics-urls=http://0.0.0.0:2381',
                  `--advertise-client-urls=${url(2379)}`,
                  `--initial-advertise-peer-urls=${url(2380)}`,
                  `--initial-cluster=${MEMBERS.map((member) => `${member}=http://${member}.etcd.${NAMESPACE}.svc:2380`).join(',')}`,
                ],
                env: [{ name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
                ports: [
                  { name: 'client', containerPort: 2379 },
                  { name: 'peer', containerPort: 2380 },
                  { name: 'metrics', containerPort: 2381 },
                ],
                readinessProbe: { httpGet: { path: '/readyz', port: 'metrics' }, periodSeconds: 5 },
                volumeMounts: [{ name: 'data', mountPath: '/var/lib/etcd' }],
              },
            ],
          },
        },
        volumeClaimTemplates: [
          {
            metadata: { name: 'data' },
            spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
          },
        ],
      },
    },
    { ...kind('v1', 'ConfigMap'), metadata: { name: 'coredns', ...own }, data: { Corefile: COREFILE } },
    {
      ...kind('v1', 'Service'),
      metadata: { name: 'coredns', ...own },
      spec: {
        type: 'NodePort',
        selector: DNS_LABELS,
        ports: ['UDP', 'TCP'].map((protocol) => ({
          name: protocol.toLowerCase(),
          protocol,
          port: 53,
          nodePort: NODE_PORTS.dns,
        })),
      },
    },
    {
      ...deployment('coredns', 2, DNS_LABELS, {
        automountServiceAccountToken: false,
        containers: [
          {
            name: 'coredns',
            image: 'registry.k8s.io/coredns/coredns:v1.14.7',
            args: ['-conf', '/etc/coredns/Corefile'],
            ports: [
              { name: 'dns', containerPort: 53, protocol: 'UDP' },
              { name: 'dns-tcp', containerPort: 53, protocol: 'TCP' },
            ],
            readinessProbe: { httpGet: { path: '/ready', port: 8181 } },
            livenessProbe: { httpGet: { path: '/health', port: 8080 }, initialDelaySeconds: 10 },
            volumeMounts: [{ name: 'config', mountPath: '/etc/coredns', readOnly: true }],
          },
        ],
        volumes: [{ name: 'config', configMap: { name: 'coredns' } }],
      }),
    },
  ];
}

/** What every cluster gets: ExternalDNS with what it needs and no more, the service, and its names. */
export function memberObjects(site: Site): unknown[] {
  const names = namesAt(site);
  const account = { name: 'external-dns', namespace: NAMESPACE };
  const watch = (apiGroup: string, ...resources: string[]): unknown => ({
    apiGroups: [apiGroup],
    resources,
    verbs: ['list', 'watch'],
  });
  const hello = { app: 'hello-world' };
  return [
    namespace(),
    { ...kind('v1', 'ServiceAccount'), metadata: account },
    {
      ...kind('rbac.authorization.k8s.io/v1', 'ClusterRole'),
      metadata: { name: 'external-dns' },
      rules: [watch('', 'services', 'pods'), watch('discovery.k8s.io', 'endpointslices')],
    },
    {
      ...kind('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding'),
      metadata: { name: 'external-dns' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'external-dns' },
      subjects: [{ kind: 'ServiceAccount', ...account }],
    },
    deployment(
      'external-dns',
      1,
      { app: 'external-dns' },
      {
        serviceAccountName: 'external-dns',
        containers: [
          {
            name: 'external-dns',
            image: 'registry.k8s.io/external-dns/external-dns:v0.21.0',
            args: [
              '--source=service',
              '--service-type-filter=ClusterIP',
              '--service-type-filter=LoadBalancer',
              '--provider=coredns',
              '--coredns-strictly-owned',
              '--registry=noop',
              `--txt-owner-id=cluster-${site.name}`,
              `--domain-filter=${ZONE}`,
              '--interval=10s',
              '--events',
              '--listen-endpoint-events',
            ],
            env: [{ name: 'ETCD_URLS', value: `http://127.0.0.1:${NODE_PORTS.etcd}` }],
            ports: [{ name: 'http', containerPort: 7979 }],
            readinessProbe: { httpGet: { path: '/healthz', port: 'http' } },
          },
        ],
      },
    ),
    deployment(
      'hello-world',
      2,
      hello,
      { containers: [{ name: 'hello', image: 'hello-world:1', ports: [{ containerPort: 80 }] }] },
      { 'external-dns.alpha.kubernetes.io/target': site.address },
      'default',
    ),
    {
      ...kind('v1', 'Service'),
      metadata: {
        name: 'hello-world',
        namespace: 'default',
        annotations: { 'metallb.io/loadBalancerIPs': site.address },
      },
      spec: { type: 'LoadBalancer', selector: hello, ports: [{ port: 80 }] },
    },
    {
      ...kind('v1', 'Service'),
      metadata: {
        name: 'hello-world-names',
        namespace: 'default',
        annotations: {
          'external-dns.alpha.kubernetes.io/hostname': Object.values(names).join(','),
          'external-dns.alpha.kubernetes.io/ttl': '5',
        },
      },
      spec: { clusterIP: 'None', selector: hello, ports: [{ port: 80 }] },
    },
  ];
}

/** MetalLB's pool. */
export function poolObjects({ range }: Site): unknown[] {
  return [
    {
      ...kind('metallb.io/v1beta1', 'IPAddressPool'),
      metadata: { name: 'federation', namespace: 'metallb-system' },
      spec: { addresses: [range] },
    },
    { ...kind('metallb.io/v1beta1', 'L2Advertisement'), metadata: { name: 'federation', namespace: 'metallb-system' } },
  ];
}

function kind(apiVersion: string, name: string): { readonly apiVersion: string; readonly kind: string } {
  return { apiVersion, kind: name };
}

function namespace(): unknown {
  return { ...kind('v1', 'Namespace'), metadata: { name: NAMESPACE } };
}

function deployment(
  name: string,
  replicas: number,
  labels: Readonly<Record<string, string>>,
  podSpec: unknown,
  annotations: Readonly<Record<string, string>> = {},
  inNamespace = NAMESPACE,
): Record<string, unknown> {
  return {
    ...kind('apps/v1', 'Deployment'),
    metadata: { name, namespace: inNamespace },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels, annotations }, spec: podSpec },
    },
  };
}
