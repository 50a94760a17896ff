import { Chart } from 'cdk8s';
import { ConfigMap } from 'cdk8s-plus-25';
import { Federation } from '../../../lib';
import { metalLbValues } from '../../../lib/components/metallb';
import { resolveTopology } from '../../../lib/topology/resolve';
import { cluster, LoosePodSpec, props, Rendered } from '../../support/external-dns';

const PREFIX = 'registry.local:5000/mirror';

function podSpecs(dist: Rendered): LoosePodSpec[] {
  const running = ['Deployment', 'StatefulSet'];
  return ['fcp', 'usa', 'chn'].flatMap((bundle) =>
    dist.objects(bundle).flatMap(({ kind, spec }) => (running.includes(kind) ? [spec.template.spec] : [])),
  );
}

describe('the stack external-dns', () => {
  const dist = new Rendered();

  it('has a plan that its reader accepts, every step as early as its needs allow', () => {
    const { stack, steps } = dist.plan();
    expect(stack).toBe('external-dns');
    const needs = Object.fromEntries(steps.map((step) => [step.id, step.needs]));
    expect(needs).toMatchObject({
      'usa/node-labels': [],
      'usa/namespaces': [],
      'fcp/etcd': ['fcp/namespaces'],
      'fcp/coredns': ['fcp/etcd'],
      'usa/metallb': ['usa/namespaces'],
      'usa/announcement': [],
      'usa/metallb-pool': ['usa/metallb'],
      'usa/external-dns': ['usa/namespaces', 'fcp/etcd'],
      'usa/cluster-dns': ['fcp/coredns'],
      'usa/workload-hello-world': [],
      'usa/address-hello-world': ['usa/workload-hello-world', 'usa/metallb-pool'],
      'usa/federation-name-hello-world': ['usa/address-hello-world', 'usa/external-dns', 'fcp/coredns'],
    });
    const names = steps.flatMap((step) => (step.kind === 'dns-check' && step.cluster === 'usa' ? [step.among] : []));
    expect(names).toEqual([undefined, true, true]);
    expect(steps.filter(({ kind }) => kind.startsWith('kubefed') || kind === 'helm-init')).toEqual([]);
  });

  it('has it seen in every cluster whether nodes announce addresses, as far as that is not said to be ignored', () => {
    const seen = (rendered: Rendered): unknown[] =>
      rendered.plan().steps.flatMap((step) => (step.kind === 'announcement' ? [[step.id, step.ignoreExcluded]] : []));
    const ids = ['fcp', 'usa', 'chn'].map((name) => `${name}/announcement`);
    expect(seen(dist)).toEqual(ids.map((id) => [id, undefined]));
    expect(seen(new Rendered({ metalLb: { ignoreExcludeLB: true } }))).toEqual(ids.map((id) => [id, true]));
  });

  it('takes Services back before the programs that have to tidy up after them', () => {
    const outlives = dist.plan().steps.flatMap(({ id, outlives: others }) => (others ? [[id, others]] : []));
    expect(outlives).toEqual(
      expect.arrayContaining([
        ['usa/metallb-pool', ['usa/workload-hello-world']],
        ['usa/external-dns', ['usa/workload-hello-world']],
      ]),
    );
  });

  it('applies on the server, and installs with Helm 3', () => {
    // A command stands on one line, as it would at a prompt but for brackets and commas.
    const text = dist.text('plan.yaml').replace(/, /g, ' ');
    expect(text).toContain(
      'kubectl --context=usa apply --server-side --field-manager=onprem-federation --validate=false --filename=usa/35-external-dns.yaml',
    );
    expect(text).toContain(
      'helm --kube-context=usa upgrade --install metallb metallb --namespace=metallb-system --create-namespace --repo=https://metallb.github.io/metallb --version=0.15.2 --values=usa/30-metallb-values.conf',
    );
    expect(text).toContain('helm --kube-context=usa uninstall metallb --namespace=metallb-system --ignore-not-found');
  });

  it('takes its chart from a folder where there is no internet', () => {
    const chart = (charts: { folder: string; unpacked?: boolean }): unknown =>
      new Rendered({ charts }).plan().steps.find(({ id }) => id === 'usa/metallb');
    expect(chart({ folder: '../charts' })).toMatchObject({ chart: '../charts/metallb-0.15.2.tgz' });
    expect(chart({ folder: 'charts/', unpacked: true })).toMatchObject({ chart: './charts/metallb' });
  });

  it('puts the prefix before every image, in manifests, values, checks and lists', () => {
    const mirrored = new Rendered({ images: { prefix: PREFIX } });
    const images = podSpecs(mirrored).flatMap(({ containers }) => containers.map(({ image }) => image));
    expect(images.length).toBeGreaterThan(0);
    const listed = [...mirrored.text('fcp/artifacts.conf').matchAll(/image: (.*)/g)].map(([, image = '']) => image);
    const checks = mirrored.plan().steps.flatMap((step) => (step.kind === 'dns-check' ? [step.image] : []));
    for (const image of [...images, ...listed, ...checks]) expect(image).toMatch(new RegExp(`^${PREFIX}/`));
    const values = metalLbValues(resolveTopology(props({ images: { prefix: PREFIX } })));
    expect(values).toMatchObject({
      onpremFederation: 'federation',
      controller: { image: { repository: `${PREFIX}/quay.io/metallb/controller`, tag: 'v0.15.2' } },
      speaker: { image: { repository: `${PREFIX}/quay.io/metallb/speaker`, tag: 'v0.15.2' }, frr: { enabled: false } },
    });
  });

  it('gives MetalLB the range from first to last address', () => {
    expect(dist.object('chn', 'IPAddressPool', 'federation').spec).toEqual({ addresses: ['10.210.2.65-10.210.2.126'] });
    expect(dist.object('chn', 'L2Advertisement', 'federation').spec).toEqual({ ipAddressPools: ['federation'] });
  });

  it('confines its own pods as pod security wants it of their namespace', () => {
    const own = podSpecs(dist).filter(({ containers }) => containers[0].name !== 'hello-world');
    expect(own).toHaveLength(5);
    for (const spec of own) {
      expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      for (const { securityContext } of spec.containers) {
        expect(securityContext).toMatchObject({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true });
        expect(securityContext.capabilities.drop).toEqual(['ALL']);
      }
    }
  });

  it('says the same to the oldest and the newest version', () => {
    const of = (kubernetesVersion: string): Rendered =>
      new Rendered({
        clusters: [
          cluster('fcp', ['europe', 'fr'], 1, { kubernetesVersion }),
          cluster('usa', ['america', 'us'], 3, { kubernetesVersion }),
        ],
      });
    const [oldest, newest] = [of('1.29.0'), of('1.37.2')];
    for (const bundle of ['fcp', 'usa']) expect(oldest.objects(bundle)).toEqual(newest.objects(bundle));
    expect(new Set(oldest.objects('fcp').map(({ apiVersion }) => apiVersion))).toEqual(
      new Set([
        'v1',
        'apps/v1',
        'policy/v1',
        'networking.k8s.io/v1',
        'rbac.authorization.k8s.io/v1',
        'metallb.io/v1beta1',
      ]),
    );
  });

  it("brings the federation's own charts into every cluster", () => {
    const federation = new Federation(props());
    const chart = new Chart(federation.federated(), 'web');
    new ConfigMap(chart, 'config', { metadata: { name: 'web', namespace: 'default' } });
    const paths = federation.render().map(({ path }) => path);
    expect(paths.filter((path) => path.endsWith('-web.yaml'))).toEqual([
      'fcp/90-web.yaml',
      'usa/90-web.yaml',
      'chn/90-web.yaml',
    ]);
  });

  it('is the same bytes every time', () => {
    expect([...new Rendered().files]).toEqual([...dist.files]);
  });
});
