import { App, Chart } from 'cdk8s';
import { posix } from 'node:path';
import { ApplicationSet, ApplicationSetSpecTemplateSpecSources } from '../../imports/argoproj.io';
import { OutputFile } from '../bundle';
import { METALLB_NAMESPACE } from '../components/federation-namespace';
import { metalLbChart } from '../components/metallb';
import { StepOf } from '../plan/step';
import { GitOps, Topology } from '../topology/resolve';
import { toYaml } from '../yaml';

/** Annotation that tells Argo CD an object's place in the order. */
export const SYNC_WAVE = 'argocd.argoproj.io/sync-wave';

/** Has Argo CD leave an object where it is when it leaves the repository, or when the whole Application goes. */
export const ARGO_CD_KEEPS = { 'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false' } as const;

/** Name by which the chart's values are found in the bundle's source. */
const BUNDLE = 'bundle';

/** One ApplicationSet that makes an Application for each cluster: its bundle and MetalLB's chart with its values. */
export function argoCd(
  topology: Topology,
  gitops: GitOps & Required<Pick<GitOps, 'argoCd'>>,
  release: StepOf<'helm-release'>,
  labels: Record<string, string>,
): OutputFile {
  const chart = new Chart(new App(), 'argo-cd', { labels, disableResourceNameHashes: true });
  const { repoUrl, revision, path } = gitops;
  const values = `$${BUNDLE}/${posix.join(path, '{{.name}}', posix.basename(release.file))}`;
  new ApplicationSet(chart, 'clusters', {
    metadata: { name: topology.name, namespace: gitops.argoCd.namespace },
    spec: {
      goTemplate: true,
      goTemplateOptions: ['missingkey=error'],
      generators: [{ list: { elements: topology.clusters.map(({ name, server }) => ({ name, server })) } }],
      template: {
        metadata: { name: `${topology.name}-{{.name}}` },
        spec: {
          project: gitops.argoCd.project,
          // Every object says its own namespace; this is the chart's.
          destination: { server: '{{.server}}', namespace: METALLB_NAMESPACE },
          sources: [
            { repoUrl, targetRevision: revision, path: posix.join(path, '{{.name}}'), ref: BUNDLE },
            { ...metalLbSource(topology, gitops), helm: { releaseName: release.release, valueFiles: [values] } },
          ],
          syncPolicy: {
            automated: { prune: true, selfHeal: true },
            // MetalLB's kinds are known only after its chart is there.
            syncOptions: ['ServerSideApply=true', 'SkipDryRunOnMissingResource=true'],
          },
        },
      },
    },
  });
  const about = '# For the cluster in which Argo CD runs: one Application for each cluster of the federation';
  return {
    path: 'gitops/argo-cd.yaml',
    content: `${about}\n${chart
      .toJson()
      .map((object) => toYaml(object))
      .join('---\n')}`,
  };
}

function metalLbSource(topology: Topology, gitops: GitOps): ApplicationSetSpecTemplateSpecSources {
  const { name, version, repository, reference } = metalLbChart(topology);
  if (topology.charts.folder === undefined) return { repoUrl: repository, chart: name, targetRevision: version };
  return { repoUrl: gitops.repoUrl, targetRevision: gitops.revision, path: posix.join(gitops.path, reference) };
}
