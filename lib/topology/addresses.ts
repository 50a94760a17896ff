import { IPv4 } from 'ipaddr.js';

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

/**
 * Reads an IPv4 CIDR.
 *
 * @returns the range, or a text that says what is wrong with it
 */
export function parseAddressRange(declared: string): AddressRange | string {
  const [, address = '', prefixText = ''] = CIDR.exec(declared) ?? [];
  const prefix = Number(prefixText);
  if (!isIPv4(address) || prefix > 32 || String(prefix) !== prefixText) return 'is no IPv4 CIDR';
  if (prefix > 30) {
    // Measured: the provider leaves network and broadcast address out and panics where nothing is left (FACTS.md).
    return `has no address to hand out: network and broadcast address are left out, so a /${prefixText} is empty`;
  }
  if (prefix < 1) return 'is the whole address space';
  const network = IPv4.networkAddressFromCIDR(declared);
  const broadcast = IPv4.broadcastAddressFromCIDR(declared);
  return {
    declared,
    cidr: `${network.toString()}/${prefixText}`,
    first: toAddress(toNumber(network.toString()) + 1),
    last: toAddress(toNumber(broadcast.toString()) - 1),
  };
}

/** Whether two ranges share an address. */
export function overlaps(a: AddressRange, b: AddressRange): boolean {
  return toNumber(a.first) <= toNumber(b.last) && toNumber(b.first) <= toNumber(a.last);
}

/** Whether an address may be handed out of a range. */
export function contains(range: Pick<AddressRange, 'first' | 'last'>, address: string): boolean {
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
