/**
 * What the published documents do not say: which API versions of a kind are the same thing, what a field's absence means
 * in each of them, and which values are what an older version does anyway.
 */

/** API versions of one kind that have the same shape, newest first. What is written in one may be read in another. */
export const SAME_SHAPE: Readonly<Record<string, readonly string[]>> = {
  Deployment: ['apps/v1', 'apps/v1beta2', 'apps/v1beta1', 'extensions/v1beta1'],
  DaemonSet: ['apps/v1', 'apps/v1beta2', 'extensions/v1beta1'],
  ReplicaSet: ['apps/v1', 'apps/v1beta2', 'extensions/v1beta1'],
  StatefulSet: ['apps/v1', 'apps/v1beta2', 'apps/v1beta1'],
  ClusterRole: ['rbac.authorization.k8s.io/v1', 'rbac.authorization.k8s.io/v1beta1'],
  ClusterRoleBinding: ['rbac.authorization.k8s.io/v1', 'rbac.authorization.k8s.io/v1beta1'],
  Role: ['rbac.authorization.k8s.io/v1', 'rbac.authorization.k8s.io/v1beta1'],
  RoleBinding: ['rbac.authorization.k8s.io/v1', 'rbac.authorization.k8s.io/v1beta1'],
  NetworkPolicy: ['networking.k8s.io/v1', 'extensions/v1beta1'],
  Ingress: ['networking.k8s.io/v1beta1', 'extensions/v1beta1'],
  PodDisruptionBudget: ['policy/v1', 'policy/v1beta1'],
  PriorityClass: ['scheduling.k8s.io/v1', 'scheduling.k8s.io/v1beta1'],
  CronJob: ['batch/v1', 'batch/v1beta1'],
  HorizontalPodAutoscaler: ['autoscaling/v2', 'autoscaling/v2beta2'],
  StorageClass: ['storage.k8s.io/v1', 'storage.k8s.io/v1beta1'],
  Lease: ['coordination.k8s.io/v1', 'coordination.k8s.io/v1beta1'],
};

/** What a server fills in where a field is missing, for one field in which the API versions of a kind differ. */
export interface DefaultRule {
  readonly kind: string;
  /** Name of the field in the object's `spec`. */
  readonly field: string;
  /** What is filled in, by API version. */
  readonly byApiVersion: Readonly<Record<string, unknown>>;
}

const ROLLING_DAEMONS = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } };
const ROLLING_STATEFUL = { type: 'RollingUpdate' };
const ROLLING_25 = { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } };
const ROLLING_1 = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } };
const ON_DELETE = { type: 'OnDelete' };
/** What the server itself writes for "no limit"; 1.7 leaves the field empty, which means the same. */
const UNLIMITED = 2 ** 31 - 1;

/**
 * Where the API version that an object was written in and the one that it is lowered to differ, the first one's default
 * is written out. Source: the published documents' descriptions of the fields, and the defaulting functions of each API
 * version (apps/v1beta1 keeps 2 old revisions, extensions/v1beta1 updates DaemonSets on delete only, …).
 */
export const DEFAULTS: readonly DefaultRule[] = [
  {
    kind: 'Deployment',
    field: 'revisionHistoryLimit',
    byApiVersion: { 'apps/v1': 10, 'apps/v1beta2': 10, 'apps/v1beta1': 2, 'extensions/v1beta1': UNLIMITED },
  },
  {
    kind: 'Deployment',
    field: 'progressDeadlineSeconds',
    byApiVersion: { 'apps/v1': 600, 'apps/v1beta2': 600, 'apps/v1beta1': 600, 'extensions/v1beta1': UNLIMITED },
  },
  {
    kind: 'Deployment',
    field: 'strategy',
    byApiVersion: {
      'apps/v1': ROLLING_25,
      'apps/v1beta2': ROLLING_25,
      'apps/v1beta1': ROLLING_25,
      'extensions/v1beta1': ROLLING_1,
    },
  },
  {
    kind: 'DaemonSet',
    field: 'updateStrategy',
    byApiVersion: { 'apps/v1': ROLLING_DAEMONS, 'apps/v1beta2': ROLLING_DAEMONS, 'extensions/v1beta1': ON_DELETE },
  },
  {
    kind: 'StatefulSet',
    field: 'updateStrategy',
    byApiVersion: { 'apps/v1': ROLLING_STATEFUL, 'apps/v1beta2': ROLLING_STATEFUL, 'apps/v1beta1': ON_DELETE },
  },
];

