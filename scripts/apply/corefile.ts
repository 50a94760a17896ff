/**
 * A Corefile as its server blocks. Only where blocks begin and end is looked at; what is in them is their owners'.
 */

/** One server block: its text as it stands, and the zones that it answers for. */
export interface ServerBlock {
  readonly text: string;
  /** The keys before the brace, such as `.:53` or `example.com:53`. */
  readonly keys: readonly string[];
}

/** What a Corefile holds, in order: blocks, and the comments, imports and blank lines between them. */
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
    // An import between two blocks stands for blocks in other files: it is no key of what follows.
    if (depth === 0 && block.length === 0 && (words.length === 0 || words[0] === 'import')) {
      between.push(line);
      continue;
    }
    block.push(line);
    if (depth === 0) {
      const brace = words.indexOf('{');
      keys.push(...words.slice(0, brace < 0 ? words.length : brace).map((word) => word.replace(/,$/, '')));
    }
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
  return block.keys.some((key) => isFor(key, domain));
}

const isFor = (key: string, domain: string): boolean => bare(key) === domain;

/** A key's domain, without scheme, port and dot. */
function bare(key: string): string {
  return key
    .replace(/^[a-z]+:\/\//, '')
    .replace(/:\d+$/, '')
    .replace(/\.$/, '')
    .toLowerCase();
}

/**
 * A domain at or below this one that the cluster answers for out of its own Services, by the plugin `kubernetes`: a block
 * for this domain would take those names away from it. Nothing where there is none.
 */
export function clusterDomainBelow(corefile: string, domain: string): string | undefined {
  return parseCorefile(corefile)
    .flatMap(({ text, keys = [] }) =>
      text.split('\n').flatMap((line) => {
        const [directive, ...words] = wordsOf(line);
        if (directive !== 'kubernetes') return [];
        const zones = words.filter((word) => word !== '{');
        // Without zones of its own the plugin has those of its block.
        return zones.length > 0 ? zones : keys;
      }),
    )
    .map(bare)
    .find((zone) => zone === domain || zone.endsWith(`.${domain}`));
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
  const rest = parseCorefile(withoutBlock(corefile, domain, federation))
    .filter(({ keys }) => !keys?.every((key) => isFor(key, domain)))
    .map(({ text }) => text)
    .join('');
  return `${marker(federation)}${block.endsWith('\n') ? block : `${block}\n`}${rest}`;
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
