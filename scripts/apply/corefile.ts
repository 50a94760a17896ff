/**
 * A Corefile as its server blocks. Only where blocks begin and end is read; what is in them is their owners'.
 *
 * The reader follows the grammar of CoreDNS' own (a Caddyfile's), which differs from what files usually look like: `#` begins
 * a comment also behind a word and then reaches to the next white space, quotes go over lines, a quoted word may be a key, a
 * block may begin on the line that closes another, and only the word `{` opens anything.
 */

/** One server block: its text as it stands, and the zones that it answers for. */
export interface ServerBlock {
  readonly text: string;
  /** The keys before the brace, such as `.:53` or `example.com:53`. */
  readonly keys: readonly string[];
  /** The first line of each directive, as its words. */
  readonly directives: readonly (readonly string[])[];
}

/** What a Corefile holds, in order: blocks, and the comments, imports and blank lines between them. */
export type CorefilePart = ServerBlock | { readonly text: string; readonly keys?: undefined };

/** A Corefile cannot be read, or a block cannot be added to it. */
export class CorefileError extends Error {
  constructor(
    message: string,
    /** What to do about it. */
    readonly hint = 'Correct it, then run the same command again.',
  ) {
    super(message);
    this.name = 'CorefileError';
  }
}

interface Token {
  readonly text: string;
  /** Where it begins and ends in the file. */
  readonly start: number;
  readonly end: number;
  /** Whether it is the first of its line. */
  readonly isFirst: boolean;
}

