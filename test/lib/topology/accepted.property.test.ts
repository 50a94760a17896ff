import fc from '../../support/fast-check';
import { parse, gte } from 'semver';
import { TopologyError } from '../../../lib';
import { Manifest } from '../../../lib/dialect/dialect';
import { StepOf } from '../../../lib/plan/step';
import { checkTopology } from '../../../lib/topology/check';
import { ClusterProps, FederationProps, WorkloadProps } from '../../../lib/topology/types';
import { documents } from '../../../lib/yaml';
import { cluster, props as externalDnsProps } from '../../support/external-dns';
import { GUIDE_CLUSTERS, guideProps, Rendered } from '../../support/guide';
import { addressNumber, faultsOf, isDnsName, isObjectName, isPullable } from '../../support/well-formed';

/**
 * Whatever the checks accept has to come out right. Values are drawn close to the border of what is accepted: such as
 * are known to be right, and the same with a sign put in, taken out or doubled. What is refused is drawn anew.
 */

/** Signs of which every form has some that it takes and some that it does not. */
const SIGNS = [
  '',
  '.',
  '..',
  '-',
  '--',
  '_',
  '/',
  '//',
  ':',
  '0',
  '9',
  '00',
  'a',
  'A',
  '@',
  '~',
  ' ',
  '{{',
  '#',
  '\0',
  'é',
  '\ud800',
];

/** Texts, each perhaps with one to three changes. */
function near(...texts: readonly string[]): fc.Arbitrary<string> {
  const change = fc.tuple(fc.nat(), fc.constantFrom(...SIGNS), fc.nat(2));
  return fc.tuple(fc.constantFrom(...texts), fc.array(change, { maxLength: 2 })).map(([text, changes]) =>
    changes.reduce((so, [where, sign, taken]) => {
      const at = where % (so.length + 1);
      return so.slice(0, at) + sign + so.slice(at + taken);
    }, text),
  );
}

const long = (length: number): string => 'a'.repeat(length);
const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;
const label = near('a', '8a', 'x-y', 'on', '1e3', 'null', 'constructor', long(63), long(57));
const image = near(
  'a',
  'nginx:1',
  'registry:5000/a/b:1',
  'quay.io/a_b/c__d/e--f:v1.2',
  `a.b/c@${DIGEST}`,
  `a.b:443/c:1@${DIGEST}`,
  'Registry.example.org/app:latest',
  `a.b/${'c/'.repeat(120)}d`,
);
/** An image of a repository, at a version or something else. */
const versioned = (name: string, ...tags: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof(
    near(...tags).map((tag) => `${name}:${tag}`),
    fc.constant(`${name}@${DIGEST}`),
  );
const ipv4 = near('10.11.4.82', '192.168.0.1', '127.0.0.1', '0.0.0.0', '255.255.255.255', '224.0.0.1', '010.1.1.1');
const endpoint = fc.oneof(
  near('10.11.4.82:32609', '10.11.4.82:30000', '10.0.0.1:32767'),
  fc.tuple(ipv4, fc.nat(70_000)).map(([a, p]) => `${a}:${p}`),
);
const cidr = fc.oneof(
  near('10.11.12.1/24', '10.0.0.0/08', '10.0.0.0/8', '192.168.7.7/32', '0.0.0.0/0', '172.16.5.4/31', '10.0.0.0/-1'),
  fc
    .tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(33))
    .map(([a, b, c, d, p]) => `${a}.${b}.${c}.${d}/${p}`),
);
const version = (first: number, last: number): fc.Arbitrary<string> =>
  fc.oneof(
    fc.tuple(fc.integer({ min: first - 1, max: last + 1 }), fc.nat(30)).map(([minor, patch]) => `1.${minor}.${patch}`),
    near(`1.${first}.0`, `1.${last}.3`, `1.${last}.3-eks-a1b2`, `1.${first}.0-rc.1`),
  );
const number = fc.oneof(
  fc.integer({ min: -1, max: 70_000 }),
  fc.constantFrom(0, 1, 30, 3600, 1.5, NaN, 86_400, 2 ** 31),
);
const text = near('', 'a value', '--flag=$(A)', 'on', '1e3', '{"json": true}', 'two\nlines', '# no comment', "it's");
const portName = near('web', 'a', '8a', '1e3', 'http-alt', 'on', long(15));

type Change = (props: FederationProps) => FederationProps;

const host =
  (change: (cluster: ClusterProps) => Partial<ClusterProps>): Change =>
  (props) => ({
    ...props,
    clusters: props.clusters.map((one, i) => (i === 0 ? { ...one, ...change(one) } : one)),
  });
const member =
  (change: Partial<ClusterProps>): Change =>
  (props) => ({
    ...props,
    clusters: props.clusters.map((one, i) => (i === 1 ? { ...one, ...change } : one)),
  });
