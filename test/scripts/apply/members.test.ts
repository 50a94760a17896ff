import { MemberList } from '../../../scripts/apply/members';
import { KubeObject } from '../../../scripts/apply/objects';
import { Kubectl } from '../../../scripts/apply/tools/kubectl';
import { limited } from '../../../scripts/apply/tools/limit';
import { errorOf, FakeKubectl, FEDERATION, finished, NEVER, ours, settle, stopClock } from './support';

/** For how long an answer counts, and for how long for whoever asks anew, in milliseconds. */
const KNOWN_MS = 5_000;
const SHARED_MS = 150;
/** How long who asks anew waits for others, in milliseconds. */
const GATHER_MS = 20;

let kubectl: FakeKubectl;
let members: MemberList;

beforeEach(() => {
  stopClock();
  kubectl = new FakeKubectl();
  kubectl.put(FEDERATION, ours('Cluster', 'usa'));
  members = new MemberList(new Kubectl(kubectl.run, () => undefined), FEDERATION);
});

afterEach(() => {
  jest.useRealTimers();
});

const names = async (answer: Promise<KubeObject[]>): Promise<string[]> =>
  (await finished(answer)).map(({ metadata }) => metadata.name);

describe('the members', () => {
  it('are those of the federation’s own context', async () => {
    expect(await names(members.get(NEVER, false))).toEqual(['usa']);
    expect(kubectl.lines()).toEqual(['kubectl --context=fed get clusters --ignore-not-found --output=json']);
  });

  it('are asked for once, by whoever asks at the same moment', async () => {
    const answers = [members.get(NEVER, false), members.get(NEVER, false), members.get(NEVER, true)];
    expect(await Promise.all(answers.map(names))).toEqual([['usa'], ['usa'], ['usa']]);
    expect(kubectl.calls).toHaveLength(1);
  });

  it('are known for some seconds', async () => {
    await names(members.get(NEVER, false));
    jest.advanceTimersByTime(KNOWN_MS - 1);
    await names(members.get(NEVER, false));
    expect(kubectl.calls).toHaveLength(1);
    jest.advanceTimersByTime(1);
    await names(members.get(NEVER, false));
    expect(kubectl.calls).toHaveLength(2);
  });

  it('are asked for once by who asks anew at nearly the same moment, and again later', async () => {
    await names(members.get(NEVER, true));
    jest.advanceTimersByTime(SHARED_MS - 1);
    await names(members.get(NEVER, true));
    expect(kubectl.calls).toHaveLength(1);
    jest.advanceTimersByTime(1);
    kubectl.put(FEDERATION, ours('Cluster', 'chn'));
    expect(await names(members.get(NEVER, true))).toEqual(['usa', 'chn']);
    expect(kubectl.calls).toHaveLength(2);
    expect(await names(members.get(NEVER, false))).toEqual(['usa', 'chn']);
    expect(kubectl.calls).toHaveLength(2);
  });

  it('are asked for a little later by who asks anew, so that what changes until then is seen', async () => {
    const answer = members.get(NEVER, true);
    await jest.advanceTimersByTimeAsync(GATHER_MS - 1);
    expect(kubectl.calls).toEqual([]);
    kubectl.put(FEDERATION, ours('Cluster', 'chn'));
    expect(await names(answer)).toEqual(['usa', 'chn']);
  });

  it('are shared by all while the call waits for its turn, however long that takes', async () => {
    const other = kubectl.hold(/get nodes/);
    const run = limited(kubectl.run, 1);
    members = new MemberList(new Kubectl(run, () => undefined), FEDERATION);
    void run(['kubectl', '--context=usa', 'get', 'nodes'], { signal: NEVER });
    const answers = [members.get(NEVER, true)];
    await jest.advanceTimersByTimeAsync(KNOWN_MS);
    answers.push(members.get(NEVER, true));
    other.open();
    expect(await Promise.all(answers.map(names))).toEqual([['usa'], ['usa']]);
    expect(kubectl.lines(/clusters/)).toHaveLength(1);
  });
});

describe('forget', () => {
  it('has them asked for again', async () => {
    await names(members.get(NEVER, false));
    members.forget();
    kubectl.put(FEDERATION, ours('Cluster', 'chn'));
    expect(await names(members.get(NEVER, false))).toEqual(['usa', 'chn']);
  });

  it('takes no call away that will show the change: its turn has not come', async () => {
    const answers = [members.get(NEVER, true)];
    kubectl.put(FEDERATION, ours('Cluster', 'chn'));
    members.forget();
    answers.push(members.get(NEVER, false));
    expect(await Promise.all(answers.map(names))).toEqual([
      ['usa', 'chn'],
      ['usa', 'chn'],
    ]);
    expect(kubectl.calls).toHaveLength(1);
  });

  it('does not let a call that began before the change count for those who ask after it', async () => {
    const before = kubectl.hold(/clusters/);
    const early = members.get(NEVER, false);
    await settle();
    await jest.advanceTimersByTimeAsync(1);
    expect(kubectl.calls).toHaveLength(1);
    members.forget();
    kubectl.put(FEDERATION, ours('Cluster', 'chn'));
    expect(await names(members.get(NEVER, false))).toEqual(['usa', 'chn']);
    expect(kubectl.calls).toHaveLength(2);
    before.open();
    await early;
    await names(members.get(NEVER, false));
    expect(kubectl.calls).toHaveLength(2);
  });
});

describe('knowNone', () => {
  it('answers without a call, for as long as an answer counts', async () => {
    members.knowNone();
    expect(await names(members.get(NEVER, false))).toEqual([]);
    expect(await names(members.get(NEVER, true))).toEqual([]);
    expect(kubectl.calls).toEqual([]);
    jest.advanceTimersByTime(SHARED_MS);
    expect(await names(members.get(NEVER, true))).toEqual(['usa']);
    expect(kubectl.calls).toHaveLength(1);
  });

  it('is forgotten as well', async () => {
    members.knowNone();
    members.forget();
    expect(await names(members.get(NEVER, false))).toEqual(['usa']);
  });
});

describe('a call that fails', () => {
  it('fails for all who wait for it, and is not remembered', async () => {
    kubectl.fail(/clusters/, 'forbidden', 1);
    const failed = await finished(Promise.allSettled([members.get(NEVER, false), members.get(NEVER, false)]));
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await names(members.get(NEVER, false))).toEqual(['usa']);
    expect(kubectl.calls).toHaveLength(2);
  });

  it('is made again while nobody answers', async () => {
    kubectl.fail(/clusters/, 'unreachable', 1);
    expect(await names(members.get(NEVER, false))).toEqual(['usa']);
  });

  it('is made again by the others where its caller is ended', async () => {
    kubectl.hold(/clusters/);
    const stop = new AbortController();
    const ended = errorOf(members.get(stop.signal, false));
    const other = members.get(NEVER, false);
    await jest.advanceTimersByTimeAsync(1);
    stop.abort();
    expect(await ended).toMatchObject({ kind: 'cut' });
    expect(await names(other)).toEqual(['usa']);
    expect(kubectl.calls).toHaveLength(2);
  });
});
