import { ApiObject, Chart, JsonPatch } from 'cdk8s';
import {
  ApiResource,
  ClusterRole,
  ClusterRoleBinding,
  ContainerProps,
  DaemonSet,
  DaemonSetProps,
  Deployment,
  DeploymentProps,
  ImagePullPolicy,
  LabelSelector,
  Role,
  RoleBinding,
  ServiceAccount,
} from 'cdk8s-plus-25';

/** Names of a Kubernetes object. */
export interface Named {
  readonly name: string;
  readonly namespace: string;
}

/**
 * What the images of the guide's time need: cdk8s-plus' own defaults (not root, a read-only file system, requests for a
 * whole core) are for images that were built for them, and `allowPrivilegeEscalation: false` is nothing that 1.7 knows.
 */
const CONTAINER_DEFAULTS: Partial<ContainerProps> = {
  resources: {},
  securityContext: { ensureNonRoot: false, readOnlyRootFilesystem: false, allowPrivilegeEscalation: true },
};

/** One container's props over {@link CONTAINER_DEFAULTS}. */
export function container(props: ContainerProps): ContainerProps {
  // As Kubernetes itself does where nothing is said; cdk8s-plus always pulls.
  const moving = /:latest$/.test(props.image) || !/[:@][^/]+$/.test(props.image);
  return {
    ...CONTAINER_DEFAULTS,
    imagePullPolicy: moving ? ImagePullPolicy.ALWAYS : ImagePullPolicy.IF_NOT_PRESENT,
    ...props,
    securityContext: { ...CONTAINER_DEFAULTS.securityContext, ...props.securityContext },
  };
}

/** A Deployment with one selector, `labels`, and nothing that cdk8s-plus adds of its own accord. */
export function deployment(chart: Chart, labels: Record<string, string>, props: DeploymentProps): Deployment {
  return tidy(new Deployment(chart, 'deployment', podProps(labels, props)), labels);
}

/** A DaemonSet, likewise. */
export function daemonSet(chart: Chart, labels: Record<string, string>, props: DaemonSetProps): DaemonSet {
  return tidy(new DaemonSet(chart, 'daemon-set', podProps(labels, props)), labels);
}

function podProps<P extends DeploymentProps | DaemonSetProps>(labels: Record<string, string>, props: P): P {
  return {
    securityContext: { ensureNonRoot: false },
    automountServiceAccountToken: props.serviceAccount !== undefined,
    ...props,
    select: false,
    podMetadata: { ...props.podMetadata, labels: { ...props.podMetadata?.labels, ...labels } },
  };
}

function tidy<W extends Deployment | DaemonSet>(workload: W, labels: Record<string, string>): W {
  workload.select(LabelSelector.of({ labels }));
  // A label that only cdk8s-plus' own selectors need.
  ApiObject.of(workload).addJsonPatch(JsonPatch.remove('/spec/template/metadata/labels/cdk8s.io~1metadata.addr'));
  return workload;
}

/** Verbs on resources of one API group. */
export interface Rule {
  readonly group?: string;
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  /** @default every object of these resources */
  readonly names?: readonly string[];
}

/**
 * A ServiceAccount with the rights that its program uses: `namespaced` in its own namespace, `clusterWide` everywhere.
 * All objects bear the account's name.
 */
export function serviceAccount(
  chart: Chart,
  metadata: Named,
  rights: { readonly namespaced?: readonly Rule[]; readonly clusterWide?: readonly Rule[] },
): ServiceAccount {
  const account = new ServiceAccount(chart, 'service-account', { metadata, automountToken: true });
  if (rights.namespaced) {
    const role = new Role(chart, 'role', { metadata });
    allow(role, rights.namespaced);
    new RoleBinding(chart, 'role-binding', { metadata, role }).addSubjects(account);
  }
  if (rights.clusterWide) {
    const role = new ClusterRole(chart, 'cluster-role', { metadata: { name: metadata.name } });
    allow(role, rights.clusterWide);
    new ClusterRoleBinding(chart, 'cluster-role-binding', { metadata: { name: metadata.name }, role }).addSubjects(
      account,
    );
  }
  return account;
}

function allow(role: Role | ClusterRole, rules: readonly Rule[]): void {
  // cdk8s-plus has one resource a rule and no names; the whole list is said at once instead.
  ApiObject.of(role).addJsonPatch(
    JsonPatch.replace(
      '/rules',
      rules.map(({ group = '', resources, verbs, names }) => ({
        apiGroups: [group],
        resources,
        ...(names && { resourceNames: names }),
        verbs,
      })),
    ),
  );
  role.allow(['get'], ApiResource.custom({ apiGroup: '', resourceType: 'replaced' }));
}
