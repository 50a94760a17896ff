/**
 * kubectl validates what it sends against the server's schema. The whole schema would be too much here: these are the fields
 * that today's generators write and old servers do not know.
 */
import * as semver from 'semver';
import { type Dict, type Json, type KubeObject, at, dict, isDict, list } from './json';

const POD: Readonly<Record<string, string>> = {
  setHostnameAsFQDN: '1.19.0',
  enableServiceLinks: '1.13.0',
  preemptionPolicy: '1.15.0',
  topologySpreadConstraints: '1.16.0',
  shareProcessNamespace: '1.10.0',
  dnsConfig: '1.9.0',
  os: '1.23.0',
  hostUsers: '1.25.0',
};
const CONTAINER: Readonly<Record<string, string>> = {
  startupProbe: '1.16.0',
  volumeDevices: '1.9.0',
  resizePolicy: '1.27.0',
};
const CONTAINER_SECURITY: Readonly<Record<string, string>> = {
  allowPrivilegeEscalation: '1.8.0',
  runAsGroup: '1.10.0',
  procMount: '1.12.0',
  seccompProfile: '1.19.0',
  windowsOptions: '1.14.0',
};
const POD_SECURITY: Readonly<Record<string, string>> = {
  runAsGroup: '1.10.0',
  sysctls: '1.11.0',
  fsGroupChangePolicy: '1.18.0',
  seccompProfile: '1.19.0',
};
const PROBE: Readonly<Record<string, string>> = { terminationGracePeriodSeconds: '1.21.0', grpc: '1.23.0' };
const SERVICE: Readonly<Record<string, string>> = {
  externalTrafficPolicy: '1.7.0',
  publishNotReadyAddresses: '1.8.0',
  sessionAffinityConfig: '1.7.0',
  ipFamilies: '1.20.0',
  ipFamilyPolicy: '1.20.0',
  internalTrafficPolicy: '1.21.0',
  loadBalancerClass: '1.21.0',
  allocateLoadBalancerNodePorts: '1.20.0',
};
const OBJECT: Readonly<Record<string, string>> = { immutable: '1.18.0' };

function first(
  value: Json | undefined,
  table: Readonly<Record<string, string>>,
  release: string,
  model: string,
): string | undefined {
  for (const key of Object.keys(isDict(value) ? value : {})) {
    const since = table[key];
    if (since !== undefined && semver.lt(release, since)) return `found invalid field ${key} for ${model}`;
  }
  return undefined;
}

function podField(spec: Dict, release: string): string | undefined {
  const found =
    first(spec, POD, release, 'v1.PodSpec') ??
    first(spec.securityContext, POD_SECURITY, release, 'v1.PodSecurityContext');
  if (found !== undefined) return found;
  for (const container of [...list(spec.containers), ...list(spec.initContainers)]) {
    const inside =
      first(container, CONTAINER, release, 'v1.Container') ??
      first(at(container, 'securityContext'), CONTAINER_SECURITY, release, 'v1.SecurityContext') ??
      first(at(container, 'livenessProbe'), PROBE, release, 'v1.Probe') ??
      first(at(container, 'readinessProbe'), PROBE, release, 'v1.Probe');
    if (inside !== undefined) return inside;
  }
  return undefined;
}

/** The first field that the server's version does not know, as the validation words it. */
export function unknownField(object: KubeObject, version: string): string | undefined {
  const release = semver.coerce(version)?.version ?? '1.7.3';
  const pod = at(object, 'spec', 'template', 'spec');
  if (isDict(pod)) return podField(pod, release);
  if (object.kind === 'Pod') return podField(dict(object.spec), release);
  if (object.kind === 'Service') return first(object.spec, SERVICE, release, 'v1.ServiceSpec');
  if (object.kind === 'ConfigMap' || object.kind === 'Secret')
    return first(object, OBJECT, release, `v1.${object.kind}`);
  return undefined;
}
