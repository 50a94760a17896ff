import { Bundle, OutputFile } from '../bundle';
import { ChartSource } from '../components/artifacts';
import { toYaml } from '../yaml';

/** Name of the list for all bundles. */
export const ARTIFACTS_FILE = 'artifacts.yaml';
/** Name of each bundle's own list, which `kubectl apply -f` of the folder passes over. */
export const BUNDLE_ARTIFACTS_FILE = 'artifacts.conf';

/** What has to be within reach before a bundle is applied. */
export interface Artifacts {
  /** As they are pulled, sorted. */
  readonly images: readonly string[];
  readonly charts: readonly ChartSource[];
}

/** The images and charts that a bundle needs, its user's charts included. Its files have to be rendered before. */
export function artifactsOf(bundle: Bundle): Artifacts {
  const found = bundle.manifests.flatMap(({ objects }) => objects.flatMap(images));
  return together([{ images: [...bundle.used.images, ...found], charts: bundle.used.charts }]);
}

/** What several bundles need. */
export function together(all: readonly Artifacts[]): Artifacts {
  const charts = new Map(all.flatMap((each) => each.charts).map((chart) => [`${chart.name} ${chart.version}`, chart]));
  return {
    images: [...new Set(all.flatMap((each) => each.images))].sort(),
    charts: [...charts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, chart]) => chart),
  };
}

/** The list as a file: with a prefix, each image also by the name under which it is published, for who fills the mirror. */
export function artifactsFile(
  path: string,
  about: readonly string[],
  { images, charts }: Artifacts,
  prefix?: string,
): OutputFile {
  const listed = images.map((image) => {
    const mirrored = prefix !== undefined && image.startsWith(`${prefix}/`);
    return mirrored ? { image, source: image.slice(prefix.length + 1) } : { image };
  });
  return { path, content: `${about.map((line) => `# ${line}\n`).join('')}${toYaml({ images: listed, charts })}` };
}

/** Every `image` of a container in an object, wherever its pod template stands. */
function images(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(images);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    (key === 'containers' || key === 'initContainers') && Array.isArray(inner)
      ? inner.flatMap((container: { image?: unknown }) =>
          typeof container.image === 'string' ? [container.image] : [],
        )
      : images(inner),
  );
}
