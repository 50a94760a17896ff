import { z } from 'zod';

/** A program's name and its arguments, as they are handed to it: no shell reads them. */
export type Command = readonly string[];

/** Characters that no name, path or value in a plan needs, and that a careless reader could take for more. */
const text = z
  .string()
  .min(1)
  .regex(/^[^\p{Cc}]*$/u, 'has control characters');
const stepId = z.string().regex(/^[a-z0-9][-a-z0-9.]*\/[a-z0-9][-a-z0-9.]*$/, 'is no <bundle>/<name>');
/** A name that stands among a program's arguments by itself, where a hyphen would make a flag of it. */
export const word = text.regex(/^[^-]/, 'begins with a hyphen');
/** A file of `dist/`, relative to it: `fcp/10-etcd-operator.yaml`. */
export const distFile = z
  .string()
  .regex(/^(?!.*\.\.)[A-Za-z0-9][-A-Za-z0-9._]*\/[A-Za-z0-9][-A-Za-z0-9._]*$/, 'is no file inside dist/');
/** A file of `dist/` that no step names may lie deeper, or beside the plan: `gitops/flux/usa.yaml`, `artifacts.yaml`. */
export const listedFile = z
  .string()
  .regex(/^(?!.*\.\.)[A-Za-z0-9][-A-Za-z0-9._]*(\/[A-Za-z0-9][-A-Za-z0-9._]*)*$/, 'is no file inside dist/');
export const contextName = text.regex(/^[^-\s]\S*$/, 'is no context name');
const seconds = z.number().int().min(1).max(86_400);
const port = z.number().int().min(1).max(65_535);
const ipv4 = z.ipv4();

/** What an object has to show before a step counts as done. */
const ready = z.strictObject({
  /** `<kind in lower case>/<name>`, as kubectl takes it. */
  resource: z.string().regex(/^[a-z.]+\/[a-z0-9][-a-z0-9.]*$/),
  namespace: word.optional(),
  /**
   * - `exists`: it is there
   * - `rolled-out`: a Deployment, DaemonSet or StatefulSet whose pods are all of its newest template and available
   * - `running`: an EtcdCluster whose members are all ready
   */
  until: z.enum(['exists', 'rolled-out', 'running']),
});
export type Ready = z.infer<typeof ready>;

/**
 * The Service that another way of installing the same program makes. As long as it has the node port, the step stops: both
 * would run, and the port is one's.
 */
const insteadOf = z.strictObject({
  service: word,
  namespace: word,
  nodePort: port,
  /** The other one, in words, and where the topology says it. */
  installed: text,
  /** The command that takes the other one away. */
  removedBy: text,
});
export type InsteadOf = z.infer<typeof insteadOf>;

const common = {
  /** `<bundle>/<name>`, unique in the plan. */
  id: stepId,
  /** What the step achieves, for the person who reads the plan. */
  title: text,
  /** The component that it belongs to. */
  component: text,
  /** The bundle it works on: a cluster's name, or `federation`. */
  cluster: word,
  /** Ids of the steps that have to be done before. */
  needs: z.array(stepId),
  /** Ids of the steps that a teardown takes back before this one, beside those that need it. @default none */
  outlives: z.array(stepId).optional(),
  /** How long all of the step may take, its waiting included. */
  timeoutSeconds: seconds,
};

/**
 * The step kinds, as data. Each says in its own words what is to be so; {@link commands} derives the programs' exact
 * arguments from that, and the plan carries both, so that a reader sees them and a changed one is noticed.
 */
