import {
  ConfigMap,
  Cpu,
  DeploymentStrategy,
  EnvFieldPaths,
  EnvValue,
  ImagePullPolicy,
  Node,
  NodeLabelQuery,
  NodeTaintQuery,
  Probe,
  Volume,
} from 'cdk8s-plus-25';
import { ApiObject, JsonPatch } from 'cdk8s';
import { Cluster } from '../topology/resolve';
import { pulled } from './artifacts';
import { Component } from './component';
import { container, daemonSet, deployment, serviceAccount } from './defaults';
import { workloadStep } from './workloads';

const NAMESPACE = 'kube-system';
/** Both programs read and write this one; the copy of the manifests that points them at two announces nothing. */
const CONFIG_MAP = 'vip-configmap';
const VIP = 'kube-keepalived-vip';
const PROVIDER = 'keepalived-cloud-provider';
const HEALTH_PORT = 10252;

/** The steps after which a LoadBalancer Service of the cluster gets its address and answers at it. */
export const loadBalancerSteps = (cluster: Cluster): string[] => [
  `${cluster.name}/${VIP}`,
  `${cluster.name}/${PROVIDER}`,
];

/**
 * LoadBalancer Services without a cloud: keepalived-cloud-provider gives each an address out of the cluster's own range,
 * kube-keepalived-vip announces the addresses from the nodes.
 */
export const keepalived: Component = {
  name: 'keepalived',

  cluster(bundle, cluster, topology) {
    const { keepalived: props } = topology;
    // Taken away while a Service still has an address, it would never be told that the address is free again.
    const outlives = topology.workloads.map(workloadStep);
    const where = { context: cluster.context, timeoutSeconds: 300, outlives };

    const configMap = bundle.chart(
      CONFIG_MAP,
      'Holds the addresses that were given out. Created once and never applied again: the provider keeps its\nallocations in it, and whoever rewrites it hands addresses out twice.',
      (chart) => {
        new ConfigMap(chart, 'config-map', { metadata: { name: CONFIG_MAP, namespace: NAMESPACE } });
      },
    );
    bundle.step(CONFIG_MAP, 'create', {
      ...where,
      title: `${cluster.name} has a place for the addresses it gives out`,
      needs: [],
      timeoutSeconds: 60,
      file: configMap,
    });

    const vip = bundle.chart(VIP, 'kube-keepalived-vip announces the addresses, from every node', (chart) => {
      const metadata = { name: VIP, namespace: NAMESPACE };
      daemonSet(
        chart,
        { name: VIP },
        {
          metadata,
          hostNetwork: true,
          serviceAccount: serviceAccount(chart, metadata, {
            namespaced: [{ resources: ['configmaps'], verbs: ['get', 'list', 'watch'] }],
            clusterWide: [{ resources: ['services', 'endpoints', 'nodes', 'pods'], verbs: ['get', 'list', 'watch'] }],
          }),
          containers: [
            container({
              name: VIP,
              image: pulled(topology, props.vipImage),
              imagePullPolicy: ImagePullPolicy.ALWAYS,
              args: [`--services-configmap=${NAMESPACE}/${CONFIG_MAP}`],
              // It sets addresses and IPVS rules of the node itself.
              securityContext: { privileged: true },
              envVariables: {
                POD_NAME: EnvValue.fromFieldRef(EnvFieldPaths.POD_NAME),
                POD_NAMESPACE: EnvValue.fromFieldRef(EnvFieldPaths.POD_NAMESPACE),
              },
              volumeMounts: [
                {
                  path: '/lib/modules',
                  readOnly: true,
                  volume: Volume.fromHostPath(chart, 'modules', 'modules', { path: '/lib/modules' }),
                },
                { path: '/dev', volume: Volume.fromHostPath(chart, 'dev', 'dev', { path: '/dev' }) },
              ],
            }),
          ],
        },
      );
    });
    bundle.step(VIP, 'apply', {
      ...where,
      title: `every node of ${cluster.name} can announce addresses`,
      needs: [`${cluster.name}/${CONFIG_MAP}`],
      file: vip,
      wait: [{ resource: `daemonset/${VIP}`, namespace: NAMESPACE, until: 'rolled-out' }],
    });

    const provider = bundle.chart(
      PROVIDER,
      `keepalived-cloud-provider gives Services addresses out of ${cluster.addressRange.cidr}: ${cluster.addressRange.first} to ${cluster.addressRange.last}`,
      (chart) => {
        const metadata = { name: PROVIDER, namespace: NAMESPACE };
        const pods = deployment(
          chart,
          { app: PROVIDER },
          {
            metadata,
            replicas: 1,
            // The health port is the node's: a second pod on the same node could not take it.
            strategy: DeploymentStrategy.recreate(),
            // Its health answers on the loopback address, which a kubelet can only ask on the node's own network.
            hostNetwork: true,
            podMetadata: { annotations: { 'scheduler.alpha.kubernetes.io/critical-pod': '' } },
            serviceAccount: serviceAccount(chart, metadata, {
              namespaced: [
                { resources: ['configmaps'], names: [CONFIG_MAP], verbs: ['get', 'update', 'patch'] },
                // Leader election.
                { resources: ['endpoints'], verbs: ['get', 'list', 'watch', 'create', 'update', 'patch'] },
              ],
              clusterWide: [
                { resources: ['services'], verbs: ['get', 'list', 'watch', 'update', 'patch'] },
                { resources: ['services/status'], verbs: ['update', 'patch'] },
                { resources: ['nodes'], verbs: ['get', 'list', 'watch'] },
                { resources: ['events'], verbs: ['create', 'update', 'patch'] },
              ],
            }),
            containers: [
              container({
                name: PROVIDER,
                image: pulled(topology, props.cloudProviderImage),
                envVariables: {
                  KEEPALIVED_NAMESPACE: EnvValue.fromValue(NAMESPACE),
                  KEEPALIVED_CONFIG_MAP: EnvValue.fromValue(CONFIG_MAP),
                  KEEPALIVED_SERVICE_CIDR: EnvValue.fromValue(cluster.addressRange.declared),
                  KEEPALIVED_DEFAULT_FORWARD_METHOD: EnvValue.fromValue(props.forwardMethod),
                },
                resources: { cpu: { request: Cpu.millis(200) } },
                liveness: Probe.fromHttpGet('/healthz', { port: HEALTH_PORT }),
                volumeMounts: [
                  {
                    path: '/etc/ssl/certs',
                    readOnly: true,
                    volume: Volume.fromHostPath(chart, 'certs', 'certs', { path: '/etc/ssl/certs' }),
                  },
                ],
              }),
            ],
          },
        );
        pods.scheduling.tolerate(Node.tainted(NodeTaintQuery.exists('CriticalAddonsOnly')));
        // On a master kube-controller-manager has the same health port, and would answer in its place.
        pods.scheduling.attract(Node.labeled(NodeLabelQuery.doesNotExist('node-role.kubernetes.io/master')));
        ApiObject.of(pods).addJsonPatch(
          JsonPatch.add('/spec/revisionHistoryLimit', 2),
          JsonPatch.add('/spec/template/spec/containers/0/livenessProbe/httpGet/host', '127.0.0.1'),
        );
      },
    );
    bundle.step(PROVIDER, 'apply', {
      ...where,
      title: `Services of ${cluster.name} get addresses out of ${cluster.addressRange.cidr}`,
      needs: [`${cluster.name}/${CONFIG_MAP}`],
      file: provider,
      wait: [{ resource: `deployment/${PROVIDER}`, namespace: NAMESPACE, until: 'rolled-out' }],
    });
  },
};