const workload =
  (change: Partial<WorkloadProps>): Change =>
  (props) => ({
    ...props,
    workloads: props.workloads?.map((one, i) => (i === 0 ? { ...one, ...change } : one)),
  });
const group =
  <K extends 'dns' | 'etcd' | 'images' | 'keepalived' | 'controlPlane' | 'externalDns' | 'charts'>(
    key: K,
    change: Partial<NonNullable<FederationProps[K]>>,
  ): Change =>
  (props) => ({ ...props, [key]: { ...props[key], ...change } });

/** Props that both stacks have. */
const COMMON: readonly fc.Arbitrary<Change>[] = [
  label.map((name): Change => (props) => ({ ...props, name })),
  label.map((name): Change => (props) => ({ ...host(() => ({ name, context: 'ctx' }))(props), hostCluster: name })),
  label.map((name) => member({ name, context: 'member' })),
  label.map((region) => member({ region })),
  label.map((zone) => member({ zone })),
  near('https://10.11.12.9:6443', 'https://api.example.org', 'https://[fd00::1]:6443', 'https://h/k8s/clusters/c').map(
    (server) => member({ server }),
  ),
  near('ctx', 'kubernetes-admin@kubernetes', 'gke_p_z_n', 'a.b', long(180), long(253)).map((context) =>
    host(() => ({ context })),
  ),
  near('ctx', 'kubernetes-admin@kubernetes', 'default/api:6443/admin', 'ä').map((context) => member({ context })),
  cidr.map((addressRange) => member({ addressRange })),
  near('example.com.', 'corp.', 'a-b.c.d.', `${long(63)}.${long(63)}.${long(63)}.`).map((zone) =>
    group('dns', { zone }),
  ),
  endpoint.map((value) => group('dns', { endpoint: value })),
  near('30000-32767', '1-65535', '32000-33000').map((nodePortRange) => group('dns', { nodePortRange })),
  near('web', 'a', 'x-y', 'constructor', long(63), long(57), 'cluster', 'namespaces').map((name) => workload({ name })),
  label.map((namespace) => workload({ namespace })),
  image.map((value) => workload({ image: value })),
  number.map((port) => workload({ port })),
  number.map((replicas) => workload({ replicas: replicas % 1000 })),
  portName.map((value) => workload({ portName: value })),
  fc
    .array(fc.record({ name: portName, port: fc.integer({ min: 0, max: 70_000 }) }), { maxLength: 3 })
    .map((morePorts) => workload({ morePorts })),
  fc.array(text, { maxLength: 3 }).map((args) => workload({ args })),
  fc
    .dictionary(near('A', 'path_to', 'constructor', 'toString', '__proto__'), text, { maxKeys: 3 })
    .map((env) => workload({ env })),
  fc
    .dictionary(fc.constantFrom('*', 'constructor', 'usa'), fc.record({ minReplicas: fc.nat(3), weight: fc.nat(3) }))
    .map((clusters) => workload({ placement: { clusters } })),
  fc.constantFrom(1, 2, 3, 5, 7, 9).map((size) => group('etcd', { size })),
];

const FEDERATION_V1: readonly fc.Arbitrary<Change>[] = [
  ...COMMON,
  version(7, 15).map((kubernetesVersion): Change => (props) => ({
    ...props,
    clusters: props.clusters.map((one) => ({ ...one, kubernetesVersion })),
  })),
  fc.constantFrom('stub-domains', 'dnsmasq-argument').map((clusterDns) => group('dns', { clusterDns })),
  ipv4.map((advertiseAddress) => group('controlPlane', { advertiseAddress })),
  versioned('gcr.io/federation/fcp', 'v1.7.3', 'v1.6.0', 'v1.10.0-alpha.1', 'v1.11.0', 'latest').map((value) =>
    group('controlPlane', { image: value }),
  ),
  near('3.1.8', '3.3.27', '3.0.0', '3.4.0').map((value) => group('etcd', { version: value })),
  versioned('quay.io/coreos/etcd-operator', 'v0.5.0', 'v0.4.2', 'v0.9.4').map((operatorImage) =>
    group('etcd', { operatorImage }),
  ),
  near('0.1.0', '0.6.0', '0.8.0', '0.9.1', '0.8.0-rc.1').map((chartVersion): Change => (props) => ({
    ...props,
    coreDns: { chartVersion },
  })),
  versioned('a.b/kube-keepalived-vip', '0.9', '0.8', '0.11').map((vipImage) => group('keepalived', { vipImage })),
  image.map((cloudProviderImage) => group('keepalived', { cloudProviderImage })),
];

