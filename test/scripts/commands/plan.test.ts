import { failureOf } from '../../../scripts/apply/errors';
import { ProgramError } from '../../../scripts/apply/tools/program';
import { jsonOf, linesOf } from '../../../scripts/commands/plan';
import { apply } from '../apply/support';

describe('a step that cannot be looked at', () => {
  const step = apply('usa/web', 'usa/50.yaml');
  const command = ['kubectl', '--context=usa', 'get', '--filename=-'];
  const stderr = 'W1127 a warning\nerror: error parsing STDIN: token: abcdefgh\n';
  const failure = failureOf(step, new ProgramError(command, 'other', 1, { stdout: '', stderr }));

  it('is shown with the program, what it said and what to do, without secrets', () => {
    expect(linesOf(step, failure)).toEqual([
      `  ! usa/web: ${step.title}`,
      '      kubectl ended with exit code 1',
      '      command: kubectl --context=usa get --filename=-',
      '      it said: W1127 a warning',
      '      it said: error: error parsing STDIN: token: [redacted]',
      '      to do:   See what the program says.',
    ]);
  });

  it('says the same to machines', () => {
    expect(jsonOf(failure)).toEqual({
      state: 'blocked',
      problem: 'kubectl ended with exit code 1',
      command: 'kubectl --context=usa get --filename=-',
      said: 'W1127 a warning\nerror: error parsing STDIN: token: [redacted]',
      hint: 'See what the program says.',
    });
  });
});
