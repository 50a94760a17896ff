import { styleText } from 'node:util';
import { Event, Outcome, Reporter } from './events';
import { duration, OUTCOME_WORDS, summary } from './words';

/** The part of the terminal that is drawn anew. */
export interface Screen {
  (text: string): void;
  done(): void;
}

const REFRESH_MS = 120;
const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

const MARKS: Readonly<Record<Outcome, string>> = {
  unchanged: styleText('dim', '·'),
  changed: styleText('green', '✔'),
  failed: styleText('red', '✘'),
  skipped: styleText('yellow', '–'),
  cut: styleText('yellow', '✂'),
  removed: styleText('green', '✔'),
  nothing: styleText('dim', '·'),
  kept: styleText('yellow', '○'),
};

interface StepLine {
  began?: number;
  seen?: string;
  outcome?: Outcome;
  seconds?: number;
}

/**
 * A list of clusters and their steps that is drawn anew while they change: what runs, for how long, and what each wait
 * sees. Where the terminal has too few lines, clusters with nothing running are one line each.
 */
export class LiveReporter implements Reporter {
  private readonly events: Event[] = [];
  private readonly clusters = new Map<string, Map<string, StepLine>>();
  private readonly timer: NodeJS.Timeout;
  private frame = 0;

  constructor(
    private readonly screen: Screen,
    private readonly size: () => { columns: number; rows: number },
    private readonly write: (line: string) => void,
  ) {
    this.timer = setInterval(() => {
      this.draw();
    }, REFRESH_MS);
    this.timer.unref();
  }

  tell(event: Event): void {
    this.events.push(event);
    switch (event.type) {
      case 'run':
        for (const id of event.steps) this.line(id);
        break;
      case 'started':
        this.line(event.step).began = performance.now();
        break;
      case 'seen':
        this.line(event.step).seen = event.seen;
        break;
      case 'retry':
        this.line(event.step).seen = `${event.problem}; trying again`;
        break;
      case 'command':
        this.line(event.step).seen = event.command;
        break;
      case 'ended':
        Object.assign(this.line(event.step), { outcome: event.outcome, seconds: event.seconds });
        break;
      case 'end':
        this.close();
        for (const line of summary(this.events)) this.write(line);
        break;
      default:
        break;
    }
  }

  close(): void {
    if (!this.timer.hasRef() && this.frame < 0) return;
    clearInterval(this.timer);
    this.draw();
    this.screen.done();
    this.frame = -1;
  }

  private line(step: string): StepLine {
    const [cluster = '', name = ''] = step.split('/');
    const lines = this.clusters.get(cluster) ?? new Map<string, StepLine>();
    this.clusters.set(cluster, lines);
    const line = lines.get(name) ?? {};
    lines.set(name, line);
    return line;
  }

  private draw(): void {
    this.frame++;
    const { columns, rows } = this.size();
    const all = [...this.clusters].flatMap(([cluster, lines]) => [
      this.headline(cluster, lines),
      ...this.stepLines(lines, () => true),
    ]);
    const running = [...this.clusters].flatMap(([cluster, lines]) => [
      this.headline(cluster, lines),
      ...this.stepLines(
        lines,
        ({ began, outcome }) => (began !== undefined && outcome === undefined) || outcome === 'failed',
      ),
    ]);
    const stopping = this.events.findLast((event) => event.type === 'stopping');
    const note = stopping
      ? [styleText('yellow', 'Stopping: what is running ends by itself. Ctrl-C again cuts it.')]
      : [];
    const chosen = all.length + note.length < rows ? all : running;
    const shown =
      chosen.length + note.length < rows
        ? chosen
        : [...chosen.slice(0, Math.max(1, rows - 3)), `… ${chosen.length - rows + 3} more lines`];
    this.screen([...shown, ...note].map((text) => clip(text, columns)).join('\n'));
  }

  private headline(cluster: string, lines: ReadonlyMap<string, StepLine>): string {
    const ended = [...lines.values()].filter(({ outcome }) => outcome !== undefined).length;
    return `${styleText('bold', cluster)} ${styleText('dim', `${ended} of ${lines.size}`)}`;
  }

  private stepLines(lines: ReadonlyMap<string, StepLine>, isShown: (line: StepLine) => boolean): string[] {
    return [...lines]
      .filter(([, line]) => isShown(line))
      .map(([name, { began, seen, outcome, seconds }]) => {
        if (outcome !== undefined) {
          const time = seconds === undefined || outcome === 'skipped' ? '' : ` ${styleText('dim', duration(seconds))}`;
          return `  ${MARKS[outcome]} ${name} ${styleText('dim', OUTCOME_WORDS[outcome])}${time}`;
        }
        if (began === undefined) return styleText('dim', `    ${name}`);
        const spinner = styleText('cyan', SPINNER[this.frame % SPINNER.length] ?? '');
        const time = styleText('dim', duration((performance.now() - began) / 1000));
        return `  ${spinner} ${name} ${time}${seen === undefined ? '' : `  ${seen}`}`;
      });
  }
}

/** A line that fits: colours take no room. */
function clip(text: string, columns: number): string {
  // eslint-disable-next-line no-control-regex -- colours are control characters
  const parts = text.split(/(\u001b\[[0-9;]*m)/);
  let room = columns - 1;
  return parts
    .map((part, i) => {
      if (i % 2 === 1) return part;
      const kept = part.slice(0, Math.max(0, room));
      room -= part.length;
      return kept;
    })
    .join('');
}
