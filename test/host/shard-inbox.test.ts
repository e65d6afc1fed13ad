import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import type { FunctionTable } from '../../src/host/functions/function-registry.js';
import type { FromShard, ToShard } from '../../src/host/shard/messages.js';
import { type InboxParts, ShardInbox } from '../../src/host/shard-inbox.js';

function makeInbox() {
  const before = {} as FunctionTable;
  const pool = {
    settings: { functions: before },
    present: [0, 1],
    live: [],
    asked: new Map<number, number>(),
    send(shard: number, message: ToShard) {
      if (message.type === 'functions') this.asked.set(shard, message.request);
    },
  };
  let admit: (outcome: object) => void = () => {};
  const inbox = new ShardInbox({
    pool,
    updates: { lost: () => {} },
    prediction: { service: null },
    admissions: { admit: () => new Promise((resolve) => (admit = resolve)) },
    events: new EventEmitter(),
  } as unknown as InboxParts);
  const nobody = (): void => assert.fail('nobody is to be answered');
  const loaded = (shard: number, error: string | null = null): void =>
    inbox.take(shard, { type: 'functionsLoaded', request: pool.asked.get(shard) ?? 0, error }, nobody);
  return { pool, inbox, loaded, nobody, before, admit: (outcome: object) => admit(outcome) };
}

test('a reload does without a shard that ends meanwhile, waits for one that comes, and fails with one that dies', async () => {
  const { pool, inbox, loaded, nobody, before } = makeInbox();
  const table = { tracing: true } as FunctionTable;
  const failing = inbox.reloadFunctions(table);
  loaded(0);
  inbox.lost(1, 'a bug');
  assert.equal(await failing, 'a bug');
  assert.equal(pool.settings.functions, before, 'the next shard begins with what there was');

  const done = inbox.reloadFunctions(table);
  pool.present = [0, 2];
  loaded(0);
  inbox.take(1, { type: 'drained' } as FromShard, nobody);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(pool.settings.functions, before);
  loaded(2);
  assert.equal(await done, null);
  assert.equal(pool.settings.functions, table);
});

test('who asked is answered, not who has its number now', async () => {
  const { inbox, nobody, admit } = makeInbox();
  const answers: ToShard[] = [];
  const open = { type: 'open', request: 1, introduction: {} } as unknown as FromShard;
  inbox.take(0, open, (message) => answers.push(message));
  inbox.lost(0, 'a bug');
  inbox.take(0, { type: 'peerLeft', handle: 1 }, nobody);
  admit({ problem: 'hook-failed', reason: 'away' });
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(answers, [{ type: 'refused', request: 1, problem: 'hook-failed', reason: 'away' }]);
});
