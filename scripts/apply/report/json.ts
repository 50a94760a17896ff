import { Event, Reporter } from './events';
import { Write } from './plain';

/** One JSON object a line; `eventSchema` says what is in them. */
export class JsonReporter implements Reporter {
  constructor(private readonly write: Write) {}

  tell(event: Event): void {
    this.write(JSON.stringify(event));
  }

  close(): void {
    // Nothing is drawn.
  }
}
