import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type HostConfigInput, hostConfigSchema } from '../../../src/host/config.js';
import { FunctionRegistry, type FunctionTable } from '../../../src/host/functions/function-registry.js';
import { ShardPeers } from '../../../src/host/functions/peers/shard-peers.js';
import { BufferPool } from '../../../src/host/functions/receive/buffer-pool.js';

function tableOf(config: HostConfigInput): FunctionTable {
  const { functions, builtIn, clientFunctions, endpoints } = hostConfigSchema.parse(config);
  const rest = { endpointKey: Buffer.alloc(32), maxBufferSize: 1e6, tracing: false };
  return { functions, builtIn, clientFunctions, endpoints, ...rest };
}

async function load(config: HostConfigInput): Promise<FunctionRegistry> {
  const nobody = (): void => {};
  return await FunctionRegistry.load(tableOf(config), new BufferPool(), new ShardPeers(nobody, nobody), 10);
}

test('clients name any number of addresses, whatever others named', async () => {
  const registry = await load({
    clientFunctions: { most: 1, endpoints: true },
    endpoints: { allow: ['example.com'] },
  });
  for (let i = 0; i < 1100; i++) {
    const defined = registry.define(
      { type: 'define', id: 'a', endpoint: { url: `https://example.com/${i}` } } as never,
      0,
    );
    assert.ok('hostFunction' in defined, JSON.stringify(defined));
  }
  await registry.close();
});

test('a table that takes long to load does not undo the one after it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-registry-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const slow = join(folder, 'slow.mjs');
  writeFileSync(
    slow,
    'await new Promise((resolve) => setTimeout(resolve, 200));\nexport default { data: () => null };\n',
  );
  const registry = await load({});
  const late = registry.reload(tableOf({ functions: { slow: { endpoint: slow } } }));
  await registry.reload(tableOf({ functions: { other: { endpoint: 'echo' } } }));
  await assert.rejects(late, { code: 'TIDEGATE_E_FUNCTION', message: /a later table/ });
  assert.notEqual(registry.get('other'), undefined);
  assert.equal(registry.get('slow'), undefined);
  await registry.close();
});

test('functions of the package are there as far as the operator wants them', async () => {
  const registry = await load({});
  const there = (): string[] => [...registry].map(({ id }) => id).sort();
  assert.deepEqual(there(), ['echo', 'sink', 'source']);
  await registry.reload(tableOf({ builtIn: ['echo'], functions: { own: { endpoint: 'sink' } } }));
  assert.deepEqual(there(), ['echo', 'own']);
  await registry.reload(tableOf({ builtIn: [] }));
  assert.deepEqual(there(), []);
  await registry.close();
});
