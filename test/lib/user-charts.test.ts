import { ApiObject, App, Chart } from 'cdk8s';
import { ConfigMap, Deployment, Service } from 'cdk8s-plus-25';
import { Construct } from 'constructs';
import { CollisionError, DialectError, Federation, FederationError } from '../../lib';
import { guideAt, guideProps, Rendered } from '../support/guide';
import { closure } from '../support/plans';

/** A user's own chart, as one would write it: it knows nothing of federations. */
class Monitoring extends Chart {
  constructor(scope: Construct, id: string) {
    super(scope, id, { namespace: 'monitoring' });
    new Deployment(this, 'agent', {
      metadata: { name: 'agent' },
      containers: [{ image: 'agent:1', securityContext: { allowPrivilegeEscalation: true } }],
    });
  }
}

function configMap(chart: Chart, id: string, name: string, namespace?: string): ConfigMap {
  return new ConfigMap(chart, id, { metadata: { name, ...(namespace && { namespace }) } });
}

describe("a user's own chart", () => {
  test("in a cluster's bundle and in the federation's takes three lines", () => {
    const federation = new Federation(guideProps());
    new Monitoring(federation.cluster('usa'), 'Monitoring');
    new Monitoring(federation.federated(), 'everywhere');
    expect(new Rendered(federation).paths().filter((path) => /\/9\d-/.test(path))).toEqual([
      'federation/90-everywhere.yaml',
      'usa/90-monitoring.yaml',
    ]);
  });

  test("comes out in its bundle's dialect", () => {
    const federation = new Federation(guideProps());
    for (const app of [federation.cluster('usa'), federation.federated()]) new Monitoring(app, 'monitoring');
    const rendered = new Rendered(federation);
    expect(rendered.object('usa', 'Deployment', 'agent').apiVersion).toBe('apps/v1beta1');
    expect(rendered.object('federation', 'Deployment', 'agent').apiVersion).toBe('extensions/v1beta1');
  });

  test("is applied after the components of its bundle, in the cluster's own context", () => {
    const props = guideProps();
    const clusters = props.clusters.map((c) => (c.name === 'usa' ? { ...c, context: 'usa-admin' } : c));
    const federation = new Federation({ ...props, clusters });
    new Monitoring(federation.cluster('usa'), 'monitoring');
    const rendered = new Rendered(federation);
    expect(rendered.step('usa/monitoring')).toMatchObject({
      kind: 'apply',
      context: 'usa-admin',
      file: 'usa/90-monitoring.yaml',
    });
    const needed = closure(rendered.plan.steps).get('usa/monitoring');
    for (const name of ['vip-configmap', 'kube-keepalived-vip', 'keepalived-cloud-provider']) {
      expect(needed).toContain(`usa/${name}`);
    }
  });

  test('in the federation names the members that get copies of its objects, in a cluster none', () => {
    const federation = new Federation(guideProps());
    for (const app of [federation.cluster('usa'), federation.federated()]) new Monitoring(app, 'monitoring');
    const rendered = new Rendered(federation);
    expect(rendered.step('federation/monitoring')).toMatchObject({ copies: ['fcp', 'usa', 'chn'] });
    expect(rendered.step('federation/hello-world')).toMatchObject({ copies: ['fcp', 'usa', 'chn'] });
    expect(rendered.step('usa/monitoring')).not.toHaveProperty('copies');
  });

  test('in the federation is applied when every member has joined, in its context', () => {
    const federation = new Federation(guideProps());
    new Monitoring(federation.federated(), 'everywhere');
    const rendered = new Rendered(federation);
    expect(rendered.step('federation/everywhere')).toMatchObject({ kind: 'apply', context: 'federation' });
    const needed = closure(rendered.plan.steps).get('federation/everywhere');
    for (const id of ['fcp/join', 'usa/join', 'chn/join', 'federation/hello-world']) expect(needed).toContain(id);
  });

  test('is applied after the charts that it depends on, by whichever construct, and is numbered so', () => {
    const federation = new Federation(guideProps());
    const app = federation.cluster('usa');
    const [first, second, third] = ['a-last', 'b-middle', 'c-first'].map((id) => new Chart(app, id)) as [
      Chart,
      Chart,
      Chart,
    ];
    first.addDependency(second);
    configMap(second, 'x', 'needs').node.addDependency(configMap(third, 'x', 'needed'));
    configMap(first, 'x', 'last');
    const rendered = new Rendered(federation);
    expect(rendered.step('usa/a-last').needs).toContain('usa/b-middle');
    expect(rendered.step('usa/b-middle').needs).toContain('usa/c-first');
    expect(rendered.step('usa/c-first').needs).not.toContain('usa/b-middle');
    expect(rendered.paths().filter((path) => /\/9\d-/.test(path))).toEqual([
      'usa/90-c-first.yaml',
      'usa/91-b-middle.yaml',
      'usa/92-a-last.yaml',
    ]);
  });

  test('keeps its objects in order of what they depend on', () => {
    const federation = new Federation(guideProps());
    const chart = new Chart(federation.cluster('usa'), 'ordered');
    const late = configMap(chart, 'a', 'late');
    late.node.addDependency(configMap(chart, 'z', 'early'));
    const names = new Rendered(federation).objectsOf('usa/90-ordered.yaml').map(({ metadata }) => metadata.name);
    expect(names).toEqual(['early', 'late']);
  });

  test.each([
    ['Web Shop', 'usa/web-shop'],
    ['_web_', 'usa/web'],
    ['Läden', 'usa/l-den'],
    ['网店', 'usa/chart'],
  ])('named %j has a file and a step that are named after it', (id, step) => {
    const federation = new Federation(guideProps());
    configMap(new Chart(federation.cluster('usa'), id), 'x', 'x');
    expect(new Rendered(federation).step(step)).toMatchObject({ file: `usa/90-${step.split('/')[1] ?? ''}.yaml` });
  });

  test('in an unknown cluster is an error that names the known ones', () => {
    const federation = new Federation(guideProps());
    expect(() => federation.cluster('ger')).toThrow(FederationError);
    expect(() => federation.cluster('ger')).toThrow(/'ger' is not declared\n {4}Declared are: fcp, usa, chn\./);
  });

  test('with what the version cannot keep is an error that names cluster, object, field and version', () => {
    const federation = new Federation(guideProps());
    const chart = new Chart(federation.cluster('usa'), 'web');
    // As cdk8s-plus has it where nothing is said: a promise not to gain privileges, and a probe at start.
    new Deployment(chart, 'web', { metadata: { name: 'web' }, containers: [{ image: 'web:1', portNumber: 80 }] });
    expect(() => federation.render()).toThrow(DialectError);
    expect(() => federation.render()).toThrow(
      /usa: Deployment web, spec\.template\.spec\.containers\[0\]\.securityContext\.allowPrivilegeEscalation: Kubernetes 1\.7 .*\n.*\n.*containers\[0\]\.startupProbe/,
    );
  });

  test('of a kind that the federation does not serve is an error', () => {
    const federation = new Federation(guideAt('1.9.0'));
    const chart = new Chart(federation.federated(), 'account');
    new ApiObject(chart, 'x', { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'x' } });
    expect(() => federation.render()).toThrow(
      "federation: ServiceAccount x: the federation's API server does not serve",
    );
  });
});

