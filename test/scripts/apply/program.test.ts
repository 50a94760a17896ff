import { existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from '../../../lib/plan/step';
import {
  environment,
  FailureKind,
  Output,
  ProgramError,
  programs,
  RunOptions,
} from '../../../scripts/apply/tools/program';
import { temporaryFolder } from '../../support/folder';
import { errorOf, NEVER, stopClock } from './support';

const SERVER = '10.11.12.2:6443';
/** For a shell that has to see to a signal soon, and that is gone in the end though a test has failed. */
const SHORT_SLEEPS = 'for i in $(seq 600); do sleep 0.05; done';
/** Says on standard error what it reads, and fails. */
const FAILS: Command = ['sh', '-c', 'cat >&2; exit 1'];

/** How long a program has to end by itself, in milliseconds. */
const GRACE_MS = 2_000;

const folder = temporaryFolder();

const run = (command: Command, options: Partial<RunOptions> = {}): Promise<Output> =>
  programs({ cwd: folder, env: process.env })(command, { signal: NEVER, ...options });

/** What a command fails with. */
async function failureOf(command: Command, options: Partial<RunOptions> = {}): Promise<ProgramError> {
  const error = await errorOf(run(command, options));
  if (error instanceof ProgramError) return error;
  throw error;
}

/** Waits until a program has made a file in its folder, and gives what is in it. */
async function made(file: string): Promise<string> {
  const path = join(folder, file);
  for (let i = 0; i < 1_500; i++) {
    if (existsSync(path)) return readFileSync(path, 'utf8');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`nobody has made ${file}`);
}

const kindOf = async (stdin: string): Promise<FailureKind> => (await failureOf(FAILS, { stdin })).kind;

describe('the environment of the programs', () => {
  it('has relative entries of KUBECONFIG and PATH made absolute against the caller’s folder', () => {
    const variables = { KUBECONFIG: 'fcp.conf:/abs/usa.conf:sub/chn.conf', PATH: './tools:/bin', HOME: '/root' };
    expect(environment(variables, '/there')).toEqual({
      KUBECONFIG: '/there/fcp.conf:/abs/usa.conf:/there/sub/chn.conf',
      PATH: '/there/tools:/bin',
      HOME: '/root',
    });
  });

  it('means the folder that npm was called in, which npm run leaves', () => {
    const variables = { KUBECONFIG: 'admin.conf', INIT_CWD: '/caller', npm_lifecycle_event: 'plan' };
    expect(environment(variables, '/project').KUBECONFIG).toBe('/caller/admin.conf');
    // What an outer npm has left behind means nothing to a program that npm did not start.
    const { npm_lifecycle_event: event, ...outer } = variables;
    expect([event, environment(outer, '/project').KUBECONFIG]).toEqual(['plan', '/project/admin.conf']);
  });

  it('has no variable that was not set, and keeps empty entries', () => {
    expect(environment({ KUBECONFIG: '' }, '/there')).toEqual({ KUBECONFIG: '' });
    expect(environment({}, '/there')).toEqual({});
  });
});

describe('what kubectl, kubefed and helm say', () => {
  it.each<[FailureKind, string]>([
    ['unreachable', `The connection to the server ${SERVER} was refused - did you specify the right host or port?`],
    ['unreachable', `Unable to connect to the server: dial tcp ${SERVER}: i/o timeout`],
    ['unreachable', `Unable to connect to the server: dial tcp ${SERVER}: getsockopt: no route to host`],
    ['unreachable', `Unable to connect to the server: dial tcp ${SERVER}: connect: network is unreachable`],
    ['unreachable', 'Unable to connect to the server: dial tcp: lookup usa.example on 10.0.0.53:53: no such host'],
    ['unreachable', 'Unable to connect to the server: net/http: TLS handshake timeout'],
    ['unreachable', 'Unable to connect to the server: EOF'],
    ['unreachable', 'Unable to connect to the server: unexpected EOF'],
    ['unreachable', 'Unable to connect to the server: http2: client connection lost'],
    [
      'unreachable',
      'Unable to connect to the server: net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)',
    ],
    ['unreachable', 'Unable to connect to the server: context deadline exceeded'],
    ['unreachable', `error: read tcp 10.0.0.1:50702->${SERVER}: read: connection reset by peer`],
    [
      'unreachable',
      `error: error validating "STDIN": error validating data: failed to download openapi: Get "https://${SERVER}/openapi/v2?timeout=32s": dial tcp ${SERVER}: connect: connection refused; if you choose to ignore these errors, turn validation off with --validate=false`,
    ],
    [
      'unreachable',
      `E1124 23:12:01.734256   31044 memcache.go:265] couldn't get current server API group list: Get "https://${SERVER}/api?timeout=32s": dial tcp ${SERVER}: connect: connection refused\nThe connection to the server ${SERVER} was refused - did you specify the right host or port?`,
    ],
    ['unreachable', `Error: Get https://${SERVER}/api/v1/namespaces/kube-system/pods?labelSelector=app%3Dhelm: EOF`],
    ['unreachable', 'Error: context deadline exceeded'],
    ['unreachable', 'Error: could not ping Tiller: context deadline exceeded'],
    ['unreachable', 'Error: transport is closing'],
    ['unreachable', 'Error: UPGRADE FAILED: rpc error: code = Unavailable desc = transport is closing'],
    [
      'unreachable',
      `Error: Kubernetes cluster unreachable: Get "https://${SERVER}/version": dial tcp ${SERVER}: connect: connection refused`,
    ],
    [
      'unreachable',
      `Error: Get http://localhost:8080/api/v1/namespaces/kube-system/configmaps?labelSelector=OWNER%3DTILLER: dial tcp [::1]:8080: i/o timeout`,
    ],

    ['busy', 'Error from server (ServiceUnavailable): the server is currently unable to handle the request'],
    [
      'busy',
      'Error from server (TooManyRequests): the server has received too many requests and has asked us to try again later',
    ],
    [
      'busy',
      'Error from server (InternalError): an error on the server ("unknown") has prevented the request from succeeding',
    ],
    [
      'busy',
      'Error from server (Timeout): the server was unable to return a response in the time allotted, but may still be processing the request (get pods)',
    ],
    [
      'busy',
      'Error from server (ServerTimeout): The POST operation against Pod could not be completed at this time, please try again.',
    ],
    ['busy', 'Error from server: etcdserver: request timed out'],
    ['busy', 'Error from server: etcdserver: leader changed'],
    ['busy', 'Error from server: client: etcd cluster is unavailable or misconfigured'],
    ['busy', 'Error: the server is currently unable to handle the request'],
    ['busy', 'Error: UPGRADE FAILED: etcdserver: request timed out'],
    ['busy', 'Error: an error on the server ("unknown") has prevented the request from succeeding (get pods)'],

    [
      'conflict',
      'Error from server (Conflict): Operation cannot be fulfilled on configmaps "kube-dns": the object has been modified; please apply your changes to the latest version and try again',
    ],
    [
      'conflict',
      'Error: UPGRADE FAILED: Operation cannot be fulfilled on services "coredns": the object has been modified; please apply your changes to the latest version and try again',
    ],
    [
      'owned',
      'error: Apply failed with 1 conflict: conflict with "kubectl-edit" using apps/v1: .spec.replicas\nPlease review the fields above--they currently have other managers.',
    ],
    [
      'owned',
      'Error: UPGRADE FAILED: conflict occurred while applying object n4/cm /v1, Kind=ConfigMap: Apply failed with 1 conflict: conflict with "kubectl-patch" using v1: .data.a',
    ],
    [
      'owned',
      'error: Apply failed with 2 conflicts: conflicts with "helm" using v1:\n- .data.Corefile\n- .data.zones\nPlease review the fields above--they currently have other managers.',
    ],
    [
      'webhook',
      'Error from server (InternalError): error when creating "usa/31-pool.yaml": Internal error occurred: failed calling webhook "ipaddresspoolvalidationwebhook.metallb.io": failed to call webhook: Post "https://webhook-service.metallb-system.svc:443/validate?timeout=10s": dial tcp 10.96.12.7:443: connect: connection refused',
    ],
    [
      'webhook',
      'Error from server (InternalError): Internal error occurred: failed calling webhook "ipaddresspoolvalidationwebhook.metallb.io": Post https://webhook-service.metallb-system.svc:443/validate?timeout=30s: no endpoints available for service "webhook-service"',
    ],
    // A webhook whose certificate has not come round yet is not a wrong API server.
    [
      'webhook',
      'Error from server (InternalError): error when creating "usa/31-metallb-pool.yaml": Internal error occurred: failed calling webhook "ipaddresspoolvalidationwebhook.metallb.io": failed to call webhook: Post "https://metallb-webhook-service.metallb-system.svc:443/validate-metallb-io-v1beta1-ipaddresspool?timeout=10s": tls: failed to verify certificate: x509: certificate signed by unknown authority',
    ],
    [
      'webhook',
      'Error from server (InternalError): Internal error occurred: failed calling webhook "validate.example.org": failed to call webhook: an error on the server ("Unauthorized") has prevented the request from succeeding',
    ],

    // A rule of the cluster has refused the object: other credentials do not help.
    [
      'denied',
      'Error from server (Forbidden): error when creating "usa/31-metallb-pool.yaml": admission webhook "ipaddresspoolvalidationwebhook.metallb.io" denied the request: CIDR "10.210.3.65-10.210.3.126" in pool "federation" overlaps with already defined CIDR "10.210.3.0/24"',
    ],
    [
      'denied',
      'Error from server (Forbidden): pods "x" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false',
    ],
    [
      'denied',
      'Error from server (Forbidden): error when creating "usa/45-web.yaml": services "web" is forbidden: exceeded quota: lean, requested: services.loadbalancers=1, used: services.loadbalancers=2, limited: services.loadbalancers=2',
    ],

    [
      'already-exists',
      'Error from server (AlreadyExists): error when creating "STDIN": configmaps "lock" already exists',
    ],
    ['already-exists', 'Error from server (AlreadyExists): namespaces "federation-system" already exists'],
    [
      'already-exists',
      'Error: a release named "coredns" already exists.\nRun: helm ls --all coredns; to check the status of the release',
    ],
    ['already-exists', 'Error from server (AlreadyExists): clusters "usa" already exists'],

    ['not-found', 'Error from server (NotFound): services "coredns" not found'],
    [
      'not-found',
      'Error from server (NotFound): error when creating "usa/31-pool.yaml": namespaces "metallb-system" not found',
    ],
    ['not-found', 'Error: release: "coredns" not found'],
    ['not-found', 'Error: uninstall: Release not loaded: coredns: release: not found'],

    ['no-such-kind', 'error: the server doesn\'t have a resource type "clusters"'],
    ['no-such-kind', 'Error from server (NotFound): the server could not find the requested resource'],
    ['no-such-kind', 'error: the server could not find the requested resource'],
    [
      'no-such-kind',
      'error: unable to recognize "STDIN": no matches for kind "EtcdCluster" in version "etcd.database.coreos.com/v1beta2"',
    ],
    [
      'no-such-kind',
      'error: resource mapping not found for name: "pool" namespace: "metallb-system" from "STDIN": no matches for kind "IPAddressPool" in version "metallb.io/v1beta1"\nensure CRDs are installed first',
    ],
    [
      'no-such-kind',
      'Error: INSTALLATION FAILED: unable to build kubernetes objects from release manifest: resource mapping not found for name: "pool" namespace: "" from "": no matches for kind "IPAddressPool" in version "metallb.io/v1beta1"\nensure CRDs are installed first',
    ],

    ['forbidden', 'Error from server (Forbidden): User "ann" cannot list pods in the namespace "default". (get pods)'],
    [
      'forbidden',
      'Error from server (Forbidden): nodes is forbidden: User "ann" cannot list resource "nodes" in API group "" at the cluster scope',
    ],
    [
      'forbidden',
      'Error from server (Forbidden): error when retrieving current configuration of:\nResource: "apps/v1, Resource=deployments", GroupVersionKind: "apps/v1, Kind=Deployment"\nName: "web", Namespace: "default"\nfrom server for: "usa/10-web.yaml": deployments.apps "web" is forbidden: User "ann" cannot get resource "deployments" in API group "apps" in the namespace "default"',
    ],
    [
      'forbidden',
      'Error: configmaps is forbidden: User "system:serviceaccount:kube-system:default" cannot list configmaps in the namespace "kube-system"',
    ],

    ['other-server', 'Unable to connect to the server: x509: certificate signed by unknown authority'],
    [
      'other-server',
      'Unable to connect to the server: x509: certificate is valid for 10.96.0.1, 10.0.0.1, not 10.11.12.2',
    ],
    [
      'other-server',
      'Unable to connect to the server: tls: failed to verify certificate: x509: certificate has expired or is not yet valid',
    ],
    ['other-server', 'error: You must be logged in to the server (Unauthorized)'],
    [
      'other-server',
      'error: You must be logged in to the server (the server has asked for the client to provide credentials)',
    ],
    ['other-server', 'Error: Unauthorized'],
    [
      'other-server',
      `Error: Get https://${SERVER}/api/v1/namespaces/kube-system/pods: x509: certificate signed by unknown authority`,
    ],

    [
      'no-credentials',
      'Unable to connect to the server: getting credentials: exec: executable kubectl-login not found\n\nIt looks like you are trying to use a client-go credential plugin that is not installed.',
    ],
    [
      'no-credentials',
      'Unable to connect to the server: getting credentials: exec: executable kubectl-login failed with exit code 1',
    ],
    ['no-credentials', 'error: getting credentials: exec: fork/exec /opt/login: permission denied'],

    ['other', 'error: the path "usa/10-web.yaml" does not exist'],
    ['other', 'error: context "usa" does not exist'],
    ['immutable', 'The Deployment "web" is invalid: spec.selector: Invalid value: {}: field is immutable'],
    [
      'immutable',
      "The StatefulSet \"etcd\" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ],
    [
      'other',
      'error: error parsing usa/10-web.yaml: error converting YAML to JSON: yaml: line 2: mapping values are not allowed',
    ],
    ['no-tiller', 'Error: could not find a ready tiller pod'],
    ['other', 'Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress'],
    ['no-tiller', 'Error: could not find tiller'],
    ['other', 'Error: unknown flag: --namespce'],
    ['other', ''],
  ])('is %s: %s', async (kind, said) => {
    expect(await kindOf(`${said}\n`)).toBe(kind);
  });

  it('counts on standard output as well', async () => {
    const error = await failureOf(['sh', '-c', 'echo "Error from server (NotFound): nodes \\"a\\" not found"; exit 1']);
    expect(error.kind).toBe('not-found');
  });

  it('counts by what matters most, where it tells of several objects or of trouble on the way', async () => {
    expect(
      await kindOf(
        'E1124 23:12:01.7 31044 memcache.go:287] couldn\'t get resource list for metrics.k8s.io/v1beta1: the server is currently unable to handle the request\nError from server (NotFound): services "coredns" not found\n',
      ),
    ).toBe('not-found');
    expect(
      await kindOf(
        'Error from server (AlreadyExists): error when creating "a": configmaps "a" already exists\nError from server (Forbidden): error when creating "b": secrets is forbidden: User "ann" cannot create secrets\n',
      ),
    ).toBe('forbidden');
  });

  // kubectl before 1.10 names group and kind in one word; so the first EtcdCluster of a 1.7 cluster fails its step.
  it.each<[FailureKind, string]>([
    ['no-such-kind', 'error: unable to recognize "STDIN": no matches for etcd.database.coreos.com/, Kind=EtcdCluster'],
  ])('is %s, also before 1.10: %s', async (kind, said) => {
    expect(await kindOf(said)).toBe(kind);
  });

  // Only kubectl, and only for its own requests, says more around these words of client-go.
  it.each<[FailureKind, string]>([
    ['other-server', 'Error: the server has asked for the client to provide credentials'],
    [
      'other-server',
      'Error: Kubernetes cluster unreachable: the server has asked for the client to provide credentials',
    ],
    [
      'unreachable',
      `Error: Get https://${SERVER}/version?timeout=32s: net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)`,
    ],
    ['unreachable', `error: write tcp 10.0.0.1:59904->${SERVER}: write: broken pipe`],
    ['unreachable', 'error: http2: client connection lost'],
    [
      'unreachable',
      'error: unexpected error when reading response body. Please retry. Original error: net/http: request canceled (Client.Timeout or context cancellation while reading body)',
    ],
  ])('is %s, also where no line of kubectl’s own stands before it: %s', async (kind, said) => {
    expect(await kindOf(said)).toBe(kind);
  });

  // API servers before 1.13 word it so; it counts as busy, and is given up long before a webhook is up.
  it('is webhook, also before 1.13', async () => {
    expect(
      await kindOf(
        'Error from server (InternalError): error when creating "a.yaml": Internal error occurred: failed calling admission webhook "validate.example.com": Post https://webhook.default.svc:443/?timeout=30s: dial tcp 10.96.12.7:443: connect: connection refused',
      ),
    ).toBe('webhook');
  });

  // Measured with 1.34.4: status 500, no reason, and the same on every try.
  it('is not busy where a server-side apply has a field that the server does not know', async () => {
    expect(
      await kindOf(
        'Error from server: failed to create typed patch object (default/web; apps/v1, Kind=Deployment): .spec.template.spec.containers[name="web"].imagee: field not declared in schema',
      ),
    ).toBe('other');
  });

  // No right of the user's is missing: the namespace is still on its way out, and it passes.
  it('is not forbidden where a namespace is still being deleted', async () => {
    expect(
      await kindOf(
        'Error from server (Forbidden): error when creating "a.yaml": serviceaccounts "etcd-operator" is forbidden: unable to create new content in namespace etcd because it is being terminated',
      ),
    ).not.toBe('forbidden');
  });
});

describe('a program', () => {
  it('gives what it says, on either stream', async () => {
    expect(await run(['sh', '-c', 'printf out; printf err >&2'])).toEqual({ stdout: 'out', stderr: 'err' });
  });

  it('gives text whole, though it comes in pieces', async () => {
    // 1001 bytes end in the middle of a character now and then.
    const script = `
      const bytes = Buffer.from('Grüße aus 北京 '.repeat(5000));
      for (let i = 0; i < bytes.length; i += 1001) process.stdout.write(bytes.subarray(i, i + 1001));`;
    expect((await run(['node', '-e', script])).stdout).toBe('Grüße aus 北京 '.repeat(5000));
  });

  it('runs in the folder that its file arguments are relative to', async () => {
    expect((await run(['pwd', '-P'])).stdout.trim()).toBe(realpathSync(folder));
  });

  it('is given its arguments as they are: no shell reads them', async () => {
    const args = [
      '$HOME',
      '$(touch made-by-a-shell)',
      '`touch made-by-a-shell`',
      '; touch made-by-a-shell',
      '> made-by-a-shell',
      '*',
      '~',
      'two words',
      '"quoted"',
      "it's",
      '\\',
      '',
      'a\nb',
      '--context=usa',
    ];
    const script = 'process.stdout.write(JSON.stringify(process.argv.slice(1)))';
    expect(JSON.parse((await run(['node', '-e', script, '--', ...args])).stdout)).toEqual(args);
    expect(existsSync(join(folder, 'made-by-a-shell'))).toBe(false);
  });

  it.each([
    ['a text', 'text'],
    ['a long text', 'a line of text\n'.repeat(100_000)],
    ['an empty text', ''],
  ])('reads %s', async (_, stdin) => {
    expect((await run(['cat'], { stdin })).stdout).toBe(stdin);
    expect((await run(['cat'], { stdin: () => stdin })).stdout).toBe(stdin);
  });

  it('reads nothing where it is given nothing', async () => {
    expect(await run(['cat'])).toEqual({ stdout: '', stderr: '' });
    expect(await run(['cat'], { stdin: () => undefined })).toEqual({ stdout: '', stderr: '' });
  });

  it('is judged by its exit code where it does not read to the end', async () => {
    const stdin = 'a line of text\n'.repeat(100_000);
    expect(await run(['true'], { stdin })).toEqual({ stdout: '', stderr: '' });
    expect(await failureOf(['false'], { stdin })).toMatchObject({ kind: 'other', exitCode: 1 });
  });

  it('fails with its exit code, all that it said and the first line of it', async () => {
    const command = ['sh', '-c', 'echo out; printf "\\n  first\\nsecond\\n" >&2; exit 3'];
    const error = await failureOf(command);
    expect(error).toMatchObject({ command, kind: 'other', exitCode: 3, attempts: 1 });
    expect(error.output).toEqual({ stdout: 'out\n', stderr: '\n  first\nsecond\n' });
    expect(error.message).toMatch(/: first$/);
  });

  it('fails with what stands on standard output, or the code, where it says nothing else', async () => {
    expect((await failureOf(['sh', '-c', 'echo out; exit 3'])).message).toMatch(/: out$/);
    expect((await failureOf(['false'])).message).toBe('false: exit code 1');
  });

  it('is named where it is not installed', async () => {
    const error = await failureOf(['kubectl-of-no-version', 'get', 'nodes']);
    expect(error).toMatchObject({ kind: 'no-program', exitCode: null });
  });

  it('says that it is not installed also to a caller who hands it something to read', async () => {
    expect((await failureOf(['kubectl-of-no-version'], { stdin: 'text' })).kind).toBe('no-program');
  });

  it('fails, where it may not be run, as one that could not be started', async () => {
    mkdirSync(join(folder, 'no-file'), { recursive: true });
    expect((await failureOf([join(folder, 'no-file')])).kind).toBe('not-started');
  });

  it('is not to blame where the folder that it is to run in is gone', async () => {
    const gone = join(folder, 'gone');
    const error = await errorOf(programs({ cwd: gone, env: process.env })(['true'], { signal: NEVER }));
    expect(error).toMatchObject({ kind: 'not-started', output: { stderr: `${gone} is not there` } });
  });

  it('fails, with what it had said, where somebody else ends it', async () => {
    const error = await failureOf(['sh', '-c', 'echo so far >&2; kill -KILL $$']);
    expect(error).toMatchObject({ kind: 'killed', exitCode: null });
    expect(error.output.stderr).toBe('so far\nended by SIGKILL');
    expect((await failureOf(['sh', '-c', 'kill -TERM $$'])).output.stderr).toBe('ended by SIGTERM');
  });
});

describe('a signal', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('ends a program with all that it has started', async () => {
    const stop = new AbortController();
    // The inner one holds on to standard output: nothing is over before it is.
    const ended = failureOf(['sh', '-c', 'sleep 60 & echo begun > whole-group; wait'], { signal: stop.signal });
    await made('whole-group');
    // Nothing is ended by force: that takes time.
    stopClock();
    stop.abort();
    expect(await ended).toMatchObject({ kind: 'cut', attempts: 1 });
  });

  it('keeps what a program had said until then', async () => {
    const stop = new AbortController();
    const ended = failureOf(['sh', '-c', 'echo "not found"; echo begun > said; exec sleep 60'], {
      signal: stop.signal,
    });
    await made('said');
    stop.abort();
    const error = await ended;
    expect(error.output.stdout).toBe('not found\n');
    expect(error.kind).toBe('cut');
  });

  it('lets a program put things in order, and takes it for cut however it ends', async () => {
    const stop = new AbortController();
    const script = `trap "echo in order > put; exit 0" TERM; echo begun > tidy; ${SHORT_SLEEPS}`;
    const ended = failureOf(['sh', '-c', script], { signal: stop.signal });
    await made('tidy');
    stop.abort();
    expect((await ended).kind).toBe('cut');
    expect(await made('put')).toBe('in order\n');
  });

  it('ends by force, after some time, a program that will not end', async () => {
    const stop = new AbortController();
    const ended = failureOf(['sh', '-c', `trap "" TERM; echo begun > stubborn; ${SHORT_SLEEPS}`], {
      signal: stop.signal,
    });
    await made('stubborn');
    stopClock();
    stop.abort();
    jest.advanceTimersByTime(GRACE_MS);
    expect((await ended).kind).toBe('cut');
  });

  it('that has fired lets nothing begin', async () => {
    const error = await failureOf(['sh', '-c', 'echo begun > never'], { signal: AbortSignal.abort() });
    expect(error.kind).toBe('cut');
    expect(existsSync(join(folder, 'never'))).toBe(false);
  });

  it('that fires later is nothing to a program that has ended', async () => {
    const stop = new AbortController();
    expect((await run(['printf', 'done'], { signal: stop.signal })).stdout).toBe('done');
    stop.abort();
  });
});
