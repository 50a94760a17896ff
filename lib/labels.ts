/**
 * The label by which this project knows its objects: what carries it may be changed and taken away. It is nobody else's, as
 * the common ones below are: a Helm chart that is brought in as a chart of the user's own says `managed-by` and `part-of`
 * for itself, and others select by that.
 */
export function ownLabels(federation: string): Record<string, string> {
  return { 'onprem-federation.io/federation': federation };
}

/** The labels of every object: the common ones of Kubernetes' conventions, unless the object says others, and the own. */
export function labelsOf(federation: string, others: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    'app.kubernetes.io/managed-by': 'onprem-federation',
    'app.kubernetes.io/part-of': federation,
    ...others,
    ...ownLabels(federation),
  };
}

/** The key of a Helm release's values that names the federation that it belongs to. */
export const RELEASE_OWNER = 'onpremFederation';
