import fc from '../../support/fast-check';
import {
  AddressRange,
  canonicalCidr,
  contains,
  isIPv4,
  overlaps,
  parseAddressRange,
  parseEndpoint,
  sizeOf,
  specialNetwork,
  toAddress,
  toNumber,
} from '../../../lib/topology/addresses';

/** The range of a CIDR that is one. */
function range(cidr: string): AddressRange {
  const parsed = parseAddressRange(cidr);
  if (typeof parsed === 'string') throw new Error(`${cidr} ${parsed}`);
  return parsed;
}

// The model: an address is 32 bits, a network is all addresses with the same first bits. It shares no code and no
// arithmetic with what it judges.

interface Network {
  readonly address: bigint;
  readonly prefix: bigint;
}

const bits = (prefix: bigint): bigint => 1n << (32n - prefix);
const start = ({ address, prefix }: Network): bigint => (address / bits(prefix)) * bits(prefix);
const end = (network: Network): bigint => start(network) + bits(network.prefix) - 1n;
const dotted = (address: bigint): string =>
  [24n, 16n, 8n, 0n].map((shift) => ((address >> shift) & 255n).toString()).join('.');
const written = ({ address, prefix }: Network): string => `${dotted(address)}/${prefix.toString()}`;

const address = fc.bigInt({ min: 0n, max: (1n << 32n) - 1n });
const network = fc.record({ address, prefix: fc.bigInt({ min: 1n, max: 30n }) });
/** Networks so close together that they often overlap. */
const neighbour = fc.record({
  address: fc.bigInt({ min: 0x0ad20000n, max: 0x0ad203ffn }),
  prefix: fc.bigInt({ min: 22n, max: 30n }),
});

describe('a CIDR', () => {
  test("is the network of its address, as the guide's ranges are read", () => {
    expect(range('10.210.1.100/26')).toEqual({
      declared: '10.210.1.100/26',
      cidr: '10.210.1.64/26',
      first: '10.210.1.65',
      last: '10.210.1.126',
    });
    expect(range('10.210.2.100/26')).toMatchObject({ first: '10.210.2.65', last: '10.210.2.126' });
    expect(range('10.210.3.100/26')).toMatchObject({ first: '10.210.3.65', last: '10.210.3.126' });
  });

  test("has the guide's own answers among its addresses", () => {
    expect(contains(range('10.210.1.100/26'), '10.210.1.68')).toBe(true);
    expect(contains(range('10.210.2.100/26'), '10.210.2.65')).toBe(true);
    expect(contains(range('10.210.3.100/26'), '10.210.3.65')).toBe(true);
  });

  test('hands out everything but the network and the broadcast address', () => {
    fc.assert(
      fc.property(network, (n) => {
        const { declared, cidr, first, last } = range(written(n));
        expect(declared).toBe(written(n));
        expect(cidr).toBe(`${dotted(start(n))}/${n.prefix.toString()}`);
        expect(first).toBe(dotted(start(n) + 1n));
        expect(last).toBe(dotted(end(n) - 1n));
      }),
    );
  });

  test('of one or two addresses hands all of them out where such a range is accepted', () => {
    expect(parseAddressRange('10.0.0.5/31', 32)).toMatchObject({
      cidr: '10.0.0.4/31',
      first: '10.0.0.4',
      last: '10.0.0.5',
    });
    expect(parseAddressRange('10.0.0.5/32', 32)).toMatchObject({
      cidr: '10.0.0.5/32',
      first: '10.0.0.5',
      last: '10.0.0.5',
    });
    expect(sizeOf(range('10.0.0.4/30'))).toBe(2);
  });

  test('in canonical form is its network, whatever the prefix', () => {
    fc.assert(
      fc.property(fc.record({ address, prefix: fc.bigInt({ min: 0n, max: 32n }) }), (n) => {
        expect(canonicalCidr(written(n))).toBe(`${dotted(start(n))}/${n.prefix.toString()}`);
      }),
    );
    for (const text of ['10.0.0.0/08', '10.0.0.0/33', '010.0.0.0/8', '10.0.0.0', '10.0.0.0/24/9', 'fd00::/64']) {
      expect(canonicalCidr(text)).toBeUndefined();
    }
  });

  test('knows the networks at which no Service can be reached', () => {
    expect(specialNetwork(range('10.210.1.100/26'))).toBeUndefined();
    expect(specialNetwork({ first: '255.255.255.255', last: '255.255.255.255' })?.cidr).toBe('240.0.0.0/4');
    expect(specialNetwork({ first: '0.0.0.0', last: '0.0.0.0' })?.cidr).toBe('0.0.0.0/8');
    expect(specialNetwork({ first: '223.255.255.255', last: '223.255.255.255' })).toBeUndefined();
  });

  test('holds exactly the addresses that it hands out', () => {
    const near = network.chain((n) =>
      fc
        .bigInt({ min: -3n, max: 3n })
        .chain((offset) =>
          fc.constantFrom(start(n) + offset, end(n) + offset).map((value) => ({ n, value: value & 0xffffffffn })),
        ),
    );
    fc.assert(
      fc.property(fc.oneof(near, fc.record({ n: network, value: address })), ({ n, value }) => {
        expect(contains(range(written(n)), dotted(value))).toBe(value > start(n) && value < end(n));
      }),
    );
  });

  test.each(['/31', '/32'])('of %s is refused: the provider would panic', (prefix) => {
    expect(parseAddressRange(`10.210.1.100${prefix}`)).toMatch(/has no address to hand out/);
  });

  test('of every address is refused', () => {
    expect(parseAddressRange('0.0.0.0/0')).toBe('is the whole address space');
  });

  test.each([
    '',
    '10.210.1.100',
    '10.210.1.100/',
    '10.210.1.100/33',
    '10.210.1.100/026',
    '10.210.1.100/-1',
    '10.210.1.100/26 ',
    ' 10.210.1.100/26',
    '10.210.1.100/26\n',
    '10.210.1/26',
    '10.210.1.256/26',
    '010.210.1.100/26',
    '0x0a.210.1.100/26',
    '168951140/26',
    '10.210.1.100/255.255.255.192',
    'fd00::/64',
    '::ffff:10.210.1.100/122',
  ])('is refused where it is none: %j', (text) => {
    expect(parseAddressRange(text)).toBe('is no IPv4 CIDR');
  });

  test('never makes the reader fail, whatever is written', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9./]{0,20}$/)), (text) => {
        const parsed = parseAddressRange(text);
        if (typeof parsed !== 'string') expect(parsed.declared).toBe(text);
      }),
    );
  });
});

