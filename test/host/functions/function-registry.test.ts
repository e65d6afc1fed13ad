import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostConfigSchema } from '../../../src/host/config.js';
import { FunctionRegistry } from '../../../src/host/functions/function-registry.js';
import { ShardPeers } from '../../../src/host/functions/peers/shard-peers.js';
import { BufferPool } from '../../../src/host/functions/receive/buffer-pool.js';

test('clients name any number of addresses, whatever others named', async () => {
  const { functions, clientFunctions, endpoints } = hostConfigSchema.parse({
    clientFunctions: { most: 1, endpoints: true },
    endpoints: { allow: ['example.com'] },
  });
  const peers = new ShardPeers(
    () => {},
    () => {},
  );
  const table = { functions, clientFunctions, endpoints, endpointKey: Buffer.alloc(32), maxBufferSize: 1e6 };
  const registry = await FunctionRegistry.load({ ...table, tracing: false }, new BufferPool(), peers, 10);
  for (let i = 0; i < 1100; i++) {
    const defined = registry.define(
      { type: 'define', id: 'a', endpoint: { url: `https://example.com/${i}` } } as never,
      0,
    );
    assert.ok('hostFunction' in defined, JSON.stringify(defined));
  }
  await registry.close();
});
