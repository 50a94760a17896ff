import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { pause, within } from '../../../scripts/apply/waiting';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const fires = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () => {
      resolve();
    });
  });

describe('within', () => {
  it('fires when its time is up, though nobody else knows its parts and memory is cleared meanwhile', async () => {
    const signal = within(100, new AbortController().signal);
    const fired = fires(signal);
    await pause(20, new AbortController().signal);
    collectGarbage();
    collectGarbage();
    // The timer by itself keeps no process alive.
    await Promise.race([fired, pause(20_000, signal)]);
    expect(signal.aborted).toBe(true);
  });

  it('fires with the first of the others', async () => {
    const other = new AbortController();
    const signal = within(600_000, new AbortController().signal, other.signal);
    expect(signal.aborted).toBe(false);
    const fired = fires(signal);
    other.abort();
    await fired;
    expect(signal.aborted).toBe(true);
  });

  it('has fired where one of the others has', () => {
    expect(within(600_000, AbortSignal.abort()).aborted).toBe(true);
  });
});

describe('pause', () => {
  it('ends at once where its signal fires', async () => {
    const stop = new AbortController();
    const paused = pause(600_000, stop.signal);
    stop.abort();
    await paused;
    await pause(600_000, stop.signal);
    expect(stop.signal.aborted).toBe(true);
  });
});
