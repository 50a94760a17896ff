/** Which types an API server serves, and in which versions: FACTS.md's first section, as a table. */
import * as semver from 'semver';
import { at, dict, list, text } from './json';
import type { ClusterState } from './types';

/** A group and version, the Kubernetes version that serves it first, and the one that does not any more. */
type Served = readonly [groupVersion: string, from: string, until?: string];

const EVERY_VERB = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'] as const;
/** The category of what `kubectl get all` shows. */
const ALL = ['all'];
const API_EXTENSIONS = ['api-extensions'];
/** The order in which discovery lists them for custom resources. */
const CUSTOM_VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'] as const;

interface TypeEntry {
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly short?: readonly string[];
  /** @default all */
  readonly verbs?: readonly string[];
  /** @default none */
  readonly categories?: readonly string[];
  /** In the order in which discovery prefers them. */
  readonly served: readonly Served[];
  readonly federated?: string;
}

/** A type as one API server serves it. */
export interface ResourceType {
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly short: readonly string[];
  /** Group and versions, the preferred one first. */
  readonly versions: readonly string[];
  /** Where the store keeps it, whatever version it was written in. */
  readonly key: string;
  readonly verbs: readonly string[];
  readonly categories: readonly string[];
  readonly custom: boolean;
}

/** A type for places in the store, where only its key and its scope count. */
export const NAMELESS: ResourceType = {
  plural: '',
  singular: '',
  kind: '',
  namespaced: true,
  short: [],
  versions: [],
  key: '',
  verbs: [],
  categories: [],
  custom: false,
};

function entry(plural: string, kind: string, served: readonly Served[], options: Partial<TypeEntry> = {}): TypeEntry {
  return { plural, kind, namespaced: true, served, ...options };
}

function core(plural: string, kind: string, options: Partial<TypeEntry> = {}): TypeEntry {
  return entry(plural, kind, [['v1', '1.0.0']], options);
}

const rbac: readonly Served[] = [
  ['rbac.authorization.k8s.io/v1', '1.8.0'],
  ['rbac.authorization.k8s.io/v1beta1', '1.6.0', '1.22.0'],
  ['rbac.authorization.k8s.io/v1alpha1', '1.5.0', '1.22.0'],
];

