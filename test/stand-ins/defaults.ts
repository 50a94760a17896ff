/** What an API server fills in, and what it refuses. */
import { type Dict, type Json, type KubeObject, at, dict, fnv, isDict, list, num, same, strings, text } from './json';
import { ApiError, type ApiServer } from './objects';
import type { ResourceType } from './resources';

const FIRST_NODE_PORT = 30000;
const NODE_PORTS = 2768;

function fill(target: Dict, defaults: Dict): void {
  for (const [key, value] of Object.entries(defaults)) if (target[key] === undefined) target[key] = value;
}

function child(parent: Dict, key: string): Dict {
  const present = parent[key];
  if (isDict(present)) return present;
  const fresh: Dict = {};
  parent[key] = fresh;
  return fresh;
}

function defaultProbe(probe: Json | undefined): void {
  if (!isDict(probe)) return;
  fill(probe, { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 });
  if (isDict(probe.httpGet)) fill(probe.httpGet, { path: '/', scheme: 'HTTP' });
}

function defaultContainer(container: Json): void {
  if (!isDict(container)) return;
  const image = text(container.image);
  fill(container, {
    imagePullPolicy: /:latest$/.test(image) || !/:[^/]+$/.test(image) ? 'Always' : 'IfNotPresent',
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
  });
  for (const port of list(container.ports)) if (isDict(port)) fill(port, { protocol: 'TCP' });
  for (const variable of list(container.env)) {
    const field = at(variable, 'valueFrom', 'fieldRef');
    if (isDict(field)) fill(field, { apiVersion: 'v1' });
  }
  for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe']) defaultProbe(container[probe]);
}

function defaultPod(spec: Dict): void {
  fill(spec, {
    restartPolicy: 'Always',
    dnsPolicy: 'ClusterFirst',
    schedulerName: 'default-scheduler',
    terminationGracePeriodSeconds: 30,
    securityContext: {},
  });
  if (spec.serviceAccountName !== undefined && spec.serviceAccountName !== spec.serviceAccount) {
    spec.serviceAccount = spec.serviceAccountName;
  } else if (spec.serviceAccount !== undefined) fill(spec, { serviceAccountName: spec.serviceAccount });
  for (const container of [...list(spec.containers), ...list(spec.initContainers)]) defaultContainer(container);
  for (const volume of list(spec.volumes)) {
    if (!isDict(volume)) continue;
    for (const source of ['configMap', 'secret']) {
      const found = volume[source];
      if (isDict(found)) fill(found, { defaultMode: 420 });
    }
    if (isDict(volume.hostPath)) fill(volume.hostPath, { type: '' });
  }
}

/** Whether a port of the given protocol is another Service's. */
function nodePortTaken(api: ApiServer, port: number, protocol: string, self: string): boolean {
  return api
    .all('Service')
    .some(
      (service) =>
        `${text(service.metadata.namespace)}/${service.metadata.name}` !== self &&
        list(at(service, 'spec', 'ports')).some(
          (entry) => at(entry, 'nodePort') === port && text(at(entry, 'protocol'), 'TCP') === protocol,
        ),
    );
}

function defaultService(service: KubeObject, current: KubeObject | undefined, api: ApiServer): void {
  const spec = child(service, 'spec');
  const self = `${text(service.metadata.namespace)}/${service.metadata.name}`;
  fill(spec, { type: 'ClusterIP', sessionAffinity: 'None' });
  const before = current?.spec;
  // From 1.20 on an update without the address keeps it; before, it is an attempt to change it.
  if (api.atLeast('1.20.0') && (spec.clusterIP ?? '') === '') spec.clusterIP = at(before, 'clusterIP');
  if (current === undefined && (spec.clusterIP ?? '') === '' && api.cluster.type === 'kubernetes') {
    const taken = new Set(api.all('Service').map((other) => text(at(other, 'spec', 'clusterIP'))));
    let number = fnv(`${api.cluster.name}/${self}`) % 64000;
    // Never the first addresses of the range: the API server and cluster DNS have those.
    const address = (): string => `10.${96 + (number >>> 14)}.${(number >>> 8) & 63}.${20 + (number % 200)}`;
    while (taken.has(address())) number = (number + 1) % 64000;
    spec.clusterIP = address();
  }
  const exposed = spec.type === 'NodePort' || spec.type === 'LoadBalancer';
  if (exposed) fill(spec, { externalTrafficPolicy: 'Cluster' });
  const given = new Map<number, number>();
  for (const port of list(spec.ports)) {
    if (!isDict(port)) continue;
    fill(port, { protocol: 'TCP', targetPort: port.port ?? 0 });
    if (!exposed || api.cluster.type === 'federation') {
      if (api.cluster.type === 'federation') delete port.nodePort;
      continue;
    }
    if (num(port.nodePort) !== 0) {
      given.set(num(port.port), num(port.nodePort));
      continue;
    }
    const earlier = list(at(before, 'ports')).find(
      (entry) => at(entry, 'port') === port.port && at(entry, 'protocol') === port.protocol,
    );
    const kept = num(at(earlier, 'nodePort')) || given.get(num(port.port)) || 0;
    let number = kept || FIRST_NODE_PORT + (fnv(`${api.cluster.name}/${self}/${num(port.port)}`) % NODE_PORTS);
    while (kept === 0 && nodePortTaken(api, number, text(port.protocol), self)) {
      number = FIRST_NODE_PORT + ((number + 1 - FIRST_NODE_PORT) % NODE_PORTS);
    }
    port.nodePort = number;
    given.set(num(port.port), number);
  }
  fill(child(service, 'status'), { loadBalancer: {} });
}

