import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { documents, fromYaml } from '../../../lib/yaml';
import { Loose, Rendered } from '../../support/external-dns';
import { findKubectl, kustomize } from '../../support/kubectl';

const repoUrl = 'https://git.local/federation.git';
const kubectl = findKubectl();
const withKubectl = kubectl === undefined ? it.skip : it;
const identity = ({ kind, metadata }: Loose): string => `${kind} ${metadata.namespace ?? ''} ${metadata.name ?? ''}`;

/** Writes a dist/ for the time that a test looks at it. */
function inFolder(dist: Rendered, look: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'dist-'));
  try {
    for (const [path, content] of dist.files) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content);
    }
    look(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('what a bundle needs', () => {
  it('is listed in each bundle, and for all', () => {
    const dist = new Rendered();
    expect(fromYaml(dist.text('usa/artifacts.conf'))).toEqual({
      images: [
        { image: 'artmr/hello-world:latest' },
        { image: 'busybox:1.27' },
        { image: 'quay.io/metallb/controller:v0.15.2' },
        { image: 'quay.io/metallb/speaker:v0.15.2' },
        { image: 'registry.k8s.io/external-dns/external-dns:v0.21.0' },
      ],
      charts: [
        {
          name: 'metallb',
          version: '0.15.2',
          repository: 'https://metallb.github.io/metallb',
          reference: 'metallb/metallb',
        },
      ],
    });
    const all = fromYaml(dist.files.get('artifacts.yaml') ?? '') as { images: { image: string }[] };
    expect(all.images.map(({ image }) => image)).toContain('registry.k8s.io/etcd:3.6.8-0');
  });

  it('is listed under both names where there is a mirror', () => {
    const dist = new Rendered({ images: { prefix: 'registry.local/mirror' } });
    const { images } = fromYaml(dist.text('usa/artifacts.conf')) as { images: unknown[] };
    expect(images).toContainEqual({
      image: 'registry.local/mirror/quay.io/metallb/speaker:v0.15.2',
      source: 'quay.io/metallb/speaker:v0.15.2',
    });
  });
});

describe('a Kustomization', () => {
  withKubectl('builds every bundle with the real kubectl, whole', () => {
    const dist = new Rendered();
    inFolder(dist, (folder) => {
      for (const bundle of ['fcp', 'usa', 'chn']) {
        const built = documents(kustomize(kubectl ?? '', join(folder, bundle))) as Loose[];
        expect(built.map(identity).sort()).toEqual(dist.objects(bundle).map(identity).sort());
      }
    });
  });
});

describe('GitOps', () => {
  it('leaves no trace where nobody asked for it', () => {
    expect([...new Rendered().files].join()).not.toMatch(/argocd|fluxcd|gitops/);
  });

  it("gives Argo CD one Application a cluster, and each object the plan's order", () => {
    const dist = new Rendered({
      gitops: { repoUrl, revision: 'v1', path: 'sites/dist', argoCd: { project: 'onprem' } },
    });
    const [set] = documents(dist.text('argo-cd.yaml')) as Loose[];
    expect(set?.spec.generators[0].list.elements).toEqual([
      { name: 'fcp', server: 'https://10.11.12.1:6443' },
      { name: 'usa', server: 'https://10.11.12.3:6443' },
      { name: 'chn', server: 'https://10.11.12.2:6443' },
    ]);
    expect(set?.spec.template.spec.sources).toEqual([
      { repoURL: repoUrl, targetRevision: 'v1', path: 'sites/dist/{{.name}}', ref: 'bundle' },
      {
        repoURL: 'https://metallb.github.io/metallb',
        chart: 'metallb',
        targetRevision: '0.15.2',
        helm: { releaseName: 'metallb', valueFiles: ['$bundle/sites/dist/{{.name}}/30-metallb-values.conf'] },
      },
    ]);
    const wave = (kind: string, name: string): string | undefined =>
      dist.object('fcp', kind, name).metadata.annotations?.['argocd.argoproj.io/sync-wave'];
    expect(wave('Namespace', 'federation-dns')).toBe('0');
    expect(wave('StatefulSet', 'etcd')).toBe('1');
    expect(wave('Deployment', 'coredns')).toBe('2');
    expect(wave('IPAddressPool', 'federation')).toBe('2');
    expect(wave('Deployment', 'external-dns')).toBe('2');
    // Argo CD leaves a wave when all in it is healthy, and a Service of this type is only with an address.
    expect(wave('Service', 'hello-world')).toBe('3');
    expect(wave('Deployment', 'hello-world')).toBe('3');
    expect(dist.objects('usa').every((object) => object.metadata.annotations !== undefined)).toBe(true);
  });

  it("gives each cluster's Flux the plan's order as dependencies", () => {
    const dist = new Rendered({ gitops: { repoUrl, flux: {} } });
    const objects = documents(dist.text('gitops/flux/usa.yaml')) as Loose[];
    const chain = objects.flatMap(({ kind, metadata, spec }) =>
      kind === 'Kustomization' ? [[metadata.name, spec.path, spec.dependsOn]] : [],
    );
    expect(chain).toEqual([
      ['federation-0', './dist/gitops/flux/usa/0', undefined],
      ['federation-1', './dist/gitops/flux/usa/1', [{ name: 'federation-0' }]],
      ['federation-2', './dist/gitops/flux/usa/2', [{ name: 'federation-1' }]],
      ['federation-3', './dist/gitops/flux/usa/3', [{ name: 'federation-2' }]],
    ]);
    const release = (documents(dist.text('usa/1/metallb.yaml')) as Loose[]).find(({ kind }) => kind === 'HelmRelease');
    expect(release?.spec).toMatchObject({ targetNamespace: 'metallb-system', chart: { spec: { version: '0.15.2' } } });
  });

  it.each([
    ['main', { branch: 'main' }],
    ['release/1.2', { branch: 'release/1.2' }],
    ['refs/tags/v1.2.0', { name: 'refs/tags/v1.2.0' }],
    ['0123456789abcdef0123456789abcdef01234567', { commit: '0123456789abcdef0123456789abcdef01234567' }],
  ])('tells Flux what kind of revision it is: %s', (revision, ref) => {
    const dist = new Rendered({ gitops: { repoUrl, revision, flux: {} } });
    const [repository] = documents(dist.text('gitops/flux/usa.yaml')) as Loose[];
    expect(repository?.spec).toEqual({ interval: '5m', url: repoUrl, ref });
  });

  it('names the Secret by which Flux reads the repository', () => {
    const ssh = 'ssh://git@git.local/federation.git';
    const dist = new Rendered({ gitops: { repoUrl: ssh, flux: { secretName: 'deploy-key' } } });
    const [repository] = documents(dist.text('gitops/flux/usa.yaml')) as Loose[];
    expect(repository?.spec).toMatchObject({ url: ssh, secretRef: { name: 'deploy-key' } });
  });

  it('never has an engine take away the namespaces of workloads, in which others live too', () => {
    const workloads = [{ name: 'web', namespace: 'shop', image: 'web:1', replicas: 3, port: 80 }];
    const annotations = (gitops: object): unknown =>
      new Rendered({ workloads, gitops: { repoUrl, ...gitops } }).object('usa', 'Namespace', 'shop').metadata
        .annotations;
    expect(annotations({ argoCd: {} })).toEqual({
      'argocd.argoproj.io/sync-wave': '0',
      'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false',
    });
    expect(annotations({ flux: {} })).toEqual({ 'kustomize.toolkit.fluxcd.io/prune': 'disabled' });
  });

  withKubectl('has waves that together hold the bundle, built as Flux builds them', () => {
    const dist = new Rendered({ gitops: { repoUrl, flux: {} } });
    inFolder(dist, (folder) => {
      const waves = readdirSync(join(folder, 'gitops/flux/fcp')).sort();
      const built = waves.flatMap(
        (wave) =>
          documents(
            kustomize(kubectl ?? '', join(folder, 'gitops/flux/fcp', wave), '--load-restrictor=LoadRestrictionsNone'),
          ) as Loose[],
      );
      const own = built.filter(({ apiVersion }) => !apiVersion.includes('fluxcd'));
      expect(own.map(identity).sort()).toEqual(dist.objects('fcp').map(identity).sort());
    });
  });
});
