import { commands } from '../../../lib/plan/commands';
import { declaredObjects, isOurs, wantedOf } from '../context';
import { named } from '../objects';
import { ProgramError } from '../tools/program';
import { KEPT_NAMESPACE, removeObjects } from './apply';
import { DONE, Handler, leaving, NOTHING } from './handler';

/** Creates what is missing and leaves alone what is there, whoever made it: others write into these objects. */
export const create: Handler<'create'> = {
  wanted: (step, shared) => wantedOf(declaredObjects(shared, step.file)),

  async observe(context, fresh) {
    const wanted = wantedOf(declaredObjects(context, context.step.file));
    const found = await context.view.look(wanted, context.signal, { fresh });
    const going = leaving(
      context.step.context,
      wanted.map((reference) => found.get(reference)),
    );
    if (going) return going;
    const missing = wanted.filter((reference) => !found.get(reference));
    return missing.length === 0
      ? DONE
      : { state: 'todo', differs: missing.map((reference) => `${named(reference)} is missing`) };
  },

  async act({ step, kubectl, signal, view, folder }) {
    const [run] = commands(step).run;
    if (!run) return undefined;
    try {
      await kubectl.write(run, signal);
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