const TYPES: readonly TypeEntry[] = [
  core('namespaces', 'Namespace', {
    namespaced: false,
    short: ['ns'],
    verbs: EVERY_VERB.filter((verb) => verb !== 'deletecollection'),
    federated: 'v1',
  }),
  core('nodes', 'Node', { namespaced: false, short: ['no'] }),
  core('pods', 'Pod', { short: ['po'], categories: ALL }),
  core('services', 'Service', { short: ['svc'], categories: ALL, federated: 'v1' }),
  core('endpoints', 'Endpoints', { short: ['ep'] }),
  core('configmaps', 'ConfigMap', { short: ['cm'], federated: 'v1' }),
  core('secrets', 'Secret', { federated: 'v1' }),
  core('events', 'Event', {
    short: ['ev'],
    served: [
      ['v1', '1.0.0'],
      ['events.k8s.io/v1', '1.19.0'],
      ['events.k8s.io/v1beta1', '1.8.0', '1.25.0'],
    ],
    federated: 'v1',
  }),
  core('serviceaccounts', 'ServiceAccount', { short: ['sa'] }),
  core('persistentvolumes', 'PersistentVolume', { namespaced: false, short: ['pv'] }),
  core('persistentvolumeclaims', 'PersistentVolumeClaim', { short: ['pvc'] }),
  core('replicationcontrollers', 'ReplicationController', { short: ['rc'], categories: ALL }),
  {
    plural: 'deployments',
    kind: 'Deployment',
    namespaced: true,
    short: ['deploy'],
    categories: ALL,
    served: [
      ['extensions/v1beta1', '1.2.0', '1.16.0'],
      ['apps/v1', '1.9.0'],
      ['apps/v1beta2', '1.8.0', '1.16.0'],
      ['apps/v1beta1', '1.6.0', '1.16.0'],
    ],
    federated: 'extensions/v1beta1',
  },
  {
    plural: 'replicasets',
    kind: 'ReplicaSet',
    namespaced: true,
    short: ['rs'],
    categories: ALL,
    served: [
      ['extensions/v1beta1', '1.2.0', '1.16.0'],
      ['apps/v1', '1.9.0'],
      ['apps/v1beta2', '1.8.0', '1.16.0'],
    ],
    federated: 'extensions/v1beta1',
  },
  {
    plural: 'daemonsets',
    kind: 'DaemonSet',
    namespaced: true,
    short: ['ds'],
    categories: ALL,
    served: [
      ['extensions/v1beta1', '1.2.0', '1.16.0'],
      ['apps/v1', '1.9.0'],
      ['apps/v1beta2', '1.8.0', '1.16.0'],
    ],
    federated: 'extensions/v1beta1',
  },
  {
    plural: 'statefulsets',
    kind: 'StatefulSet',
    namespaced: true,
    short: ['sts'],
    categories: ALL,
    served: [
      ['apps/v1', '1.9.0'],
      ['apps/v1beta2', '1.8.0', '1.16.0'],
      ['apps/v1beta1', '1.5.0', '1.16.0'],
    ],
  },
  {
    plural: 'ingresses',
    kind: 'Ingress',
    namespaced: true,
    short: ['ing'],
    served: [
      ['extensions/v1beta1', '1.1.0', '1.22.0'],
      ['networking.k8s.io/v1', '1.19.0'],
      ['networking.k8s.io/v1beta1', '1.14.0', '1.22.0'],
    ],
    federated: 'extensions/v1beta1',
  },
  { plural: 'jobs', kind: 'Job', namespaced: true, categories: ALL, served: [['batch/v1', '1.2.0']] },
  { plural: 'clusterroles', kind: 'ClusterRole', namespaced: false, served: rbac },
  { plural: 'clusterrolebindings', kind: 'ClusterRoleBinding', namespaced: false, served: rbac },
  { plural: 'roles', kind: 'Role', namespaced: true, served: rbac },
  { plural: 'rolebindings', kind: 'RoleBinding', namespaced: true, served: rbac },
  {
    plural: 'customresourcedefinitions',
    kind: 'CustomResourceDefinition',
    namespaced: false,
    short: ['crd'],
    categories: API_EXTENSIONS,
    served: [
      ['apiextensions.k8s.io/v1', '1.16.0'],
      ['apiextensions.k8s.io/v1beta1', '1.7.0', '1.22.0'],
    ],
  },
  {
    plural: 'storageclasses',
    kind: 'StorageClass',
    namespaced: false,
    short: ['sc'],
    served: [
      ['storage.k8s.io/v1', '1.6.0'],
      ['storage.k8s.io/v1beta1', '1.4.0', '1.22.0'],
    ],
  },
  {
    plural: 'poddisruptionbudgets',
    kind: 'PodDisruptionBudget',
    namespaced: true,
    short: ['pdb'],
    served: [
      ['policy/v1', '1.21.0'],
      ['policy/v1beta1', '1.5.0', '1.25.0'],
    ],
  },
  {
    plural: 'networkpolicies',
    kind: 'NetworkPolicy',
    namespaced: true,
    short: ['netpol'],
    served: [
      ['networking.k8s.io/v1', '1.7.0'],
      ['extensions/v1beta1', '1.3.0', '1.16.0'],
    ],
  },
  {
    plural: 'leases',
    kind: 'Lease',
    namespaced: true,
    served: [
      ['coordination.k8s.io/v1', '1.14.0'],
      ['coordination.k8s.io/v1beta1', '1.12.0', '1.22.0'],
    ],
  },
  {
    plural: 'selfsubjectrulesreviews',
    kind: 'SelfSubjectRulesReview',
    namespaced: false,
    verbs: ['create'],
    served: [
      ['authorization.k8s.io/v1', '1.8.0'],
      ['authorization.k8s.io/v1beta1', '1.8.0', '1.22.0'],
    ],
  },
  ...(
    [
      ['selfsubjectaccessreviews', 'SelfSubjectAccessReview', false],
      ['subjectaccessreviews', 'SubjectAccessReview', false],
      ['localsubjectaccessreviews', 'LocalSubjectAccessReview', true],
    ] as const
  ).map(([plural, kind, namespaced]) =>
    entry(
      plural,
      kind,
      [
        ['authorization.k8s.io/v1', '1.6.0'],
        ['authorization.k8s.io/v1beta1', '1.2.0', '1.22.0'],
      ],
      { namespaced, verbs: ['create'] },
    ),
  ),
  // Types that nothing here gives a meaning to; they are served and kept all the same.
  core('bindings', 'Binding', { verbs: ['create'] }),
  core('componentstatuses', 'ComponentStatus', { namespaced: false, short: ['cs'], verbs: ['get', 'list'] }),
  core('limitranges', 'LimitRange', { short: ['limits'] }),
  core('podtemplates', 'PodTemplate'),
  core('resourcequotas', 'ResourceQuota', { short: ['quota'] }),
  entry('controllerrevisions', 'ControllerRevision', [
    ['apps/v1', '1.9.0'],
    ['apps/v1beta2', '1.8.0', '1.16.0'],
    ['apps/v1beta1', '1.7.0', '1.16.0'],
  ]),
  entry(
    'podsecuritypolicies',
    'PodSecurityPolicy',
    [
      ['extensions/v1beta1', '1.3.0', '1.16.0'],
      ['policy/v1beta1', '1.10.0', '1.25.0'],
    ],
    { namespaced: false, short: ['psp'] },
  ),
  entry('thirdpartyresources', 'ThirdPartyResource', [['extensions/v1beta1', '1.2.0', '1.8.0']], {
    namespaced: false,
  }),
  entry(
    'horizontalpodautoscalers',
    'HorizontalPodAutoscaler',
    [
      ['autoscaling/v2', '1.23.0'],
      ['autoscaling/v1', '1.2.0'],
      ['autoscaling/v2beta1', '1.8.0', '1.25.0'],
      ['autoscaling/v2beta2', '1.12.0', '1.26.0'],
    ],
    { short: ['hpa'], categories: ALL },
  ),
  entry(
    'cronjobs',
    'CronJob',
    [
      ['batch/v1', '1.21.0'],
      ['batch/v1beta1', '1.8.0', '1.25.0'],
    ],
    { short: ['cj'], categories: ALL },
  ),
  entry('podpresets', 'PodPreset', [['settings.k8s.io/v1alpha1', '1.6.0', '1.8.0']]),
  ...(
    [
      ['certificatesigningrequests', 'CertificateSigningRequest', 'certificates.k8s.io', '1.19.0', '1.4.0', ['csr']],
      ['priorityclasses', 'PriorityClass', 'scheduling.k8s.io', '1.14.0', '1.11.0', ['pc']],
      ['ingressclasses', 'IngressClass', 'networking.k8s.io', '1.19.0', '1.18.0', []],
      ['apiservices', 'APIService', 'apiregistration.k8s.io', '1.10.0', '1.7.0', [], API_EXTENSIONS],
      ...(['Mutating', 'Validating'] as const).map(
        (what) =>
          [
            `${what.toLowerCase()}webhookconfigurations`,
            `${what}WebhookConfiguration`,
            'admissionregistration.k8s.io',
            '1.16.0',
            '1.9.0',
            [],
            API_EXTENSIONS,
          ] as const,
      ),
    ] as const
  ).map(([plural, kind, group, stable, beta, short, categories]) =>
    entry(
      plural,
      kind,
      [
        [`${group}/v1`, stable],
        [`${group}/v1beta1`, beta, '1.22.0'],
      ],
      { namespaced: false, short, categories },
    ),
  ),
  entry(
    'tokenreviews',
    'TokenReview',
    [
      ['authentication.k8s.io/v1', '1.6.0'],
      ['authentication.k8s.io/v1beta1', '1.4.0', '1.22.0'],
    ],
    { namespaced: false, verbs: ['create'] },
  ),
  entry('selfsubjectreviews', 'SelfSubjectReview', [['authentication.k8s.io/v1', '1.28.0']], {
    namespaced: false,
    verbs: ['create'],
  }),
  entry(
    'runtimeclasses',
    'RuntimeClass',
    [
      ['node.k8s.io/v1', '1.20.0'],
      ['node.k8s.io/v1beta1', '1.14.0', '1.25.0'],
    ],
    { namespaced: false },
  ),
  entry('endpointslices', 'EndpointSlice', [
    ['discovery.k8s.io/v1', '1.21.0'],
    ['discovery.k8s.io/v1beta1', '1.17.0', '1.25.0'],
  ]),
  ...(['FlowSchema', 'PriorityLevelConfiguration'] as const).map((kind) =>
    entry(
      `${kind.toLowerCase()}s`,
      kind,
      [
        ['flowcontrol.apiserver.k8s.io/v1', '1.29.0'],
        ['flowcontrol.apiserver.k8s.io/v1beta3', '1.26.0', '1.32.0'],
        ['flowcontrol.apiserver.k8s.io/v1beta2', '1.23.0', '1.29.0'],
        ['flowcontrol.apiserver.k8s.io/v1beta1', '1.20.0', '1.26.0'],
      ],
      { namespaced: false },
    ),
  ),
  ...(
    [
      ['validatingadmissionpolicies', 'ValidatingAdmissionPolicy', 'admissionregistration.k8s.io', '1.30.0'],
      [
        'validatingadmissionpolicybindings',
        'ValidatingAdmissionPolicyBinding',
        'admissionregistration.k8s.io',
        '1.30.0',
      ],
      ['ipaddresses', 'IPAddress', 'networking.k8s.io', '1.33.0', ['ip']],
      ['servicecidrs', 'ServiceCIDR', 'networking.k8s.io', '1.33.0'],
      ['csidrivers', 'CSIDriver', 'storage.k8s.io', '1.18.0'],
      ['csinodes', 'CSINode', 'storage.k8s.io', '1.17.0'],
      ['volumeattachments', 'VolumeAttachment', 'storage.k8s.io', '1.13.0'],
      ['volumeattributesclasses', 'VolumeAttributesClass', 'storage.k8s.io', '1.34.0', ['vac']],
      ['deviceclasses', 'DeviceClass', 'resource.k8s.io', '1.34.0'],
      ['resourceslices', 'ResourceSlice', 'resource.k8s.io', '1.34.0'],
    ] as const
  ).map(([plural, kind, group, since, short = []]) =>
    entry(plural, kind, [[`${group}/v1`, since]], {
      namespaced: false,
      short,
      categories: group === 'admissionregistration.k8s.io' ? API_EXTENSIONS : [],
    }),
  ),
  entry('csistoragecapacities', 'CSIStorageCapacity', [['storage.k8s.io/v1', '1.24.0']]),
  entry('resourceclaims', 'ResourceClaim', [['resource.k8s.io/v1', '1.34.0']]),
  entry('resourceclaimtemplates', 'ResourceClaimTemplate', [['resource.k8s.io/v1', '1.34.0']]),
];

