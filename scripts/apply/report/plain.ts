import { Event, Reporter } from './events';
import { differLines, duration, OUTCOME_WORDS, summary } from './words';

/** Writes one line. */
export type Write = (line: string) => void;

/** Plain lines, one after another, for logs and pipes. */
export class PlainReporter implements Reporter {
  private readonly events: Event[] = [];

  constructor(private readonly write: Write) {}

  tell(event: Event): void {
    this.events.push(event);
    for (const line of linesOf(event)) this.write(line);
    if (event.type === 'end') for (const line of summary(this.events)) this.write(line);
  }

  close(): void {
    // Nothing is drawn.
  }
}

function linesOf(event: Event): string[] {
  switch (event.type) {
    case 'run':
      return [`${event.command} of ${event.federation}: ${event.steps.length} steps`];
    case 'finding':
      return [`${event.where}: ${event.problem}`, `    ${event.hint}`];
    case 'differs':
      return differLines(event.differs).map((text) => `${event.step}: ${text}`);
    case 'command':
      return [`${event.step}: $ ${event.command}`];
    case 'seen':
      return [`${event.step}: waiting: ${event.seen}`];
    case 'retry':
      return [`${event.step}: ${event.problem}; trying again`];
    case 'ended':
      return [
        `${event.step}: ${OUTCOME_WORDS[event.outcome]}${event.why === undefined ? '' : ` (${event.why})`}, ${duration(event.seconds)}`,
      ];
    case 'stopping':
      return [
        event.running.length === 0
          ? 'Stopping.'
          : `Stopping. Still running: ${event.running.join(', ')}. Press Ctrl-C again to cut what is running.`,
      ];
    case 'started':
    case 'warning':
    case 'end':
      return [];
  }
}
