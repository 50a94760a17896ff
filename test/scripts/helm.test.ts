import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { account, admin } from '../stand-ins/fixtures';
import { at } from '../stand-ins/json';
import { World } from '../stand-ins/world';
import { StartOptions } from './support/cli';
import { change, set } from './support/change';
import { mustApply, sharedFederation, withFederation } from './support/shared';

const IMAGE = 'registry.local/kubernetes-helm/tiller';

const tillerImage = (world: World): unknown =>
  at(
    world.get('fcp', 'Deployment', 'kube-system', 'tiller-deploy'),
    'spec',
    'template',
    'spec',
    'containers',
    0,
    'image',
  );

describe('CoreDNS by its chart', () => {
  const shared = sharedFederation({
    props: {
      coreDns: { tillerImage: `${IMAGE}:v2.7.2` },
      charts: { repository: 'https://charts.local/stable' },
    },
  });

  it('comes out of the repository of the topology, is left alone once it is there, and goes', async () => {
    const { world, cli } = shared.current;
    await mustApply(shared.current);
    expect(tillerImage(world)).toBe(`${IMAGE}:v2.7.2`);
    const helm = world.calls.flatMap(({ program, argv }) => (program === 'helm' ? [argv.slice(1).join(' ')] : []));
    expect(helm).toContain(
      `init --service-account=tiller --tiller-image=${IMAGE}:v2.7.2 --stable-repo-url=https://charts.local/stable --skip-refresh`,
    );
    expect(helm).toContain(
      'upgrade coredns coredns --install --namespace=default --repo=https://charts.local/stable --version=0.6.0 --values=fcp/21-coredns-values.conf',
    );

    world.clearLog();
    expect((await cli(['apply', '--yes'])).stdout).toContain('Nothing was written');
    expect(world.writes).toBe(0);

    expect((await cli(['teardown', '--yes'])).code).toBe(0);
    expect(world.get('fcp', 'Deployment', 'kube-system', 'tiller-deploy')).toBeUndefined();
    expect(world.get('fcp', 'Deployment', 'default', 'coredns-coredns')).toBeUndefined();
  });

  it('has Tiller run the image that the topology names, when that changes', async () => {
    const { world, cli, resynth } = shared.current;
    await mustApply(shared.current);
    resynth({ coreDns: { tillerImage: `${IMAGE}:v2.9.1` } });
    expect((await cli(['plan'])).stdout).toContain(`Tiller of fcp runs ${IMAGE}:v2.7.2, not ${IMAGE}:v2.9.1`);
    await mustApply(shared.current);
    expect(tillerImage(world)).toBe(`${IMAGE}:v2.9.1`);
    world.clearLog();
    await mustApply(shared.current);
    expect(world.writes).toBe(0);
  });
});

describe('CoreDNS by its chart, where it is', () => {
  const shared = sharedFederation({ applied: true });

  it('stands on its account, even a Tiller of which a part is gone', async () => {
    const { world, cli } = shared.current;
    await world.remove('fcp', 'Service', 'kube-system', 'tiller-deploy');
    const ended = await cli(['teardown', '--yes', '--json', '--only', 'tiller']);
    expect(ended.code).toBe(2);
    const standing = ended.events.flatMap((event) => (event.type === 'finding' ? [event.where] : []));
    expect(standing).toContain('fcp/helm-init');
    expect(world.writes).toBe(0);
  });

  it('sets the node port that somebody has changed', async () => {
    const { world, cli } = shared.current;
    const before = world.canonicalState();
    await change(world, ['fcp', 'Service', 'default', 'coredns-coredns'], (object) => {
      set(object, ['spec', 'ports', 0, 'nodePort'], 31_999);
    });
    expect((await cli(['apply', '--yes'])).code).toBe(0);
    expect(world.canonicalState()).toEqual(before);
  });
});

it('comes out of a folder, without any repository', async () => {
  await withFederation({ props: { charts: { folder: '../charts' } } }, async (federation) => {
    const { world } = federation;
    mkdirSync(join(world.dir, 'charts'));
    writeFileSync(join(world.dir, 'charts/coredns-0.6.0.tgz'), '');
    await mustApply(federation);
    const helm = world.calls.flatMap(({ program, argv }) => (program === 'helm' ? [argv.join(' ')] : []));
    expect(helm.join('\n')).not.toContain('http');
    expect(world.get('fcp', 'Deployment', 'default', 'coredns-coredns')).toBeDefined();
  });
});

it('leaves a Tiller of somebody else’s with the image that it has', async () => {
  const objects = [account('theirs', 'kube-system'), admin('theirs', 'kube-system')];
  const options = {
    props: { coreDns: { tillerImage: `${IMAGE}:v2.9.1` } },
    clusters: { fcp: { objects } },
  } satisfies StartOptions;
  await withFederation(options, async (federation) => {
    const { world } = federation;
    await world.invoke('helm', ['--kube-context=fcp', 'init', '--service-account=theirs', '--skip-refresh']);
    const theirs = tillerImage(world);
    await mustApply(federation);
    expect(tillerImage(world)).toBe(theirs);
  });
});
