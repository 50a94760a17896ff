/** kubectl config and auth. */
import { dump } from 'js-yaml';
import { type Dict, type Json, at, list, sorted, text } from './json';
import type { Kubeconfig, Section } from './kubeconfig';
import { type Item, type Session, permitted, print, report } from './kubectl-common';
import { aligned } from './kubectl-table';
import { groupOf, typeOfWord } from './resources';
import { reviewed } from './rest';
import { kubeconfigFor } from './target';

function write(s: Session, effect: string, change: () => boolean): Promise<boolean> {
  return s.call.write(() => {
    try {
      const changed = change();
      if (changed) s.world.changedFile(effect);
      return changed;
    } catch (error) {
      s.call.fail(`error: ${error instanceof Error ? error.message : String(error)}`);
    }
  });
}

async function remove(s: Session, config: Kubeconfig, section: Section, name: string): Promise<number> {
  const word = section === 'contexts' ? 'context' : section === 'clusters' ? 'cluster' : 'user';
  const file = config.fileOf(section, name);
  if (config.entry(section, name) === undefined) s.call.fail(`error: cannot delete ${word} ${name}, not in ${file}`);
  const current = section === 'contexts' && config.currentContext === name;
  await write(s, `delete kubeconfig ${section} ${name}`, () => config.remove(section, name));
  if (current)
    s.call.err(
      'warning: this removed your active context, use "kubectl config use-context" to select a different one\n',
    );
  s.call.out(`deleted ${word} ${name} from ${file}\n`);
  return 0;
}

export async function configCommand(s: Session): Promise<number> {
  const { call, flags } = s;
  const config = kubeconfigFor(call, flags.value('kubeconfig'));
  const [action = '', name = '', value] = flags.args;
  switch (action) {
    case 'view': {
      const view = config.view(flags.bool('raw'));
      // Newer ones leave out what is empty.
      if (s.atLeast('1.34.0')) delete view.preferences;
      const whole = flags.bool('minify') ? minified(s, config, view) : view;
      call.out(
        flags.value('output') === 'json'
          ? `${JSON.stringify(whole, null, 4)}\n`
          : dump(sorted(whole), { seqNoIndent: true }),
      );
      return 0;
    }
    case 'current-context':
      if (config.currentContext === '') s.call.fail('error: current-context is not set');
      call.out(`${config.currentContext}\n`);
      return 0;
    case 'use-context':
    case 'use':
      if (config.entry('contexts', name) === undefined)
        s.call.fail(`error: no context exists with the name: "${name}"${s.atLeast('1.20.0') ? '' : '.'}`);
      await write(s, `kubeconfig current-context ${name}`, () => config.use(name));
      call.out(`Switched to context "${name}".\n`);
      return 0;
    case 'get-contexts': {
      const entries = config.entries('contexts').sort((a, b) => (a.name < b.name ? -1 : 1));
      if (name !== '' && !entries.some((entry) => entry.name === name)) s.call.fail(`error: context ${name} not found`);
      const chosen = name === '' ? entries : entries.filter((entry) => entry.name === name);
      if (flags.value('output') === 'name') for (const entry of chosen) call.out(`${entry.name}\n`);
      else {
        const rows = chosen.map((entry) => [
          entry.name === config.currentContext ? '*' : '',
          entry.name,
          text(entry.value.cluster),
          text(entry.value.user),
          text(entry.value.namespace),
        ]);
        const head = ['CURRENT', 'NAME', 'CLUSTER', 'AUTHINFO', 'NAMESPACE'];
        call.out(aligned(flags.bool('no-headers') ? rows : [head, ...rows]));
      }
      return 0;
    }
    case 'get-clusters':
      call.out('NAME\n');
      for (const entry of config.entries('clusters')) call.out(`${entry.name}\n`);
      return 0;
    case 'delete-context':
      return remove(s, config, 'contexts', name);
    case 'delete-cluster':
      return remove(s, config, 'clusters', name);
    case 'delete-user':
      if (!s.atLeast('1.20.0')) break;
      return remove(s, config, 'users', name);
    case 'unset': {
      const [section = '', ...rest] = name.split('.');
      const entry = rest.join('.');
      if (section === 'current-context') {
        await write(s, 'kubeconfig unset current-context', () => config.use(''));
      } else if (section === 'users' || section === 'clusters' || section === 'contexts') {
        if (entry !== '') await write(s, `delete kubeconfig ${section} ${entry}`, () => config.remove(section, entry));
      } else s.call.fail(`error: invalid path: ${name}`);
      call.out(`Property "${name}" unset.\n`);
      return 0;
    }
    case 'set-context': {
      const before = config.entry('contexts', name) ?? {};
      const entry = { ...before };
      for (const [flag, field] of [
        ['cluster', 'cluster'],
        ['user', 'user'],
        ['namespace', 'namespace'],
      ] as const) {
        const given = flags.value(flag);
        if (given !== undefined) entry[field] = given;
      }
      const known = Object.keys(before).length > 0;
      await write(s, `set kubeconfig contexts ${name}`, () => config.set('contexts', name, entry));
      call.out(`Context "${name}" ${known ? 'modified' : 'created'}.\n`);
      return 0;
    }
    case 'set': {
      if (name === 'current-context') {
        await write(s, `kubeconfig current-context ${value ?? ''}`, () => config.use(value ?? ''));
        call.out(`Property "${name}" set.\n`);
        return 0;
      }
      break;
    }
    default:
  }
  return s.call.fail(
    `error: unknown command "${flags.args.join(' ')}"\nSee 'kubectl config -h' for help and examples.`,
  );
}

