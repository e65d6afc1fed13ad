import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ReceivedSoFar, ReceiveLoss } from '../../../src/scale/pressure/receive-loss.js';

const START: ReceivedSoFar = { at: 0, received: 0, ofConnections: 0, dropped: 0, busyMicroseconds: [0, 0] };
/** A second later: 1,000 packets were taken, all of connections, and 250 were lost; the first shard had no time left. */
const FULL: ReceivedSoFar = {
  at: 1000,
  received: 1000,
  ofConnections: 1000,
  dropped: 250,
  busyMicroseconds: [1e6, 100_000],
};

/** What a look at `later` says after one at `before`. */
function lookedAt(later: Partial<ReceivedSoFar>, before: ReceivedSoFar = START): number {
  const loss = new ReceiveLoss();
  assert.equal(loss.look(before), 0, 'of the first look nothing is known');
  return loss.look({ ...FULL, ...later });
}

test('what is lost because the shards have no time is told as a share of what came', () => {
  assert.equal(lookedAt({}), 0.2);
  assert.equal(lookedAt({ at: 500, busyMicroseconds: [0, 500_000] }), 0.2, 'in half a second, by the other shard');
});

test('what is lost while all shards have time is no sign of their load', () => {
  assert.equal(lookedAt({ busyMicroseconds: [800_000, 800_000] }), 0);
});

test('what is lost under a flood of packets that are of no connection is not laid to the clients', () => {
  assert.equal(lookedAt({ ofConnections: 100, dropped: 5000 }), 0);
  assert.equal(lookedAt({ ofConnections: 800 }), 0, '1,000 of 1,250 are of clients: these alone would have been taken');
  assert.equal(lookedAt({ ofConnections: 800, dropped: 1000 }), 600 / 1600, 'of 2,000, 1,600');
  assert.equal(lookedAt({ received: 0, ofConnections: 0 }), 0);
});

test('counts that begin anew, or did not move, are no loss', () => {
  assert.equal(lookedAt({ dropped: 0 }), 0);
  assert.equal(lookedAt({}, { ...START, dropped: 400 }), 0, 'a socket was closed');
  assert.equal(lookedAt({}, { ...START, received: 5000 }), 0, 'a shard began anew');
  assert.equal(lookedAt({ busyMicroseconds: [1e6, 0, 1e6] }), 0.2, 'a shard was added');
});
