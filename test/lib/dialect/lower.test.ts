import { DialectError, federationTarget, lower, Manifest, Target } from '../../../lib/dialect/dialect';
import { valueAt } from '../../support/guide';

const at = (minor: number): Target => ({ name: 'usa', minor });

/** A workload with one container, and what a test adds to its pods and that container. */
function workload(
  apiVersion: string,
  kind: string,
  parts: { spec?: object; pod?: object; container?: object } = {},
): Manifest {
  return {
    apiVersion,
    kind,
    metadata: { name: 'web', namespace: 'shop' },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'web', image: 'web:1', ...parts.container }], ...parts.pod },
      },
      ...parts.spec,
    },
  };
}

/** The findings of a lowering that fails. */
function refusal(object: Manifest, target: Target): { where: string; problem: string; hint: string }[] {
  try {
    lower([object], target);
  } catch (error) {
    if (error instanceof DialectError) return [...error.findings];
    throw error;
  }
  throw new Error('nothing was refused');
}

const one = (object: Manifest, minor: number): Manifest => lower([object], at(minor))[0] as Manifest;

describe('API versions', () => {
  test.each([
    ['apps/v1', 'Deployment', 7, 'apps/v1beta1'],
    ['apps/v1', 'Deployment', 8, 'apps/v1beta2'],
    ['apps/v1', 'Deployment', 9, 'apps/v1'],
    ['apps/v1', 'DaemonSet', 7, 'extensions/v1beta1'],
    ['apps/v1', 'DaemonSet', 8, 'apps/v1beta2'],
    ['apps/v1', 'ReplicaSet', 7, 'extensions/v1beta1'],
    ['apps/v1', 'StatefulSet', 7, 'apps/v1beta1'],
    ['extensions/v1beta1', 'Deployment', 7, 'extensions/v1beta1'],
    ['extensions/v1beta1', 'Deployment', 15, 'extensions/v1beta1'],
    ['extensions/v1beta1', 'Deployment', 16, 'apps/v1'],
    ['apps/v1beta1', 'StatefulSet', 16, 'apps/v1'],
  ])('%s %s on 1.%d is %s', (written, kind, minor, served) => {
    expect(one(workload(written, kind), minor).apiVersion).toBe(served);
  });

  test.each([
    ['rbac.authorization.k8s.io/v1', 'ClusterRole', 7, 'rbac.authorization.k8s.io/v1beta1'],
    ['rbac.authorization.k8s.io/v1', 'ClusterRole', 8, 'rbac.authorization.k8s.io/v1'],
    ['rbac.authorization.k8s.io/v1beta1', 'RoleBinding', 22, 'rbac.authorization.k8s.io/v1'],
    ['policy/v1', 'PodDisruptionBudget', 7, 'policy/v1beta1'],
    ['policy/v1beta1', 'PodDisruptionBudget', 25, 'policy/v1'],
    ['batch/v1', 'CronJob', 8, 'batch/v1beta1'],
    ['batch/v1', 'CronJob', 21, 'batch/v1'],
    ['storage.k8s.io/v1', 'StorageClass', 7, 'storage.k8s.io/v1'],
    ['networking.k8s.io/v1beta1', 'Ingress', 7, 'extensions/v1beta1'],
    ['networking.k8s.io/v1beta1', 'Ingress', 14, 'networking.k8s.io/v1beta1'],
    ['extensions/v1beta1', 'Ingress', 15, 'extensions/v1beta1'],
    ['extensions/v1beta1', 'Ingress', 21, 'extensions/v1beta1'],
  ])('%s %s on 1.%d is %s', (apiVersion, kind, minor, served) => {
    expect(one({ apiVersion, kind, metadata: { name: 'x' } }, minor).apiVersion).toBe(served);
  });

  test('an object of a custom kind passes as it is', () => {
    const object = { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 'x' }, spec: { any: [1] } };
    expect(lower([object], at(7))).toEqual([object]);
  });

  test('a kind that the version does not have in any form is an error that names cluster, object and version', () => {
    const ingress = { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: 'x', namespace: 'shop' } };
    expect(refusal(ingress, at(15))).toEqual([
      {
        where: 'usa: Ingress shop/x',
        problem: 'Kubernetes 1.15 does not serve networking.k8s.io/v1 Ingress, nor the same in another API version',
        hint: expect.stringMatching(/Leave the object out of this cluster/) as string,
      },
    ]);
    expect(refusal({ apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'x' } }, at(7))[0]?.problem).toMatch(
      /1\.7 does not serve batch\/v1 CronJob/,
    );
  });

  test("an API server's own kinds of later versions are not taken for custom ones", () => {
    const flow = { apiVersion: 'flowcontrol.apiserver.k8s.io/v1beta2', kind: 'FlowSchema', metadata: { name: 'x' } };
    expect(refusal(flow, at(7))[0]?.where).toBe('usa: FlowSchema x');
    expect(lower([flow], at(25))).toEqual([flow]);
  });
});

