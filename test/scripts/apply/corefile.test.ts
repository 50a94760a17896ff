import fc from '../../support/fast-check';
import {
  answersFor,
  clusterDomainBelow,
  parseCorefile,
  standing,
  withBlock,
  withoutBlock,
} from '../../../scripts/apply/corefile';

const DOMAIN = 'example.com';
const BLOCK = 'example.com:53 {\n    errors\n    cache 30\n    proxy . 10.11.4.82:32609\n}\n';
const OTHER = 'example.com:53 {\n    proxy . 10.0.0.99\n}\n';
const KUBEADMS = `.:53 {
    errors
    health
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       upstream
       fallthrough in-addr.arpa ip6.arpa
    }
    prometheus :9153
    proxy . /etc/resolv.conf
    cache 30
}
`;

const add = (corefile: string): string => withBlock(corefile, DOMAIN, BLOCK, 'federation');
const remove = (corefile: string): string => withoutBlock(corefile, DOMAIN, 'federation');
const stands = (corefile: string): string => standing(corefile, DOMAIN, BLOCK, 'federation');
const blocksOf = (corefile: string): string[] =>
  parseCorefile(corefile).flatMap((part) => (part.keys ? [part.text] : []));

describe('parseCorefile', () => {
  it('finds the blocks and the zones that they answer for', () => {
    const blocks = parseCorefile(
      `${KUBEADMS}\n# others\ncorp.example, corp.example.org:5353 {\n  proxy . 10.0.0.53\n}\n`,
    );
    expect(blocks.map(({ keys }) => keys)).toEqual([['.:53'], undefined, ['corp.example', 'corp.example.org:5353']]);
  });

  it.each([
    ['a brace on a line of its own', 'example.com\n{\n  errors\n}\n', ['example.com']],
    ['keys on several lines', 'a.example,\nb.example {\n  errors\n}\n', ['a.example', 'b.example']],
    ['a block in one line', 'a.example { errors }\n', ['a.example']],
    ['a brace in a comment', 'a.example { # not this }\n  errors # nor this }\n}\n', ['a.example']],
    ['a brace in quotes', 'a.example {\n  template IN A { answer "{{ .Name }} 60 IN A 10.0.0.1" }\n}\n', ['a.example']],
    ['a snippet', '(common) {\n  errors\n}\n', ['(common)']],
    ['no newline at the end', 'a.example {\n  errors\n}', ['a.example']],
    ['carriage returns', 'a.example {\r\n  errors\r\n}\r\n', ['a.example']],
  ])('reads %s', (_, text, keys) => {
    const parts = parseCorefile(text);
    expect(parts.filter((part) => part.keys).map((part) => part.keys)).toEqual([keys]);
    expect(parts.map((part) => part.text).join('')).toBe(text);
  });

  it.each([
    ['at the end', `${KUBEADMS}import /etc/coredns/custom/*.server\n`, [['.:53'], undefined]],
    ['before a block', `import custom/*.server # theirs\n${KUBEADMS}`, [undefined, ['.:53']]],
    [
      'of a snippet',
      '(common) {\n  errors\n}\nimport common\na.example {\n  import common\n}\n',
      [['(common)'], undefined, ['a.example']],
    ],
  ])('takes an import %s for no block and for no key', (_, text, keys) => {
    expect(parseCorefile(text).map((part) => part.keys)).toEqual(keys);
    expect(stands(text)).toBe('absent');
    expect(remove(add(text))).toBe(text);
    expect(stands(add(text))).toBe('ours');
  });

  it.each([
    ['a comment behind a word', '.:53 {#main\n  errors\n}#end\n', [['.:53']]],
    // A glued comment ends with the next white space: what follows is a word again.
    ['a key behind such a comment', '.:53 {\n  errors\n}#of b.example {\n  errors\n}\n', [['.:53'], ['b.example']]],
    [
      'a block on the line that closes another',
      '.:53 {\n  errors\n} b.example {\n  errors\n}\n',
      [['.:53'], ['b.example']],
    ],
    ['a key in quotes', '"b.example:53" {\n  errors\n}\n', [['b.example:53']]],
    ['a key that quotes end', '"a.example"b.example {\n  errors\n}\n', [['a.example', 'b.example']]],
    ['a hash in quotes', '.:53 {\n  log . "{remote} # {type}" {\n    class error\n  }\n}\n', [['.:53']]],
    ['quotes over two lines', '.:53 {\n  template IN TXT t.example {\n    answer "a {\n  }"\n  }\n}\n', [['.:53']]],
    ['escaped quotes', '.:53 {\n  log . "a \\" }" {\n    class error\n  }\n}\n', [['.:53']]],
    ['backslashes that escape nothing', '.:53 {\n  log . "a \\\\" {\n    class error\n  }\n}\n', [['.:53']]],
    ['a word that ends in a brace', '.:53 {\n  template IN A a.example {\n    match ^a{\n  }\n}\n', [['.:53']]],
    ['a byte order mark', '\ufeff.:53 {\n  errors\n}\n', [['.:53']]],
    ['white space that is not ASCII', '.:53\u00a0{\n  errors\n}\u2028b.example {\n}\n', [['.:53'], ['b.example']]],
  ])('follows CoreDNS in %s', (_, text, keys) => {
    const parts = parseCorefile(text);
    expect(parts.flatMap((part) => (part.keys ? [part.keys] : []))).toEqual(keys);
    expect(parts.map((part) => part.text).join('')).toBe(text);
    expect(remove(add(text))).toBe(text);
    expect(stands(add(text))).toBe('ours');
  });

  it('refuses a block that is not closed', () => {
    expect(() => parseCorefile('.:53 {\n  errors\n')).toThrow('not closed');
  });

  it.each(['.:53\nerrors\n', '.:53\n', 'a.example b.example\nerrors {\n}\n'])(
    'refuses a Corefile without braces, which has room for one server only: %j',
    (text) => {
      expect(() => add(text)).toThrow('without braces has room for one server only');
    },
  );

  it('keeps a byte order mark at the start', () => {
    expect(add(`\ufeff${KUBEADMS}`)).toBe(`\ufeff${add(KUBEADMS)}`);
  });

  it.each(['{$ZONE}:53', '{%ZONE%}'])('refuses the key %s, which only the environment tells', (key) => {
    expect(() => stands(`${key} {\n  errors\n}\n`)).toThrow('comes from an environment variable');
  });
});

