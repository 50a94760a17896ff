import { wanted, Wanted } from '../api';
import { StepContext } from '../context';
import { StepError } from '../errors';
import { dataOf } from './config-map';

/** kubeadm's two ways to answer a cluster's own names. */
export function dnsPrograms(minor: number): [kubeDns: Wanted, coreDns: Wanted] {
  return [wanted(minor, 'Deployment', 'kube-dns', 'kube-system'), wanted(minor, 'ConfigMap', 'coredns', 'kube-system')];
}

/** @throws StepError where the cluster's DNS is CoreDNS, which does not read the settings of kube-dns */
export async function checkProgram(
  { step, view, minor, signal }: Pick<StepContext, 'step' | 'view' | 'minor' | 'signal'>,
  fresh: boolean,
): Promise<void> {
  const [kubeDns, coreDns] = dnsPrograms(minor);
  const found = await view.look([kubeDns, coreDns], signal, { fresh });
  if (found.get(kubeDns) || dataOf(found.get(coreDns), 'Corefile') === undefined) return;
  throw new StepError(
    `the DNS of ${step.cluster} is CoreDNS, which does not read the settings of kube-dns`,
    `Set dnsProgram: 'coredns' for ${step.cluster} in main.ts, then run \`npm run synth\` and apply again.`,
  );
}