describe('fields that a version does not know', () => {
  test('go where their value is what the version does anyway', () => {
    const lowered = one(
      workload('apps/v1', 'Deployment', {
        pod: { setHostnameAsFQDN: false, securityContext: { runAsNonRoot: false, fsGroupChangePolicy: 'Always' } },
        container: { securityContext: { privileged: true, allowPrivilegeEscalation: true } },
      }),
      7,
    );
    const pod = valueAt(lowered, 'spec', 'template', 'spec');
    expect(pod).toEqual({
      containers: [{ name: 'web', image: 'web:1', securityContext: { privileged: true } }],
      securityContext: { runAsNonRoot: false },
    });
  });

  test('stay where the version knows them', () => {
    const object = workload('apps/v1', 'Deployment', {
      container: { securityContext: { allowPrivilegeEscalation: true } },
    });
    expect(one(object, 9)).toEqual(object);
  });

  test.each([
    [
      'a promise that 1.7 cannot keep',
      { container: { securityContext: { allowPrivilegeEscalation: false } } },
      'spec.template.spec.containers[0].securityContext.allowPrivilegeEscalation',
      'Kubernetes 1.7 does not know the field, which came with 1.8, and its value false would be lost',
    ],
    [
      'a probe that 1.7 would not ask',
      { container: { startupProbe: { tcpSocket: { port: 80 } } } },
      'spec.template.spec.containers[0].startupProbe',
      'Kubernetes 1.7 does not know the field, which came with 1.16, and its value {"tcpSocket":{"port":80}} would be lost',
    ],
    [
      'a host name of another form',
      { pod: { setHostnameAsFQDN: true } },
      'spec.template.spec.setHostnameAsFQDN',
      'Kubernetes 1.7 does not know the field, which came with 1.19, and its value true would be lost',
    ],
    [
      'a field that no version has',
      { spec: { replica: 3 } },
      'spec.replica',
      "Kubernetes 1.7 knows no field 'replica' of apps.v1beta1.DeploymentSpec",
    ],
  ])('are an error where they are %s', (_, parts, path, problem) => {
    expect(refusal(workload('apps/v1', 'Deployment', parts), at(7))).toEqual([
      {
        where: `usa: Deployment shop/web, ${path}`,
        problem,
        hint: 'Leave the field out, or give it the value that this version acts on anyway.',
      },
    ]);
  });

  test('are all named at once, over all objects', () => {
    const objects = [
      workload('apps/v1', 'Deployment', { pod: { overhead: { cpu: '1' } }, container: { startupProbe: {} } }),
      workload('apps/v1', 'DaemonSet', { pod: { hostUsers: false } }),
    ];
    expect(() => lower(objects, at(7))).toThrow(DialectError);
    try {
      lower(objects, at(7));
    } catch (error) {
      const { message, findings } = error as DialectError;
      expect(findings.map(({ where }) => where)).toEqual([
        'usa: Deployment shop/web, spec.template.spec.containers[0].startupProbe',
        'usa: Deployment shop/web, spec.template.spec.overhead',
        'usa: DaemonSet shop/web, spec.template.spec.hostUsers',
      ]);
      for (const { where } of findings) expect(message).toContain(where);
      expect(message).toContain('nothing was written');
    }
  });

  test("inside a map the keys are the user's, and never fields", () => {
    const object = workload('apps/v1', 'Deployment', {
      container: { resources: { limits: { 'example.com/startupProbe': '1' } } },
      pod: { nodeSelector: { setHostnameAsFQDN: 'false' } },
    });
    expect(valueAt(one(object, 7), 'spec', 'template', 'spec')).toEqual(valueAt(object, 'spec', 'template', 'spec'));
  });
});

