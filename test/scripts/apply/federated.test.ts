/** Objects of the federation and their copies in the members, as kubectl 1.8 and the federation of its day treat them. */
import { StepOf } from '../../../lib/plan/step';
import { KubeObject } from '../../../scripts/apply/objects';
import { apply, failure, FEDERATION, node, ours, serviceAddress, Workplace, workplace } from './support';

const FILE = 'federation/51-web.yaml';
const MEMBERS = ['fcp', 'usa'];

const port = (number: number): object => ({ name: `p${number}`, port: number, protocol: 'TCP', targetPort: number });
const withPorts = (...ports: number[]): KubeObject => ours('Service', 'web', { spec: { ports: ports.map(port) } });
/** A member's copy, to which its API server has given node ports. */
const copy = (...ports: number[]): KubeObject => {
  const spec = { clusterIP: '10.96.0.1', ports: ports.map((one) => ({ ...port(one), nodePort: 30_000 + one })) };
  const object = ours('Service', 'web', { spec });
  return { ...object, metadata: { ...object.metadata, resourceVersion: '7' } };
};
const DEPLOYMENT = { ...ours('Deployment', 'web', { spec: { replicas: 12 } }), apiVersion: 'extensions/v1beta1' };

const INIT: StepOf<'kubefed-init'> = {
  ...{ id: 'fcp/federation-control-plane', title: 'the control plane', component: 'federation-control-plane' },
  ...{ cluster: 'fcp', context: 'fcp', needs: [], timeoutSeconds: 900, kind: 'kubefed-init' },
  ...{ federation: FEDERATION, namespace: 'federation-system', zone: 'example.com.', file: 'fcp/25.conf' },
  ...{ advertiseAddress: '10.0.0.1', persistentStorage: false },
};
const STEP = apply('federation/web', FILE, { copies: MEMBERS });

function managerPod(status: object = {}): KubeObject {
  const labels = { app: 'federated-cluster', module: 'federation-controller-manager' };
  const metadata = { name: 'fed-controller-manager-1', namespace: 'federation-system', labels };
  return { apiVersion: 'v1', kind: 'Pod', metadata, status: { containerStatuses: [status] } };
}
const MANAGER: KubeObject = {
  apiVersion: 'extensions/v1beta1',
  kind: 'Deployment',
  metadata: { name: 'fed-controller-manager', namespace: 'federation-system' },
  spec: { replicas: 1 },
};

/** A federation of two members whose file declares this; where the controller manager goes and comes with its Deployment. */
function federation(declared: readonly KubeObject[], kubectlVersion = '1.8.0'): Workplace {
  const made = workplace([INIT, serviceAddress('usa/address'), STEP], { files: { [FILE]: declared } });
  made.kubectl.client = kubectlVersion;
  made.kubectl.contexts.push(FEDERATION);
  made.kubectl.put('fcp', MANAGER, managerPod());
  made.kubectl.on(/ scale deployment fed-controller-manager --replicas=(\d)$/, (answer) => {
    const output = answer();
    const replicas = (
      made.kubectl.get('fcp', 'Deployment federation-system/fed-controller-manager')?.spec as {
        replicas: number;
      }
    ).replicas;
    if (replicas === 0) made.kubectl.remove('fcp', managerPod());
    else made.kubectl.put('fcp', managerPod());
    return output;
  });
  return made;
}

const portsIn = ({ kubectl }: Workplace, context: string): number[] | undefined =>
  (kubectl.get(context, 'Service default/web')?.spec as { ports: { port: number }[] } | undefined)?.ports.map(
    (one) => one.port,
  );

