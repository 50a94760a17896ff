/**
 * Whether a stand-in said what the real program said. Only what is random, a clock's, or was scrubbed from the recordings is
 * made equal first; names, nulls, empty strings and every other word count.
 */
import { type Json, isDict } from '../stand-ins/json';

/** What a program said and how it ended. */
export interface Said {
  /** Exit code; negative: ended by that signal. */
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Circumstances {
  /** The folder that the recordings call `$DIR`. */
  readonly folder: string;
  /** Numbers that calls asked for, so that they are not random: node ports. */
  readonly asked: ReadonlySet<string>;
}

const UUID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;
/** The letters that Kubernetes makes random names of, after the hash of a pod's template where there is one. */
const RANDOM_NAME = /(?:-\d{6,10})?-[bcdfghjklmnpqrstvwxz0-9]{5}(?![\w-])/g;
const SCRUBBED = /REDACTED|\$HOST/;

/** A text with the random parts of names made equal. */
export function withoutRandomNames(text: string): string {
  return text.replace(RANDOM_NAME, '-<random>');
}

function words(text: string, { folder, asked }: Circumstances): string {
  return (
    withoutRandomNames(text.replaceAll(folder, '$DIR').replace(UUID, '<uid>'))
      .replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, '<time>')
      .replace(/\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}\b/g, '<time>')
      .replace(/\b(GitCommit|GitTreeState|BuildDate|GoVersion):"[^"]*"/g, '$1:<build>')
      // The head of a log line: time, thread and line of the source.
      .replace(/^([IWEF])\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ (\w+\.go):\d+\]/gm, '$1<time> $2]')
      // 10.96.0.1 and 10.96.0.10 are fixed; all others are drawn.
      .replace(/\b10\.(?:9[6-9]|10\d|11[01])\.\d+\.\d+\b/g, (ip) => (/^10\.96\.0\.10?$/.test(ip) ? ip : '<cluster ip>'))
      .replace(/(?<=[:/ ])3[0-2]\d{3}\b/g, (port) => (asked.has(port) ? port : '<node port>'))
      // The recorded programs were built with a newer Go than the programs of that day.
      .replaceAll('tls: failed to verify certificate: ', '')
      .replaceAll(': getsockopt: ', ': connect: ')
      .replaceAll('; some request body already written', '')
      .replace(/\b(Get|Post|Put|Patch|Delete) "(https?:[^"]*)"/g, '$1 $2')
  );
}

/** A release as helm shows it: its kinds come in any order, and the notes are the chart's own words. */
function release(text: string): string {
  const [shown = '', notes] = text.split(/^NOTES:\n/m);
  const [head = '', ...sections] = shown.split(/^(?===> )/m);
  const sorted = sections.map((section) => section.trimEnd()).sort();
  return head + sorted.join('\n\n') + (notes === undefined ? '' : '\n\nNOTES: <of the chart>\n');
}

/**
 * Tables show how old things are; columns are as wide as their widest word. Contexts, and keys of etcd,
 * come in the order of Go's maps.
 */
function table(text: string): string {
  if (text.startsWith('CURRENT ') || text.startsWith('/skydns')) return text.split('\n').sort().join('\n');
  if (!/^NAME.*\bAGE\b/m.test(text)) return text;
  return text.replace(/(?<=\s)(?:\d+[smhd]|<invalid>)(?=\s)/g, '<age>').replace(/ {2,}/g, '  ');
}

const BUILD = new Set(['gitCommit', 'gitTreeState', 'buildDate', 'goVersion']);

