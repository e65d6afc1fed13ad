import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressPrefix } from '../../src/quic/address-prefix.js';
import { CidTable } from '../../src/quic/cid-table.js';
import { CID_LENGTH, CidCodec } from '../../src/quic/connection-id.js';
import { GoodputGuard } from '../../src/quic/goodput-guard.js';
import { HandshakeLimiter } from '../../src/quic/handshake-limiter.js';
import { PacketHeader } from '../../src/quic/packet-header.js';
import { RetryTokens } from '../../src/quic/retry-token.js';
import { TimerHeap } from '../../src/quic/timer-heap.js';
import { encodeVarint, readVarint, varintLength } from '../../src/quic/varint.js';
import { fuzzRuns } from '../support/fuzz.js';

test('varints: the examples of RFC 9000 appendix A.1', () => {
  const examples: [string, number][] = [
    ['9d7f3e7d', 494_878_333],
    ['7bbd', 15_293],
    ['25', 37],
    ['4025', 37],
  ];
  for (const [hex, value] of examples) assert.equal(readVarint(Buffer.from(hex, 'hex'), 0), value);
});

test('varints: what is written is read, and never from fewer bytes', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (value) => {
      const bytes = encodeVarint(value);
      assert.equal(bytes.length, varintLength(value));
      assert.equal(readVarint(bytes, 0), value);
      assert.equal(readVarint(bytes, 0, bytes.length - 1), -1);
    }),
  );
});

test('packet header: any bytes are parsed or refused, within the packet', () => {
  const header = new PacketHeader();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (packet) => {
      if (!header.parse(packet, CID_LENGTH)) return;
      assert.ok(header.dcidAt + header.dcidLength <= packet.length);
      if (!header.isLong) return;
      assert.ok(header.scidAt + header.scidLength <= packet.length);
      if (header.isInitial) assert.ok(header.tokenAt + header.tokenLength <= packet.length);
    }),
    { numRuns: fuzzRuns(100_000) },
  );
});

test('connection IDs: lead where they were made for, under old keys too, and noise leads nowhere', () => {
  const [old, current] = [
    { version: 0, key: randomBytes(16) },
    { version: 1, key: randomBytes(16) },
  ];
  fc.assert(
    fc.property(fc.nat(65535), fc.nat(255), (host, shard) => {
      const before = new CidCodec([old], { host, shard }).create();
      const codec = new CidCodec([current, old], { host: 1, shard: 2 });
      assert.deepEqual(codec.decode(before, 0), { host, shard });
      assert.deepEqual(codec.decode(codec.create(), 0), { host: 1, shard: 2 });
    }),
    { numRuns: 200 },
  );
  const codec = new CidCodec([current], { host: 0, shard: 0 });
  for (let i = 0; i < 10_000; i++) assert.equal(codec.decode(randomBytes(CID_LENGTH), 0), null);
});

test('connection IDs: two of one connection share no visible bytes', () => {
  const codec = new CidCodec([{ version: 0, key: randomBytes(16) }], { host: 7, shard: 7 });
  const ids = Array.from({ length: 200 }, () => Buffer.from(codec.create().subarray(1)).toString('hex'));
  assert.equal(new Set(ids).size, 200);
  assert.equal(new Set(ids.map((id) => id.slice(0, 8))).size, 200);
});

test('connection ID table: behaves as a Map through any history', () => {
  const ids = Array.from({ length: 300 }, () => new Uint8Array(randomBytes(CID_LENGTH)));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(2), fc.nat(299), fc.nat(1e6)), { maxLength: 2000 }), (steps) => {
      const table = new CidTable(8);
      const model = new Map<number, number>();
      for (const [action, which, value] of steps) {
        if (action === 0) {
          table.set(ids[which], value);
          model.set(which, value);
        } else if (action === 1) {
          table.delete(ids[which]);
          model.delete(which);
        } else {
          assert.equal(table.get(ids[which], 0), model.get(which) ?? -1);
        }
      }
      assert.equal(table.size, model.size);
    }),
    { numRuns: 200 },
  );
});

test('timer heap: gives every index at its last deadline and in time', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(40), fc.nat(1000)), { maxLength: 300 }), (steps) => {
      const heap = new TimerHeap();
      const model = new Map<number, number>();
      for (const [index, deadline] of steps) {
        heap.set(index, deadline);
        model.set(index, deadline);
      }
      for (let now = 0; now <= 1000; now += 50) {
        assert.ok(heap.next() <= Math.min(...model.values(), Number.POSITIVE_INFINITY));
        const due = new Set<number>();
        for (let index = heap.pop(now); index >= 0; index = heap.pop(now)) due.add(index);
        const expected = new Set([...model].filter(([, deadline]) => deadline <= now).map(([index]) => index));
        assert.deepEqual([...due].sort(), [...expected].sort());
        for (const index of expected) model.delete(index);
      }
    }),
    { numRuns: 300 },
  );
});

