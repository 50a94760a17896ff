import { createRequire } from 'node:module';

/** What YAML 1.1 and the Go reader that Kubernetes uses take for something else than a text, where it is not quoted. */
const OTHER_THAN_TEXT: readonly RegExp[] = [
  // The types of the YAML 1.1 repository (yaml.org/type).
  /^(y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/,
  /^(~|null|Null|NULL|)$/,
  /^[-+]?0b[0-1_]+$/,
  /^[-+]?0[0-7_]+$/,
  /^[-+]?(0|[1-9][0-9_]*)$/,
  /^[-+]?0x[0-9a-fA-F_]+$/,
  /^[-+]?[1-9][0-9_]*(:[0-5]?[0-9])+$/,
  /^[-+]?([0-9][0-9_]*)?\.[0-9]*([eE][-+][0-9]+)?$/,
  /^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+\.[0-9_]*$/,
  /^[-+]?\.(inf|Inf|INF)$/,
  /^\.(nan|NaN|NAN)$/,
  /^\d{4}-\d\d-\d\d$/,
  /^\d{4}-\d\d?-\d\d?([Tt]|[ \t]+)\d\d?:\d\d:\d\d(\.\d*)?([ \t]*(Z|[-+]\d\d?(:\d\d)?))?$/,
  /^(<<|=)$/,
  // YAML 1.2.
  /^0o[0-7]+$/,
];

/** Numbers as go-yaml v2 reads them: the underscores are taken out first. */
const GO_NUMBER = [
  /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/,
  /^[-+](inf|infinity|nan)$/i,
  /^[-+]?0([bB][01]+|[oO]?[0-7]+|[xX][0-9a-fA-F]+)$/,
];

/** Whether a text without quotes would be read as something else. */
export function needsQuotes(text: string): boolean {
  // A lone sign is a text, whatever an expression for numbers lets through.
  if (/^[-+]$/.test(text)) return false;
  const withoutUnderscores = /^[-+.0-9]/.test(text) ? text.replaceAll('_', '') : text;
  return (
    OTHER_THAN_TEXT.some((other) => other.test(text)) || GO_NUMBER.some((number) => number.test(withoutUnderscores))
  );
}

interface Yaml {
  readonly parse: (text: string, options: { version: '1.1'; schema: 'yaml-1.1'; merge: boolean }) => unknown;
}

/** Reads a document as YAML 1.1, with another library than lib/yaml's: the one that cdk8s has. */
export function readAsYaml11(text: string): unknown {
  const { parse } = createRequire(require.resolve('cdk8s'))('yaml') as Yaml;
  return parse(text, { version: '1.1', schema: 'yaml-1.1', merge: true });
}