describe('clusterDomainBelow', () => {
  const corporate = KUBEADMS.replace('cluster.local', 'Corp.Internal.');
  it.each([
    ['the zone itself', corporate, 'corp.internal', 'corp.internal'],
    ['a name below the zone', corporate, 'internal', 'corp.internal'],
    ['a zone below the cluster’s', corporate, 'fed.corp.internal', undefined],
    ['another zone', corporate, 'notcorp.internal', undefined],
    ['a zone that ends alike', corporate, 'p.internal', undefined],
    ['kubeadm’s', KUBEADMS, DOMAIN, undefined],
    ['the zones of its block', 'corp.internal:53 {\n  kubernetes\n}\n', 'internal', 'corp.internal'],
    ['none but in a comment', '.:53 {\n  # kubernetes example.com\n}\n', DOMAIN, undefined],
    [
      'the zones of a block that imports it',
      '(k) {\n  kubernetes\n}\ncorp.internal {\n  import k\n}\n',
      'internal',
      'corp.internal',
    ],
    ['none in a word of another plugin', '.:53 {\n  log kubernetes example.com\n}\n', DOMAIN, undefined],
    [
      'none in a block of another plugin',
      '.:53 {\n  rewrite {\n    kubernetes example.com\n  }\n}\n',
      DOMAIN,
      undefined,
    ],
  ])('finds %s', (_, corefile, domain, found) => {
    expect(clusterDomainBelow(corefile, domain)).toBe(found);
  });
});

describe('answersFor', () => {
  it.each([
    ['example.com', true],
    ['example.com.', true],
    ['example.com:53', true],
    ['dns://example.com:5353', true],
    ['EXAMPLE.com', true],
    ['.', false],
    ['sub.example.com', false],
    ['notexample.com', false],
  ])('sees whether %s is example.com', (key, expected) => {
    expect(answersFor({ keys: ['other.example', key] }, DOMAIN)).toBe(expected);
  });
});

describe('standing', () => {
  it.each([
    ['absent', KUBEADMS],
    ['ours', add(KUBEADMS)],
    ['same', `${KUBEADMS}${BLOCK}`],
    ['same', `${KUBEADMS}example.com:53 { # by hand\n\terrors\n\tcache 30\n\tproxy . 10.11.4.82:32609\n}\n`],
    ['stale', withBlock(KUBEADMS, DOMAIN, OTHER, 'federation')],
    ['foreign', `${KUBEADMS}${OTHER}`],
    ['foreign', withBlock(KUBEADMS, DOMAIN, BLOCK, 'another-federation').replace('cache 30', 'cache 60')],
    ['shared', `${KUBEADMS}example.com corp.example {\n  proxy . 10.0.0.53\n}\n`],
    ['foreign', add(`${KUBEADMS}${OTHER}`).replace(OTHER, '') + OTHER],
    // Blocks that are there, however they are written. A second one would keep CoreDNS from starting.
    ['foreign', '.:53 {\n    errors\n}#end\nexample.com:53 {#corp\n    forward . 10.0.0.9\n}\n'],
    ['foreign', '.:53 {\n    errors\n} example.com:53 {\n    forward . 10.0.0.9\n}\n'],
    ['foreign', '.:53 {\n    errors\n}\n"example.com:53" {\n    forward . 10.0.0.9\n}\n'],
    ['foreign', 'tls://example.com {\n    forward . 10.0.0.9\n}\n'],
  ])('is %s', (expected, corefile) => {
    expect(stands(corefile)).toBe(expected);
  });
});

