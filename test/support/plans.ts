import { digest, Plan, PlanError } from '../../lib/plan/plan';
import { fromYaml, toYaml } from '../../lib/yaml';
import { guideProps, Rendered } from './guide';

/** The guide's plan as synth writes it. */
export function guidePlan(): string {
  return Rendered.of(guideProps()).content('plan.yaml');
}

/** A plan as it is written: what lib's types say, and the commands. */
export interface WrittenPlan extends Record<string, unknown> {
  clusters: Record<string, unknown>[];
  files: Record<string, unknown>[];
  steps: (Record<string, unknown> & { id: string; kind: string; needs: string[]; run: string[][]; undo: string[][] })[];
}

/**
 * A plan that somebody changed and gave the right digest again, so that everything but the digest has to refuse it.
 */
export function tampered(change: (plan: WrittenPlan) => void, content = guidePlan()): string {
  const { digest: old, ...body } = fromYaml(content) as WrittenPlan & { digest: string };
  change(body);
  const text = toYaml(body);
  if (digest(text) === old) throw new Error('the change changed nothing');
  return `# A comment\ndigest: ${digest(text)}\n${text}`;
}

/** The step of a written plan with this id. */
export function stepOf(plan: WrittenPlan, id: string): WrittenPlan['steps'][number] {
  const step = plan.steps.find((candidate) => candidate.id === id);
  if (step === undefined) throw new Error(`there is no step ${id}`);
  return step;
}

/** What a PlanError says, one line a finding. */
export function refusals(read: () => unknown): string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof PlanError) return error.findings.map(({ where, problem }) => `${where} | ${problem}`);
    throw error;
  }
  return [];
}

/** Everything that has to be done before each step, however far away. */
export function closure(steps: Plan['steps']): Map<string, Set<string>> {
  const needs = new Map(steps.map((step) => [step.id, step.needs]));
  const all = new Map<string, Set<string>>();
  const visit = (id: string): Set<string> => {
    const known = all.get(id);
    if (known) return known;
    const found = new Set<string>();
    all.set(id, found);
    for (const need of needs.get(id) ?? []) {
      found.add(need);
      for (const further of visit(need)) found.add(further);
    }
    return found;
  };
  for (const step of steps) visit(step.id);
  return all;
}
