/**
 * A draft, not run by npm test until it has passed whole.
 *
 * SIGKILL of the real command line before, in and after every single write of a run, enumerated. The next run ends in
 * the same state as one that nobody killed, and nothing of the user's is lost.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dump, load } from 'js-yaml';
import { GUIDE_CLUSTERS } from '../support/guide';
import { KubeObject } from '../stand-ins/json';
import { StartedFederation, startFederation } from './support/cli';
import { describePoint, killedAt, KillPoint, pointsOf, record, Recording, resumed, untilQuiet } from './support/kill';

/** A LoadBalancer Service of the user's own: its address is in the VIP ConfigMap beside the federation's. */
const SHOP: KubeObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'shop', namespace: 'default', labels: { team: 'red' } },
  spec: { type: 'LoadBalancer', selector: { app: 'shop' }, ports: [{ port: 80, protocol: 'TCP' }] },
};

interface Kubeconfig {
  clusters: unknown[];
  contexts: unknown[];
  users: unknown[];
  'current-context': string;
}

/** Host and one member, with what a user has in them and in the kubeconfig. */
async function start(): Promise<StartedFederation> {
  const federation = await startFederation({
    props: { clusters: [GUIDE_CLUSTERS.fcp, GUIDE_CLUSTERS.usa] },
    clusters: {
      fcp: {
        nodes: ['fcp-1', 'fcp-2'],
        clusterDnsConfig: {
          stubDomains: '{"acme.local":["127.0.0.9"]}',
          upstreamNameservers: '["127.0.0.8"]',
          federations: 'legacy=legacy.org',
        },
      },
      usa: { nodes: ['usa-1', 'usa-2'], objects: [SHOP] },
    },
  });
  const { kubeconfigPath } = federation.world;
  const kubeconfig = load(readFileSync(kubeconfigPath, 'utf8')) as Kubeconfig;
  kubeconfig.clusters.push({ name: 'staging', cluster: { server: 'https://127.0.0.7:6443' } });
  kubeconfig.contexts.push({ name: 'staging', context: { cluster: 'staging', user: 'me' } });
  kubeconfig.users.push({ name: 'me', user: {} });
  kubeconfig['current-context'] = 'staging';
  writeFileSync(kubeconfigPath, dump(kubeconfig));
  return federation;
}

/** Two at a time: each has clusters of its own. */
const WORKERS = 2;
let federations: StartedFederation[];

beforeAll(async () => {
  federations = await Promise.all(Array.from({ length: WORKERS }, start));
});

afterAll(async () => {
  await Promise.all(federations.map((federation) => federation.close()));
});

/** Every point of a command's run, killed and resumed; what went wrong, in words. */
async function killEverywhere(recordings: readonly Recording[], orphansOf?: RegExp): Promise<string[]> {
  const wrong: string[] = [];
  let next = 0;
  await Promise.all(
    federations.map(async (federation, worker) => {
      const recording = recordings[worker];
      if (!recording) return;
      const points: KillPoint[] = recording.calls.filter(({ name }) => orphansOf?.test(name) ?? true).flatMap(pointsOf);
      for (let point = points[next++]; point; point = points[next++]) {
        await killedAt(federation, recording.args, point, orphansOf !== undefined);
        const differences = await resumed(federation, recording);
        await untilQuiet(federation.world);
        wrong.push(...differences.map((text) => `${describePoint(point)}: ${text}`));
      }
    }),
  );
  return wrong;
}

const recorded = (args: readonly string[]): Promise<Recording[]> =>
  Promise.all(federations.map((federation) => record(federation, args)));

describe.each([['apply'], ['teardown']])('%s, killed at every point', (command) => {
  let recordings: Recording[];

  beforeAll(async () => {
    recordings = await recorded([command, '--yes']);
  }, 120_000);

  afterAll(async () => {
    // What comes next begins where this command ends.
    await Promise.all(federations.map((federation) => federation.cli([command, '--yes'])));
  }, 120_000);

  test('has its points in every step that writes', () => {
    const [recording] = recordings;
    const steps = new Set(recording?.calls.map(({ step }) => step));
    expect([...(recording?.changed ?? [])].filter((step) => !steps.has(step))).toEqual([]);
    expect(recording?.changed.size).toBeGreaterThan(15);
  });

  test('ends the next time as if nobody had killed it', async () => {
    expect(await killEverywhere(recordings)).toEqual([]);
  }, 900_000);

  test('does so too while kubefed, which the killed run had started, goes on by itself', async () => {
    expect(await killEverywhere(recordings, /^kubefed /)).toEqual([]);
  }, 600_000);
});
