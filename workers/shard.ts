import type { MessagePort } from 'node:worker_threads';
import type { ShardInit } from '../src/host/shard/messages.js';
import { Shard } from '../src/host/shard/shard.js';

/** piscina's entry point: one shard from its start to its end. */
export default async function run({ init, port }: { init: ShardInit; port: MessagePort }): Promise<void> {
  const shard = new Shard(init, port);
  await shard.start();
  await shard.done;
}
