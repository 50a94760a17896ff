import { Wanted } from '../../../scripts/apply/api';
import { KubeObject, objectSchema } from '../../../scripts/apply/objects';
import { Kubectl } from '../../../scripts/apply/tools/kubectl';
import { limited } from '../../../scripts/apply/tools/limit';
import { ProgramError } from '../../../scripts/apply/tools/program';
import { ClusterView } from '../../../scripts/apply/view';
import { jsonStream } from '../../stand-ins/json';
import { Call, errorOf, failure, FakeKubectl, finished, NEVER, ours, settle, stopClock } from './support';

/** For how long what was seen counts as known, in milliseconds. */
const KNOWN_MS = 5_000;

const configMap = (name: string): Wanted => ({ apiVersion: 'v1', kind: 'ConfigMap', name, namespace: 'default' });
const A = configMap('a');
const B = configMap('b');
const ETCD: Wanted = {
  apiVersion: 'etcd.database.coreos.com/v1beta2',
  kind: 'EtcdCluster',
  name: 'etcd',
  namespace: 'default',
};
const ETCD_CLUSTER: KubeObject = {
  apiVersion: 'etcd.database.coreos.com/v1beta2',
  kind: 'EtcdCluster',
  metadata: { name: 'etcd', namespace: 'default' },
};

let kubectl: FakeKubectl;
let view: ClusterView;

beforeEach(() => {
  stopClock();
  kubectl = new FakeKubectl();
  kubectl.put('usa', ours('ConfigMap', 'a'));
  view = new ClusterView(new Kubectl(kubectl.run, () => undefined), 'usa');
});

afterEach(() => {
  jest.useRealTimers();
});

/** The names that a call asks for. */
function askedFor(call: Call | undefined): string[] {
  const documents = jsonStream(call?.stdin ?? '').map((document) => objectSchema.parse(document));
  return documents.map(({ metadata }) => metadata.name);
}

describe('a view', () => {
  it('asks for many objects in one call, and names context, kind and namespace', async () => {
    const found = await view.look([A, B], NEVER);
    expect(found.get(A)?.metadata.name).toBe('a');
    expect(found.get(B)).toBeUndefined();
    expect(kubectl.lines()).toEqual(['kubectl --context=usa get --filename=- --ignore-not-found --output=json']);
    const asked = [A, B].map(({ apiVersion, kind, name, namespace }) => ({
      apiVersion,
      kind,
      metadata: { name, namespace },
    }));
    expect(jsonStream(kubectl.calls[0]?.stdin ?? '')).toEqual(asked);
  });

  it('asks once for an object that is wanted twice', async () => {
    await view.look([A, { ...A }], NEVER);
    expect(kubectl.calls.map(askedFor)).toEqual([['a']]);
  });

  it('tells objects of the same name apart by kind and namespace', async () => {
    const others: Wanted[] = [
      { ...A, kind: 'Secret' },
      { ...A, namespace: 'other' },
    ];
    const found = await view.look([A, ...others], NEVER);
    expect([A, ...others].map((wanted) => found.get(wanted)?.kind)).toEqual(['ConfigMap', undefined, undefined]);
  });

  it('asks for nothing where nothing is wanted', async () => {
    await view.look([], NEVER);
    expect(kubectl.calls).toEqual([]);
  });

  it('puts what several look for at the same moment into one call', async () => {
    const [first, second] = await Promise.all([view.look([A], NEVER), view.look([B, A], NEVER)]);
    expect(kubectl.calls.map(askedFor)).toEqual([['a', 'b']]);
    expect([first.get(A), second.get(A)].map((object) => object?.metadata.name)).toEqual(['a', 'a']);
  });

  it('puts into a call all that is wanted until its turn comes', async () => {
    const other = kubectl.hold(/--context=other/);
    const run = limited(kubectl.run, 1);
    view = new ClusterView(new Kubectl(run, () => undefined), 'usa');
    const busy = run(['kubectl', '--context=other', 'get', 'nodes'], { signal: NEVER });
    const looks = [view.look([A], NEVER)];
    await settle();
    looks.push(view.look([B], NEVER));
    other.open();
    await Promise.all([busy, ...looks]);
    expect(kubectl.calls.slice(1).map(askedFor)).toEqual([['a', 'b']]);
  });

  it('asks anew for what is wanted while a call runs: its answer may be older', async () => {
    const call = kubectl.hold(/get/);
    const first = view.look([A], NEVER);
    await settle();
    const second = view.look([A, B], NEVER);
    await settle();
    expect(kubectl.calls.map(askedFor)).toEqual([['a'], ['a', 'b']]);
    call.open();
    await Promise.all([first, second]);
  });
});

