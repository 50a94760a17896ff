/** kubefed: init, join and unjoin with the order of their writes, their refusals and what they leave half done. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { type Call, Exit } from './call';
import { FEDERATION_NAME, CLUSTER_NAME } from './federation';
import { type FlagSpecs, type Flags, UsageError, parseFlags } from './flags';
import { type Dict, type Json, type KubeObject, at, base64, clone, list, num, strings, text } from './json';
import { version } from './kubectl';
import { session } from './kubectl-common';
import { ApiError, ApiServer } from './objects';
import { isReady, picks } from './controllers';
import { type ResourceType, typeOfKind } from './resources';
import { type Target, connect, hostPort, kubeconfigFor } from './target';
import { atLeast } from './versions';
import type { World } from './world';

const SERVICE_ACCOUNT = 'federation.kubernetes.io/servive-account-name';
const CLUSTER_ROLE = 'federation.kubernetes.io/cluster-role-name';
const COMPONENT = { app: 'federated-cluster' };
const MANAGER_ACCOUNT = 'federation-controller-manager';
const PROVIDER_SECRET = 'federation-dns-provider.conf';

/**
 * From here on kubefed takes a namespace that is there, names the control plane's objects without the federation's name, and
 * writes stub domains without the closing dot. 1.8.0 was recorded, 1.10-alpha measured; what lies between is not known.
 */
const NEW_NAMES = '1.10.0';

const COMMON: FlagSpecs = {
  kubeconfig: { kind: 'value' },
  context: { kind: 'value' },
  cluster: { kind: 'value' },
  user: { kind: 'value' },
  namespace: { kind: 'value', short: 'n' },
  'request-timeout': { kind: 'value' },
  server: { kind: 'value', short: 's' },
  token: { kind: 'value' },
  v: { kind: 'value', short: 'v' },
  logtostderr: { kind: 'bool' },
  'host-cluster-context': { kind: 'value' },
  'federation-system-namespace': { kind: 'value' },
  'credentials-kubeconfig': { kind: 'value', since: NEW_NAMES },
};

const INIT: FlagSpecs = {
  'dns-provider': { kind: 'value' },
  'dns-provider-config': { kind: 'value' },
  'dns-zone-name': { kind: 'value' },
  'api-server-service-type': { kind: 'value' },
  'api-server-advertise-address': { kind: 'value' },
  'api-server-port': { kind: 'value' },
  'etcd-persistent-storage': { kind: 'optional' },
  'etcd-pv-capacity': { kind: 'value' },
  'etcd-pv-storage-class': { kind: 'value' },
  'etcd-servers': { kind: 'value', since: NEW_NAMES },
  'etcd-image': { kind: 'value' },
  image: { kind: 'value' },
  'image-pull-policy': { kind: 'value', since: NEW_NAMES },
  'image-pull-secrets': { kind: 'value', since: NEW_NAMES },
  'node-selector': { kind: 'value', since: NEW_NAMES },
  'apiserver-arg-overrides': { kind: 'value' },
  'controllermanager-arg-overrides': { kind: 'value' },
  'apiserver-enable-basic-auth': { kind: 'optional' },
  'apiserver-enable-token-auth': { kind: 'optional' },
  'dry-run': { kind: 'optional' },
};

const JOIN: FlagSpecs = {
  'cluster-context': { kind: 'value' },
  'secret-name': {
    kind: 'value',
    deprecated: 'kubefed now generates a secret name, and this flag will be removed in a future release.',
  },
  'dry-run': { kind: 'optional' },
  output: { kind: 'value', short: 'o' },
  generator: { kind: 'value' },
  validate: { kind: 'optional' },
  'save-config': { kind: 'optional' },
  'allow-missing-template-keys': { kind: 'optional' },
  'no-headers': { kind: 'optional' },
  'openapi-validation': { kind: 'optional' },
  'schema-cache-dir': { kind: 'value' },
  'show-all': { kind: 'bool', short: 'a' },
  'show-labels': { kind: 'optional' },
  'sort-by': { kind: 'value' },
  template: { kind: 'value' },
};

