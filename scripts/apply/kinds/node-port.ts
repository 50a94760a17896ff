import { commands } from '../../../lib/plan/commands';
import { wanted } from '../api';
import { filled, untilUncontested } from '../context';
import { at, KubeObject, listAt } from '../objects';
import { ContextOf, DONE, Handler } from './handler';

/** The node port of a Service that a chart made without a say in it; all its ports get the same one. */
export const nodePort: Handler<'node-port'> = {
  async observe(context, fresh) {
    const { step } = context;
    const service = await read(context, fresh);
    if (!service) return { state: 'waiting', seen: `service/${step.service} is not there yet` };
    const wrong = wrongPorts(context, service);
    if (wrong.length === 0) return DONE;
    const ports = wrong.map(({ port, nodePort: now }) => `${String(port)} has ${String(now)}`).join(', ');
    return {
      state: 'todo',
      differs: [`${step.namespace}/${step.service}: node port of ${ports}, not ${step.nodePort}`],
    };
  },

  async act(context) {
    const { step, kubectl, signal, view, minor } = context;
    const [run] = commands(step).run;
    if (!run) return undefined;
    let again = false;
    await untilUncontested(async () => {
      const service = await read(context, again);
      again = true;
      if (!service) return;
      const operations = [
        { op: 'replace', path: '/metadata/resourceVersion', value: service.metadata.resourceVersion },
        ...wrongPorts(context, service).map(({ index }) => ({
          op: 'add',
          path: `/spec/ports/${index}/nodePort`,
          value: step.nodePort,
        })),
      ];
      view.forget([wanted(minor, 'Service', step.service, step.namespace)]);
      await kubectl.write(filled(run, { '{patch}': JSON.stringify(operations) }), signal);
    });
    return DONE;
  },
};

async function read(
  { step, view, minor, signal }: ContextOf<'node-port'>,
  fresh: boolean,
): Promise<KubeObject | undefined> {
  const reference = wanted(minor, 'Service', step.service, step.namespace);
  return (await view.look([reference], signal, { fresh })).get(reference);
}

function wrongPorts(
  { step }: ContextOf<'node-port'>,
  service: KubeObject,
): { index: number; port: unknown; nodePort: unknown }[] {
  return listAt(service, 'spec', 'ports')
    .map((port, index) => ({ index, port: at(port, 'port'), nodePort: at(port, 'nodePort') }))
    .filter((entry) => entry.nodePort !== step.nodePort);
}
