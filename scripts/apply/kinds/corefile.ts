import { commands } from '../../../lib/plan/commands';
import { wanted } from '../api';
import { fileContent, foreign } from '../context';
import { clusterDomainBelow, CorefileError, standing, Standing, withBlock, withoutBlock } from '../corefile';
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
    }
  },

  async act(context) {
    const { step, plan } = context;
    const [patch] = commands(step).run;
    if (!patch) return undefined;
    await changeConfigMap(context, step.namespace, step.configMap, patch, (current) => {
      const now = standingOf(context, current);
      if (now === 'ours' || now === 'same') return undefined;
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
      const text = dataOf(current, 'Corefile') ?? '';
      const rest = readable(context, () => withoutBlock(text, step.domain, plan.federation));
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

/** @throws StepError where the domain is somebody else's */
function standingOf(
  context: ContextOf<'corefile'>,
  configMap: KubeObject | undefined,
): Exclude<Standing, 'foreign' | 'shared'> {
  const { step, plan, adopt } = context;
  const text = textOf(context, configMap);
  const own = readable(context, () => clusterDomainBelow(text, step.domain));
  if (own !== undefined) {
    throw new StepError(
      `the DNS of ${step.cluster} answers for ${own} out of its own Services, which a block for ${step.domain} would take away`,
      `Give the federation a zone that holds no cluster's own domain (dns.zone in main.ts), then run \`npm run synth\` and apply again.`,
    );
  }
  const now = readable(context, () => standing(text, step.domain, block(context), plan.federation));
  if (now === 'shared') {
    throw new StepError(
      `one block in the Corefile of ${step.cluster} answers for ${step.domain} and for other zones`,
      `Take ${step.domain} out of its keys if nobody relies on it, then run the same command again.`,
    );
  }
  if (now !== 'foreign') return now;
  if (adopt) return 'stale';
  throw foreign(`a block for ${step.domain} in the Corefile of ${step.cluster}`, 'pods may rely on it');
}

function readable<T>({ step }: ContextOf<'corefile'>, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof CorefileError)) throw error;
    throw new StepError(`the Corefile of ${step.cluster} cannot be read: ${error.message}`, error.hint);
  }
}
