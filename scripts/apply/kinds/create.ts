import { commands } from '../../../lib/plan/commands';
import { Command } from '../../../lib/plan/step';
import { declaredObjects, foreign, isOurs, wantedOf } from '../context';
import { named } from '../objects';
import { ProgramError } from '../tools/program';
import { Found } from '../view';
import { awaited, waitUntil } from '../waiting';
import { differencesOf, KEPT_NAMESPACE, removeObjects } from './apply';
import { checkInstead } from './instead';
import { ContextOf, DONE, Handler, leaving, NOTHING, Observation } from './handler';

type Context = ContextOf<'create'>;
interface Seen {
  /** Some of the objects are there and differ. */
  readonly replaces: boolean;
}

/**
 * Creates what is missing and leaves alone what is there: others write into these objects. Exact objects have to be this
 * plan's and as declared; where they differ they are deleted and created again.
 */
export const create: Handler<'create', Seen> = {
  wanted: (step, shared) => wantedOf(declaredObjects(shared, step.file)),

  async observe(context, fresh) {
    const wanted = wantedOf(declaredObjects(context, context.step.file));
    const found = await context.view.look(wanted, context.signal, { fresh });
    const going = leaving(
      context.step.context,
      wanted.map((reference) => found.get(reference)),
    );
    if (going) return going;
    const missing = wanted.filter((reference) => !found.get(reference)).map((one) => `${named(one)} is missing`);
    const differs = context.step.exact ? differing(context, found) : [];
    if (missing.length + differs.length === 0) return DONE;
    await checkInstead(context, context.step.insteadOf, fresh);
    return { state: 'todo', differs: [...missing, ...differs], seen: { replaces: differs.length > 0 } };
  },

  async act(context, seen) {
    const run = [...commands(context.step).run];
    const last = run.pop();
    if (!last) return undefined;
    if (seen?.replaces) {
      for (const command of run) await context.kubectl.write(command, context.signal);
      await untilGone(context);
    }
    return created(context, last);
  },

  async undo(context) {
    // Namespaces are never deleted: in the federation that would delete them, and all in them, in every member.
    const declared = declaredObjects(context, context.step.file);
    if (declared.some((object) => object.kind === 'Namespace')) {
      return { state: 'kept', why: KEPT_NAMESPACE };
    }
    const found = await context.view.look(wantedOf(declared), context.signal, { fresh: true });
    for (const reference of wantedOf(declared)) {
      const live = found.get(reference);
      if (!live || !isOurs(context.plan, live)) continue;
      const others = Object.entries((live as { data?: Record<string, string> }).data ?? {});
      if (others.length > 0) {
        const [address, service] = others[0] ?? ['', ''];
        return { state: 'kept', why: `${named(reference)} holds what others wrote: ${address} ${service}` };
      }
    }
    return declared.length === 0 ? NOTHING : removeObjects(context);
  },
};

/**
 * What of the objects that are there is not as declared.
 *
 * @throws StepError where one is not this plan's and may not be taken over
 */
function differing(context: Context, found: Found): string[] {
  const { step, plan, adopt } = context;
  return declaredObjects(context, step.file).flatMap((object) => {
    const [reference] = wantedOf([object]);
    const live = reference && found.get(reference);
    if (!live) return [];
    if (isOurs(plan, live)) return differencesOf(object, live);
    if (!adopt) throw foreign(`${named(object)} in ${step.cluster}`, 'see its labels and annotations');
    return [`${named(object)} was not made by this plan, and is replaced`];
  });
}

async function created(
  { step, kubectl, signal, view, folder }: Context,
  command: Command,
): Promise<Observation<never> | undefined> {
  try {
    await kubectl.write(command, signal);
    return DONE;
  } catch (error) {
    // Some were there already: kubectl creates the others all the same, and says what is the matter with those that it cannot.
    if (!(error instanceof ProgramError) || error.kind !== 'already-exists') throw error;
    const said = error.output.stderr
      .split('\n')
      .filter((line) => /^error/i.test(line) && !/already exists/i.test(line));
    if (said.length > 0) {
      throw new ProgramError(error.command, 'other', error.exitCode, { stdout: '', stderr: said.join('\n') });
    }
    return undefined;
  } finally {
    view.forget(wantedOf(declaredObjects({ folder }, step.file)));
  }
}

async function untilGone(context: Context): Promise<void> {
  const wanted = wantedOf(declaredObjects(context, context.step.file));
  await waitUntil(context, async () => {
    const found = await context.view.look(wanted, context.signal, { fresh: true });
    const [left] = wanted.flatMap((reference) => found.get(reference) ?? []);
    return left && { seen: `${named(left)} is still there`, awaits: awaited([left]) };
  });
}
