import { Listed } from '../../kube/reader';
import { commands } from '../../../lib/plan/commands';
import { fileContent } from '../context';
import { StepError } from '../errors';
import { KubeObject, listAt } from '../objects';
import { DONE, Handler } from './handler';

/** The pods that kubeadm's masters run it in. */
const PODS: Listed = {
  apiVersion: 'v1',
  kind: 'Pod',
  namespace: 'kube-system',
  labelSelector: 'component=kube-controller-manager',
};

/** Reads whether kube-controller-manager has a flag. Nothing here can set it: it runs out of a file on the masters. */
export const controllerManagerFlag: Handler<'controller-manager-flag'> = {
  async observe(context) {
    const { step, view, signal, warn } = context;
    const [read] = commands(step).run;
    const pods = await view.list(PODS, signal, { fresh: true });
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
