/** One pod: its folder, its containers, its status. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Binaries } from '../binaries';
import { Cluster } from '../harness/cluster';
import { freePorts } from '../harness/ports';
import { ManagedProcess, Processes, ProcessSpec } from '../harness/processes';
import { AddressBook } from './addresses';
import { Caches } from './caches';
import { ChangeLog, Rule } from './changes';
import { ContainerRunner } from './container-runner';
import { ContainerConfigError, environmentOf, expand, podField } from './environment';
import { Container, Pod, VolumeMount } from './objects';
import { PodStatus } from './pod-status';
import { Program, ProgramContext, programFor } from './programs';
import { RewriteContext, rewriteText } from './rewrite';
import { serviceAccountKubeconfig, SERVICE_ACCOUNT_PATH, requestToken } from './service-account';
import { contentOf, hasToken, VolumeSources, writeFiles } from './volumes';

/** What the pods of one cluster share. */
export interface PodSurroundings {
  readonly cluster: Cluster;
  readonly caches: Caches;
  readonly book: AddressBook;
  readonly processes: Processes;
  readonly binaries: Partial<Binaries>;
  readonly changes: ChangeLog;
  /** The folder under which each pod gets its own. */
  readonly dir: string;
  /** The folder of a claim's storage, or undefined as long as it is not bound. */
  readonly claimFolder: (namespace: string, name: string) => string | undefined;
  readonly hasWebhookPort: boolean;
  readonly backoffMs: { readonly first: number; readonly longest: number };
  readonly mostProbeSeconds: number | undefined;
}

const RESOLV_CONF = '/etc/resolv.conf';

/** Runs one pod until {@link PodRunner.stop}. */
export class PodRunner {
  /** The pod's loopback address. */
  readonly address: string;
  private readonly dir: string;
  private readonly runners = new Map<string, ContainerRunner>();
  private readonly ownPorts = new Map<number, number>();
  private readonly tokens = new Map<string, string>();
  private readonly status = new PodStatus();
  private readonly over = new AbortController();
  private publishing: Promise<void> | undefined;
  private published = '';
  private stopped: Promise<void> | undefined;

  constructor(
    /** The pod as it was first seen; what matters here does not change in a pod. */
    readonly pod: Pod,
    private readonly around: PodSurroundings,
  ) {
    const { namespace = '', name, uid } = pod.metadata;
    this.address = around.book.ofPod(namespace, name);
    this.dir = path.join(around.dir, `${namespace}_${name}_${uid}`);
  }

  /** The processes that run, by container. */
  get processes(): ReadonlyMap<string, ManagedProcess> {
    return new Map([...this.runners].flatMap(([name, { process }]) => (process ? [[name, process] as const] : [])));
  }

  /** Starts the containers that are known. */
  async start(): Promise<void> {
    fs.mkdirSync(this.dir, { recursive: true, mode: 0o700 });
    for (const container of this.pod.spec.containers) {
      const program = programFor(container.image);
      if (!program) continue;
      // Taken before they are needed, so that whoever asks for them need not wait.
      const ports = container.ports?.map(({ containerPort }) => containerPort) ?? [];
      const free = await freePorts(ports.length + 1);
      if (this.over.signal.aborted) return;
      const runner = new ContainerRunner({
        container,
        processes: this.around.processes,
        prepare: () => this.prepare(container, program, free),
        target: { container, address: this.address, portOf: (port) => this.portOf(port) },
        backoffMs: this.around.backoffMs,
        mostProbeSeconds: this.around.mostProbeSeconds,
        onChange: () => {
          this.publish();
        },
      });
      this.runners.set(container.name, runner);
    }
    this.publish();
  }

  /** The port of the machine that stands for a port of the pod. */
  portOf(containerPort: number): number {
    return this.ownPorts.get(containerPort) ?? containerPort;
  }

  /** Ends the processes (SIGTERM, after the grace time SIGKILL) and removes the pod's folder. */
  stop(graceMs: number): Promise<void> {
    this.stopped ??= this.stopAll(graceMs);
    return this.stopped;
  }

  /** Writes the mounted ConfigMaps and Secrets again where they have changed. */
  async refresh(): Promise<void> {
    for (const container of this.pod.spec.containers) {
      const program = programFor(container.image);
      if (!program || !this.runners.get(container.name)?.process) continue;
      // Something has gone that is mounted: the files stay as they are, as in a kubelet.
      await this.layOut(container, program).catch(() => undefined);
    }
  }

  private async stopAll(graceMs: number): Promise<void> {
    this.over.abort();
    await Promise.all([...this.runners.values()].map((runner) => runner.stop(graceMs)));
    await this.publishing;
    fs.rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }

