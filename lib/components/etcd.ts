import { EnvFieldPaths, EnvValue } from 'cdk8s-plus-25';
import { EtcdCluster } from '../../imports/etcd.database.coreos.com';
import { Topology } from '../topology/resolve';
import { pulled } from './artifacts';
import { Component } from './component';
import { container, deployment, serviceAccount } from './defaults';

/** Operator and cluster have to be here: elsewhere the setup failed for the guide's authors. */
const NAMESPACE = 'default';
const OPERATOR = 'etcd-operator';
const CLUSTER = 'etcd-cluster';
const CLIENT_PORT = 2379;
/** Image of the members, which the operator takes the version's tag of. */
const IMAGE = 'quay.io/coreos/etcd';

/** Where CoreDNS and the federation find etcd: the Service that the operator makes for the cluster. */
export const ETCD_ENDPOINT = `http://${CLUSTER}-client.${NAMESPACE}:${CLIENT_PORT}`;

/** The step after which etcd answers at {@link ETCD_ENDPOINT}. */
export const etcdStep = ({ host }: Topology): string => `${host.name}/${CLUSTER}`;

/** etcd-operator and the etcd cluster that it makes: they hold the records of the DNS zone. In the host cluster only. */
export const etcd: Component = {
  name: 'etcd',

  cluster(bundle, cluster, topology) {
    if (!cluster.isHost) return;
    const { etcd: props, images } = topology;
    const image = pulled(topology, IMAGE);
    bundle.uses({ images: [`${image}:v${props.version}`] });
    const all = ['*'];
    const register = ['get', 'list', 'watch', 'create'];

    const operator = bundle.chart(OPERATOR, 'etcd-operator, with no more rights than it uses', (chart) => {
      const metadata = { name: OPERATOR, namespace: NAMESPACE };
      deployment(
        chart,
        { name: OPERATOR },
        {
          metadata,
          replicas: 1,
          // Before 0.9 the operator works in its own namespace only; what it registers and looks up is cluster-wide.
          serviceAccount: serviceAccount(chart, metadata, {
            namespaced: [
              { group: 'etcd.database.coreos.com', resources: ['etcdclusters'], verbs: all },
              { resources: ['pods', 'services', 'endpoints', 'persistentvolumeclaims', 'events'], verbs: all },
              { group: 'apps', resources: ['deployments'], verbs: all },
            ],
            clusterWide: [
              { group: 'apiextensions.k8s.io', resources: ['customresourcedefinitions'], verbs: register },
              { group: 'storage.k8s.io', resources: ['storageclasses'], verbs: register },
            ],
          }),
          containers: [
            container({
              name: OPERATOR,
              image: pulled(topology, props.operatorImage),
              envVariables: {
                MY_POD_NAMESPACE: EnvValue.fromFieldRef(EnvFieldPaths.POD_NAMESPACE),
                MY_POD_NAME: EnvValue.fromFieldRef(EnvFieldPaths.POD_NAME),
              },
            }),
          ],
        },
      );
    });
    bundle.step(OPERATOR, 'apply', {
      title: `etcd-operator runs in ${cluster.name}`,
      context: cluster.context,
      needs: [],
      timeoutSeconds: 300,
      file: operator,
      wait: [
        { resource: `deployment/${OPERATOR}`, namespace: NAMESPACE, until: 'rolled-out' },
        // The operator registers the definition of EtcdCluster when it starts.
        { resource: 'customresourcedefinition/etcdclusters.etcd.database.coreos.com', until: 'exists' },
      ],
    });

    const etcdCluster = bundle.chart(
      CLUSTER,
      "The etcd cluster that the operator makes: it holds the zone's records",
      (chart) => {
        new EtcdCluster(chart, 'cluster', {
          metadata: { name: CLUSTER, namespace: NAMESPACE },
          spec: {
            size: props.size,
            version: props.version,
            ...(images.prefix !== undefined && { baseImage: image }),
          },
        });
      },
    );
    bundle.step(CLUSTER, 'apply', {
      title: `etcd answers at ${ETCD_ENDPOINT} in ${cluster.name}`,
      context: cluster.context,
      needs: [`${cluster.name}/${OPERATOR}`],
      timeoutSeconds: 600,
      file: etcdCluster,
      wait: [
        { resource: `etcdcluster/${CLUSTER}`, namespace: NAMESPACE, until: 'running' },
        { resource: `service/${CLUSTER}-client`, namespace: NAMESPACE, until: 'exists' },
      ],
    });
  },
};
