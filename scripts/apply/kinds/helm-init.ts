import { commands } from '../../../lib/plan/commands';
import { Ready } from '../../../lib/plan/step';
import { wanted, Wanted, wantedFor } from '../api';
import { isOurs } from '../context';
import { waitedFor } from './apply';
import { KubeObject } from '../objects';
import { ContextOf, Handler, NOTHING, REMOVED } from './handler';
import { TILLER, tillerAccountOf, tillerImageOf } from '../tiller';
import { ProgramError } from '../tools/program';

/** What `helm init` makes beside Tiller's Deployment. */
const SERVICE: Ready = { resource: 'service/tiller-deploy', namespace: 'kube-system', until: 'exists' };

/** Tiller, Helm 2's server side. One that runs already is used as it is, also where this plan did not install it. */
export const helmInit: Handler<'helm-init', { readonly isThere: boolean }> = {
  wanted: (step, _shared, minor) => parts(step, minor),

  async observe(context, fresh) {
    const { step, view, minor, signal } = context;
    const [deployment, service, account] = parts(step, minor);
    const found = await view.look([deployment, service], signal, { fresh });
    const tiller = found.get(deployment);
    if (!tiller) {
      return { state: 'todo', seen: { isThere: false }, differs: [`Tiller does not run in ${step.cluster}`] };
    }
    const differs = [
      ...(found.get(service) ? [] : [`an earlier helm init was cut off: Tiller of ${step.cluster} has no Service`]),
      ...(step.tillerImage === undefined || tillerImageOf(tiller) === step.tillerImage
        ? []
        : [`Tiller of ${step.cluster} runs ${tillerImageOf(tiller) ?? 'no image'}, not ${step.tillerImage}`]),
    ];
    if (differs.length > 0) {
      const owner = (await view.look([account], signal, { fresh })).get(account);
      if (isOwnTiller(context, tiller, owner)) return { state: 'todo', seen: { isThere: true }, differs };
    }
    return waitedFor(context, [TILLER], () => tiller);
  },

  async act({ step, kubectl, signal, view, minor }, seen) {
    const [run] = commands(step).run;
    // Helm says that Tiller is there already and leaves it alone, so that a second try does no harm. Only with
    // --upgrade it looks whether all of it is there, and runs the image that it is given.
    if (run) await kubectl.write(seen?.isThere ? [...run, '--upgrade'] : run, signal);
    view.forget(parts(step, minor));
    return undefined;
  },

  async undo(context) {
    const { step, kubectl, signal, view, minor } = context;
    const [deployment, , account] = parts(step, minor);
    const found = await view.look([account, deployment], signal, { fresh: true });
    const tiller = found.get(deployment);
    if (!tiller) return NOTHING;
    if (!isOwnTiller(context, tiller, found.get(account))) {
      const why = 'Tiller was not set up by this plan';
      return { state: 'kept', why, ...(tillerAccountOf(tiller) === step.serviceAccount && { inUse: true }) };
    }
    const [undo] = commands(step).undo;
    try {
      if (undo) await kubectl.write(undo, signal);
    } catch (error) {
      if (error instanceof ProgramError && /deployed releases/i.test(error.output.stderr)) {
        return { state: 'kept', inUse: true, why: 'Tiller has other releases' };
      }
      throw error;
    }
    return REMOVED;
  },
};

/** Deployment and Service of Tiller, and the ServiceAccount that tells whose it is. */
function parts({ serviceAccount }: { serviceAccount: string }, minor: number): [Wanted, Wanted, Wanted] {
  return [
    wantedFor(minor, TILLER),
    wantedFor(minor, SERVICE),
    wanted(minor, 'ServiceAccount', serviceAccount, 'kube-system'),
  ];
}

/** Whether Tiller is this plan's: it runs under the ServiceAccount that this plan has made for it. */
function isOwnTiller(
  { step, plan }: ContextOf<'helm-init'>,
  tiller: KubeObject,
  account: KubeObject | undefined,
): boolean {
  return tillerAccountOf(tiller) === step.serviceAccount && account !== undefined && isOurs(plan, account);
}
