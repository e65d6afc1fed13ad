/**
 * Echo of 100-byte datagrams: server CPU an echo, of ours against a bare `dgram` echo in the same run, both saturated.
 * One datagram a UDP packet (window 1 a session) is the comparison; with more on the way QUIC packs several in one.
 */
import { Child, median, sleep } from './support/children.js';

const ROUNDS = Number(process.env.ROUNDS ?? 3);
const SECONDS = Number(process.env.SECONDS_EACH ?? 3);

interface HostState {
  cpu: number;
  totals: { packetsIn: number; bytesIn: number };
  bytesIn: number;
  rss: number;
}

interface Cost {
  /** Microseconds of server CPU an echo. */
  cpu: number;
  rate: number;
}

async function bare(): Promise<Cost> {
  const { child, hello } = await Child.start<{ port: number }>('./bare-dgram.js');
  const { fork } = await import('node:child_process');
  const client = fork(new URL('./support/bare-dgram-client.js', import.meta.url), [String(hello.port), '100', '100']);
  await sleep(700);
  const before = await child.ask<{ cpu: number; echoed: number }>();
  await sleep(SECONDS * 1000);
  const after = await child.ask<{ cpu: number; echoed: number }>();
  client.kill('SIGKILL');
  child.stop();
  const echoes = after.echoed - before.echoed;
  return { cpu: (after.cpu - before.cpu) / echoes, rate: echoes / SECONDS };
}

async function ours(sessions: number, window: number): Promise<Cost> {
  const host = await Child.start<{ url: string; hash: string }>('./bench-host.js');
  const { url, hash } = host.hello;
  const { child: client } = await Child.start('./echo-client.js', [url, hash, String(sessions), String(window)]);
  await client.ask();
  await sleep(700);
  const before = await host.child.ask<HostState>();
  await sleep(SECONDS * 1000);
  const after = await host.child.ask<HostState>();
  client.stop();
  host.child.stop();
  const echoes = (after.bytesIn - before.bytesIn) / 100;
  return { cpu: (after.cpu - before.cpu) / echoes, rate: echoes / SECONDS };
}

const rows: Record<string, Cost[]> = {};
const note = (name: string, cost: Cost) => {
  rows[name] ??= [];
  rows[name].push(cost);
};
for (let round = 0; round < ROUNDS; round++) {
  note('bare dgram', await bare());
  note('10 sessions, one datagram a packet', await ours(10, 1));
  note('100 sessions, one datagram a packet', await ours(100, 1));
  note('1,000 sessions, one datagram a packet', await ours(1000, 1));
  note('10 sessions, 32 on the way', await ours(10, 32));
}
const cpu = (name: string) => median(rows[name].map((cost) => cost.cpu));
for (const [name, costs] of Object.entries(rows)) {
  const spread = costs.map((cost) => cost.cpu.toFixed(2)).join(', ');
  const rate = Math.round(median(costs.map((cost) => cost.rate)));
  console.log(`${name.padEnd(40)} ${cpu(name).toFixed(2)} us an echo (${spread}), ${rate}/s`);
}
const percent = (value: number) => `${(value * 100).toFixed(0)} %`;
console.log(
  `bare dgram over ours, 10 sessions        ${percent(cpu('bare dgram') / cpu('10 sessions, one datagram a packet'))}`,
);
console.log(
  `bare dgram over ours, 100 sessions       ${percent(cpu('bare dgram') / cpu('100 sessions, one datagram a packet'))}`,
);
console.log(
  `1,000 sessions of itself at 10           ${percent(cpu('10 sessions, one datagram a packet') / cpu('1,000 sessions, one datagram a packet'))}`,
);
console.log(
  `bare dgram over ours, packed             ${percent(cpu('bare dgram') / cpu('10 sessions, 32 on the way'))}`,
);
