import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BiasCorrection } from '../../../src/predict/feedback/bias-correction.js';
import { Feedback, sigmoid } from '../../../src/predict/feedback/feedback.js';
import { Mixture } from '../../../src/predict/feedback/mixture.js';
import { PastForecasts } from '../../../src/predict/feedback/past-forecasts.js';
import { LIMIT_UNIT, OUTPUT_COLUMNS, OUTPUTS } from '../../../src/predict/model/outputs.js';
import { TickHistory } from '../../../src/predict/model/tick-history.js';

test('a forecast is due when its horizon is over, and never before', () => {
  const past = new PastForecasts(2);
  for (let tick = 1; tick <= 200; tick++) {
    assert.equal(past.advance(1), tick);
    for (const [horizon, ticks] of [1, 10, 60].entries()) {
      const due = past.due(1, horizon);
      const told = tick - ticks;
      // Of the last minute one in ten is kept.
      const isKept = told >= 1 && (ticks !== 60 || told % 10 === 0);
      assert.equal(due !== null, isKept, `tick ${tick}, horizon ${ticks}`);
      if (due !== null) assert.deepEqual([due.expected, due.bytes], [told, told * 1e10]);
      past.keep(1, horizon, tick, 0, 0, tick * 1e10);
    }
  }
  assert.equal(past.due(0, 0), null, 'the neighbour');
  past.clear(1);
  past.advance(1);
  assert.equal(past.due(1, 0), null);
});

test('a bias is learned within one session, only where something was expected', () => {
  const bias = new BiasCorrection(1);
  for (let i = 0; i < 60; i++) bias.observe(0, 7, 5);
  assert.ok(Math.abs(bias.get(0) - 2) < 0.01);
  assert.ok(bias.corrected(0, 5) > 5.5);
  assert.equal(bias.corrected(0, 0.1), 0.1, 'silence stays silence');
  for (let i = 0; i < 60; i++) bias.observe(0, 9, 0.1);
  assert.ok(Math.abs(bias.get(0) - 2) < 0.01);
});

test('a model that is wrong about a session is overruled within some ticks, and trusted again', () => {
  const mixture = new Mixture(2);
  assert.ok(mixture.weight(0) > 0.99);
  for (let i = 0; i < 8; i++) mixture.observe(0, 11, 5, 10.5);
  assert.ok(mixture.weight(0) < 0.05);
  assert.ok(mixture.weight(1) > 0.99);
  for (let i = 0; i < 60; i++) mixture.observe(0, 5, 5, 8);
  assert.ok(mixture.weight(0) > 0.9, `${mixture.weight(0)}`);
});

/** An output row that expects `log` for the next tick, with a band of one around it. */
function row(log: number): Float32Array {
  const outputs = new Float32Array(OUTPUT_COLUMNS);
  outputs.fill(log, OUTPUTS.mean.at, OUTPUTS.mean.at + 3);
  for (let horizon = 0; horizon < 3; horizon++)
    outputs.set([log - 1, log, log + 1], OUTPUTS.quantiles.at + horizon * 3);
  outputs[OUTPUTS.behaviour.at] = 1;
  outputs.fill(-3, OUTPUTS.errors.at, OUTPUTS.errors.at + 6);
  return outputs;
}

test('what was told is scored against what came: errors, bands, kinds, chances', () => {
  const history = new TickHistory(1);
  const feedback = new Feedback(history, 1);
  feedback.clear(0);
  let total = 0;
  const bytes = 5000;
  for (let tick = 0; tick < 130; tick++) {
    history.add(bytes, 0, 0);
    total += bytes;
    // A reset in every tick, and nothing else goes wrong.
    feedback.observe(0, bytes, total, 1);
    feedback.correct(0, row(Math.log1p(bytes)), 0, total);
  }
  const report = feedback.scores.report();
  assert.ok(report.error < 0.02 && report.averageError > 0.1, 'the average has to rise from nothing first');
  assert.equal(report.horizons['1s'].count, 129);
  assert.ok(report.horizons['1s'].absoluteError < 0.01);
  // 10 ticks of 5,000 bytes are log(10) more than was told.
  assert.ok(Math.abs(report.horizons['10s'].absoluteError - Math.log(10)) < 0.01);
  assert.equal(report.typeHits, 1, 'streaming, as it said');
  assert.equal(report.errors.reset.happened, 1);
  assert.ok(Math.abs(report.errors.reset.told - sigmoid(-3)) < 1e-6);
  assert.ok(report.errors.reset.brier > 0.8 && report.errors.slow.brier < 0.01);
  assert.equal(report.risk.happened, 0);
  const own = feedback.session(0);
  assert.ok(own.absoluteError < 0.01 && own.withinBand > 0.5 && own.typeHits === 1);
});

test('a rate that is far off is put right by the average, and so is the limit', () => {
  const history = new TickHistory(1);
  const feedback = new Feedback(history, 1);
  let total = 0;
  const told = { rate: 0, limit: 0 };
  for (let tick = 0; tick < 40; tick++) {
    history.add(100_000, 0, 0);
    total += 100_000;
    feedback.observe(0, 100_000, total, 0);
    const outputs = row(2);
    outputs[OUTPUTS.rate.at] = Math.log(10 / LIMIT_UNIT);
    outputs[OUTPUTS.limit.at] = Math.log(50 / LIMIT_UNIT);
    feedback.correct(0, outputs, 0, total);
    told.rate = Math.exp(outputs[OUTPUTS.rate.at]) * LIMIT_UNIT;
    told.limit = Math.exp(outputs[OUTPUTS.limit.at]) * LIMIT_UNIT;
  }
  assert.ok(told.rate > 80_000 && told.rate < 110_000, `${told.rate}`);
  assert.ok(told.limit > 300_000, `${told.limit}`);
});
