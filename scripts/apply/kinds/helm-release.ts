import { RELEASE_OWNER } from '../../../lib/labels';
import { commands } from '../../../lib/plan/commands';
import { documents, fromYaml } from '../../../lib/yaml';
import { updatesSharedNodePorts } from '../../../lib/shared-node-port';
import { isDeepStrictEqual } from 'node:util';
import { Wanted, wantedFor } from '../api';
import { fileContent, foreign } from '../context';
import { StepError } from '../errors';
import { at, differences, KubeObject, named, objectSchema } from '../objects';
import { chartOf, helmFor, Release } from '../releases';
import { sharesNodePort } from '../shared-node-port';
import { ProgramError } from '../tools/program';
import { Found } from '../view';
import { waitedFor } from './apply';
import { TILLER } from '../tiller';
import { checkInstead } from './instead';
import { ContextOf, Handler, leaving, NOTHING, Observation, REMOVED, Undone } from './handler';
import { othersOf } from './others';

type Context = ContextOf<'helm-release'>;

/** What was seen of a release. */
interface Seen {
  readonly release: Release;
  /** Objects that the step waits for and that somebody has deleted, where the release is otherwise as it should be. */
  readonly missing?: readonly Wanted[];
}

/** A Helm release with its chart, version and values. */
export const helmRelease: Handler<'helm-release', Seen> = {
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
      if (left) return left;
      await checkInstead(context, step.insteadOf, fresh);
      return { state: 'todo', differs: [`release ${step.release} is not installed`] };
    }
    // Whatever its state: an upgrade of somebody else's that has failed is theirs all the same.
    const values = await (early ?? valuesOf(context));
    checkOwner(context, values);
    if (!isDeployed(release)) {
      return { state: 'todo', seen: { release }, differs: [`release ${step.release} is ${release.status}`] };
    }
    const differs = [
      ...(release.chart === chartOf(step)
        ? []
        : [`release ${step.release} is of ${release.chart}, not ${chartOf(step)}`]),
      ...(isDeepStrictEqual(values, declaredValues(context))
        ? []
        : [`the values of ${step.release} are not those of ${step.file}`]),
    ];
    if (differs.length > 0) return { state: 'todo', seen: { release }, differs };
    const missing = await missingOf(context, wanted, found);
    if (missing.length > 0) {
      const gone = missing.map((reference) => `${named(reference)} of the release ${step.release} is missing`);
      return { state: 'todo', seen: { release, missing }, differs: gone };
    }
    return waitedFor(context, step.wait, (reference) => found.get(reference));
  },

  async act(context, seen) {
    const { release, missing }: Partial<Seen> = seen ?? {};
    const { step, kubectl, signal, view, minor } = context;
    const [run] = commands(step).run;
    if (!run) return undefined;
    if (missing && step.helm !== 3) {
      await bringBack(context, missing);
      return undefined;
    }
    const recover = release && !isDeployed(release) ? helmFor(step).recover(release) : undefined;
    if (release && recover) {
      await checkRecoverable(context, release);
      await kubectl.write(recover, signal);
    }
    if (release && !recover) await makeWay(context);
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
      if (error instanceof ProgramError && error.kind === 'no-tiller') return withoutTiller(context, error);
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
async function releaseOf({ step, kubectl, signal }: Context): Promise<Release | undefined> {
  const helm = helmFor(step);
  return helm.parse((await kubectl.read(helm.list, signal)).stdout);
}

async function valuesOf(context: Context): Promise<unknown> {
  const { stdout } = await context.kubectl.read(helmFor(context.step).values, context.signal);
  return fromYaml(stdout);
}

function declaredValues(context: Context): unknown {
  return fromYaml(fileContent(context, context.step.file));
}

const carriesMark = ({ plan }: Context, values: unknown): boolean => at(values, RELEASE_OWNER) === plan.federation;

/** Clusters carry other people's work: a CoreDNS of the same name may be theirs. */
function checkOwner(context: Context, values: unknown): void {
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
  context: Context,
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

/** Objects that the step waits for and that are not there; looked at anew, since what is missing is made again. */
async function missingOf({ view, signal }: Context, wanted: readonly Wanted[], found: Found): Promise<Wanted[]> {
  if (wanted.every((reference) => found.get(reference))) return [];
  const now = await view.look(wanted, signal, { fresh: true });
  return wanted.filter((reference) => !now.get(reference));
}

/** One object of a release's manifest: the text as Helm has it, and what it says. */
interface Declared {
  readonly text: string;
  readonly object: KubeObject;
}

/** The objects of the release's newest revision, as its chart was rendered. */
async function manifestOf({ step, kubectl, signal }: Context): Promise<Declared[]> {
  const { stdout } = await kubectl.read(helmFor(step).manifest, signal);
  return stdout.split(/^---.*$/m).flatMap((text): Declared[] => {
    const [object] = documents(text);
    return object === undefined ? [] : [{ text, object: objectSchema.parse(object) }];
  });
}

/**
 * Creates objects of the release that somebody has deleted, from its own manifest: Helm 2 knows them by name, so that they
 * are the release's as before, and no new revision is made.
 */
async function bringBack(context: Context, missing: readonly Wanted[]): Promise<void> {
  const { step, kubectl, signal, view } = context;
  const isMissing = ({ object }: Declared): boolean =>
    missing.some(({ kind, name }) => object.kind === kind && object.metadata.name === name);
  const declared = (await manifestOf(context)).filter(isMissing);
  if (declared.length < missing.length) {
    const others = missing.filter(({ kind, name }) => !declared.some(({ object: { kind: of, metadata } }) => of === kind && metadata.name === name)); // prettier-ignore
    throw new StepError(
      `the release ${step.release} in ${step.cluster} has no ${others.map(named).join(', ')}`,
      `See what the chart has made of its values: helm --kube-context=${step.context} get manifest ${step.release}.`,
    );
  }
  const where = [`--context=${step.context}`, `--namespace=${step.namespace}`];
  const stdin = declared.map(({ text }) => text.trim()).join('\n---\n');
  try {
    await kubectl.write(['kubectl', ...where, 'create', '--filename=-'], signal, { stdin: `---\n${stdin}\n` });
  } finally {
    view.forget(missing);
  }
}

/**
 * Deletes Services that an upgrade may have to change and an old API server would end at; the upgrade creates what is
 * missing. They get a new node port then, which a later step sets.
 */
async function makeWay(context: Context): Promise<void> {
  const { step, kubectl, signal, view, minor, versions } = context;
  const services = step.wait.map((ready) => wantedFor(minor, ready)).filter(({ kind }) => kind === 'Service');
  const found = await view.look(services, signal);
  const shared = services.filter((reference) => {
    const service = found.get(reference);
    return service !== undefined && sharesNodePort(service);
  });
  if (shared.length === 0 || updatesSharedNodePorts(await versions.server(step.context, signal))) return;
  for (const { name } of shared) {
    const where = [`--context=${step.context}`, `--namespace=${step.namespace}`];
    await kubectl.write(['kubectl', ...where, 'delete', 'service', name, '--ignore-not-found'], signal);
  }
  view.forget(shared);
}

/** Without Tiller nobody can be asked, and nothing is taken away. Where it has gone for good, what its release has made stays. */
async function withoutTiller(context: Context, error: ProgramError): Promise<Undone> {
  const { step, view, minor, signal } = context;
  const tiller = wantedFor(minor, TILLER);
  const wanted = step.wait.map((ready) => wantedFor(minor, ready));
  const found = await view.look([tiller, ...wanted], signal, { fresh: true });
  if (found.get(tiller)) throw error;
  const left = wanted.flatMap((reference) => {
    const object = found.get(reference);
    return object && isOfRelease(object, step.release) ? [named(object)] : [];
  });
  if (left.length === 0) return NOTHING;
  const why = `Tiller is gone, and only it can take away what the release ${step.release} has made: ${left.join(', ')}`;
  return { state: 'kept', why };
}

/** What may be taken back to begin anew is this plan's release alone, and not what stood in the way of its install. */
async function checkRecoverable(context: Context, release: Release): Promise<void> {
  const { step, view, signal, adopt } = context;
  if (!carriesMark(context, await valuesOf(context))) {
    throw new StepError(
      `the Helm release ${step.release} in ${step.cluster} is ${release.status} and was not made by this plan`,
      `It can only be taken over once it is deployed. Find out whose it is (helm --kube-context=${step.context} status ${step.release}), bring it to its end or take it away with its owner, then run apply again.`,
    );
  }
  if (adopt) return;
  const declared = await manifestOf(context);
  if (declared.length === 0) return;
  const found = await Promise.all(
    declared.map(({ object: { apiVersion, kind, metadata } }) =>
      view.reader.get(
        { apiVersion, kind, name: metadata.name, namespace: metadata.namespace ?? step.namespace },
        signal,
      ),
    ),
  );
  const live = found.filter((object) => object !== undefined);
  const object = live.find((candidate) => !isOfRelease(candidate, step.release) && !isAsDeclared(candidate, declared));
  if (object) throw foreign(`${named(object)} in ${step.cluster}`, 'see its labels and annotations');
}

/** Whether an object is just as a release declares it: charts give labels to some of their objects only. */
function isAsDeclared(live: KubeObject, declared: readonly Declared[]): boolean {
  return declared.some(({ object: { apiVersion: ignored, ...rest } }) => {
    const isSame = rest.kind === live.kind && rest.metadata.name === live.metadata.name;
    return isSame && differences(rest, { ...live, apiVersion: ignored }).length === 0;
  });
}

/** Whether an object is noted as a release's: an install that was cut may have come to its end beside the next one. */
function isOfRelease({ metadata: { labels, annotations } }: KubeObject, release: string): boolean {
  return (
    (labels?.heritage === 'Tiller' && labels.release === release) ||
    annotations?.['meta.helm.sh/release-name'] === release
  );
}
