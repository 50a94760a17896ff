/** Numbers of calls as the list of calls that are not modelled writes them: `3,5-9`. */
import type { NotModelled } from './not-modelled';
import type { Recorded } from './recordings';

export function numbers(ranges: string): number[] {
  return ranges.split(',').flatMap((range) => {
    const [, first = '', last = first] = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(range) ?? [];
    if (first === '' || Number(last) < Number(first)) throw new Error(`"${range}" is no range of numbers.`);
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => Number(first) + index);
  });
}

export class Entries {
  private readonly byCall = new Map<string, NotModelled>();

  constructor(list: readonly NotModelled[]) {
    for (const entry of list) {
      for (const number of numbers(entry.calls)) {
        const id = `${entry.file}:${number}`;
        if (this.byCall.has(id)) throw new Error(`The call ${id} is listed twice.`);
        this.byCall.set(id, entry);
      }
    }
  }

  /** The entry that names a call. */
  of(call: Recorded): NotModelled | undefined {
    return this.byCall.get(call.id);
  }

  /** `07:3` and the like, all of the list. */
  get ids(): readonly string[] {
    return [...this.byCall.keys()];
  }
}
