/** Calls of kubectl whose answers were recorded with several versions of it. They are made in this order on an empty API server. */

export interface Call {
  readonly note: string;
  readonly argv: readonly string[];
  readonly stdin?: string;
}

const map = (name: string, namespace: string, data?: Record<string, unknown>): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, ...(data && { data }) });
const HERE = map('here', 'rec');
const GONE = map('gone', 'rec');
const SPACE = '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"rec"}}';
const ETCD =
  '{"apiVersion":"etcd.database.coreos.com/v1beta2","kind":"EtcdCluster","metadata":{"name":"etcd-cluster","namespace":"default"}}';
const deployment = (image: string, label = 'b', replicas = 1): string =>
  JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd', namespace: 'rec' },
    spec: {
      replicas,
      selector: { matchLabels: { a: label } },
      template: { metadata: { labels: { a: label } }, spec: { containers: [{ name: 'c', image }] } },
    },
  });
const binding = (role: string): string =>
  JSON.stringify({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'rec' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [],
  });
const service = (name: string, ...ports: readonly object[]): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'rec' },
    spec: { type: 'NodePort', ports },
  });
const dns = (port?: number): object[] =>
  ['UDP', 'TCP'].map((protocol) => ({
    name: `dns-${protocol.toLowerCase()}`,
    port: 53,
    protocol,
    ...(port === undefined ? {} : { nodePort: port }),
  }));
const review = (resource: string): string =>
  JSON.stringify({
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { verb: 'create', group: 'apps', resource, namespace: 'rec' } },
  });
const WEAK = '--as=system:serviceaccount:rec:default';

