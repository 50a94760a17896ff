import { posix } from 'node:path';
import { Bundle, OutputFile } from '../bundle';
import { StepOf } from '../plan/step';
import { Topology } from '../topology/resolve';
import { ARGO_CD_KEEPS, argoCd, SYNC_WAVE } from './argo-cd';
import { ARTIFACTS_FILE, Artifacts, artifactsFile, artifactsOf, BUNDLE_ARTIFACTS_FILE, together } from './artifacts';
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
    artifactsFile(
      `${bundle.name}/${BUNDLE_ARTIFACTS_FILE}`,
      `The images and charts that ${bundle.name} needs`,
      artifactsOf(bundle),
      topology.images.prefix,
    ),
    ...(gitops?.flux ? flux(topology, { ...gitops, flux: gitops.flux }, bundle, labels) : []),
  ];
}

/** The files that are there once for all bundles. */
export function commonFiles(
  bundles: readonly Bundle[],
  topology: Topology,
  labels: Record<string, string>,
): OutputFile[] {
  const { gitops } = topology;
  const needed: Artifacts = together(bundles.map(artifactsOf));
  const release = bundles
    .flatMap(({ steps }) => steps)
    .find((step): step is StepOf<'helm-release'> => step.kind === 'helm-release');
  return [
    artifactsFile(ARTIFACTS_FILE, 'The images and charts that all bundles need', needed, topology.images.prefix),
    ...(gitops?.argoCd && release ? [argoCd(topology, { ...gitops, argoCd: gitops.argoCd }, release, labels)] : []),
  ];
}