function defaultWorkload(type: ResourceType, object: KubeObject): void {
  const spec = child(object, 'spec');
  const template = child(spec, 'template');
  child(template, 'metadata');
  defaultPod(child(template, 'spec'));
  const old = !object.apiVersion.endsWith('/v1');
  const labels = strings(at(template, 'metadata', 'labels'));
  if (spec.selector === undefined && old) spec.selector = { matchLabels: labels };
  if (Object.keys(object.metadata.labels ?? {}).length === 0 && old && object.apiVersion.startsWith('extensions/')) {
    object.metadata.labels = { ...labels };
  }
  if (type.kind === 'Deployment') {
    fill(spec, { replicas: 1, strategy: { type: 'RollingUpdate' } });
    const strategy = child(spec, 'strategy');
    if (strategy.type !== 'Recreate') {
      fill(strategy, { type: 'RollingUpdate' });
      const steps = object.apiVersion.startsWith('extensions/') ? 1 : '25%';
      fill(child(strategy, 'rollingUpdate'), { maxSurge: steps, maxUnavailable: steps });
    }
    if (!object.apiVersion.startsWith('extensions/'))
      fill(spec, { revisionHistoryLimit: 10, progressDeadlineSeconds: 600 });
  }
  if (type.kind === 'StatefulSet')
    fill(spec, { replicas: 1, podManagementPolicy: 'OrderedReady', revisionHistoryLimit: 10 });
  if (type.kind === 'DaemonSet') {
    fill(spec, { revisionHistoryLimit: 10, updateStrategy: { type: old ? 'OnDelete' : 'RollingUpdate' } });
  }
  if (type.kind === 'ReplicaSet') fill(spec, { replicas: 1 });
}

/** The object as the API server stores it. Works in place and gives it back. */
export function withDefaults(
  type: ResourceType,
  object: KubeObject,
  current: KubeObject | undefined,
  api: ApiServer,
): KubeObject {
  switch (type.kind) {
    case 'Service':
      defaultService(object, current, api);
      break;
    case 'Pod':
      defaultPod(child(object, 'spec'));
      break;
    case 'Deployment':
    case 'DaemonSet':
    case 'StatefulSet':
    case 'ReplicaSet':
      defaultWorkload(type, object);
      break;
    case 'Secret': {
      fill(object, { type: 'Opaque' });
      const data = strings(object.data);
      for (const [key, value] of Object.entries(strings(object.stringData)))
        data[key] = Buffer.from(value).toString('base64');
      delete object.stringData;
      if (Object.keys(data).length > 0) object.data = data;
      break;
    }
    case 'Namespace':
      if (current === undefined) fill(child(object, 'spec'), { finalizers: ['kubernetes'] });
      fill(child(object, 'status'), { phase: 'Active' });
      break;
    case 'ClusterRoleBinding':
    case 'RoleBinding':
      for (const subject of list(object.subjects)) {
        if (isDict(subject) && subject.kind !== 'ServiceAccount')
          fill(subject, { apiGroup: 'rbac.authorization.k8s.io' });
      }
      fill(child(object, 'roleRef'), { apiGroup: 'rbac.authorization.k8s.io' });
      break;
    default:
  }
  return object;
}

function invalid(kind: string, name: string, why: string): ApiError {
  return new ApiError('Invalid', `${kind} "${name}" is invalid: ${why}`);
}

