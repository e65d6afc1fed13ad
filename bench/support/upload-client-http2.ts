/** Uploads on one stream over the library's HTTP/2 until killed: `URL HASH`. */
import '../../transport/register.js';

const [url, hash] = process.argv.slice(2);
const { WebTransport } = (await import('@fails-components/webtransport')) as unknown as {
  WebTransport: new (
    url: string,
    options: object,
  ) => { ready: Promise<void>; createUnidirectionalStream(): Promise<WritableStream<Uint8Array>> };
};
const transport = new WebTransport(`${url}/sink`, {
  serverCertificateHashes: [{ algorithm: 'sha-256', value: Buffer.from(hash, 'hex') }],
  forceReliable: true,
});
await transport.ready;
const writer = (await transport.createUnidirectionalStream()).getWriter();
process.send?.({ started: true });
for (;;) await writer.write(new Uint8Array(65536));
