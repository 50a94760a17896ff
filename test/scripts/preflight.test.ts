import { appendFileSync, cpSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { World } from '../stand-ins/world';
import { BY_MANIFESTS } from '../support/guide';
import { tampered } from '../support/plans';
import { Ended } from './support/cli';
import { sharedFederation } from './support/shared';

const shared = sharedFederation();

/** Nothing has begun, and nothing was written. */
function expectNotBegun({ code, stdout }: Ended, world: World): void {
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(world.writes).toBe(0);
}

/** A copy of `dist/` that a test may change. */
function distCopy(): string {
  const { world, dist } = shared.current;
  const copy = join(world.dir, 'changed');
  rmSync(copy, { recursive: true, force: true });
  cpSync(dist, copy, { recursive: true });
  return copy;
}

describe('programs', () => {
  it.each(['kubectl', 'kubefed', 'helm'] as const)('have to be installed: %s', async (program) => {
    const { world, cli } = shared.current;
    const ended = await cli(['apply', '--yes'], { env: world.envWithout(program) });
    expectNotBegun(ended, world);
    expect(ended.stderr).toContain(
      `  - ${program}: ${program} is not installed\n    Install ${program} and see that it is on the PATH.\n`,
    );
  });

  it('are named once each where several are missing', async () => {
    const { world, cli } = shared.current;
    const ended = await cli(['apply', '--yes'], { env: world.envWithout('kubectl', 'kubefed', 'helm') });
    expectNotBegun(ended, world);
    expect(ended.stderr.match(/^ {2}- .*/gm)).toEqual([
      '  - kubectl: kubectl is not installed',
      '  - kubefed: kubefed is not installed',
      '  - helm: helm is not installed',
    ]);
  });

  it('have to be of the major version that is planned', async () => {
    const { world, cli } = shared.current;
    world.inject({
      program: 'helm',
      match: /^version/,
      action: { type: 'exit', code: 0, stdout: 'v3.14.4+g81c902a\n' },
    });
    const ended = await cli(['apply', '--yes']);
    expectNotBegun(ended, world);
    expect(ended.stderr).toContain('  - helm: is version 3.14.4, and the plan is for Helm 2\n');
  });

  describe('Helm and Tiller', () => {
    const asHelm = (version: string): void => {
      const stdout = `Client: v${version}+g8478fb4\n`;
      shared.current.world.inject({
        program: 'helm',
        match: /^version/,
        times: 'always',
        action: { type: 'exit', code: 0, stdout },
      });
    };
    /** What the preflight finds of helm. */
    const found = async (): Promise<string[]> => {
      const ended = await shared.current.cli(['apply', '--yes', '--json']);
      return ended.events.flatMap((event) =>
        event.type === 'finding' && event.where === 'helm' ? [`${event.problem} | ${event.hint}`] : [],
      );
    };
    const REFUSED =
      "is version 2.16.1, whose Tiller the API server of fcp refuses: from 2.15 on it is apps/v1, which Kubernetes serves from 1.9 on | Put a Helm of 2.14 or older first on the PATH, or set coreDns.install to 'manifests' in main.ts, which needs neither Helm nor Tiller.";

    it('do not fit where a newer Helm would install Tiller on a server without apps/v1', async () => {
      asHelm('2.16.1');
      expect(await found()).toEqual([REFUSED]);
      expect(shared.current.world.writes).toBe(0);
    });

    it('are no matter where the plan needs no Helm', async () => {
      const { resynth } = shared.current;
      asHelm('2.16.1');
      resynth(BY_MANIFESTS);
      try {
        expect((await shared.current.cli(['apply', '--yes'])).code).toBe(0);
      } finally {
        resynth({});
      }
    });
  });

  it('have to say their version', async () => {
    const { world, cli } = shared.current;
    world.inject({ program: 'kubefed', action: { type: 'exit', code: 0, stdout: 'kubefed of some kind\n' } });
    world.inject({ match: /=usa get --raw \/version/, action: { type: 'exit', code: 0, stdout: 'no JSON' } });
    const ended = await cli(['apply', '--yes']);
    expectNotBegun(ended, world);
    expect(ended.stderr).toContain('  - kubefed: does not say its version\n');
    expect(ended.stderr).toContain('  - cluster usa: does not say its version\n');
  });

  it.each([
    ['1.6.9', 0],
    ['1.8.15', 0],
    ['1.5.8', 2],
    ['1.9.11', 2],
  ])('may be one minor version from a cluster: kubectl %s', async (version, code) => {
    const { world, cli } = shared.current;
    const stdout = JSON.stringify({
      clientVersion: { gitVersion: `v${version}` },
      serverVersion: { gitVersion: 'v1.7.3' },
    });
    world.inject({
      match: /^version --client --output=json/,
      times: 'always',
      action: { type: 'exit', code: 0, stdout },
    });
    const ended = await cli(['apply', '--yes', '--cluster', 'usa', '--only', 'node-labels']);
    expect(ended.code).toBe(code);
    if (code === 0) return;
    expect(world.writes).toBe(0);
    expect(ended.stderr).toContain(
      `  - kubectl: is version ${version}, more than one minor from usa's 1.7.3\n    Put a kubectl of 1.6 to 1.8 first on the PATH.\n`,
    );
  });
});

describe('contexts', () => {
  it('have to be there; those that are there are named', async () => {
    const { world, cli } = shared.current;
    const kubeconfig = readFileSync(world.kubeconfigPath, 'utf8');
    writeFileSync(world.kubeconfigPath, kubeconfig.replace('name: usa\n', 'name: states\n'));
    const ended = await cli(['apply', '--yes']);
    expectNotBegun(ended, world);
    expect(ended.stderr).toContain(
      '  - context usa: is not in the kubeconfig; there are: chn, fcp, states\n    Merge the kubeconfig of usa in, or set context in main.ts.\n',
    );
  });

  it('have to lead to the server of the topology', async () => {
    const { world, cli } = shared.current;
    const kubeconfig = readFileSync(world.kubeconfigPath, 'utf8');
    writeFileSync(world.kubeconfigPath, kubeconfig.replace('https://10.11.12.2:6443', 'https://10.11.12.3:6443'));
    const ended = await cli(['apply', '--yes']);
    expectNotBegun(ended, world);
    expect(ended.stderr).toContain(
      '  - context usa: leads to https://10.11.12.3:6443, and the topology says https://10.11.12.2:6443\n',
    );
  });

  it('may be written with or without a closing slash', async () => {
    const { world, cli } = shared.current;
    const kubeconfig = readFileSync(world.kubeconfigPath, 'utf8');
    writeFileSync(world.kubeconfigPath, kubeconfig.replace('https://10.11.12.2:6443', 'https://10.11.12.2:6443/'));
    const ended = await cli(['apply', '--yes', '--only', 'node-labels']);
    expect(ended.stderr).toBe('');
    expect(ended.code).toBe(0);
  });

  it('have to be readable', async () => {
    const { world, cli } = shared.current;
    world.inject({ match: /config view/, action: { type: 'exit', code: 0, stdout: 'no JSON' } });
    const ended = await cli(['apply', '--yes']);
    expectNotBegun(ended, world);
    expect(ended.stderr).toContain('  - kubeconfig: cannot be read\n');
  });
});

describe('clusters', () => {
  it('have to be the ones whose authority the kubeconfig has', async () => {
    const { world, cli } = shared.current;
    world.replaceAuthority('usa');
    const ended = await cli(['apply', '--yes']);
    expectNotBegun(ended, world);
    expect(ended.stderr).toContain(
      '  - cluster usa: the server is not the one that the kubeconfig expects, or does not accept its credentials (x509: certificate signed by unknown authority)\n',
    );
  });

  it('have to be in reach', async () => {
    const { world, cli } = shared.current;
    await world.setOnline('usa', false);
    const ended = await cli(['apply', '--yes']);
    expectNotBegun(ended, world);
    expect(ended.stderr).toContain(
      '  - cluster usa: the API server did not answer, also after several tries (dial tcp 10.11.12.2:6443: getsockopt: connection refused)\n',
    );
  });

  it('have to be ones that the kubeconfig has credentials for; the line that says why is shown', async () => {
    const { world, cli } = shared.current;
    const stderr = [
      'E1125 02:30:25.6 13456 memcache.go:265] "Unhandled Error" err=<',
      'Unable to connect to the server: getting credentials: exec: executable usa-login not found',
      '',
      'It looks like you are trying to use a client-go credential plugin that is not installed.',
    ].join('\n');
    world.inject({ match: /--context=usa/, times: 'always', action: { type: 'exit', code: 1, stderr } });
    const ended = await cli(['apply', '--yes']);
    expectNotBegun(ended, world);
    expect(ended.stderr).toContain(
      '  - cluster usa: the context has no credentials: the program that its kubeconfig names for them gave none (Unable to connect to the server: getting credentials: exec: executable usa-login not found)\n',
    );
  });

  it('have to be of the declared minor version', async () => {
    const { world, cli } = shared.current;
    world.clusterState('chn').version = '1.8.2';
    const ended = await cli(['apply', '--yes']);
    expectNotBegun(ended, world);
    expect(ended.stderr).toContain('  - cluster chn: runs v1.8.2, and the topology says 1.7.3\n');
  });

  it('may be of another patch version, which is noted', async () => {
    const { world, cli } = shared.current;
    world.clusterState('chn').version = '1.7.9';
    const ended = await cli(['apply', '--yes', '--only', 'node-labels']);
    expect(ended.stdout).toContain('note on chn: runs 1.7.9, and the topology says 1.7.3.\n');
    expect(ended.code).toBe(0);
  });

  it('have to let the user do what the steps do', async () => {
    const { world, cli } = shared.current;
    world.deny({ cluster: 'usa', verb: 'create', resource: 'daemonsets' });
    world.deny({ cluster: 'usa', verb: 'patch', resource: 'nodes' });
    world.deny({ cluster: 'fcp', verb: 'create', resource: 'secrets' });
    const ended = await cli(['apply', '--yes']);
    expectNotBegun(ended, world);
    expect(ended.stderr).toContain(
      '  - cluster usa: the user of context usa may not patch nodes; create daemonsets.extensions in kube-system\n',
    );
    expect(ended.stderr).toMatch(/cluster fcp: the user of context fcp may not create secrets in federation-system\n/);
  });

  it('need no rights for steps that are not chosen', async () => {
    const { world, cli } = shared.current;
    world.deny({ cluster: 'usa', verb: 'create', resource: 'daemonsets' });
    const ended = await cli(['apply', '--yes', '--only', 'node-labels']);
    expect(ended.stderr).toBe('');
    expect(ended.code).toBe(0);
  });
});

describe('dist/', () => {
  it('has to have a plan', async () => {
    const { world, cli } = shared.current;
    const ended = await cli(['apply', '--yes'], { dist: join(world.dir, 'nowhere') });
    expectNotBegun(ended, world);
    expect(ended.stderr).toMatch(
      /^There is no plan\.\n {2}- .*\/nowhere\/plan\.yaml: is missing\n {4}Run `npm run synth`/,
    );
  });

  it.each<[string, (dist: string) => void, string]>([
    [
      'changed',
      (dist) => {
        appendFileSync(join(dist, 'usa/36-kube-keepalived-vip.yaml'), '# a change\n');
      },
      'dist/usa/36-kube-keepalived-vip.yaml: is not as synth wrote it',
    ],
    [
      'missing',
      (dist) => {
        rmSync(join(dist, 'fcp/21-coredns-values.conf'));
      },
      'dist/fcp/21-coredns-values.conf: is missing',
    ],
    [
      'a link that leads out of it',
      (dist) => {
        const file = join(dist, 'usa/36-kube-keepalived-vip.yaml');
        renameSync(file, join(dist, '../elsewhere.yaml'));
        symlinkSync('../../elsewhere.yaml', file);
      },
      'dist/usa/36-kube-keepalived-vip.yaml: leads out of dist/',
    ],
    [
      'in a folder that leads out of it',
      (dist) => {
        rmSync(join(dist, '../elsewhere'), { recursive: true, force: true });
        renameSync(join(dist, 'usa'), join(dist, '../elsewhere'));
        symlinkSync('../elsewhere', join(dist, 'usa'));
      },
      'dist/usa/36-kube-keepalived-vip.yaml: leads out of dist/',
    ],
  ])('has to hold the files that synth wrote, and none of them is %s', async (_, change, finding) => {
    const { world, cli } = shared.current;
    const dist = distCopy();
    change(dist);
    const ended = await cli(['apply', '--yes'], { dist });
    expectNotBegun(ended, world);
    expect(ended.stderr).toContain(`  - ${finding}\n`);
    expect(ended.stderr).toContain('npm run synth');
  });

  it.each([['plan'], ['plan --offline'], ['plan --json'], ['status'], ['status --json']])(
    '%s says before anything else that apply will refuse it, and judges no step by such a file',
    async (command) => {
      const { world, cli } = shared.current;
      const dist = distCopy();
      appendFileSync(join(dist, 'usa/36-kube-keepalived-vip.yaml'), '# a change\n');
      rmSync(join(dist, 'fcp/15-etcd-operator.yaml'));
      renameSync(join(dist, 'chn/37-keepalived-cloud-provider.yaml'), join(dist, '../elsewhere.yaml'));
      symlinkSync('../../elsewhere.yaml', join(dist, 'chn/37-keepalived-cloud-provider.yaml'));
      const ended = await cli(command.split(' '), { dist });
      expect(ended.code).toBe(2);
      expect(world.writes).toBe(0);
      expect(ended.stderr).toBe(
        [
          'The files of dist/ are not those that synth wrote; apply will not begin.',
          '  - dist/fcp/15-etcd-operator.yaml: is missing',
          '    Run `npm run synth` and review what it changes.',
          '  - dist/usa/36-kube-keepalived-vip.yaml: is not as synth wrote it',
          '    Run `npm run synth` and review what it changes.',
          '  - dist/chn/37-keepalived-cloud-provider.yaml: leads out of dist/',
          '    Remove the link, then run `npm run synth`.',
          '',
        ].join('\n'),
      );
      expect(ended.stdout).toMatch(
        /usa\/kube-keepalived-vip\b.*dist\/usa\/36-kube-keepalived-vip.yaml is not as synth wrote it/s,
      );
      expect(ended.stdout).toContain('node-labels');
    },
  );

  it('has to have the plan as synth wrote it', async () => {
    const { world, cli } = shared.current;
    const dist = distCopy();
    const plan = readFileSync(join(dist, 'plan.yaml'), 'utf8');
    writeFileSync(join(dist, 'plan.yaml'), plan.replace('timeoutSeconds: 900', 'timeoutSeconds: 901'));
    const ended = await cli(['apply', '--yes'], { dist });
    expectNotBegun(ended, world);
    expect(ended.stderr).toContain('  - plan.yaml: is not as synth wrote it: its digest differs\n');
    expect(world.calls).toEqual([]);
  });

  it.each([
    ['a file elsewhere', '../../../etc/passwd', 'is no file inside dist/'],
    ['an absolute path', '/etc/passwd', 'is no file inside dist/'],
    ['a flag', '--kubeconfig=x', 'is no file inside dist/'],
    ['a file that synth did not write', 'usa/99-other.yaml', "'usa/99-other.yaml' is no file that synth wrote"],
  ])('has to have a plan that names files of its own only, not %s', async (_, file, problem) => {
    const { world, cli } = shared.current;
    const dist = distCopy();
    const content = readFileSync(join(dist, 'plan.yaml'), 'utf8');
    const changed = tampered((plan) => {
      const step = plan.steps.find(({ id }) => id === 'usa/kube-keepalived-vip');
      if (!step) throw new Error('there is no such step');
      const old = String(step.file);
      step.file = file;
      step.run = step.run.map((words) => words.map((word) => word.replace(old, file)));
      step.undo = step.undo.map((words) => words.map((word) => word.replace(old, file)));
    }, content);
    writeFileSync(join(dist, 'plan.yaml'), changed);
    const ended = await cli(['apply', '--yes'], { dist });
    expectNotBegun(ended, world);
    expect(ended.stderr).toContain(problem);
    expect(world.calls).toEqual([]);
  });
});

describe('everything that stops a run', () => {
  it('is said at once', async () => {
    const { world, cli } = shared.current;
    const dist = distCopy();
    appendFileSync(join(dist, 'fcp/20-tiller.yaml'), '# a change\n');
    rmSync(join(dist, 'chn/35-vip-configmap.yaml'));
    const kubeconfig = readFileSync(world.kubeconfigPath, 'utf8');
    writeFileSync(world.kubeconfigPath, kubeconfig.replace('https://10.11.12.2:6443', 'https://10.11.12.9:6443'));
    world.clusterState('chn').version = '1.8.2';
    const ended = await cli(['apply', '--yes'], { dist, env: world.envWithout('helm', 'kubefed') });
    expectNotBegun(ended, world);
    expect(ended.stderr.match(/^ {2}- .*/gm)?.map((line) => line.slice(4).replace(/ \(.*/, ''))).toEqual([
      'dist/fcp/20-tiller.yaml: is not as synth wrote it',
      'dist/chn/35-vip-configmap.yaml: is missing',
      'context usa: leads to https://10.11.12.9:6443, and the topology says https://10.11.12.2:6443',
      'kubefed: kubefed is not installed',
      'helm: helm is not installed',
      'cluster chn: runs v1.8.2, and the topology says 1.7.3',
    ]);
  });

  it('is told to machines one finding a line', async () => {
    const { world, cli } = shared.current;
    world.clusterState('chn').version = '1.8.2';
    world.clusterState('usa').version = '1.9.0';
    const ended = await cli(['apply', '--yes', '--json']);
    expect(ended.code).toBe(2);
    expect(ended.events).toEqual(
      ['cluster usa', 'kubectl', 'cluster chn'].map(
        (where) => expect.objectContaining({ type: 'finding', where }) as unknown,
      ),
    );
    expect(world.writes).toBe(0);
  });

  it('stops a teardown, too', async () => {
    const { world, cli } = shared.current;
    world.clusterState('chn').version = '1.8.2';
    const ended = await cli(['teardown', '--yes']);
    expectNotBegun(ended, world);
    expect(ended.stderr).toContain('  - cluster chn: runs v1.8.2, and the topology says 1.7.3\n');
  });
});