describe('withBlock', () => {
  it('adds the block and says whose it is', () => {
    expect(add(KUBEADMS)).toBe(
      `# Added for the federation federation by onprem-federation; other blocks are left alone.\n${BLOCK}${KUBEADMS}`,
    );
  });

  it('takes the place of a block on the line that closes another, and keeps what is around it apart', () => {
    const corefile = '.:53 {\n    errors\n} example.com {\n    forward . 10.0.0.9\n} corp.example {\n    errors\n}\n';
    expect(blocksOf(add(corefile)).map((text) => text.trim())).toEqual([
      BLOCK.trim(),
      '.:53 {\n    errors\n}',
      'corp.example {\n    errors\n}',
    ]);
  });

  it('takes the place of an older block of the federation’s own', () => {
    expect(add(withBlock(KUBEADMS, DOMAIN, OTHER, 'federation'))).toBe(add(KUBEADMS));
  });

  it('takes the place of a block of somebody else’s for the same zone: CoreDNS refuses two', () => {
    expect(add(`${KUBEADMS}${OTHER}`)).toBe(add(KUBEADMS));
  });
});

describe('withoutBlock', () => {
  it('leaves a block for the same zone that is not marked as the federation’s own', () => {
    expect(remove(`${KUBEADMS}${OTHER}`)).toBe(`${KUBEADMS}${OTHER}`);
    expect(remove(`${KUBEADMS}${BLOCK}`)).toBe(`${KUBEADMS}${BLOCK}`);
  });

  it('leaves the block of another federation', () => {
    const both = withBlock(add(KUBEADMS), 'example.org', BLOCK.replace('example.com', 'example.org'), 'other');
    expect(remove(both)).toBe(withBlock(KUBEADMS, 'example.org', BLOCK.replace('example.com', 'example.org'), 'other'));
  });
});

/** Corefiles as people write them: blocks of other zones, comments and blank lines between and inside them. */
const corefiles = ((): fc.Arbitrary<string> => {
  const end = fc.constantFrom('\n', '\r\n', '  \n', '\t\n');
  const word = fc.stringMatching(/^[a-z0-9./:_-]{1,12}$/);
  const comment = fc.string({ maxLength: 20 }).map((text) => `# ${text.replace(/[\r\n]/g, ' ')}`);
  const blank = fc.constantFrom('', ' ', '\t');
  const plain = fc
    .tuple(fc.constantFrom('', '  ', '\t'), fc.array(word, { minLength: 1, maxLength: 3 }))
    .map(([indent, words]) => indent + words.join(' '));
  const quoted = fc.string({ maxLength: 10 }).map((text) => `  answer "${text.replace(/["\\\r\n]/g, '')}"`);
  const nested = fc.array(plain, { maxLength: 2 }).map((lines) => ['  kubernetes cluster.local {', ...lines, '  }']);
  const body = fc
    .array(
      fc.oneof(
        plain.map((line) => [line]),
        comment.map((line) => [line]),
        blank.map((line) => [line]),
        quoted.map((line) => [line]),
        nested,
      ),
      { maxLength: 4 },
    )
    .map((lines) => lines.flat());
  const key = fc.stringMatching(/^[a-z]{1,6}\.(example|test)(:\d{2,4})?$/);
  const head = fc.oneof(
    fc.constant('.:53 {'),
    fc.array(key, { minLength: 1, maxLength: 3 }).map((keys) => `${keys.join(', ')} {`),
    key.map((name) => `${name}\n{`),
  );
  const block = fc
    .tuple(head, body, fc.constantFrom('}', '  }', '} # end'))
    .map(([open, lines, close]) => [open, ...lines, close]);
  const between = fc.array(fc.oneof(comment, blank), { maxLength: 3 });
  return fc
    .tuple(fc.array(fc.tuple(between, block), { maxLength: 4 }), between, end, fc.boolean())
    .map(([blocks, last, newline, isEnded]) => {
      const lines = [...blocks.flatMap(([before, text]) => [...before, ...text]), ...last];
      const text = lines.map((line) => line + newline).join('');
      return isEnded ? text : text.replace(/\s+$/, '');
    });
})();

describe('whatever stands in a Corefile', () => {
  it('is read without loss', () => {
    fc.assert(
      fc.property(corefiles, (text) => {
        expect(
          parseCorefile(text)
            .map((part) => part.text)
            .join(''),
        ).toBe(text);
      }),
    );
  });

  it('is there again, to the byte, when the federation’s block is added and removed', () => {
    fc.assert(
      fc.property(corefiles, (text) => {
        expect(remove(add(text))).toBe(text);
      }),
    );
  });

  it('keeps its blocks, to the byte and in their order, beside the federation’s', () => {
    fc.assert(
      fc.property(corefiles, (text) => {
        expect(blocksOf(add(text))).toEqual([BLOCK, ...blocksOf(text)]);
      }),
    );
  });

  it('is changed by the first addition only', () => {
    fc.assert(
      fc.property(corefiles, (text) => {
        expect(stands(text)).toBe('absent');
        expect(stands(add(text))).toBe('ours');
        expect(add(add(text))).toBe(add(text));
        expect(remove(remove(add(text)))).toBe(text);
      }),
    );
  });
});
