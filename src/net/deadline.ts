import type { Duplex } from 'node:stream';

/** Gives a stream so long, ms: then it is destroyed, unless it has closed or the timer is cleared. */
export function destroyAfter(stream: Duplex, ms: number): NodeJS.Timeout {
  const timer = setTimeout(() => stream.destroy(), ms);
  stream.once('close', () => clearTimeout(timer));
  return timer;
}
