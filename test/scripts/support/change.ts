import { KubeObject } from '../../stand-ins/json';
import { World } from '../../stand-ins/world';

/** Changes an object in a cluster, as somebody else with every right would. */
export async function change(
  world: World,
  [cluster, kind, namespace, name]: readonly [
    cluster: string,
    kind: string,
    namespace: string | undefined,
    name: string,
  ],
  edit: (object: KubeObject) => void,
): Promise<void> {
  const object = world.get(cluster, kind, namespace, name);
  if (!object) throw new Error(`${cluster} has no ${kind} ${name}`);
  edit(object);
  await world.put(cluster, object);
}

/** Sets a value inside an object; numbers are places in lists. */
export function set(object: unknown, path: readonly (string | number)[], value: unknown): void {
  const parent = path.slice(0, -1).reduce<unknown>((inner, key) => {
    if (typeof inner !== 'object' || inner === null) throw new Error(`nothing is at ${path.join('.')}`);
    return (inner as Record<string | number, unknown>)[key];
  }, object);
  if (typeof parent !== 'object' || parent === null) throw new Error(`nothing is at ${path.join('.')}`);
  (parent as Record<string | number, unknown>)[path[path.length - 1] ?? ''] = value;
}