const CLUSTERS: ResourceType = {
  plural: 'clusters',
  singular: 'cluster',
  kind: 'Cluster',
  namespaced: false,
  short: [],
  versions: ['federation/v1beta1'],
  key: 'federation/clusters',
  verbs: EVERY_VERB,
  categories: [],
  custom: false,
};

function builtin(entry: TypeEntry, versions: readonly string[]): ResourceType {
  const home = entry.served[entry.served.length - 1]?.[0] ?? 'v1';
  const group = entry.served.find(([name]) => !name.startsWith('extensions/'))?.[0] ?? home;
  return {
    plural: entry.plural,
    singular: entry.kind.toLowerCase(),
    kind: entry.kind,
    namespaced: entry.namespaced,
    short: entry.short ?? [],
    versions,
    key: group.includes('/') ? `${groupOf(group)}/${entry.plural}` : entry.plural,
    verbs: entry.verbs ?? EVERY_VERB,
    categories: entry.categories ?? [],
    custom: false,
  };
}

const byVersion = new Map<string, readonly ResourceType[]>();

function builtins(version: string): readonly ResourceType[] {
  const known = byVersion.get(version);
  if (known !== undefined) return known;
  const release = semver.coerce(version)?.version ?? '1.7.3';
  const types = TYPES.flatMap((entry) => {
    const versions = entry.served
      .filter(([, from, until]) => semver.gte(release, from) && (until === undefined || semver.lt(release, until)))
      .map(([name]) => name);
    return versions.length > 0 ? [builtin(entry, versions)] : [];
  });
  byVersion.set(version, types);
  return types;
}

