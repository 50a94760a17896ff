/** stubDomains of kube-dns, by the step of its own and by a join, which both share with their user. */
import { StepOf } from '../../../lib/plan/step';
import { KubeObject } from '../../../scripts/apply/objects';
import { FEDERATION, ours, Workplace, workplace } from './support';

const SERVER = '10.0.0.1:53';
const OUR_ENTRY = 'onprem-federation.io/dns-server';

const common = { title: 'a step', component: 'a-component', cluster: 'usa', context: 'usa', needs: [] };
const DNS: StepOf<'stub-domain'> = {
  ...{ ...common, id: 'usa/cluster-dns', kind: 'stub-domain', timeoutSeconds: 120, file: 'usa/45.yaml' },
  ...{ namespace: 'kube-system', configMap: 'kube-dns', domain: 'example.com', server: SERVER },
};
const JOIN: StepOf<'kubefed-join'> = {
  ...{ ...common, id: 'usa/join', kind: 'kubefed-join', timeoutSeconds: 300, federation: FEDERATION },
  ...{ hostContext: 'usa', secretName: 'fed-member-usa' },
};
const MEMBER: KubeObject = {
  apiVersion: 'federation/v1beta1',
  kind: 'Cluster',
  metadata: { name: 'usa' },
  spec: { serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: 'https://usa.example:6443' }] },
  status: { conditions: [{ type: 'Ready', status: 'True' }] },
};

function configMap(data: Record<string, string>, annotations: Record<string, string> = {}): KubeObject {
  const metadata = { name: 'kube-dns', namespace: 'kube-system', resourceVersion: '912', annotations };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
}

/** A cluster with these stub domains. */
function withDomains(
  step: typeof DNS | typeof JOIN,
  stubDomains: unknown,
  data: Record<string, string> = {},
): Workplace {
  const made = workplace([step], { files: { 'usa/45.yaml': [ours('ConfigMap', 'kube-dns')] } });
  made.kubectl.contexts.push(FEDERATION);
  const text = typeof stubDomains === 'string' ? stubDomains : JSON.stringify(stubDomains);
  made.kubectl.put('usa', configMap({ stubDomains: text, ...data }));
  return made;
}

const dataOf = ({ kubectl }: Workplace): Record<string, string> | undefined =>
  (kubectl.get('usa', 'ConfigMap kube-system/kube-dns') as { data?: Record<string, string> } | undefined)?.data;
const domainsOf = (place: Workplace): unknown => JSON.parse(dataOf(place)?.stubDomains ?? '{}');

describe.each([
  ['the step of the entry', DNS],
  ['a join', JOIN],
])('%s', (_, step) => {
  it.each([
    ['{"example.com":"10.0.0.9"}', 'has no list of servers for example.com'],
    ['{"example.com":null}', 'has no list of servers for example.com'],
    ['{"corp.example":[10]}', 'has no list of servers for corp.example'],
    ['{corp', 'is no JSON object'],
    ['["10.0.0.9"]', 'is no JSON object'],
  ])('says of stub domains of another shape what is wrong, and leaves them alone: %s', async (text, problem) => {
    const place = withDomains(step, text);
    for (const results of [await place.engine.apply([step]), await place.engine.teardown([step])]) {
      expect(results).toMatchObject([
        {
          outcome: 'failed',
          failure: {
            problem: `stubDomains in the kube-dns ConfigMap ${problem}`,
            hint: expect.stringContaining('Correct it (kubectl --namespace=kube-system edit configmap') as unknown,
          },
        },
      ]);
    }
    expect(dataOf(place)).toEqual({ stubDomains: text });
  });
});

describe('a name with a closing dot, for which kube-dns refuses the whole setting', () => {
  it('is taken out where it is this plan’s, and the user’s own entries stay', async () => {
    const place = withDomains(DNS, { 'corp.example': ['10.0.0.53'], 'example.com.': [SERVER] });
    expect((await place.engine.observe([DNS])).get(DNS.id)).toMatchObject({
      state: 'todo',
      differs: [
        'stubDomains of kube-system/kube-dns names example.com. with a closing dot, and kube-dns refuses all of it',
      ],
    });
    expect(await place.engine.apply([DNS])).toMatchObject([{ outcome: 'changed' }]);
    expect(domainsOf(place)).toEqual({ 'corp.example': ['10.0.0.53'], 'example.com': [SERVER] });
    expect(await place.engine.apply([DNS])).toMatchObject([{ outcome: 'unchanged' }]);
  });

  it('is not taken for this plan’s where it leads elsewhere', async () => {
    const place = withDomains(DNS, { 'example.com.': ['10.0.0.9'] });
    expect(await place.engine.apply([DNS])).toMatchObject([
      { failure: { problem: expect.stringContaining('an entry example.com. → 10.0.0.9') as unknown } },
    ]);
    expect(domainsOf(place)).toEqual({ 'example.com.': ['10.0.0.9'] });
  });

  it('is told and not touched where it is the user’s own', async () => {
    const theirs = { 'corp.example.': ['10.0.0.53'], 'example.com': [SERVER] };
    const place = withDomains(DNS, theirs);
    expect(await place.engine.apply([DNS])).toMatchObject([
      {
        outcome: 'failed',
        failure: {
          problem: 'stubDomains in the kube-dns ConfigMap of usa names corp.example. with a closing dot',
          hint: expect.stringContaining('kube-dns refuses the whole setting for it') as unknown,
        },
      },
    ]);
    expect(domainsOf(place)).toEqual(theirs);
  });

  it.each([
    [{ 'example.com.': [SERVER] }, {}],
    [
      { 'example.com.': [SERVER], 'example.com': [SERVER], 'corp.example.': ['10.0.0.53'] },
      { 'corp.example.': ['10.0.0.53'] },
    ],
    [{ 'example.com.': ['10.0.0.8:53'] }, { 'example.com.': ['10.0.0.8:53'] }],
  ])('goes with the entry in a teardown, as far as it is this plan’s: %j', async (before, after) => {
    const place = withDomains(DNS, before);
    await place.engine.teardown([DNS]);
    expect(domainsOf(place)).toEqual(after);
  });

  it('goes with the entry, too, where it leads to the server that the plan has set before', async () => {
    const place = withDomains(DNS, {});
    const annotations = { [OUR_ENTRY]: 'example.com=10.0.0.8:53' };
    place.kubectl.put('usa', configMap({ stubDomains: '{"example.com.":["10.0.0.8:53"]}' }, annotations));
    await place.engine.teardown([DNS]);
    expect(domainsOf(place)).toEqual({});
  });
});

