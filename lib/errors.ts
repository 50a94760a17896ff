/** One thing that is wrong, with where it is and what would be right. */
export interface Finding {
  /** Where: the path of a prop (`clusters[1].addressRange`), a file, or an object. */
  readonly where: string;
  /** What is there and why it is wrong. */
  readonly problem: string;
  /** What would be right. */
  readonly hint: string;
}

/**
 * The base of every error that this project throws on purpose: it carries findings, so that all mistakes are shown at
 * once, and its message is for the person at the terminal (no stack trace is needed to understand it).
 */
export class FederationError extends Error {
  /** All that was found, in the order of the input. */
  readonly findings: readonly Finding[];

  constructor(headline: string, findings: readonly Finding[]) {
    super([headline, ...findings.map((f) => `  - ${f.where}: ${f.problem}\n    ${f.hint}`)].join('\n'));
    this.name = new.target.name;
    this.findings = findings;
  }
}
