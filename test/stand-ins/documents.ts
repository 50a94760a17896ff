/**
 * How kubectl reads a stream of documents. A stream that begins with `{` is JSON only, up to kubectl 1.32: its documents follow
 * one another without marks, and a `---` between them ends the stream with an error after the documents before it.
 */
import * as semver from 'semver';
import { loadAll } from 'js-yaml';
import type { Json } from './json';

export interface Documents {
  readonly documents: readonly Json[];
  /** Why the rest of the stream could not be read. The documents before it count. */
  readonly broken: string | undefined;
}

/** The end of the JSON value that begins at `start`; undefined where the text ends first. */
function valueEnd(text: string, start: number): number | undefined {
  let depth = 0;
  let quoted = false;
  for (let index = start; index < text.length; index += 1) {
    const letter = text[index];
    if (quoted) {
      if (letter === '\\') index += 1;
      else if (letter === '"') quoted = false;
      continue;
    }
    if (letter === '"') quoted = true;
    else if (letter === '{' || letter === '[') depth += 1;
    else if (letter === '}' || letter === ']') depth -= 1;
    if (depth === 0) return index + 1;
  }
  return undefined;
}

/** What Go's decoder complains of at a place where no value begins, and how many bytes it had read then. */
function noValue(text: string, start: number): { readonly what: string; readonly offset: number } {
  const bytes = (end: number): number => Buffer.byteLength(text.slice(0, end));
  const [first = '', second = ''] = text.slice(start);
  if (first === '-') return { what: `invalid character '${second}' in numeric literal`, offset: bytes(start + 2) };
  return { what: `invalid character '${first}' looking for beginning of value`, offset: bytes(start + 1) };
}

/** The line that kubectl up to 1.20 names: counted in what its decoder had not taken yet, where that reaches far enough. */
function lineAt(text: string, end: number, offset: number): number {
  const rest = Buffer.from(text.slice(end));
  const seen = (rest.length <= offset ? Buffer.from(text) : rest).subarray(0, offset).toString();
  return seen.slice(0, seen.lastIndexOf('\n') + 1).split('\n').length - 1;
}

function jsonStream(text: string, release: string): Documents {
  const documents: Json[] = [];
  let end = 0;
  for (;;) {
    const start = end + (/^\s*/.exec(text.slice(end))?.[0].length ?? 0);
    if (start >= text.length) return { documents, broken: undefined };
    const stop = text.startsWith('{', start) || text.startsWith('[', start) ? valueEnd(text, start) : start;
    if (stop === undefined) return { documents, broken: 'unexpected EOF' };
    let problem = stop === start ? noValue(text, start) : undefined;
    if (problem === undefined) {
      try {
        documents.push(JSON.parse(text.slice(start, stop)) as Json);
      } catch {
        problem = { what: 'invalid character', offset: Buffer.byteLength(text.slice(0, stop)) };
      }
    }
    if (problem !== undefined) {
      if (semver.gte(release, '1.33.0')) {
        const rest = yamlStream(text.slice(end));
        return { documents: [...documents, ...rest.documents], broken: rest.broken };
      }
      const where = semver.gte(release, '1.21.0')
        ? `offset ${problem.offset}`
        : `line ${lineAt(text, end, problem.offset)}`;
      return { documents, broken: `json: ${where}: ${problem.what}` };
    }
    end = stop;
  }
}

function yamlStream(text: string): Documents {
  const documents: Json[] = [];
  for (const part of text.split(/^---(?=\s|$)/m)) {
    try {
      for (const document of loadAll(part)) documents.push(JSON.parse(JSON.stringify(document ?? null)) as Json);
    } catch (error) {
      const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
      return { documents, broken: `error converting YAML to JSON: yaml: ${why}` };
    }
  }
  return { documents, broken: undefined };
}

/** Reads a stream as the kubectl of a release does. */
export function readDocuments(text: string, release: string): Documents {
  return /^\s*\{/.test(text) ? jsonStream(text, release) : yamlStream(text);
}