describe('a teardown of federated objects', () => {
  it.each([
    ['1.8.0', 'false'],
    ['1.10.13', 'false'],
    ['1.19.16', 'false'],
    ['1.20.15', 'orphan'],
  ])(
    'with kubectl %s leaves what hangs on them alone (--cascade=%s), then deletes each member’s copies',
    async (version, word) => {
      const { engine, kubectl } = federation([DEPLOYMENT, withPorts(80)], version);
      kubectl.put(FEDERATION, DEPLOYMENT, withPorts(80));
      for (const member of MEMBERS) kubectl.put(member, DEPLOYMENT, copy(80));
      expect(await engine.teardown([STEP])).toMatchObject([{ outcome: 'removed' }]);
      const [first, ...others] = kubectl.writes;
      expect(first).toBe(`kubectl --context=fed delete --ignore-not-found --filename=${FILE} --cascade=${word}`);
      expect(others.sort()).toEqual(
        MEMBERS.map((member) => `kubectl --context=${member} delete --ignore-not-found --filename=${FILE}`),
      );
      for (const member of MEMBERS) expect(kubectl.get(member, 'Deployment default/web')).toBeUndefined();
    },
  );

  it('goes on where a run was killed after the delete in the federation', async () => {
    const { engine, kubectl } = federation([DEPLOYMENT, withPorts(80)]);
    for (const member of MEMBERS) kubectl.put(member, DEPLOYMENT);
    expect(await engine.teardown([STEP])).toMatchObject([{ outcome: 'removed' }]);
    expect(kubectl.lines(/--context=fed .*delete/)).toEqual([]);
    // What is there no more is not named: the file may be of a version that has changed since.
    const deletes = kubectl.calls.filter(({ line }) => line.includes(' delete '));
    expect(deletes.map(({ line }) => line).sort()).toEqual(
      MEMBERS.map((member) => `kubectl --context=${member} delete --ignore-not-found --filename=-`),
    );
    expect(deletes.map(({ stdin }) => JSON.parse(stdin ?? '') as object)).toEqual(
      MEMBERS.map(
        () =>
          expect.objectContaining({ kind: 'Deployment', metadata: { name: 'web', namespace: 'default' } }) as unknown,
      ),
    );
  });

  it('leaves objects of the same names in the members alone that are somebody else’s', async () => {
    const { engine, kubectl } = federation([withPorts(80)]);
    const theirs = { ...copy(80), metadata: { ...copy(80).metadata, labels: {} } };
    kubectl.put(FEDERATION, withPorts(80));
    kubectl.put('usa', theirs);
    await engine.teardown([STEP]);
    expect(kubectl.get('usa', 'Service default/web')).toEqual(theirs);
  });

  it('waits until the members have lost their copies', async () => {
    const { engine, kubectl, reporter } = federation([DEPLOYMENT]);
    kubectl.put(FEDERATION, DEPLOYMENT);
    kubectl.put('usa', DEPLOYMENT);
    let looks = 0;
    kubectl.on(/--context=usa delete/, () => ({ stdout: '', stderr: '' }));
    kubectl.on(/--context=usa get --raw .*deployments\/web/, (answer) => {
      if (++looks === 3) kubectl.remove('usa', DEPLOYMENT);
      return answer();
    });
    expect(await engine.teardown([STEP])).toMatchObject([{ outcome: 'removed' }]);
    expect(reporter.of('seen').map(({ seen }) => seen)).toContain('usa still has Deployment default/web');
  });
});

describe('a port that is taken out of a federated Service', () => {
  /** As the federation and its members are while the declared Service has lost a port. */
  function losing(federated: number[], members = [80, 81]): Workplace {
    const made = federation([withPorts(80)]);
    made.kubectl.put(FEDERATION, withPorts(...federated));
    for (const member of MEMBERS) made.kubectl.put(member, copy(...members));
    return made;
  }

  it('is taken out of the members and the federation while the controller manager is stopped, which would end at it', async () => {
    const place = losing([80, 81]);
    expect((await place.engine.observe([STEP])).get(STEP.id)).toMatchObject({
      state: 'todo',
      differs: expect.arrayContaining([
        'fcp still has port 81/TCP of Service default/web',
        'usa still has port 81/TCP of Service default/web',
      ]) as unknown,
    });
    expect(await place.engine.apply([STEP])).toMatchObject([{ outcome: 'changed' }]);
    const patch = JSON.stringify({
      metadata: { resourceVersion: '7' },
      spec: { ports: [{ ...port(80), nodePort: 30_080 }] },
    });
    const scale = 'kubectl --context=fcp --namespace=federation-system scale deployment fed-controller-manager';
    const [stop, ...rest] = place.kubectl.writes;
    expect(stop).toBe(`${scale} --replicas=0`);
    expect(rest.slice(0, 2).sort()).toEqual(
      MEMBERS.map(
        (member) => `kubectl --context=${member} --namespace=default patch service web --type=merge --patch=${patch}`,
      ),
    );
    expect(rest.slice(2)).toEqual([`kubectl --context=fed apply --filename=${FILE}`, `${scale} --replicas=1`]);
    expect(['fed', ...MEMBERS].map((context) => portsIn(place, context))).toEqual([[80], [80], [80]]);
  });

  it('is taken out of the members, too, where only the federation has lost it: by hand, or by a run that was killed', async () => {
    const place = losing([80]);
    expect(await place.engine.apply([STEP])).toMatchObject([{ outcome: 'changed' }]);
    expect(MEMBERS.map((member) => portsIn(place, member))).toEqual([[80], [80]]);
    expect(await place.engine.apply([STEP])).toMatchObject([{ outcome: 'unchanged' }]);
  });

  it('does not leave the controller manager stopped where something fails', async () => {
    const place = losing([80, 81]);
    place.kubectl.fail(/--context=fed apply/, 'forbidden');
    expect(await place.engine.apply([STEP])).toMatchObject([{ outcome: 'failed' }]);
    expect(place.kubectl.writes.at(-1)).toMatch(/ --replicas=1$/);
  });

  it('is left to the federation where another port takes its place, and is not ok before that has come about', async () => {
    const place = federation([withPorts(80, 82)]);
    place.kubectl.put(FEDERATION, withPorts(80, 82));
    place.kubectl.put('fcp', copy(80, 82));
    place.kubectl.put('usa', copy(80, 81));
    expect((await place.engine.observe([STEP])).get(STEP.id)).toMatchObject({
      state: 'waiting',
      seen: 'usa still has port 81/TCP of Service default/web',
    });
  });

  it('is not looked for in Services of the same name that are somebody else’s', async () => {
    const place = losing([80], [80]);
    place.kubectl.put('usa', { ...copy(80, 81), metadata: { ...copy(80, 81).metadata, labels: {} } });
    expect((await place.engine.observe([STEP])).get(STEP.id)).toMatchObject({ state: 'done' });
  });
});

