/** helm, in its second and its third major version. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as semver from 'semver';
import { dump, load } from 'js-yaml';
import { type Call, duration } from './call';
import { type Chart, findChart, render } from './charts';
import { type FlagSpecs, type Flags, UsageError, parseFlags } from './flags';
import {
  type Dict,
  type Json,
  type KubeObject,
  at,
  base64,
  clone,
  dict,
  isDict,
  num,
  same,
  sorted,
  text,
  unbase64,
} from './json';
import { mergePatch, threeWay, twoWay } from './merge';
import { ApiError, type ApiServer } from './objects';
import { may } from './rbac';
import { typeOfKind } from './resources';
import { connect } from './target';
import type { HelmHome } from './types';
import type { World } from './world';

const GLOBAL: FlagSpecs = {
  'kube-context': { kind: 'value' },
  debug: { kind: 'bool' },
  home: { kind: 'value', until: '3.0.0' },
  host: { kind: 'value', until: '3.0.0' },
  'tiller-namespace': { kind: 'value', until: '3.0.0' },
  'tiller-connection-timeout': { kind: 'value', until: '3.0.0' },
  kubeconfig: { kind: 'value', since: '2.10.0' },
  namespace: { kind: 'value', short: 'n', since: '3.0.0' },
  'request-timeout': { kind: 'value', since: '99.0.0' },
};

const RELEASE: FlagSpecs = {
  version: { kind: 'value' },
  values: { kind: 'list', short: 'f' },
  set: { kind: 'list' },
  'set-string': { kind: 'list', since: '2.9.0' },
  wait: { kind: 'bool' },
  timeout: { kind: 'value' },
  'dry-run': { kind: 'bool' },
  'no-hooks': { kind: 'bool' },
  devel: { kind: 'bool' },
  atomic: { kind: 'bool', since: '2.13.0' },
  repo: { kind: 'value' },
  output: { kind: 'value', short: 'o', since: '2.16.0' },
};

const OWN: Readonly<Record<string, FlagSpecs>> = {
  version: {
    client: { kind: 'bool', short: 'c', until: '4.0.0' },
    server: { kind: 'bool', short: 's', until: '3.0.0' },
    short: { kind: 'bool' },
    template: { kind: 'value', since: '2.8.0' },
  },
  init: {
    'service-account': { kind: 'value' },
    wait: { kind: 'bool' },
    upgrade: { kind: 'bool' },
    'client-only': { kind: 'bool', short: 'c' },
    'skip-refresh': { kind: 'bool' },
    'tiller-image': { kind: 'value', short: 'i' },
    'stable-repo-url': { kind: 'value' },
    'local-repo-url': { kind: 'value' },
    'history-max': { kind: 'value' },
    replicas: { kind: 'value' },
    'node-selectors': { kind: 'value' },
    override: { kind: 'list' },
    'net-host': { kind: 'bool' },
    'force-upgrade': { kind: 'bool' },
    'canary-image': { kind: 'bool' },
    'dry-run': { kind: 'bool' },
  },
  list: {
    all: { kind: 'bool', short: 'a', until: '4.0.0' },
    short: { kind: 'bool', short: 'q' },
    deployed: { kind: 'bool' },
    failed: { kind: 'bool' },
    pending: { kind: 'bool' },
    deleted: { kind: 'bool', until: '3.0.0' },
    superseded: { kind: 'bool', since: '3.0.0' },
    uninstalled: { kind: 'bool', since: '3.0.0' },
    uninstalling: { kind: 'bool', since: '3.0.0' },
    namespace: { kind: 'value' },
    'all-namespaces': { kind: 'bool', short: 'A', since: '3.0.0' },
    output: { kind: 'value', short: 'o', since: '2.12.0' },
    filter: { kind: 'value', since: '3.0.0' },
    max: { kind: 'value', short: 'm' },
  },
  status: { output: { kind: 'value', short: 'o' }, revision: { kind: 'value' } },
  get: {
    output: { kind: 'value', short: 'o', since: '2.12.0' },
    all: { kind: 'bool', short: 'a' },
    revision: { kind: 'value' },
  },
  install: {
    ...RELEASE,
    name: { kind: 'value', until: '3.0.0', short: 'n' },
    namespace: { kind: 'value', short: undefined },
    replace: { kind: 'bool' },
    'create-namespace': { kind: 'bool', since: '3.2.0' },
  },
  upgrade: {
    ...RELEASE,
    install: { kind: 'bool', short: 'i' },
    namespace: { kind: 'value' },
    force: { kind: 'bool' },
    'recreate-pods': { kind: 'bool', until: '3.0.0' },
    'reset-values': { kind: 'bool' },
    'reuse-values': { kind: 'bool' },
    'create-namespace': { kind: 'bool', since: '3.2.0' },
    'history-max': { kind: 'value', since: '3.0.0' },
  },
  delete: {
    purge: { kind: 'bool' },
    'dry-run': { kind: 'bool' },
    'no-hooks': { kind: 'bool' },
    timeout: { kind: 'value' },
  },
  uninstall: {
    'keep-history': { kind: 'bool' },
    'dry-run': { kind: 'bool' },
    'no-hooks': { kind: 'bool' },
    timeout: { kind: 'value' },
    wait: { kind: 'bool', since: '3.7.0' },
    'ignore-not-found': { kind: 'bool', since: '3.10.0' },
  },
  reset: { force: { kind: 'bool', short: 'f' }, 'remove-helm-home': { kind: 'bool' } },
  repo: {
    output: { kind: 'value', short: 'o', since: '3.0.0' },
    'force-update': { kind: 'bool', since: '3.0.0' },
    'no-update': { kind: 'bool' },
  },
  history: { output: { kind: 'value', short: 'o' }, max: { kind: 'value' } },
};

const ALIASES: Readonly<Record<string, string>> = { ls: 'list', del: 'delete', un: 'uninstall' };

/** Where Helm found the stable charts before 2.17, and since. */
const RETIRED = 'https://kubernetes-charts.storage.googleapis.com';
const ARCHIVE = 'https://charts.helm.sh/stable';

