/** The one chart that the stand-in of helm knows: stable/coredns, in the versions and with the values of its time. */
import * as semver from 'semver';
import { type Dict, type Json, type KubeObject, at, dict, isDict, list, text } from './json';

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

/** The chart that a reference and `--version` name; the newest where none is named. `there`: what the repository has. */
export function findChart(
  reference: string,
  version: string | undefined,
  there?: readonly string[],
): Chart | undefined {
  if (reference !== 'stable/coredns') return undefined;
  const offered = VERSIONS.filter(([chart]) => there?.includes(chart) ?? true);
  const exact = offered.find(([chart]) => chart === version?.replace(/^v/, ''));
  const range = version === undefined ? undefined : offered.findLast(([chart]) => semver.satisfies(chart, version));
  const found = version === undefined ? offered[offered.length - 1] : (exact ?? range);
  return found === undefined ? undefined : { name: 'coredns', version: found[0], appVersion: found[1] };
}

/** Values of the charts that no template was rendered with, as helm words it. */
export class RenderError extends Error {}

/** Default values of the charts before 1.0.0, with what their plugins' key was called. */
function oldDefaults(key: string, coreDns: string): Dict {
  return {
    image: { pullPolicy: 'IfNotPresent', repository: 'coredns/coredns', tag: coreDns },
    isClusterService: true,
    replicaCount: 1,
    serviceProtocol: 'UDPNTCP',
    serviceType: 'ClusterIP',
    rbac: { create: false, serviceAccountName: 'default' },
    resources: { limits: { cpu: '100m', memory: '128Mi' }, requests: { cpu: '100m', memory: '128Mi' } },
    [key]: {
      cache: { enabled: true },
      errors: { enabled: true, file: 'stderr' },
      etcd: { enabled: false, zones: ['.'], path: '/skydns', endpoint: 'http://localhost:2379' },
      health: { enabled: true },
      kubernetes: { enabled: true, clusterDomain: 'cluster.local', clusterCidr: '10.3.0.0/24', clusterIP: null },
      loadbalance: { enabled: true, policy: 'round_robin' },
      log: { enabled: false, file: 'stdout' },
      prometheus: { enabled: true, port: '9153' },
      proxy: { enabled: true },
    },
  };
}

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
  const lines: string[] = [];
  const plugin = (name: string, ...words: readonly string[]): void => {
    if (at(plugins, name, 'enabled') === true) lines.push(`    ${words.join(' ')}`);
  };
  const setting = (name: string, field: string): string => text(at(plugins, name, field));
  plugin('cache', 'cache 30');
  plugin('errors', 'errors', setting('errors', 'file'));
  if (at(plugins, 'etcd', 'enabled') === true) {
    const zones = list(at(plugins, 'etcd', 'zones')).map((zone) => text(zone));
    lines.push(
      `    etcd ${zones.join(' ')} {`,
      `      path ${setting('etcd', 'path')}`,
      `      endpoint ${setting('etcd', 'endpoint')}`,
      '    }',
    );
  }
  plugin('health', 'health');
  plugin('kubernetes', 'kubernetes', setting('kubernetes', 'clusterDomain'), setting('kubernetes', 'clusterCidr'));
  plugin('loadbalance', 'loadbalance', setting('loadbalance', 'policy'));
  plugin('log', 'log', setting('log', 'file'));
  plugin('prometheus', `prometheus 0.0.0.0:${setting('prometheus', 'port')}`);
  plugin('proxy', 'proxy . /etc/resolv.conf');
  return ['.:53 {', ...lines, '}'].join('\n');
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

/** The values that a chart is rendered with: its own defaults under what the user says. */
export function computedValues(chart: Chart, values: Dict): Dict {
  const key = semver.lt(chart.version, '0.8.0') ? 'middleware' : 'plugins';
  const old = semver.lt(chart.version, '1.0.0');
  return dict(merged(old ? oldDefaults(key, chart.appVersion) : NEW_DEFAULTS, values));
}

/** Helm's merge of values: a null that only the defaults have stays. */
function merged(defaults: Dict, values: Dict): Dict {
  const result: Dict = { ...defaults };
  for (const [key, value] of Object.entries(values)) {
    const present = result[key];
    if (isDict(present) && isDict(value)) result[key] = merged(present, value);
    else if (value === null) Reflect.deleteProperty(result, key);
    else result[key] = value;
  }
  return result;
}

/** What the objects of a release are rendered for. */
export interface Rendering {
  readonly chart: Chart;
  readonly release: string;
  readonly namespace: string;
  readonly values: Dict;
  /** The program that renders: `Tiller`, or `Helm` from version 3 on. */
  readonly service: string;
  /** Whether the server has apps/v1. */
  readonly servesApps: boolean;
}