describe('fields whose type differs between versions', () => {
  const volume = (azureFile: object): Manifest => ({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'x' },
    spec: { azureFile },
  });
  const shared = { secretName: 'x', shareName: 'y' };

  test('are judged by the type that the version has', () => {
    expect(one(volume(shared), 7)).toEqual(volume(shared));
    const newer = volume({ ...shared, secretNamespace: 'z' });
    expect(one(newer, 8)).toEqual(newer);
    expect(refusal(newer, at(7))).toMatchObject([
      { problem: "Kubernetes 1.7 knows no field 'secretNamespace' of core.v1.AzureFileVolumeSource" },
    ]);
  });

  test('and fields that have left are an error as those that have not come yet', () => {
    const node: Manifest = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'x' },
      spec: { configSource: { configMapRef: { name: 'x' } } },
    };
    expect(one(node, 10)).toEqual(node);
    expect(refusal(node, at(11))).toMatchObject([
      {
        where: 'usa: Node x, spec.configSource.configMapRef',
        problem:
          'Kubernetes 1.11 does not know the field any more, which left after 1.10, and its value {"name":"x"} would be lost',
      },
    ]);
  });
});

describe('a definition of a custom kind', () => {
  const definition = (openAPIV3Schema: object): Manifest => ({
    apiVersion: 'apiextensions.k8s.io/v1beta1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.example.com' },
    spec: { group: 'example.com', validation: { openAPIV3Schema } },
  });

  test.each([9, 10, 11, 13, 15])('may have any schema on 1.%d', (minor) => {
    const object = definition({
      type: 'object',
      properties: {
        // No field's name, but a name of the user's own.
        anything: { type: 'array', items: { type: 'string' } },
        more: { type: 'object', additionalProperties: { type: 'integer' }, default: { a: 1 }, enum: [{ a: 1 }] },
      },
    });
    expect(one(object, minor)).toEqual(object);
  });

  test('may have none on 1.7, which takes the definition itself', () => {
    const { validation, ...spec } = definition({}).spec as { validation: object };
    const bare = { ...definition({}), spec: { ...spec, version: 'v1', names: { kind: 'Thing', plural: 'things' } } };
    expect(one(bare, 7)).toEqual(bare);
    expect(refusal({ ...bare, spec: { ...bare.spec, validation } }, at(7))).toMatchObject([
      { where: 'usa: CustomResourceDefinition things.example.com, spec.validation' },
    ]);
  });

  test('may not have a word that schemas do not have', () => {
    const object = definition({ properties: { spec: { tipe: 'object' } } });
    expect(refusal(object, at(13))).toMatchObject([
      {
        where: 'usa: CustomResourceDefinition things.example.com, spec.validation.openAPIV3Schema.properties.spec.tipe',
      },
    ]);
  });
});

