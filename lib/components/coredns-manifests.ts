import { Chart } from 'cdk8s';
import { k8s } from 'cdk8s-plus-25';
import { Bundle } from '../bundle';
import { digest } from '../plan/plan';
import { InsteadOf } from '../plan/step';
import { Cluster, Topology } from '../topology/resolve';
import { pulled } from './artifacts';
import { ETCD_ENDPOINT, etcdStep } from './etcd';
import { httpProbe, resources, selector } from './hardened';

/** Name of all objects, and of the step after which CoreDNS answers at the topology's endpoint. */
export const NAME = 'coredns';
const NAMESPACE = 'default';
const CONFIG = '/etc/coredns';
/** Port at which CoreDNS answers in its pod: above those that only root may take. */
const DNS_PORT = 1053;
/** Where CoreDNS 006's `health` answers, which takes no other port in this form. */
const HEALTH_PORT = 8080;
const METRICS_PORT = 9153;
/** The user `nobody`. */
const USER = 65534;

/** What stands in the plan of the other way, so that it does not come up beside this one. */
export function manifestsService({ dns, host }: Topology): InsteadOf {
  return {
    service: NAME,
    namespace: NAMESPACE,
    nodePort: dns.endpoint.port,
    installed: "CoreDNS by manifests (coreDns.install: 'manifests')",
    removedBy: `kubectl --context=${host.context} --namespace=${NAMESPACE} delete service,deployment,configmap,serviceaccount ${NAME}`,
  };
}

/**
 * From 1.9 on. Before, a node port that UDP and TCP share can only be set when the Service is created, and every later
 * update of such a Service, even of a label, makes the API server panic.
 */
const canUpdateSharedNodePort = ({ minor }: Cluster): boolean => minor >= 9;

/**
 * Answers for the zone out of etcd's v2 API, and for nothing else: the node port is open to everybody. Written for
 * CoreDNS 006 in words that all up to 1.1.x take.
 */
function corefile({ dns }: Topology): string {
  return [
    `${dns.zone}:${DNS_PORT} {`,
    '    errors',
    '    health',
    `    prometheus 0.0.0.0:${METRICS_PORT}`,
    '    loadbalance round_robin',
    `    etcd ${dns.zone} {`,
    '        path /skydns',
    `        endpoint ${ETCD_ENDPOINT}`,
    '    }',
    '}',
    '',
  ].join('\n');
}

function pods(chart: Chart, topology: Topology): void {
  new k8s.KubeDeployment(chart, 'deployment', {
    metadata: { name: NAME, namespace: NAMESPACE, labels: selector(NAME) },
    spec: {
      replicas: 2,
      selector: { matchLabels: selector(NAME) },
      // Never fewer than were asked for: names are looked up all the time.
      strategy: {
        type: 'RollingUpdate',
        rollingUpdate: { maxSurge: k8s.IntOrString.fromNumber(1), maxUnavailable: k8s.IntOrString.fromNumber(0) },
      },
      template: {
        metadata: {
          labels: selector(NAME),
          // Another Corefile is another template, so that the pods are started anew with it.
          annotations: { 'onprem-federation.io/corefile-sha256': digest(corefile(topology)) },
        },
        spec: {
          serviceAccountName: NAME,
          automountServiceAccountToken: false,
          securityContext: { runAsNonRoot: true, runAsUser: USER },
          containers: [
            {
              name: NAME,
              image: pulled(topology, topology.coreDns.image),
              args: ['-conf', `${CONFIG}/Corefile`],
              ports: [
                { name: 'dns', containerPort: DNS_PORT, protocol: 'UDP' },
                { name: 'dns-tcp', containerPort: DNS_PORT, protocol: 'TCP' },
                { name: 'health', containerPort: HEALTH_PORT },
                { name: 'metrics', containerPort: METRICS_PORT },
              ],
              livenessProbe: httpProbe('/health', 'health', {
                initialDelaySeconds: 60,
                timeoutSeconds: 5,
                failureThreshold: 5,
              }),
              readinessProbe: httpProbe('/health', 'health', { periodSeconds: 5 }),
              resources: resources('100m', '128Mi'),
              securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
              volumeMounts: [{ name: 'config', mountPath: CONFIG, readOnly: true }],
            },
          ],
          volumes: [{ name: 'config', configMap: { name: NAME, items: [{ key: 'Corefile', path: 'Corefile' }] } }],
        },
      },
    },
  });
}

function service(chart: Chart, { dns }: Topology): void {
  new k8s.KubeService(chart, 'service', {
    metadata: { name: NAME, namespace: NAMESPACE, labels: selector(NAME) },
    spec: {
      type: 'NodePort',
      selector: selector(NAME),
      // One number for both protocols: whoever gets a truncated answer asks again by TCP at the same port.
      ports: ['UDP', 'TCP'].map((protocol) => ({
        name: protocol === 'UDP' ? 'dns' : 'dns-tcp',
        protocol,
        port: 53,
        targetPort: k8s.IntOrString.fromNumber(DNS_PORT),
        nodePort: dns.endpoint.port,
      })),
    },
  });
}

/** CoreDNS by manifests of this project: no Helm, no Tiller, no rights. */
export function coreDnsByManifests(bundle: Bundle, cluster: Cluster, topology: Topology, insteadOf: InsteadOf): void {
  const { dns } = topology;
  const inPlace = canUpdateSharedNodePort(cluster);
  const needs = [etcdStep(topology)];
  if (!inPlace) {
    const step = `${NAME}-service`;
    const file = bundle.chart(
      step,
      'The Service of CoreDNS. Created once and never applied again: before Kubernetes 1.9 any update of a Service whose\nnode port UDP and TCP share, even of a label, makes the API server panic.',
      (chart) => {
        service(chart, topology);
      },
    );
    bundle.step(step, 'create', {
      title: `CoreDNS has the node port ${dns.endpoint.port} in ${cluster.name}`,
      context: cluster.context,
      needs: [],
      timeoutSeconds: 60,
      file,
      exact: true,
      insteadOf,
    });
    needs.push(`${cluster.name}/${step}`);
  }
  const file = bundle.chart(NAME, `CoreDNS answers for ${dns.zone} at ${dns.server}, out of etcd`, (chart) => {
    new k8s.KubeServiceAccount(chart, 'service-account', {
      metadata: { name: NAME, namespace: NAMESPACE },
      automountServiceAccountToken: false,
    });
    new k8s.KubeConfigMap(chart, 'config-map', {
      metadata: { name: NAME, namespace: NAMESPACE },
      data: { Corefile: corefile(topology) },
    });
    pods(chart, topology);
    if (inPlace) service(chart, topology);
  });
  bundle.step(NAME, 'apply', {
    title: `CoreDNS answers for ${dns.zone} at ${dns.server}`,
    context: cluster.context,
    needs,
    timeoutSeconds: 300,
    file,
    wait: [{ resource: `deployment/${NAME}`, namespace: NAMESPACE, until: 'rolled-out' }],
    ...(inPlace && { insteadOf }),
  });
}
