import { z } from 'zod';
import { Command, StepOf } from '../../lib/plan/step';
import { fromYaml } from '../../lib/yaml';

/** A release as Helm lists it. */
export interface Release {
  readonly revision: number;
  /** `deployed`, `failed`, `pending-install`, `pending-upgrade` …, in Helm 3's spelling. */
  readonly status: string;
  /** `coredns-0.6.0` */
  readonly chart: string;
}

/** How one major version of Helm is asked; what runs and what takes back stand in the plan. */
export interface HelmClient {
  /** Lists the step's release alone, whatever its state. */
  readonly list: Command;
  /** The release in what {@link list} prints; nothing where there is none. */
  readonly parse: (stdout: string) => Release | undefined;
  /** Prints the values that the release was given, as YAML. */
  readonly values: Command;
  /** Prints the objects of the newest revision, whatever its state, as they were or would be created. */
  readonly manifest: Command;
  /**
   * What has to be done before a release in this state can be upgraded or installed; nothing where that can be done as
   * it is.
   */
  readonly recover: (release: Release) => Command | undefined;
}

/** The Helm that a step is for. */
export function helmFor(step: StepOf<'helm-release'>): HelmClient {
  return step.helm === 3 ? helm3(step) : helm2(step);
}

/** `coredns-0.6.0` of `stable/coredns`, or of `charts/coredns-0.6.0.tgz`, and `0.6.0` */
export function chartOf({ chart, version }: Pick<StepOf<'helm-release'>, 'chart' | 'version'>): string {
  const name = (chart.split('/').at(-1) ?? chart).replace(/\.tgz$/, '');
  return name.endsWith(`-${version}`) ? name : `${name}-${version}`;
}

function helm2({ context, release }: StepOf<'helm-release'>): HelmClient {
  const helm = (...args: string[]): Command => ['helm', `--kube-context=${context}`, ...args];
  return {
    list: helm('list', '--all', `^${release}$`),
    // Helm 2 has no list in JSON before 2.10, so its table is read. A failed upgrade stays there beside later revisions.
    parse: (stdout) => {
      const [head = '', ...rows] = stdout.split('\n').filter((line) => line.trim() !== '');
      const columns = head.split('\t').map((name) => name.trim());
      const found = rows.flatMap((row): Release[] => {
        const cells = row.split('\t').map((cell) => cell.trim());
        const cell = (name: string): string => cells[columns.indexOf(name)] ?? '';
        const status = cell('STATUS').toLowerCase().replaceAll('_', '-');
        return cell('NAME') === release ? [{ revision: Number(cell('REVISION')), status, chart: cell('CHART') }] : [];
      });
      return found.sort((a, b) => b.revision - a.revision)[0];
    },
    values: helm('get', 'values', release),
    manifest: helm('get', 'manifest', release),
    // A first install that failed or was cut stands in the way of every later one, and so does a release that was deleted
    // but is kept: there is nothing to upgrade from.
    recover: ({ revision, status }) =>
      revision <= 1 || status === 'deleted' ? helm('delete', '--purge', release) : undefined,
  };
}

const listSchema = z.array(
  z.looseObject({ name: z.string(), revision: z.string(), status: z.string(), chart: z.string() }),
);

/** Lists releases in every state with Helm 3 and Helm 4: Helm 4 has no `--all`, and Helm 3 leaves out pending releases without it. */
export const EVERY_STATE = ['--deployed', '--failed', '--pending', '--superseded', '--uninstalled', '--uninstalling'];

/** Helm 3 and Helm 4. */
function helm3({ context, release, namespace }: StepOf<'helm-release'>): HelmClient {
  const helm = (...args: string[]): Command => [
    'helm',
    `--kube-context=${context}`,
    ...args,
    `--namespace=${namespace}`,
  ];
  return {
    list: helm('list', ...EVERY_STATE, '--filter', `^${release}$`, '--output=json'),
    parse: (stdout) => {
      const found = listSchema.parse(fromYaml(stdout)).find(({ name }) => name === release);
      return found && { revision: Number(found.revision), status: found.status, chart: found.chart };
    },
    values: helm('get', 'values', release, '--output=yaml'),
    manifest: helm('get', 'manifest', release),
    recover: ({ revision, status }) => {
      if (revision <= 1) return helm('uninstall', release, '--ignore-not-found');
      // An upgrade that was cut keeps the release for itself until it is rolled back.
      return status.startsWith('pending-') ? helm('rollback', release) : undefined;
    },
  };
}
