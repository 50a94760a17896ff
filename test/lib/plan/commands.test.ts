import { commands, PLACEHOLDERS } from '../../../lib/plan/commands';
import { props } from '../../support/external-dns';
import { Command, Step, StepKind, stepSchema, stepSchemas } from '../../../lib/plan/step';
import { fromYaml } from '../../../lib/yaml';
import { BY_MANIFESTS, guideAt, guideProps, Rendered } from '../../support/guide';
import { WrittenPlan } from '../../support/plans';

const guide = Rendered.of(guideProps());
const today = Rendered.of(props());
const withDnsmasq = Rendered.of(
  guideProps({ dns: { zone: 'example.com.', endpoint: '10.11.4.82:32609', clusterDns: 'dnsmasq-argument' } }),
);
const withCoreDns = Rendered.of(guideAt('1.12.0'));

/** A command, one word an argument. */
const words = (...command: string[]): string[] => command;

const labels = ['failure-domain.beta.kubernetes.io/region', 'failure-domain.beta.kubernetes.io/zone'];
const marker = 'onprem-federation.io/labelled';
const patch = (kind: string, name: string, type: string, namespace = 'kube-system'): string[] =>
  words(
    'kubectl',
    '--context=usa',
    `--namespace=${namespace}`,
    'patch',
    kind,
    name,
    `--type=${type}`,
    '--patch={patch}',
  );

/** For each kind of step one of the guide's own, what it runs, and what takes it back. */
const TABLE: Record<StepKind, { step: Step; run: Command[]; undo: Command[] }> = {
  'label-nodes': {
    step: guide.step('usa/node-labels'),
    run: [
      words(
        'kubectl',
        '--context=usa',
        'label',
        'nodes',
        '{nodes}',
        '--overwrite',
        `${labels[0]}=america`,
        `${labels[1]}=us`,
        `${marker}={set}`,
      ),
    ],
    undo: [
      words('kubectl', '--context=usa', 'label', 'nodes', '{nodes}', `${labels[0]}-`, `${labels[1]}-`, `${marker}-`),
    ],
  },
  apply: {
    step: guide.step('fcp/etcd-operator'),
    run: [words('kubectl', '--context=fcp', 'apply', '--filename=fcp/15-etcd-operator.yaml')],
    undo: [words('kubectl', '--context=fcp', 'delete', '--ignore-not-found', '--filename=fcp/15-etcd-operator.yaml')],
  },
  create: {
    step: guide.step('usa/vip-configmap'),
    run: [words('kubectl', '--context=usa', 'create', '--filename=usa/35-vip-configmap.yaml')],
    undo: [words('kubectl', '--context=usa', 'delete', '--ignore-not-found', '--filename=usa/35-vip-configmap.yaml')],
  },
  'stub-domain': {
    step: guide.step('usa/cluster-dns'),
    run: [patch('configmap', 'kube-dns', 'merge')],
    undo: [patch('configmap', 'kube-dns', 'merge')],
  },
  corefile: {
    step: withCoreDns.step('usa/cluster-dns'),
    run: [patch('configmap', 'coredns', 'merge')],
    undo: [patch('configmap', 'coredns', 'merge')],
  },
  'dnsmasq-argument': {
    step: withDnsmasq.step('usa/cluster-dns'),
    run: [patch('deployment', 'kube-dns', 'json')],
    undo: [patch('deployment', 'kube-dns', 'json')],
  },
  'controller-manager-flag': {
    step: guide.step('usa/controller-manager'),
    run: [
      words(
        'kubectl',
        '--context=usa',
        '--namespace=kube-system',
        'get',
        'pods',
        '--selector=component=kube-controller-manager',
        '--output=json',
      ),
    ],
    undo: [],
  },
  'helm-init': {
    step: guide.step('fcp/helm-init'),
    run: [
      words(
        'helm',
        '--kube-context=fcp',
        'init',
        '--service-account=tiller',
        '--stable-repo-url=https://charts.helm.sh/stable',
        '--skip-refresh',
      ),
    ],
    undo: [words('helm', '--kube-context=fcp', 'reset')],
  },
  'helm-release': {
    step: guide.step('fcp/coredns'),
    run: [
      words(
        'helm',
        '--kube-context=fcp',
        'upgrade',
        'coredns',
        'coredns',
        '--install',
        '--namespace=default',
        '--repo=https://charts.helm.sh/stable',
        '--version=0.6.0',
        '--values=fcp/21-coredns-values.conf',
      ),
    ],
    undo: [words('helm', '--kube-context=fcp', 'delete', '--purge', 'coredns')],
  },
  'node-port': {
    step: guide.step('fcp/coredns-node-port'),
    run: [words('kubectl', '--context=fcp', '--namespace=default', 'replace', '--force', '--filename=-')],
    undo: [],
  },
  'kubefed-init': {
    step: guide.step('fcp/federation-control-plane'),
    run: [
      words(
        'kubefed',
        'init',
        'federation',
        '--host-cluster-context=fcp',
        '--federation-system-namespace=federation-system',
        '--dns-provider=coredns',
        '--dns-provider-config=fcp/25-coredns-provider.conf',
        '--dns-zone-name=example.com.',
        '--api-server-service-type=NodePort',
        '--api-server-advertise-address=10.11.4.82',
        '--etcd-persistent-storage=false',
      ),
    ],
    undo: [
      words('kubectl', '--context=fcp', 'delete', 'namespace', 'federation-system', '--ignore-not-found'),
      words('kubectl', 'config', 'delete-context', 'federation'),
      words('kubectl', 'config', 'delete-cluster', 'federation'),
      words('kubectl', 'config', 'unset', 'users.federation'),
    ],
  },
  'kubefed-join': {
    step: guide.step('usa/join'),
    run: [
      words(
        'kubefed',
        'join',
        'usa',
        '--context=federation',
        '--host-cluster-context=fcp',
        '--cluster-context=usa',
        '--secret-name=federation-member-usa',
      ),
    ],
    undo: [
      words('kubefed', 'unjoin', 'usa', '--context=federation', '--host-cluster-context=fcp', '--cluster-context=usa'),
    ],
  },
  announcement: {
    step: today.step('usa/announcement'),
    run: [words('kubectl', '--context=usa', 'get', 'nodes', '--output=json')],
    undo: [],
  },
  'service-address': {
    step: guide.step('usa/hello-world-address'),
    run: [words('kubectl', '--context=usa', '--namespace=default', 'get', 'service', 'hello-world', '--output=json')],
    undo: [],
  },
  'dns-check': { step: guide.step('usa/hello-world-dns'), run: [], undo: [] },
};

