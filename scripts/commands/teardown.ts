import { Kubectl } from '../apply/tools/kubectl';
import { ProgramError } from '../apply/tools/program';
import { isOurs } from '../apply/context';
import { named, textAt } from '../apply/objects';
import { addressesOf } from '../apply/kinds/service-address';
import { select } from '../apply/select';
import { ApplyOptions, carryOut } from './apply';
import { confirmed, openSession, say } from './session';

/** `npm run teardown`: takes away what the plan made, the last first, and leaves everything else as it is. */
export function teardownCommand(options: ApplyOptions): Promise<number> {
  const session = openSession(options);
  const { plan, run } = session;
  const steps = select(plan, options);
  return carryOut('teardown', session, steps, options, async () => {
    if (options.yes) return true;
    const kubectl = new Kubectl(run, () => undefined);
    say(
      `To take away from ${plan.federation}: ${[...steps]
        .reverse()
        .map(({ id }) => id)
        .join(', ')}`,
    );
    if (steps.some(({ component }) => component === 'keepalived' || component === 'metallb')) {
      // Their addresses are given by what is about to go.
      for (const { name, context } of plan.clusters) {
        try {
          const services = await kubectl.get(context, ['services', '--all-namespaces'], AbortSignal.timeout(10_000));
          const others = services.filter(
            (service) =>
              textAt(service, 'spec', 'type') === 'LoadBalancer' &&
              addressesOf(service).length > 0 &&
              !isOurs(plan, service),
          );
          const federated = new Set(plan.workloads.map((workload) => `Service ${workload.namespace}/${workload.name}`));
          for (const service of others.filter((other) => !federated.has(named(other)))) {
            say(`  ${name}: ${named(service)} will lose its address ${addressesOf(service).join(', ')}.`);
          }
        } catch (error) {
          if (!(error instanceof ProgramError)) throw error;
        }
      }
    }
    return confirmed('Take it all away?');
  });
}
