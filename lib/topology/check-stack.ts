import { posix } from 'node:path';
import { parse } from 'semver';
import {
  AddressRange,
  canonicalCidr,
  contains,
  ETCD_NODE_PORT,
  isNodeAddress,
  LONGEST_PREFIX,
  parseAddressRange,
  NODE_PORTS,
  parseEndpoint,
  parsePortRange,
} from './addresses';
import type { Checker } from './check';
import { checkCharts, checkPrefix } from './check-sources';
import { isLabel, isSubdomain, LABEL_LENGTH } from './names';
import { addressOf } from './spread';
import { EtcdProps, FederationProps, GitOpsProps, StackName, WorkloadProps } from './types';

const QUANTITY = /^([1-9]\d{0,8})(Mi|Gi|Ti|M|G|T)$/;

/**
 * What the keys of ExternalDNS' records may begin with: they are 31 random bits in eight hexadecimal digits. When it
 * changes a record it also deletes its own keys that begin with its owner's id (read in v0.21.0, `provider/coredns`).
 */
const RECORD_KEY = /^[0-7][0-9a-f]{0,7}$/;

/** Folders of `dist/` that hold what belongs to no cluster. */
export const GITOPS_FOLDER = 'gitops';

/** More waves than any plan has. */
const MOST_WAVES = 99;

/** Name of MetalLB's chart in its repository. */
export const METALLB_CHART = 'metallb';

/** Names of the Services beside a workload's own end with this. */
export const NAMES_SUFFIX = '-names';

/** Props of the other stack, which would silently do nothing. */
export function checkForeignProps(c: Checker, props: FederationProps, stack: StackName): void {
  const foreign: Record<StackName, [string, unknown][]> = {
    'federation-v1': [
      ['images.etcd', props.images?.etcd],
      ['images.coreDns', props.images?.coreDns],
      ['images.externalDns', props.images?.externalDns],
      ['metalLb', props.metalLb],
      ['externalDns', props.externalDns],
      ['gitops', props.gitops],
      ['etcd.storage', props.etcd?.storage],
      ['etcd.endpoint', props.etcd?.endpoint],
      ['etcd.tls', props.etcd?.tls],
      ...props.clusters.map(({ nodeNetworks }, i): [string, unknown] => [`clusters[${i}].nodeNetworks`, nodeNetworks]),
      ...each(props.workloads, ['names', 'addresses', 'readinessPath']),
      ...(props.workloads ?? []).flatMap(({ morePorts = [] }, i) =>
        morePorts.map(({ protocol }, n): [string, unknown] => [
          `workloads[${i}].morePorts[${n}].protocol`,
          protocol === 'UDP' ? protocol : undefined,
        ]),
      ),
    ],
    'external-dns': [
      ['controlPlane', props.controlPlane],
      ['coreDns', props.coreDns],
      ['keepalived', props.keepalived],
      ['dns.clusterDns', props.dns.clusterDns],
      ...props.clusters.map(({ dnsProgram }, i): [string, unknown] => [`clusters[${i}].dnsProgram`, dnsProgram]),
      ['etcd.version', props.etcd?.version],
      ['etcd.operatorImage', props.etcd?.operatorImage],
      ...(props.workloads ?? []).map(({ placement }, i): [string, unknown] => [
        `workloads[${i}].placement.rebalance`,
        placement?.rebalance,
      ]),
    ],
  };
  const found = Object.hasOwn(foreign, stack) ? foreign[stack] : [];
  for (const [where, value] of found.filter(([, given]) => given !== undefined)) {
    c.add(
      where,
      `${JSON.stringify(value)} does nothing in the stack ${stack}`,
      'Leave it out, or use the other stack.',
    );
  }
}

function each(workloads: readonly WorkloadProps[] = [], keys: readonly (keyof WorkloadProps)[]): [string, unknown][] {
  return workloads.flatMap((workload, i) =>
    keys.map((key): [string, unknown] => [`workloads[${i}].${key}`, workload[key]]),
  );
}

