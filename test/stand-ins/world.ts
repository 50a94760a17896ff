/**
 * A World: several clusters, a federation, Helm and a DNS zone in one process, and three small programs (kubectl, kubefed,
 * helm) that act in it. Nothing outside 127.0.0.1 is ever contacted; the clusters' addresses are text.
 */
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { dump, load } from 'js-yaml';
import * as semver from 'semver';
import { Call, Cut, Exit, type Surroundings, sleep } from './call';
import { canonical } from './canonical';
import { reconcileCluster } from './controllers';
import { DnsServer, answer } from './dns';
import { reconcileFederation } from './federation';
import { type FaultAction, Faults, type Injection, type InjectionHandle } from './faults';
import { runHelm } from './helm';
import { controllerManagerPod, emptyCluster, furnish, kubeconfigOf } from './initial';
import { type Dict, type KubeObject, at, base64, clone, fnv, list, strings, text } from './json';
import { KubeconfigError } from './kubeconfig';
import { clientHalf, runKubectl } from './kubectl';
import { runKubefed } from './kubefed';
import { ApiServer, type Change, type Ledger } from './objects';
import { freeNodePort } from './ports';
import { lookup } from './resolver';
import { type Aimed, aim } from './target';
import type { CallRecord, ClusterState, Denial, Invocation, Program, WorldOptions, WorldState } from './types';
import { History } from './watch';

/** The guide's three clusters. */
export const GUIDE_CLUSTERS = [
  { name: 'fcp', server: '10.11.12.1:6443', region: 'europe', zone: 'fr', addressRange: '10.210.1.100/26' },
  { name: 'usa', server: '10.11.12.2:6443', region: 'america', zone: 'us', addressRange: '10.210.3.100/26' },
  { name: 'chn', server: '10.11.12.3:6443', region: 'asia', zone: 'cn', addressRange: '10.210.2.100/26' },
] as const;

/** Letters that Kubernetes makes random names of. */
const NAME_LETTERS = 'bcdfghjklmnpqrstvwxz2456789';
const PROGRAMS: readonly Program[] = ['kubectl', 'kubefed', 'helm'];
const MAX_ROUNDS = 50;

/** Folders of Worlds that nobody closed: they go with the process. */
const folders = new Set<string>();
process.on('exit', () => {
  for (const folder of folders) fs.rmSync(folder, { recursive: true, force: true });
});

/** How a program ended. */
export interface Ran {
  /** null where it was cut. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A copy of everything that a World knows. */
export interface Snapshot {
  readonly state: WorldState;
}

export class World implements Ledger, Surroundings {
  /** Its folder: kubeconfig, HOME and the programs are below it. */
  readonly dir: string;
  /** Holds the three programs. */
  readonly binDir: string;
  readonly kubeconfigPath: string;
  /** Where the CoreDNS of the federation answers once it is up, and only then: `127.0.0.1:<node port>`. */
  readonly dnsEndpoint: string;
  /** Every call so far, oldest first. */
  calls: CallRecord[] = [];
  /** The process that a `kill` fault kills; a negative number is a process group, whose running stubs die with it. */
  victim: number | undefined;
  /** What the state is made of. Tests may look; to change it use the methods. */
  state: WorldState;
  /**
   * How long after its begin `kubectl run -i` is attached to a container. What the container said before is not shown; where it has
   * ended by then, its log is. Nothing waits: the containers' clock is their own.
   */
  attachAfterMs = 2000;
  /** Programming errors in the stand-ins themselves; a test should find this empty. */
  readonly mishaps: Error[] = [];

  private readonly effects: string[] = [];
  private readonly dirty = new Set<string>();
  private readonly faults = new Faults();
  private readonly listeners = new Set<() => void>();
  private readonly sockets = new Set<net.Socket>();
  private readonly running = new Set<Call>();
  private readonly histories = new WeakMap<ClusterState, History>();
  private readonly server: net.Server;
  private readonly dns: DnsServer;
  private timer: NodeJS.Timeout | undefined;
  private port = 0;