const words = (line: string): string[] => (line.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", ''));
const call = (note: string, line: string, stdin?: string): Call => ({
  note,
  argv: words(line),
  ...(stdin === undefined ? {} : { stdin }),
});

const GET = 'get --ignore-not-found -o name -f -';
const JSON_GET = 'get --ignore-not-found -o json -f -';
const MERGE = '-n rec patch configmap new --type=merge -p';
const JSON_PATCH = '-n rec patch configmap new --type=json -p';

export const CALLS: readonly Call[] = [
  call('namespace', 'create namespace rec'),
  call('create', 'create -f -', HERE),
  // Streams.
  call('JSON documents joined by newline', GET, `${HERE}\n${SPACE}\n`),
  call('JSON documents joined by ---', GET, `${HERE}\n---\n${SPACE}\n`),
  call('JSON documents, --- in front and between', GET, `---\n${HERE}\n---\n${SPACE}\n`),
  call('JSON documents, a comment in front', GET, `# x\n${HERE}\n---\n${SPACE}\n`),
  call('kind List', GET, `{"apiVersion":"v1","kind":"List","items":[${HERE},${SPACE}]}`),
  call('one document', JSON_GET, HERE),
  call('cluster-scoped document', JSON_GET, SPACE),
  call('one document, not found', JSON_GET, GONE),
  call('two documents, one not found', JSON_GET, `${HERE}\n${GONE}\n`),
  call('two documents, one not found, without --ignore-not-found', 'get -o name -f -', `${HERE}\n${GONE}\n`),
  call('two documents not found', 'get -o name -f -', `${GONE}\n${GONE}\n`),
  call('no document', 'get -o json -f -', ''),
  call('no document, --ignore-not-found', JSON_GET, ''),
  call('by name', '-n rec get configmap here -o json'),
  call('by name, not found', '-n rec get configmap gone'),
  call('by name, not found, --ignore-not-found', '-n rec get configmap gone --ignore-not-found -o json'),
  call('two names, one not found', '-n rec get configmap here gone -o name'),
  call('namespace not there', '-n no-such get configmap x'),
  call('namespace not there, list', '-n no-such get configmaps -o json'),
  call('empty list', '-n kube-public get configmaps -l a=b -o json'),
  call('empty list, --ignore-not-found', '-n kube-public get configmaps -l a=b --ignore-not-found -o json'),
  call('empty table', '-n kube-public get pods'),
  call('empty table, not namespaced', 'get nodes'),
  call('unknown resource', 'get etcdclusters'),
  call('unknown resource of a group', 'get deployments.v1beta1.extensions'),
  call('unknown kind', JSON_GET, ETCD),
  call('unknown kind beside another', JSON_GET, `${HERE}\n${ETCD}\n`),
  call('unknown kind, apply', 'apply -f -', ETCD),
  call('unknown kind, create, beside another that exists', 'create -f -', `${HERE}\n${ETCD}\n`),
  call('unknown kind, delete --ignore-not-found', 'delete --ignore-not-found -f -', ETCD),
  call('unknown kind of a known group', 'create -f -', '{"apiVersion":"v1","kind":"Nonsense","metadata":{"name":"x"}}'),
  call(
    'version not served',
    GET,
    '{"apiVersion":"extensions/v1beta1","kind":"Deployment","metadata":{"name":"x","namespace":"rec"}}',
  ),
  // Refusals.
  call('namespace not there, create', 'create -f -', map('x', 'no-such')),
  call('namespace not there, apply', 'apply -f -', map('x', 'no-such')),
  call('exists', 'create -f -', HERE),
  call('one of two exists', 'create -f -', `${HERE}\n${map('new', 'rec', { a: '1' })}\n`),
  call('namespace exists', 'create namespace rec'),
  call('wrong type', 'apply -f -', map('f', 'rec', { a: 1 })),
  call('wrong type, not validated', 'apply --validate=false -f -', map('f', 'rec', { a: 1 })),
  call('invalid name', 'apply -f -', map('F_2', 'rec')),
  call('delete, not found', 'delete -f -', GONE),
  call('delete, not found, --ignore-not-found', 'delete --ignore-not-found -f -', GONE),
  call('delete by name, not found', '-n rec delete configmap gone'),
  call('a system namespace', 'delete namespace default'),
  // Apply.
  call('apply', 'apply -f -', deployment('i')),
  call('apply, unchanged', 'apply -f -', deployment('i')),
  call('apply, changed', 'apply -f -', deployment('j')),
  call('apply --dry-run=client', 'apply --dry-run=client -f -', deployment('j', 'b', 2)),
  call('apply --dry-run=server', 'apply --dry-run=server -f -', deployment('j', 'b', 2)),
  call('selector changed', 'apply -f -', deployment('j', 'c')),
  call('apply of what was created', 'apply -f -', map('new', 'rec', { a: '2' })),
  call('apply -o name', 'apply -o name -f -', map('new', 'rec', { a: '2' })),
  call('binding', 'apply -f -', binding('view')),
  call('binding with another role', 'apply -f -', binding('edit')),
  call('what apply noted', "get clusterrolebinding rec -o 'jsonpath={.metadata.annotations}'"),
  call('rollout status without controllers', '-n rec rollout status deployment/d --timeout=1s'),
  call('rollout status, not found', '-n rec rollout status deployment/none'),
  // Label, annotate, patch.
  call('label', '-n rec label configmap new rec=1'),
  call('label, without a change', '-n rec label configmap new rec=1'),
  call('label, another value', '-n rec label configmap new rec=2'),
  call('label, another value, --overwrite', '-n rec label configmap new rec=2 --overwrite'),
  call('label, without a change, --overwrite', '-n rec label configmap new rec=2 --overwrite'),
  call('label, one of two not found', '-n rec label configmap new gone rec=3 --overwrite'),
  call('label, not found', '-n rec label configmap gone rec=3'),
  call('label, nothing selected', '-n rec label configmap -l a=b rec=3'),
  call('label, two with another value', '-n rec label configmap new new rec=4'),
  call('label removed', '-n rec label configmap new rec-'),
  call('label removed that is not there', '-n rec label configmap new rec-'),
  call('annotate', '-n rec annotate configmap new x=1'),
  call('annotate, another value', '-n rec annotate configmap new x=2'),
  call('annotate, without a change', '-n rec annotate configmap new x=1'),
  call('merge patch', `${MERGE} '{"data":{"b":"1"}}'`),
  call('merge patch, without effect', `${MERGE} '{"data":{"b":"1"}}'`),
  call('merge patch, wrong version', `${MERGE} '{"metadata":{"resourceVersion":"1"},"data":{"b":"2"}}'`),
  call('merge patch, no JSON', `${MERGE} {`),
  call('JSON patch, test fails', `${JSON_PATCH} '[{"op":"test","path":"/metadata/resourceVersion","value":"1"}]'`),
  call('JSON patch, removes what is not there', `${JSON_PATCH} '[{"op":"remove","path":"/data/zzz"}]'`),
  call('JSON patch, parent not there', `${JSON_PATCH} '[{"op":"add","path":"/x/y","value":"1"}]'`),
  call('JSON patch, empty', `${JSON_PATCH} '[]'`),
  call('patch, not found', '-n rec patch configmap gone --type=merge -p {}'),
  call('patch, unknown type', '-n rec patch configmap new --type=foo -p {}'),
  // Node ports.
  call('node port', 'create -f -', service('np1', { port: 80, nodePort: 32001 })),
  call('node port taken', 'create -f -', service('np2', { port: 80, nodePort: 32001 })),
  call(
    'node port taken by the other protocol',
    'create -f -',
    service('np2', { port: 80, nodePort: 32001, protocol: 'UDP' }),
  ),
  call('node port out of range', 'create -f -', service('np2', { port: 80, nodePort: 8080 })),
  call(
    'node port twice',
    'create -f -',
    service('np2', { name: 'a', port: 80, nodePort: 32002 }, { name: 'b', port: 81, nodePort: 32002 }),
  ),
  call('node port of UDP and TCP', 'create -f -', service('np3', ...dns(32003))),
  call('ports of UDP and TCP', 'create -f -', service('np4', ...dns())),
  call('that Service labelled', '-n rec label service np3 a=b'),
  call(
    'node port of both set',
    '-n rec patch service np4 --type=json -p \'[{"op":"add","path":"/spec/ports/0/nodePort","value":32004},{"op":"add","path":"/spec/ports/1/nodePort","value":32004}]\'',
  ),
  call(
    'node port of another',
    '-n rec patch service np4 --type=json -p \'[{"op":"add","path":"/spec/ports/0/nodePort","value":32001}]\'',
  ),
  call('its ports', "-n rec get service np4 -o 'jsonpath={.spec.ports[*].nodePort}'"),
  call(
    'another cluster address',
    'apply -f -',
    '{"apiVersion":"v1","kind":"Service","metadata":{"name":"np1","namespace":"rec"},"spec":{"clusterIP":"10.96.77.77","ports":[{"port":80}]}}',
  ),
  call('replace --force', 'replace --force -f -', service('np3', ...dns(32009))),
  call('replace', 'replace -f -', service('np3', ...dns(32009))),
  call('replace, not found', 'replace -f -', GONE),
  call(
    'replace, wrong version',
    'replace -f -',
    '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"new","namespace":"rec","resourceVersion":"1"}}',
  ),
  // Namespaces that end, finalizers.
  call('second namespace', 'create namespace rec2'),
  call(
    'finalizer',
    'create -f -',
    '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"holds","namespace":"rec2","finalizers":["example.org/hold"]}}',
  ),
  call('namespace deleted', 'delete namespace rec2 --wait=false'),
  call('namespace deleted again', 'delete namespace rec2 --wait=false'),
  call('create in it', 'create -f -', map('x', 'rec2')),
  call('apply in it', 'apply -f -', map('x', 'rec2')),
  call('create it', 'create namespace rec2'),
  call('its state', "get namespace rec2 -o 'jsonpath={.status.phase}'"),
  call('held object deleted', '-n rec2 delete configmap holds --wait=false'),
  call(
    'held object',
    "-n rec2 get configmap holds -o 'jsonpath={.metadata.finalizers[0]} {.metadata.deletionGracePeriodSeconds}'",
  ),
  call('held object, waited for', '-n rec2 delete configmap holds --timeout=1s'),
  call('finalizer taken away', '-n rec2 patch configmap holds --type=merge -p \'{"metadata":{"finalizers":null}}\''),
  call('held object gone', '-n rec2 get configmap holds'),
  // Rights.
  call('can-i, yes', 'auth can-i create deployments'),
  call('can-i, unknown resource', 'auth can-i create etcdclusters.etcd.database.coreos.com'),
  call('can-i, no', `auth can-i create deployments ${WEAK}`),
  call('can-i, no, quiet', `auth can-i create deployments -q ${WEAK}`),
  call('reviews', 'create -f - -o name', `${review('deployments')}\n${review('daemonsets')}\n`),
  call('forbidden, list', `${WEAK} -n rec get configmaps`),
  call('forbidden, get', `${WEAK} -n rec get configmap new`),
  call('forbidden, create', `${WEAK} create --validate=false -f -`, GONE),
  call('forbidden, apply', `${WEAK} apply --validate=false -f -`, GONE),
  call('forbidden, label', `${WEAK} -n rec label configmap new a=b`),
  call('forbidden, delete', `${WEAK} -n rec delete configmap new`),
  call('forbidden, cluster-scoped', `${WEAK} get nodes`),
  // Kubeconfig and version.
  call('minify, --context', '--context=down config view --minify -o json'),
  call('minify, unknown context', '--context=nowhere config view --minify -o json'),
  call('unknown context', '--context=nowhere get nodes'),
  call('unknown context, version', '--context=nowhere version -o json'),
  call('kubeconfig not there', '--kubeconfig=/not-there get nodes'),
  call('server down', '--context=down get nodes'),
  call('server down, apply', '--context=down apply -f -', HERE),
  call('server down, version', '--context=down version -o json'),
  call('unknown host', '--context=nohost get nodes'),
  call('another authority', '--context=ca get nodes'),
  call('version', 'version'),
  call('version -o json', 'version -o json'),
  call('version --client', 'version --client'),
  call('unknown flag', 'get --foo'),
  call('unknown command', 'foo'),
  // The rest.
  call('names of several types', '-n rec get deployments,services -o name'),
  call('delete of several', '-n rec delete service np1 np4'),
  call('delete of one and one that is not there', '-n rec delete service np3 np4'),
];
