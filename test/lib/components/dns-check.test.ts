import { dnsNames } from '../../../lib/components/workloads';
import { resolveTopology } from '../../../lib/topology/resolve';
import { GUIDE_CLUSTERS, guideProps, Rendered } from '../../support/guide';

test("each cluster is asked for its own of the guide's three names, at the zone's own server", () => {
  const rendered = Rendered.of(guideProps());
  const checks = ['fcp', 'usa', 'chn'].map((cluster) => rendered.step(`${cluster}/hello-world-dns`));
  expect(checks.map((step) => (step.kind === 'dns-check' ? [step.name, step.server] : []))).toEqual([
    ['hello-world.default.federation.svc.fr.europe.example.com', '10.11.4.82:32609'],
    ['hello-world.default.federation.svc.us.america.example.com', '10.11.4.82:32609'],
    ['hello-world.default.federation.svc.cn.asia.example.com', '10.11.4.82:32609'],
  ]);
});

test("the names come out of the topology, from the zone's to the federation's", () => {
  const topology = resolveTopology(
    guideProps({
      name: 'world',
      clusters: [{ ...GUIDE_CLUSTERS.fcp, region: 'north', zone: 'n1' }],
      dns: { zone: 'a.test.', endpoint: '10.11.4.82:32609' },
      workloads: [{ name: 'web', namespace: 'shop', image: 'web:1', replicas: 1, port: 80 }],
    }),
  );
  const [workload] = topology.workloads;
  if (workload === undefined) throw new Error('there is no workload');
  expect(dnsNames(topology, workload, topology.host)).toEqual([
    'web.shop.world.svc.n1.north.a.test',
    'web.shop.world.svc.north.a.test',
    'web.shop.world.svc.a.test',
  ]);
});

test("it takes the Service's address, and the cluster's own DNS, through which a pod asks", () => {
  expect(Rendered.of(guideProps()).step('usa/hello-world-dns').needs).toEqual([
    'usa/hello-world-address',
    'usa/cluster-dns',
  ]);
});
