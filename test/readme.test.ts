import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { ROOT } from './support/guide';
import { Project } from './support/project';

/** The whole `main.ts` that the README shows: what a user's own one looks like. */
function ownMain(): string {
  const [, text] =
    /A whole one, with two clusters:\n\n```ts\n(.*?)^```$/ms.exec(readFileSync(join(ROOT, 'README.md'), 'utf8')) ?? [];
  if (text === undefined) throw new Error('README.md has no main.ts of two clusters');
  return text;
}

/** The project's files as the compiler sees them, with another text in main.ts. */
function compiled(main: string): { program: ts.Program; files: readonly string[] } {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (file) => ts.sys.readFile(file)) as {
    config: unknown;
  };
  const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  // Only these can tell one main.ts from another.
  const files = fileNames.filter(
    (file) => file === join(ROOT, 'main.ts') || /from '(\.\.?\/)+main'/.test(ts.sys.readFile(file) ?? ''),
  );
  const host = ts.createCompilerHost(options);
  const readFile = host.readFile.bind(host);
  host.readFile = (file) => (file === join(ROOT, 'main.ts') ? main : readFile(file));
  host.getSourceFile = (file, languageVersion) => {
    const text = host.readFile(file);
    return text === undefined ? undefined : ts.createSourceFile(file, text, languageVersion);
  };
  return { program: ts.createProgram(files, options, host), files };
}

describe("the README's topology in main.ts", () => {
  test('npm run synth renders it', () => {
    const project = new Project();
    project.declare(ownMain());
    const { code, stderr } = project.npmRun('synth');
    expect(stderr).toContain('wrote     dist/south/');
    expect(stderr).toContain('removed   dist/usa/');
    expect(code).toBe(0);
  });

  test('one kubectl can apply it: it has to be within one minor version of every cluster', () => {
    const minors = [...ownMain().matchAll(/kubernetesVersion: '1\.(\d+)\./g)].map(([, minor]) => Number(minor));
    expect(minors).toHaveLength(2);
    expect(Math.max(...minors) - Math.min(...minors)).toBeLessThanOrEqual(2);
  });

  test('npm run typecheck has nothing against it, nor against what uses main.ts', () => {
    const { program, files } = compiled(ownMain());
    expect(files.length).toBeGreaterThan(1);
    const found = files.flatMap((file) => [
      ...program.getSyntacticDiagnostics(program.getSourceFile(file)),
      ...program.getSemanticDiagnostics(program.getSourceFile(file)),
    ]);
    expect(found.map(({ file, messageText }) => `${file?.fileName ?? ''}: ${JSON.stringify(messageText)}`)).toEqual([]);
  });
});
