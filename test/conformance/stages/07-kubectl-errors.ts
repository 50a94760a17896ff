/** kubectl by hand, in the clusters as a first apply left them. */
import * as fs from 'node:fs';
import { load, dump } from 'js-yaml';
import type { Stage } from '../replay';
import type { Rig } from '../rig';

/** A kubeconfig of its own: the World's with something changed. */
function kubeconfig(rig: Rig, name: string, change: (content: string) => string): void {
  rig.file(name, change(fs.readFileSync(rig.world.kubeconfigPath, 'utf8')));
  rig.kubeconfig = `${rig.folder}/${name}`;
}

/** The port of usa's API server is closed. */
function down(rig: Rig): void {
  kubeconfig(rig, 'down.kc', (content) => content.replace('127.0.77.2:16443', '127.0.77.2:16999'));
}

function usual(rig: Rig): void {
  rig.kubeconfig = undefined;
}

const EXTRA = {
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'extra', cluster: { server: 'https://192.0.2.1:6443' } }],
  contexts: [{ name: 'extra', context: { cluster: 'extra', user: 'extra' } }],
  'current-context': 'extra',
};

/** A server that takes the connection and never answers. */
function silent(rig: Rig): void {
  rig.world.inject({ program: 'kubectl', times: 1, action: { type: 'drop', how: 'tls' } });
}

export const kubectlErrors: Stage = {
  file: '07-kubectl-errors',
  begin: (rig) => {
    rig.takeAll(['03:11', '03:12', '03:13']);
    rig.federated();
    rig.file('extra.kc', dump(EXTRA));
  },
  before: {
    25: down,
    29: (rig) => {
      kubeconfig(rig, 'nohost.kc', (content) => content.replace('127.0.77.2:16443', 'no-such-host.invalid:16443'));
    },
    30: (rig) => {
      kubeconfig(rig, 'ca.kc', (content) => {
        const config = load(content) as { clusters: { cluster: Record<string, string> }[] };
        for (const { cluster } of config.clusters) cluster['certificate-authority-data'] = 'YW5vdGhlcg==';
        return dump(config);
      });
    },
    31: down,
    32: (rig) => {
      rig.kubeconfig = `${rig.folder}/not-there.kc`;
    },
    34: usual,
    // The deletion of a namespace takes a moment, in which it is seen to be terminating.
    137: (rig) => {
      rig.kubeconfig = `${rig.folder}/extra.kc:${rig.world.kubeconfigPath}`;
    },
    138: (rig) => {
      rig.kubeconfig = `${rig.folder}/extra.kc:${rig.world.kubeconfigPath}`;
    },
    139: (rig) => {
      rig.kubeconfig = `${rig.folder}/not-there.kc:${rig.folder}/extra.kc`;
    },
    140: (rig) => {
      rig.kubeconfig = `${rig.folder}/not-there.kc`;
    },
    141: usual,
    143: (rig) => {
      rig.file('e2.kc', dump(EXTRA));
      rig.kubeconfig = `${rig.folder}/e2.kc`;
    },
    148: usual,
    171: (rig) => {
      rig.takeAll(['07:186']);
    },
    188: async (rig) => {
      await rig.world.put('chn', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'rec' } });
    },
    // The port of chn's API server is closed.
    215: (rig) => {
      kubeconfig(rig, 'down3.kc', (content) => content.replace('127.0.77.3:16443', '127.0.77.3:16999'));
    },
    // New clusters were made for these.
    217: async (rig) => {
      usual(rig);
      await rig.world.put('chn', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'rec' } });
    },
    228: silent,
    229: silent,
    230: silent,
    231: silent,
  },
};
