import * as fs from 'node:fs';
import * as path from 'node:path';
import { documents, etcdDefinition, must, sh } from './fixtures';
import { type Dict, type Json, type KubeObject, at, list, text } from './json';
import { type Got, type Proxied, VERSIONS, json, proxied, until } from './proxied';
import { type Snapshot, World } from './world';

const map = (name: string, data: Record<string, string> = { a: '1' }, labels?: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default', ...(labels === undefined ? {} : { labels }) },
  data,
});

const cluster: KubeObject = {
  apiVersion: 'etcd.database.coreos.com/v1beta2',
  kind: 'EtcdCluster',
  metadata: { name: 'e', namespace: 'default' },
  spec: { size: 3 },
};

describe('what an API server answers through kubectl proxy', () => {
  let world: World;
  let fresh: Snapshot;
  const proxies: Record<string, Proxied> = {};
  const ask = (name: string, ...request: Parameters<Proxied['ask']>): Promise<Got> => {
    const proxy = proxies[name];
    if (proxy === undefined) throw new Error(`no proxy of ${name}`);
    return proxy.ask(...request);
  };
  beforeAll(async () => {
    world = await World.start({ clusters: VERSIONS, kubectlVersion: '1.34.4' });
    for (const { name } of VERSIONS) proxies[name] = await proxied(world, name);
    for (const name of ['old', 'mid', 'new']) {
      await world.put(name, etcdDefinition(name === 'new' ? 'v1' : 'v1beta1'));
      await world.put(name, cluster);
    }
    fresh = world.snapshot();
  });
  beforeEach(async () => {
    await world.restore(fresh);
    world.clearLog();
    world.clearFaults();
  });
  afterAll(async () => {
    for (const proxy of Object.values(proxies)) await proxy.end();
    expect(world.mishaps).toEqual([]);
    await world.close();
  });

  const URL = '/api/v1/namespaces/default/configmaps';
  const ETCD = '/apis/etcd.database.coreos.com/v1beta2/namespaces/default/etcdclusters';
  const SSAR = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';

  describe('discovery', () => {
    const real = fs
      .readFileSync(path.join(__dirname, '..', 'recordings', 'kubernetes-1.34.4', 'discovery.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly path: string; readonly body: Dict });

    it.each(real.map(({ path: url, body }) => [url, body] as const))('of 1.34.4 at %s', async (url, body) => {
      expect(json(await ask('new', url))).toEqual(body);
    });

    it('tells the version, and that it is well', async () => {
      expect(json(await ask('new', '/version'))).toMatchObject({
        gitVersion: 'v1.34.4',
        emulationMinor: '34',
        minCompatibilityMinor: '33',
      });
      expect(json(await ask('mid', '/version'))).not.toHaveProperty('emulationMinor');
      expect(await ask('new', '/readyz')).toMatchObject({ code: 200, type: 'text/plain', body: 'ok' });
      expect((await ask('old', '/readyz')).code).toBe(404);
      expect((await ask('old', '/healthz')).body).toBe('ok');
      expect(json(await ask('new', '/api/v1/'))).toMatchObject({ kind: 'APIResourceList' });
    });

    it('tells the versions of one group', async () => {
      expect(json(await ask('mid', '/apis/apps'))).toEqual({
        kind: 'APIGroup',
        apiVersion: 'v1',
        name: 'apps',
        versions: ['v1', 'v1beta2', 'v1beta1'].map((version) => ({ groupVersion: `apps/${version}`, version })),
        preferredVersion: { groupVersion: 'apps/v1', version: 'v1' },
      });
      expect(await ask('new', '/apis/nope')).toMatchObject({ code: 404, type: 'text/plain' });
    });

    it('tells the parts of custom resources that their definition asks for', async () => {
      const asked = etcdDefinition('v1');
      (asked.spec as Dict).versions = [
        { name: 'v1beta2', served: true, storage: true, subresources: { status: {}, scale: {} } },
      ];
      await world.put('new', asked);
      const { resources } = json(await ask('new', '/apis/etcd.database.coreos.com/v1beta2'));
      expect(list(resources).map((resource) => at(resource, 'name'))).toEqual([
        'etcdclusters',
        'etcdclusters/status',
        'etcdclusters/scale',
      ]);
    });

    it('follows definitions that come and go', async () => {
      const group = '/apis/etcd.database.coreos.com/v1beta2';
      expect((await ask('old', group)).code).toBe(200);
      await world.remove('old', 'CustomResourceDefinition', undefined, 'etcdclusters.etcd.database.coreos.com');
      expect(await ask('old', group)).toMatchObject({ code: 404, type: 'text/plain', body: '404 page not found\n' });
    });
  });

  describe('objects', () => {
    it('carry what servers of their version add', async () => {
      await must(world, 'kubectl --context=old apply -f -', documents([map('m')]));
      await must(world, 'kubectl --context=new apply -f -', documents([map('m')]));
      const [old, recent] = [await ask('old', `${URL}/m`), await ask('new', `${URL}/m`)].map((got) => json(got));
      expect(old).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { selfLink: `${URL}/m` } });
      expect(at(old, 'metadata', 'managedFields')).toBeUndefined();
      expect(at(recent, 'metadata', 'selfLink')).toBeUndefined();
      expect(at(recent, 'metadata', 'managedFields', 0)).toMatchObject({ operation: 'Update', fieldsType: 'FieldsV1' });
    });

    it('come in the version that was asked for', async () => {
      const paths = ['extensions/v1beta1', 'apps/v1beta1'];
      for (const version of paths) {
        const url = `/apis/${version}/namespaces/kube-system/deployments/kube-dns`;
        expect(json(await ask('old', url))).toMatchObject({ apiVersion: version, metadata: { selfLink: url } });
      }
    });

    it('have a time of creation in pod templates up to 1.33', async () => {
      const template = async (name: string, group: string, of: string): Promise<Json | undefined> =>
        at(
          json(await ask(name, `/apis/${group}/namespaces/kube-system/deployments/${of}`)),
          'spec',
          'template',
          'metadata',
        );
      expect(await template('old', 'extensions/v1beta1', 'kube-dns')).toHaveProperty('creationTimestamp', null);
      expect(await template('new', 'apps/v1', 'coredns')).not.toHaveProperty('creationTimestamp');
    });

    it('of custom types have every field of their metadata on 1.7', async () => {
      expect(json(await ask('old', `${ETCD}/e`)).metadata).toMatchObject({
        clusterName: '',
        deletionGracePeriodSeconds: null,
        deletionTimestamp: null,
        generation: 0,
      });
      const recent = json(await ask('new', `${ETCD}/e`)).metadata;
      expect(recent).not.toHaveProperty('clusterName');
      expect(recent).not.toHaveProperty('deletionTimestamp');
    });

    it('are indented for people only', async () => {
      await world.put('new', map('m'));
      expect((await ask('new', `${URL}/m`)).body).toMatch(/^\{"apiVersion".*\}\n$/);
      expect((await ask('new', `${URL}/m?pretty=true`)).body).toMatch(/^\{\n {2}"/);
      expect((await ask('new', `${URL}/m`, { headers: { 'User-Agent': 'curl/8.1' } })).body).toMatch(/^\{\n {2}"/);
    });
  });

  describe('lists', () => {
    beforeEach(async () => {
      await world.put('new', map('b', { x: '1' }, { app: 'shop' }));
      await world.put('new', map('a', { x: '2' }));
      await world.put('old', map('a'));
    });

    const names = (got: Got): string[] => list(json(got).items).map((item) => text(at(item, 'metadata', 'name')));

    it('hold objects without kind and version, but for custom ones', async () => {
      const built = json(await ask('old', URL));
      expect(built).toMatchObject({ kind: 'ConfigMapList', apiVersion: 'v1', metadata: { selfLink: URL } });
      expect(at(built, 'metadata', 'resourceVersion')).toBe(String(world.clusterState('old').resourceVersion));
      expect(at(built, 'items', 0)).not.toHaveProperty('kind');
      expect(at(built, 'items', 0)).not.toHaveProperty('apiVersion');
      const custom = json(await ask('old', ETCD));
      expect(custom).toMatchObject({ kind: 'EtcdClusterList', apiVersion: 'etcd.database.coreos.com/v1beta2' });
      expect(at(custom, 'items', 0)).toMatchObject({ kind: 'EtcdCluster' });
      expect(at(custom, 'metadata')).not.toHaveProperty('continue');
      expect(json(await ask('new', ETCD)).metadata).toMatchObject({ continue: '' });
    });

    it('are in order, of one namespace or of all', async () => {
      expect(names(await ask('new', URL))).toEqual(['a', 'b']);
      const all = names(await ask('new', '/api/v1/configmaps'));
      expect(all).toEqual(['a', 'b', 'coredns']);
      expect(names(await ask('new', '/api/v1/namespaces/no-such/configmaps'))).toEqual([]);
    });

    it.each([
      ['labelSelector=app%3Dshop', ['b']],
      ['labelSelector=!app', ['a']],
      ['labelSelector=app%20in%20(shop,other)', ['b']],
      ['fieldSelector=metadata.name%3Da', ['a']],
      ['fieldSelector=metadata.name!%3Da', ['b']],
      ['fieldSelector=metadata.namespace%3D%3Ddefault,metadata.name%3Db', ['b']],
      ['labelSelector=app&fieldSelector=metadata.name%3Da', []],
    ])('select by %s', async (query, found) => {
      expect(names(await ask('new', `${URL}?${query}`))).toEqual(found);
    });

    it('select by fields of their kind', async () => {
      const pods = names(await ask('new', '/api/v1/pods?fieldSelector=status.phase%3DRunning'));
      expect(pods).toContain('kube-controller-manager-new-node-1');
      expect(names(await ask('new', '/api/v1/pods?fieldSelector=status.phase%3DFailed'))).toEqual([]);
      expect(names(await ask('new', '/api/v1/nodes?fieldSelector=spec.unschedulable%3Dfalse'))).toHaveLength(3);
    });

    it.each([
      [
        'new',
        `${URL}?fieldSelector=data.a%3D1`,
        '"data.a" is not a known field selector: only "metadata.name", "metadata.namespace"',
      ],
      ['new', `${ETCD}?fieldSelector=spec.size%3D3`, 'field label not supported: spec.size'],
      ['new', `${URL}?labelSelector=a%3D%3D%3Db`, "unable to parse requirement: found '=', expected: identifier"],
      ['old', `${URL}?fieldSelector=data.a%3D1`, 'field label "data.a" not supported for "ConfigMap"'],
      [
        'old',
        '/apis/rbac.authorization.k8s.io/v1beta1/clusterroles?fieldSelector=metadata.name%3Dview',
        'No field label conversion function found for version: rbac.authorization.k8s.io/v1beta1',
      ],
      [
        'old',
        '/apis/extensions/v1beta1/replicasets?watch=true&fieldSelector=metadata.name%3Dx',
        'No field label conversion function found for version extensions/v1beta1 and kind ReplicaSet',
      ],
      ['new', `${URL}?watch=true&timeoutSeconds=soon`, 'strconv.ParseInt: parsing "soon": invalid syntax'],
    ])('of %s refuse %s', async (name, url, message) => {
      const got = await ask(name, url);
      expect(got).toMatchObject({ code: 400, type: 'application/json' });
      expect(json(got)).toMatchObject({ kind: 'Status', reason: 'BadRequest', code: 400, message });
    });

    it('come in pages since 1.9, and whole before', async () => {
      const first = json(await ask('new', `${URL}?limit=1`));
      expect(list(first.items)).toHaveLength(1);
      expect(first.metadata).toMatchObject({ remainingItemCount: 1 });
      const token = encodeURIComponent(text(at(first, 'metadata', 'continue')));
      const second = await ask('new', `${URL}?limit=1&continue=${token}`);
      expect(names(second)).toEqual(['b']);
      expect(json(second).metadata).not.toHaveProperty('continue');
      expect((await ask('new', `${URL}?limit=1&continue=nonsense`)).code).toBe(400);
      await world.put('old', map('b'));
      const whole = json(await ask('old', `${URL}?limit=1`));
      expect(list(whole.items)).toHaveLength(2);
      expect(whole.metadata).not.toHaveProperty('continue');
    });
  });

  describe('refusals', () => {
    const missing = (name: string, kind: string, group?: string): Dict => ({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: `${kind}${group === undefined ? '' : `.${group}`} "${name}" not found`,
      reason: 'NotFound',
      details: { name, kind, ...(group === undefined ? {} : { group }) },
      code: 404,
    });

    it.each([
      [`${URL}/none`, missing('none', 'configmaps')],
      ['/api/v1/namespaces/none', missing('none', 'namespaces')],
      ['/apis/apps/v1/namespaces/x/deployments/none', missing('none', 'deployments', 'apps')],
      [`${ETCD}/none`, missing('none', 'etcdclusters', 'etcd.database.coreos.com')],
    ])('%s is not found', async (url, body) => {
      const got = await ask('new', url);
      expect(got).toMatchObject({ code: 404, type: 'application/json' });
      expect(json(got)).toEqual(body);
    });

    const NO_RESOURCE =
      /^\{.*"the server could not find the requested resource","reason":"NotFound","details":\{\},"code":404\}\n$/;
    it.each([
      ['/nothing', 'text/plain', /^404 page not found\n$/],
      ['/apis/nonsense/v1', 'text/plain', /^404 page not found\n$/],
      ['/apis/nonsense/v1/things', 'text/plain', /^404 page not found\n$/],
      ['/apis/etcd.database.coreos.com/v9', 'text/plain', /^404 page not found\n$/],
      ['/apis/etcd.database.coreos.com/v1beta2/nonsense', 'text/plain', /^404 page not found\n$/],
      ['/api/v2', 'application/json', NO_RESOURCE],
      ['/api/v1/nonsense', 'application/json', NO_RESOURCE],
      ['/apis/apps/v9/namespaces/x/deployments', 'application/json', NO_RESOURCE],
      ['/apis/apps/v1/nonsense', 'application/json', NO_RESOURCE],
      ['/api/v1/configmaps/a', 'application/json', NO_RESOURCE],
      ['/api/v1/namespaces/x/nodes', 'application/json', NO_RESOURCE],
      ['/api/v1/nodes/a/b/c', 'application/json', NO_RESOURCE],
    ])('%s is nothing', async (url, type, body) => {
      for (const name of ['old', 'new']) {
        const got = await ask(name, url);
        expect(got).toMatchObject({ code: 404, type });
        expect(got.body).toMatch(body);
      }
    });

    it('of rights are texts on 1.7, and Status objects since', async () => {
      world.deny({ resource: 'configmaps' });
      world.deny({ resource: 'nodes' });
      world.deny({ resource: 'deployments' });
      world.deny({ resource: 'namespaces' });
      const old = await ask('old', `${URL}/x`);
      expect(old).toMatchObject({
        code: 403,
        type: 'text/plain',
        body: 'User "old-admin" cannot get configmaps in the namespace "default".',
      });
      expect((await ask('old', '/api/v1/nodes')).body).toBe('User "old-admin" cannot list nodes at the cluster scope.');
      expect((await ask('old', '/apis/apps/v1beta1/deployments?watch=true')).body).toBe(
        'User "old-admin" cannot watch deployments.apps at the cluster scope.',
      );
      const recent = await ask('new', `${URL}?fieldSelector=metadata.name%3Dx`);
      expect(recent).toMatchObject({ code: 403, type: 'application/json' });
      expect(json(recent)).toMatchObject({
        reason: 'Forbidden',
        message:
          'configmaps "x" is forbidden: User "new-admin" cannot list resource "configmaps" in API group "" in the namespace "default"',
        details: { name: 'x', kind: 'configmaps' },
      });
      expect(json(await ask('new', '/apis/apps/v1/deployments')).message).toBe(
        'deployments.apps is forbidden: User "new-admin" cannot list resource "deployments" in API group "apps" at the cluster scope',
      );
      expect(json(await ask('new', '/api/v1/namespaces/x')).message).toMatch(/in the namespace "x"$/);
    });

    it('of credentials are texts on 1.7, and Status objects since', async () => {
      const config = fs.readFileSync(world.kubeconfigPath, 'utf8');
      await must(world, 'kubectl config set-context old --user=mid-admin');
      await must(world, 'kubectl config set-context new --user=mid-admin');
      const [old, recent] = [await proxied(world, 'old'), await proxied(world, 'new')];
      expect(await old.ask('/version')).toMatchObject({ code: 401, type: 'text/plain', body: 'Unauthorized\n' });
      expect(json(await recent.ask('/version'))).toMatchObject({ reason: 'Unauthorized', code: 401 });
      await old.end();
      await recent.end();
      fs.writeFileSync(world.kubeconfigPath, config);
    });

    it('of methods and media types', async () => {
      expect(json(await ask('new', URL, { method: 'PUT' }))).toMatchObject({ code: 405, reason: 'MethodNotAllowed' });
      expect(json(await ask('new', SSAR))).toMatchObject({ code: 405, reason: 'MethodNotAllowed' });
      expect(json(await ask('new', `${SSAR}/x`))).toMatchObject({ code: 404 });
      expect((await ask('new', URL, { headers: { Accept: 'text/html' } })).code).toBe(406);
      expect((await ask('new', URL, { headers: { Accept: 'application/json;as=Table, */*' } })).code).toBe(200);
    });
  });

  describe('reviews', () => {
    const review = (spec: Dict): { method: string; body: string } => ({
      method: 'POST',
      body: JSON.stringify({ apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec }),
    });
    const attributes = { verb: 'create', group: '', resource: 'configmaps', namespace: 'default' };

    it('say what the user may, and change nothing', async () => {
      const before = world.canonicalState();
      world.deny({ cluster: 'new', verb: 'create', resource: 'configmaps' });
      const got = await ask('new', SSAR, review({ resourceAttributes: attributes }));
      expect(got.code).toBe(201);
      const { group: empty, ...kept } = attributes;
      expect(empty).toBe('');
      expect(json(got)).toEqual({
        kind: 'SelfSubjectAccessReview',
        apiVersion: 'authorization.k8s.io/v1',
        metadata: {},
        spec: { resourceAttributes: kept },
        status: { allowed: false },
      });
      const old = json(await ask('old', SSAR, review({ resourceAttributes: attributes })));
      expect(old).toMatchObject({ metadata: { creationTimestamp: null }, status: { allowed: true } });
      const all = review({ resourceAttributes: { verb: '*', resource: '*' } });
      expect(json(await ask('new', SSAR, all)).status).toEqual({ allowed: false });
      expect(json(await ask('old', SSAR, all)).status).toEqual({ allowed: true });
      world.allowAll();
      expect(world.canonicalState()).toEqual(before);
      expect(world.calls[0]).toMatchObject({
        argv: ['--context=new', 'create', '--raw', SSAR],
        exitCode: 0,
        writes: 0,
      });
    });

    it.each([
      ['{}', 422, 'Invalid'],
      ['junk', 400, 'BadRequest'],
      ['{"apiVersion":"v1","kind":"ConfigMap"}', 400, 'BadRequest'],
    ])('refuse %s', async (body, code, reason) => {
      expect(json(await ask('new', SSAR, { method: 'POST', body }))).toMatchObject({ code, reason });
    });

    it('tell all rights, and know no others than those of oneself', async () => {
      const rules = { method: 'POST', body: JSON.stringify({ spec: { namespace: 'default' } }) };
      const url = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews';
      expect(json(await ask('new', url, rules))).toMatchObject({
        kind: 'SelfSubjectRulesReview',
        spec: { namespace: 'default' },
        status: { incomplete: false, resourceRules: [{ verbs: ['*'] }] },
      });
      const other = await ask('new', '/apis/authentication.k8s.io/v1/tokenreviews', { method: 'POST', body: '{}' });
      expect(json(other)).toMatchObject({ code: 500, message: expect.stringMatching(/does not know/) as string });
    });

    it('refuse other media types', async () => {
      const headers = { 'Content-Type': 'text/plain' };
      expect((await ask('new', SSAR, { method: 'POST', body: '{}', headers })).code).toBe(415);
    });
  });

  it('a create makes the object, as one write of its call', async () => {
    const got = await ask('new', URL, { method: 'POST', body: JSON.stringify(map('made')) });
    expect(got.code).toBe(201);
    expect(json(got)).toMatchObject({ kind: 'ConfigMap', metadata: { name: 'made', namespace: 'default' } });
    expect(world.get('new', 'ConfigMap', 'default', 'made')?.data).toEqual({ a: '1' });
    expect(world.calls[0]).toMatchObject({ writes: 1, effects: ['create new configmaps default/made'] });
    world.deny({ verb: 'create', resource: 'configmaps' });
    expect((await ask('new', URL, { method: 'POST', body: JSON.stringify(map('not')) })).code).toBe(403);
  });

  describe('a watch', () => {
    const watch = (name: string, url: string): ReturnType<Proxied['watch']> => {
      const proxy = proxies[name];
      if (proxy === undefined) throw new Error(`no proxy of ${name}`);
      return proxy.watch(url);
    };
    const brief = (event: Dict | undefined): string =>
      event === undefined
        ? 'over'
        : `${text(event.type)} ${text(at(event, 'object', 'metadata', 'name'))} ${text(at(event, 'object', 'data', 'a'))}`;
    const version = (name: string): string => String(world.clusterState(name).resourceVersion);

    it('tells what is there first, then what comes', async () => {
      await world.put('new', map('b'));
      await world.put('new', map('a'));
      const watching = await watch('new', `${URL}?watch=true`);
      expect([brief(await watching.next()), brief(await watching.next())]).toEqual(['ADDED a 1', 'ADDED b 1']);
      await must(world, `kubectl --context=new -n default patch configmap a -p {"data":{"a":"2"}}`);
      await must(world, `kubectl --context=new -n default delete configmap b`);
      await world.put('new', map('c'));
      const events = [await watching.next(), await watching.next(), await watching.next()];
      expect(events.map(brief)).toEqual(['MODIFIED a 2', 'DELETED b 1', 'ADDED c 1']);
      expect(events[0]?.object).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1' });
      watching.stop();
      await until(() => world.calls[0]?.endedAt !== undefined);
      expect(world.calls[0]).toMatchObject({ argv: ['--context=new', 'get', '--raw', `${URL}?watch=true`] });
    });

    it('starts after the version that it is given, whatever came between', async () => {
      await world.put('new', map('a'));
      const from = version('new');
      await world.put('new', map('a', { a: '2' }));
      await world.remove('new', 'ConfigMap', 'default', 'a');
      const watching = await watch('new', `${URL}?watch=1&resourceVersion=${from}`);
      expect([brief(await watching.next()), brief(await watching.next())]).toEqual(['MODIFIED a 2', 'DELETED a 2']);
      watching.stop();
      const later = await watch('new', `${URL}?watch=1&resourceVersion=${Number(version('new')) + 1}`);
      await world.put('new', map('b'));
      await world.put('new', map('c'));
      expect(brief(await later.next())).toBe('ADDED c 1');
      later.stop();
    });

    it('tells that a namespace is ending, and then that it has', async () => {
      await world.put('new', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'x' } });
      await world.hold('new/Namespace//x');
      const url = `/api/v1/namespaces?watch=true&resourceVersion=${version('new')}`;
      const [all, active] = [await watch('new', url), await watch('new', `${url}&fieldSelector=status.phase%3DActive`)];
      await must(world, 'kubectl --context=new delete ns x --wait=false');
      expect(await all.next()).toMatchObject({ type: 'MODIFIED', object: { status: { phase: 'Terminating' } } });
      expect(await active.next()).toMatchObject({ type: 'DELETED', object: { status: { phase: 'Active' } } });
      await world.release('new/Namespace//x');
      expect(await all.next()).toMatchObject({ type: 'DELETED', object: { metadata: { name: 'x' } } });
      all.stop();
      active.stop();
    });

    it('tells each state that controllers bring about, in order', async () => {
      const deployed: KubeObject = {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'd', namespace: 'default' },
        spec: {
          selector: { matchLabels: { app: 'd' } },
          template: { metadata: { labels: { app: 'd' } }, spec: { containers: [{ name: 'd', image: 'd:1' }] } },
        },
      };
      const url = `/apis/apps/v1/namespaces/default/deployments?watch=true&fieldSelector=metadata.name%3Dd&resourceVersion=${version('new')}`;
      const watching = await watch('new', url);
      await must(world, 'kubectl --context=new apply -f -', documents([deployed]));
      const [first, second] = [await watching.next(), await watching.next()];
      expect(first?.type).toBe('ADDED');
      expect(at(first, 'object', 'status')).toBeUndefined();
      expect(at(second, 'object', 'status', 'availableReplicas')).toBe(1);
      watching.stop();
    });

    it.each([
      ['new', true],
      ['old', false],
    ])('of %s gives a deleted object the version of its end: %p', async (name, ownVersion) => {
      await world.put(name, map('a'));
      const from = version(name);
      const watching = await watch(name, `${URL}?watch=true&resourceVersion=${from}`);
      await world.remove(name, 'ConfigMap', 'default', 'a');
      const event = await watching.next();
      expect(event?.type).toBe('DELETED');
      expect(at(event, 'object', 'metadata', 'resourceVersion') === from).toBe(!ownVersion);
      watching.stop();
    });

    it('tells of objects that begin and cease to be selected', async () => {
      await world.put('new', map('w'));
      const watching = await watch('new', `${URL}?watch=true&labelSelector=x%3Dy&resourceVersion=${version('new')}`);
      await world.put('new', map('w', { a: '2' }, { x: 'y' }));
      await world.put('new', map('w', { a: '3' }));
      await world.put('new', map('other', { a: '4' }));
      await world.put('new', map('v', { a: '5' }, { x: 'y' }));
      const events = [await watching.next(), await watching.next(), await watching.next()];
      expect(events.map(brief)).toEqual(['ADDED w 2', 'DELETED w 2', 'ADDED v 5']);
      watching.stop();
    });

    it('keeps to its namespace and its type', async () => {
      const watching = await watch('new', `${URL}?watch=true&resourceVersion=${version('new')}`);
      const elsewhere = map('a');
      elsewhere.metadata.namespace = 'kube-system';
      await world.put('new', elsewhere);
      await world.put('new', { ...map('a'), kind: 'Secret', data: {} });
      await world.put('new', map('mine'));
      expect(brief(await watching.next())).toBe('ADDED mine 1');
      watching.stop();
    });

    it.each([
      ['new', 'Expired'],
      ['old', 'Gone'],
    ])('of %s ends with 410 %s where the version is too old', async (name, reason) => {
      await world.put(name, map('a'));
      const from = version(name);
      await world.put(name, map('b'));
      world.forgetChanges(name);
      const watching = await watch(name, `${URL}?watch=true&resourceVersion=${from}`);
      expect(await watching.next()).toEqual({
        type: 'ERROR',
        object: {
          kind: 'Status',
          apiVersion: 'v1',
          metadata: {},
          status: 'Failure',
          message: `too old resource version: ${from} (${version(name)})`,
          reason,
          code: 410,
        },
      });
      expect(await watching.ended).toBe('end');
      const again = await watch(name, `${URL}?watch=true&resourceVersion=${version(name)}`);
      await world.put(name, map('c'));
      expect(brief(await again.next())).toBe('ADDED c 1');
      again.stop();
    });

    it('cannot start from before what a server remembers', async () => {
      await world.put('new', map('a'));
      const from = version('new');
      const api = world.cluster('new');
      const type = api.type('ConfigMap');
      for (let count = 0; type !== undefined && count < 2001; count += 1) {
        api.update(type, map('a', { a: String(count) }));
      }
      const watching = await watch('new', `${URL}?watch=true&resourceVersion=${from}`);
      expect(await watching.next()).toMatchObject({ type: 'ERROR', object: { code: 410 } });
    });

    it('refuses a version that is none', async () => {
      expect(json(await ask('new', `${URL}?watch=true&resourceVersion=xyz`))).toMatchObject({
        code: 500,
        message: 'resourceVersion: Invalid value: "xyz": strconv.ParseUint: parsing "xyz": invalid syntax',
      });
    });

    it('ends when its time is over', async () => {
      const watching = await watch('new', `${URL}?watch=true&timeoutSeconds=1`);
      expect(await watching.ended).toBe('end');
      await until(() => world.calls[0]?.endedAt !== undefined);
      const { stdout } = world.calls[0] ?? {};
      await world.put('new', map('late'));
      expect(world.calls[0]).toMatchObject({ exitCode: 0, stdout });
    });

    it('is cut when the server goes', async () => {
      const watching = await watch('new', `${URL}?watch=true`);
      await world.setOnline('new', false);
      expect(await watching.ended).toBe('ECONNRESET');
    });

    it('is a plain read where a name is asked for', async () => {
      await world.put('new', map('a'));
      expect(json(await ask('new', `${URL}/a?watch=true`))).toMatchObject({ kind: 'ConfigMap' });
    });
  });

  describe('kubectl get --raw', () => {
    it.each(['old', 'mid', 'new'])('of %s says the same', async (name) => {
      await world.put(name, map('m'));
      for (const url of [
        '/version',
        '/healthz',
        '/api',
        '/apis',
        '/api/v1',
        `${URL}/m`,
        URL,
        ETCD,
        '/apis/apps/v1beta1',
      ]) {
        const got = await ask(name, url);
        const ran = await sh(world, `kubectl --context=${name} get --raw ${url}`);
        if (got.code === 200) expect(ran).toEqual({ code: 0, stdout: got.body, stderr: '' });
        else {
          const stderr = 'Error from server (NotFound): the server could not find the requested resource\n';
          expect(ran).toEqual({ code: 1, stdout: '', stderr });
        }
      }
    });

    it('words refusals as kubectl does', async () => {
      const raw = (name: string, url: string): ReturnType<typeof sh> =>
        sh(world, `kubectl --context=${name} get --raw ${url}`);
      expect((await raw('new', `${URL}/x`)).stderr).toBe('Error from server (NotFound): configmaps "x" not found\n');
      expect((await raw('new', '/apis/nope/v1')).stderr).toBe(
        'Error from server (NotFound): the server could not find the requested resource\n',
      );
      world.deny({ resource: 'configmaps' });
      expect((await raw('old', URL)).stderr).toBe(
        'Error from server (Forbidden): User "old-admin" cannot list configmaps in the namespace "default".\n',
      );
      expect((await raw('new', URL)).stderr).toMatch(/^Error from server \(Forbidden\): configmaps is forbidden: User/);
      expect((await sh(world, `kubectl --context=old --as=me get --raw ${URL}`)).stderr).toMatch(/User "me" cannot/);
      await world.setOnline('new', false);
      expect((await raw('new', URL)).stderr).toBe(
        'The connection to the server 10.11.12.3:6443 was refused - did you specify the right host or port?\n',
      );
    });

    it('asks for no types first, so that it words an unknown context in its own way', async () => {
      const unknown = (line: string): ReturnType<typeof sh> => sh(world, `kubectl --context=nope ${line}`);
      const own = 'error: context "nope" does not exist\n';
      expect((await unknown('get --raw /version')).stderr).toBe(own);
      expect((await unknown('proxy --unix-socket=n.sock')).stderr).toBe(own);
      expect((await unknown('get nodes')).stderr).toMatch(/^Error in configuration: /);
    });

    it('prints what a watch tells until it is over', async () => {
      await world.put('new', map('m'));
      const { stdout } = await must(world, `kubectl --context=new get --raw ${URL}?watch=true&timeoutSeconds=1`);
      expect(JSON.parse(stdout)).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'm' } } });
    });
  });
});
