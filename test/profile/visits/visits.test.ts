import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Activity } from '../../../src/profile/visits/activity.js';
import { Habits, hourOfWeek, isSameStretch } from '../../../src/profile/visits/habits.js';
import { MessageVisits } from '../../../src/profile/visits/message-visits.js';
import { ClientVisits } from '../../../src/profile/visits/visit-history.js';
import { scoreVisits, type ToldVisit } from '../../../src/profile/visits/visit-scores.js';
import { seeded } from '../../support/seeded.js';

test('who is around is told to the second, whatever order things happen in', () => {
  const event = fc.record({
    after: fc.oneof(fc.nat(3), fc.nat(400), fc.nat(2000)),
    client: fc.nat(6),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const activity = new Activity();
      const clients = Array.from({ length: 7 }, () => new ClientVisits());
      const last = new Map<number, number>();
      const all: number[] = [];
      let now = 1_000_000;
      for (const { after, client } of events) {
        now += after;
        activity.advance(now);
        activity.add(clients[client], 10);
        last.set(client, now);
        all.push(now);
        for (let who = 0; who < 7; who++) {
          const others = [...last].filter(([other, at]) => other !== who && at >= now - 600).length;
          const { others: told, lastMinute } = activity.around(clients[who]);
          assert.equal(told, others);
          assert.equal(lastMinute, all.filter((at) => at > now - 60).length);
        }
      }
    }),
  );
});

test('habits: a few keys, the rarest gives way, means are shrunk to what is known beforehand', () => {
  const habits = new Habits(2);
  habits.add(1, 10);
  habits.add(1, 20);
  habits.add(2, 6);
  assert.equal(
    habits.mean((key) => key === 1, 0, 0),
    15,
  );
  assert.equal(
    habits.mean((key) => key === 2, 0, 1),
    3,
  );
  assert.equal(
    habits.mean((key) => key === 3, 7, 5),
    7,
  );
  habits.add(3, 1);
  assert.deepEqual([...habits].map(({ key }) => key).sort(), [1, 3]);
  assert.equal(habits.commonest, 1);
  assert.equal(hourOfWeek(3600 * 169), 1);
  assert.deepEqual([isSameStretch(25, 2), isSameStretch(2, 3)], [true, false]);
});

test('clients with ways of their own: what is told of a visit beats the client’s own mean', () => {
  const random = seeded(5);
  const visits = new MessageVisits(900);
  const told: ToldVisit[] = [];
  // Each brings much at one time of its day and little at another, which no mean tells.
  for (let hour = 0; hour < 24 * 80; hour++) {
    for (let client = 0; client < 6; client++) {
      const isMuch = (hour + client * 4) % 24 < 12;
      const seconds = hour * 3600 + client * 100;
      const bytes = Math.round((isMuch ? 20_000 : 50) * (0.5 + random()));
      const visit = visits.message({ client: `c${client}`, seconds, bytes, functionId: 'f' });
      if (visit !== null) told.push(visit);
    }
  }
  visits.end();
  const scores = scoreVisits(told.slice(Math.floor(told.length * 0.6)));
  assert.ok(scores.visitRatio < 0.5, `${scores.visitRatio}`);
  assert.ok(scores.historyRatio > 0.95, `${scores.historyRatio}`);
  assert.ok(scores.interval[0] <= scores.visitRatio && scores.visitRatio <= scores.interval[1]);
});