type Status = 'DEPLOYED' | 'FAILED' | 'PENDING_INSTALL' | 'PENDING_UPGRADE' | 'SUPERSEDED' | 'DELETED';

const CODES: Readonly<Record<Status, number>> = {
  DEPLOYED: 1,
  DELETED: 2,
  SUPERSEDED: 3,
  FAILED: 4,
  PENDING_INSTALL: 6,
  PENDING_UPGRADE: 7,
};

interface Release {
  readonly name: string;
  readonly namespace: string;
  readonly revision: number;
  readonly status: Status;
  readonly chart: Chart;
  readonly values: Dict;
  readonly objects: readonly KubeObject[];
  /** Why it is as it is, as `status` tells it. */
  readonly description?: string;
}

class Helm {
  readonly release: string;
  /** Helm 3 or later. */
  readonly third: boolean;
  readonly fourth: boolean;
  private connected: { api: ApiServer; namespace: string } | undefined;

  constructor(
    readonly world: World,
    readonly call: Call,
    readonly flags: Flags,
  ) {
    this.release = (world.options.helmVersion ?? '2.7.2').replace(/^v/, '');
    this.third = this.atLeast('3.0.0');
    this.fourth = this.atLeast('4.0.0');
  }

  atLeast(version: string): boolean {
    return semver.gte(semver.coerce(this.release)?.version ?? '2.7.2', version);
  }

  get api(): ApiServer {
    return this.target().api;
  }

  target(): { api: ApiServer; namespace: string } {
    return (this.connected ??= connect(this.world, this.call, {
      context: this.flags.value('kube-context'),
      kubeconfig: this.flags.value('kubeconfig'),
    }));
  }

  get space(): string {
    return this.flags.value('namespace') ?? this.target().namespace;
  }

  // ---- releases: Helm 2 keeps them as ConfigMaps beside Tiller, Helm 3 as Secrets in the release's namespace --------------

  private get store(): 'Secret' | 'ConfigMap' {
    return this.third ? 'Secret' : 'ConfigMap';
  }

  releases(everywhere = false): Release[] {
    const owner = this.third ? 'helm' : 'TILLER';
    const space = this.third ? (everywhere ? undefined : this.space) : 'kube-system';
    return this.api
      .all(this.store, space)
      .filter((object) => (object.metadata.labels?.owner ?? object.metadata.labels?.OWNER) === owner)
      .map((object) => JSON.parse(unbase64(text(at(object, 'data', 'release')))) as Release)
      .sort((a, b) => a.revision - b.revision);
  }

  history(name: string): Release[] {
    return this.releases(!this.third).filter((release) => release.name === name);
  }

  private record(release: Release): KubeObject {
    const status = this.third ? release.status.toLowerCase().replaceAll('_', '-') : release.status;
    const labels: Record<string, string> = this.third
      ? {
          name: release.name,
          owner: 'helm',
          status,
          version: String(release.revision),
          modifiedAt: String(Math.floor(Date.now() / 1000)),
        }
      : {
          NAME: release.name,
          OWNER: 'TILLER',
          STATUS: status,
          VERSION: String(release.revision),
          MODIFIED_AT: String(Math.floor(Date.now() / 1000)),
        };
    return {
      apiVersion: 'v1',
      kind: this.store,
      metadata: {
        name: this.third
          ? `sh.helm.release.v1.${release.name}.v${release.revision}`
          : `${release.name}.v${release.revision}`,
        namespace: this.third ? release.namespace : 'kube-system',
        labels,
      },
      ...(this.third ? { type: 'helm.sh/release.v1' } : {}),
      data: { release: base64(JSON.stringify(release)) },
    };
  }

  async save(release: Release): Promise<void> {
    const object = this.record(release);
    const type = this.api.type(object.kind);
    if (type === undefined) return;
    const { namespace, name } = object.metadata;
    const present = this.api.get(type, namespace, name);
    await this.call.write(() =>
      present === undefined
        ? this.api.create(type, object, namespace, { manager: 'helm' })
        : this.api.update(
            type,
            { ...object, metadata: { ...present.metadata, labels: object.metadata.labels } },
            { manager: 'helm' },
          ),
    );
  }

  async forget(release: Release): Promise<void> {
    const object = this.record(release);
    const type = this.api.type(object.kind);
    if (type === undefined) return;
    await this.call.write(() => {
      this.api.delete(type, object.metadata.namespace, object.metadata.name);
    });
  }

  // ---- the client's own folder --------------------------------------------------------------------------------------------

  private homeKey(): string {
    const { helmHome, home } = this.call.invocation;
    return this.third
      ? path.join(home, '.config/helm')
      : (this.flags.value('home') ?? (helmHome === '' ? path.join(home, '.helm') : helmHome));
  }

