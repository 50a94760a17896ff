/** Faults and kills that a test puts in the way of calls. */
import * as semver from 'semver';
import type { CallRecord, Program } from './types';
import { atLeast } from './versions';

/**
 * What strikes. A read through `kubectl proxy` is a call like any other, and is struck as it shows through the proxy: `http` as the
 * API server's answer (429 and old 401 and 403 as texts), failed connections as the proxy words them in its version, `exit` with
 * code 0 as the body of the answer, and with any other code as the end of the proxy itself.
 */
export type FaultAction =
  /** The API server answers with this status instead (5xx, 429, 409, 403, 401). `stage`: only after so many single writes. */
  | { readonly type: 'http'; readonly status: number; readonly message?: string; readonly stage?: number }
  /** No connection: refused, reset in the middle, timed out, or a TLS handshake that never ends. */
  | {
      readonly type: 'drop';
      readonly how?: 'refused' | 'eof' | 'timeout' | 'tls' | 'no-route';
      readonly stage?: number;
    }
  /** Takes so much longer; a `--request-timeout` that is shorter ends the call, without any effect. */
  | { readonly type: 'slow'; readonly ms: number }
  /** Never answers, unless a `--request-timeout` ends it. */
  | { readonly type: 'hang' }
  /** Everything is written (or the first `stage` writes), but the answer is a lost connection. */
  | { readonly type: 'notAfterWrite'; readonly stage?: number }
  /** Another API server than the kubeconfig's answers there. */
  | { readonly type: 'other-server' }
  /** The program itself ends like this, without any effect. */
  | { readonly type: 'exit'; readonly code: number; readonly stderr?: string; readonly stdout?: string }
  /**
   * SIGKILL for `world.victim`: before the call has any effect, in it (after `stage` single writes, 1 by default), or after all of
   * them and before the answer. The call stops there too, unless `orphan`: then it goes on to its end (after a pause of so many
   * milliseconds where a number is given), as the child of a killed parent does.
   */
  | {
      readonly type: 'kill';
      readonly point: 'before' | 'in' | 'after';
      readonly stage?: number;
      readonly orphan?: boolean | number;
    };

export interface Injection {
  /** @default any */
  readonly program?: Program;
  /** What the call must look like: a pattern on its arguments joined by blanks, or a function. @default any call */
  readonly match?: RegExp | ((call: CallRecord) => boolean);
  /** @default 1 */
  readonly times?: number | 'always';
  /** Let so many matching calls pass first. @default 0 */
  readonly after?: number;
  readonly action: FaultAction;
}

/** What inject() gives back. */
export interface InjectionHandle {
  /** How often it was chosen for a call. */
  readonly fired: number;
  remove(): void;
}

interface Rule extends InjectionHandle {
  readonly injection: Injection;
  fired: number;
  passed: number;
}

function fits(injection: Injection, call: CallRecord): boolean {
  if (injection.program !== undefined && injection.program !== call.program) return false;
  const { match } = injection;
  if (match === undefined) return true;
  return match instanceof RegExp ? match.test(call.argv.join(' ')) : match(call);
}

export class Faults {
  private rules: Rule[] = [];

  inject(injection: Injection): InjectionHandle {
    const rule: Rule = {
      injection,
      fired: 0,
      passed: 0,
      remove: () => {
        this.rules = this.rules.filter((other) => other !== rule);
      },
    };
    this.rules.push(rule);
    return rule;
  }

  clear(): void {
    this.rules = [];
  }

  /** The action for a call that starts: that of the first rule which fits and is not used up. */
  take(call: CallRecord): FaultAction | undefined {
    for (const rule of this.rules) {
      if (!fits(rule.injection, call)) continue;
      if (rule.passed < (rule.injection.after ?? 0)) {
        rule.passed += 1;
        continue;
      }
      const { times = 1 } = rule.injection;
      if (times !== 'always' && rule.fired >= times) continue;
      rule.fired += 1;
      return rule.injection.action;
    }
    return undefined;
  }
}

const REASONS: Readonly<Record<number, readonly [string, string]>> = {
  400: ['BadRequest', 'the server rejected our request for an unknown reason'],
  403: ['Forbidden', 'the server does not allow access to the requested resource'],
  409: [
    'Conflict',
    'Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version and try again',
  ],
  429: ['TooManyRequests', 'the server has received too many requests and has asked us to try again later'],
  500: ['InternalError', 'an error on the server ("unknown") has prevented the request from succeeding'],
  502: ['InternalError', 'an error on the server ("Bad Gateway") has prevented the request from succeeding'],
  503: ['ServiceUnavailable', 'the server is currently unable to handle the request'],
  504: [
    'Timeout',
    'the server was unable to return a response in the time allotted, but may still be processing the request',
  ],
};

/** How Helm begins what it says of a cluster that it does not get at; undefined for Helm 2, which has no word for it. */
export function helmUnreachable(helmVersion: string): string | undefined {
  if (!atLeast(helmVersion, '3.0.0')) return undefined;
  return `Error: ${atLeast(helmVersion, '4.0.0') ? 'k' : 'K'}ubernetes cluster unreachable: `;
}

