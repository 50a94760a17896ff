import { Resolver } from 'node:dns/promises';

/** What a DNS server said of a name: its addresses, or why there are none. */
export type Answer = { readonly addresses: readonly string[] } | { readonly failure: string };

/** Time for one question, in milliseconds. */
const TIMEOUT_MS = 2_000;

/**
 * Asks one server for the addresses of a name, by itself: no search list, no other server.
 *
 * @param server `address:port`
 */
export async function ask(server: string, name: string): Promise<Answer> {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 1 });
  resolver.setServers([server]);
  try {
    return { addresses: (await resolver.resolve4(name)).sort() };
  } catch (error) {
    const { code = 'no answer' } = error as NodeJS.ErrnoException;
    const words: Readonly<Record<string, string>> = {
      ENOTFOUND: 'there is no such name',
      ENODATA: 'the name has no address',
      ETIMEOUT: `${server} does not answer`,
      ECONNREFUSED: `${server} does not answer`,
      ESERVFAIL: `${server} cannot answer`,
      EREFUSED: `${server} refuses to answer`,
    };
    return { failure: words[code] ?? code };
  }
}
