import { z } from 'zod';
import { isBuiltIn } from '../../lib/dialect/rules';
import { Wanted } from '../apply/api';
import { KubeObject, objectSchema } from '../apply/objects';
import { classify, FailureKind, ProgramError } from '../apply/tools/program';
import { withRetry } from '../apply/tools/retry';
import { asked } from './proxy';
import { Answer, Question, Transport } from './transport';

/** Which objects of a kind are asked for. */
export interface Listed {
  readonly apiVersion: string;
  readonly kind: string;
  /** @default all namespaces */
  readonly namespace?: string;
  /** Such as `component=kube-controller-manager`. @default all */
  readonly labelSelector?: string;
}

/** A kind as an API server serves it. */
export interface Resource {
  readonly kind: string;
  /** Its name in paths, such as `networkpolicies`. */
  readonly plural: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
}

/** A kind with the API version in which its server prefers it. */
export interface Served extends Resource {
  readonly apiVersion: string;
}

const groupsSchema = z.looseObject({
  groups: z.array(
    z.looseObject({
      preferredVersion: z.looseObject({ groupVersion: z.string() }).nullish(),
      versions: z.array(z.looseObject({ groupVersion: z.string() })),
    }),
  ),
});
const resourcesSchema = z.looseObject({
  resources: z
    .array(
      z.looseObject({
        name: z.string(),
        kind: z.string(),
        namespaced: z.boolean(),
        verbs: z.array(z.string()).nullish(),
      }),
    )
    .nullish(),
});
const listSchema = z.looseObject({ kind: z.string(), items: z.array(z.looseObject({})).nullish() });
const versionSchema = z.looseObject({ gitVersion: z.string() });
const statusSchema = z.looseObject({
  kind: z.literal('Status'),
  reason: z.string().optional(),
  message: z.string().optional(),
});
const watchSchema = z.looseObject({
  type: z.string(),
  object: z.looseObject({ metadata: z.looseObject({ name: z.string().optional() }).nullish() }),
});

/** A right, as a review asks for it. */
export interface ResourceAttributes {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
}

/** The namespace of an object that names none. */
const DEFAULT_NAMESPACE = 'default';

/** What one API server says, read by its own API. Questions are repeated while nobody answers or the server is busy. */
export class Reader {
  /** The kinds of a group version, once they were found: a server does not rename them. */
  private readonly known = new Map<string, Resource>();

  constructor(
    private readonly transport: Transport,
    readonly context: string,
    /** Told of each failure after which the same is asked again. */
    private readonly onRetry: (error: ProgramError) => void = () => undefined,
  ) {}

  /** The server's version, such as `v1.7.5`. */
  async version(signal: AbortSignal): Promise<string> {
    return versionSchema.parse(await this.json({ path: '/version' }, signal)).gitVersion;
  }

  /** One object; nothing where it, or its namespace, or a custom kind is not there. */
  async get(wanted: Wanted, signal: AbortSignal): Promise<KubeObject | undefined> {
    const path = await this.pathOf({ ...wanted, namespace: wanted.namespace ?? DEFAULT_NAMESPACE }, signal);
    if (path === undefined) return undefined;
    const data = await this.json({ path: `${path}/${encodeURIComponent(wanted.name)}` }, signal, 'or nothing');
    return data === undefined ? undefined : readObject(data, wanted);
  }

  /** All objects of a kind, in one namespace or all. None where it is a custom kind that the server does not know. */
  async list(listed: Listed, signal: AbortSignal): Promise<KubeObject[]> {
    const path = await this.pathOf(listed, signal);
    if (path === undefined) return [];
    const { labelSelector } = listed;
    const query = labelSelector === undefined ? '' : `?labelSelector=${encodeURIComponent(labelSelector)}`;
    const { items } = listSchema.parse(await this.json({ path: path + query }, signal));
    return (items ?? []).map((item) => readObject(item, listed));
  }

  /** All kinds of one group version; none where the server does not serve it. */
  async resources(apiVersion: string, signal: AbortSignal): Promise<Resource[]> {
    const path = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const data = await this.json({ path }, signal, 'or nothing');
    return (resourcesSchema.parse(data ?? {}).resources ?? [])
      .filter(({ name }) => !name.includes('/'))
      .map(({ name, kind, namespaced, verbs }) => ({ kind, plural: name, namespaced, verbs: verbs ?? [] }));
  }

  /** Every kind that the server serves, each once, in its group's preferred version where that has it. */
  async served(signal: AbortSignal): Promise<Served[]> {
    const { groups } = groupsSchema.parse(await this.json({ path: '/apis' }, signal));
    const versions = [
      ['v1'],
      ...groups.map(({ preferredVersion, versions: all }) => [
        ...new Set([...(preferredVersion ? [preferredVersion] : []), ...all].map(({ groupVersion }) => groupVersion)),
      ]),
    ];
    const byGroup = await Promise.all(
      versions.map(async (ofGroup) => {
        const found = await Promise.all(
          ofGroup.map(async (apiVersion) =>
            (await this.resources(apiVersion, signal)).map((resource) => ({ ...resource, apiVersion })),
          ),
        );
        return [
          ...new Map(
            found
              .flat()
              .reverse()
              .map((served) => [served.plural, served]),
          ).values(),
        ];
      }),
    );
    return byGroup.flat();
  }

  /** One object by the name of its resource, such as `services` or `deployments.apps`, as programs write it. */
  async find(word: string, name: string, namespace: string, signal: AbortSignal): Promise<KubeObject | undefined> {
    const [plural = '', ...group] = word.split('.');
    const served = (await this.served(signal)).find(
      (one) => one.plural === plural && (group.length === 0 || one.apiVersion.startsWith(`${group.join('.')}/`)),
    );
    if (!served) return undefined;
    const { apiVersion, kind, namespaced } = served;
    return this.get({ apiVersion, kind, name, ...(namespaced && { namespace }) }, signal);
  }