describe('two things of one name in one bundle are an error', () => {
  /** What is said of a federation to whose cluster usa, and to the federation itself, charts are added. */
  function collision(add: (usa: App, federated: App) => void): string[] {
    const federation = new Federation(guideProps());
    add(federation.cluster('usa'), federation.federated());
    try {
      federation.render();
    } catch (error) {
      if (error instanceof CollisionError) return error.findings.map(({ where, problem }) => `${where} ${problem}`);
      throw error;
    }
    return [];
  }

  test('objects of a component and of a chart', () => {
    const add = (usa: App): void => void configMap(new Chart(usa, 'mine'), 'x', 'vip-configmap', 'kube-system');
    expect(collision(add)).toEqual([
      'usa: ConfigMap kube-system/vip-configmap is in usa/90-mine.yaml and in usa/35-vip-configmap.yaml',
    ]);
  });

  test('objects of two charts', () => {
    const add = (usa: App): void => {
      configMap(new Chart(usa, 'a'), 'x', 'settings', 'shop');
      configMap(new Chart(usa, 'b'), 'x', 'settings', 'shop');
    };
    expect(collision(add)).toEqual(['usa: ConfigMap shop/settings is in usa/91-b.yaml and in usa/90-a.yaml']);
  });

  test('objects of one chart', () => {
    const add = (usa: App): void => {
      const chart = new Chart(usa, 'a');
      configMap(chart, 'x', 'settings');
      configMap(chart, 'y', 'settings');
    };
    expect(collision(add)).toEqual(['usa: ConfigMap default/settings is in usa/90-a.yaml and in usa/90-a.yaml']);
  });

  test('objects of two groups that are one object to the API server', () => {
    const add = (usa: App): void => {
      const chart = new Chart(usa, 'a');
      const metadata = { name: 'web', namespace: 'shop' };
      for (const apiVersion of ['apps/v1beta1', 'extensions/v1beta1'])
        new ApiObject(chart, apiVersion, { apiVersion, kind: 'Deployment', metadata });
    };
    expect(collision(add)).toHaveLength(1);
  });

  test('objects of which one leaves the default namespace unsaid', () => {
    const add = (_: App, federated: App): void => {
      const chart = new Chart(federated, 'a');
      new Service(chart, 'x', { metadata: { name: 'hello-world' }, ports: [{ port: 80 }] });
    };
    expect(collision(add)).toEqual([
      'federation: Service default/hello-world is in federation/90-a.yaml and in federation/51-hello-world.yaml',
    ]);
  });

  test('charts whose names differ in what no file name keeps', () => {
    const add = (usa: App): void => {
      for (const [i, id] of ['Web', 'web', 'w-e-b'].entries()) configMap(new Chart(usa, id), 'x', `x${i}`);
    };
    expect(collision(add)).toEqual(['usa/web two steps of charts have this name']);
  });

  test("a chart's step and a component's", () => {
    const add = (usa: App): void => void configMap(new Chart(usa, 'join'), 'x', 'x');
    expect(collision(add)).toEqual(['usa/join is a step of membership and one of charts']);
  });

  test("a chart's step and a workload's", () => {
    const federation = new Federation(guideProps());
    configMap(new Chart(federation.cluster('fcp'), 'hello-world-dns'), 'x', 'x');
    expect(() => federation.render()).toThrow(CollisionError);
    expect(() => federation.render()).toThrow(
      'fcp/hello-world-dns: is a step of dns-check and one of charts\n    Rename the chart or the workload',
    );
  });

  test('but objects of the same name in two namespaces, of two kinds, of two custom groups or in two bundles are not', () => {
    const add = (usa: App, federated: App): void => {
      const chart = new Chart(usa, 'a');
      configMap(chart, 'x', 'web', 'shop');
      configMap(chart, 'y', 'web', 'office');
      new Service(chart, 'z', { metadata: { name: 'web', namespace: 'shop' }, ports: [{ port: 80 }] });
      for (const apiVersion of ['a.example.com/v1', 'b.example.com/v1'])
        new ApiObject(chart, apiVersion, { apiVersion, kind: 'Service', metadata: { name: 'web', namespace: 'shop' } });
      configMap(new Chart(federated, 'a'), 'x', 'web', 'shop');
    };
    expect(collision(add)).toEqual([]);
  });
});

