import { compare, SemVer } from 'semver';

/** A part of a repository's path, as the distribution's reference grammar has it: no capitals. */
const PATH_PART = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const PATH = `${PATH_PART}(?:/${PATH_PART})*`;
const HOST_PART = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
const REGISTRY = `${HOST_PART}(?:\\.${HOST_PART})*(?::\\d{1,5})?`;
const WHOLE_REGISTRY = new RegExp(`^${REGISTRY}$`);
const TAG = '\\w[\\w.-]{0,127}';
/** `[registry/]name[:tag][@digest]`. What stands before the first slash is a registry where it has a dot, a port or capitals. */
const IMAGE = new RegExp(`^((?:${REGISTRY}/)?${PATH})(?::(${TAG}))?(?:@sha256:[0-9a-f]{64})?$`);
const PREFIX = new RegExp(`^(${REGISTRY})(?:/${PATH})?$`);
/** The most characters of an image without tag and digest. */
const NAME_LENGTH = 255;

/** The port that stands behind a registry's name, if any. */
const portOf = (name: string): number => Number(/^[^/]*?:(\d+)/.exec(name)?.[1] ?? 1);
const isPort = (port: number): boolean => port >= 1 && port <= 65_535;

/** Whether what stands before the first slash is a registry where a runtime takes it for one. */
function isRegistryKnown(name: string): boolean {
  const [first = '', ...path] = name.split('/');
  return path.length === 0 || !/[.:A-Z]|^localhost$/.test(first) || WHOLE_REGISTRY.test(first);
}

/** Whether every container runtime takes a text for an image. */
export function isImage(text: string): boolean {
  const [, name = ''] = IMAGE.exec(text) ?? [];
  // 64 hexadecimal digits alone are an image's id.
  if (name === '' || name.length > NAME_LENGTH || /^[0-9a-f]{64}$/.test(text)) return false;
  return isRegistryKnown(name) && isPort(portOf(name));
}

/**
 * Whether a text is a registry, or a registry and a path: images stand behind it. A first part without a dot and a port
 * would be taken for a path of Docker Hub.
 */
export function isImagePrefix(text: string): boolean {
  const [, registry = ''] = PREFIX.exec(text) ?? [];
  return /[.:]|^localhost$/.test(registry) && isPort(portOf(text)) && isImage(`${text}/image`);
}

/** An image behind a prefix. */
export const prefixed = (prefix: string | undefined, image: string): string =>
  prefix === undefined ? image : `${prefix}/${image}`;

/**
 * The version that an image's tag says: `v0.15.0`, `3.5.9-0` and `0.9` do. What follows the numbers is not looked at.
 * Nothing where the tag is none, is no version, or only a digest says which image it is.
 */
export function versionOfTag(image: string): SemVer | undefined {
  const [, , tag = ''] = IMAGE.exec(image) ?? [];
  const [, major, minor, patch = '0'] = /^v?(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?(?=$|[-_])/.exec(tag) ?? [];
  return major === undefined || minor === undefined ? undefined : new SemVer(`${+major}.${+minor}.${+patch}`);
}

/** Which versions of an image the bundles can use. */
export interface ImageRule {
  /** The first of them. */
  readonly first: string;
  /** The first that is too new. @default none is */
  readonly before?: string;
  /** What is amiss with every other version. */
  readonly lacks: string;
  /** Which to use, in words. */
  readonly use: string;
}

/** By the path of the prop. Read in the programs' sources, or measured, at the versions beside the borders. */
export const IMAGE_RULES = {
  'images.externalDns': {
    first: '0.21.0',
    lacks: 'does not know --coredns-strictly-owned and ends at once',
    use: 'v0.21.0 or later',
  },
  'images.etcd': {
    first: '3.5.11',
    lacks: 'does not answer at /livez and /readyz, so that its probes end it',
    use: '3.5.11 or later',
  },
  'images.coreDns': {
    first: '1.5.2',
    lacks: 'has no plugin ready (before 1.5.0) or gives no address with what a template leads to',
    use: '1.5.2 or later',
  },
  'etcd.operatorImage': {
    first: '0.5.0',
    lacks: 'does not know EtcdCluster in etcd.database.coreos.com/v1beta2',
    use: 'v0.5.0 or later',
  },
  'controlPlane.image': {
    first: '1.7.0',
    before: '1.12.0',
    lacks: 'brings no federation that the federated objects can be written for',
    use: 'v1.7 to v1.11',
  },
  'keepalived.vipImage': {
    first: '0.9.0',
    before: '0.10.0',
    lacks: 'is not the one that the arguments are for: later ones announce no Service outside of their own namespace',
    use: '0.9',
  },
} as const satisfies Record<string, ImageRule>;

/** What is amiss with an image, judged by the version in its tag; nothing where the tag says none. */
export function imageFault(image: string, rule: ImageRule): { problem: string; hint: string } | undefined {
  const version = versionOfTag(image);
  if (version === undefined || isWithin(version, rule)) return undefined;
  return {
    problem: `'${image}' ${rule.lacks}`,
    hint: `Use ${rule.use}. A tag that is no version, or a digest alone, is taken as it is.`,
  };
}

function isWithin(version: SemVer, { first, before }: Pick<ImageRule, 'first' | 'before'>): boolean {
  return compare(version, first) >= 0 && (before === undefined || compare(version, before) < 0);
}
