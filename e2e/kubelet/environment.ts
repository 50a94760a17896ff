/** A container's environment, as a kubelet makes it from the pod. */
import { Container, EnvVar, FieldRef, KeyRef, Pod } from './objects';

/** Where values come from. */
export interface EnvironmentSources {
  readonly pod: Pod;
  /** The decoded data of a ConfigMap of the pod's namespace, or undefined when there is none. */
  readonly configMap: (name: string) => Readonly<Record<string, Buffer>> | undefined;
  /** The decoded data of a Secret of the pod's namespace, or undefined when there is none. */
  readonly secret: (name: string) => Readonly<Record<string, Buffer>> | undefined;
  /** A field of the pod. */
  readonly field: (path: string) => string;
}

/** Something that the pod refers to is not there (yet), or is not supported: the container cannot be made. */
export class ContainerConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ContainerConfigError';
  }
}

/**
 * The environment that the pod sets, `$(NAME)` replaced in it.
 * @throws ContainerConfigError when something that is referred to is not there
 */
export function environmentOf(container: Container, sources: EnvironmentSources): Record<string, string> {
  const env: Record<string, string> = {};
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    const ref = configMapRef ?? secretRef;
    const data = configMapRef ? sources.configMap(configMapRef.name ?? '') : sources.secret(secretRef?.name ?? '');
    if (!data && ref?.optional !== true) throw new ContainerConfigError(`"${ref?.name ?? ''}" of envFrom is not there`);
    for (const [key, value] of Object.entries(data ?? {})) env[`${prefix}${key}`] = value.toString('utf8');
  }
  for (const variable of container.env ?? []) {
    const value = valueOf(variable, env, sources);
    if (value !== undefined) env[variable.name] = value;
  }
  return env;
}

/** Replaces `$(NAME)` by the variable's value, and `$$(NAME)` by `$(NAME)`, as in commands, arguments and values. */
export function expand(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([-._A-Za-z0-9]+)\)/g, (whole, name: string | undefined) =>
    name === undefined ? '$' : (env[name] ?? whole),
  );
}

/**
 * A field of the pod, as the downward API names it.
 * @throws ContainerConfigError when the field is not supported
 */
export function podField(pod: Pod, { fieldPath }: FieldRef, status: { podIP: string; hostIP: string }): string {
  const { metadata, spec } = pod;
  const keyed = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(fieldPath);
  if (keyed) return metadata[keyed[1] as 'labels' | 'annotations']?.[keyed[2] ?? ''] ?? '';
  const fields: Readonly<Record<string, string | undefined>> = {
    'metadata.name': metadata.name,
    'metadata.namespace': metadata.namespace,
    'metadata.uid': metadata.uid,
    'metadata.labels': lines(metadata.labels),
    'metadata.annotations': lines(metadata.annotations),
    'spec.nodeName': spec.nodeName,
    'spec.serviceAccountName': spec.serviceAccountName,
    'status.podIP': status.podIP,
    'status.podIPs': status.podIP,
    'status.hostIP': status.hostIP,
  };
  const value = fields[fieldPath];
  if (value === undefined) throw new ContainerConfigError(`the field ${fieldPath} of the pod is not supported here`);
  return value;
}

function lines(map: Readonly<Record<string, string>> = {}): string {
  return Object.entries(map)
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n');
}

function valueOf(
  { name, value, valueFrom }: EnvVar,
  env: Readonly<Record<string, string>>,
  sources: EnvironmentSources,
): string | undefined {
  if (!valueFrom) return expand(value ?? '', env);
  const { fieldRef, configMapKeyRef, secretKeyRef } = valueFrom;
  if (fieldRef) return sources.field(fieldRef.fieldPath);
  const of = (ref: KeyRef, data: Readonly<Record<string, Buffer>> | undefined): string | undefined => {
    const found = data?.[ref.key]?.toString('utf8');
    if (found === undefined && ref.optional !== true) {
      throw new ContainerConfigError(`${name}: key "${ref.key}" of "${ref.name ?? ''}" is not there`);
    }
    return found;
  };
  if (configMapKeyRef) return of(configMapKeyRef, sources.configMap(configMapKeyRef.name ?? ''));
  if (secretKeyRef) return of(secretKeyRef, sources.secret(secretKeyRef.name ?? ''));
  throw new ContainerConfigError(`${name}: this kind of valueFrom is not supported here`);
}
