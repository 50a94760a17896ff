import { Manifest } from '../../lib/dialect/dialect';

/**
 * What an API server and the programs behind it take for names, networks, images and quantities, written down anew: no
 * code is shared with the checks of the topology, which it judges.
 */

const isSmall = (char: string): boolean => (char >= 'a' && char <= 'z') || (char >= '0' && char <= '9');

function isLabel(text: string): boolean {
  if (text.length < 1 || text.length > 63) return false;
  const chars = Array.from(text);
  return chars.every((char) => isSmall(char) || char === '-') && isSmall(text[0] ?? '') && isSmall(text.at(-1) ?? '');
}

const isSubdomain = (text: string): boolean =>
  text.length <= 253 &&
  text
    .split('.')
    .every(
      (part) => Array.from(part).every((c) => isSmall(c) || c === '-') && /^[a-z0-9]$|^[a-z0-9].*[a-z0-9]$/.test(part),
    );

const isServiceName = (text: string): boolean => isLabel(text) && !/^[0-9]/.test(text);

/** Kinds whose names are a path's part and nothing more. */
const ANY_NAME = ['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'];

function isNameOf(kind: string, name: string): boolean {
  if (kind === 'Service') return isServiceName(name);
  if (kind === 'Namespace') return isLabel(name);
  return ANY_NAME.includes(kind) ? !/[/%]/.test(name) && name !== '.' && name !== '..' : isSubdomain(name);
}

const isQualified = (key: string): boolean => {
  const parts = key.split('/');
  const name = parts.at(-1) ?? '';
  const isName = name.length <= 63 && /^[A-Za-z0-9]$|^[A-Za-z0-9][-A-Za-z0-9_.]*[A-Za-z0-9]$/.test(name);
  return parts.length <= 2 && isName && (parts.length === 1 || isSubdomain(parts[0] ?? ''));
};
const isLabelValue = (value: string): boolean =>
  value === '' || (value.length <= 63 && /^[A-Za-z0-9]$|^[A-Za-z0-9][-A-Za-z0-9_.]*[A-Za-z0-9]$/.test(value));

/** The four bytes of an address, without leading zeros. */
function bytes(text: string): number[] | undefined {
  const parts = text.split('.');
  const numbers = parts.map(Number);
  const isOne = parts.length === 4 && parts.every((part, i) => String(numbers[i]) === part && Number(part) <= 255);
  return isOne && numbers.every((n) => Number.isInteger(n) && n >= 0) ? numbers : undefined;
}

/** An address as a number. */
export function addressNumber(text: string): number {
  const read = bytes(text);
  if (read === undefined) throw new Error(`${text} is no address`);
  return read.reduce((sum, byte) => sum * 256 + byte, 0);
}

/** Whether a network is as Kubernetes takes it from 1.36 on: no leading zeros, no bits beyond the prefix. */
export function isStrictCidr(text: string): boolean {
  const [address = '', prefix = '', ...more] = text.split('/');
  const bits = Number(prefix);
  if (more.length > 0 || bytes(address) === undefined || String(bits) !== prefix || bits < 0 || bits > 32) return false;
  return addressNumber(address) % 2 ** (32 - bits) === 0;
}

/** Whether a container runtime takes a text for an image; read part by part, from its end. */
export function isPullable(image: string): boolean {
  const [named = '', digest, ...more] = image.split('@');
  if (more.length > 0 || (digest !== undefined && !/^sha256:[0-9a-f]{64}$/.test(digest))) return false;
  const colon = named.lastIndexOf(':');
  const isTagged = colon > named.lastIndexOf('/');
  if (isTagged && !/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(named.slice(colon + 1))) return false;
  const name = isTagged ? named.slice(0, colon) : named;
  if (name.length > 255 || /^[0-9a-f]{64}$/.test(image)) return false;
  const parts = name.split('/');
  const first = parts[0] ?? '';
  const isHost = parts.length > 1 && (/[.:A-Z]/.test(first) || first === 'localhost');
  return (isHost ? parts.slice(1) : parts).every(isPathPart) && (!isHost || isHostAndPort(first));
}

function isPathPart(part: string): boolean {
  const words = part.split(/\.|__|_|-+/);
  return words.every((word) => word !== '' && Array.from(word).every(isSmall));
}

function isHostAndPort(text: string): boolean {
  const [host = '', port, ...more] = text.split(':');
  if (more.length > 0 || (port !== undefined && !isPort(Number(port)))) return false;
  return host.split('.').every((part) => /^[A-Za-z0-9-]+$/.test(part) && !part.startsWith('-') && !part.endsWith('-'));
}