const VERSION: FlagSpecs = {
  client: { kind: 'bool', short: 'c' },
  short: { kind: 'bool' },
  output: { kind: 'value', short: 'o' },
};

const ACTIONS: Readonly<Record<string, FlagSpecs>> = {
  init: INIT,
  join: JOIN,
  unjoin: { 'cluster-context': { kind: 'value' } },
  version: VERSION,
};

/** The flags that a subcommand knows, those of every subcommand among them. */
export function kubefedFlags(action: string): FlagSpecs | undefined {
  const own = ACTIONS[action];
  return own === undefined ? undefined : { ...COMMON, ...own };
}

interface Run {
  readonly world: World;
  readonly call: Call;
  readonly flags: Flags;
  readonly name: string;
  /** The namespace of the control plane. */
  readonly space: string;
  /** kubefed 1.7 or 1.8. */
  readonly old: boolean;
}

function typeOf(api: ApiServer, kind: string): ResourceType {
  const type = api.type(kind);
  if (type === undefined) throw new ApiError('NotFound', 'the server could not find the requested resource');
  return type;
}

async function make(run: Run, api: ApiServer, object: KubeObject): Promise<KubeObject> {
  const type = typeOf(api, object.kind);
  const { namespace } = object.metadata;
  if (!run.world.allowed(api.cluster.name, 'create', type.plural, namespace)) {
    throw new ApiError(
      'Forbidden',
      `${type.plural} is forbidden: User "${api.cluster.name}-admin" cannot create ${type.plural} in the namespace "${namespace ?? ''}"`,
    );
  }
  return run.call.write(() => api.create(type, object, namespace, { manager: 'kubefed' }));
}

async function remove(
  run: Run,
  api: ApiServer,
  kind: string,
  namespace: string | undefined,
  name: string,
): Promise<void> {
  const type = typeOf(api, kind);
  await run.call.write(() => {
    api.delete(type, namespace, name);
  });
}

/** A setting of a provider's configuration file: `name = value` lines below `[Global]`. */
function setting(file: string, name: string): string {
  return new RegExp(`^\\s*${name}\\s*=\\s*"?([^"\\n]*?)"?\\s*$`, 'm').exec(file)?.[1] ?? '';
}

function rbacVersion(api: ApiServer): string {
  const wanted = 'rbac.authorization.k8s.io/v1beta1';
  return typeOfKind(api.cluster, wanted, 'ClusterRole') === undefined ? 'rbac.authorization.k8s.io/v1' : wanted;
}

function workloadVersion(api: ApiServer): string {
  return typeOfKind(api.cluster, 'extensions/v1beta1', 'Deployment') === undefined ? 'apps/v1' : 'extensions/v1beta1';
}

/** Waits for ever, as the real one does: it looks every two seconds and prints a point for each look. */
async function poll(run: Run, holds: () => boolean): Promise<void> {
  await run.call.until(holds);
  run.call.out('.');
}

/** A program's arguments in the order of their names, as kubefed sorts them. */
function argumentsOf(flags: Readonly<Record<string, string>>, overrides: readonly string[]): string[] {
  const all = new Map(Object.entries(flags));
  for (const word of overrides) {
    const [flag = '', ...value] = word.split('=');
    all.set(flag, value.join('='));
  }
  return [...all].sort(([a], [b]) => (a < b ? -1 : 1)).map(([flag, value]) => `${flag}=${value}`);
}

