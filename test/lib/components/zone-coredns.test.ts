import { zoneCorefile } from '../../../lib/components/zone-corefile';
import { digest } from '../../../lib/plan/plan';
import { resolveTopology } from '../../../lib/topology/resolve';
import { cluster, props, Rendered } from '../../support/external-dns';

const corefile = (dist: Rendered): string => dist.object('fcp', 'ConfigMap', 'coredns').data.Corefile ?? '';

/** The patterns of the template that leads names on, with the name that they lead to. */
function leadOn(text: string, name: string): string[] {
  return [
    ...text.matchAll(/template ANY ANY \{\n((?: +match .*\n)+) +answer "\{\{ \.Name \}\} \d+ IN CNAME (.*)"/g),
  ].flatMap(([, matches = '', target = '']) =>
    [...matches.matchAll(/match (.*)/g)].flatMap(([, pattern = '']) => {
      const { groups } = new RegExp(pattern.replaceAll('?P<', '?<')).exec(name) ?? {};
      return groups ? [target.replace(/\{\{ \.Group\.(\w+) \}\}/g, (_, group: string) => groups[group] ?? '')] : [];
    }),
  );
}

describe('CoreDNS for the zone', () => {
  const dist = new Rendered();

  it("answers at the topology's endpoint, by UDP and TCP, in the host cluster only", () => {
    const { ports, type } = dist.object('fcp', 'Service', 'coredns').spec;
    expect(type).toBe('NodePort');
    expect(ports.map((port) => [port.protocol, port.nodePort])).toEqual([
      ['UDP', 32609],
      ['TCP', 32609],
    ]);
    expect(dist.objects('usa').filter(({ metadata }) => metadata.name === 'coredns')).toEqual([]);
  });

  it("leads a cluster's name on to its region's and that to the federation's, and no other", () => {
    const text = corefile(dist);
    const service = 'hello-world.default.federation.svc';
    expect(leadOn(text, `${service}.fr.europe.example.com.`)).toEqual([`${service}.europe.example.com.`]);
    expect(leadOn(text, `${service}.europe.example.com.`)).toEqual([`${service}.example.com.`]);
    for (const name of [
      `${service}.example.com.`,
      `${service}.us.europe.example.com.`,
      'x.europe.example.com.',
      `${service}.europe.exampleXcom.`,
    ]) {
      expect(leadOn(text, name)).toEqual([]);
    }
  });

  it('asks etcd first at every level', () => {
    const blocks = corefile(dist)
      .split(/^}\n/m)
      .filter((block) => block.trim() !== '');
    expect(blocks).toHaveLength(3);
    expect(blocks.map((block) => block.includes('fallthrough\n    }\n    forward . 127.0.0.1:'))).toEqual([
      true,
      true,
      false,
    ]);
    expect(blocks.map((block) => /bind 127\.0\.0\.1/.test(block))).toEqual([false, true, true]);
  });

  it('stays within the length of pattern that CoreDNS takes, with 1,000 clusters', () => {
    const clusters = Array.from({ length: 1000 }, (_, i) =>
      cluster(i === 0 ? 'fcp' : `c${i}`, [`r${'x'.repeat(50)}`, `z${i}-${'y'.repeat(50)}`], 1, {
        server: `https://c${i}.local:6443`,
        addressRange: `10.${i >> 8}.${i & 255}.0/26`,
      }),
    );
    const patterns = [...zoneCorefile(resolveTopology(props({ clusters, workloads: [] }))).matchAll(/match (.*)/g)];
    expect(Math.max(...patterns.map(([, pattern = '']) => pattern.length))).toBeLessThan(10_000);
  });

  it('starts its pods anew with another Corefile', () => {
    const annotation = (of: Rendered): string | undefined =>
      of.object('fcp', 'Deployment', 'coredns').spec.template.metadata.annotations?.[
        'onprem-federation.io/corefile-sha256'
      ];
    expect(annotation(dist)).toBe(digest(corefile(dist)));
    expect(annotation(new Rendered({ externalDns: { ttlSeconds: 60 } }))).not.toBe(annotation(dist));
  });

  it('has no token and may do no more than take a port', () => {
    const { spec } = dist.object('fcp', 'Deployment', 'coredns').spec.template;
    expect(spec.automountServiceAccountToken).toBe(false);
    expect(dist.object('fcp', 'ServiceAccount', 'coredns').automountServiceAccountToken).toBe(false);
    expect(spec.containers[0].securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
    });
  });
});
