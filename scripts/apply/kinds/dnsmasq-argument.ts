import { commands } from '../../../lib/plan/commands';
import { wanted } from '../api';
import { filled, foreign, untilUncontested } from '../context';
import { StepError } from '../errors';
import { KubeObject, listAt, textAt } from '../objects';
import { waitedFor } from './apply';
import { OUR_ENTRY } from './config-map';
import { checkProgram, dnsPrograms } from './dns-program';
import { ContextOf, Handler, NOTHING, REMOVED } from './handler';

/** One argument of a container in a Deployment that others own; all other arguments stay. */
export const dnsmasqArgument: Handler<'dnsmasq-argument'> = {
  wanted: (step, _shared, minor) => [
    wanted(minor, 'Deployment', step.deployment, step.namespace),
    ...dnsPrograms(minor),
  ],

  async observe(context, fresh) {
    const { step } = context;
    const deployment = await read(context, fresh);
    await checkProgram(context, fresh);
    const { args } = containerOf(context, deployment);
    checkOwner(context, deployment, args);
    if (!args.includes(step.argument)) {
      return { state: 'todo', differs: [`${step.container} of ${step.deployment} runs without ${step.argument}`] };
    }
    return waitedFor(
      context,
      [{ resource: `deployment/${step.deployment}`, namespace: step.namespace, until: 'rolled-out' }],
      () => deployment,
    );
  },

  async act(context) {
    const { step } = context;
    await patch(context, commands(step).run[0] ?? [], (args, index, annotations) => [
      {
        op: 'add',
        path: `/spec/template/spec/containers/${index}/args`,
        value: [...args.filter((arg) => !isForDomain(context, arg)), step.argument],
      },
      { op: 'add', path: '/metadata/annotations', value: { ...annotations, [OUR_ENTRY]: step.argument } },
    ]);
    return undefined;
  },

  async undo(context) {
    const { step } = context;
    const deployment = await read(context, true);
    if (deployment?.metadata.annotations?.[OUR_ENTRY] === undefined) return NOTHING;
    await patch(context, commands(step).undo[0] ?? [], (args, index, annotations) => {
      const { [OUR_ENTRY]: ours, ...others } = annotations;
      return [
        { op: 'add', path: `/spec/template/spec/containers/${index}/args`, value: args.filter((arg) => arg !== ours) },
        { op: 'add', path: '/metadata/annotations', value: others },
      ];
    });
    return REMOVED;
  },
};

type JsonPatch = { op: 'add'; path: string; value: unknown }[];

async function patch(
  context: ContextOf<'dnsmasq-argument'>,
  command: readonly string[],
  change: (args: string[], index: number, annotations: Record<string, string>) => JsonPatch,
): Promise<void> {
  const { step, kubectl, signal, view, minor } = context;
  await untilUncontested(async () => {
    const deployment = await read(context, true);
    const { args, index } = containerOf(context, deployment);
    checkOwner(context, deployment, args);
    const operations = [
      // Refused where anything has changed since it was read.
      { op: 'replace', path: '/metadata/resourceVersion', value: deployment?.metadata.resourceVersion },
      ...change(args, index, deployment?.metadata.annotations ?? {}),
    ];
    await kubectl.write(filled(command, { '{patch}': JSON.stringify(operations) }), signal);
    view.forget([wanted(minor, 'Deployment', step.deployment, step.namespace)]);
  });
}

async function read(
  { step, view, minor, signal }: ContextOf<'dnsmasq-argument'>,
  fresh: boolean,
): Promise<KubeObject | undefined> {
  const reference = wanted(minor, 'Deployment', step.deployment, step.namespace);
  return (await view.look([reference], signal, { fresh })).get(reference);
}

function containerOf(
  { step }: ContextOf<'dnsmasq-argument'>,
  deployment: KubeObject | undefined,
): { args: string[]; index: number } {
  const containers = listAt(deployment, 'spec', 'template', 'spec', 'containers');
  const index = containers.findIndex((container) => textAt(container, 'name') === step.container);
  if (index < 0) {
    throw new StepError(
      `there is no container ${step.container} in the Deployment ${step.namespace}/${step.deployment} of ${step.cluster}`,
      "This cluster's DNS is no kube-dns that kubeadm set up. Use clusterDns: 'stub-domains', or add the argument by hand.",
    );
  }
  const args = listAt(containers[index], 'args').filter((arg): arg is string => typeof arg === 'string');
  return { args, index };
}

/** `--server=/example.com./` of `--server=/example.com./10.11.4.82#32609` */
function isForDomain({ step }: ContextOf<'dnsmasq-argument'>, arg: string): boolean {
  return arg.startsWith(step.argument.slice(0, step.argument.lastIndexOf('/') + 1));
}

function checkOwner(
  context: ContextOf<'dnsmasq-argument'>,
  deployment: KubeObject | undefined,
  args: readonly string[],
): void {
  const { step, adopt } = context;
  const other = args.find((arg) => isForDomain(context, arg) && arg !== step.argument);
  if (other === undefined || adopt || deployment?.metadata.annotations?.[OUR_ENTRY] === other) return;
  throw foreign(
    `the argument ${other} of ${step.container} in ${step.cluster}`,
    'the guide has one with a colon, which dnsmasq refuses',
  );
}
