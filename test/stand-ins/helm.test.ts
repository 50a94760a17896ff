import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import { account, admin, apply, COREDNS_VALUES, etcd, must, sh, write } from './fixtures';
import { at, type Dict, text } from './json';
import { run } from './run';
import { World } from './world';

describe('helm 2', () => {
  let world: World;
  let values: string;
  beforeEach(async () => {
    world = await World.start();
    values = write(world, 'values.yaml', dump(COREDNS_VALUES));
  });
  afterEach(async () => {
    expect(world.mishaps).toEqual([]);
    await world.close();
  });

  const tiller = async (): Promise<void> => {
    await apply(world, 'fcp', [account('tiller', 'kube-system'), admin('tiller', 'kube-system')]);
    await must(world, 'helm init --service-account tiller --skip-refresh --wait');
  };
  const install = (version: string, more = ''): ReturnType<typeof sh> =>
    sh(
      world,
      `helm install stable/coredns --name coredns --namespace default --version ${version} -f ${values} ${more}`,
    );

  it('needs Tiller', async () => {
    const ran = await run(world, 'helm', ['version', '--short']);
    expect(ran).toEqual({ code: 1, stdout: 'Client: v2.7.2+g8478fb4\n', stderr: 'Error: could not find tiller\n' });
    expect((await sh(world, 'helm list')).stderr).toBe('Error: could not find tiller\n');
    await tiller();
    expect((await must(world, 'helm version --server --short --kube-context fcp')).stdout).toBe(
      'Server: v2.7.2+g8478fb4\n',
    );
    expect((await sh(world, 'helm list --kube-context usa')).stderr).toBe('Error: could not find tiller\n');
  });

  it('comes up only with its ServiceAccount, and works only with rights', async () => {
    await must(world, 'helm init --service-account tiller --skip-refresh');
    expect((await sh(world, 'helm list')).stderr).toBe('Error: could not find a ready tiller pod\n');
    await apply(world, 'fcp', [account('tiller', 'kube-system')]);
    expect((await sh(world, 'helm list')).stderr).toBe(
      'Error: configmaps is forbidden: User "system:serviceaccount:kube-system:tiller" cannot list configmaps in the namespace "kube-system"\n',
    );
    await apply(world, 'fcp', [admin('tiller', 'kube-system')]);
    expect((await must(world, 'helm list')).stdout).toBe('');
    const again = await must(world, 'helm init --service-account tiller --skip-refresh');
    expect(again.stdout).toContain('Warning: Tiller is already installed in the cluster.');
  });

  it('needs its own folder, too', async () => {
    await tiller();
    world.state.helmHomes = {};
    expect((await install('0.6.0')).stderr).toMatch(/Couldn't load repositories file/);
    await must(world, 'helm init --client-only --skip-refresh');
    expect((await install('0.6.0')).code).toBe(0);
  });

  it('brings CoreDNS up with etcd in the pinned version', async () => {
    await etcd(world, 'fcp');
    await tiller();
    expect((await install('0.6.0', '--wait --timeout 60')).stdout).toContain('STATUS: DEPLOYED');
    expect(text(at(world.get('fcp', 'ConfigMap', 'default', 'coredns-coredns'), 'data', 'Corefile'))).toContain(
      'etcd example.com. {',
    );
    const image = at(
      world.get('fcp', 'Deployment', 'default', 'coredns-coredns'),
      'spec',
      'template',
      'spec',
      'containers',
      0,
      'image',
    );
    expect(image).toBe('coredns/coredns:006');
    expect((await must(world, 'helm list')).stdout).toMatch(/coredns\t1\t.*\tDEPLOYED\tcoredns-0\.6\.0\tdefault/);
    expect((await must(world, 'helm get values coredns')).stdout).toContain('isClusterService: false');
    expect(JSON.parse((await must(world, 'helm status coredns -o json')).stdout)).toMatchObject({
      info: { status: { code: 1 } },
    });
  });

  it.each([
    ['0.7.0', true],
    ['0.8.0', false],
    ['0.9.1', false],
  ])('takes the values of the guide in chart %s: %p', async (version, taken) => {
    await tiller();
    expect((await install(version)).code).toBe(0);
    const corefile = text(at(world.get('fcp', 'ConfigMap', 'default', 'coredns-coredns'), 'data', 'Corefile'));
    expect(corefile.includes('etcd')).toBe(taken);
    if (taken) return;
    values = write(world, 'new.yaml', dump({ ...COREDNS_VALUES, plugins: COREDNS_VALUES.middleware }));
    await must(world, 'helm delete --purge coredns');
    await install(version);
    expect(text(at(world.get('fcp', 'ConfigMap', 'default', 'coredns-coredns'), 'data', 'Corefile'))).toContain('etcd');
  });

  it('takes the newest chart where none is pinned, which ignores the values without a word', async () => {
    await etcd(world, 'fcp');
    await tiller();
    const ran = await must(world, `helm install --name coredns -f ${values} stable/coredns`);
    expect(ran.stdout).toContain('STATUS: DEPLOYED');
    expect(text(at(world.get('fcp', 'ConfigMap', 'default', 'coredns'), 'data', 'Corefile'))).not.toContain('etcd');
  });

  it('reads no v2 records from CoreDNS 1.2 on', async () => {
    await etcd(world, 'fcp');
    await tiller();
    const server: Dict = {
      zones: [{ zone: 'example.com.' }],
      port: 53,
      plugins: [
        {
          name: 'etcd',
          parameters: 'example.com.',
          configBlock: 'path /skydns\nendpoint http://etcd-cluster-client.default:2379',
        },
      ],
    };
    values = write(world, 'servers.yaml', dump({ serviceType: 'NodePort', servers: [server] }));
    expect((await install('1.0.0')).code).toBe(0);
    const ports = [0, 1].map((index) => ({
      op: 'replace',
      path: `/spec/ports/${index}/nodePort`,
      value: world.dnsPort,
    }));
    await must(world, `kubectl patch svc coredns --type=json -p '${JSON.stringify(ports)}'`);
    const exec = 'kubectl exec etcd-cluster-0001 --';
    await must(world, `${exec} etcdctl set /skydns/com/example/a/x '{"host":"10.1.1.1"}'`);
    expect(world.resolve('a.example.com')).toEqual([]);
    await must(world, `${exec} env ETCDCTL_API=3 etcdctl put /skydns/com/example/a/x '{"host":"10.1.1.2"}'`);
    expect(world.resolve('a.example.com')).toEqual(['10.1.1.2']);
  });

  it('refuses a name in use', async () => {
    await tiller();
    await install('0.6.0');
    const before = world.writes;
    expect(await install('0.6.0')).toMatchObject({ code: 1 });
    expect((await install('0.6.0')).stderr).toMatch(/^Error: a release named coredns already exists\./);
    expect(world.writes).toBe(before);
  });

  it('leaves a FAILED release, on which upgrade --install finds nothing to build', async () => {
    await tiller();
    await must(world, 'kubectl create sa coredns');
    await world.put('fcp', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'coredns-coredns', namespace: 'default' },
    });
    const failed = await install('0.6.0');
    expect(failed).toMatchObject({
      code: 1,
      stderr: 'Error: release coredns failed: configmaps "coredns-coredns" already exists\n',
    });
    expect((await must(world, 'helm list --failed')).stdout).toContain('FAILED');
    const upgrade = await sh(world, `helm upgrade --install coredns stable/coredns --version 0.6.0 -f ${values}`);
    expect(upgrade.code).toBe(1);
    expect(upgrade.stderr).toContain('Error: UPGRADE FAILED: "coredns" has no deployed releases\n');
    await must(world, 'helm delete --purge coredns');
    expect((await install('0.6.0')).code).toBe(0);
  });

  it('fails when --wait takes too long', async () => {
    await tiller();
    await world.hold('fcp/Deployment/default/coredns-coredns');
    expect(await install('0.6.0', '--wait --timeout 0')).toMatchObject({
      code: 1,
      stderr: 'Error: release coredns failed: timed out waiting for the condition\n',
    });
    expect((await must(world, 'helm list --failed --short')).stdout).toBe('coredns\n');
  });

  it('upgrades, and sees only what the charts differ in', async () => {
    await tiller();
    await install('0.6.0');
    await must(
      world,
      'kubectl patch svc coredns-coredns --type=json -p [{"op":"replace","path":"/spec/ports/0/nodePort","value":32111}]',
    );
    await must(world, `helm upgrade --install coredns stable/coredns --version 0.7.0 -f ${values}`);
    expect(at(world.get('fcp', 'Service', 'default', 'coredns-coredns'), 'spec', 'ports', 0, 'nodePort')).toBe(32111);
    expect((await must(world, 'helm list')).stdout).toMatch(/coredns\t2\t.*coredns-0\.7\.0/);
  });

  it('takes all away', async () => {
    await tiller();
    const before = JSON.stringify(world.list('fcp', 'Service', 'default').map((service) => service.metadata.name));
    await install('0.6.0');
    expect((await sh(world, 'helm reset')).stderr).toBe(
      'Error: there are still 1 deployed releases (Tip: use --force).\n',
    );
    expect((await must(world, 'helm delete --purge coredns')).stdout).toBe('release "coredns" deleted\n');
    expect(JSON.stringify(world.list('fcp', 'Service', 'default').map((service) => service.metadata.name))).toBe(
      before,
    );
    expect((await sh(world, 'helm delete --purge coredns')).stderr).toBe('Error: release: "coredns" not found\n');
    await must(world, 'helm reset');
    expect((await sh(world, 'helm list')).stderr).toBe('Error: could not find tiller\n');
  });

  it('knows charts and versions, and not all flags', async () => {
    await tiller();
    expect((await sh(world, 'helm install --name x stable/nothing')).stderr).toMatch(
      /^Error: chart "stable\/nothing" not found/,
    );
    expect((await install('9.9.9')).stderr).toMatch(/^Error: chart "coredns" matching 9\.9\.9 not found/);
    expect((await sh(world, 'helm list --output json')).stderr).toBe('Error: unknown flag: --output\n');
  });

  it('asks the retired repository at its first init, and is refused', async () => {
    const refused = await sh(world, 'helm init --service-account tiller');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/403 Forbidden\n$/);
    expect(world.state.helmHomes).toEqual({});
    await must(world, 'helm init --client-only --stable-repo-url http://charts.local');
    await must(world, 'helm init --service-account tiller');
  });

  it('takes a chart out of a repository that it does not know by a name', async () => {
    await tiller();
    const ran = await must(world, 'helm upgrade a coredns --install --version=0.6.0 --repo=https://charts.local');
    expect(ran.stdout).toMatch(/does not exist. Installing it now/);
    expect((await sh(world, 'helm upgrade b coredns --install')).stderr).toMatch(/chart "coredns" not found/);
    world.state.helmHomes = {};
    const without = await sh(world, 'helm upgrade b coredns --install --repo=https://charts.local');
    expect(without.stderr).toMatch(/Couldn't load repositories file/);
  });

  it('takes a chart out of an archive or a folder, and a folder before a repository', async () => {
    await tiller();
    const from = (chart: string): ReturnType<typeof sh> =>
      world.invoke('helm', ['upgrade', 'a', chart, '--install', '--repo=https://charts.local'], { cwd: world.dir });
    expect((await from('./coredns-0.7.0.tgz')).stderr).toBe('Error: path "./coredns-0.7.0.tgz" not found\n');
    write(world, 'coredns-0.7.0.tgz', '');
    expect((await from('./coredns-0.7.0.tgz')).code).toBe(0);
    mkdirSync(join(world.dir, 'coredns'));
    expect((await from('coredns')).stderr).toMatch(/no Chart.yaml exists in directory/);
    write(world, 'coredns/Chart.yaml', dump({ name: 'coredns', version: '0.9.0' }));
    expect((await from('coredns')).code).toBe(0);
    expect((await must(world, 'helm list')).stdout).toContain('coredns-0.9.0');
  });

  it('cut in an install, leaves it pending', async () => {
    await tiller();
    world.inject({ program: 'helm', match: /^install/, action: { type: 'kill', point: 'in', stage: 2 } });
    expect((await install('0.6.0')).code).toBeNull();
    expect((await must(world, 'helm list --pending')).stdout).toContain('PENDING_INSTALL');
    expect((await install('0.6.0')).stderr).toMatch(/already exists/);
  });
});

