/**
 * How kwok is kept off the pods that are run here. Its flags for leaving pods out go by annotations and labels, which the rendered pods do not have; its stages go by
 * any field, so they tell the images apart:
 *
 * - a pod without a known image: Running and Ready at once, gone as soon as it is deleted, as with kwok's own stages;
 * - a pod with a known image: gets its addresses from kwok and stays Pending; all else is the kubelet's of processes, its removal too.
 */
import { knownPodQuery } from './programs';

const NEITHER_YET = [
  { key: '.metadata.deletionTimestamp', operator: 'DoesNotExist' },
  { key: '.status.podIP', operator: 'DoesNotExist' },
];

const ADDRESSES = `
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
podIP: {{ PodIPWith .spec.nodeName (or .spec.hostNetwork false) (or .metadata.uid "") (or .metadata.name "") (or .metadata.namespace "") | Quote }}
startTime: {{ Now | Quote }}`;

const ALL_WELL = `${ADDRESSES}
phase: Running
conditions:
{{ $now := Now }}
{{ range $type := list "Initialized" "ContainersReady" "Ready" }}
- {type: {{ $type }}, status: "True", lastTransitionTime: {{ $now | Quote }}}
{{ end }}
{{ range .spec.readinessGates }}
- {type: {{ .conditionType | Quote }}, status: "True", lastTransitionTime: {{ $now | Quote }}}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- {name: {{ .name | Quote }}, image: {{ .image | Quote }}, ready: true, started: true, restartCount: 0, state: {running: {startedAt: {{ $now | Quote }}}}}
{{ end }}
initContainerStatuses:
{{ range .spec.initContainers }}
- {name: {{ .name | Quote }}, image: {{ .image | Quote }}, ready: true, restartCount: 0, state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}}
{{ end }}`;

const COMPLETED = `
{{ $now := Now }}
phase: Succeeded
containerStatuses:
{{ range .spec.containers }}
- {name: {{ .name | Quote }}, image: {{ .image | Quote }}, ready: false, restartCount: 0, state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}}
{{ end }}`;

interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

/** The content of the file for kwok's `--config`. */
export function kwokStages(): string {
  const known = knownPodQuery();
  const ours = { key: known, operator: 'Exists' };
  const notOurs = { key: known, operator: 'DoesNotExist' };
  const stages = [
    stage('known-pod-addresses', [...NEITHER_YET, ours], { statusTemplate: `${ADDRESSES}\nphase: Pending\n` }),
    stage('pod-ready', [...NEITHER_YET, notOurs], { statusTemplate: ALL_WELL }),
    stage(
      'pod-complete',
      [
        { key: '.metadata.deletionTimestamp', operator: 'DoesNotExist' },
        { key: '.status.phase', operator: 'In', values: ['Running'] },
        { key: '.metadata.ownerReferences[].kind', operator: 'In', values: ['Job'] },
        notOurs,
      ],
      { statusTemplate: COMPLETED },
    ),
    stage('pod-delete', [{ key: '.metadata.deletionTimestamp', operator: 'Exists' }, notOurs], {
      finalizers: { empty: true },
      delete: true,
    }),
  ];
  return stages.map((document) => `---\n${JSON.stringify(document, null, 2)}\n`).join('');
}

function stage(name: string, matchExpressions: readonly Requirement[], next: unknown): unknown {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: { resourceRef: { apiGroup: 'v1', kind: 'Pod' }, selector: { matchExpressions }, next },
  };
}
