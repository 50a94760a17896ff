/** Kubeconfig files for clusters on loopback. */
import * as fs from 'node:fs';

/** One context and what it leads to. */
export interface KubeconfigEntry {
  /** The context's name; cluster and user are called `<context>-cluster` and `<context>-admin`. */
  readonly context: string;
  /** The server's address. */
  readonly server: string;
  /** The certificates to trust, PEM. */
  readonly ca: string;
  /** The user's bearer token. */
  readonly token: string;
}

/**
 * Writes one kubeconfig with all entries, readable by its owner only.
 * @param file written in one piece: a reader sees the old content or the new one
 * @param entries in the order of the file
 * @param currentContext the current context; default: none, so that a call without --context cannot hit a cluster by chance
 */
export function writeKubeconfig(file: string, entries: readonly KubeconfigEntry[], currentContext = ''): void {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: entries.map(({ context, server, ca }) => ({
      name: `${context}-cluster`,
      cluster: { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') },
    })),
    users: entries.map(({ context, token }) => ({ name: `${context}-admin`, user: { token } })),
    contexts: entries.map(({ context }) => ({
      name: context,
      context: { cluster: `${context}-cluster`, user: `${context}-admin` },
    })),
    'current-context': currentContext,
  };
  // JSON is YAML too.
  fs.writeFileSync(`${file}.new`, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  fs.renameSync(`${file}.new`, file);
}
