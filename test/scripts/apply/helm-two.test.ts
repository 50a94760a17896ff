/** Helm 2 as it is since 2.7.2, which prints nothing as JSON, and the Tiller behind it. */
import { RELEASE_OWNER } from '../../../lib/labels';
import { StepOf } from '../../../lib/plan/step';
import { KubeObject } from '../../../scripts/apply/objects';
import { helmFor } from '../../../scripts/apply/releases';
import { Output, ProgramError } from '../../../scripts/apply/tools/program';
import { advice } from '../../../scripts/apply/errors';
import { FEDERATION, Workplace, workplace } from './support';

const HEAD = 'NAME   \tREVISION\tUPDATED                 \tSTATUS  \tCHART        \tNAMESPACE\n';
const row = (revision: number, status: string, name = 'coredns'): string =>
  `${name}\t${revision}       \tFri Nov 27 15:32:41 2026\t${status.padEnd(8)}\tcoredns-0.6.0\tdefault  \n`;

const WAIT: StepOf<'helm-release'>['wait'] = [
  { resource: 'deployment/coredns-coredns', namespace: 'default', until: 'rolled-out' },
  { resource: 'service/coredns-coredns', namespace: 'default', until: 'exists' },
];
const STEP: StepOf<'helm-release'> = {
  ...{ id: 'fcp/coredns', title: 'CoreDNS', component: 'coredns', cluster: 'fcp', context: 'fcp', needs: [] },
  ...{ kind: 'helm-release', timeoutSeconds: 600, release: 'coredns', chart: 'stable/coredns', version: '0.6.0' },
  ...{ namespace: 'default', file: 'fcp/21-coredns-values.yaml', wait: WAIT },
};
const VALUES = `${RELEASE_OWNER}: ${FEDERATION}\nserviceType: NodePort\n`;

/** As `helm get manifest` prints it, without most of the Deployment. */
const MANIFEST = `
---
# Source: coredns/templates/configmap.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: coredns-coredns
data:
  Corefile: |-
    .:53 {
        cache 30
    }
---
# Source: coredns/templates/service.yaml
apiVersion: v1
kind: Service
metadata:
  name: coredns-coredns
  labels:
    heritage: "Tiller"
    release: "coredns"
  annotations:
    prometheus.io/scrape: "true"
spec:
  selector:
    app: coredns-coredns
  ports:
  - name: dns
    port: 53
    protocol: UDP
  - name: dns-tcp
    port: 53
    protocol: TCP
  - name: metrics
    port: 9153
    protocol: TCP
  type: NodePort
---
# Source: coredns/templates/deployment.yaml
apiVersion: extensions/v1beta1
kind: Deployment
metadata:
  name: coredns-coredns
  labels:
    heritage: "Tiller"
    release: "coredns"
spec:
  replicas: 1
`;

const LABELS = { heritage: 'Tiller', release: 'coredns' };
const metadata = { name: 'coredns-coredns', namespace: 'default', labels: LABELS };
const DEPLOYMENT: KubeObject = {
  apiVersion: 'extensions/v1beta1',
  kind: 'Deployment',
  metadata,
  spec: { replicas: 1 },
  status: { replicas: 1, updatedReplicas: 1, availableReplicas: 1 },
};
const service = (...nodePorts: number[]): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata,
  spec: { ports: nodePorts.map((nodePort, i) => ({ port: 53, protocol: i === 0 ? 'UDP' : 'TCP', nodePort })) },
});

const out = (stdout: string): Output => ({ stdout, stderr: '' });
/** A failed call, as the program words it. */
const failing = (stderr: string) => () =>
  Promise.reject(new ProgramError(['helm', 'list'], 'no-tiller', 1, { stdout: '', stderr }));

/** A cluster with a release whose list is this. */
function released(list: string, values = VALUES, version = '1.7.5'): Workplace {
  const made = workplace([STEP], { files: { [STEP.file]: VALUES }, kubernetesVersion: version });
  made.kubectl.on(/^helm .* list --all \^coredns\$$/, () => out(list));
  made.kubectl.on(/^helm .* get values coredns$/, () => out(values));
  made.kubectl.on(/^helm .* get manifest coredns$/, () => out(MANIFEST));
  made.kubectl.on(/^helm .* delete --purge coredns$/, () => out('release "coredns" deleted\n'));
  made.kubectl.on(/^helm .* upgrade coredns stable\/coredns --install /, () => {
    made.kubectl.put('fcp', DEPLOYMENT, service(31762, 31762));
    return out('Release "coredns" has been upgraded. Happy Helming!\n');
  });
  return made;
}

