/** Every difference between what was rendered and what a program was started with, for the log and the report. */
import * as fs from 'node:fs';

/** The rules by which anything is changed; there are no others. */
export const RULES = {
  'mount path':
    'a path under a volumeMount becomes the private folder that holds that volume; /tmp is a private folder, named by TMPDIR',
  'cluster name':
    '<pod>.<service>.<namespace>.svc and <service>.<namespace>.svc (also with .cluster.local; in URLs also the short ' +
    'forms of Services that exist) become the loopback address of that pod or Service; the port stays',
  'pod address':
    'status.podIP becomes the loopback address of the pod, status.hostIP the loopback address of the nodes',
  'own localhost':
    'in URLs and in configuration: 0.0.0.0, [::], 127.0.0.1 and localhost become the loopback address of the pod; not so ' +
    'with a port from 30000 to 32767, which is a NodePort of the nodes',
  'listen address': 'where a program would listen on every address of the machine, it is given the address of its pod',
  port: 'a port that a program can only open on every address of the machine becomes a free one of its own',
  'fixed path':
    'a folder that a program looks into without being told becomes the private folder that holds that volume',
  'service account':
    'in place of the files in /var/run/secrets/kubernetes.io/serviceaccount (which the pod asks for, and which are written ' +
    'to the private folder) a kubeconfig that leads to them, found by HOME and KUBECONFIG, and the namespace in the environment',
  'one webhook port':
    "MetalLB's webhook can only listen on port 9443 of every address, so only one cluster's can run it",
  'name servers': '/etc/resolv.conf becomes one without a reachable server: nothing may leave the machine',
} as const;

/** The name of a rule. */
export type Rule = keyof typeof RULES;

/** One change. */
export interface Change {
  /** `<cluster>/<namespace>/<pod>/<container>`. */
  readonly container: string;
  /** Such as `argument --metrics-address`, `environment ETCD_URLS`, `file /etc/coredns/Corefile`. */
  readonly where: string;
  readonly rule: Rule;
  /** What was rendered; nothing where something was added. */
  readonly from?: string;
  /** What the program got. */
  readonly to: string;
}

/** Collects changes; each counts once. */
export class ChangeLog {
  private readonly seen = new Map<string, Change>();

  /** @param file the log, a line a change */
  constructor(private readonly file: string) {}

  /** Notes a change. */
  add(change: Change): void {
    const line = describeChange(change);
    if (this.seen.has(line)) return;
    this.seen.set(line, change);
    fs.appendFileSync(this.file, `${line}\n`);
  }

  /** All changes so far, in order. */
  get all(): readonly Change[] {
    return [...this.seen.values()];
  }
}

/** One line for a log. */
export function describeChange({ container, where, rule, from, to }: Change): string {
  return `${container}: ${where}: ${from === undefined ? `added ${to}` : `${from} -> ${to}`} (${rule})`;
}