describe('what is known', () => {
  it('is not asked for again, be it there or not; only the rest is', async () => {
    await view.look([A, B], NEVER);
    jest.advanceTimersByTime(KNOWN_MS - 1);
    const found = await view.look([A, B, configMap('c')], NEVER);
    expect(kubectl.calls.map(askedFor)).toEqual([['a', 'b'], ['c']]);
    expect(found.get(A)?.metadata.name).toBe('a');
  });

  it('is asked for again after some seconds', async () => {
    await view.look([A], NEVER);
    jest.advanceTimersByTime(KNOWN_MS + 1);
    kubectl.remove('usa', ours('ConfigMap', 'a'));
    expect((await view.look([A], NEVER)).get(A)).toBeUndefined();
    expect(kubectl.calls).toHaveLength(2);
  });

  it('is asked for again by whoever looks anew, and is known to all from then on', async () => {
    await view.look([A, B], NEVER);
    kubectl.put('usa', ours('ConfigMap', 'b'));
    expect((await view.look([B], NEVER, { fresh: true })).get(B)?.metadata.name).toBe('b');
    expect((await view.look([A, B], NEVER)).get(B)?.metadata.name).toBe('b');
    expect(kubectl.calls.map(askedFor)).toEqual([['a', 'b'], ['b']]);
  });

  it('counts no more once it is forgotten, and what is not forgotten still does', async () => {
    await view.look([A, B], NEVER);
    kubectl.remove('usa', ours('ConfigMap', 'a'));
    view.forget([A]);
    expect((await view.look([A, B], NEVER)).get(A)).toBeUndefined();
    expect(kubectl.calls.map(askedFor)).toEqual([['a', 'b'], ['a']]);
  });

  it('says that an object is gone which was there before', async () => {
    await view.look([A], NEVER);
    kubectl.remove('usa', ours('ConfigMap', 'a'));
    expect((await view.look([A], NEVER, { fresh: true })).get(A)).toBeUndefined();
  });
});

describe('an object that is changed while a call runs', () => {
  it('is asked for again by those who look after the change', async () => {
    const gate = kubectl.hold(/get/);
    const early = view.look([A], NEVER);
    await settle();
    view.forget([A]);
    gate.open();
    expect((await early).get(A)?.metadata.name).toBe('a');
    expect(kubectl.calls).toHaveLength(1);
    await view.look([A], NEVER);
    expect(kubectl.calls).toHaveLength(2);
  });
});

