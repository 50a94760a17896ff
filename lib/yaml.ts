import { DEFAULT_SCALAR_STYLE_RULES, dump, load, loadAll, SCALAR_STYLE, type ScalarStyleRule } from 'js-yaml';

/**
 * What Go's `ParseFloat` and `ParseInt`, which read YAML for Kubernetes' programs, take for a number beyond what YAML has;
 * and what readers of YAML 1.1 take for a number without digits: a lone dot, a lone `0x`.
 */
const GO_NUMBER = /^[-+]?(\.\d*|\d+(\.\d*)?)(e[-+]?\d+)?$|^[-+]?0[box][\da-f]*$|^[-+](inf|infinity|nan)$/i;

/** That reader takes the underscores out of a text before it looks whether it is a number: `1e3_0` is one to it. */
const quoteGoNumbers: ScalarStyleRule = (layout) => {
  const { value, tag } = layout.node;
  // Signs, dot and digits come before every letter: most texts are told by their first character.
  if (layout.style !== SCALAR_STYLE.PLAIN || value.charCodeAt(0) > LAST_DIGIT || tag !== STRING_TAG) return;
  if (GO_NUMBER.test(value.replaceAll('_', ''))) layout.style = SCALAR_STYLE.SINGLE_QUOTED;
};

const LAST_DIGIT = '9'.charCodeAt(0);
const STRING_TAG = 'tag:yaml.org,2002:str';
const STYLE_RULES = [quoteGoNumbers, ...Object.values(DEFAULT_SCALAR_STYLE_RULES)];

/**
 * A value as YAML. Kubernetes' programs read YAML 1.1, in which `on`, `010` and `1:30` are no texts unless quoted:
 * js-yaml's default quotes whatever either version of YAML would take for something else. Lines are never folded, so
 * that a diff shows what changed.
 *
 * @param options.flowLevel the depth from which lists and maps stand on one line. @default none do
 */
export function toYaml(value: unknown, { flowLevel = -1 }: { readonly flowLevel?: number } = {}): string {
  return dump(value, { lineWidth: -1, noRefs: true, scalarStyleRules: STYLE_RULES, flowLevel });
}

/** One YAML document. */
export function fromYaml(content: string): unknown {
  return load(content);
}

/** All documents of a YAML file, without empty ones. */
export function documents(content: string): unknown[] {
  return loadAll(content).filter((document) => document !== null && document !== undefined);
}
