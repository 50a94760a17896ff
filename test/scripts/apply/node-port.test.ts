import { Step, StepOf } from '../../../lib/plan/step';
import { KubeObject } from '../../../scripts/apply/objects';
import { apply, ours, Workplace, workplace } from './support';

/** The Service that the chart stable/coredns 0.6.0 makes, as a server of 1.7 keeps it. */
const SERVICE: KubeObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: {
    name: 'coredns-coredns',
    namespace: 'default',
    resourceVersion: '803',
    uid: 'bbc81423-ea77-11f1-8a71-729b73868bfb',
    creationTimestamp: '2026-11-27T15:32:19Z',
    selfLink: '/api/v1/namespaces/default/services/coredns-coredns',
    labels: { app: 'coredns-coredns', chart: 'coredns-0.6.0', heritage: 'Tiller', release: 'coredns' },
    annotations: { 'prometheus.io/port': '9153', 'prometheus.io/scrape': 'true' },
  },
  spec: {
    clusterIP: '10.96.28.102',
    externalTrafficPolicy: 'Cluster',
    ports: [
      { name: 'dns', nodePort: 31762, port: 53, protocol: 'UDP', targetPort: 53 },
      { name: 'dns-tcp', nodePort: 31762, port: 53, protocol: 'TCP', targetPort: 53 },
      { name: 'metrics', nodePort: 31287, port: 9153, protocol: 'TCP', targetPort: 9153 },
    ],
    selector: { app: 'coredns-coredns' },
    sessionAffinity: 'None',
    type: 'NodePort',
  },
  status: { loadBalancer: {} },
};

function step(given: Partial<StepOf<'node-port'>> = {}): StepOf<'node-port'> {
  const common = { id: 'fcp/coredns-node-port', title: 'CoreDNS is reached', component: 'coredns', needs: [] };
  const where = { cluster: 'fcp', context: 'fcp', namespace: 'default', service: 'coredns-coredns' };
  return { ...common, ...where, kind: 'node-port', timeoutSeconds: 60, port: 53, nodePort: 32609, ...given };
}

function at(version: string, service = SERVICE, steps: readonly Step[] = [step()]): Workplace {
  const made = workplace(steps, { kubernetesVersion: version });
  made.kubectl.put('fcp', service);
  return made;
}

const ports = (service: KubeObject | undefined): unknown =>
  (service as { spec?: { ports?: { nodePort: number }[] } } | undefined)?.spec?.ports?.map(({ nodePort }) => nodePort);

describe.each(['1.7.5', '1.8.15'])(
  'on an API server of %s, which ends at an update of a shared node port',
  (version) => {
    it('the Service is deleted and created with its node port, by one command that may be run again', async () => {
      const { engine, kubectl, plan } = at(version);
      expect(await engine.apply(plan.steps)).toMatchObject([{ outcome: 'changed' }]);
      expect(kubectl.writes).toEqual(['kubectl --context=fcp --namespace=default replace --force --filename=-']);
      expect(ports(kubectl.get('fcp', 'Service default/coredns-coredns'))).toEqual([32609, 32609, 31287]);
    });

    it('the Service keeps all that was set in it, and nothing that the server gave the old one', async () => {
      const { engine, kubectl, plan } = at(version);
      await engine.apply(plan.steps);
      const { name, namespace, labels, annotations } = SERVICE.metadata;
      expect(JSON.parse(kubectl.calls.at(-1)?.stdin ?? '')).toEqual({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name, namespace, labels, annotations },
        spec: {
          ...(SERVICE.spec as object),
          ports: [
            { name: 'dns', nodePort: 32609, port: 53, protocol: 'UDP', targetPort: 53 },
            { name: 'dns-tcp', nodePort: 32609, port: 53, protocol: 'TCP', targetPort: 53 },
            { name: 'metrics', nodePort: 31287, port: 9153, protocol: 'TCP', targetPort: 9153 },
          ],
        },
      });
    });

    it('a Service that has its node port is left alone', async () => {
      const { engine, kubectl, plan } = at(version);
      await engine.apply(plan.steps);
      const writes = kubectl.writes.length;
      expect(await engine.apply(plan.steps)).toMatchObject([{ outcome: 'unchanged' }]);
      expect(kubectl.writes).toHaveLength(writes);
    });
  },
);

