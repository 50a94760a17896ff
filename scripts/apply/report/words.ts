import { Failure } from '../errors';
import { Event, Outcome } from './events';

/** What an outcome is called in front of a person. */
export const OUTCOME_WORDS: Readonly<Record<Outcome, string>> = {
  unchanged: 'unchanged',
  changed: 'done',
  failed: 'FAILED',
  skipped: 'not tried',
  cut: 'cut',
  removed: 'removed',
  nothing: 'nothing there',
  kept: 'kept',
};

/** Lines that say what failed, where, what the program said and what to do. */
export function failureLines(event: Extract<Event, { type: 'ended' }>): string[] {
  const { failure, step } = event;
  if (!failure) return [];
  return [`${step} failed: ${failure.problem}`, ...causeLines(failure).map((line) => `  ${line}`)];
}

/** What is behind a failure's problem: which program, what it said and what to do. */
export function causeLines({ command, said = '', hint }: Failure): string[] {
  return [
    ...(command === undefined ? [] : [`command: ${command}`]),
    ...said
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => `it said: ${line}`),
    ...hint.split('\n').map((line, i) => (i === 0 ? `to do:   ${line}` : `         ${line}`)),
  ];
}

const MISSING = / is missing$/;

/** What differs, with everything that is missing in one line. */
export function differLines(differs: readonly string[]): string[] {
  const missing = differs.filter((text) => MISSING.test(text)).map((text) => text.replace(MISSING, ''));
  const others = differs.filter((text) => !MISSING.test(text));
  return [...(missing.length > 0 ? [`missing: ${missing.join(', ')}`] : []), ...others];
}

/** `1.2 s`, `3 min 4 s` */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** The lines at the end of a run: what was done, what failed and why, what was not tried. */
export function summary(events: readonly Event[]): string[] {
  const ended = events.filter((event) => event.type === 'ended');
  const of = (outcome: Outcome): Extract<Event, { type: 'ended' }>[] =>
    ended.filter((event) => event.outcome === outcome);
  const list = (label: string, outcome: Outcome): string[] => {
    const found = of(outcome);
    return found.length === 0
      ? []
      : [
          `${label}: ${found.map((event) => event.step + (event.why === undefined ? '' : ` (${event.why})`)).join(', ')}`,
        ];
  };
  const end = events.find((event) => event.type === 'end');
  const warnings = events
    .filter((event) => event.type === 'warning')
    .map(({ cluster, text }) => `note on ${cluster}: ${text}`);
  const counts = (['changed', 'removed', 'unchanged', 'nothing', 'kept', 'failed', 'cut', 'skipped'] as const)
    .filter((outcome) => of(outcome).length > 0)
    .map((outcome) => `${of(outcome).length} ${OUTCOME_WORDS[outcome].toLowerCase()}`);
  const nothing = ended.length > 0 && ended.every(({ outcome }) => outcome === 'unchanged' || outcome === 'nothing');
  return [
    '',
    ...warnings,
    ...of('failed').flatMap(failureLines),
    ...list('cut', 'cut'),
    ...list('kept', 'kept'),
    ...list('not tried', 'skipped'),
    `${counts.join(', ')}${end ? ` in ${duration(end.seconds)}` : ''}.`,
    ...(nothing ? ['Nothing was written: everything is as the plan says.'] : []),
  ];
}
