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
  let rows: SessionRows;
  let risks: SessionRisks;
  const look = (): void => {
    rows = new SessionRows(table.layout, 1, 1);
    risks = new SessionRisks(table.layout.features, 1, scale, new FunctionHabits(scale));
  };
  look();
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
  return {
    ...{ table, handle, tick, now: () => now, place: () => rows.placeOf(0) },
    get risks() {
      return risks;
    },
    /** Somebody else looks from now on, who knows nothing. */
    look,
  };
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

test('what was counted before anybody looked is nothing that a session does now', () => {
  const session = oneSession();
  const { table, handle, tick, place } = session;
  session.risks.opened(handle, opening);
  tick();
  table.core.note(handle, table.events.malformed, 30);
  tick();
  assert.ok(session.risks.riskAt(place()) > 0.5);
  for (let i = 0; i < 900; i++) tick();
  session.look();
  session.risks.opened(handle, opening);
  tick();
  assert.ok(session.risks.riskAt(place()) < 0.01, session.risks.reasonsAt(place()).join('; '));
  assert.deepEqual(session.risks.reasonsAt(place()), []);
  table.core.note(handle, table.events.malformed, 30);
  tick();
  assert.ok(session.risks.riskAt(place()) > 0.5, 'what it does from then on counts');
});
