import { writeFileSync } from 'node:fs';
import { auditLog, deniedRequests, readAudit } from '../../e2e/kubelet/audit';
import { temporaryFolder } from '../support/folder';

const CONTROLLER = 'system:serviceaccount:metallb-system:metallb-controller';
const BEGAN = Date.parse('2026-01-01T00:00:00Z');

/** One line of an API server's log, so many seconds after it began. */
function line(
  seconds: number,
  username: string,
  verb: string,
  resource: string,
  name: string,
  isDenied = false,
): string {
  return JSON.stringify({
    auditID: `${seconds} ${username}`,
    requestURI: '/apis',
    verb,
    user: { username },
    objectRef: { resource, name },
    responseStatus: { code: isDenied ? 403 : 200 },
    annotations: { 'authorization.k8s.io/decision': isDenied ? 'forbid' : 'allow' },
    requestReceivedTimestamp: new Date(BEGAN + seconds * 1000).toISOString(),
  });
}

const denied = (seconds: number, username = CONTROLLER): string =>
  line(seconds, username, 'update', 'validatingwebhookconfigurations', `at-${seconds}`, true);

/** The moments of the denied requests that count, in seconds. */
function counted(...lines: string[]): number[] {
  const folder = temporaryFolder();
  writeFileSync(auditLog(folder), `${lines.join('\n')}\n`);
  const requests = deniedRequests(readAudit(folder, { exceptWithoutRights: true }));
  return requests.flatMap(({ names }) => names.map((name) => Number(name.replace('at-', ''))));
}

describe('denied requests', () => {
  const taken = line(10, 'admin', 'delete', 'clusterrolebindings', 'metallb:controller');
  const given = line(20, 'admin', 'create', 'clusterrolebindings', 'metallb:controller');

  it('count, but for those of an account whose rights are taken away or have only just been given', () => {
    expect(counted(denied(9), taken, denied(11), given, denied(21), denied(30))).toEqual([9, 30]);
  });

  it('count where the rights that were taken away are another account’s', () => {
    expect(counted(taken, denied(11, 'system:serviceaccount:metallb-system:metallb-speaker'))).toEqual([11]);
  });

  it('count where the rights were not taken away, but refused to be', () => {
    const refused = line(10, 'admin', 'delete', 'clusterrolebindings', 'metallb:controller', true);
    expect(counted(refused, denied(11))).toEqual([11]);
  });

  it('count where all of it is asked for', () => {
    const folder = temporaryFolder();
    writeFileSync(auditLog(folder), `${[taken, denied(11)].join('\n')}\n`);
    expect(deniedRequests(readAudit(folder))).toHaveLength(1);
  });
});
