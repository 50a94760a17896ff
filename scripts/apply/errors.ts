import { FederationError } from '../../lib/errors';
import { Command } from '../../lib/plan/step';
import { Output, ProgramError, redact, shown } from './tools/program';

/** What a user needs to know of a step that did not come about. */
export interface Failure {
  /** The step's id. */
  readonly step: string;
  /** The cluster it works on, or `federation`. */
  readonly cluster: string;
  /** What is wrong, in one sentence. */
  readonly problem: string;
  /** What to do next. */
  readonly hint: string;
  /** The program's call that failed. */
  readonly command?: string;
  /** What that program said, at most its last lines, without secrets. */
  readonly said?: string;
}

/** A step cannot be done, and trying again would not help: the reason and what to do about it. */
export class StepError extends Error {
  constructor(
    readonly problem: string,
    readonly hint: string,
    readonly command?: Command,
    readonly said?: string,
  ) {
    super(problem);
    this.name = 'StepError';
  }
}

/** A step was ended before it was done: by the user, or since the run was ended. */
export class CutError extends Error {
  constructor() {
    super('was cut');
    this.name = 'CutError';
  }
}

const LAST_LINES = 8;

/** Any error of a step as what the user gets to read. */
export function failureOf(step: { readonly id: string; readonly cluster: string }, error: unknown): Failure {
  const where = { step: step.id, cluster: step.cluster };
  if (error instanceof StepError) {
    return {
      ...where,
      problem: error.problem,
      hint: error.hint,
      ...(error.command && { command: shown(error.command) }),
      ...(error.said !== undefined && { said: lastLines(error.said) }),
    };
  }
  if (error instanceof ProgramError) {
    return {
      ...where,
      ...advice(error),
      command: shown(error.command),
      said: lastLines(error.output.stderr.trim() || error.output.stdout.trim()),
    };
  }
  const [finding] = error instanceof FederationError ? error.findings : [];
  if (finding) return { ...where, problem: `${finding.where}: ${finding.problem}`, hint: finding.hint };
  return {
    ...where,
    problem: error instanceof Error ? redact(error.message) : 'an unknown error',
    hint: 'Report this: it is a mistake of the program.',
  };
}

function lastLines(text: string): string {
  return redact(text).trim().split('\n').slice(-LAST_LINES).join('\n');
}

/** What Helm 2 says where the way to Tiller's port, or the connection to Tiller, has broken off. */
const TILLERS_WORDS = /tiller|forwarding (port )?\d+|transport is closing|rpc error|grpc: /i;
const SEE_TILLER =
  'See how it is (kubectl --namespace=kube-system get deployment,pods --selector=name=tiller), then run the same command again.';

/** The sentence and the next thing to do, by kind of failure. */
export function advice({ kind, command, exitCode, attempts, output }: ProgramError): Pick<Failure, 'problem' | 'hint'> {
  const program = command[0] ?? 'the program';
  const often = attempts > 1 ? ', also after several tries' : '';
  switch (kind) {
    case 'unreachable':
      if (program === 'helm' && TILLERS_WORDS.test(output.stderr)) {
        return { problem: `Tiller, the server side of Helm 2, did not answer${often}`, hint: SEE_TILLER };
      }
      return {
        problem: `the API server did not answer${often}`,
        hint: 'Check that it is up and in reach, then run the same command again: it goes on where it stopped.',
      };
    case 'busy':
      return {
        problem: `the API server could not do it${often}`,
        hint: 'Wait until it has less to do or is well again, then run the same command again.',
      };
    case 'conflict':
      return {
        problem: `somebody else ${attempts > 1 ? 'keeps changing' : 'has changed'} the same object`,
        hint: 'See who does (kubectl get -o yaml shows managers and annotations), then run the same command again.',
      };
    case 'owned':
      return {
        problem: `${ownersIn(output)} owns fields that this plan sets`,
        hint: 'See with the owner who is to have them. Either take the field out of the declaration, or have the owner let it go; nothing is taken by force.',
      };
    case 'webhook':
      return {
        problem: 'the webhook that judges the object did not answer in time',
        hint: 'See that its pods run, then run the same command again.',
      };
    case 'already-exists':
      return {
        problem: 'something of that name is there already',
        hint: 'Look at it; rename or remove it if it is nobody’s, then run the same command again.',
      };
    case 'port-taken':
      return {
        problem: 'a node port is taken',
        hint: 'See which Service has it (kubectl get services --all-namespaces), and free it or choose another in main.ts. Where none has it the API server frees it by itself within minutes; then run the same command again.',
      };
    case 'not-found':
      return {
        problem: 'something that is needed is not there',
        hint: 'See what the program says is missing, then run the same command again.',
      };
    case 'no-such-kind':
      return {
        problem: 'the cluster does not know this kind of object',
        hint: 'Compare kubernetesVersion in main.ts with `kubectl version`, and see that the component that registers the kind runs.',
      };
    case 'immutable':
      return {
        problem: 'something differs that can be set only when the object is made',
        hint: 'Take the change back in main.ts; or, if what the object holds may go, delete it and run the same command again.',
      };
    case 'forbidden':
      return {
        problem: 'the user of this context may not do that',
        hint: 'Use credentials with the right that the program names.',
      };
    case 'denied':
      return {
        problem: 'a rule of the cluster refuses the object',
        hint: 'See which rule the program names (an admission webhook, Pod Security, a quota). Change the declaration, or have the rule changed; other credentials do not help.',
      };
    case 'other-server':
      return {
        problem: 'the server is not the one that the kubeconfig expects, or does not accept its credentials',
        hint: 'Check server, certificate authority and credentials of the context.',
      };
    case 'no-tiller':
      return { problem: 'Tiller, the server side of Helm 2, is not there or not ready', hint: SEE_TILLER };
    case 'no-credentials':
      return {
        problem: 'the context has no credentials: the program that its kubeconfig names for them gave none',
        hint: 'See what that program says; log in anew or install it, and try `kubectl get namespaces` with the context.',
      };
    case 'no-program':
      return { problem: `${program} is not installed`, hint: `Install ${program} and see that it is on the PATH.` };
    case 'not-started':
      return { problem: `${program} could not be started`, hint: 'See what the system says.' };
    case 'killed':
      return {
        problem: `${program} was ended from outside`,
        hint: 'See who ended it (where memory is short the kernel does, and notes it: dmesg), then run the same command again: it sees how far this came.',
      };
    case 'cut':
      return {
        problem: 'it was stopped before it had ended',
        hint: 'Run the same command again: it sees how far this came.',
      };
    case 'other':
      return { problem: `${program} ended with exit code ${String(exitCode)}`, hint: 'See what the program says.' };
  }
}

/** The managers that kubectl names in a conflict: `conflict with "kubectl-edit" using apps/v1`. */
function ownersIn({ stderr }: Output): string {
  const owners = [...stderr.matchAll(/conflicts? with "([^"]+)"/g)].map(([, owner = '']) => owner);
  return [...new Set(owners)].join(', ') || 'Another manager';
}
