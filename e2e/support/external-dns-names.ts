/** What the federation's CoreDNS says, and what etcd holds for it. */
import { waitFor } from '../harness/wait';
import { dig, DnsAnswer } from '../kubelet/dns';
import { DNS_PORT, ETCD_PORT, SITES } from './external-dns';

/** All of the example's addresses, which the federation's name leads to. */
export const ALL_ADDRESSES: readonly string[] = SITES.map(({ address }) => address).sort();

/** Asks CoreDNS, at its node port. */
export function ask(name: string): Promise<DnsAnswer> {
  return dig({ port: DNS_PORT }, name);
}

/** Waits for an answer with exactly these addresses. */
export function answered(name: string, addresses: readonly string[]): Promise<DnsAnswer> {
  return waitFor({
    what: `${name} to be answered with ${addresses.join(', ')}`,
    timeoutMs: 60_000,
    intervalMs: 50,
    probe: async () => {
      const answer = await ask(name);
      return answer.addresses.join() === [...addresses].sort().join()
        ? { done: true, value: answer }
        : { done: false, saw: `${answer.rcode} ${answer.addresses.join(', ')}` };
    },
  });
}

/** Waits until the names of all levels are answered as they should be. */
export async function allAnswered(): Promise<void> {
  for (const { names, address } of SITES) {
    await answered(names.zone, [address]);
    await answered(names.region, [address]);
    await answered(names.all, ALL_ADDRESSES);
  }
}

/** One record as ExternalDNS writes it. */
export interface EtcdRecord {
  readonly host: string;
  readonly owner: string;
}

/** The records that etcd holds, by key; asked at its node port, through its JSON gateway. */
export async function records(): Promise<ReadonlyMap<string, EtcdRecord>> {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  // All that begins with /skydns/: up to the character after the slash.
  const body = JSON.stringify({ key: base64('/skydns/'), range_end: base64('/skydns0') });
  const answer = await fetch(`http://127.0.0.1:${ETCD_PORT}/v3/kv/range`, { method: 'POST', body });
  const { kvs = [] } = (await answer.json()) as { kvs?: { key: string; value: string }[] };
  const text = (encoded: string): string => Buffer.from(encoded, 'base64').toString();
  return new Map(
    kvs.map(({ key, value }) => {
      const { host, owner } = JSON.parse(text(value)) as EtcdRecord;
      return [text(key), { host, owner }];
    }),
  );
}