/** What separates words: Unicode's white space. A carriage return is left out of words, and separates none. */
const BLANK = /[\t\n\v\f \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;
const BYTE_ORDER_MARK = '\ufeff';

/** The words of a Corefile. */
function tokensOf(corefile: string): Token[] {
  const tokens: Token[] = [];
  let at = corefile.startsWith(BYTE_ORDER_MARK) ? 1 : 0;
  let isFirst = true;
  while (at < corefile.length) {
    const char = corefile.charAt(at);
    if (BLANK.test(char) || char === '\r') {
      if (char === '\n') isFirst = true;
      at++;
    } else if (char === '#') {
      const end = corefile.indexOf('\n', at);
      at = end < 0 ? corefile.length : end;
    } else {
      const token = char === '"' ? quotedAt(corefile, at) : wordAt(corefile, at);
      // Quotes that the file ends right behind hold no word.
      const isClosed = token.end - 1 > at && corefile.charAt(token.end - 1) === '"';
      if (token.text !== '' || isClosed) tokens.push({ ...token, start: at, isFirst });
      isFirst = false;
      at = token.end;
    }
  }
  return tokens;
}

/** A word in quotes; without a closing quote it reaches to the end of the file. */
function quotedAt(corefile: string, start: number): { text: string; end: number } {
  let text = '';
  for (let at = start + 1; at < corefile.length; at++) {
    const char = corefile.charAt(at);
    if (char === '"') return { text, end: at + 1 };
    if (char !== '\\') text += char;
    else {
      // Only a quote can be escaped; before any other character the backslash stays.
      at++;
      const escaped = corefile.charAt(at);
      text += escaped === '"' ? '"' : escaped === '' ? '' : `\\${escaped}`;
    }
  }
  return { text, end: corefile.length };
}

/** A bare word. A comment that is glued to it ends with the next white space. */
function wordAt(corefile: string, start: number): { text: string; end: number } {
  let text = '';
  let isComment = false;
  let at = start;
  for (; at < corefile.length; at++) {
    const char = corefile.charAt(at);
    if (BLANK.test(char)) break;
    if (char === '#') isComment = true;
    if (!isComment && char !== '\r') text += char;
  }
  return { text, end: at };
}

/** Reads a Corefile. @throws CorefileError when a block is left open, or has no braces */
export function parseCorefile(corefile: string): CorefilePart[] {
  const tokens = tokensOf(corefile);
  const parts: CorefilePart[] = [];
  /** Up to where the file has been read into parts. */
  let done = 0;
  let i = 0;
  while (i < tokens.length) {
    const first = tokens[i] as Token;
    // An import between two blocks stands for what is in other files: it is no key of what follows.
    if (first.text === 'import' && first.isFirst) {
      i++;
      while (i < tokens.length && !(tokens[i] as Token).isFirst) i++;
      continue;
    }
    const { keys, brace } = keysAt(tokens, i);
    const { directives, close } = directivesAt(tokens, brace + 1, isSnippet(keys));
    const start = Math.max(done, lineStart(corefile, first.start));
    if (start > done) parts.push({ text: corefile.slice(done, start) });
    done = blockEnd(corefile, (tokens[close] as Token).end, tokens[close + 1]);
    parts.push({ text: corefile.slice(start, done), keys, directives });
    i = close + 1;
  }
  if (done < corefile.length) parts.push({ text: corefile.slice(done) });
  return parts;
}

/** The keys of a block, and where its opening brace is. */
function keysAt(tokens: readonly Token[], from: number): { keys: string[]; brace: number } {
  const keys: string[] = [];
  let goesOn = true;
  for (let i = from; i < tokens.length; i++) {
    const { text, isFirst } = tokens[i] as Token;
    if (text === '{') return { keys, brace: i };
    // A comma lets the list of keys go on in the next line.
    if (isFirst && !goesOn) break;
    if (text === 'import' && isFirst) throw new CorefileError('the keys of a server block are imported');
    goesOn = text === '' ? goesOn && i > from : text.endsWith(',');
    if (text !== '') keys.push(goesOn ? text.slice(0, -1) : text);
  }
  throw new CorefileError(
    'it has no braces, and a Corefile without braces has room for one server only',
    `Put what stands below ${keys.join(' ')} into braces, then run the same command again.`,
  );
}

/**
 * The directives of a block, and where its closing brace is. CoreDNS takes the first word of a server block for a directive
 * whatever it is, and lets the last brace of the file close two blocks at once; of a snippet it counts the braces.
 */
function directivesAt(
  tokens: readonly Token[],
  from: number,
  ofSnippet: boolean,
): { directives: string[][]; close: number } {
  const directives: string[][] = [];
  let depth = 0;
  for (let i = from; i < tokens.length; i++) {
    const { text, isFirst } = tokens[i] as Token;
    if (text === '}' && depth === 0) return { directives, close: i };
    if (depth === 0 && (isFirst || i === from)) directives.push([]);
    if (text === '{' && (ofSnippet || i > from)) depth++;
    else if (text === '}') depth--;
    else if (depth === 0) directives.at(-1)?.push(text);
  }
  const last = tokens.length - 1;
  if (!ofSnippet && depth === 0 && last >= from && tokens[last]?.text === '}') return { directives, close: last };
  throw new CorefileError('a server block of the Corefile is not closed');
}

function lineStart(corefile: string, at: number): number {
  return corefile.lastIndexOf('\n', at - 1) + 1;
}

/** A block has the rest of its last line, unless another begins there. */
function blockEnd(corefile: string, end: number, next: Token | undefined): number {
  if (next && !next.isFirst) return end;
  const newline = corefile.indexOf('\n', end);
  return newline < 0 ? corefile.length : newline + 1;
}

/** Whether a block answers for a domain, on whatever port and in whatever way it is written. */
export function answersFor({ keys }: Pick<ServerBlock, 'keys'>, domain: string): boolean {
  return keys.some((key) => isFor(key, domain));
}

const isFor = (key: string, domain: string): boolean => bare(key) === domain;

/** A key's domain, without scheme, port and dot. @throws CorefileError for a key that only the pod's environment tells */
function bare(key: string): string {
  if (/\{[$%]/.test(key)) {
    throw new CorefileError(
      `the key ${key} comes from an environment variable, so that it cannot be known for which zone it answers`,
      'Write the zone out, then run the same command again.',
    );
  }
  return key
    .replace(/^(dns|tls|quic|grpc|https|https3):\/\//, '')
    .replace(/:\d+$/, '')
    .replace(/\.$/, '')
    .toLowerCase();
}

/**
 * A domain at or below this one that the cluster answers for out of its own Services, by the plugin `kubernetes`: a block
 * for this domain would take those names away from it. Nothing where there is none.
 */
export function clusterDomainBelow(corefile: string, domain: string): string | undefined {
  const blocks = parseCorefile(corefile).flatMap((part) => (part.keys ? [part] : []));
  const snippets = new Map(blocks.flatMap((block) => (isSnippet(block.keys) ? [[block.keys[0] ?? '', block]] : [])));
  return blocks
    .filter((block) => !isSnippet(block.keys))
    .flatMap((block) =>
      [...block.directives, ...importedBy(block, snippets)].flatMap(([directive, ...zones]) => {
        if (directive !== 'kubernetes') return [];
        // Without zones of its own the plugin has those of its block.
        return zones.length > 0 ? zones : block.keys;
      }),
    )
    .map(bare)
    .find((zone) => zone === domain || zone.endsWith(`.${domain}`));
}

/** A block that only other blocks import: `(common) { … }`. */
function isSnippet([key = '', ...more]: readonly string[]): boolean {
  return more.length === 0 && key.startsWith('(') && key.endsWith(')');
}

/** The directives of the snippets that a block imports, and that these import in turn. */
function importedBy(
  block: ServerBlock,
  snippets: ReadonlyMap<string, ServerBlock>,
  seen: readonly ServerBlock[] = [],
): (readonly string[])[] {
  return block.directives.flatMap(([directive, name = '']) => {
    const snippet = directive === 'import' ? snippets.get(`(${name})`) : undefined;
    if (!snippet || seen.includes(snippet)) return [];
    return [...snippet.directives, ...importedBy(snippet, snippets, [...seen, snippet])];
  });
}

/** Whether two blocks say the same, however they are indented and commented. */
export function sameBlock(a: string, b: string): boolean {
  const words = (text: string): string =>
    tokensOf(text)
      // A brace may stand on a line of its own.
      .map(({ text: word, isFirst }) => (isFirst && word !== '{' ? '\n' : ' ') + JSON.stringify(word))
      .join('');
  return words(a) === words(b);
}

/** The comment in front of the block that a federation has added. */
function marker(federation: string): string {
  return `# Added for the federation ${federation} by onprem-federation; other blocks are left alone.\n`;
}

/** What a Corefile says about a domain. */
export type Standing = 'absent' | 'ours' | 'same' | 'stale' | 'foreign' | 'shared';

/**
 * Whether the federation's block is there (`ours`), is there in another form (`stale`), or the domain is somebody else's:
 * with the very same block (`same`), with another (`foreign`), or with one that answers for other domains too (`shared`).
 */
export function standing(corefile: string, domain: string, block: string, federation: string): Standing {
  const parts = parseCorefile(corefile);
  const found = parts.flatMap((part, i) =>
    part.keys && answersFor(part, domain)
      ? [{ ...part, isOurs: parts[i - 1]?.text.endsWith(marker(federation)) ?? false }]
      : [],
  );
  const [first] = found;
  if (!first) return 'absent';
  const others = found.filter(({ isOurs }) => !isOurs);
  if (others.some(({ keys }) => !keys.every((key) => isFor(key, domain)))) return 'shared';
  const isSame = found.length === 1 && sameBlock(first.text, block);
  if (others.length > 0) return isSame ? 'same' : 'foreign';
  return isSame ? 'ours' : 'stale';
}

/**
 * The Corefile with the federation's block, in place of whatever else answers for the domain alone: CoreDNS refuses two.
 * Everything else stays to the byte. The block stands first, where it needs nothing of what follows, not even a newline.
 */
export function withBlock(corefile: string, domain: string, block: string, federation: string): string {
  const rest = joined(
    parseCorefile(withoutBlock(corefile, domain, federation))
      .filter(({ keys }) => !(keys && keys.length > 0 && keys.every((key) => isFor(key, domain))))
      .map(({ text }) => text),
  );
  // A byte order mark is one only at the start of the file.
  const mark = rest.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK : '';
  return `${mark}${marker(federation)}${block.endsWith('\n') ? block : `${block}\n`}${rest.slice(mark.length)}`;
}

/** The Corefile without the federation's block; a block for the domain that is somebody else's stays. */
export function withoutBlock(corefile: string, domain: string, federation: string): string {
  const parts = parseCorefile(corefile);
  return joined(
    parts.map((part, i) => {
      const next = parts[i + 1];
      const previous = parts[i - 1]?.text.endsWith(marker(federation));
      if (part.keys && answersFor(part, domain) && previous) return '';
      if (!part.keys && next?.keys && answersFor(next, domain) && part.text.endsWith(marker(federation))) {
        return part.text.slice(0, -marker(federation).length);
      }
      return part.text;
    }),
  );
}

/** Parts one after another. Those that a part between them has kept apart stay apart. */
function joined(texts: readonly string[]): string {
  return texts
    .filter((text) => text !== '')
    .reduce((before, text) => {
      const isApart = before === '' || before === BYTE_ORDER_MARK || /\s$/.test(before) || /^\s/.test(text);
      return before + (isApart ? '' : '\n') + text;
    }, '');
}
