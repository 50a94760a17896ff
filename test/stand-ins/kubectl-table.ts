/** The tables that `get` prints. */
import { type Json, type KubeObject, at, list, num, text } from './json';
import type { Session } from './kubectl-common';
import type { Found } from './kubectl-get';
import { type ResourceType, groupOf } from './resources';

type Row = readonly string[];

interface Table {
  readonly head: Row;
  readonly row: (object: KubeObject, wide: boolean) => Row;
  /** Columns beside, with `-o wide`. */
  readonly wide?: Row;
}

/** How old something is, as kubectl says it. */
function age(object: KubeObject): string {
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(text(object.metadata.creationTimestamp))) / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86400)}d`;
}

const status = (object: KubeObject, field: string): string => String(num(at(object, 'status', field)));

function condition(object: KubeObject, type: string): string | undefined {
  const found = list(at(object, 'status', 'conditions')).find((entry) => at(entry, 'type') === type);
  return found === undefined ? undefined : text(at(found, 'status'));
}

function addresses(service: KubeObject, wide: boolean): string {
  if (at(service, 'spec', 'type') !== 'LoadBalancer') return '<none>';
  const all = list(at(service, 'status', 'loadBalancer', 'ingress'))
    .map((entry) => text(at(entry, 'ip'), text(at(entry, 'hostname'))))
    .sort()
    .join(',');
  if (all === '') return '<pending>';
  return wide || all.length <= 16 ? all : `${all.slice(0, 13)}...`;
}

function ports(service: KubeObject): string {
  const words = list(at(service, 'spec', 'ports')).map((port) => {
    const nodePort = num(at(port, 'nodePort'));
    return `${num(at(port, 'port'))}${nodePort > 0 ? `:${nodePort}` : ''}/${text(at(port, 'protocol'), 'TCP')}`;
  });
  return words.length > 0 ? words.join(',') : '<none>';
}

function selector(value: Json | undefined): string {
  const words = Object.entries(typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {});
  return words.length > 0 ? words.map(([key, item]) => `${key}=${text(item)}`).join(',') : '<none>';
}

function podState(pod: KubeObject): string {
  const statuses = list(at(pod, 'status', 'containerStatuses'));
  let state = text(at(pod, 'status', 'phase'));
  for (const entry of statuses) {
    const waiting = text(at(entry, 'state', 'waiting', 'reason'));
    const terminated = text(at(entry, 'state', 'terminated', 'reason'));
    if (waiting !== '') state = waiting;
    else if (terminated !== '') state = terminated;
  }
  return pod.metadata.deletionTimestamp === undefined ? state : 'Terminating';
}

const TABLES: Readonly<Record<string, Table>> = {
  Node: {
    head: ['NAME', 'STATUS', 'ROLES', 'AGE', 'VERSION'],
    row: (node) => {
      const prefix = 'node-role.kubernetes.io/';
      const roles = Object.keys(node.metadata.labels ?? {})
        .filter((key) => key.startsWith(prefix))
        .map((key) => key.slice(prefix.length));
      const ready = condition(node, 'Ready');
      return [
        node.metadata.name,
        ready === 'True' ? 'Ready' : ready === undefined ? 'Unknown' : 'NotReady',
        roles.length > 0 ? roles.join(',') : '<none>',
        age(node),
        text(at(node, 'status', 'nodeInfo', 'kubeletVersion')),
      ];
    },
  },
  Pod: {
    head: ['NAME', 'READY', 'STATUS', 'RESTARTS', 'AGE'],
    wide: ['IP', 'NODE'],
    row: (pod) => {
      const statuses = list(at(pod, 'status', 'containerStatuses'));
      const ready = statuses.filter((entry) => at(entry, 'ready') === true).length;
      const restarts = statuses.reduce<number>((sum, entry) => sum + num(at(entry, 'restartCount')), 0);
      return [
        pod.metadata.name,
        `${ready}/${list(at(pod, 'spec', 'containers')).length}`,
        podState(pod),
        String(restarts),
        age(pod),
        text(at(pod, 'status', 'podIP'), '<none>'),
        text(at(pod, 'spec', 'nodeName'), '<none>'),
      ];
    },
  },
  Service: {
    head: ['NAME', 'TYPE', 'CLUSTER-IP', 'EXTERNAL-IP', 'PORT(S)', 'AGE'],
    wide: ['SELECTOR'],
    row: (service, wide) => [
      service.metadata.name,
      text(at(service, 'spec', 'type')),
      text(at(service, 'spec', 'clusterIP'), '<none>'),
      addresses(service, wide),
      ports(service),
      age(service),
      selector(at(service, 'spec', 'selector')),
    ],
  },
  Deployment: {
    head: ['NAME', 'DESIRED', 'CURRENT', 'UP-TO-DATE', 'AVAILABLE', 'AGE'],
    row: (deployment) => [
      deployment.metadata.name,
      String(num(at(deployment, 'spec', 'replicas'))),
      status(deployment, 'replicas'),
      status(deployment, 'updatedReplicas'),
      status(deployment, 'availableReplicas'),
      age(deployment),
    ],
  },
  ReplicaSet: {
    head: ['NAME', 'DESIRED', 'CURRENT', 'READY', 'AGE'],
    row: (set) => [
      set.metadata.name,
      String(num(at(set, 'spec', 'replicas'))),
      status(set, 'replicas'),
      status(set, 'readyReplicas'),
      age(set),
    ],
  },
  Namespace: {
    head: ['NAME', 'STATUS', 'AGE'],
    row: (space) => [space.metadata.name, text(at(space, 'status', 'phase')), age(space)],
  },
  ConfigMap: {
    head: ['NAME', 'DATA', 'AGE'],
    row: (map) => [map.metadata.name, String(Object.keys((map.data as object | undefined) ?? {}).length), age(map)],
  },
  Cluster: {
    head: ['NAME', 'STATUS', 'AGE'],
    row: (member) => {
      const ready = condition(member, 'Ready');
      const state = ready === 'True' ? 'Ready' : condition(member, 'Offline') === 'True' ? 'Offline' : 'Unknown';
      return [member.metadata.name, ready === 'False' ? 'NotReady' : state, age(member)];
    },
  },
};

const PLAIN: Table = { head: ['NAME', 'AGE'], row: (object) => [object.metadata.name, age(object)] };

/** Columns as wide as their widest word, at least ten letters, with three blanks between; the last one is left as it is. */
export function aligned(rows: readonly Row[]): string {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, index) =>
    Math.max(...rows.map((row) => (row[index] ?? '').length + 3), index === columns - 1 ? 0 : 10),
  );
  return rows
    .map((row) =>
      row.map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0))).join(''),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** Prints what was found, a table for each type. */
export function printTables(s: Session, found: readonly Found[], wide: boolean): void {
  const { call, flags } = s;
  const everywhere = flags.bool('all-namespaces');
  const kindOf = ({ item }: Found): string => `${item.type.key} ${item.version}`;
  const kinds = [...new Set(found.map(kindOf))];
  const several = kinds.length > 1;
  let first = true;
  for (const kind of kinds) {
    const mine = found.filter((entry) => kindOf(entry) === kind);
    const table = TABLES[mine[0]?.item.type.kind ?? ''] ?? PLAIN;
    const count = table.head.length;
    const head = [...table.head, ...(wide ? (table.wide ?? []) : [])];
    const rows = mine.map(({ object, item }) => {
      const cells = table.row(object, wide).slice(0, wide ? undefined : count);
      const [name = '', ...rest] = cells;
      return [
        ...(everywhere ? [text(object.metadata.namespace)] : []),
        `${several ? prefix(s, item.type, item.version) : ''}${name}`,
        ...rest,
      ];
    });
    // An empty line between two tables, which old kubectls write to the other stream.
    if (!first && s.atLeast('1.11.0')) call.out('\n');
    else if (!first) call.err('\n');
    first = false;
    call.out(
      aligned([...(flags.bool('no-headers') ? [] : [[...(everywhere ? ['NAMESPACE'] : []), ...head]]), ...rows]),
    );
  }
}

function prefix(s: Session, type: ResourceType, version: string): string {
  if (!s.atLeast('1.11.0')) return `${type.short[0] ?? type.plural}/`;
  const group = groupOf(version);
  return `${group === '' ? type.singular : `${type.singular}.${group}`}/`;
}
