import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SessionTable } from '../../src/core/session-table.js';
import type { HostSession } from '../../src/host/shard/host-session.js';
import type { LevelKeeper } from '../../src/host/shard/level-keeper.js';
import { LiveSessions } from '../../src/host/shard/live-sessions.js';

/** A shard's sessions, `onLevel` called for each of them in a tick. */
function shardOf(count: number, onLevel: (session: HostSession, live: LiveSessions) => void = () => {}) {
  const table = new SessionTable();
  const levels = {
    closed: () => {},
    tick: (session: HostSession) => onLevel(session, live),
  } as unknown as LevelKeeper;
  const live = new LiveSessions(table, 0, levels);
  const sessions = Array.from({ length: count }, (_, i) => {
    const session = {
      handle: table.open(0),
      identity: { client: `c${i}` },
      functionId: 'echo',
      settings: { rateLimit: 1, bufferSize: 1, securityLevel: 0 },
      isEnforced: true,
      transport: { wireRatio: 1 },
      takeSlow: () => false,
    } as unknown as HostSession;
    live.add(session, 0);
    return session;
  });
  return { live, sessions };
}

/** Clients told of in each slice of a tick. */
function tick(live: LiveSessions, between: (slice: number) => void = () => {}): string[][] {
  const slices: string[][] = [];
  live.beginTick();
  do {
    slices.push(live.tickSlice(1000).map(({ client }) => client));
    between(slices.length);
  } while (live.isTicking);
  return slices;
}

test('a tick tells of every session once, in slices between which packets have their turn', () => {
  const { live, sessions } = shardOf(300);
  for (let round = 0; round < 2; round++) {
    const slices = tick(live);
    assert.equal(slices.length, 5);
    assert.ok(slices.every(({ length }) => length <= 64));
    assert.deepEqual(
      slices.flat(),
      sessions.map(({ identity }) => identity.client),
    );
  }
  assert.deepEqual(tick(shardOf(0).live), [[]]);
  assert.equal(tick(shardOf(64).live).length, 1);
});

test('who leaves in the middle of a tick is told of once; who comes has its turn in the next', () => {
  const { live, sessions } = shardOf(130);
  const gone = live.remove(sessions[100], 500, undefined);
  assert.equal(gone?.closed, true);
  const slices = tick(live, (slice) => {
    if (slice !== 1) return;
    assert.equal(live.remove(sessions[99], 1000, undefined)?.client, 'c99');
    // The handle is another's now, which this tick does not know.
    live.add({ ...sessions[98], identity: { client: 'new' } } as HostSession, 1000);
  });
  const told = slices.flat();
  assert.equal(told.length, 127);
  for (const name of ['c98', 'c99', 'c100', 'new']) assert.ok(!told.includes(name), name);
  assert.ok(tick(live).flat().includes('new'));
});

test('a session that its level ends is told of by its end alone', () => {
  const { live } = shardOf(10, (session, all) => {
    if (session.identity.client === 'c4') all.remove(session, 1000, undefined);
  });
  assert.deepEqual(tick(live).flat().length, 9);
  assert.equal(live.size, 9);
});

test('where nobody says any more how risky sessions are, none is', () => {
  const { live, sessions } = shardOf(2);
  live.setRisk(sessions[0].handle, 0.95, 'resets');
  live.suggest(sessions[1], 2);
  live.forgetRisks();
  assert.deepEqual([sessions[0].risk, live.suggestedOf(sessions[1])], [{ value: 0, reason: '' }, 0]);
});
