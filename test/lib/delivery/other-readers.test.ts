import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Manifest } from '../../../lib/dialect/dialect';
import { FederationProps } from '../../../lib/topology/types';
import { documents } from '../../../lib/yaml';
import { props as externalDnsProps } from '../../support/external-dns';
import { guideAt, guideProps, Rendered } from '../../support/guide';
import { findKubectl, kustomize } from '../../support/kubectl';

const kubectl = findKubectl();
const withKubectl = kubectl === undefined ? test.skip : test;

/** What `kubectl apply -f <folder>` reads, and Flux where there is no kustomization. */
const isRead = (path: string): boolean => /\.(json|ya?ml)$/.test(path);

const DISTS: readonly [string, FederationProps][] = [
  ['federation-v1, 1.7', guideProps()],
  ['federation-v1, 1.15', guideAt('1.15.0')],
  ['external-dns', externalDnsProps()],
  [
    'external-dns with GitOps',
    externalDnsProps({ gitops: { repoUrl: 'https://git.example.org/f.git', argoCd: {}, flux: {} } }),
  ],
];

describe.each(DISTS)('whoever reads a bundle of %s', (_, props) => {
  const rendered = Rendered.of(props);
  const bundles = rendered.bundles().filter((bundle) => bundle !== 'gitops');

  test('finds in its .yaml files the objects that apply applies as they stand, and nothing else', () => {
    const applied = rendered.plan.steps.flatMap((step) =>
      step.kind === 'apply' || step.kind === 'create' ? [step.file] : [],
    );
    const read = rendered.paths().filter((path) => bundles.includes(dirname(path)) && isRead(path));
    expect(read.sort()).toEqual([...new Set(applied)].sort());
    for (const path of read) {
      for (const { apiVersion, kind, metadata } of rendered.objectsOf(path)) {
        expect([apiVersion, kind, metadata.name]).toEqual(Array(3).fill(expect.stringMatching(/./)));
      }
    }
  });

  withKubectl('finds them with the real kubectl, without asking any server', () => {
    const folder = mkdtempSync(join(tmpdir(), 'dist-'));
    try {
      for (const { path, content } of rendered.files) {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), content);
      }
      for (const bundle of bundles) {
        const inFiles = rendered
          .paths()
          .filter((path) => dirname(path) === bundle && isRead(path))
          .flatMap((path) => rendered.objectsOf(path));
        const names = inFiles.map(({ kind, metadata }) => `${kind} ${metadata.name ?? ''}`.toLowerCase()).sort();
        expect(readBy(kubectl ?? '', join(folder, bundle))).toEqual(names);
        if (rendered.paths().includes(`${bundle}/Kustomization`)) {
          const built = documents(kustomize(kubectl ?? '', join(folder, bundle))) as Manifest[];
          expect(built.map(({ kind, metadata }) => `${kind} ${metadata.name ?? ''}`.toLowerCase()).sort()).toEqual(
            names,
          );
        }
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** Kind and name of each object that `kubectl -f` finds in a folder. */
function readBy(program: string, folder: string): string[] {
  const printed = execFileSync(program, ['label', '--local', `--filename=${folder}`, 'seen=yes', '--output=name'], {
    encoding: 'utf8',
    env: { ...process.env, KUBECONFIG: '/dev/null' },
  });
  return printed
    .trim()
    .split('\n')
    .map((line) => line.replace(/^([^./]+)[^/]*\//, '$1 '))
    .sort();
}
