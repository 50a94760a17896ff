import { Federation, synth } from '../../lib';
import { temporaryFolder } from '../support/folder';
import { manyClusters } from '../support/guide';
import { swept } from '../support/sweep';

test.each(swept([100, 1, 1000]))('synth renders %d clusters', (count) => {
  const { written } = synth(new Federation(manyClusters(count)), temporaryFolder());
  expect(written.filter((path) => path.endsWith('/35-vip-configmap.yaml'))).toHaveLength(count);
});