const EXTERNAL_DNS: readonly fc.Arbitrary<Change>[] = [
  ...COMMON,
  version(29, 37).map((kubernetesVersion): Change => (props) => ({
    ...props,
    clusters: props.clusters.map((one) => ({ ...one, kubernetesVersion })),
  })),
  fc.array(cidr, { minLength: 1, maxLength: 3 }).map((nodeNetworks): Change => (props) => ({
    ...props,
    clusters: props.clusters.map((one) => ({ ...one, nodeNetworks })),
  })),
  endpoint.map((value) => group('etcd', { endpoint: value })),
  near('1Gi', '832Mi', '1G', '999999999Ti', '1M', '500Mi').map((size) => group('etcd', { storage: { size } })),
  near('fast', 'a.b-c', long(253)).map((className) => group('etcd', { storage: { className } })),
  near('etcd-server', 'a.b', long(253)).map((serverSecret) =>
    group('etcd', { tls: { serverSecret, clientSecret: 'c' } }),
  ),
  near('registry.local/mirror', 'registry:5000', 'localhost/x', 'mirror', `a.b/${long(200)}`).map((prefix) =>
    group('images', { prefix }),
  ),
  versioned('a.b/etcd', '3.5.11-0', 'v3.5.9', '3.4.23', '3.6.8-0').map((value) => group('images', { etcd: value })),
  versioned('a.b/coredns', '1.5.2', '1.1.3', '1.14.7').map((value) => group('images', { coreDns: value })),
  versioned('a.b/external-dns', 'v0.21.0', 'v0.20.0', 'v0.15.0').map((value) =>
    group('images', { externalDns: value }),
  ),
  near('0.14.9', '0.13.12', '0.15.2', '0.14.8', '1.0.0', '0.15.0-rc.1').map((chartVersion): Change => (props) => ({
    ...props,
    metalLb: { chartVersion },
  })),
  near('../charts', 'charts', '/srv/charts', './a', '~/charts', 'oci://a.b/c').map((folder) =>
    group('charts', { folder }),
  ),
  number.map((intervalSeconds) => group('externalDns', { intervalSeconds })),
  number.map((eventIntervalSeconds) => group('externalDns', { eventIntervalSeconds })),
  number.map((ttlSeconds) => group('externalDns', { ttlSeconds })),
  fc.boolean().map((names) => workload({ names })),
  near('/healthz', '/', '/a?b=c', '/%7e').map((readinessPath) => workload({ readinessPath })),
  near('10.210.3.70', '10.210.3.65', '10.210.3.126', '10.210.3.127').map((usa) => workload({ addresses: { usa } })),
  near('https://git.example.org/f.git', 'ssh://git@git.example.org/f.git', 'https://git.example.org/{{f}}').map(
    (repoUrl): Change =>
      (props) => ({ ...props, gitops: { repoUrl, argoCd: {}, flux: { secretName: 'key' } } }),
  ),
  near('main', 'refs/tags/v1', 'a/b.c', 'x.lock', '0'.repeat(40)).map((revision): Change => (props) => ({
    ...props,
    gitops: { repoUrl: 'https://git.example.org/f.git', revision, argoCd: {}, flux: {} },
  })),
  near('dist', '.', 'a/b', './x', 'a..b').map((path): Change => (props) => ({
    ...props,
    gitops: { repoUrl: 'https://git.example.org/f.git', path, argoCd: {}, flux: {} },
  })),
  label.map((namespace): Change => (props) => ({
    ...props,
    gitops: {
      repoUrl: 'https://git.example.org/f.git',
      argoCd: { namespace },
      flux: { namespace, secretName: namespace },
    },
  })),
  number.map((intervalMinutes): Change => (props) => ({
    ...props,
    gitops: { repoUrl: 'https://git.example.org/f.git', flux: { intervalMinutes } },
  })),
];

function isAccepted(props: FederationProps): boolean {
  try {
    checkTopology(props);
    return true;
  } catch (error) {
    if (error instanceof TopologyError) return false;
    throw error;
  }
}

/** A declaration with those of the drawn changes that the checks take, each beside the others. */
const accepted = (base: FederationProps, changes: readonly fc.Arbitrary<Change>[]): fc.Arbitrary<FederationProps> =>
  fc
    .shuffledSubarray([...changes], { minLength: 1, maxLength: 12 })
    .chain((chosen) => fc.tuple(...chosen))
    .map((drawn) => drawn.reduce((props, change) => (isAccepted(change(props)) ? change(props) : props), base));

/** What is amiss with the objects of a rendered federation. */
function faults(rendered: Rendered): string[] {
  return rendered.files
    .filter(({ path }) => path.includes('/') && path.endsWith('.yaml') && !path.endsWith('/kustomization.yaml'))
    .flatMap(({ path, content }) =>
      (documents(content) as Manifest[]).flatMap((object) =>
        faultsOf(object).map((fault) => `${path}: ${object.kind} ${object.metadata.name ?? ''}: ${fault}`),
      ),
    );
}

