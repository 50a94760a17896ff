import { Plan, readPlan, writePlan } from '../../../lib/plan/plan';
import { guideAt, guideProps, manyClusters, Rendered } from '../../support/guide';
import { guidePlan, refusals, stepOf, tampered, WrittenPlan } from '../../support/plans';

const refused = (change: (plan: WrittenPlan) => void): string[] => refusals(() => readPlan(tampered(change)));

describe('what was written is read again', () => {
  test.each([
    ['the guide', guideProps()],
    ['the guide at 1.13', guideAt('1.13.0')],
    ['one cluster', manyClusters(1)],
    ['a control plane with an image', guideProps({ controlPlane: { image: 'fcp:1', persistentStorage: true } })],
    [
      'contexts with strange names',
      guideProps({
        clusters: guideProps().clusters.map((c) => ({ ...c, context: c.name === 'fcp' ? 'fcp' : `on@${c.name}:010` })),
      }),
    ],
  ])('%s', (_, props) => {
    const written = Rendered.of(props).content('plan.yaml');
    const plan: Plan = readPlan(written);
    expect(writePlan(plan)).toBe(written);
    expect(readPlan(writePlan(plan))).toEqual(plan);
  });
});

describe('a plan that was edited is refused', () => {
  test('with a digest that differs, where a title was changed', () => {
    const edited = guidePlan().replace('etcd-operator runs in fcp', 'etcd-operator runs in usa');
    expect(refusals(() => readPlan(edited))).toEqual(['plan.yaml | is not as synth wrote it: its digest differs']);
  });

  test('where the digest was taken from another plan', () => {
    const other = Rendered.of(guideAt('1.8.0')).content('plan.yaml');
    const digest = /^digest: .*$/m.exec(other)?.[0] ?? '';
    expect(refusals(() => readPlan(guidePlan().replace(/^digest: .*$/m, digest)))).toEqual([
      'plan.yaml | is not as synth wrote it: its digest differs',
    ]);
  });

  test('where it has no digest', () => {
    expect(refusals(() => readPlan(guidePlan().replace(/^digest: .*\n/m, '')))[0]).toMatch(/^plan\.yaml\.digest \| /);
  });

  test.each([
    ['an argument was added', (run: string[][]) => run[0]?.push('--all-namespaces')],
    ['an argument was changed', (run: string[][]) => run[0]?.splice(1, 1, '--context=usa')],
    ['the program was changed', (run: string[][]) => run[0]?.splice(0, 1, 'sh')],
    ['a command was added', (run: string[][]) => run.push(['rm', '-rf', '/'])],
    ['a command was taken away', (run: string[][]) => run.pop()],
  ])('because its commands are not those of its kind, where %s', (_, change) => {
    for (const part of ['run', 'undo'] as const) {
      expect(refused((plan) => change(stepOf(plan, 'fcp/etcd-operator')[part]))).toEqual([
        'plan.yaml: fcp/etcd-operator | its commands are not those of its kind',
      ]);
    }
  });

  test('with what to do about it', () => {
    const content = tampered((plan) => stepOf(plan, 'fcp/etcd-operator').run.pop());
    expect(() => readPlan(content)).toThrow(
      /^dist\/plan\.yaml is no plan that can be trusted; nothing was run\.\n.*\n {4}Run `npm run synth` and review/,
    );
  });
});

