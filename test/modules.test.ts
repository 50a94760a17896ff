import { readdirSync } from 'node:fs';
import { join, parse } from 'node:path';
import { ROOT } from './support/guide';

/** What `import './x'` may mean. Node and ts-node, tsx, esbuild and jest try these endings in different orders. */
const ENDINGS = ['.js', '.mjs', '.cjs', '.jsx', '.ts', '.mts', '.cts', '.tsx', '.json', '.node'];

/** The modules of the project, without their endings. */
function modules(): string[] {
  const folders = ['bench', 'e2e', 'examples', 'imports', 'lib', 'scripts', 'test'];
  const files = folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
  );
  return [...files, ...readdirSync(ROOT)].flatMap((file) => {
    const { dir, name, ext } = parse(file);
    return ENDINGS.includes(ext) && !file.includes('node_modules') ? [join(dir, name)] : [];
  });
}

test('no import means one file to one program and another file to another', () => {
  const found = modules();
  expect(found).toContain('lib/dialect/dialect');
  expect(found.filter((name, i) => found.indexOf(name) !== i)).toEqual([]);
});
