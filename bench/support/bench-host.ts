/** A host with limits out of the way that tells its CPU time: the measured side of the benches. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SocketHost } from '../../src/host/socket-host.js';

const host = new SocketHost({
  port: 0,
  shards: Number(process.argv[2] ?? 1),
  tcp: process.argv[3] === 'tcp',
  dataDir: mkdtempSync(join(tmpdir(), 'tidegate-bench-')),
  policy: { minRateLimit: 1e9, minBurst: 1e9, maxRateLimit: 1e10, minBufferSize: 65536 },
  handshakes: { retryAbove: 100_000, max: 100_000, maxPerPrefix: 100_000 },
});
await host.start();
process.send?.({ url: host.url, hash: host.certificateHash });
process.on('message', async () => {
  const { user, system } = process.cpuUsage();
  const sessions = await host.sessions();
  process.send?.({
    cpu: user + system,
    totals: host.shards.totals(),
    rss: process.memoryUsage.rss(),
    bytesIn: sessions.reduce((sum, { counts }) => sum + counts.bytesIn, 0),
  });
});