const FEDERATED: readonly ResourceType[] = [
  CLUSTERS,
  ...TYPES.flatMap((entry) => (entry.federated === undefined ? [] : [builtin(entry, [entry.federated])])),
];

function customTypes(cluster: ClusterState): ResourceType[] {
  return Object.values(cluster.objects['apiextensions.k8s.io/customresourcedefinitions'] ?? {}).map((definition) => {
    const spec = dict(definition.spec);
    const named = list(spec.versions)
      .filter((version) => at(version, 'served') !== false)
      .map((version) => text(at(version, 'name')));
    const versions = named.length > 0 ? named : [text(spec.version)];
    const group = text(spec.group);
    const names = dict(spec.names);
    const kind = text(names.kind);
    return {
      plural: text(names.plural),
      singular: text(names.singular, kind.toLowerCase()),
      kind,
      namespaced: text(spec.scope) !== 'Cluster',
      short: list(names.shortNames).map((name) => text(name)),
      versions: versions.map((version) => `${group}/${version}`),
      key: `${group}/${text(names.plural)}`,
      verbs: CUSTOM_VERBS,
      categories: list(names.categories).map((name) => text(name)),
      custom: true,
    };
  });
}

/** All types that the API server serves just now. */
export function typesOf(cluster: ClusterState): readonly ResourceType[] {
  return cluster.type === 'federation' ? FEDERATED : [...builtins(cluster.version), ...customTypes(cluster)];
}

