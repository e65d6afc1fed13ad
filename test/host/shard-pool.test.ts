import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FromShard, ToShard } from '../../src/host/shard/messages.js';
import { ShardPool, type ShardSettings } from '../../src/host/shard-pool.js';
import { until } from '../support/client.js';
import type { SmallShardOrder } from '../support/small-shard.js';

const worker = new URL('../support/small-shard.js', import.meta.url).href;
const order = (type: SmallShardOrder) => ({ type }) as unknown as ToShard;

function makePool(places = 1) {
  const heard: string[] = [];
  const answers: ((message: ToShard) => void)[] = [];
  const threads: number[] = [];
  const incidents: [reason: string, comesBack: boolean][] = [];
  const settings = { functions: 'serve' } as unknown as ShardSettings;
  const pool = new ShardPool(
    settings,
    0,
    places,
    { hangMs: 1500, startMs: 3000 },
    {
      onMessage: (_shard, message: FromShard, answer) => {
        heard.push(message.type);
        if (message.type !== 'ready') return;
        answers.push(answer);
        threads.push(message.port);
      },
      onIncident: (_shard, reason, comesBack) => incidents.push([reason, comesBack]),
      onNativeHang: () => {},
    },
    worker,
  );
  const load = (functions: SmallShardOrder): void => void Object.assign(settings, { functions });
  return { pool, heard, answers, threads, incidents, load };
}

const limit = { timeout: 30_000 };

test('what is answered to a shard that died reaches none that came in its place', limit, async () => {
  const { pool, heard, answers, incidents } = makePool();
  await pool.start(1);
  pool.send(0, order('die'));
  await until(() => answers.length === 2);
  assert.deepEqual(incidents, [['a bug', true]]);
  answers[0](order('die'));
  answers[1](order('hear'));
  await until(() => heard.includes('heard'));
  assert.equal(incidents.length, 1);
  await pool.close(0);
});

test(
  'a shard that does not come to serve: start() tells of the first, later ones are started again',
  limit,
  async () => {
    const first = makePool();
    first.load('loop');
    await assert.rejects(first.pool.start(1), { code: 'TIDEGATE_E_SHARD', message: /shard 0 does not start/ });
    await first.pool.close(0);

    const { pool, answers, incidents, load } = makePool();
    await pool.start(1);
    load('loop');
    pool.send(0, order('loop'));
    await until(() => incidents.length === 1);
    assert.match(incidents[0][0], /shard 0 hangs/);
    assert.deepEqual(pool.live, []);
    await until(() => incidents.length === 2);
    assert.match(incidents[1][0], /does not start/);
    load('serve');
    await until(() => answers.length === 2);
    assert.deepEqual(pool.live, [0]);
    await pool.close(0);
  },
);

test('a shard whose thread ends before it serves is told with a code', limit, async () => {
  const { pool, load } = makePool();
  load('exit');
  await assert.rejects(pool.start(1), { code: 'TIDEGATE_E_SHARD', message: /shard 0 ended as it started: .*3/ });
  await pool.close(0);
});

test('a shard that dies while the others still start is told of, and comes again', limit, async () => {
  const { pool, answers, incidents } = makePool(2);
  const started = pool.start(2);
  await until(() => answers.length === 1);
  pool.send(0, order('die'));
  await until(() => incidents.length === 1);
  assert.deepEqual(incidents, [['a bug', true]]);
  await started;
  await until(() => pool.live.length === 2);
  await pool.close(0);
});

test('a shard that ends before its time while it retires is told of, and stays away', limit, async () => {
  const { pool, answers, incidents } = makePool(2);
  await pool.start(2);
  pool.retire(1);
  pool.send(1, order('die'));
  await until(() => incidents.length === 1);
  assert.deepEqual(incidents, [['a bug', false]]);
  assert.deepEqual(pool.present, [0]);
  assert.equal(pool.total('sessions'), 5, 'those of the one that is left');
  pool.retire(0);
  pool.send(0, order('drain'));
  await until(() => pool.present.length === 0);
  assert.deepEqual([incidents.length, answers.length], [1, 2]);
  await pool.close(0);
});

test('the place of a shard that comes back is taken by no other', limit, async () => {
  const { pool, heard, answers, incidents } = makePool(2);
  await pool.start(1);
  // From the second time on it is waited before it comes back.
  pool.send(0, order('die'));
  await until(() => answers.length === 2);
  pool.send(0, order('die'));
  await until(() => incidents.length === 2);
  assert.deepEqual([pool.present, pool.expected], [[], 1]);
  assert.equal(await pool.add(), 1);
  assert.equal(pool.expected, 2);
  assert.equal(await pool.add(), -1);
  await until(() => pool.live.length === 2);
  assert.equal(answers.length, 4);
  // Each is heard by one shard, and the pool ends as it should only where it knows of all.
  for (const shard of [0, 1]) pool.send(shard, order('hear'));
  await until(() => heard.filter((type) => type === 'heard').length === 2);
  await pool.close(0);
});

test('a shard that comes later takes the thread of one that retired, and not of one that died', limit, async () => {
  const { pool, threads } = makePool(2);
  await pool.start(2);
  const [first, second] = threads;
  for (let round = 0; round < 3; round++) {
    pool.retire(1);
    pool.send(1, order('drain'));
    await until(() => pool.present.length === 1);
    assert.equal(await pool.add(), 1);
  }
  assert.deepEqual(threads, [first, second, second, second, second]);
  pool.send(1, order('die'));
  await until(() => threads.length === 6);
  assert.ok(!threads.slice(0, 5).includes(threads[5]), `${threads}`);
  await pool.close(0);
});
