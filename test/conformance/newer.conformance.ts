/** Each recorded call of newer kubectls gets from the stand-in of that version what the real one said. */
import * as fs from 'node:fs';
import { dump, load } from 'js-yaml';
import { type Json, dict } from '../stand-ins/json';
import { NOT_MODELLED_NEWER } from './not-modelled';
import { numbers } from './ranges';
import { NEWER_KUBECTLS, recordedOf } from './recordings';
import { type Stage, type Verdict, replay } from './replay';
import type { Rig } from './rig';

const SERVER = { name: 'a', server: '127.0.0.1:26443', kubernetesVersion: '1.34.4', nodes: [] };

/** The contexts that the calls name beside the current one. */
function contexts(rig: Rig): void {
  const config = load(fs.readFileSync(rig.world.kubeconfigPath, 'utf8')) as Record<
    'clusters' | 'contexts' | 'users',
    Json[]
  >;
  const add = (name: string, cluster: Json): void => {
    config.clusters.push({ name, cluster });
    config.contexts.push({
      name,
      context: { cluster: name, user: name === 'down' ? 'a' : dict(config.users[0]).name },
    });
  };
  add('down', { server: 'https://127.0.0.1:26999', 'insecure-skip-tls-verify': true });
  add('nohost', { server: 'https://no-such-host.invalid:26443', 'insecure-skip-tls-verify': true });
  add('ca', { server: 'https://127.0.0.1:26443', 'certificate-authority-data': 'YW5vdGhlcg==' });
  config.users.push({ name: 'a', user: { token: 'a-token' } });
  rig.file('newer.kc', dump(config));
  rig.kubeconfig = `${rig.folder}/newer.kc`;
}

function stageOf(version: string): Stage {
  return {
    file: version,
    calls: recordedOf(version),
    world: { clusters: [SERVER], kubectlVersion: version },
    begin: async (rig) => {
      contexts(rig);
      // Nothing but an API server ran.
      for (const kind of ['Deployment', 'ConfigMap', 'Namespace']) await rig.world.hold(`a/${kind}/*/*`);
    },
  };
}

const counts: Record<string, readonly Verdict[]> = {};
const notModelled = (version: string): Map<number, string> =>
  new Map(
    NOT_MODELLED_NEWER.filter(({ versions }) => versions === undefined || versions.includes(version)).flatMap(
      ({ calls, reason }) => numbers(calls).map((n) => [n, reason] as const),
    ),
  );

afterAll(() => {
  const rows = Object.entries(counts).map(([version, verdicts]) => {
    const listed = notModelled(version);
    const modelled = verdicts.filter(({ call }) => !listed.has(call.n));
    const equal = modelled.filter(({ unlike }) => unlike?.length === 0).length;
    return [`kubectl ${version}`, verdicts.length, modelled.length, equal, modelled.length - equal].map(String);
  });
  const lines = [['program', 'recorded', 'modelled', 'equal', 'unlike'], ...rows].map((row) =>
    row.map((cell, index) => (index === 0 ? cell.padEnd(16) : cell.padStart(10))).join(''),
  );
  process.stdout.write(`\n${lines.join('\n')}\n`);
});

describe.each(NEWER_KUBECTLS)('kubectl %s', (version) => {
  const calls = recordedOf(version);
  const listed = notModelled(version);
  let verdicts: readonly Verdict[] = [];

  beforeAll(async () => {
    verdicts = await replay(stageOf(version), () => false);
    counts[version] = verdicts;
  });

  for (const call of calls.filter(({ n }) => !listed.has(n))) {
    it(`${call.id} ${call.note ?? ''}: kubectl ${call.argv.join(' ').slice(0, 100)}`, () => {
      expect(verdicts.find((verdict) => verdict.call.n === call.n)?.unlike).toEqual([]);
    });
  }

  it('lists rightly what is not modelled', () => {
    for (const { call, said, unlike } of verdicts.filter((verdict) => listed.has(verdict.call.n))) {
      const kinder = call.exit !== 0 && said?.exit === 0;
      expect({ id: call.id, kinder, alike: unlike?.length === 0 }).toEqual({
        id: call.id,
        kinder: false,
        alike: false,
      });
    }
  });
});