describe('custom resources', () => {
  it('are asked for in a call of their own', async () => {
    kubectl.put('usa', ETCD_CLUSTER);
    const found = await view.look([ETCD, A], NEVER);
    expect(kubectl.calls.map(askedFor)).toEqual([['a'], ['etcd']]);
    expect([A, ETCD].map((wanted) => found.get(wanted)?.kind)).toEqual(['ConfigMap', 'EtcdCluster']);
  });

  it('are absent where nobody knows their kind, and that is known', async () => {
    kubectl.on(/get/, (answer) => answer(), 1);
    kubectl.fail(/get/, 'no-such-kind');
    const found = await view.look([A, ETCD], NEVER);
    expect(found.get(A)?.metadata.name).toBe('a');
    expect(found.get(ETCD)).toBeUndefined();
    await view.look([ETCD], NEVER);
    expect(kubectl.calls).toHaveLength(2);
  });

  it('are not absent for any other failure', async () => {
    kubectl.fail(/get/, 'forbidden');
    expect(await errorOf(view.look([ETCD], NEVER))).toMatchObject({ kind: 'forbidden' });
  });

  it('are asked for again after such a failure', async () => {
    kubectl.put('usa', ETCD_CLUSTER);
    kubectl.fail(/get/, 'forbidden', 1);
    await errorOf(view.look([ETCD], NEVER));
    expect((await view.look([ETCD], NEVER)).get(ETCD)?.kind).toBe('EtcdCluster');
  });

  // A kubectl that does not know one kind still prints the objects of the others, and the view drops them.
  it('of a known kind are there, though another kind is unknown', async () => {
    const pool: Wanted = {
      apiVersion: 'metallb.io/v1beta1',
      kind: 'IPAddressPool',
      name: 'pool',
      namespace: 'default',
    };
    kubectl.on(/get/, () => {
      const stdout = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [ETCD_CLUSTER] });
      const stderr =
        'error: unable to recognize "STDIN": no matches for kind "IPAddressPool" in version "metallb.io/v1beta1"';
      throw new ProgramError(['kubectl'], 'no-such-kind', 1, { stdout, stderr });
    });
    expect((await view.look([ETCD, pool], NEVER)).get(ETCD)?.kind).toBe('EtcdCluster');
  });
});

describe('a kind that the API server itself has', () => {
  it('is no reason to count an object as absent: the plan is for another version', async () => {
    kubectl.fail(/get/, 'no-such-kind');
    expect(await errorOf(view.look([A], NEVER))).toMatchObject({ kind: 'no-such-kind' });
  });
});

describe('a call that fails', () => {
  it('is made again while the server is busy', async () => {
    kubectl.fail(/get/, 'busy', 2);
    expect((await finished(view.look([A], NEVER))).get(A)?.metadata.name).toBe('a');
    expect(kubectl.calls.map(askedFor)).toEqual([['a'], ['a'], ['a']]);
  });

  it('fails for all who wait for it, and is not remembered', async () => {
    kubectl.fail(/get/, 'forbidden', 1);
    const looks = await Promise.allSettled([view.look([A], NEVER), view.look([A, B], NEVER)]);
    expect(looks.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect((await view.look([A], NEVER)).get(A)?.metadata.name).toBe('a');
    expect(kubectl.calls).toHaveLength(2);
  });

  it('leaves what was known before', async () => {
    await view.look([A], NEVER);
    kubectl.fail(/get/, 'forbidden');
    await errorOf(view.look([A], NEVER, { fresh: true }));
    expect((await view.look([A], NEVER)).get(A)?.metadata.name).toBe('a');
  });
});

describe('a call whose caller is ended', () => {
  it('is made again by the others who wait for it', async () => {
    kubectl.hold(/get/);
    const stop = new AbortController();
    const ended = errorOf(view.look([A], stop.signal));
    const other = view.look([A, B], NEVER);
    await settle();
    stop.abort();
    expect(await ended).toMatchObject({ kind: 'cut' });
    expect((await other).get(A)?.metadata.name).toBe('a');
    expect(kubectl.calls.map(askedFor)).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  // The look goes on until the other's call ends, so that a step waits for longer than its time limit.
  it('is waited for by nobody else who is ended', async () => {
    kubectl.hold(/get/);
    const stop = new AbortController();
    void view.look([A], NEVER);
    const ended = jest.fn();
    view.look([A], stop.signal).then(ended, ended);
    await settle();
    stop.abort();
    await settle();
    expect(ended).toHaveBeenCalled();
  });

  it('is not made again for a caller who is ended as well', async () => {
    kubectl.on(/get/, () => Promise.reject(failure('cut')));
    const both = new AbortController();
    const looks = [view.look([A], both.signal), view.look([A], both.signal)];
    both.abort();
    expect((await Promise.allSettled(looks)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(kubectl.calls).toEqual([]);
  });
});
