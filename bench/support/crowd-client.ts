/** Newcomers: `node crowd-client.js URL HASH COUNT SECONDS`. Tells what answers they got, when all have theirs. */
import { execFileSync } from 'node:child_process';
import { setPriority } from 'node:os';
import { NodeClient } from '../../src/client/node-client.js';
import { SILENT_SESSION } from '../../src/http3/session.js';
import { sleep } from './children.js';

const [url, hash, count, seconds] = process.argv.slice(2);
const client = await NodeClient.create({ certificateHashes: [hash] });
// A crowd's machines are elsewhere: here it must not take the processors from those who are measured. Linux lets a thread of low
// priority keep a processor for its slice, milliseconds, but never an idle one.
try {
  execFileSync('chrt', ['--all-tasks', '--idle', '--pid', '0', String(process.pid)], { stdio: 'ignore' });
} catch {
  setPriority(19);
}
process.send?.({ ready: true });
process.on('message', async () => {
  const answers: Record<string, number> = { served: 0, later: 0 };
  const times: number[] = [];
  const newcomer = async (i: number): Promise<void> => {
    await sleep((i / Number(count)) * Number(seconds) * 1000);
    const startedAt = performance.now();
    try {
      await client.connect(`${url}/echo?client=new${i}`, SILENT_SESSION);
      answers.served++;
    } catch (error) {
      const { message } = error as Error;
      const kind = /status 503/.test(message) ? 'later' : message.replace(/^.*?: /, '');
      answers[kind] = (answers[kind] ?? 0) + 1;
    }
    times.push(performance.now() - startedAt);
  };
  await Promise.all(Array.from({ length: Number(count) }, (_, i) => newcomer(i)));
  times.sort((a, b) => a - b);
  process.send?.({ answers, p50: times[times.length >> 1], p99: times[Math.floor(times.length * 0.99)] });
});