describe('several Services that lose ports at the same time', () => {
  it('have the controller manager stopped for all of them, and started after the last', async () => {
    const other = (object: KubeObject): KubeObject => ({ ...object, metadata: { ...object.metadata, name: 'other' } });
    const second = apply('federation/other', 'federation/52-other.yaml', { copies: MEMBERS });
    const both = workplace([INIT, serviceAddress('usa/address'), STEP, second], {
      files: { [FILE]: [withPorts(80)], [second.file]: [other(withPorts(80))] },
    });
    both.kubectl.contexts.push(FEDERATION);
    both.kubectl.put('fcp', MANAGER);
    both.kubectl.put(FEDERATION, withPorts(80, 81), other(withPorts(80, 81)));
    for (const member of MEMBERS) both.kubectl.put(member, copy(80, 81), other(copy(80, 81)));
    const slow = both.kubectl.hold(/--context=fed apply --filename=federation\/52/);
    const results = both.engine.apply([STEP, second]);
    while (both.kubectl.lines(/--context=fed apply/).length < 2) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(both.kubectl.lines(/ scale /)).toHaveLength(1);
    slow.open();
    expect((await results).map(({ outcome }) => outcome)).toEqual(['changed', 'changed']);
    expect(both.kubectl.lines(/ scale /).map((line) => line.slice(-1))).toEqual(['0', '1']);
    expect(both.kubectl.writes.at(-1)).toMatch(/ --replicas=1$/);
  });
});

describe('a controller manager that ends again and again', () => {
  const at = (secondsAgo: number): string => new Date(Date.now() - secondsAgo * 1000).toISOString();
  const ended = (restartCount: number, secondsAgo: number): object => ({
    restartCount,
    state: { running: { startedAt: at(secondsAgo) } },
    lastState: { terminated: { exitCode: 2 } },
  });

  it.each<[string, object, 'waiting' | 'done']>([
    ['waits to be started again', { restartCount: 1, state: { waiting: { reason: 'CrashLoopBackOff' } } }, 'waiting'],
    ['has just been started again', ended(5, 30), 'waiting'],
    ['has started again when the API server was not up yet', ended(1, 30), 'done'],
    ['has run for some minutes since', ended(5, 180), 'done'],
    ['has never ended', { restartCount: 0, state: { running: { startedAt: at(30) } }, lastState: {} }, 'done'],
  ])('keeps what is in the federation from being ok: it %s', async (_, status, state) => {
    const { engine, kubectl } = federation([withPorts(80)]);
    kubectl.put(FEDERATION, withPorts(80));
    kubectl.put('fcp', managerPod(status));
    const seen = (await engine.observe([STEP])).get(STEP.id);
    expect(seen).toMatchObject({ state });
    if (state === 'waiting') {
      expect(seen).toMatchObject({
        seen: expect.stringContaining("the federation's controller manager ends again and again") as unknown,
        lookFurther: expect.arrayContaining(['logs', '--previous', 'fed-controller-manager-1']) as unknown,
      });
    }
  });

  it('is not looked for where the user may not see its pods', async () => {
    const { engine, kubectl } = federation([withPorts(80)]);
    kubectl.put(FEDERATION, withPorts(80));
    kubectl.on(/\/federation-system\/pods/, () => Promise.reject(failure('forbidden')));
    expect((await engine.observe([STEP])).get(STEP.id)).toMatchObject({ state: 'done' });
  });
});

it('in a cluster’s own bundle nothing of all that is looked at', async () => {
  const own = apply('usa/web', 'usa/90.yaml');
  const { engine, kubectl } = workplace([own], { files: { 'usa/90.yaml': [withPorts(80)] } });
  kubectl.put('usa', withPorts(80), node('usa-1'));
  expect(await engine.teardown([own])).toMatchObject([{ outcome: 'removed' }]);
  expect(kubectl.writes).toEqual(['kubectl --context=usa delete --ignore-not-found --filename=usa/90.yaml']);
  expect(kubectl.lines(/ version|\/version|\/pods/)).toEqual([]);
});
