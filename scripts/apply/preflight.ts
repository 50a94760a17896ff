import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join, sep } from 'node:path';
import { parse } from 'semver';
import { FederationError, Finding } from '../../lib/errors';
import { digest, Plan, PlanCluster } from '../../lib/plan/plan';
import { Step } from '../../lib/plan/step';
import { minorOf } from './api';
import { advice } from './errors';
import { Kubeconfig, KubeconfigReader, sameServer } from './kubeconfig';
import { at } from './objects';
import { describeRight, Right, rightsOf } from './rights';
import { Kubectl } from './tools/kubectl';
import { ProgramError, reasonIn } from './tools/program';
import { versionsIn } from './versions';

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
  const [contexts, perCluster, ...programs] = await Promise.all([
    here.contexts,
    Promise.all(
      clusters.map(async (cluster) => ({
        cluster,
        findings: await checkCluster(input, cluster, rights.get(cluster.context) ?? [], warnings),
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
    checkProgram(
      input,
      'helm',
      ['helm', 'version', '--client', '--short'],
      ({ kind }) => kind.startsWith('helm'),
      (text) => {
        const major = /v(\d+)\./.exec(text)?.[1];
        const planned = steps.some((step) => step.kind === 'helm-release' && step.helm === 3) ? '3' : '2';
        return major === planned ? undefined : `is version ${major ?? 'unknown'}, and the plan is for Helm ${planned}`;
      },
    ),
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

async function checkProgram(
  { steps, kubectl, signal }: PreflightInput,
  program: string,
  command: readonly string[],
  isNeededBy: (step: Step) => boolean,
  judge: (output: string) => string | undefined,
): Promise<Finding[]> {
  if (!steps.some(isNeededBy)) return [];
  try {
    const { stdout } = await kubectl.read(command, signal);
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
  warnings: { cluster: string; text: string }[],
): Promise<Finding[]> {
  const { kubectl, signal } = input;
  const [versions, denied] = await Promise.allSettled([
    kubectl.read(['kubectl', `--context=${cluster.context}`, 'version', '--output=json'], signal),
    deniedRights(input, cluster, rights),
  ]);
  if (versions.status === 'rejected') {
    return versions.reason instanceof ProgramError ? [asFinding(`cluster ${cluster.name}`, versions.reason)] : [];
  }
  const findings: Finding[] = [];
  const where = `cluster ${cluster.name}`;
  const said = versionsIn(versions.value.stdout);
  if (!said) return [{ where, problem: 'does not say its version', hint: 'See `kubectl version --output=json`.' }];
  const { clientVersion, serverVersion } = said;
  const server = parse(serverVersion?.gitVersion);
  const client = parse(clientVersion.gitVersion);
  if (!server || server.minor !== minorOf(cluster.kubernetesVersion) || server.major !== 1) {
    findings.push({
      where,
      problem: `runs ${serverVersion?.gitVersion ?? 'an unknown version'}, and the topology says ${cluster.kubernetesVersion}`,
      hint: 'Correct kubernetesVersion in main.ts and run `npm run synth`: the bundle is written for one version.',
    });
  } else if (server.compare(cluster.kubernetesVersion) !== 0) {
    warnings.push({
      cluster: cluster.name,
      text: `runs ${server.version}, and the topology says ${cluster.kubernetesVersion}.`,
    });
  }
  if (server && client && Math.abs(server.minor - client.minor) > SKEW) {
    findings.push({
      where: 'kubectl',
      problem: `is version ${client.version}, more than one minor from ${cluster.name}'s ${server.version}`,
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

/** What the user may not do: asked of the API for all rights in one call, which every version serves. */
async function deniedRights(
  { kubectl, signal }: PreflightInput,
  cluster: PlanCluster,
  rights: readonly Right[],
): Promise<Right[]> {
  if (rights.length === 0) return [];
  const stdin = rights
    .map(({ verb, group, resource, namespace }) => {
      const [name = '', subresource] = resource.split('/');
      const resourceAttributes = { verb, group, resource: name, subresource, namespace };
      return JSON.stringify({
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        metadata: {},
        spec: { resourceAttributes },
      });
    })
    .join('\n---\n');
  const command = ['kubectl', `--context=${cluster.context}`, 'create', '--filename=-', '--output=json'];
  const { stdout } = await kubectl.read(command, signal, { stdin });
  const answers = parseReviews(stdout);
  return rights.filter((_, i) => at(answers[i], 'status', 'allowed') !== true);
}

/** kubectl prints the reviews one after another, or as one List. */
function parseReviews(stdout: string): unknown[] {
  const texts = stdout.trim().split(/\n(?=\{)/);
  return texts.flatMap((text) => {
    const data: unknown = JSON.parse(text);
    return at(data, 'kind') === 'List' ? (at(data, 'items') ?? []) : [data];
  });
}

function asFinding(where: string, error: ProgramError): Finding {
  if (error.kind === 'cut') {
    return { where, problem: 'did not answer in time', hint: 'Check that it is up and in reach, then try again.' };
  }
  const { problem, hint } = advice(error);
  const said = reasonIn(error);
  return { where, problem: said === '' || error.kind === 'no-program' ? problem : `${problem} (${said})`, hint };
}