  private async prepare(container: Container, program: Program, free: readonly number[]): Promise<ProcessSpec> {
    const { around, pod } = this;
    const { namespace = '', name } = pod.metadata;
    const file = around.binaries[program.tool];
    if (file === undefined) throw new ContainerConfigError(`the program ${program.tool} is missing`);
    const mounts = await this.layOut(container, program);
    const rules = this.rewriteContext(mounts);
    const rendered = environmentOf(container, this.sources(container));

    const rewrite = (where: string, text: string): string =>
      rewriteText(text, rules, (rule, from, to) => {
        this.changed(container, where, rule, to, from);
      });
    const env = Object.fromEntries(
      Object.entries(rendered).map(([key, value]) => [key, rewrite(`environment ${key}`, value)]),
    );
    const context: ProgramContext = {
      namespace,
      address: this.address,
      mounts,
      ownPort: (port) => this.ownPort(port, free),
      hasWebhookPort: around.hasWebhookPort,
      changed: (where, rule, from, to) => {
        this.changed(container, where, rule, to, from);
      },
      added: (where, rule, to) => {
        this.changed(container, where, rule, to);
      },
    };
    const args = commandLine(container, program)
      .map((arg) => expand(arg, rendered))
      .map((arg) => rewrite(`argument ${/^--?[\w-]+/.exec(arg)?.[0] ?? arg}`, arg));
    const home = this.home(container, mounts);
    return {
      name: `${around.cluster.name}-${namespace}-${name}-${container.name}`,
      file,
      args: program.args?.(args, context) ?? args,
      env: { HOSTNAME: pod.spec.hostname ?? name, ...home, ...program.env?.(context), ...env },
      cwd: this.containerDir(container),
    };
  }

  /** Where a program finds its kubeconfig, if the pod asks for a token at all. */
  private home(container: Container, mounts: ReadonlyMap<string, string>): Record<string, string> {
    const home = path.join(this.containerDir(container), 'home');
    fs.mkdirSync(path.join(home, '.kube'), { recursive: true, mode: 0o700 });
    const temporary = path.join(this.containerDir(container), 'tmp');
    fs.mkdirSync(temporary, { recursive: true, mode: 0o700 });
    const env = { HOME: home, TMPDIR: temporary };
    const account = mounts.get(SERVICE_ACCOUNT_PATH);
    if (account === undefined) return env;
    const kubeconfig = path.join(home, '.kube', 'config');
    fs.writeFileSync(kubeconfig, serviceAccountKubeconfig(this.around.cluster.server, account), { mode: 0o600 });
    this.changed(container, 'environment HOME, KUBECONFIG', 'service account', kubeconfig);
    return { ...env, KUBECONFIG: kubeconfig };
  }

  /** Writes the volumes and gives each mount path's place on this machine. */
  private async layOut(container: Container, program: Program): Promise<Map<string, string>> {
    const mounts = new Map<string, string>();
    const resolvConf = path.join(this.containerDir(container), 'resolv.conf');
    fs.mkdirSync(path.dirname(resolvConf), { recursive: true, mode: 0o700 });
    fs.writeFileSync(resolvConf, `nameserver ${this.address}\n`);
    mounts.set(RESOLV_CONF, resolvConf);
    const places = (container.volumeMounts ?? []).map((mount) => ({ mount, folder: this.folderOf(container, mount) }));
    for (const { mount, folder } of places) mounts.set(mount.mountPath, path.join(folder, mount.subPath ?? ''));
    const rules = this.rewriteContext(mounts);
    for (const { mount, folder } of places) {
      const volume = this.pod.spec.volumes?.find(({ name }) => name === mount.name);
      if (!volume) throw new ContainerConfigError(`there is no volume ${mount.name}`);
      const content = await contentOf(volume, this.sources(container));
      if ('folder' in content) {
        mounts.set(mount.mountPath, path.join(content.folder, mount.subPath ?? ''));
      } else if ('empty' in content) {
        fs.mkdirSync(path.join(folder, mount.subPath ?? ''), { recursive: true, mode: 0o700 });
      } else {
        const files = hasToken(volume)
          ? content.files
          : this.rewriteFiles(container, program, mount, content.files, rules);
        writeFiles(folder, files);
      }
    }
    return mounts;
  }

  private rewriteFiles(
    container: Container,
    program: Program,
    mount: VolumeMount,
    files: ReadonlyMap<string, Buffer>,
    rules: RewriteContext,
  ): Map<string, Buffer> {
    return new Map(
      [...files].map(([name, content]) => {
        const text = content.toString('utf8');
        // What is no text stays as it is.
        if (!Buffer.from(text, 'utf8').equals(content) || text.includes('\0')) return [name, content];
        const file = mount.subPath === undefined ? path.posix.join(mount.mountPath, name) : mount.mountPath;
        const onReplace = (rule: Rule, from: string, to: string): void => {
          this.changed(container, `file ${file}`, rule, to, from);
        };
        const general = rewriteText(text, rules, onReplace);
        return [name, Buffer.from(program.file?.(file, general, this.address, onReplace) ?? general)];
      }),
    );
  }