async function init(run: Run): Promise<number> {
  const { world, call, flags, name, space, old } = run;
  const provider = flags.value('dns-provider') ?? '';
  if (provider === '') run.call.fail('error: --dns-provider is mandatory');
  if (name === '') run.call.fail('error: NAME is required');
  const kind = flags.value('api-server-service-type') ?? 'LoadBalancer';
  const advertise = flags.value('api-server-advertise-address') ?? '';
  const port = Number(flags.value('api-server-port') ?? '0');
  if (kind !== 'LoadBalancer' && kind !== 'NodePort') {
    run.call.fail(`error: invalid api-server-service-type: ${kind}, should be either LoadBalancer or NodePort`);
  }
  if (advertise !== '') {
    if (!/^\d+\.\d+\.\d+\.\d+$/.test(advertise) && !advertise.includes(':')) {
      run.call.fail(`error: invalid api-server-advertise-address: ${advertise}, should be a valid ip address`);
    }
    if (kind !== 'NodePort')
      run.call.fail(
        `error: api-server-advertise-address should be passed only with 'api-server-service-type=NodePort'`,
      );
  }
  if (port !== 0 && kind !== 'NodePort')
    run.call.fail(`error: api-server-port should be passed only with 'api-server-service-type=NodePort'`);
  let file = '';
  const given = flags.value('dns-provider-config') ?? '';
  if (given !== '') {
    try {
      file = fs.readFileSync(path.resolve(call.invocation.cwd, given), 'utf8');
    } catch {
      run.call.fail(
        `error: error reading file provided to --dns-provider-config flag, err: stat ${given}: no such file or directory`,
      );
    }
  }
  const dry = flags.bool('dry-run');
  const { api } = connect(world, call, {
    context: flags.value('host-cluster-context'),
    kubeconfig: flags.value('kubeconfig'),
  });
  const prefix = old ? `${name}-` : '';
  const serverName = `${prefix}apiserver`;
  const managerName = `${prefix}controller-manager`;
  const annotations = { [FEDERATION_NAME]: name };
  const meta = (object: string, labels?: Record<string, string>): KubeObject['metadata'] => ({
    name: object,
    namespace: space,
    annotations: { ...annotations },
    ...(labels === undefined ? {} : { labels }),
  });
  const write = async (object: KubeObject): Promise<void> => {
    if (!dry) await make(run, api, object);
  };

  call.out(`Creating a namespace ${space} for federation system components...`);
  if (old || api.find('Namespace', undefined, space) === undefined) {
    await write({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: space, annotations } });
  }
  call.out(' done\n');

  call.out('Creating federation control plane service...');
  const selector = { ...COMPONENT, module: 'federation-apiserver' };
  const servicePort: Dict = { name: 'https', protocol: 'TCP', port: 443, targetPort: 'https' };
  if (port !== 0) servicePort.nodePort = port;
  await write({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: meta(serverName, COMPONENT),
    spec: { type: kind, selector, ports: [servicePort] },
  });
  let address = advertise;
  let endpoint = advertise;
  if (!dry) {
    const service = (): KubeObject | undefined => api.find('Service', space, serverName);
    if (kind === 'LoadBalancer') {
      const ingress = (): string => text(at(service(), 'status', 'loadBalancer', 'ingress', 0, 'ip'));
      await poll(run, () => ingress() !== '');
      address = ingress();
      endpoint = address;
    } else {
      if (address === '') address = text(at(api.all('Node')[0], 'status', 'addresses', 0, 'address'));
      endpoint = `${address}:${num(at(service(), 'spec', 'ports', 0, 'nodePort'))}`;
    }
  }
  call.out(' done\n');

  call.out('Creating federation control plane objects (credentials, persistent volume claim)...');
  const ca = dry ? '' : `ca of the federation ${name} ${world.randomSecret('ca')}`;
  const certificate = (whose: string): string => base64(`${whose} certificate by ${ca}`);
  const key = (whose: string): string => {
    const secret = dry ? '' : world.randomSecret('key');
    const encoded = base64(`${whose} key ${secret}`);
    world.noteRandom(encoded, `<key of ${whose}>`);
    return encoded;
  };
  if (!dry) {
    world.noteRandom(base64(ca), '<ca of the federation>');
    for (const whose of ['server', 'client']) world.noteRandom(certificate(whose), `<${whose} certificate>`);
  }
  const credentials = `${serverName}-credentials`;
  await write({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: meta(credentials),
    type: 'Opaque',
    data: { 'ca.crt': base64(ca), 'server.crt': certificate('server'), 'server.key': key('server') },
  });
  const managerConfig = JSON.stringify({
    clusters: [{ name, cluster: { 'certificate-authority-data': base64(ca), server: `https://${serverName}` } }],
    users: [{ name: MANAGER_ACCOUNT, user: { 'client-certificate-data': certificate('client') } }],
  });
  world.noteRandom(base64(managerConfig), '<kubeconfig of the controller manager>');
  await write({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: meta(`${managerName}-kubeconfig`),
    type: 'Opaque',
    data: { kubeconfig: base64(managerConfig) },
  });
  const persistent = flags.bool('etcd-persistent-storage', true);
  const claim = `${serverName}-etcd-claim`;
  if (persistent) {
    const storage = flags.value('etcd-pv-capacity') ?? '10Gi';
    const storageClassName = flags.value('etcd-pv-storage-class');
    await write({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: meta(claim, COMPONENT),
      spec: {
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage } },
        ...(storageClassName === undefined ? {} : { storageClassName }),
      },
    });
  }
  call.out(' done\n');

  call.out('Creating federation component deployments...');
  const image = flags.value('image') ?? `gcr.io/google_containers/hyperkube-amd64:v${world.kubefedVersion}`;
  const deployment = (
    object: string,
    module: string,
    extra: Record<string, string>,
    containers: Json[],
    volumes: Json[],
    account?: string,
  ): KubeObject => {
    const labels = { ...COMPONENT, module };
    return {
      apiVersion: workloadVersion(api),
      kind: 'Deployment',
      metadata: { ...meta(object, COMPONENT), annotations: { ...annotations, ...extra } },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: {
          metadata: { name: object, labels, annotations: { ...annotations } },
          spec: { containers, volumes, ...(account === undefined ? {} : { serviceAccountName: account }) },
        },
      },
    };
  };
  const overrides = (flag: string): string[] => flags.items(flag).filter((word) => word !== '');
  const mount = (volume: string, mountPath: string): Dict => ({ name: volume, mountPath, readOnly: true });
  await write(
    deployment(
      serverName,
      'federation-apiserver',
      {},
      [
        {
          name: 'apiserver',
          image,
          command: [
            '/hyperkube',
            'federation-apiserver',
            ...argumentsOf(
              {
                '--admission-control': 'NamespaceLifecycle',
                ...(address === '' ? {} : { '--advertise-address': address }),
                '--bind-address': '0.0.0.0',
                '--client-ca-file': '/etc/federation/apiserver/ca.crt',
                '--etcd-servers': flags.value('etcd-servers') ?? 'http://localhost:2379',
                '--secure-port': '8443',
                '--tls-cert-file': '/etc/federation/apiserver/server.crt',
                '--tls-private-key-file': '/etc/federation/apiserver/server.key',
              },
              overrides('apiserver-arg-overrides'),
            ),
          ],
          ports: [
            { name: 'https', containerPort: 8443 },
            { name: 'local', containerPort: 8080 },
          ],
          volumeMounts: [mount(credentials, '/etc/federation/apiserver')],
        },
        {
          name: 'etcd',
          image: flags.value('etcd-image') ?? 'gcr.io/google_containers/etcd:3.0.17',
          command: ['/usr/local/bin/etcd', '--data-dir', '/var/etcd/data'],
        },
      ],
      [
        { name: credentials, secret: { secretName: credentials } },
        ...(persistent ? [{ name: 'etcddata', persistentVolumeClaim: { claimName: claim } }] : []),
      ],
    ),
  );
  await write({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: meta(MANAGER_ACCOUNT, COMPONENT) });
  const roleName = `federation-system:${MANAGER_ACCOUNT}`;
  await write({
    apiVersion: rbacVersion(api),
    kind: 'Role',
    metadata: meta(roleName, COMPONENT),
    rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'watch'] }],
  });
  await write({
    apiVersion: rbacVersion(api),
    kind: 'RoleBinding',
    metadata: meta(roleName, COMPONENT),
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: roleName },
    subjects: [{ kind: 'ServiceAccount', name: MANAGER_ACCOUNT, namespace: space }],
  });
  await write({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: meta(PROVIDER_SECRET),
    type: 'Opaque',
    data: file === '' ? {} : { [PROVIDER_SECRET]: base64(file) },
  });
  const zone = flags.value('dns-zone-name') ?? '';
  const bare = zone.replace(/\.$/, '');
  const nameserver = provider === 'coredns' ? setting(file, 'coredns-endpoints') : '';
  await write(
    deployment(
      managerName,
      'federation-controller-manager',
      {
        federations: `${name}=${bare}`,
        'dns-provider': provider,
        'dns-zone-name': old ? zone : bare,
        ...(nameserver === '' ? {} : { nameserver }),
      },
      [
        {
          name: 'controller-manager',
          image,
          command: [
            '/hyperkube',
            'federation-controller-manager',
            ...argumentsOf(
              {
                '--dns-provider': provider,
                '--federation-name': name,
                '--kubeconfig': '/etc/federation/controller-manager/kubeconfig',
                '--master': `https://${serverName}`,
                '--zone-name': zone,
              },
              overrides('controllermanager-arg-overrides'),
            ),
            `--dns-provider-config=/etc/federation/dns-provider/${PROVIDER_SECRET}`,
          ],
          env: [{ name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } }],
          volumeMounts: [
            mount(`${managerName}-kubeconfig`, '/etc/federation/controller-manager'),
            mount('config-volume', '/etc/federation/dns-provider'),
          ],
        },
      ],
      [
        { name: `${managerName}-kubeconfig`, secret: { secretName: `${managerName}-kubeconfig` } },
        { name: 'config-volume', secret: { secretName: PROVIDER_SECRET } },
      ],
      MANAGER_ACCOUNT,
    ),
  );
  call.out(' done\n');

  call.out('Updating kubeconfig...');
  if (!dry) {
    const kubeconfig = kubeconfigFor(call, flags.value('kubeconfig'));
    const user: Dict = { 'client-certificate-data': certificate('client'), 'client-key-data': key('client') };
    // Three writes of the file, in this order.
    const entries = [
      ['clusters', { 'certificate-authority-data': base64(ca), server: `https://${endpoint}` }],
      ['contexts', { cluster: name, user: name }],
      ['users', user],
    ] as const;
    for (const [section, value] of entries) {
      await call.write(() => {
        if (kubeconfig.set(section, name, value)) world.changedFile(`set kubeconfig ${section} ${name}`);
      });
    }
  }
  call.out(' done\n');
  if (dry) {
    call.out('Federation control plane runs (dry run)\n');
    return 0;
  }

  call.out('Waiting for federation control plane to come up...');
  const running = (module: string): boolean =>
    api.all('Pod', space).some((pod) => picks({ ...COMPONENT, module }, pod.metadata.labels) && isReady(pod));
  await poll(run, () => running('federation-apiserver') && running('federation-controller-manager'));
  await poll(run, () =>
    Object.values(world.state.clusters).some((found) => found.type === 'federation' && found.online),
  );
  call.out(' done\n');
  call.out(`Federation API server is running at: ${endpoint}\n`);
  return 0;
}

