import { MemberList } from '../../../scripts/apply/members';
import { FakeKubectl, FEDERATION, NEVER, ours } from './support';

let kubectl: FakeKubectl;
let members: MemberList;

beforeEach(() => {
  kubectl = new FakeKubectl();
  kubectl.put(FEDERATION, { ...ours('Cluster', 'usa'), apiVersion: 'federation/v1beta1', metadata: { name: 'usa' } });
  members = new MemberList(kubectl.views.of(FEDERATION));
});

const names = async (fresh: boolean): Promise<string[]> =>
  (await members.get(NEVER, fresh)).map(({ metadata }) => metadata.name);

describe('the members', () => {
  it('are those that the federation’s own API server keeps', async () => {
    expect(await names(false)).toEqual(['usa']);
    expect(kubectl.lines()).toEqual(['kubectl --context=fed get --raw /apis/federation/v1beta1/clusters']);
  });

  it('are none right after the control plane was made, without a question', async () => {
    members.setNone();
    expect(await names(false)).toEqual([]);
    expect(kubectl.calls).toEqual([]);
    expect(await names(true)).toEqual(['usa']);
  });

  it('are asked for again once something has changed them', async () => {
    members.setNone();
    members.forget();
    expect(await names(false)).toEqual(['usa']);
  });
});
