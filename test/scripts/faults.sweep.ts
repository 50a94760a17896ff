import { FaultAction } from '../stand-ins/faults';
import { inSweeps, swept } from '../support/sweep';
import { startFederation } from './support/cli';
import { comparable, mustApply, withFederation } from './support/shared';
import { story } from './support/story';

/** One write of each kind that apply makes, beginning with the lock. */
const WRITES = [
  { program: 'kubectl', match: /kube-system create --filename=-$/ },
  { program: 'kubectl', match: /usa label nodes/ },
  { program: 'kubectl', match: /chn create --filename=chn/ },
  { program: 'kubectl', match: /usa apply --filename=usa\/36/ },
  { program: 'helm', match: /fcp init / },
  { program: 'helm', match: /fcp upgrade / },
  { program: 'kubectl', match: /replace --force --filename=-/ },
  { program: 'kubefed', match: /^init / },
  { program: 'kubefed', match: /^join usa / },
  { program: 'kubectl', match: /federation create --filename/ },
  { program: 'kubectl', match: /federation apply --filename/ },
  { program: 'kubectl', match: /kube-system delete configmap onprem-federation-/ },
] as const;

/** How the clusters are after an apply that nothing has disturbed. */
const undisturbed = (async (): Promise<unknown> => {
  const federation = await startFederation();
  try {
    await mustApply(federation);
    return comparable(federation);
  } finally {
    await federation.close();
  }
})();
// Whoever asks for it is told.
undisturbed.catch(() => undefined);

/** A test that runs beside others, in the sweeps alone. */
const itInSweeps = inSweeps<[test: () => Promise<void>]>((what, test) => {
  it.concurrent(what, test);
});

describe('a fault that passes by itself', () => {
  const everywhere: [name: string, action: FaultAction][] = [
    ['an API server that answers 503', { type: 'http', status: 503 }],
    ['an API server that answers 409', { type: 'http', status: 409 }],
    ['an API server that answers 503 in the middle of a call', { type: 'http', status: 503, stage: 2 }],
    ['a connection that is dropped before the write', { type: 'drop', how: 'eof' }],
    ['a connection that is dropped after the write', { type: 'notAfterWrite' }],
    ['a connection that is dropped after the first write of a call', { type: 'notAfterWrite', stage: 1 }],
  ];

  it.concurrent.each(swept(everywhere))('is overcome at every kind of write: %s', (name, action) =>
    withFederation({}, async (federation) => {
      const { world, cli } = federation;
      // Nothing that is deleted carries a version that could be an old one.
      const writes = WRITES.filter(({ match }) => !(name.includes('409') && match.source.includes('delete')));
      const faults = writes.map((write) => ({ ...write, handle: world.inject({ ...write, action }) }));
      const ended = await cli(['apply', '--yes', '--json']);
      expect(ended.stderr).toBe('');
      expect(story(ended).failed).toEqual([]);
      expect(ended.code).toBe(0);
      expect(faults.filter(({ handle }) => handle.fired === 0).map(({ match }) => match.source)).toEqual([]);
      expect(comparable(federation)).toEqual(await undisturbed);
    }),
  );

  const byProgram: [name: string, action: FaultAction][] = [
    ['500', { type: 'http', status: 500 }],
    ['504', { type: 'http', status: 504 }],
    ['429', { type: 'http', status: 429 }],
    ['a connection that is refused', { type: 'drop', how: 'refused' }],
    ['a connection that times out', { type: 'drop', how: 'timeout' }],
    ['a TLS handshake that times out', { type: 'drop', how: 'tls' }],
    ['a network without a route', { type: 'drop', how: 'no-route' }],
  ];

  it.concurrent.each(swept(byProgram))('is overcome by each of the three programs: %s', (_, action) =>
    withFederation({}, async (federation) => {
      const { world, cli } = federation;
      const faults = [/usa apply --filename=usa\/36/, /fcp upgrade /, /^join usa /].map((match) =>
        world.inject({ match, action }),
      );
      const ended = await cli(['apply', '--yes', '--json']);
      expect(ended.stderr).toBe('');
      expect(story(ended).failed).toEqual([]);
      expect(story(ended).retried.sort()).toEqual(['fcp/coredns', 'usa/join', 'usa/kube-keepalived-vip']);
      expect(faults.map(({ fired }) => fired)).toEqual([1, 1, 1]);
      expect(comparable(federation)).toEqual(await undisturbed);
    }),
  );

  const atLooks: [name: string, action: FaultAction][] = [
    ['an API server that answers 503', { type: 'http', status: 503 }],
    ['a connection that is dropped', { type: 'drop', how: 'eof' }],
    ['an API server that is slow', { type: 'slow', ms: 300 }],
  ];

  it.concurrent.each(swept(atLooks))('is overcome at every kind of look: %s', (_, action) =>
    withFederation({}, async (federation) => {
      const { world, cli } = federation;
      const looks = [
        /config view/,
        /usa get --raw \/version/,
        /usa create --raw .*accessreviews/,
        /usa get --raw .*\/nodes/,
      ]
        .concat([
          /usa get --raw .*\/configmaps\//,
          /fcp list/,
          /federation get --raw .*\/clusters/,
          /pods\?labelSelector=component/,
        ])
        .map((match) => ({ match, handle: world.inject({ match, action }) }));
      const ended = await cli(['apply', '--yes', '--json']);
      expect(ended.stderr).toBe('');
      expect(story(ended).failed).toEqual([]);
      expect(ended.code).toBe(0);
      expect(looks.filter(({ handle }) => handle.fired === 0).map(({ match }) => match.source)).toEqual([]);
      expect(comparable(federation)).toEqual(await undisturbed);
    }),
  );

  itInSweeps('is overcome where every call of a cluster is slow', () =>
    withFederation({}, async (federation) => {
      federation.world.inject({ match: /=usa/, times: 'always', action: { type: 'slow', ms: 100 } });
      const ended = await federation.cli(['apply', '--yes', '--json']);
      expect(story(ended).failed).toEqual([]);
      expect(comparable(federation)).toEqual(await undisturbed);
    }),
  );

  it.concurrent('is told while it lasts, with the step that tries again', () =>
    withFederation({}, async ({ world, cli }) => {
      world.inject({ match: /usa apply --filename=usa\/36/, action: { type: 'http', status: 503 } });
      const { stdout } = await cli(['apply', '--yes']);
      expect(stdout).toContain('usa/kube-keepalived-vip: the API server could not do it; trying again\n');
    }),
  );
});
