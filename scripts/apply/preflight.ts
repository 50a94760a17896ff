import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join, sep } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { coerce, parse, SemVer } from 'semver';
import { describe, DialectError, federationTarget, lower, Manifest, Target } from '../../lib/dialect/dialect';
import { FederationError, Finding } from '../../lib/errors';
import { digest, Plan, PlanCluster } from '../../lib/plan/plan';
import { Command, Step } from '../../lib/plan/step';
import { KUBECTL, KUBECTL_SKEW } from '../../lib/topology/kubectl';
import { documents } from '../../lib/yaml';
import { Reader } from '../kube/reader';
import { minorOf } from './api';
import { advice } from './errors';
import { Kubeconfig, KubeconfigReader, sameServer } from './kubeconfig';
import { describeRight, Right, rightsOf } from './rights';
import { tillerFault, TillerInput } from './tiller';
import { Kubectl } from './tools/kubectl';
import { ProgramError, reasonIn } from './tools/program';
import { versionsIn } from './versions';
import { Views } from './view';

/** Something has to be put right first. Nothing has been written. */
export class PreflightError extends FederationError {
  constructor(findings: readonly Finding[]) {
    super('The run did not begin; nothing was written.', findings);
  }
}

/** What the preflight found: what stops the run, and what is only worth knowing. */
export interface Preflight {
  readonly findings: readonly Finding[];
  readonly warnings: readonly { readonly cluster: string; readonly text: string }[];
}

/** What the preflight looks at, and with what. */
export interface PreflightInput {
  readonly plan: Plan;
  readonly folder: string;
  /** The steps of this run. */
  readonly steps: readonly Step[];
  readonly kubectl: Kubectl;
  readonly views: Views;
  readonly kubeconfig: KubeconfigReader;
  readonly signal: AbortSignal;
}

/** The clusters that a run's steps work on, and the host cluster, where the lock is. */
function clustersOf({ plan, steps }: Pick<PreflightInput, 'plan' | 'steps'>): PlanCluster[] {
  const names = new Set(steps.map(({ cluster }) => cluster));
  return plan.clusters.filter(({ name }) => names.has(name) || name === plan.hostCluster);
}

/** What is found without asking any cluster. */
export interface Local {
  /** The files of `dist/`. */
  readonly files: readonly Finding[];
  /** Where the contexts lead; for that kubectl has to be asked. */
  readonly contexts: Promise<readonly Finding[]>;
}

/** Looks at what can be looked at without asking any cluster. */
export function preflightHere(input: PreflightInput): Local {
  return { files: checkFiles(input), contexts: checkContexts(input, clustersOf(input)) };
}

/**
 * Looks at everything that can stop a run before anything is written, all of it at once.
 *
 * @param here what {@link preflightHere} has found
 */
export async function preflight(input: PreflightInput, here: Local): Promise<Preflight> {
  const { plan, steps, folder } = input;
  const clusters = clustersOf(input);
  const { files } = here;
  // Skip rights from files that failed the digest check.
  const rights = files.length > 0 ? new Map<string, Right[]>() : rightsOf(plan, folder, steps);
  const warnings: { cluster: string; text: string }[] = [];
  const common = kubectlVersion(input);
  // Where it cannot be started, the look at the contexts has said so.
  common.catch(() => undefined);
  const [contexts, perCluster, ...programs] = await Promise.all([
    here.contexts,
    Promise.all(
      clusters.map(async (cluster) => ({
        cluster,
        findings: await checkCluster(
          input,
          cluster,
          rights.get(cluster.context) ?? [],
          cluster.kubectl === undefined ? common : kubectlVersion(input, cluster.context),
          warnings,
        ),
      })),
    ),
    checkProgram(
      input,
      'kubefed',
      ['kubefed', 'version', '--client'],
      ({ kind }) => kind.startsWith('kubefed'),
      (text) => {
        const version = /GitVersion:"v?([^"]+)"/.exec(text)?.[1];
        if (version === undefined) return { problem: 'does not say its version' };
        return files.length > 0 ? undefined : kubefedFault(input, version);
      },
    ),
    checkHelm(input),
  ]);
  // Without kubectl, or by a wrong context, nothing is known of a cluster.
  const unknown = new Set(contexts.map(({ where }) => where));
  const known = perCluster.filter(({ cluster }) => !unknown.has('kubectl') && !unknown.has(contextWords(cluster)));
  const findings = [files, contexts, ...programs, ...known.map((one) => one.findings)].flat();
  return { findings, warnings };
}

/** The files are those that synth wrote, and inside the folder. */
export function checkFiles({ plan, folder }: Pick<PreflightInput, 'plan' | 'folder'>): Finding[] {
  const root = realpathSync(folder) + sep;
  return plan.files.flatMap(({ path, sha256 }) => {
    const file = join(folder, path);
    const where = `dist/${path}`;
    const hint = 'Run `npm run synth` and review what it changes.';
    if (!existsSync(file)) return [{ where, problem: 'is missing', hint }];
    if (!realpathSync(file).startsWith(root))
      return [{ where, problem: 'leads out of dist/', hint: 'Remove the link, then run `npm run synth`.' }];
    return digest(readFileSync(file)) === sha256 ? [] : [{ where, problem: 'is not as synth wrote it', hint }];
  });
}

