import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { ProfileRecord } from '../../../src/profile/record/profile-record.js';
import { decodeRecord, encodeRecord, lastSeenOf, RecordError } from '../../../src/profile/record/record-codec.js';
import { fuzzRuns } from '../../support/fuzz.js';
import { anyRecord, recordOf } from '../../support/profiles.js';

const plain = (record: ProfileRecord) => ({
  ...record,
  visits: { ...record.visits, hours: [...record.visits.hours], functions: [...record.visits.functions] },
  errors: { sessions: record.errors.sessions, failed: [...record.errors.failed] },
});

test('a record comes out as it went in, whole and in its two parts', () => {
  fc.assert(
    fc.property(anyRecord, (record) => {
      const bytes = encodeRecord(record);
      assert.deepEqual(plain(decodeRecord(bytes)), plain(record));
      assert.equal(lastSeenOf(bytes), record.lastSeen);
      const joined = decodeRecord(encodeRecord(record, 'latest'), decodeRecord(encodeRecord(record, 'counts')));
      assert.deepEqual(plain(joined), plain(record));
    }),
    { numRuns: fuzzRuns(200) },
  );
});

test('damage of any kind is told, never taken for a record', () => {
  fc.assert(
    fc.property(anyRecord, fc.nat(), fc.integer({ min: 1, max: 255 }), (record, at, flip) => {
      const bytes = encodeRecord(record);
      const where = at % bytes.length;
      bytes[where] ^= flip;
      // The fourth byte is kept for later.
      if (where === 3) return;
      assert.throws(() => decodeRecord(bytes), RecordError);
      assert.throws(() => decodeRecord(bytes.subarray(0, where)), RecordError);
    }),
    { numRuns: fuzzRuns(300) },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.throws(() => decodeRecord(bytes), RecordError);
    }),
    { numRuns: fuzzRuns(300) },
  );
});

/** A record as another version writes it. */
function rewritten(bytes: Buffer, change: (bytes: Buffer) => Buffer): Buffer {
  const changed = change(Buffer.from(bytes));
  changed.writeUInt32LE(crc32(changed.subarray(8)), 4);
  return changed;
}

test('of an older version what is missing stays as new, of a later one it is not touched', () => {
  const bytes = encodeRecord(recordOf(3));
  // Only the first section, as of a version that knew no more.
  const length = 16 + 5 + bytes.readUInt32LE(17);
  const older = decodeRecord(rewritten(bytes, (all) => all.subarray(0, length)));
  assert.deepEqual([older.sessions, older.visits.count, older.history.entries()], [3, 0, []]);
  const more = rewritten(bytes, (all) => Buffer.concat([all, Buffer.from([200, 2, 0, 0, 0, 7, 7])]));
  assert.equal(decodeRecord(more).sessions, 3, 'a section that is not known is passed over');
  const damaged = Buffer.from(bytes);
  // The checksum is of what follows.
  damaged[2] = 0;
  assert.throws(() => decodeRecord(damaged), RecordError);
  const later = Buffer.from(bytes);
  later[2] = 9;
  assert.throws(
    () => decodeRecord(later),
    (error: RecordError) => error.isNewer,
  );
  const behind = rewritten(bytes, (all) => Buffer.concat([all, Buffer.from([1, 255, 0, 0, 0])]));
  assert.throws(() => decodeRecord(behind), RecordError);
});

test('two hosts’ records add up, whichever comes first', () => {
  fc.assert(
    fc.property(anyRecord, anyRecord, (a, b) => {
      const [ab, ba] = [ProfileRecord.merged(a, b), ProfileRecord.merged(b, a)];
      for (const merged of [ab, ba]) {
        assert.equal(merged.sessions, a.sessions + b.sessions);
        assert.equal(merged.bytes, a.bytes + b.bytes);
        assert.equal(merged.visits.count, a.visits.count + b.visits.count);
        assert.equal(merged.lastSeen, Math.max(a.lastSeen, b.lastSeen));
        const sum = (records: ProfileRecord[]) =>
          records.flatMap(({ history }) => history.entries()).reduce((total, { bytesIn }) => total + bytesIn, 0);
        assert.equal(sum([merged]), sum([a, b]));
        assert.ok(merged.history.length <= 60);
      }
    }),
  );
});