const stepsOf = <K extends 'kubefed-join' | 'dns-check' | 'service-address' | 'helm-release'>(
  rendered: Rendered,
  kind: K,
): StepOf<K>[] => rendered.plan.steps.filter((step): step is StepOf<K> & typeof step => step.kind === kind);

/** What holds in every stack. */
function judge(props: FederationProps, rendered: Rendered): void {
  expect(faults(rendered)).toEqual([]);
  for (const { name } of stepsOf(rendered, 'dns-check')) expect([name, isDnsName(name)]).toEqual([name, true]);
  const [one] = props.workloads ?? [];
  const deployment = rendered.files
    .filter(({ path }) => path.includes('/') && path.endsWith('.yaml'))
    .flatMap(({ content }) => documents(content) as Manifest[])
    .find(
      ({ kind, metadata }) =>
        kind === 'Deployment' && metadata.name === one?.name && metadata.namespace === (one?.namespace ?? 'default'),
    ) as { spec: { template: { spec: { containers: [Record<string, unknown>] } } } } | undefined;
  const container = deployment?.spec.template.spec.containers[0];
  expect(container?.args ?? []).toEqual(one?.args ?? []);
  const variables = (container?.env ?? []) as { name: string; value?: string }[];
  expect(variables.map(({ name, value = '' }) => [name, value])).toEqual(Object.entries(one?.env ?? {}));
}

/** Every Service has an address of the pool, and every name is one that DNS can carry. */
function judgeAddresses(rendered: Rendered, bundle: string): void {
  const objects = rendered.objects(bundle).map(({ object }) => object);
  const pool = objects.find(({ kind }) => kind === 'IPAddressPool') as { spec: { addresses: [string] } } | undefined;
  const [first = 0, last = 0] = pool?.spec.addresses[0].split('-').map(addressNumber) ?? [];
  expect(first).toBeLessThanOrEqual(last);
  for (const { metadata } of objects) {
    const annotations = (metadata.annotations ?? {}) as Record<string, string>;
    const address = annotations['metallb.io/loadBalancerIPs'];
    if (address !== undefined) {
      expect(addressNumber(address)).toBeGreaterThanOrEqual(first);
      expect(addressNumber(address)).toBeLessThanOrEqual(last);
    }
    for (const name of annotations['external-dns.alpha.kubernetes.io/hostname']?.split(',') ?? []) {
      expect([name, isDnsName(name)]).toEqual([name, true]);
    }
  }
}

const RUNS = { numRuns: 60 };

test('whatever federation-v1 accepts comes out right', () => {
  const base = guideProps({ clusters: [GUIDE_CLUSTERS.fcp, GUIDE_CLUSTERS.usa] });
  fc.assert(
    fc.property(accepted(base, FEDERATION_V1), (props) => {
      const rendered = Rendered.of(props);
      judge(props, rendered);
      for (const { cluster: name, hostContext, secretName } of stepsOf(rendered, 'kubefed-join')) {
        // What `kubefed join` makes, named after both.
        expect([hostContext, isObjectName(`${name}-${hostContext}`)]).toEqual([hostContext, true]);
        expect(isObjectName(secretName)).toBe(true);
      }
      for (const { version: chart } of stepsOf(rendered, 'helm-release')) expect(parse(chart)?.prerelease).toEqual([]);
    }),
    RUNS,
  );
});

test('whatever external-dns accepts comes out right', () => {
  const base = externalDnsProps({
    clusters: [cluster('fcp', ['europe', 'fr'], 1), cluster('usa', ['america', 'us'], 3)],
  });
  fc.assert(
    fc.property(accepted(base, EXTERNAL_DNS), (props) => {
      const rendered = Rendered.of(props);
      judge(props, rendered);
      for (const { version: chart, repository, chart: reference } of stepsOf(rendered, 'helm-release')) {
        expect(gte(chart, '0.14.9')).toBe(true);
        if (repository === undefined) expect(reference).toMatch(/^\.{0,2}\//);
      }
      for (const { name: bundle } of props.clusters) judgeAddresses(rendered, bundle);
      for (const { content } of rendered.files.filter(({ path }) => path === 'gitops/argo-cd.yaml')) {
        const [set] = documents(content) as { spec: { template: unknown } }[];
        // Whatever else stands in double braces Argo CD would fill in, or fail at.
        expect(JSON.stringify(set?.spec.template).replace(/\{\{\.(name|server)\}\}/g, '')).not.toContain('{{');
      }
      const listed = rendered.content('artifacts.yaml');
      for (const [, name = ''] of listed.matchAll(/image: '?([^'\n]*)'?$/gm))
        expect([name, isPullable(name)]).toEqual([name, true]);
    }),
    RUNS,
  );
});