describe('defaults that differ between API versions', () => {
  const written = (object: Manifest, minor: number, field: string): unknown =>
    valueAt(one(object, minor), 'spec', field);

  test('are written out as the API version has them that the object was written in', () => {
    const deployment = workload('apps/v1', 'Deployment');
    expect(written(deployment, 7, 'revisionHistoryLimit')).toBe(10);
    const daemons = workload('apps/v1', 'DaemonSet');
    expect(written(daemons, 7, 'updateStrategy')).toEqual({
      type: 'RollingUpdate',
      rollingUpdate: { maxUnavailable: 1 },
    });
    const stateful = workload('apps/v1', 'StatefulSet');
    expect(written(stateful, 7, 'updateStrategy')).toEqual({ type: 'RollingUpdate' });
  });

  test('are left alone where the object says a value', () => {
    const deployment = workload('apps/v1', 'Deployment', { spec: { revisionHistoryLimit: 3 } });
    expect(written(deployment, 7, 'revisionHistoryLimit')).toBe(3);
  });

  test('complete what an object says in part', () => {
    const strategy = (value: object, minor = 16): unknown => {
      const source = minor === 16 ? 'extensions/v1beta1' : 'apps/v1';
      return written(workload(source, 'DaemonSet', { spec: { updateStrategy: value } }), minor, 'updateStrategy');
    };
    const rollingUpdate = { maxUnavailable: 2 };
    expect(strategy({ rollingUpdate }, 7)).toEqual({ type: 'RollingUpdate', rollingUpdate });
    expect(strategy({ type: 'RollingUpdate' }, 7)).toEqual({
      type: 'RollingUpdate',
      rollingUpdate: { maxUnavailable: 1 },
    });
    expect(strategy({ rollingUpdate })).toEqual({ type: 'OnDelete', rollingUpdate });
  });

  test('add nothing of one type to another that the object chooses', () => {
    const spec = { strategy: { type: 'Recreate' } };
    expect(written(workload('extensions/v1beta1', 'Deployment', { spec }), 16, 'strategy')).toEqual(spec.strategy);
    const daemons = { updateStrategy: { type: 'OnDelete' } };
    expect(written(workload('apps/v1', 'DaemonSet', { spec: daemons }), 7, 'updateStrategy')).toEqual(
      daemons.updateStrategy,
    );
  });

  test('are left alone where the API version stays', () => {
    const deployment = workload('apps/v1', 'Deployment');
    expect(one(deployment, 9)).toEqual(deployment);
  });

  test('are written out upwards too: what kept every revision and never gave up goes on so', () => {
    const old = workload('extensions/v1beta1', 'Deployment');
    expect(written(old, 16, 'revisionHistoryLimit')).toBe(2 ** 31 - 1);
    expect(written(old, 16, 'progressDeadlineSeconds')).toBe(2 ** 31 - 1);
    expect(written(old, 16, 'strategy')).toEqual({
      type: 'RollingUpdate',
      rollingUpdate: { maxSurge: 1, maxUnavailable: 1 },
    });
    expect(written(workload('apps/v1beta1', 'Deployment'), 16, 'revisionHistoryLimit')).toBe(2);
    expect(written(workload('extensions/v1beta1', 'DaemonSet'), 16, 'updateStrategy')).toEqual({ type: 'OnDelete' });
  });

  test("the selector that older API versions take from the pods' labels is written out for those that demand it", () => {
    const bare = workload('extensions/v1beta1', 'Deployment', { spec: { selector: undefined } });
    expect(written(bare, 16, 'selector')).toEqual({ matchLabels: { app: 'web' } });
  });
});

