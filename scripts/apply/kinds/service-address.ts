import { contains } from '../../../lib/topology/addresses';
import { wanted } from '../api';
import { KubeObject, listAt, textAt } from '../objects';
import { DONE, Handler } from './handler';

/** The addresses that a Service was given. */
export function addressesOf(service: KubeObject | undefined): string[] {
  return listAt(service, 'status', 'loadBalancer', 'ingress').flatMap((ingress) => textAt(ingress, 'ip') ?? []);
}

/** A Service has an address, and one of its cluster's own range. Nothing is written: others give it. */
export const serviceAddress: Handler<'service-address'> = {
  proves: true,

  wanted: (step, _shared, minor) => [wanted(minor, 'Service', step.service, step.namespace)],

  async observe({ step, view, minor, signal }, fresh) {
    const reference = wanted(minor, 'Service', step.service, step.namespace);
    const service = (await view.look([reference], signal, { fresh })).get(reference);
    const lookFurther = [
      'kubectl',
      `--context=${step.context}`,
      `--namespace=${step.namespace}`,
      'describe',
      'service',
      step.service,
    ];
    const awaits = [{ ...reference, resourceVersion: service?.metadata.resourceVersion }];
    if (!service) return { state: 'waiting', seen: `service/${step.service} is not there yet`, lookFurther, awaits };
    const addresses = addressesOf(service);
    const outside = addresses.filter((address) => !contains(step, address));
    if (addresses.length === 0)
      return { state: 'waiting', seen: `service/${step.service} has no address yet`, lookFurther, awaits };
    if (outside.length > 0) {
      return {
        state: 'waiting',
        seen: `service/${step.service} has ${outside.join(', ')}, outside ${step.first} to ${step.last}`,
        lookFurther,
        awaits,
      };
    }
    return DONE;
  },

  act: () => Promise.resolve(undefined),
};
