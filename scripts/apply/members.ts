import { KubeObject } from './objects';
import { Kubectl } from './tools/kubectl';

/** For how long an answer counts, in milliseconds: as long as many steps that ask at the same moment take to do so. */
const SHARED_MS = 150;

/** The members that the federation knows. Asked for once, whoever asks at the same moment. */
export class MemberList {
  private asked: { at: number; answer: Promise<KubeObject[]> } | undefined;

  constructor(
    private readonly kubectl: Kubectl,
    private readonly context: string,
  ) {}

  get(signal: AbortSignal): Promise<KubeObject[]> {
    if (this.asked && Date.now() - this.asked.at < SHARED_MS) return this.asked.answer;
    const answer = this.kubectl.get(this.context, ['clusters'], signal);
    this.asked = { at: Date.now(), answer };
    // A failed answer is nobody's but those who wait for it.
    answer.catch(() => (this.asked = undefined));
    return answer;
  }

  /** Something has changed them. */
  forget(): void {
    this.asked = undefined;
  }
}
