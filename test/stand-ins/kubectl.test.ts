import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { daemonSet, deployment, documents, must, sh, write } from './fixtures';
import { at, type Json, type KubeObject } from './json';
import { World } from './world';

const MAP = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm', namespace: 'default' }, data: { a: '1' } };

/** Two maps as JSON, with something between them. */
function joined(between: string): string {
  const maps = ['x', 'y'].map((name) => ({ ...MAP, metadata: { name, namespace: 'default' } }));
  return maps.map((map) => JSON.stringify(map)).join(between);
}

function json(text: string): Json {
  return JSON.parse(text) as Json;
}

describe('kubectl 1.7', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.start();
  });
  afterEach(async () => {
    expect(world.mishaps).toEqual([]);
    await world.close();
  });

  describe('contexts and versions', () => {
    it('tells client and server', async () => {
      const { stdout } = await must(world, 'kubectl version -o json --context usa');
      expect(json(stdout)).toMatchObject({
        clientVersion: { gitVersion: 'v1.7.3' },
        serverVersion: { gitVersion: 'v1.7.3' },
      });
    });

    it('refuses a context that does not exist', async () => {
      expect(await sh(world, 'kubectl get nodes --context nope')).toEqual({
        code: 1,
        stdout: '',
        stderr: 'error: context "nope" does not exist\n',
      });
    });

    it('shows the client though the server is away', async () => {
      await world.setOnline('usa', false);
      const ran = await sh(world, 'kubectl version -o json --context usa');
      expect(ran.code).toBe(1);
      expect(json(ran.stdout)).toMatchObject({ clientVersion: { gitVersion: 'v1.7.3' } });
      expect(ran.stderr).toBe(
        'The connection to the server 10.11.12.2:6443 was refused - did you specify the right host or port?\n',
      );
    });

    it('notices another server at the address', async () => {
      world.replaceAuthority('usa');
      expect((await sh(world, 'kubectl get nodes --context usa')).stderr).toBe(
        'Unable to connect to the server: x509: certificate signed by unknown authority\n',
      );
    });

    it('says what is no kubeconfig', async () => {
      writeFileSync(world.kubeconfigPath, 'a: [');
      const ran = await sh(world, 'kubectl get nodes');
      expect(ran.code).toBe(1);
      expect(ran.stderr).toMatch(/^error: error loading config file ".*config": yaml: /);
    });

    it('reaches nobody at an unknown address', async () => {
      const text = readFileSync(world.kubeconfigPath, 'utf8').replace('10.11.12.2:6443', '10.99.0.1:6443');
      writeFileSync(world.kubeconfigPath, text);
      expect((await sh(world, 'kubectl get nodes --context usa')).stderr).toBe(
        'Unable to connect to the server: dial tcp 10.99.0.1:6443: i/o timeout\n',
      );
    });

    it('hides secrets in config view unless --raw', async () => {
      const shown = await must(world, 'kubectl config view -o json');
      expect(shown.stdout).toContain('"client-key-data": "REDACTED"');
      const raw = await must(world, 'kubectl config view -o json --raw');
      expect(raw.stdout).not.toContain('REDACTED');
    });

    it('edits the kubeconfig', async () => {
      expect((await must(world, 'kubectl config current-context')).stdout).toBe('fcp\n');
      expect((await must(world, 'kubectl config use-context usa')).stdout).toBe('Switched to context "usa".\n');
      expect((await must(world, 'kubectl config get-contexts -o name')).stdout).toBe('chn\nfcp\nusa\n');
      await must(world, 'kubectl config delete-context chn');
      await must(world, 'kubectl config delete-cluster chn-cluster');
      await must(world, 'kubectl config unset users.chn-admin');
      expect((await must(world, 'kubectl config get-contexts -o name')).stdout).toBe('fcp\nusa\n');
      expect(world.writes).toBe(4);
      expect(statSync(world.kubeconfigPath).mode & 0o777).toBe(0o600);
      expect((await sh(world, 'kubectl config use-context chn')).stderr).toBe(
        'error: no context exists with the name: "chn".\n',
      );
      // What is so already is no write.
      await must(world, 'kubectl config use-context usa');
      expect(world.writes).toBe(4);
    });
  });

  describe('what a server serves', () => {
    it.each(['v1', 'v1beta2'])('refuses a Deployment in apps/%s, which this kubectl does not know', async (version) => {
      const object = { ...deployment('d', 'default', 'nginx:1'), apiVersion: `apps/${version}` };
      const ran = await sh(world, 'kubectl apply -f -', documents([object]));
      const why = `no kind "Deployment" is registered for version "apps/${version}"`;
      expect(ran).toEqual({
        code: 1,
        stdout: '',
        stderr: `Error from server (BadRequest): error when creating "STDIN": Deployment in version "${version}" cannot be handled as a Deployment: ${why}\n`,
      });
    });

    it.each(['apps/v1beta1', 'extensions/v1beta1'])('takes a Deployment in %s', async (apiVersion) => {
      const object = { ...deployment('d', 'default', 'nginx:1'), apiVersion };
      await must(world, 'kubectl apply -f -', documents([object]));
    });

    it('knows RBAC in v1beta1 and not in v1', async () => {
      const versions = (await must(world, 'kubectl api-versions')).stdout.split('\n');
      expect(versions).toContain('rbac.authorization.k8s.io/v1beta1');
      expect(versions).not.toContain('rbac.authorization.k8s.io/v1');
      expect(versions).toContain('apiextensions.k8s.io/v1beta1');
      expect(versions).not.toContain('apps/v1');
    });

    it('applies the rest where one kind is not served', async () => {
      const ran = await sh(world, 'kubectl apply -f -', documents([{ ...MAP, apiVersion: 'v7' }, MAP]));
      expect(ran.code).toBe(1);
      expect(ran.stdout).toBe('configmap "m" created\n');
    });

    it('refuses fields that 1.7 does not know', async () => {
      const object = deployment('d', 'default', 'nginx:1', { securityContext: { allowPrivilegeEscalation: false } });
      const ran = await sh(world, 'kubectl apply -f -', documents([object]));
      expect(ran.stderr).toMatch(/error validating "STDIN": .*found invalid field allowPrivilegeEscalation/);
      await must(world, 'kubectl apply --validate=false -f -', documents([object]));
    });

    it('answers discovery', async () => {
      expect(json((await must(world, 'kubectl get --raw=/version')).stdout)).toMatchObject({ gitVersion: 'v1.7.3' });
      expect((await must(world, 'kubectl get --raw=/healthz')).stdout).toBe('ok');
      expect(json((await must(world, 'kubectl get --raw /api')).stdout)).toMatchObject({ versions: ['v1'] });
      const groups = json((await must(world, 'kubectl get --raw /apis')).stdout);
      expect(JSON.stringify(groups)).toContain('"groupVersion":"extensions/v1beta1"');
      const types = json((await must(world, 'kubectl get --raw /apis/extensions/v1beta1')).stdout);
      expect(JSON.stringify(types)).toContain('"name":"daemonsets"');
    });
  });

  describe('apply', () => {
    it('creates, leaves alone, configures; 1.7 says configured either way', async () => {
      expect((await must(world, 'kubectl apply -f -', documents([MAP]))).stdout).toBe('configmap "m" created\n');
      expect((await must(world, 'kubectl apply -f -', documents([MAP]))).stdout).toBe('configmap "m" configured\n');
      expect(world.writes).toBe(1);
      await must(world, 'kubectl apply -f -', documents([{ ...MAP, data: { b: '2' } }]));
      expect(world.writes).toBe(2);
      expect(world.get('fcp', 'ConfigMap', 'default', 'm')?.data).toEqual({ b: '2' });
    });

    it('keeps what others wrote and takes back what it wrote itself', async () => {
      await must(world, 'kubectl apply -f -', documents([MAP]));
      await must(world, `kubectl patch cm m --type=merge -p '{"data":{"theirs":"x"}}'`);
      await must(world, 'kubectl apply -f -', documents([{ ...MAP, data: { c: '3' } }]));
      expect(world.get('fcp', 'ConfigMap', 'default', 'm')?.data).toEqual({ theirs: 'x', c: '3' });
    });

    it('merges containers and env by name', async () => {
      const object = deployment('d', 'default', 'nginx:1', { env: [{ name: 'A', value: '1' }] });
      await must(world, 'kubectl apply -f -', documents([object]));
      const patch =
        '{"spec":{"template":{"spec":{"containers":[{"name":"d","env":[{"name":"B","value":"2"}]},{"name":"side","image":"s:1"}]}}}}';
      await must(world, `kubectl patch deploy d -p '${patch}'`);
      await must(
        world,
        'kubectl apply -f -',
        documents([deployment('d', 'default', 'nginx:2', { env: [{ name: 'A', value: '3' }] })]),
      );
      const containers = at(world.get('fcp', 'Deployment', 'default', 'd'), 'spec', 'template', 'spec', 'containers');
      expect(containers).toMatchObject([
        {
          name: 'd',
          image: 'nginx:2',
          env: [
            { name: 'A', value: '3' },
            { name: 'B', value: '2' },
          ],
        },
        { name: 'side', image: 's:1' },
      ]);
    });

    it('warns of objects that create made', async () => {
      await must(world, 'kubectl create -f -', documents([MAP]));
      const ran = await must(world, 'kubectl apply -f -', documents([MAP]));
      expect(ran.stderr).toMatch(/^Warning: kubectl apply should be used on resource created by/);
    });

    it('wants the namespace to be there', async () => {
      const ran = await sh(world, 'kubectl apply -n nowhere -f -', documents([{ ...MAP, metadata: { name: 'm' } }]));
      expect(ran.stderr).toBe(
        'Error from server (NotFound): error when creating "STDIN": namespaces "nowhere" not found\n',
      );
      const other = await sh(world, 'kubectl apply -n kube-system -f -', documents([MAP]));
      expect(other.stderr).toMatch(/does not match the namespace "kube-system"/);
    });

    it('reads folders in order of names, JSON and YAML', async () => {
      write(world, 'b.yaml', documents([{ ...MAP, metadata: { name: 'b' } }]));
      write(world, 'a.json', JSON.stringify({ ...MAP, metadata: { name: 'a' } }));
      const ran = await must(world, `kubectl apply -f ${world.dir} --context usa`);
      expect(ran.stdout).toBe('configmap "a" created\nconfigmap "b" created\n');
    });

    it('has none of the newer flags', async () => {
      const ran = await sh(world, 'kubectl apply --server-side -f -', documents([MAP]));
      expect(ran).toMatchObject({ code: 1, stdout: '' });
      expect(ran.stderr).toMatch(/^Error: unknown flag: --server-side/);
      expect((await sh(world, 'kubectl diff -f -')).stderr).toMatch(/unknown command "diff"/);
      expect((await sh(world, 'kubectl wait --for=delete pod/x')).stderr).toMatch(/unknown command "wait"/);
      expect((await sh(world, 'kubectl rollout status deploy/x --timeout=3s')).stderr).toMatch(
        /unknown flag: --timeout/,
      );
      expect((await sh(world, 'kubectl apply --dry-run=server -f -', documents([MAP]))).code).toBe(1);
    });
  });

  describe('get', () => {
    it('reads one, several, whole types and files', async () => {
      await must(world, 'kubectl apply -f -', documents([MAP]));
      const one = json((await must(world, 'kubectl get cm m -o json')).stdout);
      expect(at(one, 'data', 'a')).toBe('1');
      const two = await sh(world, 'kubectl get cm/m svc/kubernetes svc/none -o json');
      expect(two.code).toBe(1);
      expect(two.stderr).toBe('Error from server (NotFound): services "none" not found\n');
      expect(at(json(two.stdout), 'kind')).toBe('List');
      expect((await must(world, 'kubectl get nodes -o name')).stdout).toBe(
        'nodes/fcp-node-1\nnodes/fcp-node-2\nnodes/fcp-node-3\n',
      );
      expect((await must(world, 'kubectl get -f - -o jsonpath={.items[0].data.a}', documents([MAP]))).stdout).toBe('1');
      expect((await must(world, 'kubectl get cm gone --ignore-not-found -o json')).stdout).toBe('');
      const system = json(
        (await must(world, 'kubectl get pods -l component=kube-controller-manager --all-namespaces -o json')).stdout,
      );
      expect(JSON.stringify(at(system, 'items', 0, 'spec'))).toContain('--cloud-provider=external');
      const names = await must(world, `kubectl get nodes -o jsonpath='{.items[*].metadata.name}'`);
      expect(names.stdout).toBe('fcp-node-1 fcp-node-2 fcp-node-3');
      const ready = await must(
        world,
        `kubectl get node fcp-node-1 -o jsonpath='{.status.conditions[?(@.type=="Ready")].status}'`,
      );
      expect(ready.stdout).toBe('True');
    });

    it('gives Deployments in the version that 1.7 prefers', async () => {
      const dns = json((await must(world, 'kubectl get deploy kube-dns -n kube-system -o json')).stdout);
      expect(dns).toMatchObject({
        apiVersion: 'extensions/v1beta1',
        status: { availableReplicas: 1, observedGeneration: 1 },
      });
    });

    it('does not know every type', async () => {
      expect((await sh(world, 'kubectl get etcdclusters')).stderr).toBe(
        'the server doesn\'t have a resource type "etcdclusters"\n',
      );
    });
  });

  describe('standard input', () => {
    it('is JSON to its end where it begins with a brace, one document after another', async () => {
      expect((await must(world, 'kubectl create -f - -o name', joined('\n'))).stdout).toBe(
        'configmaps/x\nconfigmaps/y\n',
      );
      expect(await sh(world, 'kubectl get -f - -o name', joined('\n---\n'))).toMatchObject({
        code: 1,
        stdout: 'configmaps/x\n',
        stderr: "error: json: line 2: invalid character '-' in numeric literal\n",
      });
      expect((await must(world, 'kubectl get -f - -o name', `---\n${joined('\n---\n')}`)).stdout).toBe(
        'configmaps/x\nconfigmaps/y\n',
      );
    });
  });

  describe('single writes', () => {
    it('labels all nodes, one write each, and refuses to overwrite', async () => {
      await must(world, 'kubectl label --all nodes zone=fr');
      expect(world.calls[0]).toMatchObject({
        writes: 3,
        effects: expect.arrayContaining(['update fcp nodes fcp-node-1']) as string[],
      });
      const again = await sh(world, 'kubectl label --all nodes zone=fr');
      expect(again.code).toBe(1);
      expect(again.stderr).toBe("'zone' already has a value (fr), and --overwrite is false\n".repeat(3));
      await must(world, 'kubectl label --all nodes zone=fr --overwrite');
      expect(world.writes).toBe(3);
      await must(world, 'kubectl label node fcp-node-1 zone-');
      expect(world.get('fcp', 'Node', undefined, 'fcp-node-1')?.metadata.labels?.zone).toBeUndefined();
    });

    it('locks by resourceVersion', async () => {
      await must(world, 'kubectl create -f -', documents([MAP]));
      const old = world.get('fcp', 'ConfigMap', 'default', 'm')?.metadata.resourceVersion ?? '';
      await must(world, 'kubectl annotate cm m by=somebody');
      const patch = JSON.stringify({ metadata: { resourceVersion: old }, data: { a: '2' } });
      const ran = await sh(world, `kubectl patch cm m --type=merge -p '${patch}'`);
      expect(ran).toEqual({
        code: 1,
        stdout: '',
        stderr:
          'Error from server (Conflict): Operation cannot be fulfilled on configmaps "m": the object has been modified; please apply your changes to the latest version and try again\n',
      });
      const replaced = await sh(
        world,
        'kubectl replace -f -',
        documents([{ ...MAP, metadata: { ...MAP.metadata, resourceVersion: old } }]),
      );
      expect(replaced.stderr).toMatch(/^Error from server \(Conflict\)/);
    });

    it('patches in three ways and shows the result', async () => {
      await must(world, 'kubectl create -f -', documents([MAP]));
      const shown = await must(
        world,
        `kubectl patch cm m --type=json -p '[{"op":"add","path":"/data/b","value":"2"}]' -o json`,
      );
      expect(at(json(shown.stdout), 'data')).toEqual({ a: '1', b: '2' });
      await must(world, `kubectl patch cm m --type=merge -p '{"data":{"a":null}}'`);
      expect(world.get('fcp', 'ConfigMap', 'default', 'm')?.data).toEqual({ b: '2' });
      const bad = await sh(world, `kubectl patch cm m --type=json -p '[{"op":"test","path":"/data/b","value":"9"}]'`);
      expect(bad.code).toBe(1);
      expect((await sh(world, `kubectl patch cm none -p '{}'`)).stderr).toMatch(/^Error from server \(NotFound\)/);
    });

    it('replaces args whole in a strategic merge', async () => {
      const patch = '{"spec":{"template":{"spec":{"containers":[{"name":"dnsmasq","args":["-k"]}]}}}}';
      await must(world, `kubectl patch deploy kube-dns -n kube-system -p '${patch}'`);
      const containers = at(
        world.get('fcp', 'Deployment', 'kube-system', 'kube-dns'),
        'spec',
        'template',
        'spec',
        'containers',
      );
      expect(containers).toMatchObject([{ name: 'kubedns' }, { name: 'dnsmasq', args: ['-k'] }, { name: 'sidecar' }]);
    });

    it('takes 53/UDP and 53/TCP for the same port in a strategic merge', async () => {
      const service = {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'dns' },
        spec: {
          type: 'NodePort',
          selector: { app: 'x' },
          ports: ['UDP', 'TCP'].map((protocol) => ({ name: protocol.toLowerCase(), port: 53, protocol })),
        },
      };
      await must(world, 'kubectl create -f -', documents([service]));
      const ports = '[{"port":53,"protocol":"UDP","nodePort":31000},{"port":53,"protocol":"TCP","nodePort":31000}]';
      const ran = await sh(world, `kubectl patch svc dns -p '{"spec":{"ports":${ports}}}'`);
      expect(ran.stderr).toMatch(/Service "dns" is invalid: spec.ports\[1\]: Duplicate value/);
      const merge = await sh(world, `kubectl patch svc dns --type=merge -p '{"spec":{"ports":${ports}}}'`);
      expect(merge.stderr).toBe(
        'The Service "dns" is invalid: spec.ports[1].nodePort: Invalid value: 31000: provided port is already allocated\n',
      );
    });

    it('gives and refuses node ports', async () => {
      const service = (name: string, nodePort?: number): KubeObject => ({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name, namespace: 'default' },
        spec: {
          type: 'NodePort',
          selector: { app: 'x' },
          ports: [{ port: 80, ...(nodePort === undefined ? {} : { nodePort }) }],
        },
      });
      await must(world, 'kubectl create -f -', documents([service('free')]));
      expect(at(world.get('fcp', 'Service', 'default', 'free'), 'spec', 'ports', 0, 'nodePort')).toBeGreaterThanOrEqual(
        30000,
      );
      const out = await sh(world, 'kubectl create -f -', documents([service('out', 80)]));
      expect(out.stderr).toMatch(/provided port is not in the valid range/);
      await must(world, 'kubectl create -f -', documents([service('one', 31234)]));
      const two = await sh(world, 'kubectl create -f -', documents([service('two', 31234)]));
      expect(two.stderr).toMatch(/31234: provided port is already allocated/);
    });

    it('deletes, with what hangs on it', async () => {
      await must(world, 'kubectl apply -f -', documents([deployment('d', 'default', 'nginx:1')]));
      expect(world.list('fcp', 'Pod', 'default')).toHaveLength(1);
      expect((await must(world, 'kubectl delete deploy d')).stdout).toBe('deployment "d" deleted\n');
      expect(world.list('fcp', 'Pod', 'default')).toHaveLength(0);
      expect((await sh(world, 'kubectl delete deploy d')).stderr).toBe(
        'Error from server (NotFound): deployments.extensions "d" not found\n',
      );
      await must(world, 'kubectl delete deploy d --ignore-not-found');
      await must(world, 'kubectl create ns x');
      await must(world, 'kubectl create serviceaccount s -n x');
      await must(world, 'kubectl delete ns x');
      expect(world.list('fcp', 'ServiceAccount', 'x')).toHaveLength(0);
      expect((await sh(world, 'kubectl delete ns default')).stderr).toMatch(/this namespace may not be deleted/);
      expect((await sh(world, 'kubectl delete cm')).stderr).toMatch(/no name, label selector, or --all flag/);
    });

    it('creates what exists already only once', async () => {
      await must(world, 'kubectl create ns x');
      expect((await sh(world, 'kubectl create ns x')).stderr).toBe(
        'Error from server (AlreadyExists): namespaces "x" already exists\n',
      );
    });
  });

  describe('rights', () => {
    it('tells them, and holds to them', async () => {
      expect(await must(world, 'kubectl auth can-i create deployments --context usa')).toMatchObject({
        stdout: 'yes\n',
        code: 0,
      });
      world.deny({ cluster: 'usa', verb: 'create', resource: 'deployments' });
      expect(await sh(world, 'kubectl auth can-i create deployments.extensions --context usa')).toMatchObject({
        stdout: 'no\n',
        code: 0,
      });
      expect(await sh(world, 'kubectl auth can-i create deployments.extensions -q --context usa')).toMatchObject({
        stdout: '',
        code: 1,
      });
      expect(await sh(world, 'kubectl auth can-i create deployments --context fcp')).toMatchObject({ stdout: 'yes\n' });
      const ran = await sh(world, 'kubectl apply --context usa -f -', documents([deployment('d', 'default', 'n:1')]));
      expect(ran.stderr).toMatch(
        /^Error from server \(Forbidden\): error when creating "STDIN": User "usa-admin" cannot create deployments/,
      );
    });

    it('answers reviews without storing them', async () => {
      const review = {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        metadata: { name: '' },
        spec: { resourceAttributes: { verb: 'delete', resource: 'nodes' } },
      };
      world.deny({ verb: 'delete', resource: 'nodes' });
      const { stdout } = await must(world, 'kubectl create -f - -o json', JSON.stringify(review));
      expect(json(stdout)).toMatchObject({ status: { allowed: false } });
      expect(world.writes).toBe(0);
    });
  });

  describe('what takes its time', () => {
    it('a namespace that ends takes nothing new, and cannot be made anew', async () => {
      await must(world, 'kubectl create ns x');
      await world.hold('fcp/Namespace//x');
      await must(world, 'kubectl delete ns x');
      expect(world.get('fcp', 'Namespace', undefined, 'x')?.status).toEqual({ phase: 'Terminating' });
      expect((await sh(world, 'kubectl create serviceaccount s -n x')).stderr).toBe(
        'Error from server (Forbidden): serviceaccounts "s" is forbidden: unable to create new content in namespace x because it is being terminated.\n',
      );
      expect((await sh(world, 'kubectl create ns x')).stderr).toMatch(/AlreadyExists\): object is being deleted/);
      await world.release('fcp/Namespace//x');
      expect(world.get('fcp', 'Namespace', undefined, 'x')).toBeUndefined();
    });

    it('pods of a DaemonSet of the old kind stay till they are deleted', async () => {
      const daemons = (image: string): KubeObject => daemonSet('d', image);
      await must(world, 'kubectl apply -f -', documents([daemons('nginx:1')]));
      await must(world, 'kubectl apply -f -', documents([daemons('nginx:2')]));
      expect(JSON.stringify(world.list('fcp', 'Pod', 'default'))).not.toContain('nginx:2');
      expect(world.get('fcp', 'DaemonSet', 'default', 'd')?.status).toMatchObject({
        updatedNumberScheduled: 0,
        numberReady: 3,
      });
      await must(world, 'kubectl delete pods -l app=d');
      expect(JSON.stringify(world.list('fcp', 'Pod', 'default'))).not.toContain('nginx:1');
    });
  });

  describe('waiting', () => {
    it('ends when a Deployment is rolled out', async () => {
      await world.hold('fcp/Deployment/default/d');
      await must(world, 'kubectl apply -f -', documents([deployment('d', 'default', 'nginx:1')]));
      const waiting = must(world, 'kubectl rollout status deploy/d');
      await world.release('fcp/Deployment/default/d');
      expect((await waiting).stdout).toContain('deployment "d" successfully rolled out\n');
    });

    it('has no status for DaemonSets of the old kind', async () => {
      await must(world, 'kubectl apply -f -', documents([daemonSet('d', 'nginx:1')]));
      expect((await sh(world, 'kubectl rollout status ds/d')).stderr).toBe(
        'error: Status is available only for RollingUpdate strategy type\n',
      );
      expect(at(world.get('fcp', 'DaemonSet', 'default', 'd'), 'status', 'numberReady')).toBe(3);
    });
  });
});