  home(): HelmHome | undefined {
    return this.world.state.helmHomes[this.homeLabel()];
  }

  /** HOME differs from World to World: what is kept must not. */
  private homeLabel(): string {
    return this.homeKey().replace(this.world.dir, '~');
  }

  needHome(): HelmHome {
    const home = this.home();
    if (home === undefined) {
      if (this.third) this.call.fail('Error: no repositories to show');
      this.call.fail(
        `Error: Couldn't load repositories file (${this.homeKey()}/repository/repositories.yaml).\nYou might need to run \`helm init\` (or \`helm init --client-only\` if tiller is already installed)`,
      );
    }
    return home;
  }

  setHome(home: HelmHome): boolean {
    const label = this.homeLabel();
    if (same(this.world.state.helmHomes[label] as unknown as Json, home as unknown as Json)) return false;
    this.world.state.helmHomes[label] = home;
    this.world.changedFile(`helm home ${label}`);
    return true;
  }

  get homePath(): string {
    return this.homeKey();
  }

  // ---- Tiller -------------------------------------------------------------------------------------------------------------

  /** Ends the program as Helm 2 does where Tiller is not there, not ready, too old or without rights. */
  needTiller(): string {
    const deployment = this.api.find('Deployment', 'kube-system', 'tiller-deploy');
    if (deployment === undefined) this.call.fail('Error: could not find tiller');
    if (num(at(deployment, 'status', 'availableReplicas')) === 0)
      this.call.fail('Error: could not find a ready tiller pod');
    const pod = at(deployment, 'spec', 'template', 'spec');
    const tag = text(at(pod, 'containers', 0, 'image')).split(':')[1] ?? '';
    const server = semver.coerce(tag) ?? new semver.SemVer('2.7.2');
    const client = semver.coerce(this.release) ?? server;
    if (server.minor < client.minor) {
      this.call.fail(`Error: incompatible versions client[v${this.release}] server[v${server.version}]`);
    }
    return `v${server.version}`;
  }

  /** Every request but `version` lets Tiller read its releases. */
  needRights(): void {
    const deployment = this.api.find('Deployment', 'kube-system', 'tiller-deploy');
    const account = text(at(deployment, 'spec', 'template', 'spec', 'serviceAccountName'), 'default');
    if (may(this.api, 'kube-system', account, [['list', '', 'configmaps']])) return;
    this.call.fail(
      `Error: configmaps is forbidden: User "system:serviceaccount:kube-system:${account}" cannot list configmaps in the namespace "kube-system"`,
    );
  }
}

function values(helm: Helm): Dict {
  const { flags, call } = helm;
  let result: Dict = {};
  for (const name of flags.items('values')) {
    let content: string;
    if (name === '-') content = call.invocation.stdin;
    else {
      try {
        content = fs.readFileSync(path.resolve(call.invocation.cwd, name), 'utf8');
      } catch {
        return call.fail(`Error: open ${name}: no such file or directory`);
      }
    }
    const parsed = JSON.parse(JSON.stringify(load(content) ?? {})) as Json;
    result = dict(mergePatch(result, isDict(parsed) ? parsed : {}));
  }
  for (const flag of ['set', 'set-string']) {
    for (const pair of flags.all(flag).flatMap((word) => word.match(/(?:\\.|\{[^}]*\}|[^,{])+/g) ?? [])) {
      const equals = pair.indexOf('=');
      const steps = pair.slice(0, equals).split(/(?<!\\)\./);
      const written = pair.slice(equals + 1);
      const plain = (word: string): Json =>
        flag === 'set-string'
          ? word
          : word === 'true'
            ? true
            : word === 'false'
              ? false
              : word === 'null'
                ? null
                : /^-?\d+$/.test(word)
                  ? Number(word)
                  : word.replaceAll('\\', '');
      const value: Json = /^\{.*\}$/.test(written) ? written.slice(1, -1).split(',').map(plain) : plain(written);
      result = dict(
        mergePatch(
          result,
          steps.reduceRight<Json>((inner, step) => ({ [step.replaceAll('\\', '')]: inner }), value),
        ),
      );
    }
  }
  return result;
}

/** A chart that lies in the caller's folder: a folder or file of that name comes before any repository. */
function chartAt(helm: Helm, reference: string): Chart | undefined {
  const { call } = helm;
  const place = path.resolve(call.invocation.cwd, reference);
  if (!fs.existsSync(place)) {
    return /^[./]/.test(reference) ? call.fail(`Error: path "${reference}" not found`) : undefined;
  }
  const packed = /^(.+)-(\d+\.\d+\.\d+)\.tgz$/.exec(path.basename(place));
  if (packed) return findChart(`stable/${packed[1] ?? ''}`, packed[2]) ?? call.fail(`Error: no chart in ${reference}`);
  const about = path.join(place, 'Chart.yaml');
  if (!fs.existsSync(about)) return call.fail(`Error: no Chart.yaml exists in directory "${place}"`);
  const { name, version } = dict(load(fs.readFileSync(about, 'utf8')) as Json);
  return findChart(`stable/${text(name)}`, text(version)) ?? call.fail(`Error: no chart in ${reference}`);
}

