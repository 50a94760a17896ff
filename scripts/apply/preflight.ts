import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join, sep } from 'node:path';
import { coerce, parse, SemVer } from 'semver';
import { FederationError, Finding } from '../../lib/errors';
import { digest, Plan, PlanCluster } from '../../lib/plan/plan';
import { Command, Step } from '../../lib/plan/step';
import { Reader } from '../kube/reader';
import { minorOf } from './api';
import { advice } from './errors';
import { Kubeconfig, KubeconfigReader, sameServer } from './kubeconfig';
import { describeRight, Right, rightsOf } from './rights';
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

/** Minor versions that kubectl and a server may be apart. */
const SKEW = 1;

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
  // What a file says that is not as synth wrote it is nobody's word.
  const rights = files.length > 0 ? new Map<string, Right[]>() : rightsOf(plan, folder, steps);
  const warnings: { cluster: string; text: string }[] = [];
  const client = kubectlVersion(input);
  // Where it cannot be started, the look at the contexts has said so.
  client.catch(() => undefined);
  const [contexts, perCluster, ...programs] = await Promise.all([
    here.contexts,
    Promise.all(
      clusters.map(async (cluster) => ({
        cluster,
        findings: await checkCluster(input, cluster, rights.get(cluster.context) ?? [], client, warnings),
      })),
    ),
    checkProgram(
      input,
      'kubefed',
      ['kubefed', 'version', '--client'],
      ({ kind }) => kind.startsWith('kubefed'),
      (text) => {
        const version = /GitVersion:"v?([^"]+)"/.exec(text)?.[1];
        return version === undefined ? 'does not say its version' : undefined;
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

const isUnknownFlag = (error: unknown): boolean =>
  error instanceof ProgramError && /unknown (shorthand )?flag/.test(error.output.stderr);

/** Helm is there, where a step needs it, and of a major version that the plan is for. */
export function checkHelm(input: Pick<PreflightInput, 'steps' | 'kubectl' | 'signal'>): Promise<Finding[]> {
  return checkProgram(
    input,
    'helm',
    ['helm', 'version', '--client', '--short'],
    ({ kind }) => kind.startsWith('helm'),
    (text) => {
      const version = coerce(text);
      const majors = helmMajors(input.steps);
      if (version && majors.includes(version.major)) return undefined;
      return `is version ${version?.version ?? 'unknown'}, and the plan is for Helm ${majors.join(' or ')}`;
    },
    // Helm 4 has no --client. Helm 2 without it would ask Tiller, in whatever cluster the current context names.
    ['helm', 'version', '--short'],
  );
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
  judge: (output: string) => string | undefined,
  withoutFlags?: Command,
): Promise<Finding[]> {
  if (!steps.some(isNeededBy)) return [];
  try {
    const { stdout } = await kubectl.read(command, signal).catch((error: unknown) => {
      if (withoutFlags && isUnknownFlag(error)) return kubectl.read(withoutFlags, signal);
      throw error;
    });
    const problem = judge(stdout);
    return problem === undefined
      ? []
      : [{ where: program, problem, hint: `Put a fitting ${program} first on the PATH.` }];
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
  if (server && own && Math.abs(server.minor - own.minor) > SKEW) {
    findings.push({
      where: 'kubectl',
      problem: `is version ${own.version}, more than one minor from ${cluster.name}'s ${server.version}`,
      hint: `Put a kubectl of 1.${server.minor - SKEW} to 1.${server.minor + SKEW} first on the PATH.`,
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

/** kubectl's own version; nothing where it does not say it in a form that can be read. */
async function kubectlVersion({ kubectl, signal }: PreflightInput): Promise<SemVer | undefined> {
  const { stdout } = await kubectl.read(['kubectl', 'version', '--client', '--output=json'], signal);
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
