/**
 * Recorded calls that the stand-ins do not answer as the real programs did, each with the reason. The suite fails where a call of
 * this list is answered alike after all, or is not in the recordings any more.
 */

export interface NotModelled {
  /** The file's two digits. */
  readonly file: string;
  /** Numbers of calls: `3`, `5-9`, and several with commas between. */
  readonly calls: string;
  readonly reason: string;
  /** The call is not run at all: it would wait for a caller, or no stand-in has the program. @default false */
  readonly skipped?: boolean;
}

const USAGE = 'The whole help text of the command follows the first line, which the tests of what surprises look at.';
const HELP = 'A help text.';
const DISCOVERY = 'The World does not answer discovery documents as the servers of that day do.';

export const NOT_MODELLED: readonly NotModelled[] = [
  { file: '07', calls: '160-164,226', reason: USAGE },
  { file: '07', calls: '187', reason: HELP },
  { file: '08', calls: '3-5', reason: HELP },
  {
    file: '08',
    calls: '171-173',
    reason: 'The recorded API servers answered curl here, outside the World.',
    skipped: true,
  },
  {
    file: '08',
    calls: '193',
    reason: 'The stand-in is killed in a write, the real one was killed while it drew keys.',
  },
  { file: '09', calls: '50-51', reason: "The chart's templates with their comments are not at hand." },
  { file: '10', calls: '77', reason: DISCOVERY },
  { file: '11', calls: '50-52', reason: 'An editor was at work; what it was told is not recorded.' },
  { file: '12', calls: '8', reason: "The log of the federation's controller manager." },
];

/** The same of newer kubectls; `versions` are those of which an entry speaks. */
export interface NotModelledNewer extends Pick<NotModelled, 'calls' | 'reason'> {
  /** @default all */
  readonly versions?: readonly string[];
}

export const NOT_MODELLED_NEWER: readonly NotModelledNewer[] = [
  { calls: '58', reason: "No controller ran beside the recorded server; the World's work at once." },
  {
    versions: ['1.20.2'],
    calls: '9',
    reason: 'Who has written which field is not modelled for Namespaces.',
  },
];
