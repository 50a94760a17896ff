import { GUIDE_CLUSTERS, guideAt, guideProps, Rendered } from '../../support/guide';

test.each(Object.values(GUIDE_CLUSTERS))('every node of $name gets its region and zone, at once', (cluster) => {
  expect(Rendered.of(guideProps()).step(`${cluster.name}/node-labels`)).toMatchObject({
    kind: 'label-nodes',
    needs: [],
    labels: {
      'failure-domain.beta.kubernetes.io/region': cluster.region,
      'failure-domain.beta.kubernetes.io/zone': cluster.zone,
    },
  });
});

test('the keys are those that the version reads: beta ones before 1.17', () => {
  const step = Rendered.of(guideAt('1.15.0')).step('usa/node-labels');
  expect(step.kind === 'label-nodes' ? Object.keys(step.labels) : []).toEqual([
    'failure-domain.beta.kubernetes.io/region',
    'failure-domain.beta.kubernetes.io/zone',
  ]);
});

test('a label of its own marks what was set, so that a teardown takes away no other', () => {
  expect(Rendered.of(guideProps()).step('usa/node-labels')).toMatchObject({ marker: 'onprem-federation.io/labelled' });
});
