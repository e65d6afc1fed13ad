import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SessionTable } from '../../../src/core/session-table.js';
import { ABUSE_KINDS, abuseActions } from '../../../src/predict/evaluation/abuse-shapes.js';
import { AXES, AXIS_COUNT, axisOf, inUnit } from '../../../src/predict/risk/axes.js';
import { ClientWatch } from '../../../src/predict/risk/client-watch.js';
import { FunctionHabits, USUALLY_REGULAR } from '../../../src/predict/risk/function-habits.js';
import { OpeningsSeen } from '../../../src/predict/risk/openings-seen.js';
import { readScale, riskOf, suspicionOf, usualOf } from '../../../src/predict/risk/risk-scale.js';
import { SessionAxes } from '../../../src/predict/risk/session-axes.js';
import { seeded } from '../../support/seeded.js';

const scale = readScale();
const usual = usualOf(scale);

/** Plays what happens, [ms, what it is], through the core and the axes; the values of the last tick and the largest risk. */
function played(
  steps: readonly [number, (table: SessionTable, handle: number, at: number) => void][],
  seconds: number,
) {
  const table = new SessionTable(4);
  const axes = new SessionAxes(table.layout.features, 1);
  axes.grow(4);
  const handle = table.open(0);
  let [next, risk] = [0, 0];
  for (let second = 1; second <= seconds; second++) {
    for (; next < steps.length && steps[next][0] < second * 1000; next++) steps[next][1](table, handle, steps[next][0]);
    axes.update(0, table.features(handle, second * 1000), 0, 5, 0, 0);
    risk = Math.max(risk, riskOf(scale, suspicionOf(scale, usual, axes.values)));
  }
  return { values: axes.values.slice(0, AXIS_COUNT), risk };
}

const message =
  (bytes: number, reply = 0) =>
  (table: SessionTable, handle: number, at: number): void => {
    table.core.datagramIn(handle, bytes, at);
    if (reply > 0) table.core.datagramOut(handle, reply, at + 1);
  };

describe('SessionAxes', () => {
  test('ordinary chatter raises no suspicion', () => {
    const random = seeded(1);
    let at = 0;
    const steps = Array.from({ length: 60 }, (): [number, ReturnType<typeof message>] => {
      at += 200 + 3000 * random();
      return [at, message(50 + Math.floor(400 * random()), 100)];
    });
    assert.ok(played(steps, 120).risk < 0.1);
  });

  test('a beacon is told by its fourth pause, and not where a pause differs', () => {
    const beacon = (pauses: readonly number[]) => {
      let at = 100;
      return [0, ...pauses].map((pause): [number, ReturnType<typeof message>] => {
        at += pause;
        return [at, message(80, 20)];
      });
    };
    const regular = played(beacon([2500, 2505, 2498, 2502]), 12);
    assert.ok(regular.risk >= 0.9, `${regular.risk}`);
    assert.ok(played(beacon([2500, 4000, 1700, 3100]), 14).risk < 0.7);
    assert.equal(played(beacon([2500, 2505, 2498, 2502]), 30).values[axisOf('clockwork')], 0, 'a clock that stopped');
  });

  test('an echo amplifies nothing, however often; answers of many times what asked do', () => {
    const asked = (bytes: number, reply: number) =>
      played(
        Array.from({ length: 400 }, (_, i): [number, ReturnType<typeof message>] => [i * 10, message(bytes, reply)]),
        5,
      ).values[axisOf('amplification')];
    assert.equal(asked(700, 700), 0);
    assert.ok(asked(30, 1200) > usual[axisOf('amplification')] + 2);
  });

  test('bytes one by one are a drip', () => {
    const steps = Array.from({ length: 100 }, (_, i): [number, ReturnType<typeof message>] => [i * 100, message(1)]);
    const { values, risk } = played(steps, 10);
    assert.ok(risk >= 0.9);
    assert.ok(values[axisOf('drip')] > Math.log1p(20));
  });

  test('streams that wait for tokens are nobody’s fault, datagrams over the limit are', () => {
    const noted = (event: 'waited' | 'dropped') => {
      const note = (table: SessionTable, handle: number): void => table.core.note(handle, table.events[event], 1);
      return played(
        Array.from({ length: 20 }, (_, i): [number, typeof note] => [i * 200, note]),
        5,
      ).risk;
    };
    assert.ok(noted('waited') < 0.1);
    assert.ok(noted('dropped') >= 0.9);
  });

  test('resets, refused opens and failed proofs count, and fade', () => {
    for (const [name, event] of [
      ['resets', 'resets'],
      ['refused', 'refusedOpens'],
      ['authFailures', 'authFailures'],
    ] as const) {
      const note = (table: SessionTable, handle: number): void => table.core.note(handle, table.events[event], 1);
      const steps = Array.from({ length: 30 }, (_, i): [number, typeof note] => [i * 200, note]);
      const soon = played(steps, 7);
      assert.ok(soon.risk >= 0.9, name);
      assert.ok(soon.values[axisOf(name)] > Math.log1p(10), name);
      assert.ok(played(steps, 300).values[axisOf(name)] < Math.log1p(1), `${name} fades`);
    }
  });
});