function chartFor(helm: Helm, given: string): Chart {
  const { call, flags } = helm;
  const local = chartAt(helm, given);
  if (local !== undefined) return local;
  const address = flags.value('repo');
  if (address === RETIRED)
    return call.fail(`Error: Looks like "${address}" is not a valid chart repository or cannot be reached`);
  // Helm 2 reads its own list of repositories even where it is given another's address.
  if (address !== undefined && !helm.third) helm.needHome();
  const reference = address === undefined ? given : `stable/${given}`;
  const [repository = '', name = ''] = reference.split('/');
  if (address === undefined && reference.includes('/')) {
    const repositories = helm.third ? (helm.home()?.repositories ?? {}) : helm.needHome().repositories;
    if (repositories[repository] === undefined)
      return call.fail(`Error: ${helm.third ? 'INSTALLATION FAILED: ' : ''}repo ${repository} not found`);
  }
  const version = flags.value('version');
  const chart = findChart(reference, version);
  if (chart === undefined) {
    const what =
      version === undefined
        ? `chart "${reference}" not found`
        : `chart "${name}" matching ${version} not found in ${repository} index. (try 'helm repo update'). no chart version found for ${name}-${version}`;
    return call.fail(
      `Error: ${findChart(reference, undefined) === undefined ? `chart "${reference}" not found` : what}`,
    );
  }
  return chart;
}

/** Waits until the Deployments of a release are up; Helm 2 counts its timeout in seconds. */
async function waitFor(helm: Helm, release: Release): Promise<boolean> {
  const limit = helm.flags.value('timeout');
  const ms = limit === undefined ? 300000 : (duration(limit) ?? 300000);
  return helm.call.until(
    () =>
      release.objects.every((object) => {
        if (object.kind !== 'Deployment') return true;
        const found = helm.api.find('Deployment', object.metadata.namespace, object.metadata.name);
        const wanted = num(at(found, 'spec', 'replicas'), 1);
        return (
          num(at(found, 'status', 'availableReplicas')) >= wanted &&
          num(at(found, 'status', 'updatedReplicas')) >= wanted
        );
      }),
    ms,
  );
}

function describe(helm: Helm, release: Release): void {
  const { call } = helm;
  const status = helm.third ? release.status.toLowerCase().replaceAll('_', '-') : release.status;
  if (helm.third) {
    call.out(
      `NAME: ${release.name}\nLAST DEPLOYED: ${new Date().toUTCString()}\nNAMESPACE: ${release.namespace}\nSTATUS: ${status}\nREVISION: ${release.revision}\n`,
    );
    return;
  }
  call.out(
    `LAST DEPLOYED: ${new Date().toUTCString()}\nNAMESPACE: ${release.namespace}\nSTATUS: ${status}\n\nRESOURCES:\n`,
  );
  for (const object of release.objects)
    call.out(`==> ${object.apiVersion}/${object.kind}\nNAME\n${object.metadata.name}\n\n`);
}

function statusJson(helm: Helm, release: Release): Json {
  if (helm.third) {
    return {
      name: release.name,
      info: { status: release.status.toLowerCase().replaceAll('_', '-'), description: release.description ?? '' },
      config: release.values,
      version: release.revision,
      namespace: release.namespace,
    };
  }
  return {
    name: release.name,
    info: { status: { code: CODES[release.status] }, Description: release.description ?? '' },
    namespace: release.namespace,
  };
}

/** Puts a release's objects into the cluster; the release fails with the first that is refused. */
async function apply(helm: Helm, release: Release, before: readonly KubeObject[]): Promise<void> {
  const { api, call } = helm;
  for (const object of release.objects) {
    const type = typeOfKind(api.cluster, object.apiVersion, object.kind);
    if (type === undefined)
      throw new ApiError('NotFound', `no matches for kind "${object.kind}" in version "${object.apiVersion}"`);
    const { name, namespace } = object.metadata;
    const last = before.find((other) => other.kind === object.kind && other.metadata.name === name);
    const present = api.get(type, namespace, name);
    if (last === undefined || present === undefined) {
      await call.write(() => api.create(type, object, namespace, { manager: 'helm' }));
      continue;
    }
    // Helm 2 looks at the two charts only; what somebody changed in the cluster it does not see.
    const merged = helm.third ? threeWay(last, object, present) : twoWay(last, object, present);
    await call.write(() => api.update(type, merged as KubeObject, { manager: 'helm' }));
  }
  for (const gone of before) {
    if (release.objects.some((object) => object.kind === gone.kind && object.metadata.name === gone.metadata.name))
      continue;
    await removeObject(helm, gone);
  }
}

async function removeObject(helm: Helm, object: KubeObject): Promise<void> {
  const type = typeOfKind(helm.api.cluster, object.apiVersion, object.kind);
  if (type === undefined || helm.api.get(type, object.metadata.namespace, object.metadata.name) === undefined) return;
  await helm.call.write(() => {
    helm.api.delete(type, object.metadata.namespace, object.metadata.name);
  });
}

