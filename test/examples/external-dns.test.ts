import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { topology } from '../../examples/external-dns/main';

const DIST = join(__dirname, '../../examples/external-dns/dist');

it('the example is committed as it renders', () => {
  const committed = readdirSync(DIST, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(DIST.length + 1))
    .sort();
  const rendered = topology().render();
  expect(rendered.map(({ path }) => path).sort()).toEqual(committed);
  for (const { path, content } of rendered)
    expect([path, readFileSync(join(DIST, path), 'utf8')]).toEqual([path, content]);
});
