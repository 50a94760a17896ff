import { inOrder } from '../plan/plan';
import { Step } from '../plan/step';

/**
 * The plan's order within one bundle as numbers: a step's wave is one more than the highest of what it needs there.
 * Needs in other bundles have none: engines that pull bundles know no other cluster, and the programs wait themselves.
 */
export function waves(steps: readonly Step[]): Map<Step, number> {
  const byId = new Map<string, number>();
  const result = new Map<Step, number>();
  for (const step of inOrder(steps).order) {
    const needed = step.needs.flatMap((id) => byId.get(id) ?? []);
    const wave = needed.length === 0 ? 0 : Math.max(...needed) + 1;
    byId.set(step.id, wave);
    result.set(step, wave);
  }
  return result;
}

/** The wave of each manifest, by its path. */
export function wavesOfFiles(steps: readonly Step[]): Map<string, number> {
  return new Map(
    [...waves(steps)].flatMap(([step, wave]): [string, number][] =>
      step.kind === 'apply' || step.kind === 'create' ? [[step.file, wave]] : [],
    ),
  );
}
