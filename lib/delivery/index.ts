import { posix } from 'node:path';
import { Bundle, OutputFile } from '../bundle';
import { StepOf } from '../plan/step';
import { Topology } from '../topology/resolve';
import { ARGO_CD_KEEPS, argoCd, SYNC_WAVE } from './argo-cd';
import { ARTIFACTS_FILE, artifactsFile, artifactsOf, BUNDLE_ARTIFACTS_FILE, together } from './artifacts';
import { flux, FLUX_KEEPS } from './flux';
import { kustomization, KUSTOMIZATION_FILE } from './kustomization';
import { wavesOfFiles } from './waves';

/** A bundle's files with those that other ways of applying it need: its images and charts, a kustomization, Flux. */
export function bundleFiles(bundle: Bundle, topology: Topology, labels: Record<string, string>): OutputFile[] {
  const { gitops } = topology;
  const order = gitops?.argoCd ? wavesOfFiles(bundle.steps) : new Map<string, number>();
  // What may be there already, and is left alone then, is never an engine's to take away: others have come to live in it.
  const shared = new Set(bundle.steps.flatMap((step) => (step.kind === 'create' ? [step.file] : [])));
  const files = bundle.files((path) => ({
    ...(order.has(path) && { [SYNC_WAVE]: String(order.get(path)) }),
    ...(gitops?.argoCd && shared.has(path) && ARGO_CD_KEEPS),
    ...(gitops?.flux && shared.has(path) && FLUX_KEEPS),
  }));
  return [
    ...files,
    kustomization(
      `${bundle.name}/${KUSTOMIZATION_FILE}`,
      `The manifests of ${bundle.name}, in the order of use; values and other programs' files are not among them`,
      bundle.manifests.map(({ path }) => posix.basename(path)),
    ),
    listOf(bundle, topology),
    ...(gitops?.flux ? flux(topology, { ...gitops, flux: gitops.flux }, bundle, labels) : []),
  ];
}

/** A bundle's files with the list of its images and charts; nothing where it has no files. */
export function listedFiles(bundle: Bundle, topology: Topology): OutputFile[] {
  const files = bundle.files();
  return files.length === 0 ? [] : [...files, listOf(bundle, topology)];
}

function listOf(bundle: Bundle, topology: Topology): OutputFile {
  const about = [`The images and charts that ${bundle.name} needs`, ...notListed(bundle)];
  return artifactsFile(`${bundle.name}/${BUNDLE_ARTIFACTS_FILE}`, about, artifactsOf(bundle), topology.images.prefix);
}

function notListed({ unnamed }: Bundle): string[] {
  return unnamed.map((one) => `Not listed: ${one}`);
}

/** The list of what all bundles need. */
export function commonList(bundles: readonly Bundle[], topology: Topology): OutputFile {
  const about = ['The images and charts that all bundles need', ...bundles.flatMap(notListed)];
  return artifactsFile(ARTIFACTS_FILE, about, together(bundles.map(artifactsOf)), topology.images.prefix);
}

/** The files that are there once for all bundles, those of other ways of applying them included. */
export function commonFiles(
  bundles: readonly Bundle[],
  topology: Topology,
  labels: Record<string, string>,
): OutputFile[] {
  const { gitops } = topology;
  const release = bundles
    .flatMap(({ steps }) => steps)
    .find((step): step is StepOf<'helm-release'> => step.kind === 'helm-release');
  return [
    commonList(bundles, topology),
    ...(gitops?.argoCd && release ? [argoCd(topology, { ...gitops, argoCd: gitops.argoCd }, release, labels)] : []),
  ];
}