test('retry tokens: any change of a byte is noticed', () => {
  const tokens = new RetryTokens([randomBytes(32)]);
  const odcid = randomBytes(18);
  const scid = randomBytes(17);
  const token = tokens.issue(odcid, scid, '192.0.2.1', 443, 1e12);
  assert.deepEqual(tokens.verify(token, scid, '192.0.2.1', 443, 1e12 + 5000), new Uint8Array(odcid));
  for (let at = 0; at < token.length; at++) {
    const changed = token.slice();
    changed[at] ^= 1;
    assert.equal(tokens.verify(changed, scid, '192.0.2.1', 443, 1e12), null);
  }
  assert.equal(tokens.verify(token, scid, '192.0.2.1', 444, 1e12), null);
  assert.equal(tokens.verify(token, randomBytes(17), '192.0.2.1', 443, 1e12), null);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => tokens.verify(bytes, scid, 'x', 1, 1e12) === null),
  );
});

test('address prefixes: /24 and /56, mapped addresses as IPv4', () => {
  assert.equal(addressPrefix('192.0.2.77'), '192.0.2.0/24');
  assert.equal(addressPrefix('::ffff:192.0.2.77'), '192.0.2.0/24');
  assert.equal(addressPrefix('2001:db8:1:2ab:3::1'), '2001:db8:1:200::/56');
  assert.equal(addressPrefix('2001:db8:1:2ff::9'), '2001:db8:1:200::/56');
  assert.equal(addressPrefix('::1'), '0:0:0:0::/56');
  assert.equal(addressPrefix('fe80::1%eth0'), 'fe80:0:0:0::/56');
});

test('handshake limiter: prefixes are counted and forgotten', () => {
  const limiter = new HandshakeLimiter({ retryAbove: 100, max: 100, maxPerPrefix: 2, evictAfterMs: 50 });
  limiter.begin(0, '192.0.2.1', 0);
  limiter.begin(1, '192.0.2.2', 10);
  assert.equal(limiter.judge('192.0.2.3', false, 60), 'refuse-prefix');
  assert.equal(limiter.judge('198.51.100.1', false, 60), 'accept');
  assert.equal(limiter.evictableOfPrefix('192.0.2.3', 40), -1);
  assert.equal(limiter.evictableOfPrefix('192.0.2.3', 50), 0);
  limiter.end(0);
  assert.equal(limiter.judge('192.0.2.3', false, 60), 'accept');
  limiter.end(0);
  assert.equal(limiter.size, 1);
});

test('handshake limiter: handshakes that failed lately count as those in flight, for a while', () => {
  const limiter = new HandshakeLimiter({ retryAbove: 3, max: 100, maxPerPrefix: 100, evictAfterMs: 50 });
  const judged = (now: number, isProven = false): string => limiter.judge('192.0.2.1', isProven, now);
  for (const index of [0, 1, 2, 3]) {
    limiter.begin(index, '192.0.2.1', 1000);
    if (index === 3) limiter.end(index);
    limiter.gone(index, 1000);
  }
  assert.equal(limiter.size, 0);
  assert.equal(judged(1000), 'retry', 'three failed, the fourth did not');
  assert.equal(judged(1000, true), 'accept');
  assert.equal(judged(1100), 'accept');
  limiter.begin(4, '192.0.2.1', 1100);
  assert.equal(judged(1100), 'retry', 'with one in flight');
  assert.equal(judged(3000), 'accept');
});

test('handshake limiter: a prefix whose handshakes fail is refused for a while, proven or not', () => {
  const limiter = new HandshakeLimiter({ retryAbove: 100, max: 100, maxPerPrefix: 2, evictAfterMs: 50 });
  for (const index of [0, 1]) {
    limiter.begin(index, '192.0.2.1', 1000);
    limiter.gone(index, 1000);
  }
  assert.equal(limiter.judge('192.0.2.99', true, 1000), 'refuse-failing');
  assert.equal(limiter.judge('198.51.100.1', true, 1000), 'accept');
  assert.equal(limiter.judge('192.0.2.99', true, 2000), 'accept');
});

test('goodput guard: useful traffic passes for ever, waste ends after its strikes', () => {
  const limits = { freeBytesPerSecond: 1000, minRatio: 0.1, strikes: 3 };
  const good = new GoodputGuard(limits);
  const bad = new GoodputGuard(limits);
  let endedAt = -1;
  for (let second = 0; second < 20; second++) {
    good.addUseful(5000);
    assert.equal(good.addWire(10_000, second * 1000), false);
    if (bad.addWire(10_000, second * 1000) && endedAt < 0) endedAt = second;
  }
  assert.equal(endedAt, 3);
});
