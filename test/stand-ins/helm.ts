/** helm, in its second and its third major version. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as semver from 'semver';
import { dump, load } from 'js-yaml';
import { type Call, Exit, duration } from './call';
import { type Chart, RenderError, computedValues, findChart, render } from './charts';
import { isReady, picks } from './controllers';
import { type FlagSpecs, type Flags, UsageError, parseFlags } from './flags';
import { ansic, resources, table } from './helm-print';
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
import { ApiError, type ApiServer, ServerPanic } from './objects';
import { may } from './rbac';
import { typeOfKind } from './resources';
import { connect } from './target';
import type { HelmHome } from './types';
import { atLeast } from './versions';
import type { World } from './world';

/** 2.7.2 knows no `--output` (recorded); in which version of Helm 2 each command got it is not. */
const FORMATS = '2.12.0';
const LOCAL_REPOSITORY = 'http://127.0.0.1:8879/charts';

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
  wait: { kind: 'optional' },
  timeout: { kind: 'value' },
  'dry-run': { kind: 'optional' },
  'no-hooks': { kind: 'bool' },
  devel: { kind: 'bool' },
  atomic: { kind: 'bool', since: '2.13.0' },
  'rollback-on-failure': { kind: 'bool', since: '4.0.0' },
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
    output: { kind: 'value', short: 'o', since: FORMATS },
    filter: { kind: 'value', since: '3.0.0' },
    max: { kind: 'value', short: 'm' },
  },
  status: { output: { kind: 'value', short: 'o', since: FORMATS }, revision: { kind: 'value' } },
  get: {
    output: { kind: 'value', short: 'o', since: FORMATS },
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
  rollback: { wait: { kind: 'optional' }, timeout: { kind: 'value' }, 'dry-run': { kind: 'optional' } },
  reset: { force: { kind: 'bool', short: 'f' }, 'remove-helm-home': { kind: 'bool' } },
  repo: {
    output: { kind: 'value', short: 'o', since: '3.0.0' },
    'force-update': { kind: 'bool', since: '3.0.0' },
    'no-update': { kind: 'bool' },
  },
  history: { output: { kind: 'value', short: 'o', since: FORMATS }, max: { kind: 'value' } },
};

const MANAGED_BY = 'app.kubernetes.io/managed-by';
const RELEASE_NAME = 'meta.helm.sh/release-name';
const RELEASE_NAMESPACE = 'meta.helm.sh/release-namespace';
const RELEASE_PATTERN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

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
  /** What became of it, as `history` tells it. */
  readonly description?: string;
  readonly deployed: string;
}

