/**
 * A flash crowd: ten times the sessions in ten seconds. What those lose that were there before, how much later their echoes
 * come, and what the newcomers are told; without and with a limit on what the host carries.
 */
import type { LoadResult } from '../src/cli/load/load-report.js';
import { Child, sleep } from './support/children.js';

const SESSIONS = Number(process.env.SESSIONS ?? 100);
const RATE = 20;
const SECONDS = 10;

interface Crowd {
  answers: Record<string, number>;
  p50: number;
  p99: number;
}

async function flash(title: string, config: object): Promise<void> {
  const server = await Child.start<{ url: string; hash: string }>('./bench-host.js', [
    '1',
    'udp',
    '{}',
    'gated',
    JSON.stringify({ handshakes: {}, prediction: { enabled: true }, ...config }),
  ]);
  const { url, hash } = server.hello;
  const steady = await Child.start('./steady-client.js', [url, hash, String(SESSIONS), String(RATE)]);
  const crowd = await Child.start('./crowd-client.js', [url, hash, String(SESSIONS * 10), String(SECONDS)]);
  await sleep(3000);
  await steady.child.ask<LoadResult>();
  await sleep(SECONDS * 1000);
  const before = await steady.child.ask<LoadResult>();
  const { answers, p50, p99 } = await crowd.child.ask<Crowd>();
  const during = await steady.child.ask<LoadResult>();
  const told = Object.entries(answers).map(([answer, times]) => `${times} ${answer}`);
  const lost = ((100 * during.lost) / during.sent).toFixed(2);
  const [was, is] = [before.latency.p99, during.latency.p99];
  console.log(`${title}: ${told.join(', ')} (p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms)`);
  console.log(
    `  those before: ${lost} % lost, p99 ${is.toFixed(2)} ms, before ${was.toFixed(2)} ms (${(is / was).toFixed(2)} x)`,
  );
  for (const { child } of [steady, crowd, server]) child.stop();
}

await flash(`${SESSIONS * 10} come to ${SESSIONS}`, {});
await flash(`the same, where the host carries ${SESSIONS * 3}`, {
  scaling: { capacity: SESSIONS * 3 },
  pressure: { dropAt: null },
});
