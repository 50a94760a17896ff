import { z } from 'zod';
import { Cache } from '../kube/cache';
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

/** What prints it, merged and without secrets. */
const VIEW = ['kubectl', 'config', 'view', '--output=json'];

/** Reads the kubeconfig as kubectl merges it from wherever it is. */
export async function readKubeconfig(kubectl: Kubectl, signal: AbortSignal): Promise<Kubeconfig> {
  const { stdout } = await kubectl.read(VIEW, signal);
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

/** The kubeconfig, read once for all steps that ask within a few seconds. */
export class KubeconfigReader {
  private readonly known = new Cache<Kubeconfig>();

  /** @param moved told of a context that leads elsewhere from now on */
  constructor(
    private readonly kubectl: Kubectl,
    private readonly moved: (context: string) => void,
  ) {}

  get(signal: AbortSignal): Promise<Kubeconfig> {
    return untilOwnEnd(signal, VIEW, () =>
      this.known.get('kubeconfig', (sent) => {
        sent();
        return readKubeconfig(this.kubectl, signal);
      }),
    );
  }

  /**
   * Something has written it.
   *
   * @param context the context that was written. @default none, or it is not known which
   */
  forget(context?: string): void {
    this.known.forget('kubeconfig');
    if (context !== undefined) this.moved(context);
  }
}
