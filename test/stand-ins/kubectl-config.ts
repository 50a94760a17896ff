/** kubectl config and auth. */
import { dump } from 'js-yaml';
import { at, list, text } from './json';
import type { Kubeconfig, Section } from './kubeconfig';
import { type Session, manifests, typeFor } from './kubectl-common';
import { typeOfKind } from './resources';
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
      let view = config.view(flags.bool('raw'));
      if (flags.bool('minify')) {
        const context = flags.value('context') ?? config.currentContext;
        const entry = config.entry('contexts', context);
        if (entry === undefined) s.call.fail(`error: context "${context}" does not exist`);
        const keep = (section: Section, wanted: string): void => {
          view = { ...view, [section]: list(view[section]).filter((item) => at(item, 'name') === wanted) };
        };
        keep('contexts', context);
        keep('clusters', text(entry.cluster));
        keep('users', text(entry.user));
        view['current-context'] = context;
      }
      call.out(flags.value('output') === 'json' ? `${JSON.stringify(view, null, 4)}\n` : dump(view));
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
        if (!flags.bool('no-headers')) call.out('CURRENT   NAME   CLUSTER   AUTHINFO   NAMESPACE\n');
        for (const entry of chosen) {
          const mark = entry.name === config.currentContext ? '*' : ' ';
          call.out(
            `${mark}         ${entry.name}   ${text(entry.value.cluster)}   ${text(entry.value.user)}   ${text(entry.value.namespace)}\n`,
          );
        }
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
  return s.call.fail(`error: unknown command "config ${action}"`);
}

/** `auth can-i VERB RESOURCE`: `yes` or `no`, and the exit code says the same. */
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
  const plural = resource === '*' || resource.startsWith('/') || resource === '' ? resource : resourceName(s, resource);
  const namespace = flags.bool('all-namespaces') ? undefined : s.namespace();
  const allowed = everything
    ? !world.state.denied.some((denial) => (denial.cluster ?? cluster.name) === cluster.name)
    : world.allowed(cluster.name, verb, plural, namespace);
  if (!flags.bool('quiet')) call.out(`${allowed ? 'yes' : 'no'}\n`);
  return allowed ? 0 : 1;
}

function resourceName(s: Session, word: string): string {
  try {
    return typeFor(s, word).type.plural;
  } catch {
    // The real one only warns of a type that the server does not have.
    s.call.err(`Warning: the server doesn't have a resource type '${word}'\n`);
    return word.split('.')[0] ?? word;
  }
}

/** Reviews that `create -f` sends: each answered, one after another, and never stored. */
export function review(s: Session): boolean {
  const objects = manifests(s).map(({ object }) => object);
  if (!/^SelfSubject(Access|Rules)Review$/.test(objects[0]?.kind ?? '')) return false;
  const { cluster } = s.target();
  // Of a version that is not served (rules reviews came with 1.8): whoever creates it finds out.
  if (objects.some(({ apiVersion, kind }) => typeOfKind(cluster, apiVersion, kind) === undefined)) return false;
  for (const object of objects) {
    s.call.out(`${JSON.stringify({ ...object, status: reviewed(s.world, cluster.name, object) }, null, 4)}\n`);
  }
  return true;
}
