import { dump, load } from 'js-yaml';
import { readFileSync } from 'node:fs';
import {
  apply,
  coreDns,
  documents,
  etcd,
  federate,
  helloWorld,
  initArguments,
  keepalived,
  label,
  must,
  sh,
} from './fixtures';
import { at, list, num, text, type Json, type KubeObject } from './json';
import { run } from './run';
import { type Snapshot, World } from './world';

const JOIN = '--host-cluster-context=fcp --context=federation';

function kubeconfig(world: World): Json {
  return JSON.parse(JSON.stringify(load(readFileSync(world.kubeconfigPath, 'utf8')))) as Json;
}

function names(world: World, cluster: string, kind: string, namespace?: string): string[] {
  return world.list(cluster, kind, namespace).map((object) => object.metadata.name);
}

describe('kubefed', () => {
  let world: World;
  let ready: Snapshot;
  beforeAll(async () => {
    world = await World.start({ joinTokenTimeoutMs: 30 });
    await label(world);
    await etcd(world, 'fcp');
    await coreDns(world, 'fcp');
    ready = world.snapshot();
  });
  beforeEach(async () => {
    await world.restore(ready);
    world.clearLog();
    world.clearFaults();
  });
  afterAll(async () => {
    expect(world.mishaps).toEqual([]);
    await world.close();
  });

  const init = (...more: string[]): ReturnType<World['invoke']> =>
    world.invoke('kubefed', [...initArguments(world, 'fcp'), ...more]);

  describe('init', () => {
    it('writes in its order and says where the API server runs', async () => {
      const ran = await run(world, 'kubefed', initArguments(world, 'fcp'));
      expect(ran.code).toBe(0);
      expect(ran.stderr).toBe('');
      expect(ran.stdout.trimEnd().split('\n').at(-1)).toMatch(
        /^Federation API server is running at: 10\.11\.4\.82:3\d{4}$/,
      );
      expect(world.calls.at(-1)?.effects).toEqual([
        'create fcp namespaces federation-system',
        'create fcp services federation-system/federation-apiserver',
        'create fcp secrets federation-system/federation-apiserver-credentials',
        'create fcp secrets federation-system/federation-controller-manager-kubeconfig',
        'create fcp deployments federation-system/federation-apiserver',
        'create fcp serviceaccounts federation-system/federation-controller-manager',
        'create fcp roles federation-system/federation-system:federation-controller-manager',
        'create fcp rolebindings federation-system/federation-system:federation-controller-manager',
        'create fcp secrets federation-system/federation-dns-provider.conf',
        'create fcp deployments federation-system/federation-controller-manager',
        'set kubeconfig clusters federation',
        'set kubeconfig contexts federation',
        'set kubeconfig users federation',
      ]);
      const manager = world.get('fcp', 'Deployment', 'federation-system', 'federation-controller-manager');
      expect(manager?.metadata.annotations).toMatchObject({
        federations: 'federation=example.com',
        nameserver: world.dnsEndpoint,
        'dns-zone-name': 'example.com.',
        'dns-provider': 'coredns',
      });
    });

    it('adds its context and leaves the current one', async () => {
      await init();
      expect(at(kubeconfig(world), 'current-context')).toBe('fcp');
      expect((await must(world, 'kubectl config get-contexts -o name')).stdout).toContain('federation\n');
      expect((await must(world, 'kubectl get clusters --context federation')).stderr).toBe('No resources found.\n');
    });

    it('claims storage unless told not to', async () => {
      const args = initArguments(world, 'fcp').filter((word) => !word.startsWith('--etcd-persistent'));
      expect((await world.invoke('kubefed', args)).code).toBe(0);
      expect(names(world, 'fcp', 'PersistentVolumeClaim')).toEqual(['federation-apiserver-etcd-claim']);
    });

    it('is not repeatable', async () => {
      await init();
      expect(await init()).toMatchObject({
        code: 1,
        stderr: 'Error from server (AlreadyExists): namespaces "federation-system" already exists\n',
      });
    });

    it('writes nothing for an unknown context, without a provider, or dry', async () => {
      const before = world.writes;
      const args = initArguments(world, 'nope');
      expect(await world.invoke('kubefed', args)).toMatchObject({
        code: 1,
        stderr: 'error: context "nope" does not exist\n',
      });
      expect(await sh(world, 'kubefed init federation --host-cluster-context=fcp')).toMatchObject({
        code: 1,
        stderr: 'error: --dns-provider is mandatory\n',
      });
      const dry = await init('--dry-run');
      expect(dry.code).toBe(0);
      expect(dry.stdout).toContain('Federation control plane runs (dry run)');
      expect(world.writes).toBe(before);
    });

    it('polls for ever while a pod does not come up', async () => {
      await world.hold('fcp/Deployment/federation-system/federation-apiserver');
      const running = init();
      const first = await Promise.race([
        running.then(() => 'ended'),
        new Promise((resolve) => setTimeout(resolve, 60, 'polling')),
      ]);
      expect(first).toBe('polling');
      expect((await sh(world, 'kubectl get clusters --context federation')).stderr).toMatch(/was refused/);
      await world.release('fcp/Deployment/federation-system/federation-apiserver');
      expect((await running).code).toBe(0);
    });

    it.each([
      [1, []],
      [2, ['federation-apiserver']],
      [5, ['federation-apiserver']],
    ])('cut after %i writes, leaves what stands till then and wants a clean-up', async (stage, services) => {
      world.inject({ program: 'kubefed', action: { type: 'kill', point: 'in', stage } });
      expect((await init()).code).toBeNull();
      expect(world.calls.at(-1)).toMatchObject({ writes: stage, exitCode: undefined });
      expect(names(world, 'fcp', 'Service', 'federation-system')).toEqual(services);
      const again = await init();
      expect(again).toMatchObject({
        code: 1,
        stderr: 'Error from server (AlreadyExists): namespaces "federation-system" already exists\n',
      });
      await must(world, 'kubectl delete ns federation-system');
      expect((await init()).code).toBe(0);
    });

    it('leaves a kubeconfig entry that a new federation does not honour', async () => {
      await init();
      await must(world, 'kubectl delete ns federation-system');
      expect((await sh(world, 'kubectl get clusters --context federation')).stderr).toMatch(/was refused/);
      world.inject({ program: 'kubefed', action: { type: 'kill', point: 'in', stage: 10 } });
      await init();
      expect((await sh(world, 'kubectl get clusters --context federation')).stderr).toMatch(/x509|was refused/);
    });
  });

  describe('join and unjoin', () => {
    beforeEach(async () => {
      await init();
      world.clearLog();
    });

    it('writes in its order', async () => {
      const ran = await run(world, 'kubefed', ['join', 'usa', ...JOIN.split(' ')]);
      expect(ran).toEqual({ code: 0, stdout: 'cluster "usa" created\n', stderr: '' });
      const role = 'federation-controller-manager:federation-usa-fcp';
      const effects = world.calls.at(-1)?.effects ?? [];
      expect(effects.map((effect) => effect.replace(/usa-[a-z0-9]{5}$/, 'usa-*'))).toEqual([
        'create usa namespaces federation-system',
        'create usa serviceaccounts federation-system/usa-fcp',
        `create usa clusterroles ${role}`,
        `create usa clusterrolebindings ${role}`,
        'create fcp secrets federation-system/usa-*',
        'create federation clusters usa',
        'create usa configmaps kube-system/kube-dns',
      ]);
      const [member] = world.list('federation', 'Cluster');
      expect(member?.status).toMatchObject({ zones: ['us'], region: 'america' });
      expect(at(member?.status, 'conditions', 0)).toMatchObject({ type: 'Ready', status: 'True' });
      expect(world.get('usa', 'ConfigMap', 'kube-system', 'kube-dns')?.data).toEqual({
        federations: 'federation=example.com',
        stubDomains: JSON.stringify({ 'example.com.': [world.dnsEndpoint] }),
      });
    });

    it('is Ready without zone and region where the nodes have no labels, and takes them up later', async () => {
      await must(
        world,
        'kubectl label nodes --all --context usa failure-domain.beta.kubernetes.io/region- failure-domain.beta.kubernetes.io/zone-',
      );
      await must(world, `kubefed join usa ${JOIN}`);
      const status = (): Json | undefined => world.list('federation', 'Cluster')[0]?.status;
      expect(at(status(), 'region')).toBeUndefined();
      await must(world, 'kubectl label nodes --all --context usa failure-domain.beta.kubernetes.io/region=america');
      expect(at(status(), 'region')).toBe('america');
    });

    it('in the wrong context, leaves four objects that unjoin does not take away', async () => {
      const half = await sh(world, 'kubefed join usa --host-cluster-context=fcp');
      expect(half).toMatchObject({
        code: 1,
        stderr: 'error: server does not support API version "federation/v1beta1"\n',
      });
      expect(names(world, 'usa', 'ServiceAccount', 'federation-system')).toContain('usa-fcp');
      expect(names(world, 'usa', 'ClusterRole')).toContain('federation-controller-manager:federation-usa-fcp');
      expect(names(world, 'fcp', 'Secret', 'federation-system').filter((name) => name.startsWith('usa-'))).toHaveLength(
        1,
      );
      const before = world.writes;
      expect(await sh(world, `kubefed join usa ${JOIN}`)).toMatchObject({
        code: 1,
        stderr: 'error: service account already exists in joining cluster\n',
      });
      const unjoin = await sh(world, `kubefed unjoin usa ${JOIN}`);
      expect(unjoin.code).toBe(0);
      expect(unjoin.stderr).toMatch(/^WARNING: cluster "usa" not found in federation/);
      expect(world.writes).toBe(before);
    });

    it('leaves a Secret of another name with each try', async () => {
      for (let count = 0; count < 2; count += 1) {
        await sh(world, 'kubefed join usa --host-cluster-context=fcp');
        await must(world, 'kubectl delete sa usa-fcp -n federation-system --context usa');
        await must(world, 'kubectl delete clusterrole federation-controller-manager:federation-usa-fcp --context usa');
        await must(
          world,
          'kubectl delete clusterrolebinding federation-controller-manager:federation-usa-fcp --context usa',
        );
      }
      const left = names(world, 'fcp', 'Secret', 'federation-system').filter((name) => name.startsWith('usa-'));
      expect(new Set(left).size).toBe(2);
    });

    it('refuses a second join and writes nothing', async () => {
      await must(world, `kubefed join usa ${JOIN}`);
      const before = world.writes;
      expect((await sh(world, `kubefed join usa ${JOIN}`)).stderr).toBe(
        'error: service account already exists in joining cluster\n',
      );
      expect(world.writes).toBe(before);
    });

    it('gives up on a token that never comes', async () => {
      await world.hold('usa/ServiceAccount/federation-system/usa-fcp');
      expect(await sh(world, `kubefed join usa ${JOIN}`)).toMatchObject({
        code: 1,
        stderr: 'error: timed out waiting for the condition\n',
      });
      expect(names(world, 'usa', 'ServiceAccount', 'federation-system')).toContain('usa-fcp');
      expect(names(world, 'fcp', 'Secret', 'federation-system').filter((name) => name.startsWith('usa-'))).toEqual([]);
    });

    it('writes nothing for an unknown context or a host without a federation', async () => {
      const before = world.writes;
      expect((await sh(world, `kubefed join nope ${JOIN}`)).stderr).toBe('error: context "nope" does not exist\n');
      expect((await sh(world, 'kubefed join usa --host-cluster-context=chn --context=federation')).stderr).toBe(
        'error: could not find the deployment for controller manager in host cluster\n',
      );
      expect(world.writes).toBe(before);
    });

    it('accepts a cluster under a second name, whose unjoin wipes the settings of the first', async () => {
      await must(world, `kubefed join usa ${JOIN}`);
      await must(world, `kubefed join america --cluster-context=usa ${JOIN}`);
      expect(names(world, 'federation', 'Cluster')).toEqual(['usa', 'america']);
      await must(world, `kubefed unjoin america --cluster-context=usa ${JOIN}`);
      expect(world.get('usa', 'ConfigMap', 'kube-system', 'kube-dns')?.data).toEqual({ federations: '' });
    });

    it("keeps the user's stub domains at join, and loses them at unjoin", async () => {
      const data = {
        stubDomains: '{"corp.example":["10.1.2.3"]}',
        upstreamNameservers: '["10.1.1.1"]',
        federations: 'other=other.example',
      };
      const map = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'kube-dns', namespace: 'kube-system' },
        data,
      };
      await must(world, 'kubectl apply --context usa -f -', dump(map));
      await must(world, `kubefed join usa ${JOIN}`);
      expect(world.get('usa', 'ConfigMap', 'kube-system', 'kube-dns')?.data).toEqual({
        ...data,
        federations: 'other=other.example,federation=example.com',
      });
      await must(world, `kubefed unjoin usa ${JOIN}`);
      expect(world.get('usa', 'ConfigMap', 'kube-system', 'kube-dns')?.data).toEqual({
        upstreamNameservers: '["10.1.1.1"]',
        federations: 'other=other.example',
      });
    });

    it('says at each join with --secret-name that the flag is deprecated, and takes the name', async () => {
      const flag = '--secret-name=federation-member-usa';
      const said =
        'Flag --secret-name has been deprecated, kubefed now generates a secret name, and this flag will be removed in a future release.\n';
      expect(await sh(world, `kubefed join usa ${JOIN} ${flag}`)).toMatchObject({ code: 0, stderr: said });
      expect(names(world, 'fcp', 'Secret', 'federation-system')).toContain('federation-member-usa');
      expect(await sh(world, `kubefed join usa ${JOIN} ${flag}`)).toMatchObject({
        code: 1,
        stderr: `${said}error: service account already exists in joining cluster\n`,
      });
    });

    it('leaves account, role, binding and Secret where the context of the federation is not known', async () => {
      expect(await sh(world, 'kubefed join usa --context=nowhere --host-cluster-context=fcp')).toMatchObject({
        code: 1,
        stderr: 'Error in configuration: context was not found for specified context: nowhere\n',
      });
      const role = 'federation-controller-manager:federation-usa-fcp';
      expect(names(world, 'usa', 'ServiceAccount', 'federation-system')).toContain('usa-fcp');
      expect(names(world, 'usa', 'ClusterRole')).toContain(role);
      expect(names(world, 'usa', 'ClusterRoleBinding')).toContain(role);
      const left = names(world, 'fcp', 'Secret', 'federation-system').filter((name) => name.startsWith('usa-'));
      expect(left).toHaveLength(1);
    });

    it('takes a member out although its context is not known, and ends with the credentials that it has deleted', async () => {
      await must(world, `kubefed join usa ${JOIN}`);
      const role = 'federation-controller-manager:federation-usa-fcp';
      const why = `the server has asked for the client to provide credentials (delete clusterrolebindings.rbac.authorization.k8s.io ${role})`;
      expect(await sh(world, `kubefed unjoin usa ${JOIN} --cluster-context=nowhere`)).toEqual({
        code: 1,
        stdout: '',
        stderr: `WARNING: Encountered error in deleting cluster role bindings: ${why}error: You must be logged in to the server (${why})\n`,
      });
      expect(names(world, 'federation', 'Cluster')).toEqual([]);
      expect(world.get('usa', 'ConfigMap', 'kube-system', 'kube-dns')?.data).toEqual({ federations: '' });
      expect(names(world, 'usa', 'ServiceAccount', 'federation-system')).toEqual(['default']);
      expect(names(world, 'usa', 'ClusterRole')).toContain(role);
    });

    it('says that the API server of the federation does not answer, and looks at the member first', async () => {
      await must(world, `kubefed join usa ${JOIN}`);
      await world.setOnline('federation', false);
      await world.hold('fcp/Deployment/federation-system/federation-apiserver');
      const server = world.clusterState('federation').server;
      expect((await sh(world, `kubefed unjoin usa ${JOIN}`)).stderr).toBe(
        `The connection to the server ${server} was refused - did you specify the right host or port?\n`,
      );
      expect((await sh(world, `kubefed join usa ${JOIN}`)).stderr).toBe(
        'error: service account already exists in joining cluster\n',
      );
    });

    it('unjoins in its order; what it did not make stays', async () => {
      await must(world, `kubefed join usa ${JOIN}`);
      world.clearLog();
      const ran = await must(world, `kubefed unjoin usa ${JOIN}`);
      expect(ran.stdout).toBe('Successfully removed cluster "usa" from federation\n');
      const role = 'federation-controller-manager:federation-usa-fcp';
      expect(world.calls[0]?.effects.map((effect) => effect.replace(/usa-[a-z0-9]{5}$/, 'usa-*'))).toEqual([
        'delete federation clusters usa',
        'delete fcp secrets federation-system/usa-*',
        'update usa configmaps kube-system/kube-dns',
        'delete usa serviceaccounts federation-system/usa-fcp',
        `delete usa clusterrolebindings ${role}`,
        `delete usa clusterroles ${role}`,
      ]);
      expect(world.get('usa', 'Namespace', undefined, 'federation-system')).toBeDefined();
      expect(await sh(world, `kubefed unjoin usa ${JOIN}`)).toMatchObject({ code: 0, stdout: '' });
    });
  });

  describe('the federation', () => {
    beforeEach(async () => {
      await federate(world, 'fcp');
    });

    it('serves v1, extensions/v1beta1 and federation/v1beta1 alone', async () => {
      expect((await must(world, 'kubectl api-versions --context federation')).stdout).toBe(
        'extensions/v1beta1\nfederation/v1beta1\nv1\n',
      );
      const ran = await sh(
        world,
        'kubectl create --context federation -f -',
        documents(helloWorld(3, 'apps/v1beta1').slice(0, 1)),
      );
      expect(ran.stderr).toMatch(/no matches for apps\/, Kind=Deployment/);
    });

    it('has no namespace default at first', async () => {
      const create = 'kubectl create --context federation -f -';
      expect((await sh(world, create, documents(helloWorld(3)))).stderr).toContain(
        'Error from server (NotFound): error when creating "STDIN": namespaces "default" not found\n',
      );
      await must(world, 'kubectl create ns default --context federation');
      await must(world, create, documents(helloWorld(3)));
      const replicas = ['fcp', 'usa', 'chn'].map((name) =>
        at(world.get(name, 'Deployment', 'default', 'hello-world'), 'spec', 'replicas'),
      );
      expect(replicas).toEqual([1, 1, 1]);
    });

    it('places replicas as the annotation says', async () => {
      await must(world, 'kubectl create ns default --context federation');
      const [hello] = helloWorld(9);
      const preferences = {
        rebalance: true,
        clusters: { usa: { minReplicas: 1, maxReplicas: 2, weight: 9 }, '*': { weight: 1 } },
      };
      const object = {
        ...hello,
        metadata: {
          name: 'hello-world',
          namespace: 'default',
          annotations: { 'federation.kubernetes.io/deployment-preferences': JSON.stringify(preferences) },
        },
      };
      await must(world, 'kubectl create --context federation -f -', dump(object));
      const replicas = ['chn', 'fcp', 'usa'].map((name) =>
        at(world.get(name, 'Deployment', 'default', 'hello-world'), 'spec', 'replicas'),
      );
      expect(replicas).toEqual([4, 3, 2]);
    });

    it('writes no observedGeneration: who waits for a rollout there waits for ever', async () => {
      await must(world, 'kubectl create ns default --context federation');
      await must(world, 'kubectl create --context federation -f -', documents(helloWorld(3)));
      expect(world.get('federation', 'Deployment', 'default', 'hello-world')?.status).toEqual({
        availableReplicas: 3,
        readyReplicas: 3,
        replicas: 3,
        updatedReplicas: 3,
      });
    });

    it('copies labels and annotations of its Namespace into the members, in the place of theirs', async () => {
      await must(world, 'kubectl label ns default --context usa mine=yes');
      await must(world, 'kubectl create ns default --context federation');
      await must(world, 'kubectl label ns default --context federation team=blue');
      expect(world.get('usa', 'Namespace', undefined, 'default')?.metadata.labels).toEqual({ team: 'blue' });
    });

    it('keeps a deleted Namespace Terminating until it is gone in the members', async () => {
      await must(world, 'kubectl create ns store --context federation');
      expect(world.get('usa', 'Namespace', undefined, 'store')).toBeDefined();
      await world.hold('federation/Namespace//store');
      await must(world, 'kubectl delete ns store --context federation');
      expect(world.get('federation', 'Namespace', undefined, 'store')).toMatchObject({
        metadata: { finalizers: ['federation.kubernetes.io/delete-from-underlying-clusters'] },
        spec: {},
        status: { phase: 'Terminating' },
      });
      expect(world.get('usa', 'Namespace', undefined, 'store')).toBeUndefined();
      await world.release('federation/Namespace//store');
      expect(world.get('federation', 'Namespace', undefined, 'store')).toBeUndefined();
    });

    it('waits with a deletion for members that are away', async () => {
      await must(world, 'kubectl create ns store --context federation');
      await world.setOnline('usa', false);
      await must(world, 'kubectl delete ns store --context federation');
      expect(world.get('federation', 'Namespace', undefined, 'store')?.status).toEqual({ phase: 'Terminating' });
      await world.setOnline('usa', true);
      expect(world.get('federation', 'Namespace', undefined, 'store')).toBeUndefined();
      expect(world.get('usa', 'Namespace', undefined, 'store')).toBeUndefined();
    });

    it('notes the addresses of a Service by member in an annotation, which the members get with the next change', async () => {
      const service: KubeObject = {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'plain', namespace: 'default' },
        spec: { type: 'LoadBalancer', selector: { app: 'hello-world' }, ports: [{ name: 'web', port: 80 }] },
      };
      for (const name of ['fcp', 'usa', 'chn']) await apply(world, name, keepalived('10.210.1.100/26'));
      await must(world, 'kubectl create ns default --context federation');
      await must(world, 'kubectl create --context federation -f -', documents([...helloWorld(3), service]));
      const key = 'federation.kubernetes.io/service-ingresses';
      const written = (name: string): string | undefined =>
        world.get(name, 'Service', 'default', 'plain')?.metadata.annotations?.[key];
      expect(written('federation')).toBe(
        '{"items":[{"cluster":"chn","items":[{"ip":"10.210.1.66"}]},{"cluster":"fcp","items":[{"ip":"10.210.1.66"}]},{"cluster":"usa","items":[{"ip":"10.210.1.66"}]}]}',
      );
      expect(written('usa')).toBeUndefined();
      await must(world, 'kubectl label svc plain --context federation a=b');
      expect(written('usa')).toBe(written('federation'));
    });

    describe('a port taken out of a federated Service', () => {
      const ports = (...numbers: number[]): string =>
        JSON.stringify({ spec: { ports: numbers.map((port) => ({ name: `p${port}`, port })) } });
      const member = (): number[] =>
        list(at(world.get('usa', 'Service', 'default', 'hello-world'), 'spec', 'ports')).map((port) =>
          num(at(port, 'port')),
        );
      const manager = (): KubeObject | undefined =>
        world
          .list('fcp', 'Pod', 'federation-system')
          .find((pod) => pod.metadata.labels?.module === 'federation-controller-manager');
      beforeEach(async () => {
        await must(world, 'kubectl create ns default --context federation');
        await must(world, 'kubectl create --context federation -f -', documents(helloWorld(3)));
        const patch = 'kubectl patch svc hello-world --type=merge --context federation -p';
        await must(world, `${patch} '${ports(8080, 8081)}'`);
        expect(member()).toEqual([8080, 8081]);
        await must(world, `${patch} '${ports(8080)}'`);
      });

      it('crashes the controller manager for ever, and the members keep the port', async () => {
        expect(member()).toEqual([8080, 8081]);
        expect(at(manager(), 'status', 'containerStatuses', 0)).toMatchObject({
          ready: false,
          restartCount: 5,
          state: { waiting: { reason: 'CrashLoopBackOff' } },
        });
        await must(world, `kubectl delete pod ${manager()?.metadata.name ?? ''} -n federation-system --context fcp`);
        await must(world, 'kubectl create ns later --context federation');
        expect(at(manager(), 'status', 'containerStatuses', 0, 'ready')).toBe(false);
        expect(world.get('usa', 'Namespace', undefined, 'later')).toBeUndefined();
      });

      it('is mended by taking it out in each member', async () => {
        for (const name of ['fcp', 'usa', 'chn'])
          await must(world, `kubectl patch svc hello-world --type=merge --context ${name} -p '${ports(8080)}'`);
        expect(at(manager(), 'status', 'containerStatuses', 0, 'ready')).toBe(true);
        await must(world, 'kubectl create ns later --context federation');
        expect(world.get('usa', 'Namespace', undefined, 'later')).toBeDefined();
      });

      it('is mended by deleting the federated Service', async () => {
        await must(world, 'kubectl delete svc hello-world --context federation');
        expect(at(manager(), 'status', 'containerStatuses', 0, 'ready')).toBe(true);
        expect(member()).toEqual([]);
      });
    });

    it('takes what is deleted there from the members, too, unless it is orphaned', async () => {
      await must(world, 'kubectl create ns default --context federation');
      await must(world, 'kubectl create --context federation -f -', documents(helloWorld(3)));
      await must(world, 'kubectl delete svc hello-world --context federation');
      expect(world.get('usa', 'Service', 'default', 'hello-world')).toBeUndefined();
      await must(world, 'kubectl delete deploy hello-world --cascade=false --context federation');
      expect(world.get('usa', 'Deployment', 'default', 'hello-world')).toBeDefined();
    });

    it('sees that a member is away', async () => {
      await world.setOnline('usa', false);
      const member = world.get('federation', 'Cluster', undefined, 'usa');
      expect(list(at(member?.status, 'conditions')).map((condition) => text(at(condition, 'type')))).toEqual([
        'Offline',
      ]);
    });

    it('forgets everything with its pod where it has no claim', async () => {
      await must(world, 'kubectl delete pods -l module=federation-apiserver -n federation-system --context fcp');
      expect(names(world, 'federation', 'Cluster')).toEqual([]);
      expect((await sh(world, `kubefed join usa ${JOIN}`)).stderr).toBe(
        'error: service account already exists in joining cluster\n',
      );
    });

    it('goes to members that joined anew with their old credentials, until its controller manager starts anew', async () => {
      const role = 'federation-controller-manager:federation-usa-fcp';
      const conditions = (): Json[] =>
        list(at(world.get('federation', 'Cluster', undefined, 'usa')?.status, 'conditions')).map(
          (condition) => at(condition, 'type') ?? null,
        );
      const joinAnew = async (): Promise<void> => {
        await must(world, 'kubectl delete sa usa-fcp -n federation-system --context usa');
        await must(world, `kubectl delete clusterrole,clusterrolebinding ${role} --context usa`);
        await must(world, `kubefed join usa ${JOIN}`);
      };
      await must(world, 'kubectl delete pods -l module=federation-apiserver -n federation-system --context fcp');
      await joinAnew();
      expect(conditions()).toEqual(['Offline']);
      await must(
        world,
        'kubectl delete pods -l module=federation-controller-manager -n federation-system --context fcp',
      );
      expect(conditions()).toEqual(['Ready']);
      await must(world, `kubefed unjoin usa ${JOIN}`);
      await must(world, `kubefed join usa ${JOIN}`);
      expect(conditions()).toEqual(['Ready']);
    });
  });
});

