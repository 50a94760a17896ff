import { Topology } from '../topology/resolve';
import { etcdService } from './etcd-statefulset';

/** Port at which CoreDNS answers in its pod: above those that only root may take. */
export const DNS_PORT = 1053;
/** Ports, on the pod's loopback address alone, at which CoreDNS asks itself what to say for a name without records. */
const ZONE_PORT = 1054;
const REGION_PORT = 1055;
export const HEALTH_PORT = 8080;
export const READY_PORT = 8181;
export const METRICS_PORT = 9153;
/** Where the certificate for etcd is mounted. */
export const CERTIFICATES = '/etc/coredns/etcd';

/** CoreDNS refuses patterns beyond 10,000 characters; at 64 to a zone these stay well below. */
const ZONES_PER_PATTERN = 100;

/**
 * The Corefile of the zone.
 *
 * Names come out of etcd. A cluster's own name without records leads on to its region's, and a region's to the
 * federation's, as the retired control plane had it. `template` says so, but it stands before `etcd` in CoreDNS's fixed
 * order of plugins and would answer first: each level therefore has a server of its own, which the one before asks when
 * etcd has nothing. A template looks its target up in its own server, so that the address is in the same answer.
 */
export function zoneCorefile(topology: Topology): string {
  const { domain } = topology.dns;
  return [
    block(`${domain}:${DNS_PORT}`, [
      'errors',
      `health :${HEALTH_PORT}`,
      `ready :${READY_PORT}`,
      `prometheus :${METRICS_PORT}`,
      'loadbalance',
      ...etcd(topology, true),
      `forward . 127.0.0.1:${ZONE_PORT}`,
    ]),
    block(`${domain}:${ZONE_PORT}`, [
      'bind 127.0.0.1',
      'errors',
      ...leadOn(topology, zonePatterns(topology), `{{ .Group.service }}.{{ .Group.region }}.${domain}.`),
      ...etcd(topology, true),
      `forward . 127.0.0.1:${REGION_PORT}`,
    ]),
    block(`${domain}:${REGION_PORT}`, [
      'bind 127.0.0.1',
      'errors',
      ...leadOn(topology, regionPatterns(topology), `{{ .Group.service }}.${domain}.`),
      ...etcd(topology, false),
    ]),
  ].join('\n');
}

function block(head: string, lines: readonly string[]): string {
  return [`${head} {`, ...lines.map((line) => `    ${line}`), '}', ''].join('\n');
}

function etcd(topology: Topology, further: boolean): string[] {
  return [
    'etcd {',
    '    path /skydns',
    `    endpoint ${etcdService(topology)}`,
    ...(topology.etcd.tls ? [`    tls ${CERTIFICATES}/tls.crt ${CERTIFICATES}/tls.key ${CERTIFICATES}/ca.crt`] : []),
    ...(further ? ['    fallthrough'] : []),
    '}',
  ];
}

function leadOn({ externalDns }: Topology, patterns: readonly string[], target: string): string[] {
  const matches = patterns.map((pattern) => `    match ${pattern}`);
  return [
    // Asked for a CNAME alone, etcd knows no name, not even one that has addresses: none is said to lead on then.
    'template ANY CNAME {',
    ...matches,
    '    rcode NOERROR',
    '    fallthrough',
    '}',
    'template ANY ANY {',
    ...matches,
    `    answer "{{ .Name }} ${externalDns.ttlSeconds} IN CNAME ${target}"`,
    '    fallthrough',
    '}',
  ];
}

const literal = (text: string): string => text.replaceAll('.', '\\.');

/** What every name begins with: Service, namespace, federation. */
const service = ({ name }: Topology): string => `(?P<service>[^.]+\\.[^.]+\\.${name}\\.svc)`;

function zonePatterns(topology: Topology): string[] {
  const zones = new Map<string, string[]>();
  for (const { region, zone } of topology.clusters) zones.set(region, [...(zones.get(region) ?? []), zone]);
  return [...zones].flatMap(([region, all]) =>
    chunks(all, ZONES_PER_PATTERN).map(
      (part) =>
        `^${service(topology)}\\.(${part.join('|')})\\.(?P<region>${region})\\.${literal(topology.dns.domain)}\\.$`,
    ),
  );
}

function regionPatterns(topology: Topology): string[] {
  const regions = [...new Set(topology.clusters.map(({ region }) => region))];
  return chunks(regions, ZONES_PER_PATTERN).map(
    (part) => `^${service(topology)}\\.(${part.join('|')})\\.${literal(topology.dns.domain)}\\.$`,
  );
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}
