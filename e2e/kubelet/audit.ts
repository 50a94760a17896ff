/** What each ServiceAccount asked of the API server, and what it was denied: from the server's own audit log. */
import * as fs from 'node:fs';
import * as path from 'node:path';

/** The audit log of a cluster. */
export function auditLog(dir: string): string {
  return path.join(dir, 'audit.log');
}

/**
 * What is recorded: who asked for what and how it was decided, never a body. ServiceAccounts in full; of the administrators only what
 * they change. The harness and the control plane itself are left out.
 * @param admin the user of the cluster's contexts
 */
export function auditPolicy(admin: string): unknown {
  return {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived'],
    rules: [
      { level: 'Metadata', userGroups: ['system:serviceaccounts'] },
      { level: 'Metadata', users: [admin], verbs: ['create', 'update', 'patch', 'delete', 'deletecollection'] },
      { level: 'None' },
    ],
  };
}

/** One line of the log, as far as it is read. */
interface AuditEvent {
  readonly auditID: string;
  readonly requestURI: string;
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly userAgent?: string;
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  readonly annotations?: Readonly<Record<string, string>>;
  readonly requestReceivedTimestamp: string;
}

/** All requests of one kind by one user. */
export interface AuditedRequests {
  /** `system:serviceaccount:<namespace>:<name>`, or another user. */
  readonly user: string;
  /** Such as `list`. */
  readonly verb: string;
  /** Such as `services`, `ipaddresspools.metallb.io/status`, or the path where it is no resource. */
  readonly what: string;
  /** The namespace; empty for all of them, and for what is in none. */
  readonly namespace: string;
  /** How often it was allowed. */
  readonly allowed: number;
  /** How often it was denied (`authorization.k8s.io/decision`). */
  readonly denied: number;
  /** The names of the objects, as far as requests named one, in order. */
  readonly names: readonly string[];
  /** The statuses of the answers and how often each. */
  readonly statuses: Readonly<Record<string, number>>;
}

/** What to read. */
export interface AuditQuery {
  /**
   * Only requests received at this time or later.
   * @default all
   */
  readonly since?: Date;
  /**
   * Requests with such a user agent do not count: the prober's, say.
   * @default all count
   */
  readonly exceptAgent?: RegExp;
  /**
   * Requests that were denied while the account's own roles or bindings were taken away do not count: a pod that is ending
   * outlives them. Those are known by their name, which is the account's, with a colon or a hyphen.
   * @default all count
   */
  readonly exceptWithoutRights?: boolean;
}

/**
 * Reads a cluster's log: one entry a user, verb, resource and namespace, in order of these.
 * @param dir the cluster's folder
 */
export function readAudit(dir: string, query: AuditQuery = {}): AuditedRequests[] {
  // A watch is logged when it starts and when it ends, and is one request: the later line has the status.
  const byRequest = new Map(eventsOf(dir, query).map((event) => [event.auditID, event]));
  const changes = query.exceptWithoutRights ? [...byRequest.values()].filter(isChangeOfRights) : [];
  const found = new Map<string, AuditedRequests>();
  for (const event of byRequest.values()) {
    if (!isDenied(event) || !wasWithoutRights(event, changes)) add(found, event);
  }
  return [...found.values()].sort((a, b) => sortKey(a).localeCompare(sortKey(b)));
}

/** The requests of ServiceAccounts that were denied. */
export function deniedRequests(requests: readonly AuditedRequests[]): AuditedRequests[] {
  return requests.filter(({ user, denied }) => user.startsWith('system:serviceaccount:') && denied > 0);
}

/** One line for a report. */
export function describeRequests({
  user,
  verb,
  what,
  namespace,
  allowed,
  denied,
  names,
  statuses,
}: AuditedRequests): string {
  const where = namespace === '' ? '' : ` in ${namespace}`;
  const which = names.length === 0 ? '' : ` (${names.slice(0, 4).join(', ')}${names.length > 4 ? ', …' : ''})`;
  const answers = Object.entries(statuses).map(([status, count]) => `${status} x${count}`);
  return `${user}: ${verb} ${what}${where}${which}: ${allowed} allowed, ${denied} denied [${answers.join(', ')}]`;
}

/** How long the API server may take to know of a change of rights, in milliseconds. */
const PROPAGATION_MS = 2_000;

const isDenied = ({ annotations }: AuditEvent): boolean => annotations?.['authorization.k8s.io/decision'] === 'forbid';

function isChangeOfRights({ objectRef, verb, responseStatus }: AuditEvent): boolean {
  const isRights = /^(cluster)?role(binding)?s$/.test(objectRef?.resource ?? '');
  return isRights && /^(create|patch|delete)$/.test(verb) && (responseStatus?.code ?? 500) < 300;
}

/** Whether a role or binding of the asker's had been taken away when it asked, or had only just been given. */
function wasWithoutRights({ user, requestReceivedTimestamp }: AuditEvent, changes: readonly AuditEvent[]): boolean {
  const account = user.username.split(':').at(-1);
  const at = Date.parse(requestReceivedTimestamp);
  const last = new Map<string, AuditEvent>();
  for (const change of changes) {
    const { resource = '', name = '' } = change.objectRef ?? {};
    const isBefore = Date.parse(change.requestReceivedTimestamp) <= at;
    if (isBefore && name.replaceAll(':', '-') === account) last.set(`${resource}/${name}`, change);
  }
  return [...last.values()].some(
    ({ verb, requestReceivedTimestamp: changed }) => verb === 'delete' || at - Date.parse(changed) < PROPAGATION_MS,
  );
}

function eventsOf(dir: string, { since, exceptAgent }: AuditQuery): AuditEvent[] {
  const log = auditLog(dir);
  const lines = fs.existsSync(log) ? fs.readFileSync(log, 'utf8').split('\n') : [];
  return lines
    .flatMap((line) => parse(line) ?? [])
    .filter((event) => !since || new Date(event.requestReceivedTimestamp) >= since)
    .filter((event) => exceptAgent?.test(event.userAgent ?? '') !== true);
}

function add(found: Map<string, AuditedRequests>, event: AuditEvent): void {
  const { objectRef: ref } = event;
  const what = ref?.resource
    ? `${ref.resource}${ref.apiGroup ? `.${ref.apiGroup}` : ''}${ref.subresource ? `/${ref.subresource}` : ''}`
    : event.requestURI.replace(/\?.*$/, '');
  const entry = { user: event.user.username, verb: event.verb, what, namespace: ref?.namespace ?? '' };
  const key = Object.values(entry).join(' ');
  const known = found.get(key) ?? { ...entry, allowed: 0, denied: 0, names: [], statuses: {} };
  const forbidden = isDenied(event);
  const status = String(event.responseStatus?.code ?? 'none yet');
  found.set(key, {
    ...known,
    allowed: known.allowed + (forbidden ? 0 : 1),
    denied: known.denied + (forbidden ? 1 : 0),
    names: ref?.name && !known.names.includes(ref.name) ? [...known.names, ref.name] : known.names,
    statuses: { ...known.statuses, [status]: (known.statuses[status] ?? 0) + 1 },
  });
}

function parse(line: string): AuditEvent | undefined {
  try {
    return line === '' ? undefined : (JSON.parse(line) as AuditEvent);
  } catch {
    // The last line of a log that is being written.
    return undefined;
  }
}

function sortKey({ user, what, verb, namespace }: AuditedRequests): string {
  return [user, what, verb, namespace].join(' ');
}
