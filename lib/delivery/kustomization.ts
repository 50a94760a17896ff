import { OutputFile } from '../bundle';
import { toYaml } from '../yaml';

/** A kustomization.yaml over files, in their order. Paths are as seen from it. */
export function kustomization(path: string, about: string, resources: readonly string[]): OutputFile {
  const content = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', resources };
  return { path, content: `# ${about}\n${toYaml(content)}` };
}
