import { PlanCluster } from '../../lib/plan/plan';

/** What an API server, or the proxy in front of it, answered. */
export interface Answer {
  /** The HTTP status code. */
  readonly status: number;
  readonly body: string;
}

/** One question to an API server. */
export interface Question {
  /** The path with its query, such as `/api/v1/namespaces/default/services/web`. */
  readonly path: string;
  /** Sent as JSON with POST. Only for reviews, which change nothing. @default none: GET */
  readonly body?: object;
}

/** How API servers are asked. Contexts are named in every call. */
export interface Transport {
  /**
   * Asks once.
   *
   * @throws ProgramError of the kind `unreachable` where no answer came, `cut` where the signal fired
   */
  ask(context: PlanCluster['context'], question: Question, signal: AbortSignal): Promise<Answer>;
  /**
   * Asks for a stream, and hands on its lines as they come, until it ends.
   *
   * @returns the status code; without a single line where it is not 200
   */
  follow(
    context: PlanCluster['context'],
    path: string,
    signal: AbortSignal,
    onLine: (line: string) => void,
  ): Promise<number>;
  /** Asks the context anew from now on: the kubeconfig leads elsewhere, or with other credentials. */
  reset(context: PlanCluster['context']): void;
  /** Ends what was started for it. */
  close(): void;
}