function managerOf(run: Run, host: ApiServer): KubeObject {
  const found = host
    .all('Deployment', run.space)
    .find((deployment) => deployment.metadata.name.endsWith('controller-manager'));
  if (found === undefined) run.call.fail('error: could not find the deployment for controller manager in host cluster');
  return found;
}

/** The federation's API, by `--context` or the current context; it may well be another API. */
function federationTarget(run: Run): { target: Target; type: ResourceType } {
  const { world, call, flags, old } = run;
  const context = flags.value('context');
  const kubeconfig = flags.value('kubeconfig');
  if (context !== undefined && kubeconfigFor(call, kubeconfig).entry('contexts', context) === undefined)
    call.fail(`Error in configuration: context was not found for specified context: ${context}`);
  const target = connect(world, call, { context, kubeconfig });
  const type = typeOfKind(target.cluster, 'federation/v1beta1', 'Cluster');
  if (type === undefined) {
    run.call.fail(
      old
        ? 'error: server does not support API version "federation/v1beta1"'
        : 'error: no matches for kind "Cluster" in version "federation/v1beta1"',
    );
  }
  return { target, type };
}

async function join(run: Run): Promise<number> {
  const { world, call, flags, name, space, old } = run;
  if (name === '') run.call.fail('error: NAME is required');
  const kubeconfig = flags.value('kubeconfig');
  const hostContext = flags.value('host-cluster-context') ?? '';
  const context = flags.value('cluster-context') ?? name;
  const dry = flags.bool('dry-run');
  const account = `${name}-${hostContext}`;
  const { api: member } = connect(world, call, { context, kubeconfig });
  if (member.find('ServiceAccount', space, account) !== undefined)
    run.call.fail('error: service account already exists in joining cluster');
  const { api: host } = connect(world, call, { context: hostContext === '' ? undefined : hostContext, kubeconfig });
  const manager = managerOf(run, host);
  const federation = manager.metadata.annotations?.[FEDERATION_NAME] ?? '';
  const annotations = { [FEDERATION_NAME]: federation, [CLUSTER_NAME]: name };
  const role = `federation-controller-manager:${federation}-${account}`;
  const secretName = flags.value('secret-name') ?? (dry ? `${name}-xxxxx` : world.randomName(`${name}-`));
  if (!dry) {
    if (member.find('Namespace', undefined, space) === undefined) {
      await make(run, member, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: space, annotations } });
    }
    await make(run, member, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: account, namespace: space, annotations },
    });
    await make(run, member, {
      apiVersion: rbacVersion(member),
      kind: 'ClusterRole',
      metadata: { name: role, annotations },
      rules: [
        { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
        { nonResourceURLs: ['/healthz'], verbs: ['get'] },
      ],
    });
    await make(run, member, {
      apiVersion: rbacVersion(member),
      kind: 'ClusterRoleBinding',
      metadata: { name: role, annotations },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
      subjects: [{ kind: 'ServiceAccount', name: account, namespace: space }],
    });
    let token: KubeObject | undefined;
    const found = (): boolean => {
      const secrets = list(member.find('ServiceAccount', space, account)?.secrets).map((entry) =>
        text(at(entry, 'name')),
      );
      token = secrets
        .map((secret) => member.find('Secret', space, secret))
        .find((secret) => secret?.type === 'kubernetes.io/service-account-token');
      return token !== undefined;
    };
    if (!(await call.until(found, world.options.joinTokenTimeoutMs ?? 30000)))
      run.call.fail('error: timed out waiting for the condition');
    await make(run, host, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: secretName, namespace: space, annotations },
      type: 'Opaque',
      data: clone(strings(token?.data)),
    });
  }
  const { target, type } = federationTarget(run);
  const entry = kubeconfigFor(call, kubeconfig);
  const server = text(entry.entry('clusters', text(entry.entry('contexts', context)?.cluster))?.server);
  const cluster: KubeObject = {
    apiVersion: 'federation/v1beta1',
    kind: 'Cluster',
    metadata: { name, annotations: { [SERVICE_ACCOUNT]: account, [CLUSTER_ROLE]: role } },
    spec: {
      serverAddressByClientCIDRs: [
        { clientCIDR: '0.0.0.0/0', serverAddress: server.includes('://') ? server : `https://${server}` },
      ],
      secretRef: { name: secretName },
    },
    status: {},
  };
  if (!dry) await call.write(() => target.api.create(type, cluster, undefined, { manager: 'kubefed' }));
  call.out(`cluster "${name}" created${dry ? ' (dry run)' : ''}\n`);
  if (dry) return 0;

  const domains = manager.metadata.annotations ?? {};
  const mine = domains.federations ?? '';
  const stub =
    domains['dns-provider'] === 'coredns' && (domains.nameserver ?? '') !== ''
      ? JSON.stringify({ [domains['dns-zone-name'] ?? '']: [domains.nameserver] })
      : undefined;
  const present = member.find('ConfigMap', 'kube-system', 'kube-dns');
  if (present === undefined) {
    await make(run, member, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'kube-dns', namespace: 'kube-system', annotations },
      data: { federations: mine, ...(stub === undefined ? {} : { stubDomains: stub }) },
    });
    return 0;
  }
  const copy = clone(present);
  const data = strings(copy.data);
  const before = (data.federations ?? '').split(',').filter((part) => part !== '');
  data.federations = [...before.filter((part) => part !== mine), mine].join(',');
  // 1.10 replaces what was there whole: entries of the user's own go. 1.8 writes no stub domains into a ConfigMap that is there.
  if (stub !== undefined && !old) data.stubDomains = stub;
  copy.data = data;
  await call.write(() => member.update(typeOf(member, 'ConfigMap'), copy, { manager: 'kubefed' }));
  return 0;
}

