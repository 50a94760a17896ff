import { Ready } from '../../../lib/plan/step';
import { commands } from '../../../lib/plan/commands';
import { wantedFor, Wanted } from '../api';
import { declaredObjects, foreign, isOurs, StepContext, wantedOf } from '../context';
import { differences, KubeObject, named } from '../objects';
import { describeCommand, readiness } from '../readiness';
import { waitUntil } from '../waiting';
import { DONE, Handler, NOTHING, Observation, REMOVED, Undone } from './handler';

/** Applies a manifest, then waits for what the step names. */
export const apply: Handler<'apply'> = {
  wanted: (step, shared, minor) => [
    ...wantedOf(declaredObjects(shared, step.file)),
    ...step.wait.map((ready) => wantedFor(minor, ready)),
  ],

  async observe(context, fresh) {
    const { step, plan, adopt } = context;
    const declared = declaredObjects(context, step.file);
    const found = await context.view.look(apply.wanted?.(step, context, context.minor) ?? [], context.signal, {
      fresh,
    });
    const differs = declared.flatMap((object) => {
      const [reference] = wantedOf([object]);
      const live = reference && found.get(reference);
      if (!live) return [`${named(object)} is missing`];
      if (!adopt && !isOurs(plan, live))
        throw foreign(`${named(object)} in ${step.cluster}`, `see its labels and annotations`);
      return differencesOf(object, live);
    });
    return differs.length > 0
      ? { state: 'todo', differs }
      : waitedFor(context, step.wait, (wanted) => found.get(wanted));
  },

  async act({ step, kubectl, signal, view, folder }) {
    const [run] = commands(step).run;
    if (!run) return;
    await kubectl.write(run, signal);
    view.forget(wantedOf(declaredObjects({ folder }, step.file)));
  },

  undo: removeObjects,
};

/** What of an object is not as declared, with the field's path. */
export function differencesOf(declared: KubeObject, live: KubeObject): string[] {
  // The API version is the one that was asked in; what the server does not say of itself is no difference.
  const { apiVersion: ignored, ...rest } = declared;
  return differences(rest, { ...live, apiVersion: ignored }).map(
    (path) => `${named(declared)}: ${path} is not as declared`,
  );
}

/** Whether all that a step waits for is ready, and what the first that is not looks like. */
export function waitedFor(
  { minor, step }: Pick<StepContext, 'minor' | 'step'>,
  wait: readonly Ready[],
  get: (wanted: Wanted) => KubeObject | undefined,
): Observation {
  for (const ready of wait) {
    const judged = readiness(ready, get(wantedFor(minor, ready)));
    if (!judged.ready) {
      return { state: 'waiting', seen: judged.seen, lookFurther: describeCommand(step.context, ready) };
    }
  }
  return DONE;
}

/** Deletes a manifest's objects as far as they are this plan's, the last first, and waits until they are gone. */
export async function removeObjects(
  context: StepContext<Extract<StepContext['step'], { kind: 'apply' | 'create' }>>,
): Promise<Undone> {
  const { step, plan, kubectl, signal, view } = context;
  const declared = declaredObjects(context, step.file);
  const live = async (): Promise<KubeObject[]> => {
    const found = await view.look(wantedOf(declared), signal, { fresh: true });
    return declared.flatMap((object) => {
      const [reference] = wantedOf([object]);
      const there = reference && found.get(reference);
      return there ? [there] : [];
    });
  };
  const present = await live();
  const ours = present.filter((object) => isOurs(plan, object));
  if (ours.length === 0)
    return present.length === 0
      ? NOTHING
      : {
          state: 'kept',
          why: `${named(present[0] ?? declared[0] ?? { kind: '', name: '' })} was not made by this plan`,
        };

  const [undo] = commands(step).undo;
  if (!undo) return NOTHING;
  if (ours.length === declared.length) {
    await kubectl.write(undo, signal);
  } else {
    const names = wantedOf(declared).filter((reference) => ours.some((object) => named(object) === named(reference)));
    const stdin = names
      .map(({ apiVersion, kind, name, namespace }) =>
        JSON.stringify({ apiVersion, kind, metadata: { name, namespace } }),
      )
      .join('\n---\n');
    await kubectl.write(
      undo.map((word) => (word.startsWith('--filename=') ? '--filename=-' : word)),
      signal,
      { stdin },
    );
  }
  await waitUntil(context, async () => {
    const left = (await live()).filter((object) => isOurs(plan, object));
    return left.length === 0 ? undefined : `${named(left[0] ?? ours[0] ?? { kind: '', name: '' })} is still there`;
  });
  return REMOVED;
}
