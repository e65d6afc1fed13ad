import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultMaxConnections, defaultUnreadBudget } from '../../src/host/memory-defaults.js';

const GIB = 1024 ** 3;

test('a small machine gives a share of what it has, a large one no more than anybody needs', () => {
  assert.equal(defaultUnreadBudget(GIB / 2), GIB / 8);
  assert.equal(defaultUnreadBudget(64 * GIB), GIB);
  assert.equal(defaultMaxConnections(1, GIB), 7158);
  assert.equal(defaultMaxConnections(4, GIB), 1789);
  assert.equal(defaultMaxConnections(2, 64 * GIB), 100_000);
});

test('this machine has memory', () => {
  assert.ok(defaultUnreadBudget() > 0 && defaultUnreadBudget() <= GIB);
  assert.ok(defaultMaxConnections(1) > 0);
});
