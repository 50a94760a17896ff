/** Certificates of a test, made by openssl in a folder of its own and gone with it. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';

/** What a Secret of the kind `kubernetes.io/tls` holds, and the authority's certificate beside it, in PEM. */
export interface Certificate {
  readonly 'tls.crt': string;
  readonly 'tls.key': string;
  readonly 'ca.crt': string;
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];

/**
 * An authority of its own, which the folder's certificates come from.
 * @throws Error where openssl is missing or refuses
 */
export function certificateAuthority(folder: string): (name: string, alternatives: readonly string[]) => Certificate {
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  };
  const read = (file: string): string => readFileSync(path.join(folder, file), 'utf8');
  openssl('req', '-x509', ...KEY, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=a test');
  return (name, alternatives) => {
    openssl(
      ...['req', '-x509', '-CA', 'ca.crt', '-CAkey', 'ca.key', ...KEY],
      ...['-keyout', `${name}.key`, '-out', `${name}.crt`, '-subj', `/CN=${name}`],
      ...['-addext', 'basicConstraints=critical,CA:FALSE', '-addext', 'extendedKeyUsage=serverAuth,clientAuth'],
      ...(alternatives.length > 0 ? ['-addext', `subjectAltName=${alternatives.join(',')}`] : []),
    );
    return { 'tls.crt': read(`${name}.crt`), 'tls.key': read(`${name}.key`), 'ca.crt': read('ca.crt') };
  };
}
