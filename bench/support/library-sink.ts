/** The library's own HTTP/2 server, reading streams into the void: what sessions over TCP are measured against. `CERTIFICATE KEY`. */
import '../../transport/register.js';

const [cert, privKey] = process.argv.slice(2).map((text) => Buffer.from(text, 'base64').toString());
const { Http2Server } = (await import('@fails-components/webtransport')) as unknown as {
  Http2Server: new (
    options: object,
  ) => {
    ready: Promise<void>;
    startServer(): void;
    address(): { port: number };
    setRequestCallback(callback: () => Promise<object>): void;
    sessionStream(path: string): ReadableStream<{
      ready: Promise<void>;
      incomingUnidirectionalStreams: ReadableStream<ReadableStream<Uint8Array>>;
    }>;
  };
};
const server = new Http2Server({ port: 0, host: '127.0.0.1', secret: 'bench', cert, privKey });
let bytesIn = 0;
// Without a callback as of 1.6.8 a session's first window is its last.
server.setRequestCallback(async () => ({ path: '/sink', status: 200 }));

async function drain(stream: ReadableStream<Uint8Array>): Promise<void> {
  for await (const chunk of stream) bytesIn += chunk.length;
}

server.startServer();
await server.ready;
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpu: user + system, bytesIn });
});
process.send?.({ port: server.address().port });
for await (const session of server.sessionStream('/sink')) {
  await session.ready;
  for await (const stream of session.incomingUnidirectionalStreams) void drain(stream);
}
