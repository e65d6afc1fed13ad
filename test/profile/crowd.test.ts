import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Crowd } from '../../src/profile/crowd.js';
import { ClientVisits } from '../../src/profile/visits/visit-history.js';
import { seeded } from '../support/seeded.js';

const START = 1_750_000_000_000;

/** A host on which some clients come to `stream.a` with much and some to `ask.a` with little, 600 visits. */
function taught(): { crowd: Crowd; clients: ClientVisits[]; now: number } {
  const random = seeded(4);
  const crowd = new Crowd();
  const clients = Array.from({ length: 20 }, () => new ClientVisits());
  let now = START;
  for (let visit = 0; visit < 600; visit++) {
    now += 60_000;
    const client = visit % clients.length;
    const isMuch = client < 10;
    const visits = clients[client];
    const watched = crowd.begin(visits, { functionId: isMuch ? 'stream.a' : 'ask.a', timestamp: now });
    const bytes = Math.round((isMuch ? 1_000_000 : 2000) * (0.5 + random()));
    crowd.active(visits, now, bytes);
    Object.assign(watched, { bytesIn: bytes, seconds: 100, firstIn: bytes / 100 });
    crowd.finish(`c${client}`, visits, watched, now);
    visits.lastMessage = now / 1000;
    crowd.settle();
  }
  return { crowd, clients, now };
}

test('what all clients taught is the same after a restart', () => {
  const { crowd, clients, now } = taught();
  const restored = new Crowd();
  restored.restore(crowd.save());
  assert.ok(restored.isInformed);
  const timestamp = now + 86_400_000;
  for (const functionId of ['stream.a', 'ask.a', 'stream.new', 'other']) {
    // How busy it is is not kept: a day later nothing of it is left in either.
    const [before, after] = [crowd, restored].map((one) => one.begin(new ClientVisits(), { functionId, timestamp }));
    assert.ok(Math.abs(before.begun.base.bytes - after.begun.base.bytes) < 1e-9, functionId);
    // The weights are worked out anew at the start, from a few more visits.
    assert.ok(Math.abs(before.begun.learned - after.begun.learned) < 0.3, functionId);
  }
  assert.ok(crowd.begin(clients[0], { functionId: 'stream.a', timestamp }).rate > 2000);
  assert.ok(restored.begin(clients[10], { functionId: 'ask.a', timestamp }).rate < 200);
});

test('a stranger at a function that nobody called is told by the family of its name', () => {
  const { crowd, now } = taught();
  const told = (functionId: string): number => crowd.begin(new ClientVisits(), { functionId, timestamp: now }).rate;
  assert.ok(told('stream.new') > 3 * told('other.new'), `${told('stream.new')} and ${told('other.new')}`);
  assert.ok(told('ask.new') < told('other.new') / 3, `${told('ask.new')} and ${told('other.new')}`);
});

test('what is damaged throws, what is of another format is left', () => {
  const { crowd } = taught();
  const bytes = crowd.save();
  assert.throws(() => new Crowd().restore(bytes.subarray(0, bytes.length / 2)));
  assert.throws(() => new Crowd().restore(Uint8Array.of(1, 2, 3)));
});
