import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { synth } from './lib';
import { topology } from './main';

const DIST = join(__dirname, 'dist');

// What a pull request shows is the file itself, not a JavaScript string of it.
expect.addSnapshotSerializer({
  test: (value) => typeof value === 'string',
  serialize: (value) => value as string,
});

describe("what main.ts's topology renders", () => {
  test.each(topology().render())('$path', ({ content }) => {
    expect(content).toMatchSnapshot();
  });

  test.each(topology().render())('$path is committed so', ({ path, content }) => {
    expect(readFileSync(join(DIST, path), 'utf8')).toBe(content);
  });

  test('is all that is committed', () => {
    const { written, removed, foreign } = synth(topology(), DIST, { check: true });
    expect([...written, ...removed, ...foreign]).toEqual([]);
  });
});
