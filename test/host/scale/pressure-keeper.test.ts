import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PressureKeeper } from '../../../src/host/scale/pressure-keeper.js';
import type { ToShard } from '../../../src/host/shard/messages.js';

/** A keeper of a host that is about to be full, and what it tells the shards. */
function aboutToBeFull(unusual: string | null): ToShard[] {
  const told: ToShard[] = [];
  const keeper = new PressureKeeper(
    { signalAt: 0.85, shrinkAt: 1, refuseAt: 1.2, dropAt: 1.5 },
    {
      read: () => ({ fullness: 0.8, soon: 1.1, memory: 0, lagMs: 0, lost: 0 }),
      unusual: () => unusual,
      tellShards: (message) => told.push(message),
      setHeadroom: () => {},
      onStep: () => {},
    },
  );
  for (let second = 0; second < 5; second++) keeper.look(second * 1000);
  return told;
}

test('limits that are about to shrink are announced with their reason, and with what is unusual about the host', () => {
  const reasons = (told: readonly ToShard[]): string[] =>
    told.flatMap((message) => (message.type === 'limitsAhead' ? [message.reason] : []));
  assert.deepEqual(reasons(aboutToBeFull(null)), ['the host is about to be full']);
  assert.deepEqual(reasons(aboutToBeFull('unusual: sessions 900, usually 100')), [
    'the host is about to be full; unusual: sessions 900, usually 100',
  ]);
});
