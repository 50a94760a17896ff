import { RELEASE_OWNER } from '../../../lib/labels';
import { commands } from '../../../lib/plan/commands';
import { fromYaml } from '../../../lib/yaml';
import { isDeepStrictEqual } from 'node:util';
import { Wanted, wantedFor } from '../api';
import { fileContent, foreign } from '../context';
import { StepError } from '../errors';
import { at, KubeObject, named } from '../objects';
import { chartOf, helmFor, Release } from '../releases';
import { ProgramError } from '../tools/program';
import { Found } from '../view';
import { waitedFor } from './apply';
import { ContextOf, Handler, leaving, NOTHING, Observation, REMOVED } from './handler';
import { othersOf } from './others';

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
    if (!release) {
      const left = await checkUnclaimed(context, wanted, found);
      return left ?? { state: 'todo', differs: [`release ${step.release} is not installed`] };
    }
    // Whatever its state: an upgrade of somebody else's that has failed is theirs all the same.
    const values = await (early ?? valuesOf(context));
    checkOwner(context, values);
    if (!isDeployed(release)) {
      return { state: 'todo', seen: release, differs: [`release ${step.release} is ${release.status}`] };
    }
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
    if (release && recover) {
      await checkRecoverable(context, release);
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
    if (!carriesMark(context, await valuesOf(context))) {
      return { state: 'kept', why: `the release ${step.release} was not made by this plan` };
    }
    // What a chart registers goes with the release, and with it all objects of these kinds, whoever made them.
    const others = await othersOf(context, step.registers ?? []);
    if (others.length > 0) {
      const names = others.map(named).join(', ');
      return { state: 'kept', why: `the kinds that it registers would go with it, and so would ${names}` };
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

const carriesMark = ({ plan }: ContextOf<'helm-release'>, values: unknown): boolean =>
  at(values, RELEASE_OWNER) === plan.federation;

/** Clusters carry other people's work: a CoreDNS of the same name may be theirs. */
function checkOwner(context: ContextOf<'helm-release'>, values: unknown): void {
  const { step, adopt } = context;
  if (carriesMark(context, values) || adopt) return;
  throw foreign(
    `a Helm release ${step.release} in ${step.cluster}`,
    `helm --kube-context=${step.context} status ${step.release}`,
  );
}

/**
 * Where there is no release, nobody of this plan has made what the chart would make. Helm 2 notices that in the middle of
 * the install, and what takes a half install back would take these objects with it.
 *
 * @returns that one of them is still being deleted, where that is so
 */
async function checkUnclaimed(
  context: ContextOf<'helm-release'>,
  wanted: readonly Wanted[],
  found: Found,
): Promise<Observation<never> | undefined> {
  const { step, view, signal, adopt } = context;
  if (adopt || !wanted.some((reference) => found.get(reference))) return undefined;
  // The release may have been taken away between the two looks, and its objects with it.
  const now = await view.look(wanted, signal, { fresh: true });
  const objects = wanted.flatMap((reference) => now.get(reference) ?? []);
  const [object] = objects;
  if (!object) return undefined;
  const going = leaving(step.context, objects);
  if (going) return going;
  throw foreign(`${named(object)} in ${step.cluster}`, 'see its labels and annotations');
}

/** What may be taken back to begin anew is this plan's release alone, and not what stood in the way of its install. */
async function checkRecoverable(context: ContextOf<'helm-release'>, release: Release): Promise<void> {
  const { step, kubectl, signal, adopt, view } = context;
  const helm = helmFor(step);
  if (!carriesMark(context, await valuesOf(context))) {
    throw new StepError(
      `the Helm release ${step.release} in ${step.cluster} is ${release.status} and was not made by this plan`,
      `It can only be taken over once it is deployed. Find out whose it is (helm --kube-context=${step.context} status ${step.release}), bring it to its end or take it away with its owner, then run apply again.`,
    );
  }
  if (adopt) return;
  const { stdout } = await kubectl.read(helm.status, signal);
  const [, resource, name] = /(\S+) \\"([^"\\]+)\\" already exists/.exec(stdout) ?? [];
  if (resource === undefined || name === undefined) return;
  const object = await view.reader.find(resource, name, step.namespace, signal);
  if (object && !isOfRelease(object, step.release)) {
    throw foreign(`${named(object)} in ${step.cluster}`, 'see its labels and annotations');
  }
}

/** Whether an object is noted as a release's: an install that was cut may have come to its end beside the next one. */
function isOfRelease({ metadata: { labels, annotations } }: KubeObject, release: string): boolean {
  return (
    (labels?.heritage === 'Tiller' && labels.release === release) ||
    annotations?.['meta.helm.sh/release-name'] === release
  );
}
