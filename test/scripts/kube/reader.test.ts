import { Reader } from '../../../scripts/kube/reader';
import { Answer, Question, Transport } from '../../../scripts/kube/transport';

const GROUP = '/apis/metallb.io/v1beta1';
const POOLS = { apiVersion: 'metallb.io/v1beta1', kind: 'IPAddressPool', namespace: 'default' };
const KNOWN = { resources: [{ name: 'ipaddresspools', kind: 'IPAddressPool', namespaced: true, verbs: ['list'] }] };
const PLAIN_404: Answer = { status: 404, body: '404 page not found\n' };
const ok = (body: unknown): Answer => ({ status: 200, body: JSON.stringify(body) });

/** A server that gives these answers, each path's in order and the last one for ever. */
function readerOf(answers: Readonly<Record<string, readonly Answer[]>>): Reader {
  const asked = new Map<string, number>();
  const transport: Transport = {
    ask(_, { path }: Question) {
      const count = asked.get(path) ?? 0;
      asked.set(path, count + 1);
      const [last] = (answers[path] ?? [PLAIN_404]).slice(0, count + 1).slice(-1);
      return Promise.resolve(last ?? PLAIN_404);
    },
    follow: () => Promise.resolve(404),
    reset: () => undefined,
    close: () => undefined,
  };
  return new Reader(transport, 'usa');
}

const list = (reader: Reader): Promise<string[]> =>
  reader.list(POOLS, new AbortController().signal).then((all) => all.map(({ metadata }) => metadata.name));

const PATH = `${GROUP}/namespaces/default/ipaddresspools`;

describe('a list of a custom kind', () => {
  it('is empty where the kind goes between the two questions, though the server still names it for a moment', async () => {
    const reader = readerOf({ [GROUP]: [ok(KNOWN), ok(KNOWN), PLAIN_404], [PATH]: [PLAIN_404] });
    expect(await list(reader)).toEqual([]);
  });

  it('is not taken for empty while the server names the kind and does not serve it yet', async () => {
    const items = ok({ kind: 'IPAddressPoolList', items: [{ metadata: { name: 'theirs' } }] });
    const reader = readerOf({ [GROUP]: [ok(KNOWN)], [PATH]: [PLAIN_404, PLAIN_404, items] });
    expect(await list(reader)).toEqual(['theirs']);
  });
});

test('a list of a built-in kind that is not served is a failure', async () => {
  const core = { resources: [{ name: 'pods', kind: 'Pod', namespaced: true, verbs: ['list'] }] };
  const reader = readerOf({ '/api/v1': [ok(core)] });
  const pods = reader.list({ apiVersion: 'v1', kind: 'Pod', namespace: 'default' }, new AbortController().signal);
  await expect(pods).rejects.toMatchObject({ kind: 'not-found' });
});
