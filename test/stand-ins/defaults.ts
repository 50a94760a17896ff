/** What an API server fills in, and what it refuses. */
import { type Dict, type Json, type KubeObject, at, dict, fnv, isDict, list, num, same, strings, text } from './json';
import { allocateNodePorts, isExposed } from './node-ports';
import { type ApiServer, InvalidError } from './objects';
import type { ResourceType } from './resources';

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

function defaultPod(spec: Dict, api: ApiServer): void {
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
    if (isDict(volume.hostPath) && api.atLeast('1.8.0')) fill(volume.hostPath, { type: '' });
  }
}

function defaultService(service: KubeObject, current: KubeObject | undefined, api: ApiServer, ofStatus: boolean): void {
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
  if (isExposed(service)) fill(spec, { externalTrafficPolicy: 'Cluster' });
  for (const port of list(spec.ports)) if (isDict(port)) fill(port, { protocol: 'TCP', targetPort: port.port ?? 0 });
  allocateNodePorts(service, current, api, ofStatus);
  if (api.cluster.type === 'kubernetes') defaultAddresses(spec, api);
  fill(child(service, 'status'), { loadBalancer: {} });
}

/** What newer servers say of a Service's addresses, as measured on 1.34.4. */
function defaultAddresses(spec: Dict, api: ApiServer): void {
  if (api.atLeast('1.20.0')) spec.clusterIPs = [spec.clusterIP ?? ''];
  if (api.atLeast('1.21.0')) fill(spec, { ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' });
  if (!api.atLeast('1.22.0')) return;
  fill(spec, { internalTrafficPolicy: 'Cluster' });
  if (spec.type === 'LoadBalancer') fill(spec, { allocateLoadBalancerNodePorts: true });
}

function defaultWorkload(type: ResourceType, object: KubeObject, api: ApiServer): void {
  const spec = child(object, 'spec');
  const template = child(spec, 'template');
  // Go wrote a time that is not set as null, up to 1.33.
  if (!api.atLeast('1.34.0')) fill(child(template, 'metadata'), { creationTimestamp: null });
  else child(template, 'metadata');
  defaultPod(child(template, 'spec'), api);
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

/** What the server's plug-ins put into a new pod: its account, the account's token, and how long it stays on a lost node. */
function admitPod(pod: KubeObject, api: ApiServer): void {
  const spec = child(pod, 'spec');
  if (pod.metadata.annotations?.['kubernetes.io/config.source'] !== undefined) return;
  fill(child(pod, 'status'), { phase: 'Pending' });
  fill(spec, { serviceAccountName: 'default' });
  spec.serviceAccount = spec.serviceAccountName;
  const old = !api.atLeast('1.8.0');
  const tolerations = list(spec.tolerations);
  const keys = old
    ? ['node.alpha.kubernetes.io/notReady', 'node.alpha.kubernetes.io/unreachable']
    : ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];
  for (const key of keys) {
    if (tolerations.some((present) => at(present, 'key') === key)) continue;
    tolerations.push({ effect: 'NoExecute', key, operator: 'Exists', tolerationSeconds: 300 });
  }
  spec.tolerations = tolerations;
  const account = api.find('ServiceAccount', pod.metadata.namespace, text(spec.serviceAccountName));
  const token = text(at(account, 'secrets', 0, 'name'));
  if (token === '' || spec.automountServiceAccountToken === false || api.atLeast('1.21.0')) return;
  const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
  for (const container of [...list(spec.containers), ...list(spec.initContainers)]) {
    if (!isDict(container)) continue;
    const mounts = list(container.volumeMounts);
    if (mounts.some((mount) => at(mount, 'mountPath') === mountPath)) continue;
    container.volumeMounts = [...mounts, { mountPath, name: token, readOnly: true }];
  }
  spec.volumes = [...list(spec.volumes), { name: token, secret: { defaultMode: 420, secretName: token } }];
}

/** Fields that a server leaves out where they are empty, false or zero: Go's `omitempty`. */
const OMITTED = new Set(
  `hostNetwork hostPID hostIPC readOnly stdin stdinOnce tty paused unschedulable publishNotReadyAddresses minReadySeconds
  initialDelaySeconds apiGroup hostname subdomain nodeName host serviceAccountName serviceAccount value externalIPs args command
  env envFrom ports volumes volumeMounts tolerations imagePullSecrets initContainers loadBalancerSourceRanges nodeSelector labels
  annotations finalizers ownerReferences subPath namespace message reason resourceNames nonResourceURLs apiGroups resources
  loadBalancerIP externalName clusterName`.split(/\s+/),
);
/** Maps with free keys: any key is valid. */
const FREE = new Set([
  'data',
  'annotations',
  'labels',
  'matchLabels',
  'nodeSelector',
  'stringData',
  'limits',
  'requests',
]);

function isEmpty(value: Json | undefined): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return value === false || value === 0 || value === '' || (isDict(value) && Object.keys(value).length === 0);
}

/** Works in place. `resources` of a container is no list, and stays. */
function omitEmpty(value: Json | undefined): void {
  if (Array.isArray(value)) for (const item of value) omitEmpty(item);
  if (!isDict(value)) return;
  for (const [key, item] of Object.entries(value)) {
    const object = isDict(item) && key === 'resources';
    if (OMITTED.has(key) && isEmpty(item) && !object) Reflect.deleteProperty(value, key);
    else if (!FREE.has(key)) omitEmpty(item);
  }
}

/** The object as the API server stores it. Works in place and gives it back. */
export function withDefaults(
  type: ResourceType,
  object: KubeObject,
  current: KubeObject | undefined,
  api: ApiServer,
  ofStatus = false,
): KubeObject {
  if (!type.custom) omitEmpty(object);
  switch (type.kind) {
    case 'Service':
      defaultService(object, current, api, ofStatus);
      break;
    case 'Pod':
      defaultPod(child(object, 'spec'), api);
      if (current === undefined) admitPod(object, api);
      break;
    case 'Deployment':
    case 'DaemonSet':
    case 'StatefulSet':
    case 'ReplicaSet':
      defaultWorkload(type, object, api);
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
      if (api.atLeast('1.21.0')) {
        object.metadata.labels = { ...object.metadata.labels, 'kubernetes.io/metadata.name': object.metadata.name };
      }
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

function invalid(kind: string, name: string, ...why: string[]): InvalidError {
  return new InvalidError({ kind, name }, why);
}

function admitService(object: KubeObject, current: KubeObject | undefined, api: ApiServer): void {
  const name = object.metadata.name;
  const seen = new Set<string>();
  const ports = list(at(object, 'spec', 'ports'));
  const why: string[] = [];
  const before = text(at(current, 'spec', 'clusterIP'));
  const clusterIP = text(at(object, 'spec', 'clusterIP'));
  if (before !== '' && clusterIP !== before)
    why.push(
      api.atLeast('1.20.0')
        ? `spec.clusterIPs[0]: Invalid value: ["${clusterIP}"]: may not change once set`
        : `spec.clusterIP: Invalid value: "${clusterIP}": field is immutable`,
    );
  if (ports.length === 0 && clusterIP !== 'None') why.push('spec.ports: Required value');
  ports.forEach((port, index) => {
    const mark = `${num(at(port, 'port'))}/${text(at(port, 'protocol'))}`;
    if (seen.has(mark)) {
      const value = `{"port":${num(at(port, 'port'))},"protocol":"${text(at(port, 'protocol'))}"}`;
      why.push(`spec.ports[${index}]: Duplicate value: ${value}`);
    }
    seen.add(mark);
    const nodePort = num(at(port, 'nodePort'));
    if (nodePort !== 0 && at(object, 'spec', 'type') === 'ClusterIP') {
      const where = `spec.ports[${index}].nodePort: Invalid value: ${nodePort}: `;
      why.push(`${where}may not be used when \`type\` is 'ClusterIP'`);
    }
  });
  if (why.length > 0) throw invalid('Service', name, ...why);
}

const SUBDOMAIN =
  "must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/** A value as messages show it: JSON since 1.20, Go's own notation before. */
function goValue(api: ApiServer, type: string, value: Dict): string {
  if (api.atLeast('1.20.0')) return JSON.stringify(value);
  const fields = Object.entries(value).map(
    ([key, item]) => `${type.startsWith('map[') ? JSON.stringify(key) : key}:${JSON.stringify(item)}`,
  );
  return `${type}{${fields.join(type.startsWith('map[') ? ',' : ', ')}}`;
}

/** Refuses what the API server refuses. */
export function admit(type: ResourceType, object: KubeObject, current: KubeObject | undefined, api: ApiServer): void {
  const name = object.metadata.name;
  if (name === '') throw invalid(type.kind, '', 'metadata.name: Required value: name or generateName is required');
  const pattern = type.key.startsWith('rbac.') ? /^[^/%]+$/ : /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;
  if (!pattern.test(name)) {
    const subdomain = api.atLeast('1.20.0') ? 'a lowercase RFC 1123 subdomain' : 'a DNS-1123 subdomain';
    throw invalid(type.kind, name, `metadata.name: Invalid value: "${name}": ${subdomain} ${SUBDOMAIN}`);
  }
  if (type.kind === 'Service') admitService(object, current, api);
  if (['Deployment', 'DaemonSet', 'StatefulSet', 'ReplicaSet'].includes(type.kind)) {
    const selector = strings(at(object, 'spec', 'selector', 'matchLabels'));
    const labels = strings(at(object, 'spec', 'template', 'metadata', 'labels'));
    if (Object.keys(selector).length === 0) throw invalid(type.kind, name, 'spec.selector: Required value');
    const causes: string[] = [];
    if (Object.entries(selector).some(([key, value]) => labels[key] !== value)) {
      const shown = goValue(api, 'map[string]string', labels);
      causes.push(
        `spec.template.metadata.labels: Invalid value: ${shown}: \`selector\` does not match template \`labels\``,
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
      const shown = JSON.stringify(at(object, 'spec', 'selector') ?? null);
      causes.push(`spec.selector: Invalid value: ${shown}: field is immutable`);
    }
    if (causes.length > 0) throw invalid(type.kind, name, ...causes);
  }
  if ((type.kind === 'ClusterRoleBinding' || type.kind === 'RoleBinding') && current !== undefined) {
    if (!same(dict(current.roleRef), dict(object.roleRef))) {
      const { apiGroup = '', kind = '', name: role = '' } = dict(object.roleRef);
      const shown = goValue(api, 'rbac.RoleRef', { APIGroup: apiGroup, Kind: kind, Name: role });
      throw invalid(type.kind, name, `roleRef: Invalid value: ${shown}: cannot change roleRef`);
    }
  }
}
