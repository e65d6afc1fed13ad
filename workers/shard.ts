import type { MessagePort } from 'node:worker_threads';
import { collectGarbage } from '../src/core/garbage.js';
import type { ShardInit, ShardOutcome } from '../src/host/shard/messages.js';
import { Shard } from '../src/host/shard/shard.js';
import { allowCopiesIn } from '../src/quic/addon-copy.js';
import { TidegateError } from '../src/quic/errors.js';

/**
 * piscina's entry point: one shard from its start to its end. A start that can't be comes back as a value, as errors
 * lose their class on the way between threads.
 */
export default async function run({ init, port }: { init: ShardInit; port: MessagePort }): Promise<ShardOutcome> {
  allowCopiesIn(init.dataDir);
  const shard = new Shard(init, port);
  try {
    await shard.start();
  } catch (error) {
    if (!(error instanceof TidegateError)) throw error;
    return { failed: { code: error.code, message: error.message } };
  }
  await shard.done;
  // The thread waits for the next one, which may be long in coming.
  collectGarbage();
  return { failed: null };
}
