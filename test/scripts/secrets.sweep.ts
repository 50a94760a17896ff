/** Tokens, keys and certificates never come out, whatever the programs say. */
import { swept } from '../support/sweep';
import { Ended } from './support/cli';
import { sharedFederation } from './support/shared';

const JWT = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg';
const KEY = 'MIIEowIBAAKCAQEArecognisable';
const OPAQUE = '31ada4fd-adec-460c-809a-9e56ceb75269';
/** What programs print when they are asked to be verbose, or are bad at hiding. */
const SPILL = [
  `error: cannot authenticate with token: ${OPAQUE}`,
  `curl -k -v -XGET -H "Authorization: Bearer ${JWT}" https://10.11.12.2:6443/api`,
  '-----BEGIN RSA PRIVATE KEY-----',
  KEY,
  '-----END RSA PRIVATE KEY-----',
  `client-key-data: ${Buffer.from(`-----BEGIN RSA PRIVATE KEY-----\n${KEY}`).toString('base64')}`,
  `{"kind":"Secret","data":{"token":"${Buffer.from(OPAQUE).toString('base64')}"}}`,
  'the end of the words',
].join('\n');
const FRAGMENTS = [JWT, KEY, OPAQUE, Buffer.from(OPAQUE).toString('base64'), Buffer.from(KEY).toString('base64')];

const shared = sharedFederation({ applied: true });

function expectNoSecrets({ output }: Ended): void {
  const { secrets } = shared.current.world;
  expect(secrets.length).toBeGreaterThan(3);
  for (const secret of [...FRAGMENTS, ...secrets]) expect(output).not.toContain(secret);
}

const errors: [what: string, match: RegExp, code: number][] = [
  ['an error of kubefed', /^(un)?join usa/, 1],
  ['an error of a step', /get --raw \/api\/v1\/nodes/, 1],
  ['an error of the preflight', /usa get --raw \/version/, 2],
  ['an error of the lock', /kube-system create --filename=-$/, 1],
];

describe.each(swept(errors))('%s', (_, match, code) => {
  it.each([
    ['plain', []],
    ['json', ['--json']],
  ])('tells no secret: %s', async (_format, args) => {
    const { world, cli } = shared.current;
    await world.remove('federation', 'Cluster', undefined, 'usa');
    await world.remove('chn', 'DaemonSet', 'kube-system', 'kube-keepalived-vip');
    const fault = world.inject({ match, times: 'always', action: { type: 'exit', code: 1, stderr: SPILL } });
    const ended = await cli(['apply', '--yes', ...args]);
    expect(fault.fired).toBeGreaterThan(0);
    expect(ended.code).toBe(code);
    expectNoSecrets(ended);
  });
});

const commands = [['plan'], ['status'], ['verify'], ['status', '--json'], ['plan', '--json'], ['teardown', '--yes']];

it.each(swept(commands))('a program that spills them on every call makes them not come out: %s %s', async (...args) => {
  const { world, cli } = shared.current;
  world.inject({ match: /get|describe|run/, times: 'always', action: { type: 'exit', code: 1, stderr: SPILL } });
  expectNoSecrets(await cli(args));
});

it('words that are no JSON where JSON is expected do not come out either', async () => {
  const { world, cli } = shared.current;
  world.inject({
    match: /usa get --raw \/api\/v1\/nodes/,
    times: 'always',
    action: { type: 'exit', code: 0, stdout: `token: ${OPAQUE}` },
  });
  const ended = await cli(['apply', '--yes']);
  expect(ended.code).toBe(1);
  expectNoSecrets(ended);
});

it('whole runs show none of those that the clusters and the kubeconfig hold', async () => {
  const { cli } = shared.current;
  for (const args of [['plan'], ['status'], ['verify'], ['teardown', '--yes'], ['apply', '--yes'], ['apply', '--json']])
    expectNoSecrets(await cli(args));
});
