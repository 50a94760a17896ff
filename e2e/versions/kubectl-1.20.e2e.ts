/**
 * The oldest kubectl that can be had, for what the guide's stack shares with today's. No API server of its day can be built
 * any more, so it talks to the oldest that can, and says in `version` that it is of that minor: otherwise no run would begin.
 */
import { GuideClusters } from '../support/guide-clusters';
import { testApply, testTeardown } from '../support/guide-life';

let clusters: GuideClusters;

beforeAll(async () => {
  clusters = await GuideClusters.start({
    kubectl: 'clients/1.20/kubectl',
    kubectlSays: 'v1.29.0',
    apiServer: 'kube-apiserver-1.29',
  });
});

afterAll(() => clusters.stop());

testApply(() => clusters);
testTeardown(() => clusters);
