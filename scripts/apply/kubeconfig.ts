import { z } from 'zod';
import { Kubectl, untilOwnEnd } from './tools/kubectl';

const named = z.looseObject({ name: z.string() });
const kubeconfigSchema = z.looseObject({
  clusters: z.array(named.extend({ cluster: z.looseObject({ server: z.string().optional() }).nullish() })).nullish(),
  contexts: z
    .array(
      named.extend({
        context: z.looseObject({ cluster: z.string().optional(), user: z.string().optional() }).nullish(),
      }),
    )
    .nullish(),
  users: z.array(named).nullish(),
  'current-context': z.string().nullish(),
});

/** What the kubeconfig says, without anything secret: kubectl leaves that out unless it is asked for. */
export interface Kubeconfig {
  /** The server that a context leads to; nothing where there is no such context. */
  readonly serverOf: (context: string) => string | undefined;
  readonly contexts: readonly string[];
  /** The user's own choice: shown, never used. */
  readonly current: string | undefined;
  /** Whether there is a cluster, context or user of a name, by which of them. */
  readonly entriesOf: (name: string) => ('cluster' | 'context' | 'user')[];
}

/** Reads the kubeconfig as kubectl merges it from wherever it is. */
export async function readKubeconfig(kubectl: Kubectl, signal: AbortSignal): Promise<Kubeconfig> {
  const { stdout } = await kubectl.read(['kubectl', 'config', 'view', '--output=json'], signal);
  const { clusters, contexts, users, 'current-context': current } = kubeconfigSchema.parse(JSON.parse(stdout));
  return {
    serverOf: (name) => {
      const context = contexts?.find((entry) => entry.name === name)?.context;
      return clusters?.find((entry) => entry.name === context?.cluster)?.cluster?.server;
    },
    contexts: (contexts ?? []).map((entry) => entry.name),
    current: current === '' ? undefined : (current ?? undefined),
    entriesOf: (name) => {
      const has = (list: readonly { name: string }[] | null | undefined): boolean =>
        list?.some((entry) => entry.name === name) ?? false;
      return [
        ...(has(clusters) ? (['cluster'] as const) : []),
        ...(has(contexts) ? (['context'] as const) : []),
        ...(has(users) ? (['user'] as const) : []),
      ];
    },
  };
}

/** Whether two addresses are the same server: `https://a:6443/` and `https://A:6443` are. */
export function sameServer(a: string, b: string): boolean {
  const canonical = (text: string): string => (URL.canParse(text) ? new URL(text).href : text);
  return canonical(a) === canonical(b);
}

/** For how long what was read counts, in milliseconds. Programs of this run that write it say so. */
const KNOWN_MS = 5_000;

/** The kubeconfig, read once for all steps that ask within a few seconds. */
export class KubeconfigReader {
  private asked: { at: number; answer: Promise<Kubeconfig> } | undefined;

  constructor(private readonly kubectl: Kubectl) {}

  get(signal: AbortSignal): Promise<Kubeconfig> {
    return untilOwnEnd(signal, () => this.ask(signal));
  }

  private ask(signal: AbortSignal): Promise<Kubeconfig> {
    if (this.asked && Date.now() - this.asked.at < KNOWN_MS) return this.asked.answer;
    const answer = readKubeconfig(this.kubectl, signal);
    this.asked = { at: Date.now(), answer };
    answer.catch(() => (this.asked = undefined));
    return answer;
  }

  /** Something has written it. */
  forget(): void {
    this.asked = undefined;
  }
}
