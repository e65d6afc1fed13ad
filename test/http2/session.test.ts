import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Capsule } from '../../src/http2/capsule.js';
import { CapsuleFraming } from '../../src/http2/capsule-framing.js';
import type { SessionChannel } from '../../src/http2/channel.js';
import { NO_LIMITS, type PeerLimits } from '../../src/http2/peer-limits.js';
import { TcpSession } from '../../src/http2/session.js';
import type { TcpSessionError } from '../../src/http2/session-error.js';
import type { TcpStream } from '../../src/http2/stream.js';
import { encodeCloseValue } from '../../src/http3/capsule-reader.js';
import { type SessionClose, type SessionHandler, SILENT_SESSION } from '../../src/http3/session.js';
import { SILENT_STREAM } from '../../src/http3/stream.js';
import { encodeVarint } from '../../src/quic/varint.js';
import { FramingRecorder } from '../support/framing.js';
import { fuzzRuns } from '../support/fuzz.js';

const LIMITS: PeerLimits = { data: 2000, streamDataUni: 1000, streamDataBidi: 1000, streamsUni: 4, streamsBidi: 4 };
const NOTHING = new Uint8Array(0);
/** IDs as the library gives them: odd for the client's, 2 for one way. */
const BIDI = 1;
const UNI = 3;

/** A client that writes and reads capsules, joined to a session by a channel that can be full. */
class Joined implements SessionChannel {
  readonly heard = new FramingRecorder();
  readonly closes: SessionClose[] = [];
  readonly streams: TcpStream[] = [];
  readonly session: TcpSession;
  readonly told: string[] = [];
  /** Each capsule as it was written. */
  readonly written: Uint8Array[] = [];
  isFull = false;
  readonly #framing = new CapsuleFraming(this.heard);

  constructor(
    handler: Partial<SessionHandler> = {},
    own: Partial<PeerLimits> = {},
    peer: Partial<PeerLimits> = {},
    announces = false,
  ) {
    this.session = new TcpSession(this, (events) => new CapsuleFraming(events), {
      own: { ...LIMITS, ...own },
      peer: { ...LIMITS, ...peer },
      announces,
    });
    this.session.handler = {
      ...SILENT_SESSION,
      onStream: (stream) => void this.streams.push(stream as unknown as TcpStream),
      onClosed: (close) => void this.closes.push(close),
      ...handler,
    };
    this.session.accept();
  }

  accept(): void {
    this.told.push('accept');
  }

  reject(status: number): void {
    this.told.push(`reject ${status}`);
  }

  write(bytes: Uint8Array): boolean {
    this.written.push(bytes.slice());
    this.#framing.push(bytes);
    return !this.isFull;
  }

  end(): void {
    this.told.push('end');
  }

  abort({ fault }: TcpSessionError): void {
    this.told.push(`abort ${fault}`);
  }

