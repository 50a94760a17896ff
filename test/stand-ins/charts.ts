/** The one chart that the stand-in of helm knows: stable/coredns, in the versions and with the values of its time. */
import * as semver from 'semver';
import { type Dict, type Json, type KubeObject, at, dict, isDict, list, text } from './json';
import { mergePatch } from './merge';

/** Chart versions and the CoreDNS that each brings, oldest first. */
const VERSIONS: readonly (readonly [chart: string, coreDns: string])[] = [
  ['0.1.0', '006'],
  ['0.2.0', '006'],
  ['0.2.1', '006'],
  ['0.3.0', '006'],
  ['0.4.0', '006'],
  ['0.5.0', '006'],
  ['0.6.0', '006'],
  ['0.7.0', '011'],
  ['0.8.0', '1.0.1'],
  ['0.9.0', '1.0.6'],
  ['0.9.1', '1.0.6'],
  ['1.0.0', '1.2.0'],
  ['1.1.0', '1.2.2'],
  ['1.5.0', '1.5.0'],
  ['1.13.8', '1.7.1'],
];

export interface Chart {
  readonly name: string;
  readonly version: string;
  readonly appVersion: string;
}

/** The chart that a reference and `--version` name; the newest where none is named. */
export function findChart(reference: string, version: string | undefined): Chart | undefined {
  if (reference !== 'stable/coredns') return undefined;
  const exact = VERSIONS.find(([chart]) => chart === version?.replace(/^v/, ''));
  const range = version === undefined ? undefined : VERSIONS.findLast(([chart]) => semver.satisfies(chart, version));
  const found = version === undefined ? VERSIONS[VERSIONS.length - 1] : (exact ?? range);
  return found === undefined ? undefined : { name: 'coredns', version: found[0], appVersion: found[1] };
}

const OLD_DEFAULTS: Dict = { isClusterService: true, serviceType: 'ClusterIP', replicaCount: 1 };
const OLD_PLUGINS: Dict = {
  kubernetes: { enabled: true, clusterDomain: 'cluster.local' },
  etcd: { enabled: false, zones: ['.'], path: '/skydns', endpoint: 'http://localhost:2379' },
  loadbalance: { enabled: true },
  errors: { enabled: true },
};
const NEW_DEFAULTS: Dict = {
  isClusterService: true,
  serviceType: 'ClusterIP',
  replicaCount: 1,
  servers: [
    {
      zones: [{ zone: '.' }],
      port: 53,
      plugins: [
        { name: 'errors' },
        { name: 'kubernetes', parameters: 'cluster.local in-addr.arpa ip6.arpa' },
        { name: 'forward', parameters: '. /etc/resolv.conf' },
      ],
    },
  ],
};

function oldCorefile(plugins: Dict): string {
  const lines = ['.:53 {', '    cache 30', '    errors', '    health', '    prometheus :9153'];
  const kubernetes = dict(plugins.kubernetes);
  if (kubernetes.enabled === true) lines.push(`    kubernetes ${text(kubernetes.clusterDomain)}`);
  const etcd = dict(plugins.etcd);
  if (etcd.enabled === true) {
    const zones = list(etcd.zones).map((zone) => text(zone));
    lines.push(
      `    etcd ${zones.join(' ')} {`,
      `        path ${text(etcd.path)}`,
      `        endpoint ${text(etcd.endpoint)}`,
      '    }',
    );
  }
  return `${[...lines, '    loadbalance round_robin', '    proxy . /etc/resolv.conf', '}'].join('\n')}\n`;
}

function newCorefile(servers: readonly Json[]): string {
  return servers
    .map((server) => {
      const zones = list(at(server, 'zones')).map(
        (zone) => `${text(at(zone, 'scheme'))}${text(at(zone, 'zone'))}:${text(at(server, 'port'), '53')}`,
      );
      const plugins = list(at(server, 'plugins')).flatMap((plugin) => {
        const line = `    ${[text(at(plugin, 'name')), text(at(plugin, 'parameters'))].filter((word) => word !== '').join(' ')}`;
        const block = text(at(plugin, 'configBlock'));
        if (block === '') return [line];
        return [
          `${line} {`,
          ...block
            .trim()
            .split('\n')
            .map((inner) => `        ${inner.trim()}`),
          '    }',
        ];
      });
      return `${(zones.length > 0 ? zones : ['.:53']).join(' ')} {\n${plugins.join('\n')}\n}\n`;
    })
    .join('');
}

/** The chart's objects. Keys of the values that this version does not know are ignored without a word. */
export function render(
  chart: Chart,
  release: string,
  namespace: string,
  values: Dict,
  servesApps: boolean,
): KubeObject[] {
  const fullname =
    release.includes(chart.name) && semver.gte(chart.version, '1.0.0') ? release : `${release}-${chart.name}`;
  const old = semver.lt(chart.version, '1.0.0');
  const key = semver.lt(chart.version, '0.8.0') ? 'middleware' : 'plugins';
  const all = mergePatch(old ? { ...OLD_DEFAULTS, [key]: OLD_PLUGINS } : NEW_DEFAULTS, values);
  const settings: Dict = isDict(all) ? all : {};
  const labels: Record<string, string> = {
    app: fullname,
    chart: `${chart.name}-${chart.version}`,
    heritage: 'Tiller',
    release,
    ...(settings.isClusterService === true ? { 'k8s-app': chart.name } : {}),
  };
  const selector = { app: fullname, release };
  const corefile = old ? oldCorefile(dict(settings[key])) : newCorefile(list(settings.servers));
  const nodePort = list(settings.servers)
    .map((server) => at(server, 'nodePort'))
    .find((port) => typeof port === 'number');
  const port = (name: string, protocol: string): Dict => ({
    name,
    port: 53,
    protocol,
    ...(nodePort === undefined || old ? {} : { nodePort }),
  });
  const metadata = { name: fullname, namespace, labels };
  // Charts 0.4.0 to 0.9.x give the Service a third port, for metrics.
  const hasMetrics = old && semver.gte(chart.version, '0.4.0');
  const metrics: Dict[] = hasMetrics ? [{ name: 'metrics', port: 9153, protocol: 'TCP' }] : [];
  const annotations = hasMetrics ? { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '9153' } : undefined;
  const modern = servesApps && semver.gte(chart.version, '1.5.0');
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { Corefile: corefile } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { ...metadata, ...(annotations && { annotations }) },
      spec: {
        type: text(settings.serviceType),
        selector,
        ports: [port('dns', 'UDP'), port('dns-tcp', 'TCP'), ...metrics],
      },
    },
    {
      apiVersion: modern ? 'apps/v1' : 'extensions/v1beta1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas: typeof settings.replicaCount === 'number' ? settings.replicaCount : 1,
        selector: { matchLabels: selector },
        template: {
          metadata: { labels: { ...labels } },
          spec: {
            serviceAccountName: 'default',
            dnsPolicy: 'Default',
            containers: [
              {
                name: 'coredns',
                image: `coredns/coredns:${chart.appVersion}`,
                args: ['-conf', '/etc/coredns/Corefile'],
                volumeMounts: [{ name: 'config-volume', mountPath: '/etc/coredns' }],
                ports: [
                  { containerPort: 53, name: 'dns', protocol: 'UDP' },
                  { containerPort: 53, name: 'dns-tcp', protocol: 'TCP' },
                ],
              },
            ],
            volumes: [
              { name: 'config-volume', configMap: { name: fullname, items: [{ key: 'Corefile', path: 'Corefile' }] } },
            ],
          },
        },
      },
    },
  ];
}
