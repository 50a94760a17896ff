import { FaultAction } from '../stand-ins/faults';
import { inSweeps, swept } from '../support/sweep';
import { limits } from './support/cli';
import { memberNames, mustApply, shortLimit, withFederation } from './support/shared';
import { story } from './support/story';

/** A test that runs beside others, in the sweeps alone. */
const itInSweeps = inSweeps<[test: () => Promise<void>]>((what, test) => {
  it.concurrent(what, test);
});

describe('a fault that stays', () => {
  const STEP = /^usa\/kube-keepalived-vip$/;
  const WRITE = /usa apply --filename=usa\/36/;
  const COMMAND = 'kubectl --context=usa apply --filename=usa/36-kube-keepalived-vip.yaml';

  const staying: [name: string, action: FaultAction, said: RegExp, problem: RegExp, hint: RegExp][] = [
    ['5xx', { type: 'http', status: 503 }, /ServiceUnavailable/, /could not do it/, /Wait until/],
    ['429', { type: 'http', status: 429 }, /TooManyRequests/, /could not do it/, /Wait until/],
    ['409', { type: 'http', status: 409 }, /Conflict/, /somebody else keeps changing/, /See who does/],
    ['no connection', { type: 'drop' }, /was refused/, /did not answer/, /Check that it is up/],
    ['lost answers', { type: 'notAfterWrite' }, /EOF/, /did not answer/, /Check that it is up/],
    ['another server', { type: 'other-server' }, /x509/, /not the one/, /Check server, certificate authority/],
    ['credentials that are refused', { type: 'http', status: 401 }, /Unauthorized/, /credentials/, /Check server/],
    ['a right that is missing', { type: 'http', status: 403 }, /Forbidden/, /may not do that/, /Use credentials/],
    ['words nobody knows', { type: 'exit', code: 3, stderr: 'Heavens!\n' }, /Heavens!/, /exit code 3/, /what the/],
  ];

  it.concurrent.each(swept(staying))(
    'ends in one error with step, cluster, command, words and what to do, and stops only what needs it: %s',
    (_, action, said, problem, hint) =>
      withFederation({}, async (federation) => {
        const { world, cli, plan } = federation;
        const fault = world.inject({ match: WRITE, times: 'always', action });
        const ended = await cli(['apply', '--yes', '--json']);
        const { failed, skipped, done } = story(ended);

        expect(fault.fired).toBeGreaterThan(0);
        expect(failed).toEqual([
          {
            step: 'usa/kube-keepalived-vip',
            cluster: 'usa',
            command: COMMAND,
            said: expect.stringMatching(said) as unknown,
            problem: expect.stringMatching(problem) as unknown,
            hint: expect.stringMatching(hint) as unknown,
          },
        ]);
        expect(skipped).toEqual([
          { step: 'usa/hello-world-address', why: 'usa/kube-keepalived-vip failed' },
          { step: 'usa/hello-world-dns', why: 'usa/kube-keepalived-vip failed' },
        ]);
        expect(done).toHaveLength(plan.steps.length - 3);
        expect(ended.code).toBe(1);
        expect(ended.events.at(-1)).toMatchObject({ type: 'end', exitCode: 1, counts: { failed: 1, skipped: 2 } });

        world.clearFaults();
        world.clearLog();
        const next = await cli(['apply', '--yes', '--json']);
        expect(next.code).toBe(0);
        expect(story(next).failed).toEqual([]);
      }),
  );

  it.concurrent('tells a person what was done, what failed and why, what was not tried, and how to go on', () =>
    withFederation({}, async (federation) => {
      const { world, cli } = federation;
      world.inject({ match: WRITE, times: 'always', action: { type: 'other-server' } });
      const { stdout, code } = await cli(['apply', '--yes']);
      const report = stdout.slice(stdout.indexOf('\n\n'));
      expect(report.trim().split('\n').slice(0, -1)).toEqual([
        'usa/kube-keepalived-vip failed: the server is not the one that the kubeconfig expects, or does not accept its credentials',
        `  command: ${COMMAND}`,
        '  it said: Unable to connect to the server: x509: certificate signed by unknown authority',
        '  to do:   Check server, certificate authority and credentials of the context.',
        'not tried: usa/hello-world-address (usa/kube-keepalived-vip failed), usa/hello-world-dns (usa/kube-keepalived-vip failed)',
      ]);
      expect(report.trim().split('\n').at(-1)).toMatch(/^23 done, 10 unchanged, 1 failed, 2 not tried in \d/);
      expect(code).toBe(1);
    }),
  );

  itInSweeps('ends at the step’s limit where the server never answers, and names the call that hangs', () =>
    withFederation({}, async (federation) => {
      const { world, cli, editPlan } = federation;
      const limit = await shortLimit();
      editPlan(limits(limit, STEP));
      world.inject({ match: WRITE, times: 'always', action: { type: 'hang' } });
      const ended = await cli(['apply', '--yes', '--json']);
      expect(story(ended).failed).toEqual([
        {
          step: 'usa/kube-keepalived-vip',
          cluster: 'usa',
          command: COMMAND,
          problem: expect.stringContaining(`within ${limit} s`) as unknown,
          hint: expect.stringContaining('kubectl --context=usa get events --all-namespaces') as unknown,
        },
      ]);
      expect(story(ended).skipped.map(({ step }) => step)).toEqual(['usa/hello-world-address', 'usa/hello-world-dns']);
      expect(ended.code).toBe(1);
      world.clearFaults();
      editPlan(limits(600));
      await mustApply(federation);
    }),
  );

  itInSweeps('ends at the step’s limit where a look never comes back', () =>
    withFederation({}, async (federation) => {
      const { world, cli, editPlan } = federation;
      const limit = await shortLimit();
      editPlan(limits(limit, /^usa\/node-labels$/));
      world.inject({ match: /usa get --raw \/api\/v1\/nodes/, times: 'always', action: { type: 'hang' } });
      const ended = await cli(['apply', '--yes', '--json']);
      expect(story(ended).failed).toMatchObject([
        { step: 'usa/node-labels', command: expect.stringContaining('kubectl --context=usa get node') as unknown },
      ]);
      expect(ended.code).toBe(1);
    }),
  );

  const once: [name: string, match: RegExp, step: string, command: string][] = [
    ['kubefed init', /^init /, 'fcp/federation-control-plane', 'kubefed init federation'],
    ['kubefed join', /^join usa/, 'usa/join', 'kubefed join usa'],
    ['helm upgrade', /upgrade/, 'fcp/coredns', 'helm --kube-context=fcp upgrade coredns'],
  ];

  it.concurrent.each(swept(once))(
    'is one error with a program that may not be run twice without a look: %s',
    (_, match, step, command) =>
      withFederation({}, async (federation) => {
        const { world, cli } = federation;
        world.inject({ match, times: 'always', action: { type: 'http', status: 503 } });
        const ended = await cli(['apply', '--yes', '--json']);
        const { failed } = story(ended);
        expect(failed).toMatchObject([{ step, problem: 'the API server could not do it, also after several tries' }]);
        expect(failed[0]?.command).toMatch(new RegExp(`^${command}`));
        expect(ended.code).toBe(1);
        world.clearFaults();
        await mustApply(federation);
      }),
  );

  itInSweeps('in one member leaves the other members joined', () =>
    withFederation({}, async (federation) => {
      const { world, cli } = federation;
      world.inject({ program: 'kubefed', match: /^join usa/, times: 'always', action: { type: 'http', status: 403 } });
      const ended = await cli(['apply', '--yes', '--json']);
      expect(story(ended).done).toEqual(expect.arrayContaining(['fcp/join', 'chn/join', 'fcp/cluster-dns']));
      expect(memberNames(world)).toEqual(['chn', 'fcp']);
    }),
  );

  itInSweeps('is tried several times, with pauses, before it is given up', () =>
    withFederation({}, async (federation) => {
      const { world, cli } = federation;
      const fault = world.inject({ match: WRITE, times: 'always', action: { type: 'http', status: 503 } });
      const ended = await cli(['apply', '--yes', '--json']);
      expect(story(ended).failed[0]?.problem).toBe('the API server could not do it, also after several tries');
      expect(fault.fired).toBe(6);
      expect(story(ended).retried).toEqual(Array<string>(5).fill('usa/kube-keepalived-vip'));
    }),
  );
});

it('a node port that another Service has is said to be taken, and is used when it is free', () =>
  withFederation({}, async (federation) => {
    const { world, cli } = federation;
    await world.put('fcp', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'game', namespace: 'default' },
      spec: { type: 'NodePort', selector: { app: 'game' }, ports: [{ port: 80, nodePort: world.dnsPort }] },
    });
    const ended = await cli(['apply', '--yes', '--json']);
    expect(ended.code).toBe(1);
    expect(story(ended).failed).toEqual([
      expect.objectContaining({
        step: 'fcp/coredns-node-port',
        problem: 'a node port is taken',
        hint: expect.stringContaining('See which Service has it (kubectl get services --all-namespaces)') as unknown,
        said: expect.stringContaining(`${world.dnsPort}: provided port is already allocated`) as unknown,
      }),
    ]);
    await world.remove('fcp', 'Service', 'default', 'game');
    await mustApply(federation);
  }));
