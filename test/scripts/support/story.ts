import { Failure } from '../../../scripts/apply/errors';
import { Outcome } from '../../../scripts/apply/report/events';
import { Ended } from './cli';

/** How one run of `--json` ended, step by step. */
export interface Story {
  readonly failed: Failure[];
  readonly skipped: { readonly step: string; readonly why?: string }[];
  /** Steps that are as the plan says. */
  readonly done: string[];
  readonly retried: string[];
  readonly outcomes: Readonly<Record<string, Outcome>>;
}

/** Reads the events of a run. */
export function story({ events }: Ended): Story {
  const ended = events.flatMap((event) => (event.type === 'ended' ? [event] : []));
  return {
    failed: ended.flatMap(({ failure }) => failure ?? []),
    skipped: ended.flatMap(({ step, outcome, why }) => (outcome === 'skipped' ? [{ step, why }] : [])),
    done: ended.flatMap(({ step, outcome }) => (outcome === 'changed' || outcome === 'unchanged' ? [step] : [])),
    retried: events.flatMap((event) => (event.type === 'retry' ? [event.step] : [])),
    outcomes: Object.fromEntries(ended.map(({ step, outcome }) => [step, outcome])),
  };
}
