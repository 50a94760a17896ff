/**
 * SIGKILL of the real command line before, in and after every single write of a run, enumerated. The next run ends in
 * the same state as one that nobody killed, and nothing of the user's is lost.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dump, load } from 'js-yaml';
import { GUIDE_CLUSTERS } from '../support/guide';
import { KubeObject } from '../stand-ins/json';
import { ALL_CASES, swept } from '../support/sweep';
import { StartedFederation, startFederation, StartOptions } from './support/cli';
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
async function start({ clusters, ...options }: StartOptions): Promise<StartedFederation> {
  const federation = await startFederation({
    props: { clusters: [GUIDE_CLUSTERS.fcp, GUIDE_CLUSTERS.usa] },
    ...options,
    clusters: {
      fcp: { nodes: ['fcp-1', 'fcp-2'], ...clusters?.fcp },
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
const WORKERS = ALL_CASES ? 2 : 1;

/** The point that stands for all of them in `npm test`. */
const EXAMPLE = /^usa\/join, write \d+, \{"point":"in","stage":1\}$/;

/** What is killed where. The ways of the cluster DNS that the guide's version does not take by itself have a run of their own. */
const VARIANTS: readonly { readonly title: string; readonly steps?: RegExp; readonly options: StartOptions }[] = [
  {
    title: 'the guide’s way',
    options: {
      clusters: {
        fcp: {
          clusterDnsConfig: {
            stubDomains: '{"acme.local":["127.0.0.9"]}',
            upstreamNameservers: '["127.0.0.8"]',
            federations: 'legacy=legacy.org',
          },
        },
      },
    },
  },
  {
    title: 'an argument of dnsmasq',
    steps: /\/cluster-dns$/,
    options: { clusterDns: 'dnsmasq-argument' },
  },
  {
    title: 'a block in the Corefile',
    steps: /\/cluster-dns$/,
    options: {
      props: {
        clusters: [GUIDE_CLUSTERS.fcp, GUIDE_CLUSTERS.usa].map((cluster) => ({
          ...cluster,
          kubernetesVersion: '1.12.3',
        })),
      },
      world: { kubectlVersion: '1.12.3', kubefedVersion: '1.10.0' },
    },
  },
];

/** The points of a run by names that are the same in every run: steps side by side do not always take the same turns. */
function namedPoints({ calls }: Recording): Map<string, KillPoint> {
  const ofStep = new Map<string, number>();
  return new Map(
    calls.flatMap((call) => {
      const nth = (ofStep.get(call.step) ?? 0) + 1;
      ofStep.set(call.step, nth);
      return pointsOf(call).map((point) => [`${call.step}, write ${nth}, ${JSON.stringify(point.at)}`, point] as const);
    }),
  );
}

/** Every point of a command's run, killed and resumed, shared out among the federations; what went wrong, in words. */
async function killEverywhere(
  federations: readonly StartedFederation[],
  recordings: readonly Recording[],
  isChosen: (point: KillPoint) => boolean,
  orphans = false,
): Promise<string[]> {
  const wrong: string[] = [];
  const [first] = recordings;
  const left = [...(first ? namedPoints(first) : [])].flatMap(([name, point]) =>
    isChosen(point) && (ALL_CASES || EXAMPLE.test(name)) ? [name] : [],
  );
  if (left.length === 0) return ['there is no point'];
  await Promise.all(
    federations.map(async (federation, worker) => {
      const recording = recordings[worker];
      if (!recording) throw new Error('a federation has no recording');
      const points = namedPoints(recording);
      for (let name = left.shift(); name !== undefined; name = left.shift()) {
        const point = points.get(name);
        if (!point) throw new Error(`a federation has no point ${name}`);
        await killedAt(federation, recording.args, point, orphans);
        const differences = await resumed(federation, recording);
        await untilQuiet(federation.world);
        wrong.push(...differences.map((text) => `${describePoint(point)}: ${text}`));
      }
    }),
  );
  return wrong;
}

describe.each(swept(VARIANTS))('$title', ({ steps, options }) => {
  let federations: StartedFederation[];

  beforeAll(async () => {
    federations = await Promise.all(Array.from({ length: WORKERS }, () => start(options)));
  });

  afterAll(async () => {
    await Promise.all(federations.map((federation) => federation.close()));
  });

  describe.each([['apply'], ['teardown']])('%s, killed at every point', (command) => {
    let recordings: Recording[];

    beforeAll(async () => {
      recordings = await Promise.all(federations.map((federation) => record(federation, [command, '--yes'])));
    });

    afterAll(async () => {
      // What comes next begins where this command ends.
      await Promise.all(federations.map((federation) => federation.cli([command, '--yes'])));
    });

    test('has its points in every step that writes, the same in each federation', () => {
      const [recording] = recordings;
      const written = new Set(recording?.calls.map(({ step }) => step));
      expect([...(recording?.changed ?? [])].filter((step) => !written.has(step))).toEqual([]);
      expect(recording?.changed.size).toBeGreaterThan(15);
      const names = recordings.map((one) => [...namedPoints(one).keys()].sort());
      for (const others of names.slice(1)) expect(others).toEqual(names[0]);
    });

    test('ends the next time as if nobody had killed it', async () => {
      const isChosen = ({ call }: KillPoint): boolean => steps?.test(call.step) ?? true;
      expect(await killEverywhere(federations, recordings, isChosen)).toEqual([]);
    });

    if (steps === undefined) {
      test('does so too while kubefed, which the killed run had started, goes on by itself', async () => {
        const isKubefed = ({ call }: KillPoint): boolean => call.name.startsWith('kubefed ');
        expect(await killEverywhere(federations, recordings, isKubefed, true)).toEqual([]);
      });
    }
  });
});
