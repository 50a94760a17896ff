import { fromYaml } from '../../../lib/yaml';
import { commands } from '../../../lib/plan/commands';
import { Command } from '../../../lib/plan/step';
import { ChartsProps, ClusterProps } from '../../../lib/topology/types';
import { guideProps, Rendered } from '../../support/guide';

const withChart = (chartVersion: string): Rendered => Rendered.of(guideProps({ coreDns: { chartVersion } }));
const valuesOf = (rendered: Rendered): unknown =>
  fromYaml(rendered.content(rendered.path('fcp', 'coredns-values.conf')));

const PLUGINS = {
  kubernetes: { enabled: false },
  etcd: { enabled: true, zones: ['example.com.'], endpoint: 'http://etcd-cluster-client.default:2379' },
};

describe('the values have the key that the chart of a version takes its plugins under', () => {
  test.each(['0.1.0', '0.2.0', '0.6.0', '0.7.0'])('%s: middleware', (version) => {
    expect(valuesOf(withChart(version))).toMatchObject({ middleware: PLUGINS });
    expect(valuesOf(withChart(version))).not.toHaveProperty('plugins');
  });

  test.each(['0.8.0', '0.9.0', '0.9.1'])('%s: plugins', (version) => {
    expect(valuesOf(withChart(version))).toMatchObject({ plugins: PLUGINS });
    expect(valuesOf(withChart(version))).not.toHaveProperty('middleware');
  });
});

test('the release has exactly the version that the values are for', () => {
  for (const version of ['0.6.0', '0.9.1']) {
    const rendered = withChart(version);
    expect(rendered.step('fcp/coredns')).toMatchObject({ chart: 'coredns', version });
    expect(rendered.content('fcp/21-coredns-values.conf')).toContain(`stable/coredns, version ${version} `);
  }
});

test('CoreDNS is no cluster service and is reached through a node port', () => {
  expect(valuesOf(Rendered.of(guideProps()))).toMatchObject({ isClusterService: false, serviceType: 'NodePort' });
});

test('the node port, for which the chart has no value, is set on the Service that the release makes', () => {
  const rendered = Rendered.of(guideProps({ dns: { zone: 'example.com.', endpoint: '10.11.4.82:30053' } }));
  const release = rendered.step('fcp/coredns');
  const port = rendered.step('fcp/coredns-node-port');
  expect(port).toMatchObject({ needs: ['fcp/coredns'], service: 'coredns-coredns', nodePort: 30053 });
  expect(release).toMatchObject({ release: 'coredns', namespace: 'default' });
  expect(release).toHaveProperty(
    'wait',
    expect.arrayContaining([
      { resource: 'service/coredns-coredns', namespace: 'default', until: 'exists' },
      { resource: 'deployment/coredns-coredns', namespace: 'default', until: 'rolled-out' },
    ]),
  );
});

test('Tiller has its account before it is installed, and is before the chart', () => {
  const rendered = Rendered.of(guideProps());
  expect(rendered.step('fcp/helm-init')).toMatchObject({ serviceAccount: 'tiller', needs: ['fcp/tiller'] });
  expect(rendered.step('fcp/coredns').needs).toContain('fcp/helm-init');
});

describe('the chart comes', () => {
  const release = (charts: ChartsProps): Command => {
    const [run = []] = commands(Rendered.of(guideProps({ charts })).step('fcp/coredns')).run;
    return run;
  };
  const init = (charts: ChartsProps, tillerImage?: string): Command => {
    const [run = []] = commands(
      Rendered.of(guideProps({ charts, coreDns: { tillerImage } })).step('fcp/helm-init'),
    ).run;
    return run.slice(2);
  };

  test('out of the archive of the stable charts, without the repository that helm itself would ask', () => {
    expect(release({})).toEqual(expect.arrayContaining(['coredns', '--repo=https://charts.helm.sh/stable']));
    expect(init({})).toEqual([
      'init',
      '--service-account=tiller',
      '--stable-repo-url=https://charts.helm.sh/stable',
      '--skip-refresh',
    ]);
  });

  test("out of a repository of one's own", () => {
    const repository = 'http://charts.local:8080/stable';
    expect(release({ repository })).toContain(`--repo=${repository}`);
    expect(init({ repository })).toContain(`--stable-repo-url=${repository}`);
  });

  test.each<[ChartsProps, string]>([
    [{ folder: '../charts' }, '../charts/coredns-0.6.0.tgz'],
    [{ folder: '/srv/charts/' }, '/srv/charts/coredns-0.6.0.tgz'],
    [{ folder: 'charts', unpacked: true }, './charts/coredns'],
  ])('out of the folder %j', (charts, path) => {
    const command = release(charts);
    expect(command).toContain(path);
    expect(command.join(' ')).not.toContain('--repo');
    expect(init(charts)).toEqual(['init', '--service-account=tiller', '--skip-refresh']);
  });

  test('with the image of Tiller that the topology names', () => {
    expect(init({}, 'registry.local/tiller:v2.14.3')).toContain('--tiller-image=registry.local/tiller:v2.14.3');
  });

  test('not out of the folder of a cluster of its name', () => {
    const [fcp] = guideProps().clusters;
    const named = guideProps({ hostCluster: 'coredns', clusters: [{ ...(fcp as ClusterProps), name: 'coredns' }] });
    expect(() => Rendered.of(named)).toThrow(/clusters\[0\]\.name: 'coredns' is the chart's name/);
    expect(Rendered.of({ ...named, charts: { folder: '../charts' } }).bundles()).toContain('coredns');
  });
});

test('all of it is in the host cluster only', () => {
  const rendered = Rendered.of(guideProps());
  const found = rendered.plan.steps.filter(({ component }) => component === 'coredns');
  expect(new Set(found.map(({ cluster }) => cluster))).toEqual(new Set(['fcp']));
});
