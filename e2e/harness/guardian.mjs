/**
 * Ends processes and removes folders when the program that started them has died, however it died.
 *
 * That program holds the other end of this one's standard input; the kernel closes it even after a kill -9. Until then
 * each line says what there is: `+ <pid>`, `- <pid>`, `+dir <path>`, `-dir <path>`.
 *
 * Plain JavaScript, since it has to be up in milliseconds and without a loader.
 */
import fs from 'node:fs';
import process from 'node:process';
import readline from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** Process id to start time, so that a process that got a dead one's id later is not mistaken for it. */
const processes = new Map();
const folders = new Set();

/** The start time in clock ticks since boot; the same for every process where there is no /proc. */
function startTime(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field, the name in parentheses, may hold blanks: count from its end. Field 3 comes first, 22 is wanted.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}

function isOurs(pid, started) {
  return startTime(pid) === started;
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const [word, ...rest] = line.split(' ');
  const what = rest.join(' ');
  if (word === '+') processes.set(Number(what), startTime(what));
  if (word === '-') processes.delete(Number(what));
  if (word === '+dir') folders.add(what);
  if (word === '-dir') folders.delete(what);
}

// Repeated until none is left: a process in an uninterruptible call takes its time to go.
for (let round = 0; round < 100; round += 1) {
  const left = [...processes].filter(([pid, started]) => isOurs(pid, started) && kill(pid));
  if (left.length === 0) break;
  await sleep(50);
}
for (const folder of folders) {
  fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
