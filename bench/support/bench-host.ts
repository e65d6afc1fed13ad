/** A host with limits out of the way that tells its CPU time: the measured side of the benches. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SHARD_WORKER } from '../../src/host/shard-pool.js';
import { SocketHost } from '../../src/host/socket-host.js';
import { NoProfiler } from './no-profiler.js';

/** `node bench-host.js SHARDS tcp|udp POLICY gated|ungated|bare CONFIG`, all of them optional; bare: without profiles. */
const [shards = '1', tcp = 'udp', policy = '{}', gate = 'gated', config = '{}'] = process.argv.slice(2);
const host = new SocketHost(
  {
    port: 0,
    shards: Number(shards),
    tcp: tcp === 'tcp',
    dataDir: mkdtempSync(join(tmpdir(), 'tidegate-bench-')),
    policy: { minRateLimit: 1e9, minBurst: 1e9, maxRateLimit: 1e10, minBufferSize: 65536, ...JSON.parse(policy) },
    handshakes: { retryAbove: 100_000, max: 100_000, maxPerPrefix: 100_000 },
    // Benches of other parts measure those parts.
    prediction: { enabled: false },
    ...JSON.parse(config),
  },
  {
    ...(gate === 'bare' ? { profiler: new NoProfiler() } : {}),
    shardWorker: gate === 'ungated' ? new URL('./ungated-shard.js', import.meta.url).href : SHARD_WORKER,
  },
);
await host.start();
process.send?.({ url: host.url, hash: host.certificateHash });
process.on('message', async () => {
  const { user, system } = process.cpuUsage();
  const sessions = await host.sessions();
  const totals = host.shards.totals();
  process.send?.({
    cpu: user + system,
    totals,
    rss: process.memoryUsage.rss(),
    bytesIn: sessions.reduce((sum, { counts }) => sum + counts.bytesIn, 0),
  });
});
