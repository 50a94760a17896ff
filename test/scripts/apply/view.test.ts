import { Wanted } from '../../../scripts/apply/api';
import { KubeObject } from '../../../scripts/apply/objects';
import { ClusterView } from '../../../scripts/apply/view';
import { KNOWN_MS } from '../../../scripts/kube/cache';
import { Listed } from '../../../scripts/kube/reader';
import { errorOf, failure, FakeKubectl, finished, NEVER, ours, settle, stopClock } from './support';

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
const MAPS: Listed = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default' };

let kubectl: FakeKubectl;
let view: ClusterView;

beforeEach(() => {
  stopClock();
  kubectl = new FakeKubectl();
  kubectl.put('usa', ours('ConfigMap', 'a'));
  view = kubectl.views.of('usa');
});

afterEach(() => {
  jest.useRealTimers();
});

/** The names that were asked for, in order; the plural where all of a kind were. */
const asked = (): string[] => kubectl.lines().map((line) => line.split('/').at(-1) ?? '');

describe('a view', () => {
  it('asks for each object by context, namespace and name', async () => {
    const found = await view.look([A, B], NEVER);
    expect(found.get(A)?.metadata.name).toBe('a');
    expect(found.get(B)).toBeUndefined();
    expect(kubectl.lines()).toEqual([
      'kubectl --context=usa get --raw /api/v1/namespaces/default/configmaps/a',
      'kubectl --context=usa get --raw /api/v1/namespaces/default/configmaps/b',
    ]);
  });

  it('asks once for an object that is wanted twice', async () => {
    await view.look([A, { ...A }], NEVER);
    expect(asked()).toEqual(['a']);
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

  it('asks once for what several look for at the same moment, be it anew or not', async () => {
    const looks = [view.look([A], NEVER), view.look([B, A], NEVER, { fresh: true }), view.look([A], NEVER)];
    expect((await Promise.all(looks)).map((found) => found.get(A)?.metadata.name)).toEqual(['a', 'a', 'a']);
    expect(asked()).toEqual(['a', 'b']);
  });

  it('asks anew for who looks anew while a question is under way: its answer may be older', async () => {
    const call = kubectl.hold(/configmaps/);
    const first = view.look([A], NEVER);
    await settle();
    const second = view.look([A], NEVER, { fresh: true });
    await settle();
    expect(asked()).toEqual(['a', 'a']);
    call.open();
    await Promise.all([first, second]);
  });

  it('lists all objects of a kind', async () => {
    kubectl.put('usa', ours('ConfigMap', 'b'), ours('Secret', 'c'));
    expect((await view.list(MAPS, NEVER)).map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
    expect(kubectl.lines()).toEqual(['kubectl --context=usa get --raw /api/v1/namespaces/default/configmaps']);
  });
});

describe('what is known', () => {
  it('is not asked for again, be it there or not; only the rest is', async () => {
    await view.look([A, B], NEVER);
    jest.advanceTimersByTime(KNOWN_MS - 1);
    const found = await view.look([A, B, configMap('c')], NEVER);
    expect(asked()).toEqual(['a', 'b', 'c']);
    expect(found.get(A)?.metadata.name).toBe('a');
  });

  it('is asked for again after some seconds', async () => {
    await view.look([A], NEVER);
    await view.list(MAPS, NEVER);
    jest.advanceTimersByTime(KNOWN_MS + 1);
    kubectl.remove('usa', ours('ConfigMap', 'a'));
    expect((await view.look([A], NEVER)).get(A)).toBeUndefined();
    expect(await view.list(MAPS, NEVER)).toEqual([]);
  });

  it('is asked for again by whoever looks anew, and is known to all from then on', async () => {
    await view.look([A, B], NEVER);
    kubectl.put('usa', ours('ConfigMap', 'b'));
    expect((await view.look([B], NEVER, { fresh: true })).get(B)?.metadata.name).toBe('b');
    expect((await view.look([A, B], NEVER)).get(B)?.metadata.name).toBe('b');
    expect(asked()).toEqual(['a', 'b', 'b']);
  });

  it('counts no more once it is forgotten, and what is not forgotten still does', async () => {
    await view.look([A, B], NEVER);
    kubectl.remove('usa', ours('ConfigMap', 'a'));
    view.forget([A]);
    expect((await view.look([A, B], NEVER)).get(A)).toBeUndefined();
    expect(asked()).toEqual(['a', 'b', 'a']);
  });

  it('is forgotten for lists, too', async () => {
    await view.list(MAPS, NEVER);
    kubectl.put('usa', ours('ConfigMap', 'b'));
    expect(await view.list(MAPS, NEVER)).toHaveLength(1);
    view.forgetList(MAPS);
    expect(await view.list(MAPS, NEVER)).toHaveLength(2);
  });
});

describe('an object that is changed while a question is under way', () => {
  it('is asked for again by those who look after the change', async () => {
    const gate = kubectl.hold(/configmaps/);
    const early = view.look([A], NEVER);
    await settle();
    view.forget([A]);
    gate.open();
    expect((await early).get(A)?.metadata.name).toBe('a');
    expect(kubectl.calls).toHaveLength(1);
    await view.look([A], NEVER);
    expect(kubectl.calls).toHaveLength(2);
  });

  it('is not asked for again where the question waits for its turn: its answer will show the change', async () => {
    const early = view.look([A], NEVER);
    view.forget([A]);
    kubectl.remove('usa', ours('ConfigMap', 'a'));
    const late = view.look([A], NEVER);
    expect([(await early).get(A), (await late).get(A)]).toEqual([undefined, undefined]);
    expect(kubectl.calls).toHaveLength(1);
  });
});

describe('custom resources', () => {
  it('are found beside built-in kinds', async () => {
    kubectl.put('usa', ETCD_CLUSTER);
    const found = await view.look([ETCD, A], NEVER);
    expect([A, ETCD].map((wanted) => found.get(wanted)?.kind)).toEqual(['ConfigMap', 'EtcdCluster']);
  });

  it('are absent where their kind is not served, and are found once it is', async () => {
    const found = await view.look([A, ETCD], NEVER);
    expect(found.get(A)?.metadata.name).toBe('a');
    expect(found.get(ETCD)).toBeUndefined();
    kubectl.put('usa', ETCD_CLUSTER);
    expect((await view.look([ETCD], NEVER, { fresh: true })).get(ETCD)?.kind).toBe('EtcdCluster');
  });

  it('are not absent for any other failure, and are asked for again after it', async () => {
    kubectl.put('usa', ETCD_CLUSTER);
    kubectl.fail(/etcdclusters/, 'forbidden', 1);
    expect(await errorOf(view.look([ETCD], NEVER))).toMatchObject({ kind: 'forbidden' });
    expect((await view.look([ETCD], NEVER)).get(ETCD)?.kind).toBe('EtcdCluster');
  });
});

describe('a kind that the API server itself has', () => {
  it('is no reason to count an object as absent: the plan is for another version', async () => {
    const old: Wanted = { ...A, apiVersion: 'apps/v1beta1', kind: 'Deployment' };
    expect(await errorOf(view.look([old], NEVER))).toMatchObject({
      kind: 'no-such-kind',
      output: { stderr: 'the server serves no Deployment in apps/v1beta1' },
    });
  });
});

describe('a question that fails', () => {
  it('is asked again while the server is busy', async () => {
    kubectl.fail(/configmaps/, 'busy', 2);
    expect((await finished(view.look([A], NEVER))).get(A)?.metadata.name).toBe('a');
    expect(asked()).toEqual(['a', 'a', 'a']);
  });

  it('fails for all who wait for it, and is not remembered', async () => {
    kubectl.fail(/configmaps\/a/, 'forbidden', 1);
    const looks = await Promise.allSettled([view.look([A], NEVER), view.look([A, B], NEVER)]);
    expect(looks.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect((await view.look([A], NEVER)).get(A)?.metadata.name).toBe('a');
  });
});

describe('a question whose caller is ended', () => {
  it('is asked again by the others who wait for it', async () => {
    kubectl.hold(/configmaps/);
    const stop = new AbortController();
    const ended = errorOf(view.look([A], stop.signal));
    const other = view.look([A, B], NEVER);
    await settle();
    stop.abort();
    expect(await ended).toMatchObject({ kind: 'cut' });
    expect((await other).get(A)?.metadata.name).toBe('a');
  });

  // Otherwise a step would wait for another's question for longer than its own time limit.
  it('is not waited for by another caller who is ended', async () => {
    kubectl.hold(/configmaps/);
    const stop = new AbortController();
    void view.look([A], NEVER);
    const ended = jest.fn();
    view.look([A], stop.signal).then(ended, ended);
    await settle();
    stop.abort();
    await settle();
    expect(ended).toHaveBeenCalled();
  });

  it('is not asked again for a caller who is ended as well', async () => {
    kubectl.on(/configmaps/, () => Promise.reject(failure('cut')));
    const both = new AbortController();
    const looks = [view.look([A], both.signal), view.look([A], both.signal)];
    both.abort();
    expect((await Promise.allSettled(looks)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(kubectl.calls).toEqual([]);
  });
});
