import { CoreDnsInstall, StackName } from './types';

/** Where kubefed puts the control plane, in the host cluster, and its account, in every member. */
export const CONTROL_PLANE_NAMESPACE = 'federation-system';
/** Where etcd, CoreDNS for the zone and ExternalDNS run, in every cluster that has them. */
export const FEDERATION_NAMESPACE = 'federation-dns';
/** Where MetalLB's chart is installed. */
export const METALLB_NAMESPACE = 'metallb-system';

/** The namespaces of a stack's own programs. A teardown takes them away with all that is in them. */
export const OWN_NAMESPACES: Readonly<Record<StackName, readonly string[]>> = {
  'federation-v1': [CONTROL_PLANE_NAMESPACE],
  'external-dns': [FEDERATION_NAMESPACE, METALLB_NAMESPACE],
};

/** Names, by namespace, of Deployments and Services that are there already: a workload would be written over them. */
const TAKEN_NAMES: Readonly<Record<StackName, Readonly<Record<string, readonly string[]>>>> = {
  'federation-v1': {
    default: ['kubernetes', 'etcd-operator', 'etcd-cluster', 'etcd-cluster-client', 'coredns-coredns'],
    'kube-system': ['kube-dns', 'coredns', 'tiller-deploy', 'keepalived-cloud-provider'],
  },
  'external-dns': {
    default: ['kubernetes'],
    'kube-system': ['kube-dns', 'coredns'],
  },
};

/** {@link TAKEN_NAMES} of one namespace, with those that CoreDNS by manifests takes. */
export function takenIn(namespace: string, stack: StackName, install?: CoreDnsInstall): readonly string[] {
  const taken = new Map(Object.entries(TAKEN_NAMES[stack])).get(namespace) ?? [];
  return install === 'manifests' && namespace === 'default' ? [...taken, 'coredns'] : taken;
}

/**
 * Names that no workload of the namespace `default` may have, each with the step that it would share its id with. Steps
 * of the stack external-dns begin with what they do, and so do not clash.
 */
export const TAKEN_STEPS: Readonly<Record<StackName, Readonly<Record<string, string>>>> = {
  'federation-v1': { namespaces: 'federation/namespaces', cluster: '<cluster>/cluster-dns' },
  'external-dns': {},
};
