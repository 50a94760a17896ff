import { ChildProcess } from 'node:child_process';
import { Event } from '../../scripts/apply/report/events';
import { inSweeps, swept } from '../support/sweep';
import { Ended, StartedFederation } from './support/cli';
import { mustApply, withFederation } from './support/shared';
import { story } from './support/story';
import { running, until } from './support/when';

function its(what: string, test: (federation: StartedFederation) => Promise<void>): void {
  it.concurrent(what, () => withFederation({}, test));
}

/** The same, in the sweeps alone. */
const itsInSweeps = inSweeps(its);

/** A run of apply that a test sends signals to. */
function started(
  { cli }: StartedFederation,
  ...args: string[]
): { child: ChildProcess; said: () => string; ended: Promise<Ended> } {
  let child: ChildProcess | undefined;
  let stdout = '';
  const ended = cli(['apply', '--yes', '--json', ...args], {
    started: (process) => (child = process),
    onOutput: (text) => (stdout = text),
  });
  if (!child) throw new Error('it was not started');
  return { child, said: () => stdout, ended };
}

/** The events from the moment on at which the user asked to stop. */
function afterStopping({ events }: Ended): Event[] {
  return events.slice(events.findIndex(({ type }) => type === 'stopping'));
}

const WRITE = /usa apply --filename=usa\/36/;

describe.each(swept(['SIGINT', 'SIGTERM'] as const))('the first %s', (signal) => {
  its('lets what runs end, says what that is, begins nothing more, and ends with 130', async (federation) => {
    const { world } = federation;
    world.inject({ match: WRITE, action: { type: 'slow', ms: 1000 } });
    const run = started(federation);
    await running(world, WRITE);
    run.child.kill(signal);
    const ended = await run.ended;

    expect(ended.code).toBe(130);
    const [stopping, ...after] = afterStopping(ended);
    expect(stopping).toMatchObject({ type: 'stopping' });
    expect(stopping?.type === 'stopping' && stopping.running).toContain('usa/kube-keepalived-vip');
    expect(after.filter(({ type }) => type === 'started')).toEqual([]);
    expect(story(ended).outcomes['usa/kube-keepalived-vip']).toBe('changed');
    expect(story(ended).skipped).toContainEqual({ step: 'usa/hello-world-dns', why: 'the run was ended before' });
    expect(ended.events.at(-1)).toMatchObject({ type: 'end', exitCode: 130 });
    // What runs next is not kept from it.
    expect(world.get('fcp', 'ConfigMap', 'kube-system', 'onprem-federation-federation-lock')).toBeUndefined();
    await mustApply(federation);
  });
});

describe('the first Ctrl-C', () => {
  its('ends a step that only waits', async (federation) => {
    const { world } = federation;
    await world.hold('fcp/EtcdCluster/default/etcd-cluster');
    const run = started(federation);
    await until(() => run.said().includes('"type":"seen","step":"fcp/etcd-cluster"'));
    run.child.kill('SIGINT');
    const ended = await run.ended;
    expect(ended.code).toBe(130);
    expect(story(ended).outcomes['fcp/etcd-cluster']).toBe('cut');
    await world.release('fcp/EtcdCluster/default/etcd-cluster');
    await mustApply(federation);
  });

  itsInSweeps('is answered in words', async (federation) => {
    const { world, cli } = federation;
    world.inject({ match: WRITE, action: { type: 'slow', ms: 1000 } });
    let child: ChildProcess | undefined;
    const ended = cli(['apply', '--yes', '--cluster', 'usa', '--only', 'keepalived'], {
      started: (process) => (child = process),
    });
    await running(world, WRITE);
    child?.kill('SIGINT');
    const { stdout, code } = await ended;
    expect(code === 0 || code === 130).toBe(true);
    expect(stdout).toMatch(
      /^Stopping\. Still running: .*usa\/kube-keepalived-vip.*\. Press Ctrl-C again to cut what is running\.$/m,
    );
  });

  its('before the first write ends the run at once', async (federation) => {
    const { world } = federation;
    world.inject({ match: /usa get --raw \/version/, times: 'always', action: { type: 'hang' } });
    const run = started(federation);
    await running(world, /usa get --raw \/version/);
    run.child.kill('SIGINT');
    const ended = await run.ended;
    expect(ended.signal).toBe('SIGINT');
    expect(world.writes).toBe(0);
  });

  itsInSweeps('lets a call that fails fail, and does not try again', async (federation) => {
    const { world } = federation;
    const fault = world.inject({
      program: 'kubefed',
      match: /^init/,
      times: 'always',
      action: { type: 'slow', ms: 500 },
    });
    const run = started(federation);
    await running(world, /^init/);
    fault.remove();
    world.inject({ program: 'kubefed', match: /^init/, times: 'always', action: { type: 'http', status: 503 } });
    run.child.kill('SIGINT');
    const ended = await run.ended;
    expect(ended.code).toBe(130);
    expect(world.calls.filter(({ argv }) => argv[0] === 'init')).toHaveLength(1);
    await mustApply({
      ...federation,
      cli: (args) => {
        world.clearFaults();
        return federation.cli(args);
      },
    });
  });
});