describe('the list of releases', () => {
  const { parse } = helmFor(STEP);

  it('is a table, and nothing where there is no release', () => {
    expect(parse('')).toBeUndefined();
    expect(parse(HEAD + row(1, 'DEPLOYED'))).toEqual({ revision: 1, status: 'deployed', chart: 'coredns-0.6.0' });
    expect(parse(HEAD + row(1, 'DEPLOYED', 'coredns-2'))).toBeUndefined();
  });

  it('has failed revisions beside the newest, which is the one that counts', () => {
    expect(parse(HEAD + row(3, 'FAILED') + row(4, 'DEPLOYED'))?.status).toBe('deployed');
    expect(parse(HEAD + row(2, 'DEPLOYED') + row(3, 'FAILED'))?.status).toBe('failed');
    expect(parse(HEAD + row(10, 'DEPLOYED') + row(9, 'FAILED'))?.revision).toBe(10);
  });
});

it('asks for nothing in a form that 2.7.2 does not know', () => {
  const { list, values, manifest } = helmFor(STEP);
  expect([list, values, manifest].flat().filter((word) => /^(-o|--output)/.test(word))).toEqual([]);
});

describe('a release that is deployed', () => {
  it('gets back a Service that is gone, from its own manifest and without a new revision', async () => {
    const { engine, kubectl, plan } = released(HEAD + row(1, 'DEPLOYED'));
    kubectl.put('fcp', DEPLOYMENT);
    expect((await engine.observe(plan.steps)).get(STEP.id)).toMatchObject({
      state: 'todo',
      differs: ['Service default/coredns-coredns of the release coredns is missing'],
    });
    kubectl.on(/ create --filename=-$/, () => {
      kubectl.put('fcp', service(30001, 30001));
      return out('service "coredns-coredns" created\n');
    });
    expect(await engine.apply(plan.steps)).toMatchObject([{ outcome: 'changed' }]);
    expect(kubectl.writes).toEqual(['kubectl --context=fcp --namespace=default create --filename=-']);
    const stdin = kubectl.calls.find(({ line }) => line.endsWith('create --filename=-'))?.stdin ?? '';
    // As Helm has it, and no other object of the release. A stream that begins otherwise is read as JSON.
    expect(stdin.match(/^kind: .*$/gm)).toEqual(['kind: Service']);
    expect(stdin).toMatch(/^---\n/);
    expect(stdin).toContain('  - name: metrics\n    port: 9153\n');
    expect(stdin).toContain('prometheus.io/scrape: "true"');
  });

  it('is not mended where its manifest does not have what is waited for', async () => {
    const { engine, kubectl, plan } = released(HEAD + row(1, 'DEPLOYED'));
    kubectl.put('fcp', DEPLOYMENT);
    kubectl.on(/^helm .* get manifest /, () => out(''), 0);
    const [step] = plan.steps as [StepOf<'helm-release'>];
    const other = { ...step, wait: [{ resource: 'service/other', namespace: 'default', until: 'exists' as const }] };
    expect(await engine.apply([other])).toMatchObject([
      { outcome: 'failed', failure: { problem: 'the release coredns in fcp has no Service default/other' } },
    ]);
    expect(kubectl.writes).toEqual([]);
  });
});

describe('an upgrade of a release', () => {
  it.each(['1.7.5', '1.8.15'])('on %s makes way for a Service whose node port is shared', async (version) => {
    const { engine, kubectl, plan } = released(HEAD + row(2, 'DEPLOYED'), `${VALUES}other: value\n`, version);
    kubectl.put('fcp', DEPLOYMENT, service(32609, 32609));
    await engine.apply(plan.steps);
    expect(kubectl.writes.slice(0, 2)).toEqual([
      'kubectl --context=fcp --namespace=default delete service coredns-coredns --ignore-not-found',
      expect.stringMatching(/^helm .* upgrade coredns /),
    ]);
  });

  it.each([
    ['1.9.11', [32609, 32609]],
    ['1.7.5', [32609, 32610]],
  ])('on %s with the node ports %j leaves the Service to Helm', async (version, nodePorts) => {
    const { engine, kubectl, plan } = released(HEAD + row(2, 'DEPLOYED'), `${VALUES}other: value\n`, version);
    kubectl.put('fcp', DEPLOYMENT, service(...nodePorts));
    await engine.apply(plan.steps);
    expect(kubectl.lines(/ delete service /)).toEqual([]);
    expect(kubectl.lines(/^helm .* upgrade coredns /)).not.toEqual([]);
  });
});

