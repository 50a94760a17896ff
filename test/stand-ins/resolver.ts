/** What a pod gets for a name: through its cluster's DNS, with the stub domains that are really configured there. */
import * as semver from 'semver';
import { blockFor, parseCorefile, within } from './corefile';
import { answer } from './dns';
import { type Dict, type Json, at, isDict, list, num, text } from './json';
import { ApiServer } from './objects';
import type { ClusterState } from './types';
import type { World } from './world';

interface Upstream {
  readonly domain: string;
  readonly host: string;
  readonly port: number;
}

function upstream(domain: string, endpoint: string, separator: string): Upstream {
  const cut = endpoint.lastIndexOf(separator);
  const bare = domain.replace(/\.$/, '').toLowerCase();
  if (cut < 0) return { domain: bare, host: endpoint, port: 53 };
  return { domain: bare, host: endpoint.slice(0, cut), port: Number(endpoint.slice(cut + 1)) };
}

/**
 * The stub domains that kube-dns 1.14.4 takes from its ConfigMap. It checks the whole ConfigMap: what is no JSON, or a name with
 * a closing dot, makes it refuse everything that stands there.
 */
function stubDomains(api: ApiServer): Dict {
  const written = text(at(api.find('ConfigMap', 'kube-system', 'kube-dns'), 'data', 'stubDomains'));
  let domains: Json;
  try {
    domains = written === '' ? {} : (JSON.parse(written) as Json);
  } catch {
    return {};
  }
  return isDict(domains) && !Object.keys(domains).some((domain) => domain.endsWith('.')) ? domains : {};
}

/** kube-dns: the ConfigMap's stubDomains (`ip:port`) and dnsmasq's own `--server` arguments (`ip#port`). */
function kubeDnsUpstreams(api: ApiServer): Upstream[] {
  const found: Upstream[] = [];
  for (const [domain, servers] of Object.entries(stubDomains(api))) {
    for (const server of list(servers)) found.push(upstream(domain, text(server), ':'));
  }
  const args = api.cluster.dnsmasqArgs;
  for (const arg of args.slice(args.indexOf('--') + 1)) {
    const [, domains, server] = /^--server=((?:\/[^/]*)+)\/([^/]+)$/.exec(arg) ?? [];
    if (domains === undefined || server === undefined) continue;
    for (const domain of domains.split('/').filter((part) => part !== '')) found.push(upstream(domain, server, '#'));
  }
  return found;
}

function available(api: ApiServer, name: string): boolean {
  return num(at(api.find('Deployment', 'kube-system', name), 'status', 'availableReplicas')) > 0;
}

/** The Service that a name of the cluster's own zone stands for. */
function internal(api: ApiServer, name: string): string[] {
  const [, service = '', namespace] = /^([^.]+)\.([^.]+)\.svc\.cluster\.local$/.exec(name) ?? [];
  const found = api.find('Service', namespace, service);
  const ip = text(at(found, 'spec', 'clusterIP'));
  if (ip !== 'None') return ip === '' ? [] : [ip];
  return list(at(api.find('Endpoints', namespace, service), 'subsets', 0, 'addresses')).map((entry) =>
    text(at(entry, 'ip')),
  );
}

/** undefined: the name does not resolve, for whatever reason. */
export function lookup(world: World, cluster: ClusterState, asked: string): string[] | undefined {
  const api = new ApiServer(cluster, world);
  const name = asked.toLowerCase().replace(/\.$/, '');
  const some = (found: string[] | undefined): string[] | undefined =>
    found === undefined || found.length === 0 ? undefined : found;
  const search = ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local', ''];
  for (const suffix of search) {
    const full = suffix === '' ? name : `${name}.${suffix}`;
    if (!within(full, 'cluster.local')) continue;
    const found = available(api, cluster.clusterDns === 'kube-dns' ? 'kube-dns' : 'coredns')
      ? some(internal(api, full))
      : undefined;
    if (found !== undefined) return found;
  }
  if (cluster.clusterDns === 'kube-dns') {
    if (!available(api, 'kube-dns')) return undefined;
    const fits = kubeDnsUpstreams(api).filter((entry) => within(name, entry.domain));
    const longest = Math.max(0, ...fits.map((entry) => entry.domain.length));
    for (const { domain, host, port } of fits) {
      const found = domain.length === longest ? some(answer(world, host, port, name)) : undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const deployment = api.find('Deployment', 'kube-system', 'coredns');
  if (!available(api, 'coredns')) return undefined;
  const blocks = parseCorefile(text(at(api.find('ConfigMap', 'kube-system', 'coredns'), 'data', 'Corefile')));
  if (blocks === undefined) return undefined;
  const image = text(at(deployment, 'spec', 'template', 'spec', 'containers', 0, 'image'));
  const version = semver.coerce(image.slice(image.lastIndexOf(':') + 1))?.version ?? '1.11.0';
  const proxies = blocks.some((block) => block.plugins.some((plugin) => plugin.name === 'proxy'));
  // CoreDNS 1.5 knows no `proxy` and does not start with one.
  if (proxies && semver.gte(version, '1.5.0')) return undefined;
  for (const plugin of blockFor(blocks, name)?.plugins ?? []) {
    if (plugin.name !== 'forward' && plugin.name !== 'proxy') continue;
    const [from = '.', ...servers] = plugin.args;
    if (!within(name, from.replace(/\.$/, ''))) continue;
    for (const server of servers) {
      const { host, port } = upstream('', server.replace(/^dns:\/\//, ''), ':');
      const found = some(answer(world, host, port, name));
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** What busybox's nslookup prints for one name. */
export function nslookup(world: World, cluster: ClusterState, name: string): { out: string; code: number } {
  const head = 'Server:    10.96.0.10\nAddress 1: 10.96.0.10 kube-dns.kube-system.svc.cluster.local\n\n';
  const found = lookup(world, cluster, name);
  if (found === undefined) return { out: `${head}nslookup: can't resolve '${name}'\n`, code: 1 };
  const lines = found.map((address, index) => `Address ${index + 1}: ${address}\n`).join('');
  return { out: `${head}Name:      ${name}\n${lines}`, code: 0 };
}
