import { parse, valid } from 'semver';
import { FederationError, Finding } from '../errors';
import {
  AddressRange,
  isIPv4,
  isNodeAddress,
  LONGEST_PREFIX,
  NODE_PORTS,
  overlaps,
  parseAddressRange,
  parseEndpoint,
  parsePortRange,
  specialNetwork,
  toNumber,
} from './addresses';
import { checkFederationV1 } from './check-federation-v1';
import { checkExternalDns, checkForeignProps } from './check-stack';
import { IMAGE_RULES, imageFault, isImage } from './images';
import { KUBECTL, KUBECTL_PROGRAM, KUBECTL_SKEW } from './kubectl';
import { isLabel, isServiceName, isSubdomain, LABEL_RULE, NAME_LENGTH } from './names';
import { shapeFindings } from './shape';
import { preferenceOf, replicasOf } from './spread';
import { OWN_NAMESPACES, takenIn, TAKEN_STEPS } from './taken';
import { ClusterProps, FederationProps, PlacementProps, ReplicaPreference, StackName, WorkloadProps } from './types';

/** The topology cannot be what was meant. Nothing has been written. */
export class TopologyError extends FederationError {
  constructor(findings: readonly Finding[]) {
    const count = findings.length === 1 ? 'one mistake' : `${findings.length} mistakes`;
    super(`The topology has ${count}; nothing was written.`, findings);
  }
}

/** The minor versions of Kubernetes on which each stack runs, both ends included, and why there. */
export const SUPPORTED_MINORS: Readonly<Record<StackName, { first: number; last: number; why: string }>> = {
  // The federation's controllers write extensions/v1beta1 Deployments into members, which 1.16 no longer serves.
  'federation-v1': { first: 7, last: 15, why: 'federated Deployments are extensions/v1beta1, which ends with 1.15' },
  'external-dns': { first: 29, last: 37, why: 'these are the versions that it was written for and tried on' },
};

/** The folder in `dist/` for what belongs to no single cluster. The stack external-dns has none. */
export const FEDERATION_BUNDLE = 'federation';

