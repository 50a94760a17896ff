import { Manifest } from '../../../lib/dialect/dialect';
import { guideAt, guideProps, Rendered } from '../../support/guide';

const rendered = Rendered.of(guideProps());

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}
/** What the objects that are looked at here have, each its part. */
interface Granting extends Manifest {
  readonly rules: readonly Rule[];
  readonly roleRef: { readonly kind: string; readonly name: string };
  readonly subjects: readonly { readonly kind: string; readonly name: string; readonly namespace: string }[];
  readonly spec: { readonly template: { readonly spec: Readonly<Record<string, unknown>> } };
}

const all = rendered.bundles().flatMap((bundle) => rendered.objects(bundle).map(({ object }) => ({ bundle, object })));
const ofKind = (...kinds: string[]): { bundle: string; object: Granting }[] =>
  all.filter(({ object }) => kinds.includes(object.kind)) as { bundle: string; object: Granting }[];

/** `<bundle> <kind> <namespace/name>` */
const name = ({ bundle, object }: { bundle: string; object: Manifest }): string =>
  [bundle, object.kind, [object.metadata.namespace, object.metadata.name].filter(Boolean).join('/')].join(' ');

test('nobody is bound to cluster-admin but Tiller, which installs whatever a chart has', () => {
  const admins = ofKind('ClusterRoleBinding', 'RoleBinding').filter(
    ({ object }) => object.roleRef.name === 'cluster-admin',
  );
  expect(admins.map(name)).toEqual(['fcp ClusterRoleBinding tiller']);
  expect(admins[0]?.object.subjects).toEqual([
    expect.objectContaining({ kind: 'ServiceAccount', name: 'tiller', namespace: 'kube-system' }),
  ]);
});

test("no rule has a wildcard but etcd-operator's, for its own objects in its own namespace", () => {
  const wild = ofKind('ClusterRole', 'Role').filter(({ object }) =>
    object.rules.some((rule) => [...rule.apiGroups, ...rule.resources, ...rule.verbs].includes('*')),
  );
  expect(wild.map(name)).toEqual(['fcp Role default/etcd-operator']);
  for (const { apiGroups, resources } of wild[0]?.object.rules ?? [])
    expect([...apiGroups, ...resources]).not.toContain('*');
});

test('no account may read Secrets or grant itself more', () => {
  for (const { object } of ofKind('ClusterRole', 'Role')) {
    for (const rule of object.rules) {
      expect(rule.resources).not.toContain('secrets');
      expect(rule.apiGroups).not.toContain('rbac.authorization.k8s.io');
    }
  }
});

test('every binding binds an account of its bundle to a role of its bundle', () => {
  for (const { bundle, object } of ofKind('ClusterRoleBinding', 'RoleBinding')) {
    for (const subject of object.subjects) {
      expect(rendered.object(bundle, subject.kind, subject.name).metadata.namespace).toBe(subject.namespace);
    }
    if (object.roleRef.name === 'cluster-admin') continue;
    expect(rendered.object(bundle, object.roleRef.kind, object.roleRef.name).metadata.namespace).toBe(
      object.metadata.namespace,
    );
  }
});

test('every program runs as an account of its own, and without one gets no token', () => {
  const pods = ofKind('Deployment', 'DaemonSet');
  const accounts = pods.map(({ bundle, object }) => {
    const { serviceAccountName, automountServiceAccountToken } = object.spec.template.spec;
    expect(automountServiceAccountToken).toBe(serviceAccountName !== undefined);
    if (serviceAccountName === undefined) return `${bundle} none`;
    expect(rendered.object(bundle, 'ServiceAccount', serviceAccountName as string).metadata.namespace).toBe(
      object.metadata.namespace,
    );
    return `${bundle} ${serviceAccountName as string}`;
  });
  expect(new Set(accounts).size).toBe(accounts.length);
  expect(accounts).toContain('federation none');
});

test('is the same for later clusters', () => {
  const later = Rendered.of(guideAt('1.15.0'));
  const rules = (of: Rendered): unknown[] =>
    of.objects('fcp').flatMap(({ object }) => (object.rules === undefined ? [] : [object.rules]));
  expect(rules(later)).toEqual(rules(rendered));
});
