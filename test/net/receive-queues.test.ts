import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { readReceiveQueues, receiveQueuesOf } from '../../src/net/receive-queues.js';
import { until } from '../support/client.js';

const HEAD =
  '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n';
const line = (local: string, queues: string, drops: number): string =>
  `  842: ${local} 00000000:0000 07 ${queues} 00:00000000 00000000     0        0 4242 2 0000000000000000 ${drops}\n`;

test('the sockets of a port are found in the tables of both families, whatever else there is', () => {
  const tables =
    HEAD +
    line('00000000:1151', '00000000:000012C0', 3) +
    line('0100007F:0035', '00000000:0FFFFFFF', 900) +
    line('00000000:1151', '00000340:00000000', 4) +
    HEAD +
    line('00000000000000000000000000000000:1151', '00000000:00000300', 5) +
    'nonsense\n\n';
  assert.deepEqual(receiveQueuesOf(tables, 4433), { fullestBytes: 0x12c0, dropped: 12 });
  assert.deepEqual(receiveQueuesOf(tables, 1), { fullestBytes: 0, dropped: 0 });
});

test('what a socket has no room for is counted', { skip: !existsSync('/proc/self/net/udp') }, async () => {
  const bound = async (): Promise<Socket> => {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    return socket;
  };
  const [small, sender] = [await bound(), await bound()];
  try {
    small.setRecvBufferSize(8192);
    const { port } = small.address();
    assert.equal((await readReceiveQueues(port))?.dropped, 0);
    // All of it in one turn of the loop, in which nobody reads.
    for (let i = 0; i < 200; i++) sender.send(new Uint8Array(500), port, '127.0.0.1');
    await until(async () => ((await readReceiveQueues(port))?.dropped ?? 0) > 0);
  } finally {
    small.close();
    sender.close();
  }
});
