import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ownLabels } from '../../lib/labels';
import { Plan, PlanCluster } from '../../lib/plan/plan';
import { Command, Step } from '../../lib/plan/step';
import { documents } from '../../lib/yaml';
import { minorOf, Wanted } from './api';
import { ControlPlane } from './control-plane';
import { StepError } from './errors';
import { KubeconfigReader } from './kubeconfig';
import { MemberList } from './members';
import { KubeObject, objectSchema } from './objects';
import { Kubectl } from './tools/kubectl';
import { ProgramError, Run } from './tools/program';
import { Versions } from './versions';
import { ClusterView, Views } from './view';

/** What all steps of a run share. */
export interface Shared {
  readonly plan: Plan;
  /** The folder of the plan: `dist/`. */
  readonly folder: string;
  readonly run: Run;
  /** What each context's cluster says. */
  readonly views: Views;
  /** Whether objects that somebody else made may be taken over. */
  readonly adopt: boolean;
  /** Whether credentials of members that no member uses may be removed. */
  readonly removeCredentials: boolean;
  /** Warnings that are no failures, for the end report. The same one is told once. */
  readonly warn: (cluster: string, text: string) => void;
}

/** The federation's bundle is judged by the oldest API: its server knows nothing newer. */
const FEDERATION_MINOR = 7;

/** What one step works with. */
export interface StepContext<S extends Step = Step> extends Shared {
  readonly step: S;
  readonly kubectl: Kubectl;
  /** Ends all that the step does: its time is up, or the user has cut it. */
  readonly signal: AbortSignal;
  /** The user has asked to stop: what is written comes to its end, what only waits does not. */
  readonly stopped: AbortSignal;
  /** The cluster that the step works on; nothing for the federation's own steps. */
  readonly cluster: PlanCluster | undefined;
  /** Minor version of the API server that the step talks to. */
  readonly minor: number;
  /** What the step's own cluster says. */
  readonly view: ClusterView;
  /** What another context's cluster says. */
  readonly viewOf: (context: string) => ClusterView;
  readonly kubeconfig: KubeconfigReader;
  /** The federation's members. */
  readonly members: MemberList;
  /** The federation's control plane in the host cluster. */
  readonly controlPlane: ControlPlane;
  /** What kubectl and the API servers say of their versions. */
  readonly versions: Versions;
  /** What is seen while waiting, for the person who watches. */
  readonly seen: (text: string) => void;
}

/** The cluster of a bundle; nothing for `federation`. */
export function clusterOf(plan: Pick<Plan, 'clusters'>, bundle: string): PlanCluster | undefined {
  return plan.clusters.find(({ name }) => name === bundle);
}

/** The minor version that a bundle's objects are asked for in. */
export function minorFor(plan: Pick<Plan, 'clusters'>, bundle: string): number {
  const cluster = clusterOf(plan, bundle);
  return cluster ? minorOf(cluster.kubernetesVersion) : FEDERATION_MINOR;
}

/** A file of `dist/`. */
export function fileContent({ folder }: Pick<Shared, 'folder'>, path: string): string {
  return readFileSync(join(folder, path), 'utf8');
}

const declared = new Map<string, KubeObject[]>();

/** The objects that a manifest declares. Read once: the preflight has shown that the file is as synth wrote it. */
export function declaredObjects(shared: Pick<Shared, 'folder'>, path: string): KubeObject[] {
  const file = join(shared.folder, path);
  const objects =
    declared.get(file) ?? documents(fileContent(shared, path)).map((document) => objectSchema.parse(document));
  declared.set(file, objects);
  return objects;
}

/** The objects of a manifest as what to look for. */
export function wantedOf(objects: readonly KubeObject[]): Wanted[] {
  return objects.map(({ apiVersion, kind, metadata: { name, namespace } }) => ({
    apiVersion,
    kind,
    name,
    ...(namespace !== undefined && { namespace }),
  }));
}

/** Whether an object is this project's, by its labels. */
export function isOurs(plan: Plan, object: KubeObject): boolean {
  return Object.entries(ownLabels(plan.federation)).every(([key, value]) => object.metadata.labels?.[key] === value);
}

/** The arguments that the plan has, with what its names in braces stand for. */
export function filled(command: Command, values: Readonly<Record<string, string | readonly string[]>>): Command {
  return command.flatMap((word) => {
    const whole = values[word];
    if (Array.isArray(whole)) return whole as string[];
    return Object.entries(values).reduce(
      (text, [name, value]) => (typeof value === 'string' ? text.split(name).join(value) : text),
      word,
    );
  });
}

const CONFLICT_ATTEMPTS = 5;

/**
 * Reads, computes a change and writes it, and begins again where somebody else was faster. Every change carries the
 * resource version that it was computed from, so that nothing of theirs is overwritten.
 */
export async function untilUncontested(attempt: () => Promise<void>): Promise<void> {
  for (let i = 1; ; i++) {
    try {
      await attempt();
      return;
    } catch (error) {
      const contested = error instanceof ProgramError && error.kind === 'conflict';
      if (!contested || i === CONFLICT_ATTEMPTS) throw error;
    }
  }
}

/** A step cannot go on since an object belongs to somebody else. */
export function foreign(what: string, owner: string): StepError {
  return new StepError(
    `${what} is there already and was not made by this plan`,
    `Find out whose it is (${owner}). If the plan may take it over, run apply with --adopt; otherwise rename or remove it.`,
  );
}