const contextWords = ({ context }: Pick<PlanCluster, 'context'>): string => `context ${context}`;

/** The contexts are there and lead to the servers of the topology. */
async function checkContexts(
  { kubeconfig: reader, signal, plan }: PreflightInput,
  clusters: readonly PlanCluster[],
): Promise<Finding[]> {
  let kubeconfig: Kubeconfig;
  try {
    kubeconfig = await reader.get(signal);
  } catch (error) {
    return error instanceof ProgramError
      ? [asFinding('kubectl', error)]
      : [{ where: 'kubeconfig', problem: 'cannot be read', hint: 'See `kubectl config view`.' }];
  }
  const findings = clusters.flatMap(({ name, context, server }) => {
    const actual = kubeconfig.serverOf(context);
    const where = contextWords({ context });
    if (actual === undefined) {
      const others = kubeconfig.contexts.filter((other) => other !== plan.federation).join(', ') || 'none';
      return [
        {
          where,
          problem: `is not in the kubeconfig; there are: ${others}`,
          hint: `Merge the kubeconfig of ${name} in, or set context in main.ts.`,
        },
      ];
    }
    if (sameServer(actual, server)) return [];
    return [
      {
        where,
        problem: `leads to ${actual}, and the topology says ${server}`,
        hint: 'Correct the context or main.ts: nothing is written to another cluster than the one declared.',
      },
    ];
  });
  return findings;
}

/** The major versions of Helm that a plan's steps can be done with. */
function helmMajors(steps: readonly Step[]): number[] {
  return steps.some((step) => step.kind === 'helm-release' && step.helm === 3) ? [3, 4] : [2];
}

/** What to do where Helm 2 is wanted, and another one or none is there. */
const HELM_2_HINT =
  "Put a Helm 2 first on the PATH (2.14 or older for Kubernetes before 1.9), or set coreDns.install to 'manifests' in main.ts, which needs neither Helm nor Tiller.";

const isUnknownFlag = (error: unknown): boolean =>
  error instanceof ProgramError && /unknown (shorthand )?flag/.test(error.output.stderr);

/** Helm is there, where a step needs it, of a major version that the plan is for, and with a Tiller that fits. */
export function checkHelm(input: TillerInput & Pick<PreflightInput, 'steps' | 'kubectl'>): Promise<Finding[]> {
  return checkProgram(
    input,
    'helm',
    ['helm', 'version', '--client', '--short'],
    ({ kind }) => kind.startsWith('helm'),
    (text) => {
      const version = coerce(text);
      const majors = helmMajors(input.steps);
      if (version && majors.includes(version.major)) {
        return version.major === 2 ? tillerFault(input, version) : undefined;
      }
      return {
        problem: `is version ${version?.version ?? 'unknown'}, and the plan is for Helm ${majors.join(' or ')}`,
        ...(majors.includes(2) && { hint: HELM_2_HINT }),
      };
    },
    // Helm 4 has no --client. Helm 2 without it would ask Tiller, in whatever cluster the current context names.
    ['helm', 'version', '--short'],
  );
}

/** What is amiss with a program. @default hint another one on the PATH */
type ProgramFault = Pick<Finding, 'problem'> & Partial<Pick<Finding, 'hint'>>;

/**
 * Without an image of its own the control plane is of kubefed's version: it has to know what the federated objects say,
 * which are written for the oldest member.
 */
function kubefedFault({ plan, folder, steps }: PreflightInput, version: string): ProgramFault | undefined {
  const minor = parse(version)?.minor;
  if (minor === undefined || !steps.some((step) => step.kind === 'kubefed-init' && step.image === undefined)) {
    return undefined;
  }
  const target = federationTarget('federation', [minor]);
  const objects = plan.steps
    .flatMap((step) =>
      step.cluster === 'federation' && (step.kind === 'apply' || step.kind === 'create') ? [step.file] : [],
    )
    .flatMap((file) => documents(readFileSync(join(folder, file), 'utf8')) as Manifest[]);
  const unknown = objects.filter((object) => !isKnown(object, target)).map(describe);
  if (unknown.length === 0) return undefined;
  const members = federationTarget(
    'federation',
    plan.clusters.map(({ kubernetesVersion }) => minorOf(kubernetesVersion)),
  );
  return {
    problem: `is version ${version}, and a control plane of that version does not know all of ${unknown.join(', ')}`,
    hint: `Put a kubefed of 1.${members.minor} first on the PATH, or name the control plane's image in main.ts (controlPlane.image): the federated objects are written for it then.`,
  };
}

/** Whether a target knows an object as it stands, every field of it. */
function isKnown(object: Manifest, target: Target): boolean {
  try {
    return isDeepStrictEqual(lower([object], target), [object]);
  } catch (error) {
    if (error instanceof DialectError) return false;
    throw error;
  }
}

/**
 * A program is there and of a fitting version.
 *
 * @param command asks for its version
 * @param judge what is wrong with the answer; nothing where it fits
 * @param withoutFlags asks versions that do not know a flag of the command
 */
