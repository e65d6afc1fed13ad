/** Saturates a host's echo: `node echo-client.js URL HASH SESSIONS WINDOW [FUNCTION]`, datagrams of 100 bytes, until killed. */
import { NodeClient } from '../../src/client/node-client.js';
import { type SessionHandler, SILENT_SESSION } from '../../src/http3/session.js';

const [url, hash, sessions, window, path = 'echo'] = process.argv.slice(2);
const client = await NodeClient.create({ certificateHashes: [hash] });
const payload = new Uint8Array(100);
const opened: { sendDatagram(bytes: Uint8Array): unknown }[] = [];
let left = Number(sessions);
const worker = async (): Promise<void> => {
  while (left-- > 0) {
    const handler: SessionHandler = {
      ...SILENT_SESSION,
      onDatagram: () => session.sendDatagram(payload),
    };
    const { session } = await client.connect(`${url}/${path}?client=${left}`, handler);
    opened.push(session);
  }
};
await Promise.all(Array.from({ length: 16 }, worker));
process.send?.({ opened: opened.length });
process.on('message', () => {
  for (const session of opened) for (let i = 0; i < Number(window); i++) session.sendDatagram(payload);
  client.driver.scheduleFlush();
  process.send?.({ started: true });
});
