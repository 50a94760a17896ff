/** An API server over HTTP: what comes back for one request. `kubectl proxy` and `kubectl get --raw` both show it. */
import type { Call } from './call';
import { coreVersions, groupList, groupNamed, isBuiltIn, resourceList } from './discovery';
import { type Dict, type KubeObject, at, base64, dict, isDict, text, unbase64 } from './json';
import { selects } from './kubectl-common';
import { ApiError, type ApiServer, place } from './objects';
import { permitted } from './rbac';
import { type ResourceType, groupOf, qualified, typesOf } from './resources';
import {
  JSON_TYPE,
  type Reply,
  failure,
  failureOf,
  forbidden,
  json,
  noPage,
  noResource,
  refusal,
  statusObject,
  unauthorized,
} from './status';
import { clientVersion } from './versions';
import { Watch } from './watch';
import { SelectorError, checkLabelSelector, fieldSelector, inOrder, sent, sentList } from './wire';
import type { World } from './world';

export interface Request {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: string;
}

/** Who asks whom. */
export interface Asked {
  readonly world: World;
  readonly call: Call;
  readonly api: ApiServer;
  /** `host:port` as the client knows it. */
  readonly server: string;
  readonly user: string;
  /** The account that the user acts as. */
  readonly as: string | undefined;
}

/** A type in one of its versions, with what the path says beside. */
interface Place {
  readonly type: ResourceType;
  readonly version: string;
  readonly namespace: string | undefined;
  readonly name: string;
}

const RESOURCES = /^\/(?:api\/([^/]+)|apis\/([^/]+)\/([^/]+))(?:\/(.*))?$/;

/** Refused before anything was looked at. */
class Refused extends Error {
  constructor(readonly reply: Reply) {
    super();
  }
}

export async function answer(asked: Asked, request: Request): Promise<Reply | Watch> {
  try {
    return await route(asked, request);
  } catch (error) {
    if (error instanceof Refused) return error.reply;
    if (error instanceof SelectorError) return failure('BadRequest', error.message);
    throw error;
  }
}

async function route(asked: Asked, request: Request): Promise<Reply | Watch> {
  const { api, server } = asked;
  const { path, query, named } = parts(request);
  if (/^\/(healthz|livez|readyz)$/.test(path) && (path === '/healthz' || api.atLeast('1.16.0'))) {
    return { code: 200, type: 'text/plain; charset=utf-8', body: 'ok' };
  }
  if (path === '/version') {
    return { code: 200, type: JSON_TYPE, body: JSON.stringify(serverVersion(api), null, 2) };
  }
  negotiate(api, request.headers?.accept);
  if (path === '/api') return json(coreVersions(server));
  if (path === '/apis') return json(groupList(api, server));
  const [, group = ''] = /^\/apis\/([^/]+)$/.exec(path) ?? [];
  if (group !== '') {
    const found = groupNamed(api, group, server);
    return found === undefined ? noPage() : json(found);
  }
  if (named === undefined) return noPage();
  const { version, words } = named;
  const missing = version.includes('/') && !isBuiltIn(api, groupOf(version)) ? noPage : noResource;
  if (words.length === 0) {
    const list = resourceList(api, version);
    return list === undefined ? missing() : json(list);
  }
  const here = located(api, version, words);
  if (here === undefined) return missing();
  // A definition that was just made is listed before its objects are served.
  const { type } = here;
  if (
    type.custom &&
    asked.world.isHeld(api.cluster.name, 'CustomResourceDefinition', undefined, qualified(type, version))
  )
    return noPage();
  return resource(asked, request, here, query);
}

/** A request's path and query, and what it names below a group and version. */
function parts(request: Request): {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly named?: { readonly version: string; readonly words: readonly string[] };
} {
  const url = new URL(request.url, 'http://localhost');
  const path = url.pathname.length > 1 ? url.pathname.replace(/\/$/, '') : url.pathname;
  const [, core, group, release = '', rest = ''] = RESOURCES.exec(path) ?? [];
  const query = url.searchParams;
  if (core === undefined && group === undefined) return { path, query };
  const words = rest === '' ? [] : rest.split('/').map(decodeURIComponent);
  return { path, query, named: { version: core ?? `${group ?? ''}/${release}`, words } };
}

