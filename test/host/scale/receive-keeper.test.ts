import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReceiveKeeper, type ReceivePool } from '../../../src/host/scale/receive-keeper.js';
import type { CounterName } from '../../../src/host/shard/counters.js';
import type { ToShard } from '../../../src/host/shard/messages.js';
import type { ReceiveQueues } from '../../../src/net/receive-queues.js';

/** A pool of two shards, whose counters can be set, and what they are told. */
function pool(): { pool: ReceivePool; counters: Partial<Record<CounterName, number>>[]; told: ToShard[] } {
  const counters: Partial<Record<CounterName, number>>[] = [{}, {}];
  const told: ToShard[] = [];
  const counted = (shard: number) => ({ get: (name: CounterName) => counters[shard][name] ?? 0 });
  const broadcast = (message: ToShard): void => void told.push(message);
  return { pool: { port: 4433, live: [0, 1], counters: counted, broadcast }, counters, told };
}

test('what the kernel dropped is held against what all shards took', async () => {
  const { pool: shards, counters } = pool();
  let queues: ReceiveQueues = { fullestBytes: 0, dropped: 0 };
  const ports: number[] = [];
  const keeper = new ReceiveKeeper(shards, async (port) => {
    ports.push(port);
    return queues;
  });
  assert.equal(keeper.queues, null);
  await keeper.look(1000);
  queues = { fullestBytes: 4096, dropped: 100 };
  counters[0] = { packetsIn: 100, packetsDelivered: 100, busyMicroseconds: 999_000 };
  counters[1] = { packetsIn: 250, packetsDelivered: 200, handedOn: 50, busyMicroseconds: 20_000 };
  await keeper.look(2000);
  assert.equal(keeper.lost, 0.25);
  assert.deepEqual(keeper.queues, queues);
  assert.deepEqual(ports, [4433, 4433]);
  await keeper.look(3000);
  assert.equal(keeper.lost, 0);
});

test('where the system tells nothing, nothing is lost as far as one knows', async () => {
  const keeper = new ReceiveKeeper(pool().pool, async () => null);
  await keeper.look(1000);
  await keeper.look(2000);
  assert.equal(keeper.lost, 0);
  assert.equal(keeper.queues, null);
});

test('while a queue stands the shards have smaller buffers, for what each takes', async () => {
  const { pool: shards, counters, told } = pool();
  let second = 0;
  let fullestBytes = 8 * 1024 * 1024;
  const keeper = new ReceiveKeeper(shards, async () => ({ fullestBytes, dropped: second * 900 }));
  const looks = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      for (const counter of counters) {
        counter.packetsIn = second * 4000;
        counter.bytesIn = second * 400_000;
      }
      await keeper.look(second++ * 1000);
    }
  };
  await looks(3);
  assert.deepEqual(told, []);
  await looks(4);
  assert.deepEqual(told, [{ type: 'receiveBuffer', bytes: 768_000 }], 'once, for 4,000 packets a second');
  fullestBytes = 0;
  await looks(12);
  assert.deepEqual(told[1], { type: 'receiveBuffer', bytes: 4 * 1024 * 1024 });
});
