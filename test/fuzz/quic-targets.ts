import assert from 'node:assert/strict';
import { CID_LENGTH, CidCodec } from '../../src/quic/connection-id.js';
import { MIN_INITIAL_SIZE, PacketHeader, versionNegotiation } from '../../src/quic/packet-header.js';
import { RetryTokens } from '../../src/quic/retry-token.js';
import { encodeVarint, readVarint } from '../../src/quic/varint.js';
import type { FuzzTarget } from './target.js';

const codec = new CidCodec([{ version: 1, key: Buffer.alloc(16, 7) }], { host: 3, shard: 2 });
const tokens = new RetryTokens([Buffer.alloc(32, 9)]);
const NOW = 1_800_000_000_000;
const id = Uint8Array.from({ length: 8 }, (_, i) => i);
const token = tokens.issue(id, id, '192.0.2.1', 4433, NOW);

function initial(withToken: Uint8Array): Uint8Array {
  const packet = new Uint8Array(MIN_INITIAL_SIZE);
  const head = [Uint8Array.of(0xc3, 0, 0, 0, 1, id.length), id, Uint8Array.of(id.length), id];
  packet.set(Buffer.concat([...head, encodeVarint(withToken.length), withToken, encodeVarint(1100)]));
  return packet;
}

const header = new PacketHeader();

/** Long and short headers (RFC 8999, RFC 9000 section 17), the IDs and tokens in them, and what is answered to versions. */
export const packets: FuzzTarget = {
  name: 'quic-packets',
  seeds: [
    initial(token),
    initial(new Uint8Array(0)),
    Buffer.concat([Uint8Array.of(0x41), codec.create(), Buffer.alloc(40, 1)]),
    Uint8Array.of(0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 3, 1, 2, 3, 2, 4, 5, 0, 0),
  ],
  run(packet) {
    if (!header.parse(packet, CID_LENGTH)) return;
    const { dcidAt, dcidLength, scidAt, scidLength, tokenAt, tokenLength } = header;
    assert.ok(dcidAt + dcidLength <= packet.length);
    const route = codec.decode(packet, dcidAt);
    if (route !== null) assert.ok(route.host <= 0xffff && route.shard <= 0xff);
    if (!header.isLong) return;
    assert.ok(scidAt + scidLength <= packet.length);
    const answer = versionNegotiation(packet, header, 5);
    assert.deepEqual([...answer.subarray(6, 6 + scidLength)], [...packet.subarray(scidAt, scidAt + scidLength)]);
    if (!header.isInitial) return;
    assert.ok(tokenAt + tokenLength <= packet.length);
    const shown = packet.subarray(tokenAt, tokenAt + tokenLength);
    const original = tokens.verify(shown, packet.subarray(dcidAt, dcidAt + dcidLength), '192.0.2.1', 4433, NOW);
    if (original !== null) assert.deepEqual([...shown], [...token], 'only what was issued is taken');
  },
};

/** RFC 9000 section 16. */
export const varints: FuzzTarget = {
  name: 'varints',
  seeds: [5, 300, 70_000, 5_000_000_000].map((value) => encodeVarint(value)),
  run(bytes) {
    for (let at = 0; at < bytes.length; at++) {
      const value = readVarint(bytes, at);
      const length = 1 << (bytes[at] >> 6);
      assert.equal(value < 0, at + length > bytes.length || value === -1);
      if (value < 0) continue;
      assert.ok(Number.isSafeInteger(value) || length === 8);
      if (Number.isSafeInteger(value)) assert.equal(readVarint(encodeVarint(value), 0), value);
    }
  },
};