async function unjoin(run: Run): Promise<number> {
  const { world, call, flags, name, space } = run;
  if (name === '') run.call.fail('error: NAME is required');
  const kubeconfig = flags.value('kubeconfig');
  const { target, type } = federationTarget(run);
  const cluster = target.api.get(type, undefined, name);
  if (cluster === undefined) {
    call.err(`WARNING: cluster "${name}" not found in federation, so its credentials' secret couldn't be deleted`);
    return 0;
  }
  const secretName = text(at(cluster, 'spec', 'secretRef', 'name'));
  await call.write(() => {
    target.api.delete(type, undefined, name);
  });
  const { api: host } = connect(world, call, { context: flags.value('host-cluster-context'), kubeconfig });
  if (host.find('Secret', space, secretName) === undefined) {
    call.err(
      `WARNING: secret "${secretName}" not found in the host cluster, so it couldn't be deleted. Cluster has already been removed from the federation.`,
    );
    return 0;
  }
  const secret = host.find('Secret', space, secretName);
  await remove(run, host, 'Secret', space, secretName);
  const manager = managerOf(run, host);
  const context = flags.value('cluster-context') ?? name;
  const known = kubeconfigFor(call, kubeconfig).entry('contexts', context) !== undefined;
  let member: ApiServer;
  try {
    member = known ? connect(world, call, { context, kubeconfig }).api : federationsClient(run, cluster);
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    call.err(`WARNING: Encountered error in deleting kube-dns configmap: ${error.stderr}`);
    throw error;
  }
  /** Where the context is not known, kubefed goes on with the federation's own credentials: it takes them away on the way. */
  const needCredentials = (what: string, request: string): void => {
    if (known || holdsToken(member, space, secret)) return;
    const why = `the server has asked for the client to provide credentials (${request})`;
    call.err(`WARNING: Encountered error in deleting ${what}: ${why}`);
    call.fail(`error: You must be logged in to the server (${why})`);
  };
  needCredentials('kube-dns configmap', 'get configmaps kube-dns');
  const map = member.find('ConfigMap', 'kube-system', 'kube-dns');
  if (map === undefined)
    call.err('WARNING: Encountered error in deleting kube-dns configmap: configmaps "kube-dns" not found');
  else {
    const copy = clone(map);
    const data = strings(copy.data);
    const mine = manager.metadata.annotations?.federations ?? '';
    if (data.federations !== undefined)
      data.federations = data.federations
        .split(',')
        .filter((part) => part !== mine)
        .join(',');
    // The key goes whole, whatever else it holds.
    Reflect.deleteProperty(data, 'stubDomains');
    copy.data = data;
    await call.write(() => member.update(typeOf(member, 'ConfigMap'), copy, { manager: 'kubefed' }));
  }
  const annotations = cluster.metadata.annotations ?? {};
  const account = annotations[SERVICE_ACCOUNT];
  if (account !== undefined) {
    try {
      await remove(run, member, 'ServiceAccount', space, account);
    } catch (error) {
      if (error instanceof ApiError)
        call.err(`WARNING: Encountered error in deleting service account: ${error.message}`);
      throw error;
    }
  }
  const role = annotations[CLUSTER_ROLE];
  for (const [kind, what] of role === undefined ? [] : ROLE_OBJECTS) {
    needCredentials(what, `delete ${typeOf(member, kind).plural}.rbac.authorization.k8s.io ${role ?? ''}`);
    if (member.find(kind, undefined, role ?? '') !== undefined) await remove(run, member, kind, undefined, role ?? '');
  }
  call.out(`Successfully removed cluster "${name}" from federation\n`);
  return 0;
}

