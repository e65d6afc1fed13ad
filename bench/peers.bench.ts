/**
 * Echoes of 100 bytes by what people use instead, side by side: server CPU an echo, each saturated by a client of its own kind. A
 * bare `dgram` socket (no encryption, no connections), `ws` (TCP, no TLS), @currentspace/http3 (raw QUIC datagrams, Node >= 24),
 * and ours (WebTransport datagrams through the gate).
 */
import { Child, median, sleep } from './support/children.js';
import type { EchoState } from './support/echo-counter.js';
import { ECHO_BYTES } from './support/echo-size.js';
import { installPeer, nodeOfPeer } from './support/quic-peer.js';

const ROUNDS = Number(process.env.ROUNDS ?? 3);
const SECONDS = Number(process.env.SECONDS_EACH ?? 3);
const CONNECTIONS = 10;

interface Cost {
  /** µs of server CPU an echo. */
  cpu: number;
  rate: number;
}

/** Lets it run in, then measures. `state` is what the server tells of itself. */
async function measured(server: Child, client: Child, state = () => server.ask<EchoState>()): Promise<Cost> {
  await sleep(700);
  const before = await state();
  await sleep(SECONDS * 1000);
  const after = await state();
  client.stop();
  server.stop();
  const echoes = after.echoed - before.echoed;
  return { cpu: (after.cpu - before.cpu) / echoes, rate: echoes / SECONDS };
}

async function echoOf(server: string, client: string, args: readonly string[], node?: string): Promise<Cost> {
  const { child, hello } = await Child.start<{ port: number }>(server, [], node);
  return await measured(child, Child.begin(client, [String(hello.port), ...args], node));
}

async function ours(window: number): Promise<Cost> {
  const host = await Child.start<{ url: string; hash: string }>('./bench-host.js');
  const { url, hash } = host.hello;
  const { child: client } = await Child.start('./echo-client.js', [url, hash, String(CONNECTIONS), String(window)]);
  await client.ask();
  return await measured(host.child, client, async () => {
    const { cpu, bytesIn } = await host.child.ask<{ cpu: number; bytesIn: number }>();
    return { cpu, echoed: bytesIn / ECHO_BYTES };
  });
}

const node = nodeOfPeer();
const hasPeer = node !== null && installPeer();
if (!hasPeer) console.log('@currentspace/http3 is left out: it needs Node >= 24 (.cache/node24) and the registry');
const rows = new Map<string, Cost[]>();
const note = (name: string, cost: Cost): void => void rows.set(name, [...(rows.get(name) ?? []), cost]);
for (let round = 0; round < ROUNDS; round++) {
  for (const window of [1, 32]) {
    const args = [String(CONNECTIONS), String(window)];
    note(`ours, ${window} on the way`, await ours(window));
    note(`ws, ${window} on the way`, await echoOf('./ws-echo.js', './ws-echo-client.js', args));
    if (hasPeer) {
      const [server, client] = ['./quic-peer-echo.js', './quic-peer-echo-client.js'];
      note(`@currentspace/http3, ${window} on the way`, await echoOf(server, client, args, node));
    }
  }
  note(
    'bare dgram',
    await echoOf('./bare-dgram.js', './bare-dgram-client.js', [String(CONNECTIONS * 10), String(ECHO_BYTES)]),
  );
}
const cpu = (name: string): number => median((rows.get(name) ?? []).map((cost) => cost.cpu));
for (const [name, costs] of rows) {
  const reference = `ours, ${/\d+/.exec(name.replace('http3', ''))?.[0] ?? 1} on the way`;
  const spread = costs.map((cost) => cost.cpu.toFixed(1)).join(', ');
  const rate = Math.round(median(costs.map((cost) => cost.rate)));
  const ratio = (cpu(name) / cpu(reference)).toFixed(2);
  console.log(`${name.padEnd(36)} ${cpu(name).toFixed(1)} us an echo (${spread}), ${rate}/s, ${ratio} of ours`);
}