/** What the server refuses a request with that it does not look at any further. */
export function refused(api: ApiServer, user: string, request: Request, code: number, message?: string): Reply {
  if (code === 401) return unauthorized(api);
  const { query, named } = parts(request);
  const here = named === undefined ? undefined : located(api, named.version, named.words);
  if (code !== 403 || here === undefined) return failureOf(code, message);
  const read = here.name === '' ? (isTrue(query.get('watch')) ? 'watch' : 'list') : 'get';
  const reply = forbidden(api, { ...here, user, verb: request.method === 'POST' ? 'create' : read });
  if (message === undefined) return reply;
  return { ...reply, body: typeof reply.body === 'string' ? message : { ...reply.body, message } };
}

/** What a server says of its version. */
export function serverVersion(api: ApiServer): Dict {
  const told = clientVersion(api.cluster.version);
  if (!api.atLeast('1.34.0')) return told;
  const { major, minor, ...rest } = told;
  return {
    major,
    minor,
    emulationMajor: major,
    emulationMinor: minor,
    minCompatibilityMajor: major,
    minCompatibilityMinor: String(Number(minor) - 1),
    ...rest,
  };
}

/** Refuses what is asked for in a form that is not served here: tables, which 1.10 brought, are not modelled. */
function negotiate(api: ApiServer, accept = '*/*'): void {
  const takes = accept.split(',').some((part) => {
    const [type = '', ...parameters] = part.split(';').map((word) => word.trim());
    const bare = !parameters.some((parameter) => parameter.startsWith('as='));
    return bare && ['*/*', 'application/*', JSON_TYPE].includes(type);
  });
  if (takes) return;
  const kinds = 'application/json, application/yaml, application/vnd.kubernetes.protobuf';
  const old = !api.atLeast('1.10.0');
  const message = old
    ? `only the following media types are accepted: ${kinds}`
    : `406: Not Acceptable\n\nAvailable representations: ${kinds}`;
  const body = statusObject(406, 'NotAcceptable', message, old ? undefined : {});
  if (old) {
    delete body.kind;
    delete body.apiVersion;
  }
  throw new Refused(json(body, 406));
}

/** What the words after a group and version name; undefined where that is nothing. */
function located(api: ApiServer, version: string, words: readonly string[]): Place | undefined {
  const spaced = words[0] === 'namespaces' && words.length > 2;
  const [plural = '', name = '', ...more] = spaced ? words.slice(2) : words;
  const type = typesOf(api.cluster).find((entry) => entry.plural === plural && entry.versions.includes(version));
  if (type === undefined || more.length > 0) return undefined;
  // A name without its namespace, or a namespace around what has none.
  if (spaced !== type.namespaced && (spaced || name !== '')) return undefined;
  return { type, version, namespace: spaced ? words[1] : undefined, name };
}

