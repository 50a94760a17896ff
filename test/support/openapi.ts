import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import Ajv, { ErrorObject, ValidateFunction } from 'ajv';

/**
 * A judge of Kubernetes objects that shares nothing with `lib/dialect`: it reads the published OpenAPI document of a
 * version, makes JSON Schemas of its definitions in which every field that the document does not name is refused, and
 * takes for served what the document lets a client create.
 */

/** The minor versions whose published documents are at hand. */
export const PUBLISHED_MINORS = [7, 8, 9, 10, 11, 12, 13] as const;

export interface OpenApiSchema {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, OpenApiSchema>>;
  readonly items?: OpenApiSchema;
  readonly additionalProperties?: OpenApiSchema;
}

interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

interface Operation {
  readonly parameters?: readonly { readonly in: string; readonly schema?: OpenApiSchema }[];
  readonly 'x-kubernetes-group-version-kind'?: GroupVersionKind;
}

export interface OpenApiDocument {
  readonly definitions: Readonly<Record<string, OpenApiSchema>>;
  readonly paths: Readonly<Record<string, { readonly post?: Operation }>>;
}

const documents = new Map<number, OpenApiDocument>();

/** The published document of Kubernetes 1.`minor`. */
export function publishedDocument(minor: number): OpenApiDocument {
  const known = documents.get(minor);
  if (known) return known;
  const folder = join(require.resolve('kubernetes-client/package.json'), '../lib/specs');
  const bytes = gunzipSync(readFileSync(join(folder, `swagger-1.${minor}.json.gz`)));
  const document = JSON.parse(bytes.toString()) as OpenApiDocument;
  documents.set(minor, document);
  return document;
}

/** The definitions that a client may create in a version, by `<apiVersion>/<kind>`. */
export function creatable(minor: number): Map<string, string> {
  const kinds = new Map<string, string>();
  for (const { post } of Object.values(publishedDocument(minor).paths)) {
    const gvk = post?.['x-kubernetes-group-version-kind'];
    const reference = post?.parameters?.find((parameter) => parameter.in === 'body')?.schema?.$ref;
    if (gvk === undefined || reference === undefined) continue;
    const group = gvk.group === '' ? '' : `${gvk.group}/`;
    kinds.set(`${group}${gvk.version}/${gvk.kind}`, reference.replace('#/definitions/', ''));
  }
  return kinds;
}

/** What a quantity looks like: `200m`, `1.5Gi`, `1e3`. The document itself only says that it is a text. */
const QUANTITY = '^[+-]?(\\d+(\\.\\d*)?|\\.\\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\\d+)?$';
const DATE_TIME = '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?(Z|[+-]\\d\\d:\\d\\d)$';
const BASE64 = '^[A-Za-z0-9+/]*={0,2}$';

type JsonSchema = Record<string, unknown>;

/** A definition as a JSON Schema (draft 7) that refuses what it does not name. */
function jsonSchema(name: string, schema: OpenApiSchema): JsonSchema {
  const { type, format } = schema;
  if (schema.$ref !== undefined) return { $ref: schema.$ref };
  if (name.endsWith('.api.resource.Quantity')) return { type: 'string', pattern: QUANTITY };
  if (format === 'int-or-string') return { anyOf: [{ type: 'integer' }, { type: 'string' }] };
  if (format === 'date-time') return { type: 'string', pattern: DATE_TIME };
  if (format === 'byte') return { type: 'string', pattern: BASE64 };
  if (format === 'int32') return { type: 'integer', minimum: -(2 ** 31), maximum: 2 ** 31 - 1 };
  if (schema.properties !== undefined) {
    const properties = Object.entries(schema.properties).map(([field, held]) => [field, jsonSchema('', held)]);
    return {
      type: 'object',
      properties: Object.fromEntries(properties) as JsonSchema,
      additionalProperties: false,
      ...(schema.required && { required: schema.required }),
    };
  }
  return {
    ...(type !== undefined && { type }),
    ...(schema.items && { items: jsonSchema('', schema.items) }),
    ...(schema.additionalProperties && { additionalProperties: jsonSchema('', schema.additionalProperties) }),
  };
}

/** Judges objects as the API server of one version would read them. */
export class Judge {
  private readonly ajv = new Ajv({ strict: false, allErrors: true });
  private readonly validators = new Map<string, ValidateFunction>();
  private readonly kinds: ReadonlyMap<string, string>;

  /** @param serves whether an `<apiVersion>/<kind>` is served, where that is not all that can be created */
  constructor(
    readonly minor: number,
    private readonly serves: (kind: string) => boolean = () => true,
  ) {
    this.kinds = creatable(minor);
    const definitions = Object.entries(publishedDocument(minor).definitions).map(([name, schema]) => [
      name,
      jsonSchema(name, schema),
    ]);
    this.ajv.addSchema({ $id: 'kubernetes', definitions: Object.fromEntries(definitions) as JsonSchema });
  }

  /** All that is wrong with an object, each as `<path>: <what>`; nothing where the version accepts it. */
  findings(object: unknown): string[] {
    const { apiVersion, kind } = object as { apiVersion?: string; kind?: string };
    const name = `${apiVersion ?? '?'}/${kind ?? '?'}`;
    const definition = this.serves(name) ? this.kinds.get(name) : undefined;
    if (definition === undefined) return [`${name}: is not served`];
    const validate =
      this.validators.get(definition) ?? this.ajv.compile({ $ref: `kubernetes#/definitions/${definition}` });
    this.validators.set(definition, validate);
    return validate(object) ? [] : (validate.errors ?? []).map(inWords);
  }
}

function inWords({ instancePath, keyword, params, message }: ErrorObject): string {
  const path = instancePath.slice(1).replaceAll('/', '.');
  if (keyword === 'additionalProperties') {
    const field = String((params as { additionalProperty: unknown }).additionalProperty);
    return `${path === '' ? '' : `${path}.`}${field}: is no field`;
  }
  return `${path}: ${message ?? keyword}`;
}

const judges = new Map<number, Judge>();

/** The judge of Kubernetes 1.`minor`; from 1.14 on the last published document judges. */
export function judgeOf(minor: number): Judge {
  const published = Math.min(minor, Math.max(...PUBLISHED_MINORS));
  const judge = judges.get(published) ?? new Judge(published);
  judges.set(published, judge);
  return judge;
}
