import { Plan } from '../../lib/plan/plan';
import { Step } from '../../lib/plan/step';
import { declaredObjects } from './context';

/** One thing that the user of a context has to be allowed to do. */
export interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly namespace?: string;
}

/** `create deployments.apps in kube-system` */
export function describeRight({ verb, group, resource, namespace }: Right): string {
  return `${verb} ${resource}${group === '' ? '' : `.${group}`}${namespace === undefined ? '' : ` in ${namespace}`}`;
}

/** The rights that steps take, by the context that they take them in. Each right once. */
export function rightsOf(plan: Plan, folder: string, steps: readonly Step[]): Map<string, Right[]> {
  const rights = new Map<string, Map<string, Right>>();
  const hostContext = plan.clusters.find(({ name }) => name === plan.hostCluster)?.context ?? '';
  const add = (context: string, ...list: Right[]): void => {
    const known = rights.get(context) ?? new Map<string, Right>();
    for (const right of list) known.set(describeRight(right), right);
    rights.set(context, known);
  };
  for (const step of steps) {
    // The federation's own API server asks for nothing more than the credentials that init made.
    if (step.context !== plan.federation) for (const right of rightsOfStep(step, folder)) add(step.context, right);
    if (step.kind === 'kubefed-join') {
      add(hostContext, { verb: 'create', group: '', resource: 'secrets', namespace: 'federation-system' });
    }
  }
  // Two runs at once are kept apart by a ConfigMap there.
  add(hostContext, { verb: 'create', group: '', resource: 'configmaps', namespace: 'kube-system' });
  return new Map([...rights].map(([context, list]) => [context, [...list.values()]]));
}

function rightsOfStep(step: Step, folder: string): Right[] {
  const core = (verb: string, resource: string, namespace?: string): Right => ({
    verb,
    group: '',
    resource,
    namespace,
  });
  const rbac = 'rbac.authorization.k8s.io';
  switch (step.kind) {
    case 'label-nodes':
      return [core('list', 'nodes'), core('patch', 'nodes')];
    case 'apply':
    case 'create':
      return declaredObjects({ folder }, step.file).flatMap(({ apiVersion, kind, metadata: { namespace } }) => {
        const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
        const verbs = ['get', 'create', ...(step.kind === 'apply' ? ['patch'] : step.exact ? ['delete'] : [])];
        return verbs.map((verb) => ({ verb, group, resource: pluralOf(kind), namespace }));
      });
    case 'stub-domain':
    case 'corefile':
      return [core('get', 'configmaps', step.namespace), core('patch', 'configmaps', step.namespace)];
    case 'dnsmasq-argument':
      return ['get', 'patch'].map((verb) => ({
        verb,
        group: 'extensions',
        resource: 'deployments',
        namespace: step.namespace,
      }));
    case 'announcement':
      return [core('list', 'nodes'), core('get', 'configmaps', 'kube-system')];
    case 'controller-manager-flag':
      return [core('list', 'pods', 'kube-system')];
    case 'helm-init':
      return [{ verb: 'create', group: 'extensions', resource: 'deployments', namespace: 'kube-system' }];
    case 'helm-release':
      return [core('create', 'pods/portforward', 'kube-system')];
    case 'node-port':
      return ['get', ...(step.recreate ? ['delete', 'create'] : ['patch'])].map((verb) =>
        core(verb, 'services', step.namespace),
      );
    case 'kubefed-init':
      return [core('create', 'namespaces'), core('create', 'secrets', step.namespace)];
    case 'kubefed-join':
      return [
        core('create', 'namespaces'),
        core('patch', 'configmaps', 'kube-system'),
        { verb: 'create', group: rbac, resource: 'clusterroles' },
        { verb: 'create', group: rbac, resource: 'clusterrolebindings' },
      ];
    case 'service-address':
    case 'dns-check':
      return [core('get', 'services', step.namespace)];
  }
}

/** The resource of a kind: what Kubernetes itself does with English. */
function pluralOf(kind: string): string {
  const lower = kind.toLowerCase();
  if (lower === 'endpoints') return lower;
  if (/(s|x|ch|sh)$/.test(lower)) return `${lower}es`;
  return /[^aeiou]y$/.test(lower) ? `${lower.slice(0, -1)}ies` : `${lower}s`;
}
