import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HandshakeQueue } from '../../src/quic/quiche/handshake-queue.js';
import { QuicPair, SILENT } from '../support/quic-pair.js';

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
    const { packet: was, port } = queue.take() ?? assert.fail('it is empty');
    assert.deepEqual([port, ...was], [i, i + 1, 2, 3]);
  }
  assert.equal(queue.take(), null);
  assert.equal(queue.add(new Uint8Array(5000), '192.0.2.1', 0), false, 'no packet of a handshake is so large');
  assert.ok(queue.add(packet, '192.0.2.1', 0), 'there is room again');
});

test('a crowd that comes is served, and who is there is answered before it', async () => {
  const answers: string[] = [];
  const pair = await QuicPair.create({
    onConnection: (connection) => {
      answers.push('new');
      connection.handler = { ...SILENT, onDatagram: () => answers.push('there') };
    },
  });
  const there = pair.connect();
  await pair.runUntil(() => there.isEstablished);
  answers.length = 0;
  const crowd = Array.from({ length: 30 }, () => pair.connect());
  // All of the crowd's packets come in front of the one of who is there.
  pair.client.flush(performance.now());
  there.datagramSend(Uint8Array.of(1));
  await pair.runUntil(() => crowd.every((connection) => connection.isEstablished));
  assert.equal(answers[0], 'there');
  assert.equal(answers.filter((answer) => answer === 'new').length, crowd.length);
});
