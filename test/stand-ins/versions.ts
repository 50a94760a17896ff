/** Version structs as `kubectl version -o json` and `/version` show them. */
import * as semver from 'semver';
import type { Dict } from './json';

export function clientVersion(release: string): Dict {
  const git = release.startsWith('v') ? release : `v${release}`;
  const parsed = semver.coerce(release);
  return {
    major: String(parsed?.major ?? 1),
    minor: String(parsed?.minor ?? 7),
    gitVersion: git,
    gitCommit: '0000000000000000000000000000000000000000',
    gitTreeState: 'clean',
    buildDate: '2017-08-03T00:00:00Z',
    goVersion: 'go1.8.3',
    compiler: 'gc',
    platform: 'linux/amd64',
  };
}

/** A version as Go's programs print it. */
export function versionInfo(version: Dict): string {
  const fields = [
    'Major',
    'Minor',
    'GitVersion',
    'GitCommit',
    'GitTreeState',
    'BuildDate',
    'GoVersion',
    'Compiler',
    'Platform',
  ];
  const words = fields.map((field) => {
    const value = version[`${field.slice(0, 1).toLowerCase()}${field.slice(1)}`];
    return `${field}:${JSON.stringify(value ?? '')}`;
  });
  return `version.Info{${words.join(', ')}}`;
}

/** Whether a program or a server is at least of the given version. */
export function atLeast(release: string, version: string): boolean {
  return semver.gte(semver.coerce(release)?.version ?? version, version);
}
