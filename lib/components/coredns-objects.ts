import { Chart } from 'cdk8s';
import { k8s } from 'cdk8s-plus-25';
import { digest } from '../plan/plan';
import { selector } from './hardened';

/** Name of the objects of CoreDNS, whichever stack renders them. */
export const NAME = 'coredns';
/** Where CoreDNS finds its Corefile. */
export const CONFIG = '/etc/coredns';

/** What differs between the stacks in the objects of CoreDNS. */
export interface CoreDnsProps {
  readonly namespace: string;
  readonly corefile: string;
  readonly pod: k8s.PodSpec;
}

/** CoreDNS with its account and its Corefile, without the Service. */
export function coreDnsObjects(chart: Chart, { namespace, corefile, pod }: CoreDnsProps): void {
  new k8s.KubeServiceAccount(chart, 'service-account', {
    metadata: { name: NAME, namespace },
    automountServiceAccountToken: false,
  });
  new k8s.KubeConfigMap(chart, 'config-map', {
    metadata: { name: NAME, namespace },
    data: { Corefile: corefile },
  });
  new k8s.KubeDeployment(chart, 'deployment', {
    metadata: { name: NAME, namespace, labels: selector(NAME) },
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
          // Another Corefile is another template, so that the pods restart with it.
          annotations: { 'onprem-federation.io/corefile-sha256': digest(corefile) },
        },
        spec: pod,
      },
    },
  });
}

/** The Service that answers at the topology's endpoint. */
export function coreDnsService(chart: Chart, namespace: string, targetPort: number, nodePort: number): void {
  new k8s.KubeService(chart, 'service', {
    metadata: { name: NAME, namespace, labels: selector(NAME) },
    spec: {
      type: 'NodePort',
      selector: selector(NAME),
      // One number for both protocols: after a truncated answer a client asks again by TCP at the same port.
      ports: ['UDP', 'TCP'].map((protocol) => ({
        name: protocol === 'UDP' ? 'dns' : 'dns-tcp',
        protocol,
        port: 53,
        targetPort: k8s.IntOrString.fromNumber(targetPort),
        nodePort,
      })),
    },
  });
}

/** The volume of the Corefile. */
export const COREFILE_VOLUME: k8s.Volume = {
  name: 'config',
  configMap: { name: NAME, items: [{ key: 'Corefile', path: 'Corefile' }] },
};