/** The type of a kind, whatever its version. Built-in ones are found without a look at the custom ones. */
export function typeNamed(cluster: ClusterState, kind: string): ResourceType | undefined {
  if (cluster.type === 'federation') return FEDERATED.find((type) => type.kind === kind);
  return (
    builtins(cluster.version).find((type) => type.kind === kind) ??
    customTypes(cluster).find((type) => type.kind === kind)
  );
}

/** The type of an object by its `apiVersion` and `kind`; undefined where this server does not serve that version. */
export function typeOfKind(cluster: ClusterState, apiVersion: string, kind: string): ResourceType | undefined {
  return typesOf(cluster).find((type) => type.kind === kind && type.versions.includes(apiVersion));
}

/** The type that a word on the command line names: plural, singular or short, `deployments.apps` or `clusters.federation`. */
export function typeOfWord(
  cluster: ClusterState,
  word: string,
): { readonly type: ResourceType; readonly version: string } | undefined {
  const lower = word.toLowerCase();
  const dot = lower.indexOf('.');
  const name = dot < 0 ? lower : lower.slice(0, dot);
  const rest = dot < 0 ? '' : lower.slice(dot + 1);
  for (const type of typesOf(cluster)) {
    if (name !== type.plural && name !== type.singular && !type.short.includes(name)) continue;
    const version =
      rest === ''
        ? type.versions[0]
        : type.versions.find((served) => {
            const [group = '', release = ''] = served.includes('/') ? served.split('/') : ['', served];
            return group === rest || `${release}.${group}` === rest;
          });
    if (version !== undefined) return { type, version };
  }
  return undefined;
}

/** Whether a kubectl of a release has a group and version compiled in. */
export function isKnownVersion(release: string, groupVersion: string): boolean {
  return TYPES.some((entry) => entry.served.some(([name, from]) => name === groupVersion && semver.gte(release, from)));
}

/** `apps` of `apps/v1`; empty for the core group. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}

/** How messages of an API server name a type: `deployments.extensions`, `services`. */
export function qualified(type: ResourceType, apiVersion: string): string {
  const group = groupOf(apiVersion);
  return group === '' ? type.plural : `${type.plural}.${group}`;
}

/** Every group and version that the server serves, in discovery's order. */
export function groupVersions(cluster: ClusterState): string[] {
  const found = new Set<string>();
  for (const type of typesOf(cluster)) for (const version of type.versions) found.add(version);
  return [...found].sort();
}
