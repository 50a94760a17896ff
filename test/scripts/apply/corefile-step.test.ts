/** The server block of a cluster's Corefile, by its step: Corefiles that CoreDNS runs with, however they are written. */
import { StepOf } from '../../../lib/plan/step';
import { KubeObject } from '../../../scripts/apply/objects';
import { Workplace, workplace } from './support';

const STEP: StepOf<'corefile'> = {
  ...{ id: 'usa/cluster-dns', title: 'pods find the zone', component: 'cluster-dns', cluster: 'usa', context: 'usa' },
  ...{ needs: [], kind: 'corefile', timeoutSeconds: 120, file: 'usa/45.conf', namespace: 'kube-system' },
  ...{ configMap: 'coredns', domain: 'example.com', server: '10.0.0.1:53' },
};
const BLOCK = 'example.com:53 {\n    errors\n    forward . 10.0.0.1:53\n}\n';

const MAIN = '.:53 {\n    errors\n    forward . /etc/resolv.conf\n}';
const THEIRS = [
  ['behind a glued comment', `${MAIN}#end\nexample.com:53 {#corp\n    forward . 10.0.0.9\n}\n`],
  ['on the line that closes another', `${MAIN} example.com:53 {\n    forward . 10.0.0.9\n}\n`],
  ['with a quoted key', `${MAIN}\n"example.com:53" {\n    forward . 10.0.0.9\n}\n`],
] as const;

/** A cluster with this Corefile. */
function withCorefile(corefile: string, adopt = false): Workplace {
  const made = workplace([STEP], {
    files: { [STEP.file]: `# About the file\n${BLOCK}` },
    kubernetesVersion: '1.34.4',
    options: { adopt },
  });
  const metadata = { name: 'coredns', namespace: 'kube-system', resourceVersion: '1' };
  made.kubectl.put('usa', { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { Corefile: corefile } });
  return made;
}

const corefileIn = ({ kubectl }: Workplace): string =>
  (kubectl.get('usa', 'ConfigMap kube-system/coredns') as KubeObject & { data: { Corefile: string } }).data.Corefile;

describe('a block for the zone that is not this plan’s', () => {
  it.each(THEIRS)('is seen and left alone %s', async (_, corefile) => {
    const place = withCorefile(corefile);
    const problem = 'a block for example.com in the Corefile of usa is there already and was not made by this plan';
    expect((await place.engine.observe([STEP])).get(STEP.id)).toMatchObject({ problem });
    expect(await place.engine.apply([STEP])).toMatchObject([{ outcome: 'failed', failure: { problem } }]);
    expect(corefileIn(place)).toBe(corefile);
  });

  it.each(THEIRS)('is replaced with --adopt %s', async (_, corefile) => {
    const place = withCorefile(corefile, true);
    expect(await place.engine.apply([STEP])).toMatchObject([{ outcome: 'changed' }]);
    expect(corefileIn(place)).toContain(BLOCK);
    expect(corefileIn(place)).toContain(MAIN);
    expect(corefileIn(place)).not.toContain('10.0.0.9');
    expect(await place.engine.apply([STEP])).toMatchObject([{ outcome: 'unchanged' }]);
  });
});

describe('a Corefile that CoreDNS runs with', () => {
  it.each([
    ['a hash in quotes', '.:53 {\n    errors\n    log . "{remote} # {type} {name}" {\n        class error\n    }\n}\n'],
    ['a comment glued to the opening brace', '.:53 {#main\n    errors\n}\n'],
    ['a comment glued to the closing brace', '.:53 {\n    errors\n}#end\n'],
    [
      'quotes over two lines',
      '.:53 {\n    template IN TXT t.example.org {\n        answer "{{ .Name }} 60 IN TXT {\n  }"\n    }\n}\n',
    ],
    [
      'a word that ends in a brace',
      '.:53 {\n    template IN A example.org {\n        match ^a{\n        answer "{{ .Name }} 60 IN A 10.0.0.1"\n    }\n}\n',
    ],
  ])('gets the block, and loses nothing, with %s', async (_, corefile) => {
    const place = withCorefile(corefile);
    expect(await place.engine.apply([STEP])).toMatchObject([{ outcome: 'changed' }]);
    expect(corefileIn(place)).toContain(BLOCK);
    expect(corefileIn(place)).toContain(corefile);
    expect(await place.engine.teardown([STEP])).toMatchObject([{ outcome: 'removed' }]);
    expect(corefileIn(place)).toBe(corefile);
  });

  it('has to have braces: without them there is room for one server only', async () => {
    const place = withCorefile('.:53\nerrors\n');
    expect(await place.engine.apply([STEP])).toMatchObject([
      {
        outcome: 'failed',
        failure: {
          problem:
            'the Corefile of usa cannot be read: it has no braces, and a Corefile without braces has room for one server only',
          hint: 'Put what stands below .:53 into braces, then run the same command again.',
        },
      },
    ]);
    expect(corefileIn(place)).toBe('.:53\nerrors\n');
  });
});
