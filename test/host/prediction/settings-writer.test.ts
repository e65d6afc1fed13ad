import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../../src/adapt/settings.js';
import { LimitsMailbox } from '../../../src/core/limits-mailbox.js';
import { SessionTable } from '../../../src/core/session-table.js';
import { SettingsWriter } from '../../../src/host/prediction/settings-writer.js';
import { LIMIT_UNIT, OUTPUT_COLUMNS, OUTPUTS } from '../../../src/predict/model/outputs.js';

/** An output row that expects so many bytes/s, suggests such a limit and sees such a risk (a logit). */
function row(rate: number, limit: number, risk = -9): Float32Array {
  const outputs = new Float32Array(OUTPUT_COLUMNS);
  outputs[OUTPUTS.rate.at] = Math.log(rate / LIMIT_UNIT);
  outputs[OUTPUTS.limit.at] = Math.log(limit / LIMIT_UNIT);
  outputs[OUTPUTS.risk.at] = risk;
  return outputs;
}

function open(policy: Partial<typeof DEFAULT_POLICY> = {}) {
  const table = new SessionTable();
  const handle = table.open(0);
  const writer = new SettingsWriter(
    new LimitsMailbox(table.share),
    { ...DEFAULT_POLICY, minRateLimit: 1000, ...policy },
    1,
  );
  const place = table.slotOf(handle);
  return {
    follow: (outputs: Float32Array): boolean => writer.follow(handle, place, outputs, 0),
    shrink: (bytes: number, outputs: Float32Array): void => writer.shrink(handle, place, bytes, outputs, 0),
    limit: (): number => {
      table.core.refresh(handle, 0);
      return table.limits(handle, 'in').rate;
    },
    posture: () => {
      table.core.refresh(handle, 0);
      return table.posture(handle);
    },
    promise: (rateLimit: number | null): void =>
      writer.promise(handle, rateLimit === null ? null : { rateLimit, bufferSize: 0 }),
    table,
    handle,
  };
}

const near = (value: number, expected: number): void => assert.ok(Math.abs(value / expected - 1) < 1e-3, `${value}`);

test('a limit follows what is expected: up at once, down step by step, and only where it is worth it', () => {
  const { follow, limit } = open({ rateLimitFactor: 4 });
  assert.ok(follow(row(10_000, 1)));
  near(limit(), 40_000);
  assert.equal(follow(row(10_500, 1)), false, '5 % are not worth it');
  assert.ok(follow(row(100_000, 1)));
  near(limit(), 400_000);
  assert.ok(follow(row(1000, 1)));
  near(limit(), 320_000);
  for (let tick = 0; tick < 60; tick++) follow(row(1000, 1));
  assert.ok(limit() < 5000 && limit() >= 4000);
});

test('auto: the limit is the one that the model gives, within the operator’s bounds', () => {
  const { follow, limit } = open({ rateLimitFactor: 'auto', maxRateLimit: 100_000 });
  follow(row(10_000, 70_000));
  near(limit(), 70_000);
  follow(row(10_000, 900_000));
  near(limit(), 100_000);
});

test('risk halves the limit and suggests a level, and a session that is gone is left alone', () => {
  const { follow, limit, table, handle } = open({ rateLimitFactor: 4 });
  follow(row(10_000, 1, 1));
  near(limit(), 20_000);
  assert.equal(follow(row(Number.NaN, Number.NaN)), false, 'what is no number is not followed');
  near(limit(), 20_000);
  assert.equal(follow(row(11_000, 1, 1)), false);
  assert.equal(table.posture(handle).level, 1);
  table.close(handle);
  assert.equal(follow(row(900_000, 1)), false);
});

test('the level follows the risk also where the limit is held by its bounds, both ways', () => {
  const { follow, limit, posture } = open({ minRateLimit: 64_000 });
  follow(row(100, 1));
  assert.equal(posture().level, 0);
  assert.ok(follow(row(100, 1, 9)));
  assert.deepEqual([limit(), posture().level], [64_000, 2]);
  assert.equal(follow(row(100, 1, 9)), false);
  assert.ok(follow(row(100, 1, -9)));
  assert.equal(posture().level, 0);
});

test('a smaller buffer changes nothing else', () => {
  const { follow, shrink, posture, limit } = open({ rateLimitFactor: 4 });
  const outputs = row(1_000_000, 1, 9);
  follow(outputs);
  const before = limit();
  shrink(20_000, outputs);
  assert.deepEqual([limit(), posture()], [before, { level: 2, bufferSize: 20_000 }]);
});

test('a promise holds until it is taken back', () => {
  const { follow, promise, limit } = open({ rateLimitFactor: 4 });
  promise(500_000);
  follow(row(100, 1));
  near(limit(), 500_000);
  promise(null);
  follow(row(100, 1));
  near(limit(), 1000);
});
