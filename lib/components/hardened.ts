import { k8s } from 'cdk8s-plus-25';

/**
 * What the pods of today's components have in common: no root, no privileges, a file system that only the volumes can
 * change, and the pods of one component on different nodes where there are enough.
 */

/** The label by which a component's objects find its pods. */
export const selector = (name: string): Record<string, string> => ({ 'app.kubernetes.io/name': name });

/** A container's security context; `capabilities` are added to none. */
export function confined(capabilities: string[] = []): k8s.SecurityContext {
  return {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'], ...(capabilities.length > 0 && { add: capabilities }) },
  };
}

/** CPU and memory that a container asks for; memory is its limit too. */
export function resources(cpu: string, memory: string): k8s.ResourceRequirements {
  return {
    requests: { cpu: k8s.Quantity.fromString(cpu), memory: k8s.Quantity.fromString(memory) },
    limits: { memory: k8s.Quantity.fromString(memory) },
  };
}

/** A pod template's parts that every component has. `user` is the number that its programs run as. */
export function podSpec(name: string, user: number, spec: k8s.PodSpec): k8s.PodSpec {
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: user,
      runAsGroup: user,
      fsGroup: user,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: selector(name) },
      },
    ],
    ...spec,
  };
}

/** A probe by HTTP at a named port. */
export function httpProbe(path: string, port: string, more: Partial<k8s.Probe> = {}): k8s.Probe {
  return { httpGet: { path, port: k8s.IntOrString.fromString(port) }, ...more };
}
