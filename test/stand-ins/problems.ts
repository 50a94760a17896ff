/** How kubectl words what went wrong: one failure alone, or several of one call. */
import { ApiError, InvalidError } from './objects';

/** A failure of kubectl's own, without the `error: ` that stands before it where it is the only one. */
export class Complaint extends Error {}

export type Problem = ApiError | Complaint;

/** What the command was doing with a file when the server refused it. */
export function from(problem: Problem, doing: string, source: string): Problem {
  const message = `error when ${doing} "${source}": ${problem.message}`;
  if (problem instanceof InvalidError) return problem.saying(message);
  return problem instanceof ApiError ? new ApiError(problem.reason, message) : new Complaint(message);
}

function standard(error: ApiError): string {
  return error.reason === ''
    ? `Error from server: ${error.message}`
    : `Error from server (${error.reason}): ${error.message}`;
}

function alone(problem: Problem): string {
  if (problem instanceof InvalidError) {
    const { causes } = problem;
    const { kind, name } = problem.object;
    const subject = kind === '' ? 'The request is invalid' : `The ${kind} "${name}" is invalid`;
    const [cause] = causes;
    if (causes.length > 1) return `${subject}: \n${causes.map((each) => `* ${each}`).join('\n')}`;
    return cause === undefined ? subject : `${subject}: ${cause}`;
  }
  if (problem instanceof ApiError) return standard(problem);
  return problem.message.startsWith('error: ') ? problem.message : `error: ${problem.message}`;
}

/** The last words of a call. `listed`: the command keeps its failures in a list, even a single one. */
export function worded(problems: readonly Problem[], listed = false): string {
  const [first] = problems;
  if (first === undefined) return '';
  if (problems.length === 1 && !listed) return `${alone(first)}\n`;
  return problems.map((problem) => `${problem instanceof ApiError ? standard(problem) : problem.message}\n`).join('');
}
