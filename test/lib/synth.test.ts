import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Chart } from 'cdk8s';
import { ConfigMap, Deployment } from 'cdk8s-plus-25';
import {
  CollisionError,
  DialectError,
  Federation,
  ForeignFileError,
  synth,
  SynthResult,
  TopologyError,
} from '../../lib';
import { FederationProps } from '../../lib/topology/types';
import { copyOf, fingerprint, temporaryFolder } from '../support/folder';
import { guideAt, guideProps, ROOT } from '../support/guide';

const federation = (changes: Partial<FederationProps> = {}): Federation => new Federation(guideProps(changes));

/** A folder into which the guide has been rendered. */
function rendered(): string {
  const folder = temporaryFolder();
  synth(federation(), folder);
  return folder;
}

const NOTHING: SynthResult = { written: [], removed: [], foreign: [], unchanged: 28 };

describe('synth', () => {
  test('writes every file that the federation renders, and nothing else', () => {
    const folder = temporaryFolder();
    const files = federation().render();
    const result = synth(federation(), join(folder, 'not/yet/there'));
    expect(result).toEqual({ written: files.map(({ path }) => path).sort(), removed: [], foreign: [], unchanged: 0 });
    const found = fingerprint(join(folder, 'not/yet/there'));
    expect(Object.fromEntries(Object.entries(found).map(([path, { content }]) => [path, content]))).toEqual(
      Object.fromEntries(files.map(({ path, content }) => [path, Buffer.from(content).toString('base64')])),
    );
  });

  test('has one folder a cluster and one for the federation, files numbered in the order of use', () => {
    expect(
      federation()
        .render()
        .map(({ path }) => path),
    ).toEqual([
      'federation/50-namespaces.yaml',
      'federation/51-hello-world.yaml',
      'federation/artifacts.conf',
      'fcp/15-etcd-operator.yaml',
      'fcp/16-etcd-cluster.yaml',
      'fcp/20-tiller.yaml',
      'fcp/21-coredns-values.conf',
      'fcp/25-coredns-provider.conf',
      ...['fcp', 'usa', 'chn'].flatMap((cluster) => [
        `${cluster}/35-vip-configmap.yaml`,
        `${cluster}/36-kube-keepalived-vip.yaml`,
        `${cluster}/37-keepalived-cloud-provider.yaml`,
        `${cluster}/40-controller-manager-kubeadm.conf`,
        `${cluster}/45-kube-dns-stub-domains.conf`,
        `${cluster}/artifacts.conf`,
      ]),
      'artifacts.yaml',
      'plan.yaml',
    ]);
  });

  test('gives the same bytes twice, from the same federation and from another one', () => {
    const one = federation();
    new Chart(one.cluster('usa'), 'a').addDependency(new Chart(one.cluster('usa'), 'b'));
    const first = one.render();
    expect(one.render()).toEqual(first);
    expect(federation().render()).toEqual(federation().render());
  });

  test('writes nothing the second time', () => {
    const folder = rendered();
    const before = fingerprint(folder);
    expect(synth(federation(), folder)).toEqual(NOTHING);
    expect(fingerprint(folder)).toEqual(before);
  });

  test('touches only the files that differ', () => {
    const folder = rendered();
    const before = fingerprint(folder);
    const { written } = synth(federation({ etcd: { size: 5 } }), folder);
    expect(written).toEqual(['fcp/16-etcd-cluster.yaml', 'plan.yaml']);
    const after = fingerprint(folder);
    const changed = Object.keys(after).filter((path) => after[path]?.changed !== before[path]?.changed);
    expect(changed).toEqual(['fcp/16-etcd-cluster.yaml', 'plan.yaml']);
  });

  test('writes again what was lost or changed by hand', () => {
    const folder = rendered();
    const before = fingerprint(folder);
    unlinkSync(join(folder, 'usa/35-vip-configmap.yaml'));
    writeFileSync(join(folder, 'usa/36-kube-keepalived-vip.yaml'), 'changed: true\n');
    expect(synth(federation(), folder).written).toEqual([
      'usa/35-vip-configmap.yaml',
      'usa/36-kube-keepalived-vip.yaml',
    ]);
    expect(Object.entries(fingerprint(folder)).map(([path, { content }]) => [path, content])).toEqual(
      Object.entries(before).map(([path, { content }]) => [path, content]),
    );
  });
});