test("objects of a user's chart carry the plan's labels beside their own, so that the next apply knows them", () => {
  const federation = new Federation(guideProps());
  const chart = new Chart(federation.cluster('usa'), 'mine', { labels: { team: 'red' } });
  configMap(chart, 'x', 'settings', 'shop');
  const file = federation.render().find(({ path }) => path === 'usa/90-mine.yaml');
  expect(file?.content).toContain('onprem-federation.io/federation: federation');
  expect(file?.content).toContain('app.kubernetes.io/managed-by: onprem-federation');
  expect(file?.content).toContain('app.kubernetes.io/part-of: federation');
  expect(file?.content).toContain('team: red');
});

test("an object of a user's chart that says no namespace goes to `default`, whatever namespace the context has", () => {
  const federation = new Federation(guideProps());
  for (const [name, app] of [
    ['usa', federation.cluster('usa')] as const,
    ['federation', federation.federated()] as const,
  ]) {
    const chart = new Chart(app, 'mine');
    configMap(chart, 'unsaid', `${name}-unsaid`);
    configMap(chart, 'said', `${name}-said`, 'shop');
    new ApiObject(chart, 'namespace', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: `${name}-shop` } });
  }
  const usa = new Chart(federation.cluster('usa'), 'others');
  const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'reader' } };
  new ApiObject(usa, 'role', role);
  // Whether a custom kind lives in a namespace only its cluster knows.
  new ApiObject(usa, 'custom', { apiVersion: 'example.com/v1', kind: 'Backup', metadata: { name: 'nightly' } });
  const rendered = new Rendered(federation);
  const namespaceOf = (bundle: string, kind: string, name: string): string | undefined =>
    rendered.object(bundle, kind, name).metadata.namespace;
  for (const bundle of ['usa', 'federation']) {
    expect(namespaceOf(bundle, 'ConfigMap', `${bundle}-unsaid`)).toBe('default');
    expect(namespaceOf(bundle, 'ConfigMap', `${bundle}-said`)).toBe('shop');
    expect(namespaceOf(bundle, 'Namespace', `${bundle}-shop`)).toBeUndefined();
  }
  expect(namespaceOf('usa', 'ClusterRole', 'reader')).toBeUndefined();
  expect(namespaceOf('usa', 'Backup', 'nightly')).toBeUndefined();
});

test('labels that a chart says of itself stay, since others select by them, and apply knows its objects all the same', () => {
  const federation = new Federation(guideProps());
  const own = { 'app.kubernetes.io/managed-by': 'Helm', 'app.kubernetes.io/part-of': 'kube-prometheus' };
  const chart = new Chart(federation.cluster('usa'), 'prometheus');
  new ConfigMap(chart, 'rules', { metadata: { name: 'rules', labels: own } });
  const { metadata } = new Rendered(federation).object('usa', 'ConfigMap', 'rules');
  expect(metadata.labels).toEqual({ ...own, 'onprem-federation.io/federation': 'federation' });
});