describe('the second Ctrl-C', () => {
  its('cuts what runs, says which, and the next run goes on from there', async (federation) => {
    const { world } = federation;
    world.inject({ match: WRITE, action: { type: 'hang' } });
    const run = started(federation);
    const call = await running(world, WRITE);
    run.child.kill('SIGINT');
    await until(() => run.said().includes('"type":"stopping"'));
    run.child.kill('SIGINT');
    const ended = await run.ended;
    expect(ended.code).toBe(130);
    expect(story(ended).outcomes['usa/kube-keepalived-vip']).toBe('cut');
    expect(story(ended).failed).toEqual([]);
    // The program was ended, not left to itself.
    await until(() => call.endedAt);
    await mustApply(federation);
  });

  itsInSweeps('cuts a kubefed init that polls', async (federation) => {
    const { world } = federation;
    await world.hold('fcp/Deployment/federation-system/*');
    const run = started(federation);
    await until(() => world.calls.some(({ argv, writes }) => argv[0] === 'init' && writes >= 13));
    run.child.kill('SIGINT');
    await until(() => run.said().includes('"type":"stopping"'));
    run.child.kill('SIGINT');
    const ended = await run.ended;
    expect(ended.code).toBe(130);
    expect(story(ended).outcomes['fcp/federation-control-plane']).toBe('cut');
    await until(() => world.calls.every(({ argv, endedAt }) => endedAt !== undefined || argv.includes('proxy')));
    await world.release('fcp/Deployment/federation-system/*');
    await mustApply(federation);
  });

  itsInSweeps('does not wait for the pause before another try', async (federation) => {
    const { world } = federation;
    world.inject({ match: WRITE, times: 'always', action: { type: 'http', status: 503 } });
    const run = started(federation);
    await until(() => run.said().split('"type":"retry"').length > 3);
    run.child.kill('SIGINT');
    await until(() => run.said().includes('"type":"stopping"'));
    run.child.kill('SIGINT');
    const ended = await run.ended;
    expect(story(ended).outcomes['usa/kube-keepalived-vip']).toBe('cut');
    expect(ended.code).toBe(130);
  });
});

describe('a teardown', () => {
  its('that is ended goes on in the next run', async (federation) => {
    const { world, cli } = federation;
    await mustApply(federation);
    world.inject({ program: 'kubefed', match: /^unjoin usa/, action: { type: 'slow', ms: 1000 } });
    let child: ChildProcess | undefined;
    const first = cli(['teardown', '--yes', '--json'], { started: (process) => (child = process) });
    await running(world, /^unjoin usa/);
    child?.kill('SIGINT');
    const ended = await first;
    expect(ended.code).toBe(130);
    expect(story(ended).outcomes['usa/join']).toBe('removed');
    const next = await cli(['teardown', '--yes', '--json']);
    expect(next.code).toBe(0);
    expect(story(next).outcomes['fcp/federation-control-plane']).toBe('removed');
  });
});