/** Name of a workload's first port where none is given. */
export const DEFAULT_PORT_NAME = 'web';
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** As Kubernetes has it for a port's name (IANA): a letter among them, no two hyphens in a row. */
const PORT_NAME = /^(?!.*--)(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$/;
/** Names below which every cluster's own DNS answers, where kubeadm has set it up. */
const CLUSTER_DOMAINS = ['cluster.local', 'in-addr.arpa', 'ip6.arpa'];
/** Collects what is wrong. */
export class Checker {
  readonly findings: Finding[] = [];

  add(where: string, problem: string, hint: string): void {
    this.findings.push({ where, problem, hint });
  }

  /** A DNS-1123 label. */
  label(where: string, value: string): void {
    if (!isLabel(value)) this.add(where, `'${value}' is no DNS-1123 label`, `Use ${LABEL_RULE}.`);
  }

  /** A whole number within limits. */
  integer(where: string, value: number, min: number, max: number): void {
    if (!Number.isInteger(value) || value < min || value > max) {
      this.add(
        where,
        `${value} is no whole number from ${min} to ${max}`,
        `Give a whole number from ${min} to ${max}.`,
      );
    }
  }

  /** An image; where there is a rule for the prop, of a version that does what the bundle asks of it. */
  image(where: string, value: string | undefined): void {
    if (value === undefined) return;
    if (!isImage(value)) {
      this.add(where, `'${value}' is no image reference`, 'Write [registry/]name[:tag][@digest].');
      return;
    }
    const rule = Object.entries(IMAGE_RULES).find(([prop]) => prop === where)?.[1];
    const fault = rule && imageFault(value, rule);
    if (fault) this.add(where, fault.problem, fault.hint);
  }

  /** Reports each value that stands a second time, at its second place. */
  unique(values: readonly { where: string; value: string }[], what: string, hint: string): void {
    const first = new Map<string, string>();
    for (const { where, value } of values) {
      const earlier = first.get(value);
      if (earlier === undefined) first.set(value, where);
      else this.add(where, `${what} '${value}' is ${earlier}'s already`, hint);
    }
  }
}

/** How many names a hint lists before it only counts them. */
const NAMES_IN_HINT = 10;

function listed(names: readonly string[]): string {
  const rest = names.length - NAMES_IN_HINT;
  return rest > 0 ? `${names.slice(0, NAMES_IN_HINT).join(', ')} and ${rest} more` : names.join(', ');
}

/**
 * Judges a declaration.
 *
 * @throws TopologyError with every mistake, each with the path of its prop, the value and what would be right; where
 * props are missing, unknown or of another type, with those alone: only the values of a right shape can be judged
 */
export function checkTopology(props: FederationProps): void {
  const shape = shapeFindings(props);
  if (shape.length > 0) throw new TopologyError(shape);

  const c = new Checker();
  const name = props.name ?? 'federation';
  const stack = props.stack ?? 'federation-v1';

  c.label('name', name);
  if (props.clusters.length < 1 || props.clusters.length > 1000) {
    c.add('clusters', `${props.clusters.length} clusters are declared`, 'Declare 1 to 1,000 clusters.');
  }
  if (!props.clusters.some((cluster) => cluster.name === props.hostCluster)) {
    const names = listed(props.clusters.map((cluster) => cluster.name));
    c.add(
      'hostCluster',
      `'${props.hostCluster}' is none of the clusters`,
      names === '' ? 'Declare it.' : `Name one of the declared clusters: ${names}.`,
    );
  }

  props.clusters.forEach((cluster, i) => {
    checkCluster(c, `clusters[${i}]`, cluster, stack, name);
    if (stack === 'federation-v1') checkHostContext(c, `clusters[${i}]`, cluster, props);
  });
  checkAcrossClusters(c, props.clusters, stack);
  checkKubectls(c, props.clusters, stack);
  checkRanges(c, props);
  checkDns(c, props);
  props.workloads?.forEach((workload, i) => {
    checkWorkload(c, `workloads[${i}]`, workload, props);
  });
  c.unique(
    (props.workloads ?? []).map((w, i) => ({
      where: `workloads[${i}]`,
      value: `${w.namespace ?? 'default'}/${w.name}`,
    })),
    'the workload',
    'Give each workload a name of its own within its namespace.',
  );
  checkMembers(c, props);
  checkForeignProps(c, props, stack);
  if (stack === 'external-dns') checkExternalDns(c, props);
  else checkFederationV1(c, props);

  if (c.findings.length > 0) throw new TopologyError(c.findings);
}

function checkCluster(c: Checker, at: string, cluster: ClusterProps, stack: StackName, federation: string): void {
  c.label(`${at}.name`, cluster.name);
  if (stack === 'federation-v1' && cluster.name === FEDERATION_BUNDLE) {
    c.add(
      `${at}.name`,
      `'${cluster.name}' is the folder of the federation's own objects in dist/`,
      'Name it otherwise.',
    );
  }
  c.label(`${at}.region`, cluster.region);
  c.label(`${at}.zone`, cluster.zone);

  const context = cluster.context ?? cluster.name;
  if (cluster.context !== undefined && !isContext(context)) {
    c.add(`${at}.context`, `'${context}' is no context name`, 'Name a context of the kubeconfig, without blanks.');
  } else if (stack === 'federation-v1' && context === federation && cluster.name !== FEDERATION_BUNDLE) {
    c.add(
      cluster.context === undefined ? `${at}.name` : `${at}.context`,
      `the context '${context}' is the one that kubefed init writes for the federation`,
      'Rename the context, or give the federation another name.',
    );
  }

  checkServer(c, `${at}.server`, cluster.server);

  checkRange(c, `${at}.addressRange`, cluster.addressRange, stack);

  const version = valid(cluster.kubernetesVersion) === null ? null : parse(cluster.kubernetesVersion);
  const supported = SUPPORTED_MINORS[stack];
  if (version === null || cluster.kubernetesVersion !== version.version) {
    c.add(
      `${at}.kubernetesVersion`,
      `'${cluster.kubernetesVersion}' is no version`,
      'Write all three numbers, such as 1.7.3.',
    );
  } else if (supportedMinor(cluster.kubernetesVersion, stack) === undefined) {
    // Who leaves the stack out with a version of today has not heard of the other one.
    const todays = SUPPORTED_MINORS['external-dns'];
    const isTodays = stack === 'federation-v1' && version.major === 1 && version.minor >= todays.first;
    c.add(
      `${at}.kubernetesVersion`,
      `${cluster.kubernetesVersion} is not supported by the stack ${stack}`,
      `Use 1.${supported.first} to 1.${supported.last}: ${supported.why}${isTodays ? `; or set stack: 'external-dns', which is for 1.${todays.first} to 1.${todays.last}` : ''}.`,
    );
  }
}

/** Every cluster is served by its kubectl: the one that all share, or one of its own. */
function checkKubectls(c: Checker, clusters: readonly ClusterProps[], stack: StackName): void {
  const served = new Map<string, { at: string; version: string; minor: number }[]>();
  clusters.forEach(({ kubectl = KUBECTL, kubernetesVersion }, i) => {
    const at = `clusters[${i}]`;
    if (!KUBECTL_PROGRAM.test(kubectl)) {
      c.add(
        `${at}.kubectl`,
        `'${kubectl}' is no kubectl`,
        "Write a name on the PATH that begins with kubectl, such as kubectl-1.9, or a kubectl's absolute path.",
      );
    }
    const minor = supportedMinor(kubernetesVersion, stack);
    if (minor === undefined) return;
    served.set(kubectl, [...(served.get(kubectl) ?? []), { at, version: kubernetesVersion, minor }]);
  });
  for (const group of served.values()) {
    const [oldest, ...others] = [...group].sort((a, b) => a.minor - b.minor);
    const newest = others.at(-1);
    if (!oldest || !newest || newest.minor - oldest.minor <= 2 * KUBECTL_SKEW) continue;
    c.add(
      `${newest.at}.kubernetesVersion`,
      `no kubectl serves ${newest.version} and ${oldest.at}'s ${oldest.version}: it may be one minor version from a server`,
      `Bring the clusters within two minor versions, or give some a kubectl of their own, such as kubectl: 'kubectl-1.${newest.minor}'.`,
    );
  }
}

/** The minor version of a text that is a version which the stack supports. */
function supportedMinor(text: string, stack: StackName): number | undefined {
  const version = valid(text) === null ? null : parse(text);
  const { first, last } = SUPPORTED_MINORS[stack];
  if (version === null || text !== version.version || version.major !== 1) return undefined;
  return version.minor >= first && version.minor <= last ? version.minor : undefined;
}

function checkRange(c: Checker, where: string, declared: string, stack: StackName): void {
  const longest = LONGEST_PREFIX[stack];
  const range = parseAddressRange(declared, longest);
  if (typeof range === 'string') {
    c.add(where, `'${declared}' ${range}`, `Write an IPv4 CIDR of /1 to /${longest}, such as 10.210.1.100/26.`);
    return;
  }
  const special = specialNetwork(range);
  if (special !== undefined) {
    c.add(
      where,
      `'${declared}' (${range.first} to ${range.last}) reaches into ${special.cidr} (${special.what})`,
      'Give addresses that other machines can reach.',
    );
  }
}

function checkServer(c: Checker, where: string, value: string): void {
  const server = URL.canParse(value) ? new URL(value) : undefined;
  if (server?.protocol !== 'https:' || server.search !== '' || server.hash !== '') {
    c.add(where, `'${value}' is no https address of an API server`, 'Write https://<host>:<port>.');
  } else if (server.username !== '' || server.password !== '') {
    // They are told nowhere, and so neither here.
    c.add(
      where,
      `'https://${server.host}' is written with credentials`,
      'Write https://<host>:<port>; the kubeconfig has the credentials.',
    );
  }
}

/** `kubefed join` names a ServiceAccount `<cluster>-<host cluster's context>` and fails where that is no name. */
function checkHostContext(
  c: Checker,
  at: string,
  cluster: ClusterProps,
  { clusters, hostCluster }: FederationProps,
): void {
  const { context } = cluster;
  if (cluster.name !== hostCluster || context === undefined || !isContext(context)) return;
  const longest = Math.max(...clusters.map(({ name }) => name.length));
  if (isSubdomain(context) && longest + 1 + context.length <= NAME_LENGTH) return;
  c.add(
    `${at}.context`,
    `'${context}' cannot be a part of a ServiceAccount's name, and kubefed join names one after the host cluster's context`,
    'Rename the context to lower-case letters, digits, hyphens and dots (kubectl config rename-context).',
  );
}

function isContext(context: string): boolean {
  return context !== '' && !/[\s\p{Cc}]/u.test(context) && !context.startsWith('-');
}

function checkAcrossClusters(c: Checker, clusters: readonly ClusterProps[], stack: StackName): void {
  const all = (path: string, value: (cluster: ClusterProps) => string): { where: string; value: string }[] =>
    clusters.map((cluster, i) => ({ where: `clusters[${i}]${path}`, value: value(cluster) }));
  c.unique(
    all('.name', (x) => x.name),
    'the name',
    'Give each cluster a name of its own.',
  );
  c.unique(
    all('.context', (x) => x.context ?? x.name),
    'the context',
    'Give each cluster a context of its own.',
  );
  // One cluster under two names is accepted by kubefed, and unjoining the alias wipes the DNS settings of the real one.
  c.unique(
    all('.server', (x) => canonicalServer(x.server)),
    'the server',
    'A cluster can be a member only once.',
  );
  c.unique(
    all('', (x) => `${x.region}/${x.zone}`),
    'region and zone',
    'Two clusters of one zone would share their DNS name.',
  );

  const ranges = clusters
    .map((cluster, i) => ({ i, range: parseAddressRange(cluster.addressRange, LONGEST_PREFIX[stack]) }))
    .filter((entry): entry is { i: number; range: AddressRange } => typeof entry.range !== 'string')
    .map(({ i, range }) => ({ i, range, start: toNumber(range.first) }))
    .sort((a, b) => a.start - b.start || toNumber(b.range.last) - toNumber(a.range.last) || a.i - b.i);
  // CIDRs nest or are disjoint: in this order the last one that overlapped none before holds all that overlap it.
  let widest = ranges[0];
  for (const entry of ranges.slice(1)) {
    if (widest && overlaps(widest.range, entry.range)) {
      const [early, late] = widest.i < entry.i ? [widest, entry] : [entry, widest];
      c.add(
        `clusters[${late.i}].addressRange`,
        `'${late.range.declared}' (${late.range.first} to ${late.range.last}) overlaps clusters[${early.i}]'s '${early.range.declared}'`,
        'Give each cluster a range of its own: an address is handed out once.',
      );
    } else {
      widest = entry;
    }
  }
}

/** An address that a node or an API server has must never be handed out: whoever gets it takes it away from them. */
function checkRanges(c: Checker, { clusters, dns, etcd, controlPlane, stack }: FederationProps): void {
  const taken = [
    ...clusters.map(({ server }, i) => ({
      of: `clusters[${i}].server`,
      address: URL.canParse(server) ? new URL(server).hostname : '',
    })),
    { of: 'dns.endpoint', address: parseEndpoint(dns.endpoint)?.address ?? '' },
    { of: 'etcd.endpoint', address: parseEndpoint(etcd?.endpoint ?? '')?.address ?? '' },
    { of: 'controlPlane.advertiseAddress', address: controlPlane?.advertiseAddress ?? '' },
  ]
    .filter(({ address }) => isIPv4(address))
    .map((entry) => ({ ...entry, number: toNumber(entry.address) }))
    .sort((a, b) => a.number - b.number);
  clusters.forEach(({ addressRange }, i) => {
    const range = parseAddressRange(addressRange, LONGEST_PREFIX[stack ?? 'federation-v1']);
    if (typeof range === 'string') return;
    const [first, last] = [toNumber(range.first), toNumber(range.last)];
    const inside = taken.filter(({ number }) => first <= number && number <= last);
    if (inside.length === 0) return;
    c.add(
      `clusters[${i}].addressRange`,
      `'${range.declared}' (${range.first} to ${range.last}) holds ${inside.map(({ of, address }) => `${address}, the address of ${of}`).join(', and ')}`,
      'Give a range of which nobody has an address yet: all of it is handed out to Services.',
    );
  });
}

/** `https://a:6443/` and `https://A:6443` are one server. */
function canonicalServer(server: string): string {
  return URL.canParse(server) ? new URL(server).href.replace(/\/$/, '') : server;
}

function checkDns(c: Checker, { dns }: FederationProps): void {
  const labels = dns.zone.replace(/\.$/, '').split('.');
  if (!dns.zone.endsWith('.')) {
    c.add(
      'dns.zone',
      `'${dns.zone}' lacks its closing dot`,
      `Write '${dns.zone}.': the zone is a fully qualified name.`,
    );
  }
  if (labels.some((label) => !isLabel(label)) || dns.zone.length > 200) {
    c.add('dns.zone', `'${dns.zone}' is no DNS zone`, 'Write DNS-1123 labels with dots, such as example.com.');
  }
  const zone = dns.zone.replace(/\.$/, '').toLowerCase();
  const below = CLUSTER_DOMAINS.find((domain) => isWithin(domain, zone) || isWithin(zone, domain));
  if (below !== undefined) {
    c.add(
      'dns.zone',
      `'${dns.zone}' holds names that each cluster's own DNS answers (${below})`,
      "Choose a zone that is the federation's alone: every question for it leaves the cluster.",
    );
  }
  const endpoint = parseEndpoint(dns.endpoint);
  if (!endpoint || !isNodeAddress(endpoint.address)) {
    c.add('dns.endpoint', `'${dns.endpoint}' is no endpoint`, 'Write <IPv4 address of a node>:<node port>.');
  }
  const nodePorts = parsePortRange(dns.nodePortRange ?? NODE_PORTS);
  if (!nodePorts) {
    c.add(
      'dns.nodePortRange',
      `'${dns.nodePortRange ?? ''}' is no port range`,
      'Write <first>-<last>, such as 30000-32767.',
    );
  } else if (endpoint && (endpoint.port < nodePorts.first || endpoint.port > nodePorts.last)) {
    const { first, last } = nodePorts;
    c.add(
      'dns.endpoint',
      `port ${endpoint.port} is outside the node ports ${first}-${last}`,
      `Use a port from ${first} to ${last}, or set dns.nodePortRange to what the host cluster's API server hands out.`,
    );
  }
}

/** Whether a name is a domain's own or lies below it. */
function isWithin(name: string, domain: string): boolean {
  return name === domain || name.endsWith(`.${domain}`);
}

function checkWorkload(c: Checker, at: string, workload: WorkloadProps, props: FederationProps): void {
  const { clusters } = props;
  if (!isServiceName(workload.name)) {
    c.add(
      `${at}.name`,
      `'${workload.name}' is no DNS-1035 label`,
      `Use ${LABEL_RULE}, and begin with a letter: it names a Service.`,
    );
  }
  if (workload.namespace !== undefined) c.label(`${at}.namespace`, workload.namespace);
  checkTaken(c, at, workload, props);
  checkNameLength(c, at, workload, props);
  c.image(`${at}.image`, workload.image);
  checkPorts(c, at, workload);
  for (const name of Object.keys(workload.env ?? {})) {
    // In JavaScript this one sets what an object inherits from, and is lost on the way.
    if (!VARIABLE_NAME.test(name) || name === '__proto__') {
      c.add(`${at}.env['${name}']`, `'${name}' is no name of a variable`, 'Use letters, digits and underscores.');
    }
  }
  c.integer(`${at}.replicas`, workload.replicas, 0, 1_000_000);
  if (workload.placement) checkPlacement(c, `${at}.placement`, workload.placement, workload.replicas, clusters);
}

/** Nothing of the workload's is written over what is there already, or over one of the plan's own steps. */
function checkTaken(
  c: Checker,
  at: string,
  { name, namespace = 'default' }: WorkloadProps,
  { stack = 'federation-v1', coreDns }: FederationProps,
): void {
  if (OWN_NAMESPACES[stack].includes(namespace)) {
    c.add(
      `${at}.namespace`,
      `'${namespace}' is the namespace of the federation's own programs`,
      'Give the workload another one: a teardown takes this one away.',
    );
  }
  if (takenIn(namespace, stack, coreDns?.install).includes(name)) {
    c.add(
      `${at}.name`,
      `'${name}' is the name of something that is in the namespace ${namespace} already`,
      'Name it otherwise, or give it a namespace of its own.',
    );
  }
  const step = new Map(Object.entries(TAKEN_STEPS[stack])).get(name);
  if (step !== undefined && namespace === 'default') {
    c.add(
      `${at}.name`,
      `'${name}' would give one of its steps the id of another, ${step}`,
      'Name it otherwise, or give it a namespace of its own.',
    );
  }
}

/** The longest of a workload's names has to be one that DNS can carry. */
function checkNameLength(
  c: Checker,
  at: string,
  { name, namespace = 'default', names }: WorkloadProps,
  { name: federation = 'federation', clusters, dns }: FederationProps,
): void {
  if (names === false) return;
  const fixed = `${name}.${namespace}.${federation}.svc..${dns.zone.replace(/\.$/, '')}`.length;
  const longest = Math.max(0, ...clusters.map(({ region, zone }) => `${zone}.${region}`.length));
  if (fixed + longest <= NAME_LENGTH) return;
  c.add(
    `${at}.name`,
    `its longest name in DNS would have ${fixed + longest} characters, and DNS has at most ${NAME_LENGTH}`,
    'Shorten the names of workload, namespace, federation, zone, region or DNS zone.',
  );
}

/** Every port has a name and a number of its own. */
function checkPorts(
  c: Checker,
  at: string,
  { port, portName = DEFAULT_PORT_NAME, morePorts = [] }: WorkloadProps,
): void {
  const ports = [
    { where: at, props: ['port', 'portName'], name: portName, port, protocol: 'TCP' },
    ...morePorts.map((more, i) => ({
      where: `${at}.morePorts[${i}]`,
      props: ['port', 'name'],
      name: more.name,
      port: more.port,
      protocol: more.protocol ?? 'TCP',
    })),
  ].map(({ where, props: [numberProp = '', nameProp = ''], ...rest }) => ({
    ...rest,
    numberAt: `${where}.${numberProp}`,
    nameAt: `${where}.${nameProp}`,
  }));
  for (const { numberAt, nameAt, name, port: number } of ports) {
    c.integer(numberAt, number, 1, 65535);
    if (!PORT_NAME.test(name)) {
      c.add(
        nameAt,
        `'${name}' is no port name`,
        'Use at most 15 lower-case letters, digits and single hyphens, a letter among them.',
      );
    }
  }
  c.unique(
    ports.map(({ nameAt, name }) => ({ where: nameAt, value: name })),
    'the port name',
    'Give each port of the workload a name of its own.',
  );
  c.unique(
    ports.map(({ numberAt, port: number, protocol }) => ({ where: numberAt, value: `${number}/${protocol}` })),
    'the port',
    'Name each port of the workload once.',
  );
}

function checkPlacement(
  c: Checker,
  at: string,
  placement: PlacementProps,
  replicas: number,
  clusters: readonly ClusterProps[],
): void {
  const preferences = Object.entries(placement.clusters);
  const before = c.findings.length;
  for (const [name, preference] of preferences) {
    const where = `${at}.clusters['${name}']`;
    if (name !== '*' && !clusters.some((cluster) => cluster.name === name)) {
      c.add(where, `'${name}' is none of the clusters`, `Name a cluster, or * for all that are not named.`);
    }
    checkPreference(c, where, preference);
  }
  // Sums of what is wrong by itself would only repeat it.
  if (c.findings.length > before || !Number.isInteger(replicas) || replicas < 1) return;
  const minimum = clusters
    .map(({ name }) => preferenceOf(placement, name))
    .reduce((sum, preference) => sum + (preference?.minReplicas ?? 0), 0);
  if (minimum > replicas) {
    c.add(at, `the minimums add up to ${minimum} of ${replicas} replicas`, 'Raise replicas, or lower minReplicas.');
  }
  // As the federation's controller reads it: without a weight a cluster gets its minimum and no more.
  if (preferences.every(([, { minReplicas = 0, weight = 0 }]) => minReplicas === 0 && weight === 0)) {
    c.add(
      at,
      `no cluster has a weight or a minimum, so none of ${replicas} replicas would run`,
      'Give a cluster, or *, a weight of 1 or more.',
    );
    return;
  }
  const names = clusters.map(({ name }) => name);
  const { left } = replicasOf({ replicas, placement }, names);
  if (left > 0) {
    c.add(
      at,
      `${left} of ${replicas} replicas find no place`,
      'Give a cluster a weight (without one it gets its minimum), or raise maxReplicas.',
    );
  }
}

function checkPreference(c: Checker, where: string, { minReplicas = 0, maxReplicas, weight }: ReplicaPreference): void {
  c.integer(`${where}.minReplicas`, minReplicas, 0, 1_000_000);
  if (maxReplicas !== undefined) {
    c.integer(`${where}.maxReplicas`, maxReplicas, 0, 1_000_000);
    if (maxReplicas < minReplicas) {
      c.add(
        `${where}.maxReplicas`,
        `${maxReplicas} is less than minReplicas, ${minReplicas}`,
        'Give at least minReplicas.',
      );
    }
  }
  if (weight !== undefined) c.integer(`${where}.weight`, weight, 0, 1_000_000);
}

function checkMembers(c: Checker, { etcd }: FederationProps): void {
  if (etcd?.size !== undefined && ![1, 3, 5, 7].includes(etcd.size)) {
    c.add(
      'etcd.size',
      `${etcd.size} is no size of an etcd cluster`,
      'Use 1, 3, 5 or 7: an even member adds no safety.',
    );
  }
}
