/** The rules that apply to every text: arguments, environment and mounted files. */
import { AddressBook, isNodePort } from './addresses';
import { Rule } from './changes';

/** What the rules need to know of the container. */
export interface RewriteContext {
  /** The pod's namespace. */
  readonly namespace: string;
  /** The pod's loopback address. */
  readonly address: string;
  /** The cluster's addresses. */
  readonly book: AddressBook;
  /** Where each mount path lies on this machine. */
  readonly mounts: ReadonlyMap<string, string>;
  /** Whether the cluster has a Service of that namespace and name now. */
  readonly hasService: (namespace: string, name: string) => boolean;
}

/** Told of each replacement. */
export type OnReplace = (rule: Rule, from: string, to: string) => void;

const LABEL = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?';
const FULL_NAME = new RegExp(
  `(?<![-.\\w\\\\])((?:${LABEL}\\.)?${LABEL}\\.${LABEL})\\.svc(?:\\.cluster\\.local)?\\.?(?![-.\\w\\\\])`,
  'g',
);
const URL_HOST = new RegExp(`(?<=://)(${LABEL}(?:\\.${LABEL}){0,2})(?=[:/,"'\\s]|$)`, 'g');
const URL_LOCALHOST = /(?<=:\/\/)(0\.0\.0\.0|127\.0\.0\.1|localhost|\[::1?\])(?::(\d+))?(?![\w.])/g;
const BARE_LOCALHOST = /(?<![\w./:])(0\.0\.0\.0|127\.0\.0\.1|localhost|\[::1?\]):(\d+)(?!\d)/g;

/**
 * Applies the rules for any text.
 * @param text an argument, a value or a file's content
 * @param context the container's
 * @param onReplace told of each replacement
 */
export function rewriteText(text: string, context: RewriteContext, onReplace: OnReplace): string {
  const replaced = (rule: Rule, from: string, to: string): string => {
    if (from !== to) onReplace(rule, from, to);
    return to;
  };
  const localhost = (whole: string, _host: string, port: string | undefined): string =>
    port !== undefined && isNodePort(Number(port))
      ? whole
      : replaced('own localhost', whole, port === undefined ? context.address : `${context.address}:${port}`);
  return rewritePaths(text, context.mounts, replaced)
    .replace(FULL_NAME, (whole, name: string) => replaced('cluster name', whole, addressOf(name.split('.'), context)))
    .replace(URL_HOST, (whole) => {
      const address = shortName(whole.split('.'), context);
      return address === undefined ? whole : replaced('cluster name', whole, address);
    })
    .replace(URL_LOCALHOST, localhost)
    .replace(BARE_LOCALHOST, localhost);
}

function rewritePaths(
  text: string,
  mounts: ReadonlyMap<string, string>,
  replaced: (rule: Rule, from: string, to: string) => string,
): string {
  // In one pass, the longest first: what was put in place is not looked at again.
  const paths = [...mounts.keys()].filter((path) => path !== '/').sort((a, b) => b.length - a.length);
  if (paths.length === 0) return text;
  const any = paths.map((path) => path.replace(/\/+$/, '').replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
  return text.replace(new RegExp(`(?<![\\w./-])(${any})(?![\\w.-])`, 'g'), (path) => {
    const folder = mounts.get(path) ?? mounts.get(`${path}/`);
    return folder === undefined
      ? path
      : replaced(path === '/etc/resolv.conf' ? 'name servers' : 'mount path', path, folder);
  });
}

function addressOf(labels: readonly string[], { book }: RewriteContext): string {
  const [first = '', second = '', third] = labels;
  return third === undefined ? book.ofService(second, first) : book.ofPod(third, first);
}

/** The forms that only a resolver's search list makes whole: `<service>`, `<pod>.<service>`, with or without the namespace. */
function shortName(labels: readonly string[], context: RewriteContext): string | undefined {
  const { book, namespace, hasService } = context;
  const [first = '', second, third] = labels;
  if (second === undefined) return hasService(namespace, first) ? book.ofService(namespace, first) : undefined;
  if (third !== undefined) return hasService(third, second) ? book.ofPod(third, first) : undefined;
  if (hasService(namespace, second)) return book.ofPod(namespace, first);
  return hasService(second, first) ? book.ofService(second, first) : undefined;
}
