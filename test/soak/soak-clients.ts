/**
 * Clients of a soak: `node soak-clients.js URL HASH SESSIONS SECONDS SEED`: they come and go, send datagrams and streams, some
 * don't read, some reset. Tells what it sent and what came back, and ends.
 */

import { STAMP_BYTES } from '../../src/cli/load/load-session.js';
import { NodeClient } from '../../src/client/node-client.js';
import { SILENT_SESSION, type WebTransportSession } from '../../src/http3/session.js';
import { sleep } from '../support/client.js';
import { seeded } from '../support/seeded.js';

process.on('disconnect', () => process.exit(1));
const [url, hash, sessions, seconds, seed] = process.argv.slice(2);
const random = seeded(Number(seed));
const client = await NodeClient.create({ certificateHashes: [hash] });
const counts = { opened: 0, failed: 0, streams: 0, wrong: 0, datagrams: 0, back: 0 };
const end = performance.now() + Number(seconds) * 1000;
const chunk = new Uint8Array(65_536);

/** A stream there and back; what comes has to be as long as what went. */
function stream(session: WebTransportSession, bytes: number): void {
  const made = session.openStream(true);
  if (made === null) return;
  counts.streams++;
  let left = new Uint8Array(bytes);
  let came = 0;
  const resets = random() < 0.1;
  made.handler = {
    onReadable() {
      for (let length = made.read(chunk); length >= 0; length = made.read(chunk)) came += length;
      if (made.finished && came !== bytes) counts.wrong++;
    },
    onWritable() {
      left = left.subarray(made.write(left, true));
      if (resets && left.length > 0) made.reset(7);
    },
    onReset() {},
    onStopSending() {},
  };
  left = left.subarray(made.write(left, true));
}

async function visit(i: number): Promise<void> {
  await sleep(random() * 1000 * Math.min(5, Number(seconds) / 3));
  while (performance.now() < end) {
    try {
      const { session, http3 } = await client.connect(`${url}/echo?client=soak${i}`, {
        ...SILENT_SESSION,
        onDatagram: () => counts.back++,
      });
      counts.opened++;
      const messages = 1 + Math.floor(random() * 30);
      for (let sent = 0; sent < messages && session.state === 'open'; sent++) {
        if (random() < 0.2) stream(session, 1 + Math.floor(random() ** 4 * 200_000));
        else if (session.sendDatagram(new Uint8Array(STAMP_BYTES + Math.floor(random() * 1000))) === 'sent')
          counts.datagrams++;
        client.driver.scheduleFlush();
        await sleep(random() * 400);
      }
      // What was sent last comes back; then some leave as they should, some just go.
      await sleep(300);
      if (random() < 0.8) session.close(0, 'bye');
      http3.close();
      client.driver.scheduleFlush();
    } catch {
      counts.failed++;
      await sleep(500);
    }
  }
}

await Promise.all(Array.from({ length: Number(sessions) }, (_, i) => visit(i)));
await sleep(300);
process.send?.(counts, () => process.exit(0));