async function resource(asked: Asked, request: Request, here: Place, query: URLSearchParams): Promise<Reply | Watch> {
  const { method } = request;
  const { type, name } = here;
  if (method === 'POST' && name === '' && type.verbs.includes('create')) return create(asked, request, here);
  const read = method === 'GET' && type.verbs.includes(name === '' ? 'list' : 'get');
  if (!read) {
    if (name !== '' && !type.verbs.includes('get')) return noResource();
    return failure('MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
  }
  if (name !== '') return one(asked, here);
  return isTrue(query.get('watch')) ? watch(asked, here, query) : page(asked, here, query);
}

function isTrue(value: string | null): boolean {
  return value !== null && /^(1|t|T|true|TRUE|True)$/.test(value);
}

/** Whether the user may; else the server's refusal. */
function need({ world, api, user, as }: Asked, verb: string, here: Place): void {
  const { type, version, namespace, name } = here;
  if (permitted(world, api, as, { verb, group: groupOf(version), plural: type.plural, namespace })) return;
  // A namespace counts as being in itself.
  const where = type.kind === 'Namespace' && name !== '' ? name : namespace;
  throw new Refused(forbidden(api, { user, verb, type, version, namespace: where, name }));
}

function one(asked: Asked, here: Place): Reply {
  const { api } = asked;
  const { type, version, namespace, name } = here;
  need(asked, 'get', here);
  const object = api.get(type, namespace, name);
  if (object === undefined) return refusal(notFound(here), type, version, name);
  return json(sent(api, type, version, object));
}

function notFound({ type, version, name }: Place): ApiError {
  const group = groupOf(version);
  return new ApiError('NotFound', `${type.plural}${group === '' ? '' : `.${group}`} "${name}" not found`);
}

/** What both selectors of a request select, and the one name that they ask for, if they do. */
function selection(
  api: ApiServer,
  { type, version }: Place,
  query: URLSearchParams,
): { readonly fits: (object: KubeObject) => boolean; readonly name: string; readonly any: boolean } {
  const labels = query.get('labelSelector') ?? '';
  const fields = query.get('fieldSelector') ?? '';
  checkLabelSelector(labels);
  const { fits, name = '' } = fieldSelector(api, type, version, fields);
  return {
    fits: (object) => (labels === '' || selects(labels, object.metadata.labels)) && fits(object),
    name,
    any: labels === '' && fields === '',
  };
}

function whole(value: string | null, name: string): number {
  if (value === null || value === '') return 0;
  if (!/^\d+$/.test(value)) {
    throw new Refused(
      name === 'resourceVersion'
        ? json(
            statusObject(
              500,
              '',
              `${name}: Invalid value: "${value}": strconv.ParseUint: parsing "${value}": invalid syntax`,
            ),
            500,
          )
        : failure('BadRequest', `strconv.ParseInt: parsing "${value}": invalid syntax`),
    );
  }
  return Number(value);
}

/** A list, or a page of it. */
function page(asked: Asked, here: Place, query: URLSearchParams): Reply {
  const { api } = asked;
  const { type, version, namespace } = here;
  const { fits, name, any } = selection(api, here, query);
  need(asked, 'list', { ...here, name: api.atLeast('1.12.0') ? name : '' });
  const all = inOrder(type, api.list(type, namespace)).filter(fits);
  // Pages came with 1.9; before, the limit is not heeded.
  const limit = api.atLeast('1.9.0') ? whole(query.get('limit'), 'limit') : 0;
  const start = continued(query.get('continue'));
  const left = all.filter((object) => place(type, object.metadata.namespace, object.metadata.name) > start);
  const shown = limit > 0 ? left.slice(0, limit) : left;
  const last = shown.at(-1);
  const more: Dict = {};
  if (last !== undefined && shown.length < left.length) {
    const from = place(type, last.metadata.namespace, last.metadata.name);
    more.continue = base64(JSON.stringify({ v: 'meta.k8s.io/v1', rv: api.cluster.resourceVersion, start: from }));
    if (any && api.atLeast('1.15.0')) more.remainingItemCount = left.length - shown.length;
  } else if (type.custom && api.atLeast('1.9.0')) more.continue = '';
  return json(sentList(api, type, version, namespace, shown, more));
}

/** Where a page goes on. */
function continued(token: string | null): string {
  if (token === null || token === '') return '';
  try {
    const parsed: unknown = JSON.parse(unbase64(token));
    if (isDict(parsed) && typeof parsed.start === 'string') return parsed.start;
  } catch {
    // Not one of ours.
  }
  throw new Refused(failure('BadRequest', 'continue key is not valid: invalid character'));
}

function watch(asked: Asked, here: Place, query: URLSearchParams): Watch {
  const { api, world } = asked;
  const { type, version, namespace } = here;
  const { fits, name } = selection(api, here, query);
  const seconds = whole(query.get('timeoutSeconds'), 'timeoutSeconds');
  need(asked, 'watch', { ...here, name: api.atLeast('1.12.0') ? name : '' });
  return new Watch(api, world.history(api.cluster), {
    type,
    version,
    namespace,
    fits,
    from: whole(query.get('resourceVersion'), 'resourceVersion'),
    lastsMs: seconds === 0 ? undefined : seconds * 1000,
  });
}

// ---- POST ------------------------------------------------------------------------------------------------------------------

/** The object in a body, or the server's complaint about it. */
function parsed({ body = '', headers }: Request, { type, version }: Place): Dict {
  const [media = ''] = (headers?.['content-type'] ?? JSON_TYPE).split(';');
  if (media !== JSON_TYPE) {
    throw new Refused(
      failure(
        'UnsupportedMediaType',
        'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
      ),
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    const message = `the object provided is unrecognized (must be of type ${type.kind}): couldn't get version/kind; json parse error: invalid character (${Buffer.from(body).toString('hex')})`;
    throw new Refused(failure('BadRequest', message));
  }
  const found = isDict(value) ? value : {};
  const [apiVersion, kind] = [text(found.apiVersion, version), text(found.kind, type.kind)];
  if (apiVersion !== version || kind !== type.kind) {
    throw new Refused(failure('BadRequest', `${kind} in version "${apiVersion}" cannot be handled as a ${type.kind}`));
  }
  return found;
}

async function create(asked: Asked, request: Request, here: Place): Promise<Reply> {
  const { api, call } = asked;
  const { type, version, namespace } = here;
  const given = parsed(request, here);
  if (/^SelfSubject(Access|Rules)Review$/.test(type.kind)) return review(asked, given, here);
  const metadata = dict(given.metadata);
  const name = text(metadata.name);
  const object: KubeObject = { ...given, apiVersion: version, kind: type.kind, metadata: { ...metadata, name } };
  need(asked, 'create', here);
  if (type.verbs.length === 1) return failure('InternalError', `the stand-in does not know what a ${type.kind} does`);
  try {
    const made = await call.write(() => api.create(type, object, namespace, { manager: 'curl' }));
    return json(sent(api, type, version, made), 201);
  } catch (error) {
    if (error instanceof ApiError) return refusal(error, type, version, name);
    throw error;
  }
}

/** What a review comes to: the `status` of a SelfSubjectAccessReview or a SelfSubjectRulesReview. */
export function reviewed(world: World, api: ApiServer, as: string | undefined, review: Dict): Dict {
  const cluster = api.cluster.name;
  const denied = world.state.denied.filter((denial) => (denial.cluster ?? cluster) === cluster);
  if (review.kind === 'SelfSubjectRulesReview') {
    const verbs = denied.length === 0 ? ['*'] : ['get', 'list', 'watch'];
    return { incomplete: false, nonResourceRules: [], resourceRules: [{ verbs, apiGroups: ['*'], resources: ['*'] }] };
  }
  const asked = dict(at(review.spec, 'resourceAttributes'));
  const [verb, resource] = [text(asked.verb), text(asked.resource)];
  if (as === undefined && (verb === '*' || resource === '*')) return { allowed: denied.length === 0 };
  const wanted = { verb, group: text(asked.group), plural: resource, namespace: text(asked.namespace) || undefined };
  return { allowed: permitted(world, api, as, wanted) };
}

function review({ world, api, as }: Asked, given: Dict, { type, version }: Place): Reply {
  const spec = dict(given.spec);
  const attributes = dict(spec.resourceAttributes);
  const rules = type.kind === 'SelfSubjectRulesReview';
  if (!rules && isDict(spec.resourceAttributes) === isDict(spec.nonResourceAttributes)) {
    const why = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
    const message = `Invalid value: null: ${why}`;
    const field = 'spec.resourceAttributes';
    return failure('Invalid', `.authorization.k8s.io "" is invalid: ${field}: ${message}`, {
      group: groupOf(version),
      causes: [{ reason: 'FieldValueInvalid', message, field }],
    });
  }
  // Servers do not send empty texts back.
  const filled = Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== ''));
  const review: Dict = {
    kind: type.kind,
    apiVersion: version,
    metadata: api.atLeast('1.34.0') ? {} : { creationTimestamp: null },
    spec: isDict(spec.resourceAttributes) ? { resourceAttributes: filled } : spec,
  };
  return json({ ...review, status: reviewed(world, api, as, review) }, 201);
}