const isPort = (port: unknown): boolean =>
  typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535;
const isPortName = (name: string): boolean =>
  name.length <= 15 &&
  isLabel(name) &&
  !name.includes('--') &&
  Array.from(name).some((char) => char >= 'a' && char <= 'z');

type Loose = Readonly<Record<string, unknown>>;
const isLoose = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const list = (value: unknown): Loose[] => (Array.isArray(value) ? value.filter(isLoose) : []);
const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** Every object inside a value, with its key. */
function* objectsIn(value: unknown, key = ''): Generator<{ key: string; value: Loose }> {
  if (Array.isArray(value)) for (const item of value) yield* objectsIn(item, key);
  if (!isLoose(value)) return;
  yield { key, value };
  for (const [name, inner] of Object.entries(value)) yield* objectsIn(inner, name);
}

function* ofMetadata({ kind, metadata }: Manifest): Generator<string> {
  const { name = '', namespace, labels = {}, annotations = {} } = metadata as Loose & Manifest['metadata'];
  if (!isNameOf(kind, name)) yield `the name '${name}'`;
  if (namespace !== undefined && !isLabel(namespace)) yield `the namespace '${namespace}'`;
  for (const [key, value] of Object.entries(labels as Loose)) {
    if (!isQualified(key) || typeof value !== 'string' || !isLabelValue(value)) yield `the label ${key}=${text(value)}`;
  }
  for (const [key, value] of Object.entries(annotations as Loose)) {
    if (!isQualified(key) || typeof value !== 'string') yield `the annotation ${key}=${text(value)}`;
  }
}

function* ofContainer(container: Loose): Generator<string> {
  if (!isLabel(text(container.name))) yield `the container ${text(container.name)}`;
  if (!isPullable(text(container.image))) yield `the image ${text(container.image)}`;
  for (const { name } of list(container.env)) {
    if (!/^[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(text(name))) yield `the variable ${text(name)}`;
  }
  for (const { name, containerPort } of list(container.ports)) {
    if (!isPort(containerPort) || !isPortName(text(name))) yield `the port ${text(name)} ${text(containerPort)}`;
  }
  for (const arg of Array.isArray(container.args) ? container.args : []) {
    if (typeof arg !== 'string' || arg.includes('\0')) yield `the argument ${text(arg)}`;
    const [, duration] = /^--[-a-z]*interval=(.*)$/.exec(text(arg)) ?? [];
    if (duration !== undefined && !/^[1-9][0-9]*(ms|s|m|h)$/.test(duration)) yield `the duration ${duration}`;
  }
}

function* ofServicePorts(ports: unknown): Generator<string> {
  const names = list(ports).map(({ name }) => name);
  if (new Set(names).size < names.length) yield `ports of one name ${text(names)}`;
  for (const { name, port, nodePort } of list(ports)) {
    if (!isPort(port) || (name !== undefined && !isLabel(text(name)))) yield `the port ${text(name)} ${text(port)}`;
    if (nodePort !== undefined && !isPort(nodePort)) yield `the node port ${text(nodePort)}`;
  }
}

/** What an API server, a kubelet or a runtime would not take of an object; empty where all is well. */
export function faultsOf(object: Manifest): string[] {
  const found = [...ofMetadata(object)];
  if (object.kind === 'Service') found.push(...ofServicePorts((object.spec as Loose | undefined)?.ports));
  for (const { key, value } of objectsIn(object)) {
    if (key === 'containers' || key === 'initContainers') found.push(...ofContainer(value));
    if (key === 'ipBlock' && !isStrictCidr(text(value.cidr))) found.push(`the network ${text(value.cidr)}`);
    if (key === 'matchLabels' || (key === 'labels' && value !== object.metadata.labels)) {
      const wrong = Object.entries(value).filter(([name, said]) => !isQualified(name) || !isLabelValue(text(said)));
      found.push(...wrong.map(([name, said]) => `the label ${name}=${text(said)}`));
    }
    if (key === 'requests' || key === 'limits') {
      const wrong = Object.entries(value).filter(([, said]) => !/^[1-9][0-9]*(m|[KMGTPE]i?)?$/.test(text(said)));
      found.push(...wrong.map(([name, said]) => `the quantity ${name}: ${text(said)}`));
    }
  }
  return found;
}

/** Whether a text is a name that DNS can carry. */
export const isDnsName = (name: string): boolean => name.length <= 253 && name.split('.').every(isLabel);

/** Whether a text can name a ServiceAccount or a Secret. */
export const isObjectName = isSubdomain;
