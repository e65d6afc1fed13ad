import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SILENT_CONNECTION } from '../../src/quic/engine.js';
import type { NativeConnection } from '../../src/quic/native.js';
import { StreamEnds } from '../../src/quic/quiche/stream-ends.js';
import { StreamWatch } from '../../src/quic/quiche/stream-watch.js';

test('a stream that another’s reader read to its end is not watched again', () => {
  const listed = Array.from({ length: 20 }, (_, i) => 100 + i * 4);
  const native = {
    isReadable: () => true,
    streamReadable: () => false,
    streamFinished: () => true,
    readable: () => listed,
  } as unknown as NativeConnection;
  const path = { rtt: 1, packetsLost: 0, packetsSent: 0 };
  const ends = new StreamEnds(
    native,
    3,
    () => path,
    () => true,
  );
  const watch = new StreamWatch(native, true, ends);
  const raised: number[] = [];
  const handler = {
    ...SILENT_CONNECTION,
    onStreamReadable(id: number) {
      raised.push(id);
      // As where a message that was handed on makes room for those of other streams.
      for (const other of listed) watch.removeReader(other);
    },
  };
  watch.raise({ isClosed: false, handler }, 0);
  assert.deepEqual(raised, [100]);
  assert.equal(watch.countOpen(0), 0, 'nothing is left of them');
});
