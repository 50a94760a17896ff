import { dump } from 'js-yaml';
import { COREDNS_VALUES, ETCD_CLUSTER, ETCD_OPERATOR, helloWorld, keepalived } from '../test/stand-ins/fixtures';

/** A member as the guide's commands name it. */
export interface Member {
  readonly name: string;
  readonly region: string;
  readonly zone: string;
  readonly addressRange: string;
}

/** The guide's manifests, by the file that a command names. */
export function guideFiles(members: readonly Member[], endpoint: string, replicas: number): Record<string, string> {
  const files: Record<string, string> = {
    'etcd-rbac.yaml': documents(ETCD_OPERATOR.slice(0, -1)),
    'etcd-deployment.yaml': documents(ETCD_OPERATOR.slice(-1)),
    'etcd-cluster.yaml': documents([ETCD_CLUSTER]),
    'coredns-values.yaml': dump(COREDNS_VALUES),
    'coredns-provider.conf': [
      '[Global]',
      'etcd-endpoints = http://etcd-cluster-client.default:2379',
      'zones = example.com.',
      `coredns-endpoints = ${endpoint}`,
      '',
    ].join('\n'),
    'hello-world.yaml': documents(helloWorld(replicas)),
  };
  for (const { name, addressRange } of members) {
    // ServiceAccount and binding are commands of their own in the guide.
    const [, , configMap, vip, provider] = keepalived(addressRange);
    files[`vip-${name}.yaml`] = documents([configMap, vip]);
    files[`provider-${name}.yaml`] = documents([provider]);
  }
  return files;
}

function documents(objects: readonly unknown[]): string {
  return objects.map((object) => dump(object)).join('---\n');
}

/**
 * The guide's commands in the guide's order, as a person would put them into a file: one after another, `kubectl edit`
 * as the patch that it comes to. The etcdctl test pod is left out.
 */
export function guideScript(members: readonly Member[], host: string, endpoint: string): string {
  const [address = '', port = ''] = endpoint.split(':');
  const each = (line: (member: Member) => string): string[] => members.map(line);
  const label = 'failure-domain.beta.kubernetes.io';
  const ports = `[{"op":"replace","path":"/spec/ports/0/nodePort","value":${port}}]`;
  return [
    'set -e',
    ...each(({ name, region }) => `kubectl label --all nodes ${label}/region=${region} --context ${name}`),
    ...each(({ name, zone }) => `kubectl label --all nodes ${label}/zone=${zone} --context ${name}`),
    `kubectl config use-context ${host}`,
    'kubectl apply -f etcd-rbac.yaml',
    'kubectl apply -f etcd-deployment.yaml',
    'kubectl rollout status deployment/etcd-operator',
    'kubectl apply -f etcd-cluster.yaml',
    'kubectl get svc etcd-cluster-client',
    'kubectl -n kube-system create sa tiller',
    'kubectl create clusterrolebinding tiller --clusterrole cluster-admin --serviceaccount=kube-system:tiller',
    'helm init --service-account tiller --skip-refresh',
    'helm install --name coredns -f coredns-values.yaml --version 0.6.0 stable/coredns',
    'kubectl get svc coredns-coredns',
    // The guide reads the node port off and writes it into its files; here the files have it already. Only UDP gets it: an
    // API server of 1.7 refuses an update by which both protocols share a node port.
    `kubectl patch svc coredns-coredns --type=json -p '${ports}'`,
    `kubefed init federation --host-cluster-context=${host} --dns-provider=coredns --dns-zone-name=example.com. --api-server-advertise-address=${address} --api-server-service-type=NodePort --dns-provider-config=coredns-provider.conf --etcd-persistent-storage=false`,
    'kubectl config get-contexts',
    'kubectl config use-context federation',
    'kubectl get clusters',
    ...each(({ name }) => `kubefed join ${name} --host-cluster-context=${host}`),
    'kubectl get clusters',
    ...each(({ name }) => `kubectl create sa keepalived -n kube-system --context ${name}`),
    ...each(
      ({ name }) =>
        `kubectl create clusterrolebinding keepalived --clusterrole=cluster-admin --serviceaccount=kube-system:keepalived --context=${name}`,
    ),
    ...each(({ name }) => `kubectl apply -f vip-${name}.yaml --context ${name}`),
    ...each(({ name }) => `kubectl apply -f provider-${name}.yaml --context ${name}`),
    ...each(
      ({ name }) =>
        `kubectl patch configmap kube-dns -n kube-system --context ${name} --type=merge -p '{"data":{"stubDomains":"{\\"example.com\\":[\\"${endpoint}\\"]}"}}'`,
    ),
    'kubectl create ns default',
    'kubectl create -f hello-world.yaml',
    ...each(({ name }) => `kubectl get svc hello-world --context ${name}`),
    'kubectl get svc hello-world',
    `kubectl --context ${host} run busybox --image=busybox --restart=Never --rm -i -- nslookup hello-world.default.federation.svc.${members[0]?.zone ?? ''}.${members[0]?.region ?? ''}.example.com`,
    '',
  ].join('\n');
}
