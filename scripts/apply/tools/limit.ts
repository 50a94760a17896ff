import { ProgramError, Run } from './program';

/**
 * Starts at most so many programs at the same time. The others wait for their turn, those first that many steps wait for,
 * otherwise in order.
 */
export function limited(run: Run, most: number): Run {
  const urgent: (() => void)[] = [];
  const others: (() => void)[] = [];
  let running = 0;
  /** Whether it is the caller's turn; otherwise its signal has fired meanwhile. */
  const turn = (queue: (() => void)[], signal: AbortSignal): Promise<boolean> => {
    if (running < most) {
      running++;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const go = (): void => {
        signal.removeEventListener('abort', leave);
        resolve(true);
      };
      const leave = (): void => {
        const place = queue.indexOf(go);
        if (place >= 0) queue.splice(place, 1);
        resolve(false);
      };
      signal.addEventListener('abort', leave, { once: true });
      queue.push(go);
      if (signal.aborted) leave();
    });
  };
  const next = (): void => {
    const go = urgent.shift() ?? others.shift();
    if (go) go();
    else running--;
  };
  return async (command, options) => {
    if (!(await turn(options.urgent ? urgent : others, options.signal))) {
      throw new ProgramError(command, 'cut', null, { stdout: '', stderr: 'not started' });
    }
    try {
      return await run(command, options);
    } finally {
      next();
    }
  };
}

/** The same, each call before all that are not urgent. */
export function urgently(run: Run): Run {
  return (command, options) => run(command, { ...options, urgent: true });
}
