/** How each file of recordings is replayed. */
import * as path from 'node:path';
import { FILES } from './recordings';
import type { Stage } from './replay';
import type { Rig } from './rig';
import { API_SERVER, FEDERATION_STAGES, GUIDE } from './stages-federation';
import { kubectlErrors } from './stages/07-kubectl-errors';

/** The two files that an apply hands to helm and kubefed. */
function configuration(rig: Rig, folder = 'fcp/'): void {
  rig.file(
    `${folder}21-coredns-values.yaml`,
    `onpremFederation: federation
isClusterService: false
serviceType: NodePort
middleware:
  kubernetes:
    enabled: false
  etcd:
    enabled: true
    zones:
      - example.com.
    endpoint: http://etcd-cluster-client.default:2379
`,
  );
  rig.file(
    `${folder}25-coredns-provider.conf`,
    `[Global]
etcd-endpoints = http://etcd-cluster-client.default:2379
zones = example.com.
coredns-endpoints = 127.0.77.9:32609
`,
  );
}

/** The state that the product's runs before a file left. */
function after(...files: readonly string[]): (rig: Rig) => Promise<void> {
  return async (rig) => {
    configuration(rig);
    rig.ownKubeconfig();
    // helm had been set up before.
    rig.helmHome = path.join(rig.folder, 'helmhome');
    const { helmHome } = rig;
    await rig.world.invoke('helm', ['init', '--client-only', '--skip-refresh'], { helmHome });
    rig.takeAll(['01:5', '01:14', '01:16', '01:18']);
    for (const file of files) await rig.after(file);
  };
}

/** Namespaces take a moment to end, in which they are seen. */
const NAMESPACE = (cluster: string): string => `${cluster}/Namespace//federation-system`;

const STAGES: readonly Stage[] = [
  {
    file: '01-first-apply',
    begin: after(),
    before: {
      // helm shows the pod as it is right after it was made.
      59: (rig) => rig.world.hold('fcp/Deployment/default/coredns-coredns'),
      60: (rig) => rig.world.release('fcp/Deployment/default/coredns-coredns'),
    },
  },
  { file: '02-second-apply', begin: after('01-first-apply') },
  { file: '03-plan-status-verify', begin: after('01-first-apply') },
  {
    file: '04-second-workload',
    begin: after('01-first-apply'),
    before: {
      // kubectl was attached in the middle: after the last answer and before the end.
      58: (rig) => {
        rig.world.attachAfterMs = 320;
      },
    },
  },
  {
    file: '05-remove-workload',
    begin: after('01-first-apply', '04-second-workload'),
    before: {
      1: (rig) => rig.world.hold('federation/Service/store/shop'),
      8: (rig) => rig.world.release('federation/Service/store/shop'),
      // The last call that is recorded of it came at once.
      17: (rig) => rig.world.hold('federation/Namespace//store'),
    },
  },
  {
    file: '06-teardown',
    begin: after('01-first-apply', '04-second-workload', '05-remove-workload'),
    before: {
      84: (rig) => rig.world.hold(NAMESPACE('chn')),
      87: (rig) => rig.world.hold(NAMESPACE('usa')),
      89: async (rig) => {
        await rig.world.release(NAMESPACE('chn'));
        await rig.world.release(NAMESPACE('usa'));
      },
      111: (rig) => rig.world.hold(NAMESPACE('fcp')),
      113: (rig) => rig.world.release(NAMESPACE('fcp')),
    },
  },
  kubectlErrors,
  ...FEDERATION_STAGES,
  {
    file: '10-objects',
    begin: after('01-first-apply'),
    // The second workload came in between.
    before: { 85: (rig) => rig.after('04-second-workload') },
  },
  {
    file: '12-federation-faults',
    begin: async (rig) => {
      await GUIDE.begin?.(rig);
      await rig.after('11-guide', GUIDE.before);
    },
    before: {
      19: async (rig) => {
        await rig.world.hold(API_SERVER);
        rig.renamePod('federation-apiserver-3419079648-cxmn9', 'federation-system');
      },
      21: (rig) => rig.world.release(API_SERVER),
    },
  },
];

/** One stage a file. */
export function stages(): readonly Stage[] {
  return FILES.map((file) => STAGES.find((stage) => stage.file === file) ?? { file });
}
