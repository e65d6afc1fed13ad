/**
 * What the QUIC layer of ours does for a packet before and beside the engine, against the plain way: where a packet leads,
 * connection IDs, retry tokens, timers of connections, varints. Ratios above 1: ours is that much faster.
 */
import { createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { CidTable } from '../src/quic/cid-table.js';
import { CID_LENGTH, CidCodec } from '../src/quic/connection-id.js';
import { PacketHeader } from '../src/quic/packet-header.js';
import { RetryTokens } from '../src/quic/retry-token.js';
import { TimerHeap } from '../src/quic/timer-heap.js';
import { encodeVarint, readVarint } from '../src/quic/varint.js';
import { type Pair, printRatios, sink } from './support/ratios.js';

const CONNECTIONS = 10_000;

function routing(): Pair {
  const codec = new CidCodec([{ version: 0, key: randomBytes(16) }], { host: 1, shard: 0 });
  const table = new CidTable();
  const map = new Map<string, number>();
  const packets = Array.from({ length: CONNECTIONS }, (_, index) => {
    const id = codec.create();
    table.set(id, index);
    map.set(Buffer.from(id).toString('latin1'), index);
    return Buffer.concat([Uint8Array.of(0x40), id, randomBytes(60)]);
  });
  const header = new PacketHeader();
  let at = 0;
  const next = (): Buffer => {
    at = (at + 7919) % CONNECTIONS;
    return packets[at];
  };
  return {
    name: `a short header to its connection, of ${CONNECTIONS}`,
    ours: () => {
      const packet = next();
      if (header.parse(packet, CID_LENGTH)) sink.sum += table.get(packet, header.dcidAt);
    },
    against: 'a Map of strings',
    baseline: () => {
      sink.sum += map.get(next().toString('latin1', 1, 1 + CID_LENGTH)) ?? 0;
    },
  };
}

function owners(): Pair {
  const key = randomBytes(16);
  const codec = new CidCodec([{ version: 0, key }], { host: 1, shard: 3 });
  const id = codec.create();
  return {
    name: 'the shard that a stray connection ID names',
    ours: () => void codec.decode(id, 0),
    against: 'a new AES context each',
    baseline: () => {
      const cipher = createDecipheriv('aes-128-ecb', key, null).setAutoPadding(false);
      cipher.update(id.subarray(1));
    },
  };
}

function timers(): Pair {
  const heap = new TimerHeap();
  const handles: (NodeJS.Timeout | undefined)[] = new Array(CONNECTIONS).fill(undefined);
  let [now, at] = [0, 0];
  for (let i = 0; i < CONNECTIONS; i++) heap.set(i, 1000 + i);
  return {
    name: `a deadline moves, of ${CONNECTIONS}`,
    ours: () => {
      at = (at + 7919) % CONNECTIONS;
      now += 0.001;
      heap.set(at, now + 2000);
    },
    against: 'clearTimeout and setTimeout',
    baseline: () => {
      at = (at + 7919) % CONNECTIONS;
      clearTimeout(handles[at]);
      handles[at] = setTimeout(() => {}, 3_600_000);
      handles[at]?.unref();
    },
  };
}

function varints(): Pair {
  const bytes = encodeVarint(494_878_333);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return {
    name: 'a varint is read',
    ours: () => {
      sink.sum += readVarint(bytes, 0);
    },
    against: 'by BigInt',
    baseline: () => {
      let value = BigInt(bytes[0] & 0x3f);
      for (let i = 1; i < 1 << (bytes[0] >> 6); i++) value = (value << 8n) | BigInt(view.getUint8(i));
      sink.sum += Number(value);
    },
  };
}

/** What a token costs to check bounds what a flood of Initials with tokens costs. */
function retries(): Pair {
  const key = randomBytes(32);
  const tokens = new RetryTokens([key]);
  const id = randomBytes(CID_LENGTH);
  const token = tokens.issue(id, id, '192.0.2.1', 4433, 1000);
  return {
    name: 'a retry token is checked',
    ours: () => void tokens.verify(token, id, '192.0.2.1', 4433, 1001),
    against: 'HMAC-SHA-256 alone',
    baseline: () => void createHmac('sha256', key).update(token).digest(),
  };
}

const pairs = [routing(), owners(), timers(), varints(), retries()];
await printRatios(pairs);
process.exit();
