import { RELEASE_OWNER } from '../../../lib/labels';
import { commands } from '../../../lib/plan/commands';
import { fromYaml } from '../../../lib/yaml';
import { isDeepStrictEqual } from 'node:util';
import { wantedFor } from '../api';
import { fileContent, foreign } from '../context';
import { at } from '../objects';
import { chartOf, helmFor, Release } from '../releases';
import { ProgramError } from '../tools/program';
import { waitedFor } from './apply';
import { ContextOf, Handler, NOTHING, REMOVED } from './handler';

/** A Helm release with its chart, version and values. */
export const helmRelease: Handler<'helm-release', Release> = {
  wanted: (step, _shared, minor) => step.wait.map((ready) => wantedFor(minor, ready)),

  async observe(context, fresh) {
    const { step, view, minor, signal } = context;
    const wanted = step.wait.map((ready) => wantedFor(minor, ready));
    const found = await view.look(wanted, signal, { fresh });
    // What the release makes is there, so that the release will be, too: its values are asked for at the same time.
    const early = wanted.every((reference) => found.get(reference)) ? valuesOf(context) : undefined;
    early?.catch(() => undefined);
    const release = await releaseOf(context);
    if (!release) return { state: 'todo', differs: [`release ${step.release} is not installed`] };
    if (!isDeployed(release)) {
      return { state: 'todo', seen: release, differs: [`release ${step.release} is ${release.status}`] };
    }
    const values = await (early ?? valuesOf(context));
    checkOwner(context, values);
    const differs = [
      ...(release.chart === chartOf(step)
        ? []
        : [`release ${step.release} is of ${release.chart}, not ${chartOf(step)}`]),
      ...(isDeepStrictEqual(values, declaredValues(context))
        ? []
        : [`the values of ${step.release} are not those of ${step.file}`]),
    ];
    if (differs.length > 0) return { state: 'todo', seen: release, differs };
    return waitedFor(context, step.wait, (reference) => found.get(reference));
  },

  async act(context, release) {
    const { step, kubectl, signal, view, minor } = context;
    const [run] = commands(step).run;
    if (!run) return undefined;
    const recover = release && !isDeployed(release) ? helmFor(step).recover(release) : undefined;
    if (recover) {
      checkOwner(context, await valuesOf(context));
      await kubectl.write(recover, signal);
    }
    // Not twice without looking: what a cut call leaves behind has to be cleared away first.
    await kubectl.writeOnce(run, signal);
    const wanted = step.wait.map((ready) => wantedFor(minor, ready));
    const found = await view.look(wanted, signal, { fresh: true });
    return waitedFor(context, step.wait, (reference) => found.get(reference));
  },

  async undo(context) {
    const { step, kubectl, signal } = context;
    const [undo] = commands(step).undo;
    let release: Release | undefined;
    try {
      release = await releaseOf(context);
    } catch (error) {
      // Without Tiller there is nobody to ask, and nothing that it could take away.
      if (error instanceof ProgramError && /could not find (a ready )?tiller/i.test(error.output.stderr))
        return NOTHING;
      throw error;
    }
    if (!release || !undo) return NOTHING;
    if (at(await valuesOf(context), RELEASE_OWNER) !== context.plan.federation) {
      return { state: 'kept', why: `the release ${step.release} was not made by this plan` };
    }
    await kubectl.write(undo, signal);
    return REMOVED;
  },
};

const isDeployed = ({ status }: Release): boolean => status === 'deployed';

/** The release; nothing where there is none. */
async function releaseOf({ step, kubectl, signal }: ContextOf<'helm-release'>): Promise<Release | undefined> {
  const helm = helmFor(step);
  return helm.parse((await kubectl.read(helm.list, signal)).stdout);
}

async function valuesOf(context: ContextOf<'helm-release'>): Promise<unknown> {
  const { stdout } = await context.kubectl.read(helmFor(context.step).values, context.signal);
  return fromYaml(stdout);
}

function declaredValues(context: ContextOf<'helm-release'>): unknown {
  return fromYaml(fileContent(context, context.step.file));
}

/** Clusters carry other people's work: a CoreDNS of the same name may be theirs. */
function checkOwner({ step, plan, adopt }: ContextOf<'helm-release'>, values: unknown): void {
  if (at(values, RELEASE_OWNER) === plan.federation || adopt) return;
  throw foreign(
    `a Helm release ${step.release} in ${step.cluster}`,
    `helm --kube-context=${step.context} status ${step.release}`,
  );
}
