import { NodeClient } from '../../src/client/node-client.js';
import { Recorder } from './client.js';

/** Opens sessions, says so, and waits to be killed: `node doomed-clients.js URL HASH COUNT`. */
const [url, hash, count] = process.argv.slice(2);
const client = await NodeClient.create({
  certificateHashes: [hash],
  transport: { idleTimeoutMs: 2000, keepAliveMs: 500 },
});
for (let i = 0; i < Number(count); i++) await client.connect(`${url}?client=${process.pid}-${i}`, new Recorder());
process.send?.('open');
