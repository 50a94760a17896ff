/**
 * etcd with certificates, for real: three members that show theirs to each other, CoreDNS and two clusters' ExternalDNS
 * that show theirs to it, all started with what was rendered and the Secrets of the operator's own.
 */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import * as https from 'node:https';
import * as path from 'node:path';
import { EtcdTlsProps } from '../lib/topology/types';
import { ControlPlanes } from './control-plane';
import { waitFor } from './harness/wait';
import { ProcessKubelet, withKubelet } from './kubelet/kubelet';
import { Certificate, certificateAuthority } from './support/certificates';
import { cli, CliResult, output, testEnvironment } from './support/cli';
import { discard, ETCD_PORT, furnish, OWN_COREFILE, render, Rendered, Site, SITES } from './support/external-dns';
import { answered } from './support/external-dns-names';

const [FCP, USA] = SITES as [Site, Site];
const TLS: Required<EtcdTlsProps> = {
  serverSecret: 'etcd-server',
  clientSecret: 'etcd-client',
  serverName: 'etcd.example.internal',
};
const NAMESPACE = 'federation-dns';
const MEMBERS = ['etcd-0', 'etcd-1', 'etcd-2'];
/** Where the kubelet of processes has pods and Services, and where the node ports are. */
const LOOPBACK = [
  '127.0.0.1',
  ...Array.from({ length: 32 }, (_, i) => [`127.64.0.${i + 1}`, `127.128.0.${i + 1}`]).flat(),
];

let planes: ControlPlanes;
let kubelet: ProcessKubelet | undefined;
let env: NodeJS.ProcessEnv;
let rendered: Rendered;
let server: Certificate;
let client: Certificate;

beforeAll(async () => {
  planes = await ControlPlanes.start({
    clusters: [FCP, USA].map(({ name }) => withKubelet({ name, nodes: 2 })),
    handleSignals: false,
  });
  env = testEnvironment(planes);
  rendered = render(planes.clusters, TLS);
  kubelet = await ProcessKubelet.start({ planes });
  const folder = path.join(planes.dir, 'certificates');
  mkdirSync(folder);
  const issue = certificateAuthority(folder);
  server = issue('etcd', [
    `DNS:etcd-client.${NAMESPACE}.svc`,
    ...MEMBERS.map((member) => `DNS:${member}.etcd.${NAMESPACE}.svc`),
    `DNS:${TLS.serverName}`,
    ...LOOPBACK.map((address) => `IP:${address}`),
  ]);
  client = issue('client', []);
  await Promise.all([FCP, USA].map(({ name }) => furnish(env, name)));
  // As docs/external-dns.md says.
  expect(await federation('apply', '--yes', '--only', 'namespaces')).toMatchObject({ code: 0, stderr: '' });
  for (const { name } of [FCP, USA]) await secret(name, TLS.clientSecret, client);
  await secret(FCP.name, TLS.serverSecret, server);
});

afterAll(async () => {
  await kubelet?.stop();
  await planes.stop();
  discard(rendered);
});

function kubectl(context: string, ...args: string[]): Promise<string> {
  return output(env, 'kubectl', [`--context=${context}`, ...args]);
}

/** `npm run <command> -- <args>`. */
function federation(...args: string[]): Promise<CliResult> {
  return cli(env, rendered.dist, ...args);
}

async function secret(context: string, name: string, stringData: Certificate): Promise<void> {
  const object = { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: NAMESPACE }, stringData };
  await output(env, 'kubectl', [`--context=${context}`, 'apply', '--filename=-'], JSON.stringify(object));
}

/** Asks etcd's JSON gateway at its node port, by the name that other clusters ask for. */
function askEtcd(call: string, own?: Certificate): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = https.request(
      {
        ...{ host: '127.0.0.1', port: ETCD_PORT, method: 'POST', path: `/v3/${call}`, timeout: 10_000 },
        ...{ ca: server['ca.crt'], servername: TLS.serverName, cert: own?.['tls.crt'], key: own?.['tls.key'] },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.once('error', reject);
        response.once('end', () => {
          resolve(JSON.parse(text));
        });
      },
    );
    request.once('timeout', () => request.destroy(new Error(`no answer to ${call}`)));
    request.once('error', reject);
    request.end('{}');
  });
}

/** Where the members listen for each other, and whether a majority stands behind what one of them says. */
async function members(): Promise<string[]> {
  const { members: list } = (await askEtcd('cluster/member/list', client)) as { members: { peerURLs: string[] }[] };
  return list.flatMap(({ peerURLs }) => peerURLs).sort();
}

