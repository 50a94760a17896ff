import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { commands } from '../../../lib/plan/commands';
import { wanted, Wanted } from '../api';
import { foreign, isOurs, StepContext } from '../context';
import { StepError } from '../errors';
import { KubeObject } from '../objects';
import { changeConfigMap, dataOf, OUR_ENTRY, readConfigMap } from './config-map';
import { ContextOf, DONE, Handler, NOTHING, REMOVED } from './handler';

/** `stubDomains` of kube-dns: for each domain the servers that answer for it. */
export type StubDomains = Readonly<Record<string, readonly string[]>>;

const objectSchema = z.record(z.string(), z.unknown());
const serversSchema = z.array(z.string());

const CORRECT =
  'Correct it (kubectl --namespace=kube-system edit configmap kube-dns), then run the same command again.';

/**
 * Reads the `stubDomains` of a ConfigMap.
 *
 * @throws StepError when it is not what kube-dns reads: kube-dns ignores all of it then, and merging would lose what was
 * meant
 */
export function stubDomainsOf(configMap: KubeObject | undefined, text = dataOf(configMap, 'stubDomains')): StubDomains {
  if (text === undefined || text.trim() === '') return {};
  const { data: domains } = objectSchema.safeParse(fromJson(text));
  if (!domains) throw new StepError('stubDomains in the kube-dns ConfigMap is no JSON object', CORRECT);
  const read = Object.entries(domains).map(([domain, value]) => {
    const { data: servers } = serversSchema.safeParse(value);
    if (servers) return [domain, servers] as const;
    throw new StepError(
      `stubDomains in the kube-dns ConfigMap has no list of servers for ${domain}`,
      `kube-dns refuses the whole setting for it. ${CORRECT}`,
    );
  });
  return Object.fromEntries(read);
}

/** What a text says as JSON; nothing where it is none. */
function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A domain with a closing dot, as kubefed 1.7 and 1.8 write it. kube-dns refuses the whole setting for such a name. */
export const dotted = (domain: string): string => `${domain}.`;

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
    const domains = stubDomainsOf(configMap);
    const entry = domains[step.domain];
    checkOwner(context, configMap);
    checkDots(context, domains);
    const where = `${step.namespace}/${step.configMap}`;
    if (domains[dotted(step.domain)]) {
      const differs = [
        `stubDomains of ${where} names ${dotted(step.domain)} with a closing dot, and kube-dns refuses all of it`,
      ];
      return { state: 'todo', differs };
    }
    // A join that was told of the same server has written the same entry.
    if (isDeepStrictEqual(entry, [step.server])) return DONE;
    const is = entry === undefined ? 'missing' : `${JSON.stringify(entry)}, not ["${step.server}"]`;
    return { state: 'todo', differs: [`stubDomains of ${step.domain} in ${where} is ${is}`] };
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
      const others = withoutDomain(stubDomainsOf(current), dotted(step.domain));
      return {
        data: { stubDomains: JSON.stringify({ ...others, [step.domain]: [step.server] }) },
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
    const domains = stubDomainsOf(configMap);
    const entry = domains[step.domain];
    const isEntryOurs = isOurEntry(context, configMap, entry);
    const isDottedOurs = isOurEntry(context, configMap, domains[dotted(step.domain)]);
    if (!configMap || !patch || !(isMarked || isEntryOurs || isDottedOurs)) return NOTHING;
    const withoutOurs = (all: StubDomains): StubDomains => {
      const rest = isEntryOurs ? withoutDomain(all, step.domain) : all;
      return isDottedOurs ? withoutDomain(rest, dotted(step.domain)) : rest;
    };
    if (entry !== undefined && !isEntryOurs && !isDottedOurs) {
      await changeConfigMap(context, step.namespace, step.configMap, patch, () => ({
        annotations: { [OUR_ENTRY]: null },
      }));
      return { state: 'kept', why: `the entry ${step.domain} → ${entry.join(', ')} was not made by this plan` };
    }
    const others = withoutOurs(domains);
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
      const rest = withoutOurs(stubDomainsOf(current));
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
  const domains = stubDomainsOf(configMap);
  for (const domain of [step.domain, dotted(step.domain)]) {
    const entry = domains[domain];
    if (entry === undefined || adopt || isOurEntry(context, configMap, entry)) continue;
    throw foreign(
      `an entry ${domain} → ${entry.join(', ')} in the kube-dns ConfigMap of ${step.cluster}`,
      'pods may rely on it',
    );
  }
}

/** A name of the user's own with a closing dot: it is not touched, and nothing of the setting counts while it is there. */
function checkDots({ step }: ContextOf<'stub-domain'>, domains: StubDomains): void {
  const names = Object.keys(domains).filter((name) => name.endsWith('.') && name !== dotted(step.domain));
  if (names.length === 0) return;
  throw new StepError(
    `stubDomains in the kube-dns ConfigMap of ${step.cluster} names ${names.join(', ')} with a closing dot`,
    `kube-dns refuses the whole setting for it, so that pods find none of its names. Take the dot out (kubectl --context=${step.context} --namespace=${step.namespace} edit configmap ${step.configMap}), then run the same command again.`,
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