describe('two ranges', () => {
  test('overlap exactly where they share an address', () => {
    let seen = 0;
    fc.assert(
      fc.property(neighbour, neighbour, (a, b) => {
        const shared = start(a) <= end(b) && start(b) <= end(a);
        seen += shared ? 1 : 0;
        expect(overlaps(range(written(a)), range(written(b)))).toBe(shared);
        expect(overlaps(range(written(b)), range(written(a)))).toBe(shared);
      }),
      { numRuns: 500 },
    );
    expect(seen).toBeGreaterThan(0);
  });

  test('side by side do not', () => {
    expect(overlaps(range('10.210.1.0/26'), range('10.210.1.64/26'))).toBe(false);
  });
});

describe('an address', () => {
  test('is a number and back', () => {
    fc.assert(
      fc.property(address, (value) => {
        expect(toNumber(dotted(value))).toBe(Number(value));
        expect(toAddress(Number(value))).toBe(dotted(value));
      }),
    );
  });

  test.each(['10.11.4', '10.11.4.82.1', '10.11.4.082', '1.2.3.256', '1', '', 'a.b.c.d', '::1', '10.11.4.82 '])(
    'is none in %j, whatever other programs read into it',
    (text) => {
      expect(isIPv4(text)).toBe(false);
      expect(contains(range('0.0.0.0/1'), text)).toBe(false);
    },
  );
});

describe('an endpoint', () => {
  test('is an address and a port', () => {
    expect(parseEndpoint('10.11.4.82:32609')).toEqual({ address: '10.11.4.82', port: 32609 });
    fc.assert(
      fc.property(address, fc.integer({ min: 1, max: 65535 }), (value, port) => {
        expect(parseEndpoint(`${dotted(value)}:${port}`)).toEqual({ address: dotted(value), port });
      }),
    );
  });

  test.each([
    '10.11.4.82',
    ':53',
    '10.11.4.82:',
    '10.11.4.82:0',
    '10.11.4.82:65536',
    '10.11.4.82:053',
    '10.11.4.82#53',
  ])('is none in %j', (text) => {
    expect(parseEndpoint(text)).toBeUndefined();
  });
});
