/** What a user is told of a program's failure: the advice has to fit the cause. */
import { failureOf } from '../../../scripts/apply/errors';
import { classify, ProgramError } from '../../../scripts/apply/tools/program';

const STEP = { id: 'usa/metallb-pool', cluster: 'usa' };

/** What is told where kubectl says this. */
function told(stderr: string): { readonly problem: string; readonly hint: string } {
  const command = ['kubectl', '--context=usa', 'apply', '--filename=usa/31-metallb-pool.yaml'];
  return failureOf(STEP, new ProgramError(command, classify({ stdout: '', stderr }), 1, { stdout: '', stderr }));
}

describe('an object that a rule of the cluster refuses', () => {
  it.each([
    'Error from server (Forbidden): error when creating "usa/31-metallb-pool.yaml": admission webhook "ipaddresspoolvalidationwebhook.metallb.io" denied the request: CIDR "10.210.3.65-10.210.3.126" in pool "federation" overlaps with already defined CIDR "10.210.3.0/24"',
    'Error from server (Forbidden): pods "x" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false',
    'Error from server (Forbidden): services "web" is forbidden: exceeded quota: lean, requested: services.loadbalancers=1',
  ])('is not told as a right that the user lacks: %s', (stderr) => {
    const { problem, hint } = told(stderr);
    expect(problem).toBe('a rule of the cluster refuses the object');
    expect(hint).toContain('other credentials do not help');
  });

  it('is told apart from such a right', () => {
    const { hint } = told(
      'Error from server (Forbidden): services is forbidden: User "ann" cannot create services in the namespace "web"',
    );
    expect(hint).toBe('Use credentials with the right that the program names.');
  });
});

it('a webhook without a valid certificate yet is not told as a wrong API server', () => {
  const { problem, hint } = told(
    'Error from server (InternalError): Internal error occurred: failed calling webhook "ipaddresspoolvalidationwebhook.metallb.io": failed to call webhook: Post "https://metallb-webhook-service.metallb-system.svc:443/x": tls: failed to verify certificate: x509: certificate signed by unknown authority',
  );
  expect(problem).toBe('the webhook that judges the object did not answer in time');
  expect(hint).not.toContain('certificate authority');
});
