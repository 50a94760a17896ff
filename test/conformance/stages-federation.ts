/** How the recordings of kubefed, helm and the federation's own faults are replayed. */
import * as path from 'node:path';
import { account, admin } from '../stand-ins/fixtures';
import { at, dict, list, text } from '../stand-ins/json';
import type { WorldOptions } from '../stand-ins/types';
import type { Stage } from './replay';
import type { Rig } from './rig';

/** The DNS provider's configuration that `kubefed init` was given. */
function provider(rig: Rig, name: string): void {
  rig.file(
    name,
    [
      '[Global]',
      'etcd-endpoints = http://etcd-cluster-client.default:2379',
      'zones = example.com.',
      'coredns-endpoints = 127.0.77.9:32609',
      '',
    ].join('\n'),
  );
}

const CONTROL_PLANE = 'fcp/Deployment/federation-system/*';
export const API_SERVER = 'fcp/Deployment/federation-system/federation-apiserver';
const USA_NAMESPACE = 'usa/Namespace//federation-system';
const TOKENS = 'usa/ServiceAccount/*/*';

/** The controllers leave these objects alone, from here on. */
async function hold(rig: Rig, ...patterns: readonly string[]): Promise<void> {
  for (const pattern of patterns) await rig.world.hold(pattern);
}

async function release(rig: Rig, ...patterns: readonly string[]): Promise<void> {
  for (const pattern of patterns) await rig.world.release(pattern);
}

/** kubefed is killed after so many writes of the next call. */
function killAfter(rig: Rig, stage: number): void {
  rig.world.inject({ program: 'kubefed', action: { type: 'kill', point: 'in', stage } });
}

const member = (name: string): string => `federation/Cluster//${name}`;

const KUBEFED: Stage = {
  file: '08-kubefed',
  begin: (rig) => {
    provider(rig, '25-coredns-provider.conf');
  },
  before: {
    20: (rig) => hold(rig, CONTROL_PLANE),
    27: (rig) => release(rig, CONTROL_PLANE),
    // The half join of usa was cleared by hand without being recorded.
    87: async (rig) => {
      await hold(rig, USA_NAMESPACE);
      for (const kind of ['ClusterRole', 'ClusterRoleBinding'])
        await rig.world.remove('usa', kind, undefined, 'federation-controller-manager:federation-usa-fcp');
      await rig.world.remove('usa', 'Namespace', undefined, 'federation-system');
    },
    // The federation looks at its members every 40 s: a new one has no status for a while.
    98: async (rig) => {
      await release(rig, USA_NAMESPACE);
      await hold(rig, member('usa'));
    },
    108: async (rig) => {
      await release(rig, member('usa'));
      await hold(rig, member('fcp'), member('chn'));
    },
    138: (rig) => release(rig, member('fcp'), member('chn')),
    // usa's controller manager is down.
    161: (rig) => hold(rig, TOKENS),
    171: (rig) => release(rig, TOKENS),
    184: async (rig) => {
      await hold(rig, API_SERVER);
      await removeOrphans(rig, 'fcp', 'federation-system');
    },
    188: (rig) => release(rig, API_SERVER),
    // It had been scaled down.
    189: async (rig) => {
      const part = rig.world.get('fcp', 'Deployment', 'federation-system', 'federation-apiserver');
      if (part !== undefined) await rig.world.put('fcp', { ...part, spec: { ...dict(part.spec), replicas: 0 } });
    },
    193: (rig) => {
      rig.plainKubeconfig();
      killAfter(rig, 2);
    },
    198: (rig) => {
      killAfter(rig, 7);
    },
  },
};

const TILLER = 'fcp/Deployment/kube-system/tiller-deploy';
const COREDNS = 'fcp/Deployment/default/coredns-coredns';

