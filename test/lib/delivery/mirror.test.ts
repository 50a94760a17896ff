import { Federation } from '../../../lib';
import { fromYaml } from '../../../lib/yaml';
import { FederationError } from '../../../lib/errors';
import { commands } from '../../../lib/plan/commands';
import { FederationProps } from '../../../lib/topology/types';
import { guideProps, Rendered } from '../../support/guide';

const PREFIX = 'registry.local/mirror';
const CHARTS = 'https://charts.helm.sh/stable';
/** What programs would choose by themselves. */
const NAMED = {
  controlPlane: {
    image: 'gcr.io/google_containers/hyperkube-amd64:v1.8.0',
    etcdImage: 'gcr.io/google_containers/etcd:3.0.17',
  },
  coreDns: { tillerImage: 'gcr.io/kubernetes-helm/tiller:v2.7.2' },
} satisfies Partial<FederationProps>;

interface Artifacts {
  readonly images: readonly { readonly image: string; readonly source?: string }[];
  readonly charts: readonly Record<string, string>[];
}

const artifacts = (rendered: Rendered, path: string): Artifacts => fromYaml(rendered.content(path)) as Artifacts;
const namesIn = ({ images }: Artifacts): string[] => images.map(({ image }) => image);

function mistakes(more: Partial<FederationProps>): string[] {
  try {
    new Federation(guideProps(more));
    return [];
  } catch (error) {
    return (error as FederationError).findings.map(({ where, problem, hint }) => `${where} | ${problem} | ${hint}`);
  }
}

describe("the guide's images and charts", () => {
  const rendered = Rendered.of(guideProps());

  test('are listed for each bundle', () => {
    expect(namesIn(artifacts(rendered, 'fcp/artifacts.conf'))).toEqual([
      'busybox:1.27',
      'coredns/coredns:006',
      'gcr.io/google_containers/kube-keepalived-vip:0.9',
      'quay.io/coreos/etcd-operator:v0.5.0',
      'quay.io/coreos/etcd:v3.1.8',
      'quay.io/munnerz/keepalived-cloud-provider:0.0.1',
    ]);
    expect(namesIn(artifacts(rendered, 'usa/artifacts.conf'))).toEqual([
      'busybox:1.27',
      'gcr.io/google_containers/kube-keepalived-vip:0.9',
      'quay.io/munnerz/keepalived-cloud-provider:0.0.1',
    ]);
    expect(namesIn(artifacts(rendered, 'federation/artifacts.conf'))).toEqual(['artmr/hello-world:latest']);
  });

  test('are listed for all bundles together', () => {
    const each = ['fcp', 'usa', 'chn', 'federation'].map((bundle) => artifacts(rendered, `${bundle}/artifacts.conf`));
    const all = artifacts(rendered, 'artifacts.yaml');
    expect(namesIn(all)).toEqual([...new Set(each.flatMap(namesIn))].sort());
    expect(all.charts).toEqual(artifacts(rendered, 'fcp/artifacts.conf').charts);
    expect(Rendered.of(guideProps({ workloads: [] })).paths()).not.toContain('federation/artifacts.conf');
  });

  test('that programs choose by themselves are said not to be listed, until the topology names them', () => {
    const heads = (of: Rendered): string[] =>
      [...of.content('fcp/artifacts.conf').matchAll(/^# Not listed: .* unless (\S+) names it$/gm)].map(
        ([, prop = '']) => prop,
      );
    expect(heads(rendered)).toEqual(['coreDns.tillerImage', 'controlPlane.image', 'controlPlane.etcdImage']);
    const named = Rendered.of(guideProps(NAMED));
    expect(heads(named)).toEqual([]);
    expect(namesIn(artifacts(named, 'fcp/artifacts.conf'))).toEqual(
      expect.arrayContaining([...Object.values(NAMED.controlPlane), NAMED.coreDns.tillerImage]),
    );
    expect(rendered.content('usa/artifacts.conf')).not.toContain('Not listed');
  });
});

describe('with a mirror', () => {
  const rendered = Rendered.of(guideProps({ ...NAMED, images: { prefix: PREFIX } }));
  const listed = artifacts(rendered, 'artifacts.yaml').images;

  test('every image is listed under both of its names', () => {
    expect(listed.length).toBeGreaterThan(9);
    for (const { image, source } of listed) expect(image).toBe(`${PREFIX}/${source ?? ''}`);
  });

  test('no image is pulled from anywhere else', () => {
    const pulled = rendered.files.flatMap(({ content }) =>
      [...content.matchAll(/(?:\b(?:image|\w+Image|repository): |--(?:\w+-)?image=)([^\s,\]]+)/g)].map(
        ([, image = '']) => image,
      ),
    );
    expect(pulled.length).toBeGreaterThan(20);
    expect(pulled.filter((image) => !image.startsWith(`${PREFIX}/`) && image !== CHARTS)).toEqual([]);
  });

  test('etcd-operator is told where the members’ image is', () => {
    expect(rendered.object('fcp', 'EtcdCluster', 'etcd-cluster').spec).toMatchObject({
      baseImage: `${PREFIX}/quay.io/coreos/etcd`,
      version: '3.1.8',
    });
    expect(Rendered.of(guideProps()).object('fcp', 'EtcdCluster', 'etcd-cluster').spec).not.toHaveProperty('baseImage');
  });

  test('kubefed, helm and the checks are told, too', () => {
    const run = (id: string): string[] => commands(rendered.step(id)).run.flat();
    expect(run('fcp/federation-control-plane')).toEqual(
      expect.arrayContaining([
        `--image=${PREFIX}/gcr.io/google_containers/hyperkube-amd64:v1.8.0`,
        `--etcd-image=${PREFIX}/gcr.io/google_containers/etcd:3.0.17`,
      ]),
    );
    expect(run('fcp/helm-init')).toContain(`--tiller-image=${PREFIX}/gcr.io/kubernetes-helm/tiller:v2.7.2`);
    expect(fromYaml(rendered.content('fcp/21-coredns-values.conf'))).toMatchObject({
      image: { repository: `${PREFIX}/coredns/coredns` },
    });
    expect(rendered.step('usa/hello-world-dns')).toMatchObject({ image: `${PREFIX}/busybox:1.27` });
  });

  test('what a program chooses by its own version has to be named', () => {
    expect(mistakes({ images: { prefix: PREFIX } })).toEqual([
      'controlPlane.image | is missing, and kubefed init would have one pulled from where images.prefix does not lead | Name the image, without the prefix.',
      'controlPlane.etcdImage | is missing, and kubefed init would have one pulled from where images.prefix does not lead | Name the image, without the prefix.',
      'coreDns.tillerImage | is missing, and helm init would have one pulled from where images.prefix does not lead | Name the image, without the prefix.',
    ]);
  });

  test.each(['registry.local/', 'https://registry.local', 'Registry'])('%s is no prefix', (prefix) => {
    expect(mistakes({ ...NAMED, images: { prefix } })).toEqual([
      `images.prefix | '${prefix}' is no registry and path | Write <registry>[:port][/path] without a slash at its end, such as registry.local/mirror.`,
    ]);
  });
});