/** What only the stack `external-dns` has to be told. */
export function checkExternalDns(c: Checker, props: FederationProps): void {
  props.clusters.forEach(({ name }, i) => {
    if (name === GITOPS_FOLDER) {
      c.add(`clusters[${i}].name`, `'${name}' is a folder of its own in dist/`, 'Name the cluster otherwise.');
    }
    if (name === METALLB_CHART) {
      c.add(
        `clusters[${i}].name`,
        `'${name}' is the chart's name: helm would take the cluster's folder in dist/ for it`,
        'Name the cluster otherwise.',
      );
    }
    if (RECORD_KEY.test(name)) {
      c.add(
        `clusters[${i}].name`,
        `'${name}' may be the beginning of a record's key: its ExternalDNS could delete records of its own`,
        'Put a letter beyond f or a hyphen into it.',
      );
    }
  });
  checkNodeNetworks(c, props);
  checkEtcd(c, props);
  checkSources(c, props);
  checkTimes(c, props);
  if (props.gitops) checkGitOps(c, props.gitops, props);
  props.workloads?.forEach((workload, i) => {
    checkPlaced(c, `workloads[${i}]`, workload, props);
  });
  checkSecondServices(c, props.workloads);
  checkAddresses(c, props);
}

/** The Service that carries a workload's names is no other workload's. */
function checkSecondServices(c: Checker, workloads: readonly WorkloadProps[] = []): void {
  const named = ({ name, namespace = 'default' }: WorkloadProps, suffix = ''): string =>
    `${namespace}/${name}${suffix}`;
  const second = new Map(
    workloads.flatMap((workload, i): [string, number][] =>
      workload.names === false ? [] : [[named(workload, NAMES_SUFFIX), i]],
    ),
  );
  workloads.forEach((workload, i) => {
    const other = second.get(named(workload));
    if (other === undefined) return;
    c.add(
      `workloads[${i}].name`,
      `'${workload.name}' is the name of the second Service of workloads[${other}]`,
      'Name it otherwise, or give it a namespace of its own.',
    );
  });
}

function checkNodeNetworks(c: Checker, { clusters }: FederationProps): void {
  const declared = clusters.some(({ nodeNetworks }) => nodeNetworks !== undefined);
  clusters.forEach(({ nodeNetworks }, i) => {
    const where = `clusters[${i}].nodeNetworks`;
    if (declared && (nodeNetworks === undefined || nodeNetworks.length === 0)) {
      c.add(
        where,
        'is missing, while other clusters have it',
        "Its ExternalDNS could not reach etcd: give its nodes' networks.",
      );
    }
    nodeNetworks?.forEach((cidr, n) => {
      if (canonicalCidr(cidr) === undefined) {
        c.add(`${where}[${n}]`, `'${cidr}' is no IPv4 CIDR`, 'Write an IPv4 CIDR, such as 10.11.12.0/24.');
      }
    });
  });
}

function checkEtcd(c: Checker, { clusters, dns, etcd = {} }: FederationProps): void {
  const endpoint = etcd.endpoint === undefined ? undefined : parseEndpoint(etcd.endpoint);
  const nodePorts = parsePortRange(dns.nodePortRange ?? NODE_PORTS);
  if (etcd.endpoint !== undefined && !(endpoint && isNodeAddress(endpoint.address))) {
    c.add('etcd.endpoint', `'${etcd.endpoint}' is no endpoint`, 'Write <IPv4 address of a node>:<node port>.');
  }
  const port = endpoint?.port ?? ETCD_NODE_PORT;
  // A cluster by itself reaches etcd at its Service, which has no node port then.
  const shared = clusters.length > 1;
  if (shared && nodePorts && (port < nodePorts.first || port > nodePorts.last)) {
    const { first, last } = nodePorts;
    c.add(
      'etcd.endpoint',
      `port ${port} is outside the node ports ${first}-${last}`,
      `Use a port from ${first} to ${last}.`,
    );
  }
  if (shared && port === parseEndpoint(dns.endpoint)?.port) {
    c.add('etcd.endpoint', `port ${port} is that of dns.endpoint`, 'Give etcd a node port of its own.');
  }
  checkEtcdStorage(c, etcd);
  for (const key of ['serverSecret', 'clientSecret', 'serverName'] as const) {
    checkSubdomain(c, `etcd.tls.${key}`, etcd.tls?.[key]);
  }
}

/** The name of a Secret, or of a server. */
function checkSubdomain(c: Checker, where: string, name: string | undefined): void {
  if (name === undefined || isSubdomain(name)) return;
  c.add(where, `'${name}' is no DNS-1123 name`, 'Use lower-case letters, digits, hyphens and dots.');
}

