import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { FederationError, Finding } from '../errors';
import { fromYaml, toYaml } from '../yaml';
import { commands } from './commands';
import { Command, contextName, listedFile, Step, stepSchema, word } from './step';

/** The version of plan.yaml's own form. A reader refuses any other. */
export const PLAN_VERSION = 1;

/** Depth of a command in the plan: it stands on one line, as it would at a prompt. */
const COMMAND_LEVEL = 4;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const commandSchema = z.array(z.string().min(1)).min(1);

const clusterSchema = z.strictObject({
  name: word,
  context: contextName,
  server: z.url(),
  kubernetesVersion: z.string().min(1),
  region: z.string().min(1),
  zone: z.string().min(1),
  addressRange: z.strictObject({
    declared: z.string(),
    cidr: z.string(),
    first: z.ipv4(),
    last: z.ipv4(),
  }),
});

const headSchema = z.strictObject({
  version: z.literal(PLAN_VERSION),
  stack: z.enum(['federation-v1', 'external-dns']),
  federation: word,
  hostCluster: word,
  dns: z.strictObject({ zone: z.string().min(1), server: z.string().min(1) }),
  clusters: z.array(clusterSchema).min(1),
  workloads: z.array(z.strictObject({ name: z.string(), namespace: z.string() })),
  files: z.array(z.strictObject({ path: listedFile, sha256 })),
});

/** A member cluster as the plan knows it. */
export type PlanCluster = z.infer<typeof clusterSchema>;
/** What the plan says besides its steps. */
export type PlanHead = z.infer<typeof headSchema>;
/** What `dist/plan.yaml` says: everything that apply knows about the federation. */
export type Plan = PlanHead & { readonly steps: readonly Step[] };

/** The plan is not one that synth wrote, or not any more. Nothing has been run. */
export class PlanError extends FederationError {
  constructor(findings: readonly Finding[]) {
    super('dist/plan.yaml is no plan that can be trusted; nothing was run.', findings);
  }
}

