/** Answers of an API server that are no objects: Status, and the plain texts of old and odd refusals. */
import type { Dict } from './json';
import { type ApiError, type ApiServer } from './objects';
import { type ResourceType, groupOf } from './resources';

/** One whole answer. */
export interface Reply {
  readonly code: number;
  /** The Content-Type. */
  readonly type: string;
  /** A text as it goes out, or JSON. */
  readonly body: string | Dict;
  readonly headers?: Readonly<Record<string, string>>;
}

const TEXT = 'text/plain; charset=utf-8';
export const JSON_TYPE = 'application/json';

const CODES: Readonly<Record<string, number>> = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  Gone: 410,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
};

export function json(body: Dict, code = 200): Reply {
  return { code, type: JSON_TYPE, body };
}

export function plain(code: number, body: string, type = TEXT, headers: Reply['headers'] = {}): Reply {
  return { code, type, body, headers: { 'X-Content-Type-Options': 'nosniff', ...headers } };
}

/** A Status object, as answers and as the last event of a watch. */
export function statusObject(code: number, reason: string, message: string, details?: Dict): Dict {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    ...(reason === '' ? {} : { reason }),
    ...(details === undefined ? {} : { details }),
    code,
  };
}

const WORDS: Readonly<Record<number, string>> = {
  400: 'the server rejected our request for an unknown reason',
  404: 'the server could not find the requested resource',
  409: 'Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version and try again',
  500: 'Internal error occurred: etcdserver: request timed out',
  503: 'the server is currently unable to handle the request',
  504: 'Timeout: request did not complete within 1m0s',
};

/** An answer with a code, whatever was asked for. */
export function failureOf(code: number, message = WORDS[code] ?? `status ${code}`): Reply {
  if (code === 429) {
    return plain(429, 'Too many requests, please try again later.\n', TEXT, { 'Retry-After': '1' });
  }
  const [reason = 'InternalError'] = Object.entries(CODES).find(([, known]) => known === code) ?? [];
  return json(statusObject(code, reason, message), code);
}

export function failure(reason: string, message: string, details?: Dict): Reply {
  const code = CODES[reason] ?? 500;
  return json(statusObject(code, reason, message, details), code);
}

/** A path below which nothing is served at all. */
export function noPage(): Reply {
  return plain(404, '404 page not found\n');
}

/** A group that is there, but not that version or type of it. */
export function noResource(): Reply {
  return failure('NotFound', 'the server could not find the requested resource', {});
}

/** How a request names what it is about, in `details`. */
export function about(type: Pick<ResourceType, 'plural'>, version: string, name = ''): Dict {
  const group = groupOf(version);
  return { ...(name === '' ? {} : { name }), ...(group === '' ? {} : { group }), kind: type.plural };
}

/** The refusal of a write, with the one cause that its message tells. */
export function refusal(error: ApiError, type: ResourceType, version: string, name: string): Reply {
  if (error.reason !== 'Invalid') return failure(error.reason, error.message, about(type, version, name));
  const [, field = '', message = ''] = /^.*? is invalid: ([^:]+): (.*)$/s.exec(error.message) ?? [];
  const kinds: Readonly<Record<string, string>> = {
    'Invalid value': 'FieldValueInvalid',
    'Required value': 'FieldValueRequired',
  };
  const [start = ''] = message.split(':');
  const group = groupOf(version);
  return failure('Invalid', error.message, {
    name,
    ...(group === '' ? {} : { group }),
    kind: type.kind,
    causes: [{ reason: kinds[start] ?? 'FieldValueDuplicate', message, field }],
  });
}

/** What the server says to credentials that it does not know. */
export function unauthorized(api: ApiServer): Reply {
  if (!api.atLeast('1.8.0')) return plain(401, 'Unauthorized\n');
  return failure('Unauthorized', 'Unauthorized');
}

export interface Forbidding {
  readonly user: string;
  readonly verb: string;
  readonly type: Pick<ResourceType, 'plural'>;
  readonly version: string;
  readonly namespace: string | undefined;
  readonly name: string;
}

/** What the server says to a user who may not. Up to 1.7 it is a text. */
export function forbidden(api: ApiServer, { user, verb, type, version, namespace, name }: Forbidding): Reply {
  const group = groupOf(version);
  const resource = group === '' ? type.plural : `${type.plural}.${group}`;
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const old = `User "${user}" cannot ${verb} ${resource} ${where}`;
  if (!api.atLeast('1.8.0')) return plain(403, `${old}.`, 'text/plain');
  const why = api.atLeast('1.12.0')
    ? `User "${user}" cannot ${verb} resource "${type.plural}" in API group "${group}" ${where}`
    : old;
  const reply = failure(
    'Forbidden',
    `${resource}${name === '' ? '' : ` "${name}"`} is forbidden: ${why}`,
    about(type, version, name),
  );
  return { ...reply, headers: { 'X-Content-Type-Options': 'nosniff' } };
}
