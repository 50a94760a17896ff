import fc from '../../support/fast-check';
import { failureOf } from '../../../scripts/apply/errors';
import { ProgramError, redact, shown } from '../../../scripts/apply/tools/program';

const JWT = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.c2lnbmF0dXJl-_x';
const PEM = '-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA0123\nabcdef\n-----END RSA PRIVATE KEY-----';
const BASE64_PEM = Buffer.from(PEM).toString('base64');

describe('redact', () => {
  it.each([
    ['a token in YAML', 'token: 31ada4fd.adec460810a', '31ada4fd.adec460810a'],
    ['a token in JSON', '{"token":"31ada4fd-adec"}', '31ada4fd-adec'],
    ['a token as a flag', '--token=31ada4fd', '31ada4fd'],
    ['a short password', "password: 'hunter2'", 'hunter2'],
    ['a password in JSON', '{"password": "hunter2", "user": "ann"}', 'hunter2'],
    ['a password in a URL', 'Get https://ann:hunter2@10.11.12.1:6443/api: EOF', 'hunter2'],
    ['a key of a kubeconfig', `client-key-data: ${BASE64_PEM}`, BASE64_PEM],
    ['a certificate of a kubeconfig', `"certificate-authority-data":"${BASE64_PEM}"`, BASE64_PEM],
    ['a key by itself, in base64', `cannot parse ${BASE64_PEM}`, BASE64_PEM],
    ['a key by itself, in PEM', `cannot parse ${PEM}`, 'MIIEowIBAAKCAQEA0123'],
    ['a key that is cut off', `cannot parse ${PEM.slice(0, 60)}`, 'MIIEowIBAAKCAQ'],
    ['a JSON Web Token', `bad credentials ${JWT}`, JWT],
    ['a header', 'Authorization: Bearer 31ada4fd-adec-460c', '31ada4fd-adec-460c'],
    ['a header with a password', 'authorization: basic YW5uOmh1bnRlcjI=', 'YW5uOmh1bnRlcjI='],
    ['a secret value', 'client-secret=abcdefgh12345', 'abcdefgh12345'],
  ])('hides %s', (_, text, secret) => {
    expect(redact(text)).not.toContain(secret);
    expect(redact(text)).toContain('[redacted]');
  });

  it.each([
    'Error from server (NotFound): secrets "federation-member-usa" not found',
    'kubefed join usa --secret-name=federation-member-usa',
    'error: token is missing',
    'The connection to the server 10.11.12.2:6443 was refused - did you specify the right host or port?',
    'waiting for the condition; digest 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    'Get https://10.11.12.1:6443/api/v1/namespaces/kube-system/pods?labelSelector=app%3Dhelm: EOF',
  ])('leaves what tells no secret: %s', (text) => {
    expect(redact(text)).toBe(text);
  });

  it('hides whatever stands behind the name of a secret, to its end', () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9+/=._~-]{8,80}$/);
    const name = fc.constantFrom(
      'token: ',
      'token=',
      '"token":"',
      'password: ',
      'client-key-data: ',
      'Authorization: Bearer ',
    );
    fc.assert(
      fc.property(name, secret, fc.constantFrom('\n', '"', ' and more', ''), (before, value, after) => {
        expect(redact(`some words ${before}${value}${after}`)).not.toContain(value);
      }),
    );
  });

  it('changes nothing that is redacted already', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const once = redact(`token: ${text} ${JWT}\n`);
        expect(redact(once)).toBe(once);
      }),
    );
  });
});

describe('what is told of a failure', () => {
  const error = new ProgramError(['kubectl', '--token=31ada4fd', 'get', 'pods'], 'other', 1, {
    stdout: '',
    stderr: `first line with token: 31ada4fd\n${PEM}\nlast line ${JWT}\n`,
  });

  it('holds no secret: neither the message, the command, nor the words', () => {
    const told = `${error.message}\n${JSON.stringify(failureOf({ id: 'usa/x', cluster: 'usa' }, error))}`;
    for (const secret of ['31ada4fd', 'MIIEowIBAAKCAQEA0123', JWT]) expect(told).not.toContain(secret);
    expect(told).toContain('last line');
  });

  it('holds no secret where the mistake is the program’s own', () => {
    const told = failureOf({ id: 'usa/x', cluster: 'usa' }, new SyntaxError(`Unexpected token in {"token":"31ada4fd"`));
    expect(told.problem).not.toContain('31ada4fd');
  });

  it('shows commands as one would type them', () => {
    expect(shown(['kubectl', 'patch', '--patch={"a":"it\'s"}', 'x y'])).toBe(
      `kubectl patch '--patch={"a":"it'\\''s"}' 'x y'`,
    );
  });
});
