/** Every documented way to start a program of the project, typed as a user types it. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprint } from '../support/folder';
import { guideProps, ROOT } from '../support/guide';
import { Project } from '../support/project';
import { swept } from '../support/sweep';

const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

/** What a file of the user's own runs with. */
const RUNNERS = ['npx ts-node', 'npx ts-node -T', 'npx tsx', 'node --require ./scripts/register.cjs'];

/** The contents of a folder's files. */
function contents(folder: string): Record<string, string> {
  return Object.fromEntries(Object.entries(fingerprint(folder)).map(([path, { content }]) => [path, content]));
}

describe('dist/ is rendered by', () => {
  const project = new Project();
  const rendered = contents(project.dist);
  const ways = [...RUNNERS.map((runner) => `${runner} main.ts`), 'npm run synth', 'npx cdk8s synth'];

  test.each(swept(ways))('%s', (command) => {
    rmSync(project.dist, { recursive: true });
    const { code, stderr } = project.type(command);
    expect(stderr).toContain('dist/: 28 written, 0 removed, 0 unchanged.\n');
    expect(code).toBe(0);
    expect(contents(project.dist)).toEqual(rendered);
  });

  test('each command that the README has for it', () => {
    const [, section = ''] = /^## Ways to run it\n(.*?)^## /ms.exec(README) ?? [];
    const documented = [...section.matchAll(/`((?:npm run|npx|node) [^`]*(?:synth|main\.ts))`/g)].map(([, way]) => way);
    expect([...new Set(documented)].sort()).toEqual([...ways].sort());
  });
});

describe('npx cdk8s synth renders dist/ where the app of cdk8s.yaml is', () => {
  const project = new Project();
  const rendered = contents(project.dist);
  const config = readFileSync(join(project.folder, 'cdk8s.yaml'), 'utf8');

  test.each(swept(RUNNERS))('%s main.ts', (runner) => {
    writeFileSync(join(project.folder, 'cdk8s.yaml'), config.replace(/^app: .*$/m, `app: ${runner} main.ts`));
    rmSync(project.dist, { recursive: true });
    expect(project.type('npx cdk8s synth').code).toBe(0);
    expect(contents(project.dist)).toEqual(rendered);
  });
});

describe('the plan is shown by', () => {
  const project = new Project();
  const expected = project.type('npm run --silent plan -- --offline');

  test.each(swept(RUNNERS))('%s scripts/federation.ts plan --offline', (runner) => {
    expect(expected.stdout).toContain('\n36 steps');
    expect(project.type(`${runner} scripts/federation.ts plan --offline`)).toEqual(expected);
  });
});

describe('as a library, as the README shows it, synth writes a folder under', () => {
  const project = new Project();
  const [, example = ''] = /^\*\*As a library\*\*.*?\n\n```ts\n(.*?)^```$/ms.exec(README) ?? [];
  const own = example.replace('{ … }', JSON.stringify(guideProps())).replace("'some/folder'", "'own/folder'");
  writeFileSync(join(project.folder, 'own.ts'), `${own}console.log(written.length, removed.length);\n`);

  test.each(swept(RUNNERS))('%s', (runner) => {
    expect(project.type(`${runner} own.ts`)).toEqual({ code: 0, stdout: '28 0\n', stderr: '' });
    expect(contents(join(project.folder, 'own/folder'))).toEqual(contents(project.dist));
    rmSync(join(project.folder, 'own'), { recursive: true });
  });
});

describe('npx ts-node main.ts says in a few lines', () => {
  const project = new Project();
  const main = readFileSync(join(project.folder, 'main.ts'), 'utf8');
  const before = fingerprint(project.dist);
  const unloadable = 'The program cannot be loaded; nothing was done.';

  const mistakes: [what: string, text: string, said: string[]][] = [
    [
      'where a slip of the pen is',
      main.replace('dns: {', 'dns: {{'),
      [unloadable, '  - main.ts:32:9: Property assignment expected.', '    `npm run typecheck` says more.'],
    ],
    [
      'which file is not there',
      `import { Monitoring } from './charts/monitoring';\n${main}\nnew Monitoring();\n`,
      [
        unloadable,
        "  - main.ts:1:28: there is no module './charts/monitoring'",
        '    Correct the path, or add the file; `npm run typecheck` says more.',
      ],
    ],
    [
      'which file is not there, though dist/ is rendered before it is missed',
      `${main}import { Monitoring } from './charts/monitoring';\nnew Monitoring();\n`,
      [
        'dist/: 0 written, 0 removed, 28 unchanged.',
        'The program cannot be loaded.',
        "  - main.ts:37:28: there is no module './charts/monitoring'",
        '    Correct the path, or add the file; `npm run typecheck` says more.',
      ],
    ],
    [
      'which package is not there',
      `import { debounce } from "lodash-of-nobody";\n${main}\ndebounce();\n`,
      [
        unloadable,
        "  - main.ts:1:26: there is no module 'lodash-of-nobody'",
        '    `npm ci` installs the packages of package.json; `npm run typecheck` says more.',
      ],
    ],
    [
      'what of the topology cannot be meant',
      main.replace("hostCluster: 'fcp'", "hostCluster: 'fpc'"),
      [
        'The topology has one mistake; nothing was written.',
        "  - hostCluster: 'fpc' is none of the clusters",
        '    Name one of the declared clusters: fcp, usa, chn.',
      ],
    ],
  ];

  test.each(swept(mistakes))('%s', (_, text, said) => {
    project.declare(text);
    expect(project.type('npx ts-node main.ts')).toEqual({ code: 1, stdout: '', stderr: [...said, ''].join('\n') });
    expect(fingerprint(project.dist)).toEqual(before);
  });
});
