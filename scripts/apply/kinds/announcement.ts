import { Listed } from '../../kube/reader';
import { fromYaml } from '../../../lib/yaml';
import { Wanted } from '../api';
import { StepError } from '../errors';
import { at } from '../objects';
import { dataOf } from './config-map';
import { DONE, Handler } from './handler';

/** kubeadm labels control-plane nodes so; MetalLB's speaker then announces nothing from them. */
const EXCLUDED = 'node.kubernetes.io/exclude-from-external-load-balancers';
const NODES: Listed = { apiVersion: 'v1', kind: 'Node' };
/** kubeadm's settings of kube-proxy; clusters without kube-proxy have none. */
const KUBE_PROXY: Wanted = { apiVersion: 'v1', kind: 'ConfigMap', name: 'kube-proxy', namespace: 'kube-system' };

/**
 * Whether addresses reach anybody: with no node that announces, or with kube-proxy answering for every address, Services have
 * addresses and names lead to them, and nothing answers. Nothing here can set it: it belongs to the cluster's operator.
 */
export const announcement: Handler<'announcement'> = {
  wanted: () => [KUBE_PROXY],

  async observe({ step, view, signal }, fresh) {
    const [nodes, found] = await Promise.all([
      view.list(NODES, signal, { fresh }),
      view.look([KUBE_PROXY], signal, { fresh }),
    ]);
    const excluded = nodes.filter(({ metadata: { labels } }) => labels?.[EXCLUDED] !== undefined);
    if (step.ignoreExcluded !== true && nodes.length > 0 && excluded.length === nodes.length) {
      throw new StepError(
        `all nodes of ${step.cluster} bear the label ${EXCLUDED}: none of them announces an address`,
        `Take the label from the nodes that may (kubectl --context=${step.context} label node <name> ${EXCLUDED}-), or set metalLb.ignoreExcludeLB in main.ts. Then run apply again.`,
      );
    }
    const config = dataOf(found.get(KUBE_PROXY), 'config.conf');
    const settings: unknown = config === undefined ? undefined : fromYaml(config);
    if (at(settings, 'mode') === 'ipvs' && at(settings, 'ipvs', 'strictARP') !== true) {
      throw new StepError(
        `kube-proxy of ${step.cluster} runs in IPVS mode without strictARP: every node answers for every address`,
        `Set ipvs.strictARP to true in config.conf (kubectl --context=${step.context} --namespace=kube-system edit configmap kube-proxy) and restart kube-proxy's pods. Then run apply again.`,
      );
    }
    return DONE;
  },

  act: () => Promise.resolve(undefined),
};