describe.each(Object.entries(TABLE))('a step of kind %s', (kind, { step, run, undo }) => {
  test('runs exactly these arguments', () => {
    expect(step.kind).toBe(kind);
    expect(commands(step).run).toEqual(run);
  });

  test('is taken back with exactly these', () => {
    expect(commands(step).undo).toEqual(undo);
  });

  test('has no other placeholders than the known ones', () => {
    const found = [...run, ...undo].flat().flatMap((word) => word.match(/\{[^}]*\}/g) ?? []);
    expect(found.filter((placeholder) => !PLACEHOLDERS.some((known) => known === placeholder))).toEqual([]);
  });

  test('names its context in every call to a cluster', () => {
    for (const command of [...run, ...undo]) {
      if (command[0] === 'kubectl' && command[1] === 'config') continue;
      expect(command.some((word) => /^--(kube-|host-cluster-)?context=./.test(word))).toBe(true);
    }
  });
});

test('every kind of step has a schema, and the union knows it', () => {
  expect(Object.keys(TABLE).sort()).toEqual(Object.keys(stepSchemas).sort());
  for (const { step } of Object.values(TABLE)) expect(stepSchema.parse(step)).toEqual(step);
});

test('what is in the federation is taken back there without what hangs on it, and then in each member', () => {
  const file = '--filename=federation/51-hello-world.yaml';
  expect(commands(guide.step('federation/hello-world')).undo).toEqual([
    words('kubectl', '--context=federation', 'delete', '--ignore-not-found', file, '--cascade={cascade}'),
    ...['fcp', 'usa', 'chn'].map((member) =>
      words('kubectl', `--context=${member}`, 'delete', '--ignore-not-found', file),
    ),
  ]);
});

test('the node port is set by a patch from 1.9 on', () => {
  expect(commands(Rendered.of(guideAt('1.9.11')).step('fcp/coredns-node-port')).run).toEqual([
    words(
      ...['kubectl', '--context=fcp', '--namespace=default', 'patch', 'service', 'coredns-coredns'],
      ...['--type=json', '--patch={patch}'],
    ),
  ]);
});

test('what has to be exact is deleted before it is created anew', () => {
  const file = '--filename=fcp/20-coredns-service.yaml';
  expect(commands(Rendered.of(guideProps(BY_MANIFESTS)).step('fcp/coredns-service'))).toEqual({
    run: [
      words('kubectl', '--context=fcp', 'delete', '--ignore-not-found', file),
      words('kubectl', '--context=fcp', 'create', file),
    ],
    undo: [words('kubectl', '--context=fcp', 'delete', '--ignore-not-found', file)],
  });
});

describe('kubefed init', () => {
  const init = (props: object): readonly string[] =>
    commands(Rendered.of(guideProps({ controlPlane: props })).step('fcp/federation-control-plane')).run[0] ?? [];

  test('has an image of its own only where one is declared', () => {
    expect(init({}).filter((word) => word.startsWith('--image'))).toEqual([]);
    expect(init({ image: 'fcp:1' })).toContain('--image=fcp:1');
  });

  test('keeps its data where that is declared', () => {
    expect(init({ persistentStorage: true })).toContain('--etcd-persistent-storage=true');
  });
});

test('the plan carries the commands that its steps stand for, word for word', () => {
  const { steps } = fromYaml(guide.content('plan.yaml')) as WrittenPlan;
  expect(steps.map(({ id }) => id)).toEqual(guide.plan.steps.map(({ id }) => id));
  for (const step of guide.plan.steps) {
    const { run, undo } = steps.find(({ id }) => id === step.id) ?? {};
    expect({ run, undo }).toEqual(commands(step));
  }
});
