import { type MessagePort, threadId } from 'node:worker_threads';
import { ShardCounters } from '../../src/host/shard/counters.js';
import type { ShardInit, ShardOutcome } from '../../src/host/shard/messages.js';

/** What `small-shard.ts` is told in place of functions, and by messages. */
export type SmallShardOrder = 'serve' | 'loop' | 'exit' | 'die' | 'drain' | 'hear';

function loop(): never {
  for (;;);
}

/** A shard for tests of the pool: it beats, does what it is told, and says what it hears. */
export default async function run({ init, port }: { init: ShardInit; port: MessagePort }): Promise<ShardOutcome> {
  const order = init.functions as unknown as SmallShardOrder;
  if (order === 'loop') loop();
  if (order === 'exit') process.exit(3);
  const beats = new Int32Array(init.heartbeat);
  const timer = setInterval(() => Atomics.add(beats, init.index, 1), 20);
  new ShardCounters(init.counters).set('sessions', 5);
  // A port of its own a thread, to be told from others by.
  port.postMessage({ type: 'ready', port: threadId, core: null });
  try {
    await new Promise<void>((resolve, reject) => {
      port.on('message', ({ type }: { type: SmallShardOrder }) => {
        if (type === 'loop') loop();
        if (type === 'die') reject(new Error('a bug'));
        if (type === 'drain') resolve();
        if (type === 'hear') port.postMessage({ type: 'heard' });
      });
    });
  } finally {
    clearInterval(timer);
    port.close();
  }
  return { failed: null };
}
