import { Chart } from 'cdk8s';
import { k8s } from 'cdk8s-plus-25';
import { Bundle } from '../bundle';
import { InsteadOf } from '../plan/step';
import { Cluster, Topology } from '../topology/resolve';
import { pulled } from './artifacts';
import { ETCD_ENDPOINT, etcdStep } from './etcd';
import { CONFIG, COREFILE_VOLUME, coreDnsObjects, coreDnsService, NAME } from './coredns-objects';
import { httpProbe, resources } from './hardened';
import { updatesSharedNodePorts } from '../shared-node-port';

const NAMESPACE = 'default';
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

function pod(topology: Topology): k8s.PodSpec {
  return {
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
    volumes: [COREFILE_VOLUME],
  };
}

/** CoreDNS by manifests of this project: no Helm, no Tiller, no rights. */
export function coreDnsByManifests(bundle: Bundle, cluster: Cluster, topology: Topology, insteadOf: InsteadOf): void {
  const { dns } = topology;
  const inPlace = updatesSharedNodePorts(cluster);
  const service = (chart: Chart): void => {
    coreDnsService(chart, NAMESPACE, DNS_PORT, dns.endpoint.port);
  };
  const needs = [etcdStep(topology)];
  if (!inPlace) {
    const step = `${NAME}-service`;
    const file = bundle.chart(
      step,
      'The Service of CoreDNS. Created once and never applied again: before Kubernetes 1.9 any update of a Service whose\nnode port UDP and TCP share, even of a label, makes the API server panic.',
      (chart) => {
        service(chart);
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
    coreDnsObjects(chart, { namespace: NAMESPACE, corefile: corefile(topology), pod: pod(topology) });
    if (inPlace) service(chart);
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
