/**
 * Whether an API server can update a Service whose ports share a node port over UDP and TCP. Before 1.9 it refuses to
 * share one in an update, and ends at any update of a Service that shares one: a label is enough.
 */
export function updatesSharedNodePorts({
  major = 1,
  minor,
}: {
  readonly major?: number;
  readonly minor: number;
}): boolean {
  return major > 1 || minor >= 9;
}
