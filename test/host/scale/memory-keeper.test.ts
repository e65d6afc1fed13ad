import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryKeeper } from '../../../src/host/scale/memory-keeper.js';
import type { ToShard } from '../../../src/host/shard/messages.js';

/** A keeper with a budget of 1,000 bytes over shards that hold so much unread, and what it says. */
function keeper(unread: readonly number[]): { of: MemoryKeeper; told: [number, ToShard][]; logged: string[] } {
  const told: [number, ToShard][] = [];
  const logged: string[] = [];
  const of = new MemoryKeeper(
    {
      live: unread.map((_, shard) => shard),
      counters: (shard) => ({
        get: (name) => (name === 'unreadBytes' ? unread[shard] : 0),
      }),
      send: (shard, message) => told.push([shard, message]),
    },
    1000,
    (level, message) => logged.push(`${level}: ${message}`),
  );
  return { of, told, logged };
}

test('within the budget nobody is told anything', () => {
  const { of, told, logged } = keeper([400, 500]);
  of.look();
  assert.equal(of.fullness, 0.9);
  assert.deepEqual([told, logged], [[], []]);
});

test('over it, each shard that holds anything is given its share, and that is logged', () => {
  const { of, told, logged } = keeper([1600, 0, 400]);
  of.look();
  assert.equal(of.fullness, 2);
  assert.deepEqual(
    told.map(([shard, message]) => [
      shard,
      message.type,
      message.type === 'boundUnread' ? Math.round(message.bytes) : null,
    ]),
    [
      [0, 'boundUnread', 640],
      [2, 'boundUnread', 160],
    ],
  );
  assert.deepEqual(logged, ['warn: unread data is over its budget']);
});