function value(json: Json | undefined, circumstances: Circumstances, key = ''): Json {
  if (typeof json === 'string') {
    if (key === 'resourceVersion' && json !== '') return '<version>';
    if (BUILD.has(key)) return '<build>';
    // Tiller's labels.
    if (key === 'MODIFIED_AT' || key === 'CREATED_AT') return '<time>';
    return words(json, circumstances);
  }
  if (typeof json === 'number') {
    const random = /nodePort$/i.test(key) && !circumstances.asked.has(String(json));
    return random ? '<node port>' : json;
  }
  if (Array.isArray(json)) return json.map((item) => value(item, circumstances, key));
  if (!isDict(json)) return json ?? null;
  return Object.fromEntries(Object.entries(json).map(([name, item]) => [name, value(item, circumstances, name)]));
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** How the parts of an answer are sent, and when: the business of the HTTP library. */
const FRAMING = /^(?:Connection|Content-Length|Date|Keep-Alive|Transfer-Encoding): /i;

/** An HTTP answer with its head as curl -i prints it, in two parts; the head is empty where there is none. */
function answer(text: string): { readonly head: string; readonly body: string } {
  if (!text.startsWith('HTTP/1.1 ')) return { head: '', body: text };
  const [head = '', ...rest] = text.replaceAll('\r\n', '\n').split('\n\n');
  const [status = '', ...fields] = head.split('\n');
  const told = fields.filter((field) => !FRAMING.test(field)).sort();
  return { head: [status, ...told].join('\n'), body: rest.join('\n\n') };
}

/**
 * JSON documents one after another, as kubectl prints them, or an HTTP answer's one; undefined where the text is anything else.
 */
export function documents(said: string): Json[] | undefined {
  const text = answer(said).body;
  if (!/^[{[]/.test(text)) return undefined;
  const whole = parsed(text);
  if (whole !== undefined) return [whole];
  // Of several each ends with a line that is nothing but its closing bracket.
  const found = text.split(/(?<=^[}\]]\n)/m).map(parsed);
  return found.every((document) => document !== undefined) ? found : undefined;
}

/** Whether two texts are the same where a scrubbed part is any word. */
function sameText(real: string, ours: string): boolean {
  const [first = '', ...parts] = real.split(SCRUBBED);
  if (parts.length === 0) return real === ours;
  if (!ours.startsWith(first)) return false;
  let rest = ours.slice(first.length);
  for (const [index, part] of parts.entries()) {
    const word = /^\S*?[^\s"]+/.exec(rest)?.[0] ?? '';
    const last = index === parts.length - 1;
    const at = last && part === '' ? rest.length : rest.indexOf(part.slice(0, 200));
    if (word === '' || at < 0 || /\s/.test(rest.slice(0, at)) || !rest.startsWith(part, at)) return false;
    rest = rest.slice(at + part.length);
  }
  return rest === '';
}

function brief(json: Json | undefined): string {
  const text = json === undefined ? 'nothing' : JSON.stringify(json);
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
}

/** Where two values differ, at most so many places. */
function differences(real: Json | undefined, ours: Json | undefined, path: string): string[] {
  if (typeof real === 'string' && typeof ours === 'string' && sameText(real, ours)) return [];
  if (Array.isArray(real) && Array.isArray(ours)) {
    const found = Array.from({ length: Math.max(real.length, ours.length) }, (_, index) =>
      differences(real[index], ours[index], `${path}[${index}]`),
    );
    return found.flat();
  }
  if (isDict(real) && isDict(ours)) {
    const keys = [...new Set([...Object.keys(real), ...Object.keys(ours)])];
    return keys.flatMap((key) => differences(real[key], ours[key], `${path}.${key}`));
  }
  if (real === ours) return [];
  return [`${path}: recorded ${brief(real)}, stand-in ${brief(ours)}`];
}

const MOST = 12;

/** What the stand-in said otherwise than the real program; empty where nothing. */
export function unlike(real: Said, ours: Said, circumstances: Circumstances): string[] {
  const found: string[] = [];
  if (real.exit !== ours.exit) found.push(`exit: recorded ${real.exit}, stand-in ${ours.exit}`);
  const [answerReal, answerOurs] = [answer(real.stdout), answer(ours.stdout)];
  if (answerReal.head !== answerOurs.head) {
    found.push(`head: recorded ${brief(answerReal.head)}, stand-in ${brief(answerOurs.head)}`);
  }
  const documentsReal = documents(real.stdout);
  const documentsOurs = documents(ours.stdout);
  if (documentsReal !== undefined && documentsOurs !== undefined) {
    found.push(
      ...differences(value(documentsReal, circumstances), value(documentsOurs, circumstances), 'stdout').slice(0, MOST),
    );
  } else {
    const [left, right] = [answerReal.body, answerOurs.body].map((text) => words(table(release(text)), circumstances));
    if (!sameText(left ?? '', right ?? '')) found.push(`stdout: recorded ${brief(left)}, stand-in ${brief(right)}`);
  }
  const [left, right] = [real.stderr, ours.stderr].map((text) => words(text, circumstances));
  if (!sameText(left ?? '', right ?? '')) found.push(`stderr: recorded ${brief(left)}, stand-in ${brief(right)}`);
  return found;
}
