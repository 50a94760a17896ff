import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprint } from '../support/folder';
import { Project } from '../support/project';

/** What a person sees of a stack trace. */
const STACK = /^\s+at .+:\d+/m;

describe('npm run synth', () => {
  const project = new Project();
  const committed = fingerprint(project.dist);

  test('on a fresh clone changes nothing', () => {
    const { code, stderr } = project.npmRun('synth');
    expect(stderr).toBe('dist/: 0 written, 0 removed, 28 unchanged.\n');
    expect(code).toBe(0);
    expect(fingerprint(project.dist)).toEqual(committed);
  });

  test('-- --check is content with it', () => {
    const { code, stderr } = project.npmRun('synth', '--check');
    expect(stderr).toBe('dist/ is what the topology says (28 files).\n');
    expect(code).toBe(0);
  });

  test("tells of a user's own file and leaves it", () => {
    writeFileSync(join(project.dist, 'usa/99-mine.yaml'), 'mine: true\n');
    const { code, stderr } = project.npmRun('synth');
    expect(stderr).toBe(
      'not ours  dist/usa/99-mine.yaml (left as it is)\ndist/: 0 written, 0 removed, 28 unchanged.\n',
    );
    expect(code).toBe(0);
    expect(project.npmRun('synth', '--check').code).toBe(0);
    expect(readFileSync(join(project.dist, 'usa/99-mine.yaml'), 'utf8')).toBe('mine: true\n');
    unlinkSync(join(project.dist, 'usa/99-mine.yaml'));
  });

  test('writes to another folder where one is named', () => {
    const { code, stderr } = project.npmRun('synth', '--output', 'elsewhere');
    expect(stderr).toMatch(/^wrote {5}elsewhere\/chn\/35-vip-configmap\.yaml$/m);
    expect(stderr).toMatch(/^elsewhere\/: 28 written, 0 removed, 0 unchanged\.$/m);
    expect(code).toBe(0);
    expect(Object.keys(fingerprint(join(project.folder, 'elsewhere')))).toEqual(Object.keys(committed));
    expect(fingerprint(project.dist)).toEqual(committed);
  });

  test('ends quietly where nobody reads what it says', () => {
    const script = 'node --require ./scripts/register.cjs main.ts --check 2>&1 | true; exit ${PIPESTATUS[0]}';
    expect(spawnSync('bash', ['-c', script], { cwd: project.folder }).status).toBe(0);
  });

  test('says how it is used where it is not used so', () => {
    const { code, stderr } = project.npmRun('synth', '--chekc');
    expect(stderr).toMatch(/^error: unknown option '--chekc'\n\(Did you mean --check\?\)/);
    expect(code).toBe(1);
    expect(fingerprint(project.dist)).toEqual(committed);
  });
});

describe('with a topology that has changed', () => {
  const project = new Project();
  const committed = fingerprint(project.dist);
  project.edit("addressRange: '10.210.2.100/26'", "addressRange: '10.210.4.0/24'");
  project.edit(
    "workloads: [ { name: 'hello-world', image: 'artmr/hello-world:latest', replicas: 12, port: 8080 } ]",
    'workloads: []',
  );

  test('npm run synth -- --check lists what is stale and left over, and fails', () => {
    const { code, stderr, stdout } = project.npmRun('synth', '--check');
    expect(stderr.split('\n')).toEqual([
      'stale     dist/artifacts.yaml',
      'stale     dist/chn/37-keepalived-cloud-provider.yaml',
      'stale     dist/chn/artifacts.conf',
      'stale     dist/fcp/artifacts.conf',
      'stale     dist/plan.yaml',
      'stale     dist/usa/artifacts.conf',
      'left over dist/federation/50-namespaces.yaml',
      'left over dist/federation/51-hello-world.yaml',
      'left over dist/federation/artifacts.conf',
      'dist/ is not what the topology says. Run `npm run synth` and commit the result.',
      '',
    ]);
    expect(stdout).toBe('');
    expect(code).toBe(1);
    expect(fingerprint(project.dist)).toEqual(committed);
  });

  test('npm run synth brings dist/ there, and the check is content again', () => {
    const { code, stderr } = project.npmRun('synth');
    expect(stderr.split('\n')).toEqual([
      'wrote     dist/artifacts.yaml',
      'wrote     dist/chn/37-keepalived-cloud-provider.yaml',
      'wrote     dist/chn/artifacts.conf',
      'wrote     dist/fcp/artifacts.conf',
      'wrote     dist/plan.yaml',
      'wrote     dist/usa/artifacts.conf',
      'removed   dist/federation/50-namespaces.yaml',
      'removed   dist/federation/51-hello-world.yaml',
      'removed   dist/federation/artifacts.conf',
      'dist/: 6 written, 3 removed, 19 unchanged.',
      '',
    ]);
    expect(code).toBe(0);
    expect(existsSync(join(project.dist, 'federation'))).toBe(false);
    expect(project.npmRun('synth', '--check').code).toBe(0);
  });
});

