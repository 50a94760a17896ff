/** The command line in another folder than dist/, with relative entries in KUBECONFIG and PATH. */
import { delimiter, join, relative } from 'node:path';
import { mkdirSync } from 'node:fs';
import { sharedFederation } from './support/shared';

const shared = sharedFederation();

test('relative entries of KUBECONFIG and PATH mean the folder that the caller stands in, as in the shell', async () => {
  const { world, cli } = shared.current;
  // Not as deep as dist/: from there the same entries lead elsewhere.
  const cwd = join(world.dir, 'caller', 'deeper');
  mkdirSync(cwd, { recursive: true });
  const { PATH = '' } = world.env();
  const env = {
    // Where this test itself was started by npm, that one's folder is another.
    npm_lifecycle_event: undefined,
    KUBECONFIG: relative(cwd, world.kubeconfigPath),
    PATH: PATH.split(delimiter)
      .map((entry) => relative(cwd, entry))
      .join(delimiter),
  };
  const [absolute, there] = [await cli(['plan']), await cli(['plan'], { cwd, env })];
  expect(there.output).toBe(absolute.output);
  expect(there.stdout).toMatch(/^\d+ steps: .*\d+ to do, /m);
});