const TILLER_LABELS = { app: 'helm', name: 'tiller' };

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
    this.release = world.helmVersion;
    this.third = atLeast(this.release, '3.0.0');
    this.fourth = atLeast(this.release, '4.0.0');
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
    const status = statusWord(this, release);
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

  /** Notes a release as it is now; true where another program made the same revision in the meantime. */
  async note(release: Release): Promise<boolean> {
    const object = this.record(release);
    const type = this.api.type(object.kind);
    if (type === undefined) return false;
    const { namespace, name } = object.metadata;
    const present = this.api.get(type, namespace, name);
    if (present !== undefined && release.status.startsWith('PENDING')) return true;
    try {
      await this.call.write(() =>
        present === undefined
          ? this.api.create(type, object, namespace, { manager: 'helm' })
          : this.api.update(
              type,
              { ...object, metadata: { ...present.metadata, labels: object.metadata.labels } },
              { manager: 'helm' },
            ),
      );
    } catch (error) {
      // Tiller goes on where it cannot note a release, such as one with a name that no object can have.
      if (this.third || !(error instanceof ApiError)) throw error;
    }
    return false;
  }

  notFound(name: string): string {
    return this.third ? 'Error: release: not found' : `Error: release: "${name}" not found`;
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

  /** The repositories that helm knows; the program ends where there is no list of them. */
  needRepositories(): Record<string, string> {
    const repositories = this.home()?.repositories;
    if (repositories === undefined) {
      if (this.third) this.call.fail('Error: no repositories to show');
      this.call.fail(
        `Error: Couldn't load repositories file (${this.homeKey()}/repository/repositories.yaml).\nYou might need to run \`helm init\` (or \`helm init --client-only\` if tiller is already installed)`,
      );
    }
    return repositories;
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

  /** Ends the program as Helm 2 does where Tiller is not there, not ready or too old. */
  needTiller(): string {
    const pods = this.api.all('Pod', 'kube-system').filter((pod) => picks(TILLER_LABELS, pod.metadata.labels));
    if (pods.length === 0) this.call.fail('Error: could not find tiller');
    const pod = pods.find(isReady);
    if (pod === undefined) this.call.fail('Error: could not find a ready tiller pod');
    const tag = text(at(pod, 'spec', 'containers', 0, 'image')).split(':')[1] ?? '';
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

/** What Go's reader of YAML says; js-yaml has other words for the same. */
function yamlError(error: unknown, wordy: boolean): string {
  const [, why = String(error), line = '1'] =
    /^(.*?) \((\d+):\d+\)/.exec(error instanceof Error ? error.message : '') ?? [];
  const words = why.includes('flow collection') ? "did not find expected ',' or ']'" : why;
  return `${wordy ? 'cannot unmarshal yaml document: ' : ''}error converting YAML to JSON: yaml: line ${line}: ${words}`;
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
        return call.fail(`Error: ${helm.third ? 'INSTALLATION FAILED: ' : ''}open ${name}: no such file or directory`);
      }
    }
    let parsed: Json;
    try {
      parsed = JSON.parse(JSON.stringify(load(content) ?? {})) as Json;
    } catch (error) {
      return call.fail(
        `Error: ${helm.third ? 'INSTALLATION FAILED: ' : ''}failed to parse ${name}: ${yamlError(error, helm.fourth)}`,
      );
    }
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
  if (address !== undefined && !helm.third) helm.needRepositories();
  const reference = address === undefined ? given : `stable/${given}`;
  const [repository = '', name = ''] = reference.split('/');
  const isFile = address === undefined && (!reference.includes('/') || /^[./]/.test(reference));
  const version = flags.value('version');
  if (!helm.third) {
    if (!isFile) helm.needRepositories();
    return (
      findChart(reference, version, helm.world.options.chartVersions) ??
      call.fail(`Error: file "${reference}" not found`)
    );
  }
  if (address === undefined && !isFile && helm.home()?.repositories?.[repository] === undefined)
    return call.fail(`Error: INSTALLATION FAILED: repo ${repository} not found`);
  const chart = findChart(reference, version, helm.world.options.chartVersions);
  if (chart !== undefined) return chart;
  if (isFile) return call.fail(`Error: INSTALLATION FAILED: path "${reference}" not found`);
  return call.fail(
    findChart(reference, undefined, helm.world.options.chartVersions) === undefined
      ? `Error: INSTALLATION FAILED: chart "${name}" not found in ${repository} repository`
      : `Error: INSTALLATION FAILED: chart "${name}" matching ${version ?? ''} not found in ${repository} index. (try 'helm repo update'): no chart version found for ${name}-${version ?? ''}`,
  );
}

/** What the chart's objects are, with the marks that Helm puts on them from version 3 on. */
function rendered(helm: Helm, name: string, namespace: string, chart: Chart, given: Dict): KubeObject[] {
  let objects: KubeObject[];
  try {
    objects = render({
      chart,
      release: name,
      namespace,
      values: given,
      service: helm.third ? 'Helm' : 'Tiller',
      servesApps: helm.api.atLeast('1.9.0'),
    });
  } catch (error) {
    if (error instanceof RenderError) return helm.call.fail(`Error: ${error.message}`);
    throw error;
  }
  if (!helm.third) return objects;
  return objects.map((object) => ({
    ...object,
    metadata: {
      ...object.metadata,
      labels: { ...object.metadata.labels, [MANAGED_BY]: 'Helm' },
      annotations: {
        ...object.metadata.annotations,
        [RELEASE_NAME]: name,
        [RELEASE_NAMESPACE]: namespace,
      },
    },
  }));
}

/** Why an object that is there cannot be taken into a release; undefined where it can. */
function foreign(present: KubeObject, wanted: KubeObject): string | undefined {
  const why = (['labels', 'annotations'] as const).flatMap((field) =>
    Object.entries(wanted.metadata[field] ?? {}).flatMap(([key, value]) => {
      if (![MANAGED_BY, RELEASE_NAME, RELEASE_NAMESPACE].includes(key)) return [];
      const is = present.metadata[field]?.[key];
      if (is === value) return [];
      const rule = is === undefined ? `missing key "${key}": must be set to` : `key "${key}" must equal`;
      const but = is === undefined ? '' : `: current value is "${is}"`;
      return [`${field.slice(0, -1)} validation error: ${rule} "${value}"${but}`];
    }),
  );
  return why.length > 0 ? `invalid ownership metadata; ${why.join('; ')}` : undefined;
}

function isUp(api: ApiServer, object: KubeObject): boolean {
  if (object.kind !== 'Deployment') return true;
  const found = api.find('Deployment', object.metadata.namespace, object.metadata.name);
  const wanted = num(at(found, 'spec', 'replicas'), 1);
  return (
    num(at(found, 'status', 'availableReplicas')) >= wanted && num(at(found, 'status', 'updatedReplicas')) >= wanted
  );
}

/** Waits until the Deployments of a release are up; says what is wrong where they are not in time. Helm 2 counts in seconds. */
async function waitFor(helm: Helm, release: Release): Promise<string | undefined> {
  const { api, call, flags } = helm;
  const limit = flags.value('timeout');
  const ms = limit === undefined ? 300000 : (duration(limit) ?? 300000);
  if (await call.until(() => release.objects.every((object) => isUp(api, object)), ms)) return undefined;
  if (!helm.third) return 'timed out waiting for the condition';
  if (!helm.fourth) return 'context deadline exceeded';
  const late = release.objects
    .filter((object) => !isUp(api, object))
    .map(({ kind, metadata }) => {
      const found = api.find(kind, metadata.namespace, metadata.name);
      const counts = `${num(at(found, 'status', 'replicas'))}/${num(at(found, 'spec', 'replicas'), 1)}`;
      return `resource ${kind}/${metadata.namespace ?? ''}/${metadata.name} not ready. status: InProgress, message: Replicas: ${counts}`;
    });
  return [...late, 'context deadline exceeded'].join('\n');
}

function statusWord(helm: Helm, release: Release): string {
  const word = helm.third ? release.status.toLowerCase().replaceAll('_', '-') : release.status;
  return helm.third && word === 'deleted' ? 'uninstalled' : word;
}

/** What `install`, `upgrade` and `status` print of a release. `asked`: by `status`. */
function describe(helm: Helm, release: Release, asked = false): void {
  const { call } = helm;
  const when = ansic(new Date(release.deployed));
  if (helm.third) {
    call.out(
      `NAME: ${release.name}\nLAST DEPLOYED: ${when}\nNAMESPACE: ${release.namespace}\nSTATUS: ${statusWord(helm, release)}\nREVISION: ${release.revision}\n`,
    );
    if (helm.fourth) call.out(`DESCRIPTION: ${release.description ?? ''}\n`);
    if (helm.fourth && asked) call.out(`RESOURCES:\n${resources(helm.api, release.objects)}`);
    call.out('TEST SUITE: None\n');
    return;
  }
  call.out(`LAST DEPLOYED: ${when}\nNAMESPACE: ${release.namespace}\nSTATUS: ${release.status}\n\n`);
  if (release.status !== 'FAILED' && release.status !== 'DELETED')
    call.out(`RESOURCES:\n${resources(helm.api, release.objects)}\n`);
  call.out(`NOTES:\n${release.chart.name} ${release.chart.version} as the release ${release.name}.\n\n`);
}

function statusJson(helm: Helm, release: Release): Json {
  if (helm.third) {
    return {
      name: release.name,
      info: {
        first_deployed: release.deployed,
        last_deployed: release.deployed,
        description: release.description ?? '',
        status: statusWord(helm, release),
      },
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

/** Why the API server did not take an object; kubectl gets the same words where it panics. */
function refusal(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  if (error instanceof ServerPanic) return 'unexpected EOF';
  throw error;
}

/** Puts a release's objects into the cluster; gives back what was refused, if anything. */
async function apply(helm: Helm, release: Release, before: readonly KubeObject[]): Promise<string | undefined> {
  const { api, call } = helm;
  const refused: string[] = [];
  for (const object of release.objects) {
    const type = typeOfKind(api.cluster, object.apiVersion, object.kind);
    const { name, namespace } = object.metadata;
    const last = before.find((other) => other.kind === object.kind && other.metadata.name === name);
    const present = type === undefined ? undefined : api.get(type, namespace, name);
    const isUpdate = present !== undefined && (last !== undefined || helm.third);
    try {
      if (type === undefined)
        throw new ApiError('NotFound', `no matches for kind "${object.kind}" in version "${object.apiVersion}"`);
      if (isUpdate) {
        // Helm 2 compares the two charts only, and does not see changes that others made in the cluster.
        const merged = helm.third ? threeWay(last ?? object, object, present) : twoWay(last ?? object, object, present);
        // Where the charts do not differ helm sends nothing.
        if (same(merged, present)) continue;
        await call.write(() => api.update(type, merged as KubeObject, { manager: 'helm' }));
      } else await call.write(() => api.create(type, object, namespace, { manager: 'helm' }));
    } catch (error) {
      const why = refusal(error);
      if (helm.fourth) return why;
      if (helm.third)
        return isUpdate
          ? `cannot patch "${name}" with kind ${object.kind}: ${why}`
          : `1 error occurred:\n\t* ${why}\n\n`;
      // An install of Helm 2 ends with the first, an upgrade tries all.
      if (before.length === 0) return why;
      refused.push(why);
    }
  }
  if (refused.length > 0) return refused.join(' && ');
  for (const gone of before) {
    if (release.objects.some((object) => object.kind === gone.kind && object.metadata.name === gone.metadata.name))
      continue;
    await removeObject(helm, gone);
  }
  return undefined;
}

async function removeObject(helm: Helm, object: KubeObject): Promise<void> {
  const type = typeOfKind(helm.api.cluster, object.apiVersion, object.kind);
  if (type === undefined || helm.api.get(type, object.metadata.namespace, object.metadata.name) === undefined) return;
  await helm.call.write(() => {
    helm.api.delete(type, object.metadata.namespace, object.metadata.name);
  });
}

/** Between what Helm reads and what it writes other programs may come. */
function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Helm 4 complains about a name that cannot be used in a log line first. */
function nameRefused(helm: Helm, why: string): never {
  if (helm.fourth)
    helm.call.err(
      `level=ERROR msg="release name check failed" error=${JSON.stringify(why.replace('re-use', 'reuse'))}\n`,
    );
  return helm.call.fail(
    `Error: INSTALLATION FAILED: ${helm.fourth ? `release name check failed: ${why.replace('re-use', 'reuse')}` : why}`,
  );
}

async function installRelease(helm: Helm, name: string, reference: string): Promise<number> {
  const { call, flags, api } = helm;
  if (helm.third && !(RELEASE_PATTERN.test(name) && name.length <= 53)) {
    nameRefused(
      helm,
      `release name "${name}": invalid release name, must match regex ${RELEASE_PATTERN.source} and the length must not be longer than 53`,
    );
  }
  const chart = chartFor(helm, reference);
  const given = values(helm);
  const history = helm.history(name);
  const latest = history[history.length - 1];
  const isFree =
    latest === undefined ||
    ((flags.bool('replace') || flags.bool('install')) && (latest.status === 'DELETED' || latest.status === 'FAILED'));
  if (!isFree) {
    if (helm.third) nameRefused(helm, 'cannot re-use a name that is still in use');
    return call.fail(
      `Error: a release named ${name} already exists.\nRun: helm ls --all ${name}; to check the status of the release\nOr run: helm del --purge ${name}; to delete it`,
    );
  }
  const namespace = helm.space;
  const objects = rendered(helm, name, namespace, chart, given);
  const release: Release = {
    name,
    namespace,
    revision: (latest?.revision ?? 0) + 1,
    status: 'PENDING_INSTALL',
    chart,
    values: given,
    objects,
    description: 'Initial install underway',
    deployed: new Date().toISOString(),
  };
  if (flags.has('dry-run')) {
    if (helm.third) describe(helm, { ...release, description: 'Dry run complete' });
    else call.out(`NAME:   ${name}\n`);
    return 0;
  }
  if (helm.third) {
    for (const object of objects) {
      const type = typeOfKind(api.cluster, object.apiVersion, object.kind);
      if (type === undefined) {
        return call.fail(
          `Error: INSTALLATION FAILED: unable to build kubernetes objects from release manifest: resource mapping not found for name: "${object.metadata.name}" namespace: "" from "": no matches for kind "${object.kind}" in version "${object.apiVersion}"\nensure CRDs are installed first`,
        );
      }
      const present = api.get(type, namespace, object.metadata.name);
      const why = present === undefined ? undefined : foreign(present, object);
      if (why !== undefined) {
        return call.fail(
          `Error: INSTALLATION FAILED: ${helm.fourth ? 'u' : 'U'}nable to continue with install: ${object.kind} "${object.metadata.name}" in namespace "${namespace}" exists and cannot be imported into the current release: ${why}`,
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
  await pause();
  if (await helm.note(release)) return call.fail('Error: release: already exists');
  const prefix = helm.third ? 'Error: INSTALLATION FAILED: ' : `Error: release ${name} failed: `;
  return settle(helm, release, [], prefix);
}

/** Applies a release that is noted as pending, and notes how it went. */
async function settle(helm: Helm, release: Release, before: readonly KubeObject[], prefix: string): Promise<number> {
  const { call, flags } = helm;
  const what = before.length > 0 ? 'Upgrade' : 'Release';
  const patient = flags.has('wait') || flags.bool('atomic') || flags.bool('rollback-on-failure');
  const why = (await apply(helm, release, before)) ?? (patient ? await waitFor(helm, release) : undefined);
  if (why !== undefined) {
    const description = `${what} "${release.name}" failed: ${why}`;
    await helm.note({ ...release, status: 'FAILED', description });
    if (flags.bool('atomic') || flags.bool('rollback-on-failure')) await removeRelease(helm, release.name, true);
    if (helm.fourth && before.length > 0)
      call.err(`level=WARN msg="upgrade failed" name=${release.name} error=${JSON.stringify(why)}\n`);
    throw new Exit(1, `${prefix}${why}\n`);
  }
  const description = before.length > 0 ? 'Upgrade complete' : 'Install complete';
  const deployed: Release = { ...release, status: 'DEPLOYED', description };
  await helm.note(deployed);
  if (before.length > 0) call.out(`Release "${release.name}" has been upgraded. Happy Helming!\n`);
  else if (!helm.third) call.out(`NAME:   ${release.name}\n`);
  if (flags.value('output') === 'json') call.out(`${JSON.stringify(statusJson(helm, deployed))}\n`);
  else describe(helm, deployed);
  return 0;
}

async function upgradeRelease(helm: Helm, name: string, reference: string): Promise<number> {
  const { call, flags } = helm;
  const history = helm.history(name);
  const latest = history[history.length - 1];
  if (latest === undefined || (helm.third && latest.status === 'DELETED')) {
    if (!flags.bool('install')) return call.fail(`Error: UPGRADE FAILED: "${name}" has no deployed releases`);
    call.out(`Release "${name}" does not exist. Installing it now.\n`);
    return installRelease(helm, name, reference);
  }
  if (helm.third && latest.status.startsWith('PENDING')) {
    return call.fail('Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress');
  }
  const chart = chartFor(helm, reference);
  const given = values(helm);
  // From version 3 on a first install that failed can be upgraded, too.
  const failed = helm.third && (latest.status === 'FAILED' || latest.status === 'SUPERSEDED') ? latest : undefined;
  const base = history.findLast((release) => release.status === 'DEPLOYED') ?? failed;
  if (base === undefined) return call.fail(`Error: UPGRADE FAILED: "${name}" has no deployed releases`);
  const merged = flags.bool('reuse-values') ? dict(mergePatch(base.values, given)) : given;
  const release: Release = {
    name,
    namespace: base.namespace,
    revision: latest.revision + 1,
    status: 'PENDING_UPGRADE',
    chart,
    values: merged,
    objects: rendered(helm, name, base.namespace, chart, merged),
    description: 'Preparing upgrade',
    deployed: new Date().toISOString(),
  };
  if (flags.has('dry-run')) return 0;
  await pause();
  if (await helm.note(release)) {
    return call.fail(
      helm.third
        ? 'Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress'
        : `Error: UPGRADE FAILED: release: "${name}.v${release.revision}" already exists`,
    );
  }
  const code = await settle(helm, release, base.objects, 'Error: UPGRADE FAILED: ');
  await supersede(helm, name, release.revision);
  return code;
}

/** Once a release is deployed, those before it are not any more. */
async function supersede(helm: Helm, name: string, revision: number): Promise<void> {
  for (const old of helm.history(name)) {
    const counts = old.status === 'DEPLOYED' || (helm.third && old.status === 'FAILED');
    if (counts && old.revision < revision) await helm.note({ ...old, status: 'SUPERSEDED' });
  }
}

/** Helm 3 and later: the revision before, or the one that is named, once more. */
async function rollback(helm: Helm, name: string, revision: string | undefined): Promise<number> {
  const { call } = helm;
  const history = helm.history(name);
  const latest = history[history.length - 1];
  if (latest === undefined) return call.fail('Error: release: not found');
  const wanted = revision === undefined ? latest.revision - 1 : Number(revision);
  const target = history.find((release) => release.revision === wanted);
  if (target === undefined) return call.fail(`Error: release has no ${wanted} version`);
  const release: Release = {
    ...target,
    revision: latest.revision + 1,
    status: 'PENDING_UPGRADE',
    description: `Rollback to ${wanted}`,
    deployed: new Date().toISOString(),
  };
  await helm.note(release);
  const why = await apply(helm, release, latest.objects);
  if (why !== undefined) {
    await helm.note({ ...release, status: 'FAILED', description: `Rollback "${name}" failed: ${why}` });
    return call.fail(`Error: ${why}`);
  }
  await helm.note({ ...release, status: 'DEPLOYED' });
  await supersede(helm, name, release.revision);
  call.out('Rollback was a success! Happy Helming!\n');
  return 0;
}

async function removeRelease(helm: Helm, name: string, purge: boolean): Promise<boolean> {
  const history = helm.history(name);
  const latest = history[history.length - 1];
  if (latest === undefined || (helm.third && !purge && latest.status === 'DELETED')) return false;
  if (latest.status !== 'DELETED') for (const object of [...latest.objects].reverse()) await removeObject(helm, object);
  if (!purge) {
    await helm.note({ ...latest, status: 'DELETED', description: 'Uninstallation complete' });
    return true;
  }
  for (const release of history) await helm.forget(release);
  return true;
}

function tiller(helm: Helm): { readonly deployment: KubeObject; readonly service: KubeObject } {
  const { flags, api } = helm;
  const labels = TILLER_LABELS;
  const account = flags.value('service-account');
  const probe = (which: string): Dict => ({
    httpGet: { path: `/${which}`, port: 44135 },
    initialDelaySeconds: 1,
    timeoutSeconds: 1,
  });
  const container: Dict = {
    name: 'tiller',
    image: flags.value('tiller-image') ?? `gcr.io/kubernetes-helm/tiller:v${helm.release}`,
    imagePullPolicy: 'IfNotPresent',
    env: [
      { name: 'TILLER_NAMESPACE', value: 'kube-system' },
      { name: 'TILLER_HISTORY_MAX', value: flags.value('history-max') ?? '0' },
    ],
    ports: [{ name: 'tiller', containerPort: 44134 }],
    livenessProbe: probe('liveness'),
    readinessProbe: probe('readiness'),
  };
  return {
    deployment: {
      // From 2.15 on Helm writes a version that 1.7 and 1.8 refuse.
      apiVersion:
        atLeast(helm.release, '2.15.0') || typeOfKind(api.cluster, 'extensions/v1beta1', 'Deployment') === undefined
          ? 'apps/v1'
          : 'extensions/v1beta1',
      kind: 'Deployment',
      metadata: { name: 'tiller-deploy', namespace: 'kube-system', labels },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { ...(account === undefined ? {} : { serviceAccountName: account }), containers: [container] },
        },
      },
    },
    service: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'tiller-deploy', namespace: 'kube-system', labels },
      spec: { type: 'ClusterIP', selector: labels, ports: [{ name: 'tiller', port: 44134, targetPort: 'tiller' }] },
    },
  };
}

/** Folders of HELM_HOME in the order in which init makes them. */
const FOLDERS = [
  '',
  '/repository',
  '/repository/cache',
  '/repository/local',
  '/plugins',
  '/starters',
  '/cache/archive',
];

/** Makes what of the client's own folder is not there yet. */
async function makeHome(helm: Helm): Promise<void> {
  const { call, flags, world } = helm;
  if (helm.home() === undefined) {
    for (const folder of FOLDERS) call.out(`Creating ${helm.homePath}${folder} \n`);
    await call.write(() => helm.setHome({}));
  }
  if (helm.home()?.repositories === undefined) {
    const url = flags.value('stable-repo-url') ?? (atLeast(helm.release, '2.17.0') ? ARCHIVE : RETIRED);
    call.out(`Creating ${helm.homePath}/repository/repositories.yaml \nAdding stable repo with URL: ${url} \n`);
    const host = /^https?:\/\/([^/:]+)/.exec(url)?.[1] ?? url;
    if (!flags.bool('skip-refresh') && world.options.unreachable?.includes(host) === true) {
      const why = `Get ${url}/index.yaml: dial tcp: lookup ${host} on 192.0.2.53:53: no such host`;
      call.fail(`Error: Looks like "${url}" is not a valid chart repository or cannot be reached: ${why}`);
    }
    if (!flags.bool('skip-refresh') && url === RETIRED) {
      const why = `Failed to fetch ${url}/index.yaml : 403 Forbidden`;
      call.fail(`Error: Looks like "${url}" is not a valid chart repository or cannot be reached: ${why}`);
    }
    const local = flags.value('local-repo-url') ?? LOCAL_REPOSITORY;
    call.out(`Adding local repo with URL: ${local} \n`);
    await call.write(() => helm.setHome({ repositories: { stable: url, local } }));
  }
  call.out(`$HELM_HOME has been configured at ${helm.homePath}.\n`);
}

async function init(helm: Helm): Promise<number> {
  const { call, flags } = helm;
  await makeHome(helm);
  if (flags.bool('client-only')) {
    call.out("Not installing Tiller due to 'client-only' flag having been set\nHappy Helming!\n");
    return 0;
  }
  const { api } = helm;
  const { deployment, service } = tiller(helm);
  const present = api.find('Deployment', 'kube-system', 'tiller-deploy');
  const type = typeOfKind(api.cluster, deployment.apiVersion, 'Deployment');
  const services = api.type('Service');
  if (type === undefined || services === undefined)
    return call.fail('Error: error installing: the server could not find the requested resource');
  const makeService = async (): Promise<void> => {
    if (api.get(services, 'kube-system', 'tiller-deploy') === undefined)
      await call.write(() => api.create(services, service, 'kube-system'));
  };
  if (present === undefined) {
    await call.write(() => api.create(type, deployment, 'kube-system'));
    await makeService();
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
    await makeService();
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

function chartName(release: Release): string {
  return `${release.chart.name}-${release.chart.version}`;
}

const FILTERS: Readonly<Record<string, readonly Status[]>> = {
  deployed: ['DEPLOYED'],
  failed: ['FAILED'],
  deleted: ['DELETED'],
  uninstalled: ['DELETED'],
  superseded: ['SUPERSEDED'],
  pending: ['PENDING_INSTALL', 'PENDING_UPGRADE'],
};
/** Helm 2 does not count what a later revision has taken the place of among all. */
const ALL_OF_TWO: readonly Status[] = ['DEPLOYED', 'FAILED', 'PENDING_INSTALL', 'PENDING_UPGRADE', 'DELETED'];
const ALL: readonly Status[] = [...ALL_OF_TWO, 'SUPERSEDED'];

/** The releases that `list` is asked for: each revision by itself in Helm 2, the latest of each release from Helm 3 on. */
function listed(helm: Helm): Release[] {
  const { flags } = helm;
  const wanted = Object.entries(FILTERS).flatMap(([flag, statuses]) => (flags.bool(flag) ? statuses : []));
  const all = helm.third ? ALL : ALL_OF_TWO;
  const usual: readonly Status[] = helm.fourth ? ALL : ['DEPLOYED', 'FAILED'];
  const statuses = flags.bool('all') ? all : wanted.length > 0 ? wanted : usual;
  const every = helm.releases(flags.bool('all-namespaces') || !helm.third);
  // From version 3 on a release counts once, unless older revisions are asked for.
  const newest = new Map(every.map((release) => [`${release.namespace}/${release.name}`, release]));
  const counted = helm.third && !flags.bool('superseded') ? [...newest.values()] : every;
  const filter = new RegExp(flags.value('filter') ?? (helm.third ? '' : (flags.args[0] ?? '')));
  const space = helm.third ? undefined : flags.value('namespace');
  return counted
    .filter((release) => statuses.includes(release.status) && filter.test(release.name))
    .filter((release) => space === undefined || release.namespace === space)
    .sort((a, b) => (a.name === b.name ? a.revision - b.revision : a.name < b.name ? -1 : 1));
}

/** `2026-11-27 17:13:31.683435603 +0000 UTC`, as Go prints a time. */
function goTime(time: string): string {
  return `${time.replace('T', ' ').replace('Z', '000000')} +0000 UTC`;
}

function listReleases(helm: Helm): number {
  const { call, flags } = helm;
  const found = listed(helm);
  if (flags.value('output') === 'json') {
    const items: Json = found.map((release) =>
      helm.third
        ? {
            name: release.name,
            namespace: release.namespace,
            revision: String(release.revision),
            updated: goTime(release.deployed),
            status: statusWord(helm, release),
            chart: chartName(release),
            app_version: release.chart.appVersion,
          }
        : {
            Name: release.name,
            Revision: release.revision,
            Updated: ansic(new Date(release.deployed)),
            Status: release.status,
            Chart: chartName(release),
            AppVersion: release.chart.appVersion,
            Namespace: release.namespace,
          },
    );
    if (helm.third || found.length > 0)
      call.out(`${JSON.stringify(helm.third ? items : { Next: '', Releases: items })}\n`);
    return 0;
  }
  if (flags.bool('short')) {
    for (const name of new Set(found.map((release) => release.name))) call.out(`${name}\n`);
    return 0;
  }
  if (helm.third) {
    const heads = ['NAME', 'NAMESPACE', 'REVISION', 'UPDATED', 'STATUS', 'CHART', 'APP VERSION'];
    const rows = found.map((release) => [
      release.name,
      release.namespace,
      String(release.revision),
      goTime(release.deployed),
      statusWord(helm, release),
      chartName(release),
      release.chart.appVersion,
    ]);
    call.out(table([heads, ...rows]));
  } else if (found.length > 0) {
    const heads = ['NAME', 'REVISION', 'UPDATED', 'STATUS', 'CHART', 'NAMESPACE'];
    const rows = found.map((release) => [
      release.name,
      String(release.revision),
      ansic(new Date(release.deployed)),
      release.status,
      chartName(release),
      release.namespace,
    ]);
    call.out(table([heads, ...rows]));
  }
  return 0;
}

function historyOf(helm: Helm, name: string): number {
  const { call, flags } = helm;
  const history = helm.history(name);
  if (history.length === 0) return call.fail(helm.notFound(name));
  if (flags.value('output') === 'json') {
    const entries = history.map((release) => ({
      revision: release.revision,
      updated: release.deployed,
      status: statusWord(helm, release),
      chart: chartName(release),
      ...(helm.third ? { app_version: release.chart.appVersion } : {}),
      description: release.description ?? '',
    }));
    call.out(`${JSON.stringify(entries)}\n`);
    return 0;
  }
  const version = (word: string): string[] => (helm.third ? [word] : []);
  const rows = history.map((release) => [
    String(release.revision),
    ansic(new Date(release.deployed)),
    statusWord(helm, release),
    chartName(release),
    ...version(release.chart.appVersion),
    release.description ?? '',
  ]);
  call.out(
    table([['REVISION', 'UPDATED', 'STATUS', 'CHART', ...version('APP VERSION'), 'DESCRIPTION'], ...rows], helm.third),
  );
  return 0;
}

/** Commits of the releases whose programs were measured; every other one has this one, too. */
const COMMIT = '8478fb4fc723885b155c924d1c8c410b7a9444e6';

function version(helm: Helm): number {
  const { call, flags } = helm;
  const brief = flags.bool('short');
  if (helm.third) {
    const template = flags.value('template');
    if (template !== undefined) {
      call.out(template.replaceAll(/\{\{\s*\.Version\s*\}\}/g, `v${helm.release}`));
      return 0;
    }
    const more = helm.fourth ? ', KubeClientVersion:"v1.35"' : '';
    call.out(
      brief
        ? `v${helm.release}+g${COMMIT.slice(0, 7)}\n`
        : `version.BuildInfo{Version:"v${helm.release}", GitCommit:"${COMMIT}", GitTreeState:"clean", GoVersion:"go1.20"${more}}\n`,
    );
    return 0;
  }
  const line = (git: string): string =>
    brief
      ? `${git}+g${COMMIT.slice(0, 7)}`
      : `&version.Version{SemVer:"${git}", GitCommit:"${COMMIT}", GitTreeState:"clean"}`;
  const both = flags.bool('client') === flags.bool('server');
  if (both || flags.bool('client')) call.out(`Client: ${line(`v${helm.release}`)}\n`);
  if (!both && !flags.bool('server')) return 0;
  let server: string;
  try {
    server = helm.needTiller();
  } catch (error) {
    if (!(error instanceof Exit) || error.stderr.includes('incompatible versions')) throw error;
    // Whatever the reason is, `version` has one sentence for it.
    return call.fail('Error: cannot connect to Tiller');
  }
  call.out(`Server: ${line(server)}\n`);
  return 0;
}

async function repo(helm: Helm): Promise<number> {
  const { call, flags } = helm;
  const [action = '', name = '', url = ''] = flags.args;
  switch (action) {
    case 'add': {
      const repositories = helm.third ? (helm.home()?.repositories ?? {}) : helm.needRepositories();
      const before = repositories[name];
      if (helm.third && before !== undefined && before !== url && !flags.bool('force-update')) {
        return call.fail(`Error: repository name (${name}) already exists, please specify a different name`);
      }
      await call.write(() => helm.setHome({ repositories: { ...repositories, [name]: url } }));
      call.out(
        helm.third && before === url
          ? `"${name}" already exists with the same configuration, skipping\n`
          : `"${name}" has been added to your repositories\n`,
      );
      return 0;
    }
    case 'update':
      if (Object.keys(helm.needRepositories()).length === 0)
        return call.fail('Error: no repositories found. You must add one before updating');
      call.out(
        'Hang tight while we grab the latest from your chart repositories...\nUpdate Complete. ⎈ Happy Helming!⎈\n',
      );
      return 0;
    case 'remove': {
      const { [name]: gone, ...rest } = helm.needRepositories();
      if (gone === undefined) return call.fail(`Error: no repo named "${name}" found`);
      await call.write(() => helm.setHome({ repositories: rest }));
      call.out(`"${name}" has been removed from your repositories\n`);
      return 0;
    }
    case 'list': {
      const json = flags.value('output') === 'json';
      if (helm.third && helm.home()?.repositories === undefined && (json || helm.fourth)) {
        if (json) call.out('[]\n');
        else call.err('no repositories to show\n');
        return 0;
      }
      const entries = Object.entries(helm.needRepositories());
      if (json) call.out(`${JSON.stringify(entries.map(([found, where]) => ({ name: found, url: where })))}\n`);
      else call.out(table([['NAME', 'URL'], ...entries]));
      return 0;
    }
    default:
      return call.fail(`Error: unknown command "repo ${action}"`);
  }
}

function yaml(value: Json): string {
  return dump(sorted(value), { seqNoIndent: true, quoteStyle: 'double', lineWidth: -1 });
}

function get(helm: Helm): number {
  const { call, flags } = helm;
  const [what = '', named] = flags.args;
  const name = named ?? what;
  const release = helm.history(name).at(-1);
  if (release === undefined) return call.fail(helm.notFound(name));
  if (what === 'manifest') {
    for (const object of release.objects) call.out(`---\n${dump(sorted(object))}`);
    return 0;
  }
  const given = what === 'values' && flags.bool('all') ? computedValues(release.chart, release.values) : release.values;
  const shown: Json = what === 'values' ? given : { values: release.values, objects: [...release.objects] };
  const format = flags.value('output');
  if (format === 'json') call.out(`${JSON.stringify(shown)}\n`);
  else if (!helm.third) call.out(`${yaml(shown)}\n`);
  else {
    const head = flags.bool('all') ? 'COMPUTED VALUES:\n' : 'USER-SUPPLIED VALUES:\n';
    const none = isDict(shown) && Object.keys(shown).length === 0;
    call.out(`${format === 'yaml' ? '' : head}${none ? 'null\n' : yaml(shown)}`);
  }
  return 0;
}

/** Helm 3 and later refuse what they do not expect before they do anything. */
function checkArguments(helm: Helm, action: string): void {
  if (!helm.third) return;
  const { call, flags } = helm;
  const refuse = (why: string, usage: string): never =>
    call.fail(`Error: "helm ${action}" ${why}\n\nUsage:  helm ${action} ${usage}`);
  const count = flags.args.length;
  if ((action === 'list' || action === 'version') && count > 0) refuse('accepts no arguments', '[flags]');
  if (action === 'install' && count < 1) refuse('requires at least 1 argument', '[NAME] [CHART] [flags]');
  if (action === 'upgrade' && count !== 2) refuse('requires 2 arguments', '[RELEASE] [CHART] [flags]');
  if (action === 'uninstall' && count < 1) refuse('requires at least 1 argument', 'RELEASE_NAME [...] [flags]');
  if (action === 'status' && count !== 1) refuse('requires 1 argument', 'RELEASE_NAME [flags]');
}

async function dispatch(helm: Helm, action: string): Promise<number> {
  const { call, flags } = helm;
  checkArguments(helm, action);
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
    case 'history':
      return historyOf(helm, first);
    case 'rollback':
      return rollback(helm, first, second === '' ? undefined : second);
    case 'status': {
      const release = helm.history(first).at(-1);
      if (release === undefined) {
        const why = helm.notFound(first);
        return call.fail(helm.third ? why : why.replace('Error: ', `Error: getting deployed release "${first}": `));
      }
      if (flags.value('output') === 'json') call.out(`${JSON.stringify(statusJson(helm, release))}\n`);
      else describe(helm, release, true);
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
      const removed = await removeRelease(helm, first, helm.third ? !flags.bool('keep-history') : flags.bool('purge'));
      if (!removed && !flags.bool('ignore-not-found')) {
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
    return call.fail(`Error: there are still ${alive.length} deployed releases (Tip: use --force)`);
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
  const release = world.helmVersion;
  const third = atLeast(release, '3.0.0');
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
  const gone = third ? ['init', 'reset'] : ['uninstall', 'rollback'];
  if (own === undefined || gone.includes(action)) {
    if (word === '') return 0;
    const hint = third && word === 'init' ? '\n\nDid you mean this?\n\tlint\n' : '';
    return call.fail(`Error: unknown command "${word}" for "helm"${hint}\nRun 'helm --help' for usage.`);
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
