import { inOrder } from '../plan/plan';
import { Step } from '../plan/step';

/**
 * The plan's order within one bundle as numbers: a step's wave is one more than the highest of what it needs there.
 * Needs in other bundles have none: engines that pull bundles know no other cluster, and the programs wait themselves.
 */
export function waves(steps: readonly Step[]): Map<Step, number> {
  const given = new Map(steps.map((step) => [step.id, step]));
  const byId = new Map<string, number>();
  const result = new Map<Step, number>();
  for (const step of inOrder(withAddressesFirst(steps)).order) {
    const needed = step.needs.flatMap((id) => byId.get(id) ?? []);
    const wave = needed.length === 0 ? 0 : Math.max(...needed) + 1;
    byId.set(step.id, wave);
    result.set(given.get(step.id) ?? step, wave);
  }
  return result;
}

/**
 * Argo CD leaves a wave only when all in it is healthy, and counts a LoadBalancer Service as healthy once it has an address:
 * what hands the addresses out has to come before the Services, though apply brings about both side by side. In the plan
 * the step that looks for an address needs both.
 */
function withAddressesFirst(steps: readonly Step[]): Step[] {
  const before = new Map<string, string[]>();
  const componentOf = new Map(steps.map(({ id, component }) => [id, component]));
  for (const { kind, component, needs } of steps) {
    if (kind !== 'service-address') continue;
    const isOwn = (id: string): boolean => componentOf.get(id) === component;
    for (const id of needs.filter(isOwn)) {
      before.set(id, [...(before.get(id) ?? []), ...needs.filter((need) => !isOwn(need))]);
    }
  }
  return steps.map((step) => ({ ...step, needs: [...step.needs, ...(before.get(step.id) ?? [])] }));
}

/** The wave of each manifest, by its path. */
export function wavesOfFiles(steps: readonly Step[]): Map<string, number> {
  return new Map(
    [...waves(steps)].flatMap(([step, wave]): [string, number][] =>
      step.kind === 'apply' || step.kind === 'create' ? [[step.file, wave]] : [],
    ),
  );
}
