/** Real tokens of real ServiceAccounts. */
import * as path from 'node:path';
import { Cluster } from '../harness/cluster';

/** Where a pod finds its token, its certificates and its namespace. */
export const SERVICE_ACCOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Whom a token is for. */
export interface TokenRequest {
  readonly namespace: string;
  readonly serviceAccount: string;
  /**
   * The pod that it is bound to: it ends with the pod.
   * @default bound to nothing
   */
  readonly pod?: { readonly name: string; readonly uid: string };
  /**
   * Who takes it.
   * @default the API server
   */
  readonly audience?: string;
  /**
   * How long it is valid, in seconds; 600 at least.
   * @default 3600
   */
  readonly expirationSeconds?: number;
}

/**
 * Asks the API server for a token of a ServiceAccount.
 * @throws Error when it gives none
 */
export async function requestToken(cluster: Cluster, request: TokenRequest): Promise<string> {
  const { namespace, serviceAccount, pod, audience, expirationSeconds = 3600 } = request;
  const { status, body } = await cluster.api.request(
    'POST',
    `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}/token`,
    {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        expirationSeconds,
        ...(audience === undefined ? {} : { audiences: [audience] }),
        ...(pod ? { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', ...pod } } : {}),
      },
    },
  );
  const token = (body as { status?: { token?: string } } | undefined)?.status?.token;
  if (status !== 201 || token === undefined) {
    throw new Error(`no token for ServiceAccount ${namespace}/${serviceAccount}: status ${status}`);
  }
  return token;
}

/**
 * A kubeconfig that leads to the files that the pod has mounted; it holds no secret itself.
 * @param server the API server
 * @param folder where the token and the certificates lie
 */
export function serviceAccountKubeconfig(server: string, folder: string): string {
  return `${JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'cluster', cluster: { server, 'certificate-authority': path.join(folder, 'ca.crt') } }],
      users: [{ name: 'pod', user: { tokenFile: path.join(folder, 'token') } }],
      contexts: [{ name: 'pod', context: { cluster: 'cluster', user: 'pod' } }],
      'current-context': 'pod',
    },
    null,
    2,
  )}\n`;
}
