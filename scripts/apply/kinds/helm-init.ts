import { commands } from '../../../lib/plan/commands';
import { Ready } from '../../../lib/plan/step';
import { wanted, wantedFor } from '../api';
import { isOurs } from '../context';
import { waitedFor } from './apply';
import { Handler, NOTHING, REMOVED } from './handler';
import { ProgramError } from '../tools/program';

const TILLER: Ready = { resource: 'deployment/tiller-deploy', namespace: 'kube-system', until: 'rolled-out' };

/** Tiller, Helm 2's server side. One that runs already is used as it is. */
export const helmInit: Handler<'helm-init'> = {
  wanted: (_step, _shared, minor) => [wantedFor(minor, TILLER)],

  async observe(context, fresh) {
    const reference = wantedFor(context.minor, TILLER);
    const tiller = (await context.view.look([reference], context.signal, { fresh })).get(reference);
    if (!tiller) return { state: 'todo', differs: [`Tiller does not run in ${context.step.cluster}`] };
    return waitedFor(context, [TILLER], () => tiller);
  },

  async act({ step, kubectl, signal, view, minor }) {
    const [run] = commands(step).run;
    // Helm says that Tiller is there already and leaves it alone, so that a second try does no harm.
    if (run) await kubectl.write(run, signal);
    view.forget([wantedFor(minor, TILLER)]);
    return undefined;
  },

  async undo({ step, kubectl, signal, view, minor, plan }) {
    const account = wanted(minor, 'ServiceAccount', step.serviceAccount, 'kube-system');
    const deployment = wantedFor(minor, TILLER);
    const found = await view.look([account, deployment], signal, { fresh: true });
    const owner = found.get(account);
    if (!found.get(deployment)) return NOTHING;
    if (!owner || !isOurs(plan, owner)) return { state: 'kept', why: 'Tiller was not set up by this plan' };
    const [undo] = commands(step).undo;
    try {
      if (undo) await kubectl.write(undo, signal);
    } catch (error) {
      if (error instanceof ProgramError && /deployed releases/i.test(error.output.stderr)) {
        return { state: 'kept', why: 'Tiller has other releases' };
      }
      throw error;
    }
    return REMOVED;
  },
};
