import { Bundle } from '../bundle';
import { Cluster, Topology } from '../topology/resolve';

/**
 * One system of the federation: its manifests, values and patches and the steps that bring it up, side by side.
 *
 * `cluster` is called once for each cluster's bundle, `federation` once for the federation's. Either may be missing.
 */
export interface Component {
  /** The field's name for the system, such as `etcd`. */
  readonly name: string;
  cluster?(bundle: Bundle, cluster: Cluster, topology: Topology): void;
  federation?(bundle: Bundle, topology: Topology): void;
}