async function checkProgram(
  { steps, kubectl, signal }: Pick<PreflightInput, 'steps' | 'kubectl' | 'signal'>,
  program: string,
  command: Command,
  isNeededBy: (step: Step) => boolean,
  judge: (output: string) => ProgramFault | undefined | Promise<ProgramFault | undefined>,
  withoutFlags?: Command,
): Promise<Finding[]> {
  if (!steps.some(isNeededBy)) return [];
  try {
    const { stdout } = await kubectl.read(command, signal).catch((error: unknown) => {
      if (withoutFlags && isUnknownFlag(error)) return kubectl.read(withoutFlags, signal);
      throw error;
    });
    const fault = await judge(stdout);
    return fault === undefined
      ? []
      : [{ where: program, hint: `Put a fitting ${program} first on the PATH.`, ...fault }];
  } catch (error) {
    return error instanceof ProgramError ? [asFinding(program, error)] : [];
  }
}

/** One cluster is in reach, of the declared version, talks to this kubectl, and lets the user do what the steps do. */
async function checkCluster(
  input: PreflightInput,
  cluster: PlanCluster,
  rights: readonly Right[],
  clientVersion: Promise<SemVer | undefined>,
  warnings: { cluster: string; text: string }[],
): Promise<Finding[]> {
  const { views, signal } = input;
  const { reader } = views.of(cluster.context);
  const [version, denied, client] = await Promise.allSettled([
    reader.version(signal),
    deniedRights(reader, rights, signal),
    clientVersion,
  ]);
  const where = `cluster ${cluster.name}`;
  if (version.status === 'rejected') {
    return version.reason instanceof ProgramError && version.reason.kind !== 'other'
      ? [asFinding(where, version.reason)]
      : [{ where, problem: 'does not say its version', hint: `See \`kubectl --context=${cluster.context} version\`.` }];
  }
  const findings: Finding[] = [];
  const server = parse(version.value);
  if (!server || server.minor !== minorOf(cluster.kubernetesVersion) || server.major !== 1) {
    findings.push({
      where,
      problem: `runs ${version.value}, and the topology says ${cluster.kubernetesVersion}`,
      hint: 'Correct kubernetesVersion in main.ts and run `npm run synth`: the bundle is written for one version.',
    });
  } else if (server.compare(cluster.kubernetesVersion) !== 0) {
    warnings.push({
      cluster: cluster.name,
      text: `runs ${server.version}, and the topology says ${cluster.kubernetesVersion}.`,
    });
  }
  const own = client.status === 'fulfilled' ? client.value : undefined;
  if (server && own && Math.abs(server.minor - own.minor) > KUBECTL_SKEW) {
    const fitting = `a kubectl of 1.${server.minor - KUBECTL_SKEW} to 1.${server.minor + KUBECTL_SKEW}`;
    findings.push({
      where: cluster.kubectl ?? KUBECTL,
      problem: `is version ${own.version}, more than one minor from ${cluster.name}'s ${server.version}`,
      hint:
        cluster.kubectl === undefined
          ? `Put ${fitting} first on the PATH.`
          : `Name ${fitting} as the cluster's kubectl in main.ts, or put one of that name first on the PATH.`,
    });
  }
  if (denied.status === 'rejected') {
    findings.push(
      denied.reason instanceof ProgramError
        ? asFinding(where, denied.reason)
        : { where, problem: 'does not say what the user may do', hint: 'See `kubectl auth can-i`.' },
    );
  } else if (denied.value.length > 0) {
    findings.push({
      where,
      problem: `the user of context ${cluster.context} may not ${denied.value.map(describeRight).join('; ')}`,
      hint: 'Use credentials with these rights.',
    });
  }
  return findings;
}

/** What the user may not do. */
async function deniedRights(reader: Reader, rights: readonly Right[], signal: AbortSignal): Promise<Right[]> {
  const allowed = await Promise.all(
    rights.map(({ verb, group, resource: path, namespace }) => {
      const [resource = '', subresource] = path.split('/');
      return reader.may({ verb, group, resource, subresource, namespace }, signal);
    }),
  );
  return rights.filter((_, i) => allowed[i] !== true);
}

/**
 * kubectl's own version; nothing where it does not say it in a form that can be read.
 *
 * @param context of the cluster that is asked by a kubectl of its own. @default the one that the others share
 */
async function kubectlVersion({ kubectl, signal }: PreflightInput, context?: string): Promise<SemVer | undefined> {
  const program = ['kubectl', ...(context === undefined ? [] : [`--context=${context}`])];
  const { stdout } = await kubectl.read([...program, 'version', '--client', '--output=json'], signal);
  return parse(versionsIn(stdout)?.clientVersion.gitVersion) ?? undefined;
}

function asFinding(where: string, error: ProgramError): Finding {
  if (error.kind === 'cut') {
    return { where, problem: 'did not answer in time', hint: 'Check that it is up and in reach, then try again.' };
  }
  const { problem, hint } = advice(error);
  const said = reasonIn(error);
  return { where, problem: said === '' || error.kind === 'no-program' ? problem : `${problem} (${said})`, hint };
}
