/** The program's life today, write by write, beside the one that was recorded of an earlier state of it. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { type Said, unlike } from './compare';
import { recorded } from './recordings';
import { RECORDED_WORLD } from './rig';
import { type StartedFederation, startFederation } from '../scripts/support/cli';
import { GUIDE_CLUSTERS } from '../support/guide';
import type { CallRecord } from '../stand-ins/types';

/** Writes of one of the two lives alone, each with the reason. */
const CHANGED: readonly { readonly write: RegExp; readonly reason: string }[] = [
  {
    write: /delete service coredns-coredns$|replace --force --filename=-$/,
    reason: 'The Service is replaced in one command now.',
  },
  {
    write: /label namespace default (?:\S+- ?){3}$/,
    reason: "Members give back the labels of a namespace that is not the plan's.",
  },
  {
    write: /etcdctl rm --recursive \/skydns\/com\/example\/svc\/federation$/,
    reason: 'A second workload had been there in between, whose directory was left.',
  },
];

/** Where the recorded federation's CoreDNS answered. */
const ENDPOINT = '127.0.77.9:32609';

type Write = Said & { readonly command: string };

const READS =
  /^kubectl (?:\S+ )?(?:--\S+ )*(?:get|version|proxy|config view|create --raw|exec .* ls)\b|^helm \S+ (?:list|version|get)\b/;
/** The program's lock, which it renews by the clock, and reviews, which change nothing. */
const OWN = /(?:create|replace) --filename=-(?: --output=json)?$|-lock --ignore-not-found$/;

/** The values' file has another ending now, and the charts' address is in the commands in place of helm's own list. */
function alike(command: string): string {
  return command
    .replace(/"resourceVersion":"\d+"/g, '"resourceVersion":"…"')
    .replace('21-coredns-values.conf', '21-coredns-values.yaml')
    .replace(/ --stable-repo-url=\S+ --skip-refresh/, '')
    .replace(/upgrade coredns coredns (.*) --repo=\S+/, 'upgrade coredns stable/coredns $1');
}

function writes(calls: readonly { readonly command: string; readonly said: Said }[]): Write[] {
  return calls
    .filter(({ command }) => !READS.test(command) && !OWN.test(command))
    .map(({ command, said }) => ({ ...said, command: alike(command) }));
}

function real(file: string): Write[] {
  return writes(
    recorded(file)
      .filter(({ note }) => note === undefined || /npm|apply|teardown/.test(note))
      .map(({ program, argv, exit, stdout, stderr }) => ({
        command: [program, ...argv].join(' '),
        said: { exit, stdout, stderr },
      })),
  );
}

function ours({ world }: StartedFederation): Write[] {
  const [host = ''] = world.dnsEndpoint.split(':');
  const told = (text: string): string =>
    text
      .replaceAll(world.dnsEndpoint, ENDPOINT)
      .replaceAll(new RegExp(`(-address=|running at: )${host}`, 'g'), '$1127.0.77.9');
  return writes(
    world.calls.map(({ program, argv, exitCode, stdout, stderr }: CallRecord) => ({
      command: told([program, ...argv].join(' ')),
      said: { exit: exitCode ?? -1, stdout: told(stdout), stderr: told(stderr) },
    })),
  );
}

const isChanged = (command: string): boolean => CHANGED.some(({ write }) => write.test(command));

const COREDNS = 'fcp/Deployment/default/coredns-coredns';

let federation: StartedFederation;
let kubeconfig = '';
let helmHome = '';

beforeAll(async () => {
  const of = (name: string): NonNullable<typeof RECORDED_WORLD.clusters>[number] => {
    const found = RECORDED_WORLD.clusters?.find((cluster) => cluster.name === name);
    if (found === undefined) throw new Error(`no cluster ${name} was recorded`);
    return found;
  };
  const { clusters, ...world } = RECORDED_WORLD;
  federation = await startFederation({
    props: {
      clusters: Object.values(GUIDE_CLUSTERS).map((cluster) => ({
        ...cluster,
        server: `https://${of(cluster.name).server}`,
        kubernetesVersion: '1.7.5',
      })),
    },
    world,
    clusters: Object.fromEntries(
      (clusters ?? []).map(({ name, nodes }) => [
        name,
        { nodes, ...(name === 'usa' ? { clusterDnsConfig: { stubDomains: '{"corp.example":["10.0.0.53"]}' } } : {}) },
      ]),
    ),
  });
  // As on the recorded machine, where helm had been set up before.
  kubeconfig = path.join(federation.world.dir, 'kubeconfig');
  fs.copyFileSync(federation.world.kubeconfigPath, kubeconfig);
  helmHome = path.join(federation.world.dir, 'helmhome');
  await federation.world.invoke('helm', ['init', '--client-only', '--skip-refresh'], { helmHome });
});

afterAll(() => federation.close());

it.each([
  ['01-first-apply', 'apply'],
  ['02-second-apply', 'apply'],
  ['06-teardown', 'teardown'],
])('%s', async (file, command) => {
  const { world } = federation;
  world.clearLog();
  // helm shows the pod as it is right after it was made.
  if (file.startsWith('01')) await world.hold(COREDNS);
  const isInstalled = (): boolean =>
    world.calls.some(({ program, argv, exitCode }) => program === 'helm' && argv.includes('upgrade') && exitCode === 0);
  const stop = world.onChange(() => {
    if (!isInstalled()) return;
    stop();
    void world.release(COREDNS);
  });
  const ended = await federation.cli([command, '--yes'], { env: { KUBECONFIG: kubeconfig, HELM_HOME: helmHome } });
  expect(ended.code).toBe(0);
  const [then, now] = [real(file), ours(federation)];
  const commands = (all: readonly Write[]): string[] => all.map((write) => write.command).sort();
  const circumstances = { folder: federation.world.dir, asked: new Set<string>() };
  const answers = then.flatMap((write) => {
    const same = now.find(({ command }) => command === write.command);
    const differs = same === undefined ? [] : unlike(write, same, circumstances);
    return differs.length === 0 ? [] : [[write.command, ...differs]];
  });
  expect({
    answers,
    before: commands(then).filter((one) => !commands(now).includes(one) && !isChanged(one)),
    since: commands(now).filter((one) => !commands(then).includes(one) && !isChanged(one)),
  }).toEqual({ answers: [], before: [], since: [] });
});
