import { Cluster, Workload } from '../topology/resolve';
import { stepName } from './workloads';

/** Replicas of a workload in a cluster. */
export const replicasIn = (workload: Workload, cluster: Cluster): number => workload.replicasIn[cluster.name] ?? 0;
/** Address of a workload's Service in a cluster. */
export const addressIn = (workload: Workload, cluster: Cluster): string => workload.addresses[cluster.name] ?? '';

/** A workload's step, without its bundle. Ids begin with what the step does, so that no workload's name makes them another's. */
export const workloadStep = (workload: Workload): string => `workload-${stepName(workload)}`;
/** The step that looks for its address, without its bundle. */
export const addressStep = (workload: Workload): string => `address-${stepName(workload)}`;

/** The step after which a workload runs in a cluster. */
export const placedStep = (cluster: Cluster, workload: Workload): string => `${cluster.name}/${workloadStep(workload)}`;
/** The step after which a workload's Service has its address in a cluster. */
export const placedAddressStep = (cluster: Cluster, workload: Workload): string =>
  `${cluster.name}/${addressStep(workload)}`;