  /**
   * Configuration is written for each container of its own, with its own paths in it; all else is shared, as in a pod. What is mounted
   * under /tmp lies under TMPDIR, where programs look for it.
   */
  private folderOf(container: Container, { name, mountPath }: VolumeMount): string {
    const volume = this.pod.spec.volumes?.find((candidate) => candidate.name === name);
    if (volume?.emptyDir !== undefined) return path.join(this.dir, 'volumes', name);
    const own = this.containerDir(container);
    return mountPath.startsWith('/tmp/') ? path.join(own, mountPath) : path.join(own, 'volumes', name);
  }

  private containerDir(container: Container): string {
    return path.join(this.dir, container.name);
  }

  private ownPort(port: number, free: readonly number[]): number {
    const own = this.ownPorts.get(port) ?? free[this.ownPorts.size];
    if (own === undefined) throw new ContainerConfigError(`no free port for port ${port}`);
    this.ownPorts.set(port, own);
    return own;
  }

  private rewriteContext(mounts: ReadonlyMap<string, string>): RewriteContext {
    const { book, caches } = this.around;
    return {
      namespace: this.pod.metadata.namespace ?? '',
      address: this.address,
      book,
      mounts,
      hasService: (namespace, name) => caches.services.get(namespace, name) !== undefined,
    };
  }

  private sources(container: Container): VolumeSources {
    const { around, pod } = this;
    const { namespace = '' } = pod.metadata;
    return {
      pod,
      configMap: (name) => {
        const found = around.caches.configMaps.get(namespace, name);
        return found && { ...decoded(found.data, 'utf8'), ...decoded(found.binaryData, 'base64') };
      },
      secret: (name) => {
        const found = around.caches.secrets.get(namespace, name);
        return found && decoded(found.data, 'base64');
      },
      field: (fieldPath) => {
        const own = { podIP: this.address, hostIP: around.book.nodes };
        const value = podField(pod, { fieldPath }, own);
        const address = fieldPath === 'status.hostIP' ? pod.status?.hostIP : pod.status?.podIP;
        if (fieldPath.startsWith('status.'))
          this.changed(container, `field ${fieldPath}`, 'pod address', value, address);
        return value;
      },
      token: (audience, expirationSeconds) => this.token(audience, expirationSeconds),
      claim: (name) => around.claimFolder(namespace, name),
    };
  }

  /** Asked for once a pod: the files of a running container must not get another token with every look. */
  private async token(audience: string | undefined, expirationSeconds: number): Promise<string> {
    const { metadata, spec } = this.pod;
    const known = this.tokens.get(audience ?? '');
    if (known !== undefined) return known;
    const token = await requestToken(this.around.cluster, {
      namespace: metadata.namespace ?? '',
      serviceAccount: spec.serviceAccountName ?? 'default',
      pod: { name: metadata.name, uid: metadata.uid },
      audience,
      expirationSeconds,
    });
    this.tokens.set(audience ?? '', token);
    return token;
  }

  private changed(container: Container, where: string, rule: Rule, to: string, from?: string): void {
    const { namespace = '', name } = this.pod.metadata;
    this.around.changes.add({
      container: `${this.around.cluster.name}/${namespace}/${name}/${container.name}`,
      where,
      rule,
      from,
      to,
    });
  }

  private publish(): void {
    this.publishing ??= this.publishAll().finally(() => {
      this.publishing = undefined;
    });
  }

  /** Patches the status until the server has it as it is: a server that is away is told when it is back. */
  private async publishAll(): Promise<void> {
    const { namespace = '', name } = this.pod.metadata;
    const { signal } = this.over;
    while (!signal.aborted) {
      const patch = this.status.patch(this.pod, this.runners);
      const text = JSON.stringify(patch);
      if (text === this.published) return;
      const url = `/api/v1/namespaces/${namespace}/pods/${name}/status`;
      const status = await this.around.cluster.api
        .request('PATCH', url, patch, undefined, 'application/strategic-merge-patch+json')
        .then((answer) => answer.status)
        .catch(() => 0);
      if (status === 404) return;
      if (status === 200) this.published = text;
      else await sleep(500, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** The arguments, without the program: the image's own, or named by the command. */
function commandLine({ command = [], args = [] }: Container, { tool }: Program): string[] {
  const [first, ...rest] = command;
  if (first === undefined) return [...args];
  const name = path.posix.basename(first);
  const known: readonly string[] = tool === 'metallb-controller' ? ['controller', tool] : [tool];
  if (!known.includes(name)) {
    throw new ContainerConfigError(`the command "${first}" is not ${tool}: only the program itself can be run here`);
  }
  return [...rest, ...args];
}

function decoded(data: Readonly<Record<string, string>> = {}, encoding: BufferEncoding): Record<string, Buffer> {
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, encoding)]));
}