/** The chart's objects. Keys of the values that this version does not know are ignored without a word. */
export function render(rendering: Rendering): KubeObject[] {
  return semver.lt(rendering.chart.version, '1.0.0') ? renderOld(rendering) : renderNew(rendering);
}

function labelsOf({ chart, release, service }: Rendering, fullname: string): Record<string, string> {
  return { app: fullname, chart: `${chart.name}-${chart.version}`, heritage: service, release };
}

function configVolume(map: string): Dict {
  return { name: 'config-volume', configMap: { name: map, items: [{ key: 'Corefile', path: 'Corefile' }] } };
}

function renderOld(rendering: Rendering): KubeObject[] {
  const { chart, release, namespace } = rendering;
  const name = `${release}-${chart.name}`;
  const settings = computedValues(chart, rendering.values);
  const key = settings.plugins === undefined ? 'middleware' : 'plugins';
  if (!isDict(settings[key])) {
    const template = `${chart.name}/templates/service.yaml`;
    throw new RenderError(
      `render error in "${template}": template: ${template}:17:18: executing "${template}" at <.Values.${key}.prometheus.enabled>: can't evaluate field prometheus in type interface {}`,
    );
  }
  const labels = labelsOf(rendering, name);
  const own: Record<string, string> = settings.isClusterService === true ? { 'k8s-app': chart.name } : { app: name };
  // Metrics have a port of the Service from 0.4.0 on.
  const measured = semver.gte(chart.version, '0.4.0') && at(settings[key], 'prometheus', 'enabled') === true;
  const metrics = Number(at(settings[key], 'prometheus', 'port'));
  const names: readonly (readonly [name: string, port: number, protocol: string])[] = [
    ['dns', 53, 'UDP'],
    ['dns-tcp', 53, 'TCP'],
    ...(measured ? [['metrics', metrics, 'TCP'] as const] : []),
  ];
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace },
      data: { Corefile: oldCorefile(settings[key]) },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {
        name,
        namespace,
        labels: { ...labels, ...own },
        ...(measured
          ? { annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': String(metrics) } }
          : undefined),
      },
      spec: {
        type: text(settings.serviceType),
        selector: own,
        ...(settings.isClusterService === true
          ? { clusterIP: at(settings[key], 'kubernetes', 'clusterIP') ?? null }
          : undefined),
        ports: names.map(([port, number, protocol]) => ({ name: port, port: number, protocol })),
      },
    },
    {
      apiVersion: 'extensions/v1beta1',
      kind: 'Deployment',
      metadata: { name, namespace, labels: { ...labels, ...own } },
      spec: {
        replicas: typeof settings.replicaCount === 'number' ? settings.replicaCount : 1,
        selector: { matchLabels: own },
        template: {
          metadata: { labels: { ...own, release } },
          spec: {
            containers: [
              {
                name: 'coredns',
                image: `${text(at(settings, 'image', 'repository'))}:${text(at(settings, 'image', 'tag'))}`,
                imagePullPolicy: text(at(settings, 'image', 'pullPolicy')),
                args: ['-conf', '/etc/coredns/Corefile'],
                volumeMounts: [{ name: 'config-volume', mountPath: '/etc/coredns' }],
                resources: settings.resources,
                ports: names.map(([port, number, protocol]) => ({ containerPort: number, name: port, protocol })),
                livenessProbe: {
                  httpGet: { path: '/health', port: 8080, scheme: 'HTTP' },
                  initialDelaySeconds: 60,
                  timeoutSeconds: 5,
                  successThreshold: 1,
                  failureThreshold: 5,
                },
              },
            ],
            volumes: [configVolume(name)],
          },
        },
      },
    },
  ];
}

function renderNew(rendering: Rendering): KubeObject[] {
  const { chart, release, namespace, servesApps } = rendering;
  const name = release.includes(chart.name) ? release : `${release}-${chart.name}`;
  const settings = computedValues(chart, rendering.values);
  const labels: Record<string, string> = {
    ...labelsOf(rendering, name),
    ...(settings.isClusterService === true ? { 'k8s-app': chart.name } : {}),
  };
  const selector = { app: name, release };
  const nodePort = list(settings.servers)
    .map((server) => at(server, 'nodePort'))
    .find((port) => typeof port === 'number');
  const port = (portName: string, protocol: string): Dict => ({
    name: portName,
    port: 53,
    protocol,
    ...(nodePort === undefined ? {} : { nodePort }),
  });
  const metadata = { name, namespace, labels };
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { Corefile: newCorefile(list(settings.servers)) } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { type: text(settings.serviceType), selector, ports: [port('dns', 'UDP'), port('dns-tcp', 'TCP')] },
    },
    {
      apiVersion: servesApps && semver.gte(chart.version, '1.5.0') ? 'apps/v1' : 'extensions/v1beta1',
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
            volumes: [configVolume(name)],
          },
        },
      },
    },
  ];
}
