/** The stack `external-dns` on control planes of a run: the example's topology, on loopback. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { topology as example } from '../../examples/external-dns/main';
import { Federation } from '../../lib';
import { PLAN_FILE } from '../../lib/plan/file';
import { EtcdTlsProps, WorkloadProps } from '../../lib/topology/types';
import { digest, Plan, readPlan, writePlan } from '../../lib/plan/plan';
import { synth } from '../../lib/synth';
import { fromYaml, toYaml } from '../../lib/yaml';
import { jsonLines } from '../../scripts/apply/tools/kubectl';
import { PINS } from '../tools/pins';
import { Cluster } from '../harness/cluster';
import { output } from './cli';

/** Where the host cluster's kubelet of processes opens the node ports. */
const NODES = '127.0.0.1';
/** CoreDNS's node port, the example's own. */
export const DNS_PORT = 32609;
/** The node port of etcd's clients. */
export const ETCD_PORT = 32379;

/** One cluster of the example, with what has to come out of it. */
export interface Site {
  readonly name: string;
  readonly region: string;
  readonly zone: string;
  /** The address of its hello-world. */
  readonly address: string;
  /** The cluster's own name for hello-world, its region's, and the federation's. */
  readonly names: { readonly zone: string; readonly region: string; readonly all: string };
}

/** The example's clusters; the first is the host cluster. */
export const SITES: readonly Site[] = example().topology.clusters.map(({ name, region, zone, addressRange }) => {
  const head = 'hello-world.default.federation.svc';
  return {
    name,
    region,
    zone,
    address: addressRange.first,
    names: {
      zone: `${head}.${zone}.${region}.example.com`,
      region: `${head}.${region}.example.com`,
      all: `${head}.example.com`,
    },
  };
});

/** The Corefile of each cluster's own DNS, before the first apply. */
export const OWN_COREFILE =
  ".:53 {\n    errors\n    # the user's own\n    kubernetes cluster.local\n}\n\ninternal.corp:53 {\n    forward . 127.0.0.9\n}\n";

/**
 * What kubeadm and the user have set up in a cluster: an object that the plan changes a part of, and others that it never
 * touches.
 */
export async function furnish(env: NodeJS.ProcessEnv, context: string): Promise<void> {
  const data = { Corefile: OWN_COREFILE, other: 'kept' };
  const objects = [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'coredns', namespace: 'kube-system' }, data },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'mine', namespace: 'default' }, data: { a: 'b' } },
  ];
  const kubectl = (args: string[], stdin?: string): Promise<string> =>
    output(env, 'kubectl', [`--context=${context}`, ...args], stdin);
  await kubectl(['apply', '--filename=-'], jsonLines(objects));
  await kubectl(['label', 'node', `${context}-node-1`, 'mine=kept']);
}

/** A folder of a run: `charts/` and `dist/`, side by side. */
export interface Rendered {
  readonly root: string;
  readonly dist: string;
  readonly plan: Plan;
}

/**
 * Renders the example for clusters that run, into a folder of its own.
 *
 * Only what the machine dictates differs from the example: the API servers and their versions, the addresses of the two node ports, and that
 * MetalLB's chart comes out of a folder, as at a site without internet. One value is changed after that, which no prop
 * says: `crds.validationFailurePolicy: Ignore` for every cluster but the first, as only one of the MetalLBs that run on
 * one machine can have the webhook's port, and the API servers of the others would refuse every pool.
 *
 * @param running the clusters; the example's others are left out
 * @param tls the Secrets of etcd's certificates
 * @param more what every workload has besides
 */
export function render(
  running: readonly Pick<Cluster, 'name' | 'server' | 'version'>[],
  tls?: EtcdTlsProps,
  more: Pick<WorkloadProps, 'env' | 'morePorts'> = {},
): Rendered {
  const root = mkdtempSync(path.join(tmpdir(), 'e2e-external-dns-'));
  const dist = path.join(root, 'dist');
  const { clusters: declared, host, workloads } = example().topology;
  const clusters = declared.flatMap((cluster) => {
    const found = running.find(({ name }) => name === cluster.name);
    return found ? [{ ...cluster, server: found.server, kubernetesVersion: found.version }] : [];
  });
  const federation = new Federation({
    stack: 'external-dns',
    hostCluster: host.name,
    clusters: clusters.map(({ name, region, zone, kubernetesVersion, server, addressRange }) => ({
      name,
      region,
      zone,
      kubernetesVersion,
      server,
      addressRange: addressRange.declared,
    })),
    dns: { zone: 'example.com.', endpoint: `${NODES}:${DNS_PORT}` },
    etcd: { endpoint: `${NODES}:${ETCD_PORT}`, ...(tls && { tls }) },
    charts: { folder: '../charts', unpacked: true },
    workloads: workloads.map(({ name, image, port, replicas }) => ({ name, image, port, replicas, ...more })),
  });
  synth(federation, dist);
  copyMetalLbChart(path.join(root, 'charts'));
  const others = clusters.filter(({ isHost }) => !isHost).map(({ name }) => name);
  return { root, dist, plan: ignoreWebhooks(dist, others) };
}

/** Takes the folder away. */
export function discard({ root }: Rendered): void {
  rmSync(root, { recursive: true, force: true });
}

/**
 * The chart lies in the Go module of the program that is run.
 *
 * @throws Error without Go
 */
function copyMetalLbChart(folder: string): void {
  const module = `go.universe.tf/metallb@${PINS['metallb-controller'].version}`;
  const chart = path.join(go('env', 'GOMODCACHE').trim(), module, 'charts/metallb');
  if (!existsSync(chart)) go('mod', 'download', module);
  mkdirSync(folder, { recursive: true });
  cpSync(chart, path.join(folder, 'metallb'), { recursive: true });
  // The module cache is read-only, and so is a copy of it.
  execFileSync('chmod', ['-R', 'u+w', folder]);
}

function go(...args: string[]): string {
  try {
    return execFileSync('go', args, { encoding: 'utf8', cwd: tmpdir() });
  } catch (error) {
    throw new Error("MetalLB's chart comes out of its Go module, and Go cannot fetch it", { cause: error });
  }
}

/** The one change to what was rendered. */
function ignoreWebhooks(dist: string, clusters: readonly string[]): Plan {
  const file = path.join(dist, PLAN_FILE);
  const plan = readPlan(readFileSync(file, 'utf8'));
  const changed = new Map(
    plan.files
      .filter(({ path: name }) => clusters.some((cluster) => name === `${cluster}/30-metallb-values.conf`))
      .map(({ path: name }) => {
        const values = fromYaml(readFileSync(path.join(dist, name), 'utf8')) as Record<string, unknown>;
        const content = toYaml({ ...values, crds: { validationFailurePolicy: 'Ignore' } });
        writeFileSync(path.join(dist, name), content);
        return [name, digest(content)] as const;
      }),
  );
  const files = plan.files.map(({ path: name, sha256 }) => ({ path: name, sha256: changed.get(name) ?? sha256 }));
  writeFileSync(file, writePlan({ ...plan, files }));
  return readPlan(readFileSync(file, 'utf8'));
}