function checkEtcdStorage(c: Checker, { size = 3, storage }: EtcdProps): void {
  if (storage === 'ephemeral') {
    if (size !== 1) {
      c.add(
        'etcd.storage',
        `'ephemeral' with ${size} members: one that loses its data cannot return to the others`,
        'Set etcd.size to 1, or give the members volumes.',
      );
    }
    return;
  }
  if (storage?.size !== undefined) {
    const bytes = bytesOf(storage.size);
    if (bytes === undefined) {
      c.add('etcd.storage.size', `'${storage.size}' is no size of a volume`, 'Write a quantity such as 1Gi.');
    } else if (bytes < ETCD_BYTES) {
      c.add(
        'etcd.storage.size',
        `'${storage.size}' has no room for the records (512 MiB at most) and five log files of 64 MB`,
        'Use 1G or more.',
      );
    }
  }
  if (storage?.className !== undefined && !isSubdomain(storage.className)) {
    c.add(
      'etcd.storage.className',
      `'${storage.className}' is no name of a StorageClass`,
      'See kubectl get storageclasses.',
    );
  }
}

/** What etcd may come to: its quota for the records, and the log files that it keeps by default. */
const ETCD_BYTES = 512 * 2 ** 20 + 5 * 64e6;
const UNITS: Readonly<Record<string, number>> = { M: 1e6, G: 1e9, T: 1e12, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };

function bytesOf(quantity: string): number | undefined {
  const [, digits, unit = ''] = QUANTITY.exec(quantity) ?? [];
  return digits === undefined ? undefined : Number(digits) * (UNITS[unit] ?? 0);
}

function checkSources(c: Checker, { images = {}, charts, metalLb, workloads = [] }: FederationProps): void {
  checkPrefix(c, images.prefix, [
    ['images.etcd', images.etcd],
    ['images.coreDns', images.coreDns],
    ['images.externalDns', images.externalDns],
    ...workloads.map(({ image }, i): [string, string] => [`workloads[${i}].image`, image]),
  ]);
  c.image('images.etcd', images.etcd);
  c.image('images.coreDns', images.coreDns);
  c.image('images.externalDns', images.externalDns);
  checkCharts(c, charts);
  if (metalLb?.chartVersion !== undefined) {
    const version = parse(metalLb.chartVersion);
    // Read in the module: before, its controller knows the annotation in the group metallb.universe.tf only.
    if (version?.version !== metalLb.chartVersion || version.compare('0.14.9') < 0) {
      c.add(
        'metalLb.chartVersion',
        `'${metalLb.chartVersion}' is no chart of a MetalLB that reads metallb.io/loadBalancerIPs`,
        'Use a version from 0.14.9 on, such as 0.15.2.',
      );
    }
  }
}

function checkTimes(c: Checker, { externalDns = {} }: FederationProps): void {
  const { intervalSeconds = 60, eventIntervalSeconds = 5, ttlSeconds = 30 } = externalDns;
  c.integer('externalDns.intervalSeconds', intervalSeconds, 1, 3600);
  c.integer('externalDns.eventIntervalSeconds', eventIntervalSeconds, 1, 3600);
  // Without a TTL, and 0 is none, CoreDNS hands out 300 seconds.
  c.integer('externalDns.ttlSeconds', ttlSeconds, 1, 86_400);
}

/** An address of a git repository that carries no password and that no template reads as one of its own. */
function isRepository(address: string): boolean {
  if (/[\s{}\p{Cc}]/u.test(address)) return false;
  if (address.startsWith('git@')) return /^git@[\w.-]+:[^:]+$/.test(address);
  if (!URL.canParse(address)) return false;
  const { protocol, host, password } = new URL(address);
  return ['http:', 'https:', 'ssh:'].includes(protocol) && host !== '' && password === '';
}

/** A name of a branch or tag as git takes it, out of letters that no program reads for more. */
function isRevision(text: string): boolean {
  return (
    /^[A-Za-z0-9][-A-Za-z0-9._/]*$/.test(text) &&
    !text.includes('..') &&
    text.split('/').every((part) => part !== '' && !/^\.|\.$|\.lock$/.test(part))
  );
}