describe('with a topology that cannot be meant', () => {
  const project = new Project();
  const committed = fingerprint(project.dist);
  project.edit("hostCluster: 'fcp'", "hostCluster: 'fpc'");
  project.edit("addressRange: '10.210.3.100/26'", "addressRange: '10.210.1.100/31'");
  project.edit("zone: 'example.com.'", "zone: 'example.com'");

  test.each([
    ['npm run synth', []],
    ['npm run synth -- --check', ['--check']],
  ])('%s prints all mistakes without a stack trace, fails, and leaves dist/ as it was', (_, args) => {
    const { code, stderr, stdout } = project.npmRun('synth', ...args);
    expect(stderr.split('\n')).toEqual([
      'The topology has 3 mistakes; nothing was written.',
      "  - hostCluster: 'fpc' is none of the clusters",
      '    Name one of the declared clusters: fcp, usa, chn.',
      "  - clusters[1].addressRange: '10.210.1.100/31' has no address to hand out: network and broadcast address are left out, so a /31 is empty",
      '    Write an IPv4 CIDR of /1 to /30, such as 10.210.1.100/26.',
      "  - dns.zone: 'example.com' lacks its closing dot",
      "    Write 'example.com.': the zone is a fully qualified name.",
      '',
    ]);
    expect(stdout).toBe('');
    expect(code).toBe(1);
    expect(fingerprint(project.dist)).toEqual(committed);
  });

  test('npx cdk8s synth prints them before what the tool itself says, and leaves dist/ as it was', () => {
    const { code, stderr } = project.run('cdk8s', 'synth');
    expect(stderr).toMatch(/^The topology has 3 mistakes; nothing was written\.\n {2}- hostCluster: /);
    expect(code).not.toBe(0);
    expect(fingerprint(project.dist)).toEqual(committed);
  });
});

describe('with props that the compiler would not let pass', () => {
  const project = new Project();
  project.edit("zone: 'us',", "zoen: 'us',");

  test('npm run synth, which does not ask the compiler, prints them like any other mistake', () => {
    const { code, stderr } = project.npmRun('synth');
    expect(stderr).toContain('  - clusters[1].zone: is missing\n');
    expect(stderr).toContain("  - clusters[1].zoen: there is no prop 'zoen' here\n");
    expect(stderr).not.toMatch(STACK);
    expect(code).toBe(1);
  });
});

describe('with a main.ts that cannot be loaded', () => {
  const project = new Project();
  const main = readFileSync(join(project.folder, 'main.ts'), 'utf8');
  const committed = fingerprint(project.dist);

  test.each([
    [
      'a slip of the pen',
      main.replace('dns: {', 'dns: {{'),
      ['  - main.ts:32:9: Expected identifier but found "{"', '    `npm run typecheck` says more.'],
    ],
    [
      'an import of a file that is not there',
      `${main}import { Monitoring } from './charts/monitoring';\nnew Monitoring();\n`,
      [
        "  - main.ts:37:28: there is no module './charts/monitoring'",
        '    Correct the path, or add the file; `npm run typecheck` says more.',
      ],
    ],
    [
      'an import of a package that is not there',
      `import { debounce } from "lodash-of-nobody";\n${main}\ndebounce();\n`,
      [
        "  - main.ts:1:26: there is no module 'lodash-of-nobody'",
        '    `npm ci` installs the packages of package.json; `npm run typecheck` says more.',
      ],
    ],
  ])('npm run synth says of %s where it is, and no more', (_, text, lines) => {
    project.declare(text);
    const { code, stderr, stdout } = project.npmRun('synth');
    expect(stderr.split('\n')).toEqual(['The program cannot be loaded; nothing was done.', ...lines, '']);
    expect(stdout).toBe('');
    expect(code).toBe(1);
    expect(fingerprint(project.dist)).toEqual(committed);
  });

  test('an error inside the program keeps its stack', () => {
    project.declare(main.replace('export const topology', "throw new Error('of its own');\nexport const topology"));
    const { code, stderr } = project.npmRun('synth');
    expect(stderr).toContain('Error: of its own');
    expect(stderr).toMatch(STACK);
    expect(code).toBe(1);
  });
});

describe('npx cdk8s synth', () => {
  const project = new Project();
  writeFileSync(join(project.dist, 'usa/99-mine.yaml'), 'mine: true\n');
  const before = fingerprint(project.dist);

  test("keeps a user's file in dist/, though the tool empties its output folder first", () => {
    const { code, stderr, stdout } = project.run('cdk8s', 'synth');
    expect(stderr).toContain('not ours  dist/usa/99-mine.yaml (left as it is)');
    expect(stderr + stdout).not.toMatch(STACK);
    expect(code).toBe(0);
    expect(fingerprint(project.dist)).toEqual(before);
  });

  test('writes dist/ where the topology has changed', () => {
    project.edit('replicas: 12', 'replicas: 9');
    expect(project.run('cdk8s', 'synth').code).toBe(0);
    expect(readFileSync(join(project.dist, 'federation/51-hello-world.yaml'), 'utf8')).toContain('replicas: 9\n');
    expect(readFileSync(join(project.dist, 'usa/99-mine.yaml'), 'utf8')).toBe('mine: true\n');
  });

  test('prints the manifests where it is asked to, and writes nothing', () => {
    const now = fingerprint(project.dist);
    const { code, stdout } = project.run('cdk8s', 'synth', '--stdout');
    expect(stdout).toContain('kind: EtcdCluster\n');
    expect(code).toBe(0);
    expect(fingerprint(project.dist)).toEqual(now);
  });
});
