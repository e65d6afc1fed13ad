import fc from 'fast-check';
import { ProfileRecord } from '../../src/profile/record/profile-record.js';
import { VolumeHistory } from '../../src/profile/record/volume-history.js';

const plain = { noNullPrototype: true } as const;
const number = fc.integer({ min: 0, max: 2 ** 24 });
const habit = fc.record(
  { key: fc.integer({ min: 0, max: 2 ** 32 - 1 }), sum: number, count: fc.integer({ min: 1, max: 1000 }) },
  plain,
);

/** Any record, of numbers that fit what they are written in. */
export const anyRecord: fc.Arbitrary<ProfileRecord> = fc
  .record({
    numbers: fc.array(number, { minLength: 12, maxLength: 12 }),
    failed: fc.array(fc.nat(1000), { minLength: 5, maxLength: 5 }),
    types: fc.array(fc.nat(1000), { minLength: 3, maxLength: 3 }),
    history: fc.array(
      fc.record(
        { timestamp: fc.integer({ min: 0, max: 2 ** 41 }), bytesIn: number, bytesOut: number, seconds: number },
        plain,
      ),
      { maxLength: 60 },
    ),
    hours: fc.uniqueArray(habit, { maxLength: 40, selector: ({ key }) => key }),
    functions: fc.uniqueArray(habit, { maxLength: 12, selector: ({ key }) => key }),
    memory: fc.option(
      fc.record(
        {
          model: fc.stringMatching(/^[\w-]{1,40}$/),
          state: fc.array(number, { maxLength: 64 }).map((values) => Float32Array.from(values)),
          bias: number,
          risk: fc.constantFrom(0, 0.5, 1),
          requestType: fc.constantFrom('streaming', 'transactional', 'control'),
        },
        plain,
      ),
    ),
  })
  .map(({ numbers, failed, types, history, hours, functions, memory }) => {
    const record = new ProfileRecord();
    [record.bytes, record.seconds, record.sessions, record.firstSeen, record.lastSeen] = numbers;
    const { visits } = record;
    [visits.count, visits.sum, visits.squares, visits.rateSum, visits.messages] = numbers.slice(5);
    [visits.recent, visits.last] = numbers.slice(10);
    visits.empty = Math.min(visits.count, numbers[9]);
    visits.emptyLately = Math.min(2, visits.empty);
    [visits.away, visits.rateAway] = [numbers[10] - numbers[11], numbers[8] - numbers[6]];
    record.errors.failed.set(failed);
    record.types.set(types);
    record.history = VolumeHistory.of(history);
    for (const { key, sum, count } of hours) visits.hours.add(key, sum, count);
    for (const { key, sum, count } of functions) visits.functions.add(key, sum, count);
    record.memory = memory as ProfileRecord['memory'];
    return record;
  });

/** A client that was seen so often. */
export function recordOf(sessions: number, lastSeen = 1): ProfileRecord {
  const record = new ProfileRecord();
  record.sessions = sessions;
  record.lastSeen = lastSeen;
  record.bytes = sessions * 1000;
  record.seconds = sessions;
  return record;
}
