import { ApiObject, App, Chart, Include } from 'cdk8s';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DialectError, Federation, FederationError, ListError } from '../../lib';
import { CollisionError } from '../../lib/bundle';
import { Manifest } from '../../lib/dialect/dialect';
import { FederationProps } from '../../lib/topology/types';
import { props as externalDnsProps } from '../support/external-dns';
import { guideProps, Rendered } from '../support/guide';

/** What `kubectl get configmaps,deployments -o yaml` prints, as far as it matters. */
const PRINTED = `apiVersion: v1
kind: List
metadata: {resourceVersion: ""}
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: l1}
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: l2, namespace: office, labels: {team: blue}}
`;

const STACKS: readonly [string, () => FederationProps][] = [
  ['federation-v1', guideProps],
  ['external-dns', externalDnsProps],
];

/** The objects of a chart of usa's that `add` fills. */
function rendered(
  props: FederationProps,
  add: (chart: Chart) => void,
  options: { namespace?: string } = {},
): Manifest[] {
  const federation = new Federation(props);
  add(new Chart(federation.cluster('usa'), 'mine', { labels: { team: 'red' }, ...options }));
  return new Rendered(federation).objectsOf('usa/90-mine.yaml');
}

const list = (chart: Chart, items: readonly unknown[], kind = 'List', apiVersion = 'v1'): ApiObject =>
  new ApiObject(chart, 'list', { apiVersion, kind, items });

describe.each(STACKS)('a list in a chart of the stack %s', (_, props) => {
  const own = {
    'app.kubernetes.io/managed-by': 'onprem-federation',
    'app.kubernetes.io/part-of': 'federation',
    'onprem-federation.io/federation': 'federation',
  };

  test('comes out as its items, each with the labels and the namespace of an object of its own', () => {
    const folder = mkdtempSync(join(tmpdir(), 'list-'));
    try {
      writeFileSync(join(folder, 'list.yaml'), PRINTED);
      const objects = rendered(props(), (chart) => new Include(chart, 'printed', { url: join(folder, 'list.yaml') }));
      expect(objects).toEqual([
        {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'l1', namespace: 'default', labels: { team: 'red', ...own } },
        },
        {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'l2', namespace: 'office', labels: { team: 'blue', ...own } },
        },
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("hands the chart's namespace to items that live in one", () => {
    const items = [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } },
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } },
      { apiVersion: 'example.com/v1', kind: 'Backup', metadata: { name: 'b' } },
    ];
    const objects = rendered(props(), (chart) => list(chart, items), { namespace: 'shop' });
    expect(objects.map(({ metadata }) => metadata.namespace)).toEqual(['shop', undefined, 'shop']);
  });

  test('may be one of a kind’s own, whose items do not say theirs, and hold lists itself', () => {
    const items = [
      { apiVersion: 'v1', kind: 'ConfigMapList', items: [{ metadata: { name: 'a' }, data: { x: '1' } }] },
      { apiVersion: 'v1', kind: 'List', items: [{ apiVersion: 'v1', kind: 'List', items: [] }] },
      { kind: 'BackupList', apiVersion: 'example.com/v1', items: [{ metadata: { name: 'b' } }] },
      { apiVersion: 'v1', kind: 'List' },
    ];
    const objects = rendered(props(), (chart) => list(chart, items));
    expect(objects.map(({ apiVersion, kind, metadata }) => [apiVersion, kind, metadata.name])).toEqual([
      ['v1', 'ConfigMap', 'a'],
      ['example.com/v1', 'Backup', 'b'],
    ]);
    expect(objects[0]).toMatchObject({ data: { x: '1' }, metadata: { labels: { team: 'red', ...own } } });
  });

  test('is no other object whose kind only ends like one', () => {
    const objects = rendered(props(), (chart) => {
      new ApiObject(chart, 'x', { apiVersion: 'example.com/v1', kind: 'DenyList', metadata: { name: 'x' } });
    });
    expect(objects.map(({ kind }) => kind)).toEqual(['DenyList']);
  });

  test('collides by its items', () => {
    const item = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } };
    expect(() => rendered(props(), (chart) => list(chart, [item, item]))).toThrow(CollisionError);
  });

  test('is refused with a finding for each item that is no object', () => {
    const items = [
      'text',
      { metadata: { name: 'a' } },
      { apiVersion: 'v1', kind: 'ConfigMap' },
      { apiVersion: 'v1', kind: 'List', items: [null] },
    ];
    const findings = findingsOf(() => rendered(props(), (chart) => list(chart, items)));
    expect(findings).toEqual([
      'usa: List, items[0]: "text" is no object',
      'usa: List, items[1]: has no apiVersion or no kind',
      'usa: List, items[2]: the ConfigMap has no name',
      'usa: List, items[3]: List, items[0]: null is no object',
    ]);
  });
});

function findingsOf(act: () => unknown): string[] {
  try {
    act();
    return [];
  } catch (error) {
    if (!(error instanceof ListError)) throw error;
    return error.findings.map(({ where, problem }) => `${where}: ${problem}`);
  }
}

describe('the items of a list', () => {
  const web = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web:1' }] } },
    },
  };
  const chartOf = (app: App, items: readonly unknown[]): void => void list(new Chart(app, 'mine'), items);

  test('come out in the dialect of their cluster and of the federation', () => {
    const federation = new Federation(guideProps());
    chartOf(federation.cluster('usa'), [web]);
    chartOf(federation.federated(), [web]);
    const dist = new Rendered(federation);
    expect(dist.object('usa', 'Deployment', 'web').apiVersion).toBe('apps/v1beta1');
    expect(dist.object('federation', 'Deployment', 'web').apiVersion).toBe('extensions/v1beta1');
  });

  test('are refused where their cluster cannot say them', () => {
    const cron = { ...web, apiVersion: 'batch/v1', kind: 'CronJob' };
    const federation = new Federation(guideProps());
    chartOf(federation.cluster('usa'), [cron]);
    expect(() => federation.render()).toThrow(DialectError);
  });

  test('are refused where the federation does not serve them', () => {
    const federation = new Federation(guideProps());
    chartOf(federation.federated(), [{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'a' } }]);
    expect(() => federation.render()).toThrow(FederationError);
  });
});