export const stepSchemas = {
  /** Every node carries the labels. Nodes that have other values for them are reported, never changed. */
  'label-nodes': z.strictObject({
    ...common,
    kind: z.literal('label-nodes'),
    context: contextName,
    labels: z.record(word, text),
    /** Label that notes which of the labels are this plan's, so that a teardown takes away those and no others. */
    marker: word,
  }),
  /** The file's objects are applied, and what `wait` names is ready. */
  apply: z.strictObject({
    ...common,
    kind: z.literal('apply'),
    context: contextName,
    file: distFile,
    wait: z.array(ready),
    /**
     * Contexts of the members into which the federation carries the objects. A teardown leaves the copies alone in the
     * federation and deletes them in each member. @default the objects are nowhere else
     */
    copies: z.array(contextName).optional(),
    /** By server-side apply: a field that another manager owns is a conflict to report, never taken by force. */
    serverSide: z.literal(true).optional(),
    /**
     * Names, one a workload, that what is applied keeps leading to the cluster. A teardown takes it away when none of them
     * does any more: nobody else would take the records back.
     */
    records: z.array(z.strictObject({ name: text, address: z.ipv4(), server: text })).optional(),
    insteadOf: insteadOf.optional(),
  }),
  /** The file's objects are created where they are missing and left alone where they are there: others write into them. */
  create: z.strictObject({
    ...common,
    kind: z.literal('create'),
    context: contextName,
    file: distFile,
    /**
     * The objects have to be this plan's and as the file has them. Where one differs they are deleted and created
     * again, since their server cannot change them in place. @default what is there is left alone, whatever it is
     */
    exact: z.literal(true).optional(),
    insteadOf: insteadOf.optional(),
  }),
  /** One entry of `stubDomains` in the ConfigMap of kube-dns; all other entries stay. */
  'stub-domain': z.strictObject({
    ...common,
    kind: z.literal('stub-domain'),
    context: contextName,
    /** The ConfigMap as it is created where there is none. */
    file: distFile,
    namespace: word,
    configMap: word,
    domain: text,
    server: text,
  }),
  /** One server block in the Corefile of the cluster's own CoreDNS; all other blocks stay. */
  corefile: z.strictObject({
    ...common,
    kind: z.literal('corefile'),
    context: contextName,
    /** The block. */
    file: distFile,
    namespace: word,
    configMap: word,
    domain: text,
    server: text,
  }),
  /** One argument of dnsmasq in the kube-dns Deployment; all other arguments stay. */
  'dnsmasq-argument': z.strictObject({
    ...common,
    kind: z.literal('dnsmasq-argument'),
    context: contextName,
    namespace: word,
    deployment: word,
    container: text,
    argument: text,
  }),
  /** Nodes may announce the addresses of Services by ARP. Only reads; where none may, the step stops with what to do. */
  announcement: z.strictObject({
    ...common,
    kind: z.literal('announcement'),
    context: contextName,
    /** Nodes that are excluded from load balancers announce, too. @default false */
    ignoreExcluded: z.literal(true).optional(),
  }),
  /** The controller manager runs with a flag. Only reads; where it does not, the step stops with what `file` says. */
  'controller-manager-flag': z.strictObject({
    ...common,
    kind: z.literal('controller-manager-flag'),
    context: contextName,
    flag: text,
    file: distFile,
  }),
  /** Helm 2's Tiller runs in the cluster. */
  'helm-init': z.strictObject({
    ...common,
    kind: z.literal('helm-init'),
    context: contextName,
    serviceAccount: word,
    /** Image of Tiller. @default helm's own, of helm's version */
    tillerImage: text.optional(),
    /** Address that a new folder of helm's notes as `stable`: helm's own may be gone. @default helm's own */
    stableRepository: z.url().optional(),
  }),
  /** A Helm release has this chart, this version and these values. */
  'helm-release': z.strictObject({
    ...common,
    kind: z.literal('helm-release'),
    context: contextName,
    /** Helm's major version: 3 stands for those without Tiller, 3 and 4. @default 2 */
    helm: z.literal(3).optional(),
    release: word,
    /** `<repository>/<chart>`, or the path of a folder or archive as seen from `dist/`; with `repository` the name alone. */
    chart: word,
    /** Address of the chart's repository, so that no `helm repo add` is needed first. @default none */
    repository: z.url().optional(),
    version: text,
    namespace: word,
    /** The values file. */
    file: distFile,
    insteadOf: insteadOf.optional(),
    /**
     * Custom kinds that the chart registers, as `<plural>.<group>`, and that others may make objects of: while there are
     * any of theirs a teardown keeps the release. @default none
     */
    registers: z.array(word.regex(/^[a-z][a-z0-9]*(\.[a-z0-9][-a-z0-9]*)+$/)).optional(),
    wait: z.array(ready),
  }),
  /** One port of a Service, over UDP and over TCP, has this node port. Other ports keep theirs. */
  'node-port': z.strictObject({
    ...common,
    kind: z.literal('node-port'),
    context: contextName,
    namespace: word,
    service: word,
    port,
    nodePort: port,
    /**
     * Delete the Service and create it with its node port, and never update it: an API server before 1.9 refuses to share
     * a node port in an update, and ends at any update of a Service that shares one.
     *
     * @default patch it
     */
    recreate: z.literal(true).optional(),
  }),
  /** The federation's control plane runs in the host cluster, and the kubeconfig has its context. */
  'kubefed-init': z.strictObject({
    ...common,
    kind: z.literal('kubefed-init'),
    /** The host cluster's. */
    context: contextName,
    federation: word,
    namespace: word,
    zone: text,
    /** The DNS provider's configuration. */
    file: distFile,
    advertiseAddress: ipv4,
    persistentStorage: z.boolean(),
    image: text.optional(),
    /** Image of the control plane's own etcd. */
    etcdImage: text.optional(),
  }),
  /** The cluster is a member of the federation, and Ready. */
  'kubefed-join': z.strictObject({
    ...common,
    kind: z.literal('kubefed-join'),
    /** The member's. */
    context: contextName,
    federation: word,
    hostContext: contextName,
    /** Name of the Secret in the host cluster; without it each try would leave another behind. */
    secretName: text,
  }),
  /** A Service has an address out of the cluster's range. */
  'service-address': z.strictObject({
    ...common,
    kind: z.literal('service-address'),
    context: contextName,
    namespace: word,
    service: word,
    first: ipv4,
    last: ipv4,
  }),
  /** A name is answered by the federation's CoreDNS with the address that the cluster gave the Service. */
  'dns-check': z.strictObject({
    ...common,
    kind: z.literal('dns-check'),
    context: contextName,
    namespace: word,
    service: word,
    name: text,
    server: text,
    /** Whether other clusters' addresses may be in the answer too: the name is not this cluster's alone. @default false */
    among: z.literal(true).optional(),
    /** Image of the pod from which `verify` asks as a workload would. */
    image: text,
  }),
} as const;

export type StepKind = keyof typeof stepSchemas;
/** A step without its commands: what a component declares. */
export type StepOf<K extends StepKind> = z.infer<(typeof stepSchemas)[K]>;
export type Step = { [K in StepKind]: StepOf<K> }[StepKind];

/** Checks one step of a known kind. */
export const stepSchema = z.discriminatedUnion('kind', [
  stepSchemas['label-nodes'],
  stepSchemas.apply,
  stepSchemas.create,
  stepSchemas['stub-domain'],
  stepSchemas.corefile,
  stepSchemas['dnsmasq-argument'],
  stepSchemas.announcement,
  stepSchemas['controller-manager-flag'],
  stepSchemas['helm-init'],
  stepSchemas['helm-release'],
  stepSchemas['node-port'],
  stepSchemas['kubefed-init'],
  stepSchemas['kubefed-join'],
  stepSchemas['service-address'],
  stepSchemas['dns-check'],
]);