/** SHA-256 of a text or a file's bytes, in hexadecimal. */
export function digest(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/**
 * Writes a plan; the steps carry the commands that they stand for, and the whole a digest of itself.
 *
 * @throws PlanError where a reader would refuse it
 */
export function writePlan(plan: Plan): string {
  const { steps, ...head } = plan;
  const findings: Finding[] = [];
  const checked = <T>(schema: z.ZodType<T>, value: unknown, at?: string): T[] => {
    const { data, error } = schema.safeParse(value);
    findings.push(...(error ? issues(error, at) : []));
    return error ? [] : [data];
  };
  const [checkedHead] = checked(headSchema, head);
  const checkedSteps = steps.flatMap((step, i) => checked(stepSchema, step, `steps[${i}]`));
  if (findings.length > 0) throw new PlanError(findings);
  checkGraph(checkedSteps);
  checkNames(plan);
  const body = { ...checkedHead, steps: checkedSteps.map((step) => ({ ...step, ...commandLines(step) })) };
  const header = [
    '# What apply does, in order; made by `npm run synth`, never edited by hand: apply compares the digest.',
    '# Names in braces are filled in when a step runs, from what the cluster says then.',
  ];
  const text = toYaml(body, { flowLevel: COMMAND_LEVEL });
  return `${header.join('\n')}\ndigest: ${digest(text)}\n${text}`;
}

/**
 * Reads a plan and checks all that can be checked without a cluster.
 *
 * @throws PlanError with every finding
 */
export function readPlan(content: string): Plan {
  const fail = (where: string, problem: string, hint = SYNTH_AGAIN): never => {
    throw new PlanError([{ where, problem, hint }]);
  };
  let data: unknown;
  try {
    data = fromYaml(content);
  } catch (error) {
    fail('plan.yaml', `is no YAML: ${(error as Error).message.split('\n')[0] ?? ''}`);
  }
  const carried = z
    .looseObject({ digest: sha256, version: z.number(), steps: z.array(z.looseObject({})) })
    .safeParse(data);
  if (!carried.success) throw new PlanError(issues(carried.error));
  const { digest: expected, ...body } = carried.data;
  if (body.version !== PLAN_VERSION) fail('plan.yaml: version', `${body.version} is not ${PLAN_VERSION}`);

  const findings: Finding[] = [];
  const steps = body.steps.flatMap((raw, i) => {
    const { run, undo, ...rest } = raw as { run?: unknown; undo?: unknown };
    const step = stepSchema.safeParse(rest);
    const lines = z
      .strictObject({ run: z.array(commandSchema), undo: z.array(commandSchema) })
      .safeParse({ run, undo });
    if (!step.success || !lines.success) {
      findings.push(...[step.error, lines.error].flatMap((error) => (error ? issues(error, `steps[${i}]`) : [])));
      return [];
    }
    if (!isDeepStrictEqual(lines.data, commandLines(step.data))) {
      findings.push({
        where: `plan.yaml: ${step.data.id}`,
        problem: 'its commands are not those of its kind',
        hint: SYNTH_AGAIN,
      });
    }
    return [step.data];
  });
  const head = headSchema.safeParse(Object.fromEntries(Object.entries(body).filter(([key]) => key !== 'steps')));
  if (!head.success) throw new PlanError([...issues(head.error), ...findings]);
  if (findings.length > 0) throw new PlanError(findings);
  if (digest(content.replace(/^(#.*\n)*digest: .*\n/, '')) !== expected)
    fail('plan.yaml', 'is not as synth wrote it: its digest differs');
  const plan = { ...head.data, steps };
  checkGraph(steps);
  checkNames(plan);
  return plan;
}

const SYNTH_AGAIN = 'Run `npm run synth` and review what it changes.';

function issues(error: z.ZodError, at = 'plan.yaml'): Finding[] {
  return error.issues.map((issue) => ({
    where: [at, ...issue.path.map(String)].join('.'),
    problem: issue.message,
    hint: SYNTH_AGAIN,
  }));
}

function commandLines(step: Step): { run: Command[]; undo: Command[] } {
  const { run, undo } = commands(step);
  return { run: [...run], undo: [...undo] };
}

/** Ids are unique, every need exists, and nothing waits for itself. */
function checkGraph(steps: readonly Step[]): void {
  const findings: Finding[] = [];
  const byId = new Map<string, Step>();
  for (const step of steps) {
    if (byId.has(step.id))
      findings.push({ where: `plan.yaml: ${step.id}`, problem: 'the id is there twice', hint: SYNTH_AGAIN });
    byId.set(step.id, step);
  }
  for (const step of steps) {
    for (const need of [...step.needs, ...(step.outlives ?? [])].filter((id) => !byId.has(id))) {
      findings.push({ where: `plan.yaml: ${step.id}`, problem: `needs ${need}, which is no step`, hint: SYNTH_AGAIN });
    }
  }
  if (findings.length === 0) {
    const { cycle } = inOrder(steps);
    if (cycle)
      findings.push({
        where: 'plan.yaml: steps',
        problem: `wait for each other: ${cycle.join(' needs ')}`,
        hint: SYNTH_AGAIN,
      });
  }
  if (findings.length > 0) throw new PlanError(findings);
}

/**
 * The steps with every need before the step that has it, otherwise as they stand. Where some wait for each other, all as
 * they stand, and the cycle, its first id twice.
 */
export function inOrder<S extends Pick<Step, 'id' | 'needs'>>(steps: readonly S[]): { order: S[]; cycle?: string[] } {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const state = new Map<string, 'open' | 'done'>();
  const path: string[] = [];
  const order: S[] = [];
  const visit = (step: S): string[] | undefined => {
    if (state.get(step.id) === 'done') return undefined;
    if (state.get(step.id) === 'open') return [...path.slice(path.indexOf(step.id)), step.id];
    state.set(step.id, 'open');
    path.push(step.id);
    for (const need of step.needs) {
      const needed = byId.get(need);
      const cycle = needed && visit(needed);
      if (cycle) return cycle;
    }
    path.pop();
    state.set(step.id, 'done');
    order.push(step);
    return undefined;
  };
  for (const step of steps) {
    const cycle = visit(step);
    if (cycle) return { order: [...steps], cycle };
  }
  return { order };
}

/** The bundles of a plan: one a cluster, and with a control plane one of the federation's own. */
export function bundlesOf({ stack, clusters }: Pick<PlanHead, 'stack' | 'clusters'>): string[] {
  return [...clusters.map(({ name }) => name), ...(stack === 'federation-v1' ? ['federation'] : [])];
}

/** A step may name only clusters and contexts of the topology, and files that synth wrote. */
function checkNames(plan: Plan): void {
  const findings: Finding[] = [];
  const contexts = new Set([...plan.clusters.map((cluster) => cluster.context), plan.federation]);
  const bundles = new Set(bundlesOf(plan));
  const files = new Set(plan.files.map((file) => file.path));
  for (const step of plan.steps) {
    const where = `plan.yaml: ${step.id}`;
    if (!bundles.has(step.cluster) || !step.id.startsWith(`${step.cluster}/`)) {
      findings.push({ where, problem: `'${step.cluster}' is no cluster of the topology`, hint: SYNTH_AGAIN });
    }
    const others = 'hostContext' in step ? [step.hostContext] : 'copies' in step ? (step.copies ?? []) : [];
    for (const name of new Set([...others, step.context])) {
      if (!contexts.has(name))
        findings.push({ where, problem: `'${name}' is no context of the topology`, hint: SYNTH_AGAIN });
    }
    if ('file' in step && !files.has(step.file)) {
      findings.push({ where, problem: `'${step.file}' is no file that synth wrote`, hint: SYNTH_AGAIN });
    }
  }
  if (findings.length > 0) throw new PlanError(findings);
}
