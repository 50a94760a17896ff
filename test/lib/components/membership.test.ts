import { GUIDE_CLUSTERS, guideProps, Rendered } from '../../support/guide';

const rendered = Rendered.of(guideProps());

test('every cluster joins, the host among them', () => {
  const joins = rendered.plan.steps.filter(({ kind }) => kind === 'kubefed-join');
  expect(joins.map(({ cluster }) => cluster)).toEqual(['fcp', 'usa', 'chn']);
});

test('contexts are those of the topology, whatever the clusters are named', () => {
  const { fcp, usa } = GUIDE_CLUSTERS;
  const other = Rendered.of(
    guideProps({
      clusters: [
        { ...fcp, context: 'fcp-admin' },
        { ...usa, context: 'admin@usa' },
      ],
    }),
  );
  expect(other.step('usa/join')).toMatchObject({ cluster: 'usa', context: 'admin@usa', hostContext: 'fcp-admin' });
  expect(other.step('fcp/join')).toMatchObject({ cluster: 'fcp', context: 'fcp-admin', hostContext: 'fcp-admin' });
});

test('the Secret has a name, one for each member, so that a try that failed leaves no other behind', () => {
  const names = ['fcp', 'usa', 'chn'].map((cluster) => {
    const step = rendered.step(`${cluster}/join`);
    return step.kind === 'kubefed-join' ? step.secretName : '';
  });
  expect(names).toEqual(['federation-member-fcp', 'federation-member-usa', 'federation-member-chn']);
});

test('nobody joins before its nodes have their region and zone', () => {
  for (const cluster of ['fcp', 'usa', 'chn']) {
    expect(rendered.step(`${cluster}/join`).needs).toEqual(['fcp/federation-control-plane', `${cluster}/node-labels`]);
  }
});
