import { commands } from '../../../lib/plan/commands';
import { digest, Plan } from '../../../lib/plan/plan';
import { ContextOf, DONE, Handler, NOTHING, REMOVED } from './handler';
import { filled } from '../context';
import { StepError } from '../errors';
import { KubeObject } from '../objects';

/** One call's nodes: they lack the same labels. */
interface Group {
  readonly nodes: string[];
  /** The keys to set. */
  readonly missing: string[];
  /** The keys that are this plan's once they are set. */
  readonly own: string[];
}

/** Labels nodes, never changing what somebody else has set; a marker remembers which labels are this plan's. */
export const labelNodes: Handler<'label-nodes', Group[]> = {
  async observe(context) {
    const groups = groupsOf(context, await nodesOf(context));
    if (groups.length === 0) return DONE;
    return {
      state: 'todo',
      seen: groups,
      differs: groups.map(
        ({ nodes, missing }) =>
          `${nodes.join(', ')}: ${missing.map((key) => `${key}=${context.step.labels[key] ?? ''}`).join(', ')} is missing`,
      ),
    };
  },

  async act(context, seen = []) {
    const { step, kubectl, signal } = context;
    const [run] = commands(step).run;
    if (!run) return undefined;
    for (const { nodes, missing, own } of seen) {
      // Only what is missing is set: the plan's line names all labels, a node may have some of them from its owner.
      const words = run.filter((word) => {
        const key = word.split('=')[0] ?? '';
        return !(key in step.labels) || missing.includes(key);
      });
      await kubectl.write(filled(words, { '{nodes}': nodes, '{set}': mark(context, own) }), signal);
    }
    return DONE;
  },

  async undo(context) {
    const { step, kubectl, signal } = context;
    const byKeys = new Map<string, string[]>();
    for (const node of await nodesOf(context)) {
      const own = ownKeys(context, node);
      if (own.length > 0) byKeys.set(own.join(' '), [...(byKeys.get(own.join(' ')) ?? []), node.metadata.name]);
    }
    const [undo] = commands(step).undo;
    if (byKeys.size === 0 || !undo) return NOTHING;
    for (const [keys, nodes] of byKeys) {
      const own = keys.split(' ');
      const words = undo.filter(
        (word) => !(word.replace(/-$/, '') in step.labels) || own.includes(word.replace(/-$/, '')),
      );
      await kubectl.write(filled(words, { '{nodes}': nodes }), signal);
    }
    return REMOVED;
  },
};

function nodesOf({ view, signal }: ContextOf<'label-nodes'>): Promise<KubeObject[]> {
  return view.list({ apiVersion: 'v1', kind: 'Node' }, signal, { fresh: true });
}

/** `topology.kubernetes.io/zone` is `zone` in the marker, whose value may not hold a slash. */
function shortKeys(keys: readonly string[]): string[] {
  return keys.map((key) => key.split('/').at(-1) ?? key);
}

/** As much of a federation's name as a label's value has room for. */
const LONGEST_OWNER = 40;

function ownerOf({ federation }: Plan): string {
  return federation.length <= LONGEST_OWNER ? federation : digest(federation).slice(0, LONGEST_OWNER);
}

/** `region.zone_federation`: whose labels they are, too, since federations may share a cluster. */
function mark({ plan }: ContextOf<'label-nodes'>, keys: readonly string[]): string {
  return `${shortKeys(keys).join('.')}_${ownerOf(plan)}`;
}

/** The labels of a node that this plan has set. A marker that names no owner is one from before there were any. */
function ownKeys({ step, plan }: ContextOf<'label-nodes'>, node: KubeObject): string[] {
  const [keys = '', owner = ownerOf(plan)] = (node.metadata.labels?.[step.marker] ?? '').split('_');
  if (owner !== ownerOf(plan)) return [];
  const marked = keys.split('.');
  return Object.keys(step.labels).filter((key) => marked.includes(shortKeys([key])[0] ?? ''));
}

/** The nodes that lack labels, by which labels. */
function groupsOf(context: ContextOf<'label-nodes'>, nodes: readonly KubeObject[]): Group[] {
  const { step } = context;
  const groups = new Map<string, Group>();
  const conflicts: string[] = [];
  for (const node of nodes) {
    const own = ownKeys(context, node);
    const labels = node.metadata.labels ?? {};
    const missing = Object.keys(step.labels).filter((key) => labels[key] !== step.labels[key]);
    for (const key of missing.filter((key) => labels[key] !== undefined && !own.includes(key))) {
      conflicts.push(`${node.metadata.name} has ${key}=${labels[key] ?? ''}, not ${step.labels[key] ?? ''}`);
    }
    if (missing.length === 0) continue;
    const all = Object.keys(step.labels).filter((key) => own.includes(key) || missing.includes(key));
    const name = `${missing.join(' ')};${all.join(' ')}`;
    const group = groups.get(name) ?? { nodes: [], missing, own: all };
    group.nodes.push(node.metadata.name);
    groups.set(name, group);
  }
  if (conflicts.length > 0) {
    throw new StepError(
      `nodes have other values for region or zone: ${conflicts.join('; ')}`,
      'Whoever set them may rely on them. Correct main.ts, or remove the labels from these nodes, then run apply again.',
    );
  }
  return [...groups.values()];
}
