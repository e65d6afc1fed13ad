import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { PacketRing } from '../../src/host/shard/packet-ring.js';

test('packets come out as they went in, in order, through any mix of writes and reads', () => {
  const packet = fc.tuple(
    fc.uint8Array({ maxLength: 200 }),
    fc.constantFrom('127.0.0.1', '2001:db8::1'),
    fc.nat(65535),
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(packet, fc.nat(5)), { maxLength: 200 }), (steps) => {
      const ring = new PacketRing(PacketRing.create(1024));
      const expected: unknown[] = [];
      for (const step of steps) {
        if (typeof step === 'number') {
          ring.drain((bytes, address, port) => assert.deepEqual([bytes, address, port], expected.shift()), step);
        } else if (ring.write(...step)) {
          expected.push(step);
        }
      }
      ring.drain((bytes, address, port) => assert.deepEqual([bytes, address, port], expected.shift()), 1e6);
      assert.equal(expected.length, 0);
      assert.equal(ring.isEmpty, true);
    }),
    { numRuns: 1000 },
  );
});

test('a full ring refuses and recovers', () => {
  const ring = new PacketRing(PacketRing.create(1024));
  let written = 0;
  while (ring.write(new Uint8Array(100), '127.0.0.1', 1)) written++;
  assert.ok(written >= 7);
  assert.equal(
    ring.drain(() => {}),
    written,
  );
  assert.equal(ring.write(new Uint8Array(100), '127.0.0.1', 1), true);
});

test('between threads nothing is lost or torn', async () => {
  const memory = PacketRing.create(4096);
  const module = new URL('../../src/host/shard/packet-ring.js', import.meta.url).href;
  const worker = new Worker(
    `const { workerData } = require('node:worker_threads');
     import(workerData.module).then(({ PacketRing }) => {
       const ring = new PacketRing(workerData.memory);
       for (let i = 0; i < 100000; ) {
         const packet = new Uint8Array(4 + (i % 60)).fill(i & 255);
         new DataView(packet.buffer).setUint32(0, i);
         if (ring.write(packet, '127.0.0.1', i & 65535)) i++;
       }
     });`,
    { eval: true, workerData: { memory, module } },
  );
  const ring = new PacketRing(memory);
  let next = 0;
  while (next < 100_000) {
    const taken = ring.drain((packet, _address, port) => {
      assert.equal(new DataView(packet.buffer).getUint32(0), next);
      assert.equal(packet.length, 4 + (next % 60));
      assert.equal(port, next & 65535);
      if (packet.length > 4) assert.equal(packet.at(-1), next & 255);
      next++;
    });
    if (taken === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await worker.terminate();
});
