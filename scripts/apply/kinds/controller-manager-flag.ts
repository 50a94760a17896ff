import { commands } from '../../../lib/plan/commands';
import { fileContent } from '../context';
import { StepError } from '../errors';
import { KubeObject, listAt } from '../objects';
import { DONE, Handler } from './handler';
import { parseObjects } from '../tools/kubectl';

/** Reads whether kube-controller-manager has a flag. Nothing here can set it: it runs out of a file on the masters. */
export const controllerManagerFlag: Handler<'controller-manager-flag'> = {
  async observe(context) {
    const { step, kubectl, signal, warn } = context;
    const [read] = commands(step).run;
    if (!read) return DONE;
    const pods = parseObjects((await kubectl.read(read, signal)).stdout);
    if (pods.length === 0) {
      warn(
        step.cluster,
        `no pod of kube-controller-manager is to be seen, so ${step.flag} could not be checked: see to it that it is set.`,
      );
      return DONE;
    }
    const without = pods.filter((pod) => !wordsOf(pod).includes(step.flag));
    if (without.length === 0) return DONE;
    throw new StepError(
      `${without.map((pod) => pod.metadata.name).join(', ')} of ${step.cluster} runs without ${step.flag}: no Service gets an address`,
      instruction(fileContent(context, step.file)),
      read,
    );
  },

  act: () => Promise.resolve(undefined),
};

function wordsOf(pod: KubeObject): unknown[] {
  return listAt(pod, 'spec', 'containers').flatMap((container) => [
    ...listAt(container, 'command'),
    ...listAt(container, 'args'),
  ]);
}

/** The comment at the head of the step's file, and the fragment below it. */
function instruction(content: string): string {
  return `${content.replace(/^# ?/gm, '').trimEnd()}\nThen run apply again.`;
}
