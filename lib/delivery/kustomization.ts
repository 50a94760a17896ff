import { OutputFile } from '../bundle';
import { toYaml } from '../yaml';

/** Name of a bundle's kustomization: one of those that kustomize knows, and that `kubectl apply -f` passes over. */
export const KUSTOMIZATION_FILE = 'Kustomization';

/** A kustomization over files, in their order. Paths are as seen from it. */
export function kustomization(path: string, about: string, resources: readonly string[]): OutputFile {
  const content = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', resources };
  return { path, content: `# ${about}\n${toYaml(content)}` };
}
