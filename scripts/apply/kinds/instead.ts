import { InsteadOf } from '../../../lib/plan/step';
import { wanted } from '../api';
import { StepContext } from '../context';
import { StepError } from '../errors';
import { at, listAt } from '../objects';

/**
 * Stops a step as long as what it installs is there by another way: the second one would run beside the first and never
 * get its node port.
 *
 * @throws StepError where the other one's Service has the node port
 */
export async function checkInstead(
  { step, view, signal, minor }: Pick<StepContext, 'step' | 'view' | 'signal' | 'minor'>,
  other: InsteadOf | undefined,
  fresh: boolean,
): Promise<void> {
  if (!other) return;
  const reference = wanted(minor, 'Service', other.service, other.namespace);
  const found = (await view.look([reference], signal, { fresh })).get(reference);
  if (!found || !listAt(found, 'spec', 'ports').some((port) => at(port, 'nodePort') === other.nodePort)) return;
  throw new StepError(
    `Service ${other.namespace}/${other.service} in ${step.cluster} has the node port ${other.nodePort}: there is ${other.installed} already`,
    `Both cannot run. Leave main.ts as it was; or, to change over, take the other one away (${other.removedBy}), then run apply again. Names are not answered in between.`,
  );
}
