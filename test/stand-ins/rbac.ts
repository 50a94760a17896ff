/** Whether RBAC lets a ServiceAccount do something. */
import { at, list, text } from './json';
import type { ApiServer } from './objects';
import type { World } from './world';

/** Verb, API group and resource. */
export type Right = readonly [verb: string, group: string, resource: string];

export type May = (api: ApiServer, namespace: string | undefined, account: string, rights: readonly Right[]) => boolean;

/** Whether the account has all the rights, by its Roles in its own namespace or by ClusterRoles. */
export const may: May = (api, namespace, account, rights) => {
  const names = [`system:serviceaccounts`, `system:serviceaccounts:${namespace ?? ''}`];
  const bindings = [...api.all('ClusterRoleBinding'), ...api.all('RoleBinding', namespace)].filter((binding) =>
    list(binding.subjects).some((subject) => {
      const name = text(at(subject, 'name'));
      if (at(subject, 'kind') === 'Group') return names.includes(name);
      return (
        at(subject, 'kind') === 'ServiceAccount' &&
        name === account &&
        text(at(subject, 'namespace')) === (namespace ?? '')
      );
    }),
  );
  const rules = bindings.flatMap((binding) => {
    const role = text(at(binding, 'roleRef', 'name'));
    const kind = text(at(binding, 'roleRef', 'kind'));
    return list(api.find(kind, kind === 'Role' ? namespace : undefined, role)?.rules);
  });
  return rights.every(([verb, group, resource]) =>
    rules.some((rule) => {
      const has = (field: string, wanted: string): boolean => {
        const values = list(at(rule, field)).map((value) => text(value));
        return values.includes('*') || values.includes(wanted);
      };
      return has('verbs', verb) && has('apiGroups', group) && has('resources', resource);
    }),
  );
};

/** What a caller asks for. */
export interface Wanted {
  readonly verb: string;
  readonly group: string;
  readonly plural: string;
  readonly namespace: string | undefined;
}

/** Whether the World's user, or the account that it acts as, has a right. */
export function permitted(world: World, api: ApiServer, as: string | undefined, wanted: Wanted): boolean {
  const { verb, group, plural, namespace } = wanted;
  if (as === undefined) return world.allowed(api.cluster.name, verb, plural, namespace);
  const [, space, account = ''] = /^system:serviceaccount:([^:]+):(.+)$/.exec(as) ?? [];
  return space !== undefined && may(api, space, account, [[verb, group, plural]]);
}