describe('kubectl of today', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.start({
      kubectlVersion: '1.30.0',
      clusters: [
        { name: 'new', server: '10.11.12.9:6443', kubernetesVersion: '1.30.2' },
        { name: 'old', server: '10.11.12.8:6443', kubernetesVersion: '1.11.3' },
      ],
    });
  });
  afterEach(async () => {
    expect(world.mishaps).toEqual([]);
    await world.close();
  });

  const web = (extra: Json = {}): Parameters<typeof documents>[0][number] => ({
    ...deployment('web', 'default', 'nginx:1'),
    apiVersion: 'apps/v1',
    spec: {
      ...(at(deployment('web', 'default', 'nginx:1'), 'spec') as object),
      selector: { matchLabels: { app: 'web' } },
      ...(extra as object),
    },
  });

  it('words things as it does today', async () => {
    expect((await must(world, 'kubectl apply -f -', documents([web()]))).stdout).toBe('deployment.apps/web created\n');
    expect((await must(world, 'kubectl apply -f -', documents([web()]))).stdout).toBe(
      'deployment.apps/web unchanged\n',
    );
    expect((await must(world, 'kubectl get deploy -o name')).stdout).toBe('deployment.apps/web\n');
    expect((await must(world, 'kubectl delete deploy web')).stdout).toBe('deployment.apps "web" deleted\n');
    expect((await sh(world, 'kubectl get --nope')).stderr).toBe(
      "error: unknown flag: --nope\nSee 'kubectl get --help' for usage.\n",
    );
    const old = await sh(world, 'kubectl apply -f -', documents([deployment('d', 'default', 'n:1')]));
    expect(old.stderr).toMatch(/no matches for kind "Deployment" in version "extensions\/v1beta1"/);
  });

  it('complains more than once where nobody answers', async () => {
    await world.setOnline('new', false);
    const lines = (await sh(world, 'kubectl get nodes')).stderr.trimEnd().split('\n');
    expect(lines).toHaveLength(6);
    expect(lines[0]).toMatch(/memcache\.go:265\] couldn't get current server API group list: /);
    expect(lines[5]).toBe(
      'The connection to the server 10.11.12.9:6443 was refused - did you specify the right host or port?',
    );
    expect((await sh(world, 'kubectl get nodes --context nope')).stderr).toBe(
      'Error in configuration: context was not found for specified context: nope\n',
    );
  });

  it('waits for what it deletes', async () => {
    await must(world, 'kubectl create ns x');
    await world.hold('new/Namespace//x');
    expect((await sh(world, 'kubectl delete ns x --timeout=20ms')).stderr).toMatch(
      /timed out waiting for the condition on namespaces\/x/,
    );
    await must(world, 'kubectl delete ns x --wait=false');
    const waiting = must(world, 'kubectl delete ns x');
    await new Promise((resolve) => setTimeout(resolve, 20));
    await world.release('new/Namespace//x');
    expect((await waiting).stdout).toBe('namespace "x" deleted\n');
  });

  it('shows differences, exit code 1', async () => {
    await must(world, 'kubectl apply -f -', documents([web()]));
    expect(await sh(world, 'kubectl diff -f -', documents([web()]))).toMatchObject({ code: 0, stdout: '' });
    const ran = await sh(world, 'kubectl diff -f -', documents([web({ replicas: 3 })]));
    expect(ran.code).toBe(1);
    expect(ran.stdout).toMatch(/^-\s+replicas: 1$/m);
    expect(ran.stdout).toMatch(/^\+\s+replicas: 3$/m);
    expect(world.writes).toBe(1);
  });

  it('waits for conditions, with an end', async () => {
    await world.hold('new/Deployment/default/web');
    await must(world, 'kubectl apply -f -', documents([web()]));
    const late = await sh(world, 'kubectl wait deploy/web --for=condition=Available --timeout=20ms');
    expect(late).toMatchObject({ code: 1, stderr: 'error: timed out waiting for the condition on deployments/web\n' });
    await world.release('new/Deployment/default/web');
    expect((await must(world, 'kubectl wait deploy/web --for=condition=Available')).stdout).toBe(
      'deployment.apps/web condition met\n',
    );
    expect((await sh(world, 'kubectl rollout status deploy/web --timeout=60s')).code).toBe(0);
  });

  it('applies on the server, and names the owner of a field in dispute', async () => {
    await must(world, 'kubectl apply -f -', documents([web()]));
    await must(world, 'kubectl scale deploy/web --replicas=5');
    const ran = await sh(
      world,
      'kubectl apply --server-side --field-manager=tool -f -',
      documents([web({ replicas: 2 })]),
    );
    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(
      /^error: Apply failed with 1 conflict: conflict with "kubectl-scale" using apps\/v1: \.spec\.replicas\n/,
    );
    const forced = await must(
      world,
      'kubectl apply --server-side --force-conflicts --field-manager=tool -f -',
      documents([web({ replicas: 2 })]),
    );
    expect(forced.stdout).toBe('deployment.apps/web serverside-applied\n');
    expect(at(world.get('new', 'Deployment', 'default', 'web'), 'spec', 'replicas')).toBe(2);
    const before = world.writes;
    await must(world, 'kubectl apply --server-side --field-manager=tool -f -', documents([web({ replicas: 2 })]));
    expect(world.writes).toBe(before);
  });

  it('leaves fields to others that it does not send, and takes back its own', async () => {
    const map = (data: Record<string, string>): Parameters<typeof documents>[0][number] => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'm', namespace: 'default' },
      data,
    });
    await must(world, 'kubectl apply --server-side --field-manager=one -f -', documents([map({ a: '1', b: '1' })]));
    await must(world, 'kubectl apply --server-side --field-manager=two -f -', documents([map({ c: '2' })]));
    await must(world, 'kubectl apply --server-side --field-manager=one -f -', documents([map({ a: '1' })]));
    expect(world.get('new', 'ConfigMap', 'default', 'm')?.data).toEqual({ a: '1', c: '2' });
  });

  it('meets an older server as it is', async () => {
    const versions = (await must(world, 'kubectl api-versions --context old')).stdout.split('\n');
    expect(versions).toEqual(expect.arrayContaining(['apps/v1', 'extensions/v1beta1', 'rbac.authorization.k8s.io/v1']));
    expect(world.get('old', 'Deployment', 'kube-system', 'coredns')).toBeDefined();
    const ran = await sh(world, 'kubectl apply --context old --server-side -f -', documents([web()]));
    expect(ran.stderr).toMatch(/UnsupportedMediaType/);
  });

  it('writes a status where it is asked to', async () => {
    const patch = '{"status":{"loadBalancer":{"ingress":[{"ip":"10.210.1.65"}]}}}';
    await must(world, `kubectl patch svc kubernetes --subresource=status --type=merge -p '${patch}'`);
    expect(at(world.get('new', 'Service', 'default', 'kubernetes'), 'status', 'loadBalancer', 'ingress', 0, 'ip')).toBe(
      '10.210.1.65',
    );
  });
});

describe('kubectl by version', () => {
  it.each([
    ['1.29.4', false],
    ['1.32.4', false],
    ['1.33.0', true],
    ['1.37.2', true],
  ])('%s reads YAML after JSON: %s', async (kubectlVersion, reads) => {
    const world = await World.start({ kubectlVersion, clusters: [{ name: 'a', server: '10.0.0.1:6443' }] });
    try {
      const stream = joined('\n---\n');
      const second = stream.indexOf('\n---\n') + 3;
      expect(await sh(world, 'kubectl create -f - -o name', stream)).toEqual(
        reads
          ? { code: 0, stdout: 'configmap/x\nconfigmap/y\n', stderr: '' }
          : {
              code: 1,
              stdout: 'configmap/x\n',
              stderr: `error: error parsing STDIN: json: offset ${second}: invalid character '-' in numeric literal\n`,
            },
      );
    } finally {
      await world.close();
    }
  });
});
