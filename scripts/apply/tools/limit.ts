import { Run } from './program';

/**
 * Starts at most so many programs at the same time. The others wait for their turn, those first that many steps wait for,
 * otherwise in order.
 */
export function limited(run: Run, most: number): Run {
  const urgent: (() => void)[] = [];
  const others: (() => void)[] = [];
  let running = 0;
  const turn = async (isUrgent: boolean): Promise<void> => {
    if (running < most) running++;
    else await new Promise<void>((resolve) => (isUrgent ? urgent : others).push(resolve));
  };
  const next = (): void => {
    const go = urgent.shift() ?? others.shift();
    if (go) go();
    else running--;
  };
  return async (command, options) => {
    await turn(options.urgent ?? false);
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