async function installRelease(helm: Helm, name: string, reference: string): Promise<number> {
  const { call, flags, api } = helm;
  const history = helm.history(name);
  const last = history[history.length - 1];
  if (last !== undefined && !(flags.bool('replace') && (last.status === 'DELETED' || last.status === 'FAILED'))) {
    return call.fail(
      helm.third
        ? 'Error: INSTALLATION FAILED: cannot re-use a name that is still in use'
        : `Error: a release named ${name} already exists.\nRun: helm ls --all ${name}; to check the status of the release\nOr run: helm del --purge ${name}; to delete it`,
    );
  }
  const chart = chartFor(helm, reference);
  const namespace = helm.space;
  const given = values(helm);
  const objects = render(chart, name, namespace, given, api.atLeast('1.9.0'));
  const release: Release = { name, namespace, revision: 1, status: 'PENDING_INSTALL', chart, values: given, objects };
  if (flags.bool('dry-run')) {
    describe(helm, release);
    return 0;
  }
  if (helm.third) {
    for (const object of objects) {
      const type = typeOfKind(api.cluster, object.apiVersion, object.kind);
      if (type === undefined) {
        return call.fail(
          `Error: INSTALLATION FAILED: unable to build kubernetes objects from release manifest: resource mapping not found for name: "${object.metadata.name}" namespace: "${namespace}" from "": no matches for kind "${object.kind}" in version "${object.apiVersion}"\nensure CRDs are installed first`,
        );
      }
      if (api.get(type, namespace, object.metadata.name) !== undefined) {
        return call.fail(
          `Error: INSTALLATION FAILED: rendered manifests contain a resource that already exists. Unable to continue with install: ${object.kind} "${object.metadata.name}" in namespace "${namespace}" exists and cannot be imported into the current release: invalid ownership metadata`,
        );
      }
    }
  }
  const spaces = api.type('Namespace');
  if (spaces !== undefined && api.get(spaces, undefined, namespace) === undefined) {
    // Tiller makes the namespace by itself; Helm 3 only where it is asked to.
    if (helm.third && !flags.bool('create-namespace'))
      return call.fail(`Error: INSTALLATION FAILED: create: failed to create: namespaces "${namespace}" not found`);
    await call.write(() =>
      api.create(spaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, undefined),
    );
  }
  await helm.save(release);
  return settle(helm, release, [], helm.third ? 'Error: INSTALLATION FAILED: ' : `Error: release ${name} failed: `);
}

/** Applies a release that is noted as pending, and notes how it went. */
async function settle(helm: Helm, release: Release, before: readonly KubeObject[], prefix: string): Promise<number> {
  const { call, flags } = helm;
  const failed = async (why: string): Promise<number> => {
    await helm.save({ ...release, status: 'FAILED', description: `Release "${release.name}" failed: ${why}` });
    if (flags.bool('atomic')) await removeRelease(helm, release.name, true);
    return call.fail(prefix + why);
  };
  try {
    await apply(helm, release, before);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return failed(error.message);
  }
  if ((flags.bool('wait') || flags.bool('atomic')) && !(await waitFor(helm, release)))
    return failed('timed out waiting for the condition');
  const deployed: Release = { ...release, status: 'DEPLOYED' };
  await helm.save(deployed);
  if (!helm.third) call.out(`NAME:   ${release.name}\n`);
  if (flags.value('output') === 'json') call.out(`${JSON.stringify(statusJson(helm, deployed))}\n`);
  else describe(helm, deployed);
  return 0;
}

async function upgradeRelease(helm: Helm, name: string, reference: string): Promise<number> {
  const { call, flags, api } = helm;
  const history = helm.history(name);
  const last = history[history.length - 1];
  if (last === undefined || (helm.third && last.status === 'DELETED')) {
    if (!flags.bool('install')) {
      return call.fail(
        helm.third
          ? `Error: UPGRADE FAILED: "${name}" has no deployed releases`
          : `UPGRADE FAILED\nError: "${name}" has no deployed releases\nError: UPGRADE FAILED: "${name}" has no deployed releases`,
      );
    }
    call.out(`Release "${name}" does not exist. Installing it now.\n`);
    return installRelease(helm, name, reference);
  }
  if (helm.third && last.status.startsWith('PENDING')) {
    return call.fail('Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress');
  }
  const base = history.findLast((release) => release.status === 'DEPLOYED');
  if (base === undefined) {
    return call.fail(
      helm.third
        ? `Error: UPGRADE FAILED: "${name}" has no deployed releases`
        : `UPGRADE FAILED\nError: "${name}" has no deployed releases\nError: UPGRADE FAILED: "${name}" has no deployed releases`,
    );
  }
  const chart = chartFor(helm, reference);
  const given = values(helm);
  const merged = flags.bool('reuse-values') ? dict(mergePatch(base.values, given)) : given;
  const objects = render(chart, name, base.namespace, merged, api.atLeast('1.9.0'));
  const release: Release = {
    name,
    namespace: base.namespace,
    revision: last.revision + 1,
    status: 'PENDING_UPGRADE',
    chart,
    values: merged,
    objects,
  };
  if (flags.bool('dry-run')) return 0;
  await helm.save(release);
  const code = await settle(helm, release, base.objects, 'Error: UPGRADE FAILED: ');
  await helm.save({ ...base, status: 'SUPERSEDED' });
  call.record.stdout = `Release "${name}" has been upgraded. Happy Helming!\n${call.record.stdout}`;
  return code;
}

async function removeRelease(helm: Helm, name: string, purge: boolean): Promise<boolean> {
  const history = helm.history(name);
  const last = history[history.length - 1];
  if (last === undefined) return false;
  for (const object of [...last.objects].reverse()) await removeObject(helm, object);
  if (!purge) {
    await helm.save({ ...last, status: 'DELETED' });
    return true;
  }
  for (const release of history) await helm.forget(release);
  return true;
}