  private constructor(
    readonly options: WorldOptions,
    readonly dnsPort: number,
  ) {
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'stand-ins-'));
    folders.add(this.dir);
    this.binDir = path.join(this.dir, 'bin');
    this.kubeconfigPath = path.join(this.dir, '.kube', 'config');
    this.dnsEndpoint = `127.0.0.1:${dnsPort}`;
    const clusters = options.clusters ?? GUIDE_CLUSTERS;
    this.state = {
      clusters: {},
      helmHomes: {},
      kubeconfig: '',
      held: [],
      denied: [],
      randoms: 0,
      randomTexts: {},
    };
    for (const option of clusters) {
      const cluster = emptyCluster(option);
      this.state.clusters[option.name] = cluster;
      furnish(cluster, option, this);
    }
    this.server = net.createServer((socket) => {
      this.serve(socket);
    });
    this.dns = new DnsServer(dnsPort, (name) => answer(this, '127.0.0.1', dnsPort, name));
  }

  static async start(options: WorldOptions = {}): Promise<World> {
    const world = new World(options, options.dnsPort ?? (await freeNodePort()));
    const script = fs.readFileSync(path.join(__dirname, 'stub.sh'));
    fs.mkdirSync(world.binDir);
    for (const program of PROGRAMS) fs.writeFileSync(path.join(world.binDir, program), script, { mode: 0o755 });
    const clusters = Object.values(world.state.clusters);
    const current = options.currentContext ?? world.hostState()?.context ?? '';
    fs.mkdirSync(path.dirname(world.kubeconfigPath));
    fs.writeFileSync(world.kubeconfigPath, dump(kubeconfigOf(clusters, current)), { mode: 0o600 });
    await new Promise<void>((resolve) => world.server.listen(0, '127.0.0.1', resolve));
    // A World that a failed test did not close does not keep the run alive.
    world.server.unref();
    const address = world.server.address();
    world.port = typeof address === 'object' && address !== null ? address.port : 0;
    await world.dns.reserve();
    world.reconcile();
    await world.syncDns();
    world.effects.length = 0;
    return world;
  }

  /** Ends the World: running calls are cut, the folder goes. */
  async close(): Promise<void> {
    clearTimeout(this.timer);
    for (const socket of this.sockets) socket.destroy();
    for (const call of this.running) call.leave();
    await new Promise<void>((resolve) => {
      this.server.close(() => {
        resolve();
      });
    });
    await this.dns.close();
    fs.rmSync(this.dir, { recursive: true, force: true });
    folders.delete(this.dir);
  }

  /** The environment in which the programs of this World are the ones that are found. */
  env(base: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
    const { HELM_HOME: dropped, ...rest } = base;
    return {
      ...(dropped === undefined ? base : rest),
      PATH: `${this.binDir}${path.delimiter}${base.PATH ?? ''}`,
      KUBECONFIG: this.kubeconfigPath,
      HOME: this.dir,
      STAND_INS_PORT: String(this.port),
    };
  }

  /** The environment of a machine that lacks some of the programs; nothing else is on its PATH. */
  envWithout(...programs: readonly Program[]): NodeJS.ProcessEnv {
    const folder = path.join(this.dir, `bin-without-${programs.join('-')}`);
    fs.mkdirSync(folder, { recursive: true });
    for (const program of PROGRAMS) {
      if (!programs.includes(program)) fs.copyFileSync(path.join(this.binDir, program), path.join(folder, program));
    }
    return { ...this.env(), PATH: folder };
  }

  /** Texts that must never show in an output or a file: tokens and keys, plain and in base64. */
  get secrets(): string[] {
    const made = Object.keys(this.state.randomTexts).filter((word) => word.startsWith('secret-'));
    const config = JSON.stringify(load(fs.readFileSync(this.kubeconfigPath, 'utf8')));
    const keys = [...config.matchAll(/"(?:client-key-data|token|password)":"([^"]+)"/g)].map((match) => match[1] ?? '');
    return [...made, ...made.map(base64), ...keys];
  }

  // ---- what happened -------------------------------------------------------------------------------------------------------

  /** Single writes of all calls in the log that really changed something. */
  get writes(): number {
    return this.calls.reduce((sum, call) => sum + call.writes, 0);
  }

  clearLog(): void {
    this.calls = [];
  }

  // ---- faults and circumstances --------------------------------------------------------------------------------------------

  /** Puts a fault in the way of calls to come; see faults.ts. */
  inject(injection: Injection): InjectionHandle {
    return this.faults.inject(injection);
  }

  clearFaults(): void {
    this.faults.clear();
  }

  /** The controllers leave such objects alone: `cluster/Kind/namespace/name`, `*` for any part. */
  async hold(pattern: string): Promise<void> {
    this.state.held.push(pattern);
    await this.settle();
  }

  async release(pattern: string): Promise<void> {
    this.state.held = this.state.held.filter((held) => held !== pattern);
    await this.settle();
  }

  isHeld(cluster: string, kind: string, namespace: string | undefined, name: string): boolean {
    const parts = [cluster, kind, namespace ?? '', name];
    return this.state.held.some((pattern) => {
      const wanted = pattern.split('/');
      return parts.every((part, index) => wanted[index] === '*' || wanted[index] === part);
    });
  }

  isSlow(cluster: ClusterState, kind: string, namespace: string | undefined, name: string): boolean {
    return (this.options.controllerDelayMs ?? 0) > 0 || this.isHeld(cluster.name, kind, namespace, name);
  }

  /** Takes a right from the user, for `auth can-i` and for the writes themselves. Parts left out mean any. */
  deny(denial: Denial): void {
    this.state.denied.push(denial);
  }

  allowAll(): void {
    this.state.denied = [];
  }

  allowed(cluster: string, verb: string, resource: string, namespace: string | undefined): boolean {
    return !this.state.denied.some(
      (denial) =>
        (denial.cluster ?? cluster) === cluster &&
        (denial.verb ?? verb) === verb &&
        (denial.resource ?? resource) === resource &&
        (denial.namespace ?? namespace) === namespace,
    );
  }

  /** Takes a cluster's API server off the net, or back. */
  async setOnline(name: string, online: boolean): Promise<void> {
    this.clusterState(name).online = online;
    await this.settle();
  }

  /** Makes another API server answer at a cluster's address: clients that trust the first one's CA are refused. */
  replaceAuthority(name: string): void {
    this.clusterState(name).ca = `another ca of ${name}`;
  }

  /** Makes an API server forget what changed so far, as one that is started anew: watches from before get 410. */
  forgetChanges(name: string): void {
    const cluster = this.clusterState(name);
    this.history(cluster).forget(cluster.resourceVersion);
  }

  /** As an edit of the static pod's manifest on the master does: the pod comes back with the new flags. */
  async setControllerManagerFlags(name: string, flags: readonly string[]): Promise<void> {
    const api = this.cluster(name);
    const type = api.type('Pod');
    const pod = api
      .all('Pod', 'kube-system')
      .find((found) => found.metadata.labels?.component === 'kube-controller-manager');
    if (type === undefined || pod === undefined) throw new Error(`${name} has no kube-controller-manager`);
    api.delete(type, 'kube-system', pod.metadata.name);
    const nodeName = pod.metadata.name.replace('kube-controller-manager-', '');
    api.create(type, controllerManagerPod(nodeName, this.clusterState(name).version, flags), 'kube-system', {
      status: true,
    });
    await this.settle();
  }

  // ---- the state -----------------------------------------------------------------------------------------------------------

  /** The version of kubefed, and of the control plane that it makes. */
  get kubefedVersion(): string {
    return (this.options.kubefedVersion ?? '1.8.0').replace(/^v/, '');
  }

  get helmVersion(): string {
    return (this.options.helmVersion ?? '2.7.2').replace(/^v/, '');
  }

  clusterState(name: string): ClusterState {
    const found = this.state.clusters[name];
    if (found === undefined) throw new Error(`there is no cluster ${name}`);
    return found;
  }

  /** A cluster's API, past all checks of a client: by name; the federation's by the federation's name. */
  cluster(name: string): ApiServer {
    return new ApiServer(this.clusterState(name), this);
  }

  hostState(): ClusterState | undefined {
    const name = this.options.hostCluster ?? Object.keys(this.state.clusters)[0] ?? '';
    return this.state.clusters[name];
  }

  /** A copy of an object, undefined where it is not there. */
  get(cluster: string, kind: string, namespace: string | undefined, name: string): KubeObject | undefined {
    const found =
      this.state.clusters[cluster] === undefined ? undefined : this.cluster(cluster).find(kind, namespace, name);
    return found === undefined ? undefined : clone(found);
  }

  /** Copies of all objects of a kind. */
  list(cluster: string, kind: string, namespace?: string): KubeObject[] {
    return clone(this.cluster(cluster).all(kind, namespace));
  }

  /** Creates or replaces an object, as somebody else with every right would; the status counts too. */
  async put(cluster: string, object: KubeObject): Promise<void> {
    const api = this.cluster(cluster);
    const type = api.type(object.kind);
    if (type === undefined) throw new Error(`${cluster} does not serve ${object.kind}`);
    const space = type.namespaced ? (object.metadata.namespace ?? 'default') : undefined;
    if (api.get(type, space, object.metadata.name) === undefined) api.create(type, object, space, { status: true });
    else {
      const { resourceVersion: unlocked, ...metadata } = object.metadata;
      api.update(type, unlocked === undefined ? object : { ...object, metadata }, { status: true });
    }
    await this.settle();
  }

  async remove(cluster: string, kind: string, namespace: string | undefined, name: string): Promise<void> {
    const api = this.cluster(cluster);
    const type = api.type(kind);
    if (type === undefined) throw new Error(`${cluster} does not serve ${kind}`);
    api.delete(type, namespace, name);
    await this.settle();
  }

  /** Everything, as plain data that later changes do not reach. */
  snapshot(): Snapshot {
    this.state.kubeconfig = fs.readFileSync(this.kubeconfigPath, 'utf8');
    return { state: clone(this.state) };
  }

  async restore(snapshot: Snapshot): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.state = clone(snapshot.state);
    fs.writeFileSync(this.kubeconfigPath, this.state.kubeconfig, { mode: 0o600 });
    for (const name of Object.keys(this.state.clusters)) this.dirty.add(name);
    await this.settle();
  }

  /**
   * The end state, for comparison with that of another run: without resourceVersions, generations, uids and timestamps, random
   * parts of names and tokens shown as `*`; everything else as it is.
   */
  canonicalState(): Dict {
    return canonical(this.state, fs.readFileSync(this.kubeconfigPath, 'utf8'));
  }

  /** What the federation's CoreDNS answers for a name at its endpoint: its addresses; undefined where nobody answers. */
  resolve(name: string): string[] | undefined {
    return answer(this, '127.0.0.1', this.dnsPort, name);
  }

  /** Addresses that kube-keepalived-vip announces in a cluster: those in the ConfigMap that its DaemonSet names, once it runs. */
  announced(cluster: string): string[] {
    const api = this.cluster(cluster);
    const found = api.all('DaemonSet').flatMap((daemons) => {
      const args = list(at(daemons, 'spec', 'template', 'spec', 'containers', 0, 'args')).map((arg) => text(arg));
      const flag = args.find((arg) => arg.startsWith('--services-configmap='));
      if (flag === undefined || at(daemons, 'status', 'numberAvailable') === undefined) return [];
      const [namespace, name = ''] = flag.slice('--services-configmap='.length).split('/');
      return Object.keys(strings(api.find('ConfigMap', namespace, name)?.data));
    });
    return found.sort();
  }

  /** What a pod of a cluster gets for a name through its cluster DNS; undefined for a name that does not resolve. */
  lookup(cluster: string, name: string): string[] | undefined {
    return lookup(this, this.clusterState(cluster), name);
  }

  // ---- Ledger and Surroundings: what the parts call back -------------------------------------------------------------------

  get changes(): number {
    return this.effects.length;
  }

  get impatient(): boolean {
    return this.options.waits === 'over';
  }

  effectsSince(count: number): string[] {
    return this.effects.slice(count);
  }

  noted(cluster: ClusterState, change: Change): void {
    this.history(cluster, change.version - 1).add(change);
  }

  /** What the cluster's API server remembers of changes. */
  history(cluster: ClusterState, start = cluster.resourceVersion): History {
    const known = this.histories.get(cluster);
    if (known !== undefined) return known;
    const fresh = new History(start);
    this.histories.set(cluster, fresh);
    return fresh;
  }

  changed(cluster: ClusterState, effect: string): void {
    this.dirty.add(cluster.name);
    this.effects.push(effect);
  }

  /** A change of a file, which no controller watches. */
  changedFile(effect: string): void {
    this.effects.push(effect);
  }

  randomName(prefix: string): string {
    this.state.randoms += 1;
    let number = fnv(`${this.state.randoms}/${prefix}`);
    let suffix = '';
    for (let count = 0; count < 5; count += 1) {
      suffix += NAME_LETTERS[number % NAME_LETTERS.length] ?? '';
      number = Math.floor(number / NAME_LETTERS.length);
    }
    this.state.randomTexts[prefix + suffix] = `${prefix}*`;
    return prefix + suffix;
  }

  /** A secret that looks random; canonicalState() writes what is given here instead. */
  randomSecret(what: string): string {
    this.state.randoms += 1;
    const secret = `secret-${what}-${(this.state.randoms * 2654435761) >>> 0}`;
    this.noteRandom(secret, `<${what}>`);
    return secret;
  }

  /** Another form of something random, such as its base64. */
  noteRandom(actual: string, canonicalText: string): void {
    this.state.randomTexts[actual] = canonicalText;
  }

  onChange(callback: () => void): () => void {
    this.listeners.add(callback);
    return () => {
      this.listeners.delete(callback);
    };
  }

  kill(): void {
    if (this.victim === undefined) return;
    try {
      process.kill(this.victim, 'SIGKILL');
    } catch {
      // It is gone already, which is all that was wanted.
    }
  }

  async react(): Promise<void> {
    const delay = this.options.controllerDelayMs ?? 0;
    if (delay === 0) {
      await this.work();
      return;
    }
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.work();
    }, delay);
    this.notify();
  }

  /** Lets all controllers do what they have to do now, whatever `controllerDelayMs` says. */
  async settle(): Promise<void> {
    for (const name of Object.keys(this.state.clusters)) this.dirty.add(name);
    await this.work();
  }

  /** Lets the controllers of the clusters that changed do their work. */
  private async work(): Promise<void> {
    this.reconcile();
    await this.syncDns();
    this.notify();
  }

  private notify(): void {
    for (const listener of [...this.listeners]) listener();
  }

  private reconcile(): void {
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const names = [...this.dirty];
      this.dirty.clear();
      for (const name of names) {
        const cluster = this.state.clusters[name];
        if (cluster?.type === 'kubernetes') reconcileCluster(this, new ApiServer(cluster, this));
      }
      reconcileFederation(this);
      if (this.dirty.size === 0) return;
    }
    this.mishaps.push(new Error(`the controllers do not come to rest: ${this.effects.slice(-5).join('; ')}`));
    this.dirty.clear();
  }

  private async syncDns(): Promise<void> {
    await this.dns.open(answer(this, '127.0.0.1', this.dnsPort, 'up.invalid') !== undefined);
  }

  // ---- the wire ------------------------------------------------------------------------------------------------------------

  private serve(socket: net.Socket): void {
    this.sockets.add(socket);
    const parts: Buffer[] = [];
    let call: Call | undefined;
    socket.on('error', () => {
      socket.destroy();
    });
    socket.on('close', () => {
      this.sockets.delete(socket);
      call?.leave();
    });
    socket.on('data', (data) => {
      if (call !== undefined) return;
      parts.push(data);
      const invocation = parseInvocation(Buffer.concat(parts));
      if (invocation === undefined) return;
      const admitted = this.admit(invocation);
      call = admitted;
      call.show = (out, err) => socket.write(encode(undefined, out, err));
      void this.handle(call).then((answered) => {
        const { out, err } = admitted.unshown();
        if (answered) socket.end(encode(admitted.record.exitCode ?? 1, out, err));
        else socket.destroy();
      });
    });
  }

  /** Runs a program without starting a stub: the same in all but the process. Exit code `null` where the call was cut. */
  async invoke(
    program: Program,
    argv: readonly string[],
    options: {
      readonly stdin?: string;
      readonly cwd?: string;
      /** The KUBECONFIG variable. @default the World's own file */
      readonly kubeconfig?: string;
      /** @default empty: below HOME */
      readonly helmHome?: string;
    } = {},
  ): Promise<Ran> {
    const call = this.admit({
      program,
      argv,
      pid: process.pid,
      cwd: options.cwd ?? this.dir,
      kubeconfig: options.kubeconfig ?? this.kubeconfigPath,
      home: this.dir,
      helmHome: options.helmHome ?? '',
      stdin: options.stdin ?? '',
    });
    const answered = await this.handle(call);
    const { exitCode, stdout, stderr } = call.record;
    return { code: answered ? (exitCode ?? null) : null, stdout, stderr };
  }

  private get kubectlRelease(): string {
    return semver.coerce(this.options.kubectlVersion ?? '1.7.3')?.version ?? '1.7.3';
  }

  private admit(invocation: Invocation): Call {
    return this.admitAs(
      invocation,
      aim(this, invocation),
      (record, fault) => new Call(invocation, record, this, fault, this.kubectlRelease),
    );
  }

  /** Notes a call in the log, and picks the fault that hits it. */
  admitAs<C extends Call>(
    invocation: Invocation,
    { server, cluster }: Aimed,
    make: (record: CallRecord, fault: FaultAction | undefined) => C,
  ): C {
    const record: CallRecord = {
      program: invocation.program,
      argv: invocation.argv,
      cluster,
      writes: 0,
      effects: [],
      exitCode: undefined,
      fault: undefined,
      stdout: '',
      stderr: '',
      startedAt: Date.now(),
      endedAt: undefined,
    };
    this.calls.push(record);
    const call = make(record, this.faults.take(record));
    if (server !== undefined) call.server = server;
    return call;
  }

  /** Runs a call to its end; false where it was cut and nobody waits for an answer. */
  async handle(call: Call, program = PROGRAM[call.program], latency = this.options.latencyMs ?? 0): Promise<boolean> {
    const { record } = call;
    this.running.add(call);
    try {
      if (latency > 0) await sleep(latency);
      if (call.left) throw new Cut();
      record.exitCode = await this.exitOf(call, async () => {
        try {
          await call.begin();
        } catch (error) {
          if (error instanceof Exit) clientHalf(this, call);
          throw error;
        }
        return program(this, call);
      });
      const before = record.exitCode;
      record.exitCode = await this.exitOf(call, async () => {
        await call.finish(before === 0);
        return before;
      });
      return true;
    } catch (error) {
      record.exitCode = undefined;
      if (!(error instanceof Cut)) this.mishaps.push(error instanceof Error ? error : new Error(String(error)));
      return false;
    } finally {
      record.endedAt = Date.now();
      this.running.delete(call);
    }
  }

  /** The exit code that some part of a call ends with, its last words printed. */
  private async exitOf(call: Call, part: () => Promise<number>): Promise<number> {
    try {
      return await part();
    } catch (error) {
      if (error instanceof Cut) throw error;
      if (error instanceof KubeconfigError) {
        call.err(`${call.program === 'helm' ? 'Error' : 'error'}: ${error.message}\n`);
        return 1;
      }
      if (error instanceof Exit) {
        call.err(error.stderr);
        return error.code;
      }
      const mishap = error instanceof Error ? error : new Error(String(error));
      this.mishaps.push(mishap);
      call.err(`the stand-in of ${call.program} failed: ${mishap.stack ?? mishap.message}\n`);
      return 96;
    }
  }
}

