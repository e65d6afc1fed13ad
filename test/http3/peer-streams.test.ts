import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { H3ConnectionError } from '../../src/http3/errors.js';
import { PeerStreams } from '../../src/http3/peer-streams.js';
import type { StreamSink } from '../../src/http3/stream-sink.js';
import { type QuicConnection, STREAM_BLOCKED } from '../../src/quic/engine.js';
import { encodeVarint } from '../../src/quic/varint.js';

/** What became of a stream: who got it, and the bytes that were handed over and those that are still to be read. */
interface Outcome {
  told: string;
  bytes: number[];
  isRead: boolean;
}

/** Gives a server a stream of a client in parts, each heard of by itself. */
function deliver(id: number, parts: readonly Uint8Array[], end: boolean): Outcome {
  const outcome: Outcome = { told: 'nothing', bytes: [], isRead: false };
  const there: number[] = [];
  let isLast = false;
  let sink: StreamSink | null = null;
  const quic = {
    isServer: true,
    streamFinished: false,
    streamRead(_id: number, into: Uint8Array): number {
      if (there.length === 0 && !(isLast && end)) return STREAM_BLOCKED;
      const taken = there.splice(0, into.length);
      into.set(taken);
      quic.streamFinished = isLast && end && there.length === 0;
      return taken.length;
    },
    streamStop: () => {
      outcome.told = 'refused';
    },
  };
  const tell = (told: string, bytes: Uint8Array): void => {
    outcome.told = told;
    outcome.bytes.push(...bytes);
  };
  const streams = new PeerStreams(quic as unknown as QuicConnection, {
    setSink: (_id, next) => {
      sink = next;
    },
    removeSink: () => {
      sink = null;
      outcome.isRead = true;
    },
    onRequest: (_id, bytes) => tell('request', bytes),
    onCritical: (_id, type, rest) => {
      tell(`critical ${type}`, rest);
      sink = null;
    },
    onSessionStream: (_id, sessionId, rest) => tell(`of session ${sessionId}`, rest),
    onAbandoned: () => tell('abandoned', new Uint8Array(0)),
  });
  try {
    parts.forEach((part, i) => {
      there.push(...part);
      isLast = i === parts.length - 1;
      if (i === 0) streams.begin(id);
      else sink?.onReadable();
    });
  } catch (error) {
    if (!(error instanceof H3ConnectionError)) throw error;
    return { told: `error ${error.code}`, bytes: [], isRead: true };
  }
  // A refused stream is not read any further.
  if (outcome.told !== 'refused') outcome.bytes.push(...there);
  return outcome;
}

const cut = (bytes: Uint8Array, at: readonly number[]): Uint8Array[] => {
  const marks = [0, ...at.map((mark) => mark % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return marks.slice(1).map((mark, i) => bytes.subarray(marks[i], mark));
};

test('a stream of the peer is the same to whom it goes, and byte for byte, however it is cut', () => {
  const type = fc.oneof(fc.constantFrom(0x00, 0x01, 0x02, 0x03, 0x41, 0x54), fc.nat(2 ** 30));
  const session = fc.oneof(fc.nat(20), fc.nat(2 ** 30));
  const payload = fc.uint8Array({ maxLength: 60 });
  const cuts = fc.array(fc.nat(100), { maxLength: 8 });
  fc.assert(
    fc.property(fc.nat(3), type, session, payload, cuts, fc.boolean(), (n, first, second, rest, at, end) => {
      // Of a client: bit 1 tells that it is unidirectional (RFC 9000 section 2.1).
      const id = n * 2;
      const bytes = Buffer.concat([encodeVarint(first), encodeVarint(second), rest]);
      const whole = deliver(id, [bytes], end);
      assert.notEqual(whole.told, 'nothing');
      assert.deepEqual(deliver(id, cut(bytes, at), end), whole);
    }),
  );
});

test('streams of a session begin with its name, requests are handed over with all that was read', () => {
  const of = (...numbers: number[]) => Buffer.concat(numbers.map((number) => encodeVarint(number)));
  assert.deepEqual(deliver(0, [of(0x41, 8, 1, 2)], false), { told: 'of session 8', bytes: [1, 2], isRead: true });
  assert.deepEqual(deliver(2, [of(0x54, 4)], true), { told: 'of session 4', bytes: [], isRead: true });
  assert.equal(deliver(2, [of(0x54, 5)], false).told, `error ${0x108}`);
  assert.deepEqual(deliver(0, [of(1, 2, 3)], false), { told: 'request', bytes: [1, 2, 3], isRead: true });
  assert.deepEqual(deliver(2, [of(0, 4)], false).told, 'critical 0');
  assert.equal(deliver(2, [of(1, 4)], false).told, `error ${0x103}`, 'a client pushes nothing');
  assert.equal(deliver(2, [of(0x21, 4)], false).told, 'refused');
  assert.deepEqual(deliver(2, [of(0x54)], true), { told: 'nothing', bytes: [], isRead: true }, 'it ends too soon');
});