function tiller(helm: Helm): KubeObject[] {
  const { flags, api } = helm;
  const labels = { app: 'helm', name: 'tiller' };
  const account = flags.value('service-account');
  const image = flags.value('tiller-image') ?? `gcr.io/kubernetes-helm/tiller:v${helm.release}`;
  const apiVersion = helm.atLeast('2.15.0') ? 'apps/v1' : 'extensions/v1beta1';
  if (typeOfKind(api.cluster, apiVersion, 'Deployment') === undefined)
    return helm.call.fail('Error: error installing: the server could not find the requested resource');
  return [
    {
      apiVersion,
      kind: 'Deployment',
      metadata: { name: 'tiller-deploy', namespace: 'kube-system', labels },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            ...(account === undefined ? {} : { serviceAccountName: account }),
            containers: [{ name: 'tiller', image, env: [{ name: 'TILLER_NAMESPACE', value: 'kube-system' }] }],
          },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'tiller-deploy', namespace: 'kube-system', labels },
      spec: { type: 'ClusterIP', selector: labels, ports: [{ name: 'tiller', port: 44134, targetPort: 'tiller' }] },
    },
  ];
}

async function init(helm: Helm): Promise<number> {
  const { call, flags } = helm;
  if (helm.home() === undefined) {
    const url = flags.value('stable-repo-url') ?? (helm.atLeast('2.17.0') ? ARCHIVE : RETIRED);
    if (url === RETIRED && !flags.bool('skip-refresh')) {
      return call.fail(
        `Error: Looks like "${url}" is not a valid chart repository or cannot be reached: Failed to fetch ${url}/index.yaml : 403 Forbidden`,
      );
    }
    await call.write(() => helm.setHome({ repositories: { stable: url, local: 'http://127.0.0.1:8879/charts' } }));
    call.out(`Creating ${helm.homePath}\nAdding stable repo with URL: ${url}\n`);
  }
  call.out(`$HELM_HOME has been configured at ${helm.homePath}.\n`);
  if (flags.bool('client-only')) {
    call.out("Not installing Tiller due to 'client-only' flag having been set\nHappy Helming!\n");
    return 0;
  }
  const { api } = helm;
  const present = api.find('Deployment', 'kube-system', 'tiller-deploy');
  const [deployment, service] = tiller(helm);
  const type = api.type('Deployment');
  const services = api.type('Service');
  if (deployment === undefined || service === undefined || type === undefined || services === undefined) return 1;
  if (present === undefined) {
    await call.write(() => api.create(type, deployment, 'kube-system'));
    if (api.get(services, 'kube-system', 'tiller-deploy') === undefined)
      await call.write(() => api.create(services, service, 'kube-system'));
    call.out('\nTiller (the Helm server-side component) has been installed into your Kubernetes Cluster.\n');
  } else if (flags.bool('upgrade')) {
    await call.write(() => {
      const copy = clone(present);
      const pod = at(copy, 'spec', 'template', 'spec');
      const wanted = at(deployment, 'spec', 'template', 'spec');
      if (isDict(pod)) {
        const container = at(pod, 'containers', 0);
        if (isDict(container)) container.image = text(at(wanted, 'containers', 0, 'image'));
        const account = at(wanted, 'serviceAccountName');
        if (account !== undefined) {
          pod.serviceAccountName = account;
          pod.serviceAccount = account;
        }
      }
      return api.update(type, copy);
    });
    if (api.get(services, 'kube-system', 'tiller-deploy') === undefined)
      await call.write(() => api.create(services, service, 'kube-system'));
    call.out('\nTiller (the Helm server-side component) has been upgraded to the current version.\n');
  } else {
    call.out(
      'Warning: Tiller is already installed in the cluster.\n(Use --client-only to suppress this message, or --upgrade to upgrade Tiller to the current version.)\n',
    );
  }
  if (flags.bool('wait')) {
    const up = (): boolean =>
      num(at(api.find('Deployment', 'kube-system', 'tiller-deploy'), 'status', 'availableReplicas')) > 0;
    if (!(await call.until(up, 300000))) return call.fail('Error: tiller was not found. polling deadline exceeded');
  }
  call.out('Happy Helming!\n');
  return 0;
}

