/** keepalived-cloud-provider: hands out addresses to Services of type LoadBalancer and keeps them in its ConfigMap. */
import * as ipaddr from 'ipaddr.js';
import { type Dict, type Json, type KubeObject, at, dict, list, num, same, strings, text } from './json';
import type { ApiServer } from './objects';
import type { May } from './rbac';
import type { World } from './world';

const CONFIG = 'k8s.co/cloud-provider-config';

interface Allocation {
  readonly uid: string;
  readonly ip: string;
}

/** Environment of the provider's container, where it runs and has its rights. */
function provider(api: ApiServer, allowed: May): Record<string, string> | undefined {
  for (const deployment of api.all('Deployment')) {
    const pod = dict(at(deployment, 'spec', 'template', 'spec'));
    const container = list(pod.containers).find((entry) => /keepalived-cloud-provider/.test(text(at(entry, 'image'))));
    if (container === undefined || num(at(deployment, 'status', 'availableReplicas')) === 0) continue;
    const { namespace } = deployment.metadata;
    const rights = [
      ['list', '', 'services'],
      ['update', '', 'services'],
      ['get', '', 'configmaps'],
      ['update', '', 'configmaps'],
    ] as const;
    if (!allowed(api, namespace, text(pod.serviceAccountName, 'default'), rights)) continue;
    return Object.fromEntries(
      list(at(container, 'env')).map((entry) => [text(at(entry, 'name')), text(at(entry, 'value'))]),
    );
  }
  return undefined;
}

/** Whether kube-controller-manager leaves load balancers to somebody else. */
export function leavesLoadBalancers(api: ApiServer): boolean {
  const pod = api
    .all('Pod', 'kube-system')
    .find((found) => found.metadata.labels?.component === 'kube-controller-manager');
  const words = list(at(pod, 'spec', 'containers', 0, 'command')).map((word) => text(word));
  return words.includes('--cloud-provider=external');
}

/** Host addresses of the CIDR's network: without the network's own and the broadcast address. */
function* hosts(cidr: string): Generator<string> {
  if (!ipaddr.IPv4.isValidCIDR(cidr)) return;
  const [address, bits] = ipaddr.IPv4.parseCIDR(cidr);
  // The real one panics on these.
  if (bits > 30) return;
  const number = address.octets.reduce((sum, octet) => sum * 256 + octet, 0);
  const size = 2 ** (32 - bits);
  const first = Math.floor(number / size) * size;
  for (let host = first + 1; host < first + size - 1; host += 1) {
    yield [24, 16, 8, 0].map((shift) => Math.floor(host / 2 ** shift) % 256).join('.');
  }
}

function allocations(map: KubeObject): Allocation[] | undefined {
  const written = map.metadata.annotations?.[CONFIG];
  if (written === undefined || written === '') return [];
  try {
    const config = JSON.parse(written) as Json;
    return list(at(config, 'services')).map((entry) => ({ uid: text(at(entry, 'uid')), ip: text(at(entry, 'ip')) }));
  } catch {
    return undefined;
  }
}

export function reconcileKeepalived(world: World, api: ApiServer, allowed: May): void {
  const environment = provider(api, allowed);
  if (environment === undefined || !leavesLoadBalancers(api)) return;
  const space = environment.KEEPALIVED_NAMESPACE ?? 'kube-system';
  const name = environment.KEEPALIVED_CONFIG_MAP ?? 'vip-configmap';
  const map = api.find('ConfigMap', space, name);
  // Without its ConfigMap, or with one that it cannot read, it does nothing but complain.
  if (map === undefined || world.isHeld(api.cluster.name, 'ConfigMap', space, name)) return;
  const before = allocations(map);
  if (before === undefined) return;
  const data = strings(map.data);
  let config = before;
  const wanting = api.all('Service').filter((service) => at(service, 'spec', 'type') === 'LoadBalancer');
  for (const gone of before.filter((entry) => !wanting.some((service) => service.metadata.uid === entry.uid))) {
    config = config.filter((entry) => entry !== gone);
    if (!config.some((entry) => entry.ip === gone.ip)) Reflect.deleteProperty(data, gone.ip);
  }
  for (const service of wanting) {
    const { uid = '', namespace, name: serviceName } = service.metadata;
    if (world.isHeld(api.cluster.name, 'Service', namespace, serviceName)) continue;
    const present = text(at(service, 'status', 'loadBalancer', 'ingress', 0, 'ip'));
    const asked = text(at(service, 'spec', 'loadBalancerIP'));
    // A Service that has its address is not looked at again: with the allocations lost, others can get it too.
    if (present !== '' && (asked === '' || asked === present)) continue;
    const known = config.find((entry) => entry.uid === uid);
    let ip = known !== undefined && (asked === '' || asked === known.ip) ? known.ip : asked;
    if (ip === '') {
      for (const host of hosts(environment.KEEPALIVED_SERVICE_CIDR ?? '')) {
        if (config.some((entry) => entry.ip === host)) continue;
        ip = host;
        break;
      }
    }
    if (ip === '') continue;
    if (known !== undefined && known.ip !== ip) Reflect.deleteProperty(data, known.ip);
    config = [...config.filter((entry) => entry.uid !== uid), { uid, ip }];
    data[ip] = `${namespace ?? ''}/${serviceName}`;
    const status: Dict = { loadBalancer: { ingress: [{ ip }] } };
    if (same(service.status, status)) continue;
    api.edit('Service', service, (copy) => {
      copy.status = status;
    });
  }
  for (const service of api.all('Service')) {
    if (
      at(service, 'spec', 'type') === 'LoadBalancer' ||
      at(service, 'status', 'loadBalancer', 'ingress') === undefined
    )
      continue;
    api.edit('Service', service, (copy) => {
      copy.status = { loadBalancer: {} };
    });
  }
  if (same(config as unknown as Json, before as unknown as Json) && same(data, strings(map.data))) return;
  api.edit('ConfigMap', map, (copy) => {
    copy.data = data;
    copy.metadata.annotations = { ...copy.metadata.annotations, [CONFIG]: JSON.stringify({ services: config }) };
  });
}
