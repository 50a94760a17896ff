import { readFileSync, writeFileSync } from 'node:fs';
import { Plan } from '../../lib/plan/plan';
import { fromYaml, toYaml } from '../../lib/yaml';
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

describe('the pods that ask', () => {
  const shared = sharedFederation({ applied: true });

  test('are in the namespace default, whatever the context’s is, and are gone afterwards', async () => {
    const { world, cli } = shared.current;
    const config = fromYaml(readFileSync(world.kubeconfigPath, 'utf8')) as {
      contexts: { name: string; context: Record<string, string> }[];
    };
    for (const { context } of config.contexts) context.namespace = 'team-a';
    writeFileSync(world.kubeconfigPath, toYaml(config));
    const { code, stdout } = await cli(['verify', '--json']);
    expect(linksOf(stdout).filter(({ ok }) => !ok)).toEqual([]);
    expect(linksOf(stdout).filter(({ what }) => what.endsWith('asked in a pod'))).toHaveLength(9);
    expect(code).toBe(0);
    const runs = world.calls.filter(({ argv }) => argv.includes('run'));
    expect(runs.flatMap(({ effects }) => effects.map((effect) => effect.replace(/dns-check-.*/, '')))).toEqual(
      expect.arrayContaining(['fcp', 'usa', 'chn'].map((name) => `create ${name} pods default/`)),
    );
    for (const name of ['fcp', 'usa', 'chn']) {
      expect(world.list(name, 'Pod', 'default').filter((pod) => pod.metadata.name.startsWith('dns-check'))).toEqual([]);
    }
  });

  test.each([
    'Error from server (Forbidden): pods "dns-check-1" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot',
    'Error from server (Forbidden): pods "dns-check-1" is forbidden: exceeded quota: compute, used: pods=9',
    'Error from server (NotFound): namespaces "team-a" not found',
  ])('show why one cannot be started, and what to do: %s', async (line) => {
    const { world, cli } = shared.current;
    const match = /--context=usa .*run dns-check-/;
    world.inject({ program: 'kubectl', match, action: { type: 'exit', code: 1, stderr: `${line}\n` } });
    const { code, stdout } = await cli(['verify']);
    expect(code).toBe(1);
    expect(stdout.split('\n').filter((row) => row.includes('asked in a pod') && row.startsWith('✘'))).toHaveLength(3);
    expect(stdout).toContain(`${USA_NAME}, asked in a pod`);
    expect(stdout).toContain(line);
    expect(stdout).toContain('with --no-pods CoreDNS alone is asked');
    expect(stdout).not.toContain('no answer');
  });
});