/** The kinds whose oldest API versions take a missing selector from the labels of the pods, and what those are. */
export const SELECTOR_FROM_LABELS = {
  kinds: ['Deployment', 'DaemonSet', 'ReplicaSet', 'StatefulSet'],
  apiVersions: ['apps/v1beta1', 'extensions/v1beta1'],
} as const;

/**
 * Values that an older server, which does not know the field, acts on all the same: leaving the field out there loses
 * nothing. By `<type>.<field>`. Everything that is not listed is an error when the version does not know the field.
 */
export const NO_OPS: Readonly<Record<string, readonly unknown[]>> = {
  'apps.v1.StatefulSetSpec.minReadySeconds': [0],
  'apps.v1.StatefulSetSpec.persistentVolumeClaimRetentionPolicy': [{ whenDeleted: 'Retain', whenScaled: 'Retain' }, {}],
  'batch.v1.JobSpec.completionMode': ['NonIndexed'],
  'batch.v1.JobSpec.suspend': [false],
  'core.v1.ConfigMap.immutable': [false],
  'core.v1.HostPathVolumeSource.type': [''],
  'core.v1.PodSecurityContext.fsGroupChangePolicy': ['Always'],
  'core.v1.PodSpec.dnsConfig': [{}],
  'core.v1.PodSpec.enableServiceLinks': [true],
  'core.v1.PodSpec.ephemeralContainers': [[]],
  'core.v1.PodSpec.hostUsers': [true],
  'core.v1.PodSpec.preemptionPolicy': ['PreemptLowerPriority'],
  'core.v1.PodSpec.readinessGates': [[]],
  'core.v1.PodSpec.setHostnameAsFQDN': [false],
  'core.v1.PodSpec.shareProcessNamespace': [false],
  'core.v1.PodSpec.topologySpreadConstraints': [[]],
  'core.v1.Secret.immutable': [false],
  // Before 1.8 every process may gain privileges as its image allows: false is a promise that 1.7 does not keep.
  'core.v1.SecurityContext.allowPrivilegeEscalation': [true],
  'core.v1.SecurityContext.procMount': ['Default'],
  'core.v1.ServiceSpec.allocateLoadBalancerNodePorts': [true],
  'core.v1.ServiceSpec.internalTrafficPolicy': ['Cluster'],
  'core.v1.ServiceSpec.ipFamilies': [['IPv4']],
  'core.v1.ServiceSpec.ipFamilyPolicy': ['SingleStack'],
  'core.v1.ServiceSpec.publishNotReadyAddresses': [false],
  'core.v1.VolumeMount.mountPropagation': ['None'],
  'networking.v1.NetworkPolicySpec.policyTypes': [['Ingress']],
};

/** The groups of the API server's own kinds. Every other group is a custom resource's, which passes as it is. */
const BUILT_IN_GROUPS = new Set([
  '',
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'apiregistration.k8s.io',
  'apps',
  'authentication.k8s.io',
  'auditregistration.k8s.io',
  'authorization.k8s.io',
  'autoscaling',
  'batch',
  'certificates.k8s.io',
  'coordination.k8s.io',
  'discovery.k8s.io',
  'events.k8s.io',
  'extensions',
  'flowcontrol.apiserver.k8s.io',
  'internal.apiserver.k8s.io',
  'networking.k8s.io',
  'node.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'scheduling.k8s.io',
  'settings.k8s.io',
  'storage.k8s.io',
]);

/** Whether an API version is the API server's own, in contrast to a custom resource's. */
export function isBuiltIn(apiVersion: string): boolean {
  return BUILT_IN_GROUPS.has(apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '');
}