const ROLE_OBJECTS = [
  ['ClusterRoleBinding', 'cluster role bindings'],
  ['ClusterRole', 'cluster roles'],
] as const;

/** The member behind a Cluster object, at the address that the federation has for it. */
function federationsClient(run: Run, cluster: KubeObject): ApiServer {
  const { world } = run;
  const server = hostPort(text(at(cluster, 'spec', 'serverAddressByClientCIDRs', 0, 'serverAddress')));
  const state = Object.values(world.state.clusters).find((found) => hostPort(found.server) === server);
  if (state?.online !== true) run.call.strike('refused', server);
  return new ApiServer(state, world);
}

/** Whether a member still knows the token in the host's Secret. */
function holdsToken(member: ApiServer, space: string, secret: KubeObject | undefined): boolean {
  const token = text(at(secret, 'data', 'token'));
  return token !== '' && member.all('Secret', space).some((found) => at(found, 'data', 'token') === token);
}

export async function runKubefed(world: World, call: Call): Promise<number> {
  const { argv } = call.invocation;
  const action = argv.find((word) => !word.startsWith('-')) ?? '';
  const release = world.kubefedVersion;
  const own = kubefedFlags(action);
  if (own === undefined) {
    if (action === '') return 0;
    return call.fail(
      `Error: unknown command "${action}" for "kubefed"\nRun 'kubefed --help' for usage.\nerror: unknown command "${action}" for "kubefed"`,
    );
  }
  const index = argv.indexOf(action);
  let flags: Flags;
  try {
    flags = parseFlags([...argv.slice(0, index), ...argv.slice(index + 1)], own, release);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return call.fail(`Error: ${error.message}\n\nUsage:\n  kubefed ${action} [flags]`);
  }
  for (const [flag, { deprecated }] of Object.entries(own)) {
    if (deprecated !== undefined && flags.has(flag)) call.err(`Flag --${flag} has been deprecated, ${deprecated}\n`);
  }
  if (action === 'version') return version(session(world, call, flags, release));
  const [name = '', ...more] = flags.args;
  if (more.length > 0) return call.fail(`error: unexpected arguments: ${more.join(' ')}`);
  const run: Run = {
    world,
    call,
    flags,
    name,
    space: flags.value('federation-system-namespace') ?? 'federation-system',
    old: !atLeast(release, NEW_NAMES),
  };
  try {
    if (action === 'init') return await init(run);
    return await (action === 'join' ? join(run) : unjoin(run));
  } catch (error) {
    if (error instanceof ApiError) return call.fail(`Error from server (${error.reason}): ${error.message}`);
    throw error;
  }
}
