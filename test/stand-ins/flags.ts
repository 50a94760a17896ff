/** Command-line flags as the Go programs read them: `--flag=value`, `--flag value`, `-f value`, `-fvalue`, `-it`. */
import * as semver from 'semver';

export interface FlagSpec {
  /** `optional`: takes a value only after `=`. */
  readonly kind: 'bool' | 'value' | 'list' | 'optional';
  readonly short?: string;
  /** First version of the client that knows it. */
  readonly since?: string;
  /** First version of the client that does not know it any more. */
  readonly until?: string;
  /** What the client says on stderr where it is given, behind `Flag --x has been deprecated, `. */
  readonly deprecated?: string;
}

export type FlagSpecs = Readonly<Record<string, FlagSpec>>;

/** The message has no prefix; each program words it in its own way. */
export class UsageError extends Error {}

export class Flags {
  constructor(
    private readonly values: ReadonlyMap<string, readonly string[]>,
    /** What is no flag. */
    readonly args: readonly string[],
    /** What stands after `--`. */
    readonly rest: readonly string[],
  ) {}

  has(name: string): boolean {
    return this.values.has(name);
  }

  /** The last value given. */
  value(name: string): string | undefined {
    return this.values.get(name)?.at(-1);
  }

  all(name: string): readonly string[] {
    return this.values.get(name) ?? [];
  }

  /** All values of a flag that takes lists, commas split. */
  items(name: string): string[] {
    return this.all(name).flatMap((value) => value.split(','));
  }

  bool(name: string, otherwise = false): boolean {
    const value = this.value(name);
    return value === undefined ? otherwise : value === 'true' || value === '1' || value === 't';
  }
}

/** Whether a client of a version knows a flag. */
export function isKnown(spec: FlagSpec | undefined, version: string): spec is FlagSpec {
  const release = semver.coerce(version)?.version ?? '1.7.3';
  return (
    spec !== undefined &&
    (spec.since === undefined || semver.gte(release, spec.since)) &&
    (spec.until === undefined || semver.lt(release, spec.until))
  );
}

export function parseFlags(argv: readonly string[], specs: FlagSpecs, version: string): Flags {
  const known = (spec: FlagSpec | undefined): spec is FlagSpec => isKnown(spec, version);
  const values = new Map<string, string[]>();
  const args: string[] = [];
  const add = (name: string, value: string): void => {
    values.set(name, [...(values.get(name) ?? []), value]);
  };
  const byShort = new Map(
    Object.entries(specs).flatMap(([name, spec]) => (spec.short === undefined ? [] : [[spec.short, name]])),
  );
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (word === '--') return new Flags(values, args, argv.slice(index + 1));
    if (word.startsWith('--')) {
      const equals = word.indexOf('=');
      const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
      const spec = specs[name];
      if (!known(spec)) throw new UsageError(`unknown flag: --${name}`);
      if (equals >= 0) add(name, word.slice(equals + 1));
      else if (spec.kind === 'bool' || spec.kind === 'optional') add(name, 'true');
      else {
        index += 1;
        const value = argv[index];
        if (value === undefined) throw new UsageError(`flag needs an argument: --${name}`);
        add(name, value);
      }
    } else if (word.startsWith('-') && word.length > 1) {
      for (let place = 1; place < word.length; place += 1) {
        const letter = word[place] ?? '';
        const name = byShort.get(letter);
        const spec = name === undefined ? undefined : specs[name];
        if (name === undefined || !known(spec)) {
          throw new UsageError(`unknown shorthand flag: '${letter}' in ${word}`);
        }
        if (spec.kind === 'bool') {
          add(name, 'true');
          continue;
        }
        let value: string | undefined = word.slice(place + 1).replace(/^=/, '');
        if (value === '') {
          index += 1;
          value = argv[index];
        }
        if (value === undefined) throw new UsageError(`flag needs an argument: '${letter}' in ${word}`);
        add(name, value);
        break;
      }
    } else args.push(word);
  }
  return new Flags(values, args, []);
}
