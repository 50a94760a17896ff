import { commands } from '../../../lib/plan/commands';
import { wanted } from '../api';
import { fileContent, foreign } from '../context';
import { standing, Standing, withBlock, withoutBlock } from '../corefile';
import { StepError } from '../errors';
import { KubeObject } from '../objects';
import { changeConfigMap, dataOf, readConfigMap } from './config-map';
import { ContextOf, DONE, Handler, NOTHING, REMOVED } from './handler';

/** One server block in the Corefile of the cluster's own CoreDNS; all other blocks stay to the byte. */
export const corefile: Handler<'corefile'> = {
  wanted: (step, _shared, minor) => [wanted(minor, 'ConfigMap', step.configMap, step.namespace)],

  async observe(context, fresh) {
    const { step } = context;
    const configMap = await readConfigMap(context, step.namespace, step.configMap, fresh);
    switch (standingOf(context, configMap)) {
      case 'ours':
      case 'same':
        return DONE;
      case 'absent':
        return {
          state: 'todo',
          differs: [`the Corefile of ${step.namespace}/${step.configMap} has no block for ${step.domain}`],
        };
      case 'stale':
        return {
          state: 'todo',
          differs: [
            `the block for ${step.domain} in the Corefile of ${step.namespace}/${step.configMap} is not as declared`,
          ],
        };
      case 'foreign':
        throw foreign(`a block for ${step.domain} in the Corefile of ${step.cluster}`, 'pods may rely on it');
    }
  },

  async act(context) {
    const { step, plan } = context;
    const [patch] = commands(step).run;
    if (!patch) return undefined;
    await changeConfigMap(context, step.namespace, step.configMap, patch, (current) => {
      const now = standingOf(context, current);
      if (now === 'ours' || now === 'same') return undefined;
      if (now === 'foreign')
        throw foreign(`a block for ${step.domain} in the Corefile of ${step.cluster}`, 'pods may rely on it');
      return { data: { Corefile: withBlock(textOf(context, current), step.domain, block(context), plan.federation) } };
    });
    return DONE;
  },

  async undo(context) {
    const { step, plan } = context;
    const [patch] = commands(step).undo;
    const configMap = await readConfigMap(context, step.namespace, step.configMap, true);
    if (!configMap || !patch) return NOTHING;
    const changed = await changeConfigMap(context, step.namespace, step.configMap, patch, (current) => {
      const text = textOf(context, current);
      const rest = withoutBlock(text, step.domain, plan.federation);
      return rest === text ? undefined : { data: { Corefile: rest } };
    });
    return changed ? REMOVED : NOTHING;
  },
};

/** The block without the comment at the head of its file. */
function block(context: ContextOf<'corefile'>): string {
  return fileContent(context, context.step.file).replace(/^(#.*\n)*/, '');
}

function textOf({ step }: ContextOf<'corefile'>, configMap: KubeObject | undefined): string {
  const text = dataOf(configMap, 'Corefile');
  if (text === undefined) {
    throw new StepError(
      `there is no Corefile in ${step.namespace}/${step.configMap} of ${step.cluster}`,
      "This cluster's DNS is no CoreDNS that kubeadm set up. Add the block of the step's file to it by hand.",
    );
  }
  return text;
}

function standingOf(context: ContextOf<'corefile'>, configMap: KubeObject | undefined): Standing {
  const { step, plan, adopt } = context;
  try {
    const now = standing(textOf(context, configMap), step.domain, block(context), plan.federation);
    return now === 'foreign' && adopt ? 'stale' : now;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new StepError(
      `the Corefile of ${step.cluster} cannot be read: ${error.message}`,
      'Correct it, then run apply again.',
    );
  }
}
