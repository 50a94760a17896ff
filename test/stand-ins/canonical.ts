/** One state in a form in which two runs can be compared. */
import { load } from 'js-yaml';
import { type Dict, type Json, type KubeObject, isDict, sorted, text, unbase64 } from './json';
import type { WorldState } from './types';

/** Counters and clocks that every write moves; they say nothing of what stands. */
const DROPPED = new Set([
  'resourceVersion',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'generation',
  'observedGeneration',
  'templateGeneration',
  'selfLink',
  'time',
  'lastTransitionTime',
  'lastUpdateTime',
  'lastProbeTime',
  'lastHeartbeatTime',
  'startTime',
  'MODIFIED_AT',
  'CREATED_AT',
  'modifiedAt',
  'createdAt',
  'deployed',
]);

/** What helm notes of a release, out of base64, which Secrets have once more around it; undefined where it is none. */
function release(value: Json | undefined): Json | undefined {
  if (typeof value !== 'string') return undefined;
  const inner = unbase64(value);
  const note = inner.startsWith('{') ? inner : unbase64(inner);
  return note.startsWith('{') ? (JSON.parse(note) as Json) : undefined;
}

/** Pods get their addresses from here, by their random names. */
const POD_ADDRESS = /\b10\.244\.\d+\.\d+\b/g;
const UID = /[0-9a-f]{8}-0000-4000-8000-[0-9a-f]{12}/g;

function strip(value: Json | undefined, canonicalText: (value: string) => string): Json {
  if (typeof value === 'string') return canonicalText(value);
  if (Array.isArray(value)) return value.map((item) => strip(item, canonicalText));
  if (!isDict(value)) return value ?? null;
  const result: Dict = {};
  for (const [key, item] of Object.entries(value)) {
    const told = key === 'release' ? (release(item) ?? item) : item;
    if (told !== undefined && !DROPPED.has(key)) result[canonicalText(key)] = strip(told, canonicalText);
  }
  return result;
}

export function canonical(state: WorldState, kubeconfig: string): Dict {
  const known = Object.keys(state.randomTexts).sort((a, b) => b.length - a.length);
  const escaped = known.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const random = escaped.length > 0 ? new RegExp(escaped.join('|'), 'g') : undefined;
  const memo = new Map<string, string>();
  const canonicalText = (value: string): string => {
    // Short words are never random; most of a state is short words.
    if (value.length < 6) return value;
    const before = memo.get(value);
    if (before !== undefined) return before;
    const named = random === undefined ? value : value.replace(random, (found) => state.randomTexts[found] ?? found);
    const result = named.replace(UID, '<uid>').replace(POD_ADDRESS, '<pod address>');
    memo.set(value, result);
    return result;
  };
  const clusters: Dict = {};
  for (const cluster of Object.values(state.clusters)) {
    const shelves: Dict = {};
    for (const [key, shelf] of Object.entries(cluster.objects)) {
      const objects: Dict = {};
      const stripped = Object.values(shelf)
        .map((object: KubeObject) => {
          const name =
            object.metadata.namespace === undefined
              ? object.metadata.name
              : `${object.metadata.namespace}/${object.metadata.name}`;
          return { name: canonicalText(name), object: sorted(strip(object, canonicalText)) };
        })
        .sort((a, b) => {
          const [left, right] = [a.name + JSON.stringify(a.object), b.name + JSON.stringify(b.object)];
          return left < right ? -1 : left > right ? 1 : 0;
        });
      for (const { name, object } of stripped) {
        let free = name;
        for (let count = 2; objects[free] !== undefined; count += 1) free = `${name} (${count})`;
        objects[free] = object;
      }
      if (Object.keys(objects).length > 0) shelves[key] = objects;
    }
    clusters[cluster.name] = {
      server: cluster.server,
      version: cluster.version,
      online: cluster.online,
      objects: sorted(shelves),
      etcd: sorted(cluster.etcd),
    };
  }
  const federation = state.federation;
  const config = JSON.parse(JSON.stringify(load(kubeconfig) ?? {})) as Dict;
  const entries = (section: string): Json => {
    const items = Array.isArray(config[section]) ? [...config[section]] : [];
    items.sort((a, b) => (text(isDict(a) ? a.name : '') < text(isDict(b) ? b.name : '') ? -1 : 1));
    return items.map((item) => sorted(strip(item, canonicalText)));
  };
  return {
    clusters: sorted(clusters),
    federation:
      federation === undefined
        ? null
        : { name: federation.name, host: federation.host, blocked: federation.blockedPod !== undefined },
    kubeconfig: {
      clusters: entries('clusters'),
      contexts: entries('contexts'),
      users: entries('users'),
      'current-context': config['current-context'] ?? '',
    },
    helmHomes: sorted(strip(state.helmHomes as unknown as Json, canonicalText)),
  };
}