describe('what the topology does not say any more', () => {
  test('is taken away, with its folder where that is empty', () => {
    const folder = rendered();
    const { clusters } = guideProps();
    const result = synth(federation({ clusters: clusters.slice(0, 2), workloads: [] }), folder);
    expect(result.removed).toEqual([
      'chn/35-vip-configmap.yaml',
      'chn/36-kube-keepalived-vip.yaml',
      'chn/37-keepalived-cloud-provider.yaml',
      'chn/40-controller-manager-kubeadm.conf',
      'chn/45-kube-dns-stub-domains.conf',
      'chn/artifacts.conf',
      'federation/50-namespaces.yaml',
      'federation/51-hello-world.yaml',
      'federation/artifacts.conf',
    ]);
    expect(existsSync(join(folder, 'chn'))).toBe(false);
    expect(existsSync(join(folder, 'federation'))).toBe(false);
    expect(synth(federation({ clusters: clusters.slice(0, 2), workloads: [] }), folder).foreign).toEqual([]);
  });

  test('leaves no old file behind where a component writes another one', () => {
    const folder = rendered();
    const { removed, written } = synth(new Federation(guideAt('1.12.0')), folder);
    expect(removed.filter((path) => path.startsWith('usa/'))).toEqual(['usa/45-kube-dns-stub-domains.conf']);
    expect(written).toContain('usa/45-cluster-dns-corefile.conf');
  });

  test("leaves no old file of a user's chart behind", () => {
    const folder = temporaryFolder();
    const withChart = federation();
    new ConfigMap(new Chart(withChart.cluster('usa'), 'mine'), 'x', { metadata: { name: 'x' } });
    synth(withChart, folder);
    expect(synth(federation(), folder).removed).toEqual(['usa/90-mine.yaml']);
  });

  test('stays, and is told, where somebody changed it since', () => {
    const folder = rendered();
    const file = join(folder, 'federation/51-hello-world.yaml');
    writeFileSync(file, `${readFileSync(file, 'utf8')}# mine\n`);
    const result = synth(federation({ workloads: [] }), folder);
    expect(result.removed).toEqual(['federation/50-namespaces.yaml', 'federation/artifacts.conf']);
    expect(result.foreign).toEqual(['federation/51-hello-world.yaml']);
    expect(readFileSync(file, 'utf8')).toMatch(/# mine\n$/);
    expect(synth(federation({ workloads: [] }), folder).foreign).toEqual(['federation/51-hello-world.yaml']);
  });

  test.each([
    [
      'is missing',
      (plan: string) => {
        rmSync(plan);
      },
    ],
    [
      'is no YAML',
      (plan: string) => {
        writeFileSync(plan, '<<<<<<< HEAD\nfiles: [\n');
      },
    ],
    [
      'is no plan',
      (plan: string) => {
        writeFileSync(plan, '- files\n');
      },
    ],
  ])('stays where the old plan, which would say whose it is, %s', (_, spoil) => {
    const folder = rendered();
    spoil(join(folder, 'plan.yaml'));
    const result = synth(federation({ workloads: [] }), folder);
    expect(result.removed).toEqual([]);
    expect(result.foreign).toEqual([
      'federation/50-namespaces.yaml',
      'federation/51-hello-world.yaml',
      'federation/artifacts.conf',
    ]);
    expect(existsSync(join(folder, 'federation/51-hello-world.yaml'))).toBe(true);
  });

  test('is taken away by the next synth where one died before it was done', () => {
    const folder = rendered();
    // Where the plan cannot be written, the run ends as it would where it is killed just before.
    mkdirSync(join(folder, 'plan.yaml.tmp'));
    expect(() => synth(federation({ workloads: [] }), folder)).toThrow(/plan\.yaml\.tmp/);
    rmSync(join(folder, 'plan.yaml.tmp'), { recursive: true });
    synth(federation({ workloads: [] }), folder);
    expect(existsSync(join(folder, 'federation'))).toBe(false);
  });
});

describe("a user's own file in the folder", () => {
  test('is told and never touched, wherever it is', () => {
    const folder = rendered();
    mkdirSync(join(folder, 'notes'));
    const mine = ['README.md', 'notes/todo.txt', 'usa/35-vip-configmap.yaml.bak', 'usa/99-mine.yaml'];
    for (const path of mine) writeFileSync(join(folder, path), path);
    const before = fingerprint(folder);
    expect(synth(federation(), folder)).toEqual({ ...NOTHING, foreign: mine });
    expect(fingerprint(folder)).toEqual(before);
  });

  test('keeps the folder of a cluster that has gone', () => {
    const folder = rendered();
    writeFileSync(join(folder, 'chn/mine.yaml'), 'mine');
    const { foreign } = synth(federation({ clusters: guideProps().clusters.slice(0, 2) }), folder);
    expect(foreign).toEqual(['chn/mine.yaml']);
    expect(Object.keys(fingerprint(join(folder, 'chn')))).toEqual(['mine.yaml']);
  });

  test('may be a link, even one that leads nowhere', () => {
    const folder = rendered();
    symlinkSync(folder, join(folder, 'folder'));
    symlinkSync(join(folder, 'nowhere'), join(folder, 'nothing'));
    expect(synth(federation(), folder).foreign).toEqual(['folder', 'nothing']);
  });

  test('is the same one however the folder is named', () => {
    const folder = rendered();
    writeFileSync(join(folder, 'mine'), '');
    const here = process.cwd();
    try {
      process.chdir(folder);
      for (const name of ['.', './', join('..', relative(join(folder, '..'), folder)), `${folder}//`]) {
        expect(synth(federation(), name)).toEqual({ ...NOTHING, foreign: ['mine'] });
      }
    } finally {
      process.chdir(here);
    }
  });
});

describe("a user's own file where synth wants to write", () => {
  const withSecond = (): Federation => {
    const changed = federation();
    new ConfigMap(new Chart(changed.cluster('usa'), 'notes'), 'x', { metadata: { name: 'x', namespace: 'default' } });
    return changed;
  };
  const refused = (act: () => void): string[] => {
    try {
      act();
    } catch (error) {
      if (error instanceof ForeignFileError) return error.findings.map(({ where, problem }) => `${where} ${problem}`);
      throw error;
    }
    return [];
  };

  test('is never overwritten: nothing is written until it is moved', () => {
    const folder = rendered();
    writeFileSync(join(folder, 'usa/90-notes.yaml'), 'mine\n');
    const before = fingerprint(folder);
    expect(refused(() => synth(withSecond(), folder))).toEqual([
      'usa/90-notes.yaml is there, and was not written by synth',
    ]);
    expect(refused(() => synth(withSecond(), folder, { check: true }))).toHaveLength(1);
    expect(fingerprint(folder)).toEqual(before);
    unlinkSync(join(folder, 'usa/90-notes.yaml'));
    expect(synth(withSecond(), folder).written).toContain('usa/90-notes.yaml');
  });

  test('that says the same is taken over', () => {
    const folder = rendered();
    const [file] = withSecond()
      .render()
      .filter(({ path }) => path === 'usa/90-notes.yaml');
    writeFileSync(join(folder, 'usa/90-notes.yaml'), file?.content ?? '');
    expect(synth(withSecond(), folder).written).toEqual(['plan.yaml']);
  });

  test.each([
    [
      'a link to another folder',
      (path: string, elsewhere: string): void => {
        symlinkSync(elsewhere, path);
      },
    ],
    [
      'a file',
      (path: string): void => {
        writeFileSync(path, 'mine');
      },
    ],
  ])('stops it too as %s in the place of a folder', (_, make) => {
    const folder = rendered();
    const elsewhere = temporaryFolder();
    rmSync(join(folder, 'usa'), { recursive: true });
    make(join(folder, 'usa'), elsewhere);
    expect(refused(() => synth(federation(), folder))).toEqual([
      'usa is no folder, or one elsewhere that a link leads to',
    ]);
    expect(fingerprint(elsewhere)).toEqual({});
  });

  test('cannot be told where there is no plan that can be read: synth writes its own', () => {
    const folder = rendered();
    writeFileSync(join(folder, 'plan.yaml'), '<<<<<<< HEAD\n');
    writeFileSync(join(folder, 'usa/90-notes.yaml'), 'mine\n');
    expect(synth(withSecond(), folder).written).toEqual(['plan.yaml', 'usa/90-notes.yaml']);
  });
});

describe('looking only', () => {
  test('says what would be written and taken away, and touches nothing', () => {
    const folder = rendered();
    writeFileSync(join(folder, 'usa/35-vip-configmap.yaml'), 'stale: true\n');
    writeFileSync(join(folder, 'mine'), '');
    const before = fingerprint(folder);
    const look = (): SynthResult => synth(federation({ workloads: [] }), folder, { check: true });
    const expected = {
      written: [
        'artifacts.yaml',
        'chn/artifacts.conf',
        'fcp/artifacts.conf',
        'plan.yaml',
        'usa/35-vip-configmap.yaml',
        'usa/artifacts.conf',
      ],
      removed: ['federation/50-namespaces.yaml', 'federation/51-hello-world.yaml', 'federation/artifacts.conf'],
      foreign: ['mine'],
      unchanged: 19,
    };
    expect(look()).toEqual(expected);
    expect(look()).toEqual(expected);
    expect(fingerprint(folder)).toEqual(before);
    expect(synth(federation({ workloads: [] }), folder)).toEqual(expected);
  });

  test('does not make the folder', () => {
    const folder = join(temporaryFolder(), 'dist');
    expect(synth(federation(), folder, { check: true }).written).toHaveLength(28);
    expect(existsSync(folder)).toBe(false);
  });
});

describe('what cannot be rendered leaves dist/ as it was, to the byte and the minute', () => {
  const dist = copyOf(join(ROOT, 'dist'));
  const before = fingerprint(dist);

  test.each<[string, () => Federation, new (...args: never[]) => Error]>([
    ['a bad topology', () => federation({ hostCluster: 'nowhere', etcd: { size: 2 } }), TopologyError],
    [
      'a chart that its cluster cannot keep',
      () => {
        const bad = federation({ etcd: { size: 5 } });
        new Deployment(new Chart(bad.cluster('chn'), 'bad'), 'x', { containers: [{ image: 'web:1', portNumber: 80 }] });
        return bad;
      },
      DialectError,
    ],
    [
      'two objects of one name',
      () => {
        const bad = federation({ etcd: { size: 5 } });
        const chart = new Chart(bad.cluster('chn'), 'bad');
        for (const id of ['x', 'y']) new ConfigMap(chart, id, { metadata: { name: 'same' } });
        return bad;
      },
      CollisionError,
    ],
  ])('%s', (_, declare, error) => {
    expect(() => synth(declare(), dist)).toThrow(error);
    expect(fingerprint(dist)).toEqual(before);
  });
});
