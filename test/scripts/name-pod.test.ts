/** The pod in which verify asks names. */
import { KubeObject } from '../../scripts/apply/objects';
import { Kubectl } from '../../scripts/apply/tools/kubectl';
import { Output, ProgramError } from '../../scripts/apply/tools/program';
import { askInPod, PodAnswer } from '../../scripts/commands/name-pod';
import { FakeKubectl, FEDERATION, finished, NEVER, planOf, serviceAddress, stopClock } from './apply/support';

const NAMES = ['web.default.fed.svc.us.example.com', 'web.default.fed.svc.fr.example.com'];
const LABEL = { 'onprem-federation.io/dns-check': FEDERATION };
const LOG = `Name:      ${NAMES[0] ?? ''}\nAddress 1: 10.1.0.1\n`;

type Status = Record<string, unknown>;
const SUCCEEDED: Status = { phase: 'Succeeded', containerStatuses: [{ state: { terminated: { exitCode: 0 } } }] };
const waiting = (reason: string, message: string): Status => ({
  phase: 'Pending',
  containerStatuses: [{ state: { waiting: { reason, message } } }],
});

const refused = (stderr: string): Promise<never> =>
  Promise.reject(new ProgramError(['kubectl'], 'forbidden', 1, { stdout: '', stderr }));
const out = (stdout = ''): Output => ({ stdout, stderr: '' });
const pod = (name: string, minute: number, status: Status): KubeObject => {
  const creationTimestamp = `2026-11-27T15:${minute}:00Z`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels: LABEL, creationTimestamp },
    status,
  };
};

interface Place {
  readonly kubectl: FakeKubectl;
  readonly ask: (signal?: AbortSignal) => Promise<PodAnswer>;
  /** The pod's name, once it has one. */
  readonly name: () => string;
}

/** A cluster in which the pod has one status after another, look by look; the last one stays. */
function cluster(kubernetesVersion: string, ...statuses: Status[]): Place {
  return clusterOf({ kubernetesVersion, statuses });
}

function clusterOf({
  kubernetesVersion = '1.34.4',
  statuses = [SUCCEEDED],
  log = LOG,
  refusal,
}: {
  readonly kubernetesVersion?: string;
  readonly statuses?: Status[];
  readonly log?: string;
  /** What kubectl says in place of starting the pod. */
  readonly refusal?: string;
}): Place {
  const kubectl = new FakeKubectl();
  const [first] = planOf([serviceAddress('usa/address')]).clusters;
  if (!first) throw new Error('the plan has no cluster');
  let name = '';
  kubectl.on(/ run dns-check-/, () => {
    if (refusal !== undefined) return refused(refusal);
    name = / run (\S+) /.exec(kubectl.calls.at(-1)?.line ?? '')?.[1] ?? '';
    kubectl.put('usa', pod(name, 40, { phase: 'Pending' }));
    return out(`pod "${name}" created\n`);
  });
  kubectl.on(/\/pods\?/, (answer) => {
    const [status] = statuses;
    if (statuses.length > 1) statuses.shift();
    if (status && kubectl.get('usa', `Pod default/${name}`)) kubectl.put('usa', pod(name, 40, status));
    return answer();
  });
  kubectl.on(/ logs /, () => out(log));
  const view = kubectl.views.of('usa');
  const question = {
    kubectl: new Kubectl(kubectl.run, () => undefined),
    view,
    cluster: { ...first, kubernetesVersion },
  };
  return {
    kubectl,
    name: () => name,
    ask: (signal = NEVER) =>
      askInPod({ ...question, federation: FEDERATION, image: 'busybox:1.27', names: NAMES, signal }),
  };
}

const runOf = ({ kubectl }: Place): string => kubectl.lines(/ run /)[0] ?? '';
const overridesOf = (place: Place): { spec: { securityContext: object; containers: { securityContext: object }[] } } =>
  JSON.parse(/ --overrides=(.*?) -- /.exec(runOf(place))?.[1] ?? '') as ReturnType<typeof overridesOf>;

