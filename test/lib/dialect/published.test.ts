import { Chart } from 'cdk8s';
import { Deployment, Role } from 'cdk8s-plus-25';
import { Federation } from '../../../lib';
import { Manifest } from '../../../lib/dialect/dialect';
import { GUIDE_CLUSTERS, guideAt, guideProps, Rendered } from '../../support/guide';
import { Judge, judgeOf } from '../../support/openapi';

/** Kinds that the federation's API server serves by default (FACTS.md: measured). */
const FEDERATED = [
  ...['ConfigMap', 'Event', 'Namespace', 'Secret', 'Service'].map((kind) => `v1/${kind}`),
  ...['DaemonSet', 'Deployment', 'Ingress', 'ReplicaSet'].map((kind) => `extensions/v1beta1/${kind}`),
];

/** Objects whose definition their own program registers; `custom.test.ts` judges them. */
const isCustom = ({ apiVersion }: Manifest): boolean => apiVersion.startsWith('etcd.database.coreos.com/');

/** Everything that is wrong with what a bundle brings to its API server. */
function findings(rendered: Rendered, bundle: string, judge: Judge): string[] {
  return rendered
    .objects(bundle)
    .filter(({ object }) => !isCustom(object))
    .flatMap(({ path, object }) =>
      judge.findings(object).map((finding) => `${path} ${object.kind} ${object.metadata.name ?? ''}: ${finding}`),
    );
}

describe("the guide's dist/ and the published document of 1.7", () => {
  const guide = Rendered.of(guideProps());
  /** The files of a bundle that kubectl applies. */
  const manifests = (bundle: string): string[] => [...new Set(guide.objects(bundle).map(({ path }) => path))];

  test.each(Object.keys(GUIDE_CLUSTERS).flatMap(manifests))('accepts every object and every field of %s', (path) => {
    const objects = guide.objectsOf(path);
    expect(objects).not.toHaveLength(0);
    for (const object of objects.filter((o) => !isCustom(o))) expect(judgeOf(7).findings(object)).toEqual([]);
  });

  test.each(manifests('federation'))("the federation's API server accepts every object of %s", (path) => {
    const judge = new Judge(7, (kind) => FEDERATED.includes(kind));
    const objects = guide.objectsOf(path);
    expect(objects).not.toHaveLength(0);
    for (const object of objects) expect(judge.findings(object)).toEqual([]);
  });
});

describe('the same topology on later clusters', () => {
  test.each([7, 8, 9, 10, 11, 12, 13, 14, 15])('1.%d accepts every object and every field', (minor) => {
    const rendered = Rendered.of(guideAt(`1.${minor}.0`));
    for (const bundle of Object.keys(GUIDE_CLUSTERS)) {
      expect(rendered.objects(bundle).length).toBeGreaterThan(4);
      expect(findings(rendered, bundle, judgeOf(minor))).toEqual([]);
    }
  });

  // The last release of the federation's API server is of 1.10, however new the members are.
  test.each([
    [7, 7],
    [9, 9],
    [11, 10],
    [15, 10],
  ])("with members at 1.%d the federation's API server accepts its objects as 1.%d would", (minor, own) => {
    const judge = new Judge(own, (kind) => FEDERATED.includes(kind));
    expect(findings(Rendered.of(guideAt(`1.${minor}.0`)), 'federation', judge)).toEqual([]);
  });

  test('clusters of several versions each get their own dialect, and the federation what all understand', () => {
    const { fcp, usa, chn } = GUIDE_CLUSTERS;
    const rendered = Rendered.of(
      guideProps({
        clusters: [
          { ...fcp, kubernetesVersion: '1.12.1', kubectl: 'kubectl-1.12' },
          { ...usa, kubernetesVersion: '1.7.3' },
          { ...chn, kubernetesVersion: '1.9.0' },
        ],
      }),
    );
    expect(findings(rendered, 'fcp', judgeOf(12))).toEqual([]);
    expect(findings(rendered, 'usa', judgeOf(7))).toEqual([]);
    expect(findings(rendered, 'chn', judgeOf(9))).toEqual([]);
    const versions = ['fcp', 'usa', 'chn'].map(
      (bundle) => rendered.object(bundle, 'DaemonSet', 'kube-keepalived-vip').apiVersion,
    );
    expect(versions).toEqual(['apps/v1', 'extensions/v1beta1', 'apps/v1']);
  });

  test('a newest bundle is refused by the oldest judge, so that the judge is known to tell versions apart', () => {
    const rendered = Rendered.of(guideAt('1.9.0'));
    expect(findings(rendered, 'usa', judgeOf(7))).toEqual(
      expect.arrayContaining([
        expect.stringContaining('DaemonSet kube-keepalived-vip: apps/v1/DaemonSet: is not served'),
        expect.stringContaining('ClusterRole kube-keepalived-vip: rbac.authorization.k8s.io/v1/ClusterRole: is not'),
      ]),
    );
  });
});

describe('what cdk8s-plus writes, unlowered', () => {
  /** The guide's manifests as the constructs give them: a bundle whose version is that of the constructs' own types. */
  function unlowered(): Manifest[] {
    const newest = new Federation(guideAt('1.15.0'));
    return ['fcp', 'usa', 'chn'].flatMap((bundle) => new Rendered(newest).objects(bundle).map(({ object }) => object));
  }

  test('is refused by 1.7: neither its workloads nor its RBAC are served', () => {
    const refused = unlowered().filter((object) => !isCustom(object) && judgeOf(7).findings(object).length > 0);
    const kinds = new Set(refused.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`));
    expect([...kinds].sort()).toEqual([
      'apps/v1 DaemonSet',
      'apps/v1 Deployment',
      'rbac.authorization.k8s.io/v1 ClusterRole',
      'rbac.authorization.k8s.io/v1 ClusterRoleBinding',
      'rbac.authorization.k8s.io/v1 Role',
      'rbac.authorization.k8s.io/v1 RoleBinding',
    ]);
  });

  test('is refused by 1.7 for its fields too, even in API versions that 1.7 serves', () => {
    const federation = new Federation(guideProps());
    const chart = new Chart(federation.cluster('usa'), 'plain');
    new Deployment(chart, 'web', {
      containers: [{ image: 'web:1', portNumber: 80 }],
      securityContext: { ensureNonRoot: false },
    });
    new Role(chart, 'role');
    const [deployment] = chart.toJson() as Manifest[];
    expect(
      judgeOf(7)
        .findings({ ...deployment, apiVersion: 'apps/v1beta1' })
        .sort(),
    ).toEqual([
      'spec.template.spec.containers.0.securityContext.allowPrivilegeEscalation: is no field',
      'spec.template.spec.containers.0.startupProbe: is no field',
      'spec.template.spec.securityContext.fsGroupChangePolicy: is no field',
      'spec.template.spec.setHostnameAsFQDN: is no field',
    ]);
  });
});
