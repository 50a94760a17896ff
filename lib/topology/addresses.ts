import { IPv4 } from 'ipaddr.js';
import { StackName } from './types';

/** An IPv4 range out of which Services get their addresses. */
export interface AddressRange {
  /** As the user wrote it; host bits may be set. */
  readonly declared: string;
  /** The network in canonical form, such as `10.210.1.64/26`. */
  readonly cidr: string;
  /** First address that is handed out: the one after the network's own. */
  readonly first: string;
  /** Last address that is handed out: the one before the broadcast address. */
  readonly last: string;
}

/** The first and the last address of what is handed out. */
type Bounds = Pick<AddressRange, 'first' | 'last'>;

const CIDR = /^(\d{1,3}(?:\.\d{1,3}){3})\/(\d{1,2})$/;

/** An address as the number that its four bytes are. */
export function toNumber(address: string): number {
  return IPv4.parse(address).octets.reduce((sum, octet) => sum * 256 + octet, 0);
}

/** The address that a number stands for; the inverse of {@link toNumber}. */
export function toAddress(value: number): string {
  return new IPv4([24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256)).toString();
}

/** Whether a text is an IPv4 address in four decimal parts, without leading zeros that some programs read as octal. */
export function isIPv4(text: string): boolean {
  return IPv4.isValidFourPartDecimal(text);
}

/** The longest prefix of which a network and a broadcast address can be left out, with addresses between the two. */
export const LONGEST_WITH_BROADCAST = 30;

/**
 * The longest prefix of a range, by stack. MetalLB hands out what it is told, a single address too;
 * keepalived-cloud-provider leaves network and broadcast address out, and panics where nothing is left (measured).
 */
export const LONGEST_PREFIX: Readonly<Record<StackName, number>> = {
  'federation-v1': LONGEST_WITH_BROADCAST,
  'external-dns': 32,
};

/** Reads `<IPv4 address>/<prefix>`; nothing where the text is none, or has a leading zero. */
function parseCidr(text: string): { network: string; broadcast: string; prefix: number } | undefined {
  const [, address = '', prefixText = ''] = CIDR.exec(text) ?? [];
  const prefix = Number(prefixText);
  if (!isIPv4(address) || prefix > 32 || String(prefix) !== prefixText) return undefined;
  return {
    network: IPv4.networkAddressFromCIDR(text).toString(),
    broadcast: IPv4.broadcastAddressFromCIDR(text).toString(),
    prefix,
  };
}

/**
 * A network as every API server takes it: without host bits, which Kubernetes refuses from 1.36 on.
 *
 * @returns the network, or nothing where the text is no IPv4 CIDR
 */
export function canonicalCidr(text: string): string | undefined {
  const cidr = parseCidr(text);
  return cidr && `${cidr.network}/${cidr.prefix}`;
}

/**
 * Reads an IPv4 CIDR.
 *
 * @param longest the longest prefix that is accepted. A /31 and a /32 have neither network nor broadcast address: all
 * their addresses are handed out
 * @returns the range, or a text that says what is wrong with it
 */
export function parseAddressRange(declared: string, longest = LONGEST_WITH_BROADCAST): AddressRange | string {
  const range = parseCidr(declared);
  if (range === undefined) return 'is no IPv4 CIDR';
  const { network, broadcast, prefix } = range;
  if (prefix > longest) {
    return `has no address to hand out: network and broadcast address are left out, so a /${prefix} is empty`;
  }
  if (prefix < 1) return 'is the whole address space';
  const margin = prefix > LONGEST_WITH_BROADCAST ? 0 : 1;
  return {
    declared,
    cidr: `${network}/${prefix}`,
    first: toAddress(toNumber(network) + margin),
    last: toAddress(toNumber(broadcast) - margin),
  };
}

/** How many addresses a range hands out. */
export function sizeOf({ first, last }: Bounds): number {
  return toNumber(last) - toNumber(first) + 1;
}

/** Networks whose addresses no other machine can reach, or that belong to no single machine. */
const SPECIAL_NETWORKS = [
  { cidr: '0.0.0.0/8', what: 'this network' },
  { cidr: '127.0.0.0/8', what: 'loopback' },
  { cidr: '169.254.0.0/16', what: 'link-local' },
  { cidr: '224.0.0.0/4', what: 'multicast' },
  { cidr: '240.0.0.0/4', what: 'reserved' },
] as const;

/** The special network with which a range shares an address, if any: no Service can be reached there. */
export function specialNetwork(range: Bounds): { cidr: string; what: string } | undefined {
  return SPECIAL_NETWORKS.find(({ cidr }) => {
    const whole = parseCidr(cidr);
    return whole !== undefined && overlaps(range, { first: whole.network, last: whole.broadcast });
  });
}

/** Whether two ranges share an address. */
export function overlaps(a: Bounds, b: Bounds): boolean {
  return toNumber(a.first) <= toNumber(b.last) && toNumber(b.first) <= toNumber(a.last);
}

/** Whether an address can be a machine's: its loopback address is one too, for tries on one machine. */
export function isNodeAddress(address: string): boolean {
  const special = specialNetwork({ first: address, last: address });
  return special === undefined || special.what === 'loopback';
}

/** Whether an address may be handed out of a range. */
export function contains(range: Bounds, address: string): boolean {
  if (!isIPv4(address)) return false;
  const value = toNumber(address);
  return toNumber(range.first) <= value && value <= toNumber(range.last);
}

/** An address and a port. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/**
 * Reads `<IPv4 address>:<port>`.
 *
 * @returns the endpoint, or nothing where the text is none
 */
export function parseEndpoint(text: string): Endpoint | undefined {
  const [, address = '', port = ''] = /^([^:]+):([1-9]\d{0,4})$/.exec(text) ?? [];
  return isIPv4(address) && Number(port) <= 65535 ? { address, port: Number(port) } : undefined;
}

/** The node port at which other clusters reach etcd, where the topology does not say it. */
export const ETCD_NODE_PORT = 32379;

/** The node ports that an API server hands out where it is not told others. */
export const NODE_PORTS = '30000-32767';

/**
 * Reads `<first>-<last>`.
 *
 * @returns the ports, or nothing where the text is no range of ports
 */
export function parsePortRange(text: string): { first: number; last: number } | undefined {
  const [first = 0, last = 0] = /^\d{1,5}-\d{1,5}$/.test(text) ? text.split('-').map(Number) : [];
  return first >= 1 && first <= last && last <= 65535 ? { first, last } : undefined;
}