describe('the pod', () => {
  it('is started without being attached to, in a namespace that is named, waited for, read and deleted', async () => {
    const place = cluster('1.7.3', { phase: 'Pending' }, SUCCEEDED);
    expect(await place.ask()).toEqual({ said: LOG });
    const where = '--context=usa --namespace=default';
    const name = place.name();
    expect(runOf(place)).toMatch(
      new RegExp(`^kubectl ${where} run ${name} --image=busybox:1.27 --restart=Never --labels=`),
    );
    expect(runOf(place)).not.toMatch(/ (-i|--stdin|--attach|--rm|-t|--tty)\b/);
    expect(runOf(place).endsWith(` -- sh -c nslookup ${NAMES[0] ?? ''}; nslookup ${NAMES[1] ?? ''}`)).toBe(true);
    expect(place.kubectl.lines().slice(-2)).toEqual([
      `kubectl ${where} logs ${name}`,
      `kubectl ${where} delete pod ${name} --ignore-not-found`,
    ]);
  });

  it.each([
    ['1.7.3', {}, {}],
    ['1.8.15', {}, { allowPrivilegeEscalation: false }],
    ['1.18.20', {}, { allowPrivilegeEscalation: false }],
    ['1.34.4', { seccompProfile: { type: 'RuntimeDefault' } }, { allowPrivilegeEscalation: false }],
  ])('meets pod security as strict as Kubernetes %s knows it', async (version, more, moreOfContainer) => {
    const place = cluster(version, SUCCEEDED);
    await place.ask();
    const { spec } = overridesOf(place);
    expect(spec.securityContext).toEqual({ runAsNonRoot: true, runAsUser: 65_534, ...more });
    expect(spec.containers).toEqual([
      {
        name: place.name(),
        image: 'busybox:1.27',
        args: ['sh', '-c', NAMES.map((name) => `nslookup ${name}`).join('; ')],
        securityContext: { capabilities: { drop: ['ALL'] }, ...moreOfContainer },
      },
    ]);
    expect(spec).toMatchObject({ activeDeadlineSeconds: 300, automountServiceAccountToken: false });
  });

  it('is read where its last look-up has failed', async () => {
    const place = cluster('1.7.3', {
      phase: 'Failed',
      containerStatuses: [{ state: { terminated: { exitCode: 1 } } }],
    });
    expect(await place.ask()).toEqual({ said: LOG });
  });

  it('is deleted with those that killed runs have left, and others are not', async () => {
    const place = cluster('1.7.3', SUCCEEDED);
    const label = { 'onprem-federation.io/dns-check': 'other' };
    const others = pod('dns-check-other', 10, SUCCEEDED);
    place.kubectl.put('usa', pod('dns-check-old', 29, SUCCEEDED), pod('dns-check-running', 31, { phase: 'Running' }));
    place.kubectl.put('usa', { ...others, metadata: { ...others.metadata, labels: label } });
    await place.ask();
    expect(place.kubectl.lines(/ delete /).map((line) => / pod (\S+)/.exec(line)?.[1])).toEqual([
      'dns-check-old',
      place.name(),
    ]);
  });
});

describe('why there is no answer', () => {
  it.each([
    'Error from server (Forbidden): pods "dns-check-1" is forbidden: violates PodSecurity "restricted:latest": seccompProfile',
    'Error from server (Forbidden): pods "dns-check-1" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=9',
    'Error from server (NotFound): namespaces "team-a" not found',
    'error: timed out waiting for the condition',
  ])('is the last line that kubectl says: %s', async (line) => {
    const place = clusterOf({ refusal: `Warning: something else\n${line}\n` });
    expect(await place.ask()).toEqual({ said: '', failure: line });
    // The answer may have been lost though the pod is there.
    expect(place.kubectl.lines(/ delete pod dns-check-/)).toHaveLength(1);
  });

  it.each([
    [
      waiting('ImagePullBackOff', 'Back-off pulling image "busybox:1.27"'),
      'ImagePullBackOff: Back-off pulling image "busybox:1.27"',
    ],
    [
      waiting('CreateContainerConfigError', 'container has runAsNonRoot and image will run as root'),
      'CreateContainerConfigError: container has runAsNonRoot and image will run as root',
    ],
    [
      { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' },
      'Evicted: The node was low on resource: memory.',
    ],
  ])('is what the pod itself says, without waiting for its time: %j', async (status, failure) => {
    const place = cluster('1.34.4', { phase: 'Pending' }, status);
    expect(await place.ask()).toEqual({ said: '', failure });
    expect(place.kubectl.get('usa', `Pod default/${place.name()}`)).toBeUndefined();
  });

  it('is what a container says that could not be run', async () => {
    const terminated = { exitCode: 128, reason: 'StartError', message: 'exec: "sh": executable file not found' };
    const status = { phase: 'Failed', containerStatuses: [{ state: { terminated } }] };
    const place = clusterOf({ statuses: [status], log: '' });
    expect(await place.ask()).toEqual({ said: '', failure: 'exec: "sh": executable file not found' });
  });

  it('is that there is nothing in its log, where nothing else is known', async () => {
    const place = clusterOf({ log: '\n' });
    expect(await place.ask()).toEqual({ said: '\n', failure: 'the pod has printed nothing' });
  });
});

describe('a pod that does not start in time', () => {
  beforeEach(stopClock);
  afterEach(() => {
    jest.useRealTimers();
  });

  it.each([
    [
      {
        phase: 'Pending',
        conditions: [
          { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes are available' },
        ],
      },
      'the pod was not done in time: Unschedulable: 0/3 nodes are available',
    ],
    [waiting('ContainerCreating', ''), 'the pod was not done in time: ContainerCreating'],
    [{ phase: 'Running' }, 'the pod was not done in time'],
  ])('is deleted, and what it waited for is said: %j', async (status, failure) => {
    const place = cluster('1.34.4', status);
    expect(await finished(place.ask())).toEqual({ said: '', failure });
    expect(place.kubectl.get('usa', `Pod default/${place.name()}`)).toBeUndefined();
  });

  it('is deleted, too, where the run is cut', async () => {
    const place = cluster('1.34.4', { phase: 'Running' });
    const cut = new AbortController();
    const answer = place.ask(cut.signal);
    setTimeout(() => {
      cut.abort();
    }, 2_000);
    await finished(answer);
    expect(place.kubectl.lines(/ delete /)).toHaveLength(1);
    expect(place.kubectl.get('usa', `Pod default/${place.name()}`)).toBeUndefined();
  });
});

it('a pod that cannot be deleted is said, with its answers', async () => {
  const place = cluster('1.34.4', SUCCEEDED);
  place.kubectl.on(/ delete pod /, () => refused('Error: not now\n'));
  expect(await place.ask()).toEqual({
    said: LOG,
    left: `pod default/${place.name()} could not be deleted (Error: not now); a verify in ten minutes or later does that`,
  });
});
