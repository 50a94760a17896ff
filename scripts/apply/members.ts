import { KubeObject } from './objects';
import { Kubectl, untilOwnEnd } from './tools/kubectl';

/** For how long an answer counts, in milliseconds: as long as many steps that ask at the same moment take to do so. */
const SHARED_MS = 150;

/** One call for the members. */
interface Asked {
  readonly answer: Promise<KubeObject[]>;
  /** When its turn came. Until then it will show also what changes now. */
  madeAt?: number;
}

/** The members that the federation knows. Asked for once, whoever asks at the same moment. */
export class MemberList {
  private asked: Asked | undefined;

  constructor(
    private readonly kubectl: Kubectl,
    private readonly context: string,
  ) {}

  get(signal: AbortSignal): Promise<KubeObject[]> {
    return untilOwnEnd(signal, () => this.ask(signal));
  }

  /** Something has changed them. */
  forget(): void {
    if (this.asked?.madeAt !== undefined) this.asked = undefined;
  }

  private ask(signal: AbortSignal): Promise<KubeObject[]> {
    const { asked } = this;
    if (asked && Date.now() - (asked.madeAt ?? Infinity) < SHARED_MS) return asked.answer;
    const made: Omit<Asked, 'answer'> = {};
    const answer = this.kubectl.get(this.context, ['clusters'], signal, {
      // It reads nothing; this is how it tells that its turn has come.
      stdin: () => {
        made.madeAt ??= Date.now();
        return undefined;
      },
    });
    const current = Object.assign(made, { answer });
    this.asked = current;
    // A failed answer is nobody's but those who wait for it.
    answer.catch(() => {
      if (this.asked === current) this.asked = undefined;
    });
    return answer;
  }
}
