import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cohorts, type SessionShape, SHOWN_FROM } from '../../../src/profile/cohorts/cohorts.js';
import { OpeningPrior } from '../../../src/profile/cohorts/opening-prior.js';
import { seeded } from '../../support/seeded.js';

/** Sessions of two kinds: short messages now and then, and long uploads. */
function shapes(kind: 'chat' | 'upload', random: () => number): SessionShape {
  const noise = 0.5 + random();
  return kind === 'chat'
    ? { firstIn: 80 * noise, firstOut: 20 * noise, rate: 10 * noise, seconds: 300 * noise, upShare: 0.8 }
    : { firstIn: 40_000 * noise, firstOut: 100 * noise, rate: 100_000 * noise, seconds: 20 * noise, upShare: 0.99 };
}

function taught(clients: number, sessions = 300): Cohorts {
  const random = seeded(1);
  const cohorts = new Cohorts();
  for (let i = 0; i < sessions; i++) {
    cohorts.learn(`chat-${i % clients}`, shapes('chat', random));
    cohorts.learn(`upload-${i % clients}`, shapes('upload', random));
  }
  return cohorts;
}

test('two kinds of clients part, and the first tick tells which is which', () => {
  const cohorts = taught(40);
  assert.ok(cohorts.size >= 2, `${cohorts.size} clusters`);
  const chat = cohorts.logRateAfter(80, 20) as number;
  const upload = cohorts.logRateAfter(40_000, 100) as number;
  assert.ok(Math.abs(chat - Math.log1p(10)) < 0.7, `${chat}`);
  assert.ok(Math.abs(upload - Math.log1p(100_000)) < 0.7, `${upload}`);
  const random = seeded(2);
  assert.notEqual(cohorts.nameOf(shapes('chat', random)), cohorts.nameOf(shapes('upload', random)));
});

test('a cohort is not shown before it has had twenty clients', () => {
  const few = taught(SHOWN_FROM - 1);
  assert.deepEqual(few.shown(), []);
  assert.equal(few.nameOf(shapes('chat', seeded(3))), null);
  const enough = taught(SHOWN_FROM * 4);
  const shown = enough.shown();
  assert.ok(shown.length >= 2);
  for (const { name } of shown) assert.match(name, /^c\d+$/, 'no client is named');
  assert.equal(JSON.stringify(shown).includes('chat-'), false);
});

test('a client that is forgotten no longer counts, and what was learned comes back', () => {
  const cohorts = taught(SHOWN_FROM);
  const copy = new Cohorts();
  copy.restore(structuredClone(cohorts.state));
  assert.deepEqual(copy.shown(), cohorts.shown());
  assert.equal(copy.logRateAfter(80, 20), cohorts.logRateAfter(80, 20));
  for (let i = 0; i < SHOWN_FROM; i++) copy.forget(`chat-${i}`);
  assert.ok(copy.shown().length < cohorts.shown().length);
});

test('too few sessions say nothing', () => {
  assert.equal(new Cohorts().logRateAfter(1, 1), null);
  assert.equal(taught(40, 10).logRateAfter(80, 20), null);
});

test('a new client starts from what its prefix told of others, and hints that tell nothing count nothing', () => {
  const random = seeded(4);
  const prior = new OpeningPrior();
  const mean = 6;
  for (let i = 0; i < 3000; i++) {
    const prefix = i % 2 === 0 ? 'heavy' : 'light';
    const brought = (prefix === 'heavy' ? 9 : 3) + random() - 0.5;
    prior.learn({ hour: Math.floor(random() * 24), prefix, hints: 'same' }, mean, brought);
  }
  const told = (prefix: string) => prior.expect({ hour: 3, prefix, hints: 'same' }, mean);
  assert.ok(Math.abs(told('heavy') - 9) < 0.5, `${told('heavy')}`);
  assert.ok(Math.abs(told('light') - 3) < 0.5, `${told('light')}`);
  assert.ok(Math.abs(told('never seen') - mean) < 0.5);
  const copy = new OpeningPrior();
  copy.restore(structuredClone(prior.state));
  assert.equal(copy.expect({ hour: 3, prefix: 'heavy', hints: 'same' }, mean), told('heavy'));
});
