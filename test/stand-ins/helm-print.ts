/** What helm prints about releases: tables, and the resources of a release. */
import { picks } from './controllers';
import { type Dict, type KubeObject, at, list, num, strings, text } from './json';
import type { ApiServer } from './objects';

const MOST = 60;
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `Fri Nov 27 15:32:19 2026`. */
export function ansic(time: Date): string {
  const two = (number: number, filler = '0'): string => String(number).padStart(2, filler);
  const clock = [time.getUTCHours(), time.getUTCMinutes(), time.getUTCSeconds()].map((part) => two(part)).join(':');
  const day = `${DAYS[time.getUTCDay()] ?? ''} ${MONTHS[time.getUTCMonth()] ?? ''} ${two(time.getUTCDate(), ' ')}`;
  return `${day} ${clock} ${time.getUTCFullYear()}`;
}

/** Cells with tabs between them, each as wide as the widest of its column; long ones are cut unless `whole`. */
export function table(rows: readonly (readonly string[])[], whole = false): string {
  const fits = (cell: string): boolean => whole || cell.length <= MOST;
  const cut = rows.map((row) => row.map((cell) => (fits(cell) ? cell : `${cell.slice(0, MOST - 3)}...`)));
  const widths = (cut[0] ?? []).map((_, column) => Math.max(...cut.map((row) => row[column]?.length ?? 0)));
  return cut.map((row) => `${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('\t')}\n`).join('');
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('  ');
  return rows.map((row) => `${line(row)}\n`).join('');
}

function age(object: KubeObject): string {
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(object.metadata.creationTimestamp ?? '')) / 1000));
  if (seconds < 120) return `${seconds}s`;
  return seconds < 7200 ? `${Math.floor(seconds / 60)}m` : `${Math.floor(seconds / 3600)}h`;
}

const PRINTERS: Readonly<Record<string, { heads: readonly string[]; cells: (object: KubeObject) => string[] }>> = {
  ConfigMap: { heads: ['DATA'], cells: (object) => [String(Object.keys(strings(object.data)).length)] },
  Service: {
    heads: ['TYPE', 'CLUSTER-IP', 'EXTERNAL-IP', 'PORT(S)'],
    cells: (object) => {
      const spec = object.spec as Dict | undefined;
      const ports = list(spec?.ports).map((port) => {
        const node = num(at(port, 'nodePort'));
        return `${num(at(port, 'port'))}${node === 0 ? '' : `:${node}`}/${text(at(port, 'protocol'))}`;
      });
      return [text(spec?.type), text(spec?.clusterIP), '<none>', ports.join(',')];
    },
  },
  Deployment: {
    heads: ['DESIRED', 'CURRENT', 'UP-TO-DATE', 'AVAILABLE'],
    cells: (object) => [
      String(num(at(object, 'spec', 'replicas'), 1)),
      ...['replicas', 'updatedReplicas', 'availableReplicas'].map((field) => String(num(at(object, 'status', field)))),
    ],
  },
  Pod: {
    heads: ['READY', 'STATUS', 'RESTARTS'],
    cells: (object) => {
      const containers = list(at(object, 'status', 'containerStatuses'));
      const ready = containers.filter((container) => at(container, 'ready') === true).length;
      const restarts = containers.reduce<number>((sum, container) => sum + num(at(container, 'restartCount')), 0);
      return [`${ready}/${containers.length}`, text(at(object, 'status', 'phase')), String(restarts)];
    },
  },
};

function section(title: string, objects: readonly KubeObject[]): string {
  const printer = PRINTERS[objects[0]?.kind ?? ''];
  const rows = objects.map((object) => [object.metadata.name, ...(printer?.cells(object) ?? []), age(object)]);
  return `==> ${title}\n${columns([['NAME', ...(printer?.heads ?? []), 'AGE'], ...rows])}\n`;
}

/** The objects of a release as they stand in the cluster, kind by kind, and the pods behind its Deployments. */
export function resources(api: ApiServer, objects: readonly KubeObject[]): string {
  const byKind = new Map<string, KubeObject[]>();
  for (const object of objects) {
    const { name, namespace } = object.metadata;
    const found = api.find(object.kind, namespace, name);
    const title = `${object.apiVersion.split('/').at(-1) ?? ''}/${object.kind}`;
    if (found !== undefined) byKind.set(title, [...(byKind.get(title) ?? []), found]);
  }
  const pods = objects
    .filter((object) => object.kind === 'Deployment')
    .flatMap((object) => {
      const selector = strings(at(object, 'spec', 'selector', 'matchLabels'));
      return api.all('Pod', object.metadata.namespace).filter((pod) => picks(selector, pod.metadata.labels));
    });
  if (pods.length > 0) byKind.set('v1/Pod(related)', pods);
  return [...byKind].map(([title, found]) => section(title, found)).join('');
}
