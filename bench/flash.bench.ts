/**
 * A flash crowd: ten times the sessions in ten seconds. What those lose that were there before, how much later their echoes
 * come, then and when all are there, and what the newcomers are told; without and with a limit on what the host carries. In turns
 * with the same crowd at another host on this machine: what a load generator and a second host cost their neighbours on two
 * cores is not this host's doing.
 */
import type { LoadResult } from '../src/cli/load/load-report.js';
import { Child, median, sleep } from './support/children.js';

const SESSIONS = Number(process.env.SESSIONS ?? 100);
const RATE = 20;
const SECONDS = 10;
const AFTER_MS = 5000;
const ROUNDS = Number(process.env.ROUNDS ?? 5);

interface Crowd {
  answers: Record<string, number>;
  p50: number;
  p99: number;
}

const startHost = (config: object): ReturnType<typeof Child.start<{ url: string; hash: string }>> =>
  Child.start('./bench-host.js', [
    '1',
    'udp',
    '{}',
    'gated',
    JSON.stringify({ handshakes: {}, prediction: { enabled: true }, ...config }),
  ]);

/** p99 of those before, ms. */
interface Latency {
  before: number;
  during: number;
}

async function flash(title: string, config: object, isElsewhere = false): Promise<Latency> {
  const server = await startHost(config);
  const other = isElsewhere ? await startHost(config) : server;
  const { url, hash } = server.hello;
  const steady = await Child.start('./steady-client.js', [url, hash, String(SESSIONS), String(RATE)]);
  const crowd = await Child.start('./crowd-client.js', [
    other.hello.url,
    other.hello.hash,
    String(SESSIONS * 10),
    String(SECONDS),
  ]);
  await sleep(3000);
  await steady.child.ask<LoadResult>();
  await sleep(SECONDS * 1000);
  const before = await steady.child.ask<LoadResult>();
  const { answers, p50, p99 } = await crowd.child.ask<Crowd>();
  const during = await steady.child.ask<LoadResult>();
  await sleep(AFTER_MS);
  const after = await steady.child.ask<LoadResult>();
  const told = Object.entries(answers).map(([answer, times]) => `${times} ${answer}`);
  const lost = ((100 * during.lost) / during.sent).toFixed(2);
  const [was, is] = [before.latency.p99, during.latency.p99];
  console.log(`${title}: ${told.join(', ')} (p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms)`);
  console.log(
    `  those before: ${lost} % lost, p99 ${is.toFixed(2)} ms, before ${was.toFixed(2)} ms (${(is / was).toFixed(2)} x), afterwards ${after.latency.p99.toFixed(2)} ms`,
  );
  for (const { child } of [steady, crowd, server, other]) child.stop();
  return { before: was, during: is };
}

function tell(where: string, latencies: readonly Latency[]): void {
  const ratios = latencies.map(({ before, during }) => during / before);
  const [before, during] = [median(latencies.map((each) => each.before)), median(latencies.map((each) => each.during))];
  console.log(
    `p99 of those before, medians of ${latencies.length}, the crowd ${where}: ${before.toFixed(2)} ms, then ${during.toFixed(2)} ms (${median(ratios).toFixed(2)} x; ${ratios.map((ratio) => ratio.toFixed(1)).join(', ')})`,
  );
}

await flash(`${SESSIONS * 10} come to ${SESSIONS}, and the host carries ${SESSIONS * 3}`, {
  scaling: { capacity: SESSIONS * 3 },
  pressure: { dropAt: null },
});
const [here, elsewhere]: [Latency[], Latency[]] = [[], []];
for (let round = 0; round < ROUNDS; round++) {
  here.push(await flash(`${SESSIONS * 10} come to ${SESSIONS}`, {}));
  elsewhere.push(await flash('the same crowd at another host', {}, true));
}
tell('here', here);
tell('elsewhere', elsewhere);
