import { isDeepStrictEqual } from 'node:util';
import { wanted } from '../api';
import { ask } from '../resolver';
import { DONE, Handler } from './handler';
import { addressesOf } from './service-address';

/** A name leads to the address that the cluster gave the Service. Asked of CoreDNS directly; nothing is written. */
export const dnsCheck: Handler<'dns-check'> = {
  async observe({ step, view, minor, signal }) {
    const reference = wanted(minor, 'Service', step.service, step.namespace);
    const service = (await view.look([reference], signal)).get(reference);
    const expected = addressesOf(service).sort();
    const answer = await ask(step.server, step.name);
    const lookFurther = [
      'dig',
      `@${step.server.split(':')[0] ?? ''}`,
      '-p',
      step.server.split(':')[1] ?? '',
      step.name,
    ];
    if ('failure' in answer) return { state: 'waiting', seen: `${step.name}: ${answer.failure}`, lookFurther };
    // A name that several clusters share is answered with the others' addresses too.
    const answered = step.among ? answer.addresses.filter((address) => expected.includes(address)) : answer.addresses;
    if (expected.length > 0 && isDeepStrictEqual([...answered], expected)) return DONE;
    return {
      state: 'waiting',
      seen: `${step.name} leads to ${answer.addresses.join(', ')}, not ${expected.join(', ') || 'anywhere known'}`,
      lookFurther,
    };
  },

  act: () => Promise.resolve(undefined),
};
