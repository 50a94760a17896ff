import { AddressRange, toAddress, toNumber } from './addresses';
import { Share, split, Split } from './placement';
import { PlacementProps, ReplicaPreference, WorkloadProps } from './types';

/** What a placement says of a cluster: by its name, or else what it says of all that it does not name. */
export function preferenceOf({ clusters }: PlacementProps, cluster: string): ReplicaPreference | undefined {
  const key = [cluster, '*'].find((name) => Object.hasOwn(clusters, name));
  return key === undefined ? undefined : clusters[key];
}

/** Every cluster's share: even without a placement; with one, a cluster that it does not name gets nothing. */
export function sharesOf(placement: PlacementProps | undefined, clusters: readonly string[]): Share[] {
  if (placement === undefined) return clusters.map(() => ({ minimum: 0, maximum: Infinity, weight: 1 }));
  return clusters.map((cluster) => {
    const {
      minReplicas = 0,
      maxReplicas = Infinity,
      weight = 0,
    } = preferenceOf(placement, cluster) ?? {
      maxReplicas: 0,
    };
    return { minimum: minReplicas, maximum: maxReplicas, weight };
  });
}

/** A workload's replicas in each cluster, in the order of the clusters. */
export function replicasOf(
  { replicas, placement }: Pick<WorkloadProps, 'replicas' | 'placement'>,
  clusters: readonly string[],
): Split {
  return split(replicas, sharesOf(placement, clusters));
}

/**
 * The address of a workload's Service in a cluster: the declared one, or the one whose place in the range is the
 * workload's among the workloads. Known when rendering, so that a cluster's pods can carry it.
 */
export function addressOf(
  { addresses = {} }: Pick<WorkloadProps, 'addresses'>,
  position: number,
  cluster: string,
  range: AddressRange,
): string {
  const declared = Object.hasOwn(addresses, cluster) ? addresses[cluster] : undefined;
  return declared ?? toAddress(toNumber(range.first) + position);
}
