/** Many clusters' bundles for one API server under many contexts: each cluster's objects in a namespace of its own. */
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { Federation } from '../../lib';
import { PLAN_FILE } from '../../lib/plan/file';
import { digest, Plan, readPlan, writePlan } from '../../lib/plan/plan';
import { Step } from '../../lib/plan/step';

/** How many workloads a bundle has; each is one Deployment and two Services. */
export const WORKLOADS = 5;

/** The contexts' names: `c01` and so on. */
export function clusterNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `c${String(i + 1).padStart(2, '0')}`);
}

/** The namespace of a cluster's objects; who applies them has one for each. */
export const namespaceOf = (who: string, cluster: string): string => `${who}-${cluster}`;

/**
 * Renders the stack for the clusters, and of that writes the workloads' manifests: what `kubectl apply` can do as well.
 * Beside what the stack renders only the namespaces are others, so that one server can hold them all.
 *
 * @param folder where to
 * @param who whose namespaces
 * @param server the API server, the same for all
 * @param version its version
 * @returns how many objects each bundle has
 */
export function writeBundles(
  folder: string,
  who: string,
  names: readonly string[],
  server: string,
  version: string,
): number {
  const federation = new Federation({
    stack: 'external-dns',
    hostCluster: names[0] ?? '',
    clusters: names.map((name, i) => ({
      name,
      // Declared clusters are different ones; the real server is put in below.
      server: `https://127.1.0.${i + 1}:6443`,
      region: `r${i % 4}`,
      zone: `z-${name}`,
      kubernetesVersion: version,
      addressRange: `10.210.${i + 1}.0/26`,
    })),
    dns: { zone: 'example.com.', endpoint: '127.0.0.1:32609' },
    workloads: Array.from({ length: WORKLOADS }, (_, i) => ({
      name: `web-${i + 1}`,
      image: 'artmr/hello-world:latest',
      replicas: names.length,
      port: 8080,
    })),
  });
  const rendered = federation.render();
  const plan = readPlan(rendered.find((file) => file.path === PLAN_FILE)?.content ?? '');
  const moved = (text: string, cluster: string): string =>
    text.replaceAll('namespace: default\n', `namespace: ${namespaceOf(who, cluster)}\n`);
  const kept = plan.steps.flatMap((step): Extract<Step, { kind: 'apply' }>[] =>
    step.kind === 'apply' && step.component === 'workloads' ? [step] : [],
  );
  const steps = kept.map((step) => ({
    ...step,
    needs: [],
    wait: step.wait.map((ready) => ({ ...ready, namespace: namespaceOf(who, step.cluster) })),
  }));
  const contents = steps.map(({ file, cluster }) => ({
    path: file,
    cluster,
    content: moved(rendered.find((candidate) => candidate.path === file)?.content ?? '', cluster),
  }));
  const cut: Plan = {
    ...plan,
    clusters: plan.clusters.map((cluster) => ({ ...cluster, server })),
    files: contents.map((file) => ({ path: file.path, sha256: digest(file.content) })),
    steps,
  };
  const kustomizations = names.map((name) => ({
    path: `${name}/kustomization.yaml`,
    content: [
      'apiVersion: kustomize.config.k8s.io/v1beta1',
      'kind: Kustomization',
      'resources:',
      ...contents.filter(({ cluster }) => cluster === name).map((file) => `  - ${path.basename(file.path)}`),
      '',
    ].join('\n'),
  }));
  for (const { path: file, content } of [
    ...contents,
    ...(who === 'kustomize' ? kustomizations : []),
    { path: PLAN_FILE, content: writePlan(cut) },
  ]) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), content);
  }
  const objects = contents.map(({ content }) => content.split(/^---$/m).length).reduce((a, b) => a + b, 0);
  return objects / names.length;
}