test('reasons are written in units that people read', () => {
  assert.equal(inUnit(Math.log1p(4.1e6), 'bytes'), '4.1 MB');
  assert.equal(inUnit(Math.log1p(12), 'count'), '12');
  assert.equal(inUnit(Math.log(30), 'ratio'), '30 times');
  assert.equal(inUnit(0, 'bytes'), '0 B');
});

test('the calibration rises from 0 to 1', () => {
  let before = -1;
  for (let suspicion = 0; suspicion < 40; suspicion += 0.1) {
    const risk = riskOf(scale, suspicion);
    assert.ok(risk >= before && risk >= 0 && risk <= 1);
    before = risk;
  }
  assert.ok(before > 0.95);
  assert.equal(scale.axes.length, AXES.length);
});

describe('FunctionHabits', () => {
  const session = (values: Partial<Record<(typeof AXES)[number]['name'], number>>): Float32Array =>
    Float32Array.from(AXES, ({ name }) => values[name] ?? 0);

  test('regularity counts against nobody until a function is known, nor where it is usual', () => {
    const habits = new FunctionHabits(scale);
    assert.ok(habits.regularity('new') >= USUALLY_REGULAR);
    for (let i = 0; i < 40; i++) habits.note('chat', session({}));
    assert.ok(habits.regularity('chat') < USUALLY_REGULAR);
    for (let i = 0; i < 40; i++) habits.note('sensor', session({ clockwork: 5 }));
    assert.ok(habits.regularity('sensor') > 0.9);
  });

  test('a function of much traffic raises what is usual for it, and for it alone', () => {
    const habits = new FunctionHabits(scale);
    for (let i = 0; i < 20; i++) habits.note('telemetry', session({ packets: 6, upload: 14 }));
    for (let i = 0; i < 20; i++) habits.note('chat', session({ packets: 1.5, upload: 6 }));
    const values = session({ packets: 6, upload: 14 });
    assert.ok(riskOf(scale, suspicionOf(scale, habits.usualOf('telemetry'), values)) < 0.1);
    assert.ok(riskOf(scale, suspicionOf(scale, habits.usualOf('chat'), values)) > 0.9);
    assert.ok(riskOf(scale, suspicionOf(scale, habits.usualOf('new'), values)) < 0.7, 'of a new one nobody knows');
  });

  test('who floods to make floods usual gets nowhere soon', () => {
    const habits = new FunctionHabits(scale);
    for (let i = 0; i < 200; i++) habits.note('chat', session({ packets: 1.5, upload: 6 }));
    for (let i = 0; i < 50; i++) habits.note('chat', session({ packets: 8, upload: 15 }), 0, true);
    const flood = session({ packets: 8, upload: 15 });
    assert.ok(riskOf(scale, suspicionOf(scale, habits.usualOf('chat'), flood)) > 0.9);
  });
});

test('OpeningsSeen counts openings that are alike to the millisecond, and no others', () => {
  const seen = new OpeningsSeen();
  const opening = (jitter: number): [Float32Array, Float32Array] => [
    Float32Array.from({ length: 16 }, (_, i) => (i % 3 === 0 ? -1 : 1) * Math.log1p(40 + 7 * i)),
    Float32Array.from({ length: 16 }, (_, i) => Math.log1p(20 * i + jitter * i)),
  ];
  assert.equal(seen.note(...opening(0)), 0);
  assert.equal(seen.note(...opening(3)), 0);
  assert.equal(seen.note(...opening(0)), 1);
  assert.equal(seen.note(...opening(0)), 2);
  const same = new Float32Array(16).fill(Math.log1p(100));
  assert.equal(seen.note(same, same), 0);
  assert.equal(seen.note(same, same), 0, 'one size only says nothing');
});

describe('ClientWatch', () => {
  test('many failed opens make a client risky, few do not, and it passes', () => {
    const watch = new ClientWatch(scale);
    for (let i = 0; i < 4; i++) watch.note('a', 'authFailures', i);
    assert.equal(watch.risk('a', 4) < 0.1, true);
    for (let i = 0; i < 20; i++) watch.note('a', 'authFailures', 5 + i * 0.5);
    assert.ok(watch.risk('a', 15) > 0.9);
    assert.match(watch.reason('a', 15) ?? '', /proofs of identity that failed/);
    assert.ok(watch.risk('a', 300) < 0.1);
    assert.equal(watch.risk('b', 15), 0);
  });

  test('is bounded', () => {
    const watch = new ClientWatch(scale);
    for (let i = 0; i < 60_000; i++) watch.note(`client ${i}`, 'refused', 0);
    assert.equal(watch.size, 50_000);
  });
});

test('every kind of abuse is played in order of time', () => {
  for (const kind of ABUSE_KINDS) {
    const actions = abuseActions(kind, 20, seeded(11));
    assert.ok(actions.length > 3, kind);
    for (let i = 1; i < actions.length; i++) assert.ok(actions[i].at >= actions[i - 1].at, kind);
  }
});
