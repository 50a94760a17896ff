import { Topology } from '../topology/resolve';
import { CONTROL_PLANE_NAMESPACE as NAMESPACE } from '../topology/taken';
import { pulled } from './artifacts';
import { Component } from './component';
import { coreDnsStep } from './coredns';
import { ETCD_ENDPOINT } from './etcd';

/** The step after which the federation's API server answers and the kubeconfig has its context. */
export const controlPlaneStep = ({ host }: Topology): string => `${host.name}/federation-control-plane`;

/**
 * The retired federation's control plane, by `kubefed init` in the host cluster, and the configuration with which it
 * writes DNS records.
 */
export const controlPlane: Component = {
  name: 'federation-control-plane',

  cluster(bundle, cluster, topology) {
    if (!cluster.isHost) return;
    const { name, dns, controlPlane: props } = topology;
    const images = {
      image: props.image === undefined ? undefined : pulled(topology, props.image),
      etcdImage: props.etcdImage === undefined ? undefined : pulled(topology, props.etcdImage),
    };
    bundle.usesIfNamed(images.image, "the control plane's image", 'kubefed', 'controlPlane.image');
    bundle.usesIfNamed(images.etcdImage, "the image of the control plane's etcd", 'kubefed', 'controlPlane.etcdImage');
    // The same endpoint, zone and port as CoreDNS and every cluster's DNS: all of them come from the topology.
    const config = bundle.text(
      'coredns-provider.conf',
      'How the federation writes DNS records: into the etcd that CoreDNS reads',
      [
        '[Global]',
        `etcd-endpoints = ${ETCD_ENDPOINT}`,
        `zones = ${dns.zone}`,
        `coredns-endpoints = ${dns.server}`,
        '',
      ].join('\n'),
    );
    bundle.step('federation-control-plane', 'kubefed-init', {
      title: `the control plane of ${name} runs in ${cluster.name}`,
      context: cluster.context,
      needs: [coreDnsStep(topology)],
      timeoutSeconds: 900,
      federation: name,
      namespace: NAMESPACE,
      zone: dns.zone,
      file: config,
      advertiseAddress: props.advertiseAddress,
      persistentStorage: props.persistentStorage,
      image: images.image,
      etcdImage: images.etcdImage,
    });
  },
};
