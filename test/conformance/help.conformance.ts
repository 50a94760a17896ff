/** kubefed knows the flags that its own help names, and no others. */
import { isKnown } from '../stand-ins/flags';
import { kubefedFlags } from '../stand-ins/kubefed';
import { recordedCall } from './recordings';

/** What `kubefed options` lists once for all subcommands, as far as the stand-in has it. */
const GLOBAL = ['cluster', 'context', 'logtostderr', 'namespace', 'request-timeout', 'server', 'token', 'user', 'v'];

/** The version that was recorded. */
const RECORDED = '1.8.0';

it.each([
  ['init', '08:3'],
  ['join', '08:4'],
  ['unjoin', '08:5'],
])('kubefed %s (%s)', (action, id) => {
  const named = [...recordedCall(id).stdout.matchAll(/^ {2,6}(?:-\w, )?--([a-z-]+)=/gm)].map((match) => match[1] ?? '');
  const known = Object.entries(kubefedFlags(action) ?? {}).flatMap(([flag, spec]) =>
    isKnown(spec, RECORDED) && !GLOBAL.includes(flag) ? [flag] : [],
  );
  expect(named.length).toBeGreaterThan(3);
  expect(known.sort()).toEqual(named.sort());
});
