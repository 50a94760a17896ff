import { prefixed } from '../topology/images';
import { StepOf } from '../plan/step';
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

/**
 * A chart out of its repository, or out of the topology's own repository or folder.
 *
 * @param published where the chart is published
 */
export function chartSource({ charts }: Pick<Topology, 'charts'>, published: ChartSource): ChartSource {
  const { folder, unpacked } = charts;
  const chart = { ...published, repository: charts.repository ?? published.repository };
  if (folder === undefined) return chart;
  const file = unpacked ? chart.name : `${chart.name}-${chart.version}.tgz`;
  // Without a dot or slash in front helm would look for a repository of the folder's name.
  const path = /^\.{0,2}\//.test(folder) ? folder : `./${folder}`;
  return { ...chart, reference: `${path.replace(/\/+$/, '')}/${file}` };
}

/** How a step names a chart: with its repository's address, so that helm need not know it by a name, or by its path. */
export function chartInStep(
  { charts }: Pick<Topology, 'charts'>,
  { name, repository, reference }: ChartSource,
): Pick<StepOf<'helm-release'>, 'chart' | 'repository'> {
  return charts.folder === undefined ? { chart: name, repository } : { chart: reference };
}
