import { z } from 'zod';
import { Finding } from '../errors';
import {
  ArgoCdProps,
  ChartsProps,
  ClusterDnsMethod,
  ClusterProps,
  ControlPlaneProps,
  CoreDnsInstall,
  CoreDnsProps,
  DnsProgram,
  DnsProps,
  EtcdProps,
  EtcdStorageProps,
  EtcdTlsProps,
  ExternalDnsProps,
  FederationProps,
  FluxProps,
  GitOpsProps,
  ImagesProps,
  KeepalivedProps,
  MetalLbProps,
  PlacementProps,
  ReplicaPreference,
  StackName,
  WorkloadPortProps,
  WorkloadProps,
} from './types';

/** A schema for each prop of a type, so that none is forgotten here that types.ts has, and none invented. */
type Shape<T> = { [K in keyof Required<T>]: z.ZodType<T[K]> };

/** A NUL ends an argument for every program, and half of a surrogate pair is no character in any file. */
const text = z.string().refine((value) => !/[\0\p{Cs}]/u.test(value));
const number = z.number();
/** Each choice under its own name: the compiler sees to it that none is missing. */
const stacks: { [K in StackName]: K } = { 'federation-v1': 'federation-v1', 'external-dns': 'external-dns' };
const clusterDnsMethods: { [K in ClusterDnsMethod]: K } = {
  'stub-domains': 'stub-domains',
  'dnsmasq-argument': 'dnsmasq-argument',
};
const coreDnsInstalls: { [K in CoreDnsInstall]: K } = { manifests: 'manifests', helm: 'helm' };
const forwardMethods: { [K in NonNullable<KeepalivedProps['forwardMethod']>]: K } = { NAT: 'NAT', DR: 'DR' };

const dnsPrograms: { [K in DnsProgram]: K } = { 'kube-dns': 'kube-dns', coredns: 'coredns' };

const cluster = z.strictObject({
  name: text,
  server: text,
  region: text,
  zone: text,
  kubernetesVersion: text,
  addressRange: text,
  context: text.optional(),
  kubectl: text.optional(),
  nodeNetworks: z.array(text).optional(),
  dnsProgram: z.enum(dnsPrograms).optional(),
} satisfies Shape<ClusterProps>);

const dns = z.strictObject({
  zone: text,
  endpoint: text,
  nodePortRange: text.optional(),
  clusterDns: z.enum(clusterDnsMethods).optional(),
} satisfies Shape<DnsProps>);

const preference = z.strictObject({
  minReplicas: number.optional(),
  maxReplicas: number.optional(),
  weight: number.optional(),
} satisfies Shape<ReplicaPreference>);

const placement = z.strictObject({
  rebalance: z.boolean().optional(),
  clusters: z.record(text, preference),
} satisfies Shape<PlacementProps>);

const workloadPort = z.strictObject({
  name: text,
  port: number,
  protocol: z.enum(['TCP', 'UDP']).optional(),
} satisfies Shape<WorkloadPortProps>);

const workload = z.strictObject({
  name: text,
  image: text,
  port: number,
  portName: text.optional(),
  morePorts: z.array(workloadPort).optional(),
  args: z.array(text).optional(),
  env: z.record(text, text).optional(),
  replicas: number,
  namespace: text.optional(),
  placement: placement.optional(),
  names: z.boolean().optional(),
  addresses: z.record(text, text).optional(),
  readinessPath: text.optional(),
} satisfies Shape<WorkloadProps>);

const etcdStorage = z.union([
  z.literal('ephemeral'),
  z.strictObject({ size: text.optional(), className: text.optional() } satisfies Shape<EtcdStorageProps>),
]);

const gitops = z.strictObject({
  repoUrl: text,
  revision: text.optional(),
  path: text.optional(),
  argoCd: z
    .strictObject({ namespace: text.optional(), project: text.optional() } satisfies Shape<ArgoCdProps>)
    .optional(),
  flux: z
    .strictObject({
      namespace: text.optional(),
      intervalMinutes: number.optional(),
      secretName: text.optional(),
    } satisfies Shape<FluxProps>)
    .optional(),
} satisfies Shape<GitOpsProps>);

