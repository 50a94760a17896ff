import { isDeepStrictEqual } from 'node:util';
import { commands } from '../../../lib/plan/commands';
import { wanted, Wanted } from '../api';
import { foreign, isOurs, StepContext } from '../context';
import { StepError } from '../errors';
import { KubeObject } from '../objects';
import { changeConfigMap, dataOf, OUR_ENTRY, readConfigMap } from './config-map';
import { ContextOf, DONE, Handler, NOTHING, REMOVED } from './handler';

/** `stubDomains` of kube-dns: for each domain the servers that answer for it. */
export type StubDomains = Readonly<Record<string, readonly string[]>>;

/**
 * Reads the `stubDomains` of a ConfigMap.
 *
 * @throws StepError when it is no JSON object: kube-dns ignores it then, and merging would lose what was meant
 */
export function stubDomainsOf(configMap: KubeObject | undefined, text = dataOf(configMap, 'stubDomains')): StubDomains {
  if (text === undefined || text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as StubDomains;
  } catch {
    // Said below, in words.
  }
  throw new StepError(
    'stubDomains in the kube-dns ConfigMap is no JSON object',
    'Correct it (kubectl --namespace=kube-system edit configmap kube-dns), then run the same command again.',
  );
}

/** All entries but one. */
export function withoutDomain(domains: StubDomains, domain: string): StubDomains {
  return Object.fromEntries(Object.entries(domains).filter(([name]) => name !== domain));
}

/** One entry of kube-dns' `stubDomains`; everything else in the ConfigMap stays as it is. */
export const stubDomain: Handler<'stub-domain'> = {
  wanted: (step, _shared, minor) => [wanted(minor, 'ConfigMap', step.configMap, step.namespace), ...dnsPrograms(minor)],

  async observe(context, fresh) {
    const { step } = context;
    const configMap = await readConfigMap(context, step.namespace, step.configMap, fresh);
    await checkProgram(context, fresh);
    const entry = stubDomainsOf(configMap)[step.domain];
    checkOwner(context, configMap);
    // A join that was told of the same server has written the same entry.
    if (isDeepStrictEqual(entry, [step.server])) return DONE;
    const is = entry === undefined ? 'missing' : `${JSON.stringify(entry)}, not ["${step.server}"]`;
    return {
      state: 'todo',
      differs: [`stubDomains of ${step.domain} in ${step.namespace}/${step.configMap} is ${is}`],
    };
  },

  async act(context) {
    const { step, kubectl, signal } = context;
    const [patch] = commands(step).run;
    if (!patch) return undefined;
    if (!(await readConfigMap(context, step.namespace, step.configMap, false))) {
      await kubectl.write(['kubectl', `--context=${step.context}`, 'apply', `--filename=${step.file}`], signal);
      context.view.forget([wanted(context.minor, 'ConfigMap', step.configMap, step.namespace)]);
    }
    await changeConfigMap(context, step.namespace, step.configMap, patch, (current) => {
      checkOwner(context, current);
      return {
        data: { stubDomains: JSON.stringify({ ...stubDomainsOf(current), [step.domain]: [step.server] }) },
        annotations: { [OUR_ENTRY]: mark(context) },
      };
    });
    return DONE;
  },

  async undo(context) {
    const { step, kubectl, signal, plan } = context;
    const [patch] = commands(step).undo;
    const configMap = await readConfigMap(context, step.namespace, step.configMap, true);
    const isMarked = configMap?.metadata.annotations?.[OUR_ENTRY] !== undefined;
    const entry = stubDomainsOf(configMap)[step.domain];
    const isEntryOurs = isOurEntry(context, configMap, entry);
    if (!configMap || !patch || !(isMarked || isEntryOurs)) return NOTHING;
    if (entry !== undefined && !isEntryOurs) {
      await changeConfigMap(context, step.namespace, step.configMap, patch, () => ({
        annotations: { [OUR_ENTRY]: null },
      }));
      return { state: 'kept', why: `the entry ${step.domain} → ${entry.join(', ')} was not made by this plan` };
    }
    const others = withoutDomain(stubDomainsOf(configMap), step.domain);
    if (isOurs(plan, configMap) && Object.keys(others).length === 0 && onlyOurs(configMap)) {
      await kubectl.write(
        [
          'kubectl',
          `--context=${step.context}`,
          `--namespace=${step.namespace}`,
          'delete',
          'configmap',
          step.configMap,
          '--ignore-not-found',
        ],
        signal,
      );
      return REMOVED;
    }
    await changeConfigMap(context, step.namespace, step.configMap, patch, (current) => {
      const rest = withoutDomain(stubDomainsOf(current), step.domain);
      return {
        data: { stubDomains: Object.keys(rest).length === 0 ? null : JSON.stringify(rest) },
        annotations: { [OUR_ENTRY]: null },
      };
    });
    return REMOVED;
  },
};

/** Whether a ConfigMap holds nothing but what this plan and kubefed have written. */
function onlyOurs(configMap: KubeObject): boolean {
  const { data = {} } = configMap as { data?: Record<string, string> };
  return Object.keys(data).every((key) => key === 'stubDomains' || (key === 'federations' && data[key] === ''));
}

const mark = ({ step }: ContextOf<'stub-domain'>): string => `${step.domain}=${step.server}`;

/** An entry is this plan's where it leads to its server, or to the one that the annotation says it has set before. */
function isOurEntry(
  { step }: ContextOf<'stub-domain'>,
  configMap: KubeObject | undefined,
  entry: readonly string[] | undefined,
): boolean {
  if (entry === undefined) return false;
  if (isDeepStrictEqual(entry, [step.server])) return true;
  return configMap?.metadata.annotations?.[OUR_ENTRY] === `${step.domain}=${entry.join(',')}`;
}

/** An entry for the domain that leads elsewhere and that this plan has not set is somebody else's. */
function checkOwner(context: ContextOf<'stub-domain'>, configMap: KubeObject | undefined): void {
  const { step, adopt } = context;
  const entry = stubDomainsOf(configMap)[step.domain];
  if (entry === undefined || adopt || isOurEntry(context, configMap, entry)) return;
  throw foreign(
    `an entry ${step.domain} → ${entry.join(', ')} in the kube-dns ConfigMap of ${step.cluster}`,
    'pods may rely on it',
  );
}

/** kubeadm's two ways to answer a cluster's own names. */
function dnsPrograms(minor: number): [kubeDns: Wanted, coreDns: Wanted] {
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
