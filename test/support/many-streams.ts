/**
 * Streams through `@fails-components/webtransport` on our engine, server and client in one process. Prints the bytes that
 * each stream left behind, after a collection: `node --expose-gc --import register many-streams.js`.
 */
import { serve, WebTransport } from './library-server.js';

const { port, hash } = await serve((session) => {
  void (async () => {
    for await (const { readable, writable } of session.incomingBidirectionalStreams)
      readable.pipeTo(writable).catch(() => {});
  })();
});
const transport = new WebTransport(`https://127.0.0.1:${port}/echo`, {
  serverCertificateHashes: [{ algorithm: 'sha-256', value: Buffer.from(hash, 'hex') }],
});
await transport.ready;

async function run(streams: number): Promise<void> {
  let left = streams;
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      const { readable, writable } = await transport.createBidirectionalStream({ waitUntilAvailable: true });
      const writer = writable.getWriter();
      await writer.write(new Uint8Array(100));
      await writer.close();
      for await (const _ of readable);
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

async function settled(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    (globalThis as unknown as { gc(): void }).gc();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return process.memoryUsage().heapUsed;
}

const count = Number(process.argv[2] ?? 5000);
await run(2000);
const before = await settled();
await run(count);
const after = await settled();
console.log(JSON.stringify({ streams: count, bytesEach: Math.round((after - before) / count) }));
transport.close();
setTimeout(() => process.exit(0), 200);
