/**
 * `node crowded-client.js URL HASH UPLOADS SECONDS`: so many sessions upload without end, each on a stream; ten others ask for the
 * echo of 2 KB now and then, each on a stream of its own. Tells how those did.
 */
import { LoadReport } from '../../src/cli/load/load-report.js';
import { LoadSession } from '../../src/cli/load/load-session.js';
import { NodeClient } from '../../src/client/node-client.js';
import { sleep } from './children.js';
import { uploadWithoutEnd } from './endless-upload.js';

const SPARSE = 10;
const EVERY_MS = 50;
const BYTES = 2000;

const [url, hash, uploads, seconds] = process.argv.slice(2);
const client = await NodeClient.create({ certificateHashes: [hash] });

for (let i = 0; i < Number(uploads); i++) await uploadWithoutEnd(client, `${url}/sink?client=upload${i}`);
const report = new LoadReport();
const sparse: LoadSession[] = [];
for (let i = 0; i < SPARSE; i++) {
  const each = new LoadSession(report, BYTES);
  each.session = (await client.connect(`${url}/echo?client=sparse${i}`, each)).session;
  sparse.push(each);
}
// What the bucket held at first is gone then.
await sleep(3000);
for (let sent = 0; sent < (Number(seconds) * 1000) / EVERY_MS; sent++) {
  sparse[sent % SPARSE].sendStream();
  client.driver.scheduleFlush();
  await sleep(EVERY_MS);
}
await sleep(1000);
process.send?.(report.result(true));
