/**
 * A Corefile as its server blocks. Only where blocks begin and end is looked at; what is in them is their owners'.
 */

/** One server block: its text as it stands, and the zones that it answers for. */
export interface ServerBlock {
  readonly text: string;
  /** The keys before the brace, such as `.:53` or `example.com:53`. */
  readonly keys: readonly string[];
}

/** What a Corefile holds, in order: blocks, and the comments and blank lines between them. */
export type CorefilePart = ServerBlock | { readonly text: string; readonly keys?: undefined };

/** Reads a Corefile. @throws SyntaxError when a brace is left open */
export function parseCorefile(text: string): CorefilePart[] {
  const parts: CorefilePart[] = [];
  let between: string[] = [];
  let block: string[] = [];
  let keys: string[] = [];
  let depth = 0;
  for (const line of text.split(/(?<=\n)/)) {
    const words = wordsOf(line);
    if (depth === 0 && words.length === 0 && block.length === 0) {
      between.push(line);
      continue;
    }
    block.push(line);
    if (depth === 0)
      keys.push(...words.filter((word) => word !== '{' && word !== '}').map((word) => word.replace(/,$/, '')));
    depth += words.filter((word) => word === '{' || (word.endsWith('{') && !word.startsWith('{'))).length;
    depth -= words.filter((word) => word === '}').length;
    if (depth === 0 && words.includes('}')) {
      if (between.length > 0) parts.push({ text: between.join('') });
      parts.push({ text: block.join(''), keys });
      [between, block, keys] = [[], [], []];
    }
  }
  if (block.length > 0) throw new SyntaxError('a server block of the Corefile is not closed');
  if (between.length > 0) parts.push({ text: between.join('') });
  return parts;
}

/** The words of a line, without its comment. */
function wordsOf(line: string): string[] {
  return line.replace(/(^|\s)#.*/, '').match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
}

/** Whether a block answers for a domain, on whatever port and in whatever way it is written. */
export function answersFor(block: ServerBlock, domain: string): boolean {
  return block.keys.some(
    (key) =>
      key
        .replace(/^[a-z]+:\/\//, '')
        .replace(/:\d+$/, '')
        .replace(/\.$/, '')
        .toLowerCase() === domain,
  );
}

/** Whether two blocks say the same, however they are indented and commented. */
export function sameBlock(a: string, b: string): boolean {
  const words = (text: string): string => text.split('\n').flatMap(wordsOf).join(' ');
  return words(a) === words(b);
}

/** The comment in front of the block that a federation has added. */
function marker(federation: string): string {
  return `# Added for the federation ${federation} by onprem-federation; other blocks are left alone.\n`;
}

/** What a Corefile says about a domain. */
export type Standing = 'absent' | 'ours' | 'same' | 'stale' | 'foreign';

/**
 * Whether the federation's block is there (`ours`), is there in another form (`stale`), or the domain is somebody else's:
 * with the very same block (`same`), or with another (`foreign`).
 */
export function standing(corefile: string, domain: string, block: string, federation: string): Standing {
  const parts = parseCorefile(corefile);
  const index = parts.findIndex((part) => part.keys && answersFor(part, domain));
  const found = parts[index];
  if (!found) return 'absent';
  const marked = parts[index - 1]?.text.endsWith(marker(federation)) ?? false;
  if (sameBlock(found.text, block)) return marked ? 'ours' : 'same';
  return marked ? 'stale' : 'foreign';
}

/** The Corefile with the federation's block added or brought up to date; everything else stays to the byte. */
export function withBlock(corefile: string, domain: string, block: string, federation: string): string {
  const rest = withoutBlock(corefile, domain, federation);
  const separator = rest === '' || rest.endsWith('\n') ? '' : '\n';
  return `${rest}${separator}${marker(federation)}${block.endsWith('\n') ? block : `${block}\n`}`;
}

/** The Corefile without the federation's block; a block for the domain that is somebody else's stays. */
export function withoutBlock(corefile: string, domain: string, federation: string): string {
  const parts = parseCorefile(corefile);
  return parts
    .map((part, i) => {
      const next = parts[i + 1];
      const previous = parts[i - 1]?.text.endsWith(marker(federation));
      if (part.keys && answersFor(part, domain) && previous) return '';
      if (!part.keys && next?.keys && answersFor(next, domain) && part.text.endsWith(marker(federation))) {
        return part.text.slice(0, -marker(federation).length);
      }
      return part.text;
    })
    .join('');
}