function listReleases(helm: Helm): number {
  const { call, flags } = helm;
  const latest = new Map(
    helm
      .releases(flags.bool('all-namespaces') || !helm.third)
      .map((release) => [`${release.namespace}/${release.name}`, release]),
  );
  const every: Status[] = ['DEPLOYED', 'FAILED', 'PENDING_INSTALL', 'PENDING_UPGRADE', 'SUPERSEDED', 'DELETED'];
  const wanted: Status[] = flags.bool('all')
    ? every
    : [
        ...(flags.bool('deployed') ? ['DEPLOYED' as const] : []),
        ...(flags.bool('failed') ? ['FAILED' as const] : []),
        ...(flags.bool('deleted') ? ['DELETED' as const] : []),
        ...(flags.bool('superseded') ? ['SUPERSEDED' as const] : []),
        ...(flags.bool('uninstalled') ? ['DELETED' as const] : []),
        ...(flags.bool('pending') ? ['PENDING_INSTALL' as const, 'PENDING_UPGRADE' as const] : []),
      ];
  const otherwise: Status[] = helm.fourth ? every : ['DEPLOYED', 'FAILED'];
  const shownStatuses = wanted.length > 0 ? wanted : otherwise;
  const filter = new RegExp(flags.value('filter') ?? flags.args[0] ?? '');
  const space = helm.third ? undefined : flags.value('namespace');
  const found = [...latest.values()]
    .filter(
      (release) =>
        shownStatuses.includes(release.status) &&
        filter.test(release.name) &&
        (space === undefined || release.namespace === space),
    )
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const updated = new Date().toUTCString();
  const status = (release: Release): string =>
    helm.third ? release.status.toLowerCase().replaceAll('_', '-') : release.status;
  const chartName = (release: Release): string => `${release.chart.name}-${release.chart.version}`;
  if (flags.value('output') === 'json') {
    const items: Json = found.map((release) =>
      helm.third
        ? {
            name: release.name,
            namespace: release.namespace,
            revision: String(release.revision),
            updated,
            status: status(release),
            chart: chartName(release),
            app_version: release.chart.appVersion,
          }
        : {
            Name: release.name,
            Revision: release.revision,
            Updated: updated,
            Status: status(release),
            Chart: chartName(release),
            AppVersion: release.chart.appVersion,
            Namespace: release.namespace,
          },
    );
    if (helm.third || found.length > 0)
      call.out(`${JSON.stringify(helm.third ? items : { Next: '', Releases: items })}\n`);
    return 0;
  }
  if (flags.bool('short')) for (const release of found) call.out(`${release.name}\n`);
  else if (found.length > 0 || helm.third) {
    const rows = helm.third
      ? [['NAME', 'NAMESPACE', 'REVISION', 'UPDATED', 'STATUS', 'CHART', 'APP VERSION']]
      : [['NAME', 'REVISION', 'UPDATED', 'STATUS', 'CHART', 'NAMESPACE']];
    for (const release of found) {
      rows.push(
        helm.third
          ? [
              release.name,
              release.namespace,
              String(release.revision),
              updated,
              status(release),
              chartName(release),
              release.chart.appVersion,
            ]
          : [release.name, String(release.revision), updated, status(release), chartName(release), release.namespace],
      );
    }
    for (const row of rows) call.out(`${row.join('\t')}\n`);
  }
  return 0;
}

function version(helm: Helm): number {
  const { call, flags } = helm;
  const line = (git: string): string =>
    flags.bool('short')
      ? `${git}+g8478fb4`
      : `&version.Version{SemVer:"${git}", GitCommit:"8478fb4", GitTreeState:"clean"}`;
  if (helm.third) {
    const template = flags.value('template');
    if (template !== undefined) call.out(template.replaceAll(/\{\{\s*\.Version\s*\}\}/g, `v${helm.release}`));
    else
      call.out(
        flags.bool('short')
          ? `v${helm.release}+g8478fb4\n`
          : `version.BuildInfo{Version:"v${helm.release}", GitCommit:"8478fb4", GitTreeState:"clean", GoVersion:"go1.20"}\n`,
      );
    return 0;
  }
  const both = flags.bool('client') === flags.bool('server');
  if (both || flags.bool('client')) call.out(`Client: ${line(`v${helm.release}`)}\n`);
  if (both || flags.bool('server')) {
    const server = helm.needTiller();
    call.out(`Server: ${line(server)}\n`);
  }
  return 0;
}

function last(helm: Helm, name: string): Release | undefined {
  const history = helm.history(name);
  return history[history.length - 1];
}

async function repo(helm: Helm): Promise<number> {
  const { call, flags } = helm;
  const [action = '', name = '', url = ''] = flags.args;
  switch (action) {
    case 'add': {
      const home = helm.third ? (helm.home() ?? { repositories: {} }) : helm.needHome();
      if (
        helm.third &&
        home.repositories[name] !== undefined &&
        home.repositories[name] !== url &&
        !flags.bool('force-update')
      ) {
        return call.fail(`Error: repository name (${name}) already exists, please specify a different name`);
      }
      const known = home.repositories[name] === url;
      await call.write(() => helm.setHome({ repositories: { ...home.repositories, [name]: url } }));
      call.out(
        helm.third && known
          ? `"${name}" already exists with the same configuration, skipping\n`
          : `"${name}" has been added to your repositories\n`,
      );
      return 0;
    }
    case 'update':
      if (Object.keys(helm.needHome().repositories).length === 0)
        return call.fail('Error: no repositories found. You must add one before updating');
      call.out(
        'Hang tight while we grab the latest from your chart repositories...\nUpdate Complete. ⎈ Happy Helming!⎈\n',
      );
      return 0;
    case 'remove': {
      const { [name]: gone, ...rest } = helm.needHome().repositories;
      if (gone === undefined) return call.fail(`Error: no repo named "${name}" found`);
      await call.write(() => helm.setHome({ repositories: rest }));
      call.out(`"${name}" has been removed from your repositories\n`);
      return 0;
    }
    case 'list': {
      const { repositories } = helm.needHome();
      if (flags.value('output') === 'json')
        call.out(
          `${JSON.stringify(Object.entries(repositories).map(([found, where]) => ({ name: found, url: where })))}\n`,
        );
      else
        call.out(
          ['NAME\tURL', ...Object.entries(repositories).map(([found, where]) => `${found}\t${where}`)].join('\n') +
            '\n',
        );
      return 0;
    }
    default:
      return call.fail(`Error: unknown command "repo ${action}"`);
  }
}