const federation = z.strictObject({
  name: text.optional(),
  stack: z.enum(stacks).optional(),
  hostCluster: text,
  clusters: z.array(cluster),
  dns,
  workloads: z.array(workload).optional(),
  controlPlane: z
    .strictObject({
      advertiseAddress: text.optional(),
      persistentStorage: z.boolean().optional(),
      image: text.optional(),
      etcdImage: text.optional(),
    } satisfies Shape<ControlPlaneProps>)
    .optional(),
  etcd: z
    .strictObject({
      size: number.optional(),
      version: text.optional(),
      operatorImage: text.optional(),
      storage: etcdStorage.optional(),
      endpoint: text.optional(),
      tls: z
        .strictObject({
          serverSecret: text,
          clientSecret: text,
          serverName: text.optional(),
        } satisfies Shape<EtcdTlsProps>)
        .optional(),
    } satisfies Shape<EtcdProps>)
    .optional(),
  coreDns: z
    .strictObject({
      install: z.enum(coreDnsInstalls).optional(),
      image: text.optional(),
      chartVersion: text.optional(),
      tillerImage: text.optional(),
    } satisfies Shape<CoreDnsProps>)
    .optional(),
  keepalived: z
    .strictObject({
      vipImage: text.optional(),
      cloudProviderImage: text.optional(),
      forwardMethod: z.enum(forwardMethods).optional(),
    } satisfies Shape<KeepalivedProps>)
    .optional(),
  images: z
    .strictObject({
      prefix: text.optional(),
      etcd: text.optional(),
      coreDns: text.optional(),
      externalDns: text.optional(),
    } satisfies Shape<ImagesProps>)
    .optional(),
  charts: z
    .strictObject({
      repository: text.optional(),
      folder: text.optional(),
      unpacked: z.boolean().optional(),
    } satisfies Shape<ChartsProps>)
    .optional(),
  metalLb: z
    .strictObject({
      chartVersion: text.optional(),
      ignoreExcludeLB: z.boolean().optional(),
    } satisfies Shape<MetalLbProps>)
    .optional(),
  externalDns: z
    .strictObject({
      intervalSeconds: number.optional(),
      eventIntervalSeconds: number.optional(),
      ttlSeconds: number.optional(),
    } satisfies Shape<ExternalDnsProps>)
    .optional(),
  gitops: gitops.optional(),
} satisfies Shape<FederationProps>);

/** What each type that a prop may have is called in a message. */
const TYPES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

/**
 * What is wrong with the shape of a declaration: props that are missing, unknown, or of another type. The compiler says
 * the same, but synth runs without it, and a misspelt prop must not silently mean its default.
 */
export function shapeFindings(props: unknown): Finding[] {
  const { error } = federation.safeParse(props);
  return (error?.issues ?? []).flatMap((issue) => findings(issue, valueAt(props, issue.path)));
}

function findings(issue: z.core.$ZodIssue, value: unknown): Finding[] {
  const where = pathInWords(issue.path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        where: pathInWords([...issue.path, key]),
        problem: `there is no prop '${key}' here`,
        hint: 'Look for its right name in lib/topology/types.ts, or leave it out.',
      }));
    case 'invalid_type': {
      const type = TYPES[issue.expected] ?? issue.expected;
      const problem = value === undefined ? 'is missing' : `${inWords(value)} is not ${type}`;
      return [{ where, problem, hint: `Give ${type}.` }];
    }
    case 'invalid_value':
      return [
        { where, problem: `${inWords(value)} is none of the choices`, hint: `Use one of: ${issue.values.join(', ')}.` },
      ];
    case 'invalid_key':
    case 'custom':
      return [{ where, problem: 'holds a character that no file or argument can hold', hint: 'Leave it out.' }];
    default:
      return [{ where, problem: issue.message, hint: 'See lib/topology/types.ts.' }];
  }
}

/** A value as it stands in TypeScript; JSON has no word for what is no number. */
function inWords(value: unknown): string {
  return typeof value === 'number' ? String(value) : typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
}

/** `clusters[1].addressRange` */
function pathInWords(path: readonly PropertyKey[]): string {
  const words = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return words === '' ? 'the declaration' : words.replace(/^\./, '');
}

function valueAt(props: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown>)[key], props);
}
