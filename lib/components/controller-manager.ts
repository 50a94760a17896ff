import { Cluster } from '../topology/resolve';
import { Component } from './component';
import { toYaml } from '../yaml';

const FLAG = '--cloud-provider=external';

/** The step that shows that the cluster leaves addresses to an external provider. */
export const controllerManagerStep = (cluster: Cluster): string => `${cluster.name}/controller-manager`;

/** kubeadm's configuration with the flag, in the form that the cluster's kubeadm reads. */
function kubeadmConfiguration(minor: number): Record<string, unknown> {
  const extraArgs = { 'cloud-provider': 'external' };
  if (minor < 11)
    return {
      apiVersion: 'kubeadm.k8s.io/v1alpha1',
      kind: 'MasterConfiguration',
      controllerManagerExtraArgs: extraArgs,
    };
  if (minor < 12)
    return {
      apiVersion: 'kubeadm.k8s.io/v1alpha2',
      kind: 'MasterConfiguration',
      controllerManagerExtraArgs: extraArgs,
    };
  if (minor < 13)
    return {
      apiVersion: 'kubeadm.k8s.io/v1alpha3',
      kind: 'ClusterConfiguration',
      controllerManagerExtraArgs: extraArgs,
    };
  const apiVersion = minor < 15 ? 'kubeadm.k8s.io/v1beta1' : 'kubeadm.k8s.io/v1beta2';
  return { apiVersion, kind: 'ClusterConfiguration', controllerManager: { extraArgs } };
}

/**
 * kube-controller-manager with `--cloud-provider=external`. It runs as a static pod out of a file on each master, which
 * nothing reaches through the API: the step reads whether the flag is set and stops with the instruction if not.
 */
export const controllerManager: Component = {
  name: 'controller-manager',

  cluster(bundle, cluster) {
    const instruction = bundle.text(
      'controller-manager-kubeadm.conf',
      [
        `kube-controller-manager of ${cluster.name} has to run with ${FLAG}. Nothing applies this file. Either`,
        `- add ${FLAG} to the command in /etc/kubernetes/manifests/kube-controller-manager.yaml on every master; the`,
        '  kubelet starts it again by itself; or',
        "- add what follows to kubeadm's configuration file before kubeadm init or upgrade.",
      ].join('\n'),
      toYaml(kubeadmConfiguration(cluster.minor)),
    );
    bundle.step('controller-manager', 'controller-manager-flag', {
      title: `the controller manager of ${cluster.name} leaves addresses to an external provider`,
      context: cluster.context,
      needs: [],
      timeoutSeconds: 60,
      flag: FLAG,
      file: instruction,
    });
  },
};
