import { filled, StepContext, untilUncontested } from '../context';
import { wanted } from '../api';
import { at, KubeObject } from '../objects';
import { Command } from '../../../lib/plan/step';

/**
 * Annotation on an object that others own too: the entry in it that this plan has set, as `<domain>=<server>`. An entry
 * for the domain that is another one is somebody else's.
 */
export const OUR_ENTRY = 'onprem-federation.io/dns-server';

/** A change to a ConfigMap: keys to set, `null` to remove. */
export interface ConfigMapChange {
  readonly data?: Readonly<Record<string, string | null>>;
  readonly annotations?: Readonly<Record<string, string | null>>;
}

/** A ConfigMap as it is now; nothing where there is none. */
export async function readConfigMap(
  { view, minor, signal }: Pick<StepContext, 'view' | 'minor' | 'signal'>,
  namespace: string,
  name: string,
  fresh: boolean,
): Promise<KubeObject | undefined> {
  const reference = wanted(minor, 'ConfigMap', name, namespace);
  return (await view.look([reference], signal, { fresh })).get(reference);
}

/** One key of a ConfigMap's data. */
export function dataOf(configMap: KubeObject | undefined, key: string): string | undefined {
  const value = at(configMap, 'data', key);
  return typeof value === 'string' ? value : undefined;
}

/**
 * Changes a ConfigMap that others write into: reads it, computes the change and writes only that, on the condition that
 * nobody has written meanwhile; otherwise it begins again.
 *
 * @param command the patch's arguments, `{patch}` standing for the patch
 * @param change computes the change from what is there; nothing when there is none to make
 */
export async function changeConfigMap(
  context: Pick<StepContext, 'view' | 'minor' | 'signal' | 'kubectl'>,
  namespace: string,
  name: string,
  command: Command,
  change: (current: KubeObject | undefined) => ConfigMapChange | undefined,
): Promise<boolean> {
  let changed = false;
  await untilUncontested(async () => {
    // What was seen a moment ago will do: if it is not so any more, the write is refused and this begins again.
    const current = await readConfigMap(context, namespace, name, changed);
    changed = true;
    const wantedChange = change(current);
    context.view.forget([wanted(context.minor, 'ConfigMap', name, namespace)]);
    if (!wantedChange) {
      changed = false;
      return;
    }
    const patch = {
      metadata: { resourceVersion: current?.metadata.resourceVersion, annotations: wantedChange.annotations },
      data: wantedChange.data,
    };
    await context.kubectl.write(filled(command, { '{patch}': JSON.stringify(patch) }), context.signal);
  });
  return changed;
}
