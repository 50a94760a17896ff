/** Corefiles, as far as the answers of these CoreDNS depend on them. */

export interface Plugin {
  readonly name: string;
  readonly args: readonly string[];
  readonly body: readonly (readonly string[])[];
}

export interface ServerBlock {
  /** Zones without the trailing dot and the port; the root is the empty text. */
  readonly zones: readonly string[];
  readonly plugins: readonly Plugin[];
}

function zoneOf(word: string): string {
  return word
    .replace(/^dns:\/\//, '')
    .replace(/,$/, '')
    .replace(/:\d+$/, '')
    .replace(/\.$/, '');
}

/** undefined where the braces do not match: CoreDNS does not start with such a file. */
export function parseCorefile(text: string): ServerBlock[] | undefined {
  const lines = text
    .split('\n')
    .map((line) => line.replace(/#.*$/, '').trim())
    .filter((line) => line !== '');
  const blocks: { zones: string[]; plugins: { name: string; args: string[]; body: string[][] }[] }[] = [];
  let depth = 0;
  for (const line of lines) {
    const words = line.split(/\s+/);
    const block = blocks[blocks.length - 1];
    if (words[0] === '}') {
      depth -= 1;
      if (depth < 0) return undefined;
      continue;
    }
    const opens = words[words.length - 1] === '{';
    const content = opens ? words.slice(0, -1) : words;
    if (depth === 0) {
      if (!opens) return undefined;
      blocks.push({ zones: content.map(zoneOf), plugins: [] });
    } else if (depth === 1) block?.plugins.push({ name: content[0] ?? '', args: content.slice(1), body: [] });
    else block?.plugins[block.plugins.length - 1]?.body.push(content);
    if (opens) depth += 1;
  }
  return depth === 0 ? blocks : undefined;
}

/** Whether the name lies in the zone. */
export function within(name: string, zone: string): boolean {
  return zone === '' || name === zone || name.endsWith(`.${zone}`);
}

/** The server block that answers for a name: that of the longest zone. */
export function blockFor(blocks: readonly ServerBlock[], name: string): ServerBlock | undefined {
  let best: ServerBlock | undefined;
  let length = -1;
  for (const block of blocks) {
    for (const zone of block.zones) {
      if (within(name, zone) && zone.length > length) {
        best = block;
        length = zone.length;
      }
    }
  }
  return best;
}
