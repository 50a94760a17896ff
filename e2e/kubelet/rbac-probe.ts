/** Tries, as a ServiceAccount, what it should not be able to do. */
import { ApiClient } from '../harness/api-client';
import { Cluster } from '../harness/cluster';
import { requestToken } from './service-account';

/** Something to try. Nothing is ever changed: writes are dry runs, and those are authorised like any other. */
export interface Attempt {
  /** What it is, for the report. */
  readonly what: string;
  readonly method: string;
  /** The path, with its query. */
  readonly path: string;
  /**
   * What to send.
   * @default nothing
   */
  readonly body?: unknown;
  /**
   * More headers.
   * @default none
   */
  readonly headers?: Readonly<Record<string, string>>;
}

/** How an attempt ended. */
export interface AttemptResult {
  readonly what: string;
  /** Whether the server refused it (403). */
  readonly refused: boolean;
  /** The status of its answer. */
  readonly status: number;
}

/** Who is tried out. */
export interface ProbedAccount {
  readonly namespace: string;
  readonly serviceAccount: string;
}

/**
 * The things that no part of a federation needs: reading secrets, reading and writing in other namespaces, giving itself or
 * others more rights, acting as others, reaching into pods and nodes.
 * @param account who tries
 */
export function forbiddenAttempts({ namespace, serviceAccount }: ProbedAccount): Attempt[] {
  const name = 'e2e-probe';
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const subject = { kind: 'ServiceAccount', name: serviceAccount, namespace };
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' };
  const everything = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }];
  const pod = { metadata: { name }, spec: { containers: [{ name, image: name }] } };
  const get = (what: string, path: string): Attempt => ({ what, method: 'GET', path });
  const create = (what: string, path: string, body: unknown): Attempt => ({
    what,
    method: 'POST',
    path: `${path}?dryRun=All`,
    body,
  });
  return [
    get('list the secrets of all namespaces', '/api/v1/secrets'),
    get('list the secrets of its namespace', `/api/v1/namespaces/${namespace}/secrets`),
    get('list the secrets of kube-system', '/api/v1/namespaces/kube-system/secrets'),
    get('list the ConfigMaps of kube-system', '/api/v1/namespaces/kube-system/configmaps'),
    get('list the pods of kube-system', '/api/v1/namespaces/kube-system/pods'),
    create('create a ConfigMap in kube-system', '/api/v1/namespaces/kube-system/configmaps', { metadata: { name } }),
    create('create a pod in its namespace', `/api/v1/namespaces/${namespace}/pods`, pod),
    create('create a namespace', '/api/v1/namespaces', { metadata: { name } }),
    create('make itself cluster-admin', `${rbac}/clusterrolebindings`, {
      metadata: { name },
      subjects: [subject],
      roleRef,
    }),
    create('make itself admin of its namespace', `${rbac}/namespaces/${namespace}/rolebindings`, {
      metadata: { name },
      subjects: [subject],
      roleRef,
    }),
    create('create a ClusterRole that may do everything', `${rbac}/clusterroles`, {
      metadata: { name },
      rules: everything,
    }),
    {
      ...get('act as an administrator', '/api/v1/secrets'),
      headers: { 'impersonate-user': 'root', 'impersonate-group': 'system:masters' },
    },
    create(
      'get a token of another ServiceAccount',
      '/api/v1/namespaces/kube-system/serviceaccounts/default/token',
      tokenRequest(),
    ),
    create(
      'get a token of itself',
      `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}/token`,
      tokenRequest(),
    ),
    get('run a program in a pod', `/api/v1/namespaces/${namespace}/pods/${name}/exec?command=sh`),
    get('reach a node', '/api/v1/nodes/e2e-probe/proxy/'),
    { what: 'delete all Services of its namespace', ...remove(`/api/v1/namespaces/${namespace}/services`) },
    { what: 'delete a namespace', ...remove('/api/v1/namespaces/kube-public') },
  ];
}

/**
 * Tries each attempt with a real token of the ServiceAccount. Its requests carry the user agent {@link PROBE_AGENT}.
 * @param attempts default: {@link forbiddenAttempts}
 * @throws Error when there is no such ServiceAccount, or the server does not answer
 */
export async function probeAccount(
  cluster: Cluster,
  account: ProbedAccount,
  attempts: readonly Attempt[] = forbiddenAttempts(account),
): Promise<AttemptResult[]> {
  const token = await requestToken(cluster, account);
  const [entry] = cluster.kubeconfigEntries;
  const client = new ApiClient(cluster.port, entry?.ca ?? '', token, PROBE_AGENT);
  try {
    const results: AttemptResult[] = [];
    for (const { what, method, path, body, headers } of attempts) {
      const { status } = await client.request(method, path, body, undefined, undefined, headers);
      results.push({ what, refused: status === 403, status });
    }
    return results;
  } finally {
    client.close();
  }
}

/** The user agent of the prober's requests, by which the audit log tells them from the program's own. */
export const PROBE_AGENT = 'e2e-rbac-probe';

function remove(path: string): Pick<Attempt, 'method' | 'path'> {
  return { method: 'DELETE', path: `${path}?dryRun=All` };
}

function tokenRequest(): unknown {
  return { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
}
