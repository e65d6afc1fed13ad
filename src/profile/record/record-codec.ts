import { crc32 } from 'node:zlib';
import { REQUEST_TYPES, type RequestType } from '../behavioral-profile.js';
import type { Habits } from '../visits/habits.js';
import { ByteReader, ByteWriter } from './bytes.js';
import { ProfileRecord } from './profile-record.js';
import { VolumeHistory } from './volume-history.js';

const MAGIC = 0x5054;
/** Of what this host writes. One that a later host wrote is not touched. */
export const SCHEMA_VERSION = 1;
/** magic u16, version u8, 0 u8, CRC-32 of all behind it u32, last seen f64. */
const CHECKSUM_AT = 4;
const SEEN_AT = 8;
const HEAD = 16;

/** Parts of a record: tag u8, length u16, bytes. One that is not known is skipped, one that is missing stays as new. */
const Section = {
  Averages: 1,
  Errors: 2,
  Visits: 3,
  Hours: 4,
  Functions: 5,
  Types: 6,
  History: 7,
  Memory: 8,
  Recent: 9,
} as const;

/** What is written: counts and sums, what the last writer says, or both. */
export type RecordPart = 'counts' | 'latest' | 'all';

/** Why bytes are no record. */
export class RecordError extends Error {
  constructor(
    message: string,
    readonly isNewer = false,
  ) {
    super(message);
    this.name = 'RecordError';
  }
}

const writer = new ByteWriter();

function section(tag: number, write: () => void): void {
  writer.u8(tag);
  const at = writer.length;
  writer.u32(0);
  write();
  writer.patch(at, writer.length - at - 4);
}

function writeHabits(habits: Habits): void {
  for (const { key, count, sum } of habits) {
    writer.u32(key);
    writer.f32(count);
    writer.f32(sum);
  }
}

function writeCounts(record: ProfileRecord): void {
  section(Section.Averages, () => {
    writer.f64(record.bytes);
    writer.f64(record.seconds);
    writer.u32(record.sessions);
    writer.f64(record.firstSeen);
  });
  section(Section.Errors, () => {
    writer.f64(record.errors.sessions);
    for (const count of record.errors.failed) writer.f64(count);
  });
  const { visits } = record;
  section(Section.Visits, () => {
    writer.f64(visits.count);
    for (const value of [visits.sum, visits.squares, visits.rateSum, visits.messages]) writer.f64(value);
    writer.f64(visits.lastMessage);
    for (const value of [visits.empty, visits.away, visits.rateAway]) writer.f64(value);
  });
  section(Section.Hours, () => writeHabits(visits.hours));
  section(Section.Functions, () => writeHabits(visits.functions));
  section(Section.Types, () => {
    for (const count of record.types) writer.f32(count);
  });
  section(Section.History, () => writer.packed(record.history));
}

function writeLatest(record: ProfileRecord): void {
  const { visits, memory } = record;
  section(Section.Recent, () => {
    for (const value of [visits.recent, visits.longer, visits.last, visits.emptyLately]) writer.f32(value);
  });
  if (memory === null) return;
  section(Section.Memory, () => {
    writer.text(memory.model);
    writer.f32(memory.bias);
    writer.f32(memory.risk);
    writer.u8(REQUEST_TYPES.indexOf(memory.requestType));
    writer.u16(memory.state.length);
    writer.floats(memory.state);
  });
}

/** A record as bytes, with a checksum. */
export function encodeRecord(record: ProfileRecord, part: RecordPart = 'all'): Buffer {
  writer.clear();
  writer.u16(MAGIC);
  writer.u8(SCHEMA_VERSION);
  writer.u8(0);
  writer.u32(0);
  writer.f64(record.lastSeen);
  if (part !== 'latest') writeCounts(record);
  if (part !== 'counts') writeLatest(record);
  writer.patch(CHECKSUM_AT, crc32(writer.written(SEEN_AT)));
  return Buffer.from(writer.written());
}

/** When the client of a record was seen last, without reading all of it; 0 where it is none. */
export function lastSeenOf(bytes: Uint8Array): number {
  return bytes.length < HEAD ? 0 : new ByteReader(bytes, SEEN_AT).f64();
}

function readHabits(reader: ByteReader, habits: Habits): void {
  while (reader.left > 0) {
    const key = reader.u32();
    const count = reader.f32();
    habits.restore(key, reader.f32(), count);
  }
}

function readSection(tag: number, reader: ByteReader, record: ProfileRecord): void {
  const { visits } = record;
  switch (tag) {
    case Section.Averages:
      record.bytes = reader.f64();
      record.seconds = reader.f64();
      record.sessions = reader.u32();
      record.firstSeen = reader.f64();
      return;
    case Section.Errors:
      record.errors.sessions = reader.f64();
      for (let i = 0; i < record.errors.failed.length && reader.left > 0; i++) record.errors.failed[i] = reader.f64();
      return;
    case Section.Visits:
      visits.count = reader.f64();
      visits.sum = reader.f64();
      visits.squares = reader.f64();
      visits.rateSum = reader.f64();
      visits.messages = reader.f64();
      visits.lastMessage = reader.f64();
      if (reader.left === 0) return;
      visits.empty = reader.f64();
      visits.away = reader.f64();
      visits.rateAway = reader.f64();
      return;
    case Section.Hours:
      readHabits(reader, visits.hours);
      return;
    case Section.Functions:
      readHabits(reader, visits.functions);
      return;
    case Section.Types:
      for (let i = 0; i < record.types.length && reader.left > 0; i++) record.types[i] = reader.f32();
      return;
    case Section.History:
      record.history = VolumeHistory.packed(reader.bytes.slice(reader.at, reader.end));
      return;
    case Section.Memory: {
      const model = reader.text();
      const bias = reader.f32();
      const risk = reader.f32();
      const requestType: RequestType = REQUEST_TYPES[reader.u8()] ?? 'transactional';
      record.memory = { model, bias, risk, requestType, state: reader.floats(reader.u16()) };
      return;
    }
    case Section.Recent:
      visits.recent = reader.f32();
      visits.longer = reader.f32();
      visits.last = reader.f32();
      if (reader.left > 0) visits.emptyLately = reader.f32();
  }
}

/** Reads bytes into a record, which may hold another part already. Throws {@link RecordError}. */
export function decodeRecord(bytes: Uint8Array, record: ProfileRecord = new ProfileRecord()): ProfileRecord {
  if (bytes.length < HEAD) throw new RecordError(`${bytes.length} bytes are no record`);
  const reader = new ByteReader(bytes);
  if (reader.u16() !== MAGIC) throw new RecordError('no record');
  const version = reader.u8();
  if (version === 0) throw new RecordError('there was never a schema 0');
  if (version > SCHEMA_VERSION) throw new RecordError(`schema ${version} is of a later version`, true);
  reader.at = CHECKSUM_AT;
  if (reader.u32() !== crc32(bytes.subarray(SEEN_AT))) throw new RecordError('the checksum is another');
  record.lastSeen = Math.max(record.lastSeen, reader.f64());
  try {
    while (reader.left > 0) {
      const tag = reader.u8();
      const length = reader.u32();
      if (length > reader.left) throw new RangeError('a section behind the end');
      const next = reader.at + length;
      reader.end = next;
      readSection(tag, reader, record);
      reader.at = next;
      reader.end = bytes.length;
    }
  } catch (error) {
    throw new RecordError((error as Error).message);
  }
  return record;
}
