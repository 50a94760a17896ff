import { KubeObject } from '../../../scripts/apply/objects';
import { describeCommand, readiness } from '../../../scripts/apply/readiness';
import { Ready } from '../../../lib/plan/step';

type Status = Record<string, unknown>;

const wanted = (resource: string, until: Ready['until']): Ready => ({ resource, namespace: 'default', until });

/** An object of generation 2, which its controller has seen unless the status says otherwise. */
function object(kind: string, spec: Status, status?: Status): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name: 'web', namespace: 'default', generation: 2 },
    spec,
    ...(status && { status: { observedGeneration: 2, ...status } }),
  };
}

/** What is seen of an object that is not ready; `ready` where it is. */
function seen(ready: Ready, live: KubeObject | undefined): string {
  const judged = readiness(ready, live);
  return judged.ready ? 'ready' : judged.seen;
}

describe('readiness', () => {
  it.each<Ready['until']>(['exists', 'rolled-out', 'running'])('is not there for a missing object (%s)', (until) => {
    expect(seen(wanted('deployment/web', until), undefined)).toBe('deployment/web: is not there yet');
  });

  it('is there as soon as the object is, where that is enough', () => {
    expect(seen(wanted('deployment/web', 'exists'), object('Deployment', { replicas: 3 }))).toBe('ready');
  });
});

describe('a Deployment', () => {
  const deployment = (status?: Status): string =>
    seen(wanted('deployment/web', 'rolled-out'), object('Deployment', { replicas: 3 }, status)).replace(
      'deployment/web: ',
      '',
    );

  it.each<[string, string, Status | undefined]>([
    ['no status yet', 'its controller has not seen the change yet', undefined],
    [
      'the status of an older generation',
      'its controller has not seen the change yet',
      { observedGeneration: 1, replicas: 3, updatedReplicas: 3, availableReplicas: 3 },
    ],
    ['no pods yet', '0 of 3 pods are of the new template', {}],
    [
      'pods of the old template',
      '1 of 3 pods are of the new template',
      { replicas: 3, updatedReplicas: 1, availableReplicas: 3 },
    ],
    [
      'old pods beside new ones',
      'old pods are still ending',
      { replicas: 4, updatedReplicas: 3, availableReplicas: 3 },
    ],
    ['pods that are not available', '2 of 3 pods available', { replicas: 3, updatedReplicas: 3, availableReplicas: 2 }],
    [
      'pods that are ready, but not for long enough',
      '0 of 3 pods available',
      { replicas: 3, updatedReplicas: 3, readyReplicas: 3 },
    ],
    ['all pods', 'ready', { replicas: 3, updatedReplicas: 3, availableReplicas: 3 }],
    [
      'a newer generation than it is looked at in',
      'ready',
      { observedGeneration: 3, replicas: 3, updatedReplicas: 3, availableReplicas: 3 },
    ],
  ])('with %s: %s', (_, expected, status) => {
    expect(deployment(status)).toBe(expected);
  });

  it('of no pods is ready when its controller has seen it', () => {
    const none = (status: Status): KubeObject => object('Deployment', { replicas: 0 }, status);
    expect(seen(wanted('deployment/web', 'rolled-out'), none({}))).toBe('ready');
    expect(seen(wanted('deployment/web', 'rolled-out'), none({ replicas: 1 }))).toContain('old pods');
    expect(seen(wanted('deployment/web', 'rolled-out'), none({ observedGeneration: 1 }))).toContain('not seen');
  });
});

