import { fromYaml } from '../../../lib/yaml';
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
    expect(rendered.step('fcp/coredns')).toMatchObject({ chart: 'stable/coredns', version });
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

test('all of it is in the host cluster only', () => {
  const rendered = Rendered.of(guideProps());
  const found = rendered.plan.steps.filter(({ component }) => component === 'coredns');
  expect(new Set(found.map(({ cluster }) => cluster))).toEqual(new Set(['fcp']));
});
