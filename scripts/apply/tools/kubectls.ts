import { Plan } from '../../../lib/plan/plan';
import { Command } from '../../../lib/plan/step';
import { KUBECTL } from '../../../lib/topology/kubectl';
import { Run } from './program';

type Clusters = Pick<Plan, 'clusters'>;

/** The kubectl of a context: its cluster's own, or the one that all others share. */
export function programOf({ clusters }: Clusters, context: string): string {
  return clusters.find((cluster) => cluster.context === context)?.kubectl ?? KUBECTL;
}

/** A command with the kubectl of the context that it names. */
export function withOwnKubectl(command: Command, plan: Clusters): Command {
  const [program, ...args] = command;
  if (program !== KUBECTL) return command;
  const [, context] = /^--context=(.*)$/s.exec(args.find((arg) => arg.startsWith('--context=')) ?? '') ?? [];
  return context === undefined ? command : [programOf(plan, context), ...args];
}

/** Runs every command that names a context with the kubectl of its cluster. */
export const ownKubectls =
  (run: Run, plan: Clusters): Run =>
  (command, options) =>
    run(withOwnKubectl(command, plan), options);
