/** A pod's volumes as files in private folders. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { ContainerConfigError } from './environment';
import { ConfigMapSource, DownwardSource, KeyToPath, Pod, ProjectedSource, Volume } from './objects';

/** Where volumes come from. */
export interface VolumeSources {
  readonly pod: Pod;
  /** The decoded data of a ConfigMap of the pod's namespace, or undefined when there is none. */
  readonly configMap: (name: string) => Readonly<Record<string, Buffer>> | undefined;
  /** The decoded data of a Secret of the pod's namespace, or undefined when there is none. */
  readonly secret: (name: string) => Readonly<Record<string, Buffer>> | undefined;
  /** A field of the pod. */
  readonly field: (path: string) => string;
  /** A token of the pod's ServiceAccount. */
  readonly token: (audience: string | undefined, expirationSeconds: number) => Promise<string>;
  /** The folder of a claim's storage, or undefined as long as it is not bound. */
  readonly claim: (name: string) => string | undefined;
}

/** The files of one volume by their paths in it; or a folder that exists already. */
export type VolumeContent =
  { readonly files: ReadonlyMap<string, Buffer> } | { readonly folder: string } | { readonly empty: true };

/**
 * What a volume holds now.
 * @throws ContainerConfigError when something that it needs is not there, or the kind of volume is not supported
 */
export async function contentOf(volume: Volume, sources: VolumeSources): Promise<VolumeContent> {
  const { configMap, secret, projected, downwardAPI, persistentVolumeClaim } = volume;
  const files = new Map<string, Buffer>();
  if (configMap) {
    addKeys(files, `ConfigMap ${configMap.name ?? ''}`, sources.configMap(configMap.name ?? ''), configMap);
  } else if (secret) {
    addKeys(files, `Secret ${secret.secretName ?? ''}`, sources.secret(secret.secretName ?? ''), secret);
  } else if (downwardAPI) {
    addFields(files, downwardAPI, sources);
  } else if (projected) {
    for (const source of projected.sources ?? []) await addProjected(files, source, sources);
  } else if (persistentVolumeClaim) {
    const folder = sources.claim(persistentVolumeClaim.claimName);
    if (folder === undefined)
      throw new ContainerConfigError(`the claim ${persistentVolumeClaim.claimName} is not bound`);
    return { folder };
  } else if (volume.emptyDir !== undefined) {
    return { empty: true };
  } else {
    throw new ContainerConfigError(`the kind of the volume ${volume.name} is not supported here`);
  }
  return { files };
}

/** The files that a ServiceAccount's token is rotated in are made once; all others follow their sources. */
export function hasToken(volume: Volume): boolean {
  return (volume.projected?.sources ?? []).some(({ serviceAccountToken }) => serviceAccountToken !== undefined);
}

/**
 * Writes files that are not there or differ, removes those that are there no more, and says whether anything changed.
 * @param folder the volume's folder
 * @param files by path in it
 */
export function writeFiles(folder: string, files: ReadonlyMap<string, Buffer>): boolean {
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  let changed = false;
  for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isFile() && !files.has(path.relative(folder, file))) {
      fs.rmSync(file);
      changed = true;
    }
  }
  for (const [name, content] of files) {
    const file = path.join(folder, name);
    if (!file.startsWith(`${folder}${path.sep}`)) throw new ContainerConfigError(`"${name}" is no path in a volume`);
    if (fs.existsSync(file) && fs.readFileSync(file).equals(content)) continue;
    fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    // In one piece: programs that follow the file never see a half.
    fs.writeFileSync(`${file}.new`, content, { mode: 0o600 });
    fs.renameSync(`${file}.new`, file);
    changed = true;
  }
  return changed;
}

function addKeys(
  files: Map<string, Buffer>,
  what: string,
  data: Readonly<Record<string, Buffer>> | undefined,
  { items, optional }: { readonly items?: readonly KeyToPath[]; readonly optional?: boolean },
): void {
  if (!data) {
    if (optional === true) return;
    throw new ContainerConfigError(`${what} is not there`);
  }
  for (const { key, path: name } of items ?? Object.keys(data).map((key) => ({ key, path: key }))) {
    const content = data[key];
    if (content) files.set(name, content);
    else if (optional !== true) throw new ContainerConfigError(`${what} has no key "${key}"`);
  }
}

function addFields(files: Map<string, Buffer>, { items }: DownwardSource, sources: VolumeSources): void {
  for (const { path: name, fieldRef } of items ?? []) {
    if (fieldRef) files.set(name, Buffer.from(sources.field(fieldRef.fieldPath)));
  }
}

async function addProjected(
  files: Map<string, Buffer>,
  source: ProjectedSource,
  sources: VolumeSources,
): Promise<void> {
  const { configMap, secret, downwardAPI, serviceAccountToken: token } = source;
  const named = (of: ConfigMapSource): string => of.name ?? '';
  if (configMap) addKeys(files, `ConfigMap ${named(configMap)}`, sources.configMap(named(configMap)), configMap);
  if (secret) addKeys(files, `Secret ${named(secret)}`, sources.secret(named(secret)), secret);
  if (downwardAPI) addFields(files, downwardAPI, sources);
  if (token) {
    const value = await sources.token(token.audience, token.expirationSeconds ?? 3600);
    files.set(token.path, Buffer.from(value));
  }
}