function checkGitOps(
  c: Checker,
  { repoUrl, path, revision, argoCd, flux }: GitOpsProps,
  { charts, name = 'federation' }: FederationProps,
): void {
  if (!isRepository(repoUrl)) {
    c.add(
      'gitops.repoUrl',
      `'${repoUrl}' is no address of a git repository`,
      'Write https://… or ssh://…, without a password.',
    );
  }
  if (flux !== undefined && /^git@/.test(repoUrl)) {
    c.add(
      'gitops.repoUrl',
      `'${repoUrl}' is an address that Flux refuses`,
      `Write '${repoUrl.replace(/^git@([^:]+):/, 'ssh://git@$1/')}'.`,
    );
  }
  if (flux !== undefined && isLabel(name) && !isLabel(`${name}-${MOST_WAVES}`)) {
    c.add(
      'name',
      `'${name}' is too long for Flux, which labels objects with it and the number of their wave`,
      `Use at most ${LABEL_LENGTH - `-${MOST_WAVES}`.length} characters.`,
    );
  }
  checkSubdomain(c, 'gitops.flux.secretName', flux?.secretName);
  if (flux !== undefined && flux.secretName === undefined && /^(ssh:|git@)/.test(repoUrl)) {
    c.add(
      'gitops.flux.secretName',
      'is missing, and Flux reads over ssh with a key only',
      'Name the Secret that holds it.',
    );
  }
  if (path !== undefined && (!/^[A-Za-z0-9._][-A-Za-z0-9._/]*$/.test(path) || path.split('/').includes('..'))) {
    c.add(
      'gitops.path',
      `'${path}' is no path inside the repository`,
      'Write it without a leading slash, such as dist.',
    );
  }
  if (revision !== undefined && !isRevision(revision)) {
    c.add('gitops.revision', `'${revision}' is no branch, tag or commit`, 'Name one, such as main.');
  }
  if (argoCd?.namespace !== undefined) c.label('gitops.argoCd.namespace', argoCd.namespace);
  if (argoCd?.project !== undefined) c.label('gitops.argoCd.project', argoCd.project);
  if (flux?.namespace !== undefined) c.label('gitops.flux.namespace', flux.namespace);
  if (flux?.intervalMinutes !== undefined) c.integer('gitops.flux.intervalMinutes', flux.intervalMinutes, 1, 1440);
  if (charts?.folder !== undefined) {
    if (/^\.\.(\/|$)|^\//.test(charts.folder.startsWith('/') ? '/' : posix.join(path ?? 'dist', charts.folder))) {
      c.add('charts.folder', `'${charts.folder}' lies outside of the repository`, 'Keep the charts in the repository.');
    }
    if (argoCd !== undefined && charts.unpacked !== true) {
      c.add(
        'charts.unpacked',
        'Argo CD takes charts out of a repository only unpacked',
        'Unpack them and set it to true.',
      );
    }
  }
  if (argoCd === undefined && flux === undefined) {
    c.add('gitops', 'names neither argoCd nor flux', 'Add argoCd: {} or flux: {}, or leave gitops out.');
  }
}

function checkPlaced(c: Checker, at: string, workload: WorkloadProps, { clusters }: FederationProps): void {
  if (workload.names !== false && workload.name.length + NAMES_SUFFIX.length > LABEL_LENGTH) {
    c.add(
      `${at}.name`,
      `'${workload.name}' is too long`,
      `Use at most ${LABEL_LENGTH - NAMES_SUFFIX.length} characters: a second Service is named after it.`,
    );
  }
  if (workload.namespace !== undefined && !isLabel(workload.namespace)) return;
  const path = workload.readinessPath;
  if (path !== undefined && !/^\/[^\s\p{Cc}]*$/u.test(path)) {
    c.add(`${at}.readinessPath`, `'${path}' is no path`, 'Write a path with a leading slash, such as /healthz.');
  }
  for (const name of Object.keys(workload.addresses ?? {})) {
    if (!clusters.some((cluster) => cluster.name === name)) {
      c.add(`${at}.addresses['${name}']`, `'${name}' is none of the clusters`, 'Name a declared cluster.');
    }
  }
}

/** Every Service has an address of its own out of its cluster's range. */
function checkAddresses(c: Checker, { clusters, workloads = [] }: FederationProps): void {
  clusters.forEach((cluster) => {
    const range = parseAddressRange(cluster.addressRange, LONGEST_PREFIX['external-dns']);
    if (typeof range === 'string') return;
    const chosen = workloads.map((workload, i) => ({
      where: `workloads[${i}].addresses['${cluster.name}']`,
      value: addressOf(workload, i, cluster.name, range),
    }));
    for (const { where, value } of chosen) checkAddress(c, where, value, range);
    c.unique(chosen, 'the address', "Give each workload's Service an address of its own in each cluster.");
  });
}

function checkAddress(c: Checker, where: string, address: string, range: AddressRange): void {
  if (!contains(range, address)) {
    c.add(
      where,
      `'${address}' is not in the cluster's range ${range.first} to ${range.last}`,
      'Give an address of the range, or widen the range.',
    );
  }
}
