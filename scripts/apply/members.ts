import { Listed } from '../kube/reader';
import { KubeObject } from './objects';
import { ClusterView } from './view';

/** The members, as the federation's API server keeps them. */
const CLUSTERS: Listed = { apiVersion: 'federation/v1beta1', kind: 'Cluster' };

/** The members that the federation knows. */
export class MemberList {
  constructor(private readonly view: ClusterView) {}

  /** @param fresh ask the federation, whatever was seen a moment ago */
  get(signal: AbortSignal, fresh: boolean): Promise<KubeObject[]> {
    return this.view.list(CLUSTERS, signal, { fresh });
  }

  /** A control plane has just been made: it has none. */
  setNone(): void {
    this.view.setList(CLUSTERS, []);
  }

  /** Something has changed them. */
  forget(): void {
    this.view.forgetList(CLUSTERS);
  }
}
