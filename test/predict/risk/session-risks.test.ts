import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FeatureTick } from '../../../src/core/feature-matrix.js';
import { SessionTable } from '../../../src/core/session-table.js';
import { FunctionHabits } from '../../../src/predict/risk/function-habits.js';
import { readScale } from '../../../src/predict/risk/risk-scale.js';
import { SessionRisks } from '../../../src/predict/risk/session-risks.js';
import { SessionRows } from '../../../src/predict/serving/session-rows.js';

const scale = readScale();

/** One session in a table, and the ticks of it. */
function oneSession() {
  const table = new SessionTable(4, 4);
  const rows = new SessionRows(table.layout, 1);
  const risks = new SessionRisks(table.layout.features, 1, scale, new FunctionHabits(scale));
  const handle = table.open(0);
  let now = 0;
  const tick = (): void => {
    now += 1000;
    const features = Float32Array.from(table.features(handle, now));
    const none = new Float64Array(1);
    const handles = Int32Array.of(handle);
    const made: FeatureTick = { tick: now, now, rows: 1, handles, features, bytesIn: none, bytesOut: none };
    rows.take(made);
    risks.tick(rows, made);
  };
  return { table, risks, handle, tick, now: () => now, place: () => rows.placeOf(0) };
}

const opening = { functionId: 'chat', openedAt: 0, visits: 0, expectedLogRate: 0, errors: [0, 0, 0, 0, 0] };

test('a client that says later who it is is held to its own habits from then on', () => {
  const { table, risks, handle, tick, now, place } = oneSession();
  risks.opened(handle, opening);
  const upload = (): void => {
    for (let i = 0; i < 100; i++) table.core.datagramIn(handle, 1000, now() + i * 9);
    tick();
  };
  upload();
  upload();
  const isOverHabit = (): boolean => risks.reasonsAt(place()).some((reason) => /used to/.test(reason));
  assert.equal(isOverHabit(), false, 'nobody is known to have habits');
  risks.opened(handle, { ...opening, visits: 20, expectedLogRate: Math.log1p(10) });
  upload();
  assert.equal(isOverHabit(), true, risks.reasonsAt(place()).join('; '));
});

test('what was counted fades, also where nothing new comes, and its place is free for another session', () => {
  const { table, risks, handle, tick, place } = oneSession();
  risks.opened(handle, opening);
  tick();
  table.core.note(handle, table.events.malformed, 30);
  tick();
  const risk = risks.riskAt(place());
  assert.ok(risk > 0.5, `${risk}`);
  assert.match(risks.reasonsAt(place())[0], /malformed/);
  for (let i = 0; i < 900; i++) tick();
  assert.deepEqual(risks.reasonsAt(place()), []);
  assert.ok(risks.riskAt(place()) < 0.01);
});
