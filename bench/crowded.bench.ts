/**
 * A shard whose capacity uploads want more than all of: how soon others get the echo of a little, and what it costs the host to hold the
 * uploads; with 0, 1 and 40 of them.
 */
import type { LoadResult } from '../src/cli/load/load-report.js';
import { Child } from './support/children.js';

const SECONDS = Number(process.env.SECONDS_EACH ?? 10);
const CAPACITY = 2e6;

interface State {
  cpu: number;
}

for (const uploads of [0, 1, 40]) {
  const host = await Child.start<{ url: string; hash: string }>('./bench-host.js', [
    '1',
    'udp',
    '{}',
    'gated',
    JSON.stringify({ capacity: { in: { rate: CAPACITY } } }),
  ]);
  const { url, hash } = host.hello;
  const startedAt = performance.now();
  const before = await host.child.ask<State>();
  const client = await Child.start<LoadResult>('./crowded-client.js', [url, hash, String(uploads), String(SECONDS)]);
  const { cpu } = await host.child.ask<State>();
  const { sent, received, latency } = client.hello;
  const busy = (cpu - before.cpu) / 1000 / (performance.now() - startedAt);
  console.log(
    `${uploads} uploads: ${received} of ${sent} echoes, p50 ${latency.p50.toFixed(1)} ms, p99 ${latency.p99.toFixed(1)} ms; the host has ${(busy * 100).toFixed(0)} % of a processor`,
  );
  client.child.stop();
  host.child.stop();
}
