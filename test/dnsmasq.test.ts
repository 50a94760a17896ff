import { spawnSync } from 'node:child_process';
import { noteRealProgram } from '../e2e/harness/real-programs';
import { guideProps, Rendered } from './support/guide';

/** Where distributions put it, which is not on every user's path. */
const PROGRAMS = ['dnsmasq', '/usr/sbin/dnsmasq', '/usr/local/sbin/dnsmasq'];
const dnsmasq = PROGRAMS.find((program) => spawnSync(program, ['--version']).status === 0);

/** Whether dnsmasq takes an argument: it reads its command line and ends, without serving anybody. */
function accepts(argument: string): { status: number | null; stderr: string } {
  noteRealProgram(dnsmasq ?? '');
  const { status, stderr } = spawnSync(dnsmasq ?? '', ['--test', '--conf-file=/dev/null', argument], {
    encoding: 'utf8',
  });
  return { status, stderr };
}

const rendered = Rendered.of(
  guideProps({ dns: { zone: 'example.com.', endpoint: '10.11.4.82:32609', clusterDns: 'dnsmasq-argument' } }),
);

function argumentOf(cluster: string): string {
  const step = rendered.step(`${cluster}/cluster-dns`);
  if (step.kind !== 'dnsmasq-argument') throw new Error(`${step.id} is a ${step.kind}`);
  return step.argument;
}

test('the argument has the port behind a #, which is not the form that the guide has', () => {
  for (const cluster of ['fcp', 'usa', 'chn']) {
    expect(argumentOf(cluster)).toBe('--server=/example.com./10.11.4.82#32609');
  }
});

// Without dnsmasq the name of the block says why its tests were skipped; the pipeline installs it.
const describeWhereInstalled = dnsmasq === undefined ? describe.skip : describe;
const where = dnsmasq === undefined ? 'dnsmasq (not installed here: skipped)' : 'dnsmasq';

describeWhereInstalled(where, () => {
  test.each(['fcp', 'usa', 'chn'])('accepts the argument that is rendered for %s', (cluster) => {
    expect(accepts(argumentOf(cluster))).toMatchObject({ status: 0, stderr: 'dnsmasq: syntax check OK.\n' });
  });

  test("refuses the guide's form, so that the test is known to tell them apart", () => {
    const { status, stderr } = accepts('--server=/example.com./10.11.4.82:32609');
    expect(status).not.toBe(0);
    expect(stderr).toContain('bad command line options');
  });
});