describe('a join by kubefed 1.7 or 1.8', () => {
  /** The cluster where the join itself makes the ConfigMap. */
  function joining(): Workplace {
    const made = workplace([JOIN]);
    made.kubectl.contexts.push(FEDERATION);
    made.kubectl.on(/^kubefed join usa /, () => {
      made.kubectl.put(FEDERATION, MEMBER);
      const { data, metadata } = (made.kubectl.get('usa', 'ConfigMap kube-system/kube-dns') ??
        configMap({ stubDomains: `{"example.com.":["${SERVER}"]}` })) as KubeObject & { data: Record<string, string> };
      made.kubectl.put('usa', { ...configMap({ ...data, federations: `${FEDERATION}=example.com` }), metadata });
      return { stdout: 'cluster "usa" created\n', stderr: '' };
    });
    return made;
  }

  it('is followed by the entry without its closing dot', async () => {
    const place = joining();
    expect(await place.engine.apply([JOIN])).toMatchObject([{ outcome: 'changed' }]);
    expect(domainsOf(place)).toEqual({ 'example.com': [SERVER] });
  });

  it('that was made by hand is set right, and shown as not as planned before', async () => {
    const place = withDomains(JOIN, { 'example.com.': [SERVER], 'corp.example': ['10.0.0.53'] });
    place.kubectl.put('usa', configMap({ ...dataOf(place), federations: `${FEDERATION}=example.com` }));
    place.kubectl.put(FEDERATION, MEMBER);
    expect((await place.engine.observe([JOIN])).get(JOIN.id)).toMatchObject({
      state: 'todo',
      differs: [
        'stubDomains of kube-system/kube-dns in usa names example.com. with a closing dot, as kubefed writes it, and kube-dns refuses all of it',
      ],
    });
    expect(await place.engine.apply([JOIN])).toMatchObject([{ outcome: 'changed' }]);
    expect(place.kubectl.lines(/^kubefed /)).toEqual([]);
    expect(domainsOf(place)).toEqual({ 'example.com': [SERVER], 'corp.example': ['10.0.0.53'] });
  });

  it('that was cut off leaves nothing with a closing dot behind when it is done anew', async () => {
    const place = joining();
    place.kubectl.put('usa', configMap({ stubDomains: `{"example.com.":["${SERVER}"],"corp.example":["10.0.0.53"]}` }));
    expect(await place.engine.apply([JOIN])).toMatchObject([{ outcome: 'changed' }]);
    expect(domainsOf(place)).toEqual({ 'example.com': [SERVER], 'corp.example': ['10.0.0.53'] });
  });

  it('is undone with all that it has written, and the user’s own entries stay', async () => {
    const place = withDomains(JOIN, { 'example.com.': [SERVER], 'corp.example': ['10.0.0.53'] });
    place.kubectl.put('usa', configMap({ ...dataOf(place), federations: `${FEDERATION}=example.com` }));
    place.kubectl.put(FEDERATION, MEMBER);
    place.kubectl.on(/ config view /, () => ({
      stdout: JSON.stringify({
        clusters: [{ name: FEDERATION }],
        contexts: [{ name: FEDERATION, context: { cluster: FEDERATION } }],
        users: [{ name: FEDERATION }],
      }),
      stderr: '',
    }));
    place.kubectl.on(/^kubefed unjoin usa /, () => {
      place.kubectl.remove(FEDERATION, MEMBER);
      const { metadata } = configMap({});
      const kept = (place.kubectl.get('usa', 'ConfigMap kube-system/kube-dns') ?? configMap({})).metadata.annotations;
      const annotations = { ...metadata.annotations, ...kept };
      place.kubectl.put('usa', configMap({ federations: '' }, annotations));
      return { stdout: 'Successfully removed cluster "usa" from federation\n', stderr: '' };
    });
    expect(await place.engine.teardown([JOIN])).toMatchObject([{ outcome: 'removed' }]);
    expect(dataOf(place)).toEqual({ stubDomains: '{"corp.example":["10.0.0.53"]}' });
  });
});
