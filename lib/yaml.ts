import { dump, load, loadAll } from 'js-yaml';

/**
 * A value as YAML. Kubernetes' programs read YAML 1.1, in which `on`, `010` and `1:30` are no texts unless quoted:
 * js-yaml's default quotes whatever either version of YAML would take for something else. Lines are never folded, so
 * that a diff shows what changed.
 */
export function toYaml(value: unknown): string {
  return dump(value, { lineWidth: -1, noRefs: true });
}

/** One YAML document. */
export function fromYaml(content: string): unknown {
  return load(content);
}

/** All documents of a YAML file, without empty ones. */
export function documents(content: string): unknown[] {
  return loadAll(content).filter((document) => document !== null && document !== undefined);
}
