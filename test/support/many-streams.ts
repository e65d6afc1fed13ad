/**
 * Streams through `@fails-components/webtransport` on our engine, server and client in one process. Prints the bytes that
 * each stream left behind, after a collection: `node --expose-gc --import register many-streams.js`.
 */
import { certificateHash } from '../../src/host/certificate/certificate-source.js';
import { createSelfSigned } from '../../src/host/certificate/self-signed.js';

interface Pair {
  readable: ReadableStream<Uint8Array>;
  writable: WritableStream<Uint8Array>;
}
interface Session {
  ready: Promise<void>;
  incomingBidirectionalStreams: ReadableStream<Pair>;
  createBidirectionalStream(options: object): Promise<Pair>;
  close(): void;
}
const { Http3Server, WebTransport, quicheLoaded } = (await import('@fails-components/webtransport')) as unknown as {
  Http3Server: new (
    options: object,
  ) => {
    ready: Promise<void>;
    startServer(): void;
    address(): { port: number };
    sessionStream(path: string): ReadableStream<Session>;
  };
  WebTransport: new (url: string, options: object) => Session;
  quicheLoaded: Promise<void>;
};
await quicheLoaded;
const pair = await createSelfSigned(['127.0.0.1'], new Date(Date.now() - 3_600_000));
const server = new Http3Server({
  port: 0,
  host: '127.0.0.1',
  secret: 'test',
  cert: pair.certificate,
  privKey: pair.privateKey,
});
server.startServer();
await server.ready;
void (async () => {
  for await (const session of server.sessionStream('/echo')) {
    void (async () => {
      for await (const { readable, writable } of session.incomingBidirectionalStreams)
        readable.pipeTo(writable).catch(() => {});
    })();
  }
})();
const transport = new WebTransport(`https://127.0.0.1:${server.address().port}/echo`, {
  serverCertificateHashes: [{ algorithm: 'sha-256', value: Buffer.from(certificateHash(pair.certificate), 'hex') }],
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
