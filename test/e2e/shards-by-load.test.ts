import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { TestClient, until } from '../support/client.js';
import { CLI, HostProcess } from '../support/host-process.js';
import { nodeForShards, noShards } from '../support/many-shards.js';

const hosts: HostProcess[] = [];
after(async () => {
  for (const host of hosts) await host.dispose();
});

/** A host with a range of shards, and a load that is more than one of them is to carry, until what is waited for has come. */
async function underLoad(node: string | undefined, wait: (host: HostProcess) => Promise<void>): Promise<HostProcess> {
  const config = join(mkdtempSync(join(tmpdir(), 'tidegate-')), 'c.json');
  writeFileSync(config, JSON.stringify({ shards: { min: 1, max: 2 }, prediction: { enabled: false } }));
  const host = await HostProcess.start(['--config', config], node === undefined ? {} : { node });
  hosts.push(host);
  const args = [
    CLI,
    'load',
    `${host.url}/echo`,
    '--certificate-hash',
    host.hash,
    '--sessions',
    '60',
    '--rate',
    '0',
    '--duration',
    '60',
  ];
  const load = spawn(process.execPath, args, { stdio: 'ignore' });
  try {
    await wait(host);
  } finally {
    load.kill();
  }
  return host;
}

test('a shard is added as the load comes, and serves', { skip: noShards, timeout: 90_000 }, async () => {
  const host = await underLoad(nodeForShards, async (serving) => {
    const shards = async () => (await serving.admin<{ shards: number[] }>('/readyz')).shards.length;
    assert.equal(await shards(), 1);
    await until(async () => (await shards()) === 2, 60_000, 'the second shard');
  });
  assert.match(host.stderr, /a shard was added/);
  const client = await TestClient.create(host);
  const opened = await Promise.all(Array.from({ length: 8 }, () => client.open(`${host.url}/echo`)));
  for (const each of opened) await client.ping(each);
  await client.close();
});

test('where the port can not be shared the host says what it would do', { timeout: 90_000 }, async () => {
  const host = await underLoad(undefined, async (serving) => {
    await until(() => /another shard would serve|a shard was added/.test(serving.stderr), 60_000, 'the log');
  });
  assert.match(host.stderr, /can't share a UDP port|a shard was added/);
  assert.ok((await host.metric('tidegate_shards_wanted')) === 2);
});