/** How the program words credentials that the API server does not know. */
export function unauthorized(program: Program, helmVersion: string): string {
  if (program !== 'helm') return 'error: You must be logged in to the server (Unauthorized)\n';
  const prefix = helmUnreachable(helmVersion);
  return prefix === undefined
    ? 'Error: Unauthorized\n'
    : `${prefix}the server has asked for the client to provide credentials\n`;
}

/** How the program words a status of the API server, the line's end included. */
export function httpError(program: Program, helmVersion: string, status: number, message?: string): string {
  if (status === 401) return unauthorized(program, helmVersion);
  const [reason, words] = REASONS[status] ?? ['InternalError', `an error on the server (status ${status})`];
  return program === 'helm' ? `Error: ${message ?? words}\n` : `Error from server (${reason}): ${message ?? words}\n`;
}

export type ConnectionFailure =
  | 'panic'
  | 'no-host'
  | 'deadline'
  | 'waiting'
  | 'refused'
  | 'eof'
  | 'timeout'
  | 'tls'
  | 'no-route'
  | 'authority'
  | 'canceled';

function reason(how: ConnectionFailure, server: string): string {
  return {
    refused: `dial tcp ${server}: getsockopt: connection refused`,
    eof: 'EOF',
    panic: 'unexpected EOF',
    'no-host': `dial tcp: lookup ${server.replace(/:\d+$/, '')} on 192.0.2.53:53: no such host`,
    deadline: 'context deadline exceeded',
    waiting: 'net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)',
    timeout: `dial tcp ${server}: i/o timeout`,
    tls: 'net/http: TLS handshake timeout',
    'no-route': `dial tcp ${server}: getsockopt: no route to host`,
    authority: 'x509: certificate signed by unknown authority',
    canceled: 'net/http: request canceled (Client.Timeout exceeded while awaiting headers)',
  }[how];
}

/** A failed connection as Go words it in a kubectl of the given version. */
export function goError(release: string, how: ConnectionFailure, server: string): string {
  const words = reason(how, server);
  const since = (version: string): boolean => semver.gte(semver.coerce(release)?.version ?? '1.7.3', version);
  if (how === 'authority' && since('1.27.0')) return `tls: failed to verify certificate: ${words}`;
  return since('1.13.0') ? words.replace('getsockopt', 'connect') : words;
}

/** What the discovery of newer kubectls writes for each try. */
function discoveryNoise(release: string, how: ConnectionFailure, server: string): string {
  const problem = `couldn't get current server API group list: Get "https://${server}/api?timeout=32s": ${goError(release, how, server)}`;
  const words = semver.lt(release, '1.31.0') ? problem : `"Unhandled Error" err="${problem.replaceAll('"', '\\"')}"`;
  return `E0101 00:00:00.000000       1 memcache.go:265] ${words}\n`;
}

/** What kubectl 1.8 and 1.9 write where they do not get the server's schema. */
export function schemaNoise(why: string): string {
  return `W0101 00:00:00.000000       1 factory_object_mapping.go:423] Failed to download OpenAPI (${why}), falling back to swagger\n`;
}

/** What kubectl writes beside the one line that counts, where it does not reach a server. */
export function noise(release: string, command: string, how: ConnectionFailure, server: string): string {
  if (semver.gte(release, '1.26.0')) {
    return command === 'version' || how === 'authority' ? '' : discoveryNoise(release, how, server).repeat(5);
  }
  const validates = command === 'apply' || command === 'create' || command === 'replace';
  if (!validates || semver.lt(release, '1.8.0') || semver.gte(release, '1.10.0')) return '';
  return schemaNoise(`Get https://${server}/swagger-2.0.0.pb-v1: ${reason(how, server)}`);
}

/** What newer kubectls say where they cannot get the schema that they check a file by. */
export function notValidated(release: string, source: string, how: ConnectionFailure, server: string): string {
  const why = `failed to download openapi: Get "https://${server}/openapi/v2?timeout=32s": ${goError(release, how, server)}`;
  return `error: error validating "${source}": error validating data: ${why}; if you choose to ignore these errors, turn validation off with --validate=false\n`;
}

/** How the program words a failed connection. `server` is `host:port`. */
export function connectionError(program: Program, helmVersion: string, how: ConnectionFailure, server: string): string {
  const why = reason(how, server);
  if (program === 'helm') {
    const prefix = helmUnreachable(helmVersion);
    if (prefix !== undefined)
      return `${prefix}Get "https://${server}/version": ${why.replace(': getsockopt: ', ': connect: ').replace(/^x509: /, 'tls: failed to verify certificate: x509: ')}\n`;
    return `Error: Get https://${server}/api/v1/namespaces/kube-system/pods?labelSelector=app%3Dhelm%2Cname%3Dtiller: ${why}\n`;
  }
  if (how === 'refused') {
    return `The connection to the server ${server} was refused - did you specify the right host or port?\n`;
  }
  return `Unable to connect to the server: ${why}\n`;
}
