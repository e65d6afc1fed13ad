// `node --import tidegate/register examples/client.js https://127.0.0.1:4433 CERTIFICATE_HASH [TOKEN]`: says hello to
// examples/counter.js twice, and prints the token by which the host knows this client again.
import { quicheLoaded, WebTransport } from '@fails-components/webtransport';
import { FunctionSession } from 'tidegate/client';

const [url, hash, token] = process.argv.slice(2);
await quicheLoaded;
const kept = new Map(token === undefined ? [] : [[new URL(url).host, token]]);
const session = await FunctionSession.open(new URL('/counter', url), {
  webTransport: WebTransport,
  serverCertificateHashes: [{ algorithm: 'sha-256', value: Buffer.from(hash, 'hex') }],
  tokens: { load: (host) => kept.get(host) ?? null, save: (host, value) => kept.set(host, value) },
});
for (const message of ['hello', 'hello again']) {
  const answer = await session.request(new TextEncoder().encode(message));
  console.log(new TextDecoder().decode(answer));
}
session.close();
await session.transport.closed;
console.log(`token ${[...kept.values()][0]}`);