  /** The client sends a capsule. */
  send(type: number, fields: readonly number[], payload: Uint8Array = NOTHING): void {
    this.session.receive(this.#framing.encode(type, fields, payload));
  }

  /** What the client has heard of this type since it was asked last. */
  capsules(type: number): number[][] {
    const { found } = this.heard;
    const values = (found as [string, number, number[]][]).filter(([what, of]) => what === 'capsule' && of === type);
    this.heard.found.length = 0;
    return values.map(([, , value]) => value);
  }
}

function readAll(stream: TcpStream): number {
  const into = new Uint8Array(64);
  let sum = 0;
  for (;;) {
    const length = stream.read(into);
    if (length <= 0) return sum;
    sum += length;
  }
}

test('datagrams and streams go both ways', () => {
  const datagrams: string[] = [];
  const joined = new Joined({
    onDatagram: (bytes, start, end) => {
      datagrams.push(Buffer.from(bytes.subarray(start, end)).toString());
      joined.session.sendDatagramInPlace(bytes, start, end);
    },
  });
  joined.send(Capsule.DATAGRAM, [], Buffer.from('ping'));
  assert.deepEqual(datagrams, ['ping']);
  joined.send(Capsule.STREAM_FIN, [BIDI], Buffer.from('hello'));
  const [stream] = joined.streams;
  const into = new Uint8Array(10);
  assert.equal(stream.read(into), 5);
  assert.equal(stream.finished, true);
  assert.equal(stream.write(into.subarray(0, 5), true), 5);
  const ours = joined.session.openStream(false);
  ours?.write(Buffer.from('news'), true);
  assert.deepEqual(joined.heard.found, [
    ['capsule', Capsule.DATAGRAM, [...Buffer.from('ping')]],
    ['stream', BIDI, [...Buffer.from('hello')]],
    ['end', BIDI],
    ['stream', 2, [...Buffer.from('news')]],
    ['end', 2],
  ]);
  assert.equal(joined.session.sendDatagram(new Uint8Array(16385)), 'too-big');
});

test('an end is in a capsule that the library takes in one piece, however much is before it', () => {
  const fin = Buffer.from(encodeVarint(Capsule.STREAM_FIN));
  for (const length of [0, 1, 48, 49, 64, 1000, 40_000]) {
    const joined = new Joined({}, {}, { data: 1e6, streamDataUni: 1e6 });
    const stream = joined.session.openStream(false);
    assert.equal(stream?.write(new Uint8Array(length), true), length);
    const ends = joined.written.filter((capsule) => fin.equals(capsule.subarray(0, fin.length)));
    assert.equal(ends.length, 1);
    assert.ok(ends[0].length <= fin.length + 1 + 64, `${ends[0].length} bytes behind ${length}`);
    const came = (joined.heard.found as [string, number, number[]][]).flatMap(([what, , bytes]) =>
      what === 'stream' ? bytes : [],
    );
    assert.equal(came.length, length);
    assert.deepEqual(joined.heard.found.at(-1), ['end', 2]);
  }
});

test('the client’s peer never gets stream 0, of which the library loses pieces', () => {
  const joined = new Joined({}, {}, { streamsBidi: 3 });
  const ids = [1, 2, 3].map(() => joined.session.openStream(true)?.id);
  assert.deepEqual(ids, [4, 8, undefined]);
  joined.send(Capsule.MAX_STREAMS_BIDI, [4]);
  assert.equal(joined.session.openStream(true)?.id, 12);
});

test('streams that are over make room for others, without end; more at once are one too many', () => {
  const joined = new Joined();
  let limit = LIMITS.streamsBidi;
  for (let i = 0; i < 1000; i++) {
    assert.ok(i < limit, `stream ${i} is not allowed`);
    joined.send(Capsule.STREAM_FIN, [BIDI + 4 * i]);
    const stream = joined.streams[i];
    assert.equal(stream.read(new Uint8Array(1)), 0);
    stream.write(NOTHING, true);
    for (const [high, low] of joined.capsules(Capsule.MAX_STREAMS_BIDI)) {
      limit = low === undefined ? high : (high & 0x3f) * 256 + low;
    }
  }
  joined.send(Capsule.STREAM, [BIDI + 4 * limit]);
  assert.deepEqual(joined.told.slice(1), ['abort flow-control']);
  assert.equal(joined.closes[0].cause, 'malformed');
});

test('streams below one that was opened may come later; what is over stays over', () => {
  const joined = new Joined();
  joined.send(Capsule.STREAM, [UNI + 8], Buffer.from('third'));
  joined.send(Capsule.STREAM_FIN, [UNI], Buffer.from('first'));
  assert.deepEqual(
    joined.streams.map(({ id }) => id),
    [UNI + 8, UNI],
  );
  assert.equal(readAll(joined.streams[1]), 5);
  joined.send(Capsule.STREAM, [UNI], Buffer.from('again'));
  joined.send(Capsule.RESET_STREAM, [UNI, 1]);
  assert.equal(joined.streams.length, 2);
  // Nobody will read those bytes: they hold no room.
  assert.equal(joined.session.unread, 5);
});

test('what is not read takes credit, of its stream and of the session', () => {
  const joined = new Joined();
  joined.send(Capsule.STREAM, [UNI], new Uint8Array(1000));
  joined.send(Capsule.STREAM, [UNI + 4], new Uint8Array(900));
  assert.equal(joined.session.unread, 1900);
  assert.equal(readAll(joined.streams[0]), 1000);
  assert.equal(joined.session.unread, 900);
  // A window more than was read, once half of it was: 1,512 for the stream, 3,000 for the session.
  assert.deepEqual(joined.heard.found, [
    ['capsule', Capsule.MAX_STREAM_DATA, [UNI, 0x45, 0xe8]],
    ['capsule', Capsule.MAX_DATA, [0x4b, 0xb8]],
  ]);
  joined.send(Capsule.STREAM, [UNI + 4], new Uint8Array(101));
  assert.deepEqual(joined.told.slice(1), ['abort flow-control']);
});

test('more than the session may send ends it', () => {
  const joined = new Joined({}, { streamDataUni: 10_000 });
  joined.send(Capsule.STREAM, [UNI], new Uint8Array(2001));
  assert.deepEqual(joined.told.slice(1), ['abort flow-control']);
});

test('a stream is written as far as the client grants, and goes on where it grants more', () => {
  const joined = new Joined({}, {}, { streamDataBidi: 10, data: 15 });
  joined.send(Capsule.STREAM, [BIDI]);
  joined.send(Capsule.STREAM, [BIDI + 4]);
  const [first, second] = joined.streams;
  const writable: number[] = [];
  for (const stream of joined.streams) {
    stream.handler = { ...SILENT_STREAM, onWritable: () => void writable.push(stream.id) };
  }
  assert.equal(first.write(new Uint8Array(20), true), 10);
  assert.equal(second.write(new Uint8Array(20), true), 5);
  joined.send(Capsule.MAX_STREAM_DATA, [BIDI, 30]);
  assert.deepEqual(writable, [BIDI]);
  assert.equal(first.write(new Uint8Array(10), true), 0, 'the session grants no more');
  joined.send(Capsule.MAX_DATA, [17]);
  assert.equal(second.write(new Uint8Array(15), true), 2);
  assert.equal(first.write(new Uint8Array(10), true), 0);
  // A limit that is lower than it was is none.
  joined.send(Capsule.MAX_DATA, [1]);
  joined.send(Capsule.MAX_DATA, [1000]);
  assert.equal(first.write(new Uint8Array(10), true), 10);
  assert.deepEqual(joined.heard.found.at(-1), ['end', BIDI]);
});

test('where the channel is full datagrams are not taken, and streams wait for it, their ends too', () => {
  const joined = new Joined();
  joined.send(Capsule.STREAM, [BIDI]);
  const [stream] = joined.streams;
  let writable = 0;
  stream.handler = { ...SILENT_STREAM, onWritable: () => void writable++ };
  joined.isFull = true;
  assert.equal(stream.write(new Uint8Array(10), false), 10);
  assert.equal(joined.session.sendDatagram(new Uint8Array(1)), 'queue-full');
  assert.equal(stream.write(NOTHING, true), 0);
  assert.equal(stream.isWriteDone, false);
  joined.isFull = false;
  joined.session.drained();
  assert.equal(writable, 1);
  stream.write(NOTHING, true);
  assert.equal(stream.isWriteDone, true);
});

test('resets and stops, of both sides', () => {
  const heard: string[] = [];
  const joined = new Joined();
  for (const id of [BIDI, BIDI + 4]) joined.send(Capsule.STREAM, [id], new Uint8Array(100));
  for (const stream of joined.streams) {
    stream.handler = {
      ...SILENT_STREAM,
      onReset: (code) => void heard.push(`${stream.id} reset ${code}`),
      onStopSending: (code) => void heard.push(`${stream.id} stopped ${code}`),
    };
  }
  joined.send(Capsule.RESET_STREAM, [BIDI, 7]);
  joined.send(Capsule.STOP_SENDING, [BIDI, 8]);
  assert.deepEqual(heard, [`${BIDI} reset 7`, `${BIDI} stopped 8`]);
  assert.equal(joined.session.unread, 100);
  const [, second] = joined.streams;
  second.stopSending(300);
  second.reset(4);
  assert.equal(joined.session.unread, 0);
  assert.deepEqual(joined.heard.found, [
    // RFC 9000 section 3.5: a stop is answered by a reset.
    ['capsule', Capsule.RESET_STREAM, [BIDI, 8]],
    ['capsule', Capsule.STOP_SENDING, [BIDI + 4, 0x41, 0x2c]],
    ['capsule', Capsule.RESET_STREAM, [BIDI + 4, 4]],
    ['capsule', Capsule.MAX_STREAMS_BIDI, [6]],
  ]);
  joined.send(Capsule.STREAM, [BIDI + 4], new Uint8Array(50));
  assert.equal(joined.session.unread, 0);
});

test('a stream that is reset before it carried anything is told of as such', () => {
  let abandoned = 0;
  const joined = new Joined({ onStreamAbandoned: () => void abandoned++ });
  joined.send(Capsule.RESET_STREAM, [BIDI, 7]);
  assert.equal(abandoned, 1);
  assert.equal(joined.streams.length, 0);
});

for (const { what, run } of [
  { what: 'data behind the end', run: (one: Joined) => one.send(Capsule.STREAM, [UNI], Uint8Array.of(1)) },
  { what: 'data for a stream of ours that never was', run: (one: Joined) => one.send(Capsule.STREAM, [8]) },
  { what: 'data for a stream of ours that goes one way', run: (one: Joined) => one.send(Capsule.STREAM, [2]) },
  {
    what: 'a capsule that ends within a number',
    run: (one: Joined) => one.send(Capsule.MAX_DATA, [], Uint8Array.of(0x40)),
  },
  { what: 'a close without a code', run: (one: Joined) => one.send(Capsule.CLOSE_SESSION, [], Uint8Array.of(1)) },
]) {
  test(`${what} ends the session`, () => {
    const joined = new Joined();
    joined.session.openStream(false);
    joined.send(Capsule.STREAM_FIN, [UNI], Uint8Array.of(1));
    run(joined);
    assert.deepEqual(joined.told, ['accept', 'abort protocol']);
    assert.equal(joined.closes.length, 1);
    joined.session.receive(new Uint8Array(100));
    joined.session.lost('gone');
    assert.equal(joined.closes.length, 1);
  });
}

test('closes of both sides carry code and reason, and an end without a word is code 0', () => {
  const ours = new Joined();
  ours.session.close(7, 'enough');
  assert.deepEqual(ours.heard.found, [['capsule', Capsule.CLOSE_SESSION, [...encodeCloseValue(7, 'enough')]]]);
  assert.deepEqual(ours.told, ['accept', 'end']);
  assert.deepEqual(ours.closes, [{ code: 7, reason: 'enough', by: 'local', clean: true }]);

  const theirs = new Joined();
  theirs.send(Capsule.CLOSE_SESSION, [], encodeCloseValue(8, 'bye'));
  assert.deepEqual(theirs.closes, [{ code: 8, reason: 'bye', by: 'peer', clean: true }]);
  assert.deepEqual(theirs.told, ['accept', 'end']);

  const silent = new Joined();
  silent.session.ended();
  assert.deepEqual(silent.closes, [{ code: 0, reason: '', by: 'peer', clean: true }]);

  const lost = new Joined();
  lost.session.lost('gone');
  assert.deepEqual(lost.closes, [{ code: 0, reason: 'gone', by: 'connection', clean: false }]);
});

test('streams of ours wait for the client to allow them', () => {
  let available = 0;
  const joined = new Joined({ onStreamsAvailable: () => void available++ }, {}, { streamsUni: 1 });
  assert.ok(joined.session.openStream(false));
  assert.equal(joined.session.openStream(false), null);
  joined.send(Capsule.MAX_STREAMS_UNI, [1]);
  assert.equal(available, 0);
  joined.send(Capsule.MAX_STREAMS_UNI, [2]);
  assert.equal(available, 1);
  assert.equal(joined.session.openStream(false)?.id, 6);
});

test('a client without SETTINGS is told what it may do', () => {
  const joined = new Joined({}, {}, NO_LIMITS, true);
  joined.send(Capsule.STREAM, [BIDI]);
  assert.deepEqual(joined.heard.found, [
    ['capsule', Capsule.MAX_DATA, [0x47, 0xd0]],
    ['capsule', Capsule.MAX_STREAMS_BIDI, [4]],
    ['capsule', Capsule.MAX_STREAMS_UNI, [4]],
    ['capsule', Capsule.MAX_STREAM_DATA, [BIDI, 0x43, 0xe8]],
  ]);
});

test('a stream is read as it was sent, however it comes, is read, paused and resumed', async () => {
  const step = fc.oneof(
    fc.record({ send: fc.nat(3000) }),
    fc.record({ read: fc.integer({ min: 1, max: 4000 }) }),
    fc.record({ paused: fc.boolean() }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.boolean(), async (steps, readsAtOnce) => {
      const joined = new Joined({}, { data: 1e6, streamDataUni: 1e6 });
      joined.send(Capsule.STREAM, [UNI]);
      const [stream] = joined.streams;
      let [sent, seen, told] = [0, 0, 0];
      let isPaused = false;
      const read = (most: number): void => {
        const into = new Uint8Array(most);
        const length = stream.read(into);
        for (let i = 0; i < length; i++) assert.equal(into[i], seen++ % 251);
      };
      stream.handler = {
        ...SILENT_STREAM,
        onReadable: () => {
          told++;
          if (readsAtOnce) read(1000);
        },
      };
      for (const one of steps) {
        if ('send' in one) {
          joined.send(
            Capsule.STREAM,
            [UNI],
            Uint8Array.from({ length: one.send }, (_, i) => (sent + i) % 251),
          );
          sent += one.send;
        } else if ('read' in one) {
          read(one.read);
        } else if (one.paused) {
          stream.pause();
          isPaused = true;
        } else {
          const toldAgain: number = told + (isPaused && sent > seen ? 1 : 0);
          isPaused = false;
          stream.resume();
          await Promise.resolve();
          assert.equal(told, toldAgain);
        }
        assert.equal(joined.session.unread, sent - seen);
      }
      stream.resume();
      joined.send(Capsule.STREAM_FIN, [UNI]);
      while (!stream.finished) read(500);
      assert.equal(seen, sent);
      assert.equal(joined.session.unread, 0);
    }),
    { numRuns: fuzzRuns(200) },
  );
});