  /** Whether the user may do something. */
  async may(resourceAttributes: ResourceAttributes, signal: AbortSignal): Promise<boolean> {
    const apiVersion = 'authorization.k8s.io/v1';
    const body = { apiVersion, kind: 'SelfSubjectAccessReview', metadata: {}, spec: { resourceAttributes } };
    const review = await this.json({ path: `/apis/${apiVersion}/selfsubjectaccessreviews`, body }, signal);
    return (
      z.looseObject({ status: z.looseObject({ allowed: z.boolean().optional() }) }).parse(review).status.allowed ===
      true
    );
  }

  /**
   * Waits until something happens to an object.
   *
   * @param resourceVersion the object as it was seen last; nothing where it was not there
   * @returns false where the server cannot tell, or has ended the wait: whoever waits has to look for itself
   */
  async changed(wanted: Wanted, resourceVersion: string | undefined, signal: AbortSignal): Promise<boolean> {
    const path = await this.pathOf({ ...wanted, namespace: wanted.namespace ?? DEFAULT_NAMESPACE }, signal);
    if (path === undefined) return false;
    const query = new URLSearchParams({ watch: 'true', fieldSelector: `metadata.name=${wanted.name}` });
    if (resourceVersion !== undefined) query.set('resourceVersion', resourceVersion);
    const seen = new AbortController();
    let has = false;
    try {
      await this.transport.follow(
        this.context,
        `${path}?${query.toString()}`,
        AbortSignal.any([signal, seen.signal]),
        (line) => {
          const { type, object } = watchSchema.parse(JSON.parse(line));
          // A server that cannot select by name tells of all objects.
          if (type !== 'ERROR' && object.metadata?.name !== wanted.name) return;
          has = type !== 'ERROR';
          seen.abort();
        },
      );
    } catch {
      // The end of the wait, or a lost connection: has says which.
    }
    return has;
  }

  /** The path of a kind's objects in a namespace. @throws ProgramError for a built-in kind that the server does not serve */
  private async pathOf(
    { apiVersion, kind, namespace }: Pick<Wanted, 'apiVersion' | 'kind' | 'namespace'>,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const key = `${apiVersion} ${kind}`;
    let resource = this.known.get(key);
    if (!resource) {
      for (const one of await this.resources(apiVersion, signal)) this.known.set(`${apiVersion} ${one.kind}`, one);
      resource = this.known.get(key);
    }
    if (!resource) {
      // A custom kind comes with what registers it.
      if (!isBuiltIn(apiVersion)) return undefined;
      const stderr = `the server serves no ${kind} in ${apiVersion}`;
      throw new ProgramError(asked(this.context, { path: base }), 'no-such-kind', 1, { stdout: '', stderr });
    }
    const where = resource.namespaced && namespace !== undefined ? `/namespaces/${namespace}` : '';
    return `${base}${where}/${resource.plural}`;
  }

  private async json(
    question: Question,
    signal: AbortSignal,
    missing: 'fails' | 'or nothing' = 'fails',
  ): Promise<unknown> {
    return withRetry(signal, this.onRetry, async () => {
      const answer = await this.transport.ask(this.context, question, signal);
      if (answer.status >= 200 && answer.status < 300) return parsed(this.context, question, answer);
      if (answer.status === 404 && missing === 'or nothing') return undefined;
      throw refusal(this.context, question, answer);
    });
  }
}

/**
 * An object as the API has it, with its kind, which items of a list do not name. Some versions write `null` and `""` for
 * what is not there (custom resources on 1.7, F4; kubectl 1.8, F2): that is left out.
 */
function readObject(data: unknown, { apiVersion, kind }: { apiVersion: string; kind: string }): KubeObject {
  return objectSchema.parse({ apiVersion, kind, ...(data as object) });
}

function parsed(context: string, question: Question, { body }: Answer): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // What it is instead may be anything, and is not shown.
    throw new ProgramError(asked(context, question), 'other', 1, { stdout: '', stderr: 'the answer is not JSON' });
  }
}

/** What a Status' reason means. Source: the reasons of the API's own Status object, which all versions share. */
const REASONS: Readonly<Record<string, FailureKind>> = {
  Unauthorized: 'other-server',
  Forbidden: 'forbidden',
  NotFound: 'not-found',
  AlreadyExists: 'already-exists',
  Conflict: 'conflict',
};

/** An answer that is no success. A Status says why; on 1.7 and where the proxy itself answers there is only text. */
function refusal(context: string, question: Question, { status, body }: Answer): ProgramError {
  const said = statusSchema.safeParse(jsonOf(body));
  const stderr = (said.success ? said.data.message : undefined) ?? (body.trim() || `HTTP ${status}`);
  const fail = (kind: FailureKind): ProgramError =>
    new ProgramError(asked(context, question), kind, 1, { stdout: '', stderr });
  // The proxy has had no answer, and says what stood in the way.
  if (status >= 500 && !said.success) {
    const kind = classify({ stdout: '', stderr });
    return fail(kind !== 'other' ? kind : status === 502 ? 'unreachable' : 'busy');
  }
  const byReason = said.success ? REASONS[said.data.reason ?? ''] : undefined;
  if (byReason) return fail(byReason);
  if (status === 401) return fail('other-server');
  if (status === 403) return fail('forbidden');
  if (status === 404) return fail('not-found');
  return fail(status === 429 || status >= 500 ? 'busy' : 'other');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
