import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HandshakeQueue } from '../../src/quic/quiche/handshake-queue.js';

test('packets wait in order, as they were, and no more than there is room for', () => {
  const queue = new HandshakeQueue();
  const packet = Uint8Array.of(1, 2, 3);
  let kept = 0;
  while (queue.add(packet, '192.0.2.1', kept)) {
    kept++;
    packet[0]++;
  }
  assert.equal(queue.length, kept);
  for (let i = 0; i < kept; i++) {
    const { packet: was, port } = queue.first();
    assert.deepEqual([port, ...was], [i, i + 1, 2, 3]);
    queue.drop();
  }
  assert.equal(queue.length, 0);
  assert.equal(queue.add(new Uint8Array(5000), '192.0.2.1', 0), false, 'no packet of a handshake is so large');
  assert.ok(queue.add(packet, '192.0.2.1', 0), 'there is room again');
});
