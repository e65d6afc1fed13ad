import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PRESSURE_STEPS, PressureLadder, type PressureReading } from '../../../src/scale/pressure/pressure-ladder.js';
import { fuzzRuns } from '../../support/fuzz.js';

const policy = { signalAt: 0.85, shrinkAt: 1, refuseAt: 1.2, dropAt: 1.5 };
const CALM: PressureReading = { fullness: null, soon: null, memory: 0, lagMs: 0, lost: 0 };
const reading = (fullness: number | null, soon: number | null = null): PressureReading => ({ ...CALM, fullness, soon });

const LETTERS = { calm: 'c', signal: 's', shrink: 'k', refuse: 'r', drop: 'd' };

/** Looks once a second, and what came of each: a capital letter where limits are announced. */
function played(ladder: PressureLadder, readings: readonly PressureReading[], from = 0): string {
  return readings
    .map((each, i) => {
      const { step, announces } = ladder.look(each, (from + i) * 1000);
      return announces ? LETTERS[step].toUpperCase() : LETTERS[step];
    })
    .join('');
}

test('limits that are to shrink are announced ten seconds before, and come back in reverse', () => {
  const ladder = new PressureLadder(policy);
  assert.equal(played(ladder, Array(14).fill(reading(0.9, 1.05))), 'sSssssssssskkk');
  assert.equal(played(ladder, Array(13).fill(reading(0.5, 0.5)), 14), 'kkkkksssssccc');
  assert.deepEqual(ladder.reached, { calm: 0, signal: 1, shrink: 1, refuse: 0, drop: 0 });
});

test('where there is no time, one step follows the other at each look', () => {
  assert.equal(played(new PressureLadder(policy), Array(6).fill(reading(2))), 'skrddd');
  assert.equal(played(new PressureLadder(policy), Array(5).fill(reading(1.3))), 'skrrr');
  for (const bad of [{ lagMs: 400 }, { memory: 0.95 }, { lost: 0.03 }]) {
    assert.equal(played(new PressureLadder(policy), Array(5).fill({ ...CALM, ...bad })), 'skrrr', JSON.stringify(bad));
  }
  for (const worse of [{ lagMs: 1500 }, { lost: 0.15 }]) {
    assert.equal(played(new PressureLadder(policy), Array(5).fill({ ...CALM, ...worse })), 'skrdd');
  }
});

test('a step that nobody wants is never taken', () => {
  const ladder = new PressureLadder({ ...policy, refuseAt: null, dropAt: null });
  assert.equal(played(ladder, Array(13).fill({ ...CALM, fullness: 5, soon: 5, lagMs: 5000, lost: 1 })).at(-1), 'k');
  assert.equal(played(new PressureLadder(policy), Array(5).fill(reading(null, null))), 'ccccc');
});

test('a load that wavers around a threshold announces nothing twice in half a minute', () => {
  const ladder = new PressureLadder(policy);
  const looks = played(
    ladder,
    Array.from({ length: 60 }, (_, i) => reading(0.9, i % 6 < 3 ? 1.02 : 0.9)),
  );
  assert.ok([...looks].filter((step) => step === 'S').length <= 2, looks);
});

test('whatever is read, a look moves by one step at most, and calm comes back', () => {
  const anyReading = fc.record({
    fullness: fc.option(fc.double({ min: 0, max: 3, noNaN: true }), { nil: null }),
    soon: fc.option(fc.double({ min: 0, max: 3, noNaN: true }), { nil: null }),
    memory: fc.double({ min: 0, max: 2, noNaN: true }),
    lagMs: fc.double({ min: 0, max: 3000, noNaN: true }),
    lost: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(anyReading, { maxLength: 60 }), (readings) => {
      const ladder = new PressureLadder(policy);
      let at = 0;
      readings.forEach((each, i) => {
        const next = PRESSURE_STEPS.indexOf(ladder.look(each, i * 1000).step);
        assert.ok(Math.abs(next - at) <= 1);
        at = next;
      });
      for (let i = 0; i < 40; i++) ladder.look(reading(0), (readings.length + i) * 1000);
      assert.equal(ladder.step, 'calm');
    }),
    { numRuns: fuzzRuns(200) },
  );
});
