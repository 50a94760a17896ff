import { Resolver } from 'node:dns/promises';
import { connect } from 'node:net';
import {
  coreDns,
  etcd,
  federate,
  guide,
  helloWorld,
  keepalived,
  label,
  must,
  sh,
  apply,
  documents,
  pinNodePort,
} from './fixtures';
import { at, type KubeObject } from './json';
import { type Snapshot, World } from './world';

const FR = 'hello-world.default.federation.svc.fr.europe.example.com';
const US = 'hello-world.default.federation.svc.us.america.example.com';
const CN = 'hello-world.default.federation.svc.cn.asia.example.com';
const EUROPE = 'hello-world.default.federation.svc.europe.example.com';
const ALL = 'hello-world.default.federation.svc.example.com';

function keys(world: World): Record<string, string> {
  return world.clusterState('fcp').etcd['default/etcd-cluster']?.v2 ?? {};
}

function kubeDns(args: readonly string[]): string {
  return JSON.stringify({ spec: { template: { spec: { containers: [{ name: 'dnsmasq', args }] } } } });
}

describe('the guide, done', () => {
  let world: World;
  let done: Snapshot;
  beforeAll(async () => {
    world = await World.start();
    await guide(world);
    done = world.snapshot();
  });
  beforeEach(async () => {
    await world.restore(done);
    world.clearLog();
  });
  afterAll(async () => {
    expect(world.mishaps).toEqual([]);
    await world.close();
  });

  it('gives each cluster an address of its own range', () => {
    const address = (name: string): unknown =>
      at(world.get(name, 'Service', 'default', 'hello-world'), 'status', 'loadBalancer', 'ingress', 0, 'ip');
    expect([address('fcp'), address('chn'), address('usa')]).toEqual(['10.210.1.65', '10.210.2.65', '10.210.3.65']);
    expect(
      at(world.get('federation', 'Service', 'default', 'hello-world'), 'status', 'loadBalancer', 'ingress'),
    ).toHaveLength(3);
  });

  it('announces what the shared ConfigMap holds, and nothing where the DaemonSet names another', async () => {
    expect(world.announced('usa')).toEqual(['10.210.3.65']);
    const args = '[{"name":"kube-keepalived-vip","args":["--services-configmap=cloud-provider/vip-configmap"]}]';
    const spec = `{"spec":{"template":{"spec":{"containers":${args}}}}}`;
    await must(world, `kubectl patch ds kube-keepalived-vip -n kube-system --context usa -p '${spec}'`);
    expect(world.announced('usa')).toEqual([]);
  });

  it('knows the texts that must not show', async () => {
    expect(world.secrets.length).toBeGreaterThan(10);
    const raw = (await must(world, 'kubectl config view --raw')).stdout;
    expect(world.secrets.some((secret) => raw.includes(secret))).toBe(true);
    const shown = (await must(world, 'kubectl config view')).stdout;
    expect(world.secrets.filter((secret) => shown.includes(secret))).toEqual([]);
    const secret = (await must(world, 'kubectl get secrets -n federation-system -o json')).stdout;
    expect(world.secrets.some((text) => secret.includes(text))).toBe(true);
  });

  it('keeps the keys as CoreDNS of that time reads them', () => {
    expect(keys(world)['/skydns/com/example/europe/fr/svc/federation/default/hello-world/f5544dab']).toBe(
      `{"host":"10.210.1.65","ttl":180,"group":"${FR}."}`,
    );
    expect(Object.keys(keys(world))).toHaveLength(9);
  });

  it('answers over UDP and TCP on 127.0.0.1', async () => {
    const resolver = new Resolver({ timeout: 60_000, tries: 1 });
    resolver.setServers([world.dnsEndpoint]);
    expect(await resolver.resolve4(FR)).toEqual(['10.210.1.65']);
    expect((await resolver.resolve4(ALL)).sort()).toEqual(['10.210.1.65', '10.210.2.65', '10.210.3.65']);
    await expect(resolver.resolve4('nothing.example.com')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    await expect(resolver.resolve6(FR)).rejects.toMatchObject({ code: 'ENODATA' });
    const query = Buffer.from('000e1234010000010000000000000000', 'hex');
    await new Promise<void>((resolve) => {
      const socket = connect(world.dnsPort, '127.0.0.1', () => socket.end(query));
      socket.on('close', () => {
        resolve();
      });
    });
  });

  it('refuses at the port while no CoreDNS serves it', async () => {
    const resolver = new Resolver({ timeout: 60_000, tries: 1 });
    resolver.setServers([world.dnsEndpoint]);
    await must(world, 'kubectl delete svc coredns-coredns --context fcp');
    await expect(resolver.resolve4(FR)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('answers nothing on another node port', async () => {
    const patch = '[{"op":"replace","path":"/spec/ports/0/nodePort","value":32700}]';
    const port = world.dnsPort === 32700 ? '32701' : '32700';
    await must(
      world,
      `kubectl patch svc coredns-coredns --context fcp --type=json -p '${patch.replace('32700', port)}'`,
    );
    expect(world.resolve(FR)).toBeUndefined();
    expect(world.lookup('usa', FR)).toBeUndefined();
  });

  it('answers in the pods of every cluster, as busybox prints it', async () => {
    for (const context of ['fcp', 'usa', 'chn']) {
      const ran = await must(
        world,
        `kubectl run look --context ${context} --image=busybox --restart=Never --rm -i -- nslookup ${US}`,
      );
      expect(ran.stdout).toBe(
        `Server:    10.96.0.10\nAddress 1: 10.96.0.10 kube-dns.kube-system.svc.cluster.local\n\nName:      ${US}\nAddress 1: 10.210.3.65\n`,
      );
    }
    expect(world.writes).toBe(6);
    const two = await must(
      world,
      `kubectl run look --image=busybox --restart=Never --rm --attach --quiet -- sh -c 'nslookup ${FR}; nslookup ${CN}'`,
    );
    expect(two.stdout).toMatch(/10\.210\.1\.65\n[^]*10\.210\.2\.65\n$/);
    const none = await sh(world, 'kubectl run look --image=busybox --restart=Never --rm -i -- nslookup no.example.com');
    expect(none.code).toBe(1);
    expect(none.stdout).toContain("nslookup: can't resolve 'no.example.com'");
    expect(world.get('fcp', 'Pod', 'default', 'look')).toBeUndefined();
  });

  it('leaves the pod of a killed look-up in the way of the next', async () => {
    const look = `kubectl run look --image=busybox --restart=Never --rm -i -- nslookup ${FR}`;
    world.inject({ match: /^run/, action: { type: 'kill', point: 'in' } });
    expect((await sh(world, look)).code).toBeNull();
    expect((await sh(world, look)).stderr).toBe('Error from server (AlreadyExists): pods "look" already exists\n');
  });

  describe('cluster DNS', () => {
    const own = ['--', '-k', '--server=/cluster.local/127.0.0.1#10053'];

    it('needs its stub domain', async () => {
      await must(world, 'kubectl delete cm kube-dns -n kube-system --context usa');
      expect(world.lookup('usa', FR)).toBeUndefined();
      expect(world.lookup('usa', 'kubernetes')).toEqual(['10.96.0.1']);
      const { host, port } = { host: '127.0.0.1', port: world.dnsPort };
      await must(
        world,
        `kubectl patch deploy kube-dns -n kube-system --context usa -p '${kubeDns([...own, `--server=/example.com./${host}#${port}`])}'`,
      );
      expect(world.lookup('usa', FR)).toEqual(['10.210.1.65']);
    });

    it('refuses the whole ConfigMap as kubefed 1.8 makes it, with the closing dot', async () => {
      const data = { stubDomains: JSON.stringify({ 'example.com.': [world.dnsEndpoint] }) };
      const patch = 'kubectl patch cm kube-dns -n kube-system --context usa --type=merge -p';
      await must(world, `${patch} '${JSON.stringify({ data })}'`);
      expect(world.lookup('usa', FR)).toBeUndefined();
      expect(world.lookup('usa', 'kubernetes')).toEqual(['10.96.0.1']);
      await must(
        world,
        `${patch} '${JSON.stringify({ data: { stubDomains: data.stubDomains.replace('com.', 'com') } })}'`,
      );
      expect(world.lookup('usa', FR)).toEqual(['10.210.1.65']);
    });

    it("crash-loops on the guide's form, beside the old pod", async () => {
      const args = [...own, `--server=/example.com./${world.dnsEndpoint}`];
      await must(world, `kubectl patch deploy kube-dns -n kube-system --context usa -p '${kubeDns(args)}'`);
      const pods = world
        .list('usa', 'Pod', 'kube-system')
        .filter((pod) => pod.metadata.labels?.['k8s-app'] === 'kube-dns');
      expect(JSON.stringify(pods)).toContain('CrashLoopBackOff');
      expect(pods).toHaveLength(2);
      expect(at(world.get('usa', 'Deployment', 'kube-system', 'kube-dns'), 'status', 'availableReplicas')).toBe(1);
      // The ConfigMap's stub domain goes on working in the old pod.
      expect(world.lookup('usa', FR)).toEqual(['10.210.1.65']);
    });

    it('does not read a stub domain before the --', async () => {
      const args = [`--server=/example.com./127.0.0.1#${world.dnsPort}`, ...own];
      await must(world, `kubectl patch deploy kube-dns -n kube-system --context usa -p '${kubeDns(args)}'`);
      expect(JSON.stringify(world.list('usa', 'Pod', 'kube-system'))).toContain('CrashLoopBackOff');
    });
  });

  describe('records follow the Services', () => {
    const scale = (name: string, replicas: number): Promise<unknown> =>
      must(world, `kubectl scale deploy hello-world --replicas=${replicas} --context ${name}`);

    it('turn into CNAMEs where there are no endpoints', async () => {
      // The federation would put the replicas back: it must not look.
      await world.hold('federation/Deployment/default/hello-world');
      await scale('fcp', 0);
      const found = Object.entries(keys(world)).filter(([key]) => key.includes('/europe/'));
      expect(found.map(([, value]) => (JSON.parse(value) as { host: string }).host)).toEqual([EUROPE, ALL]);
      expect(world.resolve(ALL)).toEqual(['10.210.2.65', '10.210.3.65']);
      expect(world.resolve(FR)).toEqual(['10.210.2.65', '10.210.3.65']);
      await scale('fcp', 4);
      expect(world.resolve(FR)).toEqual(['10.210.1.65']);
    });

    it('stay stale in zone and region where an address goes altogether', async () => {
      await world.hold('fcp/Service/default/hello-world');
      const service = world.get('fcp', 'Service', 'default', 'hello-world') as KubeObject;
      await world.put('fcp', { ...service, status: { loadBalancer: {} } });
      expect(world.resolve(FR)).toEqual(['10.210.1.65']);
      expect(world.resolve(EUROPE)).toEqual(['10.210.1.65']);
      expect(world.resolve(ALL)).toEqual(['10.210.2.65', '10.210.3.65']);
    });

    it('stay for a member that is away', async () => {
      await world.setOnline('usa', false);
      expect(world.resolve(US)).toEqual(['10.210.3.65']);
      expect(world.resolve(ALL)).toHaveLength(3);
    });

    it('of an unjoined member stay, and block the rest until the controller manager starts anew', async () => {
      await must(world, 'kubefed unjoin usa --host-cluster-context=fcp --context=federation');
      expect(world.get('usa', 'Deployment', 'default', 'hello-world')).toBeDefined();
      expect(world.resolve(US)).toEqual(['10.210.3.65']);
      await world.hold('federation/Deployment/default/hello-world');
      await scale('fcp', 0);
      expect(world.resolve(FR)).toEqual(['10.210.1.65']);
      await must(
        world,
        'kubectl delete pods -l module=federation-controller-manager -n federation-system --context fcp',
      );
      expect(world.resolve(ALL)).toEqual(['10.210.2.65']);
      expect(world.resolve(US)).toEqual(['10.210.3.65']);
    });

    const hostsAt = (place: string): string[] =>
      Object.entries(keys(world))
        .filter(([key]) => key.startsWith(`/skydns/com/example/${place}/federation/`))
        .map(([, value]) => (JSON.parse(value) as { host: string }).host);

    it('of a deleted Service become CNAMEs up to a name without any', async () => {
      await must(world, 'kubectl delete svc hello-world --context federation');
      expect(hostsAt('europe/fr/svc')).toEqual([EUROPE]);
      expect(hostsAt('europe/svc')).toEqual([ALL]);
      expect(hostsAt('svc')).toEqual([]);
      expect(world.resolve(FR)).toEqual([]);
    });

    it('become CNAMEs too where the Service is deleted without its dependents', async () => {
      await must(world, 'kubectl delete svc hello-world --cascade=false --context federation');
      expect(world.get('usa', 'Service', 'default', 'hello-world')).toBeDefined();
      expect(hostsAt('america/us/svc')).toEqual(['hello-world.default.federation.svc.america.example.com']);
      expect(hostsAt('svc')).toEqual([]);
    });

    it('all stay where no member had endpoints any more when the Service was deleted', async () => {
      await must(world, 'kubectl patch deploy hello-world --context federation -p {"spec":{"replicas":0}}');
      const service = world.get('federation', 'Service', 'default', 'hello-world');
      expect(service?.metadata.annotations?.['federation.kubernetes.io/service-ingresses']).toBe('{}');
      await must(world, 'kubectl delete svc hello-world --context federation');
      expect(world.resolve(ALL)).toEqual(['10.210.1.65', '10.210.2.65', '10.210.3.65']);
      expect(world.resolve(FR)).toEqual(['10.210.1.65']);
    });
  });

  describe('etcdctl', () => {
    const exec = (rest: string): ReturnType<typeof sh> =>
      sh(world, `kubectl exec etcd-cluster-0000 --context fcp -- ${rest}`);

    it('lists and removes the v2 keys', async () => {
      expect((await exec('etcdctl ls /skydns/com/example')).stdout).toBe(
        ['america', 'asia', 'europe', 'svc'].map((name) => `/skydns/com/example/${name}\n`).join(''),
      );
      // While the control plane lives, it writes its records again.
      expect((await exec('etcdctl rm --recursive /skydns/com/example')).code).toBe(0);
      expect(Object.keys(keys(world))).toHaveLength(9);
      await must(world, 'kubectl delete ns federation-system --context fcp');
      expect((await exec('etcdctl rm --recursive /skydns/com/example')).code).toBe(0);
      expect(keys(world)).toEqual({});
      expect(world.calls.at(-1)?.writes).toBe(1);
      const again = await exec('env ETCDCTL_API=2 etcdctl rm --recursive /skydns/com/example');
      expect(again.code).toBe(4);
      expect(again.stderr).toMatch(/^Error: {2}100: Key not found[^]*command terminated with exit code 4\n$/);
    });

    it('does not see them through the v3 API', async () => {
      expect((await exec('env ETCDCTL_API=3 etcdctl del --prefix /skydns')).stdout).toBe('0\n');
      expect(Object.keys(keys(world))).toHaveLength(9);
    });
  });
});

describe('kubefed 1.10', () => {
  it('takes records of a deleted Service away, but for CNAMEs and those of unjoined members', async () => {
    const world = await World.start({ kubefedVersion: '1.10.0' });
    await guide(world);
    await must(world, 'kubefed unjoin usa --host-cluster-context=fcp --context=federation');
    await must(world, 'kubectl delete pods -l module=federation-controller-manager -n federation-system --context fcp');
    await world.hold('federation/Deployment/default/hello-world');
    await must(world, 'kubectl scale deploy hello-world --replicas=0 --context chn');
    await must(world, 'kubectl delete svc hello-world --context federation');
    const hosts = Object.values(keys(world)).map((value) => (JSON.parse(value) as { host: string }).host);
    expect(hosts).not.toContain('10.210.1.65');
    expect(hosts.filter((host) => host.endsWith('example.com'))).toHaveLength(2);
    expect(hosts.filter((host) => host === '10.210.3.65')).toHaveLength(2);
    await world.close();
  });
});

describe('the order of the guide', () => {
  it('shows no address without external load balancers, and gives them when the flag comes', async () => {
    const world = await World.start({
      clusters: [{ name: 'usa', server: '10.11.12.2:6443', controllerManagerFlags: [] }],
    });
    await apply(world, 'usa', keepalived('10.210.3.100/26'));
    const service = (name: string, extra = {}): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'default' },
      spec: { type: 'LoadBalancer', selector: { app: name }, ports: [{ port: 80 }], ...extra },
    });
    const address = (name: string): unknown =>
      at(world.get('usa', 'Service', 'default', name), 'status', 'loadBalancer', 'ingress', 0, 'ip');
    await apply(world, 'usa', [service('a')]);
    expect(address('a')).toBeUndefined();
    await world.setControllerManagerFlags('usa', ['--cloud-provider=external']);
    expect(address('a')).toBe('10.210.3.65');
    await apply(world, 'usa', [service('b', { loadBalancerIP: '10.210.3.70' }), service('c')]);
    expect([address('b'), address('c')]).toEqual(['10.210.3.70', '10.210.3.66']);
    const map = world.get('usa', 'ConfigMap', 'kube-system', 'vip-configmap');
    expect(map?.data).toEqual({ '10.210.3.65': 'default/a', '10.210.3.66': 'default/c', '10.210.3.70': 'default/b' });
    expect(map?.metadata.annotations?.['k8s.co/cloud-provider-config']).toContain('"ip":"10.210.3.70"');
    // Applying the empty ConfigMap again touches nothing of theirs; replacing it hands out addresses twice.
    await apply(world, 'usa', keepalived('10.210.3.100/26'));
    expect(Object.keys(world.get('usa', 'ConfigMap', 'kube-system', 'vip-configmap')?.data as object)).toHaveLength(3);
    const bare = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'vip-configmap', namespace: 'kube-system' } };
    await must(world, 'kubectl replace -f -', documents([bare]));
    await apply(world, 'usa', [service('d')]);
    expect(address('d')).toBe('10.210.3.65');
    await must(world, 'kubectl delete svc d');
    expect(world.get('usa', 'ConfigMap', 'kube-system', 'vip-configmap')?.data).toEqual({});
    await world.close();
  });

  it('gives nothing without rights, a ConfigMap, or hosts in the range', async () => {
    const world = await World.start({ clusters: [{ name: 'usa', server: '10.11.12.2:6443' }] });
    const [service] = helloWorld().slice(1);
    const address = (): unknown =>
      at(world.get('usa', 'Service', 'default', 'hello-world'), 'status', 'loadBalancer', 'ingress');
    const objects = keepalived('10.210.3.100/31');
    await apply(world, 'usa', [
      ...objects.filter((object) => object.kind !== 'ClusterRoleBinding'),
      ...(service === undefined ? [] : [service]),
    ]);
    expect(address()).toBeUndefined();
    await apply(world, 'usa', objects);
    expect(address()).toBeUndefined();
    await apply(world, 'usa', keepalived('10.210.3.100/30'));
    expect(address()).toEqual([{ ip: '10.210.3.101' }]);
    await world.close();
  });

  it('makes etcd only with a sound operator', async () => {
    const world = await World.start({ clusters: [{ name: 'fcp', server: '10.11.12.1:6443' }] });
    await etcd(world, 'fcp').catch(() => undefined);
    expect(world.get('fcp', 'EtcdCluster', 'default', 'etcd-cluster')?.status).toMatchObject({
      phase: 'Running',
      size: 3,
    });
    expect(world.list('fcp', 'Service', 'default').map((service) => service.metadata.name)).toEqual(
      expect.arrayContaining(['etcd-cluster', 'etcd-cluster-client']),
    );
    await must(world, 'kubectl delete etcdcluster etcd-cluster');
    expect(world.get('fcp', 'Service', 'default', 'etcd-cluster-client')).toBeUndefined();
    expect(world.clusterState('fcp').etcd).toEqual({});
    await world.close();
  });

  it('refuses an EtcdCluster before the operator has made its kind', async () => {
    const world = await World.start({ clusters: [{ name: 'fcp', server: '10.11.12.1:6443' }] });
    await world.hold('fcp/Deployment/default/etcd-operator');
    await expect(etcd(world, 'fcp')).rejects.toThrow(/no matches for etcd.database.coreos.com\/, Kind=EtcdCluster/);
    await world.close();
  });

  it('has no DNS where labels are missing, but for the global name', async () => {
    const world = await World.start();
    await etcd(world, 'fcp');
    await coreDns(world, 'fcp');
    await federate(world, 'fcp');
    await apply(world, 'usa', keepalived('10.210.3.100/26'));
    await must(world, 'kubectl create ns default --context federation');
    await must(world, 'kubectl create --context federation -f -', documents(helloWorld(3)));
    expect(world.resolve(US)).toEqual([]);
    expect(world.resolve(ALL)).toEqual(['10.210.3.65']);
    await label(world);
    expect(world.resolve(US)).toEqual(['10.210.3.65']);
    await world.close();
  });

  it('works with CoreDNS as cluster DNS, too', async () => {
    const corefile = (endpoint: string): string =>
      `example.com:53 {\n    errors\n    cache 30\n    forward . ${endpoint}\n}\n.:53 {\n    errors\n    kubernetes cluster.local\n    forward . /etc/resolv.conf\n}\n`;
    const world = await World.start({
      kubectlVersion: '1.15.0',
      clusters: [
        { name: 'fcp', server: '10.11.12.1:6443', region: 'europe', zone: 'fr', addressRange: '10.210.1.100/26' },
        {
          name: 'new',
          server: '10.11.12.4:6443',
          kubernetesVersion: '1.15.3',
          region: 'asia',
          zone: 'jp',
          addressRange: '10.210.4.100/26',
        },
      ],
    });
    await guide(world);
    expect(world.lookup('fcp', FR)).toEqual(['10.210.1.65']);
    expect(world.lookup('new', FR)).toBeUndefined();
    const patch = JSON.stringify({ data: { Corefile: corefile(world.dnsEndpoint) } });
    await must(world, `kubectl patch cm coredns -n kube-system --context new --type=merge -p '${patch}'`);
    expect(world.lookup('new', FR)).toEqual(['10.210.1.65']);
    expect(world.lookup('new', 'kubernetes.default')).toEqual(['10.96.0.1']);
    await world.close();
  });

  it('finds the node port random until it is set', async () => {
    const world = await World.start();
    await etcd(world, 'fcp');
    await coreDns(world, 'fcp');
    const ports = at(world.get('fcp', 'Service', 'default', 'coredns-coredns'), 'spec', 'ports');
    expect(ports).toMatchObject([
      { port: 53, protocol: 'UDP', nodePort: world.dnsPort },
      { port: 53, protocol: 'TCP', nodePort: world.dnsPort },
      { port: 9153, protocol: 'TCP' },
    ]);
    expect(world.resolve('x.example.com')).toEqual([]);
    await must(world, 'kubectl delete svc coredns-coredns');
    await expect(pinNodePort(world, 'fcp')).rejects.toThrow(/not found/);
    await world.close();
  });
});
