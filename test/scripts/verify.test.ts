import { Plan } from '../../lib/plan/plan';
import { sharedFederation } from './support/shared';

const WORLD_NAME = 'hello-world.default.federation.svc.example.com';
const USA_NAME = 'hello-world.default.federation.svc.us.america.example.com';

/** A name that leads to all clusters, as the stack external-dns has it for each of them. */
function withWorldName(plan: Plan): Plan {
  const more = plan.steps.flatMap((step) =>
    step.kind === 'dns-check'
      ? [{ ...step, id: `${step.cluster}/federation-name-hello-world`, name: WORLD_NAME, among: true as const }]
      : [],
  );
  return { ...plan, steps: [...plan.steps, ...more] };
}

interface Link {
  readonly cluster: string;
  readonly what: string;
  readonly ok: boolean;
  readonly seen: string;
}

const linksOf = (stdout: string): Link[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Link);

describe('verify of one cluster', () => {
  const shared = sharedFederation({ applied: true });

  test('expects of a name that all clusters share what all of them have', async () => {
    const { cli, editPlan } = shared.current;
    editPlan(withWorldName);
    const { code, stdout } = await cli(['verify', '--cluster', 'usa', '--json']);
    expect(linksOf(stdout).filter(({ ok }) => !ok)).toEqual([]);
    expect(code).toBe(0);
    expect(linksOf(stdout)).toContainEqual({
      cluster: 'usa',
      what: `${WORLD_NAME}, asked of CoreDNS`,
      ok: true,
      seen: '10.210.1.65 10.210.2.65 10.210.3.65',
    });
    expect(linksOf(stdout).filter(({ what }) => what.startsWith('address of'))).toHaveLength(1);
  });

  test('leaves out a name that it cannot judge, since another cluster cannot be asked, and says so', async () => {
    const { world, cli, editPlan } = shared.current;
    editPlan(withWorldName);
    await world.setOnline('chn', false);
    const { stdout } = await cli(['verify', '--cluster', 'usa']);
    expect(stdout).toContain(`${USA_NAME}, asked of CoreDNS`);
    expect(stdout).not.toContain(`${WORLD_NAME}, asked`);
    expect(stdout).toContain(`Left out: ${WORLD_NAME}, since chn cannot be asked (out of reach).\n`);
  });

  test.each([
    [['--cluster', 'nowhere'], "--cluster: 'nowhere' is no cluster"],
    [['--only', 'etcd'], 'the selection: has no names to ask for'],
  ])('refuses %j instead of finding nothing broken', async (options, finding) => {
    const { code, stderr, stdout } = await shared.current.cli(['verify', ...options]);
    expect(stderr).toContain(finding);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });
});
