import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HostWatch } from '../../src/host/host-watch.js';
import { COUNTER_NAMES, type CounterName } from '../../src/host/shard/counters.js';
import { seeded } from '../support/seeded.js';

test('a host whose errors leap is unusual, and says in what', () => {
  const random = seeded(1);
  const watch = new HostWatch();
  const counters = Object.fromEntries(COUNTER_NAMES.map((name) => [name, 0])) as Record<CounterName, number>;
  const found: string[] = [];
  for (let i = 0; i < 600; i++) {
    counters.packetsIn += 5000 + 500 * random();
    counters.malformed += Math.floor(3 * random()) + (i >= 500 && i < 510 ? 400 : 0);
    counters.sessions = 100 + Math.floor(10 * random());
    for (const { metric, value, usual, reason } of watch.sample(i * 5, {
      counters: { ...counters },
      predictorMs: null,
      lagMs: 0,
    })) {
      if (i < 500) continue;
      found.push(metric);
      if (metric !== 'errors') continue;
      assert.ok(value > 10 * usual, `${value} and ${usual}`);
      assert.match(reason, /value|mean|median/);
    }
  }
  assert.ok(found.includes('errors'), `${found}`);
  assert.equal(found.includes('packets'), false);
  assert.ok(watch.counts.errors >= 1);
  assert.match(watch.unusual(2510) ?? '', /^unusual: \w+ [\d,.]+, usually [\d,.]+$/);
  assert.equal(watch.unusual(1e9), null, 'what is long ago is no reason');
  watch.close();
});