describe('a StatefulSet', () => {
  it.each<[string, string, Status]>([
    ['pods of the old template', '0 of 3 pods are of the new template', { replicas: 3, readyReplicas: 3 }],
    ['more pods than are of the new template', 'old pods are still ending', { replicas: 4, updatedReplicas: 3 }],
    ['pods that are not ready', '2 of 3 pods available', { replicas: 3, updatedReplicas: 3, readyReplicas: 2 }],
    [
      'all pods, in a version without their availability',
      'ready',
      { replicas: 3, updatedReplicas: 3, readyReplicas: 3 },
    ],
  ])('with %s: %s', (_, expected, status) => {
    const judged = seen(wanted('statefulset/web', 'rolled-out'), object('StatefulSet', { replicas: 3 }, status));
    expect(judged.replace('statefulset/web: ', '')).toBe(expected);
  });
});

describe('a DaemonSet', () => {
  it.each<[string, string, Status]>([
    [
      'the status of an older generation',
      'its controller has not seen the change yet',
      { observedGeneration: 1, desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 2 },
    ],
    [
      'pods of the old template',
      '1 of 2 pods are of the new template',
      { desiredNumberScheduled: 2, updatedNumberScheduled: 1, numberAvailable: 2 },
    ],
    [
      'pods that are not available',
      '1 of 2 pods available',
      { desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberReady: 2, numberAvailable: 1 },
    ],
    ['no pods up', '0 of 2 pods available', { desiredNumberScheduled: 2, updatedNumberScheduled: 2 }],
    ['all pods', 'ready', { desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 2 }],
    // The field is left out where none is available.
    [
      'all pods ready, none long enough',
      '0 of 2 pods available',
      { desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberReady: 2 },
    ],
    ['no node to run on', 'ready', { desiredNumberScheduled: 0 }],
  ])('with %s: %s', (_, expected, status) => {
    const judged = seen(wanted('daemonset/web', 'rolled-out'), object('DaemonSet', {}, status));
    expect(judged.replace('daemonset/web: ', '')).toBe(expected);
  });

  it('without a status is not ready, though its generation may be none', () => {
    const judge = (live: KubeObject): string => seen(wanted('daemonset/web', 'rolled-out'), live);
    expect(judge(object('DaemonSet', {}))).toContain('has not seen the change yet');
    const metadata = { name: 'web', namespace: 'default' };
    expect(judge({ ...object('DaemonSet', {}), metadata })).toContain('has not seen it yet');
  });
});

describe('an EtcdCluster', () => {
  const etcd = (status?: Status): KubeObject => ({ ...object('EtcdCluster', { size: 3 }), ...(status && { status }) });

  it.each<[string, string, Status | undefined]>([
    ['no status yet', 'no phase yet, 0 of 3 members ready', undefined],
    ['a phase before', 'Creating, 1 of 3 members ready', { phase: 'Creating', members: { ready: ['a'] } }],
    ['too few members', 'Running, 2 of 3 members ready', { phase: 'Running', members: { ready: ['a', 'b'] } }],
    [
      'all members in another phase',
      'Failed, 3 of 3 members ready',
      { phase: 'Failed', members: { ready: [1, 2, 3] } },
    ],
    ['no members in its status', 'Running, 0 of 3 members ready', { phase: 'Running', members: { ready: null } }],
    ['all members', 'ready', { phase: 'Running', members: { ready: ['a', 'b', 'c'] } }],
    ['more members than it wants', 'ready', { phase: 'Running', members: { ready: ['a', 'b', 'c', 'd'] } }],
  ])('with %s: %s', (_, expected, status) => {
    expect(seen(wanted('etcdcluster/etcd', 'running'), etcd(status)).replace('etcdcluster/etcd: ', '')).toBe(expected);
  });
});

describe('describeCommand', () => {
  it('names context, namespace and object', () => {
    expect(describeCommand('usa', wanted('deployment/web', 'rolled-out'))).toEqual([
      'kubectl',
      '--context=usa',
      '--namespace=default',
      'describe',
      'deployment/web',
    ]);
  });

  it('names no namespace for an object that has none', () => {
    expect(describeCommand('usa', { resource: 'namespace/web', until: 'exists' })).toEqual([
      'kubectl',
      '--context=usa',
      'describe',
      'namespace/web',
    ]);
  });
});
