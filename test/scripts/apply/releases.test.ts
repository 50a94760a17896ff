/** What is asked of each Helm, and what is read out of its answer. */
import { StepOf } from '../../../lib/plan/step';
import { helmFor } from '../../../scripts/apply/releases';
import { must, sh } from '../../stand-ins/fixtures';
import { World } from '../../stand-ins/world';

const STEP: StepOf<'helm-release'> = {
  ...{ id: 'fcp/coredns', title: 'CoreDNS', component: 'coredns', cluster: 'fcp', context: 'fcp', needs: [] },
  ...{ timeoutSeconds: 600, kind: 'helm-release', helm: 3, release: 'coredns', chart: 'stable/coredns' },
  ...{ version: '0.6.0', namespace: 'default', file: 'fcp/21-values.yaml', wait: [] },
};

describe.each(['3.17.2', '4.1.4'])('Helm %s', (helmVersion) => {
  it.each([
    ['as it is', undefined, 'deployed'],
    ['pending', { type: 'kill', point: 'in', stage: 3 }, 'pending-install'],
  ] as const)('lists a release that is there: %s', async (_, action, status) => {
    const world = await World.start({ helmVersion });
    try {
      await must(world, 'helm repo add stable https://charts.invalid/stable');
      if (action) world.inject({ match: /^upgrade/, action });
      await sh(world, 'helm upgrade --install coredns stable/coredns --version 0.6.0 --kube-context=fcp');
      const { list, parse } = helmFor(STEP);
      expect(parse((await must(world, list.join(' '))).stdout)).toEqual({
        revision: 1,
        status,
        chart: 'coredns-0.6.0',
      });
    } finally {
      await world.close();
    }
  });
});