describe('a selector that means another thing in another API version', () => {
  const budget = (apiVersion: string, selector: object | undefined): Manifest => ({
    apiVersion,
    kind: 'PodDisruptionBudget',
    metadata: { name: 'x', namespace: 'shop' },
    spec: { minAvailable: 1, ...(selector && { selector }) },
  });

  test.each([[{}], [{ matchLabels: {} }], [{ matchExpressions: [] }], [{ matchLabels: {}, matchExpressions: [] }]])(
    'is an error in a PodDisruptionBudget of policy/v1 on 1.7: %j',
    (selector) => {
      expect(refusal(budget('policy/v1', selector), at(7))).toEqual([
        {
          where: 'usa: PodDisruptionBudget shop/x, spec.selector',
          problem: 'an empty selector means every pod in policy/v1 and no pod in policy/v1beta1',
          hint: 'Name the pods by their labels.',
        },
      ]);
    },
  );

  test('is an error upwards too', () => {
    expect(refusal(budget('policy/v1beta1', {}), at(25))[0]?.problem).toBe(
      'an empty selector means no pod in policy/v1beta1 and every pod in policy/v1',
    );
  });

  test('is none where it names pods, where there is none, and where the API version stays', () => {
    expect(one(budget('policy/v1', { matchLabels: { app: 'web' } }), 7).apiVersion).toBe('policy/v1beta1');
    expect(one(budget('policy/v1', undefined), 7).apiVersion).toBe('policy/v1beta1');
    expect(one(budget('policy/v1beta1', {}), 7)).toEqual(budget('policy/v1beta1', {}));
  });
});

describe("the federation's API server", () => {
  const federation = federationTarget('federation', [15, 9, 12]);

  test('is judged as the oldest member, for what it takes goes to all of them', () => {
    expect(federation.minor).toBe(9);
    expect(federationTarget('federation', [7, 15]).minor).toBe(7);
  });

  test('is at most of 1.10, its last release, however new the members are', () => {
    expect(federationTarget('federation', [15, 14]).minor).toBe(10);
  });

  test('gets Deployments in extensions/v1beta1 whatever its members run', () => {
    expect(lower([workload('apps/v1', 'Deployment')], federation)[0]?.apiVersion).toBe('extensions/v1beta1');
  });

  test.each([
    ['apps/v1', 'StatefulSet'],
    ['apps/v1beta1', 'StatefulSet'],
    ['rbac.authorization.k8s.io/v1', 'ClusterRole'],
    ['rbac.authorization.k8s.io/v1beta1', 'RoleBinding'],
    ['v1', 'ServiceAccount'],
    ['v1', 'Pod'],
    ['batch/v1', 'Job'],
    ['policy/v1beta1', 'PodDisruptionBudget'],
    ['extensions/v1beta1', 'NetworkPolicy'],
    ['networking.k8s.io/v1', 'NetworkPolicy'],
    ['etcd.database.coreos.com/v1beta2', 'EtcdCluster'],
  ])('does not serve %s %s', (apiVersion, kind) => {
    const [finding] = refusal({ apiVersion, kind, metadata: { name: 'x', namespace: 'shop' } }, federation);
    expect(finding?.where).toBe(`federation: ${kind} shop/x`);
    expect(finding?.problem).toBe(`the federation's API server does not serve ${apiVersion} ${kind}`);
    expect(finding?.hint).toMatch(/extensions\/v1beta1\/Deployment.*Put the object into the clusters' bundles/);
  });

  test.each(['ConfigMap', 'Namespace', 'Secret', 'Service'])('serves v1 %s', (kind) => {
    const object = { apiVersion: 'v1', kind, metadata: { name: 'x' } };
    expect(lower([object], federation)).toEqual([object]);
  });

  test('serves its own Cluster', () => {
    const cluster = { apiVersion: 'federation/v1beta1', kind: 'Cluster', metadata: { name: 'x' } };
    expect(lower([cluster], federation)).toEqual([cluster]);
  });
});

test.each([
  [12, { container: { securityContext: { runAsUser: 1000, runAsGroup: 1000 } } }, 'runAsGroup'],
  [11, { pod: { shareProcessNamespace: true } }, 'shareProcessNamespace'],
  [13, { pod: { runtimeClassName: 'gvisor' } }, 'runtimeClassName'],
])('what 1.%d knows and drops, since its feature is off, is refused: %j', (minor, parts, field) => {
  const object = workload('apps/v1', 'Deployment', parts);
  expect(refusal(object, at(minor)).map(({ where }) => where)).toEqual([expect.stringContaining(field)]);
  expect(one(object, 15)).toEqual(object);
});