async function get(helm: Helm): Promise<number> {
  const { call, flags } = helm;
  const [what = '', named] = flags.args;
  const name = named ?? what;
  const release = last(helm, name);
  if (release === undefined)
    return call.fail(helm.third ? 'Error: release: not found' : `Error: release: "${name}" not found`);
  const shown: Json =
    what === 'values'
      ? release.values
      : what === 'manifest'
        ? [...release.objects]
        : { values: release.values, objects: [...release.objects] };
  if (what === 'manifest') for (const object of release.objects) call.out(`---\n${dump(sorted(object))}`);
  else if (flags.value('output') === 'json') call.out(`${JSON.stringify(shown)}\n`);
  else call.out(`${helm.third ? 'USER-SUPPLIED VALUES:\n' : ''}${dump(sorted(shown))}`);
  return Promise.resolve(0);
}

async function dispatch(helm: Helm, action: string): Promise<number> {
  const { call, flags } = helm;
  const server = !['version', 'init', 'repo'].includes(action);
  if (server && !helm.third) {
    helm.needTiller();
    if (action !== 'reset') helm.needRights();
  }
  const [first = '', second = ''] = flags.args;
  switch (action) {
    case 'version':
      return version(helm);
    case 'init':
      return init(helm);
    case 'repo':
      return repo(helm);
    case 'list':
      return listReleases(helm);
    case 'get':
      return get(helm);
    case 'status':
    case 'history': {
      const release = last(helm, first);
      if (release === undefined)
        return call.fail(
          helm.third
            ? 'Error: release: not found'
            : `Error: getting deployed release "${first}": release: "${first}" not found`,
        );
      if (action === 'history') {
        for (const entry of helm.history(first))
          call.out(`${entry.revision}\t${entry.status}\t${entry.chart.name}-${entry.chart.version}\n`);
      } else if (flags.value('output') === 'json') call.out(`${JSON.stringify(statusJson(helm, release))}\n`);
      else describe(helm, release);
      return 0;
    }
    case 'install': {
      if (helm.third) {
        if (second === '')
          return call.fail('Error: INSTALLATION FAILED: must either provide a name or specify --generate-name');
        return installRelease(helm, first, second);
      }
      return installRelease(helm, flags.value('name') ?? helm.world.randomName('eager-otter-'), first);
    }
    case 'upgrade':
      return upgradeRelease(helm, first, second);
    case 'delete':
    case 'uninstall': {
      if (!(await removeRelease(helm, first, helm.third ? !flags.bool('keep-history') : flags.bool('purge')))) {
        if (flags.bool('ignore-not-found')) return 0;
        return call.fail(
          helm.third
            ? `Error: uninstall: Release not loaded: ${first}: release: not found`
            : `Error: release: "${first}" not found`,
        );
      }
      call.out(`release "${first}" ${helm.third ? 'uninstalled' : 'deleted'}\n`);
      return 0;
    }
    default:
      return reset(helm);
  }
}

async function reset(helm: Helm): Promise<number> {
  const { call, flags, api } = helm;
  const alive = helm.releases().filter((release) => release.status === 'DEPLOYED');
  if (alive.length > 0 && !flags.bool('force'))
    return call.fail(`Error: there are still ${alive.length} deployed releases (Tip: use --force).`);
  for (const kind of ['Service', 'Deployment']) {
    const type = api.type(kind);
    if (type === undefined || api.get(type, 'kube-system', 'tiller-deploy') === undefined) continue;
    await call.write(() => {
      api.delete(type, 'kube-system', 'tiller-deploy');
    });
  }
  call.out('Tiller (the Helm server-side component) has been uninstalled from your Kubernetes Cluster.\n');
  return 0;
}

export async function runHelm(world: World, call: Call): Promise<number> {
  const release = (world.options.helmVersion ?? '2.7.2').replace(/^v/, '');
  const third = semver.gte(semver.coerce(release)?.version ?? '2.7.2', '3.0.0');
  const { argv } = call.invocation;
  const valued = new Set(
    Object.entries(GLOBAL)
      .flatMap(([name, spec]) => (spec.kind === 'value' ? [`--${name}`] : []))
      .concat(third ? ['-n'] : []),
  );
  let index = 0;
  while (index < argv.length && argv[index]?.startsWith('-') === true) index += valued.has(argv[index] ?? '') ? 2 : 1;
  const word = argv[index] ?? '';
  let action = ALIASES[word] ?? word;
  if (third && action === 'delete') action = 'uninstall';
  const own = OWN[action];
  const unknown = own === undefined || (third ? action === 'init' || action === 'reset' : action === 'uninstall');
  if (unknown) {
    if (word === '') return 0;
    return call.fail(`Error: unknown command "${word}" for "helm"\n\nRun 'helm --help' for usage.`);
  }
  // In Helm 2 `-n` is a release's name, in Helm 3 the namespace.
  const specs: FlagSpecs = third ? { ...own, ...GLOBAL } : { ...GLOBAL, ...own };
  let flags: Flags;
  try {
    flags = parseFlags([...argv.slice(0, index), ...argv.slice(index + 1)], specs, release);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return call.fail(`Error: ${error.message}`);
  }
  const helm = new Helm(world, call, flags);
  try {
    return await dispatch(helm, action);
  } catch (error) {
    if (error instanceof ApiError) return call.fail(`Error: ${error.message}`);
    throw error;
  }
}
