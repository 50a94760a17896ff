/**
 * Lets a program go on to its end where nobody reads what it prints any more, as in `npm run apply | head`. Without this
 * the first line that finds the pipe closed ends it with a stack trace, in the middle of what it writes to clusters.
 */
export function outliveClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    if (!stream.listeners('error').includes(unlessClosed)) stream.on('error', unlessClosed);
  }
}

function unlessClosed(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}
