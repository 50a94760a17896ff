/** Clusters for the step kinds of the guide's stack that need no retired program, with a plan of them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { jsonLines } from '../../scripts/apply/tools/kubectl';
import { findBinaries } from '../binaries';
import { ControlPlanes } from '../control-plane';
import { waitFor } from '../harness/wait';
import { ToolName } from '../tools/pins';
import { cli, CliResult, CliRun, Clients, output, startCli, testEnvironment } from './cli';
import { writePlanWithoutKubefed } from './plan-without-kubefed';

/** The clusters' contexts. */
export const NAMES = ['fcp', 'usa'];
/** The addresses that the cloud provider would give. */
const ADDRESSES: Readonly<Record<string, string>> = { fcp: '10.210.1.65', usa: '10.210.2.65' };

/** The Corefile of each cluster's own DNS, before the first apply. */
export const OWN_COREFILE =
  ".:53 {\n    errors\n    # the user's own\n    kubernetes cluster.local\n}\n\ninternal.corp:53 {\n    forward . 127.0.0.9\n}\n";

/** Which programs meet. */
export interface GuideVersions extends Clients {
  /** @default the tier's own */
  readonly apiServer?: ToolName;
}

/** Two clusters, and what a test does with them. */
export class GuideClusters {
  /** Starts the clusters, with what kubeadm and the user have set up, and writes the plan. */
  static async start({ apiServer = 'kube-apiserver', ...clients }: GuideVersions = {}): Promise<GuideClusters> {
    const found = findBinaries([apiServer]);
    if (!found.ok) throw found.error;
    const binaries = { 'kube-apiserver': found.paths[apiServer] };
    const planes = await ControlPlanes.start({
      clusters: NAMES.map((name) => ({ name, nodes: 2, binaries })),
      handleSignals: false,
    });
    const clusters = new GuideClusters(planes, testEnvironment(planes, clients));
    writePlanWithoutKubefed(clusters.dist, planes.clusters);
    for (const name of NAMES) await clusters.furnish(name);
    return clusters;
  }

  private readonly dist = mkdtempSync(path.join(tmpdir(), 'e2e-dist-'));

  private constructor(
    readonly planes: ControlPlanes,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  /** Ends and removes everything. */
  async stop(): Promise<void> {
    await this.planes.stop();
    rmSync(this.dist, { recursive: true, force: true });
  }

  kubectl(context: string, ...args: string[]): Promise<string> {
    return output(this.env, 'kubectl', [`--context=${context}`, ...args]);
  }

  /** `npm run <command> -- <args>`. */
  run(...args: string[]): Promise<CliResult> {
    return cli(this.env, this.dist, ...args);
  }

  /** The same, under way. */
  begin(...args: string[]): CliRun {
    return startCli(this.env, this.dist, ...args);
  }

  /** A whole apply, with the addresses that it waits for. */
  async applyWithAddresses(): Promise<CliResult> {
    const run = this.begin('apply', '--yes');
    await Promise.all(NAMES.map((name) => this.giveAddress(name)));
    return run.result;
  }

  /** Gives hello-world its address, as the cloud provider would. */
  async giveAddress(context: string): Promise<void> {
    const { api } = this.planes.cluster(context);
    const object = '/api/v1/namespaces/default/services/hello-world/status';
    const patch = { status: { loadBalancer: { ingress: [{ ip: ADDRESSES[context] }] } } };
    await waitFor({
      what: `the Service hello-world in ${context}`,
      timeoutMs: 60_000,
      probe: async () => {
        const { status } = await api.request('PATCH', object, patch, undefined, 'application/merge-patch+json');
        return status === 200 ? { done: true, value: undefined } : { done: false, saw: `status ${status}` };
      },
    });
  }

  /** What kubeadm and the user have set up: objects that the plan changes a part of, and others that it never touches. */
  private async furnish(context: string): Promise<void> {
    const objects = [
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'coredns', namespace: 'kube-system' },
        data: { Corefile: OWN_COREFILE, other: 'kept' },
      },
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'kube-dns', namespace: 'kube-system', annotations: { mine: 'kept' } },
        spec: {
          selector: { matchLabels: { app: 'kube-dns' } },
          template: {
            metadata: { labels: { app: 'kube-dns' } },
            spec: {
              containers: [
                { name: 'kubedns', image: 'kubedns', args: ['--domain=cluster.local.'] },
                { name: 'dnsmasq', image: 'dnsmasq', args: ['-v=2', '--', '-k', '--server=/internal.corp/127.0.0.9'] },
              ],
            },
          },
        },
      },
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'mine', namespace: 'default' }, data: { a: 'b' } },
    ];
    await output(this.env, 'kubectl', [`--context=${context}`, 'apply', '--filename=-'], jsonLines(objects));
    await this.kubectl(context, 'label', 'node', `${context}-node-1`, 'mine=kept');
  }

  /** Every object that a run could change, by name, with its resource version; what changes by itself is left out. */
  async resourceVersions(): Promise<Record<string, string>> {
    const kinds =
      'configmaps,serviceaccounts,services,deployments,daemonsets,roles,rolebindings,clusterroles,clusterrolebindings';
    const lists = await Promise.all(
      NAMES.map(async (context) => {
        const text = await this.kubectl(context, 'get', kinds, '--all-namespaces', '--output=json');
        const { items } = JSON.parse(text) as {
          items: { kind: string; metadata: { namespace?: string; name: string; resourceVersion: string } }[];
        };
        return items.map(
          ({ kind, metadata: { namespace = '', name, resourceVersion } }) =>
            [`${context} ${kind} ${namespace}/${name}`, resourceVersion] as const,
        );
      }),
    );
    return Object.fromEntries(lists.flat());
  }
}
