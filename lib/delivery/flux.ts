import { App, Chart } from 'cdk8s';
import { posix } from 'node:path';
import { HelmRelease } from '../../imports/helm.toolkit.fluxcd.io';
import { Kustomization } from '../../imports/kustomize.toolkit.fluxcd.io';
import { GitRepository, GitRepositorySpecRef, HelmRepository } from '../../imports/source.toolkit.fluxcd.io';
import { Bundle, OutputFile } from '../bundle';
import { metalLbChart, metalLbValues } from '../components/metallb';
import { StepOf } from '../plan/step';
import { GitOps, Topology } from '../topology/resolve';
import { toYaml } from '../yaml';
import { kustomization } from './kustomization';
import { waves } from './waves';

/** Has Flux leave an object where it is when it leaves the repository, or when the Kustomization goes. */
export const FLUX_KEEPS = { 'kustomize.toolkit.fluxcd.io/prune': 'disabled' } as const;

type WithFlux = GitOps & Required<Pick<GitOps, 'flux'>>;

/**
 * What a Flux in the cluster itself needs to pull the cluster's bundle: the repository and one Kustomization for each
 * wave of the plan, each depending on the one before. A wave's folder names the bundle's own manifests, which Flux may
 * read from anywhere in the repository; MetalLB's release stands in the folder of its wave.
 */
export function flux(
  topology: Topology,
  gitops: WithFlux,
  bundle: Bundle,
  labels: Record<string, string>,
): OutputFile[] {
  const folder = `gitops/flux/${bundle.name}`;
  const layers = new Map<number, string[]>();
  const files: OutputFile[] = [];
  for (const [step, wave] of waves(bundle.steps)) {
    const layer = layers.get(wave) ?? [];
    if (step.kind === 'apply' || step.kind === 'create') layer.push(`../../../../${step.file}`);
    if (step.kind === 'helm-release') {
      layer.push('metallb.yaml');
      const content = manifests(labels, (chart) => {
        metalLb(chart, topology, gitops, step);
      });
      files.push({ path: `${folder}/${wave}/metallb.yaml`, content });
    }
    if (layer.length > 0) layers.set(wave, layer);
  }
  const order = [...layers.keys()].sort((a, b) => a - b);
  for (const wave of order) {
    const about = `Wave ${wave} of ${bundle.name}. Only Flux builds it: it names files outside of its own folder`;
    files.push(kustomization(`${folder}/${wave}/kustomization.yaml`, about, (layers.get(wave) ?? []).sort()));
  }
  const content = manifests(labels, (chart) => {
    pull(chart, topology, gitops, folder, order);
  });
  return [
    {
      path: `${folder}.yaml`,
      content: `# For ${bundle.name}, in which Flux runs: it pulls its own bundle\n${content}`,
    },
    ...files,
  ];
}

function manifests(labels: Record<string, string>, build: (chart: Chart) => void): string {
  const chart = new Chart(new App(), 'flux', { labels, disableResourceNameHashes: true });
  build(chart);
  return chart
    .toJson()
    .map((object) => toYaml(object))
    .join('---\n');
}

/** A commit by its whole hash, a full name such as `refs/tags/v1`, or else a branch: Flux has to be told which. */
function reference(revision: string): GitRepositorySpecRef {
  if (/^[0-9a-f]{40}$/.test(revision)) return { commit: revision };
  return revision.startsWith('refs/') ? { name: revision } : { branch: revision };
}

function pull(chart: Chart, { name }: Topology, gitops: WithFlux, folder: string, order: readonly number[]): void {
  const { namespace, intervalMinutes, secretName } = gitops.flux;
  const interval = `${intervalMinutes}m`;
  new GitRepository(chart, 'repository', {
    metadata: { name, namespace },
    spec: {
      interval,
      url: gitops.repoUrl,
      ref: reference(gitops.revision),
      ...(secretName !== undefined && { secretRef: { name: secretName } }),
    },
  });
  order.forEach((wave, i) => {
    const before = order[i - 1];
    new Kustomization(chart, `wave-${wave}`, {
      metadata: { name: `${name}-${wave}`, namespace },
      spec: {
        interval,
        retryInterval: '1m',
        timeout: '10m',
        path: `./${posix.join(gitops.path, folder, String(wave))}`,
        prune: true,
        wait: true,
        sourceRef: { kind: 'GitRepository', name },
        ...(before !== undefined && { dependsOn: [{ name: `${name}-${before}` }] }),
      },
    });
  });
}

function metalLb(chart: Chart, topology: Topology, gitops: WithFlux, step: StepOf<'helm-release'>): void {
  const { namespace, intervalMinutes } = gitops.flux;
  const { name, version, repository, reference } = metalLbChart(topology);
  const local = topology.charts.folder !== undefined;
  if (!local) {
    new HelmRepository(chart, 'repository', {
      metadata: { name, namespace },
      spec: { interval: '1h', url: repository },
    });
  }
  new HelmRelease(chart, 'release', {
    metadata: { name: step.release, namespace },
    spec: {
      interval: `${intervalMinutes}m`,
      releaseName: step.release,
      targetNamespace: step.namespace,
      storageNamespace: step.namespace,
      chart: {
        spec: local
          ? {
              chart: `./${posix.join(gitops.path, reference)}`,
              sourceRef: { kind: 'GitRepository', name: topology.name },
            }
          : { chart: name, version, sourceRef: { kind: 'HelmRepository', name } },
      },
      values: metalLbValues(topology),
    },
  });
}
