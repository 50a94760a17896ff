import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { noteRealProgram } from '../../e2e/harness/real-programs';

/** A real kubectl: of the end-to-end tier, or of the system; nothing where there is none. */
export function findKubectl(): string | undefined {
  const folders = [
    process.env.KUBEBUILDER_ASSETS ?? '',
    join(__dirname, '../../e2e/bin'),
    ...(process.env.PATH ?? '').split(delimiter),
  ];
  return folders.map((folder) => join(folder, 'kubectl')).find((file) => existsSync(file));
}

/** What `kubectl kustomize` builds out of a folder. */
export function kustomize(kubectl: string, folder: string, ...options: string[]): string {
  noteRealProgram(kubectl);
  return execFileSync(kubectl, ['kustomize', folder, ...options], { encoding: 'utf8', maxBuffer: 1e8 });
}