it('what the server says counts, where the plan was rendered for a later one', async () => {
  const { engine, kubectl, plan } = at('1.9.11');
  kubectl.server = '1.8.15';
  await engine.apply(plan.steps);
  expect(kubectl.writes).toEqual(['kubectl --context=fcp --namespace=default replace --force --filename=-']);
});

it('from 1.9 on the node port is set by a patch of that port alone', async () => {
  const { engine, kubectl, plan } = at('1.9.11');
  kubectl.on(/ patch service /, () => {
    kubectl.put('fcp', { ...SERVICE, spec: { ports: [{ port: 53, nodePort: 32609 }] } });
    return { stdout: '', stderr: '' };
  });
  expect(await engine.apply(plan.steps)).toMatchObject([{ outcome: 'changed' }]);
  const operations = [
    { op: 'replace', path: '/metadata/resourceVersion', value: '803' },
    { op: 'add', path: '/spec/ports/0/nodePort', value: 32609 },
    { op: 'add', path: '/spec/ports/1/nodePort', value: 32609 },
  ];
  expect(kubectl.writes).toEqual([
    `kubectl --context=fcp --namespace=default patch service coredns-coredns --type=json --patch=${JSON.stringify(operations)}`,
  ]);
});

it('says which ports have another node port', async () => {
  const { engine, plan } = at('1.7.5');
  const seen = await engine.observe(plan.steps);
  expect(seen.get('fcp/coredns-node-port')).toMatchObject({
    state: 'todo',
    differs: ['default/coredns-coredns: node port of 53/UDP has 31762, 53/TCP has 31762, not 32609'],
  });
});

it('is an error where the Service has no such port', async () => {
  const { engine, plan } = at('1.7.5', { ...SERVICE, spec: { ports: [{ port: 9153, nodePort: 31287 }] } });
  expect(await engine.apply(plan.steps)).toMatchObject([
    { outcome: 'failed', failure: { problem: 'service default/coredns-coredns has no port 53' } },
  ]);
});

describe('a Service of the user’s own, whose UDP and TCP the API server has given one node port', () => {
  const ports = [
    { name: 'dns', port: 53, protocol: 'UDP' },
    { name: 'dns-tcp', port: 53, protocol: 'TCP' },
  ];
  const declared = ours('Service', 'names', { spec: { type: 'NodePort', ports } });
  const live = ours('Service', 'names', {
    spec: { type: 'NodePort', ports: ports.map((port) => ({ ...port, nodePort: 31762 })) },
  });
  const own = apply('usa/names', 'usa/90-names.yaml');
  const settings = ours('ConfigMap', 'settings');

  /** A cluster with the Service. The Service's file now declares another object as well. */
  function changed(version: string, server = version): Workplace {
    const made = workplace([own], { files: { [own.file]: [declared, settings] }, kubernetesVersion: version });
    made.kubectl.server = server;
    made.kubectl.put('usa', live);
    return made;
  }

  it.each([
    ['1.7.5', '1.7.5'],
    ['1.8.15', '1.8.15'],
    // What the server says counts.
    ['1.9.11', '1.8.15'],
  ])('is not updated where the plan says %s and the server %s: the server would end', async (version, server) => {
    const { engine, kubectl, plan } = changed(version, server);
    expect(await engine.apply(plan.steps)).toMatchObject([
      {
        outcome: 'failed',
        failure: {
          problem: `the API server of usa (${server}) ends at any update of Service default/names, whose UDP and TCP share a node port`,
          hint: 'Delete it (kubectl --context=usa --namespace=default delete service names), then run apply again: it is created as declared.',
        },
      },
    ]);
    expect(kubectl.writes).toEqual([]);
  });

  it('is updated from 1.9 on', async () => {
    const { engine, kubectl, plan } = changed('1.9.11');
    expect(await engine.apply(plan.steps)).toMatchObject([{ outcome: 'changed' }]);
    expect(kubectl.writes).toEqual([`kubectl --context=usa apply --filename=${own.file}`]);
  });

  it('is created where it is not there, and left alone where nothing differs', async () => {
    const { engine, kubectl, plan } = changed('1.7.5');
    kubectl.remove('usa', live);
    expect(await engine.apply(plan.steps)).toMatchObject([{ outcome: 'changed' }]);
    kubectl.put('usa', live);
    expect(await engine.apply(plan.steps)).toMatchObject([{ outcome: 'unchanged' }]);
    expect(kubectl.writes).toHaveLength(1);
  });
});