describe('a plan with a valid digest is still refused', () => {
  const place = (id: string): number => Rendered.of(guideProps()).plan.steps.findIndex((step) => step.id === id);
  const join = `steps[${place('usa/join')}]`;
  const operator = `steps[${place('fcp/etcd-operator')}]`;

  test.each<[string, (plan: WrittenPlan) => void, RegExp]>([
    ['a step of an unknown kind', (plan) => (stepOf(plan, 'usa/join').kind = 'shell'), /\.kind \| Invalid/],
    [
      'a step with a prop that its kind does not have',
      (plan) => (stepOf(plan, 'usa/join').shell = 'x'),
      /Unrecognized key: "shell"/,
    ],
    [
      'a step without a prop that its kind has',
      (plan) => delete stepOf(plan, 'usa/join').secretName,
      /\.secretName \| Invalid/,
    ],
    [
      'a step without commands',
      (plan) => delete (stepOf(plan, 'usa/join') as Record<string, unknown>).run,
      /\.run \| Invalid/,
    ],
    ['an unknown prop of the plan', (plan) => (plan.hooks = []), /^plan\.yaml \| Unrecognized key: "hooks"/],
    [
      'an unknown prop of a cluster',
      (plan) => ((plan.clusters[0] as Record<string, unknown>).token = 'x'),
      /clusters\.0 \| Unrecognized key: "token"/,
    ],
    ['another form of plan', (plan) => (plan.version = 2), /^plan\.yaml: version \| 2 is not 1/],
    [
      'a file outside of dist/',
      (plan) => (stepOf(plan, 'fcp/etcd-operator').file = '../fcp/15-etcd-operator.yaml'),
      /\.file \| is no file inside dist\//,
    ],
    [
      'a file that leaves its folder',
      (plan) => (stepOf(plan, 'fcp/etcd-operator').file = 'fcp/..'),
      /\.file \| is no file inside dist\//,
    ],
    [
      'a file with two dots in a row',
      (plan) => (stepOf(plan, 'fcp/etcd-operator').file = 'fcp/a..yaml'),
      /\.file \| is no file inside dist\//,
    ],
    [
      'an absolute file',
      (plan) => (stepOf(plan, 'fcp/etcd-operator').file = '/etc/passwd'),
      /\.file \| is no file inside dist\//,
    ],
    [
      'a file that is an address',
      (plan) => (stepOf(plan, 'fcp/etcd-operator').file = 'https://example.com/x.yaml'),
      /\.file \| is no file inside dist\//,
    ],
    [
      'a file that is a flag',
      (plan) => (stepOf(plan, 'fcp/etcd-operator').file = '-x/y'),
      /\.file \| is no file inside dist\//,
    ],
    [
      'a listed file outside of dist/',
      (plan) => ((plan.files[0] as Record<string, unknown>).path = '../../etc/passwd'),
      /files\.0\.path \| is no file inside dist\//,
    ],
    ['an endless step', (plan) => (stepOf(plan, 'usa/join').timeoutSeconds = 1e9), /\.timeoutSeconds \| Too big/],
    ['an id that is none', (plan) => (stepOf(plan, 'usa/join').id = 'usa'), /\.id \| is no <bundle>\/<name>/],
    [
      'a context that is a flag',
      (plan) => (stepOf(plan, 'usa/join').context = '--kubeconfig=x'),
      /\.context \| is no context name/,
    ],
    [
      'a name that is a flag',
      (plan) => (stepOf(plan, 'usa/join').cluster = '--all'),
      /\.cluster \| begins with a hyphen/,
    ],
    [
      'a name with a line break',
      (plan) => (stepOf(plan, 'usa/join').title = 'a\nb'),
      /\.title \| has control characters/,
    ],
    [
      'a digest that is none',
      (plan) => ((plan.files[0] as Record<string, unknown>).sha256 = 'x'),
      /files\.0\.sha256 \| Invalid/,
    ],
  ])('with %s', (_, change, finding) => {
    const findings = refused((plan) => {
      change(plan);
    });
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatch(finding);
  });

  test.each<[string, (plan: WrittenPlan) => void, string]>([
    [
      'a context that is not of the topology',
      (plan) => {
        const step = stepOf(plan, 'fcp/etcd-operator');
        step.context = 'production';
        for (const part of [step.run, step.undo]) part[0]?.splice(1, 1, '--context=production');
      },
      "plan.yaml: fcp/etcd-operator | 'production' is no context of the topology",
    ],
    [
      'a host context that is not of the topology',
      (plan) => {
        const step = stepOf(plan, 'usa/join');
        step.hostContext = 'production';
        for (const part of [step.run, step.undo]) part[0]?.splice(4, 1, '--host-cluster-context=production');
      },
      "plan.yaml: usa/join | 'production' is no context of the topology",
    ],
    [
      'a context of copies that is not of the topology',
      (plan) => {
        const step = stepOf(plan, 'federation/hello-world');
        step.copies = ['fcp', 'usa', 'production'];
        step.undo[3]?.splice(1, 1, '--context=production');
      },
      "plan.yaml: federation/hello-world | 'production' is no context of the topology",
    ],
    [
      'a cluster that is not of the topology',
      (plan) => {
        const step = stepOf(plan, 'usa/join');
        step.cluster = 'ger';
        for (const part of [step.run, step.undo]) part[0]?.splice(2, 1, 'ger');
      },
      "plan.yaml: usa/join | 'ger' is no cluster of the topology",
    ],
    [
      'a file that no synth wrote',
      (plan) => {
        const step = stepOf(plan, 'fcp/etcd-operator');
        step.file = 'fcp/secret.yaml';
        for (const part of [step.run, step.undo]) part[0]?.splice(-1, 1, '--filename=fcp/secret.yaml');
      },
      "plan.yaml: fcp/etcd-operator | 'fcp/secret.yaml' is no file that synth wrote",
    ],
    [
      'a need that is no step',
      (plan) => stepOf(plan, 'usa/join').needs.push('usa/x'),
      'plan.yaml: usa/join | needs usa/x, which is no step',
    ],
    [
      'a circle',
      (plan) => stepOf(plan, 'usa/node-labels').needs.push('usa/join'),
      'plan.yaml: steps | wait for each other: usa/node-labels needs usa/join needs usa/node-labels',
    ],
    [
      'a step twice',
      (plan) => plan.steps.push({ ...stepOf(plan, 'usa/join') }),
      'plan.yaml: usa/join | the id is there twice',
    ],
  ])('with %s', (_, change, finding) => {
    expect(
      refused((plan) => {
        change(plan);
      }),
    ).toEqual([finding]);
  });

  test('with everything that is wrong at once', () => {
    const findings = refused((plan) => {
      stepOf(plan, 'usa/join').timeoutSeconds = 0;
      stepOf(plan, 'fcp/etcd-operator').file = '/etc/passwd';
      stepOf(plan, 'chn/join').run.pop();
    });
    expect(findings.map((finding) => finding.split(' | ')[0])).toEqual([
      `${operator}.file`,
      `${join}.timeoutSeconds`,
      'plan.yaml: chn/join',
    ]);
  });
});

describe('what is no plan is refused', () => {
  test.each([
    ['nothing', '', /^plan\.yaml \| is no YAML: /],
    ['a list', '- 1\n', /^plan\.yaml \| Invalid input/],
    ['what is no YAML', 'a: [1\n', /^plan\.yaml \| is no YAML: /],
    ['a merge conflict', '<<<<<<< HEAD\ndigest: 1\n=======\ndigest: 2\n>>>>>>> other\n', /^plan\.yaml \| is no YAML: /],
    ['a key that is there twice', 'version: 1\nversion: 1\n', /^plan\.yaml \| is no YAML: /],
  ])('%s', (_, content, finding) => {
    expect(refusals(() => readPlan(content))[0]).toMatch(finding);
  });
});
