import assert from 'node:assert/strict';
import { createCipheriv, hkdfSync } from 'node:crypto';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { joined } from '../../src/control/bytes.js';
import { ControlReader, encodeControl } from '../../src/control/frames.js';
import { clientMessage } from '../../src/control/messages.js';
import { FINAL, sealContext, sealInfo, sealNonce, streamRecord, unitHead } from '../../src/control/sealing.js';
import { HostSeal } from '../../src/host/control/session-seal.js';
import { BufferPool } from '../../src/host/functions/receive/buffer-pool.js';
import { CompiledCriteria } from '../../src/host/functions/receive/compiled-criteria.js';
import { type Framing, receiveSchema } from '../../src/host/functions/receive/criteria.js';
import { FrameScanner, framed } from '../../src/host/functions/receive/frame-scanner.js';
import { jsonField } from '../../src/host/functions/receive/json-field.js';
import { ReceiveBuffer } from '../../src/host/functions/receive/receive-buffer.js';
import { SealedStream } from '../../src/host/functions/sealed/sealed-batch.js';
import { SealedHead } from '../../src/host/functions/sealed/sealed-head.js';
import { AnonymousTokens } from '../../src/host/identity/anonymous-token.js';
import { decodeSequence, encodeSequence } from '../../src/predict/store/replay-sequence.js';
import { decodeRecord, encodeRecord, RecordError } from '../../src/profile/record/record-codec.js';
import { readMember } from '../../src/scale/replicas/fleet-sum.js';
import { anyRecord } from '../support/profiles.js';
import { cutAlike, type FuzzTarget, outcome } from './target.js';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** The control stream (docs/protocol.md). */
export const control: FuzzTarget = {
  name: 'control',
  seeds: [
    { type: 'hello', version: 1, token: 'abc', jwt: 'a.b.c' },
    { type: 'define', id: 'mine', receive: { framing: 'u32', when: { messages: 2 } }, endpoint: { function: 'echo' } },
    { type: 'answer', challenge: 'x', work: 'y' },
  ].map((message) => encodeControl(message)),
  run(bytes, cuts) {
    const read = (parts: Iterable<Uint8Array>): unknown => {
      const reader = new ControlReader();
      const found: unknown[] = [];
      try {
        for (const part of parts) {
          for (const message of reader.push(part)) found.push(clientMessage.safeParse(message).success, message);
        }
      } catch (error) {
        // Too long, no JSON, no UTF-8.
        const { name } = error as Error;
        if (!['RangeError', 'SyntaxError', 'TypeError'].includes(name)) throw error;
        return name;
      }
      return found;
    };
    cutAlike(bytes, cuts, read);
  },
};

const framings: Framing[] = ['u8', 'u16', 'u32', 'varint', { delimiter: '\n' }, { delimiter: { hex: '0d0a0d' } }];
const MOST_MESSAGE = 64;

/** How functions tell messages on a stream. */
export const messages: FuzzTarget = {
  name: 'messages',
  seeds: framings.map((framing) => Buffer.concat(['{"a":1}', 'x', ''].map((part) => framed(framing, text(part))))),
  run(bytes) {
    for (const framing of framings) {
      const scanner = new FrameScanner(framing, MOST_MESSAGE);
      for (let at = 0; scanner.scan(bytes, at, bytes.length) === 'message'; at = scanner.span.next) {
        const { from, to, next } = scanner.span;
        assert.ok(at <= from && from <= to && to <= next && next <= bytes.length && next > at);
        assert.ok(to - from <= MOST_MESSAGE);
      }
    }
  },
};

/** JSON that criteria look into. */
export const json: FuzzTarget = {
  name: 'json-fields',
  seeds: ['{"a":{"b":[1,2,{"c":"\\u0041"}]}}', '[[[[[]]]]]', '{"__proto__":1,"a":null}'].map(text),
  run(bytes) {
    const found = jsonField(bytes, 0, bytes.length, ['a', 'b']);
    if (found === undefined) return;
    assert.deepEqual(found, JSON.parse(Buffer.from(bytes).toString('utf8')).a.b);
  },
};

/** What the profile store holds; the checksum is put right, so that damage reaches what is behind it. */
export const records: FuzzTarget = {
  name: 'profile-records',
  seeds: fc.sample(anyRecord, { seed: 1, numRuns: 5 }).map((record) => encodeRecord(record)),
  run(bytes) {
    const mended = Buffer.from(bytes);
    if (mended.length >= 8) mended.writeUInt32LE(crc32(mended.subarray(8)), 4);
    const record = outcome(() => decodeRecord(mended), [RecordError]);
    if (record instanceof Error) return;
    // What was taken can be kept, and comes back.
    const again = encodeRecord(record);
    assert.deepEqual(encodeRecord(decodeRecord(again)), again);
  },
};