/** Of a configuration only what one context needs. Up to 1.11 that is the current one, whatever `--context` says. */
function minified(s: Session, config: Kubeconfig, view: Dict): Dict {
  const asked = s.atLeast('1.12.0') ? s.flags.value('context') : undefined;
  const name = asked ?? config.currentContext;
  const context = config.entry('contexts', name);
  if (context === undefined) s.call.fail(`error: cannot locate context ${name}`);
  const keep = (section: Section, wanted: string): Json =>
    list(view[section]).filter((item) => at(item, 'name') === wanted);
  const [cluster, user] = [text(context.cluster), text(context.user)];
  for (const [section, entry, word] of [
    ['clusters', cluster, 'cluster'],
    ['users', user, 'user'],
  ] as const) {
    if (config.entry(section, entry) === undefined) s.call.fail(`error: cannot locate ${word} ${entry}`);
  }
  return {
    ...view,
    clusters: keep('clusters', cluster),
    users: keep('users', user),
    contexts: keep('contexts', name),
    'current-context': name,
  };
}

/** `auth can-i VERB RESOURCE`: `yes` or `no`; up to 1.9 a no is no failure, unless it is to be quiet. */
export function canICommand(s: Session): number {
  const { call, flags, world } = s;
  const [action, verb = '', word = ''] = flags.args;
  if (action === 'can-i' && word === '') {
    s.call.fail('error: you must specify two or three arguments: verb, resource, and optional resourceName');
  }
  if (action !== 'can-i') s.call.fail(`error: unknown command "auth ${action ?? ''}"`);
  const { cluster } = s.target();
  if (cluster.type === 'federation') {
    s.call.fail(
      `error: the server doesn't have a resource type "selfsubjectaccessreviews" in group "authorization.k8s.io"`,
    );
  }
  const [resource = ''] = word.split('/');
  const everything = resource === '*' || verb === '*';
  const { plural, group } =
    resource === '*' || resource.startsWith('/') || resource === ''
      ? { plural: resource, group: '' }
      : resourceName(s, resource);
  const namespace = flags.bool('all-namespaces') ? undefined : s.namespace();
  const allowed =
    everything && flags.value('as') === undefined
      ? !world.state.denied.some((denial) => (denial.cluster ?? cluster.name) === cluster.name)
      : permitted(s, verb, { plural }, group, namespace);
  if (!flags.bool('quiet')) call.out(`${allowed ? 'yes' : 'no'}\n`);
  return allowed || (!flags.bool('quiet') && !s.atLeast('1.10.0')) ? 0 : 1;
}

function resourceName(s: Session, word: string): { readonly plural: string; readonly group: string } {
  const found = typeOfWord(s.target().cluster, word);
  if (found !== undefined) return { plural: found.type.plural, group: groupOf(found.version) };
  const [plural = word, ...rest] = word.split('.');
  const group = rest.join('.');
  // The real one only warns of a type that the server does not have.
  const where = group === '' ? '' : ` in group '${group}'`;
  s.call.err(
    `Warning: the server doesn't have a resource type '${plural}'${where}\n${s.atLeast('1.25.0') ? '\n' : ''}`,
  );
  return { plural, group };
}

/** A review that `create -f` sends: it is answered and never stored. False where the manifest is none. */
export function review(s: Session, item: Item): boolean {
  const { manifest } = item;
  if (manifest === undefined || !/^SelfSubject(Access|Rules)Review$/.test(manifest.kind)) return false;
  const { api } = s.target();
  const { name, ...metadata } = manifest.metadata;
  const answer: Dict = {
    apiVersion: manifest.apiVersion,
    kind: manifest.kind,
    metadata: {
      ...metadata,
      ...(name === '' ? {} : { name }),
      ...(api.atLeast('1.34.0') ? {} : { creationTimestamp: null }),
    },
    spec: withoutEmpty(manifest.spec ?? {}),
    status: reviewed(s.world, api, s.flags.value('as'), manifest),
  };
  const output = s.flags.value('output');
  if (output === 'json' || output === 'yaml') print(s, answer, output);
  else report(s, { ...item, name: '<unknown>' }, undefined, 'created');
  return true;
}

/** The server answers no empty texts. */
function withoutEmpty(value: Json): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== '' && item !== undefined);
  return Object.fromEntries(entries.map(([key, item]) => [key, withoutEmpty(item ?? null)]));
}
