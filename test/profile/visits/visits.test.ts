import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Activity } from '../../../src/profile/visits/activity.js';
import { EmptyVisits } from '../../../src/profile/visits/empty-visits.js';
import { FunctionMeans, functionKeys } from '../../../src/profile/visits/function-means.js';
import { Habits, hourOfWeek, isSameStretch, nameKey } from '../../../src/profile/visits/habits.js';
import { MessageVisits } from '../../../src/profile/visits/message-visits.js';
import { OwnWays } from '../../../src/profile/visits/own-ways.js';
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

test('a function is of the families that its name stands in, the nearest first', () => {
  const [own, room, chat, ...more] = functionKeys('chat.room.say');
  assert.deepEqual([own, room, chat, more], [nameKey('chat.room.say'), nameKey('chat.room.'), nameKey('chat.'), []]);
  assert.deepEqual(functionKeys('echo'), [nameKey('echo')]);
  assert.deepEqual(functionKeys(''), [nameKey('')]);
  assert.equal(functionKeys('/a/b/c/d/e/f').length, 5, 'four families at most');
  assert.deepEqual(functionKeys('a/'), [nameKey('a/')], 'an end is no family');
});

test('a function that nobody called begins with what its family brought', () => {
  const means = new FunctionMeans();
  for (let i = 0; i < 50; i++) {
    means.add(functionKeys(`video.${i % 3}`), { bytes: 12, rate: 9 });
    means.add(functionKeys(`chat.${i % 3}`), { bytes: 4, rate: 1 });
  }
  const prior = { bytes: 8, rate: 5 };
  const [video, chat] = ['video.new', 'chat.new'].map((name) => means.mean(functionKeys(name), prior));
  assert.ok(video.bytes > 11 && video.rate > 8);
  assert.ok(chat.bytes < 5 && chat.rate < 2);
  assert.deepEqual(means.mean(functionKeys('other.new'), prior), prior);
  const again = new FunctionMeans();
  again.restore(structuredClone(new Map(means.state)));
  assert.deepEqual(again.mean(functionKeys('video.1'), prior), means.mean(functionKeys('video.1'), prior));
});

const begun = { seconds: 0, functionKeys: [1], prior: { bytes: 8, rate: 3 } };

test('visits that bring nothing are told apart, by client, and leave no mark on what the others bring', () => {
  const empty = new EmptyVisits();
  const [talker, silent] = [new ClientVisits(), new ClientVisits()];
  for (let i = 0; i < 6; i++) {
    empty.learn(talker, false);
    talker.add(begun, { bytes: 10, rate: 4 });
    empty.learn(silent, true);
    silent.add(begun, { bytes: 0, rate: 0 });
  }
  assert.ok(empty.chance(talker) < 0.02, `${empty.chance(talker)}`);
  assert.ok(empty.chance(silent) > 0.9, `${empty.chance(silent)}`);
  // One of the two that came for the first time; the later visits of the silent one do not count for others.
  assert.ok(empty.chance(new ClientVisits()) < 0.1);
  assert.deepEqual([silent.count, silent.empty, silent.filled, silent.sum, silent.last], [6, 6, 0, 0, 0]);
  assert.deepEqual([talker.count, talker.empty, talker.sum, talker.away, talker.rateAway], [6, 0, 60, 12, 6]);
  // They come in a row: one is told by the last visits more than by those before.
  talker.add(begun, { bytes: 0, rate: 0 });
  const again = empty.chance(talker);
  for (let i = 0; i < 6; i++) talker.add(begun, { bytes: 10, rate: 4 });
  assert.ok(again > 0.3 && empty.chance(talker) < 0.05, `${again}, then ${empty.chance(talker)}`);
});

test('a client’s own ways count for as much as clients differ', () => {
  const strengthOf = (between: number): number => {
    const random = seeded(3);
    const ways = new OwnWays();
    for (let client = 0; client < 200; client++) {
      const visits = new ClientVisits();
      const own = between * (random() - 0.5);
      for (let visit = 0; visit < 10; visit++) {
        const more = own + 2 * (random() - 0.5);
        ways.learn(visits.away, visits.filled, more);
        visits.add(begun, { bytes: 8 + more, rate: 1 });
      }
    }
    return ways.strength;
  };
  const [alike, apart] = [strengthOf(0), strengthOf(6)];
  assert.ok(alike > 8 && apart < 1, `${alike} and ${apart}`);
});

test('visits that bring nothing or much: what is told lies between by how often a client does', () => {
  const random = seeded(9);
  const visits = new MessageVisits(900);
  const told = new Map<string, ToldVisit[]>();
  for (let day = 0; day < 40; day++) {
    for (let client = 0; client < 10; client++) {
      const name = `c${client}`;
      const isEmpty = client < 3 || random() < 0.01;
      const bytes = isEmpty ? 0 : Math.round(20_000 * (0.5 + random()));
      const visit = visits.message({ client: name, seconds: day * 86_400 + client * 1000, bytes, functionId: 'f' });
      if (visit !== null && day > 20) told.set(name, [...(told.get(name) ?? []), visit]);
    }
  }
  visits.end();
  for (const [name, of] of told) {
    const mean = of.reduce((sum, visit) => sum + visit.told, 0) / of.length;
    if (name < 'c3') assert.ok(mean < 1, `${name}: ${mean}`);
    else assert.ok(mean > 9, `${name}: ${mean}`);
  }
});
