/** From a context in the kubeconfig to the API server that answers there, with everything that can go wrong on the way. */
import * as net from 'node:net';
import * as semver from 'semver';
import type { Call } from './call';
import { helmUnreachable } from './faults';
import { type Dict, text, unbase64 } from './json';
import { Kubeconfig, KubeconfigError } from './kubeconfig';
import { ApiServer } from './objects';
import type { ClusterState, Invocation } from './types';
import type { World } from './world';

export interface Target {
  readonly api: ApiServer;
  readonly cluster: ClusterState;
  readonly contextName: string;
  /** The context's own namespace. */
  readonly namespace: string;
  readonly server: string;
  /** The kubeconfig's name of the user. */
  readonly userName: string;
}

export interface Aim {
  readonly context?: string;
  readonly kubeconfig?: string;
  /** `--cluster`: another entry than the context's. */
  readonly cluster?: string;
}

/** `host:port` of a server URL. */
export function hostPort(server: string): string {
  const bare = server.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return bare.includes(':') ? bare : `${bare}:443`;
}

export function kubeconfigFor(call: Call, explicit?: string): Kubeconfig {
  const { kubeconfig, home, cwd } = call.invocation;
  return Kubeconfig.open({ explicit, variable: kubeconfig, home, cwd });
}

/** The cluster whose API server is at an address. */
export function clusterAt(world: World, server: string): ClusterState | undefined {
  return Object.values(world.state.clusters).find((cluster) => hostPort(cluster.server) === hostPort(server));
}

function credentialsFit(user: Dict | undefined, cluster: ClusterState): boolean {
  if (user === undefined) return false;
  if (user.token !== undefined || user.username !== undefined || user.exec !== undefined) return true;
  return unbase64(text(user['client-certificate-data'])).includes(cluster.ca);
}

function unknownContext(world: World, call: Call, name: string): string {
  if (call.program === 'helm') {
    const prefix =
      helmUnreachable(world.helmVersion) ?? `Error: could not get Kubernetes config for context "${name}": `;
    return `${prefix}context "${name}" does not exist`;
  }
  const release = semver.coerce(world.options.kubectlVersion ?? '1.7.3')?.version ?? '1.7.3';
  const modern = call.program === 'kubectl' && call.discovers && semver.gte(release, '1.12.0');
  return modern
    ? `Error in configuration: context was not found for specified context: ${name}`
    : `error: context "${name}" does not exist`;
}

/** Where a context leads, as the kubeconfig said when it was read. */
export interface Destination {
  readonly contextName: string;
  /** The context's own namespace. */
  readonly namespace: string;
  readonly server: string;
  /** Absent where the context names a cluster that the kubeconfig does not have. */
  readonly entry?: Dict;
  readonly userName: string;
  readonly user?: Dict;
}

/** Reads where the given context leads; ends the call as the real program would where there is no such context. */
export function destination(world: World, call: Call, aimed: Aim = {}): Destination {
  const kubeconfig = kubeconfigFor(call, aimed.kubeconfig);
  const missing = aimed.kubeconfig === undefined ? undefined : kubeconfig.missing();
  if (missing !== undefined) call.fail(`error: stat ${aimed.kubeconfig ?? missing}: no such file or directory`);
  const contextName = aimed.context ?? kubeconfig.currentContext;
  const context = kubeconfig.entry('contexts', contextName);
  if (context === undefined && (aimed.context !== undefined || contextName !== '')) {
    call.fail(unknownContext(world, call, contextName));
  }
  const entry = kubeconfig.entry('clusters', aimed.cluster ?? text(context?.cluster));
  if (entry === undefined && aimed.cluster !== undefined) call.fail(`error: cluster "${aimed.cluster}" does not exist`);
  return {
    contextName,
    namespace: text(context?.namespace, 'default'),
    server: entry === undefined ? 'localhost:8080' : hostPort(text(entry.server)),
    entry,
    userName: text(context?.user),
    user: kubeconfig.entry('users', text(context?.user)),
  };
}

/** The API server that answers there; ends the call as the real program would where none does. */
export function dial(world: World, call: Call, to: Destination): Target {
  const { server, entry, user, userName, contextName, namespace } = to;
  call.server = server;
  if (entry === undefined) call.strike('refused', server);
  const cluster = clusterAt(world, server);
  if (cluster === undefined) {
    const host = server.replace(/:\d+$/, '');
    if (net.isIP(host) === 0 && host !== 'localhost') call.strike('no-host', server);
    call.strike(inReach(world, server) ? 'refused' : 'timeout', server);
  }
  // A kubefed talks to several; its line in the log names the host.
  if (call.program !== 'kubefed') call.record.cluster = cluster.name;
  if (!cluster.online) call.strike('refused', server);
  const trusts =
    entry['insecure-skip-tls-verify'] === true || unbase64(text(entry['certificate-authority-data'])) === cluster.ca;
  if (!trusts) call.strike('authority', server);
  if (!credentialsFit(user, cluster)) call.refuse(401);
  return { api: new ApiServer(cluster, world), cluster, contextName, namespace, server, userName };
}

/** The API server that the given context leads to. */
export function connect(world: World, call: Call, aimed: Aim = {}): Target {
  return dial(world, call, destination(world, call, aimed));
}

/** Whether a machine is there at all: those of the clusters' own net refuse, anything else is silence. */
function inReach(world: World, server: string): boolean {
  const start = (address: string): string => address.split('.').slice(0, 2).join('.');
  return Object.values(world.state.clusters).some((cluster) => start(hostPort(cluster.server)) === start(server));
}

export function nodeAddresses(cluster: ClusterState): string[] {
  return Object.values(cluster.objects.nodes ?? {}).flatMap((node) => {
    const addresses = (node.status as Dict | undefined)?.addresses;
    return Array.isArray(addresses)
      ? addresses.flatMap((entry) => {
          const { type, address } = entry as Dict;
          return type === 'Hostname' ? [] : [text(address)];
        })
      : [];
  });
}

function flagValue(argv: readonly string[], ...names: readonly string[]): string | undefined {
  for (const [index, word] of argv.entries()) {
    if (word === '--') return undefined;
    for (const name of names) {
      if (word === name) return argv[index + 1];
      if (word.startsWith(`${name}=`)) return word.slice(name.length + 1);
    }
  }
  return undefined;
}

/** The address that a call goes to, and the cluster's name. */
export interface Aimed {
  readonly server?: string;
  readonly cluster?: string;
}

/** Where a call goes, before it runs: rules match on it, and faults name it. */
export function aim(world: World, invocation: Invocation): Aimed {
  try {
    return aimed(world, invocation);
  } catch (error) {
    // The call itself will say so.
    if (error instanceof KubeconfigError) return {};
    throw error;
  }
}

function aimed(world: World, invocation: Invocation): Aimed {
  const { argv, home, cwd, kubeconfig: variable } = invocation;
  const context = flagValue(argv, '--host-cluster-context', '--kube-context', '--context');
  const kubeconfig = Kubeconfig.open({ explicit: flagValue(argv, '--kubeconfig'), variable, home, cwd });
  const name = context ?? kubeconfig.currentContext;
  const entry = kubeconfig.entry('clusters', text(kubeconfig.entry('contexts', name)?.cluster));
  const server = text(entry?.server);
  return server === '' ? {} : { server: hostPort(server), cluster: clusterAt(world, server)?.name };
}