/** An answer as stub.sh reads it: exit code, or `...` while the program goes on, lengths of both texts, and the texts. */
function encode(code: number | undefined, stdout: string, stderr: string): Buffer {
  const [out, err] = [Buffer.from(stdout), Buffer.from(stderr)];
  const digits = (value: number, width: number): string => String(value).padStart(width, '0');
  const end = code === undefined ? '...' : digits(code, 3);
  return Buffer.concat([Buffer.from(`${end} ${digits(out.length, 10)} ${digits(err.length, 10)}\n`), out, err]);
}

const PROGRAM: Readonly<Record<Program, (world: World, call: Call) => Promise<number>>> = {
  kubectl: runKubectl,
  kubefed: runKubefed,
  helm: runHelm,
};

/** What stub.sh sends; undefined while it is not whole. */
function parseInvocation(data: Buffer): Invocation | undefined {
  const fields: string[] = [];
  let start = 0;
  for (let end = data.indexOf(0); end >= 0; end = data.indexOf(0, start)) {
    fields.push(data.toString('utf8', start, end));
    start = end + 1;
  }
  const [program, pid, cwd, kubeconfig, home, helmHome, stdin, count, ...argv] = fields;
  if (count === undefined || argv.length < Number(count)) return undefined;
  return {
    program: PROGRAMS.find((name) => name === program) ?? 'kubectl',
    argv,
    pid: Number(pid),
    cwd: cwd ?? '',
    kubeconfig: kubeconfig ?? '',
    home: home ?? '',
    helmHome: helmHome ?? '',
    stdin: stdin ?? '',
  };
}