describe('a newer helm 2', () => {
  it.each([
    ['2.14.3', '1.7.3', 0],
    ['2.15.0', '1.7.3', 1],
    ['2.15.0', '1.8.15', 1],
    ['2.17.0', '1.9.11', 0],
  ])('%s installs its Tiller on Kubernetes %s: exit code %d', async (helmVersion, kubernetesVersion, code) => {
    const world = await World.start({
      helmVersion,
      clusters: [{ name: 'fcp', server: '10.0.0.1', kubernetesVersion }],
    });
    const ran = await sh(world, 'helm init --skip-refresh');
    expect(ran.code).toBe(code);
    expect(ran.stderr).toBe(
      code === 0 ? '' : 'Error: error installing: the server could not find the requested resource\n',
    );
    await world.close();
  });
});

describe('helm 3', () => {
  let world: World;
  let values: string;
  beforeEach(async () => {
    world = await World.start({ helmVersion: '3.12.3' });
    values = write(world, 'values.yaml', dump(COREDNS_VALUES));
  });
  afterEach(async () => {
    expect(world.mishaps).toEqual([]);
    await world.close();
  });

  it('has no Tiller, and no repository at first', async () => {
    expect((await must(world, 'helm version --short')).stdout).toMatch(/^v3\.12\.3/);
    expect((await sh(world, 'helm init')).stderr).toMatch(/unknown command "init"/);
    expect((await sh(world, 'helm install coredns stable/coredns')).stderr).toBe(
      'Error: INSTALLATION FAILED: repo stable not found\n',
    );
    await must(world, 'helm repo add stable https://charts.invalid/stable');
    await must(
      world,
      `helm upgrade --install coredns stable/coredns --version 0.6.0 -n default -f ${values} --kube-context fcp`,
    );
    const [release] = JSON.parse((await must(world, 'helm list -o json')).stdout) as Dict[];
    expect(release).toMatchObject({
      name: 'coredns',
      namespace: 'default',
      revision: '1',
      status: 'deployed',
      chart: 'coredns-0.6.0',
    });
    expect(JSON.parse((await must(world, 'helm get values coredns -o json')).stdout)).toEqual(COREDNS_VALUES);
    expect(JSON.parse((await must(world, 'helm status coredns -o json')).stdout)).toMatchObject({
      info: { status: 'deployed' },
    });
    expect((await sh(world, 'helm install coredns stable/coredns')).stderr).toBe(
      'Error: INSTALLATION FAILED: cannot re-use a name that is still in use\n',
    );
    expect((await must(world, 'helm uninstall coredns')).stdout).toBe('release "coredns" uninstalled\n');
    expect(world.get('fcp', 'Service', 'default', 'coredns-coredns')).toBeUndefined();
    expect((await sh(world, 'helm uninstall coredns')).stderr).toMatch(/release: not found/);
  });

  it.each([
    ['3.17.2', '', '[]\n'],
    ['3.17.2', '--all', 'pending-install'],
    ['3.17.2', '--pending', 'pending-install'],
    ['4.1.4', '', 'pending-install'],
    ['4.1.4', '--all', 'Error: unknown flag: --all\n'],
    ['4.1.4', '--pending', 'pending-install'],
    ['4.1.4', '--deployed', '[]\n'],
  ])('%s lists %s, where a release is pending: %s', async (helmVersion, flag, said) => {
    const other = await World.start({ helmVersion });
    try {
      await must(other, 'helm repo add stable https://charts.invalid/stable');
      other.inject({ match: /^upgrade/, action: { type: 'kill', point: 'in', stage: 3 } });
      await sh(other, 'helm upgrade --install coredns stable/coredns --version 0.6.0');
      const { stdout, stderr } = await sh(other, `helm list ${flag} -o json`);
      expect(stdout + stderr).toContain(said);
    } finally {
      await other.close();
    }
  });

  it('of version 4 does not know --client', async () => {
    const other = await World.start({ helmVersion: '4.1.4' });
    try {
      expect((await sh(other, 'helm version --client --short')).stderr).toBe('Error: unknown flag: --client\n');
      expect((await must(other, 'helm version --short')).stdout).toMatch(/^v4\.1\.4/);
    } finally {
      await other.close();
    }
  });

  it('cut in an install, is stuck until somebody removes what is pending', async () => {
    await must(world, 'helm repo add stable https://charts.invalid/stable');
    const install = `helm upgrade --install coredns stable/coredns --version 0.6.0 -f ${values}`;
    world.inject({ match: /^upgrade/, action: { type: 'kill', point: 'in', stage: 3 } });
    expect((await sh(world, install)).code).toBeNull();
    const [release] = JSON.parse((await must(world, 'helm list --pending -o json')).stdout) as Dict[];
    expect(release?.status).toBe('pending-install');
    expect((await sh(world, install)).stderr).toBe(
      'Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress\n',
    );
    await must(world, 'helm uninstall coredns');
    expect((await sh(world, install)).code).toBe(0);
  });
});
