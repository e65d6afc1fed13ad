/** What one call over the native border costs (tinybench), on a connection that is established in memory. */
import { Bench } from 'tinybench';
import { createSelfSigned } from '../src/host/certificate/self-signed.js';
import { loadQuiche } from '../src/quic/native.js';

const quiche = loadQuiche();
const pair = await createSelfSigned(['localhost'], new Date(Date.now() - 3_600_000));
const encode = (text: string) => new TextEncoder().encode(text);
const make = (server: boolean) => {
  const config = server
    ? quiche.Config.withBoringSslCtx(false, false, null, [encode(pair.privateKey)], [encode(pair.certificate)], null)
    : quiche.Config.withBoringSslCtx(false, false, null, null, null, null);
  config.setApplicationProtos(['h3']);
  config.setInitialMaxData(1e9);
  config.setInitialMaxStreamDataUni(1e9);
  config.setInitialMaxStreamsUni(10);
  config.enableDgram(true, 64, 64);
  return config;
};
const [a, b] = [
  { host: '127.0.0.1', port: 1 },
  { host: '127.0.0.1', port: 2 },
];
const client = quiche.Connection.connect(null, new Uint8Array(17).fill(1), a, b, make(false));
const server = quiche.Connection.accept(new Uint8Array(17).fill(2), null, b, a, make(true));
const out = new Uint8Array(1500);
const scratch = new Uint8Array(2048);
const toServer = { from: a, to: b };
const toClient = { from: b, to: a };
const drain = (from: typeof client, to: typeof client, info: typeof toServer): void => {
  for (let sent = from.send(out); sent !== null; sent = from.send(out)) to.recv(out.subarray(0, sent[0]), info);
};
for (let i = 0; i < 8; i++) {
  drain(client, server, toServer);
  drain(server, client, toClient);
}
const payload = new Uint8Array(100);

const bench = new Bench({ time: 500 });
bench
  .add('recv + dgramRecv + dgramSend + send: one echo, both sides', () => {
    client.dgramSend(payload);
    drain(client, server, toServer);
    server.dgramRecv(scratch);
    server.dgramSend(payload);
    drain(server, client, toClient);
    client.dgramRecv(scratch);
  })
  .add('dgramRecv, nothing there', () => server.dgramRecv(scratch))
  .add('send, nothing to send', () => server.send(out))
  .add('timeout', () => server.timeout())
  .add('isReadable', () => server.isReadable())
  .add('isDraining', () => server.isDraining())
  .add('streamReadable', () => server.streamReadable(2))
  .add('readable (makes an object and an iterator)', () => {
    for (const _ of server.readable());
  });
await bench.run();
console.table(
  bench.tasks.map(({ name, result }) => ({
    call: name,
    'us a call': result.state === 'completed' ? Number((result.latency.mean * 1000).toFixed(3)) : 'failed',
  })),
);
