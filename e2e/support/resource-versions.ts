/** What a cluster holds, to be compared with what it held before. */
import { waitFor } from '../harness/wait';
import { output } from './cli';

/** Kinds that change by themselves or are made of others, and addresses, which the API server draws at random. */
const RESTLESS =
  /^(events|leases|nodes|csinodes|endpoints|endpointslices|pods|replicasets|controllerrevisions|componentstatuses|ipaddresses)(\.|$)/;

/** All other objects of every kind in these clusters, with their resource versions. */
export async function resourceVersions(
  env: NodeJS.ProcessEnv,
  contexts: readonly string[],
): Promise<Record<string, string>> {
  const lists = await Promise.all(
    contexts.map(async (context) => {
      const kubectl = (...args: string[]): Promise<string> => output(env, 'kubectl', [`--context=${context}`, ...args]);
      const known = await kubectl('api-resources', '--verbs=list', '--output=name');
      const kinds = known.split('\n').filter((kind) => kind !== '' && !RESTLESS.test(kind));
      const text = await kubectl('get', kinds.join(','), '--all-namespaces', '--output=json');
      const { items } = JSON.parse(text) as {
        items: { kind: string; metadata: { namespace?: string; name: string; resourceVersion: string } }[];
      };
      return items.map(({ kind, metadata: { namespace = '', name, resourceVersion } }) => {
        // A claim's volume is named after it, and a new claim is another.
        const what = kind === 'PersistentVolume' ? 'volume' : name;
        return [`${context} ${kind} ${namespace}/${what}`, resourceVersion] as const;
      });
    }),
  );
  return Object.fromEntries(lists.flat());
}

/** Waits until a cluster has no volumes: each goes after its claim. */
export async function volumesGone(env: NodeJS.ProcessEnv, context: string): Promise<void> {
  await waitFor({
    what: 'the volumes to go after their claims',
    timeoutMs: 20_000,
    probe: async () => {
      const volumes = await output(env, 'kubectl', [
        `--context=${context}`,
        'get',
        'persistentvolumes',
        '--output=name',
      ]);
      return volumes === '' ? { done: true, value: undefined } : { done: false, saw: volumes };
    },
  });
}
