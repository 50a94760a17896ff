/** The minor version that everything without a `since` is known from: 1.7, the guide's. */
export const BASE_MINOR = 7;

/** One field of a type: when it came, when it left, and the type of what it holds (or of what its list or map holds). */
export interface FieldEntry {
  /** @default BASE_MINOR */
  readonly since?: number;
  /** Last minor version that knows it. @default it is still there */
  readonly until?: number;
  /** @default a plain value, or one that is looked at no further */
  readonly type?: string;
  /** The types that it held before, oldest first, each with the last minor version that had it. @default none */
  readonly earlier?: readonly { readonly until: number; readonly type: string }[];
  /** Whether it is a map of that type, whose keys are the user's. @default false */
  readonly map?: boolean;
}

/** A kind of one API version: the type of its objects, and the minor versions that serve it. */
export interface KindEntry {
  readonly type: string;
  readonly since: number;
  /** Last minor version that serves it. @default it is still served */
  readonly until?: number;
  /** Whether its objects live in a namespace. @default false */
  readonly namespaced?: boolean;
}

/** What each minor version of Kubernetes serves; `schema.json`, made by `npm run dialect`. */
export interface DialectSchema {
  /** By `<apiVersion>/<kind>`. Alpha APIs are left out. */
  readonly kinds: Record<string, KindEntry>;
  /** By type, by field. */
  readonly types: Record<string, Record<string, FieldEntry>>;
}
