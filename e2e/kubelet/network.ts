/**
 * What kube-proxy and the cluster's DNS do for the programs of one cluster: NodePorts and Services that lead to the pods that are run
 * here and are ready. Nothing else is listened on: a Service without such pods has no port.
 */
import { Relay, TcpRelay, UdpRelay } from './relay';
import { AddressBook } from './addresses';
import { Caches } from './caches';
import { EndpointSlice, Service, ServicePort } from './objects';

/** An address of this machine. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/** Finds the pods that are run here. */
export type FindPod = (
  namespace: string,
  name: string,
) => { readonly address: string; portOf(containerPort: number): number } | undefined;

/** One listener, for the report. */
export interface Listener {
  /** Such as `NodePort default/coredns 30053/UDP`. */
  readonly what: string;
  /** Such as `127.0.0.1:30053`. */
  readonly where: string;
  /**
   * Why it is not open, such as another cluster's Service with the same NodePort.
   * @default it is open
   */
  readonly problem?: string;
}

interface Wanted {
  readonly what: string;
  readonly place: Place;
  readonly udp: boolean;
  readonly backends: () => Place[];
}

/** The Services of one cluster. */
export class Network {
  private readonly open = new Map<string, { readonly what: string; readonly relay: Relay; problem?: string }>();
  private readonly served = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    private readonly caches: Caches,
    private readonly book: AddressBook,
    private readonly findPod: FindPod,
  ) {}

  /** Everything that is listened on, or should be. */
  get listeners(): Listener[] {
    return [...this.open].map(([where, { what, problem }]) => ({ what, where: where.replace(/^\w+ /, ''), problem }));
  }

  /** To be called when Services, endpoints or pods have changed; looks at them a moment later, once for many. */
  changed(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.reconcile();
    }, 50);
  }

  /** The ready pods behind an address that only the cluster knows: a Service's cluster address, or a pod's. */
  resolve(host: string, port: number): Place | undefined {
    for (const service of this.caches.services.list()) {
      const { clusterIP, clusterIPs = [], ports = [] } = service.spec;
      const servicePort = ports.find((candidate) => candidate.port === port && !isUdp(candidate));
      if (servicePort && (clusterIP === host || clusterIPs.includes(host))) {
        return this.backends(service, servicePort)[0];
      }
    }
    const pod = this.caches.pods.list().find(({ status }) => status?.podIP === host);
    const running = pod && this.findPod(pod.metadata.namespace ?? '', pod.metadata.name);
    return running && { host: running.address, port: running.portOf(port) };
  }

  /** Closes everything. */
  async stop(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await Promise.all([...this.open.values()].map(({ relay }) => relay.close()));
    this.open.clear();
  }

  private reconcile(): void {
    if (this.closed) return;
    const wanted = new Map(this.caches.services.list().flatMap((service) => this.wantedFor(service)));
    for (const [key, { relay }] of [...this.open]) {
      if (wanted.has(key)) continue;
      this.open.delete(key);
      void relay.close();
    }
    for (const [key, { what, place, udp, backends }] of wanted) {
      if (this.open.has(key)) continue;
      const relay = udp ? new UdpRelay(place, backends) : new TcpRelay(place, backends);
      const entry: { what: string; relay: Relay; problem?: string } = { what, relay };
      this.open.set(key, entry);
      relay.ready.catch((error: unknown) => {
        entry.problem = error instanceof Error ? error.message : String(error);
      });
    }
  }

  private wantedFor(service: Service): [string, Wanted][] {
    const { namespace = '', name } = service.metadata;
    const slices = this.slicesOf(service);
    const ours = slices.some(({ endpoints }) =>
      (endpoints ?? []).some(
        ({ targetRef }) => this.findPod(targetRef?.namespace ?? '', targetRef?.name ?? '') !== undefined,
      ),
    );
    // Once served it stays so, with nobody behind it, as long as there is the Service.
    if (!ours && !this.served.has(`${namespace}/${name}`)) return [];
    this.served.add(`${namespace}/${name}`);
    const address = this.book.ofService(namespace, name);
    return (service.spec.ports ?? []).flatMap((port) => {
      const udp = isUdp(port);
      // The name of a headless Service leads to the pods themselves, so it is their ports that answer.
      const own =
        service.spec.clusterIP === 'None'
          ? (slices.flatMap(({ ports }) => ports ?? []).find((candidate) => sameName(candidate, port))?.port ??
            port.port)
          : port.port;
      const places: [string, Place][] = [[`Service ${namespace}/${name} ${own}`, { host: address, port: own }]];
      if (port.nodePort !== undefined && port.nodePort !== 0) {
        places.push([`NodePort ${namespace}/${name} ${port.nodePort}`, { host: this.book.nodes, port: port.nodePort }]);
      }
      return places.flatMap(([what, place]): [string, Wanted][] => {
        const key = `${udp ? 'udp' : 'tcp'} ${place.host}:${place.port}`;
        const latest = (): Service => this.caches.services.get(namespace, name) ?? service;
        const backends = (): Place[] => this.backends(latest(), port);
        return [[key, { what: `${what}/${udp ? 'UDP' : 'TCP'}`, place, udp, backends }]];
      });
    });
  }

  private slicesOf({ metadata: { namespace, name } }: Service): EndpointSlice[] {
    return this.caches.endpointSlices
      .list()
      .filter(
        ({ metadata }) => metadata.namespace === namespace && metadata.labels?.['kubernetes.io/service-name'] === name,
      );
  }

  private backends(service: Service, port: ServicePort): Place[] {
    return this.slicesOf(service).flatMap(({ endpoints, ports }) => {
      const target = (ports ?? []).find((candidate) => sameName(candidate, port))?.port;
      if (target === undefined) return [];
      return (endpoints ?? []).flatMap(({ conditions, targetRef }) => {
        const pod = this.findPod(targetRef?.namespace ?? '', targetRef?.name ?? '');
        return pod && conditions?.ready !== false ? [{ host: pod.address, port: pod.portOf(target) }] : [];
      });
    });
  }
}

function isUdp({ protocol }: { readonly protocol?: string }): boolean {
  return protocol === 'UDP';
}

function sameName(a: { readonly name?: string }, b: { readonly name?: string }): boolean {
  return (a.name ?? '') === (b.name ?? '');
}
