import { Child, sleep } from './children.js';

interface HostState {
  cpu: number;
  totals: { packetsIn: number };
}

/** What saturated echoes are measured on. */
export interface EchoRun {
  gate: 'gated' | 'ungated' | 'bare';
  config: object;
  path: string;
  sessions: number;
  seconds: number;
}

/** Microseconds of server CPU a packet (an echo of 100 bytes each). */
export async function echoCost({ gate, config, path, sessions, seconds }: EchoRun): Promise<number> {
  const args = ['1', 'udp', '{}', gate, JSON.stringify(config)];
  const { child: host, hello } = await Child.start<{ url: string; hash: string }>('./bench-host.js', args);
  const { child: client } = await Child.start('./echo-client.js', [hello.url, hello.hash, String(sessions), '1', path]);
  await client.ask();
  await sleep(1500);
  const before = await host.ask<HostState>();
  await sleep(seconds * 1000);
  // The counters are as old as the last heartbeat, 50 ms at most, on both ends.
  const after = await host.ask<HostState>();
  client.stop();
  host.stop();
  return (after.cpu - before.cpu) / (after.totals.packetsIn - before.totals.packetsIn);
}