describe('a release that has failed', () => {
  it('is purged and installed anew, with what it has made itself', async () => {
    const { engine, kubectl, plan } = released(HEAD + row(1, 'FAILED'));
    const configMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'coredns-coredns', namespace: 'default' },
    };
    // The chart gives its ConfigMap no labels.
    kubectl.put('fcp', { ...configMap, data: { Corefile: '.:53 {\n    cache 30\n}' } }, service(30001, 30001));
    await engine.apply(plan.steps);
    expect(kubectl.writes.slice(0, 2)).toEqual([
      'helm --kube-context=fcp delete --purge coredns',
      expect.stringMatching(/^helm .* upgrade coredns /),
    ]);
  });

  it.each<[string, KubeObject]>([
    ['a Service', { ...service(30001), metadata: { ...metadata, labels: { app: 'theirs' } } }],
    [
      'a ConfigMap',
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...metadata, labels: {} }, data: { Corefile: '.' } },
    ],
  ])('is left alone where %s of somebody else stood in its way', async (_, theirs) => {
    const { engine, kubectl, plan } = released(HEAD + row(1, 'FAILED'));
    kubectl.put('fcp', theirs);
    expect(await engine.apply(plan.steps)).toMatchObject([
      {
        outcome: 'failed',
        failure: {
          problem: `${theirs.kind} default/coredns-coredns in fcp is there already and was not made by this plan`,
        },
      },
    ]);
    expect(kubectl.writes).toEqual([]);
  });

  it('is purged, too, where it was deleted and is kept: there is nothing to upgrade from', () => {
    const { recover } = helmFor(STEP);
    expect(recover({ revision: 3, status: 'deleted', chart: 'coredns-0.6.0' })).toEqual([
      ...['helm', '--kube-context=fcp', 'delete', '--purge', 'coredns'],
    ]);
    expect(recover({ revision: 3, status: 'failed', chart: 'coredns-0.6.0' })).toBeUndefined();
  });
});

describe('without Tiller', () => {
  const TILLER: KubeObject = {
    apiVersion: 'extensions/v1beta1',
    kind: 'Deployment',
    metadata: { name: 'tiller-deploy', namespace: 'kube-system' },
  };
  function down(stderr: string): Workplace {
    const made = workplace([STEP], { files: { [STEP.file]: VALUES } });
    made.kubectl.on(/^helm /, failing(stderr));
    return made;
  }

  it('the error is about Tiller and not about the API server', async () => {
    const { engine, plan } = down('Error: could not find tiller\n');
    expect(await engine.apply(plan.steps)).toMatchObject([
      {
        outcome: 'failed',
        failure: {
          problem: 'Tiller, the server side of Helm 2, is not there or not ready',
          hint: expect.stringContaining('--selector=name=tiller') as unknown,
        },
      },
    ]);
  });

  it.each([
    'Error: transport is closing\n',
    'E1127 15:32:41.1 portforward.go:331] an error occurred forwarding 34567 -> 44134: connection refused\nError: EOF\n',
    'Error: rpc error: code = Unavailable desc = there is no address available\n',
  ])('a connection that breaks off is Tiller’s: %s', (stderr) => {
    const error = new ProgramError(['helm', 'list'], 'unreachable', 1, { stdout: '', stderr });
    expect(advice(error).problem).toBe('Tiller, the server side of Helm 2, did not answer');
  });

  it('a teardown says that it cannot be asked, and takes nothing for gone', async () => {
    const { engine, kubectl, plan } = down('Error: could not find tiller\n');
    kubectl.put('fcp', TILLER);
    expect(await engine.teardown(plan.steps)).toMatchObject([
      { outcome: 'failed', failure: { problem: 'Tiller, the server side of Helm 2, is not there or not ready' } },
    ]);
  });

  it('for good, a teardown says what its release leaves behind', async () => {
    const { engine, kubectl, plan } = down('Error: could not find tiller\n');
    kubectl.put('fcp', DEPLOYMENT);
    expect(await engine.teardown(plan.steps)).toMatchObject([
      {
        outcome: 'kept',
        why: 'Tiller is gone, and only it can take away what the release coredns has made: Deployment default/coredns-coredns',
      },
    ]);
  });

  it('for good, and without anything of a release, there is nothing to take away', async () => {
    const { engine, plan } = down('Error: could not find tiller\n');
    expect(await engine.teardown(plan.steps)).toMatchObject([{ outcome: 'nothing' }]);
  });
});
