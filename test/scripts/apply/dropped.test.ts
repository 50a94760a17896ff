import { dropped } from '../../../scripts/apply/dropped';
import { KubeObject } from '../../../scripts/apply/objects';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

interface Container {
  readonly name: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly ports?: readonly { readonly containerPort: number; readonly protocol?: string }[];
}

function web(containers: readonly Container[], metadata: Partial<KubeObject['metadata']> = {}): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', ...metadata },
    spec: { template: { spec: { containers } } },
  };
}

const DECLARED = web([{ name: 'web', env: [{ name: 'LEVEL', value: 'info' }], ports: [{ containerPort: 80 }] }], {
  labels: { app: 'web' },
});

/** As the cluster has it after an apply of `last`, with what the controllers have added. */
const noted = (last: KubeObject): KubeObject => ({
  ...last,
  metadata: { ...last.metadata, annotations: { [LAST_APPLIED]: JSON.stringify(last), 'others.example/x': '1' } },
  status: { replicas: 1 },
});

/** The same after a server-side apply, with the fields that each manager has set. */
function managed(fields: unknown, manager = 'onprem-federation', operation = 'Apply'): KubeObject {
  const others = { manager: 'kubectl-edit', operation: 'Update', fieldsV1: { 'f:spec': { 'f:paused': {} } } };
  return { ...DECLARED, metadata: { name: 'web', managedFields: [others, { manager, operation, fieldsV1: fields }] } };
}

const inContainer = (fields: unknown): unknown => ({
  'f:metadata': { 'f:labels': { 'f:app': {} } },
  'f:spec': { 'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"web"}': fields } } } },
});
const OWN = {
  '.': {},
  'f:name': {},
  'f:env': { 'k:{"name":"LEVEL"}': { '.': {}, 'f:name': {}, 'f:value': {} } },
  'f:ports': { 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } },
};

describe('nothing is dropped', () => {
  it.each([
    ['where the last apply was of the same', noted(DECLARED)],
    ['where nothing says what was applied', DECLARED],
    ['where somebody has spoilt the note', web([{ name: 'web' }], { annotations: { [LAST_APPLIED]: '{' } })],
    ['where less was applied last', noted(web([{ name: 'web' }]))],
    ['where another value was applied last', noted(web([{ name: 'web', env: [{ name: 'LEVEL', value: 'debug' }] }]))],
    ['where the own fields are those that are declared', managed(inContainer(OWN))],
    ['where others have set more', managed(inContainer({ ...OWN, 'f:tty': {} }), 'kubectl-edit', 'Update')],
  ])('%s', (_, live) => {
    expect(dropped(DECLARED, live)).toEqual([]);
  });

  it('where an old kubectl has noted fields of nothing', () => {
    const last = { ...DECLARED, status: { loadBalancer: {} }, spec: { ...(DECLARED.spec as object), strategy: {} } };
    const withNull = { ...last, metadata: { ...DECLARED.metadata, creationTimestamp: null } };
    expect(dropped(DECLARED, noted(withNull as unknown as KubeObject))).toEqual([]);
  });

  it('where kubectl 1.8 has noted an empty namespace of a cluster-scoped object', () => {
    const role: KubeObject = {
      apiVersion: 'rbac.authorization.k8s.io/v1beta1',
      kind: 'ClusterRole',
      metadata: { name: 'etcd-operator' },
    };
    const last = { ...role, metadata: { ...role.metadata, namespace: '' } };
    const live = { ...role, metadata: { ...role.metadata, annotations: { [LAST_APPLIED]: JSON.stringify(last) } } };
    expect(dropped(role, live)).toEqual([]);
  });
});

describe('what was declared once and is not any more', () => {
  const before = web(
    [
      {
        name: 'web',
        args: ['--verbose'],
        env: [
          { name: 'LEVEL', value: 'info' },
          { name: 'DEBUG', value: '1' },
        ],
        ports: [{ containerPort: 80 }, { containerPort: 9000 }],
      },
      { name: 'sidecar' },
    ],
    { labels: { app: 'web', tier: 'front' } },
  );

  it("is told by kubectl's note", () => {
    expect(dropped(DECLARED, noted(before))).toEqual([
      'metadata.labels.tier',
      'spec.template.spec.containers[web].args',
      'spec.template.spec.containers[web].env[DEBUG]',
      'spec.template.spec.containers[web].ports[9000]',
      'spec.template.spec.containers[sidecar]',
    ]);
  });

  it('is told by the fields that the server notes', () => {
    const live = managed(
      inContainer({
        ...OWN,
        'f:args': {},
        'f:env': { ...OWN['f:env'], 'k:{"name":"DEBUG"}': { '.': {}, 'f:name': {}, 'f:value': {} } },
        'f:ports': { ...OWN['f:ports'], 'k:{"containerPort":9000,"protocol":"TCP"}': { '.': {} } },
      }),
    );
    expect(dropped(DECLARED, live).sort()).toEqual([
      'spec.template.spec.containers[web].args',
      'spec.template.spec.containers[web].env[DEBUG]',
      'spec.template.spec.containers[web].ports[9000/TCP]',
    ]);
  });

  it('is told of a set by its values', () => {
    const fields = { 'f:metadata': { 'f:finalizers': { 'v:"a.example/x"': {}, 'v:"b.example/y"': {} } } };
    const declared = { ...DECLARED, metadata: { ...DECLARED.metadata, finalizers: ['a.example/x'] } };
    expect(dropped(declared, managed(fields))).toEqual(['metadata.finalizers[b.example/y]']);
  });
});
