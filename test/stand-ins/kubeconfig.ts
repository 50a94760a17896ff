/** Kubeconfig files on disk, read and written as client-go does: several files merge, each entry stays in its file. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { dump, load } from 'js-yaml';
import { type Dict, type Json, at, clone, dict, isDict, list, same, text } from './json';

export type Section = 'clusters' | 'users' | 'contexts';

const FIELD: Readonly<Record<Section, string>> = { clusters: 'cluster', users: 'user', contexts: 'context' };

/** A file that is no kubeconfig. */
export class KubeconfigError extends Error {}

const parsed = new Map<string, { content: string; document: Dict }>();

function toDict(value: unknown): Dict {
  const plain: unknown = JSON.parse(JSON.stringify(value ?? {}));
  return isDict(plain) ? plain : {};
}

/** The document of a file, read anew only where its text changed. */
function read(file: string): Dict | undefined {
  let content: string;
  try {
    content = fs.readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  const known = parsed.get(file);
  if (known?.content === content) return known.document;
  let document: Dict;
  try {
    document = toDict(load(content));
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw new KubeconfigError(`error loading config file "${file}": yaml: ${why}`);
  }
  parsed.set(file, { content, document });
  return document;
}

export class Kubeconfig {
  private constructor(private readonly files: readonly string[]) {}

  /** From `--kubeconfig`, else from KUBECONFIG, else below HOME. */
  static open(options: { explicit?: string; variable: string; home: string; cwd: string }): Kubeconfig {
    const { explicit, variable, home, cwd } = options;
    const named =
      explicit !== undefined && explicit !== ''
        ? [explicit]
        : variable !== ''
          ? variable.split(':').filter((file) => file !== '')
          : [path.join(home, '.kube', 'config')];
    return new Kubeconfig(named.map((file) => path.resolve(cwd, file)));
  }

  /** The first explicit file that is not there, for kubectl's complaint. */
  missing(): string | undefined {
    return this.files.find((file) => read(file) === undefined);
  }

  entries(section: Section): { readonly name: string; readonly value: Dict; readonly file: string }[] {
    const found = new Map<string, { name: string; value: Dict; file: string }>();
    for (const file of this.files) {
      for (const entry of list(read(file)?.[section])) {
        const name = text(at(entry, 'name'));
        if (!found.has(name)) found.set(name, { name, value: dict(at(entry, FIELD[section])), file });
      }
    }
    return [...found.values()];
  }

  entry(section: Section, name: string): Dict | undefined {
    return this.entries(section).find((entry) => entry.name === name)?.value;
  }

  get currentContext(): string {
    for (const file of this.files) {
      const current = text(read(file)?.['current-context']);
      if (current !== '') return current;
    }
    return '';
  }

  /** The merged document as `config view` shows it. */
  view(raw: boolean): Dict {
    const section = (name: Section): Json =>
      this.entries(name)
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map(({ name: entry, value }) => {
          const shown = clone(value);
          if (!raw) {
            for (const key of [
              'certificate-authority-data',
              'client-certificate-data',
              'client-key-data',
              'token',
              'password',
            ]) {
              if (shown[key] !== undefined) shown[key] = 'REDACTED';
            }
          }
          return { name: entry, [FIELD[name]]: shown };
        });
    return {
      kind: 'Config',
      apiVersion: 'v1',
      preferences: {},
      clusters: section('clusters'),
      users: section('users'),
      contexts: section('contexts'),
      'current-context': this.currentContext,
    };
  }

  private defaultFile(): string {
    return this.files.find((file) => fs.existsSync(file)) ?? this.files[this.files.length - 1] ?? '';
  }

  /** Writes a file the way kubectl does; false where nothing differs. A lock file that was left behind is an error. */
  private change(file: string, change: (document: Dict) => void): boolean {
    const before = read(file) ?? {};
    const document = clone(before);
    change(document);
    if (same(before, document)) return false;
    if (fs.existsSync(`${file}.lock`)) throw new Error(`open ${file}.lock: file exists`);
    const ordered: Dict = {
      apiVersion: 'v1',
      clusters: document.clusters ?? [],
      contexts: document.contexts ?? [],
      'current-context': document['current-context'] ?? '',
      kind: 'Config',
      preferences: document.preferences ?? {},
      users: document.users ?? [],
    };
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, dump(ordered), { mode: 0o600 });
    return true;
  }

  set(section: Section, name: string, value: Dict): boolean {
    const file = this.entries(section).find((entry) => entry.name === name)?.file ?? this.defaultFile();
    return this.change(file, (document) => {
      const items = list(document[section]).filter((entry) => at(entry, 'name') !== name);
      document[section] = [...items, { name, [FIELD[section]]: value }];
    });
  }

  remove(section: Section, name: string): boolean {
    const file = this.entries(section).find((entry) => entry.name === name)?.file;
    if (file === undefined) return false;
    return this.change(file, (document) => {
      document[section] = list(document[section]).filter((entry) => at(entry, 'name') !== name);
    });
  }

  use(context: string): boolean {
    const holder = this.files.find((file) => text(read(file)?.['current-context']) !== '') ?? this.defaultFile();
    return this.change(holder, (document) => {
      document['current-context'] = context;
    });
  }

  /** The file that holds an entry, for messages. */
  fileOf(section: Section, name: string): string {
    return this.entries(section).find((entry) => entry.name === name)?.file ?? this.defaultFile();
  }
}
