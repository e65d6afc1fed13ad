import { AdminServer } from '../../src/admin/admin-server.js';
import { SocketHost } from '../../src/host/socket-host.js';

/** `serve` with faulty functions: `node faulty-host.js --shards N …`, same flags, same announcement. */
const value = (name: string) => process.argv[process.argv.indexOf(name) + 1];
const host = new SocketHost(
  {
    port: Number(value('--port')),
    adminPort: Number(value('--admin-port')),
    dataDir: value('--data-dir'),
    shards: process.argv.includes('--shards') ? Number(value('--shards')) : 1,
    migration: process.argv.includes('--migration'),
    tcp: !process.argv.includes('--no-tcp'),
  },
  { shardWorker: new URL('./faulty-shard.js', import.meta.url).href },
);
host.on('log', (level, message, detail) => console.error(JSON.stringify({ level, message, ...detail })));
await host.start();
const admin = await AdminServer.start(host);
const { url, certificateHash } = host;
console.log(
  JSON.stringify({ url, certificateHash, adminUrl: admin.url, shards: host.shards.live.length, pid: process.pid }),
);
process.on('message', async (message: { add?: true; retire?: number }) => {
  if (message.add) process.send?.({ added: await host.shards.add() });
  if (message.retire !== undefined) host.shards.retire(message.retire);
});
process.on('SIGTERM', async () => {
  await host.close(1);
  await admin.close();
  process.exit(0);
});
