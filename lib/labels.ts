/** Labels on every object that this project makes: what carries them may be changed and taken away by it. */
export function ownLabels(federation: string): Record<string, string> {
  return { 'app.kubernetes.io/managed-by': 'onprem-federation', 'app.kubernetes.io/part-of': federation };
}

/** The key of a Helm release's values that names the federation that it belongs to. */
export const RELEASE_OWNER = 'onpremFederation';
