/**
 * A small dig: one question over UDP (over TCP when the answer was cut), and everything that the server said, in order.
 * Node's own Resolver keeps the response code's class, the chain of CNAMEs and the TTLs to itself.
 */
import { randomInt } from 'node:crypto';
import * as dgram from 'node:dgram';
import * as net from 'node:net';

const TYPES = { A: 1, NS: 2, CNAME: 5, SOA: 6, TXT: 16, AAAA: 28, SRV: 33, ANY: 255 } as const;
const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];

/** A record type that can be asked for. */
export type DnsType = keyof typeof TYPES;

/** One record of an answer. */
export interface DnsRecord {
  /** The name that it belongs to, without the last dot. */
  readonly name: string;
  /** Its type by name, or `TYPE<number>`. */
  readonly type: string;
  /** How long it may be kept, in seconds. */
  readonly ttl: number;
  /** Its value: an address, a name without the last dot, a text; for other types the bytes in hex. */
  readonly value: string;
}

/** What a server said. */
export interface DnsAnswer {
  /** The response code by name, or `RCODE<number>`. */
  readonly rcode: string;
  /** Whether the server speaks for the zone. */
  readonly authoritative: boolean;
  /** The answer section in order: with CNAMEs, the chain. */
  readonly records: readonly DnsRecord[];
  /** The addresses at the end of it, sorted. */
  readonly addresses: readonly string[];
}

/** Where to ask. */
export interface DnsServer {
  /**
   * The server's address.
   * @default 127.0.0.1
   */
  readonly host?: string;
  /** The server's port. */
  readonly port: number;
  /**
   * The longest wait for an answer, in milliseconds.
   * @default 3 s
   */
  readonly timeoutMs?: number;
}

/**
 * Asks one question, once: no retry hides a server that does not answer.
 * @throws Error when nothing answers in time, or what answers is no DNS message
 */
export async function dig(server: DnsServer, name: string, type: DnsType = 'A'): Promise<DnsAnswer> {
  const id = randomInt(0x10000);
  const question = encodeQuestion(id, name, type);
  const { host = '127.0.0.1', port, timeoutMs = 3_000 } = server;
  const overUdp = await askUdp(host, port, question, timeoutMs);
  const cut = (overUdp.readUInt16BE(2) & 0x0200) !== 0;
  return decodeAnswer(cut ? await askTcp(host, port, question, timeoutMs) : overUdp, id);
}

function encodeQuestion(id: number, name: string, type: DnsType): Buffer {
  const labels = name
    .replace(/\.$/, '')
    .split('.')
    .map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')]));
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(0x0100, 2);
  header.writeUInt16BE(1, 4);
  const tail = Buffer.from([0, 0, TYPES[type], 0, 1]);
  return Buffer.concat([header, ...labels, tail]);
}

function askUdp(host: string, port: number, question: Buffer, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket('udp4');
    const end = (finish: () => void): void => {
      clearTimeout(timer);
      socket.close();
      finish();
    };
    const timer = setTimeout(() => {
      end(() => {
        reject(new Error(`no answer from ${host}:${port} in ${timeoutMs} ms`));
      });
    }, timeoutMs);
    socket.once('error', (error) => {
      end(() => {
        reject(error);
      });
    });
    // Connected, so that "nobody listens" is an error at once instead of a silence.
    socket.connect(port, host, () => {
      socket.on('message', (message) => {
        // A late answer to an earlier question from the same port is not ours.
        if (message.length < 12 || message.readUInt16BE(0) !== question.readUInt16BE(0)) return;
        end(() => {
          resolve(message);
        });
      });
      socket.send(question);
    });
  });
}

function askTcp(host: string, port: number, question: Buffer, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(question.length);
    let got = Buffer.alloc(0);
    const socket = net.connect({ host, port, timeout: timeoutMs }, () => {
      socket.write(Buffer.concat([length, question]));
    });
    socket.on('data', (chunk) => {
      got = Buffer.concat([got, chunk]);
      if (got.length < 2 || got.length < 2 + got.readUInt16BE(0)) return;
      socket.destroy();
      resolve(got.subarray(2, 2 + got.readUInt16BE(0)));
    });
    socket.once('timeout', () => socket.destroy(new Error(`no answer from ${host}:${port}/tcp in ${timeoutMs} ms`)));
    socket.once('error', reject);
    socket.once('end', () => {
      reject(new Error(`${host}:${port}/tcp closed the connection without an answer`));
    });
  });
}

function decodeAnswer(message: Buffer, id: number): DnsAnswer {
  if (message.length < 12 || message.readUInt16BE(0) !== id) throw new Error('not an answer to the question');
  const flags = message.readUInt16BE(2);
  let at = 12;
  for (let count = message.readUInt16BE(4); count > 0; count -= 1) at = readName(message, at).next + 4;
  const records: DnsRecord[] = [];
  for (let count = message.readUInt16BE(6); count > 0; count -= 1) {
    const { name, next } = readName(message, at);
    const type = typeName(message.readUInt16BE(next));
    const length = message.readUInt16BE(next + 8);
    const value = readValue(message, type, next + 10, length);
    records.push({ name, type, ttl: message.readUInt32BE(next + 4), value });
    at = next + 10 + length;
  }
  const rcode = flags & 0xf;
  return {
    rcode: RCODES[rcode] ?? `RCODE${rcode}`,
    authoritative: (flags & 0x0400) !== 0,
    records,
    addresses: records
      .filter(({ type }) => type === 'A' || type === 'AAAA')
      .map(({ value }) => value)
      .sort(),
  };
}

function typeName(type: number): string {
  return Object.entries(TYPES).find(([, number]) => number === type)?.[0] ?? `TYPE${type}`;
}

function readName(message: Buffer, start: number): { readonly name: string; readonly next: number } {
  const labels: string[] = [];
  let at = start;
  let next: number | undefined;
  // Pointers only lead backwards in an honest message; the bound ends a dishonest one.
  for (let hops = 0; hops < 128; hops += 1) {
    const length = message.readUInt8(at);
    if (length === 0) return { name: labels.join('.'), next: next ?? at + 1 };
    if ((length & 0xc0) === 0xc0) {
      next ??= at + 2;
      at = message.readUInt16BE(at) & 0x3fff;
    } else {
      labels.push(message.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
  }
  throw new Error('a name without an end');
}

function readValue(message: Buffer, type: string, at: number, length: number): string {
  switch (type) {
    case 'A':
      return [...message.subarray(at, at + 4)].join('.');
    case 'AAAA':
      return Array.from({ length: 8 }, (_, index) => message.readUInt16BE(at + 2 * index).toString(16)).join(':');
    case 'CNAME':
    case 'NS':
      return readName(message, at).name;
    case 'TXT': {
      const texts: string[] = [];
      for (let next = at; next < at + length; next += 1 + message.readUInt8(next)) {
        texts.push(message.toString('utf8', next + 1, next + 1 + message.readUInt8(next)));
      }
      return texts.join('');
    }
    default:
      return message.toString('hex', at, at + length);
  }
}