/** The values that the chart of CoreDNS was given. */
const VALUES = {
  isClusterService: false,
  serviceType: 'NodePort',
  middleware: {
    kubernetes: { enabled: false },
    etcd: { enabled: true, zones: ['example.com.'], endpoint: 'http://etcd-cluster-client.default:2379' },
  },
};

/** Scales Tiller past helm and kubectl. */
async function scaleTiller(rig: Rig, replicas: number): Promise<void> {
  const tiller = rig.world.get('fcp', 'Deployment', 'kube-system', 'tiller-deploy');
  if (tiller === undefined) throw new Error('there is no Tiller yet');
  await rig.world.put('fcp', { ...tiller, spec: { ...dict(tiller.spec), replicas } });
}

/** Takes recorded pods away that nothing in the World owns: those that a read before put there. */
async function removeOrphans(rig: Rig, cluster: string, namespace: string): Promise<void> {
  const api = rig.world.cluster(cluster);
  const uids = new Set(['Deployment', 'DaemonSet'].flatMap((kind) => api.all(kind).map((found) => found.metadata.uid)));
  for (const pod of rig.world.list(cluster, 'Pod', namespace)) {
    const owner = at(list(pod.metadata.ownerReferences)[0], 'uid');
    if (owner !== undefined && !uids.has(text(owner)))
      await rig.world.remove(cluster, 'Pod', namespace, pod.metadata.name);
  }
}

/** The charts' server of the recordings has one chart; helm's own is gone. */
const CHARTS: WorldOptions = { unreachable: ['kubernetes-charts.storage.googleapis.com'], chartVersions: ['0.6.0'] };

const HELM: Stage = {
  file: '09-helm',
  together: [[83, 84]],
  world: CHARTS,
  begin: (rig) => {
    rig.helmHome = path.join(rig.folder, 'helm', 'helmhome');
    rig.file('20-tiller.yaml', [account('tiller', 'kube-system'), admin('tiller', 'kube-system')]);
    rig.file('21-coredns-values.yaml', [{ ...VALUES, onpremFederation: 'federation' }]);
    rig.file('bad.yaml', 'a: [1');
    rig.file('bad2.yaml', 'middleware: 5\n');
  },
  before: {
    // Its ReplicaSet tries again only after a while: there is no pod yet when the account comes.
    11: (rig) => scaleTiller(rig, 0),
    14: (rig) => scaleTiller(rig, 1),
    40: (rig) => hold(rig, COREDNS),
    45: (rig) => release(rig, COREDNS),
    86: (rig) => removeOrphans(rig, 'fcp', 'kube-system'),
    98: (rig) => removeOrphans(rig, 'fcp', 'kube-system'),
  },
};

const DEFINITION = 'fcp/CustomResourceDefinition//etcdclusters.etcd.database.coreos.com';

const GUIDE_HELM_HOME = ['guide', 'helmhome'] as const;

/** The guide's commands; what kubectl needs is there already. */
export const GUIDE: Stage = {
  file: '11-guide',
  world: CHARTS,
  begin: (rig) => {
    rig.helmHome = path.join(rig.folder, ...GUIDE_HELM_HOME);
    rig.file('coredns-chart-values.yaml', [VALUES]);
    provider(rig, 'coredns-provider.conf');
  },
  before: {
    // The operator makes its definition, and the API server takes a moment to serve it.
    12: (rig) => hold(rig, DEFINITION),
    14: (rig) => release(rig, DEFINITION),
    22: (rig) => hold(rig, TILLER, COREDNS),
    24: (rig) => release(rig, TILLER),
    25: (rig) => release(rig, COREDNS),
    32: (rig) => hold(rig, member('fcp'), member('usa'), member('chn')),
    36: (rig) => release(rig, member('fcp'), member('usa'), member('chn')),
    // Three edits, by hand.
    53: (rig) => {
      rig.takeAll(['11:53']);
    },
  },
};

export const FEDERATION_STAGES: readonly Stage[] = [KUBEFED, HELM, GUIDE];