describe('kubefed 1.10', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.start({ kubefedVersion: '1.10.0' });
    await etcd(world, 'fcp');
    await coreDns(world, 'fcp');
  });
  afterAll(async () => {
    expect(world.mishaps).toEqual([]);
    await world.close();
  });

  it('takes a namespace that is there, and stops at the Service', async () => {
    await must(world, 'kubectl create ns federation-system');
    expect((await world.invoke('kubefed', initArguments(world, 'fcp'))).code).toBe(0);
    expect(names(world, 'fcp', 'Deployment', 'federation-system')).toEqual(['apiserver', 'controller-manager']);
    expect(await world.invoke('kubefed', initArguments(world, 'fcp'))).toMatchObject({
      code: 1,
      stderr: 'Error from server (AlreadyExists): services "apiserver" already exists\n',
    });
  });

  it("writes its stub domain without the closing dot, in the place of the user's", async () => {
    const data = { stubDomains: '{"corp.example":["10.1.2.3"]}' };
    const metadata = { name: 'kube-dns', namespace: 'kube-system' };
    await world.put('usa', { apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
    await must(world, `kubefed join usa ${JOIN}`);
    expect(world.get('usa', 'ConfigMap', 'kube-system', 'kube-dns')?.data).toEqual({
      federations: 'federation=example.com',
      stubDomains: JSON.stringify({ 'example.com': [world.dnsEndpoint] }),
    });
  });

  it('knows flags that 1.8 refuses', async () => {
    const args = [...initArguments(world, 'fcp'), '--etcd-servers=http://127.0.0.1:2379', '--dry-run'];
    expect((await world.invoke('kubefed', args)).code).toBe(0);
    const old = await World.start();
    expect(await old.invoke('kubefed', args)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('unknown flag: --etcd-servers') as unknown,
    });
    await old.close();
  });

  it('words a join into the wrong context in its own way', async () => {
    expect((await sh(world, 'kubefed join chn --host-cluster-context=fcp')).stderr).toBe(
      'error: no matches for kind "Cluster" in version "federation/v1beta1"\n',
    );
  });
});
