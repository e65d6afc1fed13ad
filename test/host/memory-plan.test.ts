import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../src/host/config.js';
import { memoryPlan } from '../../src/host/memory-plan.js';

const MIB = 1024 ** 2;
const GIB = 1024 * MIB;
const config = parseConfig({});

test('a small machine gives a share of what it has, a large one no more than anybody needs', () => {
  assert.deepEqual(memoryPlan(config, GIB, 1), {
    unreadBudget: 231 * MIB,
    memoryBudget: 231 * MIB,
    maxConnections: Math.floor((462 * MIB) / 75_000),
  });
  assert.deepEqual(memoryPlan(config, 64 * GIB, 2), {
    unreadBudget: GIB,
    memoryBudget: GIB,
    maxConnections: 100_000,
  });
});

test('all that is given away is there, beside what the process takes itself', () => {
  for (const total of [GIB / 8, GIB / 4, GIB, 4 * GIB, 64 * GIB]) {
    for (const shards of [1, 2, 16]) {
      const { unreadBudget, memoryBudget, maxConnections } = memoryPlan(config, total, shards);
      const given = unreadBudget + memoryBudget + maxConnections * shards * 75_000;
      assert.ok(given > 0 && given <= Math.max(total - (60 + 40 * shards) * MIB, total / 4), `${total}, ${shards}`);
    }
  }
});

test('what is configured holds', () => {
  const own = { unreadBudget: 1000, memoryBudget: 2000, maxConnections: 30 };
  assert.deepEqual(memoryPlan(parseConfig(own)), own);
  const { unreadBudget, maxConnections } = memoryPlan(config);
  assert.ok(unreadBudget > 0 && maxConnections > 0, 'this machine has memory');
});