test('apply brings three members about, and every name leads where it should', async () => {
  expect(await federation('apply', '--yes')).toMatchObject({ code: 0, stderr: '' });
  const both = [FCP.address, USA.address];
  for (const { names, address } of [FCP, USA]) {
    await answered(names.zone, [address]);
    await answered(names.all, both);
  }
  expect(await federation('verify', '--no-pods')).toMatchObject({ code: 0, stderr: '' });
  expect(await members()).toEqual([
    expect.stringMatching(/^https:/),
    expect.stringMatching(/^https:/),
    expect.stringMatching(/^https:/),
  ]);
});

test('who shows no certificate is not let in, nor one of another authority', async () => {
  await expect(askEtcd('cluster/member/list')).rejects.toThrow(/certificate required|alert|ECONNRESET/);
  const folder = path.join(planes.dir, 'others');
  mkdirSync(folder);
  const stranger = certificateAuthority(folder)('stranger', []);
  await expect(askEtcd('cluster/member/list', stranger)).rejects.toThrow(/unknown|bad certificate|alert|ECONNRESET/);
  const plain = `http://127.0.0.1:${ETCD_PORT}/v3/cluster/member/list`;
  await expect(fetch(plain, { method: 'POST', body: '{}' })).rejects.toThrow('fetch failed');
});

test('a member that goes comes back to the others', async () => {
  const before = await members();
  await kubectl(FCP.name, '--namespace', NAMESPACE, 'delete', 'pod', 'etcd-1');
  await kubectl(FCP.name, '--namespace', NAMESPACE, 'rollout', 'status', 'statefulset/etcd', '--timeout=60s');
  expect(await members()).toEqual(before);
  // It takes part: without another one there is still a majority, and records are written.
  await kubectl(FCP.name, '--namespace', NAMESPACE, 'delete', 'pod', 'etcd-2', '--wait=false');
  await kubectl(USA.name, 'scale', 'deployment', 'hello-world', '--replicas=0');
  await answered(USA.names.all, [FCP.address]);
  await kubectl(USA.name, 'scale', 'deployment', 'hello-world', '--replicas=6');
  await answered(USA.names.all, [FCP.address, USA.address]);
});

test('a second apply writes nothing, and no output or file holds anything of the Secrets', async () => {
  await waitFor({
    what: 'etcd to be as before',
    timeoutMs: 60_000,
    probe: async () => {
      const { stdout, code } = await federation('status');
      return code === 0 ? { done: true, value: undefined } : { done: false, saw: stdout };
    },
  });
  const results = [await federation('apply', '--yes'), await federation('plan'), await federation('status', '--json')];
  expect(results.map(({ code }) => code)).toEqual([0, 0, 0]);
  expect(results[0]?.stdout).toContain('Nothing was written');
  const files = readdirSync(rendered.dist, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(path.join(entry.parentPath, entry.name), 'utf8'));
  expect(files.length).toBeGreaterThan(10);
  const shown = [...files, ...results.flatMap(({ stdout, stderr }) => [stdout, stderr])].join('\n');
  const lines = [server, client].flatMap((one) => Object.values(one) as string[]).flatMap((pem) => pem.split('\n'));
  for (const line of lines.filter((text) => text.length > 30)) {
    expect(shown).not.toContain(line);
    expect(shown).not.toContain(Buffer.from(line).toString('base64').replace(/=+$/, '').slice(0, -2));
  }
});

test('teardown leaves the Secrets, which the operator has made, and says so', async () => {
  const { code, stdout, stderr } = await federation('teardown', '--yes');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain(`namespace ${NAMESPACE} holds Secret ${NAMESPACE}/etcd-client`);
  const names = (context: string): Promise<string> =>
    kubectl(context, '--namespace', NAMESPACE, 'get', 'secrets', '--output=name');
  expect(await names(FCP.name)).toBe('secret/etcd-client\nsecret/etcd-server\n');
  expect(await names(USA.name)).toBe('secret/etcd-client\n');
  // Pods end, and claims go, after what they belong to.
  await waitFor({
    what: 'all else in the namespace to go',
    timeoutMs: 60_000,
    probe: async () => {
      const left = await kubectl(FCP.name, '--namespace', NAMESPACE, 'get', 'all,pvc', '--output=name');
      return left === '' ? { done: true, value: undefined } : { done: false, saw: left };
    },
  });
  const corefile = '--output=jsonpath={.data.Corefile}';
  for (const { name } of [FCP, USA]) {
    expect(await kubectl(name, '--namespace=kube-system', 'get', 'configmap', 'coredns', corefile)).toBe(OWN_COREFILE);
  }
});