const floats = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => i / 3);

/** Sequences that are kept for training. */
export const sequences: FuzzTarget = {
  name: 'replay-sequences',
  seeds: [
    encodeSequence({
      client: 'c-_1',
      startedAt: 5,
      ended: true,
      columns: 3,
      rows: floats(12),
      up: floats(4),
      down: floats(4),
      happened: new Float32Array(4),
    }),
  ],
  run(bytes) {
    const sequence = outcome(() => decodeSequence(bytes), [Error]);
    if (sequence instanceof Error) return;
    assert.equal(sequence.rows.length, sequence.up.length * sequence.columns);
    for (const values of [sequence.rows, sequence.up, sequence.down, sequence.happened]) {
      assert.ok(values.every(Number.isFinite));
    }
  },
};

const tokens = new AnonymousTokens([Buffer.alloc(32, 3)], 30);
const NOW = 1_800_000_000_000;
const issued = tokens.issue(NOW, Buffer.alloc(16, 5).toString('base64url'));

/** Tokens by which clients are known again. */
export const anonymousTokens: FuzzTarget = {
  name: 'anonymous-tokens',
  seeds: [text(issued)],
  run(bytes) {
    const shown = Buffer.from(bytes).toString('latin1');
    assert.equal('id' in tokens.read(shown, NOW), shown === issued);
  },
};

/** What hosts of a fleet write for each other. */
export const fleetLines: FuzzTarget = {
  name: 'fleet-lines',
  seeds: [text('{"at":1800000000000,"sessions":12,"bytes":1e6}')],
  run(bytes) {
    const member = readMember(Buffer.from(bytes).toString('utf8'));
    if (member === null) return;
    for (const value of [member.at, member.sessions, member.bytes]) assert.ok(value >= 0 && Number.isFinite(value));
  },
};

const [secret, salt] = [Buffer.alloc(32, 7), Buffer.alloc(64, 9)];
const upKey = Buffer.from(hkdfSync('sha256', secret, salt, sealInfo('up'), 32));
const criteria = new CompiledCriteria(receiveSchema.parse({ maxMessage: 300 })).sealed;

/** A stream as a client seals it. */
function sealedStream(unit: number, ...messages: string[]): Uint8Array {
  const records = messages.map((message, record) => {
    const flag = record === messages.length - 1 ? FINAL : 0;
    const cipher = createCipheriv('aes-256-gcm', upKey, sealNonce(unit, record));
    cipher.setAAD(sealContext('stream', flag));
    return streamRecord(flag, Buffer.concat([cipher.update(message), cipher.final(), cipher.getAuthTag()]));
  });
  return joined([unitHead('stream', unit), ...records]);
}

/** Streams that clients seal, as a function's host reads them. */
export const sealedStreams: FuzzTarget = {
  name: 'sealed-streams',
  seeds: [sealedStream(0, 'one', 'two', ''), sealedStream(7, 'x'.repeat(300)), sealedStream(2 ** 40, '')],
  run(bytes, cuts) {
    const read = (parts: Iterable<Uint8Array>): unknown => {
      const seal = new HostSeal(secret, salt);
      const head = new SealedHead();
      const received = new ReceiveBuffer(criteria, new BufferPool(), false);
      const opened: string[] = [];
      let stream: SealedStream | null = null;
      const take = (): string | null => {
        for (let batch = received.take(0); batch !== null; batch = received.take(0)) {
          const taken = (stream as SealedStream).take(batch);
          if (typeof taken === 'string') return taken;
          const { bytes: text, spans } = taken.batch;
          for (let i = 0; i < spans.length; i += 2)
            opened.push(Buffer.from(text.subarray(spans[i], spans[i + 1])).toString());
          if (batch.ended) break;
        }
        return received.isTooLong ? 'message-too-long' : null;
      };
      for (let part of parts) {
        for (; stream === null && part.length > 0; ) {
          const room = head.room.subarray(0, part.length);
          room.set(part.subarray(0, room.length));
          head.filled(room.length);
          part = part.subarray(room.length);
          const { unit } = head;
          if (unit === 'plain') return 'plain';
          if (unit === null) continue;
          if (!seal.accept('stream', unit)) return 'unsealed';
          stream = new SealedStream(unit, seal);
        }
        received.add(part, 0);
        const problem = take();
        if (problem !== null) return problem;
      }
      if (stream === null) return 'cut off';
      if (!received.end()) return 'message-cut-off';
      return take() ?? opened;
    };
    cutAlike(bytes, cuts, read);
  },
};
