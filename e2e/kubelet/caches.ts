/** Everything of one cluster that the kubelet of processes looks at. */
import { Cluster } from '../harness/cluster';
import { Informer } from './informer';
import { ConfigMap, EndpointSlice, KubeObject, PersistentVolumeClaim, Pod, Secret, Service } from './objects';

/** Who is told of changes. */
export interface CacheListener {
  /** A pod has changed or gone. */
  readonly pod: (pod: Pod, gone: boolean) => void;
  /** A ConfigMap or Secret has changed or gone. */
  readonly content: (namespace: string) => void;
  /** A Service or its endpoints have changed. */
  readonly network: () => void;
  /** A claim has changed or gone. */
  readonly claim: (claim: PersistentVolumeClaim, gone: boolean) => void;
}

/** The caches of one cluster. */
export class Caches {
  readonly pods: Informer<Pod>;
  readonly configMaps: Informer<ConfigMap>;
  readonly secrets: Informer<Secret>;
  readonly services: Informer<Service>;
  readonly endpointSlices: Informer<EndpointSlice>;
  readonly claims: Informer<PersistentVolumeClaim>;

  constructor(cluster: Cluster, listener: CacheListener) {
    const follow = <T extends KubeObject>(path: string, onChange: (object: T, gone: boolean) => void): Informer<T> =>
      new Informer<T>({ client: () => cluster.api, path, onChange });
    const content = ({ metadata }: KubeObject): void => {
      listener.content(metadata.namespace ?? '');
    };
    this.pods = follow('/api/v1/pods', listener.pod);
    this.configMaps = follow('/api/v1/configmaps', content);
    this.secrets = follow('/api/v1/secrets', content);
    this.services = follow('/api/v1/services', listener.network);
    this.endpointSlices = follow('/apis/discovery.k8s.io/v1/endpointslices', listener.network);
    this.claims = follow('/api/v1/persistentvolumeclaims', listener.claim);
  }

  /** Starts all; returns when each holds what there is. The pods come last, so that what they refer to is there. */
  async start(): Promise<void> {
    const { pods, ...others } = this.all();
    await Promise.all(Object.values(others).map((informer) => informer.start()));
    await pods.start();
  }

  /** Ends all. */
  async stop(): Promise<void> {
    await Promise.all(Object.values(this.all()).map((informer) => informer.stop()));
  }

  private all(): { pods: Informer<Pod> } & Record<string, { start(): Promise<void>; stop(): Promise<void> }> {
    const { pods, configMaps, secrets, services, endpointSlices, claims } = this;
    return { pods, configMaps, secrets, services, endpointSlices, claims };
  }
}
