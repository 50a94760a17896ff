import { prefixed } from '../topology/images';
import { Topology } from '../topology/resolve';

/** An image as it is pulled: with the prefix of sites that have no internet. */
export function pulled({ images }: Pick<Topology, 'images'>, image: string): string {
  return prefixed(images.prefix, image);
}

/** A Helm chart and where it comes from. */
export interface ChartSource {
  readonly name: string;
  readonly version: string;
  /** As `helm` takes it: `<repository>/<chart>`, or a path as seen from `dist/`. */
  readonly reference: string;
  /** Address of its repository. */
  readonly repository: string;
}

/** A chart out of its repository (known to helm by the chart's name), or out of the topology's folder. */
export function chartSource(
  { charts }: Pick<Topology, 'charts'>,
  chart: Pick<ChartSource, 'name' | 'version' | 'repository'>,
): ChartSource {
  const { folder, unpacked } = charts;
  if (folder === undefined) return { ...chart, reference: `${chart.name}/${chart.name}` };
  const file = unpacked ? chart.name : `${chart.name}-${chart.version}.tgz`;
  // Without a dot or slash in front helm would look for a repository of the folder's name.
  const path = /^\.{0,2}\//.test(folder) ? folder : `./${folder}`;
  return { ...chart, reference: `${path.replace(/\/+$/, '')}/${file}` };
}
