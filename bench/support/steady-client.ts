/** Echoes at a steady rate: `node steady-client.js URL HASH SESSIONS RATE`. Asked, it tells what came since it was asked last. */

import { LoadReport } from '../../src/cli/load/load-report.js';
import { LoadSession } from '../../src/cli/load/load-session.js';
import { NodeClient } from '../../src/client/node-client.js';
import { sleep } from './children.js';

const [url, hash, count, rate] = process.argv.slice(2);
const client = await NodeClient.create({ certificateHashes: [hash] });
let report = new LoadReport();
const sessions: LoadSession[] = [];
for (let i = 0; i < Number(count); i++) {
  const session = new LoadSession(report, 100);
  const { session: opened } = await client.connect(`${url}/echo?client=steady${i}`, session);
  session.session = opened;
  sessions.push(session);
}
process.send?.({ opened: sessions.length });
process.on('message', () => {
  process.send?.(report.result(true));
  report = new LoadReport();
  for (const session of sessions) session.report = report;
});
const startedAt = performance.now();
const perMs = (Number(rate) * sessions.length) / 1000;
for (let sent = 0; ; await sleep(1)) {
  const due = Math.floor((performance.now() - startedAt) * perMs);
  for (; sent < due; sent++) sessions[sent % sessions.length].sendDatagram();
  client.driver.scheduleFlush();
}
