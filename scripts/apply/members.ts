import { KubeObject } from './objects';
import { Kubectl, untilOwnEnd } from './tools/kubectl';
import { pause } from './waiting';

/** For how long an answer counts, in milliseconds. */
const KNOWN_MS = 5_000;
/** The same for steps that ask anew: as long as many of them that do so at the same moment take. */
const SHARED_MS = 150;
/** How long such a call waits for others, in milliseconds: joins that were begun side by side end side by side. */
const GATHER_MS = 20;

/** One call for the members. */
interface Asked {
  readonly answer: Promise<KubeObject[]>;
  /** When its turn came. Until then it will show also what changes now. */
  madeAt?: number;
}

/** Objects that several steps look at. Asked for once, whoever asks at the same moment. */
export class SharedList {
  protected asked: Asked | undefined;

  /** @param what the arguments of `kubectl get` */
  constructor(
    private readonly kubectl: Kubectl,
    private readonly context: string,
    private readonly what: readonly string[],
  ) {}

  /** @param fresh ask the cluster, whatever was seen a moment ago */
  get(signal: AbortSignal, fresh: boolean): Promise<KubeObject[]> {
    return untilOwnEnd(signal, () => this.ask(signal, fresh));
  }

  /** Something has changed them. */
  forget(): void {
    if (this.asked?.madeAt !== undefined) this.asked = undefined;
  }

  private ask(signal: AbortSignal, fresh: boolean): Promise<KubeObject[]> {
    const { asked } = this;
    const counts = fresh ? SHARED_MS : KNOWN_MS;
    if (asked && Date.now() - (asked.madeAt ?? Infinity) < counts) return asked.answer;
    const made: Omit<Asked, 'answer'> = {};
    const answer = pause(fresh ? GATHER_MS : 0, signal).then(() =>
      this.kubectl.get(this.context, this.what, signal, {
        // It reads nothing; this is how it tells that its turn has come.
        stdin: () => {
          made.madeAt ??= Date.now();
          return undefined;
        },
      }),
    );
    const current = Object.assign(made, { answer });
    this.asked = current;
    // A failed answer is nobody's but those who wait for it.
    answer.catch(() => {
      if (this.asked === current) this.asked = undefined;
    });
    return answer;
  }
}

/** The members that the federation knows. */
export class MemberList extends SharedList {
  constructor(kubectl: Kubectl, context: string) {
    super(kubectl, context, ['clusters']);
  }

  /** A control plane has just been made: it has none. */
  knowNone(): void {
    this.asked = { answer: Promise.resolve([]), madeAt: Date.now() };
  }
}
