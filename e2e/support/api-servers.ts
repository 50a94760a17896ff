/** API servers of several versions, each with the tier's one controller manager and scheduler. */
import { findBinaries } from '../binaries';
import { ClusterOptions } from '../harness/cluster';

/**
 * The API servers that are built, and which version the controller manager and the scheduler play beside each, where it
 * is not their own. Both wait for ever for kinds that an older server does not have. 1.31 is the oldest version that they
 * can play.
 */
const PLAYED = {
  'kube-apiserver': undefined,
  'kube-apiserver-1.29': '1.31',
  'kube-apiserver-1.33': '1.33',
  'kube-apiserver-1.37': undefined,
} as const;

/** The name of an API server's program. */
export type ApiServer = keyof typeof PLAYED;

/** The one controller with a kind that 1.29 lacks and the oldest version that can be emulated has. */
const AFTER_1_29 = 'validatingadmissionpolicy-status-controller';

/**
 * A cluster's options with another API server than the run's.
 *
 * @throws MissingBinariesError where it is not there
 */
export function withApiServer(options: ClusterOptions, apiServer: ApiServer): ClusterOptions {
  const found = findBinaries([apiServer]);
  if (!found.ok) throw found.error;
  const version = PLAYED[apiServer];
  const flags = version === undefined ? [] : [`--emulated-version=${version}`];
  const without = apiServer === 'kube-apiserver-1.29' ? [`--controllers=*,-${AFTER_1_29}`] : [];
  return {
    ...options,
    binaries: { 'kube-apiserver': found.paths[apiServer] },
    controllerManagerArgs: [...flags, ...without],
    schedulerArgs: flags,
  };
}
