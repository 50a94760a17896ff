import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { dump, load } from 'js-yaml';
import { account, admin, apply, COREDNS_VALUES, etcd, must, pinNodePort, sh, write } from './fixtures';
import { at, type Dict, list, num, text } from './json';
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
    expect(ran).toEqual({ code: 1, stdout: 'Client: v2.7.2+g8478fb4\n', stderr: 'Error: cannot connect to Tiller\n' });
    expect(await sh(world, 'helm version --kube-context nowhere')).toMatchObject({
      code: 1,
      stderr: 'Error: cannot connect to Tiller\n',
    });
    expect((await sh(world, 'helm list')).stderr).toBe('Error: could not find tiller\n');
    await tiller();
    expect((await must(world, 'helm version --server --short --kube-context fcp')).stdout).toBe(
      'Server: v2.7.2+g8478fb4\n',
    );
    expect((await sh(world, 'helm list --kube-context usa')).stderr).toBe('Error: could not find tiller\n');
  });

  it('comes up only with its ServiceAccount, and works only with rights', async () => {
    await must(world, 'helm init --service-account tiller --skip-refresh');
    // There is no pod where its account is not there.
    expect((await sh(world, 'helm list')).stderr).toBe('Error: could not find tiller\n');
    await world.hold('fcp/Deployment/kube-system/tiller-deploy');
    await apply(world, 'fcp', [account('tiller', 'kube-system')]);
    expect((await sh(world, 'helm list')).stderr).toBe('Error: could not find a ready tiller pod\n');
    expect((await sh(world, 'helm version')).stderr).toBe('Error: cannot connect to Tiller\n');
    await world.release('fcp/Deployment/kube-system/tiller-deploy');
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
    expect((await must(world, 'helm list')).stdout).toMatch(/coredns\t1 +\t.*\tDEPLOYED\tcoredns-0\.6\.0\tdefault/);
    expect((await must(world, 'helm get values coredns')).stdout).toContain('isClusterService: false');
    expect((await must(world, 'helm status coredns')).stdout).toMatch(/^LAST DEPLOYED: .*\n.*\nSTATUS: DEPLOYED\n/);
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
    await pinNodePort(world, 'fcp', 'coredns');
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
    expect((await must(world, 'helm list')).stdout).toMatch(/coredns\t2 +\t.*coredns-0\.7\.0/);
  });

  it('takes all away', async () => {
    await tiller();
    const before = JSON.stringify(world.list('fcp', 'Service', 'default').map((service) => service.metadata.name));
    await install('0.6.0');
    expect((await sh(world, 'helm reset')).stderr).toBe(
      'Error: there are still 1 deployed releases (Tip: use --force)\n',
    );
    expect((await must(world, 'helm delete --purge coredns')).stdout).toBe('release "coredns" deleted\n');
    expect(JSON.stringify(world.list('fcp', 'Service', 'default').map((service) => service.metadata.name))).toBe(
      before,
    );
    expect((await sh(world, 'helm delete --purge coredns')).stderr).toBe('Error: release: "coredns" not found\n');
    await must(world, 'helm reset');
    expect((await sh(world, 'helm list')).stderr).toBe('Error: could not find tiller\n');
  });

  it('has one sentence for a chart and for a version that are not there', async () => {
    await tiller();
    expect((await sh(world, 'helm install --name x stable/nothing')).stderr).toBe(
      'Error: file "stable/nothing" not found\n',
    );
    expect((await install('9.9.9')).stderr).toBe('Error: file "stable/coredns" not found\n');
  });

  it('knows no --output for list, status and history', async () => {
    await tiller();
    await install('0.6.0');
    expect((await sh(world, 'helm list --output json')).stderr).toBe('Error: unknown flag: --output\n');
    expect((await sh(world, 'helm status coredns --output json')).stderr).toBe('Error: unknown flag: --output\n');
    expect((await sh(world, 'helm history coredns -o json')).stderr).toBe("Error: unknown shorthand flag: 'o' in -o\n");
  });

  it('gives the Service of the chart three ports, and equal node ports to UDP and TCP by itself', async () => {
    await tiller();
    await install('0.6.0');
    const ports = list(at(world.get('fcp', 'Service', 'default', 'coredns-coredns'), 'spec', 'ports'));
    expect(ports.map((port) => [at(port, 'port'), at(port, 'protocol')])).toEqual([
      [53, 'UDP'],
      [53, 'TCP'],
      [9153, 'TCP'],
    ]);
    const [udp, tcp, metrics] = ports.map((port) => num(at(port, 'nodePort')));
    expect(udp).toBe(tcp);
    expect(metrics).not.toBe(udp);
  });

  it('has no deployed releases where the first install failed or was deleted', async () => {
    await tiller();
    const metadata = { name: 'other-coredns', namespace: 'default' };
    await world.put('fcp', { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ port: 53 }] } });
    const values = '--set isClusterService=false,serviceType=NodePort';
    expect((await sh(world, `helm install --name other stable/coredns --version 0.6.0 ${values}`)).stderr).toBe(
      'Error: release other failed: services "other-coredns" already exists\n',
    );
    const upgrade = `helm upgrade other stable/coredns --install --version 0.6.0 ${values}`;
    const none = { code: 1, stdout: '', stderr: 'Error: UPGRADE FAILED: "other" has no deployed releases\n' };
    expect(await sh(world, upgrade)).toEqual(none);
    await must(world, 'helm delete other');
    expect(await sh(world, upgrade)).toEqual(none);
    expect((await sh(world, 'helm status other')).stdout).toContain('STATUS: DELETED\n');
    await must(world, 'helm delete --purge other');
    expect((await sh(world, 'helm status other')).stderr).toBe(
      'Error: getting deployed release "other": release: "other" not found\n',
    );
  });

  it('lists each revision by itself, but not those that were superseded', async () => {
    await tiller();
    await install('0.6.0');
    const upgrade = `helm upgrade coredns stable/coredns --version 0.6.0 -f ${values}`;
    await must(world, upgrade);
    expect((await sh(world, `${upgrade} --set replicaCount=-1`)).stderr).toBe(
      'Error: UPGRADE FAILED: Deployment.apps "coredns-coredns" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0\n',
    );
    const rows = async (): Promise<string[][]> =>
      (await must(world, 'helm list --all')).stdout
        .trimEnd()
        .split('\n')
        .slice(1)
        .map((row) => row.split('\t').map((cell) => cell.trim()))
        .map(([name = '', revision = '', , status = '']) => [name, revision, status]);
    expect(await rows()).toEqual([
      ['coredns', '2', 'DEPLOYED'],
      ['coredns', '3', 'FAILED'],
    ]);
    await must(world, upgrade);
    expect(await rows()).toEqual([
      ['coredns', '3', 'FAILED'],
      ['coredns', '4', 'DEPLOYED'],
    ]);
  });

  it('lets one of two upgrades at once win', async () => {
    await tiller();
    await install('0.6.0');
    const upgrade = `helm upgrade coredns stable/coredns --version 0.6.0 -f ${values}`;
    const both = await Promise.all([sh(world, upgrade), sh(world, upgrade)]);
    expect(both.map((ran) => ran.code).sort()).toEqual([0, 1]);
    expect(both.map((ran) => ran.stderr).sort()).toEqual([
      '',
      'Error: UPGRADE FAILED: release: "coredns.v2" already exists\n',
    ]);
  });

  it('needs the server of its own chart repository at the first init, unless it is given another', async () => {
    const offline = await World.start({ unreachable: ['kubernetes-charts.storage.googleapis.com'] });
    const url = 'https://kubernetes-charts.storage.googleapis.com';
    const first = await sh(offline, 'helm init --client-only');
    expect(first).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        `^Error: Looks like "${url}" is not a valid chart repository or cannot be reached`,
      ) as unknown,
    });
    expect(first.stdout).toContain(`Creating ${offline.dir}/.helm/repository/cache \n`);
    const other = await must(offline, 'helm init --client-only --stable-repo-url http://127.0.0.1:8879');
    expect(other.stdout).toMatch(/^Creating .*repositories\.yaml \nAdding stable repo with URL: http:\/\/127/);
    expect((await must(offline, 'helm init --client-only')).stdout).toMatch(/^\$HELM_HOME has been configured/);
    await offline.close();
  });

  it('asks the retired repository at its first init, and is refused', async () => {
    const refused = await sh(world, 'helm init --service-account tiller');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/403 Forbidden\n$/);
    expect(world.state.helmHomes).toEqual({ '~/.helm': {} });
    await must(world, 'helm init --client-only --stable-repo-url http://charts.local');
    await must(world, 'helm init --service-account tiller');
  });

  it('takes a chart out of a repository that it does not know by a name', async () => {
    await tiller();
    const ran = await must(world, 'helm upgrade a coredns --install --version=0.6.0 --repo=https://charts.local');
    expect(ran.stdout).toMatch(/does not exist. Installing it now/);
    expect((await sh(world, 'helm upgrade b coredns --install')).stderr).toBe('Error: file "coredns" not found\n');
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

describe.each([
  ['3.17.2', 'K'],
  ['4.1.4', 'k'],
])('helm %s', (helmVersion, first) => {
  const four = helmVersion.startsWith('4');
  let world: World;
  let values: string;
  beforeEach(async () => {
    world = await World.start({ helmVersion });
    values = write(world, 'values.yaml', dump(COREDNS_VALUES));
  });
  afterEach(async () => {
    expect(world.mishaps).toEqual([]);
    await world.close();
  });

  const repository = (): ReturnType<typeof must> => must(world, 'helm repo add stable https://charts.invalid/stable');
  const upgrade = (more = ''): string =>
    `helm upgrade --install coredns stable/coredns --version 0.6.0 -f ${values} ${more}`;
  const release = async (): Promise<Dict | undefined> =>
    (JSON.parse((await must(world, 'helm list -o json')).stdout) as Dict[])[0];

  it(`${four ? 'knows no' : 'takes'} --client for version, and --all for list`, async () => {
    const client = await sh(world, 'helm version --client --short');
    const all = await sh(world, 'helm list --all');
    expect([client.code, all.code]).toEqual(four ? [1, 1] : [0, 0]);
    if (four) {
      expect(client.stderr).toBe('Error: unknown flag: --client\n');
      expect((await sh(world, 'helm version -c')).stderr).toBe("Error: unknown shorthand flag: 'c' in -c\n");
      expect(all.stderr).toBe('Error: unknown flag: --all\n');
    }
    expect((await must(world, 'helm version --short')).stdout).toMatch(`v${helmVersion}`);
    expect((await must(world, 'helm version')).stdout.includes('KubeClientVersion')).toBe(four);
    expect((await sh(world, 'helm version --server')).stderr).toBe('Error: unknown flag: --server\n');
    expect((await sh(world, 'helm list ^coredns$')).stderr).toBe(
      'Error: "helm list" accepts no arguments\n\nUsage:  helm list [flags]\n',
    );
  });

  it('has no Tiller, and no repository at first', async () => {
    expect((await sh(world, 'helm init')).stderr).toBe(
      'Error: unknown command "init" for "helm"\n\nDid you mean this?\n\tlint\n\nRun \'helm --help\' for usage.\n',
    );
    expect(await sh(world, 'helm repo list')).toEqual(
      four
        ? { code: 0, stdout: '', stderr: 'no repositories to show\n' }
        : { code: 1, stdout: '', stderr: 'Error: no repositories to show\n' },
    );
    expect((await sh(world, 'helm install coredns stable/coredns')).stderr).toBe(
      'Error: INSTALLATION FAILED: repo stable not found\n',
    );
  });

  it('cannot reach a cluster, in its own words', async () => {
    const server = world.clusterState('usa').server;
    await world.setOnline('usa', false);
    for (const command of ['list', 'status coredns', 'get values coredns', 'uninstall coredns']) {
      expect((await sh(world, `helm ${command} --kube-context usa`)).stderr).toBe(
        `Error: ${first}ubernetes cluster unreachable: Get "https://${server}/version": dial tcp ${server}: connect: connection refused\n`,
      );
      expect((await sh(world, `helm ${command} --kube-context nowhere`)).stderr).toBe(
        `Error: ${first}ubernetes cluster unreachable: context "nowhere" does not exist\n`,
      );
    }
    expect((await sh(world, 'helm version --kube-context nowhere')).code).toBe(0);
  });

  it('says that a release is not there', async () => {
    for (const command of ['status', 'history', 'get values', 'rollback'])
      expect((await sh(world, `helm ${command} coredns`)).stderr).toBe('Error: release: not found\n');
    await repository();
    expect((await sh(world, 'helm upgrade coredns stable/coredns')).stderr).toBe(
      'Error: UPGRADE FAILED: "coredns" has no deployed releases\n',
    );
    expect((await sh(world, 'helm uninstall coredns')).stderr).toBe(
      'Error: uninstall: Release not loaded: coredns: release: not found\n',
    );
    expect((await must(world, 'helm uninstall coredns --ignore-not-found')).stdout).toBe(
      'release "coredns" uninstalled\n',
    );
    expect((await must(world, 'helm list')).stdout).toBe(
      'NAME\tNAMESPACE\tREVISION\tUPDATED\tSTATUS\tCHART\tAPP VERSION\n',
    );
    expect((await must(world, 'helm list -o json')).stdout).toBe('[]\n');
  });

  it('installs, shows and takes away', async () => {
    await repository();
    const ran = await must(world, upgrade('-n default --kube-context fcp'));
    expect(ran.stdout).toMatch(
      /^Release "coredns" does not exist\. Installing it now\.\nNAME: coredns\nLAST DEPLOYED: /,
    );
    expect(ran.stdout.includes('DESCRIPTION: Install complete\n')).toBe(four);
    expect(await release()).toMatchObject({
      name: 'coredns',
      namespace: 'default',
      revision: '1',
      updated: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \+0000 UTC$/) as unknown,
      status: 'deployed',
      chart: 'coredns-0.6.0',
    });
    expect(world.get('fcp', 'Service', 'default', 'coredns-coredns')?.metadata).toMatchObject({
      labels: { 'app.kubernetes.io/managed-by': 'Helm' },
      annotations: { 'meta.helm.sh/release-name': 'coredns', 'meta.helm.sh/release-namespace': 'default' },
    });
    expect(JSON.parse((await must(world, 'helm get values coredns -o json')).stdout)).toEqual(COREDNS_VALUES);
    expect(load((await must(world, 'helm get values coredns -o yaml')).stdout)).toEqual(COREDNS_VALUES);
    expect((await must(world, 'helm get values coredns')).stdout).toMatch(/^USER-SUPPLIED VALUES:\n/);
    expect(JSON.parse((await must(world, 'helm status coredns -o json')).stdout)).toMatchObject({
      info: { status: 'deployed', description: 'Install complete' },
    });
    expect((await sh(world, 'helm install coredns stable/coredns')).stderr).toBe(
      four
        ? 'level=ERROR msg="release name check failed" error="cannot reuse a name that is still in use"\nError: INSTALLATION FAILED: release name check failed: cannot reuse a name that is still in use\n'
        : 'Error: INSTALLATION FAILED: cannot re-use a name that is still in use\n',
    );
    expect((await must(world, 'helm uninstall coredns')).stdout).toBe('release "coredns" uninstalled\n');
    expect(world.get('fcp', 'Service', 'default', 'coredns-coredns')).toBeUndefined();
  });

  it('refuses objects that are not its own, and leaves no release', async () => {
    await repository();
    const metadata = { name: 'coredns-coredns', namespace: 'default' };
    await world.put('fcp', { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ port: 53 }] } });
    expect((await sh(world, upgrade())).stderr).toBe(
      `Error: INSTALLATION FAILED: ${four ? 'u' : 'U'}nable to continue with install: Service "coredns-coredns" in namespace "default" exists and cannot be imported into the current release: invalid ownership metadata; label validation error: missing key "app.kubernetes.io/managed-by": must be set to "Helm"; annotation validation error: missing key "meta.helm.sh/release-name": must be set to "coredns"; annotation validation error: missing key "meta.helm.sh/release-namespace": must be set to "default"\n`,
    );
    expect(await release()).toBeUndefined();
  });

  it('wants the namespace, or leave to make it', async () => {
    await repository();
    expect((await sh(world, upgrade('-n nosuch'))).stderr).toBe(
      'Error: INSTALLATION FAILED: create: failed to create: namespaces "nosuch" not found\n',
    );
    await must(world, upgrade('-n nosuch --create-namespace'));
  });

  it('goes on from a first install that failed', async () => {
    await repository();
    const why =
      'Deployment.apps "coredns-coredns" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0';
    expect((await sh(world, upgrade('--set replicaCount=-1'))).stderr).toBe(
      `Error: INSTALLATION FAILED: ${four ? why : `1 error occurred:\n\t* ${why}\n\n`}\n`,
    );
    expect((await release())?.status).toBe('failed');
    await must(world, upgrade());
    expect((await release())?.status).toBe('deployed');
    const history = JSON.parse((await must(world, 'helm history coredns -o json')).stdout) as Dict[];
    expect(history.map(({ status }) => status)).toEqual(['superseded', 'deployed']);
  });

  it('notes an upgrade that failed beside what is deployed', async () => {
    await repository();
    await must(world, upgrade());
    const ran = await sh(world, upgrade('--set replicaCount=-1'));
    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(
      four ? /^level=WARN msg="upgrade failed" name=coredns/ : /cannot patch "coredns-coredns"/,
    );
    const history = JSON.parse((await must(world, 'helm history coredns -o json')).stdout) as Dict[];
    expect(history.map(({ status }) => status)).toEqual(['deployed', 'failed']);
    expect(await release()).toMatchObject({ revision: '2', status: 'failed' });
  });

  it('gives up on what does not come up', async () => {
    await repository();
    await world.hold('fcp/Deployment/default/coredns-coredns');
    expect((await sh(world, upgrade('--wait --timeout 10ms'))).stderr).toBe(
      `Error: INSTALLATION FAILED: ${four ? 'resource Deployment/default/coredns-coredns not ready. status: InProgress, message: Replicas: 1/1\n' : ''}context deadline exceeded\n`,
    );
  });

  it('cut in an install, is stuck until what is pending is removed', async () => {
    await repository();
    world.inject({ match: /^upgrade/, action: { type: 'kill', point: 'in', stage: 3 } });
    expect((await sh(world, upgrade())).code).toBeNull();
    // Helm 4 lists every state by itself.
    expect((await release())?.status).toBe(four ? 'pending-install' : undefined);
    const [pending] = JSON.parse((await must(world, 'helm list --pending -o json')).stdout) as Dict[];
    expect(pending?.status).toBe('pending-install');
    expect((await sh(world, upgrade())).stderr).toBe(
      'Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress\n',
    );
    await must(world, 'helm uninstall coredns');
    await must(world, upgrade());
  });

  it('cut in an upgrade, is stuck until it is rolled back', async () => {
    await repository();
    await must(world, upgrade());
    world.inject({ match: /^upgrade/, action: { type: 'kill', point: 'in', stage: 2 } });
    expect((await sh(world, upgrade('--set replicaCount=2'))).code).toBeNull();
    expect((await sh(world, upgrade())).stderr).toMatch(/another operation/);
    expect((await must(world, 'helm rollback coredns')).stdout).toBe('Rollback was a success! Happy Helming!\n');
    expect(await release()).toMatchObject({ revision: '3', status: 'deployed' });
    expect(at(world.get('fcp', 'Deployment', 'default', 'coredns-coredns'), 'spec', 'replicas')).toBe(1);
    await must(world, upgrade());
    expect((await sh(world, 'helm rollback coredns 99')).stderr).toBe('Error: release has no 99 version\n');
  });
});

describe('helm of two versions', () => {
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
});
