/** What a Corefile needs so that several CoreDNS pods can run on one machine: each on the address of its pod. */
import { OnReplace } from './rewrite';

/** The plugins that open a port of their own on every address, and the port that they open when none is given. */
const LISTENERS: Readonly<Record<string, string>> = {
  health: '8080',
  ready: '8181',
  prometheus: '9153',
  pprof: '6053',
};

/**
 * Makes each server block, and each plugin that listens, listen on the pod's address only. Ports stay as they are.
 * @param text the Corefile
 * @param address the pod's loopback address
 * @param onReplace told of each change
 */
export function bindCorefile(text: string, address: string, onReplace: OnReplace): string {
  let depth = 0;
  let snippet = false;
  return text
    .split('\n')
    .flatMap((line) => {
      const code = line.replace(/(^|\s)#.*$/, '').trim();
      const opens = code.endsWith('{');
      const closes = code === '}';
      const atTop = depth === 0;
      depth += opens ? 1 : closes ? -1 : 0;
      if (atTop && opens) {
        snippet = code.startsWith('(');
        if (snippet) return [line];
        onReplace('listen address', code, `${code} bind ${address}`);
        return [line, `    bind ${address}`];
      }
      const [plugin = '', given] = code.split(/\s+/);
      // The block has its own by now.
      if (depth === 1 && plugin === 'bind' && !snippet) return [];
      const port = LISTENERS[plugin];
      if (port === undefined || depth - (opens ? 1 : 0) !== 1) return [line];
      const own = given === undefined || given === '{' ? `:${port}` : given;
      const host = own.slice(0, own.lastIndexOf(':'));
      if (host !== '' && host !== '0.0.0.0' && host !== 'localhost') return [line];
      const bound = `${plugin} ${address}${own.slice(own.lastIndexOf(':'))}`;
      onReplace('listen address', code.replace(/\s*\{$/, ''), bound);
      return [`    ${bound}${opens ? ' {' : ''}`];
    })
    .join('\n');
}