function admitService(object: KubeObject, current: KubeObject | undefined, api: ApiServer): void {
  const name = object.metadata.name;
  const self = `${text(object.metadata.namespace)}/${name}`;
  const seen = new Set<string>();
  const ports = list(at(object, 'spec', 'ports'));
  const why: string[] = [];
  const before = text(at(current, 'spec', 'clusterIP'));
  const clusterIP = text(at(object, 'spec', 'clusterIP'));
  if (before !== '' && clusterIP !== before)
    why.push(`spec.clusterIP: Invalid value: "${clusterIP}": field is immutable`);
  if (ports.length === 0 && clusterIP !== 'None') why.push('spec.ports: Required value');
  ports.forEach((port, index) => {
    const mark = `${num(at(port, 'port'))}/${text(at(port, 'protocol'))}`;
    if (seen.has(mark)) {
      const value = `{"port":${num(at(port, 'port'))},"protocol":"${text(at(port, 'protocol'))}"}`;
      why.push(`spec.ports[${index}]: Duplicate value: ${value}`);
    }
    seen.add(mark);
    const nodePort = num(at(port, 'nodePort'));
    if (nodePort === 0) return;
    const where = `spec.ports[${index}].nodePort: Invalid value: ${nodePort}: `;
    const last = FIRST_NODE_PORT + NODE_PORTS - 1;
    if (at(object, 'spec', 'type') === 'ClusterIP') why.push(`${where}may not be used when \`type\` is 'ClusterIP'`);
    else if (nodePort < FIRST_NODE_PORT || nodePort > last)
      why.push(
        `${where}provided port is not in the valid range. The range of valid ports is ${FIRST_NODE_PORT}-${last}`,
      );
    else if (nodePortTaken(api, nodePort, text(at(port, 'protocol')), self))
      why.push(`${where}provided port is already allocated`);
  });
  if (why.length > 0) throw invalid('Service', name, why.length === 1 ? (why[0] ?? '') : `[${why.join(', ')}]`);
}

/** Refuses what the API server refuses. */
export function admit(type: ResourceType, object: KubeObject, current: KubeObject | undefined, api: ApiServer): void {
  const name = object.metadata.name;
  if (name === '') throw invalid(type.kind, '', 'metadata.name: Required value: name or generateName is required');
  const pattern = type.key.startsWith('rbac.') ? /^[^/%]+$/ : /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;
  if (!pattern.test(name)) {
    throw invalid(
      type.kind,
      name,
      `metadata.name: Invalid value: "${name}": a DNS-1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
    );
  }
  if (type.kind === 'Service') admitService(object, current, api);
  if (['Deployment', 'DaemonSet', 'StatefulSet', 'ReplicaSet'].includes(type.kind)) {
    const selector = strings(at(object, 'spec', 'selector', 'matchLabels'));
    const labels = strings(at(object, 'spec', 'template', 'metadata', 'labels'));
    if (Object.keys(selector).length === 0) throw invalid(type.kind, name, 'spec.selector: Required value');
    if (Object.entries(selector).some(([key, value]) => labels[key] !== value)) {
      throw invalid(
        type.kind,
        name,
        `spec.template.metadata.labels: Invalid value: ${JSON.stringify(labels)}: \`selector\` does not match template \`labels\``,
      );
    }
    if (list(at(object, 'spec', 'template', 'spec', 'containers')).length === 0) {
      throw invalid(type.kind, name, 'spec.template.spec.containers: Required value');
    }
    const replicas = num(at(object, 'spec', 'replicas'));
    if (replicas < 0) {
      throw invalid(
        `${type.kind}.apps`,
        name,
        `spec.replicas: Invalid value: ${replicas}: must be greater than or equal to 0`,
      );
    }
    const fixed = object.apiVersion === 'apps/v1' && current !== undefined;
    if (fixed && !same(at(current, 'spec', 'selector'), at(object, 'spec', 'selector'))) {
      throw invalid(
        type.kind,
        name,
        `spec.selector: Invalid value: ${JSON.stringify(at(object, 'spec', 'selector') ?? null)}: field is immutable`,
      );
    }
  }
  if ((type.kind === 'ClusterRoleBinding' || type.kind === 'RoleBinding') && current !== undefined) {
    if (!same(dict(current.roleRef), dict(object.roleRef))) {
      throw invalid(
        type.kind,
        name,
        `roleRef: Invalid value: ${JSON.stringify(object.roleRef ?? null)}: cannot change roleRef`,
      );
    }
  }
}
