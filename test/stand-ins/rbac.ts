/** Whether RBAC lets a ServiceAccount do something. */
import { at, list, text } from './json';
import type { ApiServer } from './objects';

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
