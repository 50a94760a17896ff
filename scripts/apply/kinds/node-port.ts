import { commands } from '../../../lib/plan/commands';
import { updatesSharedNodePorts } from '../../../lib/shared-node-port';
import { wanted } from '../api';
import { filled, untilUncontested } from '../context';
import { StepError } from '../errors';
import { at, KubeObject, listAt, textAt } from '../objects';
import { ContextOf, DONE, Handler } from './handler';

type Context = ContextOf<'node-port'>;

/** The node port of a Service that a chart made without a say in it: the same one over UDP and TCP. */
export const nodePort: Handler<'node-port'> = {
  async observe(context, fresh) {
    const { step } = context;
    const service = await read(context, fresh);
    if (!service) return { state: 'waiting', seen: `service/${step.service} is not there yet` };
    const wrong = portsOf(context, service).filter((entry) => entry.nodePort !== step.nodePort);
    if (wrong.length === 0) return DONE;
    const ports = wrong.map(({ protocol, nodePort: now }) => `${step.port}/${protocol} has ${String(now)}`).join(', ');
    return {
      state: 'todo',
      differs: [`${step.namespace}/${step.service}: node port of ${ports}, not ${step.nodePort}`],
    };
  },

  async act(context) {
    const { step, versions, signal, view, minor } = context;
    const recreate = step.recreate === true || !updatesSharedNodePorts(await versions.server(step.context, signal));
    const [run] = commands(recreate ? { ...step, recreate } : { ...step, recreate: undefined }).run;
    if (!run) return undefined;
    let again = false;
    await untilUncontested(async () => {
      const service = await read(context, again);
      again = true;
      if (!service) return;
      view.forget([wanted(minor, 'Service', step.service, step.namespace)]);
      if (recreate) {
        // A run that is ended between the two halves leaves no Service. The step of the release brings the chart's back.
        await context.kubectl.write(run, signal, { stdin: JSON.stringify(remade(context, service)) });
        return;
      }
      const operations = [
        { op: 'replace', path: '/metadata/resourceVersion', value: service.metadata.resourceVersion },
        ...portsOf(context, service)
          .filter((entry) => entry.nodePort !== step.nodePort)
          .map(({ index }) => ({ op: 'add', path: `/spec/ports/${index}/nodePort`, value: step.nodePort })),
      ];
      await context.kubectl.write(filled(run, { '{patch}': JSON.stringify(operations) }), signal);
    });
    return DONE;
  },
};

async function read({ step, view, minor, signal }: Context, fresh: boolean): Promise<KubeObject | undefined> {
  const reference = wanted(minor, 'Service', step.service, step.namespace);
  return (await view.look([reference], signal, { fresh })).get(reference);
}

/** The step's port as the Service has it, once for each protocol. @throws StepError where it has none */
function portsOf(
  { step }: Pick<Context, 'step'>,
  service: KubeObject,
): { index: number; protocol: string; nodePort: unknown }[] {
  const found = listAt(service, 'spec', 'ports').flatMap((entry, index) =>
    at(entry, 'port') === step.port
      ? [{ index, protocol: textAt(entry, 'protocol') ?? 'TCP', nodePort: at(entry, 'nodePort') }]
      : [],
  );
  if (found.length > 0) return found;
  throw new StepError(
    `service ${step.namespace}/${step.service} has no port ${step.port}`,
    'See what the chart has made of its values, or what has changed the Service since.',
  );
}

/** The Service as it is created anew: all that was set in it, so that its Helm release goes on to own it, and the node port. */
function remade({ step }: Context, service: KubeObject): object {
  const { name, namespace, labels, annotations } = service.metadata;
  const mine = new Set(portsOf({ step }, service).map(({ index }) => index));
  const ports = listAt(service, 'spec', 'ports').map((entry, index) =>
    mine.has(index) ? { ...(entry as object), nodePort: step.nodePort } : entry,
  );
  const spec = { ...(at(service, 'spec') as object), ports };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace, labels, annotations }, spec };
}
